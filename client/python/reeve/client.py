"""Client: one object for everything that the daemon's socket offers."""
import contextlib
import threading
import time

from . import _fork
from ._spec import Keys, milliseconds, options_of, spec_of
from ._wire import Connection, message, parameters_of, socket_path
from .errors import CallError, Unreachable, error_of, result_of

ENDED = ('succeeded', 'failed', 'cancelled')
IDS = 10000  # of one call


class Job(dict):
    """What the daemon knows of a job: a dict, with its fields as attributes
    (None for what it has not)."""

    __slots__ = ()
    _FIELDS = frozenset((
        'id', 'state', 'queue', 'handler', 'name', 'priority', 'attempt',
        'max_attempts', 'crashes', 'uid', 'created_ms', 'run_at_ms',
        'started_ms', 'finished_ms', 'cause', 'exit_code', 'signal', 'core',
        'failure', 'cancel_asked', 'group', 'key', 'tags', 'cpu_us',
        'peak_kib', 'stdout_bytes', 'stderr_bytes', 'result', 'progress',
        'note', 'node', 'worker_pid', 'attempts', 'spec', 'follows',
        'follows_group', 'callbacks', 'result64', 'result_omitted'))

    def __getattr__(self, name):
        if name in self._FIELDS:
            return self.get(name)
        raise AttributeError(name)

    @property
    def ended(self):
        return self.get('state') in ENDED

    def check(self):
        """Its result; raises what `error_of` makes of a job that failed."""
        if self.get('state') == 'succeeded':
            return result_of(self)
        if not self.ended:
            raise ValueError('job %s has not ended' % self.get('id'))
        raise error_of(self)


def _ids(jobs):
    if isinstance(jobs, (int, dict)):
        jobs = [jobs]
    return [job['id'] if isinstance(job, dict) else int(job) for job in jobs]


class Client:
    """Connections are made when they are needed, and used by one thread at a
    time; a Client may be shared by all threads. In a forked process it is as
    good as new, with connections of its own.

    socket: path; else REEVE_SOCKET, else the user's daemon, else the
    system's. reconnect: for so many seconds a lost daemon is waited for.
    """

    def __init__(self, socket=None, *, reconnect=30.0):
        self.path = socket or socket_path()
        self.reconnect = reconnect
        self._closed = False
        self.in_child()
        _fork.tell(self)

    def in_child(self):
        """Begin anew, with keys that nobody else makes."""
        self._keys = Keys()
        self._free = []
        self._lock = threading.Lock()

    def close(self):
        with self._lock:
            self._closed = True
            free, self._free = self._free, []
        for connection in free:
            connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # -- connections

    def connection(self, within=0.0):
        """A new connection of the caller's own."""
        return Connection(self.path, within)

    def _borrow(self, within):
        with self._lock:
            if self._closed:
                raise ValueError('the client is closed')
            if self._free:
                return self._free.pop()
        return self.connection(within)

    def _give_back(self, connection):
        with self._lock:
            if not self._closed:
                self._free.append(connection)
                return
        connection.close()

    def _forget(self):
        """One was lost: the others lead to the same broker."""
        with self._lock:
            free, self._free = self._free, []
        for connection in free:
            connection.close()

    def _with_connection(self, work, again):
        """work(connection), once more on a new one when that breaks."""
        within, lost = 0.0, None
        deadline = None
        while True:
            connection = self._borrow(within)
            try:
                value = work(connection)
            except (OSError, EOFError) as error:
                connection.close()
                if isinstance(error, TimeoutError):
                    raise
                self._forget()
                lost = error
            except BaseException:
                # In the middle of a reply nobody can use it any more; after
                # an error reply it would do, but errors are rare.
                connection.close()
                raise
            else:
                self._give_back(connection)
                return value
            deadline = deadline or time.monotonic() + self.reconnect
            if not again or time.monotonic() > deadline:
                raise Unreachable('the connection to the daemon broke: %s'
                                  % lost) from lost
            within = max(deadline - time.monotonic(), 0.0)

    def request(self, method, parameters=None, *, timeout=None, again=True):
        """Any method of PROTOCOL.md: request('admin.Status').

        again: send it once more if the connection breaks before the answer.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        return self._with_connection(
            lambda it: it.call(method, parameters or {}, deadline), again)

    # -- jobs

    def submit(self, handler=None, args=(), kwargs=None, **options):
        """Submit one job; its id.

        handler with args and kwargs, or argv=[...], or shell='...'. Options
        are the fields of a Spec (queue, name, priority, tags, key, group,
        hold, once, ...), and in seconds timeout, grace, delay, expire, keep;
        retry=5 tries it up to five more times when it fails, as does
        `--retry 5` of the tool; a dict is a rule of PROTOCOL.md, whose
        max_attempts counts the first one, too. run_at is a datetime, or
        seconds since 1970. A command begins in / with a minimal environment,
        unless context={'cwd': ..., 'env': ...} says others.
        """
        spec = spec_of(handler, args, kwargs, options)
        # With a key, sending it twice is no harm.
        if 'key' not in spec and spec.get('durability') != 'memory' and (
                'unique' not in spec):
            spec['key'] = self._keys.next()
        return self.request('Submit', {'job': spec},
                            again='key' in spec)['id']

    def submit_many(self, jobs, **defaults):
        """Submit Specs (dicts); their ids, 0 for one that was refused.

        At most 10 000 in a call. Raises CallError if all are refused.
        """
        jobs = [dict(job) for job in jobs]
        defaults = options_of(defaults)
        keyed = defaults.get('durability') != 'memory'
        for job in jobs:
            if keyed and 'key' not in job and 'unique' not in job:
                job['key'] = self._keys.next()
        reply = self.request('SubmitMany', {'jobs': jobs,
                                            'defaults': defaults})
        ids = reply['ids']
        if ids and not any(ids):
            first = reply['rejected'][0]
            raise CallError(first['error'], {
                'message': first.get('message'),
                'parameter': first.get('field')})
        return ids

    def call(self, handler, args=(), kwargs=None, *, wait=None, **options):
        """Run a handler and return its result; raises what it raised.

        wait: at most so many seconds, then TimeoutError (the job goes on).
        Nothing is promised before the end (durability `result`): if the
        daemon is replaced meanwhile the job is sent again, and may run twice.
        """
        return self._call(handler, args, kwargs, wait, options)

    def _call(self, handler, args, kwargs, wait, options, told=None):
        """told(id): when the daemon says it, for one that takes time."""
        options.setdefault('durability', 'result')
        spec = spec_of(handler, args, kwargs, options)
        deadline = None if wait is None else time.monotonic() + wait
        data = message('Submit', {'job': spec}, more=True)
        number = None

        def work(connection):
            nonlocal number
            connection.send(data)
            reply = connection.reply(deadline)
            while reply.get('continues'):
                number = parameters_of(reply).get('id')
                if told is not None:
                    told(number)
                reply = connection.reply(deadline)
            return parameters_of(reply)
        try:
            return Job(self._with_connection(work, True)['job']).check()
        except KeyboardInterrupt:
            # Nobody will have its result.
            if number is not None:
                with contextlib.suppress(Exception):
                    self.cancel([number], reason='interrupted', grace=1)
            raise

    def job(self, job, with_spec=False):
        """The record of one job."""
        return Job(self.request('Get', {
            'ids': _ids(job), 'with_spec': with_spec})['jobs'][0])

    def jobs(self, limit=None, **fields):
        """Jobs for which a filter holds, one after the other.

        fields: states=['failed'], queue='img', handler=..., group=... (see
        Filter in PROTOCOL.md).
        """
        cursor = None
        while limit is None or limit > 0:
            asked = {'filter': fields, 'limit': 1000 if limit is None
                     else min(limit, 1000)}
            if cursor is not None:
                asked['cursor'] = cursor
            reply = self.request('List', asked)
            for job in reply['jobs']:
                yield Job(job)
            if limit is not None:
                limit -= len(reply['jobs'])
            cursor = reply.get('cursor')
            if cursor is None:
                return

    def wait(self, jobs, timeout=None):
        """Wait until these have ended; their records, in that order.

        A number or Job gives one record. Raises TimeoutError.
        """
        ids = _ids(jobs)
        found = {}
        for job in self.as_completed(ids, timeout):
            found[job['id']] = job
        if isinstance(jobs, (int, dict)):
            return found[ids[0]]
        return [found[number] for number in ids]

    def as_completed(self, jobs=None, timeout=None, *, group=None):
        """Records of jobs, or of a group until it is complete, as they end."""
        deadline = None if timeout is None else time.monotonic() + timeout
        left = None if group is not None else dict.fromkeys(_ids(jobs))
        seen = set()
        while left is None or left:
            asked = {'group': group} if left is None else {
                'ids': list(left)[:IDS]}
            if deadline is not None:
                asked['wait_ms'] = milliseconds(deadline - time.monotonic())
            connection = self._borrow(self.reconnect if seen else 0.0)
            try:
                for reply in connection.stream('Wait', asked):
                    for job in reply['jobs']:
                        if left is not None:
                            left.pop(job['id'], None)
                        elif job['id'] in seen:
                            continue
                        else:
                            seen.add(job['id'])
                        yield Job(job)
            except CallError as error:
                connection.close()
                if error.code == 'Timeout':
                    raise TimeoutError(str(error)) from None
                raise
            except OSError:
                connection.close()
                self._forget()
                # Whoever waits for a daemon to come back waits here.
                self.connection(self.reconnect).close()
                continue
            except BaseException:
                connection.close()  # the stream ends with its connection
                raise
            self._give_back(connection)
            if left is None:
                return

    def cancel(self, jobs=None, *, reason=None, grace=None, **fields):
        """Cancel jobs, or those for which a filter holds; how many."""
        if jobs is not None:
            fields['ids'] = _ids(jobs)
        asked = {'filter': fields}
        if reason is not None:
            asked['reason'] = reason
        if grace is not None:
            asked['grace_ms'] = milliseconds(grace)
        count = 0
        while True:
            reply = self.request('Cancel', asked)
            count += reply['cancelled'] + reply['signalled']
            if not reply.get('left'):
                return count

    def retry(self, jobs):
        """Let ended jobs run once more; how many."""
        return self.request('Retry', {'filter': {'ids': _ids(jobs)}})['count']

    def output(self, job, stream='stdout'):
        """What a job has written so far, as bytes: stdout, stderr, both."""
        import base64
        data, offset = b'', 0
        while True:
            reply = self.request('Output', {
                'id': _ids(job)[0], 'stream': stream, 'offset': offset})
            for chunk in reply['chunks']:
                data += (base64.b64decode(chunk['data64'])
                         if chunk.get('data64') is not None
                         else (chunk.get('data') or '').encode())
            if reply['eof'] or not reply['chunks']:
                return data
            offset = reply['offset']

    # -- groups

    def open_group(self, name=None):
        return self.request('OpenGroup', {'name': name} if name else {},
                            again=False)['group']

    def close_group(self, group):
        self.request('CloseGroup', {'group': group})

    def group(self, group):
        """{'counts': {'ready': 3, ...}, 'complete': False, ...}"""
        return self.request('GetGroup', {'group': group})['group']
