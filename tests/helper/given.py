"""Descriptors for jobs: what is given, and whether any is left behind."""

import contextlib
import os
import tempfile

from story import equal, eventually
import proc


def give(t, argv, fds, client=None, **spec):
    return (client or t.c).call('Submit', {'job': {'argv': argv, **spec}},
                                fds=fds)['id']


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
    gates = [t.gate() for _ in range(t.workers)]
    jobs = [t.submit(gate.argv) for gate in gates]
    for gate in gates:
        gate.started()
    for gate in gates:
        gate.open()
    for job in jobs:
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
