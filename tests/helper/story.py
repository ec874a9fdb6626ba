"""Stories: a real reeved in a folder of its own, and what must come of it.

A story is a function named by a sentence, with @story above it. It gets a
Story: start(), client(), submit(), wait(), kill_broker() ... Whatever it
does, afterwards no process of it is left, none was a zombie, the database is
whole and no sanitizer had anything to say.

Nothing sleeps for a while and hopes: everything waits for an event, with a
deadline. A deadline ends what hangs and measures nothing: a machine that has
much else to do takes several times as long. Prints TAP.

    NAME.py REEVED REEVE [SENTENCE]...

REEVE_TEST_KEEP=1 leaves the folders of the stories in /tmp.
"""
import base64
import contextlib
import ctypes
import functools
import os
import pathlib
import re
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import proc  # noqa: E402
import state  # noqa: E402
from wire import CallError, Client, Closed  # noqa: E402,F401

# How much slower the machine may be: a sanitizer's build says 4.
SLOW = float(os.environ.get('REEVE_TEST_SLOW', '1'))
# And how much more it may have to do beside this.
PATIENCE = 5 * SLOW
SOAK = os.environ.get('REEVE_TEST_SOAK') == '1'
ENDED = ('succeeded', 'failed', 'cancelled')

ALARMS = re.compile(
    r'ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:|'
    r'does not hold:|SUMMARY: ')

# Only folders that carry reeve's name and the state folder's hash.
CGROUP = re.compile(r'cgroups on path="?(/[^"\n]*/reeve-\d+-[0-9a-f]+)\b')

stories = []


def story(function=None, **options):
    """options: soak=True, seconds=60, alarms=False, root=True"""
    if function is None:
        return functools.partial(story, **options)
    stories.append((function, options))
    return function


class Skip(Exception):
    """This machine cannot tell the story; says why."""


class Expired(BaseException):
    """The story took too long. Not an Exception: nobody swallows it."""


def equal(got, want, what=''):
    if got != want:
        raise AssertionError('%s: got %r, expected %r' % (what, got, want))


def eventually(fact, within=10.0, what=None):
    """The first true value of fact(); it has `within` seconds."""
    deadline = time.monotonic() + within * PATIENCE
    pause = 0.001
    while True:
        value = fact()
        if value:
            return value
        if time.monotonic() > deadline:
            what = what() if callable(what) else what or fact
            raise AssertionError('not within %.1f s: %s' % (
                within * PATIENCE, what))
        select.select([], [], [], pause)
        pause = min(pause * 1.5, 0.02)


def soon(began, seconds, what='it'):
    """That was not much later than time.monotonic() was `began`: nothing was
    waited for that takes a multiple of these seconds."""
    took = time.monotonic() - began
    assert took < seconds * PATIENCE, '%s took %.1f s' % (what, took)


class Gate:
    """A job that says when it runs and ends when it is told to."""

    SCRIPT = 'echo $$ >"$0.up"; read code <"$0.go"; exit "$code"'

    def __init__(self, path):
        self.path = str(path)
        for end in ('.up', '.go'):
            os.mkfifo(self.path + end)
        # Both ends are held here, so that no open() of the job blocks.
        self.up = os.open(self.path + '.up', os.O_RDWR | os.O_NONBLOCK)
        self.go = os.open(self.path + '.go', os.O_RDWR | os.O_NONBLOCK)
        self.argv = ['/bin/sh', '-c', self.SCRIPT, self.path]
        self.seen = b''

    def started(self, within=10.0):
        """Waits for the job's start; its pid."""
        deadline = time.monotonic() + within * PATIENCE
        while b'\n' not in self.seen:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.up], [], [], left)[0]:
                raise AssertionError('the job did not start')
            self.seen += os.read(self.up, 4096)
        line, self.seen = self.seen.split(b'\n', 1)
        return int(line)

    def starts(self):
        """How often it started since started() was called; does not wait."""
        with contextlib.suppress(BlockingIOError):
            self.seen += os.read(self.up, 65536)
        return self.seen.count(b'\n')

    def open(self, code=0):
        os.write(self.go, b'%d\n' % code)

    def close(self):
        os.close(self.up)
        os.close(self.go)


class Story:
    def __init__(self, reeved, reeve):
        self.reeved, self.reeve = reeved, reeve
        # Short: a socket's path has at most 107 bytes.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='reeve-story-'))
        self.state = self.folder / 'state'
        self.runtime = self.folder / 'run'
        self.socket = self.runtime / 'reeve.sock'
        self.log = self.folder / 'log'
        self.supervisor = None
        self.statuses = {}
        self.clients = []
        self.gates = []
        self.wrapper = []
        self.flags = []
        self.env = {}
        self.limits = {}
        self.remarks = []
        self.expect_alarms = False
        self.check_database = True

    def note(self, text):
        self.remarks.append(text)

    # -- processes of the daemon

    def command(self, workers=2, flags=()):
        return [*self.wrapper, self.reeved,
                '--state-dir', str(self.state),
                '--runtime-dir', str(self.runtime),
                '--workers', str(workers), *flags]

    def spawn(self, command, log=None, limits=None):
        """fork and exec without subprocess, which would reap for itself."""
        environment = {**os.environ,
                       'XDG_CONFIG_HOME': str(self.folder / 'config'),
                       'REEVE_TEST_CONFIG': str(self.folder / 'etc'),
                       **self.env, 'REEVE_STORY': str(self.folder)}
        for name in ('NOTIFY_SOCKET', 'LISTEN_FDS', 'LISTEN_PID',
                     'REEVE_CONFIG'):
            if name not in self.env:
                environment.pop(name, None)
        out = os.open(log or self.log,
                      os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        pid = os.fork()
        if pid == 0:
            try:
                import resource
                signal.signal(signal.SIGALRM, signal.SIG_DFL)
                signal.signal(signal.SIGPIPE, signal.SIG_DFL)
                for what, value in (limits or self.limits).items():
                    resource.setrlimit(getattr(resource, what), value)
                null = os.open('/dev/null', os.O_RDONLY)
                os.dup2(null, 0)
                os.dup2(out, 1)
                os.dup2(out, 2)
                os.closerange(3, 256)
                os.execvpe(command[0], command, environment)
            finally:
                os._exit(127)
        os.close(out)
        return pid

    def start(self, workers=2, flags=(), ready=True):
        self.workers = workers
        self.flags = list(flags)
        self.supervisor = self.spawn(self.command(workers, flags))
        if ready:
            self.ready()
        return self

    def restart(self, **options):
        return self.start(**{'workers': self.workers, 'flags': self.flags,
                             **options})

    def reap(self):
        """Collects what ended: the supervisor, and who was orphaned."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self.statuses[pid] = status

    def exit_of(self, pid, within=10.0):
        """Waits for a child's end: exit code, or -signal."""
        def ended():
            self.reap()
            return pid in self.statuses
        eventually(ended, within, 'the end of process %d' % pid)
        return os.waitstatus_to_exitcode(self.statuses[pid])

    def ready(self, within=15.0):
        """Waits until the daemon answers; fails at once if it died."""
        def answers():
            self.reap()
            if self.supervisor in self.statuses:
                raise AssertionError('reeved ended with %d:\n%s' % (
                    os.waitstatus_to_exitcode(
                        self.statuses[self.supervisor]), self.log_tail()))
            try:
                with Client(self.socket, timeout=5) as client:
                    return client.call('admin.Ping')
            except (OSError, Closed, TimeoutError):
                return None
            except CallError:
                return None
        eventually(answers, within, 'the daemon answers')

    def whole(self):
        """Waits until every worker has dialled in; the broker's pid."""
        def all_in():
            return len([worker for worker
                        in self.c.call('admin.Workers')['workers']
                        if worker['state'] != 'starting']) == self.workers
        eventually(all_in, 10, 'all workers have dialled in')
        return self.broker()

    def role(self, name):
        """pids of reeved's processes of this story with this role."""
        found = {}
        for pid in proc.marked(str(self.folder)):
            words = proc.argv(pid)
            if len(words) > 1 and words[1] == name and (
                    'reeved' in words[0] or 'exe' in words[0]) and (
                    proc.alive(pid)):
                found[pid] = proc.parent(pid)
        # A worker's child looks like the worker until it has become the job.
        return [pid for pid, parent in found.items() if parent not in found]

    def broker(self):
        def one():
            found = [pid for pid in self.role('broker')
                     if proc.parent(pid) == self.supervisor]
            return found[0] if len(found) == 1 else None
        return eventually(one, what='there is one broker')

    def worker_pids(self):
        return self.role('worker')

    def worker_of(self, job):
        """pid of the worker that runs a job."""
        def found():
            with self.client() as client:
                for worker in client.call('admin.Workers')['workers']:
                    if worker.get('job') == job:
                        return worker['pid']
            return None
        return eventually(found, what='a worker runs job %d' % job)

    def kill(self, pid, number=signal.SIGKILL):
        os.kill(pid, number)

    def kill_broker(self, number=signal.SIGKILL):
        pid = self.broker()
        self.kill(pid, number)
        if number == signal.SIGKILL:
            eventually(lambda: not proc.alive(pid), what='the broker died')
        return pid

    def kill_supervisor(self):
        """kill -9; waits until it and its broker are gone."""
        pid, broker = self.supervisor, self.broker()
        self.kill(pid)
        self.exit_of(pid)
        self.supervisor = None

        def gone():
            self.reap()
            return not proc.alive(broker)
        eventually(gone, 5, 'the broker left with its supervisor')
        return pid

    def kill_everything(self):
        """kill -9 of all of reeve's processes and of all of its jobs."""
        def none():
            left = [pid for pid in proc.marked(str(self.folder))
                    if proc.alive(pid)]
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.reap()
            return not left
        eventually(none, what='all of it is dead')
        self.supervisor = None

    def terminate(self, within=20.0):
        """SIGTERM; the exit code."""
        pid, self.supervisor = self.supervisor, None
        os.kill(pid, signal.SIGTERM)
        return self.exit_of(pid, within)

    def shutdown(self, within=20.0, **parameters):
        """The Shutdown call; the exit code of the daemon."""
        pid = self.supervisor
        with self.client() as client:
            client.send('admin.Shutdown', parameters)
            # Whether the answer or the end comes first is not promised.
            with contextlib.suppress(Closed, ConnectionError):
                client.result()
        code = self.exit_of(pid, within)
        self.supervisor = None
        return code

    # -- clients and jobs

    def client(self, **options):
        options.setdefault('timeout', 30 * PATIENCE)
        client = Client(self.socket, **options)
        self.clients.append(client)
        return client

    @property
    def c(self):
        """One client for everything that needs no connection of its own."""
        if getattr(self, 'shared', None) is None:
            self.shared = self.client()
        return self.shared

    def reconnect(self):
        """The shared client after the broker was replaced."""
        if getattr(self, 'shared', None) is not None:
            self.shared.close()
        self.shared = None
        self.ready()
        return self.c

    def gate(self):
        gate = Gate(self.folder / ('gate%d' % len(self.gates)))
        self.gates.append(gate)
        return gate

    def submit(self, argv, **spec):
        return self.c.call('Submit', job={'argv': argv, **spec})['id']

    def get(self, job):
        return self.c.call('Get', ids=[job])['jobs'][0]

    def wait(self, job, within=20.0):
        """The job's record when it has ended."""
        reply = self.c.call('Wait', ids=[job], wait_ms=int(
            within * PATIENCE * 1000), timeout=within * PATIENCE + 30)
        equal(reply['pending'], 0, 'pending')
        ended = [item for item in reply['jobs'] if item['id'] == job][0]
        assert ended['state'] in ENDED, ended
        return ended

    def run(self, argv, **spec):
        return self.wait(self.submit(argv, **spec))

    def shell(self, script, **spec):
        return self.run(['/bin/sh', '-c', script], **spec)

    def output(self, job, stream='stdout', client=None):
        """All bytes of a stream."""
        text, offset = b'', 0
        while True:
            reply = (client or self.c).call(
                'Output', id=job, stream=stream, offset=offset)
            text += data_of(reply)
            if reply['eof']:
                return text
            assert reply['offset'] > offset, reply
            offset = reply['offset']

    def job_state(self, job):
        return self.get(job)['state']

    def reaches(self, job, wanted, within=10.0):
        eventually(lambda: self.job_state(job) == wanted, within,
                   'job %d is %s' % (job, wanted))
        return self.get(job)

    # -- afterwards

    def log_text(self):
        try:
            return self.log.read_text(errors='replace')
        except OSError:
            return ''

    def log_tail(self, lines=40):
        """The end of the log, or what a sanitizer said in it."""
        text = self.log_text().splitlines()
        for at, line in enumerate(text):
            if ALARMS.search(line):
                return '\n'.join(text[max(0, at - 5):at + lines])
        return '\n'.join(text[-lines:])

    def zombies(self):
        """Zombies whose parent is one of reeve's own processes."""
        self.reap()
        found = []
        for pid in proc.marked(str(self.folder)):
            words = proc.argv(pid)
            # A template that is a program of its own, too.
            if words and 'reeved' in words[0] or (
                    b'REEVE_TEMPLATE_FD=' in proc.read(pid, 'environ')):
                found += proc.zombies_of(pid)
        return found

    def no_zombie_stays(self):
        """S3: none is older than 100 ms, as soon as its parent runs."""
        first = set(self.zombies())
        if first:
            eventually(lambda: not first & set(self.zombies()), 1,
                       'no zombie stays')

    def finish(self):
        """What holds after every story."""
        self.no_zombie_stays()
        if self.supervisor is not None:
            self.reap()
            assert self.supervisor not in self.statuses, (
                'reeved ended by itself')
            self.ready()
            with self.client() as client:
                while client.call('Cancel', filter={'all': True},
                                  grace_ms=0).get('left'):
                    pass
            equal(self.terminate(), 0, 'exit code after SIGTERM')
        for client in self.clients:
            client.close()

        def all_gone():
            self.reap()
            return not [pid for pid in proc.marked(str(self.folder))
                        if proc.alive(pid)]
        try:
            eventually(all_gone, 5, 'no process is left')
        except AssertionError as error:
            left = [proc.describe(pid)
                    for pid in proc.marked(str(self.folder))]
            raise AssertionError('%s: %s' % (error, left)) from None
        # Nor one that has hidden behind an environment of its own.
        eventually(lambda: not self.in_cgroups(), 5, 'its cgroups are empty')
        self.no_alarm()
        if self.check_database:
            state.check(self.state)

    def no_alarm(self):
        if self.expect_alarms:
            return
        found = [line for line in self.log_text().splitlines()
                 if ALARMS.search(line)]
        assert not found, 'the log says: ' + '\n'.join(found[:5])

    def cgroups(self):
        paths = set()
        for log in self.folder.glob('*log'):
            paths.update(CGROUP.findall(log.read_text(errors='replace')))
        return sorted(paths)

    def in_cgroups(self):
        self.reap()
        found = []
        for path in self.cgroups():
            # os.walk, not rglob: a folder that the daemon removes while
            # this looks is no error there.
            for folder, _, _ in os.walk(path):
                with contextlib.suppress(OSError):
                    found += pathlib.Path(
                        folder, 'cgroup.procs').read_text().split()
        return found

    def clean_cgroups(self):
        """What a daemon that was killed could not remove itself."""
        for path in self.cgroups():
            # The kernel may not be done with those who were killed.
            try:
                eventually(lambda: proc.remove_cgroups(path), 5)
            except AssertionError:
                self.note('stays behind: ' + path)

    def clean(self):
        """However it ended: nothing of it stays on the machine."""
        for client in self.clients:
            client.close()
        with contextlib.suppress(AssertionError):
            self.kill_everything()
        self.reap()
        self.clean_cgroups()
        for gate in self.gates:
            with contextlib.suppress(OSError):
                gate.close()
        if os.environ.get('REEVE_TEST_KEEP') != '1':
            shutil.rmtree(self.folder, ignore_errors=True)


def data_of(reply):
    """The bytes of the chunks of a reply to Output."""
    return b''.join(
        base64.b64decode(chunk['data64'])
        if chunk.get('data64') is not None
        else (chunk.get('data') or '').encode()
        for chunk in reply['chunks'])


def become_subreaper():
    """Orphans of a killed supervisor come to us, as they would to init."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(36, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), 'PR_SET_CHILD_SUBREAPER')


def tell(function, options, reeved, reeve):
    """One story: None, or why not."""
    it = Story(reeved, reeve)
    it.expect_alarms = not options.get('alarms', True)
    seconds = options.get('seconds', 60) * SLOW * 3

    def expire(*_):
        raise Expired('took longer than %d s' % seconds)
    signal.signal(signal.SIGALRM, expire)
    signal.alarm(int(seconds))
    why = None
    try:
        function(it)
        it.finish()
    except Skip:
        raise
    except (Exception, Expired):
        why = traceback.format_exc()
        why += '\nlog of reeved:\n' + it.log_tail(60)
    finally:
        signal.alarm(0)
        remarks = it.remarks
        it.clean()
    for remark in remarks:
        print('# ' + remark)
    if why is None:
        return None
    return why + '\n'.join(remarks)


def main():
    reeved, reeve, *wanted = sys.argv[1:]
    become_subreaper()
    chosen = [(function, options) for function, options in stories
              if (not wanted or any(word in function.__name__
                                    for word in wanted))
              and (SOAK or wanted or not options.get('soak'))]
    print('1..%d' % len(chosen), flush=True)
    failed = 0
    for number, (function, options) in enumerate(chosen, 1):
        name = function.__name__.replace('_', ' ')
        began = time.monotonic()
        try:
            why = tell(function, options, os.path.abspath(reeved),
                       os.path.abspath(reeve))
        except Skip as skip:
            print('ok %d - %s # SKIP %s' % (number, name, skip), flush=True)
            continue
        took = time.monotonic() - began
        print('%sok %d - %s' % ('not ' if why else '', number, name))
        print('# %.2f s' % took, flush=True)
        if why:
            failed += 1
            for line in why.splitlines():
                print('# ' + line)
            sys.stdout.flush()
    sys.exit(1 if failed else 0)
