#!/usr/bin/python3
"""What reeve writes to is removed, replaced or damaged under its hands."""
import pathlib
import sqlite3
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'helper'))
from story import (SLOW, CallError, Closed, equal, eventually,  # noqa: E402
                   main, story)

GONE = 101


def refused_or_closed(t):
    """A submission now: never acknowledged."""
    try:
        reply = t.c.call('Submit', job={'argv': ['/bin/true'], 'hold': True})
    except CallError as error:
        equal(error.name, 'org.reeve.jobs.StorageFailed')
        assert error.parameters.get('message'), error.parameters
        return error.parameters['message']
    except (Closed, OSError):
        return None
    raise AssertionError('acknowledged: %r' % reply)


def ends(t, code, within=5):
    pid, t.supervisor = t.supervisor, None
    equal(t.exit_of(pid, within), code, t.log_tail())


def lines(t, *words):
    return [line for line in t.log_text().splitlines()
            if all(word in line for word in words)]


def files_away(t, name='away'):
    """The database and its log, moved as somebody would who tidies up."""
    away = t.folder / name
    away.mkdir()
    for path in t.state.glob('jobs.db*'):
        path.rename(away / path.name)
    return away


@story
def a_database_that_is_removed_takes_no_more_and_is_found_again(t):
    t.start(workers=1)
    gate = t.gate()
    running = t.submit(gate.argv)
    gate.started()
    held = t.c.call('Submit', job={'argv': ['/bin/true'], 'hold': True})['id']
    away = files_away(t)
    message = refused_or_closed(t)
    if message is not None:
        assert 'jobs.db' in message and 'removed' in message, message
    ends(t, GONE)
    equal(len(lines(t, 'was removed')), 1, t.log_tail())
    equal(list(t.state.glob('jobs.db*')), [], 'an empty one was made')
    gate.open(3)
    for path in away.iterdir():
        path.rename(t.state / path.name)
    t.restart(workers=1)
    t.reconnect()
    equal(t.wait(running)['exit_code'], 3)
    equal(t.get(held)['state'], 'held')
    equal(t.c.call('Count')['total'], 2)


@story
def a_quiet_daemon_notices_that_its_database_was_replaced(t):
    t.start(workers=1)
    t.run(['/bin/true'])
    other = t.state / 'other'
    other.write_bytes((t.state / 'jobs.db').read_bytes())
    other.rename(t.state / 'jobs.db')
    ends(t, GONE)
    assert lines(t, 'jobs.db', 'was replaced'), t.log_tail()
    t.check_database = False


@story
def a_state_directory_that_is_moved_away_ends_the_daemon(t):
    t.start(workers=1)
    held = t.c.call('Submit', job={'argv': ['/bin/true'], 'hold': True})['id']
    away = t.folder / 'away'
    t.state.rename(away)
    refused_or_closed(t)
    ends(t, GONE)
    assert not t.state.exists()
    away.rename(t.state)
    t.restart(workers=1)
    t.reconnect()
    equal(t.get(held)['state'], 'held')


@story
def a_lock_that_is_removed_ends_the_daemon(t):
    t.start(workers=1)
    (t.state / 'lock').unlink()
    ends(t, GONE)
    equal(len(lines(t, '/lock was removed')), 1, t.log_tail())
    t.restart(workers=1)
    t.reconnect()
    equal(t.run(['/bin/true'])['state'], 'succeeded')


@story
def an_output_folder_that_is_removed_costs_no_job(t):
    t.start(workers=1)
    output = t.state / 'output'
    output.rmdir()
    job = t.shell('/usr/bin/head -c 300000 /dev/zero; exit 4')
    equal((job['exit_code'], job['attempt']), (4, 1))
    equal(len(t.output(job['id'])), 300000)
    equal(len(lines(t, 'was removed, made anew')), 1, t.log_tail())
    # A quiet daemon makes it as well.
    for path in output.iterdir():
        path.unlink()
    output.rmdir()
    eventually(output.exists, 3 * SLOW)
    t.c.call('admin.Ping')


def damage(path, first=4096):
    """Every page but the first is rubbish."""
    size = path.stat().st_size
    with open(path, 'r+b') as file:
        file.seek(first)
        file.write(b'\xa5' * (size - first))


def with_jobs(t, count=300):
    """A database in which everything is in the file, not in the log."""
    t.start(workers=1)
    t.c.call('SubmitMany', jobs=[{'argv': ['/bin/true'], 'hold': True}]
             * count)
    t.c.close()
    t.shared = None
    equal(t.terminate(), 0)
    t.restart()
    t.reconnect()


@story
def a_database_that_is_damaged_while_it_serves_ends_the_daemon(t):
    with_jobs(t)
    damage(t.state / 'jobs.db')
    t.check_database = False
    refused_or_closed(t)
    ends(t, 100)
    assert lines(t, 'error', 'jobs.db', 'damaged'), t.log_tail()


@story
def damage_that_a_query_finds_ends_the_daemon_too(t):
    with_jobs(t)
    damage(t.state / 'jobs.db')
    t.check_database = False
    try:
        t.c.call('List')
    except CallError as error:
        equal(error.name, 'org.reeve.jobs.StorageFailed')
    except (Closed, OSError):
        pass
    ends(t, 100)
    assert lines(t, 'error', 'damaged'), t.log_tail()


@story
def a_store_that_cannot_be_opened_for_now_is_named_to_clients(t):
    t.start(workers=1)
    gate = t.gate()
    running = t.submit(gate.argv)
    gate.started()
    shared = t.state / 'jobs.db-shm'
    shared.unlink()
    shared.mkdir()
    t.kill_broker()
    t.c.close()
    t.shared = None

    def named():
        try:
            with t.client(timeout=5 * SLOW) as client:
                client.call('Submit', job={'argv': ['/bin/true']})
        except CallError as error:
            return error
        except (Closed, OSError):
            return None
    error = eventually(named, 3, 'a named error')
    equal(error.name, 'org.reeve.jobs.StorageFailed')
    assert 'jobs.db' in error.parameters['message'], error.parameters
    with t.client() as client:
        storage = client.call('admin.Status')['storage']
    assert not storage['writable'] and storage['message'], storage
    # It is said once, not with every try.
    equal(len(lines(t, 'cannot open the store')), 1, t.log_tail())
    shared.rmdir()

    def serves():
        try:
            with t.client(timeout=5 * SLOW) as client:
                return client.call('Count')['total'] == 1
        except (CallError, Closed, OSError):
            return None
    eventually(serves, 8, 'it serves again')
    gate.open(5)
    ended = t.wait(running)
    equal((ended['exit_code'], ended['attempt']), (5, 1))


@story
def a_database_that_another_program_locks_is_waited_for(t):
    t.start(workers=1)
    broker = t.broker()
    other = sqlite3.connect(t.state / 'jobs.db', isolation_level=None)
    other.execute('BEGIN IMMEDIATE')
    client = t.client()
    client.send('Submit', {'job': {'argv': ['/bin/true']}})
    # Longer than one try of the store waits.
    eventually(lambda: lines(t, 'keeps it locked'), 20)
    time.sleep(1)
    equal(len(lines(t, 'keeps it locked')), 1, t.log_tail())
    other.execute('ROLLBACK')
    other.close()
    job = client.result()['id']
    equal(t.wait(job)['state'], 'succeeded')
    equal(t.broker(), broker, 'no restart was needed')


if __name__ == '__main__':
    main()
