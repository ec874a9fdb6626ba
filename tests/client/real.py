#!/usr/bin/python3
"""The tool against the real daemon: what a user sees when all of it works
together, and when parts of it die.

    real.py REEVE REEVED EXAMPLE [TEST...]
"""
import hashlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from tool import (  # noqa: E402
    RealPlace, finish, holds, interrupt, run_tests, same)

TOOL, REEVED, EXAMPLE = map(os.path.abspath, sys.argv[1:4])


class Real(RealPlace):
    """With what is asked of it here."""

    def __init__(self):
        super().__init__(TOOL, REEVED)

    def status(self):
        return self.reeve('status', '--json').json()['status']

    def kill(self, which, number=signal.SIGKILL):
        os.kill(self.status()[which], number)

    def state(self, job):
        return self.reeve('show', str(job), '--json').json()['job']['state']

    def submit(self, *args):
        result = self.reeve('submit', *args)
        assert result.code == 0, result
        return result.out.strip()


def has_ended(pid):
    try:
        stat = pathlib.Path('/proc/%d/stat' % pid).read_text()
    except OSError:
        return True
    return stat.rsplit(') ', 1)[1].startswith('Z')


def test_what_a_paused_queue_holds_back_is_not_about_to_start():
    with Real() as here:
        here.submit('-q', 'slow', '--hold', 'true')
        here.reeve('queue', 'pause', 'slow')
        here.reeve('release', '1')
        here.submit('-q', 'slow', 'true')
        told = here.reeve('explain', '1').out
        holds(told, "queue 'slow' is paused")
        assert 'about to start' not in told, told
        holds(here.reeve('explain', '2').out,
              '1 job of its queue goes before it')


def test_many_first_commands_start_one_daemon():
    with Real() as here:
        many = [here.popen('submit', 'true') for _ in range(8)]
        results = [finish(process) for process in many]
        same([result.code for result in results], [0] * 8)
        same(sorted(int(result.out) for result in results),
             list(range(1, 9)))
        said = [result for result in results if 'started a daemon' in
                result.err]
        same(len(said), 1)
        holds(said[0].err, '(pid %d)' % here.status()['pid'])


def test_a_job_runs_where_and_as_it_was_submitted():
    with Real() as here:
        process = subprocess.run(
            [TOOL, 'run', '--sh', 'pwd; umask; echo "$X"; cat'], cwd='/usr',
            env={**here.environment, 'X': "it's \u00fc $HOME"},
            preexec_fn=lambda: os.umask(0o027),
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        same(process.stdout.decode(), "/usr\n0027\nit's \u00fc $HOME\n")
        result = here.reeve('run', '--clean-env', '-e', 'ONLY=this', 'env')
        holds(result.out, 'ONLY=this\n')
        assert 'REEVE_STATE_DIR' not in result.out


def test_the_place_of_a_job_is_what_the_flags_say():
    with Real() as here:
        for flags, command, out in (
                (['--umask', '027'], 'umask', '0027\n'),
                (['--umask', '0'], 'umask', '0000\n'),
                (['--nice', '7'], 'nice', '7\n'),
                (['--limit', 'nofile=77'], 'ulimit -n; ulimit -Hn',
                 '77\n77\n'),
                (['--limit', 'fsize=64K', '--limit', 'core=0'],
                 'ulimit -f; ulimit -c', '128\n0\n'),
                (['--limit', 'cpu=90s', '--limit', 'as=1.5G'],
                 'ulimit -t; ulimit -v', '90\n1572864\n'),
                (['--limit', 'stack=1M', '--limit', 'stack=2M'],
                 'ulimit -s', '2048\n'),
                (['--limit', 'nproc=500', '--limit', 'memlock=4M',
                  '--limit', 'data=1G'],
                 "awk '/processes|locked|data/ {print $(NF-1)}' "
                 '/proc/self/limits',
                 '%d\n500\n%d\n' % (1 << 30, 4 << 20)),
                (['--env-clean', '-e', 'HERE', '-e', 'X=1', '-e', 'NONE'],
                 'echo "$HERE$X${NONE-unset}$LEFT"', 'yes1unset\n')):
            result = here.reeve('run', *flags, '--sh', command, HERE='yes',
                                LEFT='over')
            same((flags, result.code, result.out), (flags, 0, out))
        result = here.reeve('run', '--limit', 'fsize=1K', '--sh',
                            'head -c 5000 /dev/zero >big; ls -s big',
                            '-C', here.folder)
        same(os.path.getsize(os.path.join(here.folder, 'big')), 1024)
        # What cannot be set is told, and the command does not run without.
        if os.geteuid() != 0:
            result = here.reeve('run', '--nice', '-5', 'true')
            same(result.code, 126)
            holds(result.err, 'cannot set nice')


def test_bytes_arrive_as_they_were():
    with Real() as here:
        data = os.urandom(300000)
        process = subprocess.run(
            [TOOL, 'run', '--stdin', 'cat'], input=data,
            env=here.environment, stdout=subprocess.PIPE)
        same(hashlib.sha256(process.stdout).hexdigest(),
             hashlib.sha256(data).hexdigest())
        argument = ' a\tb\n"\\\u00fc\U0001f600\'$(x)'
        same(here.reeve('run', 'printf', '%s', argument).out, argument)


def test_much_output_comes_through_run_and_logs():
    with Real() as here:
        result = here.reeve('run', '--sh',
                            'yes 0123456789 | head -c 5000000; echo end >&2')
        same((len(result.out), result.code), (5000000, 0))
        same(result.out, here.reeve('logs', '1').out)
        same(here.reeve('logs', '--stderr', '1').err, 'end\n')


def test_output_of_a_running_job_is_followed():
    with Real() as here:
        go = os.path.join(here.folder, 'go')
        job = here.submit('--sh', 'echo first; until test -e %s; do '
                          'sleep 0.05; done; echo second' % go)
        process = here.popen('logs', '-f', job)
        same(process.stdout.readline(), b'first\n')
        same(here.state(job), 'running')
        open(go, 'w').close()
        same(process.stdout.readline(), b'second\n')
        same(finish(process).code, 0)


def test_exit_codes_are_those_of_the_manual():
    with Real() as here:
        for code, args in ((0, ['true']), (7, ['sh', '-c', 'exit 7']),
                           (137, ['sh', '-c', 'kill -9 $$']),
                           (127, ['no-such-command']), (126, ['/etc/passwd']),
                           (124, ['--timeout', '100ms', 'sleep', '60']),
                           (126, ['-C', '/etc/passwd', 'true'])):
            same((args, here.reeve('run', *args).code), (args, code))
        same(here.reeve('wait', '1-4').code, 1)
        same(here.reeve('wait', '2').code, 7)
        same(here.reeve('cancel', '99').code, 3)


def test_signals_to_run_cancel_it_and_everything_below():
    with Real() as here:
        here.reeve('daemon', 'start')
        process = here.popen('run', '--sh', 'sleep 1000 & sleep 1000')
        here.until(lambda: here.status()['counts'].get('running'))
        interrupt(process)
        result = finish(process)
        same(result.code, 121)
        same(here.state(1), 'cancelled')


def test_run_goes_on_when_the_broker_is_killed():
    with Real() as here:
        process = here.popen('run', '--sh',
                             'for i in 1 2 3 4 5 6 7 8; do echo $i; '
                             'sleep 0.2; done; exit 3')
        same(process.stdout.readline(), b'1\n')
        here.kill('broker_pid')
        result = finish(process)
        same((result.out, result.code), ('2\n3\n4\n5\n6\n7\n8\n', 3))
        same(here.reeve('show', '1', '--json').json()['job']['attempt'], 1)


def test_map_loses_and_repeats_nothing_when_the_broker_is_killed():
    with Real() as here:
        log = os.path.join(here.folder, 'log')
        process = here.popen(
            'map', '-k', '--sh', 'echo {} >>%s; sleep 0.01; echo {}' % log,
            ':::', *map(str, range(150)))
        for _ in range(3):
            time.sleep(0.5)
            try:
                here.kill('broker_pid')
            except (IndexError, KeyError, ValueError, ProcessLookupError):
                pass  # not up again yet
        result = finish(process)
        same(result.code, 0)
        same(result.out, ''.join('%d\n' % i for i in range(150)))
        with open(log) as file:
            same(sorted(map(int, file)), list(range(150)))


def test_submissions_in_a_storm_of_kills_are_entered_once():
    with Real() as here:
        here.reeve('daemon', 'start')
        ids = []
        for round_ in range(5):
            many = [here.popen('submit', '-q', 'q%d' % i, 'true')
                    for i in range(8)]
            here.kill('broker_pid')
            results = [finish(process) for process in many]
            same([result.code for result in results], [0] * 8)
            ids += [int(result.out) for result in results]
        same(len(set(ids)), 40)
        found = here.reeve('ls', '-a', '--json').json()['jobs']
        same(sorted(job['id'] for job in found), sorted(ids))


def test_waiting_goes_on_over_a_new_daemon():
    with Real() as here:
        go = os.path.join(here.folder, 'go')
        job = here.submit('--sh', 'until test -e %s; do sleep 0.05; done; '
                          'exit 5' % go)
        process = here.popen('wait', job)
        here.until(lambda: here.state(job) == 'running')
        pid = here.status()['pid']
        here.kill('pid')
        here.until(lambda: has_ended(pid))
        same(here.reeve('daemon', 'start').code, 0)
        open(go, 'w').close()
        result = finish(process)
        assert result.code == 5, result
        same(here.reeve('show', job, '--json').json()['job']['attempt'], 1)


def test_a_stopped_daemon_leaves_jobs_running_and_finds_them_again():
    with Real() as here:
        go = os.path.join(here.folder, 'go')
        job = here.submit('--sh', 'until test -e %s; do sleep 0.05; done; '
                          'echo late; exit 4' % go)
        here.until(lambda: here.state(job) == 'running')
        same(here.reeve('daemon', 'stop').out, 'stopped\n')
        same(here.reeve('daemon', 'status').code, 120)
        open(go, 'w').close()
        same(here.reeve('wait', job).code, 4)
        same(here.reeve('logs', job).out, 'late\n')


def test_stop_drain_waits_and_stop_kill_does_not():
    with Real() as here:
        job = here.submit('sleep', '3')
        here.until(lambda: here.state(job) == 'running')
        same(here.reeve('daemon', 'stop', '--drain').code, 0)
        same(here.state(job), 'succeeded')
        job = here.submit('sleep', '1000')
        here.until(lambda: here.state(job) == 'running')
        begun = time.monotonic()
        same(here.reeve('daemon', 'stop', '--kill').code, 0)
        assert time.monotonic() - begun < 60
        assert here.state(job) in ('cancelled', 'failed', 'ready', 'running')
        here.reeve('cancel', job)


def test_filters_find_what_they_say():
    with Real() as here:
        here.reeve('run', '-q', 'mail', '-n', 'one', '-t', 'lang=de', 'true')
        here.reeve('run', '-q', 'mail', 'false')
        here.reeve('run', '--timeout', '50ms', 'sleep', '9')
        here.submit('--hold', 'true')
        here.submit('--in', '1h', 'true')
        for words, ids in ((['queue=mail'], [1, 2]), (['failed'], [2, 3]),
                           (['name=one'], [1]), (['tag:lang=de'], [1]),
                           (['cause=timeout'], [3]), (['exit=1'], [2]),
                           (['held'], [4]), (['scheduled'], [5]),
                           (['waiting'], [4, 5]), (['2-3'], [2, 3]),
                           (['failed', 'queue=mail'], [2]),
                           (['newer=1h'], [1, 2, 3, 4, 5]),
                           (['older=1h'], []), (['last'], [5]),
                           (['user=%d' % os.getuid()], [1, 2, 3, 4, 5])):
            found = here.reeve('ls', '--json', *words).json()['jobs']
            same((words, [job['id'] for job in found]), (words, ids))
        same(here.reeve('release', '4').out, '1 released\n')
        same(here.reeve('wait', '4').code, 0)
        same(here.reeve('cancel', 'scheduled', '--yes').out,
             '1 cancelled\n')
        same(here.reeve('wait', '5').code, 121)


def test_an_edited_job_runs_as_it_was_edited():
    with Real() as here:
        here.submit('--in', '1h', '--umask', '077', '-e', 'WORD=old', '-t',
                    'a=b', '--expire', '2h', '--unique', 'w', '--sh',
                    'cat; echo "$WORD"; umask; nice', '--stdin-file',
                    '/etc/hostname')
        here.submit('--hold', '--unique', 'other', 'true')
        editor = os.path.join(here.folder, 'ed')
        with open(editor, 'w') as file:
            file.write('#!/bin/sh\nsed -i -e "s/^env: WORD=old/env: WORD=new/'
                       '; s/^umask: .*/umask: 027/; s/^cwd:/nice: 4\\ncwd:/'
                       '; /^at: /d; $1" "$2"\n')
        os.chmod(editor, 0o755)
        result = here.reeve('edit', '1', VISUAL=editor + " 's/w$/other/'")
        same(result.code, 4)
        holds(result.err, 'another job has that unique word', 'is kept in ')
        os.unlink(result.err.split('is kept in ')[1].strip())
        same(here.state('1'), 'scheduled')
        result = here.reeve('edit', '1', VISUAL=editor + " ''")
        same((result.code, result.out), (0, 'job 1 changed\n'))
        same(here.reeve('wait', '1').code, 0)
        with open('/etc/hostname') as file:
            same(here.reeve('logs', '1').out, file.read() + 'new\n0027\n4\n')
        job = here.reeve('show', '1', '--json').json()['job']
        same((job['tags'], job['attempt']), ({'a': 'b'}, 1))
        result = here.reeve('edit', '1', VISUAL=editor)
        same(result.code, 4)
        holds(result.err, 'It has ended: submit another one')


def test_the_library_works_too():
    with Real() as here:
        here.reeve('daemon', 'start')
        done = subprocess.run([EXAMPLE], env=here.environment,
                              stdout=subprocess.PIPE)
        same(done.returncode, 0)
        holds(done.stdout.decode(), 'hello from reeve\n')


def test_json_is_one_object_everywhere():
    with Real() as here:
        here.submit('true')
        for args in (['status'], ['ls'], ['show', '1'], ['worker', 'ls'],
                     ['pool', 'ls'], ['ping'], ['version'], ['wait', '1'],
                     ['daemon', 'status'], ['cancel', '1'], ['show', '77'],
                     ['ls', 'nonsense'], ['submit'], ['frobnicate']):
            out = here.reeve('--json', *args).out
            same((args, out.count('\n')), (args, 1))
            same((args, json.loads(out)['v']), (args, 1))


if __name__ == '__main__':
    sys.exit(run_tests(sys.modules[__name__], sys.argv[4:]))
