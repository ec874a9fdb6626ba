"""The section `events` of run: events a second to one and to 100 subscribers,
beside the submissions that make them, and what a subscriber costs those."""
import contextlib
import selectors
import socket
import statistics
import threading
import time

from story import Story
from wire import encode

SUBSCRIBE = 'org.reeve.events.Subscribe'


@contextlib.contextmanager
def daemon(build):
    """A fresh daemon in which nothing starts."""
    it = Story(str(build / 'daemon/reeved'), str(build / 'client/reeve'))
    try:
        it.start(workers=1)
        it.c.call('SubmitMany', jobs=[{'argv': ['/bin/true'], 'hold': True}])
        it.c.call('org.reeve.queues.Pause', name='default')
        yield it
    finally:
        it.clean()


class Ears:
    """Subscribers that count, in a thread of their own."""

    def __init__(self, it, count, since=None):
        self.want, self.selector = 0, selectors.DefaultSelector()
        self.counts = {}
        wish = {} if since is None else {'since': since}
        self.message = encode(SUBSCRIBE, wish, more=True) + b'\0'
        for _ in range(count):
            ear = socket.socket(socket.AF_UNIX)
            ear.connect(str(it.socket))
            self.counts[ear] = 0
            self.selector.register(ear, selectors.EVENT_READ)
        self.lost = 0

    def begin(self):
        for ear in self.counts:
            ear.sendall(self.message)

    def greeted(self):
        for ear in self.counts:
            assert ear.recv(1 << 16)

    def until(self, each):
        """All have heard so many. Return: when the last one had."""
        left = len(self.counts)
        tails = dict.fromkeys(self.counts, b'')
        while left:
            for key, _ in self.selector.select():
                ear = key.fileobj
                data = tails[ear] + ear.recv(1 << 18)
                # What is cut is counted with the next piece.
                before = self.counts[ear]
                self.counts[ear] += data.count(b'"seq":')
                self.lost += data.count(b'"lost"')
                tails[ear] = data[-5:]
                if before < each <= self.counts[ear]:
                    left -= 1
        return time.monotonic()

    def close(self):
        for ear in self.counts:
            ear.close()


def submit(it, total, batch=500):
    jobs = [{'argv': ['/bin/true']}] * batch
    for _ in range(total // batch):
        it.c.call('SubmitMany', jobs=jobs)


def live(build, subscribers, total):
    """Events a second that each of them heard while jobs were submitted."""
    with daemon(build) as it:
        ears = Ears(it, subscribers)
        ears.begin()
        ears.greeted()
        ended = []
        thread = threading.Thread(
            target=lambda: ended.append(ears.until(total)))
        thread.start()
        began = time.monotonic()
        submit(it, total)
        submitted = time.monotonic()
        thread.join()
        ears.close()
        assert not ears.lost, 'some were lost'
        return total / (ended[0] - began), total / (submitted - began)


def quiet(build, total):
    with daemon(build) as it:
        began = time.monotonic()
        submit(it, total)
        return total / (time.monotonic() - began)


def past(build, total):
    """Events a second that are read from the history."""
    with daemon(build) as it:
        submit(it, total)
        ears = Ears(it, 1, since=0)
        began = time.monotonic()
        ears.begin()
        took = ears.until(total) - began
        ears.close()
        return total / took


def events(add, build, rounds, scale):
    one, many = int(100000 * scale) // 500 * 500, int(10000 * scale)
    many = max(many // 500 * 500, 500)
    alone = statistics.median(quiet(build, one) for _ in range(rounds))
    told, made = map(statistics.median,
                     zip(*(live(build, 1, one) for _ in range(rounds))))
    add('events', 'a second to one subscriber, live', told, '/s')
    add('events', 'submissions a second meanwhile', made, '/s',
        {'nobody listens': alone})
    told, made = map(statistics.median,
                     zip(*(live(build, 100, many) for _ in range(rounds))))
    add('events', 'a second to each of 100 subscribers', told, '/s')
    add('events', 'a second to 100 subscribers together', told * 100, '/s')
    add('events', 'submissions a second meanwhile', made, '/s',
        {'nobody listens': alone})
    add('events', 'a second from the history', statistics.median(
        past(build, one) for _ in range(rounds)), '/s')
