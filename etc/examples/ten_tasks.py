#!/usr/bin/python3
"""Ten tasks on three workers; those with n > 5 raise; callbacks print.

What tutorials of multiprocessing show. The workers are those of tasks.py.
"""
import reeve


def done(result):
    print('task %d: %d' % (result['n'], result['square']), flush=True)


def failed(error):
    print('%s: %s' % (type(error).__name__, error), flush=True)


if __name__ == '__main__':
    with reeve.Pool() as pool:
        results = [pool.apply_async('task', (n,), callback=done,
                                    error_callback=failed)
                   for n in range(1, 11)]
    # Leaving the block has waited for all of them.
    good = [result.get() for result in results if result.successful()]
    print('%d of %d, by %d workers' % (
        len(good), len(results), len({it['pid'] for it in good})))
