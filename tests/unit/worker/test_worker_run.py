#!/usr/bin/python3
"""A job in the worker's role, run by a broker that this test plays.

    test_worker_run.py WORKER_ROLE

covers: daemon/worker/attempt daemon/worker/leaf daemon/worker/report
covers: daemon/worker/run_command daemon/worker/run_kill
"""
import os
import pathlib
import signal
import struct
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from worker_driver import PATH, Worker, children_of, text_of  # noqa: E402
from worker_suite import (  # noqa: E402
    CGROUP, ROLE, Held, check, each_way, eventually, main, run, strays, test)


@each_way
def simple_ends_are_told_apart(cgroup):
    worker = Worker(ROLE, cgroup)
    broker = worker.accept()
    done = check(worker, broker, 'true')
    assert done['cause'] == 'none' and done['exit'] == 0, done
    assert done['started_ms'] <= done['finished_ms']
    assert done['run_us'] > 0 and done['peak_kib'] > 0
    assert done['stdout_bytes'] == 0 and 'log64' not in done
    done = check(worker, broker, 'false')
    assert done['cause'] == 'exit' and done['exit'] == 1, done
    done = check(worker, broker, shell='kill -9 $$')
    assert done['cause'] == 'signal' and done['signal'] == 9, done
    assert done['core'] is False
    done = check(worker, broker, shell='exit 255')
    assert done['exit'] == 255
    worker.end()


@test
def what_cannot_start_says_why():
    worker = Worker(ROLE)
    broker = worker.accept()

    def fails(errno, message, *argv, **options):
        done = check(worker, broker, *argv, **options)
        assert done['cause'] == 'exec' and done['errno'] == errno, done
        assert message in done['message'], done

    fails(2, "cannot start 'nope'", 'nope')
    fails(13, "cannot start '/etc/passwd'", '/etc/passwd')
    fails(2, "cannot start '/nope/nope'", '/nope/nope')
    fails(2, "cannot start 'x" + 'é' * 79 + "…'", 'x' + 'é' * 100)
    broker.say(worker.context(2, cwd='/not/there'))
    fails(2, "cannot enter the directory '/not/there'", 'true', context=2)
    broker.say(worker.context(3, limits={'wings': 2}))
    fails(22, "no limit named 'wings'", 'true', context=3)
    broker.say(worker.context(4, env={'A\0': 'b'}))
    fails(22, 'cannot be in an environment', 'true', context=4)
    fails(22, 'NUL byte', 'echo', 'a\0b')
    fails(22, 'argv is empty')
    fails(2, 'empty', '')
    assert check(worker, broker, 'true')['cause'] == 'none'
    worker.end()


@each_way
def a_timeout_that_ignores_term_is_killed(cgroup):
    worker = Worker(ROLE, cgroup)
    broker = worker.accept()
    started = time.monotonic()
    done = check(worker, broker, shell="trap '' TERM; while :; do sleep 1; "
                 "done", timeout_ms=1000, grace_ms=300)
    assert 1.3 <= time.monotonic() - started < 60
    assert done['cause'] == 'timeout' and done['signal'] == 9, done
    assert not strays()
    done = check(worker, broker, 'sleep', '9', timeout_ms=100)
    assert done['cause'] == 'timeout' and done['signal'] == 15, done
    # What a killed cgroup would do to the next one.
    for _ in range(3):
        assert check(worker, broker, 'true')['cause'] == 'none'
    worker.end()


@test
def a_stopped_job_hears_of_its_timeout():
    worker, done = run(shell='kill -STOP $$', timeout_ms=200)
    assert done['cause'] == 'timeout' and done['signal'] == 15, done
    worker.end()


@each_way
def what_escapes_is_killed(cgroup):
    worker = Worker(ROLE, cgroup)
    broker = worker.accept()
    done = check(worker, broker, shell='''
        setsid sh -c 'trap "" TERM HUP; (setsid sleep 1000 & );
                      exec sleep 1000' &
        (sleep 1000 &) &
        sleep 0.2; echo over''')
    assert done['cause'] == 'none', done
    assert not strays()
    assert text_of(worker.output(done)) == b'over\n'
    worker.end()


@each_way
def a_fork_bomb_of_200_leaves_nothing(cgroup):
    worker = Worker(ROLE, cgroup)
    broker = worker.accept()
    started = time.monotonic()
    done = check(worker, broker, shell='''
        i=0; while [ $i -lt 200 ]; do
            setsid sleep 1000 & i=$((i+1)); done; sleep 0.3''')
    assert done['cause'] == 'none', done
    assert not strays()
    assert time.monotonic() - started < 60
    assert check(worker, broker, 'true')['cause'] == 'none'
    # No zombie either.
    with open('/proc/%d/task/%d/children' % ((worker.process.pid,) * 2)) as f:
        assert f.read() == ''
    worker.end()


@test
def kept_orphans_live_and_the_worker_retires():
    worker = Worker(ROLE)
    broker = worker.accept()
    waiting = worker.job('true')
    broker.say(worker.job(shell='sleep 300 & echo $!', orphans='keep'),
               waiting)
    done = broker.hear()
    pid = int(text_of(worker.output(done)))
    assert done['cause'] == 'none', done
    assert broker.hear() == {'leaving': True, 'idle': True}
    assert broker.hear() == {'put_back': [
        {'job': waiting['job'], 'token': waiting['token']}]}
    broker.say({'settled': [done['token']]})
    assert worker.process.wait(60) == 3
    os.kill(pid, signal.SIGKILL)
    worker.end()


@test
def keep_without_orphans_goes_on():
    worker, done = run('true', orphans='keep')
    assert done['cause'] == 'none'
    assert check(worker, worker.broker, 'true')['exit'] == 0
    worker.end()


@test
def long_output_is_whole_in_a_file():
    worker, done = run(shell='head -c 10000000 /dev/zero | tr "\\0" x; '
                             'echo end >&2')
    found = worker.output(done)
    assert done['file'] and done['stdout_bytes'] == 10000000, done
    assert text_of(found) == b'x' * 10000000
    assert text_of(found, 2) == b'end\n' and done['stderr_bytes'] == 4
    worker.end()


@test
def capped_output_keeps_head_and_tail():
    worker, done = run(shell='echo first; head -c 9000000 /dev/zero; '
                             'echo last', output_bytes=4 << 20)
    found = worker.output(done)
    text = text_of(found)
    assert text.startswith(b'first\n') and text.endswith(b'last\n')
    omitted = [struct.unpack('<q', data)[0] for kind, data in found
               if kind == 3]
    assert len(omitted) == 1 and omitted[0] == done['omitted_bytes']
    assert len(text) + omitted[0] == done['stdout_bytes'] == 9000011
    assert len(text) <= 4 << 20 and len(text) > 3.5 * (1 << 20)
    worker.end()


@test
def short_output_travels_in_the_result():
    worker, done = run(shell='printf "a\\0\\377\\nb"; printf err >&2')
    found = worker.output(done)
    assert text_of(found) == b'a\0\xff\nb' and text_of(found, 2) == b'err'
    assert os.listdir(worker.folder + '/output') == []
    worker.end()


@test
def output_of_a_running_job_can_be_followed():
    worker = Worker(ROLE)
    broker = worker.accept()
    held = Held(worker, 'echo one;', 'echo two')
    broker.say(held.job)
    name = '%s/output/%d.1' % (worker.folder, held.job['job'])
    eventually(lambda: os.path.exists(name) and os.stat(name).st_size == 20)
    held.go()
    done = broker.hear()
    # It ended small: the file is gone again.
    assert 'file' not in done
    assert text_of(worker.output(done)) == b'one\ntwo\n'
    worker.end()


@test
def input_arrives_whole():
    worker = Worker(ROLE)
    broker = worker.accept()
    done = check(worker, broker, 'cat', stdin='some\ntext')
    assert text_of(worker.output(done)) == b'some\ntext'
    done = check(worker, broker, 'od', '-An', '-tx1', stdin64='AP8K')
    assert text_of(worker.output(done)).split() == [b'00', b'ff', b'0a']
    done = check(worker, broker, 'wc', '-c', stdin='x' * 900000)
    assert text_of(worker.output(done)) == b'900000\n'
    done = check(worker, broker, shell='cat; readlink /proc/self/fd/0')
    assert text_of(worker.output(done)) == b'/dev/null\n'
    worker.end()


@test
def a_job_that_closes_its_output_runs_on():
    worker, done = run(shell='exec >&- 2>&-; sleep 0.3; exit 4')
    assert done['exit'] == 4 and done['run_us'] > 250000, done
    worker.end()


@test
def a_job_sees_four_descriptors_and_clean_signals():
    worker = Worker(ROLE)
    broker = worker.accept()
    done = check(worker, broker, 'python3', '-c', '''
import os
print(sorted(int(n) for n in os.listdir('/proc/self/fd'))[:4])
print(len(os.listdir('/proc/self/fd')))
print([l.split()[1] for l in open('/proc/self/status')
       if l.startswith(('SigBlk', 'ShdPnd', 'SigPnd'))])
print(os.getsid(0) == os.getpid() == os.getpgrp())
print(__import__('resource').getrlimit(7)[0])
print(oct(os.umask(0)))
''')
    lines = text_of(worker.output(done)).decode().splitlines()
    # The fifth is the listing itself.
    assert lines[0] == '[0, 1, 2, 3]' and lines[1] == '5', lines
    assert lines[2] == str(['0' * 16] * 3), lines
    assert lines[3:] == ['True', '1024', '0o22'], lines
    worker.end()


@test
def a_job_has_the_descriptors_that_came_with_it():
    worker = Worker(ROLE)
    broker = worker.accept()
    reading, writing = os.pipe()
    files = '/proc/%d/fd' % worker.process.pid
    before = len(os.listdir(files))
    for padding in (0, 9000, 60000):
        job = worker.job(shell='cat; pwd; echo kept >&2', stdin_fd=1,
                         stdout_fd=0, cwd_fd=2, padding='x' * padding)
        with open('/dev/shm/reeve-%d' % os.getpid(), 'w+b') as data:
            os.unlink(data.name)
            data.write(b'data ')
            data.seek(0)
            folder = os.open('/usr', os.O_RDONLY)
            broker.say({'ping': 1})
            broker.give(job, [writing, data.fileno(), folder])
            os.close(folder)
        assert broker.hear() == {'pong': 1}
        assert broker.hear() == {'start': job['job'], 'token': job['token']}
        done = broker.hear()
        assert done['cause'] == 'none' and done['stdout_bytes'] == 0, done
        assert text_of(worker.output(done), 2) == b'kept\n'
        assert os.read(reading, 99) == b'data /usr\n'
    assert len(os.listdir(files)) == before
    os.close(reading)
    os.close(writing)
    worker.end()


@test
def a_job_without_its_descriptors_is_not_started():
    worker = Worker(ROLE)
    broker = worker.accept()
    for fds, spec in (([], {'stdin_fd': 0}), ([0], {'stdout_fd': 1}),
                      ([0] * 20, {'stderr_fd': 0})):
        job = worker.job('true', **spec)
        if fds:
            broker.give(job, fds)
            assert 'start' in broker.hear()
        else:
            broker.say(job)
        done = broker.hear()
        assert done['cause'] == 'exec' and done['errno'] == 9, done
    job = worker.job('true', cwd_fd=0)
    broker.give(job, [0])
    assert 'start' in broker.hear()
    assert 'directory that came with it' in broker.hear()['message']
    worker.end()


@test
def descriptors_of_jobs_that_go_back_are_closed():
    worker = Worker(ROLE)
    broker = worker.accept()
    reading, writing = os.pipe()
    broker.say(worker.job('sleep', '60'))
    jobs = [worker.job('true', stdout_fd=0) for _ in range(5)]
    for job in jobs:
        broker.give(job, [writing])
    broker.give({'ping': 1}, [writing])
    assert broker.hear() == {'pong': 1}
    os.close(writing)
    broker.say({'recall': [{'job': job['job'], 'token': job['token']}
                           for job in jobs[:4]]})
    assert len(broker.hear()['put_back']) == 4
    broker.say({'cancel': jobs[4]['job'], 'token': jobs[4]['token']})
    assert broker.hear()['cause'] == 'cancelled'
    assert os.read(reading, 1) == b''
    os.close(reading)
    worker.end()


@test
def an_ignored_signal_is_not_passed_on():
    # env --ignore-signal is coreutils' word for what nohup does to HUP.
    worker = Worker(ROLE, wrapper=('env', '--ignore-signal=HUP,PIPE,INT'))
    broker = worker.accept()
    done = check(worker, broker, 'grep', 'SigIgn', '/proc/self/status')
    text = text_of(worker.output(done))
    assert text.split()[1] == b'0' * 16, text
    worker.end()


@test
def the_environment_is_the_submitters():
    worker = Worker(ROLE)
    broker = worker.accept()
    broker.say(worker.context(2, env={
        'B': 'two words', 'REEVE_JOB': '1', 'PATH': PATH}))
    job = worker.job('env', context=2)
    broker.say(job)
    lines = text_of(worker.output(broker.hear())).decode().splitlines()
    assert sorted(lines) == sorted([
        'B=two words', 'PATH=' + PATH, 'REEVE_JOB=%d' % job['job'],
        'REEVE_ATTEMPT=1', 'REEVE_TOKEN=%d' % job['token'], 'REEVE_GROUP=5',
        'REEVE_SOCKET=/run/there.sock', 'REEVE_PROGRESS_FD=3']), lines
    broker.say(worker.context(3, env={'LANG': 'x'}, env_mode='clean'))
    done = check(worker, broker, 'env', context=3)
    lines = text_of(worker.output(done)).decode().splitlines()
    names = {line.split('=')[0] for line in lines}
    assert {'HOME', 'USER', 'LOGNAME', 'SHELL', 'PATH'} <= names
    assert 'LANG=x' in lines and len(lines) == 12, lines
    worker.end()


@test
def context_sets_directory_umask_nice_and_limits():
    worker = Worker(ROLE)
    broker = worker.accept()
    broker.say(worker.context(2, cwd='/usr', umask=0o77, nice=5, limits={
        'nofile': 64, 'core': 0, 'fsize': 4096}))
    done = check(worker, broker, context=2,
                 shell='pwd; umask; nice; ulimit -n; ulimit -c; ulimit -f')
    lines = text_of(worker.output(done)).decode().split()
    assert lines == ['/usr', '0077', '5', '64', '0', '8'], lines
    worker.end()


@test
def a_script_without_a_first_line_is_given_to_the_shell():
    worker = Worker(ROLE)
    broker = worker.accept()
    name = worker.folder + '/script'
    with open(name, 'w') as file:
        file.write('echo "$0 $1"\n')
    os.chmod(name, 0o755)
    done = check(worker, broker, name, 'word')
    assert text_of(worker.output(done)).decode() == name + ' word\n'
    worker.end()


@each_way
def cancel_ends_running_and_waiting_jobs(cgroup):
    worker = Worker(ROLE, cgroup)
    broker = worker.accept()
    up = worker.folder + '/up'
    running = worker.job(shell='trap "" TERM; : >%s; sleep 100 & sleep 99; '
                         'wait' % up)
    waiting, last = worker.job('true'), worker.job('true')
    broker.say(running, waiting, last)
    eventually(lambda: os.path.exists(up))
    broker.say({'cancel': waiting['job'], 'token': waiting['token'],
                'grace_ms': 10000})
    done = broker.hear()
    assert done['token'] == waiting['token'], done
    assert done['cause'] == 'cancelled' and 'started_ms' not in done, done
    broker.say({'cancel': running['job'], 'token': running['token'],
                'grace_ms': 200})
    done = broker.hear()
    assert done['token'] == running['token'], done
    assert done['cause'] == 'cancelled' and done['signal'] == 9, done
    assert broker.hear()['cause'] == 'none'
    assert not strays()
    # Unknown ones are ignored.
    broker.say({'cancel': 1, 'token': 1}, {'ping': 3})
    assert broker.hear() == {'pong': 3}
    worker.end()


@test
def term_reaches_all_of_the_cgroup():
    if not CGROUP:
        return 'no cgroup2 here'
    worker = Worker(ROLE, CGROUP)
    broker = worker.accept()
    up = worker.folder + '/up'
    job = worker.job(shell='''
        trap : TERM
        setsid sh -c 'trap "echo heard; exit" TERM; : >%s
                      while :; do sleep 0.05; done' &
        echo begun; wait; wait; exit 3''' % up)
    broker.say(job)
    eventually(lambda: os.path.exists(up))
    broker.say({'cancel': job['job'], 'token': job['token'],
                'grace_ms': 60000})
    done = broker.hear()
    assert done['cause'] == 'cancelled' and done['exit'] == 3, done
    assert text_of(worker.output(done)) == b'begun\nheard\n'
    worker.end()
    return None


@test
def a_stranger_who_holds_the_pipe_delays_by_a_second():
    worker = Worker(ROLE)
    broker = worker.accept()
    held = Held(worker, 'echo $$;', 'echo more')
    broker.say(held.job)
    held.begun()
    pid = children_of(worker.process.pid)[0]
    with open('/proc/%d/fd/1' % pid, 'wb', 0) as pipe:
        held.go()
        eventually(lambda: not children_of(worker.process.pid))
        pipe.write(b'late\n')
        # It waited, or `late` were not there; and not for who holds on.
        done = broker.hear()
    text = text_of(worker.output(done)).decode()
    assert text == '%d\nmore\nlate\n' % pid, text
    assert check(worker, broker, 'true')['cause'] == 'none'
    worker.end()


@test
def what_cannot_be_killed_ends_the_worker():
    freezer = '/sys/fs/cgroup/freezer/reeve-test-%d' % os.getpid()
    try:
        os.mkdir(freezer)
    except OSError:
        return 'no cgroup1 freezer here'
    worker = Worker(ROLE, stderr=subprocess.DEVNULL)
    broker = worker.accept()
    try:
        # A process in the old freezer does not even take SIGKILL.
        done = check(worker, broker, shell='''
            setsid sh -c 'echo $$ >%s/cgroup.procs; sleep 1000' &
            until grep -q . %s/cgroup.procs; do sleep 0.02; done
            echo FROZEN >%s/freezer.state'''
                     % (freezer, freezer, freezer))
        assert done['cause'] == 'none', done
        assert broker.hear() == {'leaving': True, 'idle': True}
        broker.say({'settled': [done['token']]})
        assert worker.process.wait(60) == 4
    finally:
        with open(freezer + '/freezer.state', 'w') as file:
            file.write('THAWED')
        with open(freezer + '/cgroup.procs') as file:
            for pid in file.read().split():
                os.kill(int(pid), signal.SIGKILL)
        worker.end()

        def gone():
            try:
                os.rmdir(freezer)
            except OSError:
                return False
            return True
        eventually(gone)
    return None


@test
def progress_is_forwarded_ten_times_a_second():
    worker = Worker(ROLE)
    broker = worker.accept()
    job = worker.job(shell='''
        echo '{"fraction":0.25,"note":"a quarter"}' >&3; sleep 1
        echo half >&3; sleep 1
        i=0; while [ $i -lt 60 ]; do
            echo 0.75 >&3; sleep 0.01; i=$((i+1)); done
        sleep 0.3''')
    started = time.monotonic()
    broker.say(job)
    said = []
    while True:
        line = broker.hear()
        if 'done' in line:
            break
        said.append(line)
    head = {'progress': job['job'], 'token': job['token']}
    assert said[0] == dict(head, fraction=0.25, note='a quarter'), said
    assert said[1] == dict(head, note='half'), said
    assert said[-1] == dict(head, fraction=0.75), said
    took = time.monotonic() - started
    assert 3 <= len(said) <= took * 10 + 2, (took, said)
    worker.end()


@test
def cgroup_leaves_are_used_again_until_killed():
    if not CGROUP:
        return 'no cgroup2 here'
    worker = Worker(ROLE, CGROUP)
    broker = worker.accept()

    def leaf():
        done = check(worker, broker, shell='grep ^0:: /proc/self/cgroup')
        return text_of(worker.output(done)).decode().strip().rsplit('/')[-1]

    first = leaf()
    assert leaf() == first
    check(worker, broker, shell='setsid sleep 100 &')
    second = leaf()
    assert second != first and leaf() == second
    assert [n for n in os.listdir(CGROUP) if n.isdigit()] == [second]
    # Groups that a job made go with it, at the latest when it is killed.
    check(worker, broker, shell='mkdir -p %s/%s/a/b; setsid sleep 100 &'
          % (CGROUP, second))
    third = leaf()
    eventually(lambda: [n for n in os.listdir(CGROUP) if n.isdigit()]
               == [third])
    worker.end()


sys.exit(main())
