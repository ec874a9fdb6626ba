#!/usr/bin/python3
"""What a pool makes of answers that a real daemon gives seldom: an end before
its id, refusals, a connection that breaks at the worst moment."""
import json
import pathlib
import shutil
import socket
import tempfile
import threading

from broker import eventually
from tap import equal, main, test

import reeve


class Daemon:
    """A client's daemon of a few lines; each test says how it answers.

    on_submit(jobs) -> a reply, or None to close the connection instead.
    """

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='reeve-python-'))
        self.path = str(self.folder / 'sock')
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(self.path)
        self.listener.listen(16)
        self.ids = {}  # by key
        self.groups = 0
        self.calls = []
        self.waits = []
        self.on_submit = self.take
        self.on_wait = lambda asked: None
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                it = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.serve, args=(it,),
                             daemon=True).start()

    def serve(self, it):
        buffer = b''
        while True:
            data = it.recv(65536)
            if not data:
                return
            *messages, buffer = (buffer + data).split(b'\0')
            for message in messages:
                call = json.loads(message)
                reply = self.answer(it, call['method'].rsplit('.', 1)[1],
                                    call['parameters'])
                if reply is False:
                    it.shutdown(socket.SHUT_RDWR)
                    it.close()
                    return
                if reply is not None:
                    self.say(it, reply)

    @staticmethod
    def say(it, reply):
        it.sendall(json.dumps(reply).encode() + b'\0')

    def answer(self, it, method, asked):
        self.calls.append((method, asked))
        if method == 'OpenGroup':
            self.groups += 1
            return {'parameters': {'group': self.groups}}
        if method == 'Wait':
            self.waits.append(it)
            return self.on_wait(asked)
        if method == 'SubmitMany':
            return self.on_submit(asked['jobs'])
        return {'parameters': {}}

    def take(self, jobs):
        return {'parameters': {'durability': 'sync', 'ids': [
            self.ids.setdefault(job['key'], len(self.ids) + 1)
            for job in jobs]}}

    def end(self, number, **more):
        """Tell on the last stream of ends that a job has succeeded."""
        job = {'id': number, 'state': 'succeeded', 'result': number, **more}
        self.say(self.waits[-1], {'parameters': {
            'jobs': [], 'ends': [job], 'pending': 1}, 'continues': True})

    def clean(self):
        self.listener.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def raises(kind, function, *args):
    try:
        value = function(*args)
    except kind as error:
        return error
    raise AssertionError('%r came' % (value,))


@test
def an_end_may_come_before_its_id(d):
    def submit(jobs):
        reply = d.take(jobs)
        eventually(lambda: d.waits)
        for number in reply['parameters']['ids']:
            d.end(number)
        told.wait(5)
        return reply
    told = threading.Event()
    d.on_submit = submit
    pool = reeve.Pool(d.path)
    result = pool.apply_async('x')
    eventually(lambda: pool._pump.early)
    told.set()
    equal(result.get(5), 1)
    equal((pool._pump.early, pool._pump.waiting), ({}, {}))


@test
def one_that_is_refused_fails_alone(d):
    def submit(jobs):
        ids = d.take(jobs)['parameters']['ids']
        ids[1] = 0
        threading.Timer(0.05, lambda: [d.end(n) for n in ids if n]).start()
        return {'parameters': {'ids': ids, 'rejected': [{
            'index': 1, 'error': 'org.reeve.jobs.QueueFull',
            'message': 'full'}]}}
    d.on_submit = submit
    pool = reeve.Pool(d.path)
    result = pool.map_async('x', range(3))
    error = raises(reeve.CallError, result.get, 5)
    equal((error.code, [index for index, _ in result.errors]),
          ('QueueFull', [1]))
    equal(result.partial(), [1, None, 3])


@test
def a_call_that_is_refused_fails_all_of_it(d):
    d.on_submit = lambda jobs: {'error': 'org.reeve.jobs.Draining',
                                'parameters': {'message': 'going down'}}
    pool = reeve.Pool(d.path)
    results = [pool.apply_async('x') for _ in range(3)]
    for result in results:
        equal(raises(reeve.CallError, result.get, 5).code, 'Draining')
    equal(pool.join(5), True)


@test
def what_was_not_answered_is_sent_again_with_its_keys(d):
    def submit(jobs):
        reply = d.take(jobs)
        if len(seen) < 2:
            seen.append([job['key'] for job in jobs])
            return False  # committed, and nobody was told
        seen.append([job['key'] for job in jobs])
        return reply

    def wait(asked):
        if 'ids' in asked:  # what may be of the group before
            return {'parameters': {'jobs': [], 'ends': [
                {'id': n, 'state': 'succeeded', 'result': n}
                for n in asked['ids']], 'pending': 0}}
        return None
    seen = []
    d.on_submit, d.on_wait = submit, wait
    pool = reeve.Pool(d.path)
    results = pool.map_async('x', range(5))
    equal(results.get(10), [1, 2, 3, 4, 5])
    equal(seen[0], seen[1])
    equal(seen[0], seen[2])
    equal(d.groups, 3)


@test
def a_job_that_is_forgotten_meanwhile_is_told_so(d):
    def wait(asked):
        if asked.get('ids') == [1, 2]:
            return {'error': 'org.reeve.jobs.NoSuchJob',
                    'parameters': {'id': 1, 'message': 'there is no job 1'}}
        if 'ids' in asked:
            return {'parameters': {'jobs': [], 'ends': [
                {'id': 2, 'state': 'succeeded', 'result': 'two'}],
                'pending': 0}}
        return None
    d.on_wait = wait
    pool = reeve.Pool(d.path)
    first, second = pool.apply_async('x'), pool.apply_async('x')
    eventually(lambda: len(pool._pump.waiting) == 2)
    d.waits[0].shutdown(socket.SHUT_RDWR)
    equal(raises(reeve.CallError, first.get, 5).code, 'NoSuchJob')
    equal(second.get(5), 'two')


@test
def an_iterable_that_raises_ends_the_map_with_that(d):
    def submit(jobs):
        ids = d.take(jobs)['parameters']['ids']
        threading.Timer(0.05, lambda: [d.end(n) for n in ids]).start()
        return {'parameters': {'ids': ids}}

    def items():
        yield 1
        yield 2
        raise OSError('no more')
    d.on_submit = submit
    pool = reeve.Pool(d.path)
    raises(OSError, pool.map, 'x', items())
    stream = pool.imap('x', items())
    next(stream), next(stream)
    raises(OSError, next, stream)
    raises(StopIteration, next, stream)
    raises(TypeError, pool.map, 'x', [1, object()])


@test
def batches_carry_a_thousand_jobs_at_most(d):
    sizes = []

    def submit(jobs):
        sizes.append(len(jobs))
        reply = d.take(jobs)
        threading.Timer(0.02, lambda: [
            d.end(n) for n in reply['parameters']['ids']]).start()
        return reply
    d.on_submit = submit
    pool = reeve.Pool(d.path, window=3000)
    equal(len(pool.map('x', range(7000))), 7000)
    equal(sum(sizes), 7000)
    assert max(sizes) <= 1000 and len(sizes) < 40, sizes
    large = pool.map_async('x', ['y' * 400000] * 8)
    equal(len(large.get(20)), 8)
    equal(sizes[-3:], [3, 3, 2])


if __name__ == '__main__':
    main(Daemon)
