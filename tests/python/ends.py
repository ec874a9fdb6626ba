#!/usr/bin/python3
"""How a Pool ends: closed, terminated, forgotten, or with its program; and
jobs that two results share.

    ends.py REEVED REEVE [SENTENCE]...
"""
import gc
import itertools
import os
import signal
import subprocess
import sys
import threading
import time

import pooled
from pooled import raises, reeve
from story import PATIENCE, equal, eventually, main, story

LONG = 20 * PATIENCE


def within(work, seconds=LONG):
    """work() in a thread; it must come back."""
    out = []

    def run():
        try:
            out.append((work(), None))
        except BaseException as error:
            out.append((None, error))
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    assert out, 'it hangs'
    value, error = out[0]
    if error is not None:
        raise error
    return value


def slowly(count):
    for n in range(count):
        time.sleep(0.01)
        yield n


class Lazy:
    """A sequence whose items come slowly."""

    def __len__(self):
        return 10

    def __getitem__(self, at):
        if at >= 10:
            raise IndexError
        time.sleep(0.02)
        return at


@story(seconds=120)
def what_imap_has_not_drawn_is_done_before_the_end(it):
    pooled.start(it)
    squares = [n * n for n in range(1200)]

    def joined():
        pool = pooled.pool(it)
        results = pool.imap('math.square', range(1200), window=10)
        pool.close()
        pool.join()
        return list(results)
    equal(within(joined), squares)

    def closed():
        pool = pooled.pool(it)
        results = pool.imap('math.square', range(1200), window=10)
        pool.close()
        return list(results)
    equal(within(closed), squares)

    def behind():
        with pooled.pool(it) as pool:
            results = pool.imap_unordered('math.square', range(1200))
            slow = pool.imap('math.square', slowly(20))
            more = pool.map_async('math.square', Lazy())
        return sorted(results), list(slow), more.get(0)
    equal(within(behind), (squares, squares[:20], squares[:10]))


@story
def an_iterator_keeps_its_pool(it):
    pooled.start(it)

    def results():
        return pooled.pool(it).imap('math.square', slowly(20), window=1)
    equal(within(lambda: list(results())), [n * n for n in range(20)])
    before = threading.active_count()
    results = pooled.pool(it).imap('math.square', itertools.count())
    equal(next(results), 0)
    del results  # and with it the pool
    eventually(lambda: gc.collect() >= 0 and
               threading.active_count() <= before)


@story
def terminate_stops_those_who_draw(it):
    pooled.start(it)
    stop = threading.Event()

    def blocked():
        yield 1
        stop.wait(60)
        yield 2

    pool = pooled.pool(it)
    endless = pool.imap('math.square', itertools.count(), window=5)
    stuck = pool.imap('math.square', blocked())
    equal((next(endless), next(stuck)), (0, 1))
    much = pool.map_async('sleeps', [60] * 20000)  # more than the window
    pool.terminate()
    equal(pool.join(LONG), True)
    stop.set()
    raises(reeve.JobCancelled, much.get, LONG)

    def left():
        while True:
            next(endless)
    raises(reeve.JobCancelled, within, left)
    raises(ValueError, pool.imap, 'math.square', [1])


@story
def apply_in_another_thread_is_part_of_it(it):
    pooled.start(it)
    pool = pooled.pool(it)
    ends = []

    def call(mark, *args, **more):
        try:
            ends.append(pool.apply('sleeps', (*args, mark), **more))
        except BaseException as error:
            ends.append(error)
    first = str(it.folder / 'first')
    threading.Thread(target=call, args=(first, 1)).start()
    pooled.runs(first)
    pool.close()
    equal(pool.join(LONG), True)
    equal(ends, ['slept'])
    pool = pooled.pool(it)
    second = str(it.folder / 'second')
    threading.Thread(target=call, args=(second, 60)).start()
    pooled.runs(second)
    pool.terminate()
    equal(pool.join(LONG), True)
    equal(type(ends[1]), reeve.JobCancelled)


@story
def forgotten_pools_leave_no_thread_and_no_open_group(it):
    pooled.start(it)
    client = reeve.Client(str(it.socket))
    before = threading.active_count()
    for _ in range(5):
        pool, seen = pooled.pool(it), []
        pool.apply_async('noop', callback=seen.append).get(20)
        eventually(lambda: seen)
        group = pool._pump.groups[0]
        del pool
    eventually(lambda: threading.active_count() <= before)
    eventually(lambda: client.group(group)['closed'])


@story
def one_job_can_have_two_results(it):
    pooled.start(it)
    gate = it.gate()
    one, other = pooled.pool(it), pooled.pool(it)
    first = one.apply_async('exec', argv=gate.argv, unique='w')
    gate.started()
    again = [one.apply_async('exec', argv=gate.argv, unique='w')
             for _ in range(40)]
    elsewhere = other.apply_async('exec', argv=gate.argv, unique='w')
    many = other.map_async('noop', range(3), unique='v')
    named = one.apply_async('echo', (1,), key='k')
    equal(named.get(20), {'args': [1], 'kwargs': {}})
    equal([one.apply_async('echo', (n,), key='k').get(20) for n in (2, 3)],
          [named.get(), named.get()])
    equal(other.apply_async('echo', (4,), key='k').get(20), named.get())
    equal(len(list(other.client.jobs(key='k'))), 1)
    gate.open()
    for result in [first, elsewhere, *again]:
        equal(result.get(20), None)
        equal(result.job.id, first.job.id)
    many.wait(20)
    equal(many.ready(), True)
    for pool in (one, other):
        pool.close()
        equal(pool.join(LONG), True)
    for wrong in (lambda: one.client and reeve.Pool(str(it.socket), key='x'),
                  lambda: pooled.pool(it).map('noop', [1], key='x')):
        assert 'key' in str(raises(TypeError, wrong))


def program(it, text, seconds=LONG):
    done = subprocess.run(
        [sys.executable, '-c', text], text=True, stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE, timeout=seconds,
        env={**os.environ, 'REEVE_SOCKET': str(it.socket),
             'PYTHONPATH': str(pooled.TOP / 'client' / 'python')})
    return done.returncode, done.stderr


def interrupted(it, text):
    """Ctrl-C in a program when its jobs run: how it ends."""
    with subprocess.Popen(
            [sys.executable, '-c', text], stderr=subprocess.PIPE, text=True,
            env={**os.environ, 'REEVE_SOCKET': str(it.socket),
                 'PYTHONPATH': str(pooled.TOP / 'client' / 'python')}) as done:
        eventually(lambda: it.c.call('Count', filter={
            'states': ['running']})['total'], LONG)
        done.send_signal(signal.SIGINT)
        said = done.communicate(timeout=LONG)[1]
    assert 'KeyboardInterrupt' in said, said
    return it.c.call('Count', by='state')['counts']


@story(seconds=120)
def ctrl_c_cancels_what_nobody_will_take(it):
    pooled.start(it)
    counts = interrupted(it, '''if True:
        import reeve
        reeve.Pool().map('sleeps', [600] * 1200)
        ''')
    equal((counts['cancelled'], counts['ready'], counts['running']),
          (1200, 0, 0))
    for call in 'Pool().apply', 'Client().call':
        before = counts['cancelled']
        counts = interrupted(it, 'import reeve; reeve.%s("sleeps", (600,))'
                             % call)
        eventually(lambda: it.c.call('Count')['counts']['cancelled'] ==
                   before + 1, LONG)
        counts = it.c.call('Count', by='state')['counts']


@story
def what_multiprocessing_takes_and_a_pool_does_not_is_said_at_once(it):
    pooled.start(it)
    for words, more, said in (
            ((2,), {}, 'workers: N'), ((), {'processes': 2}, 'workers: N'),
            ((), {'initializer': print, 'initargs': (1,)}, '@init'),
            ((), {'maxtasksperchild': 3}, 'retire')):
        error = str(raises(TypeError, reeve.Pool, *words, **more))
        assert said in error and 'reeve.yaml' in error, error
    with pooled.pool(it) as pool:
        raises(TypeError, pool.apply, None)
        raises(TypeError, pool.apply_async, 'noop', callback=5)
        raises(TypeError, pool.map_async, 'noop', [()], error_callback='no')


@story
def a_program_that_ends_has_sent_what_it_put(it):
    pooled.start(it)
    equal(program(it, '''if True:
        import reeve
        pool = reeve.Pool(queue='q')
        pool.map_async('noop', [()] * 1000)
        for n in range(5000):
            pool.apply_async('echo', [n])
        '''), (0, ''))
    client = reeve.Client(str(it.socket))
    equal(client.request('Count', {'filter': {'queue': 'q'}})['total'], 6000)


@story
def a_process_of_multiprocessing_that_ends_has_sent_what_it_put(it):
    pooled.start(it)
    equal(program(it, '''if True:
        import multiprocessing, reeve
        def work():
            pool = reeve.Pool(queue='q')
            for n in range(5000):
                pool.apply_async('echo', [n])
        process = multiprocessing.get_context('fork').Process(target=work)
        process.start()
        process.join()
        '''), (0, ''))
    client = reeve.Client(str(it.socket))
    equal(client.request('Count', {'filter': {'queue': 'q'}})['total'], 5000)


@story
def a_program_that_ends_says_what_it_could_not_send(it):
    it.start()
    code, said = program(it, '''if True:
        import reeve
        from reeve import _pump
        _pump.EXIT_SECONDS = 0.2
        pool = reeve.Pool()
        pool._pump._turn = lambda: _pump.time.sleep(60)
        pool._pump.wake()
        pool._pump.calls.send(b' ')
        _pump.time.sleep(0.1)
        for n in range(50):
            pool.apply_async('exec', argv=['true'])
        ''')
    equal(code, 0)
    assert 'jobs were not sent' in said, said


@story
def what_a_generator_raises_is_told_to_who_takes(it):
    pooled.start(it)

    def exits():
        yield 1
        sys.exit('enough')
    with pooled.pool(it) as pool:
        results = pool.imap('math.square', exits())
        equal(within(lambda: next(results)), 1)
        raises(SystemExit, within, lambda: next(results))
        raises(SystemExit, within, lambda: pool.map('math.square', exits()))
        raises(SystemExit, pool.map_async, 'math.square', exits())


if __name__ == '__main__':
    main()
