"""The section `warm` of run: warm workers beside multiprocessing.Pool."""
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

from story import Story
from wire import Client

HERE = pathlib.Path(__file__).resolve().parent
SDK = HERE.parents[1] / 'client' / 'python'
PEER = HERE / 'pool_peer.py'
CONFIG = '''
pools:
  c:
    kind: plugin
    run: [{plugin}, "{count}"]
    handles: [noop, stamp, sum]
    workers: {workers}
  py:
    kind: worker
    run: [{python}, -m, reeve.worker, pool_handlers]
    preload: true
    handles: [pynoop, pysum, pylist, pyburn]
    workers: {workers}
'''


@contextlib.contextmanager
def daemon(build, workers=2, count=0):
    """A fresh daemon with a C and a Python pool, both warm."""
    it = Story(str(build / 'daemon/reeved'), str(build / 'client/reeve'))
    it.env = {'PYTHONPATH': ':'.join([str(SDK), str(HERE)]),
              'BENCH_COUNT': str(count)}
    try:
        config = it.folder / 'pools.yaml'
        config.write_text(CONFIG.format(
            plugin=build / 'tests/bench/bench-noop.so', count=count,
            python=sys.executable, workers=workers))
        it.start(workers=1, flags=['--config', str(config)])
        for handler in ('noop', 'pynoop'):
            it.c.call('Wait', ids=[it.c.call(
                'Submit', job={'handler': handler})['id'] for _ in range(50)])
        yield it
    finally:
        it.clean()


def output(*command, **options):
    return subprocess.run([str(word) for word in command], check=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          text=True, **options).stdout


def rate(text):
    count, seconds = text.split()[-2:]
    return int(count) / float(seconds)


def results_rate(build, handler, total, batch, window):
    with daemon(build) as it:
        spec = json.dumps({'handler': handler, 'args': {'value': 1}})
        return rate(output(build / 'tests/bench/bench-results', it.socket,
                           total, batch, window, spec))


def library_rate(build, how, total):
    """The Python library, with Python handlers."""
    with daemon(build) as it:
        env = {**os.environ, 'PYTHONPATH': str(SDK), 'REEVE_SOCKET': it.socket}
        return rate(output(sys.executable, HERE / 'pool_client.py', how,
                           total, env=env))


def calls(build, handler, durability, total):
    with daemon(build) as it:
        spec = json.dumps({'handler': handler, 'args': {'value': 1},
                           'durability': durability})
        lines = output(build / 'tests/bench/bench-load', 'calls', it.socket,
                       total, spec).splitlines()[:-1]
    return sorted(float(line) for line in lines)


def throughput(add, build, rounds, scale):
    total = max(int(1000000 * scale), 2000)
    few = max(int(200000 * scale), 2000)
    found = {}
    peers = {
        'Pool.map(chunksize=1)': lambda: rate(
            output(sys.executable, PEER, 'map', few, 1)),
        'Pool.map': lambda: rate(
            output(sys.executable, PEER, 'map', total, 0)),
        'Pool.apply_async': lambda: rate(
            output(sys.executable, PEER, 'async', few)),
    }
    ours = {
        'map of %d, C plugin' % total:
            lambda: results_rate(build, 'noop', total, 1000, 10 * total),
        'map of %d, Python' % total:
            lambda: results_rate(build, 'pynoop', total, 1000, 10 * total),
        'single jobs, 1000 outstanding, C plugin':
            lambda: results_rate(build, 'noop', few, 0, 1000),
        'single jobs, 1000 outstanding, Python':
            lambda: results_rate(build, 'pynoop', few, 0, 1000),
        'single jobs, 64 outstanding, C plugin':
            lambda: results_rate(build, 'noop', few, 0, 64),
        'Python library: apply_async, 1000 outstanding, Python':
            lambda: library_rate(build, 'async', few),
        'Python library: map, Python':
            lambda: library_rate(build, 'map', few),
    }
    every = {**peers, **ours}
    values = {name: [] for name in every}
    for _ in range(rounds):
        for name, function in every.items():
            values[name].append(function())
    found = {name: statistics.median(row) for name, row in values.items()}
    for name in peers:
        add('warm', name, found[name], '1/s')
    for name in ours:
        add('warm', name, found[name], '1/s',
            {peer: found[peer] for peer in peers})


def percentile(values, share):
    return values[min(int(len(values) * share), len(values) - 1)]


def one_at_a_time(add, build, scale):
    total = max(int(5000 * scale), 200)
    peer = sorted(map(float, output(sys.executable, PEER, 'apply',
                                    total).split()))
    for share in (0.5, 0.99):
        add('warm', 'Pool.apply, p%g' % (share * 100),
            percentile(peer, share), 'us')
    for handler, name in (('noop', 'C plugin'), ('pynoop', 'Python')):
        for durability in ('memory', 'result', 'sync'):
            mine = calls(build, handler, durability, total)
            for share in (0.5, 0.99):
                add('warm', 'one call, %s, %s, p%g' % (
                    name, durability, share * 100), percentile(mine, share),
                    'us', {'Pool.apply': percentile(peer, share)})


def memory(pid):
    lines = pathlib.Path('/proc/%d/smaps_rollup' % pid).read_text()
    found = {line.split(':')[0]: int(line.split()[1])
             for line in lines.splitlines()[1:]}
    return found['Pss'], found['Private_Clean'] + found['Private_Dirty']


def sharing(add, build, scale):
    """Eight workers that all read a million elements that were loaded once."""
    del scale
    count = 1000000
    peer = [int(word) for word in output(
        sys.executable, PEER, 'memory', 8, count).split()]
    for name, value in zip(('Pss', 'private'), peer):
        add('warm', 'Pool(8), one list, %s of all' % name, value / 1024,
            'MB')
    with daemon(build, workers=8, count=count) as it:
        for handler, pool, name in (
                ('sum', 'c', 'C array'), ('pysum', 'py', 'Python array'),
                ('pylist', 'py', 'Python list')):
            it.c.call('Wait', ids=[it.c.call(
                'Submit', job={'handler': handler})['id'] for _ in range(64)])
            pids = [worker['pid']
                    for worker in it.c.call('admin.Workers')['workers']
                    if worker['pool'] == pool]
            each = [memory(pid) for pid in pids]
            for i, what in enumerate(('Pss', 'private')):
                add('warm', '8 workers, one %s, %s of all' % (name, what),
                    sum(row[i] for row in each) / 1024, 'MB',
                    {'Pool(8)': peer[i] / 1024})


def pids_of(it, pool):
    return {worker['pid'] for worker in it.c.call('admin.Workers')['workers']
            if worker['pool'] == pool}


def recycled(it, pool):
    """All workers of a pool are replaced."""
    before = pids_of(it, pool)
    it.c.call('admin.Recycle', pool=pool)
    end = time.monotonic() + 30
    while pids_of(it, pool) & before:
        assert time.monotonic() < end, 'the workers stay'
        time.sleep(0.05)


def recycle(add, build, scale):
    """Latency while a pool replaces all of its workers, over and over."""
    total = max(int(50000 * scale), 2000)
    with daemon(build) as it:
        for pool, handler, name in (('c', 'noop', 'C plugin'),
                                    ('py', 'pynoop', 'Python')):
            found = {}
            for how in ('quiet', 'recycling'):
                spec = json.dumps({'handler': handler, 'args': {'value': 1},
                                   'durability': 'memory'})
                times = 0
                # A file: a pipe that nobody reads would hold up the load.
                with open(it.folder / 'took', 'w+') as took:
                    load = subprocess.Popen(
                        [str(build / 'tests/bench/bench-load'), 'calls',
                         it.socket, str(total), spec],
                        stdin=subprocess.DEVNULL, stdout=took)
                    while how == 'recycling' and load.poll() is None:
                        recycled(it, pool)
                        times += 1
                    assert load.wait() == 0
                    took.seek(0)
                    lines = took.read().splitlines()[:-1]
                found[how] = sorted(float(line) for line in lines)
            for share in (0.5, 0.99, 0.999):
                add('warm', 'one call, %s, pool replaced %d times, p%g' % (
                    name, times, share * 100),
                    percentile(found['recycling'], share), 'us',
                    {'quiet': percentile(found['quiet'], share)})


def burn(add, build):
    """CPU-bound work on two workers, beside one; sleeping work on many."""
    took = {}
    for workers in (1, 2):
        with daemon(build, workers=workers) as it:
            began = time.monotonic()
            with Client(it.socket, timeout=120) as client:
                jobs = [client.call('Submit', job={
                    'handler': 'pyburn', 'args': {'count': 3000000}})['id']
                    for _ in range(16)]
                client.call('Wait', ids=jobs)
            took[workers] = time.monotonic() - began
    add('warm', 'CPU-bound, two workers, speed-up', took[1] / took[2],
        'x')


def warm(add, build, rounds, scale):
    throughput(add, build, rounds, scale)
    one_at_a_time(add, build, scale)
    sharing(add, build, scale)
    recycle(add, build, scale)
    burn(add, build)
