#!/usr/bin/python3
"""stdin, stdout and stderr are closed: nothing that is printed becomes a
request, and nothing that the daemon says becomes input.

    closed.py REEVE REEVED EXAMPLE [TEST...]
"""
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from tool import (  # noqa: E402
    Place, RealPlace, run_tests, same)

TOOL, REEVED, EXAMPLE = map(os.path.abspath, sys.argv[1:4])
PACKAGE = str(pathlib.Path(__file__).resolve().parents[2] / 'client/python')
REQUEST = (r'{"method":"org.reeve.jobs.Submit","parameters":{"job":'
           r'{"argv":["touch","/nobody/asked"]}}}\000')


def shut(here, how, *command, **more):
    return subprocess.run(['sh', '-c', 'exec "$0" "$@" ' + how, *command],
                          env={**here.environment, **more}, timeout=120,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def streams_of(pid):
    return [os.readlink('/proc/%d/fd/%d' % (pid, fd)) for fd in range(3)]


def test_what_a_job_prints_is_no_request():
    for how in ('>&-', '<&- >&-', '<&- >&- 2>&-'):
        with RealPlace(TOOL, REEVED) as here:
            for args in (['run', 'printf', REQUEST],
                         ['map', '-j1', 'printf', REQUEST, ':::', '1', '2']):
                result = shut(here, how, TOOL, *args)
                assert result.returncode not in (0, 2), (how, args, result)
            same(len(here.reeve('ls', '-o', 'ids').out.split()), 3)


def test_a_closed_stdin_holds_nothing():
    with Place(TOOL) as here:
        here.start()
        same(shut(here, '<&-', TOOL, 'map', 'true').returncode, 0)
        same(here.calls('SubmitMany'), [])


def test_a_program_of_the_library_prints_nothing_to_the_daemon():
    text = ('import os, sys; sys.path.insert(0, %r); import reeve\n'
            'client = reeve.Client(%r)\n'
            'client.submit(argv=["true"])\n'
            'for fd in (0, 1, 2):\n'
            '    try:\n'
            '        os.write(fd, %r)\n'
            '    except OSError:\n'
            '        pass\n'
            'client.submit(argv=["true"])\n')
    for how in ('<&- >&- 2>&-', '>&-', '<&-'):
        with Place(TOOL) as here:
            here.start()
            shut(here, how, EXAMPLE)
            same([call['job']['argv'][0] for call in here.calls('Submit')],
                 ['echo'])
            result = shut(here, how, sys.executable, '-c',
                          text % (PACKAGE, here.socket,
                                  REQUEST.replace('\\000', '\0').encode()))
            same((how, result.returncode, len(here.calls('Submit'))),
                 (how, 0, 3))


def test_a_daemon_without_streams_says_nothing_to_its_sockets():
    with RealPlace(TOOL, REEVED) as here:
        os.makedirs(os.path.join(here.folder, 'run'), 0o700)
        process = subprocess.Popen(
            ['sh', '-c', 'exec "$0" <&- >&- 2>&-', REEVED],
            env=here.environment)
        try:
            here.until(lambda: here.reeve('ping', '--no-autostart').code == 0)
            status = here.reeve('status', '--json').json()['status']
            same(status['pid'], process.pid)
            for pid in (process.pid, status['broker_pid']):
                same((pid, streams_of(pid)), (pid, ['/dev/null'] * 3))
            same(here.reeve('run', 'true').code, 0)
        finally:
            process.terminate()
            process.wait()


if __name__ == '__main__':
    sys.exit(run_tests(sys.modules[__name__], sys.argv[4:]))
