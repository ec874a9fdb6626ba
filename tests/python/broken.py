"""A worker that never gets as far as to be one."""
import os

from reeve.worker import handler, init, main


@init
def begin():
    folder = os.path.dirname(os.path.dirname(os.environ['REEVE_RESULTS']))
    with open(folder + '/births', 'a') as file:
        file.write('%d\n' % os.getpid())
    raise KeyError('no data')


@handler
def never_there():
    pass


if __name__ == '__main__':
    main()
