#!/usr/bin/python3
"""The configuration, told to a real daemon: files and their layers, what is
refused and how, and what a reload does.

covers: daemon/config/check daemon/config/layers daemon/config/callbacks_served
covers: daemon/supervisor/reload daemon/broker/config_link client/cmd_config
"""
import json
import os
import pathlib
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'helper'))
from story import equal, eventually, main, story  # noqa: E402
from wire import CallError  # noqa: E402


def put(t, text, name='config/reeve/reeve.yaml'):
    path = t.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o600)
    return path


def check(t, *flags):
    """`reeved --check`: exit code, stdout, stderr."""
    done = subprocess.run(
        [os.path.abspath(t.reeved), *flags], stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=120, cwd=t.folder, env={
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
def what_may_come_right_by_itself_is_warned_of_and_not_refused(t):
    path = put(t, 'pools:\n  late: {run: /nowhere/prog, handles: late}\n'
                  'callbacks: [{on: failed, call: nobody}]\n')
    said = [
        "%s:2:15: pool 'late': run: '/nowhere/prog' cannot be started now: "
        "No such file or directory; the pool waits for it" % path,
        "%s:3:12: a callback calls 'nobody', which no pool serves: it waits "
        "until a pool or a consumer does" % path]
    code, out, err = check(t, '--check')
    equal((code, err.splitlines()),
          (0, ['reeved: warning: ' + text for text in said]))
    assert out.startswith('the configuration is good: 1 file'), out
    told = json.loads(check(t, '--check=json')[1])
    equal((told['ok'], told['problems'], len(told['warnings'])), (True, [], 2))
    equal((told['warnings'][1]['line'], told['warnings'][1]['column']),
          (3, 12))
    t.start()
    for text in said:
        assert 'configuration: ' + text in t.log_text()
    code, out, err = tool(t, 'daemon', 'reload')
    equal((code, out), (0, 'nothing changed\n'))
    equal(err.splitlines(), ['reeve: warning: ' + text for text in said])
    code, out, err = tool(t, 'doctor', '--json')
    config = [one for one in json.loads(out)['checks']
              if one['name'] == 'config'][0]
    equal((config['status'], config['message']),
          ('warn', said[0] + ' (and 1 more)'))
    # One who follows says whom, and what would take it.
    failed = t.run(['false'])['id']
    job = tool(t, 'ls', 'queue=callbacks', '-o', 'ids')[1].strip()
    text = tool(t, 'explain', job)[1]
    assert "no pool serves handler 'nobody'" in text, text
    assert 'reeve work nobody' in text, text
    assert 'it is a callback of job %d' % failed in text, text


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


def setting(t, key, client=None):
    for found in (client or t.c).call('admin.Config')['settings']:
        if found['key'] == key:
            return found
    raise AssertionError('no setting ' + key)


def reload(t, **parameters):
    return t.c.call('admin.Reload', **parameters)


@story
def a_reload_holds_at_once_and_disturbs_nothing(t):
    path = put(t, 'output: {keep: 1K}\n')
    t.start(workers=2)
    broker, gate = t.whole(), t.gate()
    running = t.submit(gate.argv)
    pid = gate.started()
    waiting = t.client()
    waiting.send('Wait', {'ids': [running], 'wait_ms': 60000})
    put(t, 'output: {keep: 1M}\nlog:\n  level: debug\n')
    told = reload(t, dry_run=True)
    equal(told['changed'], ['output.keep', 'log.level'])
    equal(setting(t, 'output.keep')['value'], '1K')
    equal(reload(t), told)
    equal(told['needs_restart'], [])
    equal(told['changes'], [
        {'key': 'output.keep', 'from': '1K', 'to': '1M',
         'origin': '%s:1' % path, 'live': True},
        {'key': 'log.level', 'from': 'info', 'to': 'debug',
         'origin': '%s:3' % path, 'live': True}])
    equal(setting(t, 'output.keep')['value'], '1M')
    equal(setting(t, 'log.level')['origin'], '%s:3' % path)
    # The other worker has it, and the broker and the job are the same.
    job = t.shell('head -c 100000 /dev/zero | tr "\\0" x')
    equal(len(t.output(job['id'])), 100000)
    equal((t.broker(), gate.starts()), (broker, 0))
    gate.open(0)
    equal(waiting.result()['jobs'][0]['state'], 'succeeded')
    assert pid
    # A second one changes nothing.
    equal(reload(t), {'changed': [], 'needs_restart': [], 'changes': [],
                      'warnings': []})


@story
def the_grace_of_a_reload_is_that_of_the_next_job(t):
    put(t, 'defaults: {grace: 1h}\n')
    t.start(workers=1)
    t.whole()
    put(t, 'defaults: {grace: 100ms}\n')
    equal(reload(t)['changed'], ['defaults.grace'])
    job = t.submit(['/bin/sh', '-c', 'trap "" TERM; echo up; '
                    'while :; do sleep 0.05; done'], timeout_ms=300)
    equal(t.wait(job)['cause'], 'timeout')


@story
def a_default_is_for_jobs_that_say_nothing(t):
    put(t, 'defaults: {timeout: 1h, crash_limit: 5}\n')
    t.start(workers=1)
    t.whole()

    def spec(**fields):
        job = t.submit(['true'], hold=True, **fields)
        found = t.c.call('GetSpec', id=job)['job']
        return found.get('timeout_ms', 0), found['crash_limit']

    equal(spec(), (3600000, 5))
    equal(spec(timeout_ms=7000, crash_limit=2), (7000, 2))
    equal(spec(timeout_ms=0), (0, 5))
    put(t, 'defaults: {timeout: 300ms}\n')
    equal(reload(t)['changed'],
          ['defaults.timeout', 'defaults.crash_limit'])
    equal(spec(), (300, 3))
    equal(t.wait(t.submit(['sleep', '60']))['cause'], 'timeout')
    put(t, 'defaults: {timeout: 2h, crash_limit: 1001}\n')
    code, out, err = check(t, '--check')
    equal((code, out), (100, ''))
    assert 'give a number from 1 to 1K, like 3' in err, err
    equal(spec(), (300, 3))


@story
def queues_have_defaults_of_their_own(t):
    path = put(t, 'defaults: {priority: 3, expire: 1h, retry: {attempts: 2, backoff: 10ms}}\n'
               'queues: {mail.out: {priority: 8, timeout: 5s, orphans: keep}}\n')
    t.start(workers=1)
    t.whole()

    def spec(**fields):
        job = t.submit(['true'], hold=True, **fields)
        found = t.c.call('GetSpec', id=job)['job']
        return (found['priority'], found['timeout_ms'], found['expire_ms'],
                found['retry']['max_attempts'], found['orphans'])

    equal(spec(), (3, 0, 3600000, 2, 'kill'))
    equal(spec(queue='mail.out'), (8, 5000, 3600000, 2, 'keep'))
    equal(spec(queue='mail.out', priority=0, timeout_ms=0, expire_ms=0,
               retry={'max_attempts': 1}, orphans='kill'),
          (0, 0, 0, 1, 'kill'))
    equal(spec(once=True)[3], 1)
    equal(t.run(['/bin/false'])['attempt'], 2)
    found = setting(t, 'queues.mail.out.priority')
    equal((found['value'], found['default'], found['origin'], found['live']),
          ('8', 'as for all jobs', '%s:2' % path, True))
    equal(setting(t, 'defaults.orphans')['origin'], 'default')
    # Of a job that was there before, an edit without a word gets the new.
    job = t.submit(['true'], hold=True, queue='mail.out')
    put(t, 'queues: {mail.out: {priority: 9}, b: {expire: 2s}}\n')
    told = reload(t)
    assert 'queues.mail.out.timeout' in told['changed'], told
    equal(spec(), (0, 0, 0, 1, 'kill'))
    equal(spec(queue='mail.out'), (9, 0, 0, 1, 'kill'))
    equal(spec(queue='b'), (0, 0, 2000, 1, 'kill'))
    old = t.c.call('GetSpec', id=job)['job']
    equal((old['priority'], old['timeout_ms']), (8, 5000))
    # A new broker has the same.
    t.kill_broker()
    t.reconnect()
    equal(spec(queue='b')[2], 2000)
    put(t, 'queues:\n  b: {expire: never}\n  "": {priority: 1}\n')
    error = t.c.refused('admin.Reload')
    equal([(each['line'], each['message']) for each in
           error.parameters['problems']], [
        (2, "expire 'never': give a time or none, like 1d"),
        (3, "'' is no name for one of the queues: a name is of 1 to 255 "
            "bytes without control characters")])
    equal(spec(queue='b')[2], 2000)


@story
def a_queue_is_limited_by_its_file_and_not_at_run_time(t):
    path = put(t, 'queues:\n  mail: {max_length: 1}\n')
    t.start(workers=1)
    t.whole()
    t.submit(['true'], hold=True, queue='mail')
    try:
        t.submit(['true'], hold=True, queue='mail')
        raise AssertionError('it was taken')
    except CallError as error:
        equal(error.name, 'org.reeve.jobs.QueueFull')
    found = setting(t, 'queues.mail.max_length')
    equal((found['value'], found['default'], found['origin']),
          ('1', 'as set at run time', '%s:2' % path))
    code, _, err = tool(t, 'queue', 'set', 'mail', '--max-length', '5')
    assert code == 2 and 'queues.mail.max_length; change it there' in err, err
    # A broker that begins anew is told again, a reload lifts it.
    t.kill_broker()
    t.reconnect()
    put(t, 'queues:\n  mail: {max_length: 0}\n')
    equal(reload(t)['changed'], ['queues.mail.max_length'])
    t.submit(['true'], hold=True, queue='mail')
    put(t, '')
    reload(t)
    equal(tool(t, 'queue', 'set', 'mail', '--max-length', '5')[0], 0)


@story
def defaults_change_whole_under_submissions(t):
    text = ('defaults: {priority: %d, retry: {attempts: %d}}\n'
            'queues: {q: {priority: %d, expire: %ds}}\n')
    put(t, text % (1, 1, 1, 1))
    t.start(workers=1)
    t.whole()
    client = t.client()
    seen = set()
    for turn in range(1, 12):
        put(t, text % (turn, turn, turn, turn))
        client.send('admin.Reload', {})
        jobs = [t.submit(['true'], hold=True, queue='q')
                for _ in range(8)]
        client.result()
        jobs.append(t.submit(['true'], hold=True, queue='q'))
        for job in jobs:
            found = t.c.call('GetSpec', id=job)['job']
            seen.add(found['priority'])
            equal((found['expire_ms'], found['retry']['max_attempts']),
                  (found['priority'] * 1000, found['priority']))
        equal(found['priority'], turn)
    equal(seen, set(range(1, 12)))


def tool(t, *words):
    """`reeve WORDS`: exit code, stdout, stderr."""
    done = subprocess.run(
        [os.path.abspath(t.reeve), *words], stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=120, cwd=t.folder, env={
            'HOME': str(t.folder), 'REEVE_TEST_CONFIG': str(t.folder / 'etc'),
            'XDG_CONFIG_HOME': str(t.folder / 'config'),
            'REEVED': os.path.abspath(t.reeved),
            'REEVE_SOCKET': str(t.socket)})
    return done.returncode, done.stdout, done.stderr


@story
def the_client_checks_shows_compares_and_reloads(t):
    path = put(t, 'output: {keep: 3K}\n')
    code, out, err = tool(t, 'config', 'show')
    equal((code, out), (120, ''))
    t.start(flags=['--keep-jobs=5K'])
    code, out, err = tool(t, 'config', 'show')
    equal((code, err), (0, ''))
    rows = {line.split('\t')[0]: line.split('\t')[1:]
            for line in out.splitlines()}
    equal(rows['output.keep'][:2], ['3K', '%s:1' % path])
    equal(rows['store.keep.max_jobs'][:2], ['5K', '--keep-jobs'])
    equal(rows['log.level'][:2], ['info', 'default'])
    told = json.loads(tool(t, 'config', 'show', '--json')[1])
    equal((told['v'], len(told['settings'])), (1, len(rows)))
    equal(tool(t, 'config', 'diff'), (0, 'nothing would change\n', ''))
    put(t, 'output: {keep: 4K}\nlimits: {cgroups: off}\n')
    code, out, err = tool(t, 'config', 'diff')
    equal((code, out.splitlines()), (0, [
        'output.keep  3K -> 4K  %s:1' % path,
        'limits.cgroups  auto -> off  %s:2  (needs a restart)' % path]))
    equal(tool(t, 'daemon', 'reload')[1], out)
    told = json.loads(tool(t, 'daemon', 'reload', '--json')[1])
    equal((told['v'], told['changed'], told['needs_restart']),
          (1, [], ['limits.cgroups']))
    rows = tool(t, 'config', 'show', '-o', 'wide')[1]
    assert 'off after a restart' in rows, rows
    put(t, 'log: {levle: info}\nstop: 1\n')
    for words in (('daemon', 'reload'), ('config', 'diff')):
        code, out, err = tool(t, *words)
        equal((code, out), (4, ''))
        assert ("%s:1:7: unknown key 'levle': did you mean 'level'? "
                "(and 1 more)" % path) in err, err
    told = json.loads(tool(t, 'daemon', 'reload', '--json')[1])
    assert '%s:1:7' % path in told['error']['message'], told
    code, out, err = tool(t, 'config', 'check')
    equal((code, out, len(err.splitlines())), (1, '', 2))
    code, out, err = tool(t, 'config', 'check', '--json')
    told = json.loads(out)
    equal((code, told['v'], told['ok'], len(told['problems'])),
          (1, 1, False, 2))
    other = put(t, 'log: {level: info}\n', 'other.yaml')
    code, out, err = tool(t, 'config', 'check', 'other.yaml')
    equal((code, err), (0, ''))
    assert str(other) in out, out


@story
def wrong_words_for_the_client_are_answered(t):
    for words, said in (
            (['config', 'chek'], 'Did you mean: reeve config check?'),
            (['config', 'banana'], 'They are check, show and diff'),
            (['config', 'show', 'x'], "'x' is one word too many"),
            (['config', 'check', 'a', 'b'], "'b' is one word too many"),
            (['daemon', 'relaod'], 'Did you mean: reeve daemon reload?')):
        code, out, err = tool(t, *words)
        equal((code, out), (2, ''), words)
        assert said in err, (words, err)
    code, out, err = tool(t, 'daemon', 'reload')
    equal((code, out), (120, ''))
    t.start()


@story
def a_cancel_keeps_to_the_grace_of_the_job(t):
    put(t, 'defaults: {grace: 1h}\n')
    t.start(workers=1)
    t.whole()
    up = t.folder / 'up'
    job = t.submit(['/bin/sh', '-c', 'trap "" TERM; echo >%s; '
                    'while :; do sleep 0.05; done' % up], grace_ms=100)
    eventually(up.exists)
    t.c.call('Cancel', filter={'ids': [job]})
    equal(t.wait(job)['cause'], 'cancelled')


@story
def a_bad_configuration_is_refused_and_the_old_one_stays(t):
    path = put(t, 'output: {keep: 7K}\n')
    t.start()
    put(t, 'output: {keep: 9K}\nlog: {levle: debug}\nstop: {timeout: 2h}\n')
    for dry_run in (True, False):
        error = t.c.refused('admin.Reload', dry_run=dry_run)
        equal(error.name, 'org.reeve.admin.BadConfig')
        equal(error.parameters['file'], str(path))
        equal((error.parameters['line'], error.parameters['column']), (2, 7))
        equal([problem['message'] for problem
               in error.parameters['problems']], [
            "unknown key 'levle': did you mean 'level'?",
            "stop.timeout '2h': give a time from 1s to 1h, like 30s"])
    equal(setting(t, 'output.keep')['value'], '7K')
    # Not even what was good in it.
    assert len(t.output(t.shell('head -c 9000 /dev/zero | tr "\\0" x')[
        'id'])) < 8500
    # The same by a signal: the log says what.
    t.kill(t.supervisor, signal.SIGHUP)
    eventually(lambda: "%s:2:7: unknown key 'levle'" % path in t.log_text())
    equal(setting(t, 'output.keep')['value'], '7K')
    # A daemon that is replaced whole would not start; a new broker does.
    t.kill_broker()
    t.reconnect()
    equal(setting(t, 'output.keep')['value'], '7K')
    put(t, 'output: {keep: 9K}\n')
    equal(reload(t)['changed'], ['output.keep'])


@story
def a_hangup_reloads(t):
    t.start()
    equal(setting(t, 'store.keep.done')['origin'], 'default')
    put(t, 'store: {keep: {done: 1h}}\n', 'etc/conf.d/5.yaml')
    t.kill(t.supervisor, signal.SIGHUP)
    eventually(lambda: setting(t, 'store.keep.done')['value'] == '1h')
    (t.folder / 'etc/conf.d/5.yaml').unlink()
    t.kill(t.supervisor, signal.SIGHUP)
    eventually(lambda: setting(t, 'store.keep.done')['value'] == '7d')


@story
def what_needs_a_restart_is_listed_and_waits_for_it(t):
    t.start(flags=['--keep-jobs=5K'])
    path = put(t, 'limits: {cgroups: off}\nstop: {timeout: 5s}\n'
               'store: {keep: {max_jobs: 9K}}\n')
    told = reload(t)
    equal((told['changed'], told['needs_restart']),
          (['stop.timeout'], ['limits.cgroups']))
    found = setting(t, 'limits.cgroups')
    equal((found['value'], found['pending'], found['origin']),
          ('auto', 'off', 'default'))
    # A flag stays the last word.
    equal(setting(t, 'store.keep.max_jobs')['origin'], '--keep-jobs')
    # Still listed, until it is done.
    equal(reload(t)['needs_restart'], ['limits.cgroups'])
    t.terminate()
    t.restart()
    t.reconnect()
    found = setting(t, 'limits.cgroups')
    equal((found['value'], found['origin']), ('off', '%s:1' % path))
    assert 'pending' not in found, found


@story
def new_processes_have_what_was_loaded_and_not_what_lies_there(t):
    put(t, 'output: {keep: 1K}\n')
    t.start(workers=1)
    put(t, 'output: {keep: 1M}\n')
    reload(t)
    put(t, 'output: {keep: 2K}\n')
    t.kill_broker()
    t.reconnect()
    t.whole()
    equal(setting(t, 'output.keep')['value'], '1M')
    worker = t.worker_pids()[0]
    t.kill(worker)
    eventually(lambda: worker not in t.worker_pids())
    job = t.shell('head -c 100000 /dev/zero | tr "\\0" x')
    equal(len(t.output(job['id'])), 100000)


@story
def finished_jobs_go_by_the_new_retention(t):
    t.start()
    jobs = [t.run(['/bin/true'])['id'] for _ in range(5)]
    put(t, 'store: {keep: {done: 1ms}}\n')
    equal(reload(t)['changed'], ['store.keep.done'])
    for job in jobs:
        eventually(lambda job=job: not t.c.call(
            'Count', filter={'ids': [job]})['total'], 20)


@story
def reloads_under_load_lose_nothing(t):
    t.start(workers=2)
    client = t.client()
    total = 0
    for turn in range(40):
        put(t, 'defaults: {grace: %ds}\nlog: {level: %s}\n%s' % (
            turn + 1, ('info', 'warning')[turn % 2],
            'nonsense: 1\n' if turn % 5 == 4 else ''))
        ids = client.call('SubmitMany', defaults={'argv': ['/bin/true']},
                          jobs=[{}] * 20)['ids']
        total += len(ids)
        if turn % 3 == 2:
            t.kill(t.supervisor, signal.SIGHUP)
        elif turn % 5 == 4:
            t.c.refused('admin.Reload')
        else:
            told = reload(t)
            assert set(told['changed']) <= {'defaults.grace', 'log.level'}
    equal(client.call('Wait', ids=ids, wait_ms=60000)['pending'], 0)
    eventually(lambda: client.call('Count')['counts'].get(
        'succeeded') == total, 30)
    equal(client.call('Count')['total'], total)


if __name__ == '__main__':
    main()
