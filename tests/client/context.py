#!/usr/bin/python3
"""Where a job runs, as the flags of submit say it, against a fake daemon.

    context.py REEVE [TEST...]

covers: client/place_args client/context client/spec
"""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from tool import Place, holds, run_tests, same  # noqa: E402

TOOL = os.path.abspath(sys.argv[1])


def place():
    here = Place(TOOL)
    here.start()
    return here


def context(here, *args, **env):
    result = here.reeve('submit', '--hold', *args, 'true', **env)
    assert result.code == 0, result
    return here.calls('Submit')[-1]['job']['context']


def test_umask_nice_and_limits_are_sent_as_numbers():
    with place() as here:
        found = context(here, '--umask', '0027', '--nice', '-5',
                        '--limit', 'nofile=64', '--limit', 'as=1.5G',
                        '--limit', 'cpu=1m500ms', '--limit', 'core=unlimited',
                        '--limit', 'nofile=1024')
        same((found['umask'], found['nice']), (0o27, -5))
        same(found['limits'], {'nofile': 1024, 'as': 3 << 29, 'cpu': 61,
                               'core': -1})
        plain = context(here)
        same(('limits' in plain, 'nice' in plain), (False, False))
        assert 0 <= plain['umask'] <= 0o777


def test_a_job_can_be_forgotten_at_once():
    with place() as here:
        for text, keep in (('0', 0), ('90s', 90000)):
            here.reeve('submit', '--keep', text, 'true')
            same(here.calls('Submit')[-1]['job']['keep_ms'], keep)
        here.reeve('submit', 'true')
        same('keep_ms' in here.calls('Submit')[-1]['job'], False)
        same(here.reeve('submit', '--keep', 'x', 'true').code, 2)


def test_variables_are_captured_listed_or_set():
    with place() as here:
        found = context(here, '-e', 'A=1', A='0', B='2')
        same((found['env']['A'], found['env']['B'], found['env_mode']),
             ('1', '2', 'captured'))
        found = context(here, '--clean-env', '-e', 'B', '-e', 'C=x=y', B='2')
        same((found['env'], found['env_mode']),
             ({'B': '2', 'C': 'x=y'}, 'clean'))
        result = here.reeve('submit', '-e', 'NOT_SET', 'true')
        same(result.code, 0)
        holds(result.err, 'NOT_SET is not set here')


def test_what_is_wrong_is_told_with_what_would_be_right():
    with place() as here:
        for flags, words in (
                (['--umask', '8'], ['octal digits', '--umask 027']),
                (['--umask', ''], ['octal digits']),
                (['--umask', '1777'], ['octal digits']),
                (['--nice', '20'], ['from -20 to 19']),
                (['--nice', '-21'], ['from -20']),
                (['--limit', 'nofile'], ['Like: --limit nofile=1024']),
                (['--limit', '=5'], ['Like: --limit nofile=1024']),
                (['--limit', 'nofiles=5'], ["no limit 'nofiles'",
                                            'Did you mean nofile?']),
                (['--limit', 'nofile=1K'], ['Write a number']),
                (['--limit', 'as=lots'], ['512M']),
                (['--limit', 'cpu=-5'], ['10m'])):
            result = here.reeve('submit', *flags, 'true')
            same((flags, result.code), (flags, 2))
            holds(result.err, *words)
            same(here.reeve('run', *flags, 'true').code, 125)
        same(here.calls('Submit'), [])


if __name__ == '__main__':
    sys.exit(run_tests(sys.modules[__name__], sys.argv[2:]))
