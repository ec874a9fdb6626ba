"""Workers: functions of yours that reeve calls, in processes that stay.

    # thumbs.py
    from reeve.worker import handler, main

    @handler
    def thumb(path, size=100, *, ctx):
        ctx.progress(0.5, 'half')
        return {'path': path, 'size': size}

    if __name__ == '__main__':
        main()

and in reeve.yaml a pool with `kind: worker`, `handles: [thumb]` and
`run: [python3, /srv/thumbs.py]`. `python3 -m reeve.worker thumbs` runs a
module that has no main() of its own.
"""
import importlib
import os
import sys

from ._context import Bury, Cancelled, Context, Retry, TimedOut
from .handlers import handler, served

__all__ = ['Bury', 'Cancelled', 'Context', 'Retry', 'TimedOut', 'handler',
           'init', 'main', 'preload']

EXIT_INIT = 111

_preloads = []
_inits = []


def preload(function):
    """Call it once in the template, before any worker is forked from it.

    Of a pool without `preload: true`: in each worker. What it loads is
    shared by all workers as long as nobody writes to it; see README.md.
    """
    _preloads.append(function)
    return function


def init(function):
    """Call it in each worker, before its first job: threads, connections."""
    _inits.append(function)
    return function


def _run_preloads(more):
    if isinstance(more, str) or callable(more):
        more = [more]
    for item in list(_preloads) + list(more or ()):
        if callable(item):
            item()
        else:
            importlib.import_module(item)


def _explain():
    sys.stderr.write(
        '%s: this is a worker: reeved starts it. Put it into reeve.yaml:\n'
        '  pools:\n    mine:\n      kind: worker\n      run: [%s]\n'
        '      handles: [%s]\n' % (
            os.path.basename(sys.argv[0]) or 'worker',
            ', '.join([sys.executable or 'python3'] + sys.argv),
            ', '.join(sorted(served())) or 'NAME'))
    return 2


def main(preload=None):
    """Serve the handlers that were defined; ends the process.

    preload: a function, the name of a module, or several: as @preload.
    """
    sys.exit(_main(preload))


def _main(more):
    if 'REEVE_WORKER_SOCKET' not in os.environ:
        return _explain()
    from ._run import Place, Worker
    fd = os.environ.pop('REEVE_TEMPLATE_FD', None)
    if fd is not None:
        from ._template import Template
        template = Template(int(fd))
        try:
            _run_preloads(more)
        except BaseException as error:
            _print_exception()
            return template.failed(error)
        template.serve()  # comes back in the workers
    try:
        if fd is None:
            _run_preloads(more)
        for function in _inits:
            function()
    except BaseException:
        _print_exception()
        return EXIT_INIT
    missing = set(os.environ.get('REEVE_HANDLERS', '').split()) - set(served())
    if missing or not served():
        sys.stderr.write('reeve.worker: %s: no function has @handler with '
                         'that name\n' % (', '.join(sorted(missing)) or
                                          'no handlers'))
        return EXIT_INIT
    Worker(Place(os.environ)).start()
    return 0


def _print_exception():
    import traceback
    traceback.print_exc()


def _load(name):
    """Import MODULE, or FILE.py; with :ATTRIBUTE that is a handler, too."""
    name, _, attribute = name.partition(':')
    if name.endswith('.py'):
        sys.path.insert(0, os.path.dirname(os.path.abspath(name)))
        name = os.path.basename(name)[:-3]
    else:
        sys.path.insert(0, os.getcwd())
    module = importlib.import_module(name)
    if attribute:
        target = module
        for part in attribute.split('.'):
            target = getattr(target, part)
        if getattr(target, 'reeve_handler', None) is None:
            handler(target, name=attribute)


def _command(words):
    if not words or words[0] in ('-h', '--help'):
        print('usage: python3 -m reeve.worker MODULE[:FUNCTION]...\n'
              'Serves what has @handler in these modules (or FILE.py), and '
              'these functions.')
        return 0 if words else 2
    try:
        for word in words:
            _load(word)
    except BaseException as error:
        fd = os.environ.pop('REEVE_TEMPLATE_FD', None)
        _print_exception()
        if fd is not None:
            from ._template import Template
            return Template(int(fd)).failed(error)
        return EXIT_INIT
    # The module that users import: this one is called __main__.
    from reeve import worker
    return worker._main(None)


if __name__ == '__main__':
    sys.exit(_command(sys.argv[1:]))
