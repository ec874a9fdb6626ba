"""What the handlers of the fake daemon do: a function of their arguments."""
import time


class Raised(Exception):
    """What a handler reports: type, message, trace."""

    def __init__(self, kind, message):
        super().__init__(message)
        self.failure = {'type': kind, 'message': message,
                        'trace': 'Traceback (most recent call last):\n'
                                 '  File "x.py", line 3\n'
                                 '%s: %s' % (kind, message)}


def positions(args):
    """As the Python worker has it."""
    return args.get('args', [])


def echo(args, job):
    return args


def square(args, job):
    number = positions(args)[0]
    if not isinstance(number, int):
        raise Raised('TypeError', 'square of %r' % (number,))
    return number * number


def broken(args, job):
    raise Raised('KeyError', args.get('key', "'x'"))


def nothing(args, job):
    return None


def long(args, job):
    until = time.monotonic() + args.get('seconds', 60)
    while time.monotonic() < until:
        if job.facts.get('cancel_asked'):
            raise Raised('Cancelled', 'by the client')
        time.sleep(0.01)
    return 'slept'


def lost(args, job):
    return None  # its worker dies: see the daemon


def http(args, job):
    return {'status': 200, 'body': args.get('body', '')}


HANDLERS = {function.__name__: function for function in (
    echo, square, broken, nothing, long, lost, http)}


class Pools:
    """What Pools and Handlers tell, and what Resize and the others change."""

    def __init__(self):
        self.pools = {
            'exec': {'name': 'exec', 'kind': 'command', 'state': 'running',
                     'handlers': ['exec'], 'min': 2, 'max': 2, 'wanted': 2,
                     'workers': 2, 'busy': 0, 'waiting': 0},
            'img': {'name': 'img', 'kind': 'worker', 'state': 'running',
                    'handlers': sorted(set(HANDLERS) - {'http'}),
                    'min': 1, 'max': 8, 'wanted': 3, 'workers': 3, 'busy': 1,
                    'waiting': 4},
            'sick': {'name': 'sick', 'kind': 'plugin', 'state': 'degraded',
                     'reason': "preload failed: KeyError: 'x'",
                     'handlers': ['ill'], 'min': 0, 'max': 2, 'wanted': 1,
                     'workers': 0, 'busy': 0, 'waiting': 0}}

    def handlers(self):
        return [{'name': name, 'pool': pool['name'], 'kind': pool['kind']}
                for pool in self.pools.values() for name in pool['handlers']]

    def resize(self, p):
        pool = self.pools[p['pool']]
        pool['min'] = p.get('min', min(pool['min'], p.get('max', 1 << 30)))
        pool['max'] = p.get('max', max(pool['max'], pool['min']))
