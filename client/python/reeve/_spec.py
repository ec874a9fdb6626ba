"""Submissions: from what a caller says to a Spec of the protocol."""
import itertools
import os

from .handlers import name_of, pack

_SECONDS = {'timeout': 'timeout_ms', 'grace': 'grace_ms',
            'delay': 'delay_ms', 'expire': 'expire_ms', 'keep': 'keep_ms'}


def milliseconds(seconds):
    """At least 1 of more than nothing: 0 is no limit, or at once."""
    return max(int(round(seconds * 1000)), int(seconds > 0))


def _limit(name, seconds):
    if seconds < 0 and name != 'delay':  # one of the past is over
        raise ValueError('%s is %r, less than nothing' % (name, seconds))
    return milliseconds(seconds)


def options_of(options):
    """Members of a Spec. Seconds become milliseconds; `retry=5`, up to five
    more times when it fails, a rule, as with `reeve submit --retry 5`."""
    spec = {}
    for name, value in options.items():
        if value is None:
            continue
        if name in _SECONDS:
            spec[_SECONDS[name]] = _limit(name, value)
        elif name == 'retry' and isinstance(value, int):
            if value < 0:
                raise ValueError('retry is %r, less than nothing' % value)
            spec['retry'] = {'max_attempts': value + 1}
        elif name == 'run_at':
            stamp = value.timestamp() if hasattr(value, 'timestamp') else value
            spec['run_at_ms'] = milliseconds(stamp)
        else:
            spec[name] = value
    return spec


def spec_of(handler, args, kwargs, options):
    spec = options_of(options)
    if handler is not None:
        spec['handler'] = name_of(handler)
        packed = pack(args, kwargs or {})
        if packed:
            spec['args'] = packed
    elif args or kwargs:
        raise TypeError('arguments are for handlers; a command has argv')
    return spec


class Keys:
    """Keys that grow: the daemon's index likes them better than random."""

    def __init__(self):
        self.nonce = 'py-' + os.urandom(9).hex()
        self.counter = itertools.count(1)

    def next(self):
        return '%s-%012d' % (self.nonce, next(self.counter))
