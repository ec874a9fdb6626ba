#!/usr/bin/python3
"""The examples of workers are whole: they run as they stand."""
import pathlib

from broker import ROOT
import supervisor
from tap import equal, main, test

EXAMPLES = ROOT / 'etc' / 'examples'


def picture(path, width, height):
    """Black on the left, white on the right."""
    row = b'\0' * (width // 2) + b'\xff' * (width - width // 2)
    path.write_bytes(b'P5\n%d %d\n255\n' % (width, height) + row * height)


@test
def thumbs_makes_small_pictures_in_workers_that_share_its_table(b):
    b.template(EXAMPLES / 'thumbs.py')
    equal(b.told()[0], supervisor.READY)
    path = b.folder / 'a.pgm'
    picture(path, 256, 128)
    for slot in range(2):
        link, _ = b.fork(slot, 100 + slot)
        link.send(b.job('thumb', {'path': str(path), 'size': 32}))
        equal(link.until('progress')['fraction'], 1 / 16)
        end = link.until('done', 'fail')
        equal(end.get('result'), {'path': str(path) + '.thumb', 'width': 32,
                                  'height': 16}, end)
        assert 'log64' in end
    equal(pathlib.Path(end['result']['path']).read_bytes(),
          b'P5\n32 16\n255\n' + (b'\0' * 16 + b'\xff' * 16) * 16)


@test
def thumbs_buries_what_is_no_picture(b):
    _, link, _ = b.worker(EXAMPLES / 'thumbs.py')
    path = b.folder / 'a.txt'
    path.write_text('no picture')
    end = b.run(link, 'thumb', {'path': str(path)})
    equal((end['bury'], end['error']['type']), (True, 'Bury'))
    end = b.run(link, 'thumb', {'path': str(path) + '.gone'})
    equal(end['error']['type'], 'FileNotFoundError')


@test
def tasks_raises_for_more_than_five(b):
    _, link, _ = b.worker('-m', 'reeve.worker', EXAMPLES / 'tasks.py')
    equal(b.run(link, 'task', {'n': 5})['result']['square'], 25)
    equal(b.run(link, 'task', {'args': [6]})['error']['message'],
          '6 is more than 5')


if __name__ == '__main__':
    supervisor.become_subreaper()
    main(supervisor.Supervisor)
