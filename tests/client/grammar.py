#!/usr/bin/python3
"""One grammar for jobs in every command, against a fake daemon.

    grammar.py REEVE [TEST...]

covers: client/selector_match client/selector_find client/topics
"""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from tool import Place, holds, run_tests, same  # noqa: E402

TOOL = os.path.abspath(sys.argv[1])


def place(*flags):
    here = Place(TOOL)
    here.start(*flags)
    return here


def fill(here):
    """1 done, 2 failed, 3 failed in mail, 4 and 5 held, 5 in mail."""
    here.reeve('submit', '-w', 'true')
    here.reeve('submit', '-w', 'false')
    here.reeve('submit', '-w', '-q', 'mail', '-n', 'three', '-t', 'a=b',
               'false')
    here.reeve('submit', '--hold', 'true')
    here.reeve('submit', '--hold', '-q', 'mail', 'true')


def ids(here, *words, **how):
    result = here.reeve('ls', '-o', 'ids', *words, **how)
    assert result.code == 0, result
    return [int(word) for word in result.out.split()]


def test_every_word_of_the_grammar_is_understood_by_ls():
    with place() as here:
        fill(here)
        for words, found in ((['@failed'], [2, 3]), (['@last'], [5]),
                             (['last'], [5]), (['1-5:2'], [1, 3, 5]),
                             (['1-2,5'], [1, 2, 5]), (['name=three'], [3]),
                             (['not:failed'], [1, 4, 5]),
                             (['not:queue=mail'], [1, 2, 4]),
                             (['failed', 'not:queue=mail'], [2]),
                             (['not:1-3', 'not:5'], [4]),
                             (['not:tag:a=b'], [1, 2, 4, 5]),
                             (['longer=1h'], []), (['@running'], [])):
            same((words, ids(here, *words)), (words, found))
        same(ids(here, '-', input=b'2\tfailed ' + b'9' * 500 + b'\n\n 4,5\n'),
             [2])
        same(ids(here, '-', input=b'2 x\n4-5\n'), [2, 4, 5])


def test_which_jobs_it_would_be_is_told():
    with place() as here:
        for i in range(7):
            here.reeve('submit', '--hold', '-n', 'n%d' % i, 'true')
        result = here.reeve('cancel', 'held', '--dry-run')
        same(result.out, '7 would be cancelled\n')
        same(len(result.err.splitlines()), 6)
        holds(result.err, 'held: n', '  and 2 more\n')
        same(here.reeve('cancel', '3', '--dry-run').err, '  3 held: n2\n')
        same(here.reeve('cancel', 'held', '--dry-run', '--quiet').err, '')
        seen = here.on_terminal('cancel', 'held', '--dry-run')
        holds(seen, 'n0', '7 would be cancelled')


def test_what_is_left_out_is_never_steered():
    with place() as here:
        fill(here)
        result = here.reeve('cancel', 'held', 'not:queue=mail', '--dry-run')
        same(result.out, '1 would be cancelled\n')
        same(here.reeve('cancel', 'held', 'not:queue=mail').code, 2)
        same(here.reeve('cancel', 'held', 'not:queue=mail', '-y').out,
             '1 cancelled\n')
        # As far as they still are what they were: no other is touched.
        same(here.calls('Cancel')[-1]['filter'],
             {'ids': [4], 'states': ['held']})
        same(here.reeve('edit', 'not:queue=default', '-p', '5', '--yes').out,
             '1 changed\n')
        same(here.reeve('hold', 'queue=nowhere', 'not:1', '--yes').out,
             '0 held\n')


def test_many_are_steered_in_parts():
    with place('--ended', '20500') as here:
        same(here.reeve('cancel', 'not:queue=mail', '--yes').out,
             '0 cancelled\n')
        same([len(call['filter']['ids']) for call in here.calls('Cancel')],
             [10000, 10000, 500])


def test_show_logs_wait_and_explain_take_the_same_words():
    with place() as here:
        fill(here)
        same(here.reeve('show', 'failed', 'not:queue=mail',
                        '--json').json()['job']['id'], 2)
        same(here.reeve('logs', 'failed').code, 0)
        same(len(here.calls('Output')), 2)
        same(here.reeve('wait', 'ended', 'not:failed').code, 0)
        same(here.reeve('wait', 'failed', 'not:name=three').code, 1)
        for command in ('show', 'logs', 'wait', 'explain', 'cancel', 'edit',
                        'hold', 'release', 'retry', 'rm'):
            result = here.reeve(command, 'not:fialed')
            assert result.code in (2, 125), result
            holds(result.err, 'Did you mean failed?')


def test_wrong_uses_get_a_hint():
    with place() as here:
        for words, said in (
                (['worker', 'x'], 'Like: reeve worker ls'),
                (['pool', 'ls', 'x'], "'x' is one word too many"),
                (['daemon'], 'Like: reeve daemon status'),
                (['daemon', 'strat'], 'Did you mean: reeve daemon start?'),
                (['ls', '--limit', 'x'], 'See --help'),
                (['ls', '--color', 'x'], 'Like: --color never'),
                (['ls', 'user=no-such-user'], 'A name or a number'),
                (['ls', 'exit=x'], 'reeve help filters'),
                (['wait', '1', '--exit', 'x'], '--exit none'),
                (['submit', '--durability', 'x', 'true'],
                 'Like: --durability memory'),
                (['submit', '--durability', 'memory', '--once', 'true'],
                 'Leave one of them out'),
                (['submit', '--on-conflict', 'x', '--key', 'k', 'true'],
                 'Like: --on-conflict replace'),
                (['submit', '--stdin-file', '/nowhere/x', 'true'],
                 'Check the spelling and the rights'),
                (['map', '--key', 'k', 'true', ':::', 'a'],
                 'Leave it out')):
            result = here.reeve(*words)
            assert result.code in (1, 2, 125), (words, result)
            holds(result.err, said)
            same(result.err.count('\n'), 1)
        result = here.reeve('map', 'true', input=b'caf\xe9\x01\n')
        holds(result.err, r'caf\xe9\x01: is not UTF-8 text')


def test_help_has_its_topics():
    with Place(TOOL) as here:
        overview = here.reeve('help').out
        for topic, word in (
                ('times', 'tomorrow 9:00'), ('sizes', '65536'),
                ('selectors', '40-60:2'), ('filters', 'not:queue=mail'),
                ('exit', '128+n'), ('exit-codes', '128+n'),
                ('protocol', 'reeve-protocol(7)'),
                ('retry', '--retry-exit 75,100-111'),
                ('habits', 'reeve map -j4 gzip'),
                ('environment', 'REEVE_SOCKET')):
            result = here.reeve('help', topic)
            same((topic, result.code), (topic, 0))
            holds(result.out, word)
            assert topic in overview or topic == 'exit-codes', topic
            for line in result.out.splitlines():
                assert len(line) <= 100, line
        # A command and a topic: both.
        holds(here.reeve('help', 'retry').out, 'reeve retry [FLAG]')
        holds(here.reeve('help', 'tiems').err, 'Did you mean times?')


if __name__ == '__main__':
    sys.exit(run_tests(sys.modules[__name__], sys.argv[2:]))
