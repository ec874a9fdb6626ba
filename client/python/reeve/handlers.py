"""The functions that a worker serves, by name.

How the `args` object of a job becomes the arguments of a function:

  {"path": "a.png", "size": 100}            f(path='a.png', size=100)
  {"args": ["a.png"], "kwargs": {"size": 9}} f('a.png', size=9)
  {} or nothing                             f()

The second form is meant when there is no other member than `args` (a list)
and `kwargs` (an object); the client library uses it.
"""
import inspect

from .errors import Unreadable

_handlers = {}


class Handler:
    """A function, and what calling it takes."""

    __slots__ = ('name', 'function', 'wants_context')

    def __init__(self, name, function):
        self.name = name
        self.function = function
        self.wants_context = _wants_context(function)


def _wants_context(function):
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # written in C
        return False
    wanted = parameters.get('ctx')
    return wanted is not None and wanted.kind in (
        wanted.KEYWORD_ONLY, wanted.POSITIONAL_OR_KEYWORD)


def handler(function=None, *, name=None):
    """Serve a function under its own name, or another.

        @handler
        def thumb(path, size=100, *, ctx): ...

        @handler('mail.send')
        def send(to, text): ...

    The function itself stays as it is. A parameter called `ctx` gets the
    `reeve.worker.Context` of the job.
    """
    if isinstance(function, str):
        return lambda it: handler(it, name=function)
    if function is None:
        return lambda it: handler(it, name=name)
    if not callable(function):
        raise TypeError('a handler is a function, not %r' % (function,))
    if inspect.iscoroutinefunction(function):
        raise TypeError('%s is a coroutine: a handler is an ordinary '
                        'function, which may call asyncio.run()'
                        % function.__qualname__)
    name = name or function.__name__
    _handlers[name] = Handler(name, function)
    try:
        function.reeve_handler = name
    except AttributeError:  # a built-in, a bound method
        pass
    return function


def name_of(function):
    """The name that a handler function, or a str, stands for."""
    if isinstance(function, str):
        return function
    name = getattr(function, 'reeve_handler', None)
    if name is None:
        raise TypeError(
            '%r is no handler: decorate it with @reeve.handler in a module '
            'that the workers of a pool load, or give the name of one'
            % (function,))
    return name


def served():
    """Handler by name."""
    return _handlers


def arguments(args):
    """The `args` of a job as (positional, keywords); raises Unreadable."""
    if not args:
        return (), {}
    if isinstance(args, Unreadable):
        raise args
    if isinstance(args, list):
        return args, {}
    if len(args) <= 2:
        positional, keywords = args.get('args'), args.get('kwargs')
        count = isinstance(positional, list) + isinstance(keywords, dict)
        if count == len(args):
            return positional or (), keywords or {}
    return (), args


def pack(args, kwargs):
    """The other way: what a client sends."""
    if args:
        return {'args': list(args), 'kwargs': kwargs} if kwargs else (
            {'args': list(args)})
    if kwargs and not set(kwargs) <= {'args', 'kwargs'}:
        return kwargs
    return {'kwargs': kwargs} if kwargs else {}
