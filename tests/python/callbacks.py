#!/usr/bin/python3
"""Callbacks of a Pool: what multiprocessing does wrong there.

    callbacks.py REEVED REEVE [SENTENCE]...
"""
import collections
import logging
import threading
import time

import pooled
from pooled import raises, reeve
from story import PATIENCE, equal, eventually, main, story  # noqa: E402

from reeve import results


class Lines(logging.Handler):
    """What the library logs."""

    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        self.lines.append(record.getMessage())

    def __enter__(self):
        logging.getLogger('reeve').addHandler(self)
        return self

    def __exit__(self, *_):
        logging.getLogger('reeve').removeHandler(self)

    def count(self, words):
        return sum(words in line for line in self.lines)


@story
def one_that_raises_is_logged_and_stops_nobody(it):
    good, bad = [], []

    def picky(value):
        good.append(value)
        if value % 3 == 0:
            raise ValueError(value)
        if value % 3 == 1:
            raise SystemExit(value)

    def worse(error):
        bad.append(error)
        raise error

    with Lines() as log, pooled.pool(pooled.start(it)) as pool:
        every = [pool.apply_async('math.square', (n,), callback=picky,
                                  error_callback=worse) for n in range(300)]
        failed = [pool.apply_async('raises', ('x',), callback=picky,
                                   error_callback=worse) for _ in range(20)]
        equal([result.get(30) for result in every],
              [n * n for n in range(300)])
        for result in failed:
            raises(KeyError, result.get, 30)
        pool.join()
        equal((len(good), len(bad)), (300, 20))
        raising = sum(n * n % 3 != 2 for n in range(300)) + 20
        equal((pool._callbacks.failed, log.count('a callback raised')),
              (raising, raising))
        # The pool is as good as new.
        equal(pool.map('math.square', range(100)), [n * n for n in range(100)])


@story
def a_slow_one_is_logged_and_delays_no_result(it):
    go, entered, seen = threading.Event(), threading.Event(), []

    def slow(value):
        seen.append(value)
        entered.set()
        go.wait()

    with Lines() as log, pooled.pool(pooled.start(it)) as pool:
        pool._callbacks.SLOW = 0.05
        first = pool.apply_async('math.square', (2,), callback=slow)
        entered.wait(20 * PATIENCE)
        time.sleep(0.06)
        every = [pool.apply_async('math.square', (n,), callback=seen.append)
                 for n in range(500)]
        equal([result.get(30) for result in every],
              [n * n for n in range(500)])
        equal((first.get(0), seen), (4, [4]))
        # Nobody waits longer than it was said, and can wait again.
        assert not pool.join(0.2)
        assert not pool.join(0)
        equal(log.count('is not back'), 1)
        go.set()
        assert pool.join()
        equal(log.count('a callback took'), 1)
    equal(sorted(seen[1:]), [n * n for n in range(500)])


@story
def with_more_threads_a_slow_one_delays_no_other_callback(it):
    go, entered, others = threading.Event(), threading.Event(), []

    def slow(value):
        entered.set()
        go.wait()

    pooled.start(it)
    with pooled.pool(it, callback_threads=2) as pool:
        pool.apply_async('math.square', (2,), callback=slow)
        entered.wait(20 * PATIENCE)
        for n in range(200):
            pool.apply_async('math.square', (n,), callback=others.append)
        eventually(lambda: len(others) == 200)
        assert not go.is_set()
        go.set()


@story
def a_callback_may_put_more_and_join_waits_for_that_too(it):
    values = []
    with pooled.pool(pooled.start(it), window=4) as pool:
        def again(value):
            values.append(value)
            if len(values) < 50:
                pool.apply_async('math.square', (len(values),),
                                 callback=again)
        for _ in range(4):
            pool.apply_async('math.square', (0,), callback=again)
        assert pool.join()
        assert len(values) >= 50, len(values)


@story
def threads_of_callbacks_end_with_their_pool(it):
    def alive():
        return [thread for thread in threading.enumerate()
                if thread.name == 'reeve-callbacks']
    pooled.start(it)
    before, seen = len(alive()), []
    with pooled.pool(it, callback_threads=3) as pool:
        pool.apply_async('math.square', (2,), callback=seen.append)
        eventually(lambda: len(alive()) == before + 3)
    eventually(lambda: len(alive()) == before)


@story(seconds=120)
def killed_brokers_cost_no_callback_and_call_none_twice(it):
    pooled.start(it)
    log = it.folder / 'calls'
    calls, errors = collections.Counter(), collections.Counter()

    def failed(error):
        errors[str(error)] += 1

    with pooled.pool(it) as pool:
        for n in range(3000):
            pool.apply_async('notes', ((str(log), n),),
                             callback=lambda n: calls.update([n]),
                             error_callback=failed)
            if n % 100 == 50:
                pool.apply_async('raises', (str(n),), callback=print,
                                 error_callback=failed)
        for many in (300, 1200, 2100):
            eventually(lambda: log.exists() and (
                log.read_text().count('\n') >= many), 30)
            assert pool._pump.outstanding
            it.kill_broker()
        assert pool.join(60 * PATIENCE)
    equal(calls, collections.Counter(range(3000)))
    equal(errors, collections.Counter(
        "'%d'" % n for n in range(50, 3000, 100)))
    equal(sorted(map(int, log.read_text().split())), list(range(3000)))


@story
def when_the_daemon_stays_away_every_error_callback_is_called(it):
    pooled.start(it)
    errors, mark = [], it.folder / 'mark'
    client = reeve.Client(str(it.socket), reconnect=0.5)
    pool = reeve.Pool(client)
    for n in range(50):
        pool.apply_async('sleeps', (60, str(mark)), callback=print,
                         error_callback=errors.append)
    pooled.runs(mark)
    it.kill_everything()
    assert pool.join(20 * PATIENCE)
    equal([type(error) for error in errors], [reeve.Unreachable] * 50)


if __name__ == '__main__':
    assert results.Callbacks.SLOW >= 1
    main()
