#!/usr/bin/python3
"""What --json prints is what the schema files say, against the real daemon;
and they say of jobs, queues and workers what the interface files say.

    schemas.py REEVE REEVED EXAMPLE [TEST...]
    schemas.py --write      make client/schema/types.json anew
"""
import json
import os
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
FOLDER = ROOT / 'client' / 'schema'
FILES = ('org.reeve.jobs', 'org.reeve.queues', 'org.reeve.admin',
         'org.reeve.events')
TOKEN = re.compile(r'->|\[\w*\]|[A-Za-z_]\w*|[():,?]')
PLAIN = {'int': {'type': 'integer'}, 'string': {'type': 'string'},
         'bool': {'type': 'boolean'}, 'float': {'type': 'number'},
         'object': {}}


class Reader:
    """Types of a Varlink interface as JSON schemas."""

    def __init__(self, text):
        text = re.sub(r'#[^\n]*', '', text)
        self.tokens = TOKEN.findall(text)
        self.at = 0
        self.found = {}

    def take(self, *wanted):
        token = self.tokens[self.at]
        assert not wanted or token in wanted, (token, wanted)
        self.at += 1
        return token

    def kind(self):
        token = self.take()
        if token == '[]':
            return {'type': 'array', 'items': self.kind()}
        if token == '[string]':
            return {'type': 'object', 'additionalProperties': self.kind()}
        if token == '(':
            self.at -= 1
            return self.fields()
        if token in PLAIN:
            return dict(PLAIN[token])
        return {'$ref': '#/definitions/' + token}

    def fields(self):
        """( name: type, ... ), or the words of an enum."""
        names, properties, required = [], {}, []
        self.take('(')
        while self.tokens[self.at] != ')':
            name = self.take()
            names.append(name)
            if self.tokens[self.at] == ':':
                self.take(':')
                optional = self.tokens[self.at] == '?'
                if optional:
                    self.take('?')
                else:
                    required.append(name)
                properties[name] = self.kind()
            if self.tokens[self.at] == ',':
                self.take(',')
        self.take(')')
        if names and not properties:
            return {'type': 'string', 'enum': names}
        return {'type': 'object', 'properties': properties,
                'required': required}

    def all(self):
        while self.at < len(self.tokens):
            word = self.take()
            if word == 'type':
                name = self.take()
                self.found[name] = self.fields()
            elif word == 'method':
                name = self.take()
                self.fields()
                self.take('->')
                # What some commands print is a whole reply.
                self.found[name + 'Reply'] = self.fields()
            elif word == 'error':
                self.take()
                self.fields()
        return self.found


def reachable(found, names):
    """Only what the schemas need of them."""
    wanted, done = list(names), {}
    while wanted:
        name = wanted.pop()
        if name not in done:
            done[name] = found[name]
            wanted += re.findall(r'#/definitions/(\w+)',
                                 json.dumps(found[name]))
    return {name: done[name] for name in sorted(done)}


def types():
    found = {}
    for name in FILES:
        found.update(Reader((ROOT / 'proto' / (name + '.varlink'))
                            .read_text()).all())
    return {'$schema': 'http://json-schema.org/draft-07/schema#',
            'title': 'Types of the protocol that --json passes on',
            'definitions': reachable(found, (
                'Job', 'End', 'Queue', 'Worker', 'Pool', 'StatusReply', 'Spec',
                'ExplainReply', 'Reason', 'Event', 'Setting', 'SettingChange',
                'ConfigProblem'))}


def write():
    (FOLDER / 'types.json').write_text(json.dumps(types(), indent=2) + '\n')


if sys.argv[1:] == ['--write']:
    write()
    sys.exit(0)

sys.path.insert(0, str(HERE))
from real import Real, same  # noqa: E402
from tool import Place, run_tests  # noqa: E402


def strict(schema):
    """What is not described is an error here, though programs must not mind."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {name: strict(value) if name != 'enum' else value
              for name, value in schema.items()}
    if 'properties' in schema:
        schema.setdefault('additionalProperties', False)
    return schema


def check(name, value):
    import jsonschema
    store = {}
    for path in FOLDER.glob('*.json'):
        store[path.name] = strict(json.loads(path.read_text()))
        jsonschema.Draft7Validator.check_schema(store[path.name])
    resolver = jsonschema.RefResolver(name, store[name], store=store)
    jsonschema.Draft7Validator(store[name], resolver=resolver).validate(value)


def refused(name, value):
    import jsonschema
    try:
        check(name, value)
    except jsonschema.ValidationError:
        return
    raise AssertionError('%s takes %r' % (name, value))


def test_types_are_those_of_the_interface_files():
    same(json.loads((FOLDER / 'types.json').read_text()), types())


def test_every_listing_is_what_its_schema_says():
    with Real() as here:
        here.submit('-w', '-n', 'one', '-t', 'a=b', '--key', 'k', 'true')
        here.reeve('run', '--retry', '1', '--backoff', '1ms', '--sh',
                   'echo out; exit 3')
        here.reeve('run', 'no-such-command')
        here.reeve('run', '--timeout', '30ms', 'sleep', '9')
        here.submit('--hold', '-q', 'mail', 'true')
        here.submit('--in', '1h', '--stdin-file', '/etc/hostname', 'cat')
        here.reeve('map', '--no-output', 'true', ':::', 'a', 'b')
        running = here.submit('sleep', '100')
        here.until(lambda: here.state(running) == 'running')
        here.reeve('queue', 'set', 'mail', '--max-length', '9')
        for schema, *words in (
                ('ls', 'ls'), ('ls', 'ls', '-a', '--limit', '2'),
                ('ls', 'ls', 'queue=nowhere'),
                ('wait', 'wait', '1'), ('wait', 'wait', '2'),
                ('wait', 'wait', '1-3'), ('wait', 'wait', 'group=1'),
                ('call', 'submit', '-w', 'false'),
                ('call', 'submit', '-w', '--key', 'k', 'true'),
                ('call', 'run', '--key', 'k', 'true'),
                ('queue-ls', 'queue', 'ls'),
                ('worker-ls', 'worker', 'ls'), ('pool-ls', 'pool', 'ls'),
                ('pool-show', 'pool', 'show', 'exec'),
                ('status', 'status'), ('status',), ('doctor', 'doctor'),
                ('config-show', 'config', 'show'),
                ('daemon-reload', 'config', 'diff'),
                ('daemon-reload', 'daemon', 'reload'),
                ('error', 'show', '77'), ('error', 'ls', 'nonsense'),
                ('error', 'submit')):
            check(schema + '.json',
                  here.reeve('--json', *words).json())
        for line in here.reeve('events', '--json').out.splitlines():
            check('events.json', json.loads(line))
        for job in range(1, int(running) + 1):
            for command in ('show', 'explain'):
                check(command + '.json',
                      here.reeve(command, str(job), '--json').json())
        here.reeve('cancel', running)
        here.reeve('daemon', 'stop', '--kill')
        check('doctor.json', here.reeve('doctor', '--json').json())
        check('error.json', here.reeve('--no-autostart', 'ls',
                                       '--json').json())


def test_calls_of_handlers_are_what_their_schemas_say():
    here = Place(os.path.abspath(sys.argv[1]))
    here.start()
    with here:
        for words in (('square', 'args:=[3]'), ('broken',), ('nothing',)):
            check('call.json', here.reeve('call', '--json', *words).json())
        for words in (('--handler', 'square', ':::', '1', '2'),
                      ('--handler', 'broken', ':::', '1'),
                      ('true', ':::', 'a')):
            lines = here.reeve('map', '--json', *words).out.splitlines()
            assert len(lines) >= 2, lines
            for line in lines:
                check('map.json', json.loads(line))


def test_a_schema_refuses_what_is_wrong():
    job = {'id': 1, 'state': 'ready', 'queue': 'q', 'handler': 'exec',
           'priority': 0, 'attempt': 0, 'max_attempts': 1, 'crashes': 0,
           'uid': 0, 'created_ms': 1}
    good = {'v': 1, 'jobs': [job], 'more': False}
    check('ls.json', good)
    for bad in ({**good, 'v': 2}, {'v': 1}, {**good, 'more': 'no'},
                {**good, 'jobs': [{**job, 'state': 'waiting'}]},
                {**good, 'jobs': [{**job, 'id': 'one'}]},
                {**good, 'jobs': [{'id': 1}]},
                {**good, 'jobs': [{**job, 'cause': 'bad luck'}]},
                {**good, 'new': 1}):
        refused('ls.json', bad)
    for name in ('show', 'wait', 'call', 'map', 'queue-ls', 'work', 'worker-ls', 'pool-ls',
                 'pool-show', 'status', 'explain', 'doctor', 'error', 'config-show',
                 'daemon-reload'):
        for bad in ({}, {'v': 1}, {'v': 1, 'x': 1}, [], None):
            refused(name + '.json', bad)


def test_every_schema_is_installed():
    text = (ROOT / 'client' / 'schema' / 'meson.build').read_text()
    for path in FOLDER.glob('*.json'):
        assert "'%s'" % path.name in text, path.name
    assert os.path.exists(FOLDER / 'types.json')


if __name__ == '__main__':
    sys.exit(run_tests(sys.modules[__name__], sys.argv[4:]))
