#!/usr/bin/python3
"""Events, told to a real daemon: without a gap over the death of the broker, to
those who read slowly, from any number that is kept, to many at once.

covers: daemon/broker/subscribe daemon/broker/call_events
covers: daemon/store/sqlite_history
"""
import pathlib
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'helper'))
from story import SLOW, equal, eventually, main, story  # noqa: E402
from wire import CallError, Client, Closed  # noqa: E402

SUBSCRIBE = 'org.reeve.events.Subscribe'
NUMBERED = ('submitted', 'started', 'finished', 'failed', 'retrying',
            'cancelled', 'removed')


class Ear:
    """Listens, notes what it hears, and goes on where it stopped."""

    def __init__(self, t, since=None, **wish):
        self.t, self.wish = t, wish
        self.cursor = since
        self.heard, self.told, self.lost = [], [], []
        self.client = None
        self.breaks = 0

    def connect(self):
        self.client = Client(str(self.t.socket))
        wish = dict(self.wish)
        if self.cursor is not None:
            wish['since'] = self.cursor
        self.client.send(SUBSCRIBE, wish, more=True)

    def take(self):
        """One reply; a broken connection is opened again."""
        try:
            if not self.client:
                self.connect()
            reply = self.client.result()
        except (Closed, OSError):
            self.breaks += 1
            if self.client:
                self.client.close()
            self.client = None
            threading.Event().wait(0.01)
            return None
        for event in reply['events']:
            if event['kind'] in NUMBERED:
                self.heard.append(event)
            elif event['kind'] == 'lost':
                self.lost.append(event['detail'])
            else:
                self.told.append(event)
        self.cursor = reply['cursor']
        return reply

    def until(self, number):
        while self.cursor is None or self.cursor <= number:
            self.take()

    def numbers(self):
        return [event['seq'] for event in self.heard]

    def close(self):
        if self.client:
            self.client.close()


def head(t):
    return t.c.call(SUBSCRIBE)['head']


def spec(**fields):
    return {'argv': ['/bin/true'], **fields}


# What the last event of a job says is what Get says of it.
STATE_OF = {'finished': 'succeeded', 'failed': 'failed',
            'cancelled': 'cancelled'}


def agrees(t, events):
    last, started = {}, {}
    for event in events:
        last[event['job']] = event
        if event['kind'] == 'started':
            started[event['job']] = event['detail']['attempt']
    ids = sorted(last)
    jobs = {}
    for at in range(0, len(ids), 500):
        for job in t.c.call('Get', ids=ids[at:at + 500])['jobs']:
            jobs[job['id']] = job
    equal(sorted(jobs), ids)
    for number, event in last.items():
        job = jobs[number]
        equal(job['state'], STATE_OF[event['kind']], 'job %d' % number)
        equal(job['queue'], event['queue'])
        equal(job.get('group'), event.get('group'))
        if number in started:
            equal(job['attempt'], started[number])


@story(seconds=120)
def a_log_is_gapless_though_the_broker_is_killed_under_load(t):
    t.start(workers=2)
    group = t.c.call('OpenGroup')['group']
    ear = Ear(t, since=1)
    stop = threading.Event()

    done = threading.Event()

    def listen():
        while not stop.is_set():
            ear.take()

    def submit():
        """Whatever happens to a call, the next one is made."""
        while not done.is_set():
            try:
                with Client(str(t.socket)) as client:
                    while not done.is_set():
                        client.call('SubmitMany', jobs=[
                            spec(queue='q%d' % (n % 3), argv=[
                                '/bin/sh', '-c', 'exit %d' % (n % 2)],
                                **({'group': group} if n % 4 == 0 else {}))
                            for n in range(10)])
                        done.wait(0.02)
            except (Closed, OSError):
                done.wait(0.01)
    threads = [threading.Thread(target=run, daemon=True)
               for run in (listen, submit)]
    for thread in threads:
        thread.start()
    for turn in range(1, 5):
        eventually(lambda: ear.cursor and ear.cursor > turn * 100, 30)
        t.kill_broker()
        t.ready()
        t.reconnect()
    done.set()
    threads[1].join(60)
    eventually(lambda: not any(
        t.c.call('Count', filter={'states': ['ready', 'running', 'scheduled']}
                 )['counts'].values()), 60)
    last = head(t) - 1
    eventually(lambda: ear.cursor and ear.cursor > last, 30)
    stop.set()
    t.c.call('org.reeve.queues.Pause', name='q0')  # wakes it
    threads[0].join(60)
    ear.close()
    equal(ear.numbers(), list(range(1, last + 1)))
    equal(ear.lost, [])
    assert ear.breaks, 'the connection never broke'
    agrees(t, ear.heard)
    # And read again, from the store alone, it says the same.
    again, since = [], 1
    while since <= last:
        reply = t.c.call(SUBSCRIBE, since=since)
        again += reply['events']
        since = reply['cursor']
    equal(again, ear.heard)


@story(seconds=120)
def who_does_not_read_holds_up_nobody_and_gets_the_gap_again(t):
    t.start(workers=1)
    t.c.call('org.reeve.queues.Pause', name='default')
    t.submit(['/bin/true'])
    t.c.call('org.reeve.queues.Pause', name='default')
    ear = Ear(t)
    ear.take()
    first = ear.cursor

    def kib():
        text = pathlib.Path('/proc/%d/status' % t.broker()).read_text()
        return int(text.split('VmRSS:')[1].split()[0])
    many = [spec(queue='default') for _ in range(10000)]
    t.c.call('SubmitMany', jobs=many)
    before = kib()
    for _ in range(10):
        t.c.call('SubmitMany', jobs=many)
    # Those are 10 MB of events. What the sanitizers keep back is no figure.
    grown = kib() - before
    assert SLOW > 1 or grown < 8 * 1024, (before, grown)
    last = head(t) - 1
    while not ear.lost:
        ear.take()
    equal(ear.lost[0]['to'], last)
    equal(ear.numbers(), list(range(first, ear.lost[0]['from'])))
    ear.close()
    # What he lost is all there.
    again = Ear(t, since=ear.lost[0]['from'])
    again.until(last)
    again.close()
    equal(again.lost, [])
    equal(again.numbers(), list(range(ear.lost[0]['from'], last + 1)))


@story
def a_cursor_that_is_too_old_is_refused_with_the_oldest(t):
    t.start(flags=['--keep-events', '5'])
    for _ in range(4):
        t.run(['/bin/true'])

    def refused():
        try:
            t.c.call(SUBSCRIBE, since=1)
        except CallError as error:
            return error
        return None
    error = eventually(refused, 30)
    equal(error.name, 'org.reeve.events.CursorTooOld')
    oldest = error.parameters['oldest']
    assert oldest > 1, error.parameters
    reply = t.c.call(SUBSCRIBE, since=oldest)
    equal(reply['events'][0]['seq'] if reply['events'] else reply['head'],
          oldest)
    # Numbers go on.
    before = head(t)
    t.run(['/bin/true'])
    equal(head(t), before + 3)


@story
def each_filter_chooses_live_and_of_the_past(t):
    t.start()
    group = t.c.call('OpenGroup')['group']
    wishes = ({'kinds': ['failed', 'finished']}, {'queue': 'b'},
              {'group': group}, {'jobs': [2, 4]},
              {'queue': 'a', 'kinds': ['submitted']})
    ears = [Ear(t, **wish) for wish in wishes]
    for ear in ears:
        ear.take()
    for n in range(4):
        job = t.submit(['/bin/sh', '-c', 'exit %d' % (n % 2)],
                       queue='ab'[n // 2], **({'group': group} if n else {}))
        t.wait(job)
    all_of = t.c.call(SUBSCRIBE, since=1)['events']
    equal(len(all_of), 12)

    def fits(event, wish):
        return ((event['kind'] in wish.get('kinds', [event['kind']])) and
                event['queue'] == wish.get('queue', event['queue']) and
                event.get('group') == wish.get('group', event.get('group'))
                and event['job'] in wish.get('jobs', [event['job']]))
    for ear, wish in zip(ears, wishes):
        want = [event for event in all_of if fits(event, wish)]
        equal(t.c.call(SUBSCRIBE, since=1, **wish)['events'], want)
        while len(ear.heard) < len(want):
            ear.take()
        equal(ear.heard, want)
        ear.close()
    at = all_of[6]['at_ms']
    since = t.c.call(SUBSCRIBE, since_ms=at)['events'][0]
    assert since['at_ms'] >= at and since['seq'] <= 7, since
    equal(t.c.call(SUBSCRIBE, since_ms=at + 10 ** 9)['events'], [])


@story
def a_hundred_hear_the_same(t):
    t.start()
    ears = [Ear(t) for _ in range(100)]
    for ear in ears:
        ear.take()
    t.c.call('SubmitMany', jobs=[spec() for _ in range(50)])
    last = ears[0].cursor + 149
    for ear in ears:
        ear.until(last)
        equal(ear.numbers(), list(range(last - 149, last + 1)))
        equal(ear.lost, [])
        ear.close()
    equal({event['kind'] for event in ears[0].heard},
          {'submitted', 'started', 'finished'})


@story
def more_than_256_are_too_many(t):
    t.start()
    clients = []
    for _ in range(256):
        client = t.client()
        client.send(SUBSCRIBE, more=True)
        client.result()
        clients.append(client)
    extra = t.client()
    extra.send(SUBSCRIBE, more=True)
    try:
        extra.result()
        raise AssertionError('the 257th listens')
    except CallError as caught:
        error = caught
    equal((error.name, error.parameters['limit']),
          ('org.reeve.events.TooManySubscriptions', 256))
    t.c.call(SUBSCRIBE, since=0)
    clients.pop().close()

    def again():
        extra.send(SUBSCRIBE, more=True)
        try:
            return extra.result()
        except CallError:
            return None
    eventually(again)


@story
def workers_come_and_go(t):
    t.start(workers=1).whole()
    ear = Ear(t, kinds=['worker_up', 'worker_down'])
    ear.take()
    pid = t.worker_pids()[0]
    t.kill(pid)
    while len(ear.told) < 2:
        ear.take()
    equal([event['kind'] for event in ear.told], ['worker_down', 'worker_up'])
    equal(ear.told[0]['pid'], pid)
    equal(ear.told[1]['detail']['pool'], 'exec')
    ear.close()


if __name__ == '__main__':
    main()
