"""The end of an attempt in words of the worker protocol.

Whatever a handler returned or raised, the line that comes out is valid: a
result that is no JSON, an exception whose own text raises, text that is not
UTF-8.
"""
import sys
import traceback

from ._json import DEPTH, encode, too_deep

TYPE_BYTES = 256
MESSAGE_BYTES = 4096
TRACE_BYTES = 16 * 1024


class NotJSON(Exception):
    """What a handler returned cannot be sent."""


def dumps(value):
    """JSON of what the library itself puts together."""
    return encode(value)


def result_json(value):
    """JSON text. Raises NotJSON, which says what is wrong with it."""
    if value is None:
        return 'null'
    try:
        text = encode(value)
        if not text.isascii():
            text.encode()  # no surrogates, please
    except TypeError as error:
        raise NotJSON('the handler returned %s, which is not JSON: %s' % (
            kind_of(value), words(error))) from None
    except (ValueError, RecursionError, OverflowError) as error:
        raise NotJSON('what the handler returned (%s) is not JSON: %s' % (
            kind_of(value), words(error))) from None
    if too_deep(text):
        raise NotJSON('what the handler returned (%s) is nested deeper than '
                      '%d levels' % (kind_of(value), DEPTH))
    return text


def kind_of(value):
    kind = type(value)
    if kind.__module__ in ('builtins', '__main__') or (
            kind.__module__.startswith('reeve.')):
        return kind.__qualname__
    return '%s.%s' % (kind.__module__, kind.__qualname__)


def words(error):
    """str(error), whatever its class does when it is asked."""
    try:
        return str(error)
    except BaseException:
        return '(its text cannot be had)'


def cut(text, limit, keep_head=True):
    """At most so many bytes of UTF-8; of a trace both ends are kept."""
    data = text.encode('utf-8', 'replace')
    if len(data) <= limit:
        return data.decode()
    if keep_head:
        return data[:limit - 3].decode('utf-8', 'ignore') + '…'
    mark = '\n  [...]\n'
    head = (limit - len(mark)) // 4
    tail = limit - len(mark) - head
    return (data[:head].decode('utf-8', 'ignore') + mark +
            data[len(data) - tail:].decode('utf-8', 'ignore'))


def trace_of(error, skip=1):
    """The traceback as text, without the frames of the worker itself."""
    try:
        at = error.__traceback__
        for _ in range(skip):
            at = at.tb_next if at is not None else None
        lines = traceback.format_exception(type(error), error, at)
    except BaseException:
        # Its text raises: the frames at least.
        try:
            lines = ['Traceback (most recent call last):\n'] + (
                traceback.format_tb(error.__traceback__)) + (
                    ['%s: %s\n' % (kind_of(error), words(error))])
        except BaseException:
            return ''
    return ''.join(lines)


def describe(error, skip=1):
    """What a `fail` says of an exception."""
    message = words(error)
    if isinstance(error, SystemExit):
        code = error.code
        message = 'sys.exit(%s)' % ('' if code is None else words(repr(code)))
    return {'type': cut(kind_of(error), TYPE_BYTES),
            'message': cut(message, MESSAGE_BYTES),
            'trace': cut(trace_of(error, skip), TRACE_BYTES, False)}


def plain(kind, message):
    """What a `fail` says when no exception was raised by the handler."""
    return {'type': kind, 'message': cut(message, MESSAGE_BYTES), 'trace': ''}


def worker_name():
    return 'py/%d.%d' % sys.version_info[:2]
