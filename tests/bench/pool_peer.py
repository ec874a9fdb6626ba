#!/usr/bin/python3
"""multiprocessing.Pool, as a peer.

    pool_peer.py map TOTAL CHUNK|0      prints jobs, seconds
    pool_peer.py async TOTAL            apply_async with callbacks, the same
    pool_peer.py apply TOTAL            one call at a time: microseconds each
    pool_peer.py memory WORKERS COUNT   a list that all of them read: the Pss
                                        and the private memory of all, in KiB
"""
import multiprocessing
import pathlib
import sys
import threading
import time

VALUES = None


def nothing(value):
    return value


def fill(count):
    global VALUES
    VALUES = [float(i) for i in range(count)]


def total(_):
    time.sleep(0.05)            # so that every worker gets one
    return sum(VALUES)


def report(jobs, began):
    print(jobs, '%.6f' % (time.perf_counter() - began))


def run_map(jobs, chunk):
    with multiprocessing.Pool(2) as pool:
        pool.map(nothing, range(100), 1)
        began = time.perf_counter()
        pool.map(nothing, range(jobs), chunk or None)
        report(jobs, began)


def run_async(jobs):
    done, window = threading.Event(), threading.Semaphore(1000)
    left = [jobs]

    def ended(_):
        window.release()
        left[0] -= 1
        if not left[0]:
            done.set()

    with multiprocessing.Pool(2) as pool:
        pool.map(nothing, range(100), 1)
        began = time.perf_counter()
        for i in range(jobs):
            window.acquire()
            pool.apply_async(nothing, (i,), callback=ended)
        done.wait()
        report(jobs, began)


def run_apply(calls):
    with multiprocessing.Pool(2) as pool:
        pool.map(nothing, range(100), 1)
        for i in range(calls):
            began = time.perf_counter()
            pool.apply(nothing, (i,))
            print('%.1f' % ((time.perf_counter() - began) * 1e6))


def memory(pid):
    lines = pathlib.Path('/proc/%d/smaps_rollup' % pid).read_text()
    found = {line.split(':')[0]: int(line.split()[1])
             for line in lines.splitlines()[1:]}
    return found['Pss'], found['Private_Clean'] + found['Private_Dirty']


def run_memory(workers, count):
    fill(count)
    with multiprocessing.Pool(workers) as pool:
        pool.map(total, range(workers * 4), 1)
        each = [memory(process.pid) for process in pool._pool]
        print(*(sum(column) for column in zip(*each)))


if __name__ == '__main__':
    {'map': run_map, 'async': run_async, 'apply': run_apply,
     'memory': run_memory}[sys.argv[1]](*map(int, sys.argv[2:]))
