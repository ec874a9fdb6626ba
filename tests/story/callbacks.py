#!/usr/bin/python3
"""Callbacks, told to a real daemon: each end has those that it owes, also when
the broker dies in between, and none that it does not.

covers: proto/callback daemon/broker/callback daemon/store/sqlite_follow
covers: daemon/worker/command
"""
import json
import os
import pathlib
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests' / 'helper'))
from story import (  # noqa: E402
    ENDED, SLOW, SOAK, Closed, equal, eventually, main, story)

QUEUES = 'org.reeve.queues.'
INVALID = 'org.varlink.service.InvalidParameter'
# One line for each run: its word, what the environment says, what it reads.
SCRIPT = ('read -r line; printf "%s|%s|%s|%s\\n" "$0" "$REEVE_OF_JOB" '
          '"$REEVE_OF_STATE" "$line" >>"$1"')


def note(t, word, **spec):
    """A callback that writes down what it is told."""
    return {'argv': ['/bin/sh', '-c', SCRIPT, word, str(t.folder / 'notes')],
            **spec}


def notes(t):
    """What was written down: (word, job, state, record)."""
    try:
        text = (t.folder / 'notes').read_text()
    except FileNotFoundError:
        return []
    # The last line may be on its way.
    lines = text[:text.rfind('\n') + 1].splitlines()
    return [(word, int(job or 0), state, json.loads(record))
            for word, job, state, record in
            (line.split('|', 3) for line in lines)]


def told(t, *wanted):
    """Waits until that was written down, and nothing else."""
    wanted = sorted(wanted)
    eventually(lambda: len(notes(t)) >= len(wanted), 10,
               '%s of %s' % (notes(t), wanted))
    equal(sorted((word, job) for word, job, _, _ in notes(t)), wanted)
    idle(t)
    equal(len(notes(t)), len(wanted), 'later')


def idle(t, within=20.0):
    """Waits until nothing is left to do."""
    def nothing():
        counts = t.c.call('Count')['counts']
        return not sum(n for state, n in counts.items() if state not in ENDED)
    eventually(nothing, within, 'all jobs have ended')


def all_three(t):
    return {'on_success': [note(t, 'good')], 'on_failure': [note(t, 'bad')],
            'on_done': [note(t, 'done')]}


@story
def each_end_has_its_callbacks_with_its_record(t):
    t.start()
    good = t.submit(['/bin/sh', '-c', 'exit 0'], name='a | "b"',
                    tags={'t': 'u'}, **all_three(t))
    told(t, ('good', good), ('done', good))
    bad = t.submit(['/bin/sh', '-c', 'exit 3'], **all_three(t))
    told(t, ('good', good), ('done', good), ('bad', bad), ('done', bad))
    for word, job, state, record in notes(t):
        now = t.get(job)
        equal(state, now['state'])
        # No end that came later is in it: it is that of the moment.
        equal(record, now, word)
        assert 'spec' not in record and 'attempts' not in record
    log = t.run(['/bin/true'], on_done=[
        {'shell': 'env | grep ^REEVE_OF_ | sort'}])
    idle(t)
    [callback] = t.c.call('List', filter={'follows': log['id']})['jobs']
    equal(t.output(callback['id']).decode().splitlines(), [
        'REEVE_OF_ATTEMPT=1', 'REEVE_OF_EXIT_CODE=0',
        'REEVE_OF_JOB=%d' % log['id'], 'REEVE_OF_QUEUE=default',
        'REEVE_OF_STATE=succeeded'])


@story
def both_sides_show_the_link_and_the_job_is_untouched(t):
    t.start()
    job = t.submit(['/bin/false'], on_failure=[
        {'argv': ['/nonexistent'], 'name': 'one',
         'retry': {'max_attempts': 2, 'backoff_ms': 1, 'causes': ['exec']}},
        note(t, 'bad', queue='mail', priority=3, timeout_ms=1234)])
    before = t.wait(job)
    idle(t)
    callbacks = t.c.call('Get', ids=[job], with_spec=True)['jobs'][0][
        'callbacks']
    equal(len(callbacks), 2)
    equal([one['id'] for one in t.c.call(
        'List', filter={'follows': job})['jobs']], callbacks)
    one, two = t.c.call('Get', ids=callbacks)['jobs']
    # It was tried as often as it may be, and is listed among the dead.
    equal((one['follows'], one['name'], one['queue'], one['state'],
           one['cause'], one['attempt']),
          (job, 'one', 'callbacks', 'failed', 'exec', 2))
    equal((two['follows'], two['queue'], two['state'], two['priority']),
          (job, 'mail', 'succeeded', 3))
    equal([dead['id'] for dead in t.c.call('List', filter={
        'queue': 'callbacks', 'states': ['failed']})['jobs']], [one['id']])
    equal(t.get(job), before)
    reasons = t.c.call('Explain', id=one['id'])['reasons']
    assert any(reason['rule'] == 'follows' and
               reason['message'] == 'it is a callback of job %d' % job
               for reason in reasons), reasons
    reasons = t.c.call('Explain', id=job)['reasons']
    assert any(reason['rule'] == 'callbacks' for reason in reasons), reasons
    spec = t.c.call('GetSpec', id=job)['job']
    equal(spec['on_failure'][0]['name'], 'one')
    assert 'of' not in t.c.call('GetSpec', id=two['id'])['job']
    # Its own job is gone, it is not.
    t.c.call('Remove', filter={'ids': [job]})
    equal(t.get(two['id'])['follows'], job)


@story
def an_attempt_that_is_tried_again_is_no_end(t):
    t.start()
    job = t.submit(['/bin/false'], retry={'max_attempts': 3, 'backoff_ms': 1},
                   **all_three(t))
    told(t, ('bad', job), ('done', job))
    equal(notes(t)[0][3]['attempt'], 3)
    # By hand, it owes again.
    t.c.call('Retry', filter={'ids': [job]})
    eventually(lambda: len(notes(t)) == 4, what='two more')
    idle(t)
    equal(len(t.c.call('Get', ids=[job], with_spec=True)['jobs'][0][
        'callbacks']), 4)


@story
def whatever_ends_a_job_is_told(t):
    t.start()
    gate = t.gate()
    lists = all_three(t)
    held = t.submit(['/bin/true'], hold=True, **lists)
    t.c.call('Cancel', filter={'ids': [held]}, reason='why')
    late = t.submit(['/bin/true'], hold=True, expire_ms=50, **lists)
    old = t.submit(['/bin/true'], hold=True, unique='w', **lists)
    new = t.submit(['/bin/true'], unique='w', on_conflict='replace')
    runs = t.submit(gate.argv, **lists)
    gate.started()
    t.c.call('Cancel', filter={'ids': [runs]}, grace_ms=0)
    lost = t.submit(gate.argv, crash_limit=1, **lists)
    gate.started()
    t.kill(t.worker_of(lost))
    none = t.submit(['/nonexistent'], **lists)
    ended = [held, late, old, runs, lost, none]
    told(t, *[(word, job) for job in ended for word in ('bad', 'done')])
    causes = {job: record['cause'] for _, job, _, record in notes(t)}
    equal([causes[job] for job in ended], [
        'cancelled', 'expired', 'cancelled', 'cancelled', 'worker_lost',
        'exec'])
    equal([record['failure']['message'] for word, job, _, record in notes(t)
           if (word, job) == ('bad', held)], ['why'])
    equal(t.get(new)['state'], 'succeeded')


@story
def handlers_get_the_record_among_their_arguments(t):
    program = t.folder / 'handlers.py'
    program.write_text('''
from reeve.worker import handler, main
@handler
def tell(**args):
    return args
@handler
def make(n):
    return 'x' * n
main()
''')
    t.env['PYTHONPATH'] = str(ROOT / 'client' / 'python')
    config = t.folder / 'config' / 'reeve' / 'reeve.yaml'
    config.parent.mkdir(parents=True)
    config.write_text('pools: {py: {run: [%s, %s], handles: [tell, make], '
                      'workers: 1}}\n' % (sys.executable, program))
    config.chmod(0o600)
    t.start(workers=1)
    callback = {'handler': 'tell', 'args': {'a': [1], 'job': 'mine', 'é': 2}}
    for size in (3, 300000):
        job = t.wait(t.c.call('Submit', job={
            'handler': 'make', 'args': {'n': size},
            'on_success': [callback]})['id'])
        equal(job['state'], 'succeeded')
        idle(t)
        [one] = t.c.call('List', filter={'follows': job['id']})['jobs']
        got = one['result']
        equal((got['a'], got['é'], got['job']['id']), ([1], 2, job['id']))
        if size == 3:
            equal(got['job'], job)
        else:
            equal((got['job'].get('result'), got['job']['result_omitted']),
                  (None, True))
    error = t.c.refused('Submit', job={'argv': ['x'], 'on_done': [
        {'shell': 'a', 'on_failure': [{'handler': 'nobody'}]}]})
    equal((error.name, error.parameters['handler']),
          ('org.reeve.jobs.NoSuchHandler', 'nobody'))


@story
def a_broker_that_dies_loses_none_and_makes_none(t):
    t.start()
    gate, second = t.gate(), t.gate()
    # Between the end and its callback: it waits in a paused queue.
    t.run(['/bin/true'], queue='later')
    t.c.call(QUEUES + 'Pause', name='later')
    first = t.submit(['/bin/true'], on_done=[note(t, 'one', queue='later')])
    t.wait(first)
    t.kill_broker()
    t.reconnect()
    equal(notes(t), [])
    t.c.call(QUEUES + 'Resume', name='later')
    told(t, ('one', first))
    # The end comes while nobody is there to hear of it.
    job = t.submit(gate.argv, on_success=[note(t, 'two')])
    gate.started()
    t.kill_broker()
    gate.open()
    t.reconnect()
    told(t, ('one', first), ('two', job))
    # Between the callback's start and its end.
    job = t.submit(['/bin/true'], on_done=[{'argv': second.argv}])
    second.started()
    t.kill_broker()
    second.open()
    t.reconnect()
    idle(t)
    [one] = t.c.call('List', filter={'follows': job})['jobs']
    equal((one['state'], one['attempt'], second.starts()),
          ('succeeded', 1, 0))
    # The receiver dies: it is tried again.
    job = t.submit(['/bin/true'], on_done=[
        {'argv': second.argv, 'retry': {'backoff_ms': 1}}])
    second.started()
    [one] = t.c.call('List', filter={'follows': job})['jobs']
    t.kill(t.worker_of(one['id']))
    second.started()
    second.open()
    idle(t)
    equal(t.get(one['id'])['state'], 'succeeded')


@story
def a_group_has_its_callbacks_once_with_counts(t):
    t.start()
    gate = t.gate()
    group = t.c.call('OpenGroup', name='g', on_success=[note(t, 'all')],
                     on_failure=[note(t, 'some')],
                     on_done=[note(t, 'done')])['group']
    bad = t.submit(['/bin/false'], group=group)
    t.submit(['/bin/true'], group=group)
    held = t.submit(gate.argv, group=group)
    gate.started()
    t.c.call('CloseGroup', group=group)
    t.kill_broker()
    t.reconnect()
    equal(notes(t), [])
    gate.open()
    told(t, ('some', 0), ('done', 0))
    record = notes(t)[0][3]
    equal((record['id'], record['name'], record['complete'],
           record['counts']['succeeded'], record['counts']['failed'],
           record['first_failed']), (group, 'g', True, 2, 1, [bad]))
    t.c.call('Retry', filter={'ids': [bad, held], 'all': True})
    gate.started()
    gate.open()
    t.kill_broker()
    t.reconnect()
    idle(t)
    equal(len(notes(t)), 2)
    good = t.c.call('OpenGroup', on_success=[note(t, 'all')])['group']
    t.submit(['/bin/true'], group=good, on_success=[note(t, 'own')])
    t.c.call('CloseGroup', group=good)
    eventually(lambda: len(notes(t)) == 4, what='all of the second group')
    [one] = [one for one in t.c.call('List')['jobs']
             if one.get('follows_group') == good]
    idle(t)
    assert 'group' not in t.get(one['id'])


@story
def the_queue_of_callbacks_is_paused_before_the_first_of_them(t):
    t.start()
    t.c.call(QUEUES + 'Pause', name='callbacks')
    t.kill_broker()
    t.reconnect()
    job = t.submit(['/bin/true'], on_done=[{'argv': ['/bin/true']}])
    t.wait(job)
    [one] = t.c.call('List', filter={'follows': job})['jobs']
    equal((one['state'], t.c.call('Explain', id=one['id'])['reasons'][0]
           ['rule']), ('ready', 'paused'))
    t.c.call(QUEUES + 'Resume', name='callbacks')
    equal(t.wait(one['id'])['state'], 'succeeded')


@story
def a_queue_has_callbacks_of_its_jobs_but_not_of_callbacks(t):
    t.start()
    t.c.call(QUEUES + 'Configure', name='mail', on_failure=[note(t, 'mail')])
    t.c.call(QUEUES + 'Configure', name='callbacks',
             on_done=[note(t, 'never')])
    t.c.call(QUEUES + 'Configure', name='mail', max_length=5)
    t.kill_broker()
    t.reconnect()
    shown = {queue['name']: queue
             for queue in t.c.call(QUEUES + 'List')['queues']}
    equal(shown['mail']['on_failure'], [note(t, 'mail')])
    assert 'on_done' not in shown['mail']
    bad = t.submit(['/bin/false'], queue='mail', on_failure=[note(t, 'own')])
    t.submit(['/bin/true'], queue='mail')
    told(t, ('mail', bad), ('own', bad))
    t.c.call(QUEUES + 'Configure', name='mail', on_failure=[])
    t.run(['/bin/false'], queue='mail')
    idle(t)
    equal(len(notes(t)), 2)
    error = t.c.refused(QUEUES + 'Configure', name='mail', on_done=[{}])
    equal((error.name, error.parameters['parameter']),
          (INVALID, 'on_done[0].argv'))


@story
def callbacks_of_callbacks_go_three_levels_deep(t):
    t.start()
    third = note(t, 'three')
    second = note(t, 'two', on_done=[third])
    first = {'argv': ['/bin/false'], 'retry': {'max_attempts': 1},
             'on_failure': [second], 'on_success': [note(t, 'never')]}
    job = t.submit(['/bin/true'], on_done=[first])
    told(t, ('two', job + 1), ('three', job + 2))
    equal(t.get(job + 3)['follows'], job + 2)
    error = t.c.refused('Submit', job={'argv': ['x'], 'on_done': [
        {'shell': 'a', 'on_done': [{'shell': 'b', 'on_done': [
            {**third, 'on_done': [third]}]}]}]})
    equal((error.name, error.parameters['parameter']),
          (INVALID, 'job.on_done[0].on_done[0].on_done[0]'))


@story
def wrong_callbacks_are_refused_with_their_place(t):
    t.start()
    for field, value, place in (
            ('on_done', {}, 'on_done'), ('on_done', [1], 'on_done[0]'),
            ('on_failure', [{'shell': 'a'}, {}], 'on_failure[1].argv'),
            ('on_done', [{'shell': 'a', 'key': 'k'}], 'on_done[0].key'),
            ('on_done', [{'shell': 'a', 'stdin': ''}], 'on_done[0].stdin'),
            ('on_done', [{'shell': 'a', 'group': 1}], 'on_done[0].group'),
            ('on_done', [{'shell': 'a'}] * 17, 'on_done')):
        error = t.c.refused('Submit', job={'argv': ['x'], field: value})
        equal((error.name, error.parameters['parameter']),
              (INVALID, 'job.' + place))
        error = t.c.refused('OpenGroup', **{field: value})
        equal((error.name, error.parameters['parameter']), (INVALID, place))
    error = t.c.refused('Submit', job={
        'argv': ['x'], 'durability': 'memory', 'on_done': [{'shell': 'a'}]})
    equal(error.parameters['parameter'], 'job.durability')
    job = t.run(['/bin/true'], on_done=[note(t, 'one', delay_ms=60000)])
    [one] = t.c.call('List', filter={'follows': job['id']})['jobs']
    equal(one['state'], 'scheduled')
    error = t.c.refused('Edit', id=one['id'], job={'argv': ['/bin/true']})
    equal(error.name, 'org.reeve.jobs.WrongState')


# As short as a callback can be: an append of one line.
WORD = 'echo "$0 $REEVE_OF_JOB" >>"$1"'


def submit_some(t, first, count):
    """One in three fails, one in seven is cancelled; what was answered."""
    path = str(t.folder / 'words')

    def word(text):
        return {'argv': ['/bin/sh', '-c', WORD, text, path]}
    specs = []
    for n in range(first, first + count):
        specs.append({
            'argv': ['/bin/false' if n % 3 == 0 else '/bin/true'],
            'hold': n % 7 == 0, 'on_success': [word('s')],
            'on_failure': [word('f')]})
    try:
        return len(t.reconnect().call('SubmitMany', jobs=specs)['ids'])
    except (OSError, Closed):
        return 0


def check_words(t):
    """Every end has its callback, and every callback an end."""
    words, cursor, owed, states = {}, None, 0, {}
    for line in (t.folder / 'words').read_text().splitlines():
        word, job = line.split()
        words.setdefault(int(job), []).append(word)
    while True:
        page = t.c.call('List', limit=1000, **(
            {'cursor': cursor} if cursor else {}))
        for job in page['jobs']:
            assert job['state'] in ENDED, job
            if 'follows' not in job:
                states[job['id']] = job['state']
        cursor = page.get('cursor')
        if not cursor:
            break
    for job, state in states.items():
        wanted = 's' if state == 'succeeded' else 'f'
        assert set(words.get(job, ())) == {wanted}, (
            job, state, words.get(job))
        owed += 1
    assert not set(words) - set(states), set(words) - set(states)
    return owed, sum(len(word) for word in words.values())


@story(seconds=3600 if SOAK else 120)
def none_of_many_is_missing_under_kills_of_the_broker(t):
    total = 100000 if SOAK else int(2000 / SLOW)
    t.start(workers=os.cpu_count() or 2)
    submitted = kills = 0
    began = time.monotonic()
    while submitted < total:
        ended = t.c.call('Count', filter={'queue': 'callbacks'})['total']
        got = submit_some(t, submitted, min(500, total - submitted))
        submitted += got
        # In the middle of it: some have ended, none is all done.
        eventually(lambda: t.c.call('Count', filter={
            'queue': 'callbacks'})['total'] > ended or not got, 60)
        while t.c.call('Cancel', filter={'states': ['held']},
                       reason='held').get('left'):
            pass
        t.kill_broker()
        kills += 1
        t.reconnect()
    t.c.call('Cancel', filter={'states': ['held']})
    idle(t, 3000)
    owed, delivered = check_words(t)
    assert owed >= submitted, (owed, submitted)
    t.note('%d ends, %d callbacks delivered, %d kills, %.1f s' % (
        owed, delivered, kills, time.monotonic() - began))


if __name__ == '__main__':
    main()
