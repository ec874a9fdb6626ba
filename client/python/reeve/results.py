"""What a pool hands out: results that are not there yet."""
import collections
import logging
import queue
import sys
import threading
import time
import weakref

from .errors import JobCancelled, outcome

log = logging.getLogger('reeve')


class Callbacks:
    """Runs callbacks in threads of their own: a slow one delays at most other
    callbacks, never a result. With one thread they come one after the other,
    in the order of the ends.

    One that raises is logged and counted (`failed`); one that takes longer
    than SLOW seconds is logged, also while it still runs.
    """

    SLOW = 10.0

    def __init__(self, threads=1):
        self._queue = queue.SimpleQueue()
        self._wanted = max(int(threads), 1)
        self._threads = []
        self._running = {}  # [function, since, logged] by thread
        self._look_at = 0.0
        self._left = 0  # that were put and are not through
        self._none_left = threading.Condition()
        self.failed = 0

    def put(self, function, value):
        with self._none_left:
            self._left += 1
            if not self._threads:
                self._begin()
        self._queue.put((function, value))
        now = time.monotonic()
        if now > self._look_at:
            self._look(now)

    def _begin(self):
        self._threads = [threading.Thread(target=self._main, daemon=True,
                                          name='reeve-callbacks')
                         for _ in range(self._wanted)]
        for thread in self._threads:
            thread.start()

    def _look(self, now):
        """Is one of them slow?"""
        self._look_at = now + self.SLOW / 4
        for it in list(self._running.values()):
            if not it[2] and now - it[1] > self.SLOW:
                it[2] = True
                log.warning('a callback runs for %.1f s and is not back, %d '
                            'more are behind it: %r', now - it[1],
                            self._queue.qsize(), it[0])

    def _main(self):
        here = threading.get_ident()
        while True:
            function, value = self._queue.get()
            if function is None:
                return
            it = self._running[here] = [function, time.monotonic(), False]
            failed = 0
            try:
                function(value)
            except BaseException:
                failed = 1
                log.exception('a callback raised: %r', function)
            del self._running[here], function, value
            took = time.monotonic() - it[1]
            if took > self.SLOW:
                log.warning('a callback took %.1f s: %r', took, it[0])
            del it
            with self._none_left:
                self.failed += failed
                self._left -= 1
                if not self._left:
                    self._none_left.notify_all()

    def finish(self, timeout=None):
        """Wait for all that were put; False: not in time.

        A callback that calls it does not wait for itself.
        """
        end = None if timeout is None else time.monotonic() + timeout
        if threading.current_thread() in self._threads:
            return True
        while True:
            left = self.SLOW / 4
            if end is not None:
                left = min(left, max(end - time.monotonic(), 0))
            with self._none_left:
                if self._none_left.wait_for(lambda: not self._left, left):
                    return True
            now = time.monotonic()
            self._look(now)
            if end is not None and now >= end:
                return False

    def stop(self):
        """Nothing more comes: the threads end behind what was put."""
        with self._none_left:
            threads, self._threads = self._threads, []
        for _ in threads:
            self._queue.put((None, None))


class _Waitable:
    """ready, wait: made to cost nothing until somebody waits."""

    __slots__ = ()

    def ready(self):
        return self._done

    def wait(self, timeout=None):
        """Wait until it is ready, or so many seconds."""
        if self._done:
            return
        self._pool._pump.check()
        if self._event is None:
            self._event = threading.Event()
        event = self._event
        if not self._done:  # who sets it looks at _event afterwards
            event.wait(timeout)

    def _set_done(self):
        self._done = True
        event = self._event
        if event is not None:
            event.set()

    def successful(self):
        """Did it end well? ValueError as long as it has not ended."""
        if not self._done:
            raise ValueError('%r is not ready' % self)
        return self._error is None


def _callable(callback):
    if callback is not None and not callable(callback):
        raise TypeError('a callback is a function, not %r' % (callback,))
    return callback


class AsyncResult(_Waitable):
    """The result of one job, as of multiprocessing, and `cancel`."""

    __slots__ = ('_pool', '_done', '_event', '_value', '_error', '_callback',
                 '_error_callback', '_job', '__weakref__')

    def __init__(self, pool, callback, error_callback):
        self._pool = pool
        self._done = False
        self._event = None
        self._value = None
        self._error = None
        self._job = None
        self._callback = _callable(callback)
        self._error_callback = _callable(error_callback)

    def get(self, timeout=None):
        """Its result; raises what the handler raised, or RemoteError.

        TimeoutError if it is not there within so many seconds: the job goes
        on, and can be asked for again.
        """
        self.wait(timeout)
        if not self._done:
            raise TimeoutError('no result within %s s' % timeout)
        if self._error is not None:
            raise self._error
        return self._value

    def cancel(self):
        """Cancel the job, also a running one; False if it has ended."""
        if self._done:
            return False
        self._pool._pump.check()
        return self._pool._cancel_one(self)

    @property
    def job(self):
        """The daemon's record of the job that has ended; else None."""
        return None if self._job is None else (
            self._pool.client.job(self._job['id']))

    def deliver(self, index, job):
        self._job = job
        value, error = outcome(job)
        callback = self._callback
        if error is not None:
            value, callback = error, self._error_callback
            self._error = error
        else:
            self._value = value
        self._set_done()
        if callback is not None:
            self._pool._callbacks.put(callback, value)

    def refuse(self, index, error):
        self._error = error
        self._set_done()
        if self._error_callback is not None:
            self._pool._callbacks.put(self._error_callback, error)


class MapResult(_Waitable):
    """The results of many jobs, in the order of the items.

    get() raises the error that came first, after all have ended; `errors`
    has all of them, `partial()` what is there so far.
    """

    def __init__(self, pool, callback=None, error_callback=None,
                 max_fail=None):
        self._pool = pool
        self._done = False
        self._event = None
        self._error = None
        self._callback = _callable(callback)
        self._error_callback = _callable(error_callback)
        self._max_fail = max_fail
        self._lock = threading.Lock()
        self._values = []
        self._ended = 0
        self._fed = None  # how many in all, once that is known
        self._cancelled = False
        self.errors = []  # (index, exception), as they came

    lazy = False  # all of its items are to be drawn

    def draw_all(self):
        pass  # it does

    stop = draw_all  # putting more will raise

    def _expect(self, count):
        """So many more items follow."""
        self._values.extend([None] * count)

    def _complete(self, fed):
        """No more items follow."""
        with self._lock:
            self._fed = fed
            last = self._ended == fed
        if last:
            self._finish()

    def _count(self):
        with self._lock:
            self._ended += 1
            last = self._ended == self._fed
        if last:
            self._finish()

    def deliver(self, index, job):
        value, error = outcome(job)
        if error is None:
            self._values[index] = value
        else:
            self._failed(index, error)
        self._count()

    def refuse(self, index, error):
        self._failed(index, error)
        self._count()

    def _failed(self, index, error):
        self.errors.append((index, error))
        if self._error is None:
            self._error = error
        if self._max_fail is not None and len(self.errors) >= self._max_fail:
            self._cancel_rest()

    def _cancel_rest(self):
        if not self._cancelled:
            self._cancelled = True
            self._pool._cancel_soon(self)

    def _broke(self, error):
        """The iterable itself raised: nothing more comes of it."""
        with self._lock:
            self._error = self._error or error
            self.errors.append((len(self._values), error))

    def _finish(self):
        self._set_done()
        if self._error is None:
            if self._callback is not None:
                self._pool._callbacks.put(self._callback, self._values)
        elif self._error_callback is not None:
            self._pool._callbacks.put(self._error_callback, self._error)

    def get(self, timeout=None):
        self.wait(timeout)
        if not self._done:
            raise TimeoutError('no result within %s s' % timeout)
        if self._error is not None:
            raise self._error
        return self._values

    def partial(self):
        """The results so far, None where there is none (yet)."""
        return list(self._values)

    def cancel(self):
        """Cancel what has not ended; False if all has."""
        if self._done:
            return False
        self._pool._pump.check()
        self._cancel_rest()
        return True


class _Stream:
    """What imap's iterator and its feeder share."""

    def __init__(self, window, ordered):
        self.window = window
        self.ordered = ordered
        self.changed = threading.Condition()
        self.arrived = {} if ordered else collections.deque()
        self.drawn = 0
        self.taken = 0
        self.complete = False
        self.stopped = False
        self.filling = True
        self.error = None  # of the iterable

    def deliver(self, index, job):
        self._add(index, outcome(job))

    def refuse(self, index, error):
        self._add(index, (None, error))

    def _add(self, index, outcome):
        with self.changed:
            if self.ordered:
                self.arrived[index] = outcome
                if index == self.taken:
                    self.changed.notify_all()
            else:
                self.arrived.append(outcome)
                self.changed.notify_all()

    lazy = True  # it is drawn as it is taken

    def draw_all(self):
        with self.changed:
            self.window, self.filling = sys.maxsize, True
            self.changed.notify_all()

    def stop(self):
        with self.changed:
            self.stopped = True
            self.error = self.error or JobCancelled(
                'the pool was terminated', cause='cancelled')
            self.changed.notify_all()

    def room(self):
        """Feeder: may one more be drawn? Waits for room; False: stop."""
        with self.changed:
            while not self.stopped:
                ahead = self.drawn - self.taken
                # Once full, half of it is waited for: transport likes
                # company.
                if ahead < (self.window if self.filling
                            else self.window // 2 + 1):
                    self.filling = ahead + 1 < self.window
                    return True
                self.changed.wait()
            return False


class ResultIterator:
    """Results as they come, or in the order of the items; next(timeout)."""

    def __init__(self, stream, pool):
        self._stream = stream
        self._pool = pool  # which is not forgotten as long as this is not
        # Nobody listens any more: the feeder must not wait for ever.
        weakref.finalize(self, stream.stop)

    def __iter__(self):
        return self

    def __next__(self):
        return self.next()

    def _there(self):
        stream = self._stream
        return (stream.taken in stream.arrived if stream.ordered
                else bool(stream.arrived))

    def next(self, timeout=None):
        """The next result; raises what that job raised, and can go on.

        TimeoutError after so many seconds; it can be called again.
        """
        self._pool._pump.check()
        stream = self._stream
        deadline = None if timeout is None else time.monotonic() + timeout
        with stream.changed:
            while not self._there():
                if stream.complete and stream.taken >= stream.drawn:
                    if stream.error is not None:
                        error, stream.error = stream.error, None
                        raise error
                    raise StopIteration
                left = None if deadline is None else (
                    deadline - time.monotonic())
                if left is not None and left <= 0:
                    raise TimeoutError('no result within %s s' % timeout)
                stream.changed.wait(left)
            value, error = (stream.arrived.pop(stream.taken) if stream.ordered
                           else stream.arrived.popleft())
            stream.taken += 1
            if stream.drawn - stream.taken <= stream.window // 2:
                stream.changed.notify_all()
        if error is None:
            return value
        raise error
