#!/usr/bin/python3
"""The job model and the queues, told to a real daemon: retries, expiry, unique
words, pauses, limits, edits, explanations.

covers: daemon/broker/call_queues daemon/broker/drain daemon/broker/room
covers: daemon/broker/call_explain daemon/broker/call_edit
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'helper'))
from story import equal, eventually, main, story  # noqa: E402

QUEUES = 'org.reeve.queues.'


@story
def a_failed_job_is_tried_again_by_its_rule(t):
    t.start()
    job = t.submit(['/bin/sh', '-c', 'exit 7'],
                   retry={'max_attempts': 3, 'backoff_ms': 10})
    ended = t.wait(job)
    equal((ended['state'], ended['attempt'], ended['max_attempts']),
          ('failed', 3, 3))
    told = t.c.call('Explain', id=job)
    equal([reason['rule'] for reason in told['reasons'][:3]], ['exit'] * 3)
    assert 'attempt 3 ended with exit code 7' in told['summary'], told
    other = t.wait(t.submit(['/bin/sh', '-c', 'exit 7'],
                            retry={'exit_codes': [75]}))
    equal(other['attempt'], 1)


@story
def an_ended_job_is_run_again_and_waited_for(t):
    t.start()
    job = t.submit(['/bin/sh', '-c', 'exit 1'])
    t.wait(job)
    equal(t.c.call('Retry', filter={'ids': [job]}, dry_run=True)['count'], 1)
    equal(t.c.call('Retry', filter={'ids': [job]})['count'], 1)
    equal(t.wait(job)['attempt'], 2)
    equal(t.c.call('Remove', filter={'ids': [job]})['count'], 1)
    equal(t.c.refused('Get', ids=[job]).name, 'org.reeve.jobs.NoSuchJob')


@story
def a_job_that_waits_too_long_expires(t):
    t.start()
    job = t.submit(['/bin/true'], hold=True, expire_ms=100)
    ended = t.wait(job)
    equal((ended['state'], ended['cause']), ('cancelled', 'expired'))


@story
def a_unique_word_is_free_when_its_job_has_ended(t):
    t.start()
    job = t.submit(['/bin/true'], hold=True, unique='u')
    spec = {'argv': ['/bin/true'], 'unique': 'u', 'on_conflict': 'reject'}
    error = t.c.refused('Submit', job=spec)
    equal(error.name, 'org.reeve.jobs.Duplicate')
    equal(error.parameters['id'], job)
    spec['on_conflict'] = 'replace'
    new = t.c.call('Submit', job=spec)['id']
    equal(t.get(job)['state'], 'cancelled')
    t.wait(new)
    spec['on_conflict'] = 'reject'
    t.wait(t.c.call('Submit', job=spec)['id'])


@story
def a_paused_queue_starts_nothing_even_after_a_restart(t):
    t.start()
    t.c.call(QUEUES + 'Pause')
    job = t.submit(['/bin/true'])
    told = t.c.call('Explain', id=job)
    equal(told['reasons'][0]['rule'], 'paused')
    t.kill_broker()
    t.ready()
    t.reconnect()
    equal(t.get(job)['state'], 'ready')
    listed = t.c.call(QUEUES + 'List')['queues']
    equal([(queue['name'], queue['paused']) for queue in listed],
          [('default', True)])
    t.c.call(QUEUES + 'Resume', name='default')
    t.c.call(QUEUES + 'Drain', name='default', wait_ms=10000)
    equal(t.get(job)['state'], 'succeeded')
    for word in ('Pause', 'Resume'):
        t.c.call(QUEUES + word, name='callbacks')
    equal(t.c.refused(QUEUES + 'Pause', name='defalut').name,
          QUEUES + 'NoSuchQueue')


@story
def a_full_queue_refuses_or_makes_its_submitters_wait(t):
    t.start()
    t.c.call(QUEUES + 'Configure', name='q', max_length=1)
    first = t.submit(['/bin/true'], queue='q', hold=True)
    spec = {'argv': ['/bin/true'], 'queue': 'q'}
    error = t.c.refused('Submit', job=spec)
    equal(error.name, 'org.reeve.jobs.QueueFull')
    equal(error.parameters['limit'], 1)
    t.c.call(QUEUES + 'Configure', name='q', overflow='block')
    client = t.client()
    client.send('Submit', {'job': spec})
    equal(t.c.call('Count', filter={'queue': 'q'})['total'], 1)
    t.c.call('Release', filter={'ids': [first]})
    t.wait(client.read()['parameters']['id'])


@story
def a_long_call_goes_through_a_short_queue_whole(t):
    t.start()
    t.c.call(QUEUES + 'Configure', name='q', max_length=2, overflow='block')
    jobs = [{'argv': ['/bin/true'], 'queue': 'q'}] * 9
    told = t.c.call('SubmitMany', jobs=jobs)
    equal((len(told['ids']), told.get('rejected', [])), (9, []))
    error = t.c.call('SubmitMany', jobs=jobs, all_or_none=True)
    equal({one['error'] for one in error['rejected']},
          {'org.reeve.jobs.QueueFull'})
    t.c.call(QUEUES + 'Drain', name='q', wait_ms=10000)
    held = [t.submit(['/bin/true'], hold=True) for _ in range(3)]
    equal(t.c.call('Change', filter={'ids': held}, queue='q')['count'], 3)
    held = {'queue': 'q', 'states': ['held']}
    equal(t.c.call('Count', filter=held)['total'], 3)


@story
def a_waiting_job_is_edited_and_changed(t):
    t.start()
    job = t.submit(['/bin/false'], hold=True)
    t.c.call('Edit', id=job, job={'argv': ['/bin/true'], 'hold': True})
    equal(t.c.call('Change', filter={'ids': [job]}, priority=5)['count'], 1)
    equal(t.get(job)['priority'], 5)
    t.c.call('Release', filter={'ids': [job]})
    equal(t.wait(job)['state'], 'succeeded')
    error = t.c.refused('Edit', id=job, job={'argv': ['/bin/true']})
    equal(error.name, 'org.reeve.jobs.WrongState')


@story
def a_purge_cancels_what_waits(t):
    t.start()
    jobs = [t.submit(['/bin/true'], hold=True) for _ in range(3)]
    equal(t.c.call(QUEUES + 'Purge', name='default')['removed'], 3)
    equal(t.get(jobs[0])['failure']['message'], 'purged')
    equal(t.c.call(QUEUES + 'Purge', name='default',
                   states=['cancelled'])['removed'], 3)
    eventually(lambda: t.c.call('Count')['total'] == 0)


if __name__ == '__main__':
    main()
