"""What can go wrong, for callers."""
import ast
import builtins
import re


class Error(Exception):
    """Everything that this library raises by itself."""


class Unreachable(Error, ConnectionError):
    """No daemon listens, or it went away and did not come back in time."""


class CallError(Error):
    """The daemon refused a call.

    code: 'NoSuchJob'; name: 'org.reeve.jobs.NoSuchJob'; hint: what to do
    next, or ''; parameters: what else it said.
    """

    def __init__(self, name, parameters):
        self.name = name
        self.code = name.rsplit('.', 1)[-1]
        self.parameters = parameters
        self.hint = parameters.get('hint') or ''
        text = parameters.get('message') or self.code
        if parameters.get('parameter'):
            text = '%s: %s' % (parameters['parameter'], text)
        super().__init__('%s (%s)' % (text, self.hint) if self.hint else text)


class Unreadable(Error, ValueError):
    """In a result, or among arguments, is a number with more digits than
    Python reads (sys.set_int_max_str_digits() lets it read them)."""


class RemoteError(Error):
    """A job ended without a result.

    cause: why, a word of PROTOCOL.md, section 6; type, message, trace: what
    its handler raised; job: its record (from a Pool the part
    that says how it ended; Client.job(error.job) has all of it).
    """

    def __init__(self, message, type='', trace='', cause='', job=None):
        super().__init__(message)
        self.type = type
        self.message = message
        self.trace = trace
        self.cause = cause
        self.job = job

    def __str__(self):
        if self.trace:
            return '\n"""\n%s"""' % self.trace
        return '%s: %s' % (self.type, self.message) if self.type else (
            self.message)


class JobCancelled(RemoteError):
    """It was cancelled, or expired while it waited."""


class JobTimeout(RemoteError):
    """It ran longer than its `timeout` and was ended."""


class WorkerLost(RemoteError):
    """Its worker died, as often as its crash_limit allows."""


class ResultTooLarge(RemoteError):
    """Its result is longer than a message may be."""


_BY_CAUSE = {'cancelled': JobCancelled, 'expired': JobCancelled,
             'timeout': JobTimeout, 'worker_lost': WorkerLost,
             'host_lost': WorkerLost, 'memory': WorkerLost}


def _sentence(job, cause):
    """How a job ended whose handler did not say anything."""
    what = 'job %s ' % job.get('id')
    if cause == 'exit':
        return what + 'ended with exit code %s' % job.get('exit_code')
    if cause == 'signal':
        return what + 'was ended by signal %s' % job.get('signal')
    if cause == 'timeout':
        return what + 'ran longer than it may'
    if cause in ('worker_lost', 'host_lost'):
        number = job.get('signal')
        return what + 'was lost with its worker' + (
            ', which died of signal %s' % number if number else '')
    return what + {'expired': 'waited longer than it may',
                   'cancelled': 'was cancelled',
                   'memory': 'used more memory than it may'}.get(
                       cause, 'ended: %s' % cause)


# What these say to the caller would be something else: that there is no
# result yet, or that an iterator has come to its end.
_OURS = (TimeoutError, StopIteration, StopAsyncIteration)

# str(OSError): number, words, up to two files.
_OS_ERROR = re.compile(
    r"\[Errno (-?\d+)\] (.*?)(?:: (b?'.*?'|b?\".*?\"|-?\d+)"
    r"(?: -> (b?'.*'|b?\".*\"))?)?", re.DOTALL)


def _os_error(kind, message):
    """With errno, strerror and filename as it had them, or None."""
    parts = _OS_ERROR.fullmatch(message)
    if parts is None:
        return None
    number, words, *files = parts.groups()
    files = [file and ast.literal_eval(file) for file in files]
    error = kind(int(number), words, files[0], None, files[1])
    return error if type(error) is kind and str(error) == message else None


def _builtin(type_name, message):
    """A built-in exception of that name, or None. Nothing else is made."""
    kind = getattr(builtins, type_name, None)
    if not isinstance(kind, type) or not issubclass(kind, Exception) or (
            issubclass(kind, _OURS)):
        return None
    try:
        if issubclass(kind, OSError):
            return _os_error(kind, message) or kind(message)
        if issubclass(kind, KeyError):
            # str(KeyError('x')) is the literal: 'x' in quotes.
            return kind(ast.literal_eval(message))
        return kind(message)
    except Exception:  # UnicodeDecodeError wants five arguments
        try:
            return kind(message)
        except Exception:
            return None


def error_of(job):
    """The exception for the record of a job that did not succeed.

    A built-in exception is raised again as what it was, with the
    RemoteError, which has the trace, as its __cause__. Not so TimeoutError,
    StopIteration and StopAsyncIteration, with which get() and next() say
    something else: the RemoteError itself is raised.
    """
    cause = job.get('cause') or job.get('state') or ''
    failure = job.get('failure') or {}
    name = failure.get('type') or ''
    message = failure.get('message') or _sentence(job, cause)
    kind = _BY_CAUSE.get(cause, RemoteError)
    if name == 'ResultTooLarge':
        kind = ResultTooLarge
    remote = kind(message, name, failure.get('trace') or '', cause, job)
    if cause == 'handler' and name and kind is RemoteError:
        known = _builtin(name, message)
        if known is not None:
            known.__cause__ = remote
            return known
    return remote


def result_of(job):
    """The result of a job that succeeded; raises what is wrong with it."""
    if job.get('result_omitted'):
        raise ResultTooLarge(
            'the result of job %s was left out, it did not fit into '
            'the reply' % job.get('id'), job=job)
    result = job.get('result')
    if isinstance(result, Unreadable):
        raise result
    return result


def outcome(job):
    """(its result, None) or (None, an exception) of a job that has ended."""
    if job['state'] != 'succeeded':
        return None, error_of(job)
    try:
        return result_of(job), None
    except Error as error:
        return None, error
