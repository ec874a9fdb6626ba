#!/usr/bin/python3
"""A consumer: jobs of the handler `square`, which no pool needs to serve.

    squares.py [JOBS]       ends after so many, else with SIGTERM

Give it work with: reeve call square n:=12
"""
import signal
import sys
import threading

import reeve

EXTEND = 20  # seconds, well within the lease


def square(n):
    return n * n


def hold(consumer, ended):
    """Holds on to what is in hand while it is worked on."""
    while not ended.wait(EXTEND):
        consumer.extend()


def main(most):
    ended = threading.Event()
    with reeve.Consumer('square', lease=60) as consumer:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: consumer.stop())
        holder = threading.Thread(target=hold, args=(consumer, ended))
        holder.start()
        try:
            for count, job in enumerate(consumer, 1):
                try:
                    consumer.ack(job, job.apply(square))
                except (TypeError, ValueError) as error:
                    # Another try would end the same way.
                    consumer.fail(job, error, bury=True)
                if count == most:
                    break
        finally:
            ended.set()
            holder.join()


if __name__ == '__main__':
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
