#!/usr/bin/python3
"""A worker that dies, or misses a word, while no broker listens.

covers: daemon/broker/recover daemon/broker/fleet_end daemon/broker/fleet
"""
import contextlib
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'helper'))
from story import Skip, equal, eventually, main, story  # noqa: E402


def counting_gate(t):
    """A gate whose starts can be counted afterwards."""
    gate = t.gate()
    gate.log = pathlib.Path(gate.path + '.log')
    gate.argv = ['/bin/sh', '-c', 'echo x >>"$0.log"; ' + gate.SCRIPT,
                 gate.path]
    return gate


def raise_credit(t):
    """Short jobs: after them a worker gets the next ones ahead of time."""
    ids = t.c.call('SubmitMany', jobs=[{'argv': ['/bin/true']}] * 150)['ids']
    t.c.call('Wait', ids=ids, wait_ms=60000, timeout=90)


def two_in_a_row(t, **second):
    """Two gates on one worker; the broker stops while the first runs, and so
    does not hear its end; then the second runs."""
    for _ in range(10):
        raise_credit(t)
        first, behind = counting_gate(t), counting_gate(t)
        ids = t.c.call('SubmitMany', jobs=[
            {'argv': first.argv}, {'argv': behind.argv, **second}])['ids']
        first.started()
        broker = t.kill_broker(signal.SIGSTOP)
        first.open()
        try:
            behind.started(1)
            return first, behind, ids, broker
        except AssertionError:
            # It was slow, and had asked the second one back already.
            with contextlib.suppress(ProcessLookupError):
                t.kill(broker, signal.SIGCONT)
            behind.open()
            t.wait(ids[1])
    raise Skip('too slow: the second was always asked back')


@story(seconds=120)
def a_once_job_that_began_unheard_is_never_run_again(t):
    t.start(workers=1)
    first, behind, ids, broker = two_in_a_row(t, once=True)
    worker, = t.worker_pids()
    # The end of the first is in a socket that nobody reads any more.
    t.kill(worker, signal.SIGSTOP)
    try:
        t.kill(broker)
    except ProcessLookupError:
        raise Skip('too slow: the broker that stood still was replaced')
    t.kill(worker)
    t.reconnect()
    first.open()
    ended = t.wait(ids[1])
    equal((ended['state'], ended['cause']), ('failed', 'worker_lost'))
    equal(behind.log.read_text(), 'x\n')
    equal(t.wait(ids[0])['state'], 'succeeded')


@story(seconds=60)
def a_cancel_reaches_a_worker_that_was_away(t):
    t.start(workers=1)
    gate = t.gate()
    job = t.submit(gate.argv)
    gate.started()
    worker = t.worker_of(job)
    t.kill(worker, signal.SIGSTOP)
    t.kill_broker()
    t.reconnect()
    t.c.call('Cancel', filter={'ids': [job]})
    equal(t.job_state(job), 'running')
    t.kill(worker, signal.SIGCONT)
    ended = t.wait(job)
    equal((ended['state'], ended['cause']), ('cancelled', 'cancelled'))


@story(seconds=60)
def a_cancel_outlives_the_broker_that_took_it(t):
    t.start(workers=1)
    gate = t.gate()
    job = t.submit(gate.argv)
    gate.started()
    worker = t.worker_of(job)
    t.kill(worker, signal.SIGSTOP)
    t.kill_broker()
    t.reconnect()
    t.c.call('Cancel', filter={'ids': [job]})
    t.kill_broker()
    t.reconnect()
    t.kill(worker, signal.SIGCONT)
    equal(t.wait(job)['state'], 'cancelled')


@story(seconds=120)
def what_never_began_goes_back_though_nobody_takes_it(t):
    for _ in range(15):
        t.start(workers=1)
        t.reconnect()
        raise_credit(t)
        first, behind = counting_gate(t), counting_gate(t)
        ids = t.c.call('SubmitMany', jobs=[
            {'argv': first.argv}, {'argv': behind.argv, 'once': True}])['ids']
        first.started()
        broker = t.kill_broker(signal.SIGSTOP)
        worker, = t.worker_pids()
        t.kill(t.supervisor)
        t.kill(broker)
        t.exit_of(t.supervisor)
        first.open()
        began = time.monotonic()
        eventually(lambda: worker not in t.worker_pids(), 30,
                   'the worker left')
        behind.open()
        if time.monotonic() - began > 4:  # it had something to give back
            break
        t.start(workers=1)
        t.reconnect()
        t.wait(ids[1])
        t.terminate()
    else:
        raise Skip('too slow: the second never reached the worker')
    equal(behind.log.exists(), False)
    t.start(workers=1)
    t.reconnect()
    equal(t.wait(ids[0])['state'], 'succeeded')
    equal(t.wait(ids[1])['state'], 'succeeded')
    equal(behind.log.read_text(), 'x\n')


if __name__ == '__main__':
    main()
