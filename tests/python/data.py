#!/usr/bin/python3
"""Data that cannot be sent, or cannot be read: it costs its own job and no
other.

    data.py REEVED REEVE [SENTENCE]...
"""
import sys
import time

import pooled
from pooled import raises, reeve
from story import PATIENCE, Skip, equal, main, soon, story

from reeve._json import DATA_BYTES, DEPTH


def nested(levels):
    value = 0
    for _ in range(levels):
        value = [value]
    return value


def echoed(*args):
    return {'args': list(args), 'kwargs': {}}


# Too deep: the item is in a list of an object.
BAD = {'surrogate': '\udc80', 'object': object(), 'deep': nested(DEPTH - 1),
       'circle': nested(100000), 'nan': float('nan'),
       'large': 'x' * (17 << 20)}


@story(seconds=120)
def what_cannot_be_sent_is_refused_when_it_is_put(it):
    with pooled.pool(pooled.start(it)) as pool:
        every = []
        for name, value in BAD.items():
            every += [(n, pool.apply_async('echo', (n,))) for n in range(50)]
            error = raises((TypeError, ValueError), pool.apply_async, 'echo',
                           (value,))
            assert str(error), name
            every += [(n, pool.apply_async('echo', (n,))) for n in range(50)]
        raises(ValueError, pool.apply_async, 'echo', queue='\udc80')
        for n, result in every:
            equal(result.get(30), echoed(n))
        deep = nested(DEPTH - 2)
        equal(pool.apply_async('noop', (), {}).get(30), None)
        equal(pool.apply_async('size', (deep,)).get(30), 1)


@story(seconds=120)
def an_item_that_cannot_be_sent_fails_alone(it):
    items = list(range(300))
    for at, value in enumerate(BAD.values()):
        items[at * 50 + 7] = value
    at = [n * 50 + 7 for n in range(len(BAD))]
    with pooled.pool(pooled.start(it)) as pool:
        result = pool.map_async('math.square', items)
        raises((TypeError, ValueError), result.get, 60)
        equal(sorted(index for index, _ in result.errors), at)
        want = [None if n in at else n * n for n in range(300)]
        equal(result.partial(), want)
        results, got = pool.imap('math.square', items), []
        while True:
            try:
                got.append(next(results))
            except StopIteration:
                break
            except (TypeError, ValueError):
                got.append(None)
        equal(got, want)
        result = pool.starmap_async('echo', [(1,), 2, (3,)])
        raises(TypeError, result.get, 30)
        equal(result.partial(), [echoed(1), None, echoed(3)])
        equal(pool.map('math.square', range(9)), [n * n for n in range(9)])


@story(seconds=120)
def large_arguments_are_taken_up_to_the_limit(it):
    with pooled.pool(pooled.start(it)) as pool:
        text = 'x' * (DATA_BYTES - 20)
        result = pool.map_async('size', [text] * 20 + ['x' * DATA_BYTES, 'y'])
        raises(ValueError, result.get, 60)
        equal([index for index, _ in result.errors], [20])
        equal(result.partial(), [len(text)] * 20 + [None, 1])


@story
def a_batch_that_is_refused_is_taken_apart(it):
    """What the check of a put does not know is left: here it knows nothing."""
    pooled.start(it)
    real = pooled.reeve.pool.arguments_json
    try:
        pooled.reeve.pool.arguments_json = lambda args: (
            pooled.reeve.pool.utf8_json(args))
        with pooled.pool(it) as pool:
            gate = it.gate()
            pool.apply_async('exec', argv=gate.argv)
            gate.started()
            result = pool.map_async(
                'math.square', [*range(70), nested(70), *range(70)])
            error = raises(reeve.CallError, result.get, 60)
            equal(error.code, 'BadMessage')
            equal([index for index, _ in result.errors], [70])
            gate.open()
    finally:
        pooled.reeve.pool.arguments_json = real


def numbers():
    if not hasattr(sys, 'set_int_max_str_digits'):
        raise Skip('this Python reads all numbers')


@story
def a_result_with_a_number_too_long_fails_alone(it):
    numbers()
    with pooled.pool(pooled.start(it)) as pool:
        every = [pool.apply_async('echo', (n,)) for n in range(20)]
        bad = pool.apply_async('digits', (5000,))
        every += [pool.apply_async('echo', (n,)) for n in range(20)]
        error = raises(reeve.Unreadable, bad.get, 30)
        assert '5001 digits' in str(error), error
        for n, result in enumerate(every):
            equal(result.get(30), echoed(n % 20))
        result = pool.map_async('digits', [10, 5000, 20])
        raises(reeve.Unreadable, result.get, 30)
        equal(result.partial(), [[10 ** 10], None, [10 ** 20]])
        raises(reeve.Unreadable, pool.apply, 'digits', (5000,))
        equal(pool.client.job(bad.job).state, 'succeeded')
        # Whoever wants to read it can.
        sys.set_int_max_str_digits(0)
        equal(pool.apply('digits', (5000,)), [10 ** 5000])
        sys.set_int_max_str_digits(4300)


@story
def arguments_with_a_number_too_long_fail_their_job_at_once(it):
    numbers()
    pooled.start(it, workers='1')
    client = reeve.Client(str(it.socket))
    equal(client.call('noop'), None)
    pids = [worker['pid'] for worker in pooled.workers(it)]
    sys.set_int_max_str_digits(0)
    number = 10 ** 5000
    ids = [client.submit('echo', [n and number]) for n in (0, 1, 0, 1, 0)]
    sys.set_int_max_str_digits(4300)
    began = time.monotonic()
    jobs = client.wait(ids, 10 * PATIENCE)
    soon(began, 3)
    equal([job.state for job in jobs],
          ['succeeded', 'failed', 'succeeded', 'failed', 'succeeded'])
    equal((jobs[1].failure['type'], jobs[1].crashes, jobs[1].attempt),
          ('Unreadable', 0, 1))
    raises(reeve.RemoteError, jobs[1].check)
    equal([worker['pid'] for worker in pooled.workers(it)], pids)


if __name__ == '__main__':
    main()
