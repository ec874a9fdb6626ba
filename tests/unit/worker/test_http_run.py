#!/usr/bin/python3
"""A worker that makes requests, many at once; this test plays the broker.

    test_http_run.py WORKER_ROLE

covers: daemon/worker/run_http daemon/worker/handlers
"""
import collections
import json
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / 'helper'))
from http_server import Server  # noqa: E402
from worker_driver import STORE, Worker  # noqa: E402
from worker_suite import ROLE, eventually, main, test  # noqa: E402

SERVER = None
SLOW_NAMES = os.environ.get('REEVE_TEST_SLOW_NAMES')


def server():
    global SERVER
    SERVER = Server()
    return SERVER


class Http(Worker):
    def __init__(self, *settings):
        super().__init__(ROLE, run=settings or ('concurrency=100',), env={
            'WORKER_ROLE_HTTP': '1', 'REEVE_HANDLERS': 'http web',
            **({'LD_PRELOAD': SLOW_NAMES} if SLOW_NAMES else {})})
        self.broker = self.accept()
        self.begun = []

    def request(self, path='/hang', more=None, **args):
        self.token += 1
        return {'job': self.token + 1000, 'attempt': 1, 'token': self.token,
                'group': 0, 'context': 0, 'timeout_ms': 0, 'grace_ms': 10000,
                'orphans': 'kill', 'handler': 'http', 'queue': 'q',
                'spec': {'args': {'url': SERVER.url + path, **args}},
                **(more or {})}

    def hear(self):
        """The next statement, but that a request has begun."""
        while True:
            said = self.broker.hear()
            if 'start' not in said:
                return said
            self.begun.append(said['start'])

    def give(self, *jobs):
        self.broker.say(*jobs)
        return jobs

    def fails(self, job, kind):
        end = self.hear()
        assert (end.get('fail'), end['token']) == (
            job['job'], job['token']), end
        assert end['error']['type'] == kind, end
        return end


def in_flight(count):
    eventually(lambda: SERVER.now == count)


@test
def it_says_what_it_serves_and_for_how_many():
    server()
    worker = Http('concurrency=7', 'allow_private=yes')
    assert worker.ready['handlers'] == ['http', 'web'], worker.ready
    assert worker.ready['prefetch'] == 7, worker.ready
    assert worker.ready['holding'] == []


@test
def they_end_in_any_order():
    server()
    worker = Http()
    slow, quick = worker.give(worker.request('/gate'),
                              worker.request('/status/200'))
    end = worker.hear()
    assert (end['done'], end['result']['status']) == (quick['job'], 200), end
    SERVER.open()
    assert worker.hear()['done'] == slow['job']


@test
def one_is_cancelled_and_the_others_go_on():
    server()
    worker = Http()
    first, second, third = worker.give(*[worker.request() for _ in 'abc'])
    in_flight(3)
    worker.broker.say({'cancel': second['job'], 'token': second['token'],
                       'grace_ms': 60000, 'reason': 'client'})
    worker.fails(second, 'Cancelled')
    worker.broker.say({'cancel': third['job'], 'token': third['token'],
                       'reason': 'timeout'})
    worker.fails(third, 'TimedOut')
    in_flight(1)
    assert worker.broker.is_silent(0.05), first


@test
def what_runs_is_held_and_not_begun_twice():
    server()
    worker = Http('concurrency=2')
    jobs = worker.give(*[worker.request('/gate') for _ in 'abc'])
    in_flight(2)
    worker.broker.close()
    worker.broker = worker.accept()
    held = worker.ready['holding']
    assert [one['token'] for one in held] == [job['token'] for job in jobs]
    assert ['started_ms' in one for one in held] == [True, True, False], held
    worker.give(*jobs)
    SERVER.open()
    ended = {worker.hear()['done'] for _ in jobs}
    assert ended == {job['job'] for job in jobs}, ended
    assert worker.broker.is_silent(0.05)
    assert SERVER.count() == 3, SERVER.count()


@test
def who_waits_is_given_back_and_what_runs_ends():
    server()
    worker = Http('concurrency=2')
    jobs = worker.give(*[worker.request('/gate') for _ in 'abcd'])
    in_flight(2)
    worker.broker.say({'recall': [{'job': jobs[3]['job'],
                                   'token': jobs[3]['token']}]})
    assert worker.hear() == {'put_back': [
        {'job': jobs[3]['job'], 'token': jobs[3]['token']}]}
    worker.broker.say({'drain': True})
    assert worker.hear() == {'leaving': True}
    assert worker.hear() == {'put_back': [
        {'job': jobs[2]['job'], 'token': jobs[2]['token']}]}
    SERVER.open()
    for _ in range(2):
        assert worker.hear()['result']['body'] == 'open'
    worker.broker.say({'settled': [jobs[0]['token'], jobs[1]['token']]})
    assert worker.process.wait(10) == 0


@test
def without_a_broker_results_go_to_disk():
    server()
    worker = Http()
    jobs = worker.give(*[worker.request('/gate') for _ in 'ab'])
    in_flight(2)
    worker.listener.close()
    worker.broker.close()
    SERVER.open()
    for job in jobs:
        path = pathlib.Path(worker.folder, 'results', str(job['token']))
        eventually(path.exists)
        line = json.loads(path.read_text())
        assert (line['done'], line['token']) == (job['job'], job['token'])


@test
def few_look_up_their_hosts_at_a_time_and_addresses_do_not_wait():
    if not SLOW_NAMES:
        return
    server()
    worker = Http('concurrency=1000')
    named = [worker.request(url='http://host%d.slow/' % i)
             for i in range(150)]
    late = worker.request(url='http://late.slow/', timeout_ms=1)
    jobs = worker.give(*named, late, worker.request('/status/200'))
    end = worker.hear()
    while end.get('done') != jobs[-1]['job']:
        assert end['fail'] == late['job'], end
        end = worker.hear()
    # Before it had a turn nothing could be looked up.
    assert len(worker.begun) < 60, worker.begun
    most, types = 0, collections.Counter()
    while sum(types.values()) < 150:
        most = max(most, len(os.listdir('/proc/%d/task' %
                                        worker.process.pid)))
        end = worker.hear()
        if end['fail'] != late['job']:
            types[end['error']['type']] += 1
    assert types == {'NameNotFound': 150}, types
    assert 2 < most <= 34, most


@test
def redirects_are_no_way_around_that():
    if not SLOW_NAMES:
        return
    server()
    worker = Http('concurrency=1000')
    jobs = worker.give(*[worker.request('/to?http://host%d.slow/' % i,
                                        follow=1) for i in range(150)])
    most = 0
    for _ in jobs:
        end = worker.hear()
        assert end['error']['type'] == 'NameNotFound', end
        most = max(most, len(os.listdir('/proc/%d/task' %
                                        worker.process.pid)))
    assert 2 < most <= 34, most
    # They have begun, also when they wait for the second look-up.
    assert sorted(worker.begun) == [job['job'] for job in jobs]
    late, = worker.give(worker.request('/to?http://host.slow/', follow=1,
                                       timeout_ms=100))
    worker.fails(late, 'Timeout')


@test
def what_is_private_is_not_for_jobs_of_others():
    server()
    worker = Http('allow_private=auto')
    other = {'uid': os.geteuid() + 1}
    job, = worker.give(worker.request('/status/200', other))
    end = worker.fails(job, 'AddressRefused')
    assert end['retry'] is False, end
    assert SERVER.connections == 0
    # Nor over a connection that somebody else has opened.
    worker.give(worker.request('/status/200'))
    assert worker.hear()['result']['status'] == 200
    job, = worker.give(worker.request('/status/200', other))
    worker.fails(job, 'AddressRefused')
    assert SERVER.connections == 1 and SERVER.count() == 1


@test
def through_a_proxy_go_only_jobs_that_may_go_anywhere():
    server()
    worker = Http('allow_private=auto', 'proxy=' + SERVER.url,
                  'no_proxy=127.0.0.1')
    other = {'uid': os.geteuid() + 1}
    for url in ('http://example.org/', 'http://192.0.2.1/'):
        job, = worker.give(worker.request(more=other, url=url))
        end = worker.fails(job, 'AddressRefused')
        assert 'proxy' in end['error']['message'], end
        assert end['retry'] is False, end
    # What goes around it is judged as ever.
    job, = worker.give(worker.request('/status/200', other))
    end = worker.fails(job, 'AddressRefused')
    assert 'loopback' in end['error']['message'], end
    assert SERVER.connections == 0
    worker.give(worker.request(url='http://nowhere.invalid/status/200'))
    assert worker.hear()['result']['status'] == 200
    # A redirect leads nobody else there, either.
    worker = Http('allow_private=auto', 'proxy=' + SERVER.url)
    job, = worker.give(worker.request('/status/200', other))
    worker.fails(job, 'AddressRefused')
    assert SERVER.connections == 1


@test
def its_key_is_of_the_job_in_the_store_that_hello_told_of():
    server()
    worker = Http()
    first = worker.request('/echo')
    second = {**first, 'token': first['token'] + 1, 'attempt': 2}
    third = {**first, 'token': first['token'] + 2, 'attempt': 3}
    worker.give(first)
    worker.hear()
    worker.give(second)
    worker.hear()
    # A hello may come again, of a daemon that does not say it, too.
    worker.broker.say({'hello': 1, 'socket': '/x', 'grace_ms': 1})
    worker.give(third)
    worker.hear()
    assert [dict(r.headers)['Idempotency-Key'] for r in SERVER.of('/echo')] \
        == ['reeve-%s-%d' % (STORE, first['job'])] * 3


@test
def it_is_asked_to_leave_by_a_signal():
    server()
    worker = Http()
    # It has read the hello, or it would have nobody to say anything to.
    worker.broker.say({'ping': 5})
    assert worker.hear() == {'pong': 5}
    worker.process.terminate()
    assert worker.hear() == {'leaving': True, 'idle': True}
    assert worker.process.wait(10) == 0


@test
def words_that_mean_nothing_are_no_birth():
    worker = Worker(ROLE, run=('colour=blue',), env={'WORKER_ROLE_HTTP': '1'})
    assert worker.process.wait(10) == 2


if __name__ == '__main__':
    sys.exit(main())
