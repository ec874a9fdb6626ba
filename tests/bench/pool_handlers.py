"""Handlers for the benchmarks: `pynoop` does nothing; `pysum` reads an array of
doubles, and `pylist` a list of floats, that were filled before the workers."""
import array
import os
import time

from reeve.worker import handler

COUNT = int(os.environ.get('BENCH_COUNT', '0'))
ARRAY = array.array('d', range(COUNT))
LIST = [float(i) for i in range(COUNT)]


@handler
def pynoop(value=None):
    return value


@handler
def pysum():
    time.sleep(0.05)            # so that every worker gets one
    return sum(ARRAY)


@handler
def pylist():
    time.sleep(0.05)
    return sum(LIST)


@handler
def pyburn(count):
    total = 0
    for i in range(count):
        total += i * i % 7
    return total
