"""Pools of handlers for stories: the plugin and the program of tests/story,
whose handlers do the same."""
import os
import pathlib
import sys

import proc
from story import PATIENCE, equal, eventually, story

ROOT = pathlib.Path(__file__).resolve().parents[2]
ADMIN = 'org.reeve.admin.'
NAMES = ('echo', 'who', 'mark', 'nap', 'deaf', 'leave', 'aborts', 'interrupt',
         'no_json', 'huge', 'prints', 'breed', 'arm', 'square',
         'steps')


def of_both(function=None, **options):
    """A story that is told of a plugin, and of a program in Python."""
    def both(function):
        for kind, words in (('plugin', 'a_plugin'), ('worker', 'a_program')):
            def told(t, kind=kind):
                function(t, kind)
            told.__name__ = function.__name__ + '_of_' + words
            story(told, **options)
        return function
    return both(function) if function else both


def plugin_of(t):
    return (pathlib.Path(t.reeved).parents[1] / 'tests' / 'story' /
            'warm_plugin.so')


def run_of(t, kind):
    if kind == 'plugin':
        return [plugin_of(t), t.folder]
    return [sys.executable, ROOT / 'tests' / 'story' / 'warm_handlers.py',
            t.folder]


def line(t, kind, name='warm', **options):
    """A pool, as a line of YAML."""
    given = {'kind': kind, 'run': '[%s]' % ', '.join(map(str, run_of(t, kind))),
             'handles': '[%s]' % ', '.join(NAMES), 'workers': '1', **options}
    if kind == 'worker':
        given.setdefault('preload', 'true')
    return '  %s: {%s}\n' % (name, ', '.join('%s: %s' % pair
                                             for pair in given.items()))


def configure(t, text):
    """The file that --config names; the same one for all starts."""
    path = t.folder / 'pools.yaml'
    fresh = path.with_suffix('.new')
    fresh.write_text(text)
    fresh.chmod(0o600)
    fresh.rename(path)
    return path


def start(t, kind, **options):
    """A daemon with one pool of that kind, and one worker for commands."""
    start_with(t, line(t, kind, **options))


def start_with(t, pools):
    t.env['PYTHONPATH'] = str(ROOT / 'client' / 'python')
    path = configure(t, 'pools:\n' + pools)
    t.start(workers=1, flags=['--config', str(path)])


def reload(t, pools):
    configure(t, 'pools:\n' + pools if pools else 'log: {level: info}\n')
    t.c.call(ADMIN + 'Reload')


def give(t, handler, args=None, **spec):
    return t.c.call('Submit', job=job_of(handler, args, **spec))['id']


def job_of(handler, args=None, **spec):
    if args:
        spec['args'] = args
    return {'handler': handler, **spec}


def give_many(t, jobs, **defaults):
    ids = []
    for at in range(0, len(jobs), 500):
        ids += t.c.call('SubmitMany', jobs=jobs[at:at + 500],
                        defaults=defaults)['ids']
    assert all(ids), ids
    return ids


def do(t, handler, args=None, within=20.0, **spec):
    return t.wait(give(t, handler, args, **spec), within)


def pool(t, name='warm'):
    with t.client() as client:
        for one in client.call(ADMIN + 'Pools')['pools']:
            if one['name'] == name:
                return one
    return None


def workers(t, name='warm'):
    with t.client() as client:
        return [worker for worker in client.call(ADMIN + 'Workers')['workers']
                if worker['pool'] == name]


def pids(t, name='warm'):
    return {worker['pid'] for worker in workers(t, name)}


def templates(t):
    known = pids(t)
    return [pid for pid in proc.children(t.supervisor)
            if proc.alive(pid) and pid not in known and (
                proc.argv(pid)[1:2] == ['template'] or
                b'REEVE_TEMPLATE_FD=' in proc.read(pid, 'environ'))]


def serving(t, count, name='warm', within=20):
    """Waits until so many have said that they are ready; their pids."""
    def serve():
        ready = [worker['pid'] for worker in workers(t, name)
                 if worker['state'] in ('idle', 'busy')]
        return set(ready) if len(ready) == count else None
    return eventually(serve, within, '%d workers serve' % count)


def all_ended(t, jobs, within=60.0):
    """The records of all of them, in this order."""
    ended = []
    for at in range(0, len(jobs), 5000):
        t.c.call('Wait', ids=jobs[at:at + 5000], brief=True,
                 wait_ms=int(within * PATIENCE * 1000),
                 timeout=within * PATIENCE + 30)
    for at in range(0, len(jobs), 200):
        ended += t.c.call('Get', ids=jobs[at:at + 200])['jobs']
    return ended


def all_at_once(t, jobs, within=60.0):
    """They all succeeded, and none was ever tried again."""
    for job in all_ended(t, jobs, within):
        equal((job['state'], job['attempt'], job['crashes']),
              ('succeeded', 1, 0), 'job %d %s' % (job['id'], job))


def marks(path):
    """{word: how often it began}"""
    found = {}
    if os.path.exists(path):
        for text in pathlib.Path(path).read_text().splitlines():
            name = text.split()[0]
            found[name] = found.get(name, 0) + 1
    return found
