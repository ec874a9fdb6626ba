#!/usr/bin/python3
"""Handlers in C and filters, in pools of a real daemon: what they return, what
becomes of them, and what their end does to whom.

covers: daemon/worker/run_plugin daemon/worker/run_lines
"""
import os
import pathlib
import re
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'helper'))
import proc  # noqa: E402
from story import Skip, equal, eventually, main, story  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Built beside the daemon.
MODULES = pathlib.Path(sys.argv[1]).resolve().parents[1] / 'tests/unit/worker'
PROBES = sorted(set(re.findall(r'^\t\{"(\w+)", \w+\},$', (
    ROOT / 'tests/unit/worker/probe.c').read_text(), re.M)))
DAEMON = pathlib.Path(sys.argv[1]).read_bytes()
HOOKS = b'REEVE_TEST_CRASH' in DAEMON
SANITIZED = b'__asan_init' in DAEMON or b'__tsan_init' in DAEMON


def pool(t, kind, run, handles, workers=2, **options):
    """A daemon with one pool of that kind."""
    path = t.folder / 'config/reeve/reeve.yaml'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('pools:\n  warm:\n    kind: %s\n    run: [%s]\n'
                    '    handles: [%s]\n    workers: %d\n' % (
                        kind, ', '.join(map(str, run)), ', '.join(handles),
                        workers))
    path.chmod(0o600)
    return t.start(**options)


def probes(t, *words, **options):
    return pool(t, 'plugin', (MODULES / 'probe.so', *words), PROBES, **options)


def call(t, handler, args=None, **spec):
    spec.update({} if args is None else {'args': args})
    return t.c.call('Submit', job=dict(spec, handler=handler))['id']


def told(t, handler, args=None, **spec):
    return t.wait(call(t, handler, args, **spec))


def many(t, jobs):
    """Submits all at once; their records, in order, when they have ended."""
    ids = t.c.call('SubmitMany', jobs=jobs)['ids']
    assert all(ids), ids
    return [t.wait(job, 60) for job in ids]


def named(t, comm):
    """pids of this story's processes with that name."""
    found = []
    for pid in proc.marked(str(t.folder)):
        if proc.read(pid, 'comm').strip() == comm.encode():
            found.append(pid)
    return found


def state_of(t):
    return [one for one in t.c.call('admin.Pools')['pools']
            if one['name'] == 'warm'][0]


@story
def a_plugin_returns_what_it_says(t):
    probes(t)
    args = {'a': ['\u00e4', 1.5, None]}
    job = told(t, 'echo', args)
    equal((job['state'], job['result']), ('succeeded', args))
    job = told(t, 'nothing')
    equal((job['state'], job.get('result')), ('succeeded', None))
    job = told(t, 'broken')
    equal((job['state'], job['cause']), ('failed', 'handler'))
    equal(job['failure'], {'type': 'KeyError', 'trace': 'main\n  thumb',
                           'message': 'no such thumb: \u00e9\ufffd'})
    equal(t.output(job['id'], 'stderr'), b'it is going to fail\n')
    template = named(t, 'reeved-template')
    equal(len(template), 1)
    who = told(t, 'who', {})['result']
    equal((who['preload'], who['parent']), (template[0], t.supervisor))
    # What ps shows of it is not its template's.
    words = proc.argv(who['pid'])
    equal(words[:2], ['reeved', 'worker'])
    assert words[2].startswith('warm/'), words
    equal(told(t, 'not_json')['failure']['type'], 'ResultNotJSON')
    job = told(t, 'final', retry={'max_attempts': 5})
    equal((job['state'], job['attempt']), ('failed', 1))


@story
def a_crash_charges_the_job_that_crashed_and_no_other(t):
    probes(t)
    jobs = [{'handler': 'echo', 'args': {'n': n}} for n in range(600)]
    jobs[300:300] = [{'handler': 'crash', 'crash_limit': 2}]
    ended = many(t, jobs)
    poison = ended.pop(300)
    equal((poison['state'], poison['crashes']), ('failed', 2))
    equal([job['result']['n'] for job in ended], list(range(600)))
    equal({(job['attempt'], job['crashes']) for job in ended}, {(1, 0)})


@story
def exit_in_a_handler_ends_its_attempt(t):
    probes(t)
    for status in (0, 3, 7):
        job = told(t, 'leave', {'n': status}, crash_limit=1)
        equal(job['state'], 'failed')
    equal(told(t, 'echo', {'n': 5})['result'], {'n': 5})


@story
def a_cancelled_handler_hears_of_it(t):
    probes(t)
    job = call(t, 'until_cancelled')
    t.reaches(job, 'running')
    t.c.call('Cancel', filter={'ids': [job]})
    equal(t.wait(job)['state'], 'cancelled')
    job = told(t, 'until_cancelled', timeout_ms=100)
    equal((job['state'], job['cause']), ('failed', 'timeout'))
    # Both by a word: nobody had to be ended.
    assert 'worker died' not in t.log_text(), t.log_tail()


@story
def a_deaf_handler_is_ended_with_its_worker_and_replaced(t):
    probes(t, workers=1)
    before = told(t, 'who', {})['result']['pid']
    deaf = call(t, 'until_file', {'path': str(t.folder / 'never')}, timeout_ms=100,
                grace_ms=100)
    behind = call(t, 'who', {})
    job = t.wait(deaf)
    equal((job['state'], job['cause']), ('failed', 'timeout'))
    job = t.wait(behind)
    equal((job['state'], job['attempt'], job['crashes']), ('succeeded', 1, 0))
    assert job['result']['pid'] != before


@story
def a_preload_that_fails_is_told_and_its_jobs_wait(t):
    probes(t, 'fail', ready=False)
    t.ready()
    job = call(t, 'nothing')
    eventually(lambda: state_of(t)['state'] == 'degraded',
               what='the pool is degraded')
    assert "preload failed: no such table: 'x'" in state_of(t)['reason'], (
        state_of(t))
    equal(t.get(job)['state'], 'ready')
    text = t.log_text()
    assert text.count('template started') < 6, text


@story
def wherever_a_worker_is_killed_each_job_ends_once(t):
    if not HOOKS:
        raise Skip('built without test hooks')
    for point in ('receive:30', 'start:30', 'result:30', 'idle:30'):
        t.env['REEVE_TEST_CRASH'] = point
        # Commands have the same hooks, but no command runs here.
        probes(t, workers=2)
        ended = many(t, [{'handler': 'echo', 'args': {'n': n}, 'crash_limit': 50}
                         for n in range(200)])
        equal([(job['state'], job['result']['n']) for job in ended],
              [('succeeded', n) for n in range(200)])
        crashes = sum(job['crashes'] for job in ended)
        # At receive and idle the first job had not begun, but who knows?
        assert crashes > 0 or point == 'idle:30', (point, crashes)
        for job in ended:
            equal(job['attempt'], 1 + job['crashes'], point)
        equal(t.terminate(), 0)
        t.shared.close()
        t.shared = None


@story
def eight_workers_hold_one_table(t):
    if SANITIZED:
        raise Skip('a sanitizer has memory of its own')
    size = 64 << 20
    pool(t, 'plugin', (MODULES / 'primes.so', size), ('count', 'next'),
         workers=8)
    jobs = [call(t, 'count', {'below': size}) for _ in range(16)]
    for job in jobs:
        equal(t.wait(job, 60)['result'], {'primes': 3957809})
    workers = [pid for pid in named(t, 'reeved-worker')
               if proc.parent(pid) == t.supervisor]
    template = named(t, 'reeved-template')
    shared = sum(proc.pss_kib(pid) for pid in workers + template)
    t.note('%d processes, one table of %d KiB: %d KiB of memory' % (
        len(workers + template), size >> 10, shared))
    assert shared < (size >> 10) * 1.5, shared


@story
def a_filter_answers_and_its_death_is_its_jobs(t):
    pool(t, 'lines', ('/usr/bin/python3', '-S', '-E', ROOT /
                      'etc/examples/words.py'), ['words'])
    jobs = [{'handler': 'words', 'args': {'text': 'x ' * n}}
            for n in range(300)]
    for n, job in enumerate(many(t, jobs)):
        equal(job['result'], {'words': n, 'characters': 2 * n})
    job = told(t, 'words', {})
    equal((job['cause'], job['failure']['type']), ('handler', 'KeyError'))


@story
def a_filter_that_cannot_begin_makes_its_pool_wait(t):
    pool(t, 'lines', ('/bin/false',), ['words'], ready=False)
    t.ready()
    job = call(t, 'words', {})
    eventually(lambda: state_of(t)['state'] == 'degraded', 15,
               'the pool is degraded')
    found = t.get(job)
    assert found['state'] in ('ready', 'running')
    # The pipe took its line, perhaps, before the filter was gone.
    assert found['crashes'] <= 1, found


@story
def time_outs_and_cancels_end_a_filter(t):
    pool(t, 'lines', ('/bin/sh', '-c', '"read a; exec sleep 1000"'),
         ['sleep'], workers=1)
    job = told(t, 'sleep', timeout_ms=100, grace_ms=100)
    equal((job['state'], job['cause']), ('failed', 'timeout'))
    job = call(t, 'sleep')
    t.reaches(job, 'running')
    t.c.call('Cancel', filter={'ids': [job]})
    equal(t.wait(job)['state'], 'cancelled')


@story
def a_broker_that_dies_loses_no_result(t):
    probes(t)
    path = t.folder / 'go'
    running = [call(t, 'until_file', {'path': str(path)}) for _ in range(2)]
    waiting = [call(t, 'echo', {'n': n}) for n in range(100)]
    for job in running:
        t.reaches(job, 'running')
    t.kill_broker(signal.SIGKILL)
    path.touch()
    t.reconnect()
    for job in running:
        equal((t.wait(job)['state'], t.get(job)['attempt']), ('succeeded', 1))
    for n, job in enumerate(waiting):
        equal(t.wait(job)['result'], {'n': n})
    os.unlink(path)


if __name__ == '__main__':
    main()
