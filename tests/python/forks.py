#!/usr/bin/python3
"""Clients and pools in forked processes: each has keys and connections of its
own, and a Pool is its maker's.

    forks.py REEVED REEVE [SENTENCE]...
"""
import json
import multiprocessing
import os
import sys
import threading

import pooled
from pooled import raises, reeve
from story import PATIENCE, equal, main, story

client = None  # of the module, as programs have it


def in_child(work):
    """What work() returns in a forked child; it must end in time."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            value = work()
        except BaseException as error:
            value = repr(error)
        os.write(writer, json.dumps(value).encode())
        os._exit(0)
    os.close(writer)
    data = []
    thread = threading.Thread(target=lambda: data.append(
        os.read(reader, 65536)), daemon=True)
    thread.start()
    thread.join(20 * PATIENCE)
    if thread.is_alive():
        os.kill(pid, 9)
    os.waitpid(pid, 0)
    os.close(reader)
    assert data, 'the child hangs'
    return json.loads(data[0])


@story
def a_child_submits_jobs_of_its_own(it):
    it.start()
    mine = reeve.Client(str(it.socket))
    first = mine.submit(shell='exit 1')
    child = in_child(lambda: mine.submit(shell='exit 2'))
    parent = mine.submit(shell='exit 3')
    equal(len({first, child, parent}), 3)
    equal([job.exit_code for job in mine.wait([first, child, parent], 20)],
          [1, 2, 3])


@story
def a_child_has_connections_of_its_own(it):
    it.start()
    mine = reeve.Client(str(it.socket))
    lent = mine.connection()  # one that a thread of the parent uses
    mine.request('admin.Ping')

    def sockets():
        return [name for name in os.listdir('/proc/self/fd')
                if os.path.exists('/proc/self/fd/' + name) and
                os.readlink('/proc/self/fd/' + name).startswith('socket:')]
    before = len(sockets())
    equal(in_child(lambda: len(sockets())), before - 2)
    assert lent.call('admin.Ping', {})['now_ms']
    # What was waited for goes on in both.
    gate = it.gate()
    ids = [mine.submit(argv=['true']), mine.submit(argv=gate.argv)]
    ended = mine.as_completed(ids, 30)
    equal(next(ended).id, ids[0])
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(writer, b'%d' % next(ended).id)
        os._exit(0)
    gate.open()
    equal(next(ended).id, ids[1])
    equal(os.waitpid(pid, 0)[1], 0)
    equal(int(os.read(reader, 20)), ids[1])


def exit_code(n):
    return client.wait(client.submit(shell='exit %d' % (n % 100)),
                       60).exit_code


@story
def a_pool_of_multiprocessing_shares_a_client_of_the_module(it):
    global client
    it.start(workers=4)
    client = reeve.Client(str(it.socket))
    client.request('admin.Ping')
    with multiprocessing.get_context('fork').Pool(4) as workers:
        equal(workers.map_async(exit_code, range(100)).get(20 * PATIENCE),
              [n % 100 for n in range(100)])


@story
def a_pool_says_in_a_child_whose_it_is(it):
    it.start()
    pool = reeve.Pool(str(it.socket))
    gate = it.gate()
    result = pool.apply_async('exec', argv=gate.argv)
    results = pool.map_async('exec', [])
    gate.started()

    def child():
        said = []
        for use in (lambda: pool.apply_async('exec', argv=['true']),
                    lambda: pool.apply('exec', argv=['true']),
                    lambda: pool.map('exec', [1]),
                    lambda: next(pool.imap('exec', [1])),
                    result.get, result.wait, result.cancel,
                    lambda: pool.join(), pool.terminate):
            said.append(str(raises(RuntimeError, use)))
        with pool:
            pass
        return said
    said = in_child(child)
    assert all('process %d' % os.getpid() in text for text in said), said
    equal(len(said), 9)
    gate.open()
    result.get(20)
    results.get(20)
    equal(pool.apply_async('exec', argv=['true']).get(20), None)
    pool.close()
    equal(pool.join(20 * PATIENCE), True)


@story
def a_client_made_by_the_preload_serves_each_worker(it):
    file = it.folder / 'fan.py'
    file.write_text(
        'import os, reeve\n'
        'from reeve.worker import handler, main, preload\n'
        '@preload\n'
        'def load():\n'
        '    global client\n'
        '    client = reeve.Client(%r)\n'
        '    client._borrow(0.0).close()\n'
        '    client._give_back(client.connection())\n'
        '@handler\n'
        'def fan(n):\n'
        '    return [os.getpid(), client.submit(shell="exit %%d" %% n)]\n'
        'main()\n' % str(it.socket))
    config = it.folder / 'reeve.yaml'
    config.write_text(
        'pools:\n  fan: { kind: worker, run: [%s, %s], handles: [fan], '
        'workers: 3, preload: true }\n' % (sys.executable, file))
    it.env['PYTHONPATH'] = str(pooled.TOP / 'client' / 'python')
    it.env['PYTHONDONTWRITEBYTECODE'] = '1'
    it.start(flags=('--config', str(config)))
    with pooled.pool(it) as pool:
        made = pool.map_async('fan', [n % 50 for n in range(100)]).get(
            20 * PATIENCE)
        equal(len({number for _, number in made}), 100)
        jobs = pool.client.wait([number for _, number in made], 60)
        equal([job.exit_code for job in jobs], [n % 50 for n in range(100)])


if __name__ == '__main__':
    main()
