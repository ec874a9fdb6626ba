#!/usr/bin/python3
"""clang-format decides; nobody argues.

    format.py ROOT
"""
import pathlib
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from source import Tap, files  # noqa: E402


def unformatted(root, tool):
    paths = [str(path) for path in files(root, '*.c', '*.h')]
    result = subprocess.run([tool, '--dry-run', '-Werror', *paths], cwd=root,
                            stderr=subprocess.PIPE, universal_newlines=True)
    if result.returncode == 0:
        return
    wrong = sorted({line.split(':')[0] for line in result.stderr.splitlines()
                    if 'clang-format-violations' in line})
    for path in wrong or ['clang-format failed: ' + result.stderr[:2000]]:
        yield '%s: run clang-format -i on it' % path


def main(root):
    tap = Tap()
    # Another version formats otherwise: the floor is Debian 12's.
    tool = shutil.which('clang-format-14')
    if tool:
        tap.check('clang-format finds nothing to change',
                  unformatted(root, tool))
    else:
        tap.skip('clang-format finds nothing to change',
                 'clang-format-14 is not here')
    tap.end()


if __name__ == '__main__':
    main(sys.argv[1])
