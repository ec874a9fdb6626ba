"""One thread that carries a pool's jobs to the daemon and their ends back.

Submissions are gathered while the one before is under way, so that batches
grow with the load. All belong to a group of the pool's own, and a second
connection tells each end as it comes (Wait with more). When the broker is
replaced, what was not answered is sent again with the same keys, and what
was is waited for by id: nothing is lost, nothing runs twice.

A sink is who wants the ends: deliver(index, job), refuse(index, error).
"""
import collections
import logging
import os
import select
import threading
import time
import weakref

from ._spec import Keys
from ._wire import Connection, message, parameters_of
from .errors import CallError, JobCancelled, Unreachable

log = logging.getLogger('reeve')

BATCH_JOBS = 1000
BATCH_BYTES = 1 << 20
UNDER_WAY = 2  # batches
IDS = 10000


def _close(*fds):
    for fd in fds:
        os.close(fd)


class Run:
    """Jobs of one sink with the same defaults, not yet in a batch."""

    __slots__ = ('defaults', 'sink', 'index', 'bodies', 'size')

    def __init__(self, defaults, sink, index, bodies):
        self.defaults = defaults
        self.sink = sink
        self.index = index
        self.bodies = bodies
        self.size = sum(map(len, bodies))


class Batch:
    __slots__ = ('defaults', 'places', 'jobs', 'again')

    def __init__(self, defaults):
        self.defaults = defaults
        self.places = []  # (sink, index)
        self.jobs = []  # JSON texts
        self.again = False

    def message(self, group):
        return ('{"method":"org.reeve.jobs.SubmitMany","parameters":'
                '{"defaults":{%s"group":%d},"jobs":[%s]}}\0' % (
                    self.defaults, group, ','.join(self.jobs))).encode()


class Pump:
    def __init__(self, path, reconnect, window):
        self.path = path
        self.reconnect = reconnect
        self.window = window
        self.pid = os.getpid()  # of whom the thread is
        self.room = threading.Condition()
        self.outstanding = 0
        self.blocked = 0  # threads that wait for room, or for the end
        self.pending = collections.deque()
        self.under_way = collections.deque()
        self.waiting = {}  # (sink, index) by id
        self.early = {}  # ends that were quicker than the reply with the id
        self.groups = []
        self.keys = Keys()
        self.ending = False  # stop when nothing is outstanding
        self.broken = None  # why nothing works any more
        self.sleeping = False
        self.wake_fd, self.waker_fd = os.pipe()
        os.set_blocking(self.wake_fd, False)
        self.calls = None  # the connection for submissions
        self.streams = []  # those that tell ends
        weakref.finalize(self, _close, self.wake_fd, self.waker_fd)
        self._open(0.0)
        self.thread = threading.Thread(target=self._main, name='reeve-pump',
                                       daemon=True)
        self.thread.start()

    # -- from any thread

    def check(self):
        """Raises RuntimeError in a forked process: no thread serves it."""
        if self.pid != os.getpid():
            raise RuntimeError(
                'this Pool is that of process %d: a process that was forked '
                'makes one of its own' % self.pid)

    def put(self, defaults, sink, index, bodies, window=True):
        """Hand jobs over; waits while `window` of them are outstanding."""
        self.check()
        with self.room:
            while window and self.outstanding >= self.window and (
                    not self.broken):
                self.blocked += 1
                self.room.wait()
                self.blocked -= 1
            if self.broken:
                raise self.broken
            self.outstanding += len(bodies)
        self.pending.append(Run(defaults, sink, index, bodies))
        if self.sleeping:
            self.wake()

    def wake(self):
        self.sleeping = False
        os.write(self.waker_fd, b'x')

    def drained(self, timeout=None):
        """Wait until nothing is outstanding; False if it took too long."""
        with self.room:
            self.blocked += 1
            try:
                return self.room.wait_for(
                    lambda: self.outstanding == 0, timeout)
            finally:
                self.blocked -= 1

    def end(self):
        """Stop when nothing is outstanding any more."""
        self.ending = True
        if self.pid == os.getpid():  # else it is the parent's
            self.wake()

    def drop_pending(self):
        """What was not sent yet never will be."""
        while True:
            try:
                run = self.pending.popleft()
            except IndexError:
                return
            error = JobCancelled('cancelled before it was submitted',
                                 cause='cancelled')
            for i in range(len(run.bodies)):
                run.sink.refuse(run.index + i, error)
            self._ended(len(run.bodies))

    def id_of(self, sink):
        """The id of a sink with one job, None if it has none (any more)."""
        for number, (other, _) in list(self.waiting.items()):
            if other is sink:
                return number
        return None

    # -- the thread

    def _main(self):
        try:
            while not (self.ending and self.outstanding == 0 and
                       not self.pending):
                try:
                    self._turn()
                except (OSError, EOFError, ValueError) as error:
                    self._again(error)
        except Unreachable as error:
            self._give_up(error)
        except BaseException as error:
            log.exception('the pump of a pool failed')
            self._give_up(error)
        finally:
            self._shut()

    def _turn(self):
        while self.pending and len(self.under_way) < UNDER_WAY:
            self._send(self._gather())
        poll = select.poll()
        poll.register(self.wake_fd, select.POLLIN)
        poll.register(self.calls, select.POLLIN)
        by_fd = {self.wake_fd: None, self.calls.fileno(): self.calls}
        for stream in self.streams:
            poll.register(stream, select.POLLIN)
            by_fd[stream.fileno()] = stream
        # Whoever puts something looks at `sleeping` afterwards.
        self.sleeping = len(self.under_way) < UNDER_WAY
        if self.sleeping and self.pending:
            self.sleeping = False
            return
        ready = poll.poll()
        self.sleeping = False
        for fd, _ in ready:
            it = by_fd[fd]
            if it is None:
                os.read(self.wake_fd, 4096)
            elif it is self.calls:
                for reply in it.arrived():
                    self._answered(self.under_way.popleft(), reply)
            else:
                self._told(it, it.arrived())

    def _gather(self):
        """A batch from the front of what is pending."""
        pending = self.pending
        batch = Batch(pending[0].defaults)
        size = 0
        # One that may be lost, or run twice, must not have a key.
        keyed = '"durability":"memory"' not in batch.defaults
        while pending and len(batch.jobs) < BATCH_JOBS and (
                size < BATCH_BYTES and
                pending[0].defaults == batch.defaults):
            run = pending.popleft()
            room = BATCH_JOBS - len(batch.jobs)
            if len(run.bodies) > room or run.size > BATCH_BYTES:
                room = min(room, max(1, len(run.bodies) * BATCH_BYTES //
                                     (run.size + 1)))
                rest = run.bodies[room:]
                if rest:
                    pending.appendleft(Run(run.defaults, run.sink,
                                           run.index + room, rest))
                run.bodies = run.bodies[:room]
            for i, body in enumerate(run.bodies):
                batch.places.append((run.sink, run.index + i))
                key = '"key":"%s"' % self.keys.next() if keyed else ''
                batch.jobs.append('{%s%s%s}' % (
                    key, ',' if key and body else '', body))
                size += len(body)
        return batch

    def _send(self, batch):
        self.under_way.append(batch)
        self.calls.send(batch.message(self.groups[-1]))

    def _answered(self, batch, reply):
        try:
            said = parameters_of(reply)
        except CallError as error:
            for sink, index in batch.places:
                sink.refuse(index, error)
            self._ended(len(batch.places))
            return
        ids = said['ids']
        refused = {item['index']: item for item in said.get('rejected') or ()}
        ended = 0
        new = []
        for i, number in enumerate(ids):
            place = batch.places[i]
            if not number:
                item = refused.get(i, {})
                place[0].refuse(place[1], CallError(
                    item.get('error', 'org.reeve.jobs.Rejected'),
                    {'message': item.get('message'),
                     'parameter': item.get('field')}))
                ended += 1
                continue
            job = self.early.pop(number, None) if self.early else None
            if job is None:
                self.waiting[number] = place
                new.append(number)
            else:
                place[0].deliver(place[1], job)
                ended += 1
        if not self.under_way:
            self.early.clear()
        if batch.again:
            self._wait_for(new)  # some may be in the group of before
        if ended:
            self._ended(ended)

    def _told(self, stream, replies):
        ended = 0
        waiting = self.waiting
        for reply in replies:
            if 'error' in reply:
                ended += self._stream_failed(stream, reply)
                break
            for job in reply['parameters']['ends']:
                place = waiting.pop(job['id'], None)
                if place is not None:
                    place[0].deliver(place[1], job)
                    ended += 1
                elif self.under_way:
                    self.early[job['id']] = job
            if 'continues' not in reply:
                self.streams.remove(stream)
                stream.close()
        if ended:
            self._ended(ended)

    def _stream_failed(self, stream, reply):
        """NoSuchJob: it ended, and is not kept any more."""
        error = CallError(reply['error'], reply.get('parameters') or {})
        self.streams.remove(stream)
        stream.close()
        number = error.parameters.get('id')
        place = self.waiting.pop(number, None)
        if place is None:
            raise ConnectionResetError(str(error))
        place[0].refuse(place[1], error)
        self._wait_for(list(self.waiting))
        return 1

    def _ended(self, count):
        with self.room:
            self.outstanding -= count
            if self.blocked:
                self.room.notify_all()

    # -- connections

    def _open(self, within):
        self.calls = Connection(self.path, within)
        group = self.calls.call('OpenGroup', {})['group']
        stream = Connection(self.path, within)
        stream.send(message('Wait', {'group': group, 'brief': True},
                            more=True))
        self.groups.append(group)
        self.streams = [stream]

    def _wait_for(self, ids):
        for start in range(0, len(ids), IDS):
            stream = Connection(self.path)
            stream.send(message('Wait', {'ids': ids[start:start + IDS],
                                         'brief': True}, more=True))
            self.streams.append(stream)

    def _shut(self):
        for it in [self.calls] + self.streams:
            it.close()

    def _again(self, error):
        """The broker was replaced, most likely."""
        log.info('the connection to the daemon broke, dialling again: %s',
                 error)
        deadline = time.monotonic() + self.reconnect
        while True:
            self._shut()
            if time.monotonic() > deadline:
                raise Unreachable('the daemon did not come back: %s' % error)
            self.early.clear()
            try:
                self._open(max(deadline - time.monotonic(), 0.0))
                self._wait_for(list(self.waiting))
                for batch in self.under_way:
                    batch.again = True
                    self.calls.send(batch.message(self.groups[-1]))
                return
            except Unreachable:
                raise
            except (OSError, EOFError, CallError) as more:
                error = more
                time.sleep(0.05)

    def _give_up(self, error):
        """Everybody is told; nobody waits for ever."""
        self.broken = error
        for place in list(self.waiting.values()):
            place[0].refuse(place[1], error)
        for batch in self.under_way:
            for sink, index in batch.places:
                sink.refuse(index, error)
        while self.pending:
            run = self.pending.popleft()
            for i in range(len(run.bodies)):
                run.sink.refuse(run.index + i, error)
        with self.room:
            self.outstanding = 0
            self.room.notify_all()

    def close_groups(self, client):
        """Each group ends with its pool."""
        for group in self.groups:
            try:
                client.close_group(group)
            except (CallError, OSError) as error:
                log.info('group %d could not be closed: %s', group, error)
