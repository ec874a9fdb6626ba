#!/usr/bin/python3
"""What somebody is told whose words found nothing, came too late, or cannot be
meant, and who goes away: never 0 by accident, never a silence.

    told.py REEVE REEVED [TEST...]

covers: client/existing client/slow client/sole
"""
import json
import os
import pathlib
import pty
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from tool import (  # noqa: E402
    RealPlace, finish, holds, interrupt, run_tests, same)

TOOL, REEVED = map(os.path.abspath, sys.argv[1:3])


class Here(RealPlace):
    def __init__(self):
        super().__init__(TOOL, REEVED)

    def submit(self, *args):
        result = self.reeve('submit', '--quiet', *args)
        same((result.code, result.err), (0, ''))
        return result.out.strip()

    def fails(self, code, *args):
        """What is said then."""
        result = self.reeve(*args)
        same((args, result.code, result.err != ''), (args, code, True))
        return result.err


def test_waiting_for_nothing_is_no_success():
    with Here() as here:
        here.submit('--hold', 'true')
        holds(here.fails(125, 'wait', 'name=typo'), 'no job matches')
        holds(here.fails(125, 'wait', 'waiting', 'queue=typo'),
              'no job matches')
        # Only states: that there is none of them is what it waits for.
        result = here.reeve('wait', 'running')
        same(result.code, 0)
        holds(result.err, 'no job matches')
        assert 'job 1' not in result.err


def test_logs_of_a_job_that_has_not_begun_say_so():
    with Here() as here:
        here.submit('--hold', 'true')
        here.submit('--in', '1h', 'true')
        for flags in ([], ['--stdout'], ['--stderr']):
            holds(here.fails(3, 'logs', *flags, '1'), 'job 1 has not begun: ',
                  'held', 'reeve logs -f 1')
        holds(here.fails(3, 'logs', '2'), 'not to start before')
        result = here.reeve('logs', '1-2')
        same(result.code, 0)
        holds(result.err, 'job 1 has not begun', 'job 2 has not begun')
        follower = here.popen('logs', '-f', '1')
        holds(follower.stderr.readline().decode(), 'job 1 waits: ')
        here.reeve('release', '1')
        same(finish(follower).code, 0)
        here.reeve('cancel', '2')
        holds(here.reeve('logs', '2').err, 'never began')
        busy = here.submit('--sh', 'echo >&2; sleep 60')
        here.until(lambda: here.reeve('ls', 'running', '-o', 'ids').out)
        same(here.reeve('logs', '--stdout', busy).code, 0)


def test_a_signal_ends_only_the_waiting():
    with Here() as here:
        job = here.submit('sleep', '60')
        other = here.submit('--hold', 'true')
        for args, words in ((['wait', job], 'job %s goes on' % job),
                            (['wait', job, other], 'they go on'),
                            (['submit', '-w', '--hold', 'true'],
                             'job 3 goes on')):
            process = here.popen(*args)
            here.until(lambda: 'SigCgt' in status(process) and
                       int(status(process)['SigCgt'], 16) & 2)
            interrupt(process)
            result = finish(process)
            same((args, result.code), (args, -2))
            holds(result.err, words, 'reeve cancel')
        same(here.reeve('ls', 'cancelled', '-o', 'ids').out, '')


def status(process):
    with open('/proc/%d/status' % process.pid) as file:
        return dict(line.split(':', 1) for line in file)


def test_a_folder_is_that_of_the_caller():
    with Here() as here:
        os.mkdir(os.path.join(here.folder, 'sub'))
        result = finish(here.popen('run', '-C', 'sub', 'pwd',
                                   cwd=here.folder))
        same(result.out.strip(), os.path.realpath(here.folder) + '/sub')
        holds(here.fails(125, 'run', '-C', 'sub', 'pwd'), "'sub'",
              'No such file')


def test_what_changed_nothing_has_a_code():
    with Here() as here:
        here.submit('-w', 'true')
        here.submit('--hold', 'true')
        same(here.reeve('cancel', '2').code, 0)
        for job, word in (('1', 'done'), ('2', 'cancelled')):
            holds(here.fails(1, 'cancel', job), 'job %s is %s' % (job, word))
        # Of several those that want it; one alone is meant as it is.
        same(here.reeve('retry', '1-2').out, '1 tried again\n')
        same(here.reeve('wait', '2').code, 0)
        holds(here.fails(1, 'retry', '1-2'), 'job 1 succeeded', 'reeve retry 1')
        same(here.reeve('retry', '1').code, 0)
        here.reeve('wait', '1')
        same(here.reeve('retry', '1-2', 'succeeded', '-y').out,
             '2 tried again\n')


def test_a_list_of_nothing_says_so():
    with Here() as here:
        here.submit('true')
        holds(here.fails(3, 'ls', '99'), 'there is no job 99')
        holds(here.on_terminal('ls', 'queue=typo'), 'no job matches')
        same(here.reeve('ls', 'queue=typo').err, '')


def test_an_id_that_cannot_be_printed_is_said():
    with Here() as here:
        for flags, code in (([], 1), (['--json'], 1), (['-w'], 125)):
            with open('/dev/full', 'w') as full:
                result = subprocess.run(
                    [TOOL, 'submit', *flags, 'true'], timeout=60, stdout=full,
                    env=here.environment, stderr=subprocess.PIPE)
            same((flags, result.returncode), (flags, code))
            assert re.search(rb'job \d was submitted, but stdout',
                             result.stderr), result
        result = subprocess.run(
            ['sh', '-c', 'exec "$0" submit true >&-', TOOL], timeout=60,
            env=here.environment, stderr=subprocess.PIPE)
        same(result.returncode, 1)
        holds(result.stderr.decode(), 'job 4 was submitted')


def test_json_tells_of_a_job_that_was_there_before():
    with Here() as here:
        for words in (('submit', '-w'), ('run',)):
            key = ''.join(words)
            first, second = (here.reeve(*words, '--json', '--key', key,
                                        'true').json() for _ in range(2))
            same((words, second['job']['id']), (words, first['job']['id']))
            same(('existing' in first, second['existing']), (False, True))
            same(second['job']['key'], key)


def test_a_key_that_the_tool_made_is_not_shown_as_one_that_was_given():
    with Here() as here:
        here.submit('-w', 'true')
        same('key' in here.reeve('show', '1', '--json').json()['job'], False)
        same('key' in here.reeve('ls', '--json').json()['jobs'][0], False)
        same('key' in here.reeve('run', '--json', 'true').json()['job'], False)


def test_times_are_told_back_and_have_to_fit():
    with Here() as here:
        for args in (['submit', '--in', '2h', 'true'],
                     ['edit', '--in', '1h', '1'],
                     ['submit', '--at', 'tomorrow', 'true']):
            result = here.reeve(*args)
            same(result.code, 0)
            assert re.search(r'not before 2\d\d\d-\d\d-\d\d \d\d:', result.err)
        for args in (['--at', 'tomorrow', '--expire', '1s'],
                     ['--in', '10m', '--expire', '5m']):
            said = here.fails(2, 'submit', *args, 'true')
            holds(said, 'expire before it may start', *args)
            assert 'not before' not in said
        here.submit('--in', '10m', '--expire', '10m', 'true')


def test_values_that_no_job_could_have_are_refused():
    with Here() as here:
        for args, word in ((['submit', '--limit', 'nofile=unlimited', 'true'],
                            'a number, like 1024'),
                           (['submit', '--timeout', '1h30', 'true'],
                            'like 90s, 5m, 2h30m'),
                           (['submit', '-e', '', 'true'], 'a variable'),
                           (['submit', '-e', '=x', 'true'], 'a variable'),
                           (['queue', 'set', 'mail', '--overflow', 'foo'],
                            'reject or block')):
            said = here.fails(2, *args)
            holds(said, word)
            assert 'drop' not in said


def test_a_submission_that_was_there_is_told():
    with Here() as here:
        here.submit('--key', 'zz', '--hold', 'true')
        result = here.reeve('submit', '--key', 'zz', 'true')
        same((result.code, result.out), (0, '1\n'))
        holds(result.err, "job 1 (held) has the key 'zz': nothing new")
        same(result.err.count('\n'), 1)
        for args, was in ((['false'], 'true'), (['--sh', 'true'], 'true'),
                          (['true', 'x'], 'true')):
            result = here.reeve('submit', '--key', 'zz', *args)
            same((args, result.code, result.out), (args, 0, '1\n'))
            holds(result.err, 'something else: %s.' % was,
                  '--on-conflict replace')
        same(here.reeve('submit', '--json', '--key', 'zz', 'true').json(),
             {'v': 1, 'id': 1, 'existing': True})
        same(here.reeve('submit', '--json', '--key', 'new', 'true').json(),
             {'v': 1, 'id': 2})
        same(here.reeve('submit', '--quiet', '--key', 'zz', 'false').err, '')
        # The key that makes repeating safe was nobody's word.
        here.submit('--unique', 'u1', '--hold', 'true')
        result = here.reeve('submit', '--unique', 'u1', '--on-conflict',
                            'reject', 'true')
        same(result.code, 4)
        holds(result.err, "job 3 has the unique word 'u1' already")
        assert ' key' not in result.err.replace('--key', ''), result


def test_who_is_attached_cancels_nothing():
    with Here() as here:
        first = here.popen('run', '--unique', 'u', 'sleep', '60')
        here.until(lambda: here.reeve('ls', 'running', '-o', 'ids').out)
        second = here.popen('run', '--unique', 'u', 'sleep', '60')
        holds(second.stderr.readline().decode(), 'attached to job 1 (running)',
              "the unique word 'u'", 'a signal does not cancel it')
        interrupt(second)
        result = finish(second)
        same(result.code, -2)
        holds(result.err, 'job 1 goes on')
        same(here.reeve('ls', 'running', '-o', 'ids').out, '1\n')
        # Nobody's reader is another one's.
        third = here.popen('run', '--unique', 'u', 'sleep', '60')
        third.stderr.readline()
        same(first.poll(), None)
        third.terminate()
        third.communicate()
        interrupt(first)
        same(finish(first).code, 121)


def test_an_editor_is_the_only_one():
    with Here() as here:
        here.submit('--in', '1h', 'true')
        editor = os.path.join(here.folder, 'editor')
        with open(editor, 'w') as file:
            file.write('#!/bin/sh\ntouch "$0.open"\n'
                       'while ! [ -e "$0.close" ]; do sleep 0.02; done\n')
        os.chmod(editor, 0o755)
        here.environment['EDITOR'] = editor
        first = here.popen('edit', '1')
        here.until(lambda: os.path.exists(editor + '.open'))
        holds(here.fails(4, 'edit', '1'), 'job 1 is being edited already')
        same(here.reeve('ls', 'held', '-o', 'ids').out, '1\n')
        open(editor + '.close', 'w').close()
        same(finish(first).code, 0)
        same(here.reeve('ls', 'held', '-o', 'ids').out, '')
        same(here.reeve('edit', '1').out, 'nothing changed\n')


def test_with_json_there_is_nothing_else_on_stdout():
    with Here() as here:
        result = here.reeve('run', '--json', '--sh', 'echo x; echo y >&2')
        same((len(result.out.splitlines()), result.json()['exit']), (1, 0))
        holds(result.err, 'x\n', 'y\n')
        result = here.reeve('map', '--dry-run', '--json', 'a', '{}', ':::',
                            'b c', 'd')
        same([json.loads(line) for line in result.out.splitlines()],
             [{'v': 1, 'argv': ['a', 'b c']}, {'v': 1, 'argv': ['a', 'd']}])
        same(here.reeve('map', '--dry-run', '--json', '--sh', 'a {}', ':::',
                        'b').json(), {'v': 1, 'shell': 'a b'})


def test_a_long_item_is_cut_for_people():
    with Here() as here:
        result = here.reeve('map', 'true', input=b'x' * 200000 + b'\n')
        same(result.code, 1)
        holds(result.err, '131071')
        assert len(result.err) < 1000, len(result.err)


def test_a_submission_that_waits_for_room_says_so():
    with Here() as here:
        here.reeve('queue', 'set', 'mail', '--max-length', '1',
                   '--overflow', 'block')
        for command in ('submit', 'run'):
            job = here.submit('-q', 'mail', '--hold', 'true')
            controller, terminal = pty.openpty()
            process = subprocess.Popen(
                [TOOL, command, '-q', 'mail', 'true'], env=here.environment,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=terminal)
            seen = b''
            while b'gives up' not in seen:
                seen += os.read(controller, 4096)
            holds(seen.decode(), "queue 'mail' may be full",
                  'reeve queue show mail')
            same(process.poll(), None)
            here.reeve('cancel', job)
            same(process.wait(60), 0)
            os.close(controller)
            os.close(terminal)
            here.reeve('wait', 'all')


if __name__ == '__main__':
    sys.exit(run_tests(sys.modules[__name__], sys.argv[3:]))
