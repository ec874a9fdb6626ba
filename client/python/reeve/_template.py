"""The template of a pool: loads everything once, then forks its workers.

The supervisor says over a SOCK_SEQPACKET socket what is to be born; one
struct a packet, native byte order.
"""
import errno
import gc
import os
import signal
import socket
import struct
import sys

PACKET = struct.Struct('=IiqiI16s152s')
READY, FORK, FORKED, FAILED = 1, 2, 3, 4
EXIT_PRELOAD = 111


def _text(words):
    data = words.encode('utf-8', 'replace')
    return data[:151].decode('utf-8', 'ignore').encode()


class Template:
    def __init__(self, fd):
        self.channel = socket.socket(fileno=fd)
        self.channel.set_inheritable(False)

    def send(self, op, slot=0, worker=0, pid=0, error=0, text=''):
        try:
            self.channel.send(PACKET.pack(op, slot, worker, pid, error,
                                          b'', _text(text)))
        except OSError:
            sys.exit(0)  # the supervisor is gone

    def failed(self, error):
        """The preload raised: say so and end."""
        name = type(error).__qualname__
        try:
            words = '%s: %s' % (name, error)
        except Exception:
            words = name
        self.send(FAILED, text='preload failed: ' + words)
        return EXIT_PRELOAD

    def serve(self):
        """Fork whenever asked. Comes back in the workers only."""
        # What the preload left is never looked at by a collection again: it
        # would write into every page of it.
        gc.collect()
        gc.freeze()
        signal.signal(signal.SIGINT, lambda *_: None)
        self.send(READY, pid=os.getpid())
        while True:
            data = self.channel.recv(PACKET.size)
            if len(data) != PACKET.size:
                os._exit(0)  # the end of the channel
            op, slot, worker, _, _, secret, text = PACKET.unpack(data)
            if op == FORK and self._fork(slot, worker):
                self.channel.close()
                os.environ.update(
                    REEVE_WORKER=str(worker), REEVE_SLOT=str(slot),
                    REEVE_WORKER_SECRET=secret.hex())
                return

    def _fork(self, slot, worker):
        """Twice, so that the supervisor adopts it. True in the worker."""
        threads = len(os.listdir('/proc/self/task'))
        if threads > 1:
            self.send(FAILED, slot, worker, error=errno.EDEADLK, text=(
                'the preload left %d threads running: start them in init'
                % (threads - 1)))
            return False
        sys.stdout.flush()
        sys.stderr.flush()
        read_end, write_end = os.pipe()
        try:
            middle = os.fork()
        except OSError as error:
            os.close(read_end)
            os.close(write_end)
            self.send(FAILED, slot, worker, error=error.errno,
                      text='fork: %s' % os.strerror(error.errno))
            return False
        if middle == 0:
            return self._in_middle(read_end, write_end)
        os.close(write_end)
        answer = os.read(read_end, 8)
        os.close(read_end)
        os.waitpid(middle, 0)
        pid, error = struct.unpack('=iI', answer) if len(answer) == 8 else (
            0, errno.ECHILD)
        if pid:
            self.send(FORKED, slot, worker, pid)
        else:
            self.send(FAILED, slot, worker, error=error,
                      text='fork: %s' % os.strerror(error))
        return False

    @staticmethod
    def _in_middle(read_end, write_end):
        os.close(read_end)
        try:
            pid = os.fork()
        except OSError as error:
            os.write(write_end, struct.pack('=iI', 0, error.errno))
            os._exit(1)
        if pid:
            os.write(write_end, struct.pack('=iI', pid, 0))
            os._exit(0)
        os.close(write_end)
        return True
