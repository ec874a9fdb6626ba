#!/usr/bin/python3
"""The tool where things are not as usual, against a fake daemon: many jobs,
odd bytes, a service manager, streams that are closed.

    edges.py REEVE [TEST...]
"""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from tool import FAKE, Place, finish, holds, run_tests, same  # noqa: E402

TOOL = os.path.abspath(sys.argv[1])


def place(*flags, **how):
    here = Place(TOOL)
    here.start(*flags, **how)
    return here


def test_what_is_not_utf8_is_told_never_lost_in_silence():
    with place() as here:
        bad = {'LATIN': 'caf\udce9', 'B\udcffD': 'x', 'GOOD': 'caf\u00e9'}
        result = here.reeve('submit', 'true', **bad)
        same((result.code, result.out), (0, '1\n'))
        holds(result.err, 'left out: ', 'LATIN', 'B?D', 'not UTF-8', '--sh')
        same(result.err.count('\n'), 1)
        env = here.calls('Submit')[0]['job']['context']['env']
        same((env['GOOD'], 'LATIN' in env), ('caf\u00e9', False))
        for quiet in (['--clean-env'], ['-e', 'LATIN=x'], ['--quiet']):
            same(here.reeve('submit', *quiet, 'true', LATIN='\udce9').err, '')
        many = {'V%d' % i: '\udce9' for i in range(200)}
        holds(here.reeve('submit', 'true', **many).err, ' more. ', 'V1')
        result = here.reeve('map', 'true', ':::', 'a', 'b', **bad)
        same(result.err.count('left out'), 1)
        folder = os.path.join(here.folder, 'f\udce9')
        os.mkdir(folder)
        for args, words in (
                (['true', 'a\udce9\x01'], [r"argument 'a\xe9\x01' is not"]),
                (['--sh', 'true \udce9'], [r"command 'true \xe9' is not"]),
                (['-C', folder, 'true'], ['working folder', r"f\xe9' is"]),
                (['-e', 'X=\udce9', 'true'], [r"variable 'X=\xe9' is"]),
                (['-n', '\udce9' * 999, 'true'], ['name ', "...' is not"])):
            result = here.reeve('submit', *args)
            same((args, result.code), (args, 2))
            holds(result.err, 'the protocol carries nothing else. ', *words)
            here.reeve('submit', '--json', *args).json()
        process = here.popen('submit', 'true', cwd=os.fsencode(folder))
        holds(finish(process).err, 'the working folder is not UTF-8')


def test_a_folder_as_stdin_is_refused():
    with place() as here:
        for args in (['run', 'cat'], ['run', '--retry', '1', 'cat'],
                     ['submit', '--stdin', 'cat'], ['run', '--stdin', 'cat'],
                     ['map', 'echo'], ['show', '-']):
            folder = os.open('/', os.O_RDONLY)
            result = finish(here.popen(*args, stdin=folder))
            os.close(folder)
            assert result.code not in (0, 2), (args, result)
            same(result.err.count('\n'), 1)
            assert 'file' in result.err or args[0] == 'map', result
        same(here.calls('Submit') + here.calls('SubmitMany'), [])


def test_wait_on_a_filter_knows_no_limit():
    with place('--ended', '20500') as here:
        same(here.reeve('wait', 'all', '--json').json(),
             {'v': 1, 'succeeded': 20500, 'failed': 0})
        same([len(call['ids']) for call in here.calls('Wait')],
             [10000, 10000, 500])
        same(here.reeve('wait', '1-20000').code, 125)
        here.reeve('submit', '-q', 'stuck', 'true')
        result = here.reeve('wait', 'all', '--timeout', '2s')
        same(result.code, 124)
        same(here.reeve('wait', 'all', '--any').code, 0)


def test_ls_shows_the_whole_command_in_a_pipe_and_its_ends_on_a_terminal():
    with place() as here:
        here.reeve('submit', '-w', 'true', 'x' * 9000, 'end')
        row = here.reeve('ls').out.rstrip('\n').split('\t')
        same((len(row), row[3]), (7, 'true %s end' % ('x' * 9000)))
        for columns in (20, 80, 200):
            seen = here.on_terminal('ls', '--color', 'never', columns=columns)
            holds(seen, 'true', '\u2026')


def program(here, name, text):
    path = os.path.join(here.folder, name)
    with open(path, 'w') as file:
        file.write('#!/bin/sh\necho "%s $*" >>"%s/said"\n%s' % (
            name, here.folder, text))
    os.chmod(path, 0o755)
    return path


def test_a_service_manager_is_asked_first_and_may_fail():
    for fails in (False, True):
        with Place(TOOL) as here:
            run = os.path.join(here.folder, 'run')
            unit = os.path.join(here.folder, '.config/systemd/user')
            for folder in (unit, os.path.join(run, 'reeve'),
                           os.path.join(run, 'systemd')):
                os.makedirs(folder, 0o700)
            for path in (os.path.join(unit, 'reeved.socket'),
                         os.path.join(run, 'systemd/private')):
                open(path, 'w').close()
            starts = ('%s %s "%s/reeve/reeve.sock" >/dev/null 2>&1 & '
                      'echo $! >"%s/pid"\n' % (sys.executable, FAKE, run,
                                               here.folder))
            program(here, 'systemctl', 'echo "Unit reeved.socket not found." '
                    '>&2; exit 5\n' if fails else starts)
            del here.environment['REEVE_SOCKET']
            here.environment.update(
                XDG_RUNTIME_DIR=run,
                PATH=here.folder + ':' + here.environment['PATH'],
                REEVED=program(here, 'reeved', 'test "$1" = --daemon || '
                               'exit 0\n' + starts))
            try:
                result = here.reeve('submit', 'true')
                same((result.code, result.out), (0, '1\n'))
                with open(os.path.join(here.folder, 'said')) as file:
                    same(file.read(),
                         'reeved --check=json\n'
                         'systemctl --user start reeved.socket\n' +
                         ('reeved --daemon\n' if fails else ''))
                holds(result.err, 'for you (pid ' if fails else
                      'through your service manager')
                same('did not start the daemon: Unit reeved.socket not '
                     'found.' in result.err, fails)
            finally:
                with open(os.path.join(here.folder, 'pid')) as file:
                    os.kill(int(file.read()), 9)


if __name__ == '__main__':
    sys.exit(run_tests(sys.modules[__name__], sys.argv[2:]))
