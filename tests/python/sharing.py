#!/usr/bin/python3
"""What preloaded data costs when workers read it: a report, not a test.

    sharing.py [WORKERS]

One million numbers, read in full by each worker; the template of the SDK
(preload, gc.freeze, fork) beside multiprocessing.Pool, which forks as well.
"""
import multiprocessing
import os
import sys

import supervisor

CODE = '''
import array, mmap, os, struct, tempfile
from reeve.worker import handler, main
data = None
def load():
    global data
    data = %s
@handler
def read():
    return %s
@handler
def noop():
    pass
main(preload=load)
'''
LOADS = {
    'list of floats': ('[float(i) for i in range(1000000)]', 'sum(data)'),
    'list of str': ('[str(i) for i in range(1000000)]',
                    'sum(map(len, data))'),
    "array('d')": ("array.array('d', range(1000000))", 'sum(data)'),
    'bytes': ('bytes(8000000)', 'sum(data)'),
    'mmap of a file': ('mapped()', 'sum(memoryview(data).cast("d"))'),
}
MAPPED = '''
def mapped():
    file = tempfile.TemporaryFile()
    file.write(struct.pack('=1000000d', *range(1000000)))
    file.flush()
    return mmap.mmap(file.fileno(), 8000000, prot=mmap.PROT_READ)
'''


def kib(pid, *fields):
    total = 0
    with open('/proc/%d/smaps_rollup' % pid) as file:
        for line in file:
            if line.startswith(fields):
                total += int(line.split()[1])
    return total


def report(name, pids, before):
    private = [kib(pid, 'Private') for pid in pids]
    print('%-34s Pss of all %7.1f MB, private a worker %6.1f MB (%.1f '
          'before it read)' % (
              name, sum(kib(pid, 'Pss:') for pid in pids) / 1024,
              max(private) / 1024, max(before) / 1024), flush=True)


def with_template(workers):
    for name, (make, read) in LOADS.items():
        it = supervisor.Supervisor()
        it.template('-c', CODE.replace('def load', MAPPED + 'def load', 1)
                    % (make, read))
        it.channel.settimeout(60)
        it.told()
        links = [it.fork(slot, 100 + slot) for slot in range(workers)]
        for link, _ in links:
            it.run(link, 'noop')
        before = [kib(pid, 'Private') for _, pid in links]
        for link, _ in links:
            link.send(it.job('read'))
            end = link.until('done', 'fail', within=60)
            assert 'done' in end, end
        report('template, ' + name, [pid for _, pid in links], before)
        it.clean()


numbers = None


def read_list(barrier):
    total = sum(numbers)
    os.read(barrier, 1)  # so that each of them reads it once
    return total


def with_multiprocessing(workers):
    global numbers
    numbers = [float(i) for i in range(1000000)]
    read_end, write_end = os.pipe()
    with multiprocessing.get_context('fork').Pool(workers) as pool:
        pids = [child.pid for child in multiprocessing.active_children()]
        before = [kib(pid, 'Private') for pid in pids]
        result = pool.map_async(read_list, [read_end] * workers, 1)
        os.write(write_end, b'x' * workers)
        result.get()
        report('multiprocessing.Pool, list of floats', pids, before)


if __name__ == '__main__':
    supervisor.become_subreaper()
    COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 8
    with_multiprocessing(COUNT)
    with_template(COUNT)
    print('python ' + sys.version.split()[0])
