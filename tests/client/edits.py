#!/usr/bin/python3
"""`reeve edit` against a fake daemon: the form, the editor, what goes wrong.

    edits.py REEVE [TEST...]

covers: client/cmd_edit client/editor client/form client/form_write
covers: client/form_merge client/steer
"""
import datetime
import json
import os
import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from tool import Place, finish, holds, run_tests, same  # noqa: E402

TOOL = os.path.abspath(sys.argv[1])


class Desk(Place):
    """With an editor that is a program of the test."""

    def __init__(self):
        super().__init__(TOOL)
        self.start()
        self.environment['TMPDIR'] = self.folder

    def editor(self, text):
        path = os.path.join(self.folder, 'my editor')
        with open(path, 'w') as file:
            file.write('#!%s\nimport os, re, sys\n'
                       'path = sys.argv[-1]\ntext = open(path).read()\n'
                       'def change(old, new):\n'
                       '    global text\n'
                       '    assert re.search(old, text, re.M), text\n'
                       '    text = re.sub(old, new, text, flags=re.M)\n'
                       '%s\nopen(path, "w").write(text)\n' % (
                           sys.executable, text))
        os.chmod(path, 0o755)
        self.environment['VISUAL'] = "'%s' --flag" % path

    def edit(self, text, *args, job='1', **env):
        self.editor(text)
        return self.reeve('edit', job, *args, **env)

    def left(self):
        """Texts that were kept."""
        return [name for name in os.listdir(self.folder)
                if name.startswith('reeve-job-')]

    def state(self, job=1):
        return self.reeve('show', str(job), '--json').json()['job']['state']


def test_what_is_changed_in_the_editor_is_changed_and_nothing_else():
    with Desk() as here:
        here.reeve('submit', '-q', 'stuck', '-n', 'old', '--timeout', '90s',
                   '--retry', '3', '--limit', 'nofile=64', '-t', 'a=b',
                   '--stdin', '--', 'sh', '-c', 'echo "it\'s"', '', 'x\ty',
                   input=b'given')
        before = here.call('GetSpec', id=1)['job']
        result = here.edit('change("^name: old$", "name: new")\n'
                           'change("^priority: 0$", "priority: -7")\n'
                           'change("^timeout: 90s$", "timeout: 2m")')
        same((result.code, result.out), (0, 'job 1 changed\n'))
        after = here.call('GetSpec', id=1)['job']
        same((after['name'], after['priority'], after['timeout_ms']),
             ('new', -7, 120000))
        for name in ('name', 'priority', 'timeout_ms'):
            before.pop(name, None), after.pop(name)
        same(after, before)
        same(here.left(), [])


def test_it_is_held_meanwhile_and_only_if_it_was_not():
    with Desk() as here:
        here.reeve('submit', '-q', 'stuck', 'true')
        here.reeve('submit', '--hold', 'true')
        ask = ('import subprocess\n'
               'subprocess.run(["%s", "show", "%%s", "--json"], '
               'stdout=open("%s/seen", "w"))' % (TOOL, here.folder))
        for job, holds_it in (('1', 1), ('2', 0)):
            here.edit(ask % job, job=job)
            with open(os.path.join(here.folder, 'seen')) as file:
                same(json.load(file)['job']['state'], 'held')
            same((len(here.calls('Hold')), len(here.calls('Release'))),
                 (1, 1))
        same(here.state(2), 'held')


def test_who_kills_an_edit_is_told_how_to_release_the_job():
    with Desk() as here:
        here.reeve('submit', '-q', 'stuck', 'true')
        begun, go = (os.path.join(here.folder, name) for name in 'bg')
        here.editor('import time\nopen("%s", "w")\n'
                    'while not os.path.exists("%s"):\n'
                    '    time.sleep(0.01)' % (begun, go))
        process = here.popen('edit', '1')
        here.until(lambda: os.path.exists(begun))
        process.kill()
        process.wait()
        open(go, 'w').close()
        holds(finish(process).err, 'job 1 is held until', 'reeve release 1')
        same(here.state(), 'held')
        result = here.edit('change("^priority: 0$", "priority: 1")')
        same(result.code, 0)
        holds(result.err, 'job 1 stays held', 'reeve release 1')
        same(here.state(), 'held')
        same(here.edit('', '--quiet').err, '')


def test_nothing_changed_is_said_and_an_empty_text_is_nothing():
    with Desk() as here:
        here.reeve('submit', '--hold', '--sh', 'a\n  b', 'x=1')
        here.reeve('submit', '--hold', '-e', 'X=one\ntwo', '-e', 'Y= "z"\n',
                   '--sh', 'set -e\n\n  b\n')
        for text in ('', 'text = ""', 'text = "# only this\\n\\n"',
                     'text = text.replace("\\n", "\\r\\n")',
                     'change("^priority: 0$", "priority:  0  ")'):
            result = here.edit(text, job='last')
            same((text, result.code, result.out),
                 (text, 0, 'nothing changed\n'))
        same(here.calls('Edit'), [])
        same(here.edit('', '--json', job='last').json(),
             {'v': 1, 'id': 1, 'changed': False})


def test_an_editor_that_fails_leaves_all_as_it_was():
    with Desk() as here:
        here.reeve('submit', '-q', 'stuck', 'true')
        result = here.edit('sys.exit(3)')
        same((result.code, result.out), (1, ''))
        holds(result.err, 'ended with code 3', 'The job is as it was')
        result = here.reeve('edit', '1', VISUAL='', EDITOR='no-such-editor')
        same(result.code, 1)
        holds(result.err, 'no-such-editor ended with code 127',
              'Set VISUAL or EDITOR')
        result = here.edit('os.kill(os.getpid(), 9)')
        same(result.code, 1)
        same((len(here.calls('Hold')), len(here.calls('Release'))), (3, 3))
        same((here.calls('Edit'), here.left()), ([], []))


def test_what_is_wrong_is_told_with_its_line_and_kept():
    with Desk() as here:
        here.reeve('submit', '-q', 'stuck', 'true')
        for text, words in (
                ('change("^priority:", "priorty:")',
                 ['no flag --priorty', 'Did you mean --priority?',
                  'line 8: priorty: 0']),
                ('change("^priority: 0", "priority: much")',
                 ['--priority takes a whole number', 'line 8']),
                ('change("^name:$", "group: 7")', ['group cannot be']),
                ('change("^name:$", "key: a")', ['key cannot be changed']),
                ('change("^name:$", "no colon")', ['a flag, a colon']),
                ('change("^name:$", "once: maybe")', ['takes yes or no']),
                ('change("^name:$", "tag: x")', ["tags: 'x' is not a pair"]),
                ('change("^name:$", "name: \\"x")', ['no JSON string']),
                ('change("^name:$", r\'name: "a\\\\u0000b"\')',
                 ['cannot hold a NUL']),
                ('change("^command:.*", "command: \'a")', ['not closed']),
                ('change("^command:.*", "")', ['no command to run']),
                ('change("^name:$", "sh: x")', ['nothing may follow']),
                ('change("^name:$", "at: 2020-01-01")', ['is over']),
                ('change("^queue: .*", "queue: full")',
                 ["queue 'full' is full"])):
            result = here.edit(text)
            assert result.code in (2, 4), result
            holds(result.err, *words)
            same(len(here.left()), 1)
            path = os.path.join(here.folder, here.left()[0])
            holds(result.err, 'the job is as it was', path)
            same(os.stat(path).st_mode & 0o777, 0o600)
            with open(path) as file:
                holds(file.read(), '# Job 1.')
            os.unlink(path)
        same(here.call('GetSpec', id=1)['job']['argv'], ['true'])
        same(len(here.calls('Hold')), len(here.calls('Release')))


def test_a_start_that_passes_in_the_editor_is_told_and_costs_no_edit():
    with Desk() as here:
        soon = datetime.datetime.now() + datetime.timedelta(seconds=2)
        here.reeve('submit', '-q', 'stuck', '--at',
                   soon.isoformat(' ', 'seconds'), 'true')
        wait = ('import datetime, time\n'
                'at = re.search("^at: (.*)$", text, re.M).group(1)\n'
                'over = datetime.datetime.fromisoformat(at)\n'
                'while datetime.datetime.now() <= over:\n'
                '    time.sleep(0.01)\n')
        result = here.edit(wait + 'change("^name:$", "name: late")')
        same((result.code, result.out), (0, 'job 1 changed\n'))
        holds(result.err, 'has passed meanwhile: it starts as soon as it can')
        same(here.call('GetSpec', id=1)['job']['name'], 'late')
        # What was over before the editor began is still a mistake.
        result = here.edit('change("^name: late$", "at: 2020-01-01")')
        same(result.code, 2)
        holds(result.err, 'is over', 'Empty the line at: to start it now')


def test_only_one_waiting_job_is_edited():
    with Desk() as here:
        here.reeve('submit', '-w', 'true')
        here.reeve('submit', '--hold', 'true')
        for words, code, said in (
                (['1'], 4, 'job 1 is succeeded: only a job that waits'),
                (['77'], 3, 'there is no job 77'),
                (['1-2'], 2, 'an editor takes one job'),
                ([], 2, 'an editor takes one job'),
                (['held'], 2, 'a filter does not fit into an editor'),
                (['2', '--yes'], 2, 'there is nothing to change')):
            result = here.reeve('edit', *words, EDITOR='true')
            same((words, result.code), (words, code))
            holds(result.err, said)


def test_a_signal_while_the_editor_is_open_undoes_the_hold():
    with Desk() as here:
        here.reeve('submit', '-q', 'stuck', 'true')
        here.editor('import time\nopen("%s/pid", "w").write(str(os.getpid()))'
                    '\ntime.sleep(60)' % here.folder)
        for number in (signal.SIGTERM, signal.SIGHUP):
            process = here.popen('edit', '1')
            here.until(lambda: os.path.exists(here.folder + '/pid') and
                       open(here.folder + '/pid').read())
            process.send_signal(signal.SIGINT)  # is the editor's
            process.send_signal(number)
            try:
                same(process.wait(20), 128 + number)
            finally:
                with open(here.folder + '/pid') as file:
                    os.kill(int(file.read()), 9)
                os.unlink(here.folder + '/pid')
                process.stdout.close()
                process.stderr.close()
        same((len(here.calls('Hold')), len(here.calls('Release'))), (2, 2))


def test_flags_change_many_without_an_editor():
    with Desk() as here:
        for _ in range(3):
            here.reeve('submit', '--hold', 'true')
        same(here.reeve('edit', '1,3', '--priority', '-5').out, '2 changed\n')
        same(here.calls('Change')[-1],
             {'filter': {'ids': [1, 3]}, 'priority': -5})
        same(here.reeve('edit', 'held', '-p', '5').code, 2)
        same(here.reeve('edit', 'held', '-p', '5', '--dry-run').out,
             '3 would be changed\n')
        same(here.reeve('edit', 'held', '-q', 'mail', '--yes', '--json').json(),
             {'v': 1, 'count': 3, 'running': 0, 'dry_run': False})
        same(here.reeve('edit', '2', '--in', '0').code, 0)
        same(here.calls('Change')[-1]['run_at_ms'], 0)
        assert here.reeve('edit', '2', '--in', '2h').code == 0
        assert here.calls('Change')[-1]['run_at_ms'] > 1700000000000
        result = here.reeve('edit', '2', '--at', 'tomorrow 9:00')
        holds(result.err, 'not before 20')
        same(here.reeve('edit', '77', '-p', '5').code, 3)
        for flags in (['--in', 'soon'], ['--at', 'soon'], ['-p', 'high'],
                      ['--at', '2020-01-01'], ['--in', '1h', '--at', '9:00']):
            same((flags, here.reeve('edit', '2', *flags).code), (flags, 2))


if __name__ == '__main__':
    sys.exit(run_tests(sys.modules[__name__], sys.argv[2:]))
