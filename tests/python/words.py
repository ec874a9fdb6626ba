#!/usr/bin/python3
"""What comes back means what it says: errors of handlers and of the library
are told apart, numbers of options are those of the tool.

    words.py REEVED REEVE [SENTENCE]...
"""
import errno
import os

import pooled
from pooled import raises, reeve
from story import equal, main, story

from reeve._spec import options_of
from reeve.errors import CallError, error_of


def failed(kind, message):
    return error_of({'id': 1, 'state': 'failed', 'cause': 'handler',
                     'failure': {'type': kind, 'message': message,
                                 'trace': 'Traceback'}})


@story
def a_timeout_of_the_handler_is_not_one_of_get(it):
    with pooled.pool(pooled.start(it)) as pool:
        result = pool.apply_async('fails', ('TimeoutError', 'no answer'))
        result.wait(20)
        error = raises(reeve.RemoteError, result.get, 0)
        equal((error.type, error.message), ('TimeoutError', 'no answer'))
        equal(isinstance(error, TimeoutError), False)
        raises(reeve.RemoteError, pool.apply, 'fails', ('TimeoutError', 'x'))
        slow = pool.apply_async('sleeps', (60,))
        raises(TimeoutError, slow.get, 0.01)
        slow.cancel()


@story
def a_stop_iteration_of_the_handler_ends_no_iterator(it):
    with pooled.pool(pooled.start(it)) as pool:
        for imap in (pool.imap, pool.imap_unordered):
            results, seen = imap('stops_at_three', range(6)), []
            while True:
                try:
                    seen.append(next(results))
                except StopIteration:
                    break
                except reeve.RemoteError as error:
                    seen.append(error.type)
            equal(sorted(map(str, seen)),
                  ['0', '1', '2', '4', '5', 'StopIteration'])
        raises(reeve.RemoteError, pool.apply, 'stops_at_three', (3,))


@story
def an_os_error_has_its_number_and_file(it):
    missing = str(it.folder / "it's missing")
    with pooled.pool(pooled.start(it)) as pool:
        error = raises(FileNotFoundError, pool.apply, 'opens', (missing,))
        equal((error.errno, error.filename, error.strerror),
              (errno.ENOENT, missing, os.strerror(errno.ENOENT)))
        equal(error.__cause__.type, 'FileNotFoundError')
    for real in (OSError(errno.ENOSPC, 'No space'), OSError(99999, 'odd'),
                 PermissionError(errno.EPERM, 'a\nb: c', b'\xff'),
                 FileExistsError(errno.EEXIST, 'is there', 'a', None, 'b"c'),
                 ConnectionError('no number'),
                 OSError(errno.EIO, 'x', 5), OSError('[Errno 2] x: y z')):
        again = failed(type(real).__name__, str(real))
        equal((type(again), str(again)), (type(real), str(real)))
        if real.errno and real.errno != errno.EIO:
            equal((again.errno, again.filename, again.filename2),
                  (real.errno, real.filename, real.filename2))
    # Number and class contradict each other: it stays what it was called.
    equal(type(failed('OSError', '[Errno 2] No such file')), OSError)


@story
def retry_counts_what_the_tool_counts(it):
    pooled.start(it)
    rule = {'causes': ['handler']}
    with pooled.pool(it) as pool:
        result = pool.apply_async('raises', retry=0)
        raises(KeyError, result.get, 20)
        equal(result.job.max_attempts, 1)
        number = pool.client.submit('raises', retry=5)
        equal(pool.client.job(number).max_attempts, 6)
        pool.client.cancel(number)
        number = pool.client.submit('noop', retry={'max_attempts': 5, **rule})
        equal(pool.client.job(number).max_attempts, 5)
    for wrong in ({'retry': -1}, {'timeout': -1}, {'grace': -0.1},
                  {'expire': -5}, {'keep': -1}, {'timeout': float('nan')}):
        raises(ValueError, options_of, wrong)


@story
def a_time_of_more_than_nothing_is_more_than_nothing(it):
    equal(options_of({'timeout': 0.0001, 'keep': 0, 'delay': -3}),
          {'timeout_ms': 1, 'keep_ms': 0, 'delay_ms': 0})
    pooled.start(it)
    raises(ValueError, pooled.pool, it, window=0)
    with pooled.pool(it) as pool:
        raises(reeve.JobTimeout, pool.apply, 'sleeps', (60,), timeout=0.0001)
        equal(list(pool.imap('math.square', range(5), window=0)),
              [0, 1, 4, 9, 16])


@story
def progress_of_nan_is_none(it):
    pooled.start(it)
    client = reeve.Client(str(it.socket))
    equal(client.call('tells', ['nan']), 'nan')


@story
def a_field_is_called_by_its_name(it):
    pooled.start(it)
    with pooled.pool(it) as pool:
        error = raises(CallError, pool.apply_async('nobody').get, 20)
        assert str(error).startswith('handler: nobody'), error
        error = raises(CallError, pool.map, 'nobody', range(3))
        assert str(error).startswith('handler: nobody'), error
        error = raises(CallError, pool.map, 'noop', [1], qeue='x')
        assert str(error).startswith('qeue: '), error
        assert error.hint and error.code == 'InvalidParameter', error
        equal(pool.apply_async('noop').get(20), None)


if __name__ == '__main__':
    main()
