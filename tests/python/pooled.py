"""A daemon with a pool of Python workers, for stories."""
import os
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[1]
sys.path[:0] = [str(TOP / 'tests' / 'helper'), str(TOP / 'client' / 'python')]

import reeve  # noqa: E402
from story import eventually  # noqa: E402


def names(program):
    """The handlers that a file defines."""
    return [word.split("'")[1] if "'" in word else following.split('(')[0][4:]
            for word, following in _pairs((HERE / program).read_text())]


def _pairs(text):
    lines = text.splitlines()
    return [(line, after) for line, after in zip(lines, lines[1:])
            if line.startswith('@handler')]


def start(it, program='handlers.py', workers='2', handles=None, more='',
          words='', **options):
    """it.start() with pool `py`; workers: '2' or '0..4'."""
    handles = handles or names(program)
    file = it.folder / 'reeve.yaml'
    file.write_text(
        'pools:\n  py:\n    kind: worker\n    run: [%s, %s%s]\n'
        '    handles: [%s]\n    workers: %s\n%s' % (
            sys.executable, words, HERE / program, ', '.join(handles), workers,
            ''.join('    %s\n' % line for line in more.splitlines())))
    it.env.setdefault('PYTHONPATH', '%s:%s' % (TOP / 'client' / 'python',
                                               HERE))
    it.env['PYTHONDONTWRITEBYTECODE'] = '1'
    it.start(flags=('--config', str(file)), **options)
    return it


def pool(it, **options):
    return reeve.Pool(str(it.socket), **options)


def workers(it, name='py'):
    """What Workers tells of the pool's."""
    with it.client() as client:
        return [worker for worker in client.call('admin.Workers')['workers']
                if worker['pool'] == name]


def runs(path, what='the handler runs'):
    eventually(lambda: os.path.exists(path), what=what)


def raises(kind, function, *args, **more):
    """The exception of that kind that it must raise."""
    try:
        value = function(*args, **more)
    except kind as error:
        return error
    raise AssertionError('%s was not raised, but %r came' % (
        kind.__name__, value))
