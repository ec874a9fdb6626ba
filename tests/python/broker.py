"""A daemon of a few lines, for the workers' SDK: it listens where a worker
dials, gives it jobs, and reads what comes back.

An independent reading of PROTOCOL.md, section 9: it shares no code with the
SDK.
"""
import contextlib
import json
import os
import pathlib
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SDK = ROOT / 'client' / 'python'
HERE = pathlib.Path(__file__).resolve().parent
SECRET = '00112233445566778899aabbccddeeff'
SLOW = float(os.environ.get('REEVE_TEST_SLOW', '1'))
# And how much else the machine may have to do.
PATIENCE = 5 * SLOW
PACKET = struct.Struct('=IiqiI16s152s')


class Lost(Exception):
    """The worker closed its connection."""


class Link:
    """One connection of a worker."""

    def __init__(self, it):
        self.socket = it
        self.buffer = b''

    def send(self, *statements):
        self.socket.sendall(b''.join(
            json.dumps(statement).encode() + b'\n'
            for statement in statements))

    def read(self, within=10.0):
        """The next statement."""
        deadline = time.monotonic() + within * PATIENCE
        while b'\n' not in self.buffer:
            left = deadline - time.monotonic()
            if left <= 0:
                raise AssertionError('the worker says nothing')
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(1 << 20)
            except TimeoutError:
                continue
            except ConnectionResetError:
                data = b''
            if not data:
                raise Lost
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(b'\n')
        return json.loads(line.decode('utf-8', 'strict'))

    def until(self, *names, within=10.0):
        """The next statement whose first key is one of these."""
        while True:
            statement = self.read(within)
            if next(iter(statement)) in names:
                return statement

    def silent(self, seconds):
        """Nothing comes for so long."""
        return not self.buffer and not select.select(
            [self.socket], [], [], seconds)[0]

    def lost(self, within=10.0):
        """Waits for the end of the connection; what came before it."""
        said = []
        try:
            while True:
                said.append(self.read(within))
        except Lost:
            return said

    def close(self):
        self.socket.close()


class Broker:
    """Where workers dial in; they are its children."""

    def __init__(self, supervisor=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='reeve-python-'))
        self.results = self.folder / 'results'
        self.results.mkdir()
        self.path = str(self.folder / 'worker.sock')
        self.supervisor = supervisor or os.getpid()
        self.listener = None
        self.children = []
        self.jobs = 0
        self.listen()

    def listen(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(self.path)
        self.listener.listen(16)

    def stop(self):
        """Nobody listens any more."""
        self.listener.close()
        os.unlink(self.path)

    def environment(self, **more):
        return dict(
            os.environ, REEVE_WORKER_SOCKET=self.path, REEVE_WORKER='7',
            REEVE_WORKER_SECRET=SECRET, REEVE_POOL='test', REEVE_SLOT='0',
            REEVE_SUPERVISOR=str(self.supervisor),
            REEVE_RESULTS=str(self.results), PYTHONDONTWRITEBYTECODE='1',
            REEVE_SOCKET=str(self.folder / 'reeve.sock'),
            PYTHONPATH='%s:%s' % (SDK, HERE), **more)

    def start(self, *words, pass_fds=(), **more):
        """A worker program: python3 WORDS."""
        child = subprocess.Popen(
            [sys.executable, *map(str, words)], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            pass_fds=pass_fds, env=self.environment(**more))
        self.children.append(child)
        return child

    def accept(self, hello=True, within=10.0, **more):
        """A connection and what it says first."""
        self.listener.settimeout(within * PATIENCE)
        link = Link(self.listener.accept()[0])
        ready = link.read(within)
        assert ready['ready'] == 1, ready
        if hello:
            link.send({'hello': 1, 'socket': '/nowhere', 'max_line': 16777216,
                       'grace_ms': 10000, 'output_bytes': 67108864,
                       'log_level': 6, **more})
        return link, ready

    def worker(self, *words, **more):
        """A worker that is ready: its process, its connection, its ready."""
        child = self.start(*(words or (HERE / 'handlers.py',)), **more)
        link, ready = self.accept()
        return child, link, ready

    def job(self, handler, args=None, **more):
        """A job for a worker; its token is its number plus 1000."""
        self.jobs += 1
        return {'job': self.jobs, 'attempt': 1, 'token': self.jobs + 1000,
                'group': 0, 'context': 0, 'timeout_ms': 0, 'grace_ms': 10000,
                'orphans': 'kill', 'handler': handler, 'queue': 'default',
                'spec': {'args': args} if args is not None else {}, **more}

    def run(self, link, handler, args=None, **more):
        """Give one job and wait for its end, which is settled."""
        job = self.job(handler, args, **more)
        link.send(job)
        end = link.until('done', 'fail')
        assert end['token'] == job['token'], end
        link.send({'settled': [job['token']]})
        return end

    def clean(self):
        for child in self.children:
            if child.poll() is None:
                child.kill()
            if not child.stdout.closed:
                child.communicate()
            child.wait()
        self.listener.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def exit_of(child, within=10.0):
    """The exit code, as subprocess tells it; what it printed is in .said"""
    try:
        child.said = child.communicate(timeout=within * PATIENCE)[0].decode(
            errors='replace')
    except subprocess.TimeoutExpired:
        raise AssertionError('worker %d does not end' % child.pid) from None
    return child.returncode


def eventually(fact, within=10.0, what=None):
    deadline = time.monotonic() + within * PATIENCE
    while True:
        value = fact()
        if value:
            return value
        assert time.monotonic() < deadline, what or 'not in time'
        select.select([], [], [], 0.005)


def kill(pid, number=signal.SIGKILL):
    os.kill(pid, number)
