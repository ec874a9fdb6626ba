#!/usr/bin/python3
"""The worker's role and its broker, which this test plays: what it is given,
what it owes, and who of them dies.

    test_worker_role.py WORKER_ROLE

covers: daemon/worker/desk daemon/worker/uplink daemon/worker/worker
covers: daemon/worker/worker_crash
"""
import ctypes
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from worker_driver import Worker, children_of, text_of  # noqa: E402
from worker_suite import (  # noqa: E402
    ROLE, Held, check, eventually, main, run, test)


@test
def it_says_who_it_is():
    worker = Worker(ROLE)
    worker.accept()
    ready = worker.ready
    assert ready['worker'] == 7 and ready['pid'] == worker.process.pid
    assert ready['name'] == 'exec/3' and ready['handlers'] == ['exec']
    assert ready['leaving'] is False and ready['holding'] == []
    worker.end()


@test
def jobs_run_in_order_and_each_is_told_before_the_next():
    worker = Worker(ROLE)
    broker = worker.accept()
    jobs = [worker.job('true') for _ in range(100)]
    broker.say(*jobs)
    assert [broker.hear()['token'] for _ in jobs] == [
        job['token'] for job in jobs]
    broker.say({'settled': [job['token'] for job in jobs]})
    first, second = worker.job('true'), Held(worker)
    broker.say(first, second.job)
    # The first result does not wait for the second job.
    assert broker.hear()['token'] == first['token']
    second.go()
    assert broker.hear()['token'] == second.token
    worker.end()


@test
def recalled_jobs_come_back_if_they_have_not_begun():
    worker = Worker(ROLE)
    broker = worker.accept()
    running, waiting, last = (Held(worker), worker.job('true'),
                              worker.job('true'))
    broker.say(running.job, waiting, last)
    running.begun()
    broker.say({'recall': [
        {'job': running.job['job'], 'token': running.token},
        {'job': waiting['job'], 'token': waiting['token']}]})
    assert broker.hear() == {'put_back': [
        {'job': waiting['job'], 'token': waiting['token']}]}
    running.go()
    assert broker.hear()['token'] == running.token
    assert broker.hear()['token'] == last['token']
    worker.end()


@test
def a_killed_worker_takes_its_job_along():
    worker = Worker(ROLE)
    broker = worker.accept()
    broker.say(worker.job('sleep', '1000'))
    eventually(lambda: children_of(worker.process.pid))
    pid = children_of(worker.process.pid)[0]
    worker.process.kill()

    def gone():
        try:
            with open('/proc/%d/stat' % pid) as file:
                return ' Z ' in file.read()
        except OSError:
            return True
    eventually(gone)
    worker.end()


@test
def a_broker_that_does_not_read_loses_nothing():
    worker = Worker(ROLE)
    broker = worker.accept()
    begun = worker.folder + '/begun'
    jobs = [worker.job(shell='echo >>%s; head -c 4000 /dev/zero' % begun)
            for _ in range(100)]
    broker.say(*jobs)
    # No job begins before the result of the last one is off its hands.
    last, now = -1, 0
    while last != now or now < 2:
        time.sleep(1)
        last, now = now, os.path.exists(begun) and os.path.getsize(begun)
    assert 1 < now < 100, now
    got = [broker.hear() for _ in jobs]
    assert [g['token'] for g in got] == [job['token'] for job in jobs]
    assert all(g['stdout_bytes'] == 4000 for g in got)
    worker.end()


@test
def a_lost_connection_loses_nothing():
    worker = Worker(ROLE)
    broker = worker.accept()
    first, held, waiting = (worker.job('true'), Held(worker),
                            worker.job('true'))
    running = held.job
    broker.say(first, running, waiting)
    assert broker.hear()['token'] == first['token']
    held.begun()
    broker.close()
    broker = worker.accept()
    holding = worker.ready['holding']
    assert [h['token'] for h in holding] == [
        job['token'] for job in (first, running, waiting)], holding
    assert 'started_ms' in holding[1] and 'started_ms' not in holding[2]
    # Delivered again, whatever for: it runs once.
    broker.say(running, waiting)
    held.go()
    # What was not settled is said again, then all goes on.
    assert [broker.hear()['token'] for _ in range(3)] == [
        job['token'] for job in (first, running, waiting)]
    broker.say({'settled': [first['token'], running['token']]})
    broker.say({'ping': 1})
    assert broker.hear() == {'pong': 1}
    broker.close()
    broker = worker.accept()
    assert [h['token'] for h in worker.ready['holding']] == [waiting['token']]
    assert broker.hear()['token'] == waiting['token']
    worker.end()


@test
def results_without_a_broker_go_to_disk():
    worker = Worker(ROLE)
    broker = worker.accept()
    jobs = [worker.job('sleep', '0.3'), worker.job('true'),
            worker.job('true')]
    broker.say(*jobs)
    time.sleep(0.1)
    broker.close()
    worker.listener.close()
    os.unlink(worker.path)
    folder = worker.folder + '/results/'
    eventually(lambda: len([n for n in os.listdir(folder)
                            if n[0] != '.']) == 3)
    for job in jobs:
        with open('%s%d' % (folder, job['token'])) as file:
            line = json.loads(file.read())
        assert line['done'] == job['job'] and line['cause'] == 'none'
    # A new broker: all are said again, and the files go when settled.
    worker.listener = __import__('socket').socket(1)
    worker.listener.bind(worker.path)
    worker.listener.listen(8)
    broker = worker.accept()
    assert len(worker.ready['holding']) == 3
    assert [broker.hear()['token'] for _ in jobs] == [
        job['token'] for job in jobs]
    broker.say({'settled': [job['token'] for job in jobs]})
    eventually(lambda: os.listdir(folder) == [])
    worker.end()


@test
def a_broker_that_says_nothing_is_no_broker():
    worker = Worker(ROLE)
    broker = worker.accept()
    job = worker.job('sleep', '0.2')
    broker.say(job)
    time.sleep(0.05)
    broker.close()
    broker = worker.accept(hello=False)
    name = '%s/results/%d' % (worker.folder, job['token'])
    eventually(lambda: os.path.exists(name))
    worker.end()


@test
def without_a_supervisor_it_finishes_and_leaves():
    # The middle process is the supervisor; it dies under the running job.
    worker = Worker(ROLE, wrapper=(
        'sh', '-c', '"$@" & sleep 1000 & wait', 'sh'))
    broker = worker.accept()
    pid = worker.ready['pid']
    running, waiting = Held(worker), worker.job('true')
    broker.say(running.job, waiting)
    running.begun()
    others = [p for p in children_of(worker.process.pid)]
    worker.process.kill()
    worker.process.wait()
    assert broker.hear() == {'leaving': True}
    assert broker.hear() == {'put_back': [
        {'job': waiting['job'], 'token': waiting['token']}]}
    late = worker.job('true')
    broker.say(late)
    assert broker.hear() == {'put_back': [
        {'job': late['job'], 'token': late['token']}]}
    running.go()
    done = broker.hear()
    assert done['token'] == running.token and done['cause'] == 'none'
    broker.say({'settled': [done['token']]})
    assert broker.hear() is None
    eventually(lambda: not os.path.exists('/proc/%d' % pid))
    for other in others:
        if other != pid:
            try:
                os.kill(other, signal.SIGKILL)
            except ProcessLookupError:
                pass
    worker.end()


@test
def asked_to_leave_it_settles_and_exits():
    worker = Worker(ROLE)
    broker = worker.accept()
    running = Held(worker)
    broker.say(running.job)
    running.begun()
    worker.process.send_signal(signal.SIGTERM)
    assert broker.hear() == {'leaving': True}
    running.go()
    done = broker.hear()
    # Never settled: it goes to disk instead.
    assert worker.process.wait(60) == 0
    assert os.listdir(worker.folder + '/results') == [str(done['token'])]
    worker.end()
    worker = Worker(ROLE)
    broker = worker.accept()
    broker.say({'drain': True})
    assert broker.hear() == {'leaving': True, 'idle': True}
    assert worker.process.wait(60) == 0
    worker.end()


@test
def bad_lines_end_the_connection_and_nothing_else():
    worker = Worker(ROLE, stderr=subprocess.DEVNULL)
    broker = worker.accept()
    job = worker.job('sleep', '1')
    broker.say(job)
    for bad in (b'{"job":\n', b'garbage\n', b'[]\n', b'{}\n', b'\xff\n',
                b'{"job":1}\n', b'{"job":-1,"token":2}\n', b'{"x":1}\n',
                b'{"job":1,"token":1e400,"context":1}\n', b'a\0b\n',
                b'{"job":5,"token":6,"context":77,"spec":{}}\n',
                b'{"cancel":1}\n', b'{"recall":[1]}\n', b'"job"\n',
                b'{"settled":["x"]}\n', b'{"context":"a"}\n',
                b'{"job":' + b'[' * 100000 + b'\n'):
        broker.raw(bad)
        while broker.hear():
            pass
        broker = worker.accept()
        assert job['token'] in [h['token'] for h in worker.ready['holding']]
    assert broker.hear()['token'] == job['token']
    worker.end()


@test
def it_is_small():
    role = pathlib.Path(ROLE).read_bytes()
    if b'__asan_init' in role or b'__tsan_init' in role:
        return 'a sanitizer is not small'
    worker, _ = run('true')
    with open('/proc/%d/smaps_rollup' % worker.process.pid) as file:
        kib = {line.split()[0]: int(line.split()[1])
               for line in file if line.endswith('kB\n')}
    assert kib['Rss:'] < 4096, kib
    worker.end()
    return None


@test
def a_full_disk_does_not_stop_the_job():
    folder = None
    libc = ctypes.CDLL(None, use_errno=True)
    worker = Worker(ROLE, stderr=subprocess.DEVNULL)
    folder = worker.folder + '/output'
    if libc.mount(b'none', folder.encode(), b'tmpfs', 0, b'size=64k'):
        worker.end()
        return 'no mount here'
    try:
        broker = worker.accept()
        done = check(worker, broker,
                     shell='head -c 3000000 /dev/zero; echo end')
        assert done['cause'] == 'none' and done['omitted_bytes'] > 0, done
        found = worker.output(done)
        assert done['stdout_bytes'] == 3000004
        assert len(text_of(found)) + done['omitted_bytes'] == 3000004
    finally:
        libc.umount(folder.encode())
        worker.end()
    return None


@test
def crash_points_do_what_they_say():
    worker = Worker(ROLE, env={'REEVE_TEST_CRASH': 'start:2'})
    broker = worker.accept()
    broker.say(worker.job('true'), worker.job('sleep', '1000'))
    first = broker.hear()
    if not first:
        return 'built without test hooks'
    if broker.is_silent(2):
        worker.end()
        return 'built without test hooks'
    assert broker.hear() is None
    assert worker.process.wait(60) == -signal.SIGKILL
    worker.end()
    return None


sys.exit(main())
