#!/usr/bin/python3
"""reeve.Consumer, against the fake daemon.

    consumers.py REEVE [TEST]...
"""
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / 'tests' / 'client'), str(TOP / 'client' / 'python')]

import reeve  # noqa: E402
from tool import Place, finish, holds, run_tests, same  # noqa: E402

TOOL = os.path.abspath(sys.argv[1])


class Shop(Place):
    def __init__(self, *flags):
        super().__init__(TOOL)
        self.start(*flags)
        self.client = reeve.Client(self.socket, reconnect=5)

    def __exit__(self, *_):
        self.client.close()
        super().__exit__()

    def consumer(self, *handlers, **options):
        return reeve.Consumer(*(handlers or ('far',)), client=self.client,
                              **options)

    def submit(self, *args, **options):
        return self.client.submit('far', args, **options)

    def state(self, number):
        return self.client.job(number).state


def raises(kind, function, *args, **more):
    try:
        value = function(*args, **more)
    except kind as error:
        return error
    raise AssertionError('%r came instead of %s' % (value, kind))


def test_a_forked_child_has_none_of_the_leases():
    with Shop() as shop, shop.consumer(lease=30) as consumer:
        number = shop.submit([1])
        job, = consumer.reserve()
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            consumer.close()  # puts back what it holds
            os.write(writer, b'%d' % len(consumer._held))
            os._exit(0)
        same(os.waitpid(pid, 0)[1], 0)
        same(os.read(reader, 9), b'0')
        same(consumer.ack(job, 1), True)
        same(shop.state(number), 'succeeded')


def test_a_job_is_taken_and_acknowledged():
    with Shop() as shop, shop.consumer(lease=30) as consumer:
        number = shop.client.submit('far', [2], {'n': 3}, queue='img')
        job, = consumer.reserve()
        same((job.id, job.attempt, job.handler, job.queue, job.timeout_ms),
             (number, 1, 'far', 'img', None))
        same(job.args, {'args': [2], 'kwargs': {'n': 3}})
        same(job.apply(lambda a, n: [a, n]), [2, 3])
        assert 25000 < job.deadline_ms - time.time() * 1000 < 35000
        same(consumer.ack(job, {'all': 'well'}), True)
        same(shop.client.wait(number, 5).check(), {'all': 'well'})
        # Twice is no harm, and told.
        same((consumer.ack(job), job.lost), (False, True))


def test_a_failure_has_type_message_and_trace():
    with Shop() as shop, shop.consumer() as consumer:
        shop.submit(), shop.submit()
        first, second = consumer.reserve(10)
        try:
            {}['x']
        except KeyError as error:
            same(consumer.fail(first, error, retry_after=5), True)
        same(consumer.fail(second, 'no paper', bury=True), True)
        failure = shop.client.job(first.id).failure
        same((failure['type'], failure['message']), ('KeyError', "'x'"))
        holds(failure['trace'], 'Traceback', "{}['x']")
        same(shop.client.job(second.id).failure['message'], 'no paper')
        same([[outcome.get(name) for name in ('retry_ms', 'bury')]
              for call in shop.calls('Settle') for outcome in call[
                  'outcomes']], [[5000, None], [None, True]])


def test_waiting_is_bounded_and_filtered():
    with Shop() as shop, shop.consumer('far', 'near', queues='img') as it:
        shop.submit()
        same(it.reserve(wait=0), [])
        begun = time.monotonic()
        same(it.reserve(5, wait=0.3), [])
        assert 0.2 < time.monotonic() - begun < 30
        same(shop.calls('Reserve')[1],
             {'handlers': ['far', 'near'], 'queues': ['img'], 'max': 5,
              'lease_ms': 60000, 'wait_ms': 300})


def test_what_was_not_settled_is_put_back():
    with Shop() as shop:
        numbers = [shop.submit() for _ in range(3)]
        with shop.consumer() as consumer:
            jobs = consumer.reserve(3)
            consumer.ack(jobs[1])
        same([shop.state(number) for number in numbers],
             ['ready', 'succeeded', 'ready'])
        same(shop.client.job(numbers[0]).attempt, 0)


def test_nack_takes_a_delay():
    with Shop() as shop, shop.consumer() as consumer:
        shop.submit()
        job, = consumer.reserve()
        same(consumer.nack(job, delay=2.5), True)
        same(shop.calls('Nack'), [{'held': [job.held()], 'delay_ms': 2500}])


def test_extend_tells_of_the_cancelled_and_the_lost():
    with Shop() as shop, shop.consumer() as consumer:
        for _ in range(3):
            shop.submit()
        kept, gone, asked = consumer.reserve(3)
        shop.client.request('consume.Nack', {'held': [gone.held()]})
        shop.client.cancel(asked.id)
        before = kept.deadline_ms
        same(consumer.extend(lease=600), [kept])
        same([(job.lost, job.cancelled) for job in (kept, gone, asked)],
             [(False, False), (True, False), (False, True)])
        assert kept.deadline_ms > before + 500000
        same(consumer.progress(kept, 0.25, 'a quarter'), True)
        same(consumer.progress(asked), False)
        same(shop.client.job(kept.id).progress, 0.25)
        consumer.fail(asked, 'cancelled')
        same(shop.state(asked.id), 'cancelled')


def test_a_loop_ends_when_another_thread_stops_it():
    with Shop() as shop, shop.consumer() as consumer:
        numbers = [shop.submit(n) for n in range(5)]
        seen = []

        def work():
            for job in consumer:
                consumer.ack(job, job.apply(lambda n: n * n))
                seen.append(job.id)
        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        shop.client.wait(numbers, 20)
        shop.until(lambda: len(seen) == 5)
        consumer.stop()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()
        same(sorted(seen), numbers)
        later = shop.submit()
        same((consumer.reserve(), shop.state(later)), ([], 'ready'))


def test_a_replaced_daemon_is_found_again():
    with Shop() as shop, shop.consumer() as consumer:
        found = []
        thread = threading.Thread(
            target=lambda: found.extend(consumer.reserve()))
        thread.start()
        shop.until(lambda: shop.calls('Reserve'))
        shop.stop()
        time.sleep(0.1)
        shop.start()
        number = shop.submit()
        thread.join(60)
        same([job.id for job in found], [number])
        same(consumer.ack(found[0]), True)


def test_an_answer_that_was_lost_is_asked_for_again():
    # Submit, Reserve, Settle.
    with Shop('--cut', '3') as shop, shop.consumer() as consumer:
        number = shop.submit()
        job, = consumer.reserve()
        same(consumer.ack(job, 5), False)
        same(shop.client.job(number).result, 5)


def test_a_handler_of_a_pool_is_refused():
    with Shop() as shop, shop.consumer('square') as consumer:
        error = raises(reeve.CallError, consumer.reserve)
        same((error.code, error.parameters['pool']), ('PoolServes', 'img'))
        raises(TypeError, reeve.Consumer)


def test_the_example_ends_with_sigterm():
    with Shop() as shop:
        path = TOP / 'etc' / 'examples' / 'squares.py'
        text = path.read_text().replace("'square'", "'far'")
        with subprocess.Popen(
                [sys.executable, '-c', text], stdin=subprocess.DEVNULL,
                env={**shop.environment,
                     'PYTHONPATH': str(TOP / 'client' / 'python')},
                stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            try:
                same(shop.client.call('far', [12], wait=20), 144)
                raises(TypeError, shop.client.call, 'far', ['x'])
                process.send_signal(signal.SIGTERM)
                result = finish(process)
            finally:
                process.kill()
        same((result.code, result.err), (0, ''))


if __name__ == '__main__':
    sys.exit(run_tests(sys.modules[__name__], sys.argv[2:]))
