"""The section `http` of run: requests to a server of its own, beside what the
same requests take one after the other, and a bare loop of asyncio."""
import asyncio
import contextlib
import pathlib
import statistics
import subprocess
import sys
import time

import proc
from story import Story

SERVER = (pathlib.Path(__file__).resolve().parents[1] / 'helper' /
          'http_server.py')


@contextlib.contextmanager
def daemon(build):
    """A fresh daemon whose one worker of http has made a request."""
    it = Story(str(build / 'daemon/reeved'), str(build / 'client/reeve'))
    try:
        it.start(workers=1)
        yield it
    finally:
        it.clean()


@contextlib.contextmanager
def server():
    process = subprocess.Popen([sys.executable, str(SERVER)], text=True,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.wait()


def requests(it, url, count):
    """Seconds from the submission until the last end is on disk and told."""
    jobs = [{'handler': 'http', 'args': {'url': url}}] * count
    began = time.monotonic()
    ids = it.c.call('SubmitMany', jobs=jobs)['ids']
    reply = it.c.call('Wait', ids=ids, wait_ms=60000, timeout=70)
    took = time.monotonic() - began
    assert {job['state'] for job in reply['jobs']} == {'succeeded'}
    return took


def bare(url, count):
    """The same requests by hand: what the server and the machine can do."""
    host, port = url.split('/')[2].split(':')
    line = ('GET /%s HTTP/1.1\r\nHost: %s\r\n\r\n' % (
        url.split('/', 3)[3], host)).encode()

    async def one():
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(line)
        await reader.readuntil(b'\r\n\r\nslept')
        writer.close()

    async def all_of_them():
        await asyncio.gather(*[one() for _ in range(count)])
    began = time.monotonic()
    asyncio.run(all_of_them())
    return time.monotonic() - began


def http(add, build, rounds, scale):
    count = max(int(1000 * scale), 10)
    for ms in (100, 0):
        took, beside = [], []
        for _ in range(rounds):
            with daemon(build) as it, server() as url:
                path = '%s/sleep/%d' % (url, ms)
                requests(it, path, 1)
                took.append(requests(it, path, count))
                pids = it.role('http')
                assert len(pids) == 1, pids
                kib = proc.memory_kib(pids[0])
                beside.append(bare(path, count))
        add('http', '%d requests of %d ms, one worker' % (count, ms),
            statistics.median(took), 's',
            {'asyncio without a daemon': statistics.median(beside),
             'one after the other': count * ms / 1000})
    add('http', 'resident memory of that worker', kib / 1024, 'MB')
