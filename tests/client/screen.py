"""A small model of a terminal: what somebody sees who sits at it."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
import unicodedata

SEQUENCE = re.compile('\x1b\\[([?0-9;]*)([A-Za-z])')


class Screen:
    def __init__(self, here, *args, rows=24, columns=80, **env):
        self.controller, self.terminal = pty.openpty()
        self.modes, self.row, self.column = set(), 0, 0
        self.waiting = ''  # bytes of a sequence that is not whole yet
        self.said = self.spilled = ''
        self.size(rows, columns)
        self.before = termios.tcgetattr(self.terminal)
        self.process = subprocess.Popen(
            [here.tool, *args], stdin=self.terminal, stdout=self.terminal,
            stderr=self.terminal, start_new_session=True,
            env={**here.environment, 'TERM': 'xterm', **env},
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.controller)
        os.close(self.terminal)

    def size(self, rows, columns):
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ,
                    struct.pack('HHHH', rows, columns, 0, 0))
        self.rows, self.columns = rows, columns
        self.cells = [[' '] * columns for _ in range(rows)]

    def resize(self, rows, columns):
        self.size(rows, columns)
        os.kill(self.process.pid, signal.SIGWINCH)

    def press(self, keys):
        os.write(self.controller, keys.encode())

    def carry_out(self, parameters, letter):
        numbers = [int(n) if n else 0
                   for n in parameters.lstrip('?').split(';')]
        if letter == 'H':
            self.row = max(numbers[0], 1) - 1
            self.column = max(numbers[1] if len(numbers) > 1 else 1, 1) - 1
        elif letter == 'J':
            self.cells = [[' '] * self.columns for _ in range(self.rows)]
        elif letter == 'K':
            # Behind a full line the cursor stands on its last letter.
            at = min(self.column, self.columns - 1)
            self.cells[self.row][at:] = [' '] * (self.columns - at)
        elif letter == 'h':
            self.modes.add(parameters)
        elif letter == 'l':
            self.modes.discard(parameters)
        else:
            assert letter == 'm', (parameters, letter)

    def put(self, letter):
        if letter in '\r\n':
            self.row += letter == '\n'
            self.column = 0
            return
        assert letter >= ' ', 'a control character: %r' % letter
        if unicodedata.category(letter) in ('Mn', 'Me'):
            return
        width = 2 if unicodedata.east_asian_width(letter) in 'WF' else 1
        if self.row >= self.rows or self.column + width > self.columns:
            assert '?7' not in self.modes, 'it would wrap'
            self.spilled += letter
            return
        self.cells[self.row][self.column] = letter
        if width == 2:
            self.cells[self.row][self.column + 1] = ''
        self.column += width

    def read(self, seconds=0.05):
        if not select.select([self.controller], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.controller, 65536)
        except OSError:
            return False
        self.rest = getattr(self, 'rest', b'') + data
        text = self.rest.decode('utf-8', 'ignore')
        self.rest = self.rest[len(text.encode()):]
        self.said += text
        text = self.waiting + text
        at = 0
        while at < len(text):
            if text[at] != '\x1b':
                if '?1049' in self.modes:
                    self.put(text[at])
                at += 1
                continue
            found = SEQUENCE.match(text, at)
            if not found:
                assert len(text) - at < 20, 'what is %r' % text[at:at + 20]
                break
            self.carry_out(found[1], found[2])
            at = found.end()
        self.waiting = text[at:]
        return True

    def text(self):
        return '\n'.join(''.join(row).rstrip() for row in self.cells)

    def until(self, *words, without=(), seconds=60):
        end = time.monotonic() + seconds
        while True:
            self.read()
            text = self.text()
            if all(word in text for word in words) and \
                    not any(word in text for word in without):
                return text
            assert time.monotonic() < end, 'no %r in:\n%s' % (words, text)
            assert self.process.poll() is None, 'it ended: ' + self.said

    def ends(self):
        """Its exit code; the terminal is as it was."""
        end = time.monotonic() + 60
        while self.process.poll() is None:
            self.read()
            assert time.monotonic() < end, 'it does not end'
        # Behind its last word.
        os.write(self.terminal, b'~')
        while not self.said.endswith('~'):
            self.read()
            assert time.monotonic() < end, 'its last word is lost'
        assert '?1049' not in self.modes, 'it left the other screen'
        assert '?25' in self.modes, 'it left the cursor hidden'
        assert termios.tcgetattr(self.terminal) == self.before
        return self.process.returncode
