"""Tests are functions named by a sentence, with @test; prints TAP.

    NAME.py [WORD]...   only those with one of these words in their names
"""
import pathlib
import signal
import sys
import time
import traceback

sys.path.insert(0, str(
    pathlib.Path(__file__).resolve().parents[2] / 'client' / 'python'))

from broker import SLOW, Broker  # noqa: E402

tests = []


def test(function):
    tests.append(function)
    return function


def equal(got, want, what=''):
    if got != want:
        raise AssertionError('%s: got %.1000r, expected %.1000r' % (
            what, got, want))


class Expired(BaseException):
    """Took too long."""


def expire(*_):
    raise Expired('took too long')


def main(make=Broker):
    words = sys.argv[1:]
    chosen = [it for it in tests
              if not words or any(word in it.__name__ for word in words)]
    print('1..%d' % len(chosen), flush=True)
    failed = 0
    signal.signal(signal.SIGALRM, expire)
    for number, function in enumerate(chosen, 1):
        began = time.monotonic()
        signal.alarm(int(120 * SLOW))
        it = make()
        why = None
        try:
            function(it)
        except (Exception, Expired):
            why = traceback.format_exc()
        finally:
            signal.alarm(0)
            it.clean()
        print('%sok %d - %s' % ('not ' if why else '', number,
                                function.__name__.replace('_', ' ')))
        print('# %.2f s' % (time.monotonic() - began), flush=True)
        if why:
            failed += 1
            print('\n'.join('# ' + line for line in why.splitlines()),
                  flush=True)
    sys.exit(1 if failed else 0)
