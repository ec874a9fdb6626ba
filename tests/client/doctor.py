#!/usr/bin/python3
"""`reeve doctor`, with the real daemon and without one.

    doctor.py REEVE REEVED EXAMPLE [TEST...]

covers: client/cmd_doctor client/doctor_host client/doctor_store
"""
import os
import pathlib
import resource
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from real import REEVED, TOOL, Real, holds, same  # noqa: E402
from tool import run_tests  # noqa: E402


class Patient(Real):
    def __init__(self):
        super().__init__()
        self.run = self.environment['REEVE_RUNTIME_DIR']
        self.state_dir = self.environment['REEVE_STATE_DIR']

    def doctor(self, code=0, **env):
        """What it says, by name."""
        result = self.reeve('doctor', '--json', **env)
        same((result.code, result.err), (code, ''))
        checks = result.json()['checks']
        same(result.json()['ok'], code == 0)
        for check in checks:
            assert check['status'] == 'ok' or check.get('fix'), check
        return {check['name']: check for check in checks}


def test_it_works_without_a_daemon_and_starts_none():
    with Patient() as here:
        found = here.doctor()
        same(sorted(found), ['cgroups', 'clock', 'daemon', 'disk', 'kernel',
                             'leftover', 'limits', 'socket', 'state'])
        holds(found['daemon']['message'], 'none runs', REEVED)
        holds(found['state']['message'], here.state_dir, 'not there yet')
        assert not os.path.exists(here.run)
        lines = here.reeve('doctor').out.splitlines()
        same(len(lines), 9)
        same(lines[0].split('\t')[:2], ['ok', 'socket'])
        seen = here.on_terminal('doctor', columns=200)
        holds(seen, '\u2713', 'kernel', '0 failed')


def test_it_asks_a_daemon_that_runs():
    with Patient() as here:
        here.reeve('daemon', 'start')
        found = here.doctor()
        holds(found['daemon']['message'], 'pid %d' % here.status()['pid'],
              'answers')
        same((found['socket']['status'], found['state']['status'],
              found['leftover']['message']), ('ok', 'ok', 'nothing'))
        holds(found['state']['message'], here.state_dir)
        os.chmod(here.state_dir, 0o755)
        found = here.doctor()
        same(found['state']['status'], 'warn')
        holds(found['state']['fix'], 'chmod go-rwx')
        socket = os.path.join(here.run, 'reeve.sock')
        os.chmod(socket, 0o666)
        same(here.doctor()['socket']['status'], 'warn')


def test_a_daemon_that_listens_elsewhere_is_found_by_its_lock():
    with Patient() as here:
        here.reeve('daemon', 'start')
        elsewhere = os.path.join(here.folder, 'elsewhere')
        found = here.doctor(1, REEVE_RUNTIME_DIR=elsewhere)
        same(found['leftover']['status'], 'fail')
        holds(found['leftover']['message'],
              'process %d holds ' % here.status()['pid'], here.state_dir)


def test_what_is_amiss_is_told_with_its_remedy():
    with Patient() as here:
        os.mkdir(here.run, 0o700)
        with open(os.path.join(here.run, 'reeve.sock'), 'w'):
            pass
        found = here.doctor(1)
        same(found['socket']['status'], 'fail')
        holds(found['socket']['message'], 'is no socket')
        os.unlink(os.path.join(here.run, 'reeve.sock'))
        found = here.doctor(1, REEVED='/nowhere/reeved', PATH='/bin')
        same(found['daemon']['status'], 'fail')
        holds(found['daemon']['fix'], 'REEVED=')
        with open(here.state_dir, 'w'):
            pass
        same(here.doctor(1)['state']['status'], 'fail')
        os.unlink(here.state_dir)
        found = here.doctor(REEVE_STATE_DIR='/dev/shm')
        same(found['disk']['status'], 'warn')
        holds(found['disk']['message'], 'is in memory')


def test_limits_that_are_too_small_fail():
    with Patient() as here:
        for limit, code in ((64, 1), (1024, 0)):
            done = subprocess.run(
                [TOOL, 'doctor'], env=here.environment,
                stdout=subprocess.PIPE, preexec_fn=lambda: resource.setrlimit(
                    resource.RLIMIT_NOFILE, (limit, limit)))
            same(done.returncode, code)
            holds(done.stdout.decode(), '%d open files' % limit, 'ulimit -Hn')


def test_results_that_nobody_took_are_told():
    with Patient() as here:
        go = os.path.join(here.folder, 'go')
        here.submit('--sh', 'until test -e %s; do sleep 0.05; done' % go)
        here.until(lambda: here.state(1) == 'running')
        here.reeve('daemon', 'stop')
        open(go, 'w').close()
        here.until(lambda: here.doctor()['leftover']['status'] == 'warn')
        found = here.doctor()['leftover']
        holds(found['message'], '1 results of jobs wait')
        same(here.reeve('wait', '1').code, 0)
        same(here.doctor()['leftover']['status'], 'ok')


if __name__ == '__main__':
    sys.exit(run_tests(sys.modules[__name__], sys.argv[4:]))
