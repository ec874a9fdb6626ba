#!/usr/bin/python3
"""How a worker of the SDK lives and dies: cancels, lost connections, results
that nobody takes, the end of the supervisor."""
import json
import os
import signal
import subprocess
import sys
import time

from broker import HERE, Lost, eventually, exit_of, kill
from tap import equal, main, test


def begun(b, link, handler, *args, **more):
    """Gives a job and waits until it runs."""
    mark = b.folder / ('up%d' % b.jobs)
    job = b.job(handler, {'args': [str(mark), *args]}, **more)
    link.send(job)
    eventually(mark.exists, what='%s runs' % handler)
    return job


def cancel(link, job, reason='client'):
    link.send({'cancel': job['job'], 'token': job['token'],
               'grace_ms': 10000, 'reason': reason})


@test
def cancel_raises_in_a_handler_that_sleeps(b):
    _, link, _ = b.worker()
    job = begun(b, link, 'cleans_up')
    began = time.monotonic()
    cancel(link, job)
    equal(link.read()['result'], {'type': 'Cancelled', 'reason': 'client'})
    assert time.monotonic() - began < 20
    job = begun(b, link, 'cleans_up')
    cancel(link, job, 'timeout')
    equal(link.read()['result'], {'type': 'TimedOut', 'reason': 'timeout'})
    equal(b.run(link, 'math.square', [3])['result'], 9)


@test
def cancel_ends_one_that_computes_or_waits_for_a_lock(b):
    _, link, _ = b.worker()
    for handler, more in (('computes', [60]), ('blocks_on_lock', [])):
        job = begun(b, link, handler, *more)
        cancel(link, job)
        end = link.read()
        equal((end['fail'], end['error']['type']), (job['job'], 'Cancelled'))
    cancel(link, job)  # an old one: nothing
    equal(b.run(link, 'math.square', [3])['result'], 9)


@test
def cancel_cuts_no_line_in_two(b):
    _, link, _ = b.worker()
    for _ in range(20):
        job = begun(b, link, 'chatters')
        time.sleep(0.05)  # until its writes wait for us
        cancel(link, job)
        end = link.until('done', 'fail')
        equal(end['error']['type'], 'Cancelled')


@test
def cancel_of_one_that_has_not_begun_answers_for_it(b):
    _, link, _ = b.worker()
    first = begun(b, link, 'cleans_up')
    second, third = b.job('noop'), b.job('noop')
    link.send(second, third)
    cancel(link, second)
    end = link.read()
    equal((end['fail'], end['error']['type']), (second['job'], 'Cancelled'))
    cancel(link, first)
    equal(link.read()['done'], first['job'])
    equal(link.read()['done'], third['job'])


@test
def one_that_swallows_the_cancel_is_asked_again_by_term(b):
    child, link, _ = b.worker()
    job = begun(b, link, 'stubborn', 60)
    cancel(link, job)
    assert link.silent(0.3)
    equal(child.poll(), None)
    child.kill()  # what the daemon does then
    link.lost()
    child, link, _ = b.worker()
    job = begun(b, link, 'computes', 60)
    child.terminate()  # not cancelled: it may finish
    assert link.until('leaving')
    assert link.silent(0.2)
    cancel(link, job)
    equal(link.read()['error']['type'], 'Cancelled')
    link.send({'settled': [job['token']]})
    equal(exit_of(child), 0)


@test
def a_cancel_at_any_moment_hits_no_other_job(b):
    _, link, _ = b.worker()
    for i in range(200):
        job = b.job('sleeps', {'args': [0.0]})
        link.send(job)
        cancel(link, job)
        end = link.until('done', 'fail')
        equal(end.get('done') or end.get('fail'), job['job'])
        equal(b.run(link, 'math.square', [i])['result'], i * i)


@test
def killed_where_ever_only_what_had_begun_is_unanswered(b):
    """receive, start, middle, result, idle: the daemon sees the end of the
    connection, and which results it has."""
    for when in ('receive', 'start', 'middle', 'result', 'idle'):
        child = b.start(HERE / 'crashes.py', REEVE_TEST_CRASH=when)
        link, _ = b.accept()
        jobs = [b.job('math.square', {'args': [n]}) for n in range(3)]
        if when == 'middle':
            jobs = [b.job('sleeps', {'args': [60]})] + jobs
        try:
            link.send(*jobs)
            said = link.lost()
        except (BrokenPipeError, Lost):
            said = []
        equal(child.wait(), -signal.SIGKILL, when)
        done = [item['done'] for item in said if 'done' in item]
        want = {'receive': 0, 'start': 0, 'middle': 0, 'result': 1,
                'idle': 3}[when]
        equal(done, [job['job'] for job in jobs[:want]], when)


@test
def one_that_exits_hard_says_nothing_more(b):
    child, link, _ = b.worker()
    link.send(b.job('noop'), b.job('exits_hard'), b.job('noop'))
    equal([item['done'] for item in link.lost()], [1])
    equal(child.wait(), 5)


@test
def a_lost_connection_is_dialled_again_and_results_follow(b):
    _, link, _ = b.worker()
    jobs = [b.job('math.square', {'args': [n]}) for n in range(3)]
    link.send(*jobs)
    ends = [link.read() for _ in jobs]
    link.send({'settled': [jobs[0]['token']]})
    time.sleep(0.05)
    link.close()
    link, ready = b.accept()
    equal([(item['job'], item['token'], item['attempt'])
           for item in ready['holding']],
          [(job['job'], job['token'], 1) for job in jobs[1:]])
    equal([link.read(), link.read()], ends[1:])
    link.send({'settled': [job['token'] for job in jobs]})
    link.close()
    link, ready = b.accept()
    equal(ready['holding'], [])


@test
def a_worker_dials_again_in_the_middle_of_a_handler(b):
    _, link, _ = b.worker()
    job = begun(b, link, 'cleans_up')
    behind = b.job('noop')
    link.send(behind)
    link.close()
    link, ready = b.accept(within=5)
    equal([item['job'] for item in ready['holding']],
          [job['job'], behind['job']])
    assert ready['holding'][0]['started_ms'] > 0
    cancel(link, job)
    equal(link.read()['result']['reason'], 'client')
    equal(link.read()['done'], behind['job'])


@test
def results_that_nobody_takes_are_written_down(b):
    _, link, _ = b.worker()
    job = begun(b, link, 'computes', 1.5)
    mark = b.folder / 'behind'
    behind = b.job('sleeps', {'args': [0, str(mark)]})
    link.send(behind)
    time.sleep(0.05)
    b.stop()
    link.close()
    file = b.results / str(job['token'])
    eventually(mark.exists, what='the next job runs')
    assert file.exists(), 'it began before that was written down'
    next_file = b.results / str(behind['token'])
    eventually(next_file.exists)
    line = file.read_bytes()
    assert line.endswith(b'\n'), line
    equal(json.loads(line)['result'], 'computed')
    equal(json.loads(next_file.read_bytes())['result'], 'slept')
    equal(file.stat().st_mode & 0o777, 0o600)
    b.listen()
    link, ready = b.accept()
    equal(len(ready['holding']), 2)
    ends = [link.read(), link.read()]
    equal([end['done'] for end in ends], [job['job'], behind['job']])
    link.send({'settled': [job['token'], behind['token']]})
    eventually(lambda: not list(b.results.iterdir()), what='files are gone')


@test
def a_long_handler_has_its_predecessors_written_down(b):
    _, link, _ = b.worker()
    first = b.job('noop')
    link.send(first)
    link.read()
    begun(b, link, 'computes', 60)
    b.stop()
    link.close()
    eventually((b.results / str(first['token'])).exists, 2.5,
               'in the middle of the handler')


@test
def sigterm_lets_the_running_job_end_and_gives_back_the_rest(b):
    child, link, _ = b.worker()
    job = begun(b, link, 'computes', 1.5)
    behind = b.job('noop')
    link.send(behind)
    time.sleep(0.1)
    child.terminate()
    equal(link.read(), {'leaving': True})
    equal(link.read()['put_back'][0]['token'], behind['token'])
    equal(link.read()['result'], 'computed')
    link.send({'settled': [job['token']]})
    equal(exit_of(child), 0)


@test
def sigterm_ends_an_idle_worker_at_once(b):
    child, link, _ = b.worker()
    began = time.monotonic()
    child.terminate()
    equal(link.lost(), [{'leaving': True}])
    equal(exit_of(child), 0)
    assert time.monotonic() - began < 20


@test
def a_worker_that_leaves_writes_down_what_is_not_settled(b):
    child, link, _ = b.worker()
    job = b.job('noop')
    link.send(job)
    link.read()
    child.terminate()
    equal(exit_of(child), 0)
    assert (b.results / str(job['token'])).exists()


@test
def a_worker_leaves_when_its_supervisor_is_gone(b):
    parent = subprocess.Popen([sys.executable, '-c', (
        'import subprocess, sys, os, time\n'
        'os.environ["REEVE_SUPERVISOR"] = str(os.getpid())\n'
        'subprocess.Popen(sys.argv[1:])\n'
        'time.sleep(60)\n'), sys.executable, str(HERE / 'handlers.py')],
        env=b.environment(), stdin=subprocess.DEVNULL)
    link, ready = b.accept()
    job = begun(b, link, 'computes', 1.5)
    parent.kill()
    parent.wait()
    equal(link.read(), {'leaving': True})
    equal(link.read()['done'], job['job'])
    link.send({'settled': [job['token']]})
    equal(link.lost(), [])

    def gone():
        try:
            with open('/proc/%d/stat' % ready['pid']) as file:
                return file.read().rsplit(')', 1)[1].split()[0] == 'Z'
        except (FileNotFoundError, ProcessLookupError):
            return True
    eventually(gone)


@test
def without_a_daemon_and_a_supervisor_it_writes_down_and_ends(b):
    _, link, _ = b.worker()
    job = b.job('noop')
    link.send(job)
    link.read()
    child = b.children[0]
    b.stop()
    link.close()
    child.terminate()
    equal(exit_of(child), 0)
    assert (b.results / str(job['token'])).exists()


@test
def what_init_raises_ends_the_worker_with_111(b):
    child = b.start('-c', (
        'from reeve.worker import handler, init, main\n'
        '@handler\ndef one(): pass\n'
        '@init\ndef boom(): raise KeyError("no data")\nmain()'))
    equal(exit_of(child), 111)
    assert "KeyError: 'no data'" in child.said
    child = b.start('-c', 'from reeve.worker import main\nmain()')
    equal(exit_of(child), 111)
    child = b.start(HERE / 'handlers.py', REEVE_HANDLERS='noop thum')
    equal(exit_of(child), 111)
    assert 'thum: no function has @handler' in child.said, child.said


@test
def a_module_without_main_is_served_by_the_command(b):
    for words in (['plain'], [HERE / 'plain.py'], ['plain:Twice.twice']):
        child = b.start('-m', 'reeve.worker', *words)
        link, ready = b.accept()
        equal(b.run(link, 'thrice', [4])['result'], 12)
        if words == ['plain:Twice.twice']:
            equal(b.run(link, 'Twice.twice', [4])['result'], 8)
        child.terminate()
        equal(exit_of(child), 0)
    child = b.start('-m', 'reeve.worker', 'no_such_module')
    equal(exit_of(child), 111)


@test
def started_by_hand_it_says_where_it_belongs(b):
    done = subprocess.run(
        [sys.executable, str(HERE / 'handlers.py')], text=True,
        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
        env={**os.environ, 'PYTHONPATH': b.environment()['PYTHONPATH']})
    equal(done.returncode, 2)
    assert 'kind: worker' in done.stderr and 'math.square' in done.stderr


@test
def an_idle_worker_uses_no_processor_time(b):
    child, link, _ = b.worker()
    b.run(link, 'noop')

    def ticks():
        with open('/proc/%d/stat' % child.pid) as file:
            fields = file.read().rsplit(')', 1)[1].split()
        return int(fields[11]) + int(fields[12])

    def switches():
        count = 0
        for task in os.listdir('/proc/%d/task' % child.pid):
            with open('/proc/%d/task/%s/status' % (child.pid, task)) as file:
                count += int(file.read().split(
                    '\nvoluntary_ctxt_switches:')[1].split()[0])
        return count

    def sleeps():
        before = ticks(), switches()
        time.sleep(1.0)
        return ticks() - before[0] <= 1 and switches() - before[1] <= 3
    eventually(sleeps, what='the watcher sleeps, too')
    equal(b.run(link, 'math.square', [3])['result'], 9)
    job = begun(b, link, 'cleans_up')  # and it wakes up again
    cancel(link, job)
    equal(link.read()['result']['reason'], 'client')
    kill(child.pid)


if __name__ == '__main__':
    main()
