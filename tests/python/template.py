#!/usr/bin/python3
"""The template of the SDK: it loads once, and forks workers when told to."""
import errno
import os
import signal
import time

from broker import PATIENCE, eventually, exit_of
from supervisor import (FAILED, READY, Supervisor, become_subreaper,
                        parent)
from tap import equal, main, test


@test
def the_preload_runs_once_for_all_workers(b):
    child = b.template(REEVE_TEST_PRELOADS=str(b.folder / 'preloads'))
    equal(b.told()[:5], (READY, 0, 0, child.pid, 0))
    links = [b.fork(slot, 100 + slot) for slot in range(3)]
    equal(len({pid for _, pid in links}), 3)
    for slot, (link, pid) in enumerate(links):
        equal(b.run(link, 'sum_of_all')['result'], 499999500000)
        equal(b.run(link, 'who')['result'], [pid, 100 + slot, slot, None])
    equal((b.folder / 'preloads').read_text(), 'once\n')


@test
def a_worker_belongs_to_the_supervisor_and_no_zombie_stays(b):
    child = b.template()
    b.told()
    link, pid = b.fork(0, 100)
    equal(parent(pid), os.getpid())
    with open('/proc/%d/task/%d/children' % (child.pid, child.pid)) as file:
        equal(file.read(), '')
    os.kill(pid, signal.SIGTERM)
    link.lost()
    equal(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)


@test
def its_workers_outlive_the_template(b):
    child = b.template()
    b.told()
    link, _ = b.fork(0, 100)
    b.channel.close()
    equal(exit_of_process(child), 0)
    equal(b.run(link, 'sum_of_all')['result'], 499999500000)


def exit_of_process(child):
    """The exit code; workers may still hold its output."""
    return child.wait(10 * PATIENCE)


@test
def init_runs_in_each_worker(b):
    b.template()
    b.told()
    link, pid = b.fork(0, 100)
    equal(b.run(link, 'begun_in')['result'], pid)


@test
def a_preload_that_raises_is_told_and_ends_the_template(b):
    child = b.template('-c', (
        'from reeve.worker import handler, main, preload\n'
        '@handler\ndef one(): pass\n'
        '@preload\ndef load(): raise KeyError("x")\nmain()'))
    told = b.told()
    equal((told[0], told[2], told[5]),
          (FAILED, 0, "preload failed: KeyError: 'x'"))
    equal(exit_of(child), 111)
    child = b.template('-m', 'reeve.worker', 'no_such_module')
    assert 'no_such_module' in b.told()[5]
    equal(exit_of(child), 111)


@test
def it_refuses_to_fork_when_the_preload_left_threads(b):
    b.template('-c', (
        'import threading, time\n'
        'from reeve.worker import handler, main\n'
        '@handler\ndef one(): pass\n'
        'def load():\n'
        '    threading.Thread(target=time.sleep, args=(60,),'
        ' daemon=True).start()\n'
        'main(preload=load)'))
    equal(b.told()[0], READY)
    b.order(1, 100)
    told = b.told()
    equal(told[:5], (FAILED, 1, 100, 0, errno.EDEADLK))
    assert '1 threads' in told[5], told


@test
def modules_are_preloaded_by_name(b):
    b.template('-c', (
        'import sys\nfrom reeve.worker import handler, main\n'
        '@handler\ndef has(name): return name in sys.modules\n'
        'main(preload=["decimal", "sqlite3"])'))
    b.told()
    link, _ = b.fork(0, 100)
    equal(b.run(link, 'has', ['sqlite3'])['result'], True)
    equal(b.run(link, 'has', ['telnetlib'])['result'], False)


@test
def what_was_preloaded_is_shared(b):
    """An array of a million numbers: no worker has a copy of its own."""
    b.template()
    b.told()
    private = []
    for slot in range(2):
        link, pid = b.fork(slot, 100 + slot)
        b.run(link, 'noop')
        before = private_kib(pid)
        equal(b.run(link, 'sum_of_all')['result'], 499999500000)
        private.append(private_kib(pid) - before)
    assert max(private) < 800, private  # the array has 7 813 KiB


def private_kib(pid):
    total = 0
    with open('/proc/%d/smaps_rollup' % pid) as file:
        for line in file:
            if line.startswith('Private'):
                total += int(line.split()[1])
    return total


@test
def a_cancel_reaches_a_forked_worker(b):
    b.template()
    b.told()
    link, _ = b.fork(0, 100)
    mark = b.folder / 'up'
    job = b.job('naps', {'args': [str(mark)]})
    link.send(job)
    eventually(mark.exists)
    began = time.monotonic()
    link.send({'cancel': job['job'], 'token': job['token'],
               'reason': 'timeout'})
    equal(link.read()['error']['type'], 'TimedOut')
    assert time.monotonic() - began < 20


@test
def the_template_ends_with_its_channel(b):
    child = b.template()
    b.told()
    os.kill(child.pid, signal.SIGINT)
    b.channel.close()
    equal(exit_of(child), 0)


if __name__ == '__main__':
    become_subreaper()
    main(Supervisor)
