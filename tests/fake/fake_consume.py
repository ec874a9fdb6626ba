"""Leases of the fake daemon: jobs of `far` and `near` are for consumers."""
import socket
import time

HANDLERS = ('far', 'near')


def is_closed(connection):
    try:
        return not connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True


class Leases:
    """What org.reeve.consume tells. Not thread-safe: the daemon's lock is."""

    def __init__(self, daemon, refusal, now_ms):
        self.daemon, self.refusal, self.now_ms = daemon, refusal, now_ms
        self.held = {}  # token: job
        self.token = 1000
        self.ends = {}  # token: monotonic

    def lend(self, job, lease_ms):
        self.token += 1
        self.held[self.token] = job
        self.ends[self.token] = time.monotonic() + lease_ms / 1000
        job.process = 'consumer'
        job.facts.update(state='running', started_ms=self.now_ms(),
                         attempt=job.facts['attempt'] + 1)
        lease = {'id': job.facts['id'], 'token': self.token, 'uid': 0,
                 'attempt': job.facts['attempt'],
                 'handler': job.facts['handler'],
                 'queue': job.facts['queue'],
                 'deadline_ms': self.now_ms() + lease_ms}
        if 'args' in job.spec:
            lease['args'] = job.spec['args']
        if 'group' in job.spec:
            lease['group'] = job.spec['group']
        return lease

    def expire(self):
        now = time.monotonic()
        for token, end in list(self.ends.items()):
            if now >= end:
                job = self.held.pop(token)
                del self.ends[token]
                self.back(job)
                job.facts['crashes'] += 1

    def back(self, job):
        job.process = None
        job.facts['state'] = 'ready'
        self.daemon.lock.notify_all()

    def fitting(self, p):
        return [job for job in self.daemon.jobs.values()
                if job.facts['state'] == 'ready' and
                job.facts['handler'] in p['handlers'] and
                job.facts['queue'] in p.get('queues',
                                            [job.facts['queue']])]

    # Calls, as the daemon's own; of Reserve with the connection.

    def Reserve(self, p, connection):
        for handler in p['handlers']:
            for pool in self.daemon.pools.pools.values():
                if handler in pool['handlers']:
                    raise self.refusal('org.reeve.consume.PoolServes',
                                       handler=handler, pool=pool['name'],
                                       message='not for consumers')
        end = None
        if 'wait_ms' in p:
            end = time.monotonic() + p['wait_ms'] / 1000
        while True:
            self.expire()
            found = self.fitting(p)
            if is_closed(connection):
                return {'leases': []}
            if found:
                return {'leases': [self.lend(job, p.get('lease_ms', 60000))
                                   for job in found[:p.get('max', 1)]]}
            left = 0.1 if end is None else min(end - time.monotonic(), 0.1)
            if left <= 0:
                return {'leases': []}
            self.daemon.lock.wait(left)

    def take(self, held):
        """Jobs whose lease is over with this, and ids of those lost."""
        self.expire()
        jobs, lost = [], []
        for one in held:
            job = self.held.get(one['token'])
            if job is None or job.facts['id'] != one['id']:
                lost.append(one['id'])
                continue
            del self.held[one['token']], self.ends[one['token']]
            jobs.append((job, one))
        return jobs, lost

    def Settle(self, p, _):
        jobs, lost = self.take(p['outcomes'])
        for job, outcome in jobs:
            failure = outcome.get('failure')
            asked = job.facts.get('cancel_asked')
            if failure is None:
                self.daemon.end(job, 'succeeded',
                                result=outcome.get('result'))
            else:
                self.daemon.end(job, 'cancelled' if asked else 'failed',
                                cause='cancelled' if asked else 'handler',
                                failure=failure)
        return {'settled': len(jobs), 'lost': lost}

    def Ack(self, p, _):
        return self.Settle({'outcomes': p['held']}, _)

    def Nack(self, p, _):
        jobs, lost = self.take(p['held'])
        for job, _ in jobs:
            job.facts['attempt'] -= 1
            self.back(job)
        return {'settled': len(jobs), 'lost': lost}

    def Extend(self, p, _):
        self.expire()
        lease_ms = p.get('lease_ms', 60000)
        lost, cancelled = [], []
        for one in p['held']:
            job = self.held.get(one['token'])
            if job is None:
                lost.append(one['id'])
            elif job.facts.get('cancel_asked'):
                cancelled.append(one['id'])
            else:
                self.ends[one['token']] = time.monotonic() + lease_ms / 1000
        return {'deadline_ms': self.now_ms() + lease_ms, 'lost': lost,
                'cancelled': cancelled}

    def Progress(self, p, _):
        job = self.held.get(p['held']['token'])
        if job is not None:
            job.facts.update((name, p[name]) for name in ('note',)
                             if name in p)
            if 'fraction' in p:
                job.facts['progress'] = p['fraction']
        return {'lost': job is None,
                'cancelled': bool(job and job.facts.get('cancel_asked'))}
