"""The worker's role under test: one job in a worker, what is left of it, and
the run of a file of tests.
"""
import os
import signal
import sys
import time
import traceback

from worker_driver import Worker, cgroup_folder

ROLE = sys.argv[1]
# In the environment of every job, so that none gets away unseen.
MARK = b'REEVE_TEST=%d' % os.getpid()
CGROUP = cgroup_folder()
TESTS = []


def test(function):
    TESTS.append(function)
    return function


def each_way(function):
    """Once with cgroups and once without."""
    def without():
        function(None)

    def with_cgroups():
        if not CGROUP:
            return 'no cgroup2 here'
        return function(CGROUP)

    without.__name__ = function.__name__ + '_without_cgroups'
    with_cgroups.__name__ = function.__name__ + '_with_cgroups'
    TESTS.extend([without, with_cgroups])
    return function


def run(*argv, cgroup=None, output_bytes=1 << 26, contexts=(), **options):
    """One job in a worker of its own: (worker, done). The worker goes on."""
    worker = Worker(ROLE, cgroup, output_bytes)
    broker = worker.accept()
    broker.say(*contexts)
    broker.say(worker.job(*argv, **options))
    done = broker.hear()
    worker.broker = broker
    return worker, done


def check(worker, broker, *argv, **options):
    job = worker.job(*argv, **options)
    broker.say(job)
    done = broker.hear()
    assert done['done'] == job['job'] and done['token'] == job['token'], done
    return done


def strays():
    """Processes of the jobs of this test, wherever they hang."""
    found = []
    for name in os.listdir('/proc'):
        try:
            with open('/proc/%s/environ' % name, 'rb') as file:
                if MARK in file.read().split(b'\0'):
                    found.append(int(name))
        except OSError:
            pass
    return [pid for pid in found if pid != os.getpid()]


class Held:
    """A job that says when it runs, and ends when it is let go."""

    def __init__(self, worker, before='', after=''):
        self.path = worker.folder + '/held'
        self.job = worker.job(shell='%s : >%s.up; until test -e %s.go; do '
                              'sleep 0.02; done; %s' % (
                                  before, self.path, self.path, after))
        self.token = self.job['token']

    def begun(self):
        eventually(lambda: os.path.exists(self.path + '.up'))

    def go(self):
        with open(self.path + '.go', 'w'):
            pass


def eventually(fact, seconds=60):
    until = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < until, 'it did not come'
        time.sleep(0.005)


def run_all():
    """TAP: one line a test. Return: did any fail?"""
    wanted = sys.argv[2:]
    tests = [t for t in TESTS if not wanted or any(
        w in t.__name__ for w in wanted)]
    failed = 0
    print('1..%d' % len(tests))
    for number, function in enumerate(tests, 1):
        name = function.__name__
        try:
            skipped = function()
            eventually(lambda: not strays())
        except Exception:  # noqa: BLE001
            failed += 1
            print('not ok %d - %s' % (number, name))
            print('# ' + traceback.format_exc().replace('\n', '\n# '))
        else:
            print('ok %d - %s%s' % (number, name, skipped and
                                    ' # SKIP ' + skipped or ''))
        for worker in list(Worker.started):
            worker.end()
        for pid in strays():
            os.kill(pid, signal.SIGKILL)
        sys.stdout.flush()
    return failed > 0


def main():
    try:
        return run_all()
    finally:
        if CGROUP:
            for leaf in os.listdir(CGROUP):
                if os.path.isdir(CGROUP + '/' + leaf):
                    os.rmdir(CGROUP + '/' + leaf)
            os.rmdir(CGROUP)
