"""A supervisor of a few lines: has a template fork workers, adopts them."""
import ctypes
import os
import signal
import socket
import sys

from broker import HERE, PACKET, PATIENCE, SECRET, Broker
from tap import equal

READY, FORK, FORKED, FAILED = 1, 2, 3, 4


class Supervisor(Broker):
    """The supervisor's side: adopts what the template forks."""

    def __init__(self):
        super().__init__()
        self.born = []

    def template(self, *words, **more):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        fd = theirs.fileno()
        child = self.start(*(words or (HERE / 'loaded.py',)), pass_fds=(fd,),
                           REEVE_TEMPLATE_FD=str(fd), **more)
        theirs.close()
        ours.settimeout(10 * PATIENCE)
        self.channel = ours
        return child

    def told(self):
        """op, slot, worker, pid, error, text"""
        op, slot, worker, pid, error, _, text = PACKET.unpack(
            self.channel.recv(PACKET.size))
        if op == FORKED:
            self.born.append(pid)
        return op, slot, worker, pid, error, text.rstrip(b'\0').decode()

    def order(self, slot, worker):
        self.channel.send(PACKET.pack(FORK, slot, worker, 0, 0,
                                      bytes.fromhex(SECRET), b'folder'))

    def fork(self, slot, worker):
        self.order(slot, worker)
        told = self.told()
        equal(told[:3], (FORKED, slot, worker), told)
        link, ready = self.accept()
        equal((ready['pid'], ready['worker'], ready['secret']),
              (told[3], worker, SECRET))
        return link, told[3]

    def clean(self):
        for pid in self.born:
            try:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            except (ProcessLookupError, ChildProcessError):
                pass
        super().clean()


def parent(pid):
    with open('/proc/%d/stat' % pid) as file:
        return int(file.read().rsplit(')', 1)[1].split()[1])


def become_subreaper():
    if ctypes.CDLL(None, use_errno=True).prctl(36, 1, 0, 0, 0):
        sys.exit('cannot become the subreaper')
