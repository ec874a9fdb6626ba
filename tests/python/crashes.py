"""The worker of handlers.py, which kills itself where REEVE_TEST_CRASH says.

The SDK has no such points: they are put around its functions here.
"""
import os
import signal

import handlers  # noqa: F401
from reeve import _desk, _run
from reeve.worker import main

WHEN = os.environ['REEVE_TEST_CRASH']


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def before(owner, name, fact=lambda *_: True):
    real = getattr(owner, name)

    def wrapped(self, *args):
        if fact(self, *args):
            die()
        return real(self, *args)
    setattr(owner, name, wrapped)


def after(owner, name, fact=lambda *_: True):
    real = getattr(owner, name)

    def wrapped(self, *args):
        value = real(self, *args)
        if fact(self, *args):
            die()
        return value
    setattr(owner, name, wrapped)


if WHEN == 'receive':
    after(_desk.Desk, 'receive', lambda desk: desk.queue)
elif WHEN == 'start':
    before(_run.Worker, 'execute')
elif WHEN == 'middle':
    before(_run.Worker, '_guard')
elif WHEN == 'result':
    after(_desk.Desk, 'finish')
elif WHEN == 'idle':
    before(_run.Worker, '_wait', lambda worker, _: (
        not worker.desk.queue and worker.desk.results))

main()
