#!/usr/bin/python3
"""What people do with multiprocessing.Pool, done with reeve.Pool and workers
in Python; and what hurts there.

    pools.py REEVED REEVE [SENTENCE]...
"""
import contextlib
import itertools
import os
import signal
import subprocess
import sys
import threading
import time

import pooled
from pooled import raises
import reeve
from story import equal, eventually, main, soon, story


@reeve.handler('math.square')
def square(n):
    """Stands for the function that the workers have."""


@story
def apply_calls_a_handler_and_waits(it):
    with pooled.pool(pooled.start(it)) as pool:
        equal(pool.apply('math.square', (7,)), 49)
        equal(pool.apply(square, (8,)), 64)
        equal(pool.apply('echo', (1, 'zwei'), {'drei': [3]}),
              {'args': [1, 'zwei'], 'kwargs': {'drei': [3]}})
        equal(pool.apply('noop'), None)


@story
def apply_async_has_results_and_callbacks(it):
    good, bad = [], []
    with pooled.pool(pooled.start(it)) as pool:
        results = [pool.apply_async(square, (n,), callback=good.append,
                                    error_callback=bad.append)
                   for n in range(100)]
        failed = pool.apply_async('raises', ('x',), callback=good.append,
                                  error_callback=bad.append)
        equal([result.get(20) for result in results],
              [n * n for n in range(100)])
        raises(KeyError, failed.get, 20)
    equal(sorted(good), [n * n for n in range(100)])
    equal([type(error) for error in bad], [KeyError])


@story
def map_keeps_the_order_and_imap_streams(it):
    with pooled.pool(pooled.start(it)) as pool:
        squares = [n * n for n in range(3000)]
        equal(pool.map(square, range(3000)), squares)
        equal(pool.map(square, (n for n in range(10)), 5), squares[:10])
        equal(pool.map(square, []), [])
        equal(pool.map_async(square, range(20)).get(20), squares[:20])
        equal(list(pool.imap(square, range(2500))), squares[:2500])
        equal(sorted(pool.imap_unordered(square, range(100))), squares[:100])
        equal(pool.starmap('echo', [(1, 2), (3,)]),
              [{'args': [1, 2], 'kwargs': {}}, {'args': [3], 'kwargs': {}}])
        called = []
        pool.starmap_async('echo', [()], callback=called.append).wait(20)
        eventually(lambda: called == [[{'args': [], 'kwargs': {}}]])


@story
def options_hold_for_the_pool_or_for_a_call(it):
    pooled.start(it)
    with pooled.pool(it, queue='img', tags={'of': 'pool'}) as pool:
        result = pool.apply_async(square, (3,), priority=7, timeout=30)
        result.get(20)
        job = result.job
        equal((job.queue, job.priority, job.tags),
              ('img', 7, {'of': 'pool'}))
        equal(pool.map(square, range(50), tags={'of': 'call'},
                       durability='memory'), [n * n for n in range(50)])
        equal(len(list(pool.client.jobs(tags={'of': 'call'}))), 50)
        raises(reeve.CallError, pool.apply_async(square, (3,), qeue='x').get,
               20)


@story
def imap_draws_no_more_than_its_window(it):
    drawn = itertools.count()
    last = [0]

    def items():
        for n in drawn:
            last[0] = n
            yield n
    pool = pooled.pool(pooled.start(it))
    results = pool.imap(square, items(), window=20)
    equal([next(results) for _ in range(5)], [0, 1, 4, 9, 16])
    eventually(lambda: last[0] > 5)
    assert last[0] <= 26, last
    slow = pool.imap('sleeps', [1.5], window=1)
    raises(TimeoutError, slow.next, 0.05)
    equal(slow.next(20), 'slept')
    raises(StopIteration, slow.next)
    del results
    pool.close()
    equal(pool.join(20), True)


@story
def an_exception_is_raised_again_with_its_trace(it):
    with pooled.pool(pooled.start(it)) as pool:
        error = raises(KeyError, pool.apply, 'raises', ('no data',))
        equal(error.args, ('no data',))
        remote = error.__cause__
        equal((remote.type, remote.cause), ('KeyError', 'handler'))
        assert 'raise KeyError(text)' in str(remote)
        equal(remote.job['attempt'], 1)
        error = raises(KeyError, pool.apply_async('raises').get, 20)
        equal(pool.client.job(error.__cause__.job).attempt, 1)
        error = raises(reeve.RemoteError, pool.apply, 'raises_unserialisable')
        equal(error.type, 'Unserialisable')
        error = raises(reeve.RemoteError, pool.apply, 'returns', ('lock',))
        equal(error.type, 'ResultNotJSON')
        assert 'lock' in error.message
        raises(TypeError, pool.apply, square, (object(),))
        equal(pool.apply(square, (2,)), 4)


@story
def an_error_in_map_comes_after_all_have_ended(it):
    with pooled.pool(pooled.start(it)) as pool:
        result = pool.map_async('sometimes', range(100))
        raises(ValueError, result.get, 20)
        equal(sorted(index for index, _ in result.errors), [33, 66])
        values = result.partial()
        equal((values[32], values[33], values[99]), (32, None, 99))


@story
def max_fail_stops_a_map_early(it):
    with pooled.pool(pooled.start(it)) as pool:
        result = pool.map_async('sometimes', [33] * 3 + [-1] * 200,
                                max_fail=3)
        raises(ValueError, result.get, 30)
        kinds = [type(error) for _, error in result.errors]
        equal(kinds.count(ValueError), 3)
        assert kinds.count(reeve.JobCancelled) > 100, len(kinds)


def poison(it, count):
    """One item kills its worker each time: the others have their results."""
    pooled.start(it)
    with pooled.pool(it) as pool:
        bad = count // 2
        result = pool.map_async('dies_of', ((n, bad) for n in range(count)))
        raises(reeve.WorkerLost, result.get)
        equal([index for index, _ in result.errors], [bad])
        equal(sum(value is not None for value in result.partial()), count - 1)
        error = result.errors[0][1]
        equal((error.cause, pool.client.job(error.job).crashes),
              ('worker_lost', 3))


@story
def one_poison_item_costs_one_error(it):
    poison(it, 5000)


@story(soak=True, seconds=300)
def one_poison_item_of_a_million_costs_one_error(it):
    poison(it, 1000000)


@story
def sys_exit_and_sigint_end_one_attempt(it):
    with pooled.pool(pooled.start(it)) as pool:
        error = raises(reeve.RemoteError, pool.apply, 'exits', (3,))
        equal((error.type, error.message), ('SystemExit', 'sys.exit(3)'))
        equal(pool.apply('interrupts'), 'survived')
        error = raises(reeve.WorkerLost, pool.apply, 'exits_hard',
                       crash_limit=1)
        equal(error.cause, 'worker_lost')
        equal(pool.apply(square, (2,)), 4)


@story
def a_worker_killed_in_the_middle_costs_that_attempt_only(it):
    """multiprocessing: get() waits for ever, and no callback comes."""
    pooled.start(it)
    mark = str(it.folder / 'mark')
    called = []
    with pooled.pool(it) as pool:
        result = pool.apply_async('sleeps', (60, mark), crash_limit=1,
                                  error_callback=called.append)
        again = pool.apply_async('once_slow', (mark + '2',))
        others = [pool.apply_async(square, (n,)) for n in range(50)]
        for path in (mark, mark + '2'):
            pooled.runs(path)
        began = time.monotonic()
        for worker in pooled.workers(it):
            os.kill(worker['pid'], signal.SIGKILL)
        error = raises(reeve.WorkerLost, result.get, 30)
        soon(began, 5)
        equal(again.get(20), 'quick')  # a lost attempt is tried again
        equal(again.job.crashes, 1)
        equal([other.get(20) for other in others],
              [n * n for n in range(50)])
    equal(called, [error])


@story(seconds=120)
def workers_killed_again_and_again_lose_nothing(it):
    pooled.start(it)
    with pooled.pool(it) as pool:
        result = pool.map_async('lasts', [0.001] * 1000, crash_limit=100)
        for count in range(50, 1000, 100):
            eventually(lambda: sum(
                value is not None for value in result.partial()) >= count, 30)
            for worker in pooled.workers(it):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker['pid'], signal.SIGKILL)
        equal(result.get(60), [0.001] * 1000)


@story
def a_job_has_a_timeout_of_its_own(it):
    pooled.start(it)
    mark = str(it.folder / 'mark')
    with pooled.pool(it) as pool:
        began = time.monotonic()
        raises(reeve.JobTimeout, pool.apply, 'sleeps', (60,), timeout=0.2)
        soon(began, 5)
        error = raises(reeve.JobTimeout, pool.apply, 'stubborn', (mark,),
                       timeout=0.2, grace=0.3)
        equal(error.cause, 'timeout')
        results = [pool.apply_async(square, (n,), timeout=30)
                   for n in range(20)]
        equal([result.get(20) for result in results],
              [n * n for n in range(20)])


@story
def a_running_call_is_cancelled(it):
    pooled.start(it)
    mark = str(it.folder / 'mark')
    with pooled.pool(it) as pool:
        result = pool.apply_async('sleeps', (60, mark))
        pooled.runs(mark)
        pids = {worker['pid'] for worker in pooled.workers(it)}
        equal(result.cancel(), True)
        raises(reeve.JobCancelled, result.get, 10)
        # It was raised in the handler: the worker is the same.
        # Another may have come to help; none of these has gone.
        assert pids <= {worker['pid'] for worker in pooled.workers(it)}
        equal(pool.apply(square, (2,)), 4)


@story
def leaving_the_with_block_drains_and_an_error_cancels(it):
    pooled.start(it)
    with pooled.pool(it) as pool:
        results = [pool.apply_async('sleeps', (0.05,)) for _ in range(10)]
    equal([result.get(0) for result in results], ['slept'] * 10)
    try:
        with pooled.pool(it) as pool:
            result = pool.apply_async('sleeps', (60,))
            raise RuntimeError
    except RuntimeError:
        pass
    raises(reeve.JobCancelled, result.get, 0)


@story
def a_failing_initializer_neither_spins_nor_hangs_for_ever(it):
    """multiprocessing: 163 new processes a second, and get() waits."""
    pooled.start(it, 'broken.py', workers='2', ready=True)
    births = it.folder / 'births'
    client = reeve.Client(str(it.socket))
    number = client.submit('never_there')
    raises(TimeoutError, client.wait, number, 6)
    assert 2 <= len(births.read_text().splitlines()) < 10
    pools = {pool['name']: pool
             for pool in client.request('admin.Pools')['pools']}
    equal(pools['py']['state'], 'degraded')
    reasons = client.request('Explain', {'id': number})['reasons']
    assert any(reason['rule'] == 'degraded' for reason in reasons), reasons
    client.cancel(number)


@story(seconds=120)
def a_replaced_broker_costs_a_pool_nothing(it):
    pooled.start(it)
    pool = pooled.pool(it)
    log = it.folder / 'calls'
    result = pool.map_async('notes', ((str(log), n) for n in range(3000)))
    for calls in (300, 1200, 2100):
        eventually(lambda: log.exists() and (
            log.read_text().count('\n') >= calls))
        assert not result.ready()
        it.kill_broker()
    equal(result.get(60), list(range(3000)))
    equal(sorted(map(int, log.read_text().split())), list(range(3000)))
    pool.close()
    pool.join()


@story
def a_call_survives_a_replaced_broker(it):
    """It promises nothing before its end: it is sent again."""
    pooled.start(it)
    with pooled.pool(it) as pool:
        values = []
        caller = threading.Thread(target=lambda: values.append(
            pool.apply('sleeps', (0.5, str(it.folder / 'mark')))))
        caller.start()
        pooled.runs(it.folder / 'mark')
        it.kill_broker()
        caller.join()
        equal(values, ['slept'])


@story
def what_a_handler_prints_is_kept_with_its_job(it):
    pooled.start(it)
    client = reeve.Client(str(it.socket))
    job = client.wait(client.submit('prints', (2,)), 20)
    equal(job.result, 2)
    equal(client.output(job), b'line 0\nline 1\n')
    equal(client.output(job, 'stderr'), b'to stderr\n')


@story
def a_handler_tells_how_far_it_is(it):
    pooled.start(it)
    client = reeve.Client(str(it.socket))
    mark = str(it.folder / 'mark')
    number = client.submit('halfway', (mark,))
    pooled.runs(mark)
    eventually(lambda: client.job(number).progress == 0.5)
    equal(client.job(number).note, 'half')
    open(mark + '.go', 'w').close()
    equal(client.wait(number, 20).result, 'whole')


@story
def a_handler_asks_for_another_try(it):
    pooled.start(it)
    mark = str(it.folder / 'mark')
    with pooled.pool(it) as pool:
        result = pool.apply_async('third_time', (mark,), retry={
            'max_attempts': 5, 'backoff_ms': 600000})
        equal(result.get(20), 3)
        error = raises(reeve.RemoteError, pool.apply_async(
            'never', retry=5).get, 20)
        equal((error.type, pool.client.job(error.job).attempt), ('Bury', 1))


@story
def the_tutorials_program_prints_what_tutorials_print(it):
    """Ten tasks on three workers, etc/examples."""
    examples = pooled.TOP / 'etc' / 'examples'
    pooled.start(it, examples / 'tasks.py', workers='3', handles=['task'],
                 words='-m, reeve.worker, ')
    eventually(lambda: [worker['state'] for worker in pooled.workers(it)]
               == ['idle'] * 3, what='all three are there')
    done = subprocess.run(
        [sys.executable, str(examples / 'ten_tasks.py')], text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=120,
        env={**os.environ, 'REEVE_SOCKET': str(it.socket),
             'PYTHONPATH': str(pooled.TOP / 'client' / 'python')})
    equal(done.returncode, 0)
    *lines, last = done.stdout.splitlines()
    equal(last, '5 of 10, by 3 workers')
    equal(sorted(lines), sorted(
        ['task %d: %d' % (n, n * n) for n in range(1, 6)] +
        ['ValueError: %d is more than 5' % n for n in range(6, 11)]))


@story
def a_preloaded_pool_forks_workers_that_share_its_data(it):
    pooled.start(it, 'loaded.py', workers='2', more='preload: true')
    with pooled.pool(it) as pool:
        pids = {pool.apply('who')[0] for _ in range(20)}
        equal(pool.map('sum_of_all_of', range(4)), [499999500000] * 4)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        equal(pool.apply('sum_of_all'), 499999500000)
        assert not pids & {pool.apply('who')[0] for _ in range(20)}


if __name__ == '__main__':
    main()
