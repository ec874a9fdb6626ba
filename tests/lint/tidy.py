#!/usr/bin/python3
"""clang-tidy over reeve's own sources; .clang-tidy says what and why not.

    tidy.py ROOT BUILD      BUILD: made with clang
"""
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from source import Tap  # noqa: E402

FOLDERS = ('proto/', 'daemon/', 'client/')


def sources(root, build):
    commands = json.loads((build / 'compile_commands.json').read_text())
    found = set()
    for command in commands:
        path = (build / command['file']).resolve()
        if path.is_relative_to(root):
            name = str(path.relative_to(root))
            if name.startswith(FOLDERS):
                found.add(name)
    return sorted(found)


def tidy(root, build, name):
    result = subprocess.run(
        ['clang-tidy-14', '--quiet', '-p', str(build), name], cwd=root,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL, universal_newlines=True)
    found = {line.replace(str(root) + '/', '')
             for line in result.stdout.splitlines()
             if re.search(r': (error|warning): ', line)}
    if result.returncode and not found:
        found = set(result.stdout.splitlines()[-5:])
    return sorted(found)


def main(root, build):
    root, build = pathlib.Path(root).resolve(), pathlib.Path(build).resolve()
    tap = Tap()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        names = sources(root, build)
        for name, found in zip(names, pool.map(
                lambda name: tidy(root, build, name), names)):
            tap.check('clang-tidy finds nothing in ' + name, found)
    tap.end()


if __name__ == '__main__':
    main(*sys.argv[1:])
