#!/usr/bin/python3
"""reeve-worker(7) is a page and a test: what it shows is built, and said.

    test_worker_page.py WORKER_ROLE REEVED ROOT
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from template_driver import MESSAGE, READY, Template, adopt  # noqa: E402
from worker_driver import Worker  # noqa: E402
from worker_suite import ROLE, main, test  # noqa: E402

REEVED, ROOT = os.path.abspath(sys.argv[2]), pathlib.Path(
    sys.argv[3]).resolve()
del sys.argv[2:4]
PAGE = (ROOT / 'daemon/reeve-worker.7').read_text()


def plain(text):
    return text.replace('\\e', '\\').replace('\\-', '-')


def blocks():
    return [plain(text) for text in re.findall(
        r'^\.EX\n(.*?)^\.EE$', PAGE, re.S | re.M)]


def block(word):
    found = [text for text in blocks() if word in text]
    assert found, word
    return found[0]


def lines_below(heading):
    """The JSON lines of a section."""
    part = re.search(r'^\.S[SH] %s\n(.*?)(?=^\.S[SH] )' % heading, PAGE,
                     re.S | re.M).group(1)
    return [plain(line) for line in part.splitlines() if line[:1] == '{']


def words(name):
    """What the daemon's source dispatches on."""
    text = (ROOT / name).read_text()
    return set(re.findall(r'json_key_is\(key, "(\w+)"\)', text))


@test
def every_line_is_json():
    lines = [plain(line) for line in PAGE.splitlines() if line[:2] == '{"']
    assert len(lines) > 20
    for line in lines:
        assert isinstance(json.loads(line), dict), line


@test
def the_plugin_is_built_and_understands_all_that_the_daemon_says():
    adopt()
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, 'greet.c').write_text(block('REEVE_PLUGIN'))
        command = block('cc -shared').split()
        subprocess.run(command + ['-Wall', '-Werror', '-I',
                                  str(ROOT / 'client')],
                       cwd=folder, check=True)
        template = Template(REEVED, folder + '/greet.so')
        assert template.hear()[0] == READY
        template.forked()
        broker = template.accept(hello=False)
        said = lines_below('From the daemon')
        for line in said[:2]:
            broker.raw(line.encode() + b'\n')
        done = broker.hear()
        for line in said[2:]:
            broker.raw(line.encode() + b'\n')
        shown = json.loads(lines_below('From the worker')[0])
        assert done['result'] == shown['result'], done
        assert set(shown) == set(done)
        assert done['token'] == 91
        assert broker.hear() == {'pong': 5}
        assert broker.hear() == {'leaving': True, 'idle': True}
        assert broker.hear() is None
        assert template.status() == 0
        template.end()
    names = {next(iter(json.loads(line))) for line in said}
    assert names == words('daemon/worker/desk.c') - {'context'}, names


@test
def what_a_worker_says_is_what_the_broker_dispatches_on():
    ready = [json.loads(line) for line in lines_below('PROGRAMS')]
    names = {next(iter(json.loads(line)))
             for line in lines_below('From the worker')}
    assert names == words('daemon/broker/worker_link.c') - {
        'ready', 'start', 'bye'} | {'pong', 'beat'}, names
    worker = Worker(ROLE)
    worker.accept()
    for one in ready:
        assert set(one) == set(worker.ready), one
    worker.end()


@test
def the_filter_and_its_lines_are_understood():
    worker = Worker(ROLE, run=('/usr/bin/python3', '-c', block('import json')))
    broker = worker.accept()
    job = dict(worker.job(args={'text': 'four'}), handler='f')
    broker.say(job)
    assert broker.hear()['result'] == 4
    worker.end()
    failure, progress = [line for line in lines_below('FILTERS')]
    worker = Worker(ROLE, run=('sh', '-c', 'read a; echo "$0" >&3; read b <@/'
                               'go; echo "$1"', progress, failure))
    os.mkfifo(worker.folder + '/go')
    broker = worker.accept()
    broker.say(dict(worker.job(args={}), handler='f'))
    said = broker.hear()
    shown = json.loads(progress)
    assert {key: said[key] for key in shown} == shown, said
    with open(worker.folder + '/go', 'w') as file:
        file.write('go\n')
    said = broker.hear()
    shown = json.loads(failure)
    assert {key: said[key] for key in shown} == shown, said
    worker.end()


@test
def the_struct_of_templates_is_the_one_of_the_source():
    shown = block('READY, 2 FORK')
    fields = re.findall(r'\s(\w+)(?:\[(\d+)\])?;', shown)
    header = (ROOT / 'daemon/base/template.h').read_text()
    body = re.search(r'struct template_message \{(.*?)^\};', header,
                     re.S | re.M).group(1)
    names = re.findall(r'\s(\w+)(?:\[\w+\])?;', body)
    assert [name for name, _ in fields] == names, (fields, names)
    assert '=IiqiI16s152s' in PAGE and MESSAGE.format == '=IiqiI16s152s'
    assert MESSAGE.size == 192 and '192 bytes' in PAGE


sys.exit(main())
