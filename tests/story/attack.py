#!/usr/bin/python3
"""What a hostile reviewer tried; each of these broke something once.

covers: daemon/broker/fleet daemon/broker/given daemon/broker/sock
covers: daemon/broker/worker_link
"""
import contextlib
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'helper'))
from story import (SLOW, Closed, Skip, equal, eventually,  # noqa: E402
                   main, story)
import proc  # noqa: E402

STUBBORN = 'trap "" TERM; echo $$ >"$0.up"; while :; do sleep 0.05; done'


def memory_kib(pid):
    status = pathlib.Path('/proc/%d/status' % pid).read_text()
    return int(status.split('VmRSS:')[1].split()[0])


@story
def a_cancel_outlives_the_broker_that_took_it(t):
    t.start(workers=2)
    gate = t.gate()
    job = t.submit(['/bin/sh', '-c', STUBBORN, gate.path])
    pid = gate.started()
    t.kill_broker()
    t.reconnect()
    # Its worker may not have dialled in yet.
    t.c.call('Cancel', filter={'ids': [job]}, grace_ms=200)
    t.kill_broker()
    t.reconnect()
    t.c.call('Cancel', filter={'ids': [job]}, grace_ms=200)
    equal(t.wait(job)['state'], 'cancelled')
    eventually(lambda: not proc.alive(pid), 1, 'the job is gone')


@story(soak=True, seconds=200)
def a_worker_that_is_stopped_keeps_no_job_for_ever(t):
    t.start(workers=2)
    gate = t.gate()
    job = t.submit(gate.argv, crash_limit=1)
    pid = gate.started()
    for worker in t.worker_pids():
        t.kill(worker, signal.SIGSTOP)
    others = [t.submit(['/bin/true']) for _ in range(5)]
    for other in others:
        equal(t.wait(other, 100)['state'], 'succeeded')
    equal(t.wait(job)['cause'], 'worker_lost')
    eventually(lambda: not proc.alive(pid), 1, 'the job is gone')


def feed(client, data):
    """Sends what goes without waiting; False when the daemon closed it."""
    try:
        client.socket.setblocking(False)
        client.socket.send(data)
    except BlockingIOError:
        pass
    except OSError:
        return False
    finally:
        client.socket.settimeout(client.timeout)
    return True


@story(seconds=90)
def half_messages_of_many_connections_have_a_limit_together(t):
    t.start()
    before = memory_kib(t.broker())
    clients = [t.client() for _ in range(40)]
    head = b'{"method":"org.reeve.jobs.Submit","parameters":{"job":"'
    for client in clients:
        client.raw(head)
    piece = b'x' * 150000
    # Within message_seconds, which are 10 of however slow a build.
    most, deadline = 0, time.monotonic() + 6
    refused = []
    while not refused and time.monotonic() < deadline:
        refused = [client for client in clients if not feed(client, piece)]
        most = max(most, memory_kib(t.broker()) - before)
    if not refused:
        raise Skip('this machine is too slow to send so much in time')
    # Who goes on sending may lose the answer with the connection.
    with contextlib.suppress(Closed):
        error = refused[0].read()
        equal(error['error'], 'org.reeve.jobs.TooLarge')
        equal(error['parameters']['what'], 'input')
    # Whoever sends little is not concerned.
    t.c.call('admin.Ping')
    equal(t.run(['/bin/true'])['state'], 'succeeded')
    for client in clients:
        client.close()
    t.note('%d KiB at most' % most)
    if SLOW == 1:
        assert most < 420 * 1024, most
        eventually(lambda: memory_kib(t.broker()) < before + 40000, 10,
                   'the memory is given back')


if __name__ == '__main__':
    main()
