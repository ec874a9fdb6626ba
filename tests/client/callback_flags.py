#!/usr/bin/python3
"""What the flags of callbacks and requests are in the protocol, against a fake
daemon.

    callback_flags.py REEVE [TEST...]

covers: client/callback_args client/request_args
"""
import base64
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from tool import Place, holds, run_tests, same  # noqa: E402

TOOL = os.path.abspath(sys.argv[1])


def place():
    here = Place(TOOL)
    here.start()
    return here


def submitted(here, *args, **how):
    """The Spec of the last submission."""
    result = here.reeve('submit', *args, **how)
    assert result.code == 0, result
    return here.calls('Submit')[-1]['job']


def test_callbacks_of_a_command_run_where_it_does():
    with place() as here:
        spec = submitted(here, '--on-success', "./a 'b c'", '--on-failure',
                         'x', '--on-failure', 'y', '--on-failure-url',
                         'https://h/p?q=1&r', '--on-done-call',
                         'notify {"to": "me"}', '--on-done-call',
                         'notify to="my self" n:=1', 'true')
        same(spec['on_success'], [{'argv': ['./a', 'b c']}])
        same(spec['on_failure'],
             [{'argv': ['x']}, {'argv': ['y']},
              {'handler': 'http', 'name': 'POST https://h/p',
               'args': {'url': 'https://h/p?q=1&r'}}])
        same(spec['on_done'],
             [{'handler': 'notify', 'args': {'to': 'me'}},
              {'handler': 'notify', 'args': {'to': 'my self', 'n': 1}}])
        assert 'on_success' not in submitted(here, 'true')


def test_callbacks_of_a_call_run_here():
    with place() as here:
        here.reeve('call', '--on-failure', 'x', 'echo', 'n:=1')
        spec = here.calls('Submit')[-1]['job']
        same(spec['handler'], 'echo')
        callback, = spec['on_failure']
        same(callback['argv'], ['x'])
        same(callback['context']['cwd'], os.getcwd())


def test_those_of_a_map_are_each_job_s_or_the_group_s():
    with place() as here:
        here.reeve('map', '-C', '/usr', '-n', 'name', '--on-done', 'one',
                   '--on-all-done', 'all', '--on-all-failure-url', 'http://h',
                   'true', ':::', '1', '2')
        group, = here.calls('OpenGroup')
        same(group['name'], 'name')
        same(group['on_failure'],
             [{'handler': 'http', 'name': 'POST http://h',
               'args': {'url': 'http://h'}}])
        same(group['on_done'][0]['argv'], ['all'])
        same(group['on_done'][0]['context']['cwd'], '/usr')
        for call in here.calls('SubmitMany'):
            same(call['defaults']['on_done'], [{'argv': ['one']}])
        here.reeve('map', '--handler', 'echo', '--on-all-success', 'all',
                   '--on-success', 'one', 'n:={}', ':::', '1')
        group = here.calls('OpenGroup')[-1]
        same(group['on_success'][0]['argv'], ['all'])
        call = here.calls('SubmitMany')[-1]
        same(call['defaults']['on_success'][0]['argv'], ['one'])


TERMS = ['--callback-queue', 'told', '--callback-timeout', '1m',
         '--callback-retry', '9']
RULE = {'max_attempts': 10, 'backoff_ms': 1000, 'backoff_max_ms': 60000,
        'jitter': 0.2, 'causes': ['exit', 'signal', 'timeout', 'memory',
                                  'handler', 'exec']}


def test_terms_are_those_of_all_callbacks():
    with place() as here:
        terms = {'queue': 'told', 'timeout_ms': 60000, 'retry': RULE}
        spec = submitted(here, *TERMS, '--on-success', 'x', '--on-failure-url',
                         'http://h', '--on-done-call', 'notify n:=1', 'true')
        same(spec['on_success'], [{'argv': ['x'], **terms}])
        same(spec['on_failure'],
             [{'handler': 'http', 'name': 'POST http://h',
               'args': {'url': 'http://h'}, **terms}])
        same(spec['on_done'], [{'handler': 'notify', 'args': {'n': 1},
                                **terms}])
        assert 'queue' not in spec and 'retry' not in spec
        spec = submitted(here, '--callback-timeout', '0', '--callback-retry',
                         '0', '--on-done', 'x', 'true')
        same(spec['on_done'], [{'argv': ['x'], 'timeout_ms': 0,
                                'retry': {**RULE, 'max_attempts': 1}}])
        here.reeve('map', *TERMS, '--on-done', 'one', '--on-all-done', 'all',
                   'true', ':::', '1')
        for lists in (here.calls('OpenGroup')[-1],
                      here.calls('SubmitMany')[-1]['defaults']):
            same({**lists['on_done'][0], **terms}, lists['on_done'][0])
        for words in ([], ['--handler', 'echo']):
            result = here.reeve('map', *words, *TERMS, '--on-all-done', 'all',
                                'true' if not words else 'n:={}', ':::', '1')
            same((words, result.code), (words, 0))
            same(here.calls('OpenGroup')[-1]['on_done'][0]['queue'], 'told')
        here.reeve('queue', 'set', 'mail', *TERMS, '--on-failure', 'x')
        same(here.calls('Configure')[-1]['on_failure'][0]['queue'], 'told')


def test_terms_without_a_callback_are_a_mistake():
    with place() as here:
        for words in (['submit', *TERMS, 'true'],
                      ['submit', *TERMS[-2:], 'true'],
                      ['map', *TERMS[:2], 'true', ':::', '1'],
                      ['map', '--handler', 'echo', *TERMS, 'n:={}', ':::', '1'],
                      ['queue', 'set', 'mail', *TERMS[2:]]):
            result = here.reeve(*words)
            same((words, result.code), (words, 2))
            holds(result.err, 'says nothing without a callback')
        result = here.reeve('map', *TERMS, '--retry-failed', '1')
        same(result.code, 2)
        result = here.reeve('submit', '--callback-queue', b'\xff', '--on-done',
                            'x', 'true')
        holds(result.err, '--callback-queue is not UTF-8')
        same(here.calls('Submit') + here.calls('OpenGroup'), [])


def test_a_request_is_a_call_of_the_handler_http():
    with place() as here:
        for words in (['--http', 'PUT', 'http://u:p@h:1/a?k=v', '--retry', '2',
                       '--header', 'A: b: c', '--header', 'D:', '--body',
                       'x=y', '--secret', 's', '--args', 'follow:=3'],
                      ['--retry', '2', '--args', 'follow:=3', '--secret', 's',
                       '--body', '@-', '--header', 'A: b: c', '--header',
                       'D: ', '--http=PUT', 'http://u:p@h:1/a?k=v']):
            if words[1] == '2':
                words[-1:] = ['--', words[-1]]
            spec = submitted(here, *words, input=b'x=y')
            same((spec['handler'], spec['name'], spec['retry']),
                 ('http', 'PUT http://h:1/a', {'max_attempts': 3}))
            same(spec['args'],
                 {'url': 'http://u:p@h:1/a?k=v', 'method': 'PUT', 'body': 'x=y',
                  'headers': {'A': 'b: c', 'D': ''}, 'secret': 's',
                  'follow': 3})
            assert 'context' not in spec and 'argv' not in spec
        spec = submitted(here, '--http', 'POST', 'https://h', '--body', '@-',
                         input=b'\xff\0')
        same(base64.b64decode(spec['args']['body64']), b'\xff\0')
        same(submitted(here, '--http', 'POST', 'https://h', '--body', '',
                       '-n', 'mine')['name'], 'mine')


def test_mistakes_of_requests_are_told():
    with place() as here:
        for words, why in (
                (['--http', 'POST'], '--http needs a URL'),
                (['--http', 'GET', 'http://a', 'b'], "'b' is one word too"),
                (['--http', 'http://a'], 'takes the method'),
                (['--http', 'GET', 'a.org'], 'begins with neither'),
                (['--http', 'GET', 'http://a', '--header', 'x'],
                 "'NAME: VALUE', not 'x'"),
                (['--http', 'GET', 'http://a', '--body', '@/nowhere'],
                 'cannot open /nowhere'),
                (['--http', 'GET', 'http://a', '--handler', 'x'],
                 'calls the handler http'),
                (['--http', 'GET', 'http://a', '--args', 'url=x'],
                 'url is given twice'),
                (['--http', 'GET', 'http://a', '--cwd', '/'], '--cwd'),
                (['--body', 'x', 'true'], 'are for --http')):
            result = here.reeve('submit', *words)
            assert result.code in (1, 2), (words, result)
            holds(result.err, why)
        same(here.calls('Submit'), [])


if __name__ == '__main__':
    sys.exit(run_tests(sys.modules[__name__], sys.argv[2:]))
