#!/usr/bin/python3
"""Descriptors with a job: files, pipes, sockets and folders of the submitter.

They belong to the message in which the read that brought them ended, and each
is claimed by one field.

covers: daemon/broker/carry daemon/base/rights
"""
import array
import contextlib
import os
import pathlib
import socket
import sys
import threading
import subprocess

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'helper'))
from given import Pipe, at_end, file_of, give  # noqa: E402
from story import (  # noqa: E402
    PATIENCE, CallError, equal, eventually, main, story)
from wire import encode  # noqa: E402

INVALID = 'org.varlink.service.InvalidParameter'
PING = encode('admin.Ping')


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
    ours.settimeout(10 * PATIENCE)
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
def the_client_gives_its_stdin_to_a_job(t):
    t.start()

    def reeve(*words, **options):
        done = subprocess.run([t.reeve, '--socket', str(t.socket), *words],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=30 * PATIENCE, **options)
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
