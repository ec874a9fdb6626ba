#!/usr/bin/python3
"""reeve logs: the end of it, what is new, and whose it is.

    logs.py REEVE REEVED [TEST...]

covers: client/cmd_logs
"""
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from tool import RealPlace, finish, holds, run_tests, same  # noqa: E402

TOOL, REEVED = map(os.path.abspath, sys.argv[1:3])


class Here(RealPlace):
    def __init__(self):
        super().__init__(TOOL, REEVED)

    def done(self, *args):
        result = self.reeve('submit', '--quiet', *args)
        same(result.code, 0)
        self.reeve('wait', result.out.strip())
        return result.out.strip()


def test_the_last_lines():
    with Here() as here:
        job = here.done('--sh', 'seq 5000; printf end')
        for count, out in ('1', 'end'), ('2', '5000\nend'):
            result = here.reeve('logs', '--tail', count, job)
            same((result.code, result.out, result.err), (0, out, ''))
        both = here.done('--sh', 'seq 3; seq 4 6 >&2')
        for flag, seen in ('--stdout', ('3\n', '')), ('--stderr', ('', '6\n')):
            result = here.reeve('logs', flag, '--tail', '1', both)
            same((result.out, result.err), seen)
        same(here.reeve('logs', '--tail', '0', job).out, '')
        same(len(here.reeve('logs', '--tail', '9999', job).out.split()), 5001)
        silent = here.done('true')
        same(here.reeve('logs', '--tail', '3', silent).out, '')
        result = here.reeve('logs', '--tail', 'x', job)
        same(result.code, 2)
        holds(result.err, '--tail')


def test_the_last_lines_and_then_what_follows():
    with Here() as here:
        gate = os.path.join(here.folder, 'gate')
        os.mkfifo(gate)
        job = here.reeve('submit', '--quiet', '--sh',
                         'seq 10; read x <%s; echo more' % gate).out.strip()
        while here.reeve('logs', job).out.split() != \
                [str(i) for i in range(1, 11)]:
            time.sleep(0.01)
        follower = here.popen('logs', '-f', '--tail', '2', job)
        same(follower.stdout.readline() + follower.stdout.readline(),
             b'9\n10\n')
        with open(gate, 'w') as file:
            file.write('go\n')
        same(finish(follower).out, 'more\n')


def test_what_is_newer():
    with Here() as here:
        job = here.done('--sh', 'echo one')
        same(here.reeve('logs', '--since', '1h', job).out, 'one\n')
        same(here.reeve('logs', '--since', '@1', job).out, 'one\n')
        begun = time.time()
        while time.time() < begun + 0.05:
            time.sleep(0.01)
        same(here.reeve('logs', '--since', '1ms', job).out, '')
        for wrong in 'soon', 'tomorrow', '+5m':
            result = here.reeve('logs', '--since', wrong, job)
            same(result.code, 2)
            holds(result.err, '--since 5m', wrong)


def test_several_jobs_have_headers_on_a_terminal():
    with Here() as here:
        here.done('-n', 'left', '--sh', 'echo a')
        here.done('echo', 'b')
        seen = here.on_terminal('logs', '1', '2')
        holds(seen, '==> job 1: left <==\na\n\n==> job 2: echo b <==\nb\n')
        assert '==>' not in here.on_terminal('logs', '1')
        same(here.reeve('logs', '1', '2').out, 'a\nb\n')


if __name__ == '__main__':
    sys.exit(run_tests(sys.modules[__name__], sys.argv[3:]))
