#!/usr/bin/python3
"""Descriptors whose job, worker, broker or daemon is lost, or that no job gets.

A job is told that they are gone, and none is left behind, whoever is killed.

covers: daemon/broker/carry daemon/base/rights daemon/store/sqlite_strand
"""
import array
import contextlib
import os
import pathlib
import random
import socket
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'helper'))
from given import (  # noqa: E402
    Pipe, at_end, file_of, give, give_one, leaves_nothing)
from story import (  # noqa: E402
    CallError, Closed, equal, eventually, main, story)
from wire import encode  # noqa: E402
import proc  # noqa: E402

PING = encode('admin.Ping')


@story
def a_killed_worker_ends_the_job_for_good_and_closes_all(t):
    def killed():
        with Pipe() as ends:
            gate = t.gate()
            job = give(t, gate.argv, [ends.writing], stderr_fd=0)
            ends.close()
            gate.started()
            t.kill(t.worker_of(job))
            ended = t.wait(job)
            equal((ended['state'], ended['cause'], ended['attempt']),
                  ('failed', 'worker_lost', 1))
            at_end(ends.reading)
    t.start(workers=1).whole()
    killed()
    t.whole()
    give_one(t)


@story
def one_that_waits_behind_a_killed_worker_is_given_to_the_next(t):
    t.start(workers=1)
    gate = t.gate()
    running = t.submit(gate.argv)
    gate.started()
    with file_of(b'still there') as file:
        job = give(t, ['/bin/cat'], [file.fileno()], stdin_fd=0)
    t.kill(t.worker_of(running))
    gate.started()
    gate.open()
    equal(t.wait(job)['state'], 'succeeded')
    equal(t.output(job), b'still there')


def lost(t, job):
    ended = t.wait(job)
    equal((ended['state'], ended['cause']), ('failed', 'exec'))
    equal(ended['failure']['type'], 'DescriptorsLost')
    assert 'submit it again' in ended['failure']['message'], ended
    return ended


@story
def what_waits_fails_with_its_broker_and_is_told_so_once(t):
    t.start(workers=1)
    with Pipe() as ends:
        held = give(t, ['/bin/true'], [ends.writing], stdout_fd=0, hold=True)
        later = give(t, ['/bin/true'], [ends.writing], stdout_fd=0,
                     delay_ms=3600000)
        group = t.c.call('OpenGroup')['group']
        grouped = give(t, ['/bin/true'], [ends.writing], stdout_fd=0, hold=True,
                       group=group)
        other = t.submit(['/bin/true'], hold=True)
        t.c.call('queues.Configure', name='stopped', max_length=9)
        t.c.call('queues.Pause', name='stopped')
        ready = give(t, ['/bin/true'], [ends.writing], stdout_fd=0,
                     queue='stopped')
        ends.close()
        t.kill_broker()
        t.reconnect()
        for job in (held, later, grouped, ready):
            equal(lost(t, job)['attempt'], 0)
        at_end(ends.reading)
    equal(t.get(other)['state'], 'held')
    equal(t.c.call('GetGroup', group=group)['group']['counts']['failed'], 1)
    equal(t.c.call('Retry', filter={'ids': [held]}), {'count': 0})
    before = t.c.call('Get', ids=[held, later, grouped, ready])['jobs']
    t.kill_broker()
    t.reconnect()
    equal(t.c.call('Get', ids=[held, later, grouped, ready])['jobs'], before)


@story
def what_runs_goes_on_and_what_a_worker_has_is_run(t):
    t.start(workers=1)
    gate = t.gate()
    with Pipe() as ends:
        running = give(t, ['/bin/sh', '-c', '"$@"; echo end', 'sh',
                           *gate.argv], [ends.writing], stdout_fd=0)
        ends.close()
        gate.started()
        t.kill_broker()
        t.reconnect()
        gate.open()
        ended = t.wait(running)
        equal((ended['state'], ended['attempt']), ('succeeded', 1))
        equal(os.read(ends.reading, 99), b'end\n')
        at_end(ends.reading)


@story
def a_daemon_that_is_stopped_fails_what_waits_at_its_next_start(t):
    t.start(workers=1)
    with file_of() as file:
        job = give(t, ['/bin/cat'], [file.fileno()], stdin_fd=0, hold=True)
    t.c.close()
    t.shared = None
    equal(t.terminate(), 0)
    t.restart()
    t.reconnect()
    lost(t, job)


@story(seconds=120)
def nothing_is_left_of_descriptors_that_no_job_gets(t):
    def rights(fds):
        return [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                 array.array('i', fds).tobytes())]

    def flood(fds):
        """With every byte of a message that never ends; then it hangs up."""
        client = t.client()
        # Too many may be on their way, if the user is not root.
        with contextlib.suppress(OSError):
            for byte in b'{"method":"org.reeve.jobs.Submit","para':
                client.socket.sendmsg([bytes([byte])], rights(fds * 60))
        client.close()

    def without_message(fds):
        client = t.client()
        client.raw(PING + b'\0')
        client.result()
        for _ in range(50):
            client.socket.sendmsg([b'\n'], rights(fds * 10))
        client.raw(PING + b'\0')
        client.read()
        client.close()

    def half(fds):
        client = t.client()
        data = encode('Submit', {'job': {'argv': ['x'], 'stdin_fd': 0}})
        client.socket.sendmsg([data], rights(fds))
        client.close()

    def broken(fds):
        client = t.client()
        with contextlib.suppress(Closed, BrokenPipeError,
                                 ConnectionResetError):
            client.socket.sendmsg([b'{"method":}\0'], rights(fds * 16))
            client.read()
        client.close()

    def oneway(fds):
        client = t.client()
        client.send('Submit', {'job': {'argv': ['x'], 'stdin_fd': 7}},
                    fds=fds, oneway=True)
        equal(client.call('Flush'), {'accepted': 0, 'rejected': 1})
        client.close()

    def existing(fds):
        spec = {'argv': ['/bin/true'], 'stdin_fd': 0, 'key': 'k'}
        jobs = {t.c.call('Submit', {'job': spec}, fds=fds)['id']
                for _ in range(3)}
        equal(len(jobs), 1)

    def cancelled(fds):
        job = give(t, ['/bin/true'], fds, stdin_fd=0, hold=True)
        t.c.call('Cancel', filter={'ids': [job]})

    def expired(fds):
        give(t, ['/bin/true'], fds, stdin_fd=0, hold=True, expire_ms=1)

    def not_started(fds):
        job = give(t, ['/no/such/program'], fds, stdin_fd=0)
        equal(t.wait(job)['cause'], 'exec')

    def full(fds):
        t.c.call('queues.Configure', name='full', max_length=1)
        t.c.call('queues.Pause', name='full')
        with contextlib.suppress(CallError):
            for _ in range(2):
                give(t, ['/bin/true'], fds, stdin_fd=0, queue='full')
        t.c.call('queues.Purge', name='full')

    def each():
        with Pipe() as ends:
            for way in (flood, without_message, half, broken, oneway, existing,
                        cancelled, expired, not_started, full):
                for _ in range(10):
                    way([ends.writing])
            ends.close()
            # The broker looks once a second for what expired.
            at_end(ends.reading)
    leaves_nothing(t, each)


@story(seconds=60)
def its_own_connection_and_sockets_in_sockets_are_not_kept(t):
    def cycle():
        # An end of the connection in the connection, behind a call that
        # waits for ever: nobody would ever see it hang up.
        job = t.submit(['/bin/true'], hold=True)
        client = t.client()
        client.send('Wait', {'ids': [job]})
        client.send('Submit', {'job': {'argv': ['/bin/true'],
                                       'stdin_fd': 0}},
                    fds=[client.socket.fileno()])
        client.close()
        # A socket whose queue holds its own other end.
        ours, theirs = socket.socketpair()
        socket.send_fds(ours, [b'x'], [ours.fileno(), theirs.fileno()])
        give(t, ['/bin/true'], [theirs.fileno()], stdin_fd=0)
        ours.close()
        theirs.close()

    def each():
        for _ in range(5):
            cycle()
    t.start(workers=1).whole()
    give_one(t)
    broker = t.broker()
    before = proc.descriptors(broker)
    each()
    # As long as a message may take to arrive, and a look of the clock.
    eventually(lambda: proc.descriptors(broker) <= before, 20,
               'all is closed')


@story(seconds=120)
def whatever_is_killed_each_job_writes_once_or_says_that_it_did_not(t):
    seed = int(os.environ.get('REEVE_TEST_SEED', '0')) or (
        random.SystemRandom().randrange(1 << 32))
    t.note('seed %d' % seed)
    dice = random.Random(seed)
    t.start(workers=2).whole()
    jobs = []
    with contextlib.ExitStack() as stack:
        for _ in range(12):
            with t.client() as client:
                for _ in range(10):
                    ends = stack.enter_context(Pipe())
                    script = 'sleep 0.0%d; echo %d' % (dice.randrange(3),
                                                       len(jobs))
                    job = give(t, ['/bin/sh', '-c', script], [ends.writing],
                               client, stdout_fd=0)
                    ends.close()
                    jobs.append((job, ends))
            victim = dice.choice([*t.role('worker'), *t.role('broker')])
            with contextlib.suppress(ProcessLookupError):
                t.kill(victim)
            t.reconnect()
        kinds = {}
        for number, (job, ends) in enumerate(jobs):
            ended = t.wait(job)
            text = b''
            while piece := os.read(ends.reading, 99):
                text += piece
            kind = (ended['state'], ended['cause'])
            kinds[kind] = kinds.get(kind, 0) + 1
            whole = b'%d\n' % number
            if kind == ('succeeded', 'none'):
                equal(text, whole, ended)
            elif kind == ('failed', 'exec'):
                equal(ended['failure']['type'], 'DescriptorsLost', ended)
                equal(text, b'', ended)
            else:
                equal(kind, ('failed', 'worker_lost'), ended)
                assert text in (b'', whole), (text, ended)
        t.note(str(kinds))


@story(seconds=60)
def so_many_are_held_and_no_more_and_the_next_is_told(t):
    t.limits = {'RLIMIT_NOFILE': (200, 200)}

    def each():
        error = None
        jobs = []
        with file_of() as file:
            for _ in range(100):
                try:
                    jobs.append(give(t, ['/bin/true'], [file.fileno()] * 2,
                                     stdin_fd=0, stdout_fd=1, hold=True))
                except CallError as caught:
                    error = caught
                    break
            equal(error.short, 'TooLarge')
            equal(error.parameters['what'], 'descriptors')
            equal(error.parameters['limit'], 50)
            assert error.parameters['hint'], error
            equal(len(jobs), 25)
            # Others go on.
            equal(t.run(['/bin/true'])['state'], 'succeeded')
            t.c.call('Release', filter={'ids': jobs})
            for job in jobs:
                equal(t.wait(job)['state'], 'succeeded')
            equal(t.wait(give(t, ['/bin/cat'], [file.fileno()],
                              stdin_fd=0))['state'], 'succeeded')
    leaves_nothing(t, each, workers=1)


@story(seconds=300)
def thousands_of_jobs_leave_no_descriptor(t):
    def each():
        with file_of(b'x') as file, t.client() as client:
            for _ in range(100):
                for _ in range(100):
                    client.send('Submit', {'job': {
                        'argv': ['/bin/true'], 'stdin_fd': 0}},
                        fds=[file.fileno()])
                ids = [client.result()['id'] for _ in range(100)]
                client.call('Wait', ids=ids, wait_ms=60000)
    leaves_nothing(t, each)


if __name__ == '__main__':
    main()
