#!/usr/bin/python3
"""Waiting, groups, cancelling, holding: what several calls do to one job.

covers: daemon/broker/group daemon/broker/call_groups daemon/broker/call_wait
covers: daemon/broker/call_query daemon/broker/filter daemon/broker/group_watch
covers: daemon/broker/waits daemon/broker/watch
covers: daemon/broker/call_steer
"""
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'helper'))
from story import equal, eventually, main, story  # noqa: E402
import proc  # noqa: E402


@story
def waiting_for_all_answers_when_all_have_ended(t):
    t.start()
    jobs = [t.submit(['/bin/sh', '-c', 'exit %d' % i]) for i in range(5)]
    reply = t.c.call('Wait', ids=jobs)
    equal(reply['pending'], 0)
    equal({job['id']: job['exit_code'] for job in reply['jobs']},
          {job: i for i, job in enumerate(jobs)})


@story
def waiting_for_any_answers_at_the_first_end(t):
    t.start()
    gate = t.gate()
    slow = t.submit(gate.argv)
    gate.started()
    quick = t.submit(['/bin/true'])
    reply = t.c.call('Wait', ids=[slow, quick], any=True)
    equal([job['id'] for job in reply['jobs']], [quick])
    equal(reply['pending'], 1)
    gate.open()
    t.wait(slow)


@story
def waiting_has_a_time_limit(t):
    t.start()
    gate = t.gate()
    job = t.submit(gate.argv)
    gate.started()
    began = time.monotonic()
    error = t.c.refused('Wait', ids=[job], wait_ms=300)
    equal(error.name, 'org.reeve.jobs.Timeout')
    equal(error.parameters['pending'], 1)
    assert 0.29 < time.monotonic() - began
    equal(t.job_state(job), 'running')
    gate.open()
    t.wait(job)


@story
def waiting_with_more_tells_each_end_as_it_comes(t):
    t.start()
    gates = [t.gate(), t.gate()]
    jobs = [t.submit(gate.argv) for gate in gates]
    client = t.client()
    client.send('Wait', {'ids': jobs}, more=True)
    for gate in gates:
        gate.started()
    gates[1].open()
    reply = client.read()
    equal([job['id'] for job in reply['parameters']['jobs']], [jobs[1]])
    equal(reply.get('continues'), True)
    gates[0].open()
    reply = client.read()
    equal([job['id'] for job in reply['parameters']['jobs']], [jobs[0]])
    assert not reply.get('continues'), reply
    equal(reply['parameters']['pending'], 0)


@story
def waiting_for_a_finished_job_answers_at_once(t):
    t.start()
    job = t.run(['/bin/true'])['id']
    reply = t.c.call('Wait', ids=[job], wait_ms=0)
    equal((reply['jobs'][0]['id'], reply['pending']), (job, 0))


@story
def an_unknown_id_is_a_named_error_everywhere(t):
    t.start()
    for method, parameters in (('Wait', {'ids': [4242]}),
                               ('Get', {'ids': [4242]}),
                               ('Output', {'id': 4242})):
        error = t.c.refused(method, parameters)
        equal(error.name, 'org.reeve.jobs.NoSuchJob', method)
        equal(error.parameters['id'], 4242)
        assert error.parameters.get('message'), error
    equal(t.c.call('Cancel', filter={'ids': [4242]})['cancelled'], 0)
    error = t.c.refused('GetGroup', group=4242)
    equal(error.name, 'org.reeve.jobs.NoSuchGroup')


@story
def a_group_is_complete_when_it_is_closed_and_all_have_ended(t):
    t.start()
    group = t.c.call('OpenGroup', name='g', total=3)['group']
    jobs = [t.submit(['/bin/sh', '-c', 'exit %d' % (i == 2)], group=group)
            for i in range(3)]
    client = t.client()
    client.send('Wait', {'group': group})
    for job in jobs:
        t.wait(job)
    record = t.c.call('GetGroup', group=group)['group']
    equal((record['closed'], record['name'], record['total']),
          (False, 'g', 3))
    equal({k: v for k, v in record['counts'].items() if v},
          {'succeeded': 2, 'failed': 1})
    t.c.call('CloseGroup', group=group)
    equal(client.result()['pending'], 0)
    error = t.c.refused('Submit', job={'argv': ['/bin/true'],
                                       'group': group})
    equal(error.name, 'org.reeve.jobs.GroupClosed')
    record = t.c.call('GetGroup', group=group)['group']
    equal((record['closed'], record['complete']), (True, True))


@story
def an_empty_group_is_complete_when_it_is_closed(t):
    t.start()
    group = t.c.call('OpenGroup')['group']
    t.c.call('CloseGroup', group=group)
    reply = t.c.call('Wait', group=group)
    equal(reply['pending'], 0)
    equal(reply['jobs'], [])


@story
def groups_survive_the_broker(t):
    t.start()
    group = t.c.call('OpenGroup')['group']
    gate = t.gate()
    job = t.submit(gate.argv, group=group)
    t.submit(['/bin/true'], group=group)
    gate.started()
    t.kill_broker()
    t.reconnect()
    t.c.call('CloseGroup', group=group)
    gate.open()
    equal(t.c.call('Wait', group=group)['pending'], 0)
    counts = t.c.call('GetGroup', group=group)['group']['counts']
    equal(counts['succeeded'], 2)
    equal(t.get(job)['attempt'], 1)


@story
def a_waiting_job_is_cancelled_at_once(t):
    t.start()
    job = t.submit(['/bin/true'], hold=True)
    later = t.submit(['/bin/true'], delay_ms=3600000)
    reply = t.c.call('Cancel', filter={'ids': [job, later]}, reason='enough')
    equal((reply['cancelled'], reply['signalled']), (2, 0))
    for each in (job, later):
        ended = t.wait(each)
        equal(ended['state'], 'cancelled')
        equal(ended['cause'], 'cancelled')
        equal(ended['attempt'], 0)
    assert 'enough' in ended['failure'].get('message', ''), ended


@story
def a_running_job_gets_term_then_kill_and_is_cancelled(t):
    t.start()
    gate = t.gate()
    job = t.submit(['/bin/sh', '-c', 'trap "" TERM; (/usr/bin/setsid '
                    '/bin/sleep 600 &); echo $$ >"$0.up"; '
                    'while :; do /bin/sleep 600; done', gate.path],
                   grace_ms=200)
    pid = gate.started()
    reply = t.c.call('Cancel', filter={'ids': [job]})
    equal(reply['signalled'], 1)
    ended = t.wait(job)
    equal(ended['state'], 'cancelled')
    equal(ended['cause'], 'cancelled')
    eventually(lambda: not proc.alive(pid), 1)


@story
def a_job_that_obeys_term_is_cancelled_too(t):
    t.start()
    gate = t.gate()
    job = t.submit(['/bin/sh', '-c', 'trap "exit 0" TERM; echo $$ >"$0.up"; '
                    'while :; do /bin/sleep 0.05; done', gate.path],
                   grace_ms=600000)
    gate.started()
    t.c.call('Cancel', filter={'ids': [job]})
    ended = t.wait(job)
    assert ended['state'] in ('cancelled', 'succeeded'), ended


@story
def cancelling_what_has_ended_changes_nothing(t):
    t.start()
    job = t.run(['/bin/true'])['id']
    reply = t.c.call('Cancel', filter={'ids': [job]})
    equal((reply['cancelled'], reply['signalled']), (0, 0))
    equal(t.job_state(job), 'succeeded')


@story
def cancelling_everything_must_be_said(t):
    t.start()
    job = t.submit(['/bin/true'], hold=True)
    error = t.c.refused('Cancel', filter={})
    equal(error.name, 'org.varlink.service.InvalidParameter')
    equal(t.job_state(job), 'held')
    equal(t.c.call('Cancel', filter={'all': True})['cancelled'], 1)
    equal(t.job_state(job), 'cancelled')


@story
def thousands_are_cancelled_in_one_call(t):
    t.start()
    specs = [{'argv': ['/bin/true'], 'hold': True}] * 5000
    t.c.call('SubmitMany', jobs=specs)
    count = 0
    while True:
        reply = t.c.call('Cancel', filter={'all': True})
        count += reply['cancelled']
        if not reply.get('left'):
            break
    equal(count, 5000)
    equal(t.c.call('Count', filter={'states': ['held']})['total'], 0)


@story
def listing_pages_through_everything_once(t):
    t.start()
    t.c.call('SubmitMany', jobs=[{'argv': ['/bin/true'], 'hold': True}] * 250)
    seen, cursor = [], None
    while True:
        parameters = {'filter': {'states': ['held']}, 'limit': 100}
        if cursor:
            parameters['cursor'] = cursor
        reply = t.c.call('List', parameters)
        seen += [job['id'] for job in reply['jobs']]
        cursor = reply.get('cursor')
        if not cursor:
            break
    equal(len(seen), 250)
    equal(len(set(seen)), 250)
    counts = t.c.call('Count', by='state')
    equal((counts['total'], counts['counts']['held']), (250, 250))


@story
def a_client_that_leaves_cancels_only_its_waiting(t):
    t.start()
    gate = t.gate()
    job = t.submit(gate.argv)
    gate.started()
    client = t.client()
    client.send('Wait', {'ids': [job]})
    client.close()
    equal(t.job_state(job), 'running')
    gate.open()
    equal(t.wait(job)['state'], 'succeeded')


if __name__ == '__main__':
    main()
