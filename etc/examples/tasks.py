#!/usr/bin/python3
"""The worker of ten_tasks.py. In reeve.yaml:

    pools:
      tasks:
        kind: worker
        run: [/usr/bin/python3, -m, reeve.worker, /path/to/tasks.py]
        handles: [task]
        workers: 3
"""
import os
import time

from reeve import handler


@handler
def task(n):
    time.sleep(0.1)
    if n > 5:
        raise ValueError('%d is more than 5' % n)
    return {'n': n, 'square': n * n, 'pid': os.getpid()}
