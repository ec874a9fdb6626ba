#!/usr/bin/python3
"""What warm workers do with handlers that misbehave, and with kill -9 at every
point of a job: what multiprocessing.Pool loses, hangs for, or breaks by.

covers: daemon/worker/run_plugin daemon/worker/desk daemon/broker/fleet_end
covers: daemon/broker/overtime daemon/supervisor/template
"""
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'helper'))
from story import equal, eventually, main, soon, story  # noqa: E402
from warm import (ADMIN, all_at_once, all_ended, do, give,  # noqa: E402
                  give_many, job_of, marks, of_both, pids, pool,
                  serving, start)
import proc  # noqa: E402

EACH = 20  # jobs behind the one that arms a crash
VICTIM = 4


def killed_at(t, kind, point, slow=False):
    """A worker dies at that point, with a burst of jobs in its hands.

    Returns their records, and how often each began."""
    start(t, kind)
    path = t.folder / 'marks'
    (old,) = serving(t, 1)
    equal(do(t, 'arm', {'at': point})['state'], 'succeeded')
    if point == 'idle':
        # And told to be: what is given to a dead one may have begun.
        eventually(lambda: old not in pids(t), what='it is known to be dead')
    jobs = [job_of('mark', {'path': str(path), 'word': 'w%d' % i,
                            'ms': 500 if slow and i == VICTIM else 0})
            for i in range(EACH)]
    jobs = all_ended(t, give_many(t, jobs))
    equal({job['state'] for job in jobs}, {'succeeded'})
    (new,) = serving(t, 1)
    assert new != old, 'the worker lives'
    began = marks(path)
    return jobs, [began['w%d' % i] for i in range(EACH)]


def charged(jobs):
    """Who paid for the death, one crash and one attempt each."""
    for job in jobs:
        assert (job['attempt'], job['crashes']) in ((1, 0), (2, 1)), job
    return [at for at, job in enumerate(jobs) if job['crashes']]


@of_both
def killed_as_a_job_is_received_one_job_is_charged_and_all_run_once(t, kind):
    jobs, began = killed_at(t, kind, 'receive')
    assert len(charged(jobs)) <= 1, charged(jobs)
    equal(began, [1] * EACH)


@of_both
def killed_at_the_start_of_a_job_only_that_one_is_charged(t, kind):
    jobs, began = killed_at(t, kind, 'start:%d' % (VICTIM + 1))
    equal(charged(jobs), [VICTIM])
    equal(began, [1] * EACH)


@of_both
def killed_in_the_middle_of_a_job_only_that_one_is_charged(t, kind):
    jobs, began = killed_at(t, kind, 'middle', slow=True)
    # On a busy machine another one may have taken long, too.
    (paid,) = charged(jobs)
    assert began.pop(paid) <= 2, began
    equal(set(began), {1})


@of_both
def killed_before_a_result_is_written_only_its_job_is_charged(t, kind):
    # The one that arms has a result, too.
    jobs, began = killed_at(t, kind, 'result:%d' % (VICTIM + 2))
    equal(charged(jobs), [VICTIM])
    equal([at for at, times in enumerate(began) if times != 1], [VICTIM])


@of_both
def killed_when_it_has_nothing_to_do_nobody_is_charged(t, kind):
    jobs, began = killed_at(t, kind, 'idle')
    equal(charged(jobs), [])
    equal(began, [1] * EACH)


@of_both
def a_job_that_kills_three_workers_is_parked_and_the_pool_goes_on(t, kind):
    start(t, kind, workers='2')
    t.expect_alarms = True
    echoes = [job_of('echo', {'i': i}) for i in range(100)]
    before = give_many(t, echoes)
    poison = give(t, 'aborts', retry={'max_attempts': 10})
    behind = give_many(t, echoes)
    job = t.wait(poison, within=40)
    equal((job['state'], job['cause'], job['crashes'], job['attempt']),
          ('failed', 'worker_lost', 3, 3))
    assert 'killed by signal 6' in job['failure']['message'], job
    all_at_once(t, before + behind)
    serving(t, 2)


@of_both
def exit_in_a_handler_costs_the_worker_and_its_one_job(t, kind):
    start(t, kind)
    log = str(t.folder / 'marks')
    (old,) = serving(t, 1)
    first = give(t, 'leave', {'code': 3}, crash_limit=1)
    # Status 0 is no better: nobody asked the worker to leave.
    second = give(t, 'leave', {'code': 0}, crash_limit=1)
    once = give(t, 'leave', {'code': 7}, once=True)
    behind = give_many(t, [job_of('mark', {'path': log, 'word': 'w%d' % i})
                           for i in range(10)])
    for job in all_ended(t, [first, second, once]):
        equal((job['state'], job['cause'], job['crashes'], job['attempt']),
              ('failed', 'worker_lost', 1, 1))
    assert 'status 3' in t.get(first)['failure']['message'], t.get(first)
    all_at_once(t, behind)
    assert serving(t, 1) != {old}
    equal(set(marks(log).values()), {1})


@story
def sigint_ends_a_plugin_s_worker_as_a_signal(t):
    start(t, 'plugin')
    job = do(t, 'interrupt', crash_limit=1)
    equal((job['state'], job['cause']), ('failed', 'worker_lost'))
    assert 'signal 2' in job['failure']['message'], job
    equal(do(t, 'echo', {'a': 1})['result'], {'a': 1})


@story
def sigint_is_nothing_to_a_program_s_worker(t):
    start(t, 'worker')
    (pid,) = serving(t, 1)
    equal(do(t, 'interrupt')['result'], pid)
    t.kill(pid, signal.SIGINT)
    equal(do(t, 'who')['result'], pid)


@of_both
def a_handler_that_listens_stops_in_time_and_keeps_its_worker(t, kind):
    start(t, kind)
    (pid,) = serving(t, 1)
    began = time.monotonic()
    late = give(t, 'nap', {'ms': 60000}, timeout_ms=200)
    behind = give(t, 'who')
    job = t.wait(late)
    equal((job['state'], job['cause'], job['failure']['type']),
          ('failed', 'timeout', 'TimedOut'))
    equal(t.wait(behind)['result'], pid)
    asked = give(t, 'nap', {'ms': 60000})
    behind = give(t, 'who')
    t.reaches(asked, 'running')
    t.c.call('Cancel', filter={'ids': [asked]})
    job = t.wait(asked)
    equal((job['state'], job['cause']), ('cancelled', 'cancelled'))
    equal(t.wait(behind)['result'], pid)
    soon(began, 8)


@of_both
def one_that_ignores_its_timeout_is_killed_with_its_worker(t, kind):
    start(t, kind)
    (pid,) = serving(t, 1)
    began = time.monotonic()
    late = give(t, 'deaf', {'ms': 60000}, timeout_ms=200, grace_ms=200)
    behind = give_many(t, [job_of('who')] * 10)
    job = t.wait(late)
    took = time.monotonic() - began
    # Timeout, grace, and a second between TERM and KILL.
    assert 1.2 <= took, 'it took %.2f s' % took
    soon(began, 3.5)
    equal((job['state'], job['cause'], job['crashes'], job['attempt']),
          ('failed', 'timeout', 0, 1))
    assert not proc.alive(pid)
    all_at_once(t, behind)
    equal({t.get(one)['result'] for one in behind}, serving(t, 1))


@of_both
def one_that_ignores_its_cancel_is_killed_with_its_worker(t, kind):
    start(t, kind)
    (pid,) = serving(t, 1)
    asked = give(t, 'deaf', {'ms': 60000}, retry={'max_attempts': 5})
    behind = give_many(t, [job_of('who')] * 10)
    t.reaches(asked, 'running')
    t.c.call('Cancel', filter={'ids': [asked]}, grace_ms=200)
    job = t.wait(asked)
    equal((job['state'], job['cause'], job['crashes'], job['attempt']),
          ('cancelled', 'cancelled', 0, 1))
    assert not proc.alive(pid)
    all_at_once(t, behind)


@of_both
def a_result_that_is_no_json_or_too_large_fails_its_job_alone(t, kind):
    start(t, kind)
    (pid,) = serving(t, 1)
    jobs = [give(t, 'no_json'), give(t, 'huge', {'bytes': 17 << 20}),
            give(t, 'who')]
    bad, large, good = all_ended(t, jobs)
    equal((bad['state'], bad['cause'], bad['failure']['type']),
          ('failed', 'handler', 'ResultNotJSON'))
    equal((large['state'], large['cause'], large['failure']['type']),
          ('failed', 'handler', 'ResultTooLarge'))
    equal((good['state'], good['result']), ('succeeded', pid))
    # What just fits arrives whole.
    job = do(t, 'huge', {'bytes': 15 << 20})
    equal((job['state'], len(job['result'])), ('succeeded', (15 << 20) - 2))


@of_both
def what_a_handler_prints_is_no_statement_of_its_worker(t, kind):
    start(t, kind)
    (pid,) = serving(t, 1)
    jobs = give_many(t, [job_of('prints', {'lines': 20000}), job_of('who')])
    equal([job['result'] for job in all_ended(t, jobs)], [pid, pid])
    if kind == 'plugin':  # to the daemon's log
        assert '{"done":20000,"token":1}' in t.log_text()
    else:  # head of it kept with the job
        assert b'{"done":20000,"token":1}\n' in t.output(jobs[0])


@of_both
def what_a_handler_leaves_behind_ends_with_its_worker(t, kind):
    start(t, kind)
    (pid,) = serving(t, 1)
    known = set(proc.marked(str(t.folder)))
    equal(do(t, 'breed')['result'], pid)
    left = [one for one in proc.marked(str(t.folder))
            if one not in known and proc.alive(one)]
    t.kill(pid)
    serving(t, 1)

    def gone():
        t.reap()
        return not [one for one in left if proc.alive(one)]
    eventually(gone, 3, 'nothing of it is left')
    # Nor when the worker leaves in peace.
    (pid,) = serving(t, 1)
    known = set(proc.marked(str(t.folder)))
    equal(do(t, 'breed')['result'], pid)
    left = [one for one in proc.marked(str(t.folder))
            if one not in known and proc.alive(one)]
    t.c.call(ADMIN + 'Recycle', pool='warm')
    eventually(lambda: pid not in pids(t), 20, 'it was replaced')
    eventually(gone, 3, 'nothing of it is left')
    t.no_zombie_stays()


def births(t, name):
    path = t.folder / name
    return ([float(text) for text in path.read_text().split()]
            if path.exists() else [])


def waits_longer_and_longer(t, kind, what, told):
    """Begins with what fails; then it is mended, and jobs run."""
    (t.folder / ('no-' + what)).write_text('')
    start(t, kind, workers='2')
    job = give(t, 'echo', {'a': 1})
    eventually(lambda: pool(t)['state'] == 'degraded', 10, 'it is degraded')
    eventually(lambda: len([line for line in t.log_text().splitlines()
                            if ' died ' in line and 'pool=warm' in line]) >= 3,
               20, 'a third try')
    why = pool(t)['reason']
    assert why.startswith(told), why
    reasons = {one['rule']: one['message']
               for one in t.c.call('Explain', id=job)['reasons']}
    assert told in reasons['degraded'], reasons
    equal(t.get(job)['state'], 'ready')
    equal(t.run(['/bin/true'])['state'], 'succeeded')
    (t.folder / ('no-' + what)).unlink()
    equal(t.wait(job, within=30)['result'], {'a': 1})
    equal(t.get(job)['attempt'], 1)
    times = births(t, what + 's')
    pauses = [b - a for a, b in zip(times, times[1:])]
    # At once, then later and later; the fourth, here, gets on.
    assert pauses[1] >= 0.9 and pauses[2] >= 1.9, pauses
    eventually(lambda: pool(t)['state'] == 'running', 30, 'it is well again')
    serving(t, 2)


@of_both(seconds=120)
def a_preload_that_fails_is_tried_later_and_later(t, kind):
    waits_longer_and_longer(t, kind, 'preload', 'preload failed')


@of_both(seconds=120)
def an_init_that_fails_is_tried_later_and_later(t, kind):
    waits_longer_and_longer(t, kind, 'init', 'worker exited with')


if __name__ == '__main__':
    main()
