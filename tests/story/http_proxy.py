#!/usr/bin/python3
"""Requests through a proxy, and what goes around it.

covers: daemon/worker/transfer_proxy daemon/worker/http_settings
covers: daemon/config/pools_http
"""
import base64
import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests' / 'helper'))
from http_server import Server, certificate  # noqa: E402
from story import equal, main, story  # noqa: E402
from warm import configure  # noqa: E402

NOWHERE = 'http://nowhere.invalid'


def start(t, **options):
    """A daemon with a proxy; what the environment says is another one."""
    proxy = Server()
    options = {'proxy': proxy.url, **options}
    for name in ('http_proxy', 'https_proxy', 'all_proxy'):
        t.env[name] = 'http://127.0.0.1:1'
    t.env['no_proxy'] = '*'
    path = configure(t, 'pools: {http: {%s}}\n' % ', '.join(
        '%s: %s' % pair for pair in options.items()))
    t.start(workers=1, flags=['--config', str(path)])
    return proxy


def run(t, url, **args):
    return t.wait(t.c.call('Submit', job={'handler': 'http', 'args': {
        'url': url, **args}})['id'])


def answer(t, url, **args):
    job = run(t, url, **args)
    equal(job['state'], 'succeeded', job)
    return job['result']


def login(t, text):
    path = t.folder / 'login'
    path.write_text(text)
    return str(path)


@story
def the_proxy_is_asked_and_looks_up_the_host(t):
    proxy = start(t)
    asked = json.loads(answer(t, NOWHERE + '/echo', json=1)['body'])
    equal((asked['method'], asked['path']), ('POST', NOWHERE + '/echo'))
    equal(dict(asked['headers'])['Host'], 'nowhere.invalid')
    assert 'Proxy-Authorization' not in dict(asked['headers'])
    equal(proxy.count(), 1)


@story
def some_hosts_are_asked_without_it(t):
    word = login(t, 'me:a:b%20\n')
    proxy = start(t, no_proxy='[.example.invalid, 127.0.0.2, "::1"]',
                  proxy_login=word)
    direct = Server('127.0.0.2')
    got = json.loads(answer(t, direct.url + '/echo')['body'])
    assert 'Proxy-Authorization' not in dict(got['headers'])
    equal(proxy.count(), 0)
    for url in ('http://example.invalid/', 'http://a.EXAMPLE.invalid/'):
        equal(run(t, url)['failure']['type'], 'NameNotFound')
    equal(run(t, 'http://[::1]:1/')['failure']['type'], 'ConnectionFailed')
    equal(proxy.count(), 0)
    # There and back again; only the proxy hears its password.
    for first, then, through in (
            (NOWHERE, direct.url, [True, False]),
            (direct.url, NOWHERE, [False, True])):
        before = proxy.count()
        answer(t, '%s/to?%s/echo' % (first, then), follow=1)
        equal(proxy.count(), before + 1)
        for server, path, is_proxy in (
                (proxy, NOWHERE, True), (direct, '/', False)):
            headers = dict(server.of(path)[-1].headers)
            equal(headers.get('Proxy-Authorization'),
                  'Basic ' + base64.b64encode(b'me:a:b%20').decode()
                  if is_proxy else None)
    assert 'a:b' not in t.log_text()
    equal(run(t, 'http://notexample.invalid/status/200')['state'],
          'succeeded')


@story
def a_server_with_a_certificate_is_spoken_to_through_it(t):
    good = certificate(t.folder)
    t.env['SSL_CERT_FILE'] = good[0]
    server = Server(certificate=good)
    proxy = start(t, proxy_login=login(t, 'me:word'))
    answer(t, server.url + '/echo', headers={'Authorization': 'Basic x'})
    equal([r.method for r in proxy.requests], ['CONNECT'])
    outside = dict(proxy.requests[0].headers)
    assert outside['Proxy-Authorization'].startswith('Basic ')
    for name in ('Authorization', 'Idempotency-Key', 'X-Reeve-Job'):
        assert name not in outside, outside
    inside = dict(server.of('/echo')[0].headers)
    equal(inside['Authorization'], 'Basic x')
    assert 'Proxy-Authorization' not in inside, inside


@story
def a_proxy_that_is_not_there_is_no_way_around_it(t):
    proxy = start(t, proxy='http://127.0.0.1:1')
    server = Server()
    job = run(t, server.url + '/echo')
    equal(job['failure']['type'], 'ConnectionFailed', job)
    proxy = start_again(t, proxy, login(t, 'nocolon'))
    job = run(t, server.url + '/echo')
    equal(job['failure']['type'], 'BadRequest', job)
    assert 'proxy_login' in job['failure']['message'], job
    equal((server.count(), proxy.count()), (0, 0))


def start_again(t, proxy, path):
    equal(t.terminate(), 0)
    t.shared.close()
    t.shared = None
    return start(t, proxy=proxy.url, proxy_login=path)


if __name__ == '__main__':
    main()
