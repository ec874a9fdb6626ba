"""A client of reeve's socket in the standard library alone.

An independent witness: it shares no code with reeve and is written from
proto/PROTOCOL.md. It speaks NUL and newline mode, pipelines, sends broken
bytes and passes descriptors.
"""
import array
import json
import socket
import time

MESSAGE_MAX = 64 * 1024 * 1024


class Closed(Exception):
    """The daemon closed the connection."""


class CallError(Exception):
    """An error reply: its name, and its parameters as a dict."""

    def __init__(self, name, parameters):
        super().__init__('%s %s' % (name, json.dumps(parameters)[:500]))
        self.name = name
        self.short = name.rsplit('.', 1)[-1]
        self.parameters = parameters


def full_name(method):
    """'Submit' -> jobs, 'admin.Ping' -> admin, 'org.x.y.Z' as it is."""
    dots = method.count('.')
    if dots == 0:
        return 'org.reeve.jobs.' + method
    return 'org.reeve.' + method if dots == 1 else method


def encode(method, parameters=None, more=False, oneway=False, upgrade=False):
    message = {'method': full_name(method), 'parameters': parameters or {}}
    for name, on in (('more', more), ('oneway', oneway),
                     ('upgrade', upgrade)):
        if on:
            message[name] = True
    return json.dumps(message, ensure_ascii=False).encode()


class Client:
    def __init__(self, path, newline=False, timeout=30.0):
        self.path = str(path)
        self.end = b'\n' if newline else b'\0'
        self.timeout = timeout
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        self.socket.connect(self.path)
        self.buffer = bytearray()
        self.searched = 0

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # -- out

    def raw(self, data):
        self.socket.sendall(data)

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def send(self, method, parameters=None, fds=(), **flags):
        data = encode(method, parameters, **flags) + self.end
        if not fds:
            self.socket.sendall(data)
            return
        # The descriptors travel with the last byte (PROTOCOL.md).
        self.socket.sendall(data[:-1])
        rights = array.array('i', fds).tobytes()
        self.socket.sendmsg([data[-1:]], [
            (socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])

    # -- in

    def read_bytes(self, deadline=None):
        """One raw message, without its end."""
        if deadline is None:
            deadline = time.monotonic() + self.timeout
        while True:
            at = self.buffer.find(self.end, self.searched)
            if at >= 0:
                message = bytes(self.buffer[:at])
                del self.buffer[:at + 1]
                self.searched = 0
                return message
            self.searched = len(self.buffer)
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError('no reply in time')
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(1 << 20)
            except ConnectionResetError:
                data = b''
            finally:
                self.socket.settimeout(self.timeout)
            if not data:
                raise Closed('after %r' % bytes(self.buffer[-200:]))
            self.buffer += data

    def read(self, timeout=None):
        """One reply as a dict: parameters, error, continues."""
        deadline = None if timeout is None else time.monotonic() + timeout
        reply = json.loads(self.read_bytes(deadline).decode('utf-8', 'strict'))
        extra = set(reply) - {'parameters', 'error', 'continues'}
        assert not extra, 'a reply with unknown fields %s' % extra
        return reply

    def result(self, timeout=None):
        """The parameters of one reply; raises CallError."""
        reply = self.read(timeout)
        if 'error' in reply:
            raise CallError(reply['error'], reply.get('parameters') or {})
        return reply.get('parameters') or {}

    def closed(self, timeout=60.0):
        """True if nothing but the end of the stream comes."""
        try:
            data = self.read_bytes(time.monotonic() + timeout)
        except (Closed, BrokenPipeError):
            return True
        except TimeoutError:
            return False
        raise AssertionError('expected the end, got %r' % data[:300])

    # -- both

    def call(self, method, parameters=None, fds=(), timeout=None, **fields):
        self.send(method, {**(parameters or {}), **fields}, fds=fds)
        return self.result(timeout)

    def stream(self, method, parameters=None, timeout=None, **fields):
        """The parameters of each reply until one without `continues`."""
        self.send(method, {**(parameters or {}), **fields}, more=True)
        while True:
            reply = self.read(timeout)
            if 'error' in reply:
                raise CallError(reply['error'], reply.get('parameters') or {})
            yield reply.get('parameters') or {}
            if not reply.get('continues'):
                return

    def oneway(self, method, parameters=None, **fields):
        self.send(method, {**(parameters or {}), **fields}, oneway=True)

    def refused(self, method, parameters=None, **fields):
        """The CallError that this call must get."""
        try:
            reply = self.call(method, parameters, **fields)
        except CallError as error:
            return error
        raise AssertionError('%s was not refused: %s' % (
            method, json.dumps(reply)[:300]))
