"""Plays the supervisor and the broker against `reeved template`."""
import ctypes
import os
import select
import shutil
import socket
import struct
import subprocess
import tempfile
import time

from worker_driver import Connection

SECRET = bytes(range(16))
MESSAGE = struct.Struct('=IiqiI16s152s')
READY, FORK, FORKED, FAILED = 1, 2, 3, 4
SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER


def adopt():
    """What a template forks becomes our child, as it would the supervisor's."""
    ctypes.CDLL(None, use_errno=True).prctl(SUBREAPER, 1, 0, 0, 0)


class Template:
    """A template, its folders, and the socket that its workers dial."""

    started = []

    def __init__(self, reeved, *run, env=None, stderr=None):
        self.folder = tempfile.mkdtemp(prefix='reeve-template.')
        for name in ('state', 'state/results', 'state/output'):
            os.mkdir(self.folder + '/' + name)
        self.path = self.folder + '/w.sock'
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(16)
        self.channel, theirs = socket.socketpair(socket.AF_UNIX,
                                                 socket.SOCK_SEQPACKET)
        self.process = subprocess.Popen(
            [reeved, 'template', '--state-dir', self.folder + '/state',
             '--worker-socket', self.path, '--'] + list(run),
            env=dict(os.environ, REEVE_POOL='probes', **(env or {})),
            stderr=stderr, stdin=subprocess.DEVNULL, close_fds=False,
            preexec_fn=lambda: os.dup2(theirs.fileno(), 3))
        theirs.close()
        self.workers = {}  # pid by number
        self.token = 100
        Template.started.append(self)

    def hear(self, timeout=60):
        """(op, slot, worker, pid, error, text); None at the end."""
        if not select.select([self.channel], [], [], timeout)[0]:
            raise TimeoutError('the template says nothing')
        data = self.channel.recv(4096)
        if not data:
            return None
        op, slot, worker, pid, error, secret, text = MESSAGE.unpack(data)
        return op, slot, worker, pid, error, text.split(b'\0')[0].decode()

    def fork(self, worker=7, slot=3):
        self.channel.send(MESSAGE.pack(FORK, slot, worker, 0, 0, SECRET, b''))

    def forked(self, worker=7, slot=3):
        self.fork(worker, slot)
        op, heard_slot, heard, pid, error, text = self.hear()
        assert (op, heard_slot, heard, error) == (FORKED, slot, worker, 0), (
            op, heard_slot, heard, error, text)
        self.workers[worker] = pid
        return pid

    def accept(self, hello=True, timeout=60, **more):
        self.listener.settimeout(timeout)
        sock, _ = self.listener.accept()
        connection = Connection(sock, None)
        connection.ready = connection.hear()
        assert connection.ready['ready'] == 1
        assert connection.ready['secret'] == SECRET.hex()
        if hello:
            connection.say(dict({'hello': 1, 'socket': '/run/there.sock',
                                 'max_line': 1 << 24}, **more))
        return connection

    def job(self, handler, args=None, attempt=1, **more):
        self.token += 1
        spec = {} if args is None else {'args': args}
        return dict({'job': self.token + 1000, 'attempt': attempt,
                     'token': self.token, 'group': 0, 'context': 0,
                     'timeout_ms': 0, 'grace_ms': 10000, 'orphans': 'kill',
                     'handler': handler, 'queue': 'img', 'spec': spec},
                    **more)

    def status(self, worker=7, timeout=60):
        """How a worker ended: its exit status, or -signal."""
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            pid, status = os.waitpid(self.workers[worker], os.WNOHANG)
            if pid:
                del self.workers[worker]
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.002)
        raise TimeoutError('the worker goes on')

    def end(self):
        if self not in Template.started:
            return
        Template.started.remove(self)
        self.channel.close()
        for pid in self.workers.values():
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                pass
            os.waitpid(pid, 0)
        self.process.kill()
        self.process.wait()
        self.listener.close()
        shutil.rmtree(self.folder)
