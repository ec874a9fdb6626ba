#!/usr/bin/python3
"""reeve work with a real daemon: what a consumer is killed with, what it
loses, and what runs twice.

covers: client/cmd_work client/work client/child client/guard
covers: client/consume client/settle client/reeve_consume
"""
import contextlib
import json
import pathlib
import signal
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / 'tests' / 'helper'), str(TOP / 'client' / 'python')]
from story import CallError, Closed, equal, eventually, main, story  # noqa: E402
import proc  # noqa: E402
import reeve  # noqa: E402


class Work:
    """One `reeve work far ...`, which is ended with the story's block."""

    def __init__(self, t, *words):
        self.process = subprocess.Popen(
            [t.reeve, 'work', '--socket', str(t.socket), '--json', 'far',
             *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.finish()

    def signal(self, number):
        self.process.send_signal(number)

    def says(self, text):
        while True:
            line = self.process.stderr.readline().decode()
            assert line, 'it ended without: ' + text
            if text in line:
                return

    def finish(self):
        """Its exit code, and a row for each job."""
        if not self.process.stdout.closed:
            self.out, self.err = self.process.communicate(timeout=60)
        return self.process.returncode, [
            json.loads(line) for line in self.out.decode().splitlines()]


def submit(t, **spec):
    """As soon as the daemon has heard of a consumer."""
    def taken():
        try:
            return t.c.call('Submit', job={'handler': 'far', **spec})['id']
        except CallError as error:
            if not error.name.endswith('NoSuchHandler'):
                raise
            return None
    return eventually(taken, what='the handler is known')


def gone(pid):
    eventually(lambda: not proc.alive(pid), what='process %d ends' % pid)


@story
def a_call_is_answered_by_a_command(t):
    t.start()
    with Work(t, '--max-jobs', '2', '--', 'sh', '-c',
              'read args; case $args in *fail*) echo sorry >&2; exit 4;; '
              'esac; echo "{\\"got\\":$args}"') as work:
        job = t.wait(submit(t, args={'n': 2}))
        equal((job['state'], job['result']),
              ('succeeded', {'got': {'n': 2}}))
        job = t.wait(submit(t, args={'do': 'fail'}))
        equal((job['state'], job['cause']), ('failed', 'handler'))
        equal(job['failure']['message'], 'exit code 4: sorry')
        code, rows = work.finish()
        equal((code, [row['end'] for row in rows]),
              (0, ['succeeded', 'failed']))


@story
def what_a_killed_one_had_comes_back_after_its_lease(t):
    t.start()
    gate = t.gate()
    with Work(t, '--lease', '3s', '--', *gate.argv) as work:
        job = submit(t)
        pid = gate.started()
        work.signal(signal.SIGKILL)
        gone(pid)
        equal(t.job_state(job), 'running')
    with Work(t, '--max-jobs', '1', '--', *gate.argv):
        gate.started(15)
        gate.open()
        ended = t.wait(job)
        equal((ended['state'], ended['attempt'], ended['crashes']),
              ('succeeded', 2, 1))


@story
def a_store_that_takes_nothing_for_now_costs_nothing(t):
    t.start()
    gate = t.gate()
    with Work(t, '--', *gate.argv) as work:
        job = submit(t)
        pid = gate.started()
        shared = t.state / 'jobs.db-shm'
        shared.unlink()
        shared.mkdir()
        t.kill_broker()

        def is_back():
            with contextlib.suppress(OSError, Closed, CallError), \
                    t.client() as client:
                return client.call('Count')
        eventually(lambda: 'cannot open the store' in t.log_text(),
                   what='the store takes nothing')
        gate.open()
        gone(pid)
        shared.rmdir()
        eventually(is_back, what='the store is back')
        t.reconnect()
        assert work.process.poll() is None
        ended = t.wait(job)
        equal((ended['state'], ended['attempt'], ended['crashes']),
              ('succeeded', 1, 0))


@story
def a_killed_broker_costs_nothing(t):
    t.start()
    gates = [t.gate(), t.gate()]
    path = t.folder / 'command'
    # The gate whose number is all that it is given.
    path.write_text('read args\nn=$(echo "$args" | tr -dc 0-9)\n'
                    'exec /bin/sh -c \'%s\' "%s$n"\n'
                    % (gates[0].SCRIPT, gates[0].path[:-1]))
    with Work(t, '-j2', '--', 'sh', str(path)) as work:
        jobs = [submit(t, args={'gate': n}) for n in range(2)]
        for gate in gates:
            gate.started()
        t.kill_broker()
        # One ends while there is no daemon, or just about.
        gates[0].open()
        t.reconnect()
        equal(t.wait(jobs[0])['state'], 'succeeded')
        equal(t.job_state(jobs[1]), 'running')
        gates[1].open(3)
        ended = t.wait(jobs[1])
        equal((ended['state'], ended['failure']['message']),
              ('failed', 'exit code 3'))
        equal([(t.get(job)['attempt'], t.get(job)['crashes'])
               for job in jobs], [(1, 0)] * 2)
        equal([gate.starts() for gate in gates], [0, 0])
        # And it goes on.
        later = submit(t, args={'gate': 0})
        gates[0].started()
        gates[0].open()
        equal(t.wait(later)['state'], 'succeeded')
        work.signal(signal.SIGTERM)
        equal(work.finish()[0], 0)


@story
def one_that_waits_finds_the_next_broker(t):
    t.start()
    with Work(t, '--max-jobs', '2', '--', 'echo', 'here') as work:
        equal(t.wait(submit(t))['result'], 'here')
        t.kill_broker()
        t.reconnect()
        equal(t.wait(submit(t))['result'], 'here')
        equal(work.finish()[0], 0)


@story
def a_restarted_daemon_hears_of_the_end(t):
    t.start()
    gate = t.gate()
    with Work(t, '--max-jobs', '1', '--', *gate.argv) as work:
        job = submit(t)
        gate.started()
        t.shutdown()
        gate.open()
        t.restart()
        t.reconnect()
        ended = t.wait(job)
        equal((ended['state'], ended['attempt']), ('succeeded', 1))
        equal((work.finish()[0], gate.starts()), (0, 0))


@story
def a_cancelled_job_ends_with_its_command(t):
    t.start()
    gate = t.gate()
    with Work(t, '--once', '--', *gate.argv) as work:
        job = submit(t)
        pid = gate.started()
        t.c.call('Cancel', filter={'ids': [job]})
        equal(t.wait(job)['state'], 'cancelled')
        gone(pid)
        code, rows = work.finish()
        equal((code, [row['end'] for row in rows]), (121, ['cancelled']))


@story
def a_job_that_takes_too_long_is_ended(t):
    t.start()
    gate = t.gate()
    with Work(t, '--once', '--', *gate.argv) as work:
        job = submit(t, timeout_ms=3000)
        pid = gate.started()
        ended = t.wait(job)
        equal((ended['state'], ended['cause']), ('failed', 'timeout'))
        gone(pid)
        equal([row['end'] for row in work.finish()[1]], ['lost'])


@story
def ctrl_c_finishes_and_twice_puts_back(t):
    t.start()
    gate = t.gate()
    with Work(t, '--', *gate.argv) as work:
        job = submit(t)
        gate.started()
        work.signal(signal.SIGINT)
        work.says('finishing 1')
        later = submit(t)
        gate.open()
        equal(t.wait(job)['state'], 'succeeded')
        equal(work.finish()[0], 0)
        equal(t.job_state(later), 'ready')
    with Work(t, '--', *gate.argv) as work:
        pid = gate.started()
        work.signal(signal.SIGINT)
        work.says('finishing 1')
        work.signal(signal.SIGINT)
        code, rows = work.finish()
        equal((code, [row['end'] for row in rows]), (130, ['put_back']))
        gone(pid)
        found = t.get(later)
        equal((found['state'], found['crashes']), ('ready', 0))
    with Work(t, '--once', '--', 'true') as work:
        equal(work.finish()[0], 0)
    ended = t.wait(later)
    equal((ended['state'], ended['crashes']), ('succeeded', 0))


@story
def many_jobs_are_run_once_each_by_several(t):
    t.start()
    path = t.folder / 'ran'
    script = 'read x; echo "$REEVE_JOB" >>%s; echo "$x"' % path
    with contextlib.ExitStack() as stack:
        works = [stack.enter_context(Work(t, '-j3', '--', 'sh', '-c', script))
                 for _ in range(3)]
        jobs = [submit(t, args={'n': 0})]
        jobs += t.c.call('SubmitMany', jobs=[
            {'handler': 'far', 'args': {'n': n}} for n in range(1, 200)])[
                'ids']
        t.c.call('Wait', ids=jobs, wait_ms=60000, timeout=90)
        for work in works:
            work.signal(signal.SIGTERM)
        rows = [row for work in works for row in work.finish()[1]]
    equal(sorted(map(int, path.read_text().split())), jobs)
    equal(sorted((row['id'], row['result']['n']) for row in rows),
          list(zip(jobs, range(200))))


@story
def a_consumer_in_python_holds_on_through_a_new_broker(t):
    t.start()
    client = reeve.Client(str(t.socket))
    with reeve.Consumer('far', client=client, lease=20) as consumer:
        equal(consumer.reserve(wait=0), [])
        numbers = [submit(t, args={'args': [n]}) for n in range(3)]
        jobs = consumer.reserve(10, wait=5)
        while len(jobs) < 3:
            jobs += consumer.reserve(10, wait=5)
        equal(sorted(job.id for job in jobs), numbers)
        t.kill_broker()
        t.reconnect()
        equal(consumer.extend(), jobs)
        for job in jobs[:2]:
            equal(consumer.ack(job, job.apply(lambda n: n * n)), True)
        equal(consumer.progress(jobs[2], 0.5, 'half'), True)
        equal(t.get(jobs[2].id)['note'], 'half')
    # The last was put back.
    equal([t.job_state(job.id) for job in jobs],
          ['succeeded', 'succeeded', 'ready'])


if __name__ == '__main__':
    main()
