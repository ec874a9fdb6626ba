"""Handlers for the tests: one for each way in which a function can behave."""
import builtins
import os
import signal
import subprocess
import sys
import threading
import time

from reeve.worker import Bury, Cancelled, Retry, handler, main


@handler
def noop():
    return None


@handler
def echo(*args, **kwargs):
    return {'args': args, 'kwargs': kwargs}


@handler('math.square')
def square(n):
    return n * n


@handler
def told(path, size=100, *, ctx):
    return {'path': path, 'size': size, 'job': ctx.job,
            'attempt': ctx.attempt, 'queue': ctx.queue,
            'cancelled': ctx.cancelled}


@handler
def speaks(ctx):
    ctx.progress(0.4, '40 of 100')
    ctx.progress(0.41)  # too soon
    ctx.log('half way', 'warning')
    ctx.log('detail', 'debug')
    ctx.beat(60)
    ctx.progress(1.0)
    return 'said'


@handler
def raises(text='no such thing'):
    raise KeyError(text)


class Unserialisable(Exception):
    """Cannot be pickled, and has no text."""

    def __init__(self, lock):
        super().__init__(lock)
        self.lock = lock

    def __str__(self):
        raise RuntimeError('no text')

    __repr__ = __str__


@handler
def raises_unserialisable():
    raise Unserialisable(threading.Lock())


@handler
def raises_long():
    raise ValueError('x' * 100000)


@handler
def raises_deep(n=2000):
    return raises_deep(n + 1)


@handler
def raises_surrogate():
    raise ValueError('\ud800')


@handler
def returns(what):
    deep = []
    for _ in range(100):
        deep = [deep]
    circle = []
    circle.append(circle)
    return {'object': object(), 'bytes': b'x', 'nan': float('nan'),
            'set': {1}, 'deep': deep, 'circle': circle,
            'surrogate': '\udc80', 'lock': threading.Lock(),
            'large': 'x' * (17 << 20), 'generator': (i for i in 'abc'),
            'brackets': ['[[['] * 100, 'tuple': (1, 2), 'float': 1.5,
            'text': 'ä€', 'flat': [[1]] * 1000}[what]


@handler
def exits(code=3):
    sys.exit(code)


@handler
def exits_hard():
    os._exit(5)


@handler
def interrupts():
    os.kill(os.getpid(), signal.SIGINT)
    return 'survived'


@handler
def prints(lines=1):
    for i in range(lines):
        print('line %d' % i)
    print('to stderr', file=sys.stderr)
    return lines


@handler
def prints_raw():
    os.write(1, b'{"done":1,"token":1}\n')
    return 'raw'


@handler
def sleeps(seconds, path=None):
    if path:
        open(path, 'w').close()
    time.sleep(seconds)
    return 'slept'


@handler
def blocks_on_lock(path):
    open(path, 'w').close()
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


@handler
def computes(path, seconds):
    open(path, 'w').close()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass
    return 'computed'


@handler
def cleans_up(path, ctx):
    try:
        open(path, 'w').close()
        time.sleep(60)
    except Cancelled as error:
        return {'type': type(error).__name__, 'reason': ctx.reason}


@handler
def stubborn(path, seconds=60):
    open(path, 'w').close()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            time.sleep(60)
        except Cancelled:
            pass


@handler
def chatters(path, ctx):
    """Writes all the time: a cancel must not cut a line in two."""
    open(path, 'w').close()
    while True:
        ctx.log('x' * 4000)


@handler
def later(seconds=None):
    raise Retry('not now', seconds)


@handler
def never():
    raise Bury('poison')


@handler
def sees(name):
    return os.environ.get(name)


@handler
def forks():
    pid = os.fork()
    if pid == 0:
        return 'I am the child'
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@handler
def starts_sleep():
    """Is a program that a handler starts open to SIGINT and SIGTERM?"""
    codes = []
    for number in (signal.SIGINT, signal.SIGTERM):
        child = subprocess.Popen(['sleep', '60'])
        child.send_signal(number)
        codes.append(child.wait())
    return codes


@handler
def pid():
    return os.getpid()


@handler
def size(text):
    return len(text)


@handler
def fails(kind, *args):
    raise getattr(builtins, kind)(*args)


@handler
def stops_at_three(n):
    return next(iter([])) if n == 3 else n


@handler
def opens(path):
    open(path).close()


@handler
def tells(fraction, ctx):
    ctx.progress(float(fraction), 'a note')
    return fraction


@handler
def digits(count):
    """A number that C and others send without asking how long it is."""
    if hasattr(sys, 'set_int_max_str_digits'):
        sys.set_int_max_str_digits(0)
    return [10 ** count]


@handler
def sometimes(n):
    if n in (33, 66):
        raise ValueError('not %d' % n)
    if n < 0:
        time.sleep(0.1)
    return n


@handler
def dies_of(pair):
    n, poison = pair
    if n == poison:
        os.kill(os.getpid(), signal.SIGKILL)
    return n


@handler
def once_slow(path):
    """The first time it sleeps, the second time not."""
    try:
        open(path, 'x').close()
    except FileExistsError:
        return 'quick'
    time.sleep(60)


@handler
def lasts(seconds):
    time.sleep(seconds)
    return seconds


@handler
def notes(pair):
    """Writes down that it was called."""
    path, n = pair
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(fd, b'%d\n' % n)
    os.close(fd)
    time.sleep(0.001)
    return n


@handler
def halfway(path, ctx):
    ctx.progress(0.5, 'half')
    open(path, 'w').close()
    while not os.path.exists(path + '.go'):
        time.sleep(0.01)
    return 'whole'


@handler
def third_time(path, ctx):
    if ctx.attempt < 3:
        raise Retry('not yet', 0.05)
    return ctx.attempt


if __name__ == '__main__':
    main()
