#!/usr/bin/python3
"""Handlers in a real daemon, called from a shell and from libreeve.

    handlers.py REEVE REEVED EXAMPLE_POOL EXAMPLE_TASKS [TEST...]

covers: client/cmd_call client/map_call client/pool_wire client/cmd_pool
covers: client/example_tasks
"""
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from tool import (RealPlace, finish, holds, interrupt, run_tests,  # noqa: E402
                  same)

TOOL, REEVED, EXAMPLE, TASKS = map(os.path.abspath, sys.argv[1:5])
PROGRAM = '''
import sys
import time
sys.path.insert(0, %r)
from reeve.worker import handler, main

@handler
def square(number):
    return number * number

@handler
def echo(**members):
    return members

@handler
def join(*words):
    return '-'.join(words)

@handler
def nap(seconds, *, ctx):
    ctx.progress(0.5, 'half way')
    time.sleep(float(seconds))
    return 'slept'

@handler
def deaf(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            time.sleep(0.1)
        except Exception:
            pass

@handler
def broken(key):
    raise KeyError(key)

if __name__ == '__main__':
    main()
'''


class Shop(RealPlace):
    """A daemon with a pool of two Python workers, and maybe another one."""

    def __init__(self, more=''):
        super().__init__(TOOL, REEVED)
        program = os.path.join(self.folder, 'handlers.py')
        with open(program, 'w') as file:
            file.write(PROGRAM % str(HERE.parent.parent / 'client' /
                                     'python'))
        folder = os.path.join(self.folder, '.config', 'reeve')
        os.makedirs(folder)
        path = os.path.join(folder, 'reeve.yaml')
        with open(path, 'w') as file:
            file.write('pools:\n  py: {kind: worker, run: [%s, %s], '
                       'handles: [square, echo, join, nap, deaf, broken], '
                       'workers: 2..4, preload: true}\n%s'
                       % (sys.executable, program, more))
        os.chmod(path, 0o600)

    def state(self, job):
        return self.reeve('show', job, '--json').json()['job']['state']


def test_calls_and_their_ends():
    with Shop() as here:
        result = here.reeve('call', 'square', '{"number":12}')
        same((result.code, result.out), (0, '144\n'))
        same(here.reeve('call', 'echo', 'a=b', 'n:=[1]').json(),
             {'a': 'b', 'n': [1]})
        same(here.reeve('call', '--durability', 'sync', 'square',
                        'number:=3').out, '9\n')
        result = here.reeve('call', '-v', 'broken', 'key=k')
        same((result.code, result.out), (1, ''))
        holds(result.err, "raised KeyError: 'k'", 'raise KeyError(key)')
        result = here.reeve('call', '--timeout', '200ms', 'nap', 'seconds=60')
        same(result.code, 124)
        result = here.reeve('call', 'sqare')
        same(result.code, 125)
        holds(result.err, 'Did you mean square?')
        process = here.popen('call', '--durability', 'sync', 'nap',
                             'seconds=60')
        here.until(lambda: here.reeve('ls', '-o', 'ids', 'running').out)
        interrupt(process)
        same(finish(process).code, 121)


def test_the_last_job_is_the_last_one_submitted():
    with Shop() as here:
        # The first ones bring the supply of numbers, lower than those after.
        for _ in range(3):
            same(here.reeve('call', 'square', 'number:=4').out, '16\n')
        for _ in range(3):
            number = int(here.reeve('submit', 'true').out)
            same(here.reeve('show', 'last', '--json').json()['job']['id'],
                 number)
        same(here.reeve('call', 'square', 'number:=5').out, '25\n')
        job = here.reeve('show', 'last', '--json').json()['job']
        same(job.get('result'), 25)
        assert job['id'] < number, (job['id'], number)


def test_what_is_told_of_them():
    with Shop() as here:
        job = here.reeve('submit', '--handler', 'nap', 'seconds=60').out.strip()
        here.until(lambda: 'half way' in here.reeve('show', job).out)
        holds(here.reeve('show', job).out, 'progress   50%, half way',
              'args       {"seconds":"60"}')
        here.reeve('cancel', job)
        same(here.reeve('wait', job).code, 121)
        failed = here.reeve('submit', '--handler', 'broken',
                            'key=k').out.strip()
        same(here.reeve('wait', failed).code, 1)
        holds(here.reeve('explain', failed).out, 'raise KeyError(key)')
        holds(here.reeve('show', failed).out, 'trace', 'KeyError')
        holds(here.reeve('ls', '-a').out, "raised KeyError: 'k'")


def test_a_map_of_many():
    with Shop() as here:
        numbers = ''.join('%d\n' % i for i in range(20000)).encode()
        result = here.reeve('map', '-k', '--handler', 'square',
                            '--json-lines', input=numbers)
        same((result.code, result.out.split()),
             (0, [str(i * i) for i in range(20000)]))
        result = here.reeve('map', '-k', '--handler', 'join', ':::', 'a', 'b',
                            ':::', 'c', 'd')
        same(result.out, '"a-c"\n"a-d"\n"b-c"\n"b-d"\n')
        result = here.reeve('map', '--json', '--handler', 'square',
                            '--json-lines', input=b'2\n"x"\n')
        told = [json.loads(line) for line in result.out.splitlines()]
        same(sorted(line['job']['state'] for line in told[:2]),
             ['failed', 'succeeded'])
        same((result.code, told[2]['failed']), (1, 1))
        result = here.reeve('map', '--handler', 'broken', 'key={}',
                            '--', ':::', 'a')
        same(result.code, 2)
        done = subprocess.run(
            [EXAMPLE, '5000'], stdout=subprocess.PIPE, timeout=60,
            env={**here.environment, 'REEVE_SOCKET': os.path.join(
                here.folder, 'run', 'reeve.sock')})
        same(done.returncode, 0)
        holds(done.stdout.decode(), '4999 results, their sum is 41679167451',
              '1 errors, the first: TypeError')


def test_the_tutorials_program_prints_what_tutorials_print():
    """Ten tasks on three workers: the same as etc/examples/ten_tasks.py."""
    top = HERE.parent.parent
    with Shop('  tasks: {kind: worker, run: [/usr/bin/env, PYTHONPATH=%s, %s, '
              '-m, reeve.worker, %s], handles: [task], workers: 3}\n' % (
                  top / 'client' / 'python', sys.executable,
                  top / 'etc/examples/tasks.py')) as here:
        here.reeve('daemon', 'start')
        done = subprocess.run(
            [TASKS], stdout=subprocess.PIPE, timeout=60,
            env={**here.environment, 'REEVE_SOCKET': os.path.join(
                here.folder, 'run', 'reeve.sock')})
        *lines, last = done.stdout.decode().splitlines()
        same((done.returncode, last), (0, '5 of 10'))
        same(sorted(lines), sorted(
            ['task %d: %d' % (n, n * n) for n in range(1, 6)] +
            ['ValueError: %d is more than 5' % n for n in range(6, 11)]))


def test_a_broker_that_dies_loses_nothing():
    with Shop() as here:
        here.reeve('call', 'square', 'number:=1')
        status = here.reeve('status', '--json').json()['status']
        with tempfile.TemporaryFile() as file:
            file.write(b''.join(b'%d\n' % i for i in range(30000)))
            file.seek(0)
            process = here.popen('map', '-k', '--handler', 'square',
                                 '--json-lines', stdin=file)
        first = process.stdout.read(1)
        os.kill(status['broker_pid'], signal.SIGKILL)
        result = finish(process)
        same((first + result.out.encode()).split(),
             [b'%d' % (i * i) for i in range(30000)])
        same(result.code, 0)


def test_a_call_that_was_given_up_is_not_made_again():
    with Shop() as here:
        here.reeve('call', 'square', 'number:=1')
        broker = here.reeve('status', '--json').json()['status']['broker_pid']
        process = here.popen('call', '--grace', '60s', 'deaf', 'seconds:=4')
        here.until(lambda: here.reeve('ls', '-o', 'ids', 'running').out)
        job = here.reeve('ls', '-o', 'ids', 'running').out.strip()
        interrupt(process)
        here.until(lambda: here.reeve('show', job, '--json').json()['job'].get(
            'cancel_asked'))
        os.kill(broker, signal.SIGKILL)
        assert finish(process).code != 0
        here.until(lambda: not here.reeve('ls', '-o', 'ids', 'running').out)
        same(here.reeve('ls', '-a', '-o', 'ids', 'handler=deaf').out.split(),
             [job])


def test_pools_are_sized_and_renewed():
    with Shop() as here:
        here.reeve('call', 'square', 'number:=1')
        same(here.reeve('pool', '--columns', 'pool,kind').out,
             'exec\tcommand\npy\tworker\nhttp\thttp\n')

        def pids():
            return here.reeve('pool', 'show', 'py', '--json').json()

        def serving():
            return [w['pid'] for w in pids()['workers']
                    if w['state'] in ('idle', 'busy')]
        here.until(lambda: len(serving()) >= 2)
        before = set(serving())
        same(here.reeve('pool', 'reload', 'py').code, 0)
        here.until(lambda: len(serving()) >= 2 and
                   not before & set(serving()))
        same(here.reeve('pool', 'scale', 'py', '1').code, 0)
        here.until(lambda: len(serving()) == 1)
        one = serving()[0]
        same(here.reeve('worker', 'restart', str(one)).code, 0)
        here.until(lambda: serving() and one not in serving())
        same(here.reeve('pool', 'drain', 'py').code, 0)
        job = here.reeve('submit', '--handler', 'square',
                         'number:=2').out.strip()
        holds(here.reeve('explain', job).out, 'pool py is drained')
        process = here.popen('call', 'square', 'number:=3')
        told = b''
        while b'To let it go' not in told:
            told += process.stderr.read(1)
        same(here.reeve('pool', 'resume', 'py').code, 0)
        same(here.reeve('wait', job).code, 0)
        same(finish(process).out, '9\n')
        same(here.reeve('pool', 'scale', 'exec', '3').code, 2)
        same(here.reeve('pool', 'drain', 'pz').code, 3)


if __name__ == '__main__':
    sys.exit(run_tests(sys.modules[__name__], sys.argv[5:]))
