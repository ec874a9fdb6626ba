#!/usr/bin/python3
"""Many calls at once: reeve map --handler, and the pool of libreeve behind it.

    pooled.py REEVE EXAMPLE_POOL [TEST...]

covers: client/map_call client/pool client/pool_wire client/example_pool
"""
import json
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from tool import Place, finish, holds, interrupt, run_tests, same  # noqa: E402

TOOL, EXAMPLE = map(os.path.abspath, sys.argv[1:3])


def place(*flags, **how):
    here = Place(TOOL)
    here.start(*flags, **how)
    return here


def lines(numbers):
    return ''.join('%s\n' % number for number in numbers).encode()


def args_of(here):
    return [job.get('args') for call in here.calls('SubmitMany')
            for job in call['jobs']]


def test_an_item_is_the_argument():
    with place() as here:
        result = here.reeve('map', '-k', '--handler', 'echo', ':::', 'a', 'b')
        same((result.code, result.out),
             (0, '{"args": ["a"]}\n{"args": ["b"]}\n'))
        holds(result.err, '2 done, 0 failed')
        here.reeve('map', '-k', '--handler', 'echo', ':::', 'a', ':::', '1',
                   '2')
        same(args_of(here)[2:], [{'args': ['a', '1']}, {'args': ['a', '2']}])
        here.reeve('map', '--handler', 'echo', '-0', input=b'x\ny\0z')
        same(args_of(here)[4:], [{'args': ['x\ny']}, {'args': ['z']}])
        call = here.calls('SubmitMany')[0]
        same(call['defaults'], {'handler': 'echo', 'group': 1})
        assert call['jobs'][0]['key']


def test_or_goes_where_it_is_named():
    with place() as here:
        result = here.reeve('map', '-k', '--handler', 'echo', 'p={}', 'n:={2}',
                            'o={1.}', 'c=5', ':::', 'a.png', ':::', '1', '2')
        same([json.loads(line) for line in result.out.splitlines()],
             [{'p': 'a.png 1', 'n': 1, 'o': 'a', 'c': '5'},
              {'p': 'a.png 2', 'n': 2, 'o': 'a', 'c': '5'}])
        result = here.reeve('map', '--handler', 'echo', '--args', 'p={}',
                            '--dry-run', ':::', 'x')
        same((result.code, result.out), (0, '{"p":"x"}\n'))
        result = here.reeve('map', '--handler', 'echo', 'n:={}', ':::', 'x')
        same(result.code, 1)
        holds(result.err, 'x: makes no JSON of n:')


def test_lines_of_json_are_the_arguments():
    with place() as here:
        result = here.reeve(
            'map', '-k', '--handler', 'square', '--json-lines',
            input=b'3\n[4]\n{"args":[5]}\n"x"\nnope\n')
        same((result.code, result.out), (1, '9\n16\n25\n'))
        holds(result.err, '3 done, 2 failed', 'nope: is not JSON',
              "raised TypeError: square of 'x'")


def test_results_come_in_order_or_as_they_end():
    with place() as here:
        items = ['1.6', '0', '0.8']
        result = here.reeve('map', '-k', '--handler', 'long', '--json',
                            'seconds:={}', ':::', *items)
        told = [json.loads(line) for line in result.out.splitlines()]
        same([line['item'] for line in told[:3]], items)
        result = here.reeve('map', '--handler', 'long', '--json',
                            'seconds:={}', ':::', *items)
        told = [json.loads(line) for line in result.out.splitlines()]
        same([line['item'] for line in told[:3]], ['0', '0.8', '1.6'])
        same((told[3]['succeeded'], told[3]['failed']), (3, 0))


def test_many_go_in_batches_and_few_are_kept():
    with place() as here:
        result = here.reeve('map', '-k', '--handler', 'square',
                            '--json-lines', input=lines(range(5000)))
        same(result.out.split(), [str(i * i) for i in range(5000)])
        calls = here.calls('SubmitMany')
        assert len(calls) < 500, len(calls)
        assert max(len(call['jobs']) for call in calls) <= 1000
        same(here.call('Count')['total'], 5000)


def test_not_more_than_so_many_at_a_time():
    with place() as here:
        process = here.popen('map', '--handler', 'long', '-j3', ':::',
                             *'123456')
        here.until(lambda: here.call('Count')['counts'].get('running') == 3)
        interrupt(process)
        result = finish(process)
        same(result.code, 130)
        holds(result.err, '3 cancelled')
        same(here.call('Count')['total'], 3)


def test_enough_failures_cancel_the_rest():
    with place() as here:
        result = here.reeve('map', '--handler', 'broken', '--max-fail', '3',
                            '-j2', ':::', *map(str, range(50)))
        same(result.code, 1)
        holds(result.err, '3 failed: cancelling the rest')
        assert here.call('Count')['total'] < 10
        result = here.reeve('map', '--retry-failed', '1')
        same(result.code, 1)
        result = here.reeve('map', '--handler', 'square', '--json-lines',
                            '-j1', '--max-fail', '1', input=b'2\n"x"\n3\n4\n')
        same(result.out, '4\n')


def test_what_failed_can_run_again_and_tells_its_result():
    with place() as here:
        process = here.popen('map', '--handler', 'long', '-j2', 'seconds:={}',
                             ':::', '2', '2')
        here.until(lambda: here.call('Count')['counts'].get('running') == 2)
        here.reeve('cancel', '1,2')
        same(finish(process).code, 1)
        result = here.reeve('map', '-k', '--retry-failed', '1')
        same((result.code, result.out), (0, '"slept"\n"slept"\n'))


def test_a_name_that_nobody_serves_is_told_once():
    with place() as here:
        result = here.reeve('map', '--handler', 'sqare', ':::', 'a', 'b')
        same(result.code, 3)
        holds(result.err, "no handler 'sqare'", 'Did you mean square?')
        same(here.calls('SubmitMany'), [])


def test_wrong_uses_say_what_to_do():
    with Place(TOOL) as here:
        for args, word in (
                (['x=1', ':::', 'a'], 'where does the item go?'),
                (['x', ':::', 'a'], 'neither NAME=TEXT'),
                (['{"a":1}', ':::', 'a'], 'neither NAME=TEXT'),
                (['--json-lines', 'x={}', ':::', 'a'], 'all of the arguments'),
                (['--key', 'k', ':::', 'a'], 'key of its own'),
                (['--sh', 'x', ':::', 'a'], '--sh is for commands'),
                (['--args-file', 'f', ':::', 'a'], 'for one call'),
                (['--max-fail', '0', ':::', 'a'], '--max-fail takes')):
            result = here.reeve('map', '--handler', 'echo', *args)
            same((args, result.code), (args, 2))
            holds(result.err, word)


def test_a_reader_that_goes_stops_it():
    with place() as here:
        process = here.popen('map', '--handler', 'square', '--json-lines',
                             '-j50', stdin=subprocess.PIPE)
        process.stdin.write(lines(range(3000)))
        process.stdin.close()
        process.stdin = None
        process.stdout.read(1)
        process.stdout.close()
        process.stdout = None
        same(process.wait(60), 141)
        process.stderr.close()


def test_the_example_of_the_library_runs():
    with place() as here:
        done = subprocess.run([EXAMPLE, '3000'], env=here.environment,
                              stdout=subprocess.PIPE, timeout=60)
        same((done.returncode, done.stdout.decode()), (0, (
            '12 squared is 144\n'
            '{"args":[1]}: 1\n{"args":[2]}: 4\n'
            '{"args":["x"]}: square of \'x\'\n{"args":[3]}: 9\n'
            '2999 results, their sum is 9004500451\n'
            "1 errors, the first: TypeError: square of '7'\n")))


def test_nothing_is_lost_and_nothing_runs_twice_when_connections_break():
    for cut in (3, 4, 5, 7):
        with place('--cut', str(cut)) as here:
            result = here.reeve('map', '-k', '--handler', 'square',
                                '--json-lines', input=lines(range(2500)))
            same((cut, result.code), (cut, 0))
            same(result.out.split(), [str(i * i) for i in range(2500)])
            same(here.call('Count')['total'], 2500)


def test_a_daemon_that_stays_away_is_an_error():
    with place() as here:
        process = here.popen('map', '--handler', 'long', ':::', 'a', 'b')
        here.until(lambda: here.call('Count')['counts'].get('running') == 2)
        here.stop()
        result = finish(process)
        same(result.code, 120)


def test_an_item_that_cannot_be_sent_fails_alone():
    deep = '[' * 60 + ']' * 60
    with place() as here:
        result = here.reeve('map', '-k', '--handler', 'echo', '--json-lines',
                            input='\n'.join(['1', deep, '2', '3']).encode())
        same((result.code, result.out),
             (1, ''.join('{"args": [%d]}\n' % n for n in (1, 2, 3))))
        holds(result.err, '3 done, 1 failed', 'nested deeper than 56 levels')


def test_what_the_daemon_refuses_is_a_failure_of_each():
    with place() as here:
        result = here.reeve('map', '--handler', 'echo', '-q', 'full', ':::',
                            'a', 'b')
        same(result.code, 1)
        holds(result.err, '0 done, 2 failed', "a: queue 'full' is full")
    for answer in ('{"parameters":{"ids":[1,2]}}\0', '{"parameters":{}}\0',
                   '{"parameters":{"ids":["x"]}}\0', 'x\0'):
        with place(script={'SubmitMany': [answer]}) as here:
            result = here.reeve('map', '--handler', 'echo', ':::', 'a', 'b')
            same((answer, result.code), (answer, 125))


def test_without_output():
    with place() as here:
        here.reeve('map', '--handler', 'nothing', '--no-output',
                   input=lines(range(20000)))
        same(here.call('Count')['counts'], {'succeeded': 20000})


if __name__ == '__main__':
    sys.exit(run_tests(sys.modules[__name__], sys.argv[3:]))
