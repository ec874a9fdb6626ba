#!/usr/bin/python3
"""reeve map, as somebody expects it who comes from GNU parallel or xargs.

    maps.py REEVE [TEST...]

covers: client/map_again client/map_args
"""
import json
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from tool import Place, finish, holds, interrupt, run_tests, same  # noqa: E402

TOOL = os.path.abspath(sys.argv[1])


def place(*flags, **how):
    here = Place(TOOL)
    here.start(*flags, **how)
    return here


def test_lists_are_combined_in_the_order_of_the_words():
    with place() as here:
        result = here.reeve('map', '-k', 'echo', '{1}-{2}', ':::', 'a', 'b',
                            ':::', '1', '2')
        same((result.code, result.out), (0, 'a-1\na-2\nb-1\nb-2\n'))
        result = here.reeve('map', '-k', 'echo', ':::', 'a', 'b', ':::+',
                            '1', '2', '3')
        same((result.code, result.out), (0, 'a 1\nb 2\n'))
        same(here.reeve('map', 'echo', ':::').code, 0)
        same(here.reeve('map', 'echo', '{1}', ':::', 'a', ':::').out, '')


def test_columns_of_lines():
    with place() as here:
        text = b'a,b c\nd,e,f\ng\n'
        result = here.reeve('map', '-k', '--colsep', ',', 'echo', '<{2}>',
                            '{1}', '{3}.', input=text)
        same(result.out, '<b c> a .\n<e> d f.\n<> g .\n')
        result = here.reeve('map', '-k', '--colsep', '\\t', '--sh',
                            'echo {2} {}', input=b"x\t'y z'\n")
        same(result.out, "'y z' x 'y z'\n")


def test_a_dry_run_prints_what_a_shell_would_read_and_asks_nobody():
    with Place(TOOL) as here:
        result = here.reeve('map', '--dry-run', 'cp', '{}', 'to/{/.}.bak',
                            ':::', 'a b/c.txt', "it's", '')
        same((result.code, result.err), (0, ''))
        same(result.out, "cp 'a b/c.txt' to/c.bak\n"
                         "cp 'it'\\''s' 'to/it'\\''s.bak'\n"
                         "cp '' to/.bak\n")
        again = subprocess.run(['sh', '-c', 'cp() { printf "%s|" "$@"; }\n' +
                                result.out], stdout=subprocess.PIPE)
        same(again.stdout.decode(),
             "a b/c.txt|to/c.bak|it's|to/it's.bak||to/.bak|")
        same(here.reeve('map', '--dry-run', '--sh', 'ls {} | wc', input=b'a b')
             .out, "ls 'a b' | wc\n")
        with open('/dev/full', 'w') as full:
            code = subprocess.run([TOOL, 'map', '--dry-run', 'x', ':::', 'a'],
                                  stdout=full, stderr=subprocess.DEVNULL,
                                  env=here.environment).returncode
        same(code, 1)


def test_a_share_of_failures_is_enough():
    with place() as here:
        items = [str(i) for i in range(200)]
        result = here.reeve('map', '-j1', '--max-fail', '5%', 'false', ':::',
                            *items)
        same(result.code, 1)
        holds(result.err, '10 failed: cancelling the rest')
        result = here.reeve('map', '-j2', '--max-fail', '50%', 'test', '{}',
                            '-lt', '150', ':::', *items)
        holds(result.err, '150 done, 50 failed')
        for wrong in ('0', '0%', '101%', 'x', '%', '-1', '1 %', ''):
            result = here.reeve('map', '--max-fail', wrong, 'true', ':::', 'a')
            same((wrong, result.code), (wrong, 2))
            holds(result.err, '--max-fail takes')


def test_what_failed_can_run_again():
    with place() as here:
        flag = os.path.join(here.folder, 'flag')
        result = here.reeve('map', '-k', '--sh', 'echo {}; test {} -lt 3 || '
                            'test -e %s' % flag, ':::', *'12345')
        same(result.code, 1)
        holds(result.err, '2 done, 3 failed', 'group 1')
        result = here.reeve('map', '--retry-failed', '1', '-k', '--json')
        same(result.code, 1)
        open(flag, 'w').close()
        result = here.reeve('map', '--retry-failed', '1', '-k', '-j2')
        same((result.code, result.out), (0, '3\n4\n5\n'))
        holds(result.err, '3 done, 0 failed', 'group 1')
        result = here.reeve('map', '--retry-failed', 'last')
        same((result.code, result.out), (0, ''))
        holds(result.err, '0 done')
        same(len(here.calls('OpenGroup')), 1)
        for wrong in (['true'], ['--sh', 'x'], ['--dry-run'], ['-a', 'f']):
            same(here.reeve('map', '--retry-failed', '1', *wrong).code, 2)


def test_the_last_group_is_that_of_the_newest_map():
    with place() as here:
        same(here.reeve('ls', 'group=last').code, 3)
        same(here.reeve('map', '--retry-failed', 'last').code, 3)
        for items in ('1', '2'), ('3', '4', '5'):
            here.reeve('map', '--no-output', 'false', ':::', *items)
        here.reeve('submit', '-w', 'true')
        same(here.reeve('ls', 'group=last', '-o', 'ids').out, '3\n4\n5\n')
        same(here.reeve('ls', '-a', 'not:group=last', '-o', 'ids').out,
             '1\n2\n6\n')
        same(here.reeve('retry', 'group=last', '--yes').out,
             '3 tried again\n')
        here.reeve('wait', 'group=last')
        holds(here.reeve('map', '--retry-failed', 'last').err,
              '3 failed', 'group 2')


def test_many_failures_run_again_in_pages():
    with place() as here:
        here.reeve('map', '--no-output', '--sh', 'exit 3',
                   input='\n'.join(map(str, range(60))).encode())
        result = here.reeve('map', '--retry-failed', '1', '-j7', '--json')
        lines = [json.loads(line) for line in result.out.splitlines()]
        same((len(lines), lines[-1]['failed']), (61, 60))
        pages = [call['limit'] for call in here.calls('List')]
        assert len(pages) >= 9 and max(pages) <= 7, pages


def test_json_is_a_line_for_each_end_and_one_for_all():
    with place() as here:
        result = here.reeve('map', '-k', '--json', 'sh', '-c', 'exit {}',
                            ':::', '0', '4')
        lines = [json.loads(line) for line in result.out.splitlines()]
        same(sorted((line['item'], line['job']['state'],
                     line['job']['exit_code']) for line in lines[:2]),
             [('0', 'succeeded', 0), ('4', 'failed', 4)])
        same((lines[2]['succeeded'], lines[2]['failed'], lines[2]['group']),
             (1, 1, 1))
        process = here.popen('map', '--json', '-j1', 'true', ':::',
                             *map(str, range(500)))
        process.stdout.readline()
        process.stdout.close()
        same(process.wait(60), 141)
        process.stderr.close()


def test_an_interrupt_cancels_what_is_left_and_says_so():
    with place() as here:
        process = here.popen('map', '-j4', 'sleep', '{}', ':::', '60', '60',
                             '60', '60', '60', '60')
        here.until(lambda: here.call('Count')['counts'].get('running') == 4)
        interrupt(process)
        result = finish(process)
        same(result.code, 130)
        holds(result.err, 'cancelling what is left', '4 cancelled')
        same(here.call('Count')['total'], 4)


def test_wrong_uses_say_what_to_do():
    with Place(TOOL) as here:
        for args, word in (
                ([':::', 'a'], 'there is no command to run'),
                ([], 'Like: reeve map'),
                (['--colsep', ',', 'true', ':::', 'a'], 'excludes'),
                (['--colsep', '', 'true'], 'not empty'),
                (['-a', '/nowhere', 'true'], 'cannot open /nowhere'),
                (['--colsp', ',', 'true'], 'Did you mean --colsep?'),
                (['true'] + [':::', 'a'] * 40, 'at most 32 lists'),
                (['true'] + ([':::'] + ['a'] * 200) * 9, 'combinations'),
                (['--key', 'k', 'true', ':::', 'a'], 'map makes many'),
                (['-j0', 'true', ':::', 'a'], 'as many run as there are'),
                (['-j50%', 'true', ':::', 'a'], 'share of the processors'),
                (['echo', '::::', 'f'], 'reeve map -a FILE'),
                (['--handler', 'h', 'a={}', '::::', 'f'], '-a FILE'),
                (['-a', 'f', '-a', 'g', 'echo'], '--lines takes one file'),
                (['echo', '{3}', ':::', 'a', ':::', 'b'], 'only 2 lists'),
                (['--sh', 'echo {3.}', ':::', 'a', ':::', 'b'], 'is {3}'),
                (['--handler', 'h', 'a={3}', ':::', 'a', ':::', 'b'], '{3}'),
                (['--retry-failed', 'group'], 'or last')):
            result = here.reeve('map', *args)
            assert result.code in (1, 2), result
            holds(result.err, word)
        holds(here.on_terminal('map', 'true'), 'stdin is a terminal')


if __name__ == '__main__':
    sys.exit(run_tests(sys.modules[__name__], sys.argv[2:]))
