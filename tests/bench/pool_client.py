#!/usr/bin/python3
"""reeve's Python library, as multiprocessing.Pool is used.

    pool_client.py async|map TOTAL      prints jobs, seconds
"""
import sys
import threading
import time

import reeve


def run_async(pool, jobs):
    done, window = threading.Event(), threading.Semaphore(1000)
    left = [jobs]

    def ended(_):
        window.release()
        left[0] -= 1
        if not left[0]:
            done.set()

    for i in range(jobs):
        window.acquire()
        pool.apply_async('pynoop', (i,), callback=ended, error_callback=ended)
    done.wait()


def run_map(pool, jobs):
    pool.map('pynoop', range(jobs))


if __name__ == '__main__':
    how, jobs = sys.argv[1], int(sys.argv[2])
    with reeve.Pool() as pool:
        pool.map('pynoop', range(100))
        began = time.perf_counter()
        {'async': run_async, 'map': run_map}[how](pool, jobs)
        print(jobs, '%.6f' % (time.perf_counter() - began))
