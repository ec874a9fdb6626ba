"""What a handler prints becomes the output of its job.

Up to 4 KiB of it; the rest, and what is printed between two jobs, goes where
the worker's own stdout and stderr go, the daemon's log.
"""
import base64
import io
import struct
import sys
import time

TEXT_BYTES = 4096


class Records:
    """The output records of one job; see daemon/ARCHITECTURE.md."""

    __slots__ = ('parts', 'left', 'counts')

    def __init__(self):
        self.parts = []
        self.left = TEXT_BYTES
        self.counts = [0, 0, 0]

    def add(self, stream, data):
        """Bytes that did not fit any more."""
        fits = data[:self.left]
        while fits and len(fits) < len(data) and (
                data[len(fits)] & 0xc0 == 0x80):
            fits = fits[:-1]  # in front of a whole character
        if fits:
            self.parts.append(struct.pack(
                '<IB3xq', len(fits), stream, time.time_ns() // 1000000))
            self.parts.append(fits)
            self.left -= len(fits)
            self.counts[stream] += len(fits)
        if len(fits) < len(data):
            self.left = 0
        return data[len(fits):]

    def members(self):
        """Members of a `done` or `fail`, to be written in front of its }."""
        return ',"stdout_bytes":%d,"stderr_bytes":%d,"log64":"%s"' % (
            self.counts[1], self.counts[2],
            base64.b64encode(b''.join(self.parts)).decode())


class Stream(io.TextIOBase):
    """Stands in for sys.stdout or sys.stderr."""

    def __init__(self, capture, number, real):
        self._capture = capture
        self._number = number
        self._real = real

    def write(self, text):
        if not self._capture.open:
            return self._real.write(text) if self._real else len(text)
        records = self._capture.records
        if records is None:
            records = self._capture.records = Records()
        rest = records.add(self._number, text.encode('utf-8', 'replace'))
        if rest and self._real:
            self._real.write(rest.decode('utf-8', 'replace'))
        return len(text)

    def flush(self):
        if self._real:
            self._real.flush()

    def writable(self):
        return True

    def fileno(self):
        return self._real.fileno()

    def isatty(self):
        return False

    @property
    def buffer(self):
        return self._real.buffer

    @property
    def encoding(self):
        return 'utf-8'

    @property
    def errors(self):
        return 'replace'


class Capture:
    def __init__(self):
        self.open = False  # a job runs
        self.records = None  # of that job, once it has printed

    def install(self):
        sys.stdout = Stream(self, 1, sys.stdout)
        sys.stderr = Stream(self, 2, sys.stderr)

    def end(self):
        """Members for the job's last line; '' if it printed nothing."""
        self.open = False
        if self.records is None:
            return ''
        records, self.records = self.records, None
        return records.members()
