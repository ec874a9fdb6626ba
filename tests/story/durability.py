#!/usr/bin/python3
"""What less than `sync` promises, and what it does not take away.

covers: daemon/broker/direct
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'helper'))
from story import equal, eventually, main, story  # noqa: E402


def prime(t, durability='memory'):
    """The first one goes the ordinary way, and makes the broker ask for
    numbers; what comes later may begin before its commit."""
    for _ in range(20):
        stream = t.client().stream('Submit', job={
            'argv': ['/bin/true'], 'durability': durability})
        first, last = list(stream)
        equal(last['job']['state'], 'succeeded')
        if first['durability'] == durability:
            return first['id']
    raise AssertionError('always sync: %r' % first)


@story
def a_memory_job_is_known_like_any_other_as_soon_as_it_is_answered(t):
    t.start()
    prime(t)
    gate = t.gate()
    reply = t.c.call('Submit', job={'argv': gate.argv, 'name': 'm',
                                    'durability': 'memory'})
    equal(reply['durability'], 'memory')
    job = t.get(reply['id'])
    equal((job['state'], job['name'], job['attempt']), ('running', 'm', 1))
    gate.started()
    gate.open()
    equal(t.wait(reply['id'])['state'], 'succeeded')


@story
def the_end_of_a_result_job_survives_every_kill_behind_it(t):
    t.start()
    job = prime(t, 'result')
    t.kill_everything()
    t.start()
    equal(t.get(job)['state'], 'succeeded')
    equal(t.get(job)['attempt'], 1)


@story
def numbers_are_not_given_twice_over_kills_of_the_broker(t):
    t.start()
    seen = []
    for _ in range(6):
        prime(t)
        for _ in range(5):
            seen.append(t.c.call('Submit', job={
                'argv': ['/bin/true'], 'durability': 'memory'})['id'])
        t.kill_broker()
        t.reconnect()
    equal(len(seen), len(set(seen)))
    eventually(lambda: t.c.call('Count')['counts']['running'] == 0)


@story
def a_job_that_only_a_dead_broker_knew_is_ended(t):
    """Either its record made it to disk, then it goes on; or nobody knows it
    any more, then its process is not left behind."""
    t.start()
    prime(t)
    left = []
    for _ in range(8):
        gate = t.gate()
        reply = t.c.call('Submit', job={'argv': gate.argv,
                                        'durability': 'memory'})
        gate.started()
        t.kill_broker()
        t.reconnect()
        known = t.c.call('List', filter={'ids': [reply['id']]})['jobs']
        if known:
            left.append(reply['id'])
            gate.open()
            equal(t.wait(reply['id'])['state'], 'succeeded')
        else:
            gate.close()
        prime(t)
    eventually(lambda: t.c.call('Count')['counts']['running'] == 0)


@story
def a_memory_job_can_be_cancelled_and_says_so_to_who_waits(t):
    t.start()
    prime(t)
    gate = t.gate()
    client = t.client()
    stream = client.stream('Submit', job={'argv': gate.argv,
                                          'durability': 'memory'})
    first = next(stream)
    gate.started()
    t.c.call('Cancel', filter={'ids': [first['id']]})
    job = next(stream)['job']
    equal((job['state'], job['cause']), ('cancelled', 'cancelled'))
    equal(t.get(first['id'])['state'], 'cancelled')


@story
def a_worker_that_dies_under_a_memory_job_is_replaced_and_the_job_tried_again(t):
    t.start()
    prime(t)
    gate = t.gate()
    stream = t.client().stream('Submit', job={'argv': gate.argv,
                                              'durability': 'memory'})
    first = next(stream)
    gate.started()
    t.kill(t.worker_of(first['id']))
    gate.started()
    gate.open()
    job = next(stream)['job']
    equal((job['state'], job['attempt'], job['crashes']),
          ('succeeded', 2, 1))


if __name__ == '__main__':
    main()
