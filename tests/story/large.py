#!/usr/bin/python3
"""Results of many MiB each: whoever asks for many of them gets them, a few at a
time, and the broker holds no more than a few.

covers: daemon/broker/watch daemon/broker/group_watch daemon/broker/call_query
covers: client/pool_wire client/watch
"""
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'helper'))
from story import (SLOW, SOAK, CallError, equal, main, story)  # noqa: E402
import proc  # noqa: E402
import warm  # noqa: E402

sys.path.insert(0, str(warm.ROOT / 'client' / 'python'))
import reeve  # noqa: E402

MIB = 1 << 20
JOBS = 64 if SOAK else 8
SIZE = 8 * MIB  # and two quotes
# A look, a reply, and what a buffer that grows copies; sanitizers keep more.
ALLOWED = (64 if SLOW == 1 else 400) * MIB
HANDLERS = '''
from reeve.worker import handler, main

@handler
def big(n):
    return str(n %% 10) * %d

main()
''' % SIZE


def start(t):
    handlers = t.folder / 'handlers.py'
    handlers.write_text(HANDLERS)
    warm.start_with(t, '  big: {kind: worker, run: [%s, %s], handles: [big], '
                       'workers: 1}\n' % (sys.executable, handlers))


def jobs_of(t, **defaults):
    """Submitted, and all of them have ended."""
    ids = t.c.call('SubmitMany', jobs=[{'args': {'n': i}}
                                       for i in range(JOBS)],
                   defaults={'handler': 'big', **defaults})['ids']
    for end in t.client().stream('Wait', ids=ids, brief=True,
                                 timeout=120 * SLOW):
        pass
    return ids


class Peak:
    """Of the broker's memory, in a stretch of time."""

    def __init__(self, t, what):
        self.t, self.what = t, what

    def __enter__(self):
        self.pid = self.t.broker()
        pathlib.Path('/proc/%d/clear_refs' % self.pid).write_text('5')
        self.before = proc.memory_kib(self.pid, 'VmHWM')

    def __exit__(self, kind, *_):
        if kind:
            return
        grown = (proc.memory_kib(self.pid, 'VmHWM') - self.before) * 1024
        self.t.note('%s: %d MiB more' % (self.what, grown // MIB))
        assert grown < ALLOWED, (self.what, grown // MIB)


def numbers(jobs):
    """Which result each job has: 0 to 9, or None; all of them whole."""
    found = []
    for job in jobs:
        result = job.get('result')
        assert result is None or len(result) == SIZE, len(result)
        equal(result is None, job.get('result_omitted', False), job['id'])
        found.append(int(result[0]) if result else None)
    return found


@story(seconds=240)
def many_long_results_are_waited_for_in_every_way(t):
    start(t)
    group = t.c.call('OpenGroup')['group']
    ids = jobs_of(t, group=group)
    t.c.call('CloseGroup', group=group)
    want = [i % 10 for i in range(JOBS)]
    for key, brief in (('jobs', False), ('ends', True)):
        with Peak(t, 'Wait'):
            reply = t.c.call('Wait', ids=ids, brief=brief, timeout=60 * SLOW)
        # What fits into a message, and all of the rest.
        equal([job['id'] for job in reply[key]], ids)
        equal(numbers(reply[key]), want[:1] + [None] * (JOBS - 1))
        equal(reply['pending'], 0)
        for asked in [{'group': group}] if brief else [{'ids': ids}]:
            with Peak(t, 'Wait with more'):
                told = [job for reply in
                        t.client().stream('Wait', brief=brief, **asked,
                                          timeout=60 * SLOW)
                        for job in reply[key]]
            equal(sorted(job['id'] for job in told), ids)
            equal(sorted(numbers(told)), sorted(want))
    with Peak(t, 'Get'):
        try:
            t.c.call('Get', ids=ids, timeout=60 * SLOW)
            raise AssertionError('so much in one message')
        except CallError as error:
            equal((error.short, error.parameters['what']),
                  ('TooLarge', 'reply'))
    equal(numbers(t.c.call('Get', ids=ids[3:4])['jobs']), [3])


@story(seconds=240)
def who_submits_with_more_is_told_every_long_result(t):
    start(t)
    keys = [{'key': 'k%d' % i, 'args': {'n': i}} for i in range(JOBS)]
    t.c.call('SubmitMany', jobs=keys, defaults={'handler': 'big'})
    for again in ('while they run', 'when they have ended'):
        with Peak(t, 'SubmitMany with more, %s' % again):
            told = [reply['job'] for reply in
                    t.client().stream('SubmitMany', jobs=keys,
                                      defaults={'handler': 'big'},
                                      timeout=60 * SLOW) if 'job' in reply]
        equal(sorted(numbers(told)), sorted(i % 10 for i in range(JOBS)))


@story(seconds=240)
def both_libraries_deliver_long_results(t):
    start(t)
    want = [i % 10 for i in range(JOBS)]
    client = reeve.Client(str(t.socket))
    with reeve.Pool(str(t.socket)) as pool, Peak(t, 'map of Python'):
        found = pool.map('big', range(JOBS))
        equal([len(text) for text in found], [SIZE] * JOBS)
        equal([int(text[0]) for text in found], want)
    ids = [job['id'] for job in client.jobs(limit=JOBS, handler='big')]
    with Peak(t, 'wait of Python'):
        equal(numbers(client.wait(ids, timeout=60 * SLOW)), want)
    words = [str(t.reeve), '--socket', str(t.socket)]
    with Peak(t, 'map of the tool'):
        lines = subprocess.run(
            words + ['map', '-k', '-j4', '--handler', 'big', 'n:={}', ':::',
                     *map(str, range(JOBS))], check=True, timeout=120 * SLOW,
            stdout=subprocess.PIPE).stdout.splitlines()
    equal([(int(text[1:2]), len(text)) for text in lines],
          [(digit, SIZE + 2) for digit in want])
    with Peak(t, 'wait of the tool'):
        subprocess.run(words + ['wait'] + [str(number) for number in ids],
                       check=True, timeout=60 * SLOW,
                       stdout=subprocess.DEVNULL)


if __name__ == '__main__':
    main()
