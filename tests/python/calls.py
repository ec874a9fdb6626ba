#!/usr/bin/python3
"""The client library against a real daemon, with commands for jobs: what
needs no worker in Python.

    calls.py REEVED REEVE [SENTENCE]...
"""
import logging
import os
import pathlib
import re
import sys
import threading
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / 'tests' / 'helper'), str(TOP / 'client' / 'python')]

import reeve  # noqa: E402
from story import (equal, eventually, main, soon,  # noqa: E402
                   story)


def raises(kind, function, *args, **more):
    """The exception of that kind that it must raise."""
    try:
        value = function(*args, **more)
    except kind as error:
        return error
    raise AssertionError('%s was not raised, but %r came' % (
        kind.__name__, value))


@story
def a_job_is_submitted_waited_for_and_read(it):
    it.start()
    with reeve.Client(str(it.socket)) as client:
        number = client.submit(argv=['sh', '-c', 'echo $0; exit 3', 'ä'],
                               name='three', tags={'a': 'b'}, timeout=10)
        job = client.wait(number, 10)
        equal((job.state, job.cause, job.exit_code, job.name),
              ('failed', 'exit', 3, 'three'))
        equal(job.tags, {'a': 'b'})
        equal(client.output(job), 'ä\n'.encode())
        error = raises(reeve.RemoteError, job.check)
        equal((error.cause, error.job['id']), ('exit', number))
        assert 'exit code 3' in str(error)
        equal(client.job(number).id, number)
        equal([job.id for job in client.jobs(states=['failed'])], [number])


@story
def refusals_are_exceptions_with_code_and_hint(it):
    it.start()
    client = reeve.Client(str(it.socket))
    error = raises(reeve.CallError, client.submit, argv=['x'], priorty=3)
    equal(error.code, 'InvalidParameter')
    assert 'priority' in str(error) and error.hint, error
    equal(raises(reeve.CallError, client.submit, 'nobody', ['x']).code,
          'NoSuchHandler')
    equal(raises(reeve.CallError, client.job, 4711).code, 'NoSuchJob')
    raises(TypeError, client.submit, print)
    raises(TimeoutError, client.wait, client.submit(argv=['sleep', '60']),
           0.05)
    raises(reeve.Unreachable, reeve.Client(
        str(it.folder / 'nobody'), reconnect=0.1).request, 'admin.Ping')


@story
def the_socket_is_found_as_the_tool_finds_it(it):
    it.start()
    from reeve import _wire
    from reeve._wire import socket_path
    before = {name: os.environ.pop(name, None) for name in (
        'REEVE_SOCKET', 'REEVE_RUNTIME_DIR', 'XDG_RUNTIME_DIR')}
    try:
        os.environ['REEVE_RUNTIME_DIR'] = str(it.runtime)
        equal(socket_path(), str(it.socket))
        equal(reeve.Client().request('admin.Hello')['uid'], os.getuid())
        os.environ['XDG_RUNTIME_DIR'] = str(it.folder)
        del os.environ['REEVE_RUNTIME_DIR']
        (it.folder / 'reeve').mkdir(0o700)
        (it.folder / 'reeve' / 'reeve.sock').touch()
        equal(socket_path(), str(it.folder / 'reeve' / 'reeve.sock'))
        (it.folder / 'reeve').chmod(0o777)
        raises(reeve.Unreachable, socket_path)
        # Without a session, as in cron, that of one is found if it answers.
        del os.environ['XDG_RUNTIME_DIR']
        session = it.folder / str(os.geteuid()) / 'reeve'
        session.mkdir(0o700, parents=True)
        session.parent.chmod(0o700)
        (session / 'reeve.sock').symlink_to(it.socket)
        _wire.SESSIONS = str(it.folder)
        plain = '/%s/reeve-%d/reeve.sock' % (
            'tmp' if os.geteuid() else 'run', os.geteuid())
        equal(socket_path(), plain if _wire._answers(plain)
              else str(session / 'reeve.sock'))
        (session / 'reeve.sock').unlink()
        (session / 'reeve.sock').touch()
        equal(socket_path() == str(session / 'reeve.sock'), False)
        os.environ['REEVE_SOCKET'] = '/else/where'
        equal(socket_path(), '/else/where')
    finally:
        _wire.SESSIONS = '/run/user'
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


@story
def a_job_has_the_fields_of_the_interface(it):
    text = (TOP / 'proto/org.reeve.jobs.varlink').read_text()
    from reeve.client import Job
    fields = re.search(r'^type Job \((.*?)^\)', text, re.S | re.M).group(1)
    equal(sorted(re.findall(r'^\s+(\w+):', fields, re.M)),
          sorted(Job._FIELDS))


@story
def many_are_submitted_and_come_as_they_end(it):
    it.start()
    client = reeve.Client(str(it.socket))
    group = client.open_group('many')
    ids = client.submit_many(
        [{'argv': ['sh', '-c', 'exit %d' % (n % 2)]} for n in range(20)],
        group=group, name='half')
    equal(len(set(ids)), 20)
    client.close_group(group)
    ended = list(client.as_completed(group=group, timeout=20))
    equal(sorted(job.id for job in ended), ids)
    equal(client.group(group)['counts']['failed'], 10)
    jobs = client.wait(ids, 20)
    equal([job.id for job in jobs], ids)
    equal([job.exit_code for job in jobs], [n % 2 for n in range(20)])


@story
def jobs_are_cancelled_by_id_and_by_filter(it):
    it.start()
    client = reeve.Client(str(it.socket))
    ids = [client.submit(argv=['sleep', '60'], queue='nap') for _ in range(5)]
    equal(client.cancel(ids[0], reason='enough'), 1)
    equal(client.wait(ids[0], 10).state, 'cancelled')
    equal(client.cancel(queue='nap', states=['ready', 'running'], grace=1), 4)
    equal({job.state for job in client.wait(ids, 10)}, {'cancelled'})
    raises(reeve.JobCancelled, client.job(ids[1]).check)


@story
def a_pool_of_commands_has_results_errors_and_callbacks(it):
    it.start()
    good, bad = [], []
    with reeve.Pool(str(it.socket)) as pool:
        results = [pool.apply_async('exec', shell='exit %d' % (n % 3),
                                    callback=good.append,
                                    error_callback=bad.append)
                   for n in range(9)]
        results[0].wait(10)
        assert results[0].ready() and results[0].successful()
    assert all(result.ready() for result in results)
    equal((len(good), len(bad)), (3, 6))
    equal(sorted(error.job['exit_code'] for error in bad), [1] * 3 + [2] * 3)
    raises(ValueError, pool.apply_async, 'exec', shell='true')


@story
def what_has_not_ended_is_told_so(it):
    it.start()
    pool = reeve.Pool(str(it.socket))
    result = pool.apply_async('exec', argv=['sleep', '60'])
    raises(ValueError, result.successful)
    raises(TimeoutError, result.get, 0.05)
    equal(pool.join(0.05), False)
    equal(result.cancel(), True)
    raises(reeve.JobCancelled, result.get, 10)
    equal(result.cancel(), False)
    pool.terminate()
    pool.join()


@story
def terminate_cancels_what_is_pending(it):
    it.start()
    pool = reeve.Pool(str(it.socket))
    results = [pool.apply_async('exec', argv=['sleep', '60'])
               for _ in range(50)]
    began = time.monotonic()
    pool.terminate()
    pool.join()
    soon(began, 5)
    for result in results:
        raises(reeve.JobCancelled, result.get, 0)
    equal(it.c.call('Count', filter={
        'states': ['ready', 'running']})['total'], 0)


@story
def a_callback_that_raises_is_logged_and_stops_nobody(it):
    it.start()
    said = []

    class Say(logging.Handler):
        def emit(self, record):
            said.append(record.getMessage())
    log = logging.getLogger('reeve')
    log.addHandler(Say())
    log.propagate = False
    good = []

    def callback(value):
        if not good:
            good.append('raised')
            raise RuntimeError('no')
        good.append(value)
    with reeve.Pool(str(it.socket)) as pool:
        results = [pool.apply_async('exec', argv=['true'], callback=callback)
                   for _ in range(10)]
    assert all(result.successful() for result in results)
    equal(len(good), 10)
    equal(len([text for text in said if 'callback' in text]), 1)


@story
def a_callback_that_hangs_holds_up_no_result(it):
    it.start()
    hang = threading.Event()
    pool = reeve.Pool(str(it.socket))
    first = pool.apply_async('exec', argv=['true'],
                             callback=lambda _: hang.wait(60))
    first.get(10)
    results = [pool.apply_async('exec', argv=['true']) for _ in range(20)]
    for result in results:
        result.get(10)
    equal(pool.join(0.1), False)  # the callback is still at it
    hang.set()
    pool.close()
    equal(pool.join(10), True)


@story(seconds=120)
def a_replaced_broker_loses_nothing_and_doubles_nothing(it):
    it.start()
    it.whole()
    count = it.folder / 'count'
    command = ['/bin/sh', '-c', 'echo x >>"$0"', str(count)]
    pool = reeve.Pool(str(it.socket))
    results = []
    for round_ in range(4):
        results += [pool.apply_async('exec', argv=command)
                    for _ in range(100)]
        time.sleep(0.02)
        it.kill_broker()
        results += [pool.apply_async('exec', argv=command)
                    for _ in range(100)]
        results[-1].get(60)
    pool.close()
    pool.join()
    assert all(result.successful() for result in results)
    equal(len(count.read_text().splitlines()), 800)
    it.reconnect()
    equal(it.c.call('Count')['total'], 800)


@story
def a_wait_goes_on_with_the_next_broker(it):
    it.start()
    client = reeve.Client(str(it.socket))
    gate = it.gate()
    ids = [client.submit(argv=gate.argv), client.submit(argv=['true'])]
    gate.started()
    jobs = []
    waiter = threading.Thread(
        target=lambda: jobs.extend(client.wait(ids, 30)))
    waiter.start()
    it.kill_broker()
    gate.open()
    waiter.join()
    equal([(job.id, job.state) for job in jobs],
          [(number, 'succeeded') for number in ids])


@story
def a_daemon_that_stays_away_ends_the_waiting(it):
    it.start()
    client = reeve.Client(str(it.socket), reconnect=0.5)
    pool = reeve.Pool(client)
    result = pool.apply_async('exec', argv=['sleep', '4'])
    result.wait(0.2)
    it.terminate()
    raises(reeve.Unreachable, result.get, 20)
    raises(reeve.Unreachable, pool.apply_async, 'exec', argv=['true'])
    pool.close()
    equal(pool.join(5), True)


@story
def a_window_bounds_what_is_outstanding(it):
    it.start()
    pool = reeve.Pool(str(it.socket), window=10)
    done = []

    def feed():
        for _ in range(30):
            done.append(pool.apply_async('exec', argv=['sleep', '60']))
    thread = threading.Thread(target=feed, daemon=True)
    thread.start()
    eventually(lambda: len(done) == 10)
    thread.join(0.2)
    equal(len(done), 10)
    done[0].cancel()
    eventually(lambda: len(done) == 11)
    # Whoever is waiting for room goes on as well.
    while thread.is_alive():
        for result in done:
            result.cancel()
    thread.join()
    pool.terminate()
    pool.join()


@story
def a_forgotten_pool_finishes_and_goes(it):
    it.start()
    before = threading.active_count()
    pool = reeve.Pool(str(it.socket))
    result = pool.apply_async('exec', argv=['true'])
    del pool
    result.get(10)
    del result
    eventually(lambda: threading.active_count() == before)


if __name__ == '__main__':
    main()
