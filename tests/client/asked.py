#!/usr/bin/python3
"""What the tool says again of what it was told: show, explain, and the words of
filters and queues, with the real daemon.

    asked.py REEVE REEVED [TEST...]
"""
# covers: client/asked client/queue_list client/cmd_show client/cmd_explain client/cmd_queue client/reason client/wire_words
import os
import pathlib
import pty
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from tool import RealPlace, holds, run_tests, same  # noqa: E402

TOOL, REEVED = map(os.path.abspath, sys.argv[1:3])


class Real(RealPlace):
    """With what is asked of it here."""

    def __init__(self):
        super().__init__(TOOL, REEVED)
        self.reeve('daemon', 'start')

    def out(self, *args, **env):
        result = self.reeve(*args, **env)
        assert result.code == 0, result
        return result.out

    def asked(self, answer, *args):
        """What is asked at a terminal, with that answer typed ahead."""
        controller, terminal = pty.openpty()
        os.write(controller, (answer + '\n').encode())
        process = subprocess.run([self.tool, *args], stdin=terminal,
                                 stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, timeout=60,
                                 env=self.environment)
        os.close(controller)
        os.close(terminal)
        return process.stdout.decode()

    def rows(self, job):
        """show, by its labels."""
        rows = {}
        for line in self.out('show', str(job)).splitlines()[1:]:
            label, value = line[2:12].strip() or label, line[13:]
            rows.setdefault(label, []).append(value)
        return rows


def test_show_says_all_that_was_asked_for():
    with Real() as here:
        here.out('submit', '--hold', '--at', '2099-01-02 10:00', '-C', '/',
                 '-t', 'a=b', '-t', 'c= d', '--timeout', '5m', '--grace', '1s',
                 '--expire', '0', '--keep', '2d', '--retry', '3', '--backoff',
                 '2s..1m', '--retry-on', 'exit', '--retry-exit', '3,4',
                 '--unique', 'u1', '--umask', '077', '--nice', '3', '--limit',
                 'nofile=100', '--crash-limit', '5', '--keep-orphans', '-e',
                 'FOO=bar', '-p', '7', 'true')
        rows = here.rows(1)
        for label, value in (
                ('cwd', '/'), ('timeout', '5m00s'), ('unique', 'u1'),
                ('grace', '1.0s from SIGTERM to SIGKILL'),
                ('kept', '2d00h after its end'), ('umask', '077'),
                ('retry', 'up to 3 times, after 2.0s to 1m00s; on exit; '
                          'exit codes 3, 4'),
                ('nice', '3'), ('limit', 'nofile=100'), ('priority', '7'),
                ('crashes', 'it fails when 5 workers died under it'),
                ('orphans', 'its processes are left behind'),
                ('due', '2099-01-02 10:00:00')):
            same((label, rows.get(label)), (label, [value]))
        same((rows['tag'], rows['env'][0]), (['a=b', 'c= d'], 'FOO=bar'))
        holds(rows['env'][1], 'variables as they are here')
        here.out('submit', '--hold', '--once', '--expire', '2h', '--clean-env',
                 '-e', 'A=1', '--keep', '0', 'true')
        rows = here.rows(2)
        same((rows['once'], rows['expires'], rows['kept'], rows['env'][:1]),
             (['never started twice'],
              ['if it still waits 2h00m after its submission'],
              ['not at all after its end'], ['A=1']))


def test_show_is_short_of_a_job_of_which_nothing_was_asked():
    with Real() as here:
        here.out('submit', '-w', 'true')
        same(set(here.rows(1)) - {'state', 'command', 'queue', 'user',
                                  'attempt', 'cwd', 'submitted', 'started',
                                  'ran', 'used'}, set())


def test_show_json_has_the_whole_submission():
    with Real() as here:
        here.out('submit', '--hold', '--timeout', '5m', '-e', 'A=1', 'true')
        told = here.reeve('show', '1', '--json').json()['submitted']
        same((told['timeout_ms'], told['context']['env']['A'], told['argv']),
             (300000, '1', ['true']))


def test_none_is_no_limit_as_in_the_files_of_the_daemon():
    with Real() as here:
        here.out('submit', '--hold', '--timeout', 'none', '--expire', 'none',
                 'true')
        told = here.reeve('show', '1', '--json').json()['submitted']
        same((told['timeout_ms'], told['expire_ms']), (0, 0))


def test_who_ran_too_long_is_told_how_long_that_was():
    with Real() as here:
        here.reeve('run', '--timeout', '200ms', 'sleep', '9')
        holds(here.out('show', '1'), 'longer than its timeout, 200ms')
        holds(here.out('explain', '1'), 'longer than its timeout, 0.2 s')


def test_explain_says_a_start_once_and_as_it_is_called_here():
    with Real() as here:
        here.out('submit', '--at', '2099-01-02T10:00Z', 'true')
        here.out('submit', '--at', '2099-01-02T10:00Z', '--hold', 'true')
        for job in '1', '2':
            told = here.out('explain', job, TZ='XST-5')
            same((told.count('2099-01-02 15:00:00'), '10:00:00' in told),
                 (1, False))
        holds(here.out('explain', '2'), 'held until', 'released, it is not')
        holds(here.reeve('logs', '1', TZ='XST-5').err,
              'before its time', '(2099-01-02 15:00:00)')


def test_explain_has_words_and_no_codes():
    with Real() as here:
        here.out('submit', '-w', 'true')
        here.reeve('run', '--retry', '1', '--backoff', '1ms', 'false')
        here.out('submit', '--retry', '1', '--backoff', '1h', 'false')
        here.until(lambda: 'attempt 1 of 2' in here.out('explain', '3'))
        here.out('submit', '--hold', '-q', 'mail', 'true')
        here.out('queue', 'pause', 'mail')
        here.out('release', '4')
        text = ''.join(here.out('explain', job) for job in '1234')
        for line in text.splitlines():
            word = line.split()[0]
            assert word not in ('none', 'exit', 'backoff', 'paused', 'ended',
                                'workers_busy', 'next'), text
        assert '_' not in text.replace(here.folder, ''), text


def test_what_is_refused_is_told_by_the_flag_and_not_by_the_wire():
    long = 'a' * 300
    with Real() as here:
        for args, words in (
                (['-q', long, 'true'], '--queue: 300 bytes'),
                (['-p', '3000000000', 'true'], '--priority: 3000000000 is not'),
                (['-C', '/' + 'b' * 5000, 'true'], '--cwd: 5001 bytes'),
                (['--unique', long, 'true'], '--unique: 300 bytes'),
                (['--grace', '100w', 'true'], '86400000 milliseconds'),
                (['--retry', '1', '--once', 'true'], '--retry: excludes once'),
                (['--crash-limit', '9999', 'true'], '--crash-limit: 9999'),
                ([''], 'the command: must name a program')):
            result = here.reeve('submit', *args)
            same(result.code, 2)
            holds(result.err, words)
            assert 'job.' not in result.err, result
        holds(here.reeve('map', '-q', long, 'true', ':::', '1').err,
              '--queue: 300 bytes')


def test_of_other_calls_too_what_is_refused_is_told_by_flag_and_filter():
    long = 'a' * 300
    with Real() as here:
        here.out('submit', '--hold', 'true')
        for args, words in (
                (['cancel', '-y', '--reason', 'a' * 9000, '1'],
                 'reeve: --reason: 9000 bytes'),
                (['cancel', '-y', '--grace', '100w', '1'],
                 'reeve: --grace: 60480000000 is not between 0 and 86400000 '
                 'milliseconds'),
                (['edit', '-q', long, '1'], 'reeve: --queue: 300 bytes'),
                (['edit', '-p', '3000000000', '1'], 'reeve: --priority: 30'),
                (['queue', 'pause', long], 'reeve: the name: 300 bytes'),
                (['queue', 'set', '--max-length', '9' * 16, 'q'],
                 'reeve: --max-length: 9999999999999999 is not'),
                (['queue', 'set', '--on-done', 'true', '--callback-retry',
                  '99999999', 'q'],
                 'reeve: --callback-retry, and one: 100000000 is not'),
                (['submit', '--handler', 'http', 'method=GET'],
                 'reeve: --args.url: give one'),
                (['submit', '--on-failure', 'true', '--callback-queue', long,
                  'true'], 'reeve: --callback-queue: 300 bytes'),
                (['map', '-n', long, 'true', ':::', '1'],
                 'reeve: the name: 300 bytes'),
                (['work', '-q', long, 'h', 'true'], 'reeve: --queue: a name'),
                (['events', '--queue', long], 'reeve: --queue: 300 bytes'),
                (['ls', 'name=' + long], 'reeve: name=: 300 bytes'),
                (['ls', 'user=99999999999'], 'reeve: user=: 99999999999 is'),
                (['ls', 'exit=99999'], 'reeve: exit=: 99999 is not'),
                (['ls', 'key=' + long], 'reeve: key=: 300 bytes')):
            result = here.reeve(*args)
            same((args, result.code), (args, 2))
            holds(result.err, words)


def test_map_into_a_full_queue_says_so_in_words():
    with Real() as here:
        here.out('queue', 'set', 'mail', '--max-length', '1')
        here.out('submit', '--hold', '-q', 'mail', 'true')
        holds(here.reeve('map', '-q', 'mail', 'true', ':::', '1').err,
              "1: queue 'mail' holds 1 waiting job, its limit\n")
        holds(here.reeve('submit', '-q', 'mail', 'true').err,
              '1 waiting job, its limit', '--max-length N')


def test_queue_ls_takes_a_name_and_a_wrong_one_is_told_a_better():
    with Real() as here:
        here.out('queue', 'set', 'mail', '--max-length', '9')
        here.out('queue', 'set', 'other', '--max-length', '9')
        same([line.split()[0] for line in
              here.out('queue', 'ls', 'mail').splitlines()], ['mail'])
        same([queue['name'] for queue in here.reeve(
            'queue', 'ls', 'mail', '--json').json()['queues']], ['mail'])
        for words in (['ls'], ['show'], ['pause'], ['resume'], ['drain'],
                      ['purge', '-y']):
            result = here.reeve('queue', *words, 'mali')
            same((words, result.code), (words, 3))
            holds(result.err, "there is no queue 'mali'", 'mean mail?')
        holds(here.reeve('queue', 'show', 'nothing').err, 'reeve queue ls')


def test_queue_ls_is_a_listing_like_the_others():
    with Real() as here:
        for name, length in (('a', '9'), ('b', '100'), ('c', '20')):
            here.out('queue', 'set', name, '--max-length', length)
        ls = ('queue', 'ls', '--sort', '-limit')
        same(here.out(*ls, '-o', 'ids', '--limit', '2'), 'b\nc\n')
        same(here.out(*ls, '-o', 'csv', '--columns', 'queue,limit'),
             'QUEUE,LIMIT\r\nb,100\r\nc,20\r\na,9\r\ndefault,-\r\n')
        same(here.out('queue', 'ls', 'c', '-o', 'table').split()[-4:],
             ['0', 'waiting,', '0', 'running'])
        holds(here.reeve('queue', 'ls', '--sort', 'x').err, 'queue waiting')


def test_purge_says_how_many_it_would_cancel():
    with Real() as here:
        for _ in range(2):
            here.out('submit', '--hold', '-q', 'mail', 'true')
        holds(here.asked('n', 'queue', 'purge', 'mail'),
              '2 jobs that wait in mail will be cancelled')
        same(len(here.reeve('ls', 'held', '--json').json()['jobs']), 2)
        here.asked('y', 'queue', 'purge', 'mail')
        same(here.reeve('ls', 'held', '--json').json()['jobs'], [])


def test_causes_are_listed_where_a_wrong_one_is_given():
    with Real() as here:
        result = here.reeve('ls', 'cause=foo')
        same(result.code, 2)
        holds(result.err, 'They are: exit, signal, timeout, memory', 'exec.')
        holds(here.out('help', 'filters'), 'worker_lost', 'host_lost')


def test_a_name_that_nobody_gave_is_told_from_a_command():
    with Real() as here:
        here.out('submit', '-w', 'true')
        holds(here.on_terminal('ls', 'name=true', columns=200),
              "given the name 'true' with --name", 'command=true')


def test_a_part_of_the_command_finds_it():
    with Real() as here:
        here.out('submit', '--hold', 'sleep', '60')
        here.out('submit', '--hold', '--sh', 'echo a | wc')
        here.out('submit', '--hold', '-n', 'sleep', 'true')
        for words, found in ((['command=sleep'], '1\n'),
                             (['command=a | w'], '2\n'),
                             (['not:command=e'], ''),
                             (['not:command=echo'], '1\n3\n')):
            same((words, here.out('ls', '-o', 'ids', *words)), (words, found))
        same(here.out('cancel', '-y', 'command=sleep'), '1 cancelled\n')
        same(here.out('ls', '-o', 'ids', 'cancelled'), '1\n')


if __name__ == '__main__':
    sys.exit(run_tests(sys.modules[__name__], sys.argv[3:]))
