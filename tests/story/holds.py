#!/usr/bin/python3
"""Groups whose maker is killed: they are closed for it, what was submitted
runs, and the callbacks say what became of it. A maker whose broker is killed
goes on filling its group.

covers: client/group_hold daemon/broker/group_hold
"""
import json
import os
import pathlib
import signal
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / 'tests' / 'helper'))
from story import PATIENCE, CallError, equal, eventually, main, story  # noqa: E402
import warm  # noqa: E402

LIMIT = 30


def group_of(t, number):
    """{} before there is one."""
    try:
        return t.c.call('GetGroup', group=number)['group']
    except CallError:
        return {'counts': {'succeeded': None}}


class Map:
    """`reeve map` with a callback, and items that come when we say so."""

    def __init__(self, t):
        self.t, self.told = t, t.folder / 'told'
        self.process = subprocess.Popen(
            [str(t.reeve), 'map', '--on-all-done',
             'sh -c "cat >>told; mv told told.json"', 'true'],
            stdin=subprocess.PIPE, stderr=subprocess.PIPE, cwd=str(t.folder),
            env={**os.environ, 'REEVE_SOCKET': str(t.socket),
                 'HOME': str(t.folder)}, text=True)

    def feed(self, *items):
        self.process.stdin.write(''.join('%s\n' % item for item in items))
        self.process.stdin.flush()

    def group(self):
        return group_of(self.t, 1)

    def done(self, count):
        eventually(lambda: self.group()['counts']['succeeded'] == count, LIMIT)

    def callback(self):
        """What it was told, once."""
        path = self.t.folder / 'told.json'
        eventually(path.exists, LIMIT, 'the callback of the group')
        return json.loads(path.read_text())


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=LIMIT * PATIENCE)


@story(seconds=120)
def the_group_of_a_map_that_is_killed_is_complete_and_says_so(t):
    t.start()
    it = Map(t)
    it.feed('a', 'b', 'c')
    it.done(3)
    equal(it.group()['closed'], False)
    kill(it.process)
    told = it.callback()
    equal((told['closed'], told['complete'], told.get('abandoned')),
          (True, True, True))
    equal(told['counts']['succeeded'], 3)
    equal(it.group().get('abandoned'), True)
    waited = subprocess.run(
        [str(t.reeve), 'wait', 'group=1'], stderr=subprocess.PIPE, text=True,
        env={**os.environ, 'REEVE_SOCKET': str(t.socket),
             'HOME': str(t.folder)}, timeout=LIMIT * PATIENCE)
    equal(waited.returncode, 0)
    assert 'who made group 1 ended' in waited.stderr, waited.stderr


@story(seconds=120)
def a_map_whose_broker_is_killed_goes_on_in_its_group(t):
    t.start()
    it = Map(t)
    it.feed('a', 'b')
    it.done(2)
    for more in ('c', 'd'):
        t.kill_broker()
        t.reconnect()
        equal(it.group()['closed'], False)
        it.feed(more)
    it.done(4)
    _, err = it.process.communicate(timeout=LIMIT * PATIENCE)
    equal(it.process.returncode, 0, err)
    told = it.callback()
    equal((told['counts']['succeeded'], told.get('abandoned')), (4, None))


@story(seconds=120)
def a_map_holds_its_group_for_the_new_broker_too(t):
    t.start()
    it = Map(t)
    it.feed('a', 'b')
    it.done(2)
    t.kill_broker()
    t.reconnect()
    it.feed('c')
    it.done(3)
    kill(it.process)
    equal(it.callback().get('abandoned'), True)


PYTHON = """
import reeve, sys
pool = reeve.Pool(sys.argv[1])
for line in sys.stdin:
    pool.apply('mark', kwds={'path': sys.argv[2], 'word': line.strip()})
    pool.apply_async('mark', kwds={'path': sys.argv[2], 'word': 'p'}).get()
"""


@story(seconds=120)
def the_group_of_a_pool_is_closed_when_its_program_is_killed(t):
    warm.start(t, 'plugin', workers='2')
    marks = t.folder / 'marks'
    env = {**os.environ, 'PYTHONPATH': str(TOP / 'client' / 'python'),
           'REEVE_SOCKET': str(t.socket), 'HOME': str(t.folder)}
    number = 0
    for command, groups in (
            [[t.reeve, 'map', '--handler', 'mark', 'path=%s' % marks,
              'word={}'], 1],
            # A new broker is a new group to it.
            [[sys.executable, '-c', PYTHON, t.socket, marks], 2]):
        process = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.PIPE, env=env,
            stdout=subprocess.PIPE)
        for word in '%s-a' % groups, '%s-b' % groups:
            process.stdin.write(('%s\n' % word).encode())
            process.stdin.flush()
            eventually(lambda word=word: warm.marks(marks).get(word), LIMIT)
            if word.endswith('a'):
                t.kill_broker()
                t.reconnect()
        number += groups
        equal(group_of(t, number)['closed'], False)
        kill(process)
        eventually(lambda number=number: group_of(t, number).get('abandoned'),
                   LIMIT)
        equal(group_of(t, number)['closed'], True)


main()
