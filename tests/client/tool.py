"""Runs the tool against the fake daemon, for the tests in this folder."""
import fcntl
import json
import os
import pathlib
import pty
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
FAKE = HERE.parent / 'fake' / 'fake_daemon.py'
# No tool writes that to a terminal.
END = b'\x1b[the end'


def same(found, expected):
    assert found == expected, 'found %r, expected %r' % (found, expected)


def holds(text, *parts):
    for part in parts:
        assert part in text, '%r is not in %r' % (part, text)


class Result:
    def __init__(self, process):
        self.code = process.returncode
        self.out = process.stdout.decode('utf-8', 'replace')
        self.err = process.stderr.decode('utf-8', 'replace')

    def json(self):
        return json.loads(self.out.splitlines()[-1])

    def __repr__(self):
        return 'code %d, out %r, err %r' % (self.code, self.out, self.err)


class Place:
    """A folder with a daemon in it."""

    def __init__(self, tool):
        self.tool = tool
        self.folder = tempfile.mkdtemp(prefix='reeve-client-')
        self.socket = os.path.join(self.folder, 's')
        self.daemon = None
        self.environment = {'PATH': os.environ['PATH'], 'LC_ALL': 'C.UTF-8',
                            'HOME': self.folder, 'REEVE_SOCKET': self.socket}
        for name in ('ASAN_OPTIONS', 'UBSAN_OPTIONS', 'TSAN_OPTIONS'):
            if name in os.environ:
                self.environment[name] = os.environ[name]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder)

    def start(self, *flags, script=None):
        command = [sys.executable, str(FAKE), self.socket, *flags]
        if script is not None:
            path = os.path.join(self.folder, 'script')
            with open(path, 'w') as file:
                json.dump(script, file)
            command += ['--script', path]
        self.daemon = subprocess.Popen(command, stdout=subprocess.PIPE,
                                       env={'PATH': os.environ['PATH']})
        self.daemon.stdout.readline()

    def stop(self):
        if self.daemon:
            self.daemon.kill()
            self.daemon.wait()
            self.daemon.stdout.close()
            self.daemon = None
        if os.path.exists(self.socket):
            os.unlink(self.socket)

    def popen(self, *args, **how):
        return subprocess.Popen(
            [self.tool, *args], env=self.environment,
            stdin=how.pop('stdin', subprocess.DEVNULL),
            # A buffer would keep lines from finish().
            bufsize=0,
            stdout=how.pop('stdout', subprocess.PIPE),
            stderr=subprocess.PIPE, **how)

    def reeve(self, *args, input=b'', **env):
        try:
            return Result(subprocess.run(
                [self.tool, *args], env={**self.environment, **env},
                input=input, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                timeout=120))
        except subprocess.TimeoutExpired:
            raise AssertionError('%s hangs' % (args,))

    def on_terminal(self, *args, columns=60, **env):
        """What somebody sees who sits at a terminal this wide."""
        controller, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ,
                    struct.pack('HHHH', 24, columns, 0, 0))
        process = subprocess.Popen(
            [self.tool, *args], stdin=terminal, stdout=terminal,
            stderr=terminal,
            env={**self.environment, 'TERM': 'xterm', **env})

        # Behind its last word: the end of file of a terminal may come before
        # what was written last, so nobody waits for that.
        def tell_the_end():
            process.wait()
            os.write(terminal, END)
        threading.Thread(target=tell_the_end, daemon=True).start()
        seen = b''
        while END not in seen:
            seen += os.read(controller, 65536)
        os.close(controller)
        os.close(terminal)
        # Not by a signal: a terminal that is gone hides that it crashed.
        assert process.returncode >= 0, (process.returncode, seen)
        return seen.replace(END, b'').decode().replace('\r\n', '\n')

    def call(self, method, **parameters):
        """Ask the fake itself."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self.socket)
            connection.sendall(json.dumps(
                {'method': 'x.' + method,
                 'parameters': parameters}).encode() + b'\0')
            data = b''
            while not data.endswith(b'\0'):
                data += connection.recv(65536)
            return json.loads(data[:-1])['parameters']

    def calls(self, method):
        return [parameters for name, parameters in self.call('Seen')['calls']
                if name == method]

    def until(self, fact, seconds=60):
        end = time.monotonic() + seconds
        while not fact():
            assert time.monotonic() < end, 'it never came true'
            time.sleep(0.01)


class RealPlace(Place):
    """A folder with state and sockets; the tool starts the daemon in it."""

    def __init__(self, tool, reeved):
        super().__init__(tool)
        del self.environment['REEVE_SOCKET']
        self.environment.update(
            REEVE_STATE_DIR=os.path.join(self.folder, 'state'),
            REEVE_RUNTIME_DIR=os.path.join(self.folder, 'run'),
            REEVED=reeved)

    def stop(self):
        result = self.reeve('daemon', 'stop', '--kill')
        assert result.code in (0, 120), result


def interrupt(process):
    os.kill(process.pid, signal.SIGINT)


def finish(process):
    out, err = process.communicate(timeout=120)
    process.stdout, process.stderr = out, err
    return Result(process)


def run_tests(module, names):
    """TAP: one line a test."""
    tests = [(name, fact) for name, fact in vars(module).items()
             if name.startswith('test_') and (not names or name in names)]
    print('1..%d' % len(tests))
    failed = 0
    for number, (name, test) in enumerate(tests, 1):
        title = name[len('test_'):].replace('_', ' ')
        try:
            test()
            print('ok %d - %s' % (number, title), flush=True)
        except Exception as error:  # pylint: disable=broad-except
            if type(error).__name__ == 'Skip':
                print('ok %d - %s # SKIP %s' % (number, title, error),
                      flush=True)
                continue
            failed += 1
            print('not ok %d - %s' % (number, title))
            import traceback
            for line in traceback.format_exc().splitlines():
                print('# ' + line)
            print('# %r' % error, flush=True)
    return 1 if failed else 0
