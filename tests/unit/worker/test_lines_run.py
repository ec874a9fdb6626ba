#!/usr/bin/python3
"""A worker whose jobs are lines for a filter; this test plays the broker.

    test_lines_run.py WORKER_ROLE

covers: daemon/worker/filter daemon/worker/run_lines
"""
import os
import pathlib
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from worker_driver import PATH, Worker, children_of  # noqa: E402
from worker_suite import (  # noqa: E402
    MARK, ROLE, each_way, eventually, main, test)

PROBE = str(pathlib.Path(__file__).parent / 'filter_probe.py')


class Lines(Worker):
    def __init__(self, *words, run=None, env=None, **more):
        env = dict({'REEVE_TEST': str(os.getpid()), 'PATH': PATH},
                   **(env or {}))
        super().__init__(ROLE, run=run or (
            '/usr/bin/python3', '-S', '-E', PROBE, '@', *words), env=env,
            **more)
        self.broker = None

    def job_for(self, args, **more):
        self.token += 1
        return dict({'job': self.token + 1000, 'attempt': 1, 'group': 0,
                     'token': self.token, 'context': 0, 'timeout_ms': 0,
                     'grace_ms': 10000, 'orphans': 'kill', 'handler': 'f',
                     'queue': 'q',
                     'spec': {} if args is None else {'args': args}}, **more)

    def ask(self, do, **args):
        job = self.job_for(dict(args, do=do))
        self.broker.say(job)
        return self.answer(job)

    def answer(self, job):
        end = self.broker.hear()
        name = 'fail' if 'fail' in end else 'done'
        assert end[name] == job['job'], end
        assert end['token'] == job['token'] and end['cpu_us'] >= 0, end
        return end

    def starts(self):
        with open(self.folder + '/starts') as file:
            return len(file.read().split())

    def wait_for(self, name):
        eventually(lambda: os.path.exists(self.folder + '/' + name))
        os.unlink(self.folder + '/' + name)


def begun(*words, **more):
    worker = Lines(*words, **more)
    worker.broker = worker.accept()
    return worker


@test
def it_says_what_it_serves():
    worker = begun(env={'REEVE_HANDLERS': 'upper  lower'})
    assert worker.ready['handlers'] == ['upper', 'lower']
    assert worker.ready['prefetch'] == 64
    worker.end()
    worker = begun()
    assert worker.ready['handlers'] == []
    worker.end()


@each_way
def a_line_goes_in_and_a_line_comes_out(cgroup):
    worker = begun(cgroup=cgroup)
    for n in range(20):
        done = worker.ask('echo', n=n, text='ä"')
        assert done['result'] == {'do': 'echo', 'n': n, 'text': 'ä"'}
        assert done['run_us'] > 0 and 'cause' not in done
        assert done['started_ms'] <= done['finished_ms']
    job = worker.job_for(None)
    worker.broker.say(job)
    # Python's filter has no answer for {}: it goes on waiting, as we do.
    assert worker.broker.is_silent(0.1)
    worker.broker.say({'cancel': job['job'], 'token': job['token'],
                       'grace_ms': 100, 'reason': 'client'})
    assert worker.answer(job)['error']['type'] == 'Cancelled'
    assert worker.ask('echo')['result'] == {'do': 'echo'}
    assert worker.starts() == 2
    worker.end()


@test
def the_filter_has_a_session_and_nothing_that_is_not_its_own():
    worker = begun()
    who = worker.ask('who')['result']
    assert who['session'] == who['pid'] != worker.process.pid
    assert who['cwd'] == '/' and who['fds'] == [0, 1, 2, 3], who
    assert who['env']['REEVE_PROGRESS_FD'] == '3'
    assert 'REEVE_WORKER_SECRET' not in who['env']
    worker.end()


@test
def jobs_run_in_the_order_of_delivery():
    worker = begun()
    jobs = [worker.job_for({'do': 'echo', 'n': n}) for n in range(200)]
    worker.broker.say(*jobs)
    for n, job in enumerate(jobs):
        assert worker.answer(job)['result']['n'] == n
    assert worker.starts() == 1
    worker.end()


@test
def long_lines_pass_both_ways():
    worker = begun()
    text = 'x' * 3000000
    assert worker.ask('echo', text=text)['result']['text'] == text
    worker.end()


@test
def a_filter_says_that_a_job_failed():
    worker = begun()

    def said(text):
        return worker.ask('say', text=text + '\n')

    fail = said('{"error":{"type":"KeyError","message":"m","trace":"t"}}')
    assert fail['error'] == {'type': 'KeyError', 'message': 'm', 'trace': 't'}
    assert 'retry' not in fail
    fail = said('{"error":{"type":"A"},"retry":false}')
    assert fail['error'] == {'type': 'A', 'message': ''}
    assert fail['retry'] is False
    fail = said('{"error":{"type":"A"},"retry_ms":20}')
    assert fail['retry_ms'] == 20
    # What says more, or other things, is a result.
    for text in ('{"error":"none"}', '{"error":{"kind":"A"}}', '{"error":1}',
                 '{"error":{"type":"A"},"lines":3}', '{"retry":true}', '{}',
                 '[]', 'null', '7', '"error"'):
        done = said(text)
        assert 'done' in done, done
    assert worker.starts() == 1
    worker.end()


@each_way
def a_filter_that_dies_fails_its_job_and_no_other(cgroup):
    worker = begun(cgroup=cgroup, stderr=subprocess.DEVNULL)
    assert worker.ask('echo')['done']
    jobs = [worker.job_for(args) for args in (
        {'do': 'echo', 'n': 1}, {'do': 'exit', 'status': 3},
        {'do': 'echo', 'n': 2}, {'do': 'kill', 'signal': 9},
        {'do': 'echo', 'n': 3})]
    worker.broker.say(*jobs)
    assert worker.answer(jobs[0])['result']['n'] == 1
    error = worker.answer(jobs[1])['error']
    assert error['type'] == 'FilterEnded' and 'status 3' in error['message']
    assert worker.answer(jobs[2])['result']['n'] == 2
    error = worker.answer(jobs[3])['error']
    assert error['type'] == 'FilterEnded', error
    assert 'signal 9' in error['message']
    assert worker.answer(jobs[4])['result']['n'] == 3
    assert worker.starts() == 3
    worker.end()


@test
def an_answer_before_the_end_counts():
    worker = begun(stderr=subprocess.DEVNULL, run=(
        'sh', '-c', 'read line; echo "$line"; exit 1'))
    for n in range(5):
        done = worker.ask('echo', n=n)
        assert done['result']['n'] == n, done
    worker.end()


@test
def nonsense_fails_the_job_and_the_filter_begins_anew():
    worker = begun(stderr=subprocess.DEVNULL)
    for n, text in enumerate(('{"a":\n', '\n', '1 2\n', "'a'\n", '')):
        assert worker.ask('echo')['done']
        error = (worker.ask('say', text=text) if text else
                 worker.ask('latin'))['error']
        assert error['type'] == 'ResultNotJSON', error
        assert worker.ask('echo')['done']
        assert worker.starts() == n + 2
    worker.end()


@test
def too_much_is_told_and_not_taken_for_the_next_answer():
    worker = begun(stderr=subprocess.DEVNULL)
    for n, more in enumerate(('2\n', '2', '\n')):
        done = worker.ask('say', text='1\n' + more)
        assert done['result'] == 1
        assert worker.ask('echo', n=7)['result']['n'] == 7
        assert worker.starts() == n + 2
    worker.end()


@test
def too_long_an_answer_fails_the_job():
    worker = Lines(stderr=subprocess.DEVNULL)
    worker.broker = worker.accept(hello=False)
    worker.broker.say({'hello': 1, 'socket': '/s', 'max_line': 1 << 17})
    assert worker.ask('echo')['done']
    assert len(worker.ask('long', bytes=100000)['result']) == 100000
    error = worker.ask('long', bytes=200000)['error']
    assert error['type'] == 'ResultTooLarge', error
    assert worker.ask('echo')['done'] and worker.starts() == 2
    worker.end()


@test
def an_answer_before_the_line_was_read_is_none():
    worker = begun(stderr=subprocess.DEVNULL, run=(
        'sh', '-c', 'echo s >> @/starts; read a; echo "$a"; head -c 1; '
        'echo 1; exec sleep 1000'))
    assert worker.ask('echo')['done']
    error = worker.ask('echo', text='x' * 1000000)['error']
    assert error['type'] in ('OutOfStep', 'ResultNotJSON'), error
    eventually(lambda: worker.starts() == 2)
    worker.end()


@test
def a_filter_that_speaks_first_was_never_born():
    worker = begun('banner', stderr=subprocess.DEVNULL)
    assert worker.broker.hear() == {'leaving': True, 'idle': True}
    assert worker.process.wait(10) == 2
    worker.end()


@test
def a_job_that_a_dying_filter_did_not_read_is_given_back():
    worker = Lines('unread', stderr=subprocess.DEVNULL)
    worker.broker = worker.accept()
    job, other = worker.job_for({'do': 'echo'}), worker.job_for({'do': 'echo'})
    worker.broker.say(job, other)
    given, left = [], False
    while True:
        said = worker.broker.hear()
        if not said:
            break
        assert 'leaving' in said or 'put_back' in said, said
        left = left or 'leaving' in said
        given += [one['token'] for one in said.get('put_back', ())]
    assert left and given == [job['token'], other['token']], given
    assert worker.process.wait(10) == 2
    worker.end()


@test
def a_filter_that_never_answers_is_given_up():
    worker = begun('first', stderr=subprocess.DEVNULL)
    for _ in range(2):
        error = worker.ask('echo')['error']
        assert error['type'] == 'FilterEnded' and '3' in error['message']
    end = worker.ask('echo')
    assert end['error']['type'] == 'FilterEnded'
    assert worker.broker.hear() == {'leaving': True, 'idle': True}
    worker.broker.say({'settled': [end['token']]})
    assert worker.process.wait(10) == 2
    assert worker.starts() == 3
    worker.end()


@test
def a_program_that_is_not_there_is_a_failed_birth():
    worker = Lines(run=('/nope/nope',), stderr=subprocess.PIPE)
    assert worker.process.wait(10) == 2
    said = worker.process.stderr.read().decode()
    worker.process.stderr.close()
    assert "cannot start '/nope/nope'" in said, said
    worker.end()


@each_way
def cancel_and_timeout_end_the_filter(cgroup):
    worker = begun(cgroup=cgroup, stderr=subprocess.DEVNULL)
    for reason, name in (('client', 'Cancelled'), ('timeout', 'TimedOut')):
        for args in ({}, {'deaf': 1}, {'deaf': 1, 'child': 1, 'half': 1}):
            job = worker.job_for(dict(args, do='hang'))
            worker.broker.say(job)
            worker.wait_for('hangs')
            started = time.monotonic()
            worker.broker.say({'cancel': job['job'], 'token': job['token'],
                               'grace_ms': 200, 'reason': reason})
            end = worker.answer(job)
            assert end['error']['type'] == name, end
            took = time.monotonic() - started
            assert took < 60 and (took >= 0.2 or not args), took
            assert worker.ask('echo')['done']
    assert worker.starts() == 7
    # Of all those filters nothing is left but the last one.
    assert len(children_of(worker.process.pid)) == 1
    worker.end()


@test
def a_closed_output_is_the_end_of_the_filter():
    worker = begun(stderr=subprocess.DEVNULL)
    assert worker.ask('echo')['done']
    error = worker.ask('close')['error']
    assert error['type'] == 'FilterEnded', error
    assert worker.ask('echo')['done'] and worker.starts() == 2
    worker.end()


@test
def progress_of_a_filter_is_forwarded():
    worker = begun()
    job = worker.job_for({'do': 'progress'})
    worker.broker.say(job)
    assert worker.broker.hear() == {
        'progress': job['job'], 'token': job['token'], 'fraction': 0.5,
        'note': 'half'}
    with open(worker.folder + '/go', 'w'):
        assert worker.answer(job)['result'] == 1
    worker.end()


@test
def its_errors_go_where_those_of_the_daemon_go():
    worker = begun(stderr=subprocess.PIPE)
    assert worker.ask('stderr')['done']
    worker.broker.say({'drain': True})
    worker.broker.say({'settled': [worker.token]})
    assert worker.process.wait(10) == 0
    assert b'the filter says this\n' in worker.process.stderr.read()
    worker.process.stderr.close()
    worker.end()


@test
def a_worker_that_leaves_lets_its_filter_end():
    worker = begun()
    end = worker.ask('echo')
    worker.broker.say({'settled': [end['token']]}, {'drain': True})
    assert worker.process.wait(10) == 0
    assert os.path.exists(worker.folder + '/ended')
    worker.end()


@test
def a_worker_that_is_killed_leaves_no_filter():
    worker = begun()
    job = worker.job_for({'do': 'hang', 'deaf': 1})
    worker.broker.say(job)
    worker.wait_for('hangs')
    worker.process.send_signal(signal.SIGKILL)
    worker.process.wait()
    worker.end()


@test
def a_filter_that_goes_between_two_jobs_is_replaced():
    worker = begun(stderr=subprocess.DEVNULL)
    pid = worker.ask('who')['result']['pid']
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: worker.starts() == 2)
    assert worker.ask('echo')['done']
    worker.end()


@test
def the_example_works():
    root = pathlib.Path(__file__).resolve().parents[3]
    worker = begun(run=(str(root / 'etc/examples/words.py'),))
    for args, result in (({'text': 'as short as that'},
                          {'words': 4, 'characters': 16}),
                         ({'text': ''}, {'words': 0, 'characters': 0})):
        job = worker.job_for(args)
        worker.broker.say(job)
        assert worker.answer(job)['result'] == result
    for args, name in (({}, 'KeyError'), ([], 'TypeError'),
                       ({'text': 5}, 'AttributeError')):
        job = worker.job_for(args)
        worker.broker.say(job)
        assert worker.answer(job)['error']['type'] == name
    worker.end()


sys.exit(main())
