#!/usr/bin/python3
"""What can be asked of a job and of a queue, with the real daemon: retries,
times, words that exclude each other, steering of what has ended, queues.

    model.py REEVE REEVED [TEST...]
"""
# covers: client/cmd_queue client/cmd_explain client/retry_args
import json
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from tool import RealPlace, finish, holds, run_tests, same  # noqa: E402

TOOL, REEVED = map(os.path.abspath, sys.argv[1:3])


class Real(RealPlace):
    """With what is asked of it here."""

    def __init__(self):
        super().__init__(TOOL, REEVED)
        self.reeve('daemon', 'start')

    def submit(self, *args):
        result = self.reeve('submit', *args)
        assert result.code == 0, result
        return result.out.strip()

    def job(self, job):
        return self.reeve('show', str(job), '--json').json()['job']

    def queue(self, name):
        return self.reeve('queue', 'show', name, '--json').json()['queue']


def test_a_job_that_fails_is_tried_again_until_it_works():
    with Real() as here:
        mark = os.path.join(here.folder, 'mark')
        result = here.reeve(
            'run', '--retry', '5', '--backoff', '10ms', '--sh',
            'echo x >>%s; test $(wc -l <%s) -ge 3' % (mark, mark))
        same(result.code, 0)
        job = here.job(1)
        same((job['state'], job['attempt'], job['max_attempts']),
             ('succeeded', 3, 6))


def test_retries_end_and_only_what_the_rule_names_is_tried():
    with Real() as here:
        same(here.reeve('run', '--retry', '2', '--backoff', '1ms',
                        '--sh', 'exit 9').code, 9)
        same(here.job(1)['attempt'], 3)
        same(here.reeve('run', '--retry', '2', '--backoff', '1ms',
                        '--retry-exit', '75', '--sh', 'exit 9').code, 9)
        same(here.job(2)['attempt'], 1)
        same(here.reeve('run', '--retry', '2', '--retry-on', 'timeout',
                        '--sh', 'exit 9').code, 9)
        same(here.job(3)['attempt'], 1)


def test_exit_codes_are_given_in_ranges_and_the_wait_has_a_jitter():
    with Real() as here:
        job = here.submit('--hold', '--retry', '4', '--retry-exit',
                          '75,100-103,7', '--retry-jitter', '50%', 'true')
        shown = here.reeve('show', job, '--json').json()['submitted']['retry']
        same(shown['exit_codes'], [75, 100, 101, 102, 103, 7])
        same(shown['jitter'], 0.5)
        assert '50% more or less' in here.reeve('show', job).out
        job = here.submit('--hold', '--retry', '4', '--retry-jitter', '0',
                          'true')
        shown = here.reeve('show', job, '--json').json()['submitted']['retry']
        same(shown['jitter'], 0)
        for text, jitter in (('0%', 0), ('12.5%', 0.125)):
            editor = os.path.join(here.folder, 'editor')
            with open(editor, 'w') as file:
                file.write("#!/bin/sh\nsed -i 's/^retry-jitter:.*/"
                           "retry-jitter: %s/' \"$1\"\n" % text)
            os.chmod(editor, 0o755)
            same(here.reeve('edit', '1', VISUAL=editor).code, 0)
            shown = here.reeve('show', '1', '--json').json()
            same(shown['submitted']['retry']['jitter'], jitter)


def test_wrong_rules_are_refused_with_what_to_do():
    with Real() as here:
        for args, words in (
                (['--retry-on', 'exit'], ['without --retry', '--retry 5']),
                (['--retry', '2', '--retry-on', 'rain'], ["'rain'", 'signal']),
                (['--retry', '2', '--retry-exit', '0'], ['1 to 255']),
                (['--retry', '2', '--retry-exit', '7,x'], ["'x'"]),
                (['--retry', '2', '--retry-exit', '5-x'], ["'5-x'"]),
                (['--retry', '2', '--retry-exit', '9-5'], ["'9-5'"]),
                (['--retry', '2', '--retry-exit', '1-65'], ['at most 64']),
                (['--retry', '2', '--retry-jitter', '20'], ["'20'", '20%']),
                (['--retry', '2', '--retry-jitter', '101%'], ["'101%'"]),
                (['--retry-jitter', '20%'], ['without --retry']),
                (['--retry', '2', '--backoff', 'soon'], ["'soon'"]),
                (['--retry', '2', '--backoff', '9s..1s'], ['ends with']),
                (['--retry', '-1'], ['--retry']),
                (['--retry', '2', '--once'], ['once']),
                (['--on-conflict', 'reject'], ['--key', '--unique']),
                (['--key', 'k', '--on-conflict', 'fight'], ['replace']),
                (['--at', 'someday'], ["'someday'", 'tomorrow 9:00']),
                (['--at', '2001-01-01'], ['is over', '2001-01-01']),
                (['--at', 'noon', '--in', '5m'], ['exclude'])):
            result = here.reeve('submit', *args, 'true')
            same((args, result.code), (args, 2))
            holds(result.err, *words)


def test_a_time_is_understood_and_said():
    with Real() as here:
        result = here.reeve('submit', '--at', '2087-03-04 05:06', 'true')
        same((result.code, result.out), (0, '1\n'))
        holds(result.err, 'not before 2087-03-04 05:06:00')
        same(here.job(1)['state'], 'scheduled')
        holds(here.reeve('explain', '1').out, '2087')


def test_what_waits_too_long_expires():
    with Real() as here:
        job = here.submit('--hold', '--expire', '50ms', 'true')
        here.until(lambda: here.job(job)['state'] == 'cancelled')
        same(here.job(job)['cause'], 'expired')


def test_unique_words_return_replace_or_reject():
    with Real() as here:
        first = here.submit('--hold', '--unique', 'u', 'true')
        same(here.submit('--unique', 'u', 'true'), first)
        result = here.reeve('submit', '--unique', 'u', '--on-conflict',
                            'reject', 'true')
        same(result.code, 4)
        holds(result.err, 'u')
        second = here.submit('--hold', '--unique', 'u', '--on-conflict',
                             'replace', 'true')
        assert second != first
        same(here.job(first)['state'], 'cancelled')
        here.reeve('cancel', second)
        assert here.submit('--unique', 'u', 'true') not in (first, second)


def test_failed_jobs_are_tried_again_by_hand_and_forgotten():
    with Real() as here:
        mark = os.path.join(here.folder, 'mark')
        for _ in range(3):
            here.submit('test', '-e', mark)
        here.reeve('wait', '1-3')
        result = here.reeve('retry', 'failed', '--dry-run')
        same((result.code, result.out), (0, '3 would be tried again\n'))
        same(here.reeve('retry', 'failed').code, 2)
        open(mark, 'w').close()
        same(here.reeve('retry', 'failed', '-y').out, '3 tried again\n')
        same(here.reeve('wait', '1-3').code, 0)
        same(here.job(2)['attempt'], 2)
        same(here.reeve('retry', '99').code, 3)
        same(here.reeve('rm', '2').out, '1 removed\n')
        same(here.reeve('show', '2').code, 3)
        same(here.reeve('rm', 'succeeded', '-y').out, '2 removed\n')


def test_a_queue_is_paused_seen_and_goes_on():
    with Real() as here:
        here.submit('-q', 'mail', 'true')
        here.reeve('wait', 'last')
        same(here.reeve('queue', 'pause', 'mail').code, 0)
        job = here.submit('-q', 'mail', 'true')
        same(here.reeve('run', 'true').code, 0)
        same(here.job(job)['state'], 'ready')
        same(here.queue('mail')['paused'], True)
        holds(here.reeve('queue').out, 'mail', 'paused')
        holds(here.reeve('queue', 'show', 'mail').out, 'nothing of it starts')
        holds(here.reeve('explain', job).out, 'paused', 'queue resume mail')
        here.reeve('daemon', 'stop')
        here.reeve('daemon', 'start')
        same(here.queue('mail')['paused'], True)
        same(here.reeve('queue', 'resume', 'mail').code, 0)
        same(here.reeve('wait', job).code, 0)
        same(here.reeve('queue', 'drain', 'mail').code, 0)


def test_a_full_disk_behind_stdout_is_said_and_costs_no_job():
    with Real() as here, open('/dev/full', 'wb') as full:
        mark = os.path.join(here.folder, 'mark')
        for args, code in (
                (['run', 'sh', '-c', 'echo a; touch ' + mark], 125),
                (['run', 'sh', '-c', 'echo a; exit 7'], 7),
                (['map', 'echo', ':::', 'a', 'b'], 1),
                (['logs', '1'], 1), (['logs', '-f', '1'], 1)):
            work = here.popen(*args, stdout=full)
            err = work.communicate()[1].decode()
            same((args, work.returncode), (args, code))
            holds(err, 'cannot write to stdout: No space left on device',
                  'reeve logs')
        assert os.path.exists(mark)
        found = here.reeve('ls', 'group=1', '--json').json()['jobs']
        same({job['state'] for job in found}, {'succeeded'})


def test_json_on_a_terminal_is_the_same_value_and_cannot_steer_it():
    name = 'x\u009b31m\u202eend\u2066\u00fc'
    with Real() as here:
        here.reeve('submit', '-w', '-n', name, 'true')
        for args in (['ls', '--json'], ['ls', '-o', 'json'],
                     ['ls', '-o', 'ndjson'], ['show', '1', '--json'],
                     ['wait', '1', '--json']):
            seen = here.on_terminal(*args, columns=200)
            for bad in '\x1b\x07\x7f\u009b\u202e\u2066\r':
                assert bad not in seen, (args, bad, seen)
            found = json.loads(seen)
            same(found.get('jobs', [found.get('job', found)])[0]['name'], name)
            # Elsewhere nothing is changed: it is nobody's screen.
            holds(here.reeve(*args).out, '\u009b31m', '\u202eend', '\u00fc')


def test_a_name_that_is_not_text_finds_nothing_else():
    with Real() as here:
        here.submit('--hold', '-q', '\ufffd', 'true')
        for args in (['cancel', '-y', b'queue=\xfe'], ['ls', b'name=\xff'],
                     ['queue', 'pause', b'\xff']):
            result = here.reeve(*args)
            same((args, result.code), (args, 2))
            holds(result.err, 'not UTF-8')
        same(here.job(1)['state'], 'held')


def test_what_a_named_job_refuses_is_told():
    with Real() as here:
        here.submit('--unique', 'W', 'false')
        here.reeve('wait', '1')
        here.submit('--unique', 'W', '--hold', 'true')
        for args, code, word in (
                (['retry', '1'], 1, 'another job has its unique word'),
                (['edit', '1', '-p', '3'], 1, 'job 1 is failed'),
                (['rm', '2'], 1, 'job 2 is held'),
                (['release', '1'], 1, 'job 1 is failed'),
                (['cancel', '1'], 1, 'job 1 is failed')):
            result = here.reeve(*args)
            same((args, result.code), (args, code))
            holds(result.err, word)


def test_each_try_is_explained_with_its_last_lines():
    with Real() as here:
        here.reeve('submit', '-w', '--retry', '1', '--backoff', '10ms', '--sh',
                   'seq 9; echo "try $REEVE_ATTEMPT" >&2; exit 3')
        told = here.reeve('explain', 'last').out
        holds(told, 'attempt 1 ended with exit code 3\n    | 8\n    | 9\n'
              '    | try 1\n', '    | try 2\n')
        assert '| 7' not in told, told


def test_a_full_queue_refuses_or_waits():
    with Real() as here:
        here.reeve('queue', 'set', 'small', '--max-length', '1')
        same(here.reeve('queue', 'pause', 'small').code, 0)
        here.submit('-q', 'small', 'true')
        result = here.reeve('submit', '-q', 'small', 'true')
        same(result.code, 4)
        holds(result.err, 'small')
        here.reeve('queue', 'set', 'small', '--overflow', 'block')
        blocked = here.popen('submit', '-q', 'small', 'true')
        same(here.reeve('run', 'true').code, 0)
        assert blocked.poll() is None
        here.reeve('queue', 'resume', 'small')
        same(finish(blocked).code, 0)
        same(here.reeve('queue', 'set', 'small', '--no-limit').code, 0)


def test_a_purge_cancels_what_waits():
    with Real() as here:
        for _ in range(3):
            here.submit('-q', 'mail', '--hold', 'true')
        same(here.reeve('queue', 'purge', 'mail').code, 2)
        same(here.reeve('queue', 'purge', '-y', 'mail').out, '3 cancelled\n')
        same(here.job(1)['state'], 'cancelled')


def test_wrong_words_about_queues():
    with Real() as here:
        for args, code, words in (
                (['puase', 'x'], 2, ['queue pause']),
                (['show', 'nosuch'], 3, ["'nosuch'", 'queue ls']),
                (['pause', 'nosuch', 'x'], 2, ["'x'"]),
                (['pause', 'nosuch'], 3, ['nosuch']),
                (['pause'], 2, ['--all']),
                (['pause', '--all', 'x'], 2, ["'x'"]),
                (['set', 'x'], 2, ['nothing to set']),
                (['set', 'x', '--max-length', '5', '--no-limit'], 2,
                 ['exclude']),
                (['set', 'x', '--overflow', 'burn'], 2, ['overflow']),
                (['purge', 'x'], 2, ['--yes'])):
            result = here.reeve('queue', *args)
            same((args, result.code), (args, code))
            holds(result.err, *words)


def test_explain_says_what_blocks_and_what_happened():
    with Real() as here:
        held = here.submit('--hold', 'true')
        result = here.reeve('explain', held)
        same(result.code, 0)
        holds(result.out, 'held', 'reeve release %s' % held)
        failed = here.submit('--retry', '1', '--backoff', '1ms', '--sh',
                             'exit 3')
        here.reeve('wait', failed)
        holds(here.reeve('explain', failed).out, '3')
        same(here.reeve('explain', failed, '--json').json()['id'],
             int(failed))
        same(here.reeve('explain').code, 2)
        same(here.reeve('explain', '99').code, 3)


def test_errors_of_the_daemon_name_commands_not_calls():
    with Real() as here:
        here.reeve('map', 'true', ':::', 'a')
        here.submit('--key', 'k', '--hold', 'true')
        for args, code, word in (
                (['submit', '--group', '99', 'true'], 3, 'reeve map'),
                (['wait', 'group=99'], 125, 'reeve map'),
                (['submit', '--group', '1', 'true'], 4, 'reeve map'),
                (['submit', '-p', '9999999999999', 'true'], 2, '--help'),
                (['submit', '--key', 'k', '--on-conflict', 'reject', 'true'],
                 4, '--on-conflict return'),
                (['queue', 'show', 'none'], 3, 'reeve queue ls'),
                (['show', '99'], 3, 'reeve ls')):
            result = here.reeve(*args)
            same((args, result.code), (args, code))
            holds(result.err, word)
            for call in ('Group', 'Get', 'List', 'Configure', '_existing'):
                assert call not in result.err, result
        holds(here.reeve('submit', '--json', '--group', '99', 'true').out,
              'reeve map')


if __name__ == '__main__':
    sys.exit(run_tests(sys.modules[__name__], sys.argv[3:]))
