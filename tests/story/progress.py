#!/usr/bin/python3
"""How far jobs say they are, told to a real daemon: commands, handlers, groups,
writers that mean no good, a broker that is killed.

covers: daemon/worker/progress daemon/broker/advance daemon/broker/call_progress
"""
import pathlib
import re
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'helper'))
from story import (  # noqa: E402
    PATIENCE, SLOW, equal, eventually, main, story)
from warm import give, of_both, start  # noqa: E402
import proc  # noqa: E402

# Says its first word, waits to be let go on, says its second, waits again.
TWICE = ('%s; echo $$ >"$0.up"; read code <"$0.go"; '
         '%s; read code <"$0.go"; exit "$code"')


def says(t, first, second='true', **spec):
    gate = t.gate()
    job = t.submit(['/bin/sh', '-c', TWICE % (first, second), gate.path],
                   **spec)
    gate.pid = gate.started()
    return job, gate


def told(t, job, progress, note=None):
    def is_so():
        facts = t.get(job)
        return (facts.get('progress'), facts.get('note')) == (progress, note)
    eventually(is_so, what='job %d is at %s, %s' % (job, progress, note))


def group_is_at(t, group, progress):
    def is_so():
        facts = t.c.call('GetGroup', group=group)['group']
        return facts.get('progress') == progress
    eventually(is_so, what='group %d is at %s' % (group, progress))


def notes_until_it_ends(t, job):
    """What it said, as somebody sees who looks all the time, and how long."""
    seen, begun = [], time.monotonic()
    while True:
        facts = t.get(job)
        note = facts.get('note')
        if note and (not seen or seen[-1] != note):
            seen.append(note)
        if facts['state'] in ('succeeded', 'failed'):
            equal((facts['state'], note), ('succeeded', None))
            return seen, time.monotonic() - begun


def ten_a_second(seen, seconds):
    assert 2 <= len(seen) <= seconds * 10 + 3, (len(seen), seconds)


@story
def a_command_says_how_far_it_is_in_any_form(t):
    t.start()
    job, gate = says(t, 'echo 30/100 loading >&3', 'echo 90% >&$REEVE_'
                     'PROGRESS_FD')
    told(t, job, 0.3, '30/100 loading')
    gate.open()
    told(t, job, 0.9)
    gate.open()
    ended = t.wait(job)
    equal((ended['state'], ended.get('progress'), ended.get('note')),
          ('succeeded', None, None))
    job, gate = says(t, 'echo \'{"fraction":0.25,"note":"a"}\' >&3',
                     'echo only a note >&3')
    told(t, job, 0.25, 'a')
    gate.open()
    told(t, job, 0.25, 'only a note')
    gate.open()
    t.wait(job)


@story
def reeve_progress_finds_its_way_with_and_without_the_descriptor(t):
    t.start()
    tool = '"%s" progress' % t.reeve
    job, gate = says(t, tool + ' 30/100 loading',
                     'exec 3>&-; ' + tool + ' 0.75 done soon')
    told(t, job, 0.3, '30/100 loading')
    gate.open()
    told(t, job, 0.75, 'done soon')
    gate.open()
    equal(t.wait(job)['state'], 'succeeded')
    # An attempt that is over: its processes may still be there.
    job = t.shell('exec 3>&-; REEVE_TOKEN=1 %s 1; exit $?' % tool)
    equal(job['exit_code'], 3)


@of_both
def a_handler_says_how_far_it_is(t, kind):
    start(t, kind)
    job = give(t, 'steps', {'n': 500, 'ms': 2})
    seen, seconds = notes_until_it_ends(t, job)
    ten_a_second(seen, seconds)
    assert all(note.endswith('/500') for note in seen), seen
    numbers = [int(note.split('/')[0]) for note in seen]
    equal(numbers, sorted(numbers))


@story
def a_command_that_speaks_all_the_time_is_told_ten_times_a_second(t):
    t.start()
    job = t.submit([sys.executable, '-c', '''
import os, time
until = time.monotonic() + 1
n = 0
while time.monotonic() < until:
    n += 1
    os.write(3, b'50%% step %d\\n' % n)
'''])
    ten_a_second(*notes_until_it_ends(t, job))


def fractions_told(ear, job, last, within=20):
    """What subscribers of it hear up to the last word: [(when, fraction)]."""
    heard = []
    while not heard or heard[-1][1] != last:
        for event in ear.result(timeout=within * PATIENCE)['events']:
            equal((event['kind'], event['job']), ('progress', job))
            heard.append((event['at_ms'], event['detail']['fraction']))
    return heard


def listen(t, **parameters):
    ear = t.client()
    ear.send('org.reeve.events.Subscribe',
             {'kinds': ['progress'], **parameters}, more=True)
    equal(ear.result()['events'], [])
    return ear


@story
def subscribers_hear_ten_a_second_and_the_last_word_whoever_speaks(t):
    t.start()
    job, gate = says(t, 'true', 'for i in $(seq 5000); do echo $i/5000 >&3; '
                     'done')
    ear = listen(t, jobs=[job])
    token = int(re.search(rb'\bREEVE_TOKEN=(\d+)',
                          proc.read(gate.pid, 'environ'))[1])
    for i in range(1000):
        t.c.call('Progress', id=job, token=token, fraction=i / 2000)
    t.c.call('Progress', id=job, token=token, fraction=0.75, note='last')
    heard = fractions_told(ear, job, 0.75)
    gate.open()
    heard += fractions_told(ear, job, 1)
    seconds = (heard[-1][0] - heard[0][0]) / 1000
    assert 2 <= len(heard) <= seconds * 10 + 3, (len(heard), seconds)
    gate.open()
    t.wait(job)


@story(seconds=180)
def a_hundred_megabytes_into_the_descriptor_harm_nobody(t):
    t.start(workers=1)
    broker, (worker,) = t.whole(), t.worker_pids()
    before = {pid: proc.memory_kib(pid) for pid in (broker, worker)}
    bytes_each = int(100e6 / SLOW)
    for flood in ('cat /dev/urandom', 'cat /dev/zero', 'yes 50% of it',
                  "yes '{\"fraction\":1e999,\"note\":[[[[[{'",
                  'yes \'{"fraction":0.5,"note":"\\u0000\\ud800"}\''):
        job = t.submit(['/bin/sh', '-c', '%s | head -c %d >&3' % (
            flood, bytes_each / 5)])
        while t.get(job)['state'] == 'running':
            note = t.get(job).get('note', '')
            assert len(note.encode()) <= 256 * 3, note
        equal(t.wait(job, within=60)['state'], 'succeeded')
    job, gate = says(t, 'true')
    equal(t.get(job).get('progress'), None)
    gate.open()
    gate.open()
    t.wait(job)
    equal((t.broker(), t.worker_pids()), (broker, [worker]))
    for pid, kib in before.items():
        more = proc.memory_kib(pid) - kib
        assert more < 20000 * SLOW, '%d KiB more' % more


@story
def a_group_is_as_far_as_its_jobs(t):
    t.start(workers=2)
    group = t.c.call('OpenGroup')['group']
    a, gate_a = says(t, 'echo 50% >&3', 'echo 100% >&3', group=group)
    b, gate_b = says(t, 'true', group=group)
    behind = [t.submit(['/bin/true'], group=group) for _ in range(2)]
    group_is_at(t, group, 0.125)
    gate_a.open()
    group_is_at(t, group, 0.25)
    gate_b.open()
    gate_b.open(3)
    for job in [b, *behind]:
        t.wait(job)
    group_is_at(t, group, 1)
    gate_a.open()
    t.wait(a)
    group_is_at(t, group, 1)
    # Another daemon's group, of a total that is known before.
    group = t.c.call('OpenGroup', total=4)['group']
    t.wait(t.submit(['/bin/true'], group=group))
    group_is_at(t, group, 0.25)
    t.c.call('CloseGroup', group=group)
    group_is_at(t, group, 1)


@story
def what_an_attempt_said_is_gone_with_it(t):
    t.start(workers=1)
    gate = t.gate()
    job = t.submit(['/bin/sh', '-c', 'test $REEVE_ATTEMPT = 2 || '
                    '{ echo 90%% x >&3; sleep 0.2; exit 1; }; %s'
                    % gate.SCRIPT, gate.path],
                   retry={'max_attempts': 2, 'backoff_ms': 1})
    gate.started()
    facts = t.get(job)
    equal((facts['attempt'], facts.get('progress'), facts.get('note')),
          (2, None, None))
    gate.open()
    equal(t.wait(job)['state'], 'succeeded')


@story
def a_new_broker_knows_it_when_it_is_said_again(t):
    t.start(workers=1)
    group = t.c.call('OpenGroup')['group']
    job, gate = says(t, 'echo 30% a >&3', 'echo 60% b >&3', group=group)
    told(t, job, 0.3, 'a')
    t.kill_broker()
    t.reconnect()
    t.whole()
    facts = t.get(job)
    equal((facts['state'], facts.get('progress')), ('running', None))
    group_is_at(t, group, 0)
    gate.open()
    told(t, job, 0.6, 'b')
    group_is_at(t, group, 0.6)
    gate.open()
    equal(t.wait(job)['state'], 'succeeded')


if __name__ == '__main__':
    main()
