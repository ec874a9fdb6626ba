#!/usr/bin/python3
"""Handlers as commands of a shell: call, submit --handler, and what becomes of
their results and errors.

    calls.py REEVE [TEST...]

covers: client/cmd_call client/apply client/handler_args client/served
covers: client/trace
"""
import os
import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from tool import Place, finish, holds, interrupt, run_tests, same  # noqa: E402

TOOL = os.path.abspath(sys.argv[1])


def place(*flags, **how):
    here = Place(TOOL)
    here.start(*flags, **how)
    return here


def test_call_prints_the_result_and_nothing_else():
    with place() as here:
        result = here.reeve('call', 'echo', 'path=a b', 'width:=200')
        same((result.code, result.out, result.err),
             (0, '{"path": "a b", "width": 200}\n', ''))
        job = here.calls('Submit')[0]['job']
        same(job, {'handler': 'echo', 'args': {'path': 'a b', 'width': 200},
                   'durability': 'result'})
        same(here.reeve('call', 'nothing').out, 'null\n')
        same(here.reeve('call', 'square', '{"args":[7]}').out, '49\n')
        same(here.reeve('call', 'echo', '-', input=b'{"a":\n1}').out,
             '{"a": 1}\n')
        same(here.reeve('call', 'echo', '--args', 'a=1', '--args',
                        '{"b":2}').out, '{"a": "1", "b": 2}\n')


def test_call_takes_what_submit_takes():
    with place() as here:
        here.reeve('call', '-q', 'img', '-p', '3', '--retry', '2', '-t', 'k=v',
                   '--timeout', '2s', '--durability', 'sync', 'echo')
        job = here.calls('Submit')[0]['job']
        same((job['queue'], job['priority'], job['timeout_ms'], job['tags'],
              job['retry']['max_attempts'], 'durability' in job,
              'key' in job), ('img', 3, 2000, {'k': 'v'}, 3, False, True))


def test_an_error_is_told_with_its_type_and_what_to_do():
    with place() as here:
        result = here.reeve('call', 'broken', 'key=k')
        same((result.code, result.out), (1, ''))
        holds(result.err, 'reeve: job 1 raised KeyError: k', 'reeve show 1')
        assert 'Traceback' not in result.err
        result = here.reeve('call', '-v', 'broken')
        holds(result.err, 'Traceback', '  File "x.py", line 3')
        result = here.reeve('call', '--json', 'broken')
        same((result.code, result.err), (1, ''))
        same((result.json()['job']['failure']['type'], result.json()['exit']),
             ('KeyError', 1))
        same(here.reeve('call', '--json', 'square', 'args:=[3]').json()
             ['job']['result'], 9)


def test_each_end_has_the_exit_code_of_run():
    with place() as here:
        same(here.reeve('call', 'lost').code, 122)
        same(here.reeve('call', '--timeout', '20ms', 'long',
                        'seconds:=0.1').code, 124)
        for word, code in (('SIGINT', 121), ('SIGTERM', 121)):
            process = here.popen('call', 'long')
            here.until(lambda: here.call('Count')['counts'].get('running'))
            os.kill(process.pid, getattr(signal, word))
            result = finish(process)
            same((word, result.code), (word, code))
            same(here.calls('Cancel')[-1]['reason'], 'reeve call got ' + word)
            here.until(lambda: not here.call('Count')['counts']
                       .get('running'))


def test_a_queue_that_is_paused_is_told():
    with place() as here:
        process = here.popen('call', '--hold', 'echo')
        here.until(lambda: here.calls('List'))
        interrupt(process)
        same(finish(process).code, 121)


def test_arguments_that_are_wrong_are_told_with_their_place():
    with place() as here:
        for args, *words in (
                (['echo', '{"a":1'], 'not JSON', 'line 1, column 7'),
                (['echo', 'n:=1x'], 'not JSON', 'column 2: x'),
                (['echo', '[1]'], 'neither'),
                (['echo', 'a=1', 'a=2'], 'given twice'),
                (['echo', '-', '--args', 'a=1'], 'all of the arguments'),
                (['echo', '--args-file', '/nowhere'], 'cannot open /nowhere'),
                (['--cwd', '/', 'echo'], '--cwd is for commands'),
                (['-e', 'A=b', 'echo'], '--env is for commands'),
                (['--handler', 'echo'], 'takes no --handler'),
                (['exec'], 'reeve run'),
                (['ecko'], "no handler 'ecko'", 'Did you mean echo?'),
                (['--durability', 'disk', 'echo'], "not 'disk'"),
                ([], 'which handler?')):
            result = here.reeve('call', *args)
            same((args, result.code), (args, 125))
            holds(result.err, *words)
        result = here.reeve('call', 'echo', '-', input=b'{"a":\n 1,}')
        holds(result.err, 'stdin is not JSON', 'line 2, column 4')
        result = here.reeve('call', 'echo', '-', input=b'[1]')
        holds(result.err, 'not an object')
        same(len([job for job in here.calls('Submit')
                  if job['job']['handler'] == 'echo']), 0)


def test_submit_puts_a_call_into_the_queue():
    with place() as here:
        path = os.path.join(here.folder, 'args.json')
        with open(path, 'w') as file:
            file.write('{"a": "b"}')
        same(here.reeve('submit', '--handler', 'echo', '--args-file', path)
             .out, '1\n')
        same(here.calls('Submit')[0]['job']['args'], {'a': 'b'})
        assert 'context' not in here.calls('Submit')[0]['job']
        same(here.reeve('wait', '1').code, 0)
        result = here.reeve('submit', '-w', '--handler', 'broken')
        same((result.code, result.out), (1, '2\n'))
        same(here.reeve('wait', '2').code, 1)
        result = here.reeve('submit', '-w', '--durability', 'result',
                            '--handler', 'square', 'args:=[4]')
        same((result.code, result.out), (0, '3\n'))
        same('key' in here.calls('Submit')[-1]['job'], False)
        for args, word in (
                (['--args', 'a=b', 'true'], 'none is named'),
                (['--handler', 'echo', 'true'], 'neither'),
                (['--handler', 'echo', '--sh', 'x'], '--sh is for commands'),
                (['--durability', 'result', 'true'], 'nobody waits for it'),
                (['--handler', 'sqare'], 'Did you mean square?')):
            result = here.reeve('submit', *args)
            assert result.code in (2, 3), result
            holds(result.err, word)
        for args in (['--handler', 'echo'], ['--durability', 'result', 'ls']):
            same(here.reeve('run', *args).code, 125)


def test_listings_tell_arguments_results_and_errors():
    with place() as here:
        here.reeve('submit', '--handler', 'echo', 'a=b')
        here.reeve('submit', '-w', '--handler', 'broken')
        here.reeve('submit', '-w', '--handler', 'square', '{"args":[5]}')
        holds(here.reeve('ls', '-a').out, 'echo {"a": "b"}',
              "raised KeyError: 'x'")
        holds(here.reeve('show', '1').out, 'handler    echo',
              'args       {"a": "b"}', 'result     {"a": "b"}')
        holds(here.reeve('show', '2').out, "raised KeyError: 'x'", 'trace',
              '      File "x.py", line 3', 'reeve retry 2')
        holds(here.reeve('show', '3').out, 'result     25')
        same(here.reeve('show', '3', '--json').json()['job']['result'], 25)


def test_a_connection_that_breaks_is_opened_again():
    with place('--cut', '1') as here:
        result = here.reeve('call', 'echo', 'a=b')
        same((result.code, result.out), (0, '{"a": "b"}\n'))
        same(len(here.calls('Submit')), 2)
    with place('--cut', '1') as here:
        result = here.reeve('call', '--durability', 'memory', 'echo')
        same(result.code, 120)
        same(len(here.calls('Submit')), 1)


def test_nonsense_from_the_daemon_is_an_error():
    for answer in ('{"parameters":{"id":1}}\0', '{"parameters":{}}\0', '[]\0',
                   '{"parameters":{"job":{"id":"x"}}}\0'):
        with place(script={'Submit': [answer]}) as here:
            result = here.reeve('call', 'echo')
            same((answer, result.code), (answer, 125))


if __name__ == '__main__':
    sys.exit(run_tests(sys.modules[__name__], sys.argv[2:]))
