#!/usr/bin/python3
"""A worker that makes thumbnails of grey pictures (PGM), with a table that is
loaded once for all workers of its pool. In reeve.yaml:

    pools:
      thumbs:
        kind: worker
        run: [/usr/bin/python3, /path/to/thumbs.py]
        handles: [thumb]
        workers: 2..8
        preload: true

Then:

    reeve call thumb '{"path": "/tmp/a.pgm", "size": 64}'
"""
import array
import os

from reeve.worker import Bury, Cancelled, handler, main, preload

# Brightness is not linear: 65 536 steps, as in a real picture.
linear = None


@preload
def load():
    """Once, in the template. Workers share it as long as nobody writes: an
    array has no reference counts inside, a list of numbers would be copied.
    """
    global linear
    linear = array.array('d', ((i / 65535) ** 2.2 for i in range(65536)))


def read_pgm(path):
    """Width, height and the grey values, 0 to 255, of a binary PGM."""
    with open(path, 'rb') as file:
        head = file.readline().split() + file.readline().split() + (
            file.readline().split())
        if len(head) != 4 or head[0] != b'P5' or head[3] != b'255':
            raise Bury('%s is no PGM file' % path)  # no further try helps
        width, height = int(head[1]), int(head[2])
        return width, height, file.read(width * height)


@handler
def thumb(path, size=64, *, ctx):
    """Reduce a picture to `size` pixels' width; what was made of it."""
    width, height, pixels = read_pgm(path)
    step = max(width // size, 1)
    columns, rows = width // step, height // step
    small = bytearray()
    target = path + '.thumb'
    try:
        for row in range(rows):
            for column in range(columns):
                light = sum(
                    linear[pixels[(row * step + y) * width +
                                  column * step + x] * 257]
                    for y in range(step) for x in range(step))
                small.append(round((light / step ** 2) ** (1 / 2.2) * 255))
            ctx.progress((row + 1) / rows)
        with open(target, 'wb') as file:
            file.write(b'P5\n%d %d\n255\n' % (columns, rows) + small)
    except Cancelled:  # or its time is over: leave nothing half behind
        if os.path.exists(target):
            os.unlink(target)
        raise
    print('attempt %d: %s' % (ctx.attempt, target))  # kept with the job
    return {'path': target, 'width': columns, 'height': rows}


if __name__ == '__main__':
    main()
