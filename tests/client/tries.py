#!/usr/bin/python3
"""Jobs that are tried more than once, and jobs that nobody lets start, against
the real daemon: what logs, run, show and wait say of them.

    tries.py REEVE REEVED EXAMPLE [TEST...]

covers: client/stuck client/cmd_logs client/cmd_run client/cmd_show
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from real import Real, holds, same  # noqa: E402
from tool import finish, run_tests  # noqa: E402

THREE = 'echo try $REEVE_ATTEMPT; [ $REEVE_ATTEMPT = 3 ]'
SLOW = 'echo try $REEVE_ATTEMPT; sleep 0.4; echo end; [ $REEVE_ATTEMPT = 3 ]'


def test_logs_follow_goes_on_to_the_next_attempt():
    with Real() as here:
        for script, out in ((THREE, 'try %d\n'), (SLOW, 'try %d\nend\n')):
            job = here.submit('--retry', '4', '--backoff', '1500ms',
                              '--sh', script)
            result = here.reeve('logs', '-f', job)
            same((result.code, result.out),
                 (0, ''.join(out % i for i in (1, 2, 3))))
            holds(result.err, 'attempt 1 of job %s exited with code 1' % job,
                  'attempt 2 of job', 'the next one comes in')
            same(here.reeve('logs', job).out, out % 3)


def test_logs_follow_of_a_job_that_waits_for_its_next_attempt():
    with Real() as here:
        job = here.submit('--retry', '1', '--backoff', '60s', '--sh',
                          'echo once; exit 7')
        here.until(lambda: here.state(job) == 'scheduled')
        process = here.popen('logs', '-f', job)
        same(process.stdout.readline(), b'once\n')
        same(here.reeve('cancel', job).code, 0)
        same(finish(process).code, 0)


def test_logs_of_any_attempt():
    with Real() as here:
        job = here.submit('-w', '--retry', '4', '--backoff', '1ms', '--sh',
                          THREE)
        for attempt in (1, 2, 3):
            same(here.reeve('logs', '--attempt', str(attempt), job).out,
                 'try %d\n' % attempt)
        same(here.reeve('logs', '-f', '--attempt=1', job).out, 'try 1\n')
        same(here.reeve('logs', '--attempt', '1', '--stderr', job).out, '')
        result = here.reeve('logs', '--attempt', '4', job)
        same((result.code, result.out), (3, ''))
        holds(result.err, 'job %s has no attempt 4: its last is 3' % job,
              'reeve show %s' % job)
        same(here.reeve('logs', '--attempt', '0', job).code, 2)
        held = here.submit('--hold', 'true')
        result = here.reeve('logs', '--attempt', '1', held)
        same(result.code, 3)
        holds(result.err, 'job %s has not begun' % held)


def test_logs_follows_one_attempt_to_its_end():
    with Real() as here:
        job = here.submit('--retry', '1', '--backoff', '60s', '--sh',
                          'echo begin; sleep 1; echo end; exit 1')
        here.until(lambda: here.state(job) != 'ready')
        process = here.popen('logs', '-f', '--attempt', '1', job)
        same(finish(process).out, 'begin\nend\n')
        same(here.state(job), 'scheduled')


def test_run_shows_every_attempt():
    with Real() as here:
        result = here.reeve('run', '--retry', '4', '--backoff', '200ms',
                            '--sh', SLOW)
        same((result.code, result.out),
             (0, 'try 1\nend\ntry 2\nend\ntry 3\nend\n'))


def test_the_output_of_a_running_attempt_is_its_own():
    with Real() as here:
        job = here.submit('--retry', '1', '--backoff', '1ms', '--sh',
                          'echo try $REEVE_ATTEMPT; '
                          '[ $REEVE_ATTEMPT = 1 ] && exit 1; sleep 30')
        here.until(lambda: here.reeve('logs', job).out == 'try 2\n')
        same(here.state(job), 'running')
        here.reeve('cancel', job)


def test_show_tells_of_each_attempt():
    with Real() as here:
        here.submit('-w', '--retry', '2', '--backoff', '10ms', '--sh', THREE)
        seen = here.reeve('show', '1').out
        holds(seen, 'tries      attempt 1 ended with exit code 1',
              '           attempt 2 ended with exit code 1',
              'attempt 3 succeeded')
        tries = here.reeve('show', '1', '--json').json()['tries']
        same([one['rule'] for one in tries], ['exit', 'exit', 'none'])
        here.submit('-w', 'true')
        assert 'tries' not in here.reeve('show', '2').out
        same('tries' in here.reeve('show', '2', '--json').json(), False)
        here.submit('--retry', '2', '--backoff', '60s', 'false')
        here.until(lambda: here.state(3) == 'scheduled')
        holds(here.reeve('show', '3').out, 'tries      attempt 1 of 3',
              'the next one comes in')


def test_wait_says_once_what_would_let_a_job_start():
    with Real() as here:
        here.submit('--hold', 'true')
        here.submit('--hold', 'true')
        here.submit('-q', 'mail', 'true')
        here.reeve('wait', '3')
        here.reeve('queue', 'pause', 'mail')
        here.submit('-q', 'mail', 'true')
        for words, said in (
                (['1'], ['job 1 waits: it is held', 'reeve release 1']),
                (['1-2'], ['job 1 waits']), (['held'], ['job 1 waits']),
                (['4'], ["job 4 waits: queue 'mail' is paused",
                         'To let it go: reeve queue resume mail'])):
            result = here.reeve('wait', '--timeout', '200ms', *words)
            same(result.code, 124)
            holds(result.err, *said)
            same(result.err.count(' waits: '), 1)
        same(here.reeve('wait', '--quiet', '--timeout', '1ms',
                        '1').err.count('waits'), 0)
        same(here.reeve('wait', '3').err, '')
        result = here.reeve('wait', 'group=1')
        process = here.popen('submit', '-w', '--hold', 'true')
        here.until(lambda: here.reeve('show', '5').code == 0)
        here.reeve('release', '5')
        result = finish(process)
        same((result.code, result.out), (0, '5\n'))
        holds(result.err, 'job 5 waits: it is held')


if __name__ == '__main__':
    sys.exit(run_tests(sys.modules[__name__], sys.argv[4:]))
