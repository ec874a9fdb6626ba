#!/usr/bin/python3
"""Whoever waits when the broker dies goes on waiting, by id: no end is missed
and none is told twice.

covers: client/watch client/pool_wire client/cmd_wait client/cmd_run
covers: daemon/broker/waits daemon/broker/watch
"""
import collections
import os
import pathlib
import resource
import signal
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'helper'))
from story import (PATIENCE, SLOW, SOAK, CallError, Client, Closed, equal,  # noqa: E402
                   eventually, main, story)
import proc  # noqa: E402
import warm  # noqa: E402

LIMIT = 60 * PATIENCE


def calls_of(t):
    return pathlib.Path(t.reeved).parents[1] / 'tests/story/story-pool-calls'


def spawn(t, *command):
    return subprocess.Popen(
        [str(word) for word in command], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, 'REEVE_SOCKET': str(t.socket),
             'HOME': str(t.folder)})


def said(process, code=0):
    out, err = process.communicate(timeout=LIMIT)
    equal(process.returncode, code, err)
    return out


def calls(t, count, bad, step_ms=0, keep_ms=0, stop_at=0):
    marks = t.folder / 'marks'
    process = spawn(t, calls_of(t), t.socket, marks, count, bad, step_ms,
                    keep_ms, stop_at)
    return process, marks


class Waiter(threading.Thread):
    """Waits as PROTOCOL.md says: what was not told is asked for again."""

    def __init__(self, t, ids, **parameters):
        super().__init__(daemon=True)
        self.path, self.left = t.socket, set(ids)
        self.parameters = parameters
        self.told = collections.Counter()
        self.dials = 0
        self.start()

    def run(self):
        while self.left:
            try:
                with Client(self.path, timeout=LIMIT) as client:
                    self.dials += 1
                    for reply in client.stream('Wait', ids=sorted(self.left),
                                               **self.parameters):
                        for job in reply.get('ends') or reply['jobs']:
                            self.told[job['id']] += 1
                            self.left.discard(job['id'])
            except (Closed, OSError):
                pass

    def check(self, ids):
        self.join(LIMIT)
        equal(self.left, set())
        equal(self.told, collections.Counter(ids))


@story(seconds=120)
def every_waiter_resumes_by_id_under_load(t):
    warm.start(t, 'plugin', workers='2')
    marks = t.folder / 'waited'
    process, called = calls(t, 4000, 200)
    ids = warm.give_many(t, [warm.job_of('mark', {
        'path': str(marks), 'word': str(n), 'ms': 2}) for n in range(900)])
    command = t.submit(['/bin/sh', '-c', 'while ! test -e "$0"; do /bin/sleep '
                        '0.05; done; exit 7', str(t.folder / 'go')])
    waiters = [Waiter(t, ids[n::3], brief=n > 0) for n in range(3)]
    all_of = Waiter(t, ids)
    # Not as a range: jobs of the other process are among them.
    tools = [spawn(t, t.reeve, 'wait', *ids),
             spawn(t, t.reeve, 'run', '--sh', 'echo a; while ! test -e "%s"; '
                   'do /bin/sleep 0.05; done; echo b' % (t.folder / 'go'))]
    seven = spawn(t, t.reeve, 'wait', command)
    for share in (0.2, 0.5, 0.8):
        eventually(lambda share=share: sum(
            warm.marks(marks).values()) >= 900 * share, 60)
        t.kill_broker()
    t.reconnect()
    (t.folder / 'go').touch()
    for n, waiter in enumerate(waiters):
        waiter.check(ids[n::3])
        assert waiter.dials > 1, 'it was not cut'
    all_of.check(ids)
    said(tools[0])
    equal(said(tools[1]), 'a\nb\n')
    said(seven, 7)
    equal(said(process), 'put\n4000 200 0 ResultNotJSON\n')
    # None of them ran twice, either.
    equal(set(warm.marks(marks).values()), {1})
    equal(warm.marks(called), {str(n): 1 for n in range(4000)})


@story(seconds=120)
def ten_thousand_waits_are_each_told_once(t):
    """A thousand connections; as many as may be when there is time."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    # Of what the broker may have its user may take nine of sixteen.
    room = min(10000, hard // 16 * 9 - 20)
    count = room if SOAK else min(room, 1000)
    each = max(10000 // count, 1)
    warm.start(t, 'plugin', workers='2')
    ids = warm.give_many(t, [warm.job_of('echo', hold=True)] * (count * each))
    before = proc.memory_kib(t.broker())
    waits = {}
    for n in range(count):
        client = t.client()
        client.send('Wait', {'ids': ids[n::count], 'brief': True}, more=True)
        waits[client] = collections.Counter(ids[n::count])
    eventually(lambda: t.c.call('admin.Status')['connections'] > count)
    left = True
    while left:
        left = t.c.call('Release', filter={'states': ['held']}).get('left')
    for client, wanted in waits.items():
        told, more = collections.Counter(), True
        while more:
            reply = client.read(LIMIT)
            told.update(job['id'] for job in reply['parameters']['ends'])
            more = reply.get('continues')
        equal(told, wanted)
    cost = (proc.memory_kib(t.broker()) - before) / (count * (1 + each / 4))
    t.note('%d connections, %d waits each: %.1f KiB of the broker for each '
           'connection and four of its waits' % (count, each, cost))
    assert cost < 16 * SLOW, cost
    for client in waits:
        client.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@story
def a_job_that_nobody_keeps_is_one_error_and_no_more(t):
    """It ends while its client and the broker are away."""
    warm.start(t, 'plugin', workers='3')
    process, marks = calls(t, 3, 0, step_ms=2000, keep_ms=-1)
    eventually(lambda: len(warm.marks(marks)) == 3)
    equal(process.stdout.readline(), 'put\n')
    os.kill(process.pid, signal.SIGSTOP)
    jobs = [job['id'] for job in t.c.call('List', filter={
        'handler': 'mark'})['jobs']]
    equal(len(jobs), 3)
    t.kill_broker()
    t.reconnect()

    t.wait(min(jobs))
    # The others run still. What nobody keeps is looked for from time to
    # time, and when the configuration is another.
    warm.configure(t, 'pools:\n' + warm.line(t, 'plugin', workers='3') +
                   'store: {keep: {failed: 9d}}\n')
    t.c.call('admin.Reload')

    def gone():
        try:
            t.get(min(jobs))
        except CallError as error:
            return error.short == 'NoSuchJob'
        return False
    eventually(gone, 20, 'the first is forgotten')
    os.kill(process.pid, signal.SIGCONT)
    out = said(process).split()
    equal((int(out[0]) + int(out[1]), out[2]), (3, '0'))
    assert int(out[0]), out
    equal(out[3], 'NoSuchJob')


@story
def a_callback_may_give_up_all_the_others(t):
    warm.start(t, 'plugin', workers='2')
    process, _ = calls(t, 900, 0, stop_at=20)
    out = said(process).split()
    equal((out[0], int(out[1]) + int(out[2]) <= 901), ('put', True))
    equal(out[3], '0')
    assert int(out[1]) >= 20, out


@story
def a_handle_serves_both_sides_of_a_fork(t):
    t.start()
    lines = [line.split() for line in said(spawn(
        t, calls_of(t).with_name('story-fork-calls'), t.socket, 4, 50)
    ).splitlines()]
    equal(len(lines), 1 + 5 * 50)
    equal([line for line in lines if line[0] != line[2]], [])
    equal(len({line[1] for line in lines}), len(lines), 'a job for each')


if __name__ == '__main__':
    main()
