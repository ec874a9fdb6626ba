"""Pool: what people do with multiprocessing.Pool, done by reeve's workers."""
import itertools
import os
import threading
import time
import weakref

from ._pump import Pump
from ._spec import options_of
from ._wire import encode
from .client import Client
from .handlers import name_of, pack
from .results import (AsyncResult, Callbacks, MapResult, ResultIterator,
                      _Stream)

CHUNK = 500  # items that are drawn from an iterable at once


class Pool:
    """Calls handlers in the workers of the daemon.

    A function is a handler's name, or a function with @reeve.handler. The
    workers, how many and with what preloaded, are the daemon's: a `pool` of
    its configuration.

    client: a Client, or a socket's path. window: at most so many jobs are
    outstanding, then submitting waits. callback_threads: that run callbacks;
    with more than one they come in any order, several at once, and a slow one
    does not hold up the others. Options hold for all jobs: queue,
    priority, timeout (seconds a job), retry, tags, keep ...; each method
    takes them, too.
    """

    def __init__(self, client=None, *, window=10000, callback_threads=1,
                 **options):
        self._own = not isinstance(client, Client)
        self.client = Client(client) if self._own else client
        self._options = options
        self._callbacks = Callbacks(callback_threads)
        self._defaults = {}
        self._running = True
        self._pump = Pump(self.client.path, self.client.reconnect, window)
        # A pool that is forgotten finishes what it has.
        self._forget = weakref.finalize(self, self._pump.end)
        self._forget.atexit = False

    # -- one job

    def apply(self, func, args=(), kwds=None, **options):
        """Call it and wait for its result.

        Nothing is promised before the end (durability `result`): if the
        daemon is replaced meanwhile it is called again.
        """
        self._check()
        return self.client.call(func, args, kwds,
                                **{**self._options, **options})

    def apply_async(self, func, args=(), kwds=None, callback=None,
                    error_callback=None, **options):
        """The AsyncResult of one call.

        Callbacks run one at a time in a thread of the pool.
        """
        self._check()
        packed = pack(args, kwds or {})
        body = '"args":' + encode(packed) if packed else ''
        result = AsyncResult(self, callback, error_callback)
        self._pump.put(self._text(func, options), result, 0, (body,))
        return result

    # -- many

    def map(self, func, iterable, chunksize=None, *, max_fail=None, **options):
        """The results of func(item), in the order of the items.

        An error is raised when all have ended; with max_fail the rest is
        cancelled after so many errors. chunksize is not needed: how
        much travels together is decided by the load, and nothing is lost
        together.
        """
        return self._map(func, iterable, _one, None, None, max_fail, options,
                         True).get()

    def starmap(self, func, iterable, chunksize=None, *, max_fail=None,
                **options):
        """As map, each item being the arguments: func(*item)."""
        return self._map(func, iterable, _star, None, None, max_fail, options,
                         True).get()

    def map_async(self, func, iterable, chunksize=None, callback=None,
                  error_callback=None, *, max_fail=None, **options):
        """The MapResult of many calls."""
        return self._map(func, iterable, _one, callback, error_callback,
                         max_fail, options, False)

    def starmap_async(self, func, iterable, chunksize=None, callback=None,
                      error_callback=None, *, max_fail=None, **options):
        return self._map(func, iterable, _star, callback, error_callback,
                         max_fail, options, False)

    def imap(self, func, iterable, chunksize=1, *, window=1000, **options):
        """An iterator over the results, in order.

        At most `window` items are drawn ahead of what was taken from it.
        """
        return self._imap(func, iterable, window, True, options)

    def imap_unordered(self, func, iterable, chunksize=1, *, window=1000,
                       **options):
        """An iterator over the results, as they come."""
        return self._imap(func, iterable, window, False, options)

    # -- the end

    def close(self):
        """No more work; what was given is done."""
        self._running = False

    def terminate(self):
        """Cancel everything: what has no result yet gets JobCancelled."""
        pump = self._pump
        pump.check()
        self._running = False
        pump.drop_pending()
        while pump.outstanding:
            for group in list(pump.groups):
                self.client.cancel(group=group, reason='terminated', grace=1)
            # What was under way when they were cancelled comes next.
            if pump.drained(0.5):
                break

    def join(self, timeout=None):
        """Wait until everything that was given has ended, callbacks too.

        Allowed at any time; after close() the pool is gone. False if it took
        longer than so many seconds.
        """
        self._pump.check()
        deadline = None if timeout is None else time.monotonic() + timeout

        def left():
            return None if deadline is None else max(
                deadline - time.monotonic(), 0)
        while True:
            if not self._pump.drained(left()):
                return False
            if not self._callbacks.finish(left()):
                return False
            if not self._pump.outstanding:  # a callback may have put more
                break
        if not self._running and self._forget.alive:
            self._forget()
            self._pump.thread.join()
            self._callbacks.stop()
            if self._pump.broken is None:
                self._pump.close_groups(self.client)
            if self._own:
                self.client.close()
        return True

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        """Leaving drains; after an error it cancels what is left.
        In a forked process nothing: it is its parent's."""
        if self._pump.pid != os.getpid():
            return
        self.close()
        if kind is not None:
            self.terminate()
        self.join()

    # -- inside

    def _check(self):
        self._pump.check()
        if not self._running:
            raise ValueError('Pool not running')

    def _text(self, func, options):
        """Members of `defaults` as JSON, the same object for the same."""
        name = name_of(func)
        key = (name, tuple(sorted(options.items()))) if options else name
        try:
            return self._defaults[key]
        except KeyError:
            known = True
        except TypeError:  # a dict or list among the options
            known = False
        spec = options_of({**self._options, **options})
        spec['handler'] = name
        text = encode(spec)[1:-1] + ','
        if known and len(self._defaults) < 1000:
            self._defaults[key] = text
        return text

    def _map(self, func, iterable, shape, callback, error_callback, max_fail,
             options, here):
        self._check()
        result = MapResult(self, callback, error_callback, max_fail)
        text = self._text(func, options)
        if here:
            self._feed(result, text, iter(iterable), shape)
        else:
            items = iterable if hasattr(iterable, '__len__') else (
                list(iterable))
            threading.Thread(
                target=self._feed, args=(result, text, iter(items), shape),
                name='reeve-feeder', daemon=True).start()
        return result

    def _feed(self, result, text, items, shape):
        index = 0
        try:
            while not result._cancelled:
                bodies = [shape(item)
                          for item in itertools.islice(items, CHUNK)]
                if not bodies:
                    break
                result._expect(len(bodies))
                self._pump.put(text, result, index, bodies)
                index += len(bodies)
        except Exception as error:
            result._values = result._values[:index]
            result._broke(error)
        result._complete(index)

    def _imap(self, func, iterable, window, ordered, options):
        self._check()
        stream = _Stream(max(int(window), 1), ordered)
        text = self._text(func, options)
        threading.Thread(
            target=_feed_stream, args=(self._pump, stream, text,
                                       iter(iterable)),
            name='reeve-feeder', daemon=True).start()
        return ResultIterator(stream, self)

    def _cancel_one(self, result):
        """AsyncResult.cancel: its id may be under way."""
        deadline = time.monotonic() + self.client.reconnect
        while not result.ready():
            number = self._pump.id_of(result)
            if number is not None:
                return self.client.cancel([number]) > 0
            if time.monotonic() > deadline:
                return False
            result.wait(0.002)
        return False

    def _cancel_soon(self, sink):
        """Cancel what is left of a map. Not in the pump: it must go on."""
        threading.Thread(target=self._cancel_all, args=(sink,),
                         name='reeve-cancel', daemon=True).start()

    def _cancel_all(self, sink):
        while not sink.ready():
            ids = [number for number, (other, _)
                   in list(self._pump.waiting.items()) if other is sink]
            for start in range(0, len(ids), 10000):
                self.client.cancel(ids[start:start + 10000], grace=1,
                                   reason='the map was given up')
            sink.wait(0.02)


def _one(item):
    return '"args":{"args":[%s]}' % encode(item)


def _star(item):
    return '"args":{"args":%s}' % encode(list(item))


def _feed_stream(pump, stream, text, items):
    try:
        while stream.room():
            # One that comes slowly must not wait for its successors.
            item = next(items)
            bodies = [_one(item)]
            with stream.changed:
                index = stream.drawn
                stream.drawn += 1
            pump.put(text, stream, index, bodies)
    except StopIteration:
        pass
    except Exception as error:
        stream.error = error
    with stream.changed:
        stream.complete = True
        stream.changed.notify_all()
