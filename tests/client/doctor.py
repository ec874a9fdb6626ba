#!/usr/bin/python3
"""`reeve doctor`, with the real daemon and without one.

    doctor.py REEVE REEVED EXAMPLE [TEST...]

covers: client/cmd_doctor client/doctor_host client/doctor_store client/effective
"""
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

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
        same(sorted(found), ['cgroups', 'clock', 'config', 'daemon', 'disk',
                             'kernel', 'leftover', 'limits', 'socket',
                             'state'])
        holds(found['daemon']['message'], 'none runs', REEVED)
        holds(found['state']['message'], here.state_dir, 'not there yet')
        assert not os.path.exists(here.run)
        lines = here.reeve('doctor').out.splitlines()
        same(len(lines), 10)
        same([line.split('\t')[:2] for line in lines[:2]],
             [['ok', 'config'], ['ok', 'socket']])
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
        memory = tempfile.mkdtemp(dir='/dev/shm')
        found = here.doctor(REEVE_STATE_DIR=memory)
        os.rmdir(memory)
        same(found['disk']['status'], 'warn')
        holds(found['disk']['message'], 'is in memory')


def configured(here, text):
    folder = os.path.join(here.folder, 'config', 'reeve')
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, 'reeve.yaml'), 'w') as file:
        file.write(text)
    here.environment['XDG_CONFIG_HOME'] = os.path.dirname(folder)


def test_why_a_daemon_gives_up_is_said_at_once_and_by_the_doctor():
    with Patient() as here:
        configured(here, 'x: 1\n')
        os.makedirs(here.run, 0o755)
        os.chmod(here.run, 0o755)
        os.mkdir(here.state_dir, 0o755)
        os.chmod(here.state_dir, 0o755)
        for name, words, mend in (
                ('config', "reeve.yaml:1:1: unknown key 'x'",
                 lambda: configured(here, '# nothing\n')),
                ('state', here.state_dir,
                 lambda: os.chmod(here.state_dir, 0o700)),
                ('socket', here.run, lambda: os.chmod(here.run, 0o700))):
            begun = time.monotonic()
            result = here.reeve('submit', 'true')
            same(result.code, 120)
            assert time.monotonic() - begun < 4, result
            holds(result.err, 'cannot start a daemon: ', words,
                  'reeve doctor')
            for raw in ('supervisor', 'cannot start: ', 'Z error'):
                assert raw not in result.err, result
            found = here.doctor(1)[name]
            same(found['status'], 'fail')
            holds(found['message'], words)
            mend()
        same(here.doctor()['config']['message'], '1 file: a daemon takes it')
        same(here.reeve('submit', '-w', 'true').code, 0)


def test_a_pool_that_cannot_begin_is_told_of():
    with Patient() as here:
        configured(here, 'pools:\n'
                   '  late: {run: /nowhere/prog, handles: late}\n')
        here.reeve('daemon', 'start')
        here.until(lambda: 'pool' in here.doctor())
        found = here.doctor()
        same((found['pool']['status'], found['pool']['message']), (
            'warn', "late is degraded: cannot start '/nowhere/prog': No such "
            "file or directory"))
        same(found['pool']['fix'], 'When that is mended it begins by itself: '
             'reeve pool show late')
        same(found['config']['status'], 'warn')


def test_the_socket_of_the_configuration_is_used_by_all():
    with Patient() as here:
        # What the environment says counts more, so it says nothing.
        del here.environment['REEVE_RUNTIME_DIR']
        here.environment.pop('REEVE_SOCKET', None)
        session = os.path.join(here.folder, 'session')
        os.mkdir(session, 0o700)
        here.environment['XDG_RUNTIME_DIR'] = session
        mine = os.path.join(here.folder, 'mine')
        configured(here, 'listen: { socket: %s }\n' % mine)
        result = here.reeve('daemon', 'status')
        same(result.code, 120)
        holds(result.err, mine)
        result = here.reeve('submit', '-w', 'true')
        same(result.code, 0)
        holds(result.err, 'started a daemon')
        holds(here.reeve('submit', '-w', 'true').out, '2')
        found = here.doctor()
        holds(found['socket']['message'], mine)
        holds(found['daemon']['message'], 'answers')
        holds(here.reeve('daemon', 'start').out, 'already running')
        same(here.reeve('daemon', 'stop').out, 'stopped\n')


def test_cgroups_are_the_same_before_and_after_the_start():
    with Patient() as here:
        before = here.doctor()['cgroups']['status']
        here.reeve('daemon', 'start')
        same(here.doctor()['cgroups']['status'], before)


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
