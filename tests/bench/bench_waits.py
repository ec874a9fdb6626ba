"""The section `waits` of run: many clients that wait in one daemon."""
import resource
import subprocess
import time

import bench_warm
import proc


def crowd(build, connections, each, rounds):
    """(KiB of the broker before, with them all), microseconds of each end
    to its waiter, and the rate at which all are told."""
    with bench_warm.daemon(build) as it:
        load = subprocess.Popen(
            [str(build / 'tests/bench/bench-waits'), str(it.socket),
             str(connections), str(each), str(rounds)], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        memory = []
        for word in ('submitted', 'waiting'):
            assert load.stdout.readline().strip() == word
            # They are in when they are counted, and asked when it is idle.
            while word == 'waiting' and it.c.call('admin.Status')[
                    'connections'] < connections + 2:
                time.sleep(0.01)
            time.sleep(0.3)
            memory.append(proc.memory_kib(it.broker()))
            load.stdin.write('\n')
            load.stdin.flush()
        *delays, last = load.stdout.read().splitlines()
        assert load.wait() == 0
        count, seconds = last.split()
        return memory, sorted(map(float, delays)), int(count) / float(seconds)


def percentile(values, share):
    return values[min(int(len(values) * share), len(values) - 1)]


def waits(add, build, rounds, scale):
    """rounds is ignored: each figure is made of many ends."""
    del rounds
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    ends = max(int(2000 * scale), 100)
    # Three quarters of the descriptors are the most that the broker takes.
    most = min(int(10000 * scale) or 1, hard // 4 * 3 - 100)
    alone = None
    for connections, each in ((1, 2 * ends), (max(most // 10, 1), 10),
                              (1, max(min(int(10000 * scale), 10000), 2 * ends)),
                              (most, 1)):
        memory, delays, rate = crowd(build, connections, each,
                                     min(ends, connections * each))
        what = '%d connections x %d waits' % (connections, each)
        add('waits', '%s: the broker, RSS' % what, memory[1] / 1024, 'MB')
        add('waits', '%s: of it the waits' % what,
            (memory[1] - memory[0]) / 1024, 'MB')
        for share in (0.5, 0.99):
            value = percentile(delays, share)
            add('waits', '%s: end to waiter, p%g' % (what, share * 100),
                value, 'us', {'of one': alone[share]} if alone else None)
        alone = alone or {share: percentile(delays, share)
                          for share in (0.5, 0.99)}
        add('waits', '%s: ends told at once' % what, rate, '1/s')
