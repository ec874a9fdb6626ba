#!/usr/bin/python3
"""Completion in real shells: bash always, zsh and fish where they are.

    completion.py REEVE [TEST...]

covers: client/complete client/complete_words client/cmd_complete
"""
import os
import pathlib
import pty
import select
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from tool import Place, run_tests, same  # noqa: E402

TOOL = os.path.abspath(sys.argv[1])


class Desk(Place):
    """`reeve` is in PATH, as it is for somebody who completes it."""

    def __init__(self):
        super().__init__(TOOL)
        folder = os.path.join(self.folder, 'bin')
        os.mkdir(folder)
        os.symlink(TOOL, os.path.join(folder, 'reeve'))
        self.environment.update(PATH=folder + ':' + self.environment['PATH'],
                                TERM='dumb')

    def words(self, *typed):
        """What the helper offers, without what it says of it."""
        result = self.reeve('complete', '--', *typed)
        same((result.code, result.err), (0, ''))
        return [line.split('\t')[0] for line in result.out.splitlines()]

    def shell(self, *command):
        return subprocess.run(command, env=self.environment, timeout=60,
                              stdin=subprocess.DEVNULL, cwd=self.folder,
                              stdout=subprocess.PIPE).stdout.decode()

    def bash(self, line):
        """As bash takes the line apart, up to its end."""
        script = (
            'eval "$(reeve completion bash)"\n'
            'compopt() { :; }\nCOMP_WORDS=(%s)\n'
            'COMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_reeve\n'
            'printf "%%s\\n" "${COMPREPLY[@]}"' % line)
        return self.shell('bash', '--norc', '-c', script).split()

    def typed(self, shell, begin, keys, until):
        """What a terminal shows when somebody types keys."""
        controller, terminal = pty.openpty()
        process = subprocess.Popen(
            shell, stdin=terminal, stdout=terminal, stderr=terminal,
            env={**self.environment, 'PS1': '> ', 'COLUMNS': '200'},
            cwd=self.folder, start_new_session=True)
        os.close(terminal)
        seen, end = b'', time.monotonic() + 120
        try:
            os.write(controller, begin.encode() + b'\necho rea"dy"\n')
            sent = False
            while until not in seen and time.monotonic() < end:
                if select.select([controller], [], [], 0.2)[0]:
                    seen += os.read(controller, 65536)
                if b'\r\nready' in seen and not sent:
                    sent, seen = True, b''
                    os.write(controller, keys.encode())
        finally:
            process.kill()
            process.wait()
            os.close(controller)
        assert until in seen, seen
        return seen.decode()


def fill(here):
    here.reeve('submit', '-w', '-n', 'one', 'true')
    here.reeve('submit', '-w', '-q', 'mail', 'false')
    here.reeve('submit', '--hold', '-q', 'make', 'true')


def test_it_knows_commands_flags_and_their_values():
    with Desk() as here:
        assert {'submit', 'ls', 'queue', 'edit'} <= set(here.words(''))
        assert 'complete' not in here.words('')
        same(here.words('can'), ['cancel'])
        same(here.words('kil'), ['kill'])
        same(here.words('--no-a'), ['--no-autostart'])
        same(here.words('cancel', '--gr'), ['--grace'])
        assert '--retry' in here.words('submit', '--')
        same(here.words('ls', '--output', 'w'), ['wide'])
        same(here.words('ls', '-o', 'ids'), ['ids'])
        same(here.words('submit', '--retry-on', 'ti'), ['timeout'])
        same(here.words('submit', '--cwd', ''), [':file'])
        same(here.words('submit', '--priority', ''), [])
        same(here.words('submit', ''), [':command'])
        same(here.words('submit', '-q', 'mail', '--', ''), [':command'])
        same(here.words('submit', 'cat', '--'), [':file'])
        same(here.words('submit', '--on-failure', ''), [':command'])
        same(here.words('submit', '--on-failure-url', ''), [])
        same(here.words('submit', '--on-failure-c'), ['--on-failure-call'])
        same(here.words('map', '--on-all-success-u'), ['--on-all-success-url'])
        same(here.words('submit', '--http', 'PO'), ['POST'])
        same(here.words('submit', '--http', 'POST', ''), [])
        same(here.words('submit', '--http', 'POST', 'http://x', '--head'),
             ['--header'])
        same(here.words('queue', 'pa'), ['pause'])
        same(here.words('completion', ''), ['bash', 'zsh', 'fish'])
        same(here.words('help', 'fil'), ['filters'])
        same(here.words('nonsense', ''), [])
        same(here.words('ls', 'unf'), ['unfinished'])
        same(here.reeve('complete').code, 0)


def test_it_knows_jobs_and_queues_that_are_there():
    with Desk() as here:
        here.start()
        fill(here)
        same(here.words('show', '')[:3], ['3', '2', '1'])
        same([word for word in here.words('release', '') if word.isdigit()],
             ['3'])
        same([word for word in here.words('retry', '') if word.isdigit()],
             ['2'])
        same(here.words('show', '2'), ['2'])
        same(here.words('ls', 'queue=ma'), ['queue=mail', 'queue=make'])
        same(here.words('submit', '-q', 'mai'), ['mail'])
        same(here.words('queue', 'pause', 'de'), ['default'])
        same(here.words('submit', '--callback-queue', 'de'), ['default'])
        same(here.words('ls', 'state=fa'), ['state=failed'])
        same(here.words('ls', 'state=held,fa'), ['state=held,failed'])
        same(here.words('ls', 'cause=timeo'), ['cause=timeout'])
        same(here.words('ls', '--columns', 'id,sta'),
             ['id,state', 'id,started'])
        same(here.words('ls', '--sort', 'en'), ['ended'])
        here.reeve('map', '-t', 'site=paris', 'true', ':::', '1', '2')
        same(here.words('ls', 'group='), ['group=last', 'group=1'])
        same(here.words('ls', 'tag:si'), ['tag:site=paris'])
        result = here.reeve('complete', '--', 'show', '1')
        same(result.out, '1\tdone: one\n')


def test_it_starts_nothing_and_waits_for_nobody():
    with Desk() as here:
        del here.environment['REEVE_SOCKET']
        here.environment.update(
            REEVE_RUNTIME_DIR=os.path.join(here.folder, 'run'),
            REEVED='/bin/false')
        same([word for word in here.words('show', '') if word.isdigit()], [])
        same(here.words('submit', '-q', ''), [])
        assert not os.path.exists(os.path.join(here.folder, 'run'))
    with Desk() as here:
        here.start()
        here.daemon.send_signal(19)  # it is there, and does not answer
        begun = time.monotonic()
        here.reeve('complete', '--', 'show', '')
        assert time.monotonic() - begun < 30
        here.daemon.send_signal(18)


def test_bash_completes():
    with Desk() as here:
        here.start()
        fill(here)
        same(here.bash('reeve can'), ['cancel'])
        same(here.bash('reeve cancel --gr'), ['--grace'])
        same(here.bash('reeve ls queue = ma'), ['mail', 'make'])
        same(here.bash('reeve ls queue ='), ['default', 'mail', 'make'])
        same(here.bash('reeve ls not : fai'), [])
        same(here.bash('reeve release ""')[0], '3')
        assert 'bash' in here.bash('reeve submit bas')
        open(os.path.join(here.folder, 'a-file'), 'w').close()
        same(here.bash('reeve submit cat a-f'), ['a-file'])
        here.typed(['bash', '--norc', '-i'],
                   'eval "$(reeve completion bash)"',
                   'reeve submit -q mai\ttrue\n\nreeve edit --prio\t',
                   b'reeve edit --priority ')
        same(here.calls('Submit')[-1]['job']['queue'], 'mail')


def test_zsh_completes():
    if not shutil.which('zsh'):
        raise Skip('zsh is not installed')
    with Desk() as here:
        here.start()
        fill(here)
        begin = ('autoload -U compinit; compinit -u -D; '
                 'eval "$(reeve completion zsh)"')
        here.typed(['zsh', '-f', '-i'], begin, 'reeve can\t',
                   b'reeve cancel ')
        here.typed(['zsh', '-f', '-i'], begin,
                   'reeve submit -q mai\ttrue\necho di"d"\n', b'did')
        same(here.calls('Submit')[-1]['job']['queue'], 'mail')
        here.typed(['zsh', '-f', '-i'], begin,
                   'reeve cancel queue=mak\t--dry-run\n',
                   b'1 would be cancelled')


def test_fish_completes():
    if not shutil.which('fish'):
        raise Skip('fish is not installed')
    with Desk() as here:
        here.start()
        fill(here)

        def fish(line):
            found = here.shell('fish', '-c', 'reeve completion fish | source; '
                               'complete -C "%s"' % line)
            return [one.split('\t')[0] for one in found.splitlines()]
        same(fish('reeve can'), ['cancel'])
        same(fish('reeve cancel --gr'), ['--grace'])
        same(fish('reeve ls queue=ma'), ['queue=mail', 'queue=make'])
        same(fish('reeve release ')[0], '3')
        assert 'bash' in fish('reeve submit bas')


class Skip(Exception):
    """What a test needs is not there."""


def test_work_offers_handlers_then_flags_and_commands():
    with Desk() as desk:
        desk.start()
        for handler in ('far', 'near', 'far'):
            desk.call('Submit', job={'handler': handler})
        same(desk.words('work', ''), ['far', 'near'])
        same(desk.words('work', 'n'), ['near'])
        same(desk.words('work', 'far', '--ma'), ['--max-jobs'])
        same(desk.words('work', 'far', ''), [':command'])
        same(desk.words('work', 'far', '-j', '2', '--', ''), [':command'])
        same(desk.words('work', 'far', './x', '--ma'), [':file'])
        same(desk.bash('reeve work f'), ['far'])
        assert 'gzip' in desk.bash('reeve work far gzi')


if __name__ == '__main__':
    sys.exit(run_tests(sys.modules[__name__], sys.argv[2:]))
