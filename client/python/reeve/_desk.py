"""What a worker was given and what it owes: the statements of the protocol.

Two threads use it, under `lock`: the main thread, which runs the handlers,
and the watcher, which stands in for it while a handler runs long. Nothing
here waits for anything but the kernel to take what is written.
"""
import collections
import logging
import os
import threading
import time

from ._report import dumps, plain
from ._spool import Spool
from ._uplink import Uplink

AWAY = 1.0  # so long without a daemon, and results are written down
REFUSED = 30.0  # so long nobody listens, and it leaves
PUT_BACK = 5.0  # so long it waits for a daemon that takes jobs back
LINGER = 0.05
PREFETCH = 512

log = logging.getLogger('reeve.worker')


class Desk:
    def __init__(self, place, handlers, name):
        self.place = place
        self.handlers = handlers
        self.name = name
        self.lock = threading.Lock()
        self.link = Uplink(place.socket)
        self.spool = Spool(place.results)
        self.queue = collections.deque()  # delivered, not begun
        self.results = {}  # by token: (line, job, started_ms), not settled
        self.current = None  # the job that runs
        self.current_ms = 0
        self.leaving = False
        self.idle_since = 0.0  # since when it leaves and runs nothing
        self.log_level = 6
        self.max_line = 16 * 1024 * 1024
        self.cancel = lambda reason: None  # of the running job
        self._complained = 0.0

    # -- what is said

    def ready(self):
        place = self.place
        holding = [self._held(job, started_ms)
                   for _, job, started_ms in self.results.values()]
        if self.current is not None:
            holding.append(self._held(self.current, self.current_ms))
        holding += [self._held(job, 0) for job in self.queue]
        return {'ready': 1, 'secret': place.secret, 'worker': place.worker,
                'pid': os.getpid(), 'name': self.name,
                'handlers': self.handlers, 'prefetch': PREFETCH,
                'leaving': self.leaving, 'holding': holding}

    @staticmethod
    def _held(job, started_ms):
        return {'job': job['job'], 'token': job['token'],
                'attempt': job['attempt'], 'started_ms': started_ms}

    def say(self, statement):
        """For a daemon that listens; what is not heard is not repeated."""
        if self.link.greeted:
            self.link.send(dumps(statement).encode('utf-8', 'replace') + b'\n')

    def finish(self, job, line, started_ms):
        """Keep a result until it is settled, and send it."""
        self.results[job['token']] = line, job, started_ms
        self.current = None
        self.link.send(line)

    def put_back(self, jobs):
        if jobs and self.link.greeted:
            self.say({'put_back': [{'job': job['job'], 'token': job['token']}
                                   for job in jobs]})

    def leave(self):
        """Nothing new is begun; what is not begun goes back."""
        if self.leaving:
            return
        self.leaving = True
        self.say({'leaving': True})
        self._put_back_all()

    def _put_back_all(self):
        if self.link.greeted:
            jobs = list(self.queue)
            self.queue.clear()
            self.put_back(jobs)

    # -- what is heard

    def receive(self):
        for statement in self.link.receive():
            name = next(iter(statement), '')
            if name == 'job':
                self.queue.append(statement)
            elif name == 'settled':
                self._on_settled(statement)
            else:
                on = getattr(self, '_on_' + name, None)
                if on is not None:  # a newer daemon may know more
                    on(statement)
        if self.leaving:
            self._put_back_all()

    def _on_settled(self, statement):
        pop = self.results.pop
        for token in statement['settled']:
            pop(token, None)
        if self.spool.tokens:
            self.spool.settled(statement['settled'])

    def _on_hello(self, statement):
        self.link.greet()
        self.log_level = statement.get('log_level', self.log_level)
        self.max_line = statement.get('max_line', self.max_line)
        if self.leaving:
            self.say({'leaving': True})

    def _on_ping(self, statement):
        self.say({'pong': statement['ping']})

    def _on_drain(self, _):
        self.leave()

    def _on_recall(self, statement):
        tokens = {item['token'] for item in statement['recall']}
        back = [job for job in self.queue if job['token'] in tokens]
        for job in back:
            self.queue.remove(job)
        self.put_back(back)

    def _on_cancel(self, statement):
        token = statement['token']
        if self.current is not None and self.current['token'] == token:
            self.cancel(statement.get('reason') or 'client')
            return
        for job in self.queue:
            if job['token'] == token:
                self.queue.remove(job)
                self.finish_unbegun(job)
                return

    def finish_unbegun(self, job):
        now = time.time_ns() // 1000000
        current = self.current
        line = dumps({'fail': job['job'], 'token': job['token'],
                      'error': plain('Cancelled', 'cancelled before it began'),
                      'started_ms': now, 'finished_ms': now, 'run_us': 0})
        self.finish(job, line.encode() + b'\n', now)
        self.current = current

    # -- what time brings

    def turn(self, now):
        """Dial if it is due; write down what nobody takes. -> when again"""
        link = self.link
        if link.dial(now):
            data = [dumps(self.ready()).encode() + b'\n']
            data += [result[0] for result in self.results.values()]
            link.send(b''.join(data))
        if link.refused and now - link.refused >= REFUSED:
            self.leave()
        if not link.greeted and now - link.away >= AWAY:
            self.write_down(now)
        due = now + 10.0 if link.socket is not None else link.due
        if not link.greeted and len(self.results) > len(self.spool.tokens):
            due = min(due, max(link.away + AWAY, now + 0.1))
        return due

    def write_down(self, now):
        try:
            self.spool.write({token: result[0] for token, result
                              in self.results.items()})
            return True
        except OSError as error:
            if now - self._complained > 10.0:
                self._complained = now
                log.error('a result cannot be written down, trying again: %s',
                          error)
            return False

    def may_begin(self):
        """Each result is with the daemon, or on disk, before the next."""
        return bool(self.queue) and not self.leaving and (
            self.link.greeted or
            len(self.spool.tokens) == len(self.results))

    def is_done(self, now):
        """It leaves, and owes nothing any more."""
        if not self.leaving or self.current is not None:
            return False
        self.idle_since = self.idle_since or now
        idle = now - self.idle_since
        if self.queue:
            if idle < PUT_BACK:
                return False
            # Nobody takes it back: written down, or the next daemon would
            # have to think that it had begun.
            for job in list(self.queue):
                line = dumps({'put_back': [{'job': job['job'],
                                            'token': job['token']}]})
                self.results[job['token']] = line.encode() + b'\n', job, 0
            self.queue.clear()
        if not self.results:
            # What was sent before `leaving` was heard may still arrive.
            return idle >= LINGER or self.link.socket is None
        return idle >= AWAY and (self.write_down(now) or not os.path.isdir(
            self.place.results))
