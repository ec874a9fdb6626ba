#!/usr/bin/python3
"""The configuration, told to a real daemon: files and their layers, what is
refused and how, and what a reload does.

covers: daemon/config/check daemon/config/layers
"""
import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'helper'))
from story import equal, main, story  # noqa: E402


def put(t, text, name='config/reeve/reeve.yaml'):
    path = t.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o600)
    return path


def check(t, *flags):
    """`reeved --check`: exit code, stdout, stderr."""
    done = subprocess.run(
        [t.reeved, *flags], stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=30, cwd=t.folder, env={
            'HOME': str(t.folder), 'REEVE_TEST_CONFIG': str(t.folder / 'etc'),
            'XDG_CONFIG_HOME': str(t.folder / 'config')})
    return done.returncode, done.stdout, done.stderr


@story
def a_check_without_files_is_good(t):
    code, out, err = check(t, '--check')
    equal((code, err), (0, ''))
    assert 'there is no file' in out, out
    t.start()


@story
def a_check_says_each_problem_with_its_place(t):
    system = put(t, 'log: {level: loud}\nstroe: {path: /x}\n',
                 'etc/reeve.yaml')
    fragment = put(t, 'stop:\n  timeout: 5h\n', 'etc/conf.d/a.yaml')
    user = put(t, 'log: {level: info, level: debug}\n')
    code, out, err = check(t, '--check')
    equal((code, out), (100, ''))
    equal(err.splitlines(), [
        "reeved: %s:1:14: log.level 'loud': give error, warning, info or "
        "debug" % system,
        "reeved: %s:2:1: unknown key 'stroe': did you mean 'store'?" % system,
        "reeved: %s:2:12: stop.timeout '5h': give a time from 1s to 1h, "
        "like 30s" % fragment,
        "reeved: %s:1:20: 'log.level' is here already, in line 1" % user])
    code, out, err = check(t, '--check=json')
    equal((code, err), (100, ''))
    told = json.loads(out)
    equal((told['ok'], len(told['problems'])), (False, 4))
    equal(told['problems'][2], {
        'file': str(fragment), 'line': 2, 'column': 12,
        'message': "stop.timeout '5h': give a time from 1s to 1h, like 30s"})
    assert 'settings' not in told, told
    # A start says the same and is none.
    code, out, again = check(t)
    equal(code, 100)
    assert 'unknown key' in again, again
    for path in (system, fragment, user):
        path.unlink()
    t.start()


@story
def a_check_says_where_each_value_is_from(t):
    user = put(t, '\ndefaults: {grace: 3s}\n')
    code, out, err = check(t, '--check=json', '--keep-jobs=7K')
    equal((code, err), (0, ''))
    told = json.loads(out)
    equal(told['files'], [str(user)])
    found = {setting['key']: setting for setting in told['settings']}
    equal(found['defaults.grace'], {
        'key': 'defaults.grace', 'value': '3s', 'default': '10s',
        'layer': 'user', 'origin': '%s:2' % user, 'live': True})
    equal(found['store.keep.max_jobs']['origin'], '--keep-jobs')
    equal(found['store.keep.max_jobs']['value'], '7K')
    equal(found['log.level']['origin'], 'default')
    t.start()


@story
def wrong_flags_are_refused_by_name(t):
    for flags, said in (
            (['--check=yaml'], "--check 'yaml': give json, or nothing"),
            (['--chek'], "unknown flag '--chek': 'reeved --help' lists them"),
            (['--worker=3'], "did you mean --workers?"),
            (['--config'], '--config needs a value'),
            (['--config='], '--config is empty: give a file'),
            (['--check', '--config', 'nowhere.yaml'],
             '%s/nowhere.yaml: cannot be read: No such file or directory'
             % t.folder),
            (['--check', '--config', '.'], 'is not a regular file')):
        code, out, err = check(t, *flags)
        equal((code, out), (100, ''), flags)
        assert said in err, (flags, err)
    t.start()


@story
def a_daemon_serves_by_its_files(t):
    put(t, 'output: {keep: 1K}\n', 'etc/reeve.yaml')
    put(t, 'output: {keep: 2K}\nstore: {keep: {done: 1d}}\n')
    mine = put(t, 'output: {keep: 8K}\n', 'mine.yaml')
    script = 'head -c 100000 /dev/zero | tr "\\0" x'
    t.start()
    job = t.shell(script)
    assert len(t.output(job['id'])) <= 3000
    t.terminate()
    t.start(flags=['--config', str(mine)])
    t.reconnect()
    job = t.shell(script)
    assert 4000 < len(t.output(job['id'])) <= 9000
    # A flag comes before all.
    t.terminate()
    t.start(flags=['--config', str(mine), '--output-max=1M'])
    t.reconnect()
    equal(len(t.output(t.shell(script)['id'])), 100000)


if __name__ == '__main__':
    main()
