#!/usr/bin/python3
"""The daemon describes itself, and others judge it.

covers: daemon/broker/call_service daemon/broker/call_certification
"""
import pathlib
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'helper'))
from story import Skip, equal, main, story  # noqa: E402

PROTO = pathlib.Path(__file__).resolve().parents[2] / 'proto'
WITNESS = pathlib.Path(__file__).resolve().parents[1] / 'witness/certification.sh'


@story
def the_interfaces_are_served_word_for_word(t):
    t.start()
    info = t.c.call('org.varlink.service.GetInfo')
    equal(info['product'], 'reeved')
    files = {path.stem: path for path in PROTO.glob('org.*.varlink')}
    wanted = set(files) - {'org.varlink.certification'}
    assert wanted <= set(info['interfaces']), info
    for name in wanted:
        text = t.c.call('org.varlink.service.GetInterfaceDescription',
                        interface=name)['description']
        equal(text, files[name].read_text(), name)


@story
def an_interface_that_is_not_there_is_a_named_error(t):
    t.start()
    error = t.c.refused('org.varlink.service.GetInterfaceDescription',
                        interface='org.nobody')
    assert error.name in ('org.varlink.service.InterfaceNotFound',
                          'org.varlink.service.InvalidParameter'), error


@story
def every_method_of_the_interfaces_answers(t):
    """Each is done, refused for its parameters, or named as not built."""
    t.start()
    count = 0
    for path in PROTO.glob('org.reeve.*.varlink'):
        for line in path.read_text().splitlines():
            if not line.startswith('method '):
                continue
            name = line.split()[1].split('(')[0]
            if name == 'Shutdown':
                continue
            with t.client() as client:
                client.send('%s.%s' % (path.stem, name))
                reply = client.read()
                if 'error' in reply:
                    assert reply['parameters'].get('message'), reply
                    assert not reply['error'].endswith(
                        ('MethodNotFound', 'InterfaceNotFound')), reply
            count += 1
    assert count > 30, count


@story
def the_certification_client_passes(t):
    """The same judge as of tests/witness/serve.c, before the whole daemon."""
    if not shutil.which('varlink-go-certification'):
        raise Skip('varlink-go-certification is not here')
    t.start()
    info = t.c.call('org.varlink.service.GetInfo')
    if 'org.varlink.certification' not in info['interfaces']:
        raise Skip('built without test hooks')
    result = subprocess.run(
        ['/bin/bash', str(WITNESS), str(t.socket)], timeout=120,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True)
    equal(result.returncode, 0, result.stdout)


if __name__ == '__main__':
    main()
