"""Handlers with data that is loaded once, for the tests of the template."""
import array
import os
import time

from reeve.worker import handler, init, main, preload

numbers = None
begun = None


@preload
def load():
    global numbers
    numbers = array.array('q', range(1000000))
    path = os.environ.get('REEVE_TEST_PRELOADS')
    if path:
        with open(path, 'a') as file:
            file.write('once\n')


@init
def begin():
    global begun
    begun = os.getpid()


@handler
def noop():
    pass


@handler
def sum_of_all():
    return sum(numbers)


@handler
def sum_of_all_of(_):
    return sum(numbers)


@handler
def begun_in():
    return begun


@handler
def who():
    return [os.getpid(), int(os.environ['REEVE_WORKER']),
            int(os.environ['REEVE_SLOT']),
            os.environ.get('REEVE_WORKER_SECRET')]


@handler
def naps(path):
    open(path, 'w').close()
    time.sleep(60)


if __name__ == '__main__':
    main()
