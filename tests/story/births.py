#!/usr/bin/python3
"""Births and ends of a pool's processes: programs, filters, templates and what
they fork; pools that change and go; and everybody killed at random.

covers: daemon/supervisor/tend daemon/supervisor/preload daemon/supervisor/birth
covers: daemon/supervisor/tend_template daemon/broker/staff
covers: daemon/supervisor/unready
"""
import contextlib
import os
import pathlib
import random
import sys
import threading
import time

ROOT = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / 'tests/helper'))
import proc  # noqa: E402
from story import Skip, equal, eventually, main, story  # noqa: E402

HANDLERS = '''
import os, sys, time
sys.path.insert(0, %r)
from reeve.worker import handler, main, preload

@preload
def load():
    global loaded
    loaded = os.getpid()
    what = os.environ.get('LOAD', '')
    if os.path.exists(what):
        raise KeyError(open(what).read())

@handler
def NAME(n=0, seconds=0, child=None):
    if child:
        pid = os.fork()
        if pid == 0:
            os.setsid()
            time.sleep(60)
            os._exit(0)
        open(child, 'w').write(str(pid))
    time.sleep(seconds)
    return {'n': n, 'pid': os.getpid(), 'loaded': loaded, 'tag': 'TAG'}

main()
''' % str(ROOT / 'client/python')
FILTER = '''
import json, os, sys
for line in sys.stdin:
    print(json.dumps({'n': json.loads(line).get('n'), 'pid': os.getpid()}),
          flush=True)
'''


def program(t, name, tag='a', text=HANDLERS):
    path = t.folder / (name + '.py')
    path.write_text(text.replace('NAME', name).replace('TAG', tag))
    return path


def configure(t, *pools):
    path = t.folder / 'config/reeve/reeve.yaml'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('pools:\n' + ''.join('  %s\n' % pool for pool in pools))
    path.chmod(0o600)


def python_pool(t, name, workers='2', more='', tag='a'):
    return '%s: {kind: worker, run: [%s, %s], handles: [%s], workers: %s%s}' \
        % (name, sys.executable, program(t, name, tag), name, workers, more)


def lines_pool(t, name, workers='2'):
    return '%s: {kind: lines, run: [%s, %s], handles: [%s], workers: %s}' % (
        name, sys.executable, program(t, name, text=FILTER), name, workers)


def plugin_pool(t, name, workers='2'):
    path = pathlib.Path(t.reeved).parents[1] / 'tests/unit/worker/probe.so'
    if not path.exists():
        raise Skip('there is no plugin beside this reeved')
    return '%s: {kind: plugin, run: [%s], handles: [who], workers: %s}' % (
        name, path, workers)


def submit(t, handler, client=None, **args):
    return (client or t.c).call(
        'Submit', job={'handler': handler, 'args': args})['id']


def call(t, handler, **args):
    job = t.wait(submit(t, handler, **args))
    assert job['state'] == 'succeeded', job
    return job['result']


def pool(t, name):
    return [one for one in t.c.call('admin.Pools')['pools']
            if one['name'] == name][0]


def workers(t, name):
    return {worker['pid'] for worker in t.c.call('admin.Workers')['workers']
            if worker['pool'] == name}


def served(t, name, workers):
    eventually(lambda: pool(t, name)['workers'] == workers, 20,
               'pool %s has %d workers' % (name, workers))


def count(t, text):
    return t.log_text().count(text)


@story(seconds=60)
def every_kind_of_pool_serves_what_its_file_says(t):
    configure(t, python_pool(t, 'py'),
              python_pool(t, 'forked', more=', preload: true'),
              lines_pool(t, 'filter'), plugin_pool(t, 'plugin'))
    t.start()
    equal(call(t, 'py', n=3)['n'], 3)
    forked = call(t, 'forked', n=4)
    equal(forked['n'], 4)
    # It was loaded in another process: the template.
    assert forked['loaded'] != forked['pid'], forked
    equal(proc.parent(forked['pid']), t.supervisor)
    equal(call(t, 'filter', n=5)['n'], 5)
    who = call(t, 'who')
    assert who['preload'] != who['pid'], who
    for name in ('py', 'forked', 'filter', 'plugin'):
        served(t, name, 2)
    names = [handler['name'] for handler in
             t.c.call('admin.Handlers')['handlers']]
    equal(sorted(names), ['exec', 'filter', 'forked', 'http', 'py', 'who'])


def kill_a_parent(t, *flags):
    configure(t, python_pool(t, 'py', '1'))
    t.start(flags=flags)
    file = t.folder / 'child'
    job = submit(t, 'py', seconds=30, child=str(file))
    child = int(eventually(lambda: file.exists() and file.read_text()))
    worker = proc.parent(child)
    t.kill(worker)
    eventually(lambda: not proc.alive(child), 5, 'the child has ended')
    t.c.call('Cancel', filter={'ids': [job]}, grace_ms=0)


@story(seconds=60)
def what_a_killed_worker_forked_dies_with_it(t):
    kill_a_parent(t)


@story(seconds=60)
def what_a_killed_worker_forked_dies_with_it_without_cgroups(t):
    kill_a_parent(t, '--no-cgroups')


@story(seconds=60)
def an_environment_that_is_not_for_them_does_not_reach_workers(t):
    t.env['REEVE_JOB'] = '17'
    t.env['MINE'] = 'yes'
    configure(t, python_pool(t, 'py', '1'))
    t.start()
    pid = call(t, 'py')['pid']
    environment = dict(
        item.split('=', 1) for item in
        proc.read(pid, 'environ').decode().split('\0') if '=' in item)
    equal(environment['MINE'], 'yes')
    assert 'REEVE_JOB' not in environment, environment
    equal(environment['REEVE_POOL'], 'py')
    equal(os.readlink('/proc/%d/cwd' % pid), '/')
    equal(os.readlink('/proc/%d/fd/0' % pid), '/dev/null')


@story(seconds=90)
def a_changed_pool_is_recycled_while_its_jobs_go_on(t):
    configure(t, python_pool(t, 'py', '2', ', preload: true'),
              python_pool(t, 'other', '1'))
    t.start()
    old = {call(t, 'py', n=n)['pid'] for n in range(20)}
    other = call(t, 'other')['pid']
    jobs, stop = [], threading.Event()

    def load():
        client = t.client()
        while not stop.wait(0.002):
            jobs.append(submit(t, 'py', client, n=len(jobs)))
    thread = threading.Thread(target=load)
    thread.start()
    configure(t, python_pool(t, 'py', '3', ', preload: true', tag='b'),
              python_pool(t, 'other', '1'))
    t.c.call('admin.Reload')
    eventually(lambda: call(t, 'py')['tag'] == 'b', 20, 'new code runs')
    eventually(lambda: not [pid for pid in old if proc.alive(pid)], 20,
               'the old ones have left')
    served(t, 'py', 3)
    eventually(lambda: len(jobs) > 20, what='there was load')
    stop.set()
    thread.join()
    for n, job in enumerate(jobs):
        ended = t.wait(job)
        equal((ended['state'], ended['attempt'], ended['result']['n']),
              ('succeeded', 1, n))
    # Nobody had a reason to touch the other one.
    equal(call(t, 'other')['pid'], other)
    equal(count(t, 'worker died'), 0)


@story(seconds=90)
def pools_come_and_go_with_a_reload(t):
    configure(t, python_pool(t, 'py', '1'))
    t.start()
    pid = call(t, 'py')['pid']
    running = submit(t, 'py', n=7, seconds=1.5)
    t.reaches(running, 'running')
    configure(t, lines_pool(t, 'filter', '1'))
    t.c.call('admin.Reload')
    equal(call(t, 'filter', n=1)['n'], 1)
    # It finishes what it has, and is not missed.
    equal(t.wait(running)['result']['n'], 7)
    eventually(lambda: not proc.alive(pid), 10, 'the worker has left')
    equal(sorted(one['name'] for one in t.c.call('admin.Pools')['pools']),
          ['exec', 'filter', 'http'])
    configure(t, lines_pool(t, 'filter', '1'), python_pool(t, 'py', '1'))
    t.c.call('admin.Reload')
    assert call(t, 'py')['pid'] != pid


@story(seconds=90)
def a_pool_made_anew_by_hand_keeps_its_old_workers_if_it_fails(t):
    t.env['LOAD'] = str(t.folder / 'broken')
    names = ('py', 'each')
    configure(t, python_pool(t, 'py', '1', ', preload: true'),
              python_pool(t, 'each', '2'))
    t.start()
    served(t, 'py', 1)
    served(t, 'each', 2)
    pids = {name: workers(t, name) for name in names}
    (t.folder / 'broken').write_text('thumbs')
    t.c.call('admin.Recycle', pool='py')
    t.c.call('admin.Recycle', pool='each')
    eventually(lambda: "preload failed: KeyError: 'thumbs'" in t.log_text())
    for name in names:
        assert call(t, name)['pid'] in pids[name]
        reason = eventually(lambda: pool(t, name).get('reason'), 20,
                            'the pool says that its births fail')
        assert reason.startswith('new workers cannot begin: '), reason
        assert 'thumbs' in reason, reason
        equal(pool(t, name)['state'], 'running')
        assert any(name in text and 'cannot begin' in text
                   for text in t.c.call('admin.Status')['warnings'])
    (t.folder / 'broken').unlink()
    for name in names:
        eventually(lambda: not pids[name] & workers(t, name), 20,
                   'new ones serve')
        eventually(lambda: not pool(t, name).get('reason'))


@story(seconds=60)
def an_initializer_that_fails_is_told_and_tried_ever_more_rarely(t):
    (t.folder / 'broken').write_text('x')
    t.env['LOAD'] = str(t.folder / 'broken')
    configure(t, python_pool(t, 'py', '4', ', preload: true'),
              python_pool(t, 'single', '4'))
    began = time.monotonic()
    t.start()
    job = submit(t, 'py')
    for name in ('py', 'single'):
        eventually(lambda: pool(t, name)['state'] == 'degraded')
    equal(pool(t, 'py')['reason'], "preload failed: KeyError: 'x'")
    time.sleep(4)
    # At once, then behind pauses of a second, two, four, ...
    started, took = count(t, 'template started'), time.monotonic() - began
    assert started <= 2 + int(took + 1).bit_length(), (started, took)
    equal(t.job_state(job), 'ready')
    (t.folder / 'broken').unlink()
    equal(t.wait(job)['state'], 'succeeded')
    served(t, 'py', 4)
    served(t, 'single', 4)


@story(seconds=60)
def a_pool_that_cannot_be_made_fails_its_jobs_if_it_is_told_to(t):
    (t.folder / 'broken').write_text('x')
    t.env['LOAD'] = str(t.folder / 'broken')
    configure(t, python_pool(t, 'py', '1', ', preload: true, broken: fail'))
    t.start()
    job = t.wait(submit(t, 'py'))
    equal(job['state'], 'failed')
    assert "preload failed: KeyError: 'x'" in job['failure']['message'], job


def missing_pools(t):
    """One pool of each kind, of which nothing is there; and who brings it."""
    gone = t.folder / 'mounted/later'
    kinds = {'py': 'worker', 'forked': 'worker, preload: true',
             'filter': 'lines'}
    pools = ['%s: {kind: %s, run: [%s/%s], handles: [%s], workers: 1}' % (
        name, kind, gone, name, name) for name, kind in kinds.items()]

    def mount():
        gone.mkdir(parents=True)
        for name in kinds:
            text = FILTER if name == 'filter' else HANDLERS
            script = gone / name
            script.write_text('#!%s\n%s' % (
                sys.executable, text.replace('NAME', name)))
            script.chmod(0o755)
    return pools, list(kinds), mount


@story(seconds=90)
def a_program_that_is_not_there_yet_keeps_only_its_own_pool_waiting(t):
    pools, names, mount = missing_pools(t)
    configure(t, python_pool(t, 'other', '1'), *pools)
    t.start()
    jobs = [submit(t, name, n=7) for name in names]
    call(t, 'other')
    t.run(['true'])
    for name in names:
        eventually(lambda: pool(t, name)['state'] == 'degraded', 30)
        reason = pool(t, name)['reason']
        assert reason.endswith("%s/mounted/later/%s': No such file or "
                               "directory" % (t.folder, name)), reason
        assert [text for text in t.c.call('admin.Status')['warnings']
                if text == 'pool %s is degraded: %s' % (name, reason)]
        assert "configuration: " in t.log_text()
    # Loudly, but it is no reason to refuse the rest.
    warnings = t.c.call('admin.Reload')['warnings']
    equal([(one['line'], one['message']) for one in warnings],
          [(3 + n, "pool '%s': run: '%s/mounted/later/%s' cannot be started "
            "now: No such file or directory; the pool waits for it"
            % (name, t.folder, name)) for n, name in enumerate(names)])
    mount()
    for job in jobs:
        equal(t.wait(job, 60)['result']['n'], 7)
    equal(t.c.call('admin.Reload')['warnings'], [])
    for name in names:
        equal(pool(t, name)['state'], 'running')


@story(seconds=60)
def a_plugin_that_is_not_there_yet_is_loaded_when_it_comes(t):
    text = plugin_pool(t, 'plugin', '1')
    real = pathlib.Path(text.split('[')[1].split(']')[0])
    late = t.folder / 'late.so'
    configure(t, text.replace(str(real), str(late)))
    t.start()
    job = submit(t, 'who')
    eventually(lambda: pool(t, 'plugin')['state'] == 'degraded', 30)
    reason = pool(t, 'plugin')['reason']
    assert str(late) in reason and 'No such file' in reason, reason
    # Whole at once: a half one could be loaded.
    (t.folder / 'half').write_bytes(real.read_bytes())
    (t.folder / 'half').rename(late)
    equal(t.wait(job, 60)['state'], 'succeeded')


@story(seconds=60)
def why_a_program_cannot_be_started_is_said_as_the_kernel_says_it(t):
    plain, alone = t.folder / 'plain', t.folder / 'alone'
    plain.write_text('no program\n')
    alone.write_text('#!/nowhere/python3\n')
    alone.chmod(0o755)
    says = {'plain': 'Permission denied',
            'alone': 'its interpreter is not there: No such file or directory'}
    configure(t, *['%s: {kind: worker, run: [%s], handles: [%s], workers: 1}' %
                   (path.name, path, path.name) for path in (plain, alone)])
    t.start()
    for name, why in says.items():
        eventually(lambda: pool(t, name)['state'] == 'degraded', 30)
        equal(pool(t, name)['reason'],
              "cannot start '%s': %s" % (t.folder / name, why))


@story(seconds=120)
def nothing_is_lost_while_everything_is_killed(t):
    configure(t, python_pool(t, 'py', '1..3'),
              python_pool(t, 'forked', '1..3', ', preload: true'),
              lines_pool(t, 'filter', '1..3'), plugin_pool(t, 'plugin', '1..3'))
    t.start()
    handlers = ('py', 'forked', 'filter', 'who')
    jobs = []
    for _ in range(25):
        for handler in handlers:
            jobs += t.c.call('SubmitMany', jobs=[
                {'handler': handler, 'args': {'n': 1},
                 'crash_limit': 100}] * 10)['ids']
        pids = [pid for pid in proc.children(t.supervisor)
                if 'broker' not in proc.argv(pid)]
        # With a back-off of all there may be nobody.
        for pid in pids and [random.choice(pids)]:
            with contextlib.suppress(ProcessLookupError):
                t.kill(pid)
        time.sleep(0.3)
    for job in jobs:
        equal(t.wait(job)['state'], 'succeeded')
    for handler in handlers:
        call(t, handler)


@story(seconds=60)
def workers_and_templates_leave_when_the_daemon_is_killed(t):
    configure(t, python_pool(t, 'py', '1'),
              python_pool(t, 'forked', '1', ', preload: true'),
              plugin_pool(t, 'plugin', '1'))
    t.start()
    call(t, 'forked')
    call(t, 'who')
    long = submit(t, 'py', n=9, seconds=2)
    t.reaches(long, 'running')
    pids = [pid for pid in proc.children(t.supervisor)]
    t.kill_supervisor()
    t.restart()
    t.reconnect()
    ended = t.wait(long)
    equal((ended['state'], ended['attempt'], ended['result']['n']),
          ('succeeded', 1, 9))
    eventually(lambda: not [pid for pid in pids if proc.alive(pid)], 10,
               'the old ones have left')
    for handler in ('py', 'forked', 'who'):
        call(t, handler)


HANGS = '''
import os, sys, time
with open(sys.argv[0] + '.pids', 'a') as file:
    print(os.getpid(), file=file)
time.sleep(3600)
'''


def two_that_hang(t):
    paths = [program(t, name, text=HANGS) for name in ('one', 'two')]
    configure(t, *[
        '%s: {kind: worker, run: [%s, %s], handles: [%s], workers: 1%s}' % (
            path.stem, sys.executable, path, path.stem, more)
        for path, more in zip(paths, ('', ', preload: true'))])
    t.start()
    files = [pathlib.Path(str(path) + '.pids') for path in paths]
    return [int(eventually(lambda: file.exists() and file.read_text()))
            for file in files]


def not_ready(t):
    """Whom the daemon has written down; None while it has not."""
    try:
        lines = (t.folder / 'run/unready').read_text().splitlines()
    except FileNotFoundError:
        return None
    return {int(line.split()[0]) for line in lines[1:]} if lines else None


def none_of(pids):
    eventually(lambda: not [pid for pid in pids if proc.alive(pid)], 10,
               'none of them lives')


@story(seconds=60)
def who_never_got_ready_does_not_outlive_the_daemon(t):
    pids = two_that_hang(t)
    equal(t.terminate(), 0)
    none_of(pids)


@story(seconds=60)
def who_never_got_ready_is_ended_by_the_daemon_after_one_that_was_killed(t):
    pids = two_that_hang(t)
    eventually(lambda: not_ready(t) == set(pids),
               what='it is written down who is not ready')
    t.kill_supervisor()
    assert all(proc.alive(pid) for pid in pids)
    configure(t, python_pool(t, 'py', '1'))
    t.restart()
    t.reconnect()
    none_of(pids)
    call(t, 'py')
    eventually(lambda: not_ready(t) == set(), what='all are ready')
    equal(t.terminate(), 0)
    equal(not_ready(t), None)


if __name__ == '__main__':
    main()
