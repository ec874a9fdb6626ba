"""What can go wrong, for callers."""
import ast
import builtins


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


def _builtin(type_name, message):
    """A built-in exception of that name, or None. Nothing else is made."""
    kind = getattr(builtins, type_name, None)
    if not isinstance(kind, type) or not issubclass(kind, Exception):
        return None
    try:
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
    RemoteError, which has the trace, as its __cause__.
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
