#!/usr/bin/python3
"""Several users and one daemon: whom it serves, and what each may do.

It serves the user who runs it, and root; whoever submits, jobs run as that
user. These are told as root, of a daemon of ANN and of BOB, who is nobody to
it; neither needs an account.

covers: daemon/broker/conn daemon/broker/call_steer daemon/broker/call_edit
covers: daemon/broker/worker_link client/link client/handle
"""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import stat
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'helper'))
sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / 'client/python'))
import reeve  # noqa: E402
from story import (  # noqa: E402
    Client, Skip, equal, eventually, main, story)

ANN, BOB = 60123, 60124


def become(uid):
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)


def as_user(t, uid, function):
    """What function() returns, or the text of what it raised, in a process
    of that user."""
    out, into = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            signal.alarm(0)
            become(uid)
            try:
                said = function()
            except Exception as error:
                said = '%s: %s' % (type(error).__name__, error)
            with open(into, 'w') as pipe:
                json.dump(said, pipe)
        finally:
            os._exit(0)
    os.close(into)
    with open(out) as pipe:
        said = pipe.read()
    t.exit_of(pid)
    return json.loads(said)


def tool(t, uid, *words, **environment):
    """Exit code and all that the tool said, run by that user."""
    out, into = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            signal.alarm(0)
            become(uid)
            os.dup2(os.open('/dev/null', os.O_RDONLY), 0)
            os.dup2(into, 1)
            os.dup2(into, 2)
            os.closerange(3, 256)
            os.execve(str(t.folder / 'reeve'), ['reeve', *words], {
                'PATH': os.environ['PATH'], 'REEVE_NO_AUTOSTART': '1',
                'REEVE_STORY': str(t.folder), **environment})
        finally:
            os._exit(127)
    os.close(into)
    with open(out) as pipe:
        said = pipe.read()
    return t.exit_of(pid), said


def ann(t, **options):
    """A daemon of hers. Where the tree was built she may have no way in."""
    if os.geteuid() != 0:
        raise Skip('only root can be several users')
    for program in ('reeved', 'reeve'):
        shutil.copy(getattr(t, program), t.folder / program)
        (t.folder / program).chmod(0o755)
    t.reeved = str(t.folder / 'reeved')
    t.folder.chmod(0o711)
    for folder in (t.state, t.runtime):
        folder.mkdir(mode=0o700)
        os.chown(folder, ANN, ANN)
    t.wrapper = ['setpriv', '--reuid=%d' % ANN, '--regid=%d' % ANN,
                 '--clear-groups', '--']
    return t.start(**options)


def her(t, method, **parameters):
    """One call of hers: the answer, or the error's text."""
    def call():
        with Client(t.socket) as client:
            return client.call(method, **parameters)
    return as_user(t, ANN, call)


def opened(t):
    """Permissions that an administrator took for harmless."""
    t.runtime.chmod(0o711)
    for name in ('reeve.sock', 'worker.sock'):
        (t.runtime / name).chmod(0o666)


@story
def nobody_else_reaches_the_sockets(t):
    ann(t)
    for name in ('reeve.sock', 'worker.sock'):
        path = t.runtime / name
        equal(stat.S_IMODE(path.stat().st_mode), 0o600, name)
        assert as_user(t, BOB, lambda path=path: Client(path).close()
                       ).startswith('PermissionError'), name
    code, said = tool(t, BOB, '--socket', str(t.socket), 'ls')
    assert code and 'its own user and root' in said, (code, said)


@story
def an_open_socket_serves_nobody_else(t):
    ann(t)
    opened(t)

    def submit():
        with Client(t.socket) as client:
            return client.call('Submit', job={'argv': ['true']})

    said = as_user(t, BOB, submit)
    assert 'PermissionDenied' in said and 'own user only' in said, said

    def worker():
        with socket.socket(socket.AF_UNIX) as it:
            it.settimeout(60)
            it.connect(str(t.runtime / 'worker.sock'))
            with contextlib.suppress(OSError):
                it.sendall(b'{"ready":1}\n')
                return len(it.recv(100))
            return 0

    equal(as_user(t, BOB, worker), 0, 'bytes for a stranger')
    code, said = tool(t, BOB, '--socket', str(t.socket), 'submit', 'true')
    assert code and 'own user only' in said, (code, said)
    # However many they are, there is room for her.
    equal(as_user(t, BOB, lambda: [Client(t.socket) for _ in range(300)]
                  and 1), 1)
    equal(her(t, 'admin.Hello')['uid'], ANN)
    equal(her(t, 'Count')['total'], 0)


@story
def what_it_keeps_is_closed_to_others(t):
    ann(t)
    job = t.submit(['sh', '-c', 'head -c 100000 /dev/zero; sleep 1000'])
    eventually(lambda: list((t.state / 'output').iterdir()),
               what='the output is in a file')
    for top in (t.state, t.runtime):
        for path in (top, *top.rglob('*')):
            facts = path.lstat()
            equal((facts.st_uid, facts.st_mode & 0o077), (ANN, 0), path)
    t.c.call('Cancel', filter={'ids': [job]}, grace_ms=0)


@story
def jobs_of_root_run_as_her_and_are_told_apart(t):
    ann(t)
    job = t.run(['sh', '-c', 'id -u; id -g; id -G'])
    equal(job['uid'], 0)
    equal(t.output(job['id']), b'%d\n' % ANN * 3)
    # A word of root's and one of hers are two.
    spec = {'argv': ['true'], 'key': 'k', 'unique': 'u', 'hold': True}
    first, second = t.submit(**spec), her(t, 'Submit', job=spec)['id']
    assert first != second
    equal(t.submit(**spec), first)
    equal(her(t, 'Submit', job=spec)['id'], second)
    equal([job['uid'] for job in t.c.call('Get', ids=[first, second])['jobs']],
          [0, ANN])
    equal([job['id'] for job in her(t, 'List', filter={'uid': 0})['jobs']],
          [job['id'], first])


@story
def root_and_she_steer_all_jobs(t):
    """She owns the processes, root the machine."""
    ann(t)

    def each(call, submit):
        def count(method, **parameters):
            return call(method, filter={'ids': [job]}, **parameters)
        job = submit({'argv': ['sleep', '1000'], 'hold': True})
        equal(count('Change', priority=3), {'count': 1})
        equal(count('Release'), {'count': 1})
        t.reaches(job, 'running')
        equal(count('Cancel', grace_ms=0), {'cancelled': 0, 'signalled': 1})
        equal(t.wait(job)['state'], 'cancelled')
        equal(count('Retry', delay_ms=3600000), {'count': 1})
        equal(count('Hold'), {'count': 1})
        equal(count('Cancel'), {'cancelled': 1, 'signalled': 0})
        equal(count('Remove'), {'count': 1})

    each(lambda method, **options: her(t, method, **options),
         lambda spec: t.submit(**spec))
    each(t.c.call, lambda spec: her(t, 'Submit', job=spec)['id'])


@story
def environments_are_told_to_their_owner_and_to_root(t):
    ann(t)
    spec = {'argv': ['true'], 'hold': True, 'context': {
        'cwd': '/', 'env': {'SECRET': 'hush'}, 'env_mode': 'captured'}}
    roots, hers = t.submit(**spec), her(t, 'Submit', job=spec)['id']
    for said in (t.c.call('GetSpec', id=roots), t.c.call('GetSpec', id=hers),
                 her(t, 'GetSpec', id=hers)):
        equal(said['job']['context']['env'], {'SECRET': 'hush'})
    said = her(t, 'GetSpec', id=roots)
    assert 'PermissionDenied' in said and 'hush' not in said, said
    for method, parameters in (
            ('Get', {'ids': [roots], 'with_spec': True}),
            ('List', {'with_spec': True, 'filter': {'uid': 0}}),
            ('Explain', {'id': roots})):
        said = json.dumps(her(t, method, **parameters))
        assert 'hush' not in said, said
    code, said = tool(t, ANN, '--socket', str(t.socket), 'show', str(roots))
    assert code == 0 and 'command' in said and 'hush' not in said, said
    code, said = tool(t, ANN, '--socket', str(t.socket), 'edit', str(roots),
                      EDITOR='true')
    assert code and 'another user submitted' in said, (code, said)
    equal(t.job_state(roots), 'held')
    # Nor does she put words into root's mouth; root may into hers, and whose
    # job it is stays as it was.
    other = {'argv': ['false']}
    said = her(t, 'Edit', id=roots, job=other)
    assert 'PermissionDenied' in said, said
    equal(t.c.call('GetSpec', id=roots)['job']['argv'], ['true'])
    t.c.call('Edit', id=hers, job=other)
    equal(her(t, 'GetSpec', id=hers)['job']['argv'], ['false'])
    equal(t.get(hers)['uid'], ANN)


@story
def a_client_does_not_talk_to_who_sits_in_the_daemons_place(t):
    """Between its look at the folder and connect() somebody made another."""
    ann(t)
    place = t.folder / 'place'
    place.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(place / 'reeve.sock'))
        os.chown(place / 'reeve.sock', ANN, ANN)
        os.chown(place, ANN, ANN)
        # Whoever said listen() is who the kernel names.
        as_user(t, BOB, lambda: listening.listen(100))
        listening.settimeout(0)
        code, said = tool(t, ANN, 'submit', 'true',
                          REEVE_RUNTIME_DIR=str(place))
        assert code and 'another user listens' in said, (code, said)

        client = reeve.Client  # loaded while its files can be read

        def submit():
            os.environ['REEVE_RUNTIME_DIR'] = str(place)
            return client(reconnect=0.1).submit(argv=['true'])

        said = as_user(t, ANN, submit)
        assert 'another user listens' in said, said
        with contextlib.suppress(BlockingIOError):
            while True:
                peer, _ = listening.accept()
                equal(peer.recv(100000), b'', 'what the stranger was told')
    equal(tool(t, ANN, 'ping', REEVE_RUNTIME_DIR=str(t.runtime))[0], 0)


if __name__ == '__main__':
    main()
