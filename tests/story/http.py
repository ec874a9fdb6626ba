#!/usr/bin/python3
"""Requests: the handler `http`, told to a real daemon and a server that does
whatever a server can do.

covers: daemon/worker/run_http daemon/worker/transfer
covers: daemon/worker/transfer_end daemon/worker/transfer_redirect
covers: daemon/worker/curl
covers: daemon/worker/handlers daemon/config/pools_http
"""
import contextlib
import hashlib
import hmac
import json
import os
import pathlib
import re
import socket
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests' / 'helper'))
import proc  # noqa: E402
from http_server import Server, certificate  # noqa: E402
from story import SLOW, equal, eventually, main, story  # noqa: E402
from warm import configure  # noqa: E402

ADMIN = 'org.reeve.admin.'


def start(t, server=None, **options):
    """A daemon, with what is said of its pool http."""
    path = configure(t, pool_text(options))
    t.start(workers=1, flags=['--config', str(path)])
    return server or Server()


def pool_text(options):
    if not options:
        return 'log: {level: info}\n'
    return 'pools: {http: {%s}}\n' % ', '.join(
        '%s: %s' % pair for pair in options.items())


def give(t, url, spec=None, **args):
    return t.c.call('Submit', job={'handler': 'http', 'args': {
        'url': url, **args}, **(spec or {})})['id']


def run(t, url, spec=None, **args):
    return t.wait(give(t, url, spec, **args))


def result(t, url, spec=None, **args):
    job = run(t, url, spec, **args)
    equal(job['state'], 'succeeded', job)
    return job['result']


def fails(t, kind, says, url, spec=None, **args):
    job = run(t, url, spec, **args)
    equal(job['state'], 'failed', job)
    equal(job['failure']['type'], kind, job)
    assert says in job['failure']['message'], job['failure']
    return job


def retry(attempts):
    return {'retry': {'max_attempts': attempts, 'backoff_ms': 1,
                      'backoff_max_ms': 1}}


def worker(t):
    found = t.role('http')
    equal(len(found), 1, 'workers of http')
    return found[0]


@story
def a_request_is_made_and_its_answer_is_the_result(t):
    server = start(t)
    equal(t.role('http'), [], 'nobody before the first request')
    got = result(t, server.url + '/echo?a=b', method='PUT', body='h\u00e4',
                 headers={'X-One': '1', 'X-Two': ['2', ''],
                          'Content-Type': 'text/x'})
    equal(got['status'], 200)
    equal(got['headers']['content-type'], 'application/json')
    equal(got['headers']['etag'], '"e"')
    equal(got['bytes'], len(got['body']), 'bytes')
    equal(got['truncated'], False)
    asked = json.loads(got['body'])
    equal(asked['method'], 'PUT')
    equal(asked['path'], '/echo?a=b')
    equal(asked['body'].encode('latin-1').decode(), 'h\u00e4')
    sent = [tuple(pair) for pair in asked['headers']]
    for pair in (('X-One', '1'), ('X-Two', '2'), ('X-Two', ''),
                 ('Content-Type', 'text/x'), ('X-Reeve-Job', '1'), ('X-Reeve-Attempt', '1')):
        assert pair in sent, (pair, sent)
    names = [name for name, _ in sent]
    equal(len(names), len(set(names)) + 1, 'each but X-Two once')
    assert dict(sent)['User-Agent'].startswith('reeve/'), sent
    store(server.of('/echo')[0], 1)
    assert 'Expect' not in names and 'X-Reeve-Signature' not in names, names
    # A callback's record, as it is.
    asked = json.loads(result(t, server.url + '/echo', job={'id': 7})['body'])
    equal((asked['method'], json.loads(asked['body'])), ('POST', {'id': 7}))
    equal(result(t, server.url + '/echo', method='HEAD')['body'], '')


def store(request, job):
    """Whose request it is, as its key says."""
    key = dict(request.headers)['Idempotency-Key']
    assert re.fullmatch('reeve-[0-9a-f]{32}-%d' % job, key), key
    return key.split('-')[1]


@story
def no_two_stores_send_the_same_key(t):
    server = start(t)
    job = give(t, server.url + '/fail/1', {'retry': {'max_attempts': 2}})
    eventually(lambda: server.count() == 1)
    t.kill_broker()
    t.reconnect()
    equal(t.wait(job)['attempt'], 2)
    equal(t.terminate(), 0)
    t.restart()
    t.reconnect()
    run(t, server.url + '/echo')
    first, second = server.of('/fail')
    mine = store(first, 1)
    equal((store(second, 1), store(server.of('/echo')[0], 2)), (mine, mine))
    # One that is begun anew counts from 1 again.
    equal(t.terminate(), 0)
    t.state.rename(t.folder / 'gone')
    t.restart()
    t.reconnect()
    run(t, server.url + '/echo')
    assert store(server.of('/echo')[1], 1) != mine, mine


def refused(t, args, of=None):
    """The field, and what is said of it."""
    spec = {'handler': 'http', 'args': args}
    error = t.c.refused('Submit', job={'argv': ['true'], 'on_done': [spec]}
                        if of else spec)
    equal(error.name, 'org.varlink.service.InvalidParameter')
    return error.parameters['parameter'], error.parameters['message']


@story
def what_cannot_be_asked_is_refused_before_it_is_a_job(t):
    start(t)
    url = 'https://example.org/'
    for args, field, says in (
            ({}, '.url', 'give one'),
            ({'url': 'example.org'}, '.url', 'it begins with http'),
            ({'url': 'ftp://example.org/'}, '.url', 'it begins with http'),
            ({'url': 'http:///x'}, '.url', 'it names no host'),
            ({'url': url, 'headers': {'A': 'b\r\nX: y'}}, '.headers',
             'newline'),
            ({'url': url, 'uri': 1}, '', "there is no 'uri'"),
            ({'url': url, 'method': 'HEAD', 'body': ''}, '.method', 'HEAD')):
        for of, path in ((None, 'job'), (True, 'job.on_done[0]')):
            got, message = refused(t, args, of)
            equal(got, path + '.args' + field)
            assert message.startswith(says) or says in message, message
            assert not message.startswith(field[1:] + ':'), message
    # What it follows is what it sends.
    equal(refused(t, {'url': url, 'method': 'HEAD'}, True)[0],
          'job.on_done[0].args.method')
    error = t.c.refused('org.reeve.queues.Configure', name='q', on_failure=[
        {'handler': 'http', 'args': {'url': 'x'}}])
    equal(error.parameters['parameter'], 'on_failure[0].args.url')
    many = t.c.call('SubmitMany', jobs=[
        {'handler': 'http', 'args': {'url': 'x'}}, {'argv': ['true']}])
    equal([(one['index'], one['field']) for one in many['rejected']],
          [(0, 'jobs[0].args.url')])
    equal(t.c.call('Count')['total'], 1)


@story
def what_may_pass_is_tried_again_and_the_rest_is_not(t):
    server = start(t)
    job = run(t, server.url + '/fail/2', retry(5))
    equal((job['state'], job['attempt']), ('succeeded', 3), job)
    seen = [dict(r.headers) for r in server.of('/fail')]
    equal(len({store(r, job['id']) for r in server.of('/fail')}), 1)
    equal([h['X-Reeve-Attempt'] for h in seen], ['1', '2', '3'])
    for status, tries in ((408, 2), (429, 2), (503, 2), (404, 1), (302, 1),
                          (400, 1)):
        job = fails(t, 'HttpStatus', str(status),
                    server.url + '/status/%d' % status, retry(2))
        equal(job['attempt'], tries, job)
        equal(job['failure']['trace'], 'it said so')
    equal(result(t, server.url + '/status/404', ok=[404])['status'], 404)
    fails(t, 'HttpStatus', '200 from', server.url + '/status/200', ok=[404])


@story
def it_comes_again_when_it_was_told_to(t):
    server = start(t)
    jobs = [give(t, server.url + '/retry/%s/1' % after, retry(3))
            for after in ('1', 'd2')]
    for job in jobs:
        equal(t.wait(job)['attempt'], 2)
    for path in ('/retry/1/', '/retry/d2/'):
        first, second = [r.at for r in server.of(path)]
        assert second - first >= 0.9, (path, second - first)


@story
def a_server_may_ask_for_more_time_than_the_rule_gives_never_for_less(t):
    server = start(t)
    words = ('0', '-5', 'soon', '9' * 20, '1')
    rule = {'retry': {'max_attempts': 2, 'backoff_ms': 1500,
                      'backoff_max_ms': 1500, 'jitter': 0}}
    jobs = [give(t, server.url + '/retry/%s/1' % word, rule)
            for word in words]
    for word, job in zip(words, jobs):
        equal(t.wait(job)['attempt'], 2)
        first, second = [r.at for r in server.of('/retry/%s/' % word)]
        assert second - first >= 1.4, (word, second - first)


@story
def nobody_there_nobody_answers_half_an_answer(t):
    server = start(t)
    with contextlib.closing(socket.socket()) as free:
        free.bind(('127.0.0.1', 0))
        nobody = 'http://127.0.0.1:%d/' % free.getsockname()[1]
        job = fails(t, 'ConnectionFailed', 'connect', nobody, retry(3))
        equal(job['attempt'], 3)
    for path in ('/hang', '/sleep/5000'):
        job = fails(t, 'Timeout', 'within 0.2 s', server.url + path,
                    retry(2), timeout_ms=200)
        equal(job['attempt'], 2)
    for path in ('/close', '/partial'):
        job = fails(t, 'ConnectionFailed', '', server.url + path, retry(2))
        equal(job['attempt'], 2)
    fails(t, 'NameNotFound', 'resolve', 'http://nowhere.invalid/')
    fails(t, 'BadRequest', 'URL', 'http://[::1/')


@story
def an_answer_of_10_gb_ends_at_once(t):
    server = start(t, max_answer='100K')
    fails(t, 'TooLarge', '102400 bytes', server.url + '/big', retry(3))
    fails(t, 'TooLarge', '102400 bytes', server.url + '/chunked')
    got = result(t, server.url + '/big', truncate=True)
    equal((got['truncated'], len(got['body'])), (True, 102400))
    equal(result(t, server.url + '/to?/echo', follow=1)['truncated'], False)
    # Whom it tells of an end has heard of it, whatever he answers.
    assert result(t, server.url + '/chunked', job={})['truncated']
    assert server.sent < 100 * 1000 ** 2, server.sent
    if SLOW == 1:
        kib = proc.memory_kib(worker(t))
        assert kib < 64 * 1024, kib


@story
def headers_behind_an_answer_are_not_kept_without_end(t):
    server = start(t)
    # In the tens of seconds of a request it would fill the memory.
    job = fails(t, 'TooLarge', 'headers', server.url + '/trailers', retry(3))
    equal(job['attempt'], 1, 'it is as long the next time')
    # One line is libcurl's to bound.
    for path in ('/line', '/endless'):
        job = fails(t, 'TooLarge', '102400 bytes', server.url + path, retry(3))
        equal(job['attempt'], 1)
    assert server.sent < 50 * 1024 ** 2, server.sent
    equal(result(t, server.url + '/echo')['status'], 200)


@story
def redirects_are_followed_when_asked_for(t):
    server = start(t)
    to = server.url + '/to?' + server.url + '/echo'
    job = fails(t, 'HttpStatus', '302 Found', to)
    assert '/echo' not in job['failure']['message'], job['failure']
    equal(json.loads(result(t, to, follow=1)['body'])['path'], '/echo')
    fails(t, 'HttpStatus', 'more than 3 redirects', server.url + '/loop',
          follow=3)
    for what in ('file:///etc/passwd', 'http://[::1/', 'foo:80/x'):
        fails(t, 'BadRequest', 'no http or https', server.url + '/to?' + what,
              follow=1)
    # One time for all of it.
    fails(t, 'Timeout', 'within 0.2 s', server.url + '/to?/hang', follow=1,
          timeout_ms=200)


@story
def a_redirect_changes_the_method_as_browsers_do(t):
    server = start(t)
    for status, method, then in (
            (301, 'POST', 'GET'), (302, 'POST', 'GET'), (303, 'PUT', 'GET'),
            (302, 'PUT', 'PUT'), (307, 'POST', 'POST'), (308, 'PUT', 'PUT'),
            (303, 'HEAD', 'HEAD')):
        body = {} if method == 'HEAD' else {'body': 'x'}
        result(t, '%s/to%d?/echo' % (server.url, status), method=method,
               follow=1, **body)
        got = server.of('/echo')[-1]
        kept = then == method and method != 'HEAD'
        equal((got.method, got.body), (then, b'x' if kept else b''))
        equal('Content-Type' in dict(got.headers), kept, status)


@story
def what_is_secret_stays_with_whom_it_is_for(t):
    server = start(t)
    other = Server()
    mine = server.url.replace('//', '//me:word@')
    for url, seen in ((server.url + '/echo', True), ('/echo', True),
                      (other.url + '/echo', False)):
        for headers in ({}, {'Authorization': 'Basic x', 'Cookie': 'a=b'}):
            result(t, mine + '/to?' + url, follow=1, headers=headers)
            got = dict((server if seen else other).of('/echo')[-1].headers)
            equal('Authorization' in got, seen, (url, headers))
            equal('Cookie' in got, seen and bool(headers), (url, headers))


@story
def private_addresses_are_out_of_reach(t):
    # In this story 127.0.0.1 is on the internet.
    t.env['REEVE_TEST_HTTP_PUBLIC'] = '127.0.0.1'
    server = start(t, allow_private='no')
    inside = Server('127.0.0.2')
    equal(result(t, server.url + '/status/200')['status'], 200)
    for url in (inside.url, server.url + '/to?' + inside.url,
                server.url + '/to?http://0/', 'http://169.254.169.254/latest',
                'http://[::1]:%d/' % inside.port,
                'http://[::ffff:127.0.0.2]:%d/' % inside.port,
                'http://0x7f000002:%d/' % inside.port):
        job = fails(t, 'AddressRefused', 'allow_private', url, retry(3),
                    follow=2)
        equal(job['attempt'], 1)
    equal(inside.connections, 0, 'not one packet')


@story
def a_name_is_judged_by_where_it_leads(t):
    server = start(t, allow_private='no')
    fails(t, 'AddressRefused', 'a loopback address',
          'http://localhost:%d/echo' % server.port)
    equal(server.connections, 0)
    # Changed while it runs: nor does a connection that is there already.
    configure(t, pool_text({'allow_private': 'yes'}))
    t.c.call(ADMIN + 'Reload')
    eventually(lambda: run(t, server.url + '/echo')['state'] == 'succeeded')


@story
def a_certificate_has_to_be_good(t):
    good = certificate(t.folder)
    t.env['SSL_CERT_FILE'] = good[0]
    trusted = Server(certificate=good)
    stranger = Server(certificate=certificate(t.folder, 'IP:127.0.0.1,DNS:x'))
    start(t, trusted)
    equal(result(t, trusted.url + '/status/200')['status'], 200)
    for url in (stranger.url, 'https://localhost:%d' % trusted.port):
        job = fails(t, 'TlsFailed', '', url, retry(3))
        equal(job['attempt'], 1)
        equal(result(t, url + '/status/200', insecure=True)['status'], 200)
    fails(t, 'BadRequest', 'insecure_callbacks', stranger.url, insecure=True,
          job={})
    equal(trusted.count() + stranger.count(), 3)


@story
def a_signature_is_made_with_a_secret_that_nobody_sees(t):
    key = t.folder / 'hooks.key'
    key.write_text('topsecretword\n')
    server = start(t, secrets='[hooks=%s, gone=/nowhere/x]' % key)
    before = int(time.time())
    job = run(t, server.url + '/echo', json={'a': 1}, secret='hooks')
    request = server.of('/echo')[0]
    stamp, digest = dict(request.headers)['X-Reeve-Signature'].split(',')
    assert before <= int(stamp[2:]) <= time.time(), stamp
    equal(digest, 'v1=' + hmac.new(
        b'topsecretword', stamp[2:].encode() + b'.' + request.body,
        hashlib.sha256).hexdigest())
    # A new one holds at once.
    key.write_text('anotherword')
    run(t, server.url + '/echo', secret='hooks')
    request = server.of('/echo')[1]
    stamp, digest = dict(request.headers)['X-Reeve-Signature'].split(',')
    equal(digest, 'v1=' + hmac.new(b'anotherword', stamp[2:].encode() + b'.',
                                   hashlib.sha256).hexdigest())
    fails(t, 'BadRequest', "none of the name 'other'", server.url,
          secret='other')
    job = fails(t, 'BadRequest', 'No such file', server.url, retry(2),
                secret='gone')
    equal(job['attempt'], 2, 'somebody may mend it')
    equal(server.count('/echo'), 2)
    shown = json.dumps([t.c.call('Get', ids=list(range(1, 5))),
                        t.c.call(ADMIN + 'Config')])
    for text in (shown, t.log_text()):
        assert 'secretword' not in text and 'anotherword' not in text


@story
def a_cancel_ends_a_request_at_once(t):
    server = start(t)
    job = give(t, server.url + '/hang', timeout_ms=60000)
    late = give(t, server.url + '/hang', {'timeout_ms': 300},
                timeout_ms=60000)
    eventually(lambda: server.count('/hang') == 2)
    ended = t.wait(late)
    equal((ended['state'], ended['cause'], ended['failure']['type']),
          ('failed', 'timeout', 'TimedOut'), ended)
    t.c.call('Cancel', filter={'ids': [job]}, grace_ms=60000)
    ended = t.wait(job, within=5)
    equal((ended['state'], ended['failure']['type']),
          ('cancelled', 'Cancelled'), ended)
    eventually(lambda: server.broken == 2, what='both connections are closed')
    equal(len(t.role('http')), 1, 'its worker lives')


@story
def as_many_at_once_as_the_pool_says(t):
    server = start(t, concurrency=5, idle='1s')
    jobs = [give(t, server.url + '/gate') for _ in range(30)]
    eventually(lambda: server.now == 5, what='five are in flight')
    server.open()
    for job in jobs:
        equal(t.wait(job)['state'], 'succeeded')
    equal(server.most, 5, 'at once')
    eventually(lambda: not t.role('http'), what='the worker leaves when idle')
    equal(run(t, server.url + '/echo')['state'], 'succeeded')


def in_flight(t, server, count, spec=None, path='/hang'):
    want = server.count() + count
    jobs = [give(t, server.url + path, spec, timeout_ms=60000)
            for _ in range(count)]
    eventually(lambda: server.count() == want, what='all are in flight')
    return jobs


@story
def a_worker_that_is_killed_costs_each_of_its_requests_one_attempt(t):
    server = start(t)
    once = in_flight(t, server, 10, {'once': True})
    jobs = in_flight(t, server, 100, {'crash_limit': 2})
    t.kill(worker(t))
    for job in once:
        ended = t.wait(job)
        equal((ended['state'], ended['cause']), ('failed', 'worker_lost'))
    # All of them again, and again they all are with one that dies.
    eventually(lambda: server.now >= 100 and server.count() == 210, 20)
    equal({t.get(job)['crashes'] for job in jobs}, {1}, 'charged')
    t.kill(worker(t))
    for job in jobs:
        ended = t.wait(job)
        equal((ended['state'], ended['cause']), ('failed', 'worker_lost'))
        equal((ended['attempt'], ended['crashes']), (2, 2), ended)


@story
def a_broker_that_is_killed_costs_nothing(t):
    server = start(t)
    jobs = in_flight(t, server, 100, path='/gate')
    t.kill_broker()
    t.reconnect()
    server.open()
    for job in jobs:
        ended = t.wait(job)
        equal((ended['state'], ended['attempt']), ('succeeded', 1), ended)
    equal(server.count(), 100, 'requests')


@story
def a_daemon_that_is_killed_finds_its_requests_again(t):
    server = start(t)
    jobs = in_flight(t, server, 20, path='/gate')
    pid = worker(t)
    t.kill_supervisor()
    server.open()
    t.shared.close()
    t.shared = None
    eventually(lambda: not proc.alive(pid), what='it ends when they have')
    t.restart()
    for job in jobs:
        ended = t.wait(job)
        equal((ended['state'], ended['attempt']), ('succeeded', 1), ended)
    equal(server.count(), 20, 'requests')


@story
def both_killed_at_once_and_each_is_charged(t):
    server = start(t)
    jobs = in_flight(t, server, 20, {'crash_limit': 1})
    pid = worker(t)
    os.kill(t.broker(), 19)
    t.kill(pid)
    t.kill_broker()
    t.reconnect()
    for job in jobs:
        equal(t.wait(job)['cause'], 'worker_lost')


@story
def a_pool_that_is_renewed_lets_its_requests_end(t):
    server = start(t)
    jobs = in_flight(t, server, 20, path='/gate')
    old = worker(t)
    t.c.call(ADMIN + 'Recycle', pool='http')
    eventually(lambda: set(t.role('http')) - {old}, what='another worker')
    equal(json.loads(result(t, server.url + '/echo')['body'])['path'], '/echo')
    server.open()
    for job in jobs:
        ended = t.wait(job)
        equal((ended['state'], ended['attempt']), ('succeeded', 1), ended)
    equal(server.count('/gate'), 20, 'requests')
    eventually(lambda: old not in t.role('http'), what='the old one left')


@story
def what_the_environment_says_of_proxies_is_nothing_to_it(t):
    for name in ('http_proxy', 'HTTP_PROXY', 'all_proxy', 'https_proxy'):
        t.env[name] = 'http://127.0.0.1:1/'
    t.env['HOME'] = str(t.folder)
    netrc = t.folder / '.netrc'
    netrc.write_text('machine 127.0.0.1 login me password word\n')
    server = start(t)
    got = result(t, server.url + '/echo')
    assert 'Authorization' not in dict(json.loads(got['body'])['headers'])


if __name__ == '__main__':
    main()
