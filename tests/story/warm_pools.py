#!/usr/bin/python3
"""Pools of warm workers while their daemon is killed piece by piece, changed,
made anew and resized: nothing is lost, and nothing is run twice.

covers: daemon/broker/recover daemon/broker/staff daemon/broker/pools
covers: daemon/supervisor/nursery daemon/supervisor/preload
"""
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'helper'))
from story import PATIENCE, Closed, equal, eventually, main, story  # noqa: E402
from warm import (ADMIN, all_at_once, all_ended,  # noqa: E402
                  give_many, job_of, line, marks, of_both, pids, pool,
                  reload, serving, start, start_with, templates)
import proc  # noqa: E402


def noted(t, words, **fields):
    """Jobs that each note their start under a word of their own."""
    return [job_of('mark', {'path': str(t.folder / 'marks'), 'word': word,
                            **fields}) for word in words]


def ran_once(t, words):
    began = marks(t.folder / 'marks')
    equal({word: began.get(word, 0) for word in words},
          {word: 1 for word in words})


@of_both
def a_killed_broker_takes_no_running_handler_with_it(t, kind):
    start(t, kind, workers='2')
    before = serving(t, 2)
    jobs = give_many(t, noted(t, ['a', 'b'], ms=1500) +
                     noted(t, ['once-a', 'once-b'], ms=300), once=True)
    jobs += give_many(t, noted(t, map(str, range(20))))
    t.reaches(jobs[0], 'running')
    t.kill_broker()
    t.reconnect()
    all_at_once(t, jobs)
    ran_once(t, ['a', 'b', 'once-a', 'once-b', *map(str, range(20))])
    equal(serving(t, 2), before)


@of_both
def a_broker_killed_over_a_thousand_jobs_loses_and_repeats_none(t, kind):
    """Again and again, with results under way that nobody has settled."""
    start(t, kind, workers='2')
    before = serving(t, 2)
    words = ['w%d' % i for i in range(1000)]
    jobs = give_many(t, noted(t, words[:500], ms=2))
    jobs += give_many(t, noted(t, words[500:]), once=True)
    path = t.folder / 'marks'
    for part in (50, 200, 400, 600, 900):
        eventually(lambda: len(marks(path)) >= part, 30)
        t.kill_broker()
        t.reconnect()
    all_at_once(t, jobs)
    ran_once(t, words)
    equal(serving(t, 2), before)


@of_both
def a_result_that_a_stuck_broker_never_read_is_not_lost(t, kind):
    start(t, kind)
    (pid,) = serving(t, 1)
    job = give_many(t, noted(t, ['a'], ms=1000))[0]
    begun = t.reaches(job, 'running')['started_ms']
    broker = t.broker()
    t.kill(broker, signal.SIGSTOP)
    eventually(lambda: proc.state(broker) == 'T')
    eventually(lambda: time.time() * 1000 > begun + 1500, 10,
               'the handler came back')
    t.kill(broker)
    t.reconnect()
    all_at_once(t, [job])
    equal(t.get(job)['result'], pid)
    ran_once(t, ['a'])


@of_both
def less_than_sync_may_run_again_but_is_told_once(t, kind):
    start(t, kind, workers='2')
    serving(t, 2)
    path = t.folder / 'marks'
    told = []
    for turn in range(4):
        client = t.client()
        sent = ['%d-%d' % (turn, i) for i in range(50)]
        try:
            for at, job in enumerate(noted(t, sent, ms=2)):
                job['durability'] = ('memory', 'result')[at % 2]
                told.append((sent[at], client.call('Submit', job=job)['id'],
                             job['durability']))
                if at == 30:
                    t.kill_broker()
        except (Closed, OSError):
            pass
        t.reconnect()
    numbers = [job for _, job, _ in told]
    equal(len(numbers), len(set(numbers)), 'no number is given twice')

    def quiet():
        counts = t.c.call('Count')['counts']
        return not counts.get('ready') and not counts.get('running')
    eventually(quiet, 30, 'nothing is under way')
    listed = t.c.call('List', limit=1000)['jobs']
    assert {job['id'] for job in listed} <= set(range(1, max(numbers) + 5000))
    for job in listed:
        equal((job['state'], job['crashes']), ('succeeded', 0), job)
    assert all(times <= 2 for times in marks(path).values()), marks(path)


@of_both
def a_killed_supervisor_leaves_running_handlers_their_end(t, kind):
    start(t, kind, workers='2')
    serving(t, 2)
    jobs = give_many(t, noted(t, ['a', 'b'], ms=1500))
    jobs += give_many(t, noted(t, map(str, range(20))))
    for job in jobs[:2]:
        t.reaches(job, 'running')
    t.kill_supervisor()
    t.restart()
    t.reconnect()
    all_at_once(t, jobs)
    ran_once(t, ['a', 'b', *map(str, range(20))])
    serving(t, 2)


@of_both
def after_kill_9_of_everything_what_had_begun_is_all_that_is_charged(t, kind):
    start(t, kind, workers='2')
    serving(t, 2)
    words = ['w%d' % i for i in range(300)]
    jobs = give_many(t, noted(t, words[:100], ms=10))
    jobs += give_many(t, noted(t, words[100:], ms=5), once=True)
    path = t.folder / 'marks'
    for part in (20, 150):
        eventually(lambda: len(marks(path)) >= part, 30)
        t.kill_everything()
        t.restart()
        t.reconnect()
    ended = all_ended(t, jobs)
    began = marks(path)
    # Two workers, killed twice; what followed in them may have begun, too, but
    # its results died with the broker.
    charged = [job for job in ended[:100] if job['crashes']]
    assert len(charged) <= 4, charged
    for word, job in zip(words[:100], ended):
        equal(job['state'], 'succeeded', word)
        equal(job['attempt'], 1 + job['crashes'], word)
    lost = 0
    for word, job in zip(words[100:], ended[100:]):
        if job['state'] != 'succeeded':
            equal((job['state'], job['cause']), ('failed', 'worker_lost'))
            lost += 1
        assert began.get(word, 0) <= 1, word
        equal(job['attempt'], 1, word)
    assert lost < 50, lost


@of_both
def a_killed_template_is_replaced_and_its_workers_live_on(t, kind):
    start(t, kind, workers='2')
    before = serving(t, 2)
    (old,) = templates(t)
    t.kill(old)
    jobs = give_many(t, [job_of('who')] * 50)
    all_at_once(t, jobs)
    assert {t.get(job)['result'] for job in jobs} <= before
    (new,) = eventually(lambda: [pid for pid in templates(t) if pid != old],
                        15, 'there is another template')
    equal(pids(t), before)
    victim = min(before)
    t.kill(victim)
    after = eventually(lambda: pids(t) - before, 20, 'one is replaced')
    serving(t, 2)
    for pid in after:
        assert proc.parent(pid) == t.supervisor
    # The program loaded again; the workers that lived did not.
    equal(len((t.folder / 'preloads').read_text().split()), 2)
    equal(len((t.folder / 'inits').read_text().split()), 3)
    equal(templates(t), [new])
    t.no_zombie_stays()


class Load:
    """Gives jobs all the time, a hundred ahead, until it is enough."""

    def __init__(self, t):
        self.t, self.jobs, self.count = t, [], 0

    def more(self, count=20):
        words = ['l%d' % (self.count + i) for i in range(count)]
        self.count += count
        self.jobs += give_many(self.t, noted(self.t, words, ms=1))
        if len(self.jobs) > 100:
            self.t.wait(self.jobs[-100], within=30)

    def until(self, fact, within, what):
        deadline = time.monotonic() + within * PATIENCE
        self.more()
        while not fact():
            assert time.monotonic() < deadline, 'not in time: ' + what
            self.more()

    def ends_well(self):
        all_at_once(self.t, self.jobs)
        ran_once(self.t, ['l%d' % i for i in range(self.count)])


@of_both
def a_reload_that_changes_a_pool_recycles_it_under_load(t, kind):
    start(t, kind, workers='2')
    before = serving(t, 2)
    load, fewest = Load(t), 2
    (old,) = templates(t)
    reload(t, line(t, kind, workers='2', ready='9s', retire='{jobs: 100000}'))

    def renewed():
        nonlocal fewest
        told = pool(t)
        fewest = min(fewest, told['workers'])
        return not pids(t) & before and told['workers'] == 2
    load.until(renewed, 30, 'the workers are new')
    equal(fewest, 2)
    load.ends_well()
    eventually(lambda: old not in templates(t), 10, 'the old template left')


@of_both
def a_recycle_under_load_costs_nobody_a_try(t, kind):
    start(t, kind, workers='3')
    load = Load(t)
    for _ in range(3):
        before = serving(t, 3)
        equal(t.c.call(ADMIN + 'Recycle', pool='warm')['count'], 3)
        load.until(lambda: not pids(t) & before and
                   pool(t)['workers'] == 3, 30, 'the workers are new')
    load.ends_well()


@of_both
def a_pool_is_resized_up_and_down_under_load(t, kind):
    start(t, kind, workers='1')
    load = Load(t)
    for size in (4, 1, 3, 2, 0, 1):
        t.c.call(ADMIN + 'Resize', pool='warm', min=size, max=max(size, 1))
        if size:
            load.until(lambda: pool(t)['workers'] == size and
                       len(pids(t)) == size, 30, '%d workers' % size)
    load.ends_well()


@of_both
def a_pool_that_is_removed_and_comes_back_serves_all_that_waited(t, kind):
    start(t, kind, workers='2')
    before = serving(t, 2)
    words = ['w%d' % i for i in range(200)]
    jobs = give_many(t, noted(t, words, ms=10))
    eventually(lambda: len(marks(t.folder / 'marks')) > 10)
    reload(t, '')
    eventually(lambda: not pids(t), 30, 'its workers left')
    eventually(lambda: not templates(t), 10, 'its template left')
    for pid in before:
        assert not proc.alive(pid)
    left = [job for job in jobs if t.get(job)['state'] == 'ready']
    assert left, 'all had run'
    told = t.c.call('Explain', id=left[-1])['reasons']
    equal(told[0]['rule'], 'no_pool')
    equal(t.run(['/bin/true'])['state'], 'succeeded')
    t.kill_broker()  # what waits for a pool waits for it over a restart, too
    t.reconnect()
    equal(t.get(left[-1])['state'], 'ready')
    reload(t, line(t, kind, workers='2'))
    all_at_once(t, jobs)
    ran_once(t, words)


@of_both
def workers_that_leave_behind_few_jobs_hold_up_nobody(t, kind):
    start(t, kind, workers='2', retire='{jobs: 20, jitter: 0%}')
    load, seen = Load(t), set()

    def many():
        seen.update(pids(t))
        return len(seen) >= 6
    load.until(many, 60, 'six workers had a turn')
    load.ends_well()
    eventually(lambda: pool(t)['workers'] == 2, 10)


@of_both
def cancelling_all_ends_what_waits_and_what_runs(t, kind):
    start(t, kind, workers='2')
    serving(t, 2)
    # One that listens, one that does not.
    jobs = give_many(t, [job_of('nap', {'ms': 60000}),
                         job_of('deaf', {'ms': 60000})])
    for job in jobs:
        t.reaches(job, 'running')
    # As many as are cancelled at once: none begins in between.
    jobs += give_many(t, noted(t, map(str, range(900))))
    while t.c.call('Cancel', filter={'all': True}, grace_ms=200).get('left'):
        pass
    for job in all_ended(t, jobs):
        equal((job['state'], job['cause'], job['crashes']),
              ('cancelled', 'cancelled', 0), job)
    equal(marks(t.folder / 'marks'), {})
    serving(t, 2)
    all_at_once(t, give_many(t, [job_of('who')] * 10))


@of_both
def workers_that_die_under_load_cost_no_more_than_their_jobs(t, kind):
    start(t, kind, workers='2')
    serving(t, 2)
    load, killed = Load(t), 0
    for _ in range(5):
        load.more()
        victim = min(serving(t, 2))
        t.kill(victim)
        killed += 1
        load.until(lambda: victim not in pids(t), 20, 'it died')
    crashes = 0
    for job in all_ended(t, load.jobs):
        equal((job['state'], job['attempt']),
              ('succeeded', 1 + job['crashes']), job)
        crashes += job['crashes']
    assert crashes <= killed, crashes
    # One that is killed is first again, and may be there for the next kill.
    runs = marks(t.folder / 'marks').values()
    assert sum(runs) - len(runs) <= crashes, (sorted(runs)[-5:], crashes)


@story
def a_stopped_worker_is_found_behind_its_job_and_a_busy_one_is_left_alone(t):
    start_with(t, line(t, 'plugin', workers='2', ping='1s'))
    serving(t, 2)
    busy, stuck = give_many(t, [job_of('deaf', {'ms': 8000})] * 2)
    t.reaches(stuck, 'running')
    t.kill(t.worker_of(stuck), signal.SIGSTOP)
    behind = give_many(t, [job_of('who')] * 10)
    eventually(lambda: t.get(stuck)['attempt'] == 2, 15, 'it is tried again')
    all_at_once(t, [busy, *behind])
    job = t.wait(stuck)
    equal((job['state'], job['attempt'], job['crashes']),
          ('succeeded', 2, 1))


@story
def sigterm_under_load_loses_nothing_and_repeats_nothing(t):
    start_with(t, line(t, 'plugin', workers='2'))
    serving(t, 2)
    words = ['w%d' % i for i in range(1000)]
    jobs = give_many(t, noted(t, words, ms=2))
    for part in (100, 400, 700):
        eventually(lambda: len(marks(t.folder / 'marks')) >= part, 30)
        equal(t.terminate(), 0)
        t.restart()
        t.reconnect()
    all_at_once(t, jobs)
    ran_once(t, words)


@of_both
def the_last_process_leaves_with_the_daemon_and_no_cgroup_stays(t, kind):
    start(t, kind, workers='3')
    serving(t, 3)
    all_at_once(t, give_many(t, [job_of('who')] * 100))
    root = [pathlib.Path(path) / 'job' for path in t.cgroups()]
    if root:
        equal(len([one for one in root[0].iterdir() if one.is_dir()]), 4)
    equal(t.terminate(), 0)

    def gone():
        t.reap()
        return not [pid for pid in proc.marked(str(t.folder))
                    if proc.alive(pid)]
    eventually(gone, 5, 'nobody is left')
    # Who is dead to everybody may still be leaving its cgroup.
    eventually(lambda: not t.in_cgroups(), 5)
    t.restart()
    t.reconnect()
    serving(t, 3)
    if root:  # what was left there is gone by now
        eventually(lambda: len([one for one in root[0].iterdir()
                                if one.is_dir()]) == 4, 5, 'four folders')


if __name__ == '__main__':
    main()
