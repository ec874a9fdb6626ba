#!/usr/bin/python3
"""reeve events against the real daemon: what it prints, and that nothing is
missing from it when the daemon's parts die.

    events.py REEVE REEVED EXAMPLE [TEST...]

covers: client/audience client/cmd_events client/event_line
"""
import json
import os
import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from real import Real, holds, same  # noqa: E402
from screen import Screen  # noqa: E402
from tool import finish, run_tests  # noqa: E402


def lines(result):
    assert result.code == 0, result
    return [json.loads(line) for line in result.out.splitlines()]


def some_jobs(here):
    """Events 1 .. 7."""
    here.reeve('run', '-q', 'a', 'true')
    here.reeve('run', '-q', 'b', '--sh', 'exit 3')
    here.submit('--hold', '-q', 'c', 'true')


def test_it_prints_what_happened():
    with Real() as here:
        some_jobs(here)
        out = here.reeve('events').out.splitlines()
        same([line.split()[2] for line in out],
             ['submitted', 'started', 'finished', 'submitted', 'started',
              'failed', 'submitted'])
        holds(out[5], 'job 2       b           exit')
        same([int(line.split()[0]) for line in out], list(range(1, 8)))


def test_json_is_a_line_for_each():
    with Real() as here:
        some_jobs(here)
        events = lines(here.reeve('events', '--json'))
        same([event['seq'] for event in events], list(range(1, 8)))
        same(events[5], {'v': 1, 'seq': 6, 'at_ms': events[5]['at_ms'],
                         'kind': 'failed', 'job': 2, 'queue': 'b',
                         'detail': {'attempt': 1, 'cause': 'exit'}})


def test_flags_choose():
    with Real() as here:
        some_jobs(here)
        for flags, numbers in (
                (['-n', '2'], [6, 7]), (['--since', '6'], [6, 7]),
                (['--since', '0'], list(range(1, 8))),
                (['--since', '8'], []), (['--since', '1h'], range(1, 8)),
                (['--since', '1ms'], []), (['--since', '2020-01-01'],
                                           range(1, 8)),
                (['--kind', 'failed,submitted'], [1, 4, 6, 7]),
                (['--kind', 'submitted', '-n', '1'], [7]),
                (['--queue', 'b'], [4, 5, 6]), (['--job', '1,3'],
                                                [1, 2, 3, 7]),
                (['--job', '1', '--job', '3'], [1, 2, 3, 7]),
                (['--job', 'last'], [7]), (['--job', '99'], []),
                (['--since', '2', '-n', '3', '--queue', 'a'], [2, 3])):
            same((flags, [event['seq'] for event in lines(
                here.reeve('events', '--json', *flags))]),
                (flags, list(numbers)))


def test_what_makes_no_sense_is_refused():
    with Real() as here:
        here.submit('true')
        for flags, said in (
                (['--kind', 'faild'], 'Did you mean failed?'),
                (['--since', 'nonsense'], 'takes the number of an event'),
                (['--since', '2999-01-01'], 'that has been'),
                (['--since', '+2h'], 'that has been'),
                (['--job', 'failed'], 'takes numbers of jobs'),
                (['-n', '0'], '--last'), (['7'], 'flags only')):
            result = here.reeve('events', *flags)
            same((flags, result.code), (flags, 2))
            holds(result.err, said)
        result = here.reeve('events', '--since', '999999')
        assert result.code != 0 and 'no event has that number' in result.err


def test_follow_goes_on_and_tells_of_queues_and_workers():
    with Real() as here:
        some_jobs(here)
        process = here.popen('events', '-f', '-n', '2', '--json')
        first = [json.loads(process.stdout.readline()) for _ in range(2)]
        same([event['seq'] for event in first], [6, 7])
        here.until(lambda: here.reeve('queue', 'pause', 'c').code == 0)
        # Workers may come up meanwhile; a pause is told of when it is new.
        while True:
            here.reeve('queue', 'resume', 'c')
            here.reeve('queue', 'pause', 'c')
            event = json.loads(process.stdout.readline())
            if event['kind'] == 'queue_paused':
                break
        same((event['seq'], event['queue']), (7, 'c'))
        process.terminate()
        finish(process)


def test_follow_misses_nothing_when_the_broker_is_killed():
    with Real() as here:
        here.submit('true')
        process = here.popen('events', '-f', '--since', '1', '--json')
        json.loads(process.stdout.readline())
        for _ in range(3):
            for _ in range(5):
                here.submit('true')
            here.kill('broker_pid')
            here.until(lambda: here.reeve('ping').code == 0)
        last = here.submit('true')
        here.reeve('wait', last)
        seen, ended = [1], False
        while not ended:
            event = json.loads(process.stdout.readline())
            if event['kind'].startswith(('worker', 'queue')):
                continue
            seen.append(event['seq'])
            ended = (event['job'], event['kind']) == (int(last), 'finished')
        same(seen, list(range(1, len(seen) + 1)))
        process.terminate()
        finish(process)


def test_top_shows_the_last_ones_where_there_is_room():
    with Real() as here:
        some_jobs(here)
        for rows in (24, 45):
            with Screen(here, 'top', rows=rows, columns=100) as screen:
                text = screen.until('RUNNING', 'ENDED')
                if rows == 45:
                    text = screen.until('EVENTS', '7  ', 'submitted')
                    holds(text, 'failed         job 2       b')
                    last = text.split('EVENTS')[1].splitlines()[1:8]
                    same([line.split()[0] for line in last], list('1234567'))
                assert ('EVENTS' in text) == (rows == 45), text
                screen.press('q')
                same(screen.ends(), 0)


def test_a_follower_ends_with_its_reader_though_nothing_happens():
    with Real() as here:
        job = here.submit('--sh', 'echo word; exec sleep 1000')
        here.until(lambda: here.state(job) == 'running')
        followers = [(['wait', job, '--json'], None), (['events', '-f', '--since', '1', '--queue', 'default'],
                      b'submitted'), (['logs', '-f', job], b'word')]
        for words, first in followers:
            process = here.popen(*words)
            if first:
                holds(process.stdout.readline(), first)
            process.stdout.close()
            process.stdout = None
            same((words, process.wait(60)), (words, -signal.SIGPIPE))
            process.stderr.close()
        same(here.state(job), 'running')


def test_a_closed_stdout_is_not_what_is_opened_next():
    with Real() as here:
        os.mkfifo(here.folder + '/go')
        job = here.submit('--sh', 'read x <%s/go' % here.folder)
        process = here.popen('wait', '--json', job, stdout=None,
                             preexec_fn=lambda: os.close(1))
        here.until(lambda: here.state(job) == 'running')
        with open(here.folder + '/go', 'w') as go:
            go.write('x\n')
        same(process.wait(60), 125)
        holds(process.stderr.read(), b'stdout: Bad file descriptor')
        process.stderr.close()


if __name__ == '__main__':
    sys.exit(run_tests(sys.modules[__name__], sys.argv[4:]))
