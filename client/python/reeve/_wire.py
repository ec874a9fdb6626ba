"""The public socket: where it is, and one connection to it."""
import errno
import fcntl
import os
import socket
import stat
import struct
import time

from . import _fork
from ._json import decode, encode
from .errors import CallError, Unreachable

# The folder of the sessions' folders; tests have their own.
SESSIONS = '/run/user'
SYSTEM_SOCKET = '/run/reeve/reeve.sock'
READ_BYTES = 256 * 1024


def full_name(method):
    """'Submit' -> jobs, 'admin.Ping' -> admin, 'org.x.y.Z' as it is."""
    dots = method.count('.')
    if dots == 0:
        return 'org.reeve.jobs.' + method
    return 'org.reeve.' + method if dots == 1 else method


def message(method, parameters, more=False):
    return b'{"method":"%s","parameters":%s%s}\0' % (
        full_name(method).encode(), encode(parameters).encode(),
        b',"more":true' if more else b'')


def _is_own(folder):
    """A folder of this user, and no link."""
    try:
        facts = os.lstat(folder)
    except OSError:
        return False
    return stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.geteuid()


def _user_folders():
    """Where the daemon's folder is; and where it may be as well, None: nowhere.

    What a session (XDG_RUNTIME_DIR) has started is to be found without one,
    as by a job of cron, and the other way.
    """
    given = os.environ.get('REEVE_RUNTIME_DIR')
    if given:
        return given, None
    uid = os.geteuid()
    plain = '%s/reeve-%d' % ('/tmp' if uid else '/run', uid)
    session = '%s/%d' % (SESSIONS, uid)
    runtime = os.environ.get('XDG_RUNTIME_DIR', '')
    if runtime.startswith('/') and _is_own(runtime):
        return runtime + '/reeve', plain if runtime == session else None
    return plain, session + '/reeve' if _is_own(session) else None


def _serves_us(path):
    """The system's daemon takes root, and the user that it runs as."""
    try:
        return os.geteuid() in (0, os.stat(path).st_uid)
    except OSError:
        return False


def _answers(path):
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except BlockingIOError:
            return True
        except OSError:
            return False
    return True


def socket_path():
    """Where the daemon listens: as the tool `reeve` and reeved find it."""
    given = os.environ.get('REEVE_SOCKET')
    if given:
        return given
    folder, other = _user_folders()
    # Anybody may make a folder below /tmp: it must be ours, and closed.
    if os.path.lexists(folder) and not (
            _is_own(folder) and not os.lstat(folder).st_mode & 0o022):
        raise Unreachable('%s is not a folder of this user alone' % folder)
    path = folder + '/reeve.sock'
    if other and _is_own(other) and not os.lstat(other).st_mode & 0o022:
        found = other + '/reeve.sock'
        if os.path.exists(found) and not _answers(path) and _answers(found):
            return found
    if not os.path.exists(path) and _serves_us(SYSTEM_SOCKET):
        return SYSTEM_SOCKET
    return path


def parameters_of(reply):
    """What a reply says; raises CallError."""
    if 'error' in reply:
        raise CallError(reply['error'], reply.get('parameters') or {})
    return reply.get('parameters') or {}


def new_socket():
    """Above 2: where stdout is closed it would get what is printed."""
    it = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    if it.fileno() > 2:
        return it
    with it:
        return socket.socket(fileno=fcntl.fcntl(it, fcntl.F_DUPFD_CLOEXEC, 3))


def _check_peer(it, path):
    """Below /tmp anybody can listen, where there is no folder yet."""
    if os.path.dirname(path) not in _user_folders():
        return
    _, uid, _ = struct.unpack('iII', it.getsockopt(
        socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    if uid not in (0, os.geteuid()):
        raise PermissionError(errno.EPERM, 'another user listens there')


class Connection:
    """One connection; a call at a time, or pipelined by hand."""

    def __init__(self, path, within=0.0):
        """Tries for so many seconds, if nobody listens."""
        self.path = path
        self.pieces = []
        self.replies = []
        self.at = 0
        deadline = time.monotonic() + within
        pause = 0.01
        while True:
            self.socket = new_socket()
            try:
                self.socket.connect(path)
                _check_peer(self.socket, path)
                _fork.tell(self)
                return
            except OSError as error:
                self.socket.close()
                if time.monotonic() + pause > deadline:
                    raise Unreachable(
                        'no daemon answers at %s: %s (reeve daemon start '
                        'starts one)' % (path, error.strerror)) from None
            time.sleep(pause)
            pause = min(pause * 2, 0.5)

    def close(self):
        self.socket.close()

    # A forked child has no part in it: nothing is sent, and the daemon hears
    # of the end when the parent says so.
    in_child = close

    def fileno(self):
        return self.socket.fileno()

    def send(self, data):
        self.socket.sendall(data)

    def arrived(self):
        """Replies that one read brings; raises ConnectionError at the end.

        May be [] when a message is not whole yet.
        """
        data = self.socket.recv(READ_BYTES)
        if not data:
            raise ConnectionResetError('the daemon closed the connection')
        end = data.rfind(b'\0')
        if end < 0:
            self.pieces.append(data)
            return []
        whole = data[:end]
        if self.pieces:
            whole = b''.join(self.pieces) + whole
        self.pieces = [data[end + 1:]] if end + 1 < len(data) else []
        return decode('[%s]' % whole.decode().replace('\0', ','))

    def reply(self, deadline=None):
        """The next reply; raises TimeoutError behind the deadline."""
        while self.at == len(self.replies):
            if deadline is not None:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError('no answer in time')
                self.socket.settimeout(left)
            else:
                self.socket.settimeout(None)
            try:
                self.replies, self.at = self.arrived(), 0
            except socket.timeout:  # before 3.10 no TimeoutError
                raise TimeoutError('no answer in time') from None
        self.at += 1
        return self.replies[self.at - 1]

    def call(self, method, parameters, deadline=None):
        self.send(message(method, parameters))
        return parameters_of(self.reply(deadline))

    def stream(self, method, parameters, deadline=None):
        """What each reply says, until the last."""
        self.send(message(method, parameters, more=True))
        while True:
            reply = self.reply(deadline)
            yield parameters_of(reply)
            if not reply.get('continues'):
                return
