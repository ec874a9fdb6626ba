#!/usr/bin/python3
"""Many jobs: batches, pipelines, oneway, order, many connections.

covers: daemon/broker/batch daemon/broker/conn daemon/broker/writer
covers: daemon/broker/reader daemon/broker/cycle
"""
import contextlib
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'helper'))
from story import (SLOW, CallError, Closed, equal, eventually,  # noqa: E402
                   main, story)
from wire import encode  # noqa: E402

HELD = {'argv': ['/bin/true'], 'hold': True}


def count(t, **filter):
    return t.c.call('Count', filter=filter)['total']


@story
def ten_thousand_jobs_are_one_call_and_all_of_them_run(t):
    t.start()
    reply = t.c.call('SubmitMany', jobs=[{'argv': ['/bin/true']}] * 10000,
                     timeout=60 * SLOW)
    ids = reply['ids']
    equal(len(set(ids)), 10000)
    assert all(ids), 'a rejected one'
    assert not reply.get('rejected'), reply['rejected'][:3]
    equal(ids, sorted(ids), 'ids ascend')
    t.c.call('Cancel', filter={'states': ['ready']})
    eventually(lambda: count(t, states=['ready', 'running']) == 0, 20)


@story
def more_than_the_limit_is_refused_by_name(t):
    t.start()
    error = t.c.refused('SubmitMany', jobs=[HELD] * 10001)
    equal(error.name, 'org.varlink.service.InvalidParameter')
    equal(error.parameters['parameter'], 'jobs')
    assert '10000' in error.parameters['message'], error
    equal(count(t), 0)


@story
def defaults_fill_what_the_jobs_leave_open(t):
    t.start()
    ids = t.c.call('SubmitMany', defaults={'name': 'n', 'priority': 3,
                                           'argv': ['/bin/true'],
                                           'hold': True},
                   jobs=[{}, {'name': 'own'}])['ids']
    jobs = t.c.call('Get', ids=ids)['jobs']
    equal([(job['name'], job['priority'], job['state']) for job in jobs],
          [('n', 3, 'held'), ('own', 3, 'held')])


@story
def one_bad_job_of_many_is_rejected_alone(t):
    t.start()
    reply = t.c.call('SubmitMany', jobs=[HELD, {'argv': []}, HELD])
    equal([bool(id) for id in reply['ids']], [True, False, True])
    equal(len(reply['rejected']), 1)
    equal(reply['rejected'][0]['index'], 1)
    assert 'argv' in reply['rejected'][0]['field'], reply
    equal(count(t), 2)


def none_taken(t, jobs):
    try:
        reply = t.c.call('SubmitMany', all_or_none=True, jobs=jobs)
        assert not any(reply.get('ids') or []), reply
        assert any(item['index'] == 1 for item in reply['rejected']), reply
    except CallError as error:
        assert error.parameters.get('message'), error
    equal(count(t), 0)


@story
def all_or_none_means_none(t):
    t.start()
    none_taken(t, [HELD, {'argv': []}, HELD])
    group = t.c.call('OpenGroup')['group']
    t.c.call('CloseGroup', group=group)
    none_taken(t, [HELD, {**HELD, 'group': group}, HELD])


@story
def all_or_none_means_none_when_only_some_queues_fit(t):
    t.start()
    t.c.call('SubmitMany', timeout=60 * SLOW, jobs=[
        {**HELD, 'queue': 'q%d' % i} for i in range(9999)])
    before = count(t)
    many = [{**HELD, 'queue': name} for name in ('x', 'y', 'z')]
    reply = t.c.call('SubmitMany', all_or_none=True, jobs=many)
    equal(reply['ids'], [0, 0, 0])
    equal(sorted(item['index'] for item in reply['rejected']), [1, 2])
    equal(count(t), before)
    # One by one, what fits is taken, and the daemon still listens.
    reply = t.c.call('SubmitMany', jobs=many)
    equal([bool(job) for job in reply['ids']], [True, False, False])
    equal(count(t), before + 1)


@story
def no_ids_are_no_jobs(t):
    t.start()
    t.c.call('SubmitMany', jobs=[HELD] * 5)
    equal(count(t, ids=[]), 0)
    equal(t.c.call('List', filter={'ids': []})['jobs'], [])
    equal(t.c.call('Cancel', filter={'ids': []})['cancelled'], 0)
    equal(count(t, states=['held']), 5)


@story
def a_flush_counts_what_was_sent_without_asking(t):
    t.start()
    for i in range(1000):
        t.c.oneway('Submit', job=HELD if i % 10 else {'argv': []})
    reply = t.c.call('Flush')
    equal((reply['accepted'], reply['rejected']), (900, 100))
    equal(count(t), 900)
    reply = t.c.call('Flush')
    equal((reply['accepted'], reply['rejected']), (0, 0))


@story
def oneway_calls_get_no_reply_not_even_an_error(t):
    t.start()
    t.c.oneway('Submit', job={'argv': []})
    t.c.oneway('NoSuchMethod')
    t.c.oneway('admin.Ping')
    equal(t.c.call('admin.Ping', payload='x')['payload'], 'x')


@story
def pipelined_calls_are_answered_in_order(t):
    t.start()
    message = b''
    for i in range(900):
        message += (encode('Submit', {'job': HELD}) if i % 3 == 0 else
                    encode('admin.Ping', {'payload': str(i)}) if i % 3 == 1
                    else encode('Submit', {'job': {'argv': []}})) + b'\0'
    t.c.raw(message)
    last = 0
    for i in range(900):
        reply = t.c.read()
        if i % 3 == 0:
            assert reply['parameters']['id'] > last, reply
            last = reply['parameters']['id']
        elif i % 3 == 1:
            equal(reply['parameters']['payload'], str(i))
        else:
            equal(reply['error'], 'org.varlink.service.InvalidParameter')
    equal(count(t), 300)


@story
def five_thousand_pipelined_calls_are_all_answered(t):
    t.start()
    # More than a connection may have unanswered: the daemon reads on when
    # the first are answered, so a thread of the kernel's buffer has to do.
    import threading
    message = encode('Submit', {'job': HELD}) + b'\0'
    sender = threading.Thread(target=t.c.raw, args=(message * 5000,))
    sender.start()
    ids = [t.c.result()['id'] for _ in range(5000)]
    sender.join()
    equal(ids, sorted(set(ids)))


@story
def a_wait_holds_up_only_its_own_connection(t):
    t.start()
    gate = t.gate()
    job = t.submit(gate.argv)
    gate.started()
    client = t.client()
    client.send('Wait', {'ids': [job]})
    client.send('admin.Ping', {'payload': 'behind'})
    equal(t.c.call('admin.Ping', payload='other')['payload'], 'other')
    gate.open()
    equal(client.result()['pending'], 0)
    equal(client.result()['payload'], 'behind')


@story
def sixty_four_connections_submit_at_once(t):
    t.start()
    clients = [t.client() for _ in range(64)]
    ids = set()
    for _ in range(20):
        for client in clients:
            client.send('Submit', {'job': HELD})
        for client in clients:
            ids.add(client.result()['id'])
    equal(len(ids), 64 * 20)
    equal(count(t), 64 * 20)


@story
def newline_mode_answers_with_newlines(t):
    t.start()
    client = t.client(newline=True)
    client.raw(b'{"method":"org.reeve.admin.Ping"}\n' * 3)
    for _ in range(3):
        assert 'now_ms' in client.result()
    client.raw(b'\n\n{"method":"org.reeve.admin.Ping"}\n')
    reply = client.read()
    assert 'parameters' in reply, reply


@story
def newlines_are_white_space_in_nul_mode(t):
    t.start()
    client = t.client()
    # The first newline is inside of an unfinished object: no newline mode.
    client.raw(b'{"method":"org.reeve.admin.Ping",\n'
               b' "parameters":{"payload":"a\xc3\xbc"}}\0')
    equal(client.result()['payload'], 'aü')
    client = t.client()
    client.raw(b'{\n"method":\n"org.reeve.admin.Ping"\n}\0'
               b'\n{"method":"org.reeve.admin.Ping"}\n\0')
    client.result()
    client.result()


@story
def a_half_closed_connection_still_gets_its_answers(t):
    t.start()
    client = t.client()
    for _ in range(100):
        client.send('Submit', {'job': HELD})
    client.half_close()
    ids = [client.result()['id'] for _ in range(100)]
    equal(len(set(ids)), 100)
    assert client.closed()


@story
def a_half_closed_connection_is_told_of_the_end_of_its_job(t):
    t.start()
    gate = t.gate()
    client = t.client()
    client.send('Submit', {'job': {'argv': gate.argv}}, more=True)
    client.half_close()
    job = client.result()['id']
    gate.started()
    gate.open(9)
    equal(client.result()['job']['exit_code'], 9)
    equal(t.get(job)['state'], 'failed')
    assert client.closed()


@story
def what_was_sent_before_a_full_close_is_done(t):
    t.start()
    client = t.client()
    for _ in range(50):
        client.oneway('Submit', job=HELD)
    client.close()
    eventually(lambda: count(t) == 50, 5, 'all 50 are there')


@story
def submit_many_with_more_brings_each_end(t):
    t.start()
    replies = t.c.stream('SubmitMany', jobs=[
        {'argv': ['/bin/sh', '-c', 'exit %d' % i]} for i in range(20)])
    ids = next(replies)['ids']
    ends = {reply['job']['id']: reply['job']['exit_code']
            for reply in replies}
    equal(ends, {id: i for i, id in enumerate(ids)})


@story
def a_storm_of_connections_leaves_no_descriptor(t):
    import proc
    broker = t.start().whole()
    before = proc.descriptors(broker)
    for _ in range(20):
        clients = [t.client() for _ in range(50)]
        for client in clients:
            client.send('admin.Ping')
        for number, client in enumerate(clients):
            if number % 2:
                client.result()
            client.close()
    eventually(lambda: proc.descriptors(broker) <= before, 5,
               'the descriptors are closed')


@story
def too_many_connections_are_told_so(t):
    # Of 1024 descriptors its user may take 576.
    t.limits = {'RLIMIT_NOFILE': (1024, 1024)}
    t.start()
    clients = []
    refused = None
    for _ in range(700):
        client = t.client()
        clients.append(client)
        with contextlib.suppress(OSError):
            client.send('admin.Ping')
        try:
            reply = client.read()
        except Closed:
            refused = 'closed'
            break
        if 'error' in reply:
            refused = reply['error']
            break
    equal(refused, 'org.reeve.admin.TooManyConnections')
    assert 570 < len(clients) < 580, len(clients)
    for client in clients:
        client.close()

    # The broker may accept the next before it has read those ends.
    def answers():
        try:
            with t.client() as client:
                client.call('admin.Ping')
                return True
        except (CallError, Closed, OSError):
            return False
    eventually(answers, 5)


if __name__ == '__main__':
    main()
