#!/usr/bin/python3
"""A map over very many items, one of which kills whoever touches it: all the
others have their result, it has an error, and nobody pays for it.

100 000 items; a million with REEVE_TEST_SOAK=1.
"""
import collections
import pathlib
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'helper'))
from story import PATIENCE, SLOW, SOAK, equal, main  # noqa: E402
from warm import do, of_both, serving, start  # noqa: E402

ITEMS = 1000000 if SOAK else 100000 if SLOW == 1 else 20000
CHUNK = 500
AHEAD = 5000


class Map:
    """As PROTOCOL.md tells clients to do it: two connections and a group."""

    def __init__(self, t):
        self.submitter, self.waiter = t.client(), t.client()
        self.group = self.submitter.call('OpenGroup')['group']
        self.ended = {}
        self.change = threading.Condition()
        self.error = None
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        try:
            for reply in self.waiter.stream('Wait', group=self.group,
                                            brief=True):
                with self.change:
                    for end in reply.get('ends') or []:
                        assert end['id'] not in self.ended, 'told twice'
                        self.ended[end['id']] = end
                    self.change.notify()
        except Exception as error:  # noqa: B902
            with self.change:
                self.error = error
                self.change.notify()

    def run(self, items):
        """The ends, in the order of the items."""
        ids = []
        for at in range(0, len(items), CHUNK):
            with self.change:
                while len(ids) - len(self.ended) > AHEAD and not self.error:
                    if not self.change.wait(60 * PATIENCE):
                        raise AssertionError('no job ends any more')
            assert not self.error, self.error
            ids += self.submitter.call(
                'SubmitMany', jobs=[{'args': item}
                                    for item in items[at:at + CHUNK]],
                defaults={'handler': 'square', 'group': self.group})['ids']
        self.submitter.call('CloseGroup', group=self.group)
        self.reader.join(120 * PATIENCE)
        assert not self.reader.is_alive(), 'the wait has no end'
        assert not self.error, self.error
        return ids, [self.ended[number] for number in ids]


@of_both(seconds=900 if SOAK else 180)
def a_map_with_one_poison_item_has_all_results_but_one(t, kind):
    start(t, kind, workers='2')
    serving(t, 2)
    poison = ITEMS // 2
    began = time.monotonic()
    ids, ends = Map(t).run([{'i': i, 'poison': poison}
                            for i in range(ITEMS)])
    took = time.monotonic() - began
    t.note('%d items in %.1f s' % (ITEMS, took))
    equal(collections.Counter(end['state'] for end in ends),
          {'succeeded': ITEMS - 1, 'failed': 1})
    for i, end in enumerate(ends):
        if i != poison:
            equal(end['result'], i * i)
    equal(ends[poison]['cause'], 'worker_lost')
    assert 'signal 6' in ends[poison]['failure']['message'], ends[poison]
    # Those around it were in the hands of the workers that died.
    for job in t.c.call('Get', ids=ids[poison - 1000:poison + 1000])['jobs']:
        equal((job['attempt'], job['crashes']),
              (3, 3) if job['id'] == ids[poison] else (1, 0), job)
    equal(len(serving(t, 2)), 2)
    equal(do(t, 'echo', {'a': 1})['result'], {'a': 1})


if __name__ == '__main__':
    main()
