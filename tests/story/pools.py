#!/usr/bin/python3
"""Pools of handlers, told to a real daemon: results, time-outs, deaths, sizes,
recycling, initializers that fail, reloads.

covers: daemon/broker/pools daemon/broker/staff daemon/broker/overtime
covers: daemon/broker/call_pools daemon/supervisor/pool_set
"""
import pathlib
import signal
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests' / 'helper'))
import proc  # noqa: E402
from story import equal, eventually, main, story  # noqa: E402

ADMIN = 'org.reeve.admin.'
HANDLERS = '''
import os, signal, time
from reeve.worker import Bury, handler, main

@handler
def echo(value=None):
    return value

@handler
def who():
    return os.getpid()

@handler
def nap(seconds, *, ctx):
    ctx.progress(0.5, 'half')
    time.sleep(seconds)
    return os.getpid()

@handler
def deaf(seconds):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            time.sleep(0.05)
        except BaseException:
            pass

@handler
def die():
    os.kill(os.getpid(), signal.SIGSEGV)

@handler
def bad(final=False):
    if final:
        raise Bury('never')
    raise KeyError('x')

if __name__ == '__main__':
    main()
'''
NAMES = 'echo, who, nap, deaf, die, bad'


def configure(t, pools):
    path = t.folder / 'config' / 'reeve' / 'reeve.yaml'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(pools)
    path.chmod(0o600)


def py(t, **options):
    """The pool `py`, as a line of YAML."""
    program = t.folder / 'handlers.py'
    program.write_text(HANDLERS)
    t.env['PYTHONPATH'] = str(ROOT / 'client' / 'python')
    given = {'kind': 'worker', 'run': '[%s, %s]' % (sys.executable, program),
             'handles': '[%s]' % NAMES, 'workers': '2', 'preload': 'true',
             **options}
    return '  py: {%s}\n' % ', '.join('%s: %s' % pair
                                      for pair in given.items())


def start(t, **options):
    configure(t, 'pools:\n' + py(t, **options))
    t.start(workers=1)


def give(t, handler, args=None, **spec):
    spec.update(handler=handler)
    if args:
        spec['args'] = args
    return t.c.call('Submit', job=spec)['id']


def pool(t, name='py'):
    with t.client() as client:
        for one in client.call(ADMIN + 'Pools')['pools']:
            if one['name'] == name:
                return one
    return None


def pids(t, name='py'):
    with t.client() as client:
        return {worker['pid']
                for worker in client.call(ADMIN + 'Workers')['workers']
                if worker['pool'] == name}


def serving(t, count):
    eventually(lambda: pool(t)['workers'] == count, 20,
               '%d workers serve' % count)


@story
def results_failures_and_progress_are_told(t):
    start(t)
    job = t.wait(give(t, 'echo', {'value': {'a': [1, 'é', None]}}))
    equal((job['state'], job['handler'], job['result']),
          ('succeeded', 'echo', {'a': [1, 'é', None]}))
    job = t.wait(give(t, 'bad'))
    equal((job['state'], job['cause'], job['failure']['type']),
          ('failed', 'handler', 'KeyError'))
    assert 'Traceback' in job['failure']['trace'], job
    nap = give(t, 'nap', {'seconds': 2})

    def half():
        job = t.get(nap)
        return job.get('note') == 'half' and job
    equal(eventually(half, what='the job says how far it is')['progress'],
          0.5)
    equal(t.wait(nap)['state'], 'succeeded')
    error = t.c.refused('Submit', job={'handler': 'eco'})
    equal(error.name, 'org.reeve.jobs.NoSuchHandler')
    assert 'there is exec' in error.parameters['message'], error.parameters
    equal({one['name'] for one in t.c.call(ADMIN + 'Handlers')['handlers']
           if one['name'] != 'http'},
          {'exec', *NAMES.split(', ')})


@story
def a_rule_of_retry_holds_for_handlers_and_bury_ends_it(t):
    start(t)
    rule = {'max_attempts': 3, 'backoff_ms': 10}
    equal(t.wait(give(t, 'bad', retry=rule))['attempt'], 3)
    job = t.wait(give(t, 'bad', {'final': True}, retry=rule))
    equal((job['attempt'], job['failure']['message']), (1, 'never'))


@story
def a_timeout_is_raised_in_the_handler_and_the_worker_goes_on(t):
    start(t, workers='1')
    before = t.wait(give(t, 'who'))['result']
    job = t.wait(give(t, 'nap', {'seconds': 60}, timeout_ms=300))
    equal((job['state'], job['cause'], job['failure']['type']),
          ('failed', 'timeout', 'TimedOut'))
    nap = give(t, 'nap', {'seconds': 60})
    t.reaches(nap, 'running')
    t.c.call('Cancel', filter={'ids': [nap]})
    equal(t.wait(nap)['state'], 'cancelled')
    equal(t.wait(give(t, 'who'))['result'], before)


@story
def a_handler_that_does_not_listen_is_ended_with_its_worker(t):
    start(t, workers='1')
    before = t.wait(give(t, 'who'))['result']
    deaf = give(t, 'deaf', {'seconds': 60}, timeout_ms=300, grace_ms=300)
    behind = give(t, 'who')
    job = t.wait(deaf)
    equal((job['state'], job['cause'], job['crashes']),
          ('failed', 'timeout', 0))
    assert 'its worker was ended' in job['failure']['message'], job
    after = t.wait(behind)
    assert after['result'] != before, after
    equal((after['attempt'], after['crashes']), (1, 0))
    deaf = give(t, 'deaf', {'seconds': 60}, grace_ms=300)
    t.reaches(deaf, 'running')
    t.c.call('Cancel', filter={'ids': [deaf]})
    job = t.wait(deaf)
    equal((job['state'], job['crashes']), ('cancelled', 0))


@story
def a_poison_job_fails_alone(t):
    start(t, workers='1')
    t.expect_alarms = True
    jobs = [give(t, 'echo', {'value': i}) for i in range(100)]
    poison = give(t, 'die')
    jobs += [give(t, 'echo', {'value': i}) for i in range(100)]
    job = t.wait(poison, within=60)
    equal((job['state'], job['cause'], job['crashes']),
          ('failed', 'worker_lost', 3))
    assert 'killed by signal 11' in job['failure']['message'], job
    for number in jobs:
        job = t.wait(number)
        equal((job['state'], job['attempt'], job['crashes']),
              ('succeeded', 1, 0))


@story
def what_was_given_ahead_does_not_wait_behind_a_long_one(t):
    start(t)
    serving(t, 2)
    # Short ones: the workers are given many at a time.
    rows = [{'handler': 'echo', 'args': {'value': i}} for i in range(2000)]
    ids = t.c.call('SubmitMany', jobs=rows)['ids']
    t.c.call('Wait', ids=ids)
    rows[0] = {'handler': 'nap', 'args': {'seconds': 600}, 'priority': 1}
    ids = t.c.call('SubmitMany', jobs=rows)['ids']
    t.c.call('Wait', ids=ids[1:])
    t.c.call('Cancel', filter={'ids': ids[:1]})
    equal(t.wait(ids[0])['state'], 'cancelled')


@story
def a_pool_grows_with_its_load_and_shrinks_when_idle(t):
    start(t, workers='1..4', idle='1s')
    serving(t, 1)
    naps = [give(t, 'nap', {'seconds': 2}) for _ in range(4)]
    eventually(lambda: pool(t)['wanted'] == 4, what='four are wanted')
    equal(len({t.wait(number, within=60)['result'] for number in naps}) > 1,
          True, 'more than one had a nap')
    eventually(lambda: len(pids(t)) == 1, 20, 'it has shrunk')
    t.c.call(ADMIN + 'Resize', pool='py', min=3)
    serving(t, 3)
    equal((pool(t)['min'], pool(t)['max']), (3, 4))
    t.c.call(ADMIN + 'Resize', pool='py', min=0, max=1)
    eventually(lambda: len(pids(t)) <= 1, 20, 'it has shrunk again')


@story
def a_whole_recycle_under_load_loses_nothing(t):
    start(t, workers='2')
    serving(t, 2)
    before = pids(t)
    equal(t.c.call(ADMIN + 'Recycle', pool='py')['count'], 2)
    jobs, fewest = [], 2

    def renewed():
        nonlocal fewest
        jobs.extend(give(t, 'echo', {'value': i}) for i in range(20))
        fewest = min(fewest, pool(t)['workers'])
        return not pids(t) & before and pool(t)['workers'] == 2
    eventually(renewed, 30, 'all workers are new')
    equal(fewest, 2)
    for number in jobs:
        job = t.wait(number)
        equal((job['state'], job['attempt']), ('succeeded', 1))


@story
def a_worker_that_is_worn_is_replaced(t):
    start(t, workers='1', retire='{jobs: 20}')
    seen = set()

    def renewed():
        seen.add(t.wait(give(t, 'who'))['result'])
        return len(seen) >= 3
    eventually(renewed, 60, 'three workers had a turn')


@story
def a_running_handler_outlives_its_broker(t):
    start(t)
    nap = give(t, 'nap', {'seconds': 2})
    t.reaches(nap, 'running')
    t.kill_broker()
    t.ready()
    t.reconnect()
    job = t.wait(nap)
    equal((job['state'], job['attempt'], job['crashes']),
          ('succeeded', 1, 0))
    equal(t.wait(give(t, 'echo', {'value': 1}))['result'], 1)


@story
def a_worker_that_is_killed_loses_one_attempt(t):
    start(t, workers='1')
    nap = give(t, 'nap', {'seconds': 2})
    behind = give(t, 'who')
    t.reaches(nap, 'running')
    t.kill(t.worker_of(nap), signal.SIGKILL)
    job = t.wait(nap)
    equal((job['state'], job['attempt'], job['crashes']),
          ('succeeded', 2, 1))
    equal(t.wait(behind)['crashes'], 0)


@story
def an_initializer_that_fails_makes_few_processes_and_says_why(t):
    t.expect_alarms = True
    (t.folder / 'broken.py').write_text(
        'import sys\nopen(sys.argv[1], "a").write("x")\n'
        'raise KeyError("no model")\n')
    configure(t, 'pools:\n' + py(t) + ''.join(
        '  %s: {kind: %s, run: [%s, %s, %s], handles: [%s], workers: 8, '
        'broken: %s}\n' % (name, kind, sys.executable, t.folder / 'broken.py',
                           t.folder / name, name, broken)
        for name, kind, broken in (
            ('waits', 'worker', 'wait'), ('fails', 'worker', 'fail'),
            ('filters', 'lines', 'wait'))))
    t.start(workers=1)
    waits, fails = give(t, 'waits'), give(t, 'fails')
    eventually(lambda: pool(t, 'waits')['state'] == 'degraded', 20,
               'the pool is degraded')
    job = t.wait(fails, within=30)
    equal((job['state'], job['cause']), ('failed', 'exec'))
    assert 'no worker of pool fails' in job['failure']['message'], job
    told = t.c.call('Explain', id=waits)
    assert 'degraded' in [one['rule'] for one in told['reasons']], told
    assert any('pool waits is degraded' in warning for warning
               in t.c.call(ADMIN + 'Status')['warnings'])
    equal(t.get(waits)['state'], 'ready')
    # Whatever is wrong with one pool is nothing to another.
    equal(t.wait(give(t, 'echo', {'value': 1}))['result'], 1)
    eventually(lambda: pool(t, 'filters')['state'] == 'degraded', 20,
               'the pool of filters is degraded')
    # In a minute; a filter has a worker beside it.
    for name, each in (('waits', 1), ('fails', 1), ('filters', 2)):
        made = each * len((t.folder / name).read_text())
        assert made < 10, (name, made)


@story
def a_pool_that_is_removed_and_comes_back_serves_what_waited(t):
    start(t)
    serving(t, 2)
    before = pids(t)
    t.c.call(ADMIN + 'DrainPool', pool='py', enable=True)
    job = give(t, 'echo', {'value': 7})
    rules = [one['rule'] for one in t.c.call('Explain', id=job)['reasons']]
    equal(rules[0], 'pool_drained')
    configure(t, 'log: {level: info}\n')
    t.c.call(ADMIN + 'Reload')
    eventually(lambda: pool(t) is None, 20, 'the pool is gone')
    equal(t.c.call('Explain', id=job)['reasons'][0]['rule'], 'no_pool')
    eventually(lambda: not pids(t), 20, 'its workers are gone')
    eventually(lambda: not any(proc.alive(pid) for pid in before), 20,
               'their processes are gone')
    configure(t, 'pools:\n' + py(t))
    t.c.call(ADMIN + 'Reload')
    equal(t.wait(job, within=30)['result'], 7)


@story
def a_handler_that_a_reload_adds_is_served_by_new_workers(t):
    start(t, handles='[echo]')
    serving(t, 2)
    before = t.wait(give(t, 'echo', {'value': 1}))
    equal(before['state'], 'succeeded')
    configure(t, 'pools:\n' + py(t))
    t.c.call(ADMIN + 'Reload')
    jobs = [give(t, 'who') for _ in range(20)]
    for number in jobs:
        job = t.wait(number, within=30)
        equal((job['state'], job['attempt']), ('succeeded', 1))


if __name__ == '__main__':
    main()
