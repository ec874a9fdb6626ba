#!/usr/bin/python3
"""Descriptors with a job: files, pipes, sockets and folders of the submitter.

They belong to the message in which the read that brought them ended, each is
claimed by one field, and none is left behind, whatever happens to the job, its
worker or the broker.

covers: daemon/broker/carry daemon/base/rights daemon/store/sqlite_strand
"""
import array
import contextlib
import os
import pathlib
import random
import socket
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'helper'))
from story import (SLOW, CallError, Closed, equal,  # noqa: E402
                   eventually, main, story)
from wire import encode  # noqa: E402
import proc  # noqa: E402

INVALID = 'org.varlink.service.InvalidParameter'
PING = encode('admin.Ping')


def give(t, argv, fds, client=None, **spec):
    return (client or t.c).call('Submit', {'job': {'argv': argv, **spec}},
                                fds=fds)['id']


def refused(t, parameter, fds=(), job=None, method='Submit', **fields):
    """InvalidParameter about that field; the connection goes on."""
    with t.client() as client:
        parameters = fields or {'job': {'argv': ['/bin/true'], **(job or {})}}
        client.send(method, parameters, fds=fds)
        reply = client.read()
        equal(reply.get('error'), INVALID, reply)
        equal(reply['parameters']['parameter'], parameter, reply)
        assert reply['parameters']['message'], reply
        assert reply['parameters']['hint'], reply
        client.call('admin.Ping')
    return reply['parameters']['message']


@contextlib.contextmanager
def file_of(text=b''):
    with tempfile.TemporaryFile() as file:
        file.write(text)
        file.flush()
        file.seek(0)
        yield file


class Pipe:
    """Both ends; one that was closed is not closed twice."""

    def __init__(self):
        self.reading, self.writing = os.pipe()

    def close(self):
        """Our writing end: what is left of it is the daemon's."""
        writing, self.writing = self.writing, -1
        if writing >= 0:
            os.close(writing)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
        os.close(self.reading)


def at_end(end):
    """Has nobody the other end any more?"""
    os.set_blocking(end, False)

    def closed():
        try:
            return os.read(end, 65536) == b''
        except BlockingIOError:
            return False
    eventually(closed, 10, 'the other end is closed everywhere')


def leaves_nothing(t, action, **options):
    """Afterwards the broker and the workers hold as many as before."""
    t.start(**options).whole()
    # Each worker has run one: it has a cgroup, and its buffers.
    for job in [t.submit(['/bin/sleep', '0.05']) for _ in range(8)]:
        t.wait(job)
    give_one(t)
    pids = [t.broker(), *t.worker_pids()]
    before = {pid: proc.descriptors(pid) for pid in pids}
    action()
    t.c.call('admin.Ping')
    equal(t.broker(), pids[0], 'the same broker')
    for pid in pids:
        eventually(lambda pid=pid: proc.descriptors(pid) <= before[pid], 10,
                   'no descriptor stays in %s' % proc.describe(pid))


def give_one(t):
    with file_of(b'x') as file:
        equal(t.wait(give(t, ['/bin/cat'], [file.fileno()],
                          stdin_fd=0))['state'], 'succeeded')


@story
def a_job_reads_a_file_and_writes_to_others(t):
    t.start()
    with file_of(b'c\na\nb\n') as data, file_of() as out, file_of() as err:
        job = give(t, ['/bin/sh', '-c', 'sort; echo oops >&2'],
                   [err.fileno(), data.fileno(), out.fileno()],
                   stdin_fd=1, stdout_fd=2, stderr_fd=0)
        ended = t.wait(job)
        equal((ended['state'], ended['stdout_bytes'], ended['stderr_bytes']),
              ('succeeded', 0, 0))
        equal(os.pread(out.fileno(), 99, 0), b'a\nb\nc\n')
        equal(os.pread(err.fileno(), 99, 0), b'oops\n')
    reply = t.c.call('Output', id=job)
    equal((reply['chunks'], reply['eof'], reply['elsewhere']),
          ([], True, ['stdout', 'stderr']))
    job = t.run(['/bin/echo', 'kept'])['id']
    assert 'elsewhere' not in t.c.call('Output', id=job)


@story
def only_the_stream_that_was_given_is_not_kept(t):
    t.start()
    with file_of() as out:
        job = give(t, ['/bin/sh', '-c', 'echo there; echo here >&2'],
                   [out.fileno()], stdout_fd=0)
        t.wait(job)
        equal(os.pread(out.fileno(), 99, 0), b'there\n')
    equal(t.output(job, 'stderr'), b'here\n')
    equal(t.c.call('Output', id=job)['elsewhere'], ['stdout'])


@story
def a_pipe_ends_when_the_job_has_closed_it_and_not_later(t):
    t.start()
    with Pipe() as ends:
        gate = t.gate()
        job = give(t, ['/bin/sh', '-c', 'echo first; exec >/dev/null; '
                       'exec "$@"', 'sh', *gate.argv], [ends.writing], stdout_fd=0)
        ends.close()
        gate.started()
        # It runs still, and nobody of the daemon keeps the pipe open.
        equal(os.read(ends.reading, 99), b'first\n')
        at_end(ends.reading)
        equal(t.job_state(job), 'running')
        gate.open()
        equal(t.wait(job)['state'], 'succeeded')


@story
def a_socket_serves_both_ways(t):
    t.start()
    ours, theirs = socket.socketpair()
    give(t, ['/bin/cat'], [theirs.fileno(), theirs.fileno()], stdin_fd=0,
         stdout_fd=1)
    theirs.close()
    ours.settimeout(10 * SLOW)
    ours.sendall(b'there and back')
    equal(ours.recv(99), b'there and back')
    ours.shutdown(socket.SHUT_WR)
    equal(ours.recv(99), b'')
    ours.close()


@story
def a_job_runs_in_a_folder_that_has_no_name_any_more(t):
    t.start()
    folder = t.folder / 'here'
    folder.mkdir()
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    moved = t.folder / 'there'
    folder.rename(moved)
    job = give(t, ['/bin/pwd', '-P'], [fd], cwd_fd=0)
    equal(t.wait(job)['state'], 'succeeded')
    equal(t.output(job).decode().strip(), str(moved))
    os.close(fd)
    with file_of() as file:
        ended = t.wait(give(t, ['/bin/true'], [file.fileno()], cwd_fd=0))
    equal(ended['cause'], 'exec')
    assert 'directory that came with it' in ended['failure']['message']


@story
def a_long_message_and_pieces_of_it_keep_their_descriptors(t):
    t.start()
    with file_of(b'text') as file:
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                   array.array('i', [file.fileno()]).tobytes())]
        for size in (10, 5000, 40000, 300000):
            for where in ('first', 'last', 'all'):
                file.seek(0)
                client = t.client()
                data = encode('Submit', {'job': {
                    'argv': ['/bin/cat'], 'stdin_fd': 0,
                    'tags': {'t': 'x' * size}}}) + b'\0'
                # What others sent before it has nothing to do with it.
                client.raw(PING + b'\0')
                if where == 'last':
                    client.raw(data[:-1])
                    data = data[-1:]
                sent = client.socket.sendmsg(
                    [data[:1] if where == 'first' else data], rights)
                client.raw(data[sent:])
                client.result()
                job = client.result()['id']
                equal(t.wait(job)['state'], 'succeeded', (size, where))
                equal(t.output(job), b'text', (size, where))
                client.close()


@story
def each_of_many_pipelined_calls_gets_its_own(t):
    t.start()
    with t.client() as client, contextlib.ExitStack() as stack:
        for i in range(30):
            file = stack.enter_context(file_of(b'%d' % i))
            client.send('Submit', {'job': {'argv': ['/bin/cat'],
                                           'stdin_fd': 0}},
                        fds=[file.fileno()])
            client.send('Submit', {'job': {'argv': ['/bin/true']}})
        ids = [client.result()['id'] for _ in range(60)]
    for i, job in enumerate(ids[::2]):
        equal(t.wait(job)['state'], 'succeeded')
        equal(t.output(job), b'%d' % i)


@story
def wrong_claims_are_refused_by_name(t):
    t.start()
    with file_of() as file:
        one = [file.fileno()]
        refused(t, 'descriptors', one)
        refused(t, 'descriptors', one * 2, {'stdin_fd': 0})
        message = refused(t, 'descriptors', one * 3,
                          {'stdin_fd': 0, 'stdout_fd': 2})
        assert 'number 1' in message, message
        refused(t, 'job.stdin_fd', (), {'stdin_fd': 0})
        refused(t, 'job.stdout_fd', one, {'stdin_fd': 0, 'stdout_fd': 1})
        refused(t, 'job.stderr_fd', one, {'stdout_fd': 0, 'stderr_fd': 0})
        refused(t, 'job.cwd_fd', one, {'cwd_fd': -1})
        refused(t, 'job.cwd_fd', one, {'cwd_fd': 16})
        refused(t, 'job.stdin_fd', one, {'stdin_fd': 0, 'stdin': 'x'})
        refused(t, 'job.cwd_fd', one, {'cwd_fd': 0, 'context': {'cwd': '/'}})
        message = refused(t, 'job.retry', one, {
            'stdin_fd': 0, 'retry': {'max_attempts': 2}})
        assert 'descriptors' in message, message
        refused(t, 'job.payload_fd', one, {'payload_fd': 0})
        refused(t, 'descriptors', one * 17)
        refused(t, 'descriptors', one * 200, {'stdin_fd': 0})
        refused(t, 'descriptors', one, method='admin.Ping', payload='x')
        refused(t, 'descriptors', one, method='SubmitMany',
                jobs=[{'argv': ['x'], 'stdin_fd': 0}])
    equal(t.c.call('Count')['total'], 0)
    many = t.c.call('SubmitMany', jobs=[{'argv': ['x'], 'stdin_fd': 0},
                                        {'argv': ['/bin/true']}])
    equal([item['field'] for item in many['rejected']], ['jobs[0].stdin_fd'])
    with file_of() as file:
        equal(t.c.call('Submit', {'job': {'argv': ['x'], 'stdin_fd': 0},
                                  'dry_run': True}, fds=[file.fileno()]), {})
        error = None
        try:
            t.c.call('Submit', {'job': {'argv': ['x']}, 'dry_run': True},
                     fds=[file.fileno()])
        except CallError as caught:
            error = caught
        equal(error.parameters['parameter'], 'descriptors')


@story
def a_job_with_descriptors_is_neither_repeated_nor_edited(t):
    t.start()
    with file_of() as file:
        one = [file.fileno()]
        failed = give(t, ['/bin/false'], one, stdin_fd=0)
        equal(t.wait(failed)['state'], 'failed')
        cancelled = give(t, ['/bin/true'], one, stdin_fd=0, hold=True)
        error = t.c.refused('Edit', id=cancelled, job={'argv': ['x']})
        equal(error.short, 'WrongState')
        assert 'descriptors' in error.parameters['message'], error
        t.c.call('Cancel', filter={'ids': [cancelled]})
        equal(t.c.call('Retry', filter={'ids': [failed, cancelled]}),
              {'count': 0})
        explained = t.c.call('Explain', id=failed)
        assert not [reason for reason in explained['reasons']
                    if 'retry' in reason.get('remedy', '')], explained
        equal(t.get(failed)['state'], 'failed')


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
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
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


@story
def the_client_gives_its_stdin_to_a_job(t):
    t.start()

    def reeve(*words, **options):
        done = subprocess.run([t.reeve, '--socket', str(t.socket), *words],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=30 * SLOW, **options)
        return done.returncode, done.stdout, done.stderr

    with file_of(b'b\na\n') as file:
        equal(reeve('run', '--', 'sort', stdin=file), (0, b'a\nb\n', b''))
    equal(reeve('run', '--', 'wc', '-c', input=b'x' * 3000000),
          (0, b'3000000\n', b''))
    equal(reeve('run', '--', 'cat', stdin=subprocess.DEVNULL), (0, b'', b''))
    equal(reeve('run', '--stdin', '--', 'cat', input=b'data'),
          (0, b'data', b''))
    # A job that may be tried again cannot have a stream.
    code, out, err = reeve('run', '--retry', '1', '--', 'cat', input=b'x')
    equal((code, out), (0, b''))
    assert b'--stdin' in err, err
    # It is lost with the daemon, and said so.
    t.c.call('queues.Configure', name='stopped', max_length=9)
    t.c.call('queues.Pause', name='stopped')
    found = []
    waiting = threading.Thread(target=lambda: found.append(reeve(
        'run', '-q', 'stopped', '--', 'cat', input=b'x')))
    waiting.start()
    eventually(lambda: t.c.call('Count', filter={'queue': 'stopped'})['total'])
    t.kill_broker()
    waiting.join()
    equal(found[0][:2], (122, b''))
    assert b'submit it again' in found[0][2], found
    t.reconnect()
    with file_of() as out:
        job = give(t, ['/bin/echo', 'x'], [out.fileno()], stdout_fd=0)
        t.wait(job)
    code, out, err = reeve('logs', str(job))
    equal((code, out), (0, b''))
    assert b'stdout of job %d is not kept' % job in err, err


if __name__ == '__main__':
    main()
