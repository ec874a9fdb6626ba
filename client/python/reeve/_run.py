"""The life of a worker: handlers run in the main thread, one at a time.

A second thread, the watcher, sleeps while nothing runs. When one handler
runs for longer than a tick it stands in at the connection: answers `ping`,
dials again, writes results down, and for a `cancel` sends the main thread a
SIGURG, whose handler raises there; so sleep(), recv() and lock.acquire() end,
too. Python code notices at once, code in C when it returns.
"""
import os
import select
import signal
import threading
import time

from ._capture import Capture
from ._context import Bury, Cancelled, Context, Retry, TimedOut
from ._desk import Desk
from ._report import (NotJSON, describe, dumps, plain, result_json,
                      worker_name)
from .handlers import arguments, served

TICK = 0.02  # a handler that runs longer is watched
LOOK = 20000000  # ns: so often the connection is read between two jobs
PARK = 1000000000  # ns without a job, and the watcher sleeps
BRIEF = 1000000  # ns: such a run is not worth asking for its CPU time


class Place:
    """Where this worker belongs: what the daemon put into its environment."""

    def __init__(self, env):
        self.socket = env['REEVE_WORKER_SOCKET']
        self.worker = int(env['REEVE_WORKER'])
        # Not for the handlers' subprocesses.
        self.secret = env.pop('REEVE_WORKER_SECRET')
        self.results = env.get('REEVE_RESULTS', '')
        self.supervisor = int(env.get('REEVE_SUPERVISOR') or 0)


class Worker:
    def __init__(self, place):
        self.place = place
        self.handlers = dict(served())
        self.desk = Desk(place, sorted(self.handlers), worker_name())
        self.desk.cancel = self._ask
        self.capture = Capture()
        self.context = None  # of the running job, if it wanted one
        self.running = False  # a handler runs, and may be interrupted
        self.asked = None  # why it is to stop: not raised yet
        self.reason = None  # why it is to stop, for as long as it runs
        self.shield = 0  # the main thread is in the middle of a write
        self.late = False  # what was asked met a shield
        self.told_to_end = False
        self.forked = False
        self.looked = 0  # ns
        self.worked = 0
        self.cpu = 0
        self.parked = False
        self.unpark = threading.Lock()
        self.wake_fd, self.waker_fd = os.pipe()
        for fd in (self.wake_fd, self.waker_fd):
            os.set_blocking(fd, False)
        self.parent_fd = self._open_parent()
        self.main = threading.main_thread().ident

    def _open_parent(self):
        if not self.place.supervisor:
            return -1
        try:
            return os.pidfd_open(self.place.supervisor)
        except ProcessLookupError:
            self.desk.leaving = True
        except (OSError, AttributeError):
            pass
        return -1

    # -- interrupting a handler

    def _ask(self, reason):
        """From the watcher, with the lock: stop the running handler."""
        self.asked = self.reason = reason
        context = self.context
        if context is not None:
            context.reason = reason
        signal.pthread_kill(self.main, signal.SIGURG)

    def _on_urgent(self, *_):
        if self.asked and self.running:
            self._interrupt()

    def _interrupt(self):
        if self.shield:
            self.late = True
            return
        self.late = False
        reason, self.asked = self.asked, None
        raise TimedOut('it ran longer than it may') if reason == 'timeout' \
            else Cancelled('cancelled')

    def _on_term(self, *_):
        self.told_to_end = True
        try:
            os.write(self.waker_fd, b'x')
        except OSError:
            pass
        # It was asked before and has not stopped: once more.
        if self.running and self.reason:
            self.asked = self.reason
            self._interrupt()

    def _say(self, statement):
        """For the running handler: a cancel must not cut a line in two."""
        mine = threading.get_ident() == self.main
        if mine:
            self.shield += 1
        try:
            with self.desk.lock:
                self.desk.say(statement)
        finally:
            if mine:
                self.shield -= 1
        if mine and self.late and self.running:
            self._interrupt()

    # -- one job

    def _call(self, job):
        handler = self.handlers[job['handler']]
        positional, keywords = arguments(job['spec'].get('args'))
        if handler.wants_context:
            context = Context(job, self._say, self.desk.log_level)
            keywords = dict(keywords, ctx=context)
            self.context = context
            context.reason = self.reason
        self.running = True
        if self.asked:
            self._interrupt()
        value = handler.function(*positional, **keywords)
        self.running = False
        return value

    def _end(self, job):
        """Run it: its statement, without times and the last brace."""
        if job.get('handler') not in self.handlers:
            return self._fail(job, plain('NoSuchHandler', (
                'this worker serves no handler %r' % job.get('handler'))))
        try:
            try:
                value = self._call(job)
                return (f'{{"done":{job["job"]},"token":{job["token"]},'
                        f'"result":{result_json(value)}')
            except BaseException as error:
                self.running = False
                return self._failed(job, error)
        except Cancelled as error:
            # It came when the handler had ended by itself.
            self.running = False
            return self._failed(job, error)

    @staticmethod
    def _fail(job, error, **more):
        statement = {'fail': job['job'], 'token': job['token'],
                     'error': error, **more}
        return dumps(statement)[:-1]

    def _failed(self, job, error):
        if isinstance(error, NotJSON):
            return self._fail(job, plain('ResultNotJSON', str(error)))
        if isinstance(error, Bury):
            return self._fail(job, describe(error, 2), bury=True)
        if isinstance(error, Retry):
            more = {'retry': True}
            if error.seconds is not None:
                more['retry_ms'] = max(int(error.seconds * 1000), 0)
            return self._fail(job, describe(error, 2), **more)
        return self._fail(job, describe(error, 2))

    def execute(self, job):
        """The line that ends a job; never raises."""
        self.capture.open = True
        self.worked = began = time.perf_counter_ns()
        try:
            head = self._end(job)
        except Cancelled as error:  # two at once, see _end()
            head = self._failed(job, error)
        self.running = False
        if self.forked:
            os._exit(0)  # a child of the handler that came back from it
        spent = time.perf_counter_ns() - began
        cpu = spent if spent < BRIEF else self._cpu()
        self.context = self.asked = self.reason = None
        self.late = False
        printed = self.capture.end()
        times = (f'{printed},"started_ms":{self.desk.current_ms},'
                 f'"finished_ms":{time.time_ns() // 1000000},'
                 f'"run_us":{spent // 1000},"cpu_us":{cpu // 1000}}}\n')
        line = (head + times).encode('utf-8', 'replace')
        if len(line) > self.desk.max_line:
            head = self._fail(job, plain('ResultTooLarge', (
                'the result takes %d bytes, %d are allowed' % (
                    len(line), self.desk.max_line))))
            line = (head + times).encode()
        return line

    def _cpu(self):
        """CPU time since it was asked the last time."""
        before, self.cpu = self.cpu, time.process_time_ns()
        return self.cpu - before

    # -- the loop

    def _begin(self):
        """The next job, which runs from now on, or None. With the lock."""
        desk = self.desk
        if self.told_to_end:
            desk.leave()
        if not desk.may_begin():
            return None
        job = desk.current = desk.queue.popleft()
        desk.current_ms = time.time_ns() // 1000000
        if self.parked:
            self.parked = False
            self.unpark.release()
        return job

    def serve(self):
        desk = self.desk
        lock = desk.lock
        while True:
            with lock:
                now = time.monotonic()
                due = desk.turn(now)
                job = self._begin()
                if job is None and desk.is_done(now):
                    return
            if job is None:
                self._wait(min(due - now, 0.02) if desk.leaving else due - now)
                with lock:
                    desk.receive()
                continue
            self._cpu()
            while job is not None:
                line = self.execute(job)
                with lock:
                    desk.finish(job, line, desk.current_ms)
                    if self.worked - self.looked > LOOK:
                        self.looked = self.worked
                        desk.receive()
                        self._cpu()
                    job = self._begin()

    def _wait(self, seconds):
        """Until something comes; takes note of signals and the parent."""
        poll = select.poll()
        link_fd = self.desk.link.fileno()
        for fd in (link_fd, self.wake_fd, self.parent_fd):
            if fd >= 0:
                poll.register(fd, select.POLLIN)
        for fd, _ in poll.poll(max(seconds, 0) * 1000 + 1):
            if fd == self.wake_fd:
                try:
                    os.read(self.wake_fd, 4096)
                except BlockingIOError:
                    pass
            elif fd == self.parent_fd:
                # Nobody adopts us but init: finish, and go.
                self.parent_fd = -1
                self.told_to_end = True

    # -- the watcher

    def _watch(self):
        last = None
        while True:
            job = self.desk.current
            if job is not None and job is last:
                self._guard()
                last = None
                continue
            last = job
            if job is None and time.perf_counter_ns() - self.worked > PARK:
                with self.desk.lock:
                    self.parked = self.desk.current is None
                if self.parked:
                    self.unpark.acquire()
                continue
            time.sleep(TICK)

    def _guard(self):
        """Stand in for the main thread, which is in a handler."""
        pause = TICK
        while True:
            with self.desk.lock:
                if self.desk.current is None:
                    return
                now = time.monotonic()
                due = self.desk.turn(now)
                if self.told_to_end:
                    self.desk.leave()
                self.desk.receive()
            self._wait(min(pause, max(due - now, 0.001)))
            pause = min(pause * 2, 0.5)

    # -- beginning

    def _in_child(self):
        """A handler forked: what is the worker's is not the child's."""
        self.forked = True
        self.desk.lock = threading.Lock()
        self.desk.link.forget()
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.signal(signal.SIGURG, signal.SIG_DFL)
        except ValueError:
            pass

    def start(self):
        signal.signal(signal.SIGTERM, self._on_term)
        # A function, not SIG_IGN, which programs would inherit.
        signal.signal(signal.SIGINT, lambda *_: None)
        signal.signal(signal.SIGURG, self._on_urgent)
        os.register_at_fork(after_in_child=self._in_child)
        self.unpark.acquire()
        self.worked = time.perf_counter_ns()
        threading.Thread(target=self._watch, name='reeve-watcher',
                         daemon=True).start()
        self.capture.install()
        self.serve()
