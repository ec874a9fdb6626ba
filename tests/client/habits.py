#!/usr/bin/python3
"""What somebody does by habit who knows ts, pueue, GNU parallel or xargs, step
by step after their tutorials, with the real daemon. Each test is a habit, and
its first line the words of the other tool.

    habits.py REEVE REEVED [TEST...]

covers: client/habit
"""
import os
import pathlib
import re
import shlex
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from tool import (  # noqa: E402
    RealPlace, finish, holds, interrupt, run_tests, same)

TOOL, REEVED = map(os.path.abspath, sys.argv[1:3])


class Real(RealPlace):
    """With what is asked of it here."""

    def __init__(self):
        super().__init__(TOOL, REEVED)

    def out(self, *args, code=0, **how):
        result = self.reeve(*args, **how)
        assert result.code == code, (args, result)
        return result.out


# ---- task-spooler ----

def test_ts_puts_lists_and_shows():
    """ts; ts ls; ts -L label; ts -c; ts -i; ts -s; ts -p"""
    with Real() as here:
        same(here.out('submit', 'echo', 'hello'), '1\n')
        same(here.out('add', '-n', 'label', '--sh', 'echo a; echo b >&2'),
             '2\n')
        here.out('wait', '1-2')
        holds(here.out('ls'), 'echo hello', 'label')
        same(here.out('logs', '1'), 'hello\n')
        result = here.reeve('logs', '2')
        same((result.out, result.err), ('a\n', 'b\n'))
        holds(here.out('show', '2'), 'label', 'submitted')
        same(here.out('ls', '2', '--columns', 'state'), 'succeeded\n')
        holds(here.out(), 'reeved', '2 done')


def test_ts_waits_follows_and_kills():
    """ts -f; ts -w; ts -t; ts -k; ts -K"""
    with Real() as here:
        same(here.reeve('run', 'sh', '-c', 'exit 3').code, 3)
        job = here.out('submit', '--sh', 'echo one; sleep 1; echo two').strip()
        same(here.out('logs', '-f', job), 'one\ntwo\n')
        here.out('wait', 'last')
        job = here.out('submit', 'sleep', '1000').strip()
        here.out('cancel', job)
        same(here.reeve('wait', job).code, 121)
        same(here.out('daemon', 'stop', '--kill'), 'stopped\n')


def test_ts_mistakes_are_told():
    """ts 'ls -l | wc'"""
    with Real() as here:
        for command in ('submit', 'run'):
            result = here.reeve(command, 'ls -l | wc')
            assert result.code in (2, 125), result
            holds(result.err, 'no program is called that', '--sh')
        same(here.out('run', '--sh', 'echo x | wc -l').strip(), '1')
        strange = os.path.join(here.folder, 'a program')
        with open(strange, 'w') as file:
            file.write('#!/bin/sh\necho strange\n')
        os.chmod(strange, 0o755)
        same(here.out('run', strange), 'strange\n')


# ---- pueue ----

def test_pueue_adds_in_groups_with_delay_and_stashed():
    """pueue add -g; --delay; --stashed; enqueue; --priority; --label"""
    with Real() as here:
        job = here.out('submit', '-q', 'cpu', '--hold', '-p', '5', 'true')
        holds(here.out('ls', 'held', 'queue=cpu'), 'held')
        same(here.out('release', job.strip()), '1 released\n')
        here.out('wait', job.strip())
        later = here.out('submit', '--in', '1h', 'true').strip()
        holds(here.out('ls', 'scheduled'), 'due in')
        here.out('cancel', later)


def test_pueue_status_in_json_and_columns():
    """pueue status --json; pueue status columns=id,status order_by ..."""
    with Real() as here:
        here.out('run', '-n', 'b', 'true')
        here.reeve('run', '-n', 'a', 'false')
        jobs = here.reeve('ls', '-a', '--json').json()['jobs']
        same([job['state'] for job in jobs], ['succeeded', 'failed'])
        same(here.out('ls', '--columns', 'id,state', '--sort', 'name'),
             '2\tfailed\n1\tsucceeded\n')
        same(here.out('ls', 'failed', '--limit', '1', '-o', 'ids'), '2\n')


def test_pueue_log_and_wait_of_many():
    """pueue log; pueue wait --group"""
    with Real() as here:
        for i in range(3):
            here.out('submit', '-q', 'g', '--sh', 'echo %d' % i)
        here.out('wait', 'queue=g')
        ids = here.out('ls', 'queue=g', '-o', 'ids')
        same(ids, '1\n2\n3\n')
        shown = here.out('show', '-', input=ids.encode())
        holds(shown, 'echo 0', 'echo 2')


# ---- GNU parallel ----

def test_parallel_input_sources():
    """parallel echo ::: A B C; -a abc-file; < abc-file; -0; --colsep"""
    with Real() as here:
        path = os.path.join(here.folder, 'abc')
        with open(path, 'w') as file:
            file.write('A\nB\nC\n')
        expected = 'A\nB\nC\n'
        same(here.out('map', '-k', 'echo', ':::', 'A', 'B', 'C'), expected)
        same(here.out('map', '-k', '-a', path, 'echo'), expected)
        same(here.out('map', '-k', 'echo', input=b'A\nB\nC\n'), expected)
        same(here.out('map', '-k', '-0', 'echo', input=b'A\0B\0C\0'), expected)
        same(here.out('map', '-k', '--colsep', '-', 'echo', '{2}{1}',
                      input=b'A-1\nB-2\n'), '1A\n2B\n')
        same(here.out('map', '-k', 'echo', ':::', 'A', 'B', ':::', '1', '2'),
             'A 1\nA 2\nB 1\nB 2\n')


def test_parallel_replacement_strings():
    """parallel echo {.} {/} {//} {/.} {#} ::: A/B.C"""
    with Real() as here:
        same(here.out('map', 'echo', '{}', '{.}', '{/}', '{//}', '{/.}', '{#}',
                      ':::', 'A/B.C'), 'A/B.C A/B B.C A B 1\n')
        same(here.out('map', '-I', ',,', 'echo', ',,', '{}', ':::', 'A'),
             'A {}\n')


def test_parallel_dry_run_is_the_same_as_its_own():
    """parallel --dry-run -k cp {} {.}.bak ::: ..."""
    with Real() as here:
        args = ['-k', 'cp', '{}', 'to/{/.}.bak', ':::', 'a b.txt', 'c/d.x',
                "it's"]
        ours = here.out('map', '--dry-run', *args)
        same(subprocess.run(['sh', '-c', 'cp() { echo "$2"; }\n' + ours],
                            stdout=subprocess.PIPE).stdout.decode(),
             "to/a b.bak\nto/d.bak\nto/it's.bak\n")


def test_parallel_a_quoted_line_is_told_how_to():
    """parallel 'echo {} | wc -c' ::: A"""
    with Real() as here:
        result = here.reeve('map', 'echo {} | wc -c', ':::', 'A')
        same(result.code, 2)
        holds(result.err, '--sh')
        same(here.out('map', '--sh', 'echo {} | wc -c', ':::', 'A').strip(),
             '2')


def test_parallel_limits_order_and_halt():
    """parallel -j2 -k; --halt now,fail=1; --timeout"""
    with Real() as here:
        same(here.out('map', '-j4', '-k', '--sh', 'sleep 0.{}; echo {}',
                      ':::', '4', '2', '1', '3'), '4\n2\n1\n3\n')
        result = here.reeve('map', '-j1', '--max-fail', '1', 'false', ':::',
                            *map(str, range(20)))
        same(result.code, 1)
        holds(result.err, '1 failed: cancelling the rest')
        result = here.reeve('map', '--timeout', '100ms', 'sleep', '{}', ':::',
                            '60')
        same(result.code, 1)
        holds(result.err, 'longer than its timeout')


def test_parallel_output_of_a_job_is_in_one_piece():
    """parallel --group (the default)"""
    with Real() as here:
        out = here.out('map', '-j8', '--sh',
                       'for i in 1 2 3 4 5; do echo {}; sleep 0.02; done',
                       ':::', *'abcdefgh')
        assert re.fullmatch('((.)\n(\\2\n){4}){8}', out), out


def test_parallel_interrupted_cancels_what_is_left():
    """parallel, then Ctrl-C"""
    with Real() as here:
        process = here.popen('map', 'sleep', ':::', '100', '101')
        here.until(lambda: here.reeve('ls', 'running', '-o', 'ids').out
                   .count('\n') > 0)
        interrupt(process)
        result = finish(process)
        same(result.code, 130)
        holds(result.err, 'cancelling what is left')
        same(here.out('ls', 'unfinished', '-o', 'ids'), '')


# ---- xargs ----

def test_words_of_other_tools_are_told_what_they_are_here():
    with Real() as here:
        for verb, word in (
                ('enqueue', 'release'), ('requeue', 'retry'),
                ('stop', 'reeve cancel'), ('start', 'queue resume'),
                ('restart', 'retry'), ('clean', 'rm ended'),
                ('stash', 'hold'), ('list', 'reeve ls'), ('pause', 'queue'),
                ('resume', 'queue'), ('tail', 'logs -f'), ('info', 'show'),
                ('remove', 'rm'), ('delete', 'rm'), ('sbatch', 'submit'),
                ('nonsense', 'help habits')):
            result = here.reeve(verb, '3')
            same(result.code, 2)
            holds(result.err, "there is no command '%s'" % verb, word)
        for command, flag, word in (
                ('map', '--halt=now,fail=1', '--max-fail'),
                ('map', '--joblog', '--json'), ('map', '--bar', 'terminal'),
                ('map', '--eta', 'terminal'), ('map', '-N2', 'one item'),
                ('map', '-P4', '-j4'), ('map', '-d,', '--colsep'),
                ('map', '--resume-failed', '--retry-failed last'),
                ('map', '--delay', '--in'), ('submit', '--wrap', '--sh'),
                ('submit', '--stashed', '--hold'), ('submit', '-g', '-q'),
                ('submit', '--label', '-n'), ('submit', '-L', '-n'),
                ('submit', '-J', '-n'), ('submit', '-o', 'logs'),
                ('submit', '--after', '--on-success'),
                ('submit', '--mem', '--limit as='),
                ('submit', '--array', 'map'),
                ('submit', '--test-only', 'explain')):
            result = here.reeve(command, flag, 'true')
            same((flag, result.code), (flag, 2))
            holds(result.err, 'there is no flag', word)


def test_the_page_of_habits_says_what_reeve_understands():
    with Real() as here:
        for _ in range(3):
            here.out('submit', '--hold', '-q', 'mail', 'true')
        page = here.out('help', 'habits')
        said = re.findall(r'reeve (\w[^;\n]*)', page)
        assert len(said) > 30, said
        for line in said:
            words = shlex.split(line)
            # Each flag is one of the command.
            for flag in re.findall(r' (--?[a-z0][-a-z]*)', line):
                text = here.out(words[0], '--help')
                assert re.search(r'(^|[ ,])%s\b' % flag, text, re.M), (
                    line, flag)
            if words[0] in ('submit', 'run', 'logs', 'follow', 'wait', 'map',
                            'work') or words == ['edit', '3']:
                words = [words[0], '--help']
            elif words[0] in ('cancel', 'retry', 'rm', 'hold', 'release',
                              'edit'):
                words[1:1] = ['--dry-run']
            result = here.reeve(*words)
            assert result.code in (0, 1), (line, result)


def test_xargs_with_a_mark():
    """ls | xargs -P4 -I% cp % %.bak"""
    with Real() as here:
        same(here.out('map', '-k', '-j4', '-I%', 'echo', '%', '%.bak',
                      input=b'a b\nc\n'), 'a b a b.bak\nc c.bak\n')


if __name__ == '__main__':
    sys.exit(run_tests(sys.modules[__name__], sys.argv[3:]))
