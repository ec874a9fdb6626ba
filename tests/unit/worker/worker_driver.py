"""Plays the broker against the real role of a worker (worker_role)."""
import base64
import hashlib
import json
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

PATH = '/usr/local/bin:/usr/bin:/bin'
SECRET = '000102030405060708090a0b0c0d0e0f'
STORE = '9f86d081884c7d659a2feaa0c55ad015'


def records(data):
    """[(stream, bytes)] of output records."""
    found, at = [], 0
    while at < len(data):
        n, stream, _ = struct.unpack_from('<IB3sq', data, at)[:3]
        found.append((stream, data[at + 16:at + 16 + n]))
        at += 16 + n
    assert at == len(data)
    return found


def text_of(found, stream=1):
    return b''.join(data for kind, data in found if kind == stream)


def children_of(pid):
    """Every descendant of a process that is not a zombie."""
    parents = {}
    for name in os.listdir('/proc'):
        if not name.isdigit():
            continue
        try:
            with open('/proc/%s/stat' % name) as file:
                rest = file.read().rsplit(')', 1)[1].split()
        except OSError:
            continue
        if rest[0] != 'Z':
            parents[int(name)] = int(rest[1])
    found, wave = [], {pid}
    while wave:
        wave = {p for p, parent in parents.items() if parent in wave}
        found += wave
    return found


class Connection:
    def __init__(self, sock, process):
        self.sock, self.process, self.data = sock, process, b''

    def say(self, *statements):
        text = ''.join(json.dumps(s) + '\n' for s in statements)
        self.sock.sendall(text.encode())

    def give(self, statement, fds):
        """A statement with descriptors."""
        socket.send_fds(self.sock, [json.dumps(statement).encode() + b'\n'],
                        fds)

    def raw(self, data):
        self.sock.sendall(data)

    def hear(self, timeout=60):
        """The next statement; None at the end of the connection."""
        until = time.monotonic() + timeout
        while b'\n' not in self.data:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.sock], [], [], left)[0]:
                raise TimeoutError('the worker says nothing')
            try:
                more = self.sock.recv(1 << 20)
            except ConnectionResetError:
                more = b''
            if not more:
                return None
            self.data += more
        line, self.data = self.data.split(b'\n', 1)
        return json.loads(line)

    def is_silent(self, seconds):
        if b'\n' in self.data:
            return False
        return not select.select([self.sock], [], [], seconds)[0]

    def close(self):
        self.sock.close()


class Worker:
    """A worker process, its folders, and the socket that it dials."""

    started = []

    def __init__(self, role, cgroup=None, output_bytes=1 << 26, env=None,
                 wrapper=(), stderr=None, run=()):
        self.folder = tempfile.mkdtemp(prefix='reeve-worker.')
        os.mkdir(self.folder + '/results')
        os.mkdir(self.folder + '/output')
        self.path = self.folder + '/w.sock'
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(8)
        command = list(wrapper) + [role, self.folder, self.path,
                                   str(output_bytes)]
        if cgroup:
            command.append(cgroup)
        if run:
            command += ['--'] + [a.replace('@', self.folder) for a in run]
        self.process = subprocess.Popen(
            command, env=dict(os.environ, **(env or {})), stderr=stderr)
        self.cgroup = cgroup
        self.token = 100
        self.ready = None
        Worker.started.append(self)

    def accept(self, hello=True, timeout=60):
        self.listener.settimeout(timeout)
        sock, _ = self.listener.accept()
        connection = Connection(sock, self.process)
        self.ready = connection.hear()
        assert self.ready['ready'] == 1 and self.ready['secret'] == SECRET
        if hello:
            connection.say({'hello': 1, 'socket': '/run/there.sock',
                            'max_line': 1 << 24, 'store': STORE})
            connection.say(self.context())
        return connection

    @staticmethod
    def context(number=1, **value):
        value.setdefault('cwd', '/')
        value.setdefault('env', {'PATH': PATH,
                                 'REEVE_TEST': str(os.getpid())})
        value.setdefault('env_mode', 'captured')
        return {'context': number, 'value': value}

    def job(self, *argv, number=None, context=1, attempt=1, timeout_ms=0,
            grace_ms=10000, orphans='kill', **spec):
        self.token += 1
        if argv:
            spec['argv'] = list(argv)
        return {'job': number or self.token + 1000, 'attempt': attempt,
                'token': self.token, 'group': 5, 'context': context,
                'timeout_ms': timeout_ms, 'grace_ms': grace_ms,
                'orphans': orphans, 'spec': spec}

    def output(self, done):
        """The records of a result, wherever they are."""
        name = '%s/output/%d.1' % (self.folder, done['done'])
        if not done.get('file'):
            assert not os.path.exists(name), name
            return records(base64.b64decode(done.get('log64', '')))
        with open(name, 'rb') as file:
            data = file.read()
        assert os.stat(name).st_mode & 0o777 == 0o600
        assert len(data) == done['file_bytes']
        assert hashlib.sha256(data).hexdigest() == done['sha256']
        return records(data)

    def end(self):
        if self not in Worker.started:
            return
        Worker.started.remove(self)
        try:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        finally:
            self.listener.close()
            shutil.rmtree(self.folder)


def cgroup_folder():
    """A fresh cgroup2 folder that allows cgroup.kill, or None."""
    for root in ('/sys/fs/cgroup/unified', '/sys/fs/cgroup'):
        if not os.path.exists(root + '/cgroup.controllers'):
            continue
        folder = '%s/reeve-test-%d' % (root, os.getpid())
        try:
            os.mkdir(folder)
        except OSError:
            continue
        if os.path.exists(folder + '/cgroup.kill'):
            return folder
        os.rmdir(folder)
    return None
