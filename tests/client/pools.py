#!/usr/bin/python3
"""Pools and their workers: listed, sized, renewed, stopped.

    pools.py REEVE [TEST...]

covers: client/cmd_pool client/staff_list
"""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from tool import Place, holds, run_tests, same  # noqa: E402

TOOL = os.path.abspath(sys.argv[1])


def place(*flags, **how):
    here = Place(TOOL)
    here.start(*flags, **how)
    return here


def test_a_table_of_pools():
    with place() as here:
        lines = here.reeve('pool', 'ls').out.splitlines()
        same(lines[0], 'exec\trunning\t2/2\t0\t0\tcommand\texec\t')
        same(lines[2], "sick\tdegraded\t0/2\t0\t0\tplugin\till\tpreload "
                       "failed: KeyError: 'x'")
        same(here.reeve('pool', '--columns', 'pool,min,wanted').out,
             'exec\t2\t2\nimg\t1\t3\nsick\t0\t1\n')
        same(here.reeve('pool', 'ls', '--sort', '-waiting', '-o', 'ids')
             .out.split()[0], 'img')
        holds(here.reeve('pool', 'ls', '-o', 'table').out,
              '5 workers, 1 busy')


def test_one_pool_with_its_workers():
    with place() as here:
        holds(here.reeve('pool', 'show', 'img').out, 'pool img',
              '3 serve, 1 busy; 3 wanted of 1..8', 'waiting    4 jobs',
              'img/0', 'pid 11', 'busy with job 9, 2 behind it; 7 done')
        holds(here.reeve('pool', 'show', 'sick').out,
              "degraded: preload failed: KeyError: 'x'")
        reply = here.reeve('pool', 'show', 'img', '--json').json()
        same((reply['pool']['name'], [w['pid'] for w in reply['workers']]),
             ('img', [11]))
        same(here.reeve('pool', 'show', 'sick', '--json').json()['workers'],
             [])


def test_sizes_are_written_as_in_the_configuration():
    with place() as here:
        for size, sent in (('4', {'min': 4, 'max': 4}),
                           ('2..8', {'min': 2, 'max': 8}),
                           ('0..1', {'min': 0, 'max': 1}),
                           ('3..', {'min': 3}), ('..2', {'max': 2})):
            result = here.reeve('pool', 'scale', 'img', size)
            same((size, result.code), (size, 0))
            same(here.calls('Resize')[-1], {'pool': 'img', **sent})
        same(here.reeve('pool', 'scale', 'img', '2..8').out,
             'img is to have 2 to 8 workers, until the configuration says '
             'another number or the daemon starts anew\n')
        holds(here.reeve('pool', 'scale', 'img', '..1').out,
              'to have at most 1 worker, until')
        for size in ('', 'x', '0', '..', '8..2', '1..x', '5000', '..0',
                     '1...2', '99999999999999999999'):
            result = here.reeve('pool', 'scale', 'img', size)
            same((size, result.code), (size, 2))
            holds(result.err, 'is no number of workers')
        same(len(here.calls('Resize')), 7)


def test_workers_are_replaced():
    with place() as here:
        same(here.reeve('pool', 'reload', 'img').out,
             'img: 3 workers, each replaced when another one serves\n')
        same(here.reeve('pool', 'reload', 'img', '--json').json(),
             {'v': 1, 'count': 3})
        same(here.reeve('worker', 'restart', '11').out,
             'worker 11 leaves when another one serves in its place\n')
        same(here.reeve('worker', 'restart', 'img/0', '--json').json(),
             {'v': 1, 'count': 1})
        same([call for call in here.calls('Recycle')],
             [{'pool': 'img'}] * 2 + [{'pid': 11}] * 2)
        result = here.reeve('worker', 'restart', '10')
        same(result.code, 2)
        holds(result.err, 'worker 10 runs commands: only workers of')
        for verb, words in (('scale', ['3']), ('reload', []), ('drain', [])):
            result = here.reeve('pool', verb, 'exec', *words)
            same((verb, result.code), (verb, 2))
            holds(result.err, 'pool exec runs commands', 'pools.exec.workers')
        for word in ('12', 'img/1', 'exec'):
            result = here.reeve('worker', 'restart', word)
            same((word, result.code), (word, 3))


def test_a_pool_is_drained_and_goes_on():
    with place() as here:
        holds(here.reeve('pool', 'drain', 'img').out, 'starts nothing more')
        holds(here.reeve('pool', 'show', 'img').out, 'draining')
        same(here.reeve('pool', 'resume', 'img').out, 'img goes on\n')
        same([call['enable'] for call in here.calls('DrainPool')],
             [True, False])


def test_wrong_words_name_the_right_ones():
    with place() as here:
        for verb in ('show', 'reload', 'drain', 'resume'):
            result = here.reeve('pool', verb, 'imh')
            same((verb, result.code), (verb, 3))
            holds(result.err, "there is no pool 'imh'", 'Did you mean img?')
        for words, hint in ((['pool', 'relod', 'img'], 'pool reload?'),
                            (['pool', 'show'], 'which pool?'),
                            (['pool', 'scale', 'img'], 'how many'),
                            (['pool', 'ls', 'img'], 'one word too many'),
                            (['worker', 'restrt'], 'worker restart?'),
                            (['worker', 'restart'], 'which worker?')):
            result = here.reeve(*words)
            same((words, result.code), (words, 2))
            holds(result.err, hint)


def test_status_and_completion_know_them():
    with place() as here:
        holds(here.reeve().out, 'img: running, 3/8 workers, 1 busy, 4 '
              'waiting', 'sick: degraded')

        def words(*line):
            return [word.split('\t')[0] for word in
                    here.reeve('complete', '--', *line).out.splitlines()]
        same(words('pool', 're'), ['reload', 'resume'])
        same(words('pool', 'show', ''), ['img', 'sick'])
        same(words('pool', 'ls', ''), [])
        same(words('worker', 'restart', ''), ['img/0'])
        same(words('call', 's'), ['square'])
        same(words('submit', '--handler', 'e'), ['echo'])
        same(words('call', '--durability', 'r'), ['result'])


if __name__ == '__main__':
    sys.exit(run_tests(sys.modules[__name__], sys.argv[2:]))
