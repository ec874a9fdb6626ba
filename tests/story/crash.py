#!/usr/bin/python3
"""kill -9 of whatever reeve consists of: what was acknowledged holds.

covers: daemon/broker/fleet daemon/broker/fleet_end daemon/broker/link
covers: daemon/broker/call_admin daemon/broker/outcome daemon/broker/stop
covers: daemon/broker/recover
covers: daemon/broker/worker_link daemon/supervisor/supervisor
covers: daemon/supervisor/pool daemon/worker/worker
"""
import os
import pathlib
import signal
import sqlite3
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'helper'))
from story import (SLOW, Client, Closed, equal, eventually, main,  # noqa: E402
                   story)
import proc  # noqa: E402


def logging_gate(t):
    """A gate whose job also writes a line to a file of its own: starts can
    be counted, and prints before and after."""
    gate = t.gate()
    gate.log = pathlib.Path(gate.path + '.log')
    gate.argv = ['/bin/sh', '-c', 'echo "$REEVE_ATTEMPT" >>"$0.log"; '
                 'echo before; ' + gate.SCRIPT.replace(
                     'exit', 'echo after; exit'), gate.path]
    return gate


def went_on(t, job, gate, code=0):
    """The job ran once, through whatever happened, and was recorded once."""
    ended = t.wait(job)
    equal(ended['state'], 'failed' if code else 'succeeded')
    equal(ended['exit_code'], code)
    equal(ended['attempt'], 1, 'attempt')
    equal(gate.log.read_text(), '1\n', 'starts')
    equal(t.output(job), b'before\nafter\n')
    return ended


@story
def running_jobs_go_on_when_the_broker_is_killed(t):
    t.start(workers=2)
    gates = [logging_gate(t), logging_gate(t)]
    jobs = [t.submit(gate.argv) for gate in gates]
    waiting = t.submit(['/bin/echo', 'later'])
    pids = [gate.started() for gate in gates]
    t.kill_broker()
    # One ends while nobody listens, the other under the new broker.
    gates[0].open(3)
    t.reconnect()
    assert proc.alive(pids[1])
    equal(t.get(jobs[1])['state'], 'running')
    gates[1].open()
    went_on(t, jobs[0], gates[0], 3)
    went_on(t, jobs[1], gates[1])
    equal(t.wait(waiting)['attempt'], 1)
    equal(t.output(waiting), b'later\n')


@story(seconds=90)
def the_broker_may_be_killed_again_and_again(t):
    t.start(workers=2)
    gate = logging_gate(t)
    job = t.submit(gate.argv)
    gate.started()
    others = []
    for _ in range(5):
        t.kill_broker()
        t.reconnect()
        others.append(t.submit(['/bin/true']))
    gate.open()
    went_on(t, job, gate)
    for other in others:
        equal(t.wait(other)['attempt'], 1)


@story
def a_connect_while_the_broker_is_replaced_is_not_refused(t):
    t.start()
    broker = t.broker()
    t.kill(broker)
    client = t.client()
    client.call('admin.Ping')
    equal(proc.alive(broker), False)


@story
def a_client_that_waits_sees_the_end_of_its_connection(t):
    t.start()
    gate = t.gate()
    job = t.submit(gate.argv)
    gate.started()
    client = t.client()
    client.send('Wait', {'ids': [job]})
    t.c.call('admin.Ping')
    t.kill_broker()
    assert client.closed()
    t.reconnect()
    client = t.client()
    client.send('Wait', {'ids': [job]})
    gate.open()
    equal(client.result()['jobs'][0]['state'], 'succeeded')


@story
def a_submission_sent_again_by_key_is_the_same_job(t):
    t.start(workers=1)
    log = t.folder / 'ran'
    spec = {'argv': ['/bin/sh', '-c', 'echo x >>%s' % log], 'key': 'again'}
    t.c.send('Submit', {'job': spec})
    t.kill_broker()
    t.reconnect()
    job = t.c.call('Submit', job=spec)['id']
    equal(t.wait(job)['state'], 'succeeded')
    equal(t.c.call('Count')['total'], 1)
    equal(log.read_text(), 'x\n')


@story
def running_jobs_go_on_when_the_supervisor_is_killed(t):
    t.start(workers=2)
    gates = [logging_gate(t), logging_gate(t)]
    jobs = [t.submit(gate.argv) for gate in gates]
    waiting = [t.submit(['/bin/true']) for _ in range(5)]
    pids = [gate.started() for gate in gates]
    t.kill_supervisor()
    gates[0].open()
    eventually(lambda: not proc.alive(pids[0]), 5)
    t.restart()
    t.reconnect()
    assert proc.alive(pids[1])
    gates[1].open(4)
    went_on(t, jobs[0], gates[0])
    went_on(t, jobs[1], gates[1], 4)
    for job in waiting:
        equal(t.wait(job)['attempt'], 1)


@story
def a_killed_worker_costs_its_one_job_one_attempt(t):
    t.start(workers=1)
    gate = logging_gate(t)
    job = t.submit(gate.argv)
    pid = gate.started()
    queued = [t.submit(['/bin/true']) for _ in range(5)]
    worker = t.worker_of(job)
    t.kill(worker)
    eventually(lambda: not proc.alive(pid), 1, 'its job is gone')
    gate.started()
    equal(t.get(job)['attempt'], 2)
    gate.open()
    ended = t.wait(job)
    equal((ended['state'], ended['attempt'], ended['crashes']),
          ('succeeded', 2, 1))
    equal(gate.log.read_text(), '1\n2\n')
    equal(t.output(job), b'before\nafter\n')
    for other in queued:
        ended = t.wait(other)
        equal((ended['attempt'], ended['crashes']), (1, 0))


@story
def a_worker_that_dies_is_noticed_within_100_ms(t):
    t.start(workers=2)
    gate = t.gate()

    def within_100_ms():
        # Somebody else may have the processors just now: not each time.
        job = t.submit(gate.argv, crash_limit=1)
        gate.started()
        worker = t.worker_of(job)
        began = time.monotonic()
        t.kill(worker)
        equal(t.wait(job)['cause'], 'worker_lost')
        return time.monotonic() - began < 0.1 * SLOW + 0.1
    eventually(within_100_ms)


@story
def a_job_that_is_to_run_once_is_never_run_again(t):
    t.start(workers=1)
    gate = logging_gate(t)
    job = t.submit(gate.argv, once=True)
    gate.started()
    t.kill(t.worker_of(job))
    ended = t.wait(job)
    equal((ended['state'], ended['cause']), ('failed', 'worker_lost'))
    equal(gate.log.read_text(), '1\n')


@story
def a_job_that_kills_its_worker_fails_at_the_crash_limit(t):
    t.start(workers=2)
    log = t.folder / 'log-of-job'
    job = t.submit(['/bin/sh', '-c', 'echo x >>%s; kill -9 $PPID; '
                    '/bin/sleep 600' % log])
    ended = t.wait(job)
    equal((ended['state'], ended['cause']), ('failed', 'worker_lost'))
    equal((ended['crashes'], ended['attempt']), (3, 3))
    equal(log.read_text(), 'x\n' * 3)
    equal(t.run(['/bin/true'])['state'], 'succeeded')


@story
def the_pool_is_whole_again_soon(t):
    t.start(workers=4).whole()
    t.run(['/bin/true'])
    old = set(t.worker_pids())
    equal(len(old), 4)
    for pid in old:
        t.kill(pid)
    eventually(lambda: len(set(t.worker_pids()) - old) == 4, 1.5,
               'four new workers')
    t.no_zombie_stays()
    equal(t.run(['/bin/true'])['state'], 'succeeded')


@story
def after_kill_9_of_everything_nothing_acknowledged_is_lost(t):
    t.start(workers=2)
    gate, once = logging_gate(t), logging_gate(t)
    running = t.submit(gate.argv)
    single = t.submit(once.argv, once=True)
    pids = [gate.started(), once.started()]
    held = t.c.call('SubmitMany', jobs=[
        {'argv': ['/bin/true'], 'hold': True}] * 1000)['ids']
    done = t.c.call('Submit', job={'argv': ['/bin/true'], 'key': 'k',
                                   'priority': 9})['id']
    t.kill_everything()
    eventually(lambda: not any(proc.alive(pid) for pid in pids), 5)
    t.restart()
    t.reconnect()
    equal(t.c.call('Count', filter={'states': ['held']})['total'], 1000)
    equal([job['id'] for job in t.c.call('Get', ids=held)['jobs']], held)
    gate.started()
    gate.open()
    ended = t.wait(running)
    equal((ended['state'], ended['attempt'], ended['crashes']),
          ('succeeded', 2, 1))
    ended = t.wait(single)
    equal((ended['state'], ended['cause']), ('failed', 'worker_lost'))
    equal(once.log.read_text(), '1\n')
    equal(t.wait(done)['state'], 'succeeded')
    again = t.c.call('Submit', job={'argv': ['/bin/true'], 'key': 'k'})
    equal((again['id'], again['existing']), (done, True))


@story
def sigterm_leaves_running_jobs_to_their_workers(t):
    t.start(workers=2)
    gates = [logging_gate(t), logging_gate(t)]
    jobs = [t.submit(gate.argv) for gate in gates]
    pids = [gate.started() for gate in gates]
    equal(t.terminate(), 0, 'exit code')
    assert all(proc.alive(pid) for pid in pids)
    gates[0].open(5)
    eventually(lambda: list((t.state / 'results').iterdir()), 5 * SLOW,
               'the result waits in its folder')
    t.restart()
    t.reconnect()
    gates[1].open()
    went_on(t, jobs[0], gates[0], 5)
    went_on(t, jobs[1], gates[1])
    eventually(lambda: not list((t.state / 'results').iterdir()), 5,
               'the folder is empty again')


@story
def everything_may_end_while_no_daemon_is_there(t):
    t.start(workers=3)
    gates = [logging_gate(t) for _ in range(3)]
    jobs = [t.submit(gate.argv) for gate in gates]
    for gate in gates:
        gate.started()
    t.terminate()
    for code, gate in enumerate(gates):
        gate.open(code)

    def all_left():
        t.reap()
        return not [pid for pid in proc.marked(str(t.folder))
                    if proc.alive(pid)]
    eventually(all_left, 5 * SLOW, 'the workers wrote and left')
    t.restart()
    t.reconnect()
    for code, (job, gate) in enumerate(zip(jobs, gates)):
        went_on(t, job, gate, code)


@story
def a_second_sigterm_is_harmless(t):
    t.start()
    pid = t.supervisor
    for _ in range(5):
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            break
    equal(t.exit_of(pid), 0)
    t.supervisor = None


@story
def draining_waits_for_the_running_and_keeps_the_waiting(t):
    t.start(workers=1)
    gate = logging_gate(t)
    job = t.submit(gate.argv)
    gate.started()
    waiting = t.submit(['/bin/true'])
    client = t.client()
    client.send('admin.Shutdown', {'mode': 'drain'})
    eventually(lambda: t.c.call('admin.Status')['state'] == 'draining', 5)
    pid = t.supervisor
    t.reap()
    assert pid not in t.statuses, 'it left too early'
    equal(t.get(job)['state'], 'running')
    equal(t.c.refused('Submit', job={'argv': ['/bin/true']}).name,
          'org.reeve.jobs.Draining')
    gate.open()
    equal(t.exit_of(pid), 0)
    t.supervisor = None
    t.restart()
    t.reconnect()
    went_on(t, job, gate)
    equal(t.wait(waiting)['attempt'], 1)


@story
def stopping_with_kill_ends_the_running_jobs(t):
    t.start(workers=2)
    gate = logging_gate(t)
    job = t.submit(['/bin/sh', '-c', 'trap "" TERM; (/usr/bin/setsid '
                    '/bin/sleep 600 &) ; echo $$ >"$0.up"; while :; do '
                    '/bin/sleep 600; done', gate.path], grace_ms=100)
    pid = gate.started()
    equal(t.shutdown(mode='kill'), 0)
    assert not proc.alive(pid)

    def gone():
        t.reap()
        return not [each for each in proc.marked(str(t.folder))
                    if proc.alive(each)]
    eventually(gone, 2, 'nothing is left')
    t.restart()
    t.reconnect()
    ended = t.wait(job)
    assert ended['state'] in ('cancelled', 'failed'), ended


@story
def a_second_daemon_is_refused_and_names_the_first(t):
    t.start()
    log = t.folder / 'second.log'
    second = t.spawn(t.command(), log=log)
    assert t.exit_of(second) != 0
    text = log.read_text()
    assert str(t.supervisor) in text, text
    equal(t.run(['/bin/true'])['state'], 'succeeded')


@story(seconds=90)
def of_two_daemons_started_at_once_one_serves(t):
    for _ in range(5):
        logs = [t.folder / 'one.log', t.folder / 'two.log']
        pids = [t.spawn(t.command(), log=log) for log in logs]
        t.supervisor = None

        def one_left():
            t.reap()
            return len([pid for pid in pids if pid in t.statuses]) == 1
        eventually(one_left, 10)
        (t.supervisor,) = [pid for pid in pids if pid not in t.statuses]
        t.reconnect()
        equal(t.run(['/bin/true'])['state'], 'succeeded')
        equal(t.terminate(), 0)


@story
def a_stale_socket_does_not_prevent_a_start(t):
    t.start()
    t.kill_everything()
    assert t.socket.exists()
    t.restart()
    equal(t.reconnect().call('admin.Ping', payload='p')['payload'], 'p')


def refused_untouched(t, path, words):
    before = path.read_bytes()
    t.workers = 1
    pid = t.spawn(t.command())
    code = t.exit_of(pid, 20)
    assert code != 0, 'it started'
    assert path.read_bytes() == before, 'the file was changed'
    text = t.log_text()
    assert 'jobs.db' in text, text
    assert any(word in text.lower() for word in words), text
    t.check_database = False


@story
def a_database_of_a_newer_version_is_refused_untouched(t):
    t.start()
    t.run(['/bin/true'])
    t.terminate()
    path = t.state / 'jobs.db'
    connection = sqlite3.connect(path)
    version = connection.execute('PRAGMA user_version').fetchone()[0]
    assert version > 0
    connection.execute('PRAGMA user_version = %d' % (version + 1))
    connection.commit()
    connection.execute('PRAGMA wal_checkpoint(TRUNCATE)')
    connection.close()
    refused_untouched(t, path, ['newer', 'schema'])


@story
def a_database_of_another_program_is_refused_untouched(t):
    t.state.mkdir(mode=0o700)
    path = t.state / 'jobs.db'
    connection = sqlite3.connect(path)
    connection.execute('CREATE TABLE somebody(elses)')
    connection.execute('PRAGMA application_id = 12345')
    connection.commit()
    connection.close()
    path.chmod(0o600)
    refused_untouched(t, path, ['not a database of reeve', 'foreign',
                                'another program', 'not reeve'])


@story
def a_file_that_is_no_database_is_refused_untouched(t):
    t.state.mkdir(mode=0o700)
    path = t.state / 'jobs.db'
    path.write_bytes(b'not a database at all\n' * 1000)
    path.chmod(0o600)
    refused_untouched(t, path, ['not a database', 'damaged', 'corrupt',
                                'foreign'])


def machine_went_down(t):
    """What the rows of workers look like after a power cut."""
    t.kill_everything()
    connection = sqlite3.connect(t.state / 'jobs.db')
    workers = connection.execute(
        "UPDATE worker SET boot_id = 'another boot'").rowcount
    assert workers > 0, workers
    connection.commit()
    pages = dict(connection.execute(
        'SELECT name, rootpage FROM sqlite_schema'))
    connection.execute('PRAGMA wal_checkpoint(TRUNCATE)')
    connection.close()
    return pages


@story
def after_a_power_cut_the_database_is_examined_while_it_serves(t):
    t.start()
    t.run(['/bin/true'])
    machine_went_down(t)
    t.restart()
    t.reconnect()
    t.run(['/bin/true'])
    eventually(lambda: 'examined and is whole' in t.log_text())
    assert not (t.state / 'unexamined').exists()
    t.terminate()
    before = t.log_text().count('examining')
    t.restart()
    equal(t.log_text().count('examining'), before)


@story
def damage_after_a_power_cut_ends_the_daemon_with_what_to_do(t):
    t.start()
    for _ in range(50):
        t.submit(['/bin/true'], hold=True)
    pages = machine_went_down(t)
    with open(t.state / 'jobs.db', 'r+b') as file:
        file.seek((pages['body'] - 1) * 4096)
        file.write(bytes(4096))
    pid = t.spawn(t.command())
    assert t.exit_of(pid, 20) != 0
    text = t.log_text()
    assert 'table body' in text and 'put back a copy' in text, text
    assert (t.state / 'unexamined').exists()
    t.check_database = False
    t.expect_alarms = True


@story(seconds=120)
def a_stuck_broker_is_replaced(t):
    t.start()
    gate = logging_gate(t)
    job = t.submit(gate.argv)
    gate.started()
    broker = t.broker()
    t.kill(broker, signal.SIGSTOP)
    eventually(lambda: not proc.alive(broker), 60, 'it was ended')
    t.reconnect()
    gate.open()
    went_on(t, job, gate)


@story
def a_daemon_without_a_terminal_or_input_starts_and_answers(t):
    t.start().whole()
    status = t.c.call('admin.Status')
    equal(status['pid'], t.supervisor)
    equal(status['broker_pid'], t.broker())
    equal(status['state'], 'running')
    equal(status['workers'], 2)
    assert status['cgroups'], status
    hello = t.c.call('admin.Hello', client='story')
    equal(hello['limits']['message_bytes'], 16 * 1024 * 1024)
    equal(hello['uid'], os.getuid())
    workers = t.c.call('admin.Workers')['workers']
    equal(sorted(worker['pid'] for worker in workers),
          sorted(t.worker_pids()))
    pools = t.c.call('admin.Pools')['pools']
    equal([(pool['name'], pool['state']) for pool in pools],
          [('exec', 'running'), ('http', 'running')])
    generation = hello['generation']
    t.kill_broker()
    t.reconnect()
    assert t.c.call('admin.Hello')['generation'] > generation


@story
def the_sockets_and_the_state_are_for_their_owner_only(t):
    t.start()
    t.run(['/bin/true'])
    for path in (t.state, t.runtime, t.state / 'results',
                 t.state / 'output'):
        equal(path.stat().st_mode & 0o777, 0o700, str(path))
    for path in (t.state / 'jobs.db', t.state / 'lock'):
        equal(path.stat().st_mode & 0o077, 0, str(path))
    try:
        Client(t.socket).close()
    except Closed:
        raise AssertionError('the owner may connect') from None


if __name__ == '__main__':
    main()
