#!/usr/bin/python3
"""The manual pages: what reeve-protocol(7) shows happens, and all are set
without a complaint.

    pages.py REEVE REEVED EXAMPLE [TEST...]
"""
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from real import TOOL, Real, holds, same  # noqa: E402
from tool import run_tests  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PAGES = ('client/reeve.1', 'daemon/reeved.8', 'daemon/reeve-worker.7',
         'etc/reeve.yaml.5', 'proto/reeve-protocol.7')


class Skip(Exception):
    """What a test needs is not there."""


def test_the_session_of_the_protocol_page_happens():
    text = (ROOT / 'proto/reeve-protocol.7').read_text()
    lines = re.search(r'^\.nf\n(.*?)^\.fi', text, re.S | re.M).group(1)
    lines = lines.splitlines()
    assert len(lines) >= 10 and len(lines) % 2 == 0
    with Real() as here:
        here.reeve('daemon', 'start')
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(30)
            connection.connect(os.path.join(
                here.environment['REEVE_RUNTIME_DIR'], 'reeve.sock'))
            stream = connection.makefile('rwb')
            for call, shown in zip(lines[::2], lines[1::2]):
                json.loads(call)
                stream.write(call.encode() + b'\n')
                stream.flush()
                answer = stream.readline().decode()
                assert answer.startswith(shown), (call, answer, shown)


def test_the_first_ten_minutes_can_be_pasted():
    """Each line of that block of the README, one behind the other."""
    text = (ROOT / 'README.md').read_text().split('## The first ten')[1]
    lines = re.search(r'^```\n(.*?)^```', text, re.S | re.M).group(1)
    lines = lines.splitlines()
    assert len(lines) > 15, lines
    # What ends with another code than 0 is meant to.
    fails = ('exit 3', 'reeve wait last; reeve ls', 'reeve doctor')
    script = ''.join(
        '%s\ncode=$?; [ $code = 0 ] || echo "@$code of %d"\n' % (line, i)
        for i, line in enumerate(lines))
    with Real() as here:
        clone = pathlib.Path(here.folder, 'clone/build-release/client')
        clone.mkdir(parents=True)
        (clone / 'reeve').symlink_to(TOOL)
        done = subprocess.run(
            ['bash', '-c', script], cwd=clone.parent.parent, timeout=120,
            env=dict(here.environment, TMPDIR=here.folder), text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        for code, i in re.findall(r'@(\d+) of (\d+)', done.stdout):
            line = lines[int(i)]
            assert code in '13' and [1 for word in fails if word in line], (
                line, code, done.stderr)
        holds(done.stdout, 'out\n', 'fine\n', '1 would be cancelled',
              'default\t0\t', 'stopped')
        holds(done.stderr, 'err\n', '2 done, 0 failed')


def test_the_methods_of_the_protocol_page_are_there():
    page = (ROOT / 'proto/reeve-protocol.7').read_text()
    for name in ('jobs', 'queues', 'admin'):
        block = re.search(r'^\.B org\.reeve\.%s\n(.*?)^\.' % name, page,
                          re.S | re.M).group(1)
        methods = re.findall(r'[A-Z]\w+', block)
        idl = (ROOT / ('proto/org.reeve.%s.varlink' % name)).read_text()
        assert len(methods) > 5, block
        for method in methods:
            assert 'method %s(' % method in idl, method


def test_every_page_is_installed_and_names_the_others():
    for page in PAGES:
        folder, name = page.split('/')
        text = (ROOT / folder / 'meson.build').read_text()
        holds(text, "install_man('%s')" % name)
        text = (ROOT / page).read_text()
        for other in PAGES:
            other, section = os.path.basename(other).rsplit('.', 1)
            if name.startswith(other) or page.startswith('etc/'):
                continue
            if (name, other) == ('reeve-protocol.7', 'reeve.yaml'):
                continue
            holds(text.split('.SH SEE ALSO')[1],
                  '.BR %s (%s)' % (other, section))


def test_pages_are_set_without_a_complaint():
    if not shutil.which('groff'):
        raise Skip('groff is not installed')
    for page in PAGES:
        done = subprocess.run(
            ['groff', '-man', '-Tutf8', '-ww', '-z', str(ROOT / page)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        said = [line for line in done.stderr.decode().splitlines()
                if 'cannot adjust' not in line and 'break' not in line]
        same((page, said), (page, []))


if __name__ == '__main__':
    sys.exit(run_tests(sys.modules[__name__], sys.argv[4:]))
