"""What a handler may ask and say while it runs."""
import time

_LEVELS = {'error': 3, 'warning': 4, 'info': 6, 'debug': 7}
_PROGRESS_PAUSE = 0.1


class Cancelled(BaseException):
    """Raised in a handler whose job was cancelled.

    Not an Exception, so that `except Exception` does not swallow it. Clean
    up and let it through: there are grace_ms for that.
    """


class TimedOut(Cancelled):
    """Raised in a handler that ran longer than its job's timeout_ms."""


class Retry(Exception):
    """Raise it in a handler: try again, after so many seconds.

    Without seconds the pause is that of the job's rule.
    """

    def __init__(self, message='to be tried again', seconds=None):
        super().__init__(message)
        self.seconds = seconds


class Bury(Exception):
    """Raise it in a handler: this job fails, and is not tried again."""


class Context:
    """The job that runs. A handler gets it as `ctx`.

    job, attempt, group: numbers; handler, queue: names; timeout: seconds or
    None; reason: why it was cancelled ('client', 'timeout'), or None.
    """

    __slots__ = ('job', 'attempt', 'group', 'handler', 'queue', 'timeout',
                 'reason', '_token', '_say', '_level', '_told')

    def __init__(self, job, say, level):
        self.job = job['job']
        self.attempt = job['attempt']
        self.group = job.get('group') or None
        self.handler = job.get('handler', '')
        self.queue = job.get('queue', 'default')
        timeout = job.get('timeout_ms')
        self.timeout = timeout / 1000 if timeout else None
        self.reason = None
        self._token = job['token']
        self._say = say
        self._level = level
        self._told = 0.0

    @property
    def cancelled(self):
        """Was it cancelled, or is its time over?"""
        return self.reason is not None

    def progress(self, fraction=None, note=None):
        """Tell how far it is: 0 to 1, and in words. Cheap to call often:
        at most ten a second leave the worker (0 and 1 always).
        """
        now = time.monotonic()
        if now - self._told < _PROGRESS_PAUSE and fraction not in (0, 1):
            return
        self._told = now
        statement = {'progress': self.job, 'token': self._token}
        # Of nothing, nan is what the division gave.
        if fraction is not None and fraction == fraction:
            statement['fraction'] = min(max(float(fraction), 0.0), 1.0)
        if note is not None:
            statement['note'] = str(note)[:255]
        self._say(statement)

    def log(self, text, level='info'):
        """A line for the daemon's log: error, warning, info or debug."""
        if _LEVELS[level] <= self._level:
            self._say({'log': str(text)[:4096], 'level': level,
                       'job': self.job})

    def beat(self, extend=60.0):
        """Say that the worker lives. It moves no deadline: `timeout` of the
        job is what bounds a handler."""
        self._say({'beat': self.job, 'token': self._token,
                   'extend_ms': int(extend * 1000)})
