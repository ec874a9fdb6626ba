#!/usr/bin/python3
"""Pools of filters: those that die, babble, hang and cannot begin.

covers: daemon/worker/filter daemon/worker/run_lines
"""
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'helper'))
from story import equal, eventually, main, soon, story  # noqa: E402
from warm import (ROOT, all_at_once, all_ended, configure,  # noqa: E402
                  give_many, pids, pool, reload, serving)
import proc  # noqa: E402


def line(t, **options):
    run = '[%s, %s, %s]' % (sys.executable, ROOT / 'tests' / 'story' /
                            'warm_filter.py', t.folder)
    given = {'kind': 'lines', 'run': run, 'handles': '[ask]', 'workers': '1',
             **options}
    return '  warm: {%s}\n' % ', '.join('%s: %s' % pair
                                        for pair in given.items())


def start(t, **options):
    path = configure(t, 'pools:\n' + line(t, **options))
    t.start(workers=1, flags=['--config', str(path)])


def ask(do, args=None, **spec):
    return {'handler': 'ask', 'args': {**(args or {}), 'do': do}, **spec}


def asked(t, do, args=None, **spec):
    return t.wait(give_many(t, [ask(do, args, **spec)])[0])


def filters(t):
    """The filters that ever began."""
    path = t.folder / 'filters'
    return ([int(text.split()[0]) for text in path.read_text().splitlines()]
            if path.exists() else [])


def starts(t):
    path = t.folder / 'filters'
    return [float(text.split()[1]) for text in path.read_text().splitlines()]


@story
def a_shell_filter_answers_each_line_with_its_own(t):
    path = configure(t, 'pools:\n  sh: {kind: lines, '
                               'run: [/bin/sed, -u, "s/^{.*}$/[&]/"], '
                               'handles: [wrap], workers: 2}\n')
    t.start(workers=1, flags=['--config', str(path)])
    jobs = give_many(t, [{'handler': 'wrap', 'args': {'i': i}}
                         for i in range(500)])
    for i, job in enumerate(all_ended(t, jobs)):
        equal((job['state'], job['result']), ('succeeded', [{'i': i}]))


@story
def a_filter_that_dies_costs_its_one_job(t):
    start(t)
    (pid,) = serving(t, 1)
    jobs = give_many(t, [ask('mark', {'path': str(t.folder / 'marks'),
                                      'word': 'w%d' % i}) for i in range(20)] +
                     [ask('die'), ask('leave', {'code': 3}),
                      ask('leave', {'code': 0})] +
                     [ask('answer', {'i': i}) for i in range(20)])
    ended = all_ended(t, jobs)
    for job in ended[20:23]:
        equal((job['state'], job['cause'], job['failure']['type'],
               job['attempt']), ('failed', 'handler', 'FilterEnded', 1))
    assert 'signal 9' in ended[20]['failure']['message'], ended[20]
    all_at_once(t, jobs[:20] + jobs[23:])
    equal([job['result'] for job in ended[23:]],
          [{'i': i} for i in range(20)])
    equal(serving(t, 1), {pid}, 'its worker lives')
    equal(len((t.folder / 'marks').read_text().split()), 20)


@story
def a_filter_that_is_killed_from_outside_is_replaced(t):
    start(t)
    path = t.folder / 'marks'
    job = give_many(t, [ask('mark', {'path': str(path), 'word': 'w',
                                     'ms': 60000},
                            retry={'max_attempts': 2, 'backoff_ms': 10})])[0]
    eventually(lambda: path.exists(), what='it has begun')
    t.kill(filters(t)[-1])
    eventually(lambda: path.read_text() == 'w\nw\n', 10, 'it began again')
    equal((t.get(job)['attempt'], len(filters(t))), (2, 2))
    t.c.call('Cancel', filter={'ids': [job]}, grace_ms=100)
    equal(t.wait(job)['state'], 'cancelled')
    equal(asked(t, 'answer', {'a': 1})['result'], {'a': 1})


@story
def one_that_babbles_or_talks_nonsense_mixes_up_no_answers(t):
    start(t)
    (pid,) = serving(t, 1)
    for _ in range(5):
        jobs = give_many(t, [ask('answer', {'a': 1}), ask('babble'),
                             ask('answer', {'b': 2}), ask('nonsense'),
                             ask('answer', {'c': 3}), ask('error'),
                             ask('answer', {'d': 4})])
        ended = all_ended(t, jobs)
        equal([job.get('result') for job in ended[::2]],
              [{'a': 1}, {'b': 2}, {'c': 3}, {'d': 4}])
        equal(ended[3]['failure']['type'], 'ResultNotJSON')
        equal(ended[5]['failure']['type'], 'KeyError')
        # The first of its lines may have been taken for the answer.
        if ended[1]['state'] == 'succeeded':
            equal(ended[1]['result'], {'line': 0})
        else:
            equal(ended[1]['failure']['type'], 'OutOfStep')
    equal(serving(t, 1), {pid})


@story
def a_line_that_never_ends_fails_its_job_and_takes_no_memory(t):
    start(t)
    (pid,) = serving(t, 1)
    jobs = give_many(t, [ask('endless'), ask('answer', {'a': 1})])
    ended = all_ended(t, jobs)
    equal((ended[0]['state'], ended[0]['failure']['type']),
          ('failed', 'ResultTooLarge'))
    equal(ended[1]['result'], {'a': 1})
    equal(serving(t, 1), {pid})


@story
def one_that_hangs_is_ended_at_its_time(t):
    start(t)
    (pid,) = serving(t, 1)
    began = time.monotonic()
    jobs = give_many(t, [ask('hang', timeout_ms=200, grace_ms=200),
                         ask('answer', {'a': 1})])
    ended = all_ended(t, jobs)
    equal((ended[0]['state'], ended[0]['cause'], ended[0]['crashes']),
          ('failed', 'timeout', 0))
    equal((ended[1]['result'], ended[1]['attempt']), ({'a': 1}, 1))
    job = give_many(t, [ask('hang')])[0]
    t.reaches(job, 'running')
    t.c.call('Cancel', filter={'ids': [job]}, grace_ms=200)
    equal(t.wait(job)['state'], 'cancelled')
    equal(asked(t, 'answer', {'b': 2})['result'], {'b': 2})
    soon(began, 8)
    equal(serving(t, 1), {pid})


@story
def one_that_takes_long_is_left_to_it_by_a_worker_that_answers(t):
    start(t, ping='1s')
    (pid,) = serving(t, 1)
    job = asked(t, 'mark', {'path': str(t.folder / 'marks'), 'word': 'w',
                            'ms': 8000})
    equal((job['state'], job['attempt']), ('succeeded', 1))
    equal(serving(t, 1), {pid})


@story
def a_killed_worker_takes_its_filter_and_what_that_forked_along(t):
    start(t)
    (pid,) = serving(t, 1)
    known = set(proc.marked(str(t.folder)))
    child = asked(t, 'breed')['result']
    left = [one for one in proc.marked(str(t.folder))
            if one not in known and proc.alive(one)]
    assert left, 'it forked'
    jobs = give_many(t, [ask('mark', {'path': str(t.folder / 'marks'),
                                      'word': 'w', 'ms': 2000})] +
                     [ask('answer', {'i': i}) for i in range(10)])
    t.reaches(jobs[0], 'running')
    t.kill(pid)

    def gone():
        t.reap()
        return not [one for one in [child, *left] if proc.alive(one)]
    eventually(gone, 3, 'nothing of it is left')
    ended = all_ended(t, jobs)
    equal((ended[0]['state'], ended[0]['attempt'], ended[0]['crashes']),
          ('succeeded', 2, 1))
    all_at_once(t, jobs[1:])
    t.no_zombie_stays()


@story
def filters_outlive_their_broker_with_what_they_do(t):
    start(t, workers='2')
    before = serving(t, 2)
    path = t.folder / 'marks'
    jobs = give_many(t, [ask('mark', {'path': str(path), 'word': 'w%d' % i,
                                      'ms': 5}) for i in range(300)])
    for part in (30, 150, 250):
        eventually(lambda: path.exists() and
                   len(path.read_text().split()) >= part, 30)
        t.kill_broker()
        t.reconnect()
    all_at_once(t, jobs)
    equal(len(path.read_text().split()), 300)
    equal(serving(t, 2), before)
    equal(len(filters(t)), 2)


@story(seconds=120)
def one_that_cannot_begin_makes_few_processes_and_no_job_fails(t):
    (t.folder / 'no-filter').write_text('')
    start(t, workers='2')
    jobs = give_many(t, [ask('answer', {'i': i}) for i in range(10)])
    eventually(lambda: pool(t)['state'] == 'degraded', 10, 'it is degraded')
    # One may have been with a worker for a moment.
    eventually(lambda: 'degraded' in [one['rule'] for one in t.c.call(
        'Explain', id=jobs[0])['reasons']], what='it is explained')
    # Behind the first, pauses of 1 s, 2 s, 4 s ...
    eventually(lambda: starts(t)[-1] - starts(t)[-2] > 1.5, 20)
    assert len(filters(t)) < 8, starts(t)
    for job in jobs:
        assert t.get(job)['state'] in ('ready', 'running')
    (t.folder / 'no-filter').unlink()
    all_at_once(t, jobs)
    eventually(lambda: pool(t)['state'] == 'running', 30, 'it is well again')


@story
def another_filter_comes_with_a_reload_and_no_job_notices(t):
    start(t, workers='2')
    before = serving(t, 2)
    jobs = give_many(t, [ask('mark', {'path': str(t.folder / 'marks'),
                                      'word': 'w', 'ms': 20})] * 200)
    reload(t, line(t, workers='2', ready='9s'))
    eventually(lambda: not pids(t) & before, 30, 'the workers are new')
    all_at_once(t, jobs)
    serving(t, 2)
    t.kill_broker()
    t.reconnect()
    equal(asked(t, 'answer', {'a': 1})['result'], {'a': 1})


if __name__ == '__main__':
    main()
