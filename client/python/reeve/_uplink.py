"""The worker's connection to the daemon: dialled, lost, dialled again.

Knows nothing of jobs. Whoever calls holds the worker's lock.
"""
import socket
import time

from ._json import decode
from ._wire import new_socket

READ_BYTES = 256 * 1024
LINE_BYTES = 64 * 1024 * 1024
PAUSE_MIN = 0.010
PAUSE_MAX = 1.0


class Uplink:
    def __init__(self, path):
        self.path = path
        self.socket = None
        self.greeted = False  # the daemon said hello on this connection
        self.away = time.monotonic()  # since when nobody did
        self.refused = 0.0  # since when nobody listens
        self.since = 0.0
        self.due = 0.0
        self.pause = PAUSE_MIN
        self.pieces = []  # of a line whose end has not come

    def fileno(self):
        return -1 if self.socket is None else self.socket.fileno()

    def dial(self, now):
        """True if a connection was made; else `due` says when to try."""
        if self.socket is not None or now < self.due:
            return False
        it = new_socket()
        try:
            # A listener with a full backlog would make connect() wait.
            it.setblocking(False)
            it.connect(self.path)
            it.setblocking(True)
        except OSError as error:
            it.close()
            if isinstance(error, (ConnectionRefusedError, FileNotFoundError)):
                self.refused = self.refused or now
            else:
                self.refused = 0.0
            self._later(now)
            return False
        self.refused = 0.0
        self.socket = it
        self.since = now
        self.pieces = []
        return True

    def _later(self, now):
        self.due = now + self.pause
        self.pause = min(self.pause * 2, PAUSE_MAX)

    def greet(self):
        self.greeted = True

    def lose(self, now):
        if self.socket is None:
            return
        self.socket.close()
        self.socket = None
        # One that stood for a while counts as a new beginning.
        if self.greeted:
            self.away = now
            if now - self.since > 1.0:
                self.pause = PAUSE_MIN
        self.greeted = False
        self._later(now)

    def forget(self):
        """In a forked child: the connection is the parent's."""
        if self.socket is not None:
            self.socket.close()
            self.socket = None
        self.greeted = False

    def send(self, data):
        """False when the connection broke."""
        if self.socket is None:
            return False
        try:
            self.socket.sendall(data)
            return True
        except OSError:
            self.lose(time.monotonic())
            return False

    def receive(self):
        """The statements that have come, [] if none; never waits."""
        if self.socket is None:
            return []
        try:
            data = self.socket.recv(READ_BYTES, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return []
        except OSError:
            data = b''
        if not data:
            self.lose(time.monotonic())
            return []
        end = data.rfind(b'\n')
        if end < 0:
            self.pieces.append(data)
            if sum(map(len, self.pieces)) > LINE_BYTES:
                self.lose(time.monotonic())
            return []
        whole = data[:end]
        if self.pieces:
            whole = b''.join(self.pieces) + whole
        self.pieces = [data[end + 1:]] if end + 1 < len(data) else []
        return self._parse(whole)

    def _parse(self, lines):
        # One call of the parser for all of them: it costs half.
        try:
            return decode('[%s]' % lines.decode().replace('\n', ','))
        except ValueError:
            pass
        try:
            return [decode(line) for line in lines.decode().split('\n')
                    if line.strip()]
        except ValueError:
            self.lose(time.monotonic())
            return []
