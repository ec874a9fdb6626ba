#!/usr/bin/python3
"""What somebody meets who begins with it, with the real daemon: none that runs,
words of other tools, a daemon that is started anew.

    fresh.py REEVE REEVED [TEST...]
"""
# covers: client/cmd_daemon client/cmd_status client/relay client/map_args
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from tool import RealPlace, holds, run_tests, same  # noqa: E402

TOOL, REEVED = map(os.path.abspath, sys.argv[1:3])


def place():
    return RealPlace(TOOL, REEVED)


def test_without_a_daemon_the_status_says_what_starts_one():
    with place() as here:
        for words in ((), ('status',)):
            result = here.reeve(*words)
            same((result.code, result.out), (120, ''))
            holds(result.err, 'nobody listens at', 'reeve submit make',
                  'reeve daemon start', 'reeve help')
        error = here.reeve('--json').json()['error']
        same(error['code'], 'unreachable')
        holds(error['hint'], 'reeve submit')
        result = here.reeve(REEVE_AUTOSTART='0')
        same(result.code, 120)
        assert 'reeve submit' not in result.err, result
        holds(here.reeve('daemon', 'stop').err, 'nothing to stop')


def test_letters_of_other_tools_are_explained():
    with place() as here:
        result = here.reeve('-V')
        same(result.code, 2)
        holds(result.err, 'reeve --version')


def test_a_restart_leaves_the_running_jobs_alone():
    with place() as here:
        pid = here.reeve('daemon', 'restart', '--json').json()['pid']
        job = here.reeve('submit', '--sh', 'sleep 60 & wait; exit 9').out
        here.until(lambda: here.reeve('ls', 'running', '-o', 'ids').out == job)
        worker = here.reeve('show', 'last', '--json').json()['job']
        again = here.reeve('daemon', 'restart', '--json')
        assert again.json()['pid'] != pid, again
        here.until(lambda: here.reeve('show', 'last', '--json').json()['job']
                   ['state'] == 'running')
        same(here.reeve('show', 'last', '--json').json()['job']['worker_pid'],
             worker['worker_pid'])
        same(here.reeve('daemon', 'restart', '--kill').code, 0)
        here.reeve('wait', 'last', '--timeout', '60s')
        for words, code in ((['--drain', '--kill'], 2), (['now'], 2)):
            same((words, here.reeve('daemon', 'restart', *words).code),
                 (words, code))
        same(here.reeve('--socket', '/x', 'daemon', 'restart').code, 2)
        holds(here.reeve('daemon', 'upgrade').err, 'reeve daemon restart')


def test_whose_reason_a_cancel_had_is_told_as_one():
    with place() as here:
        for flags, words in ((['--reason', 'obsolete'],
                              'job 1 was cancelled: obsolete (see'),
                             ([], 'job 2 was cancelled')):
            job = here.reeve('submit', '--hold', 'true').out.strip()
            here.reeve('cancel', *flags, job)
            result = here.reeve('wait', job)
            same(result.code, 121)
            holds(result.err, words)
            assert 'cancelled: was' not in result.err, result


def test_who_waits_for_a_drain_is_told_what_it_is():
    with place() as here:
        here.reeve('submit', '-w', 'true')
        seen = here.on_terminal('daemon', 'stop', '--drain', columns=120)
        holds(seen, 'running jobs end first', 'stopped')


def test_lines_of_a_map_may_begin_with_their_item():
    with place() as here:
        lines = 'echo {}; echo e >&2; printf "x\\ny"'
        result = here.reeve('map', '-k', '--prefix', '--quiet', '--sh', lines,
                            ':::', 'a', 'b c')
        same(result.out, 'a\ta\na\tx\na\ty\nb c\tb c\nb c\tx\nb c\ty\n')
        same(result.err, 'a\te\nb c\te\n')
        same(here.reeve('map', '--quiet', 'printf', ':::', 'a').out, 'a')
        result = here.reeve('map', '--tag', 'echo', ':::', 'a')
        same(result.code, 2)
        holds(result.err, "not 'echo'", '--prefix')


if __name__ == '__main__':
    sys.exit(run_tests(sys.modules[__name__], sys.argv[3:]))
