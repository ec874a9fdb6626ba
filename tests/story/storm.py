#!/usr/bin/python3
"""A storm of kill -9, and a checker of the history.

Clients submit, resend what was cut off and note what was acknowledged; jobs
note their own starts in a file; a killer ends brokers, workers and
supervisors at random. In the end every acknowledged job has one end, nothing
ran that nobody sent, and what is to run once started at most once.

The seed is printed; REEVE_TEST_SEED sets it.
"""
import os
import pathlib
import random
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'helper'))
from story import (ENDED, SLOW, SOAK, Client, Closed, equal,  # noqa: E402
                   eventually, main, story)
import proc  # noqa: E402

SECONDS = 300 if SOAK else 8


class Submitter(threading.Thread):
    """Sends jobs, each under a key of its own, again until it is answered."""

    def __init__(self, t, number, seed, stop):
        super().__init__(daemon=True)
        self.t, self.number, self.stop = t, number, stop
        self.dice = random.Random(seed)
        self.sent = {}  # key -> spec
        self.acknowledged = {}  # key -> id
        self.resent = 0
        self.error = None

    def spec(self, key):
        once = self.dice.random() < 0.3
        code = self.dice.choice([0, 0, 0, 3])
        script = ('echo "$0 $REEVE_ATTEMPT" >>"$1"; echo "out $0"; exit %d'
                  % code)
        if self.dice.random() < 0.05:
            script = '/bin/sleep 0.2; ' + script
        return {'argv': ['/bin/sh', '-c', script, key,
                         str(self.t.folder / 'starts')],
                'key': key, 'once': once,
                # Kills must not use up the lives of the others.
                'crash_limit': 1000}

    def run(self):
        try:
            self.work()
        except Exception as error:  # noqa: B902
            self.error = error

    def work(self):
        client, count = None, 0
        while not self.stop.is_set():
            specs = []
            for _ in range(self.dice.choice([1, 1, 2, 10])):
                key = 'c%d-%d' % (self.number, count)
                count += 1
                self.sent[key] = self.spec(key)
                specs.append(self.sent[key])
            while True:
                try:
                    if client is None:
                        client = Client(self.t.socket, timeout=20 * SLOW)
                    ids = client.call('SubmitMany', jobs=specs)['ids']
                    break
                except (OSError, Closed, TimeoutError):
                    # Unknown: it may have been taken. The same keys again.
                    if client is not None:
                        client.close()
                    client = None
                    self.resent += 1
                    time.sleep(0.01)
            assert len(ids) == len(specs) and all(ids), ids
            for spec, job in zip(specs, ids):
                self.acknowledged[spec['key']] = job
            time.sleep(self.dice.random() * 0.15)
        if client is not None:
            client.close()


def kill_at_random(t, dice, counts):
    what = dice.choices(['broker', 'worker', 'supervisor', 'worker and '
                         'broker', 'everything of reeve'],
                        [5, 4, 3, 2, 1])[0]
    counts[what] = counts.get(what, 0) + 1

    def end(pids):
        for pid in pids:
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                pass
    if 'worker' in what:
        workers = t.worker_pids()
        end(dice.sample(workers, min(len(workers), 1)))
    if 'broker' in what:
        end(t.role('broker'))
    if what == 'everything of reeve':
        end(t.role('worker'))
        end(t.role('broker'))
    if what in ('supervisor', 'everything of reeve'):
        end([t.supervisor])
        t.exit_of(t.supervisor)
        t.start(workers=3, ready=False)


@story(seconds=SECONDS * 3 + 120)
def a_storm_of_kills_loses_nothing(t):
    seed = int(os.environ.get('REEVE_TEST_SEED', '0')) or (
        random.SystemRandom().randrange(1 << 32))
    t.note('seed %d' % seed)
    print('# seed %d' % seed, flush=True)
    dice = random.Random(seed)
    t.start(workers=3)
    stop = threading.Event()
    clients = [Submitter(t, number, dice.random(), stop)
               for number in range(4)]
    for client in clients:
        client.start()
    counts = {}
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        time.sleep(dice.choice([0.01, 0.1, 0.3, 0.8]))
        kill_at_random(t, dice, counts)
        t.reap()
    t.ready(30)
    stop.set()
    for client in clients:
        client.join(60 * SLOW)
        assert client.error is None, client.error
        assert not client.is_alive(), 'a client hangs'
    check_history(t, clients, counts)


def all_jobs(t):
    found, cursor = {}, None
    while True:
        parameters = {'limit': 1000}
        if cursor:
            parameters['cursor'] = cursor
        reply = t.c.call('List', parameters)
        for job in reply['jobs']:
            assert job['id'] not in found, 'listed twice: %s' % job
            found[job['id']] = job
        cursor = reply.get('cursor')
        if not cursor:
            return found


def check_history(t, clients, counts):
    t.reconnect()

    def pending():
        return t.c.call('Count', filter={'states': [
            'held', 'blocked', 'scheduled', 'ready', 'running']})['total']
    try:
        eventually(lambda: pending() == 0, 60, 'every job has ended')
    except AssertionError:
        t.note('counts %s' % t.c.call('Count')['counts'])
        t.note('running %s' % t.c.call(
            'List', filter={'states': ['running']}, limit=5)['jobs'])
        for worker in t.c.call('admin.Workers')['workers']:
            t.note('worker %s %s' % (worker, proc.argv(worker['pid'])[:2]))
        raise
    sent = {key: spec for client in clients
            for key, spec in client.sent.items()}
    acknowledged = {key: job for client in clients
                    for key, job in client.acknowledged.items()}
    jobs = all_jobs(t)
    starts = {}
    for line in (t.folder / 'starts').read_text().splitlines():
        key, attempt = line.split()
        starts.setdefault(key, []).append(int(attempt))

    lost = [key for key, job in acknowledged.items() if job not in jobs]
    undecided = [job for job in jobs.values() if job['state'] not in ENDED]
    phantom = [key for key in starts if key not in sent]
    by_key = {}
    for job in jobs.values():
        by_key.setdefault(job['key'], []).append(job)
    twice_taken = [key for key, found in by_key.items() if len(found) > 1]
    equal((lost, undecided, phantom, twice_taken), ([], [], [], []),
          'lost, undecided, phantom, taken twice')

    wrong = []
    crashed = again = 0
    for key, (job,) in by_key.items():
        spec, began = sent[key], starts.get(key, [])
        crashed += job['crashes'] > 0
        want = int(spec['argv'][2].rsplit(' ', 1)[1])
        ran = job['state'] == ('failed' if want else 'succeeded') and (
            job.get('exit_code') == want)
        if spec['once']:
            if len(began) > 1:
                wrong.append((key, 'once, started', began))
            if not ran and job['cause'] not in ('worker_lost', 'host_lost'):
                wrong.append((key, 'once, ended', job))
        elif not ran:
            wrong.append((key, 'ended', job))
        if ran and not began:
            wrong.append((key, 'an end without a start', job))
        # A worker that died while no broker listened may have begun what
        # stood behind its first job; unless `once`, that goes back uncharged
        # (daemon/core/adopt.h).
        again += len(began) - len(set(began))
        if began and max(began) > job['attempt']:
            wrong.append((key, 'an attempt that is not recorded', began))
        if job['attempt'] > job['crashes'] + 1:
            wrong.append((key, 'an attempt that nobody lost', job))
    equal(wrong[:5], [], '%d of %d jobs' % (len(wrong), len(jobs)))
    for key, (job,) in list(by_key.items())[::50]:
        if job['state'] == 'succeeded':
            equal(t.output(job['id']), b'out %s\n' % key.encode())
    t.note('%d jobs, %d resent, %d with a lost attempt, %d begun again '
           'uncharged, kills: %s' % (
               len(jobs), sum(client.resent for client in clients), crashed,
               again, counts))
    assert again == 0 or counts.get('worker and broker') or counts.get(
        'everything of reeve') or counts.get('worker'), again
    assert len(jobs) > 50, len(jobs)


if __name__ == '__main__':
    main()
