"""reeve: jobs of the task daemon `reeved`, from Python.

As a client: `Client`, and `Pool`, which has the surface of
`multiprocessing.Pool`. As a consumer without a pool of the daemon:
`Consumer`. As a worker: `handler` and `reeve.worker`.
Nothing but the standard library is used, and nothing is ever pickled.
"""
from .errors import (CallError, Error, JobCancelled, JobTimeout, RemoteError,
                     ResultTooLarge, Unreachable, Unreadable, WorkerLost)
from .handlers import handler

__version__ = '0.1.0'
__all__ = ['AsyncResult', 'CallError', 'Client', 'Consumer', 'Error', 'Job',
           'JobCancelled', 'JobTimeout', 'Lease', 'Pool', 'RemoteError',
           'ResultTooLarge', 'Unreachable', 'Unreadable', 'WorkerLost',
           'handler']

# A worker never needs these, and its memory counts many times.
_LATER = {'Client': '.client', 'Job': '.client', 'Pool': '.pool',
          'AsyncResult': '.results', 'Consumer': '.consumer',
          'Lease': '.consumer'}


def __getattr__(name):
    if name not in _LATER:
        raise AttributeError('module reeve has no attribute %r' % name)
    import importlib
    value = getattr(importlib.import_module(_LATER[name], __name__), name)
    globals()[name] = value
    return value
