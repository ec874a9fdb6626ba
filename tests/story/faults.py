#!/usr/bin/python3
"""A full disk, no descriptors, a hostile machine.

covers: daemon/broker/breakdown daemon/store/sqlite_reserve
"""
import ctypes
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'helper'))
from story import (SLOW, CallError, Client, Closed, Skip, equal,  # noqa: E402
                   eventually, main, story)
import proc  # noqa: E402

CLONE_NEWNS = 0x20000
MS_REC, MS_PRIVATE = 16384, 1 << 18
MS_RDONLY, MS_REMOUNT = 1, 32


def private_mounts():
    """This process and all it starts see mounts of their own."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0:
        raise Skip('unshare: ' + os.strerror(ctypes.get_errno()))
    if libc.mount(b'none', b'/', None, MS_REC | MS_PRIVATE, None) != 0:
        raise Skip('mount: ' + os.strerror(ctypes.get_errno()))
    return libc


def small_disk(t, path, size):
    libc = private_mounts()
    path.mkdir(mode=0o700, exist_ok=True)
    if libc.mount(b'tmpfs', str(path).encode(), b'tmpfs', 0,
                  b'mode=0700,size=' + size.encode()) != 0:
        raise Skip('tmpfs: ' + os.strerror(ctypes.get_errno()))
    return lambda: libc.umount2(str(path).encode(), 2)


def fill_with_jobs(t, client):
    """Submits until it is refused: ids that were acknowledged, the error."""
    acknowledged = []
    while True:
        try:
            acknowledged.append(client.call('Submit', job={
                'argv': ['/bin/true'], 'hold': True,
                'stdin': 'x' * 20000})['id'])
        except CallError as error:
            return acknowledged, error
        assert len(acknowledged) < 5000, 'the disk was not full'


@story
def a_full_disk_refuses_loses_nothing_and_resumes(t):
    umount = small_disk(t, t.state, '16m')
    try:
        # Whatever size the reserve has: this much can be given back.
        filler = t.state / 'filler'
        with open(filler, 'wb') as file:
            file.write(b'x' * (5 << 20))
        t.start(workers=1)
        broker = t.broker()
        acknowledged, error = fill_with_jobs(t, t.c)
        equal(error.name, 'org.reeve.jobs.StorageFailed')
        assert error.parameters.get('message'), error
        assert len(acknowledged) > 20, len(acknowledged)
        # Questions, cancelling and purging still work.
        equal(t.c.call('Count')['total'], len(acknowledged))
        storage = t.c.call('admin.Status')['storage']
        assert not storage['writable'] or storage.get('message'), storage
        reply = t.c.call('Cancel', filter={'ids': acknowledged[:5]})
        equal(reply['cancelled'], 5)
        for _ in range(3):
            try:
                acknowledged.append(t.c.call('Submit', job={
                    'argv': ['/bin/true'], 'hold': True,
                    'stdin': 'x' * 20000})['id'])
            except CallError as again:
                equal(again.name, 'org.reeve.jobs.StorageFailed')
        filler.unlink()

        def taken():
            try:
                return t.c.call('Submit', job={'argv': ['/bin/true']})['id']
            except CallError:
                return None
        job = eventually(taken, 10, 'a submission after there is space')
        equal(t.wait(job)['state'], 'succeeded')
        acknowledged.append(job)
        equal(t.broker(), broker, 'no restart was needed')
        t.kill_everything()
        t.restart()
        t.reconnect()
        found = set()
        for at in range(0, len(acknowledged), 1000):
            found |= {each['id'] for each in t.c.call(
                'Get', ids=acknowledged[at:at + 1000])['jobs']}
        equal(found, set(acknowledged))
        t.finish()
        t.check_database = False
    finally:
        t.kill_everything()
        umount()


@story
def a_job_that_ends_on_a_full_disk_is_recorded_when_there_is_space(t):
    umount = small_disk(t, t.state, '16m')
    try:
        filler = t.state / 'filler'
        with open(filler, 'wb') as file:
            file.write(b'x' * (5 << 20))
        t.start(workers=1)
        gate = t.gate()
        job = t.submit(gate.argv)
        gate.started()
        fill_with_jobs(t, t.c)
        gate.open(6)
        t.c.call('admin.Ping')
        filler.unlink()
        ended = t.wait(job)
        equal((ended['exit_code'], ended['attempt']), (6, 1))
        t.finish()
        t.check_database = False
    finally:
        t.kill_everything()
        umount()


def fill_to_the_brim(path):
    """Every byte that is left, also what a reserve gave back."""
    with open(path, 'ab', buffering=0) as file:
        for size in (1 << 16, 1 << 12):
            try:
                while True:
                    file.write(b'x' * size)
            except OSError:
                pass


@story
def ends_on_a_disk_without_a_byte_left_are_recorded_once(t):
    umount = small_disk(t, t.state, '16m')
    try:
        t.start(workers=3)
        broker = t.broker()
        gates = [t.gate() for _ in range(3)]
        # Too much for what is left of the pages of the log.
        jobs = [t.submit(['/bin/sh', '-c', '/usr/bin/head -c 3000 /dev/zero;'
                          + gate.SCRIPT, gate.path]) for gate in gates]
        for gate in gates:
            gate.started()
        filler = t.state / 'filler'
        fill_to_the_brim(filler)
        _, error = fill_with_jobs(t, t.c)
        equal(error.name, 'org.reeve.jobs.StorageFailed')
        fill_to_the_brim(filler)
        for code, gate in enumerate(gates):
            gate.open(code)

        def refused():
            fill_to_the_brim(filler)
            return not t.c.call('admin.Status')['storage']['writable']
        for _ in range(30):
            assert refused()
            equal(t.c.refused('Submit', job={'argv': ['/bin/true']}).name,
                  'org.reeve.jobs.StorageFailed')
            time.sleep(0.1)
        running = [job for job in jobs if t.job_state(job) == 'running']
        t.note('not recorded while it was full: %d of 3' % len(running))
        filler.unlink()
        for code, job in enumerate(jobs):
            ended = t.wait(job)
            equal((ended['exit_code'], ended['attempt'], ended['crashes']),
                  (code, 1, 0))
            equal(len(t.output(job)), 3000)
        equal(t.broker(), broker, 'no restart was needed')
        counts = t.c.call('Count', filter={'states': ['succeeded', 'failed']})
        equal(counts['total'], 3)
        t.finish()
        t.check_database = False
    finally:
        t.kill_everything()
        umount()


@story
def output_that_does_not_fit_on_the_disk_costs_the_output_not_the_job(t):
    umount = small_disk(t, t.state, '16m')
    try:
        t.start(workers=1)
        job = t.shell('/usr/bin/head -c 40000000 /dev/zero; exit 7')
        equal((job['exit_code'], job['attempt']), (7, 1))
        t.c.call('admin.Ping')
        t.finish()
        t.check_database = False
    finally:
        t.kill_everything()
        umount()


@story
def without_descriptors_it_pauses_and_recovers(t):
    t.limits = {'RLIMIT_NOFILE': (64, 64)}
    t.start(workers=1)
    broker = t.broker()
    clients = []
    for _ in range(120):
        try:
            clients.append(Client(t.socket, timeout=1))
        except (OSError, TimeoutError):
            break
    before, began = proc.cpu_seconds(broker), time.monotonic()
    # Nothing to wait for: the absence of work is what is measured.
    time.sleep(2)
    spent = (proc.cpu_seconds(broker) - before) / (
        time.monotonic() - began)
    assert spent < 0.1 * SLOW, 'it spins: %.0f %% of a CPU' % (spent * 100)
    for client in clients:
        client.close()

    def answers():
        try:
            with Client(t.socket, timeout=2) as client:
                return client.call('admin.Ping')
        except (OSError, Closed, TimeoutError):
            return None
    eventually(answers, 10, 'it answers again')
    equal(t.broker(), broker)
    equal(t.run(['/bin/true'])['state'], 'succeeded')


def refused_at_once(t, *words, code=100):
    """It says what, why and what to do, and ends."""
    pid = t.spawn(t.command())
    equal(t.exit_of(pid, 5), code, t.log_tail())
    text = t.log_text()
    assert all(word in text for word in words), text
    t.check_database = False


@story
def limits_that_are_too_small_are_named_at_the_start(t):
    t.limits = {'RLIMIT_NOFILE': (32, 32)}
    refused_at_once(t, 'open files is 32', 'are needed', 'ulimit -n')
    t.limits = {'RLIMIT_FSIZE': (65536, 65536)}
    refused_at_once(t, 'bytes in a file', 'ulimit -f')


@story
def a_soft_limit_that_is_too_small_is_raised_but_not_for_jobs(t):
    t.limits = {'RLIMIT_NOFILE': (24, 512)}
    t.start(workers=1)
    job = t.submit(['/bin/sh', '-c', 'ulimit -Sn'])
    equal(t.wait(job)['state'], 'succeeded')
    equal(t.output(job), b'24\n')


@story
def a_state_directory_that_is_not_ours_is_refused(t):
    if os.getuid() != 0:
        raise Skip('needs root')
    t.state.mkdir(mode=0o700)
    os.chown(t.state, 12345, 12345)
    refused_at_once(t, str(t.state), 'belongs to uid 12345',
                    'start reeved as that user, or name another folder')


@story
def a_state_directory_that_cannot_be_written_is_refused(t):
    umount = small_disk(t, t.state, '16m')
    try:
        libc = ctypes.CDLL(None)

        def remount(flags):
            # Not while a worker that leaves has a file open there.
            eventually(lambda: libc.mount(
                b'none', str(t.state).encode(), None, MS_REMOUNT | flags,
                None) == 0, 5, 'it can be mounted anew')
        remount(MS_RDONLY)
        refused_at_once(t, 'results', 'Read-only file system',
                        'name a folder that can be written')
        remount(0)
        t.log.unlink()
        t.start(workers=1)
        t.ready()
        equal(t.terminate(), 0)
        remount(MS_RDONLY)
        t.log.unlink()
        refused_at_once(t, str(t.state) + '/lock: cannot be locked',
                        'Read-only file system',
                        'name a folder that can be written')
        t.supervisor = None
    finally:
        umount()


@story
def a_database_that_is_none_is_refused_with_what_to_do(t):
    t.state.mkdir(mode=0o700)
    path = t.state / 'jobs.db'
    path.mkdir()
    refused_at_once(t, str(path), 'not a regular file',
                    'move it away, or give another --state-dir')
    path.rmdir()
    t.log.unlink()
    path.write_bytes(b'not a database at all\n' * 1000)
    refused_at_once(t, str(path), 'not a database of reeve',
                    'move it away, or give another --state-dir')
    t.log.unlink()
    path.write_bytes(b'')
    refused_at_once(t, str(path), 'is empty', 'put back a copy')


@story
def a_state_directory_behind_a_link_is_refused(t):
    real = t.folder / 'real'
    real.mkdir(mode=0o700)
    t.state.symlink_to(real)
    pid = t.spawn(t.command())
    assert t.exit_of(pid) != 0
    assert str(t.state) in t.log_text(), t.log_text()
    equal(list(real.iterdir()), [], 'files')


@story
def a_flag_that_does_not_exist_is_refused_with_a_hint(t):
    pid = t.spawn(t.command(flags=['--colour']))
    assert t.exit_of(pid) not in (0, 127)
    assert '--colour' in t.log_text() and '--help' in t.log_text(), (
        t.log_text())


if __name__ == '__main__':
    main()
