#!/usr/bin/python3
"""Listings on terminals of two sizes, in pipes, and in every format.

    tables.py REEVE [TEST...]

covers: client/table
"""
import csv
import io
import json
import os
import pathlib
import re
import sys
import unicodedata

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from tool import Place, holds, run_tests, same  # noqa: E402

TOOL = os.path.abspath(sys.argv[1])


def place(*flags, **how):
    here = Place(TOOL)
    here.start(*flags, **how)
    return here


def plain(text):
    return re.sub('\x1b\\[[0-9;]*m', '', text)


def columns_of(line):
    return sum(0 if unicodedata.category(c) in ('Mn', 'Me') else
               2 if unicodedata.east_asian_width(c) in 'WF' else 1
               for c in line)


def with_jobs():
    here = place()
    for name, command in (('b', 'true'), ('a', 'false'),
                          ('say "x, y"', 'true')):
        here.reeve('submit', '-w', '-n', name, '-q', 'q' + name[0], command)
    return here


def test_every_format_of_a_listing():
    with with_jobs() as here:
        same(here.reeve('ls', '-o', 'ids').out, '1\n2\n3\n')
        same(here.reeve('worker', 'ls', '-o', 'ids').out, '10\n11\n')
        same(here.reeve('pool', 'ls', '-o', 'ids').out, 'exec\nimg\nsick\n')
        lines = here.reeve('ls', '-o', 'ndjson').out.splitlines()
        same([json.loads(line)['id'] for line in lines], [1, 2, 3])
        whole = here.reeve('ls', '-o', 'json').json()
        same((whole, whole['more']), (here.reeve('ls', '--json').json(), False))
        rows = list(csv.reader(io.StringIO(here.reeve('ls', '-o', 'csv').out,
                                           newline='')))
        same((rows[0][:4], rows[3][3]),
             (['ID', 'STATE', 'QUEUE', 'NAME'], 'say "x, y"'))
        same(here.reeve('ls', '-o', 'tsv').out, here.reeve('ls').out)
        table = here.reeve('ls', '-o', 'table')
        holds(table.out, 'ID', '\u2713 done', '1 failed; 2 done')
        assert '\x1b' not in table.out
        holds(here.reeve('ls', '-o', 'wide').out, 'CREATED', 'COMMAND')
        holds(here.reeve('worker', 'ls', '-o', 'table').out,
              '2 workers, 1 busy')
        same(here.reeve('ls', '-o', 'ndjson', 'queue=none').out, '')


def test_columns_sort_and_limit():
    with with_jobs() as here:
        same(here.reeve('ls', '--columns', 'name,ID', '--sort', 'name').out,
             'a\t2\nb\t1\nsay "x, y"\t3\n')
        same(here.reeve('ls', '--columns', 'id', '--sort', '-id').out,
             '3\n2\n1\n')
        same(here.reeve('ls', '-o', 'ids', '--limit', '2').out, '2\n3\n')
        for number in range(9):
            here.reeve('submit', '-p', str(number * 5), '--hold', 'true')
        same(here.reeve('ls', 'held', '--columns', 'priority', '--sort',
                        'priority').out.split(),
             ['0', '5', '10', '15', '20', '25', '30', '35', '40'])
        ended = here.reeve('ls', '2', '--columns', 'ended,exit,cause').out
        assert re.fullmatch('\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ\t1\texit\n',
                            ended), ended


def test_wrong_words_name_the_right_ones():
    with with_jobs() as here:
        for args, word in ((['-o', 'jsn'], 'Did you mean -o json?'),
                           (['-o', 'what'], 'ndjson tsv csv ids'),
                           (['--columns', 'nam'], 'There are: id state'),
                           (['--columns', ''], "no column ''"),
                           (['--columns', 'id,,name'], "no column ''"),
                           (['--sort', 'size'], "no column 'size'"),
                           (['--limit', '0'], 'from 1 on'),
                           (['--json', '-o', 'csv'], 'exclude each other')):
            result = here.reeve('ls', *args)
            same((args, result.code), (args, 2))
            holds(result.err + result.out, word)
        # Told before anything is asked.
        assert not here.calls('Workers')
        same(here.reeve('worker', 'ls', '--sort', 'x').code, 2)
        assert not here.calls('Workers')


def test_wide_and_combining_characters_keep_the_columns_straight():
    with place() as here:
        names = ['\u65e5\u672c\u8a9e' * 12, 'e\u0301' * 40, 'plain' * 12,
                 '\u0e01\u0e34' * 30, '\U0001f600' * 30]
        for name in names:
            here.reeve('submit', '-w', '-n', name, 'true')
        for columns in (40, 80, 200):
            lines = plain(here.on_terminal('ls', columns=columns)).splitlines()
            same(len(lines), len(names) + 2)
            for line in lines:
                assert columns_of(line) <= columns, (columns, line)
            ends = {columns_of(line[:re.search('\\d+(\\.\\d)?m?s', line).end()])
                    for line in lines[1:-1]}
            same(len(ends), 1)


def test_names_cannot_steer_the_terminal():
    with place() as here:
        here.reeve('submit', '-w', '-q', 'default', '-n',
                   'x\x1b[2J\x1b]0;owned\x07\u009b31m\r\n\u202eend', 'true')
        for args in (['ls'], ['ls', '-o', 'wide'], ['status'], ['show', '1']):
            seen = plain(here.on_terminal(*args, columns=200))
            for bad in ('\x1b', '\x07', '\u009b', '\u202e'):
                assert bad not in seen, (args, bad, seen)
            assert '\r' not in seen, seen


def test_colours_and_letters_are_asked_of_the_environment():
    with with_jobs() as here:
        holds(here.on_terminal('ls'), '\x1b[31m', '\u2717 failed')
        for args, env in ((['ls'], {'NO_COLOR': '1'}),
                          (['ls', '--color', 'never'], {}),
                          (['ls'], {'TERM': 'dumb'})):
            assert '\x1b' not in here.on_terminal(*args, **env), (args, env)
        for args, env in ((['ls', '-o', 'table'], {'CLICOLOR_FORCE': '1'}),
                          (['ls', '-o', 'table', '--color', 'always'], {})):
            holds(here.reeve(*args, **env).out, '\x1b[31m')
        assert here.on_terminal('ls', LC_ALL='C', NO_COLOR='1').isascii()


def test_the_status_fits_one_screen():
    with place('--ended', '30') as here:
        for _ in range(8):
            here.reeve('submit', '-w', 'false')
            here.reeve('submit', 'sleep', '30')
        for columns in (80, 200):
            lines = plain(here.on_terminal(columns=columns)).splitlines()
            assert len(lines) <= 23, lines
            assert max(map(columns_of, lines)) <= columns, lines
            holds(lines[0], 'reeved')
            holds('\n'.join(lines), '8 running', 'failed')


def test_the_status_tells_of_queues_and_of_paused_ones_first():
    with Place(TOOL) as here:
        here.start()
        here.reeve('submit', '-q', 'idle', '-w', 'true')
        here.reeve('submit', '-q', 'alpha', '--hold', 'true')
        here.reeve('submit', '-q', 'zeta', '--hold', 'true')
        here.reeve('queue', 'pause', 'zeta')
        for args in ([], ['status']):
            lines = here.reeve(*args).out.splitlines()
            at = [line.split()[0] for line in lines if line].index('queues')
            same([line.strip() for line in lines[at:at + 2]],
                 ['queues    zeta: paused, 0 running, 1 waiting',
                  'alpha: 0 running, 1 waiting'])
            assert not any('idle:' in line for line in lines), lines
        for number in range(9):
            here.reeve('submit', '-q', 'q%d' % number, '--hold', 'true')
        holds(here.reeve().out, 'and 7 more: reeve queue ls')


def test_a_long_name_of_a_queue_is_cut_and_the_sum_ends_between_words():
    with Place(TOOL) as here:
        here.start()
        here.reeve('submit', '-q', 'q' * 200, '-w', 'true')
        here.reeve('submit', '-q', 'mail', '-w', 'false')
        here.reeve('submit', '--hold', 'true')
        here.reeve('cancel', here.reeve('submit', '--hold', 'true').out.strip())
        for columns in (80, 40):
            lines = here.on_terminal('ls', columns=columns,
                                     NO_COLOR='1').splitlines()
            assert all(len(line) <= columns for line in lines), lines
            if columns == 80:
                holds(lines[0], 'QUEUE')
                holds('\n'.join(lines), 'mail', 'qqq\u2026')
        said = here.on_terminal('ls', 'name=true', columns=40,
                                NO_COLOR='1').splitlines()
        same(' '.join(said[-2:]).count('not all are shown (-a)'), 1)
        same([line.strip(' ') for line in said], said)


def test_follow_is_a_word_for_logs_that_go_on():
    with Place(TOOL) as here:
        here.start()
        here.reeve('submit', '--sh', 'echo one; sleep 0.3; echo two')
        same(here.reeve('follow', '1').out, 'one\ntwo\n')
        holds(here.reeve('follow', '--help').out, 'logs -f', '--stderr')
        same(here.reeve('follow').code, 2)


def test_no_terminal_is_too_narrow_and_a_note_stays_beside_a_long_name():
    with place() as here:
        here.reeve('submit', '-w', '-n', 'n' * 300, 'false')
        here.reeve('submit', '-w', 'true')
        for columns in (20, 23, 26, 30, 40, 79, 200):
            lines = here.on_terminal('ls', '--color', 'never', '--quiet',
                                     columns=columns).splitlines()
            same(len(lines), 3)
            assert max(map(len, lines)) <= columns, (columns, lines)
        holds(lines[1], 'exited with code 1', 'n' * 60 + '\u2026')


if __name__ == '__main__':
    sys.exit(run_tests(sys.modules[__name__], sys.argv[2:]))
