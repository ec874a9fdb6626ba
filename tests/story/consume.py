#!/usr/bin/python3
"""Consumers outside the pools: who dies, who is late, who is wrong.

covers: daemon/broker/call_consume daemon/broker/leases daemon/broker/reserve
covers: daemon/broker/reserve_handler daemon/core/lease
"""
import json
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'helper'))
from story import CallError, SLOW, equal, eventually, main, story  # noqa: E402

LEASE_MS = 1000


def consumer(t, *handlers, **parameters):
    """A client that has reserved `handlers` once: they are known then."""
    client = t.client()
    equal(client.call('consume.Reserve', handlers=list(handlers), wait_ms=0,
                      **parameters)['leases'], [])
    return client


def submit(t, count=1, handler='resize', **spec):
    rows = [{'handler': handler, 'args': {'n': n}, **spec}
            for n in range(count)]
    return t.c.call('SubmitMany', jobs=rows)['ids']


def reserve(client, handler='resize', **parameters):
    return client.call('consume.Reserve', handlers=[handler],
                       **parameters)['leases']


def pair(lease):
    return {'id': lease['id'], 'token': lease['token']}


def settle(client, *leases, **outcome):
    return client.call('consume.Settle', outcomes=[
        {**pair(lease), **outcome} for lease in leases])


def wrong(parameter, call):
    try:
        call()
    except CallError as error:
        equal((error.short, error.parameters['parameter']),
              ('InvalidParameter', parameter))
    else:
        raise AssertionError('nobody refused ' + parameter)


@story
def nothing_is_taken_that_is_too_deep_to_be_told(t):
    t.start()
    client = consumer(t, 'resize')
    deep, deeper = ({'a': json.loads('[' * n + ']' * n)} for n in (55, 56))
    wrong('job.args', lambda: t.c.call('Submit', job={
        'handler': 'resize', 'args': deeper}))
    job, = submit(t, args=deep)
    lease, = reserve(client, wait_ms=10000)
    wrong('outcomes[0].result', lambda: settle(client, lease, result=deeper))
    equal(settle(client, lease, result=deep)['settled'], 1)
    t.c.send('Get', {'ids': [job], 'with_spec': True})
    depth = deepest = 0
    for byte in t.c.read_bytes():
        depth += (byte in b'[{') - (byte in b']}')
        deepest = max(deepest, depth)
    equal(deepest, 61)


@story
def jobs_go_to_who_reserves_them_and_their_results_are_told(t):
    t.start()
    client = consumer(t, 'resize')
    jobs = submit(t, 3)
    leases = reserve(client, max=10, wait_ms=10000)
    equal([lease['id'] for lease in leases], jobs)
    equal([lease['args'] for lease in leases], [{'n': n} for n in range(3)])
    first = leases[0]
    equal((first['attempt'], first['handler'], first['queue']),
          (1, 'resize', 'default'))
    assert 0 < first['deadline_ms'] - time.time() * 1000 <= 60000
    running = t.get(jobs[0])
    equal(running['state'], 'running')
    assert 'worker_pid' not in running, running
    equal(client.call('consume.Progress', held=pair(first), fraction=0.25,
                      note='a quarter'), {'lost': False, 'cancelled': False})
    equal((t.get(jobs[0])['progress'], t.get(jobs[0])['note']),
          (0.25, 'a quarter'))
    equal(settle(client, first, result=[1, {'a': None}]),
          {'settled': 1, 'lost': []})
    equal(client.call('consume.Ack', held=[pair(leases[1])]),
          {'settled': 1, 'lost': []})
    settle(client, leases[2], failure={'type': 'KeyError', 'message': 'x',
                                       'trace': 'line 1'})
    ended = [t.wait(job) for job in jobs]
    equal([job['state'] for job in ended],
          ['succeeded', 'succeeded', 'failed'])
    equal(ended[0]['result'], [1, {'a': None}])
    assert 'result' not in ended[1], ended[1]
    equal((ended[2]['cause'], ended[2]['failure']),
          ('handler', {'type': 'KeyError', 'message': 'x',
                       'trace': 'line 1'}))


@story
def failures_are_tried_again_by_the_job_s_rule_or_not(t):
    t.start()
    client = consumer(t, 'resize')
    rule = {'max_attempts': 3, 'backoff_ms': 60000}
    jobs = submit(t, 2, retry=rule)
    first, second = reserve(client, max=2, wait_ms=10000)
    settle(client, first, failure={'message': 'again'}, retry_ms=1)
    settle(client, second, failure={}, bury=True)
    equal(t.wait(jobs[1])['state'], 'failed')
    again, = reserve(client, wait_ms=10000)
    equal((again['id'], again['attempt']), (jobs[0], 2))
    settle(client, again)
    equal(t.wait(jobs[0])['state'], 'succeeded')


@story
def who_vanishes_before_the_answer_is_read_costs_nothing(t):
    t.start()
    other = consumer(t, 'resize')
    jobs = submit(t, 1, crash_limit=1)
    for _ in range(5):
        doomed = t.client()
        doomed.send('consume.Reserve', {'handlers': ['resize']})
        t.reaches(jobs[0], 'running')
        doomed.close()
        t.reaches(jobs[0], 'ready')
    lease, = reserve(other, wait_ms=10000)
    equal((lease['id'], lease['attempt']), (jobs[0], 1))
    equal(settle(other, lease)['settled'], 1)
    equal(t.wait(jobs[0])['crashes'], 0)


@story
def a_killed_consumer_s_job_comes_back_at_the_deadline(t):
    t.start()
    doomed, other = consumer(t, 'resize'), consumer(t, 'resize')
    jobs = submit(t, 1, crash_limit=2)
    lease, = reserve(doomed, lease_ms=LEASE_MS, wait_ms=10000)
    doomed.close()
    began = time.monotonic()
    again, = reserve(other, wait_ms=60000)
    assert time.monotonic() - began > 0.8 * LEASE_MS / 1000
    equal((again['id'], again['attempt']), (jobs[0], 2))
    assert again['token'] != lease['token']
    # The old token is a fence.
    equal(settle(other, lease), {'settled': 0, 'lost': jobs})
    equal(t.job_state(jobs[0]), 'running')
    # The second loss is one too many.
    other.call('consume.Extend', held=[pair(again)], lease_ms=LEASE_MS)
    ended = t.wait(jobs[0])
    equal((ended['state'], ended['cause'], ended['crashes']),
          ('failed', 'worker_lost', 2))
    assert 'lease' in ended['failure']['message'], ended


@story
def a_token_outlives_the_broker(t):
    t.start()
    client = consumer(t, 'resize')
    jobs = submit(t, 3)
    leases = reserve(client, max=2, wait_ms=10000)
    t.kill_broker()
    t.reconnect()
    client = t.client()
    equal([t.job_state(job) for job in jobs], ['running', 'running', 'ready'])
    # Who waits from before makes the handler known.
    jobs += submit(t, 1)
    reply = client.call('consume.Extend', held=[pair(one) for one in leases])
    equal((reply['lost'], reply['cancelled']), ([], []))
    equal(settle(client, *leases, result={'n': 1}),
          {'settled': 2, 'lost': []})
    equal(settle(client, *leases), {'settled': 0, 'lost': jobs[:2]})
    rest = reserve(client, max=10, wait_ms=10000)
    equal([lease['id'] for lease in rest], jobs[2:])
    settle(client, *rest)
    equal([t.wait(job)['attempt'] for job in jobs], [1, 1, 1, 1])


@story
def what_nobody_extends_after_a_new_broker_came_is_settled_late_or_lost(t):
    t.start()
    client = consumer(t, 'resize')
    jobs = submit(t, 2)
    leases = reserve(client, max=2, wait_ms=10000)
    t.kill_broker()
    t.reconnect()
    client = t.client()
    # A shorter lease is asked for, and then nothing.
    client.call('consume.Extend', held=[pair(leases[0])], lease_ms=LEASE_MS)
    again, = reserve(client, wait_ms=30000)
    equal((again['id'], again['attempt']), (jobs[0], 2))
    equal(settle(client, *leases), {'settled': 1, 'lost': jobs[:1]})
    equal(client.call('consume.Extend', held=[pair(leases[0])])['lost'],
          jobs[:1])
    equal(client.call('consume.Progress', held=pair(leases[0])),
          {'lost': True, 'cancelled': False})
    settle(client, again)
    t.wait(jobs[0])


@story
def a_cancel_is_told_to_who_asks(t):
    t.start()
    client = consumer(t, 'resize')
    jobs = submit(t, 3)
    # The third is let lapse.
    leases = reserve(client, max=3, lease_ms=4000, wait_ms=10000)
    equal(t.c.call('Cancel', filter={'ids': jobs})['signalled'], 3)
    held = [pair(lease) for lease in leases]
    reply = client.call('consume.Extend', held=held)
    equal((reply['lost'], reply['cancelled']), ([], jobs))
    equal(client.call('consume.Progress', held=held[0]),
          {'lost': False, 'cancelled': True})
    # It was as good as done: a success stays one.
    settle(client, leases[0], result=1)
    settle(client, leases[1], failure={'type': 'Stopped'})
    ended = [t.wait(job) for job in jobs]
    equal([job['state'] for job in ended],
          ['succeeded', 'cancelled', 'cancelled'])


@story
def a_timeout_of_the_job_ends_its_lease(t):
    t.start()
    client = consumer(t, 'resize')
    job, = submit(t, 1, timeout_ms=3000)
    lease, = reserve(client, wait_ms=10000)
    equal(lease['timeout_ms'], 3000)
    assert lease['deadline_ms'] - time.time() * 1000 < 3100
    said = client.call('consume.Extend', held=[pair(lease)], lease_ms=60000)
    assert abs(said['deadline_ms'] - lease['deadline_ms']) < 50, said
    client.call('consume.Extend', held=[pair(lease)])
    ended = t.wait(job)
    equal((ended['state'], ended['cause']), ('failed', 'timeout'))
    equal(settle(client, lease), {'settled': 0, 'lost': [job]})


@story
def what_is_given_back_waits_as_long_as_asked_and_is_not_charged(t):
    t.start()
    client = consumer(t, 'resize')
    job, = submit(t)
    lease, = reserve(client, wait_ms=10000)
    equal(client.call('consume.Nack', held=[pair(lease)]),
          {'settled': 1, 'lost': []})
    lease, = reserve(client, wait_ms=10000)
    began = time.monotonic()
    equal(client.call('consume.Nack', held=[pair(lease)], delay_ms=2000),
          {'settled': 1, 'lost': []})
    equal(t.job_state(job), 'scheduled')
    lease, = reserve(client, wait_ms=60000)
    assert time.monotonic() - began > 1.9
    equal(lease['attempt'], 1)
    settle(client, lease)
    equal(t.wait(job)['attempt'], 1)


@story
def a_standing_reservation_holds_no_more_than_it_may(t):
    t.start()
    standing, client = t.client(), t.client()
    standing.send('consume.Reserve', {'handlers': ['resize'], 'max': 3},
                  more=True)
    eventually(lambda: knows(t, 'resize'))
    jobs = submit(t, 7)
    got = leases_of(standing, 3)
    equal([lease['id'] for lease in got], jobs[:3])
    equal((count(t, 'ready'), count(t, 'running')), (4, 3))
    settle(client, got[0])
    equal([one['id'] for one in leases_of(standing, 1)], jobs[3:4])
    # Its end leaves what it has to the deadlines.
    standing.close()
    other = t.client()
    rest = reserve(other, max=10, wait_ms=10000)
    equal([lease['id'] for lease in rest], jobs[4:])
    equal(settle(client, *got[1:], *rest), {'settled': 5, 'lost': []})


def count(t, state):
    return t.c.call('Count', filter={'states': [state]})['total']


def knows(t, handler):
    try:
        t.c.call('Submit', job={'handler': handler}, dry_run=True)
    except CallError:
        return False
    return True


def leases_of(client, count):
    got = []
    while len(got) < count:
        reply = client.read(10 * SLOW)
        assert reply.get('continues'), reply
        got += reply['parameters']['leases']
    equal(len(got), count)
    return got


@story
def paused_held_and_other_queues_jobs_stay_and_priority_counts(t):
    t.start()
    client = consumer(t, 'resize')
    t.c.call('queues.Configure', name='slow', max_length=10)
    t.c.call('queues.Pause', name='slow')
    slow = submit(t, 1, queue='slow')
    held = submit(t, 1, hold=True)
    low = submit(t, 1, priority=1)
    high = submit(t, 1, priority=5)
    other = submit(t, 1, queue='other')
    equal([one['id'] for one in reserve(client, max=9, wait_ms=0,
                                        queues=['default'])], high + low)
    equal(reserve(client, wait_ms=0, queues=['slow', 'default']), [])
    equal([one['id'] for one in reserve(client, max=9, wait_ms=0)], other)
    t.c.call('Release', filter={'ids': held})
    t.c.call('queues.Resume', name='slow')
    rest = []
    while len(rest) < 2:
        rest += reserve(client, max=9, wait_ms=10000)
    equal(sorted(one['id'] for one in rest), sorted(slow + held))


@story
def explain_says_that_nobody_asks_and_how_to(t):
    t.start()
    client = consumer(t, 'resize')
    job, = submit(t)
    reason, = t.c.call('Explain', id=job)['reasons']
    equal((reason['rule'], reason['remedy']),
          ('no_consumer', 'reeve work resize -- CMD'))
    lease, = reserve(client, wait_ms=10000)
    settle(client, lease)
    t.wait(job)


@story
def wrong_uses_are_told_by_name(t):
    t.start()
    client = t.client()

    def refused(method, **parameters):
        error = client.refused('consume.' + method, **parameters)
        return error.short, error.parameters.get('parameter')
    equal(refused('Reserve', handlers=[]), ('InvalidParameter', 'handlers'))
    equal(refused('Reserve', handlers=['a', 'a']),
          ('InvalidParameter', 'handlers[1]'))
    equal(refused('Reserve', handlers=['a'], queues=[]),
          ('InvalidParameter', 'queues'))
    equal(refused('Reserve', handlers=['']),
          ('InvalidParameter', 'handlers[0]'))
    equal(refused('Reserve', handlers=['a'], max=1001),
          ('InvalidParameter', 'max'))
    equal(refused('Reserve', handlers=['a'], lease_ms=999),
          ('InvalidParameter', 'lease_ms'))
    equal(refused('Reserve', handlers=['a'] * 65),
          ('InvalidParameter', 'handlers'))
    error = client.refused('consume.Reserve', handlers=['exec'])
    equal((error.short, error.parameters['pool']), ('PoolServes', 'exec'))
    equal(refused('Settle', outcomes=[{'id': 1, 'token': 0}]),
          ('InvalidParameter', 'outcomes[0].token'))
    equal(refused('Settle', outcomes=[{'id': 1, 'token': 2, 'result': 3,
                                       'failure': {}}]),
          ('InvalidParameter', 'outcomes[0].result'))
    equal(refused('Settle', outcomes=[{'id': 1, 'token': 2,
                                       'failure': {'type': 1}}]),
          ('InvalidParameter', 'outcomes[0].failure.type'))
    equal(refused('Progress', held={'id': 1, 'token': 2}, fraction=2),
          ('InvalidParameter', 'fraction'))
    client.send('consume.Reserve', {'handlers': ['a'], 'wait_ms': 1},
                more=True)
    equal(client.read()['parameters']['parameter'], 'wait_ms')
    # What nobody ever had is lost, and no error.
    equal(settle(client, {'id': 4711, 'token': 4711}),
          {'settled': 0, 'lost': [4711]})
    # Nobody can keep more than a connection may have.
    consumer(t, 'resize')
    submit(t, 1100)
    got = reserve(client, max=1000, wait_ms=10000)
    while len(got) < 1000:
        got += reserve(client, max=1000, wait_ms=10000)
    equal(len(got), 1000)
    error = client.refused('consume.Reserve', handlers=['resize'])
    equal((error.short, error.parameters['what']),
          ('TooMany', 'leases_per_connection'))
    equal(settle(client, *got)['settled'], 1000)
    equal(len(reserve(client, max=1000, wait_ms=10000)), 100)


def refused(client, limit, **parameters):
    try:
        client.call('consume.Reserve', wait_ms=0, **parameters)
    except CallError as error:
        equal((error.name, error.parameters['limit']),
              ('org.reeve.consume.TooMany', limit))
        return error.parameters['what']
    raise AssertionError('it was not refused')


@story(seconds=120)
def leases_and_names_have_their_limits(t):
    t.start()
    mine = consumer(t, 'resize')
    for _ in range(20):
        submit(t, 1000)
    submit(t, 1)
    clients = [mine] + [t.client() for _ in range(19)]
    for client in clients:
        held = []
        while len(held) < 1000:
            held += reserve(client, max=1000, lease_ms=600000, wait_ms=10000)
        equal(len(held), 1000)
    equal(refused(mine, 1000, handlers=['resize']), 'leases_per_connection')
    other = t.client()
    equal(refused(other, 20000, handlers=['resize']), 'leases')
    equal(settle(mine, held[0])['settled'], 1)
    equal(len(reserve(other, max=2, wait_ms=10000)), 1)
    equal(client.call('consume.Ack', held=[pair(lease) for lease in held[1:]])
          ['settled'], 999)
    # Names: as long as somebody asks for them.
    asking = []
    names = ['h%d' % n for n in range(999)] + ['one too many']
    for at in range(0, 999, 64):
        asking.append(t.client())
        asking[-1].send('consume.Reserve', {
            'handlers': names[at:min(at + 64, 999)], 'wait_ms': 600000})
    with t.client() as last:
        eventually(lambda: all(knows(t, name) for name in names[:999:64]),
                   what='they ask')
        equal(refused(last, 1000, handlers=['one more', names[-1]]),
              'consumed_handlers')


@story
def two_consumers_do_ten_thousand_jobs_each_once(t):
    t.start()
    pairs = [(t.client(), t.client()) for _ in range(2)]
    for standing, _ in pairs:
        standing.send('consume.Reserve', {'handlers': ['resize'], 'max': 400},
                      more=True)
    eventually(lambda: knows(t, 'resize'))
    jobs, seen, each = [], [], [0, 0]
    began = time.monotonic()
    for _ in range(10):
        jobs += submit(t, 1000)
    while len(seen) < len(jobs):
        for i, (standing, settler) in enumerate(pairs):
            if not waits_there(standing):
                continue
            leases = standing.read(10 * SLOW)['parameters']['leases']
            seen += [lease['id'] for lease in leases]
            each[i] += len(leases)
            equal(settle(settler, *leases, result={'ok': 1}),
                  {'settled': len(leases), 'lost': []})
    took = time.monotonic() - began
    equal(sorted(seen), sorted(jobs))
    assert min(each) > 1000, each
    equal(count(t, 'succeeded'), 10000)
    t.note('%d jobs a second, %s' % (len(jobs) / took, each))


@story
def large_arguments_come_in_parts(t):
    t.start()
    client = consumer(t, 'resize')
    rows = [{'handler': 'resize', 'args': {'text': 'x' * 900000}}] * 12
    jobs = t.c.call('SubmitMany', jobs=rows)['ids']
    parts = []
    while sum(parts, []) != jobs:
        leases = reserve(client, max=100, wait_ms=10000)
        parts.append([lease['id'] for lease in leases])
        equal(settle(client, *leases)['settled'], len(leases))
    assert len(parts) > 1, parts


@story
def long_results_are_listed_a_few_a_page_and_all_of_them_are(t):
    t.start()
    client = consumer(t, 'resize')
    jobs = submit(t, 5)
    sizes = [6 << 20, 1, 6 << 20, (16 << 20) - 200, 1]
    for job, size in zip(jobs, sizes):
        lease, = reserve(client, wait_ms=10000)
        equal(lease['id'], job)
        equal(settle(client, lease, result='x' * size)['settled'], 1)
    cursor, pages = {}, []
    while cursor is not None:
        reply = t.c.call('List', timeout=20 * SLOW, limit=1000, **cursor)
        pages.append(reply['jobs'])
        assert len(json.dumps(reply)) < 16 << 20
        cursor = {'cursor': reply['cursor']} if 'cursor' in reply else None
    equal([[(job['id'], len(job.get('result', '')),
             job.get('result_omitted', False)) for job in page]
           for page in pages],
          [[(jobs[0], sizes[0], False), (jobs[1], 1, False)],
           [(jobs[2], sizes[2], False)],
           [(jobs[3], 0, True)],
           [(jobs[4], 1, False)]])
    equal(t.exit_of(tool(t, [t.reeve, '--socket', str(t.socket), 'ls', '--all',
                             '-o', 'ids'])), 0)
    equal((t.folder / 'tool').read_text().split(), [str(job) for job in jobs])


def waits_there(client):
    import select
    return client.buffer or select.select([client.socket], [], [], 0.001)[0]


@story
def a_daemon_that_stops_says_so_and_keeps_the_leases(t):
    t.start()
    client, waiting = consumer(t, 'resize'), t.client()
    jobs = submit(t, 1)
    lease, = reserve(client, wait_ms=10000)
    waiting.send('consume.Reserve', {'handlers': ['resize']}, more=True)
    equal(t.shutdown(mode='drain'), 0)
    equal(waiting.read()['error'], 'org.reeve.consume.Draining')
    t.restart()
    t.reconnect()
    client = t.client()
    equal(settle(client, lease), {'settled': 1, 'lost': []})
    equal(t.wait(jobs[0])['state'], 'succeeded')


@story
def the_tool_works_for_real_and_its_death_brings_the_job_back(t):
    t.start()
    words = [t.reeve, '--socket', str(t.socket), 'work', 'resize', '--lease',
             '3s', '--']
    script = 'read args; echo "[$args]"; test ! -e %s || exec sleep 60' % (
        t.folder / 'slow')
    (t.folder / 'slow').touch()
    first = tool(t, [*words, 'sh', '-c', script])
    eventually(lambda: knows(t, 'resize'))
    job, = submit(t)
    t.reaches(job, 'running')
    t.kill(first)
    (t.folder / 'slow').unlink()
    second = tool(t, [*words, 'sh', '-c', script])
    ended = t.wait(job)
    equal((ended['state'], ended['attempt'], ended['result']),
          ('succeeded', 2, [{'n': 0}]))
    t.kill_broker()
    t.reconnect()
    equal(t.wait(submit(t)[0])['state'], 'succeeded')
    t.kill(second, signal.SIGTERM)
    t.exit_of(second)


def tool(t, words):
    return t.spawn(words, log=t.folder / 'tool')


if __name__ == '__main__':
    main()
