"""Pool: what people do with multiprocessing.Pool, done by reeve's workers."""
import contextlib
import itertools
import os
import threading
import time
import weakref

from ._pump import Pump
from ._spec import options_of
from ._json import arguments_json, utf8_json
from .client import Client
from .handlers import name_of, pack
from .results import (AsyncResult, Callbacks, MapResult, ResultIterator,
                      _Stream)

CHUNK = 500  # items that are drawn from an iterable at once

# What multiprocessing.Pool takes and the daemon's pool says.
_DAEMONS = {
    'processes': '`workers: N` of its pool',
    'initializer': '@init in the module of the workers, which its pool names',
    'initargs': '@init in the module of the workers, which its pool names',
    'maxtasksperchild': '`retire: {jobs: N}` of its pool',
}


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
        if window < 1:
            raise ValueError('window is %r, but at least 1' % (window,))
        for name in _DAEMONS.keys() & options.keys():
            raise TypeError("%s is not the Pool's to say: %s in reeve.yaml"
                            % (name, _DAEMONS[name]))
        if isinstance(client, int):
            raise TypeError('how many workers there are the Pool cannot say: '
                            '%s in reeve.yaml' % _DAEMONS['processes'])
        if 'key' in options:
            raise TypeError('a key names one job: give it to apply_async')
        self._own = not isinstance(client, Client)
        self.client = Client(client) if self._own else client
        self._options = options
        self._callbacks = Callbacks(callback_threads)
        self._defaults = {}
        self._running = True
        self._pump = Pump(self.client.path, self.client.reconnect, window)
        # A pool that is forgotten finishes what it has.
        self._forget = weakref.finalize(self, _forgotten, self._pump,
                                        self._callbacks)
        self._forget.atexit = False

    # -- one job

    def apply(self, func, args=(), kwds=None, **options):
        """Call it and wait for its result.

        Nothing is promised before the end (durability `result`): if the
        daemon is replaced meanwhile it is called again. Ctrl-C cancels it.
        """
        self._check()
        options = {**self._options, **options}
        wait = options.pop('wait', None)
        func = name_of(func)  # without one it would be a command
        with self._pump.call() as told:
            return self.client._call(func, args, kwds, wait, options, told)

    def apply_async(self, func, args=(), kwds=None, callback=None,
                    error_callback=None, **options):
        """The AsyncResult of one call.

        Callbacks run one at a time in a thread of the pool. Arguments that
        cannot be sent raise at once: TypeError, ValueError.
        """
        self._check()
        packed = pack(args, kwds or {})
        body = b'"args":' + arguments_json(packed) if packed else b''
        key = options.pop('key', None)
        result = AsyncResult(self, callback, error_callback)
        self._pump.put(self._text(func, options), result, 0, (body,),
                       None if key is None else utf8_json(key))
        return result

    # -- many

    def map(self, func, iterable, chunksize=None, *, max_fail=None, **options):
        """The results of func(item), in the order of the items.

        An error is raised when all have ended; with max_fail the rest is
        cancelled after so many errors, with Ctrl-C all is. chunksize is not needed: how
        much travels together is decided by the load, and nothing is lost
        together.
        """
        return self._map(func, iterable, _one, None, None, max_fail, options,
                         True)

    def starmap(self, func, iterable, chunksize=None, *, max_fail=None,
                **options):
        """As map, each item being the arguments: func(*item)."""
        return self._map(func, iterable, _star, None, None, max_fail, options,
                         True)

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
        pump.stop()
        pump.drop_pending()
        while pump.busy():
            for group in list(pump.groups):
                self.client.cancel(group=group, reason='terminated', grace=1)
            calls = [number for number in list(pump.calling.values())
                     if number is not None]
            if calls:
                self.client.cancel(calls, reason='terminated', grace=1)
            # What was under way when they were cancelled comes next.
            if pump.drained(0.5):
                break

    def join(self, timeout=None):
        """Wait until everything that was given has ended, callbacks too.

        Allowed at any time; after close() the pool is gone. What imap has not
        drawn yet is drawn and done, also if nobody takes it. False if it took
        longer than so many seconds.
        """
        self._pump.check()
        deadline = None if timeout is None else time.monotonic() + timeout

        def left():
            return None if deadline is None else max(
                deadline - time.monotonic(), 0)
        self._pump.draw_all(True)
        try:
            while True:
                if not self._pump.drained(left()):
                    return False
                if not self._callbacks.finish(left()):
                    return False
                if not self._pump.busy():  # a callback may have put more
                    break
        finally:
            self._pump.draw_all(False)
        if not self._running and self._forget.alive:
            self._forget()
            self._pump.thread.join()
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
        if 'key' in spec:
            raise TypeError('a key names one job: give it to apply_async')
        spec['handler'] = name
        text = utf8_json(spec)[1:-1] + b','
        if known and len(self._defaults) < 1000:
            self._defaults[key] = text
        return text

    def _map(self, func, iterable, shape, callback, error_callback, max_fail,
             options, here):
        self._check()
        result = MapResult(self, callback, error_callback, max_fail)
        text = self._text(func, options)
        if not here:
            items = iterable if hasattr(iterable, '__len__') else (
                list(iterable))
            self._begin(result, self._feed, result, text, iter(items), shape)
            return result
        try:
            self._feed(result, text, iter(iterable), shape)
            return result.get()
        except KeyboardInterrupt:
            # Nobody will have the results. Here: the program may end next.
            result._cancelled = True
            with contextlib.suppress(Exception):
                self._cancel_all(result, 'interrupted')
            raise

    def _begin(self, sink, feed, *args):
        """Draw for it in a thread: part of what join() waits for."""
        pump = self._pump

        def main():
            try:
                feed(*args)
            except BaseException:
                pass  # such as sys.exit(): whoever waits is told
            finally:
                pump.feed(sink, False)
        pump.feed(sink, True)
        try:
            threading.Thread(target=main, name='reeve-feeder',
                             daemon=True).start()
        except BaseException:
            pump.feed(sink, False)
            raise

    def _feed(self, result, text, items, shape):
        index = 0
        try:
            while not result._cancelled:
                chunk = list(itertools.islice(items, CHUNK))
                if not chunk:
                    break
                result._expect(len(chunk))
                for bodies, error in _shaped(chunk, shape):
                    if error is not None:
                        result.refuse(index, error)
                        index += 1
                    else:
                        self._pump.put(text, result, index, bodies)
                        index += len(bodies)
        except BaseException as error:
            result._values = result._values[:index]
            result._broke(error)
            if not isinstance(error, Exception):
                raise
        finally:
            result._complete(index)

    def _imap(self, func, iterable, window, ordered, options):
        self._check()
        stream = _Stream(max(int(window), 1), ordered)
        text = self._text(func, options)
        self._begin(stream, _feed_stream, self._pump, stream, text,
                    iter(iterable))
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

    def _cancel_all(self, sink, reason='the map was given up'):
        while not sink.ready():
            ids = self._pump.ids_of(sink)
            for start in range(0, len(ids), 10000):
                self.client.cancel(ids[start:start + 10000], grace=1,
                                   reason=reason)
            sink.wait(0.02)


def _forgotten(pump, callbacks):
    pump.end()
    callbacks.stop()  # behind what was put


def _one(item):
    return b'"args":' + arguments_json({'args': [item]})


def _star(item):
    return b'"args":' + arguments_json({'args': list(item)})


def _shaped(items, shape):
    """(bodies, None) of what can be sent, (None, error) of what cannot."""
    bodies = []
    for item in items:
        try:
            bodies.append(shape(item))
        except (TypeError, ValueError) as error:
            if bodies:
                yield bodies, None
            bodies = []
            yield None, error
    if bodies:
        yield bodies, None


def _put_one(pump, text, stream, index, bodies):
    try:
        pump.put(text, stream, index, bodies)
    except BaseException:
        with stream.changed:
            stream.drawn -= 1  # it never comes
        raise


def _feed_stream(pump, stream, text, items):
    try:
        while stream.room():
            # One that comes slowly must not wait for its successors.
            item = next(items)
            with stream.changed:
                index = stream.drawn
                stream.drawn += 1
            for bodies, error in _shaped([item], _one):
                if error is not None:
                    stream.refuse(index, error)
                else:
                    _put_one(pump, text, stream, index, bodies)
    except StopIteration:
        pass
    except BaseException as error:  # sys.exit(), too: whoever takes gets it
        stream.error = error
    with stream.changed:
        stream.complete = True
        stream.changed.notify_all()
