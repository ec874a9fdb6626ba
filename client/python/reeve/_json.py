"""JSON as both sides read it: what cannot be sent is known before it is, and
what Python does not read spoils nothing but its own job."""
import json
import re

from .errors import Unreadable

# The daemon reads 64 levels, and puts some around arguments and results.
DEPTH = 56
DATA_BYTES = 1024 * 1024  # of arguments, the daemon's limit

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_NOT_BRACKET = re.compile(r'[^][{}]+')
# JSON text; raises TypeError or ValueError for what is not JSON.
encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False,
                          separators=(',', ':')).encode


def _too_deep(text):
    """Nested deeper than DEPTH? Takes the innermost level off, again and
    again: in C, however large it is.
    """
    left = _NOT_BRACKET.sub('', _STRING.sub('', text))
    left = left.replace('{', '[').replace('}', ']')
    for _ in range(DEPTH):
        left = left.replace('[]', '')
        if not left:
            return False
    return True


def too_deep(text):
    return len(text) > DEPTH and (
        text.count('[') + text.count('{') > DEPTH and _too_deep(text))


def utf8_json(value):
    """Of what the caller gave, in bytes; raises TypeError or ValueError."""
    return encode(value).encode()


def arguments_json(args):
    """The `args` of a job as JSON, in bytes. Raises TypeError or ValueError
    for what the daemon would refuse, with all that comes in one message."""
    try:
        text = encode(args)
        data = text.encode()  # no surrogates, please
    except RecursionError:
        raise ValueError('the arguments are nested too deep') from None
    if too_deep(text):
        raise ValueError('the arguments are nested deeper than %d levels'
                         % DEPTH)
    if len(data) > DATA_BYTES:
        raise ValueError('the arguments take %d bytes, %d are allowed: give '
                         'the path of a file' % (len(data), DATA_BYTES))
    return data


def decode(text):
    """json.loads. A number of more digits than Python reads raises nothing:
    the `args` or `result` that it is in are an Unreadable, else itself is."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise
    except ValueError:
        return _spoil(json.loads(text, parse_int=_integer))


def _integer(text):
    try:
        return int(text)
    except ValueError as error:
        return Unreadable('a number has %d digits: %s' % (len(text), error))


def _unreadable(value):
    """The first in it, or None."""
    left = [value]
    while left:
        it = left.pop()
        if isinstance(it, Unreadable):
            return it
        if isinstance(it, (list, dict)):
            left += it.values() if isinstance(it, dict) else it
    return None


def _spoil(message):
    left = [message]
    while left:
        it = left.pop()
        if isinstance(it, dict):
            for name in ('args', 'result'):
                bad = _unreadable(it.get(name))
                if bad is not None:
                    it[name] = bad
            left += it.values()
        elif isinstance(it, list):
            left += it
    return message
