"""Consumer: jobs of handlers that no pool serves, taken by a program of
yours, and settled by it."""
import socket as sockets
import threading
import time

from . import _fork
from ._report import describe, plain
from ._spec import milliseconds
from .client import Client
from .errors import CallError, Unreachable
from .handlers import arguments, name_of


class Lease(dict):
    """The right to one attempt of a job, until `deadline_ms`: a dict, with
    its fields as attributes (None for what it has not).

    lost: the lease is over, and the job another's; cancelled: somebody asks
    for its end: fail() it soon. Both as last heard by extend() or progress().
    """

    _FIELDS = frozenset(('id', 'token', 'attempt', 'handler', 'queue',
                         'deadline_ms', 'timeout_ms', 'group', 'uid'))

    def __init__(self, *fields):
        super().__init__(*fields)
        self.lost = False
        self.cancelled = False

    def __getattr__(self, name):
        if name in self._FIELDS:
            return self.get(name)
        raise AttributeError(name)

    @property
    def args(self):
        """What the job was submitted with: a dict."""
        return self.get('args') or {}

    def apply(self, function):
        """function(*args, **kwargs), as a worker calls its handler."""
        args, kwargs = arguments(self.args)
        return function(*args, **kwargs)

    def held(self):
        return {'id': self['id'], 'token': self['token']}


class Consumer:
    """Takes jobs of these handlers, and says how they ended.

    May be shared by all threads. queues: of these alone; lease: seconds for
    which a job is lent, and again with each extend(): one that is neither
    extended nor settled in time is given to another. client: a Client of
    yours; else one is made, for socket and reconnect as there.

    Leaving the `with` block puts back what was not settled.
    """

    def __init__(self, *handlers, queues=None, lease=60.0, client=None,
                 socket=None, reconnect=30.0):
        if not handlers:  # names, or functions with @handler
            raise TypeError('a consumer needs a handler')
        self.asked = {'handlers': [name_of(one) for one in handlers],
                      'lease_ms': milliseconds(lease)}
        if queues is not None:
            self.asked['queues'] = ([queues] if isinstance(queues, str)
                                    else list(queues))
        self._owned = client is None
        self.client = client or Client(socket, reconnect=reconnect)
        self._stopped = False
        self.in_child()
        _fork.tell(self)

    def in_child(self):
        """Begin anew: the leases of a forked process are its parent's."""
        # stop() may be called by a signal handler of whoever holds it.
        self._lock = threading.RLock()
        self._held = {}  # token: Lease
        self._waiting = set()  # connections

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # -- taking

    def reserve(self, max=1, wait=None):
        """Up to `max` leases, as soon as there is one.

        wait: seconds, then []; 0 looks once; None: until stop(), which makes
        it return [] too. Raises CallError ('PoolServes').
        """
        deadline = None if wait is None else time.monotonic() + wait
        lost = None
        while not self._stopped:
            asked = {**self.asked, 'max': max}
            if deadline is not None:
                asked['wait_ms'] = milliseconds(deadline - time.monotonic())
            try:
                return self._reserve(asked, self.client.reconnect if lost
                                     else 0.0)
            except CallError as error:
                # The daemon goes down: another one may come.
                if error.code != 'Draining':
                    raise
                lost = lost or error
                time.sleep(0.05)
            except Unreachable:
                raise
            except (OSError, EOFError) as error:
                lost = error
        return []

    def _reserve(self, asked, within):
        connection = self.client.connection(within)
        with self._lock:
            if self._stopped:
                connection.close()
                return []
            self._waiting.add(connection)
        try:
            reply = connection.call('consume.Reserve', asked)
            return self._take(reply)
        except (OSError, EOFError):
            if self._stopped:
                return []
            raise
        except BaseException:
            # Interrupted: what is on its way is not for anybody.
            self._put_back_last(connection)
            raise
        finally:
            with self._lock:
                self._waiting.discard(connection)
            connection.close()

    def _take(self, reply):
        leases = [Lease(lease) for lease in reply['leases']]
        with self._lock:
            self._held.update((lease.token, lease) for lease in leases)
        return leases

    def _put_back_last(self, connection):
        try:
            # The daemon cannot send any more; what it has sent is here.
            connection.socket.shutdown(sockets.SHUT_RD)
            reply = connection.reply(time.monotonic() + 1)
            self.nack(*self._take(reply.get('parameters') or {'leases': []}))
        except (OSError, EOFError, ValueError, KeyError, CallError):
            pass

    def __iter__(self):
        """One lease after the other, until stop()."""
        while True:
            leases = self.reserve()
            if not leases:
                if self._stopped:
                    return
                continue
            yield from leases

    # -- settling

    def _settled(self, leases, reply):
        """Which of them it counted for."""
        lost = set(reply['lost'])
        with self._lock:
            for lease in leases:
                self._held.pop(lease.token, None)
                lease.lost = lease.id in lost
        return not lost

    def _settle(self, lease, **outcome):
        # Twice is no harm: what is settled already is `lost`.
        return self._settled([lease], self.client.request(
            'consume.Settle', {'outcomes': [{**lease.held(), **outcome}]}))

    def ack(self, lease, result=None):
        """It succeeded; on disk when this returns. False: its lease was over,
        or the connection broke and the first try was the one that counted."""
        return self._settle(lease, result=result)

    def fail(self, lease, error, *, retry_after=None, bury=False):
        """It failed; error: an exception, or text. The job's rule says
        whether it is tried again, unless bury; retry_after: seconds."""
        outcome = {'failure': describe(error, 0) if isinstance(
            error, BaseException) else plain('Error', str(error))}
        if retry_after is not None:
            outcome['retry_ms'] = milliseconds(retry_after)
        if bury:
            outcome['bury'] = True
        return self._settle(lease, **outcome)

    def nack(self, *leases, delay=0):
        """Not now: put back, to be ready so many seconds later, uncharged."""
        if not leases:
            return True
        return self._settled(leases, self.client.request('consume.Nack', {
            'held': [lease.held() for lease in leases],
            'delay_ms': milliseconds(delay)}))

    # -- holding

    def extend(self, *leases, lease=None):
        """Hold these for longer, without any: all that are in hand. Sets
        their `lost` and `cancelled`; which of them are to be gone on with."""
        with self._lock:
            leases = leases or tuple(self._held.values())
        if not leases:
            return []
        reply = self.client.request('consume.Extend', {
            'held': [one.held() for one in leases],
            'lease_ms': self.asked['lease_ms'] if lease is None
            else milliseconds(lease)})
        lost, cancelled = set(reply['lost']), set(reply['cancelled'])
        with self._lock:
            for one in leases:
                one.lost = one.id in lost
                one.cancelled = one.id in cancelled
                if one.lost:
                    self._held.pop(one.token, None)
                elif not one.cancelled:
                    one['deadline_ms'] = reply['deadline_ms']
        return [one for one in leases if not one.lost and not one.cancelled]

    def progress(self, lease, fraction=None, note=None):
        """For those who watch the job; does not extend. False: it need not go
        on, being lost or cancelled."""
        asked = {'held': lease.held()}
        if fraction is not None:
            asked['fraction'] = fraction
        if note is not None:
            asked['note'] = note
        reply = self.client.request('consume.Progress', asked)
        lease.lost, lease.cancelled = reply['lost'], reply['cancelled']
        return not (lease.lost or lease.cancelled)

    # -- the end

    def stop(self):
        """Take no more: whoever waits in reserve() gets [], and loops over
        the consumer end. What is in hand can still be settled."""
        with self._lock:
            self._stopped = True
            for connection in list(self._waiting):
                try:
                    connection.socket.shutdown(sockets.SHUT_RD)
                except OSError:
                    pass

    def close(self):
        """Stop, and put back what was not settled."""
        self.stop()
        with self._lock:
            left = list(self._held.values())
        try:
            self.nack(*left)
        finally:
            if self._owned:
                self.client.close()
