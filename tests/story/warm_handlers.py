"""Handlers for the stories of warm workers: those of warm_plugin.c in Python.

    warm_handlers.py FOLDER

As there: FOLDER/preloads, FOLDER/inits, and the files that make them fail.
"""
import ctypes
import os
import pathlib
import signal
import sys
import time

from reeve import _desk, _run
from reeve.worker import handler, init, main, preload

FOLDER = pathlib.Path(sys.argv[1])


def append(path, line):
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(fd, line.encode())
    os.close(fd)


def goes(name):
    append(FOLDER / (name + 's'), '%.3f\n' % time.monotonic())
    if (FOLDER / ('no-' + name)).exists():
        raise RuntimeError('no %s today' % name)


@preload
def load():
    goes('preload')


@init
def begin():
    goes('init')


@handler
def echo(**args):
    return args


@handler
def who():
    return os.getpid()


@handler
def mark(path, word, ms=0, *, ctx):
    append(path, '%s %d\n' % (word, ctx.attempt))
    time.sleep(ms / 1000)
    return os.getpid()


@handler
def nap(ms):
    time.sleep(ms / 1000)
    return os.getpid()


@handler
def steps(n, ms, *, ctx):
    for i in range(1, n + 1):
        ctx.progress(i / n, '%d/%d' % (i, n))
        time.sleep(ms / 1000)
    return n


@handler
def deaf(ms):
    # Without a moment in which Python could do anything else.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    ctypes.PyDLL(None).usleep(ms * 1000)


@handler
def leave(code):
    os._exit(code)


@handler
def aborts():
    os.abort()


@handler
def square(i, poison):
    if i == poison:
        os.abort()
    return i * i


@handler
def interrupt():
    os.kill(os.getpid(), signal.SIGINT)
    return os.getpid()


@handler
def no_json():
    return {1, 2}


@handler
def huge(bytes):
    return 'x' * (bytes - 2)


@handler
def prints(lines):
    for i in range(lines, 0, -1):
        print('{"done":%d,"token":1}' % i)
    return os.getpid()


@handler
def breed():
    for i in range(2):
        if os.fork():
            continue
        if i == 1:
            os.setsid()
            if os.fork():
                os._exit(0)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            time.sleep(60)
    return os.getpid()


# -- where REEVE_TEST_CRASH of the workers in C is looked at

wanted = [None, 0]


def passes(name, fact=True):
    if fact and name == wanted[0]:
        wanted[1] -= 1
        if wanted[1] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


@handler
def arm(at):
    name, _, turn = at.partition(':')
    wanted[:] = name, int(turn or 1)
    return os.getpid()


def around(owner, name, before=None, after=None):
    real = getattr(owner, name)

    def wrapped(self, *args):
        if before:
            before(self)
        value = real(self, *args)
        if after:
            after(self)
        return value
    setattr(owner, name, wrapped)


around(_desk.Desk, 'receive',
       after=lambda desk: passes('receive', desk.queue))
around(_run.Worker, 'execute', before=lambda _: passes('start'))
around(_run.Worker, '_guard', before=lambda _: passes('middle'))
around(_desk.Desk, 'finish', before=lambda _: passes('result'))
around(_run.Worker, '_wait', before=lambda worker: passes(
    'idle', worker.desk.current is None and not worker.desk.queue))

if __name__ == '__main__':
    main()
