#!/usr/bin/python3
"""Nothing grows: descriptors, memory, threads, files after many jobs."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'helper'))
from story import SLOW, equal, eventually, main, story  # noqa: E402
import proc  # noqa: E402

JOBS = 20000 if SLOW == 1 else 2000


def run_many(t, count):
    group = t.c.call('OpenGroup')['group']
    for at in range(0, count, 1000):
        t.c.call('SubmitMany', defaults={'argv': ['/bin/true'],
                                         'group': group},
                 jobs=[{}] * min(1000, count - at))
    t.c.call('CloseGroup', group=group)
    eventually(lambda: t.c.call('GetGroup', group=group)['group'][
        'complete'], 100, 'the group is complete')
    return t.c.call('GetGroup', group=group)['group']['counts']


def measure(t):
    pids = {'supervisor': t.supervisor, 'broker': t.broker()}
    for number, pid in enumerate(sorted(t.worker_pids())):
        pids['worker %d' % number] = pid
    return {name: (proc.descriptors(pid), proc.memory_kib(pid))
            for name, pid in pids.items()}


@story(seconds=240)
def after_many_jobs_nothing_has_grown(t):
    t.start(workers=2).whole()
    run_many(t, 2000)
    before = measure(t)
    counts = run_many(t, JOBS)
    equal(counts['succeeded'], JOBS)
    after = measure(t)
    t.note('before %s' % before)
    t.note('after %s' % after)
    equal(set(after), set(before))
    for name in before:
        if after[name][0] != before[name][0]:
            # One of its jobs may have been on its way out.
            eventually(lambda name=name: measure(t)[name][0] <=
                       before[name][0], 5, 'descriptors of ' + name)
        if SLOW == 1:
            grown = after[name][1] - before[name][1]
            assert grown < 4096, '%s grew by %d KiB' % (name, grown)
    equal(list((t.state / 'output').iterdir()), [], 'output files')
    equal(list((t.state / 'results').iterdir()), [], 'result files')
    assert (t.state / 'jobs.db-wal').stat().st_size < 80 << 20
    t.no_zombie_stays()


if __name__ == '__main__':
    main()
