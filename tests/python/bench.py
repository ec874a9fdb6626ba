#!/usr/bin/python3
"""How many no-op jobs a second one worker of the SDK does: a report.

    bench.py [JOBS]

The other side is broker.py; the lines of the jobs are made beforehand.
"""
import json
import statistics
import sys
import time

import broker

ROUNDS = 3


def rate(jobs, credit):
    it = broker.Broker()
    try:
        _, link, _ = it.worker()
        lines = [json.dumps(it.job('noop', {})).encode() + b'\n'
                 for _ in range(jobs)]
        sent = got = settled = 0
        began = time.perf_counter()
        while got < jobs:
            if sent - got <= credit // 2 and sent < jobs:
                count = min(credit - (sent - got), jobs - sent)
                data = b''.join(lines[sent:sent + count])
                if got > settled:
                    data = b'{"settled":%s}\n' % json.dumps(list(range(
                        1001 + settled, 1001 + got))).encode() + data
                    settled = got
                link.socket.sendall(data)
                sent += count
            data = link.socket.recv(1 << 20)
            assert data, 'the worker ended'
            got += data.count(b'\n')
        return jobs / (time.perf_counter() - began)
    finally:
        it.clean()


if __name__ == '__main__':
    COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 200000
    for CREDIT in (1, 2, 16, 64, 256):
        print('%3d ahead: %7.0f jobs/s' % (CREDIT, statistics.median(
            rate(COUNT if CREDIT > 8 else COUNT // 10, CREDIT)
            for _ in range(ROUNDS))), flush=True)
