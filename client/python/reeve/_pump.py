"""One thread that carries a pool's jobs to the daemon and their ends back.

Submissions are gathered while the one before is under way, so that batches
grow with the load. All belong to a group of the pool's own, and a second
connection tells each end as it comes (Wait with more). When the broker is
replaced, what was not answered is sent again with the same keys, and what
was is waited for by id: nothing is lost, nothing runs twice.

A sink is who wants the ends: deliver(index, job), refuse(index, error).
"""
import atexit
import collections
import contextlib
import logging
import os
import re
import select
import sys
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
STREAMS = 16  # of ids, then they become one
EXIT_SECONDS = 10.0  # so long a program that ends is held up at most
CLOSE_SECONDS = 1.0  # to say that a group is complete

# Refusals of a batch that may be the fault of one job in it.
_OF_ONE = ('InvalidParameter', 'BadMessage')

_pumps = weakref.WeakSet()


@atexit.register
def _flush():
    """What was put is given to the daemon, or it is said that it was not."""
    deadline = time.monotonic() + EXIT_SECONDS
    for pump in [one for one in _pumps if one.pid == os.getpid()]:
        left = pump.flush(deadline)
        if left:
            sys.stderr.write('reeve: %s of a Pool that was not closed\n' % left)


def _flush_in_child():
    """A process of multiprocessing ends without atexit."""
    multiprocessing = sys.modules.get('multiprocessing')
    util = sys.modules.get('multiprocessing.util')
    if util and multiprocessing.parent_process() is not None:
        util.Finalize(None, _flush, exitpriority=0)


# Where a field is in the batch means nothing to whoever put the job.
_PLACE = re.compile(r'(jobs\[\d+\]|defaults)?\.')


def _refusal(name, parameters, field):
    place = _PLACE.match(field or '')
    return CallError(name, {**parameters, 'parameter':
                            field[place.end():] if place else field})


def _close(*fds):
    for fd in fds:
        os.close(fd)


class Run:
    """Jobs of one sink with the same defaults, not yet in a batch: their
    JSON in bytes, without braces. key: of the caller's own, for one job."""

    __slots__ = ('defaults', 'sink', 'index', 'bodies', 'key')

    def __init__(self, defaults, sink, index, bodies, key=None):
        self.defaults = defaults
        self.sink = sink
        self.index = index
        self.bodies = bodies
        self.key = key


class Batch:
    __slots__ = ('defaults', 'places', 'jobs', 'ask')

    def __init__(self, defaults, ask=False):
        self.defaults = defaults
        self.places = []  # (sink, index)
        self.jobs = []  # JSON in bytes
        self.ask = ask  # some may be jobs of another group: wait by id

    def message(self, group):
        return b''.join((
            b'{"method":"org.reeve.jobs.SubmitMany","parameters":'
            b'{"defaults":{', self.defaults, b'"group":%d},"jobs":[' % group,
            b','.join(self.jobs), b']}}\0'))

    def halves(self):
        middle = len(self.jobs) // 2
        for part in slice(middle), slice(middle, None):
            half = Batch(self.defaults, self.ask)
            half.places, half.jobs = self.places[part], self.jobs[part]
            yield half


class Pump:
    def __init__(self, path, reconnect, window):
        self.path = path
        self.reconnect = reconnect
        self.window = window
        self.pid = os.getpid()  # of whom the thread is
        self.room = threading.Condition()
        self.outstanding = 0
        self.unsent = 0  # of these; not answered, that is
        self.calling = {}  # ids, as far as they are known, of apply()
        self.feeding = set()  # sinks for which more is drawn
        self.drawing_all = False  # whether or not somebody takes it
        self.blocked = 0  # threads that wait for room, or for the end
        self.pending = collections.deque()
        self.under_way = collections.deque()
        self.waiting = {}  # (sink, index) by id
        self.twins = {}  # [(sink, index)] that got the same id, later
        self.early = {}  # ends that were quicker than the reply with the id
        self.groups = []
        self.keys = Keys()
        self.ending = False  # stop when nothing is outstanding
        self.stopped = False  # nothing more is taken
        self.broken = None  # why nothing works any more
        self.sleeping = False
        self.wake_fd, self.waker_fd = os.pipe()
        os.set_blocking(self.wake_fd, False)
        self.calls = None  # the connection for submissions
        self.hold = None  # that keeps the group open; never read
        self.streams = []  # those that tell ends of the group
        self.asked = []  # and of ids
        weakref.finalize(self, _close, self.wake_fd, self.waker_fd)
        self._open(0.0)
        _pumps.add(self)
        _flush_in_child()
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

    def put(self, defaults, sink, index, bodies, key=None):
        """Hand jobs over; waits while `window` of them are outstanding."""
        self.check()
        with self.room:
            while self.outstanding >= self.window and not (
                    self.broken or self.stopped):
                self.blocked += 1
                self.room.wait()
                self.blocked -= 1
            if self.broken:
                raise self.broken
            if self.stopped:
                raise JobCancelled('cancelled before it was submitted',
                                   cause='cancelled')
            if self.ending:
                raise ValueError('Pool not running')
            self.outstanding += len(bodies)
            self.unsent += len(bodies)
        self.pending.append(Run(defaults, sink, index, bodies, key))
        if self.sleeping:
            self.wake()

    def wake(self):
        self.sleeping = False
        os.write(self.waker_fd, b'x')

    def feed(self, sink, more):
        """Is more drawn for it, from now on?"""
        with self.room:
            if more:
                self.feeding.add(sink)
                if self.drawing_all:
                    sink.draw_all()
            else:
                self.feeding.discard(sink)
                self.room.notify_all()

    @contextlib.contextmanager
    def call(self):
        """One that somebody else carries: the function for its id."""
        call = object()
        with self.room:
            self.calling[call] = None
        try:
            yield lambda number: self.calling.update({call: number})
        finally:
            with self.room:
                del self.calling[call]
                self.room.notify_all()

    def draw_all(self, on):
        """Somebody waits for the end of all that is drawn."""
        with self.room:
            self.drawing_all = on
            feeding = list(self.feeding) if on else []
        for sink in feeding:
            sink.draw_all()

    def busy(self):
        return self.outstanding > 0 or bool(self.calling) or (
            bool(self.feeding) and not self.stopped)

    def _until(self, fact, timeout):
        with self.room:
            self.blocked += 1
            try:
                return self.room.wait_for(fact, timeout)
            finally:
                self.blocked -= 1

    def drained(self, timeout=None):
        """Wait until there is nothing to do; False if it took too long."""
        return self._until(lambda: not self.busy(), timeout)

    def flush(self, deadline):
        """The program ends: what could not be given to the daemon, or ''."""
        def maps():
            return sum(not sink.lazy for sink in self.feeding)
        self._until(lambda: not self.unsent and not maps(),
                    max(deadline - time.monotonic(), 0))
        left = []
        if self.unsent:
            left.append('%d jobs were not sent' % self.unsent)
        if maps():
            left.append('%d maps were not drawn to their end' % maps())
        return ', '.join(left)

    def stop(self):
        """Take nothing more, also from those that draw."""
        with self.room:
            self.stopped = True
            feeding = list(self.feeding)
            self.room.notify_all()
        for sink in feeding:
            sink.stop()

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
            self._ended(len(run.bodies), len(run.bodies))

    def id_of(self, sink):
        """The id of a sink with one job, None if it has none (any more)."""
        for number in self.ids_of(sink):
            return number
        return None

    def ids_of(self, sink):
        return [number for number, (other, _)
                in list(self.waiting.items()) if other is sink] + [
            number for number, places in list(self.twins.items())
            if any(other is sink for other, _ in places)]

    # -- the thread

    def _main(self):
        try:
            while not (self.ending and self.outstanding == 0 and
                       not self.pending):
                try:
                    self._turn()
                except (OSError, EOFError, ValueError) as error:
                    self._again(error)
            self._close_groups()
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
        for stream in self.streams + self.asked:
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
        batch = Batch(pending[0].defaults, b'"unique":' in pending[0].defaults)
        size = 0
        # One that may be lost, or run twice, must not have a key.
        keyed = b'"durability":"memory"' not in batch.defaults
        while pending and pending[0].defaults == batch.defaults:
            run = pending.popleft()
            for i, body in enumerate(run.bodies):
                if len(batch.jobs) == BATCH_JOBS or size >= BATCH_BYTES:
                    pending.appendleft(Run(run.defaults, run.sink,
                                           run.index + i, run.bodies[i:],
                                           run.key))
                    return batch
                key = run.key or (b'"%s"' % self.keys.next().encode()
                                  if keyed else b'')
                if key:
                    body = b'"key":%s,%s' % (key, body) if body else (
                        b'"key":' + key)
                batch.places.append((run.sink, run.index + i))
                batch.jobs.append(b'{%s}' % body)
                size += len(body)
            batch.ask = batch.ask or run.key is not None
        return batch

    def _send(self, batch):
        self.under_way.append(batch)
        self.calls.send(batch.message(self.groups[-1]))

    def _answered(self, batch, reply):
        try:
            said = parameters_of(reply)
        except CallError as error:
            self._refused(batch, error)
            return
        ids = said['ids']
        refused = {item['index']: item for item in said.get('rejected') or ()}
        ended = 0
        new = []
        for i, number in enumerate(ids):
            place = batch.places[i]
            if not number:
                item = refused.get(i, {})
                place[0].refuse(place[1], _refusal(
                    item.get('error', 'org.reeve.jobs.Rejected'),
                    {'message': item.get('message')}, item.get('field')))
                ended += 1
                continue
            job = self.early.pop(number, None) if self.early else None
            if job is None:
                if number in self.waiting:
                    self.twins.setdefault(number, []).append(place)
                else:
                    self.waiting[number] = place
                new.append(number)
            else:
                place[0].deliver(place[1], job)
                ended += 1
        if not self.under_way:
            self.early.clear()
        if batch.ask:
            self._wait_for(new)
        self._ended(ended, len(ids))

    def _refused(self, batch, error):
        """As a whole: the fault may be one job's, which is looked for, or that
        of all."""
        where = error.parameters.get('parameter') or ''
        if len(batch.jobs) > 1 and error.code in _OF_ONE and (
                not where.startswith('defaults')):
            halves = list(batch.halves())
            self.under_way.extend(halves)  # also if the connection is closed
            for half in halves:
                self.calls.send(half.message(self.groups[-1]))
            return
        error = _refusal(error.name, error.parameters, where)
        for sink, index in batch.places:
            sink.refuse(index, error)
        self._ended(len(batch.places), len(batch.places))

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
                    if self.twins:
                        for place in self.twins.pop(job['id'], ()):
                            place[0].deliver(place[1], job)
                            ended += 1
                elif self.under_way:
                    self.early[job['id']] = job
            if 'continues' not in reply:
                self._drop(stream)
        if ended:
            self._ended(ended)

    def _stream_failed(self, stream, reply):
        """NoSuchJob: it ended, and is not kept any more."""
        error = CallError(reply['error'], reply.get('parameters') or {})
        self._drop(stream)
        number = error.parameters.get('id')
        places = [self.waiting.pop(number, None)] + (
            self.twins.pop(number, []))
        if places[0] is None:
            raise ConnectionResetError(str(error))
        for sink, index in places:
            sink.refuse(index, error)
        self._wait_for(list(self.waiting))
        return len(places)

    def _drop(self, stream):
        (self.asked if stream in self.asked else self.streams).remove(stream)
        stream.close()

    def _ended(self, count, answered=0):
        with self.room:
            self.outstanding -= count
            self.unsent -= answered
            if self.blocked:
                self.room.notify_all()

    # -- connections

    def _open(self, within):
        self.calls = Connection(self.path, within)
        group = self.calls.call('OpenGroup', {})['group']
        # When this process is gone the daemon closes the group.
        self.hold = Connection(self.path, within)
        self.hold.send(message('HoldGroup', {'group': group}))
        stream = Connection(self.path, within)
        stream.send(message('Wait', {'group': group, 'brief': True},
                            more=True))
        self.groups.append(group)
        self.streams = [stream]

    def _wait_for(self, ids):
        if len(self.asked) >= STREAMS:
            for stream in self.asked:
                stream.close()
            self.asked = []
            ids = list(self.waiting)
        for start in range(0, len(ids), IDS):
            stream = Connection(self.path)
            stream.send(message('Wait', {'ids': ids[start:start + IDS],
                                         'brief': True}, more=True))
            self.asked.append(stream)

    def _shut(self):
        for it in [self.calls, self.hold] + self.streams + self.asked:
            if it:
                it.close()
        self.asked = []

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
                    batch.ask = True
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
        for place in list(self.waiting.values()) + sum(
                self.twins.values(), []):
            place[0].refuse(place[1], error)
        for batch in self.under_way:
            for sink, index in batch.places:
                sink.refuse(index, error)
        while self.pending:
            run = self.pending.popleft()
            for i in range(len(run.bodies)):
                run.sink.refuse(run.index + i, error)
        with self.room:
            self.outstanding = self.unsent = 0
            self.room.notify_all()

    def _close_groups(self):
        """Each group ends with its pool."""
        deadline = time.monotonic() + CLOSE_SECONDS
        try:
            for group in self.groups:
                self.calls.call('CloseGroup', {'group': group}, deadline)
        except (CallError, OSError, EOFError, ValueError) as error:
            log.info('a group could not be closed: %s', error)
