#!/usr/bin/python3
"""One job at a time: how it starts, what it sees, how it ends.

covers: daemon/worker/run_command daemon/broker/call_jobs daemon/main
covers: daemon/broker/call_submit daemon/broker/entry daemon/broker/job_json
covers: daemon/broker/lane
"""
import base64
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'helper'))
from story import equal, eventually, main, story  # noqa: E402
import proc  # noqa: E402


@story
def a_command_that_exits_0_succeeds(t):
    job = t.start().run(['/bin/true'], name='first')
    equal(job['state'], 'succeeded')
    equal(job['exit_code'], 0, 'exit code')
    equal(job['attempt'], 1, 'attempt')
    equal(job['name'], 'first')
    equal(job['handler'], 'exec')
    assert job.get('cause') in (None, 'none'), job
    assert job.get('failure') is None, job
    assert job['created_ms'] <= job['started_ms'] <= job['finished_ms'], job
    assert job['cpu_us'] >= 0 and job['peak_kib'] > 0, job


@story
def a_command_that_exits_3_fails_with_its_code(t):
    job = t.start().shell('exit 3')
    equal(job['state'], 'failed')
    equal(job['cause'], 'exit')
    equal(job['exit_code'], 3)


@story
def a_command_killed_by_a_signal_fails_with_its_number(t):
    job = t.start().shell('kill -SEGV $$')
    equal(job['state'], 'failed')
    equal(job['cause'], 'signal')
    equal(job['signal'], 11)
    assert job.get('exit_code') is None, job


@story
def a_command_that_does_not_exist_says_so_by_name(t):
    job = t.start().run(['no-such-command-here', 'x'])
    equal(job['state'], 'failed')
    equal(job['cause'], 'exec')
    assert 'no-such-command-here' in job['failure']['message'], job
    assert 'No such file' in job['failure']['message'], job


@story
def a_file_that_is_no_program_says_so_by_name(t):
    path = t.folder / 'plain'
    path.write_text('hello')
    path.chmod(0o644)
    job = t.start().run([str(path)])
    equal(job['cause'], 'exec')
    assert 'ermission denied' in job['failure']['message'], job


@story
def a_directory_that_does_not_exist_says_so_by_name(t):
    job = t.start().run(['/bin/true'], context={'cwd': '/no/such/place'})
    equal(job['state'], 'failed')
    equal(job['cause'], 'exec')
    assert '/no/such/place' in job['failure']['message'], job


@story
def an_empty_command_is_refused(t):
    error = t.start().c.refused('Submit', job={'argv': []})
    equal(error.name, 'org.varlink.service.InvalidParameter')
    assert 'argv' in error.parameters['parameter'], error
    assert error.parameters.get('message'), error
    error = t.c.refused('Submit', job={})
    equal(error.name, 'org.varlink.service.InvalidParameter')


@story
def a_handler_that_nobody_serves_is_refused(t):
    error = t.start().c.refused('Submit', job={'handler': 'nobody',
                                               'args': {}})
    equal(error.name, 'org.reeve.jobs.NoSuchHandler')
    equal(error.parameters['handler'], 'nobody')


@story
def a_timeout_ends_the_job(t):
    job = t.start().run(['/bin/sleep', '600'], timeout_ms=200)
    equal(job['state'], 'failed')
    equal(job['cause'], 'timeout')


@story
def a_job_that_ignores_the_term_of_its_timeout_is_killed_after_the_grace(t):
    t.start()
    gate = t.gate()
    job = t.submit(['/bin/sh', '-c', 'trap "" TERM; echo $$ >"$0.up"; '
                    'while :; do /bin/sleep 600; done', gate.path],
                   timeout_ms=1500, grace_ms=300)
    pid = gate.started()
    job = t.wait(job)
    equal(job['cause'], 'timeout')
    assert job['finished_ms'] - job['started_ms'] > 1700, job
    assert not proc.alive(pid)


@story
def a_stopped_job_meets_its_timeout_too(t):
    t.start()
    gate = t.gate()
    job = t.submit(gate.argv, timeout_ms=1500, grace_ms=200)
    t.kill(gate.started(), signal.SIGSTOP)
    equal(t.wait(job)['cause'], 'timeout')


@story
def standard_input_is_what_was_sent_or_empty(t):
    t.start()
    job = t.run(['/bin/cat'], stdin='héllo\n')
    equal(t.output(job['id']), 'héllo\n'.encode())
    data = bytes(range(256)) * 4
    job = t.run(['/bin/cat'], stdin64=base64.b64encode(data).decode())
    equal(t.output(job['id']), data)
    job = t.run(['/bin/cat'])
    equal(job['state'], 'succeeded')
    equal(t.output(job['id']), b'')


@story
def a_large_standard_input_reaches_a_slow_reader(t):
    text = 'x' * 900000
    job = t.start().shell('read line; /usr/bin/wc -c', stdin='1\n' + text)
    equal(t.output(job['id']).strip(), b'900000')


@story
def a_job_that_never_reads_its_input_still_ends(t):
    job = t.start().run(['/bin/true'], stdin='y' * 900000)
    equal(job['state'], 'succeeded')


@story
def the_environment_is_the_submitted_one_and_reeves_own_words(t):
    t.start()
    job = t.run(['/usr/bin/env'], context={
        'env': {'COLOUR': 'grün', 'EMPTY': '', 'PATH': '/usr/bin:/bin'}})
    lines = t.output(job['id']).decode().splitlines()
    seen = dict(line.split('=', 1) for line in lines)
    equal(seen['COLOUR'], 'grün')
    equal(seen['EMPTY'], '')
    equal(seen['REEVE_JOB'], str(job['id']))
    equal(seen['REEVE_ATTEMPT'], '1')
    assert seen['REEVE_TOKEN'], seen
    equal(seen['REEVE_SOCKET'], str(t.socket))
    strange = [name for name in seen
               if not name.startswith('REEVE_')
               and name not in ('COLOUR', 'EMPTY', 'PATH')]
    equal(strange, [], 'more than was sent')
    secret = [name for name in seen if 'SECRET' in name
              or 'WORKER' in name or name == 'REEVE_STORY']
    equal(secret, [], 'what no job may see')


@story
def directory_umask_and_niceness_are_the_submitted_ones(t):
    t.start()
    job = t.run(['/bin/sh', '-c', 'pwd; umask; nice'], context={
        'cwd': '/usr', 'umask': 0o137, 'nice': 5,
        'env': {'PATH': '/usr/bin:/bin'}})
    equal(t.output(job['id']).split(), [b'/usr', b'0137', b'5'])


@story
def resource_limits_are_the_submitted_ones(t):
    t.start()
    job = t.run(['/bin/sh', '-c', 'ulimit -n; ulimit -f'], context={
        'limits': {'nofile': 64, 'fsize': 512 * 8}})
    equal(t.output(job['id']).split(), [b'64', b'8'])


@story
def a_shell_line_runs_only_when_it_is_asked_for(t):
    t.start()
    job = t.wait(t.c.call('Submit', job={
        'shell': 'echo a b | /usr/bin/tr a-z A-Z'})['id'])
    equal(t.output(job['id']), b'A B\n')
    job = t.run(['/bin/echo', '$HOME;', '`id`', '*'])
    equal(t.output(job['id']), b'$HOME; `id` *\n')


@story
def arguments_arrive_byte_for_byte(t):
    words = ['', ' ', '"', "'", '\\', 'ü€😀', '\x01', 'a\nb', '-n']
    job = t.start().run(['/usr/bin/printf', '%s|', *words])
    equal(t.output(job['id']).decode(), ''.join(w + '|' for w in words))


@story
def a_job_starts_with_three_descriptors_and_default_signals(t):
    t.start()
    job = t.run(['/bin/sh', '-c', 'ls -l /proc/self/fd | wc -l; '
                 'cat /proc/self/status'])
    text = t.output(job['id']).decode()
    status = dict(line.split(':', 1) for line in text.splitlines()[1:])
    for name in ('SigBlk', 'SigIgn'):
        equal(int(status[name].strip(), 16), 0, name)
    # ls itself opens the folder: 0, 1, 2, that one, and a line `total`.
    listed = int(text.splitlines()[0])
    assert listed <= 6, text
    job = t.run(['/bin/sh', '-c', 'cat /proc/self/stat'])
    fields = t.output(job['id']).decode().rsplit(')', 1)[1].split()
    group, session, terminal = fields[2], fields[3], fields[4]
    equal(terminal, '0', 'controlling terminal')
    assert session not in ('0', str(t.supervisor)), fields
    assert group != '0'


@story
def the_record_says_what_the_job_used(t):
    t.start()
    job = t.run(['/bin/sh', '-c', 'i=0; while [ $i -lt 200000 ]; do '
                 'i=$((i+1)); done; echo hello'])
    assert job['cpu_us'] >= 10000, job
    assert job['peak_kib'] > 100, job
    equal(job['stdout_bytes'], 6)
    equal(job['stderr_bytes'], 0)
    assert job['finished_ms'] - job['started_ms'] >= 10, job


@story
def two_workers_run_two_jobs_at_once(t):
    t.start(workers=2)
    one, two = t.gate(), t.gate()
    jobs = [t.submit(one.argv), t.submit(two.argv)]
    one.started()
    two.started()
    equal(t.c.call('admin.Status')['counts']['running'], 2)
    one.open()
    two.open(7)
    equal(t.wait(jobs[0])['state'], 'succeeded')
    equal(t.wait(jobs[1])['exit_code'], 7)


@story
def jobs_of_one_queue_start_in_order_and_the_urgent_first(t):
    t.start(workers=1)
    gate = t.gate()
    first = t.submit(gate.argv)
    gate.started()
    log = t.folder / 'order'
    jobs = [t.submit(['/bin/sh', '-c', 'echo %s >>%s' % (name, log)],
                     priority=priority)
            for name, priority in (('a', 0), ('b', 0), ('c', 5), ('d', -5),
                                   ('e', 0))]
    gate.open()
    for job in [first, *jobs]:
        t.wait(job)
    equal(log.read_text().split(), ['c', 'a', 'b', 'e', 'd'])


@story
def a_delayed_job_waits_for_its_time(t):
    t.start()
    began = time.time()
    job = t.submit(['/bin/true'], delay_ms=1500)
    equal(t.job_state(job), 'scheduled')
    ended = t.wait(job)
    assert ended['started_ms'] / 1000 - began >= 1.49, ended
    job = t.submit(['/bin/true'], run_at_ms=int(time.time() * 1000) + 1500)
    equal(t.job_state(job), 'scheduled')
    equal(t.wait(job)['state'], 'succeeded')
    job = t.submit(['/bin/true'], run_at_ms=1000)
    equal(t.wait(job)['state'], 'succeeded')


@story
def a_held_job_starts_when_it_is_released(t):
    t.start()
    job = t.submit(['/bin/true'], hold=True)
    equal(t.job_state(job), 'held')
    other = t.run(['/bin/true'])
    equal(other['state'], 'succeeded')
    equal(t.job_state(job), 'held')


@story
def a_key_names_one_job_for_ever(t):
    t.start()
    first = t.c.call('Submit', job={'argv': ['/bin/true'], 'key': 'k-1'})
    assert not first.get('existing'), first
    again = t.c.call('Submit', job={'argv': ['/bin/true'], 'key': 'k-1'})
    equal(again['id'], first['id'])
    equal(again['existing'], True)
    t.wait(first['id'])
    again = t.c.call('Submit', job={'argv': ['/bin/true'], 'key': 'k-1'})
    equal((again['id'], again['existing']), (first['id'], True))
    other = t.c.call('Submit', job={'argv': ['/bin/true'], 'key': 'k-2'})
    assert other['id'] != first['id']


@story
def the_reply_names_its_durability(t):
    t.start()
    reply = t.c.call('Submit', job={'argv': ['/bin/true']})
    equal(reply['durability'], 'sync')


@story
def a_reply_that_waits_for_the_end_brings_the_job(t):
    t.start()
    replies = list(t.c.stream('Submit', job={'argv': ['/bin/sh', '-c',
                                                      'exit 4']}))
    equal(len(replies), 2)
    assert replies[0].get('job') is None, replies
    equal(replies[1]['job']['id'], replies[0]['id'])
    equal(replies[1]['job']['exit_code'], 4)


@story
def what_a_finished_job_left_running_is_gone_within_a_second(t):
    t.start()
    pids = t.folder / 'pids'
    script = ('(/usr/bin/setsid /bin/sh -c \'trap "" TERM HUP; '
              'echo $$ >>{0}; exec /bin/sleep 600\' &) ; '
              '/bin/sleep 600 & echo $! >>{0}; '
              'while [ $(/usr/bin/wc -l <{0}) -lt 2 ]; do :; done'
              ).format(pids)
    job = t.shell('touch %s; %s' % (pids, script))
    equal(job['state'], 'succeeded')
    left = [int(line) for line in pids.read_text().split()]
    equal(len(left), 2)
    eventually(lambda: not any(proc.alive(pid) for pid in left), 1,
               'the orphans are gone')


@story
def who_starts_processes_faster_than_they_are_ended_ends_as_well(t):
    # Each starts the next, in a session of its own, and lives on.
    # The main process stays until the chain has got ahead of any round.
    script = ('import os, sys, time\n'
              'if os.fork():\n'
              '    time.sleep(0.02)\n'
              '    os._exit(0)\n'
              'for _ in range(400):\n'
              '    if os.fork(): time.sleep(600)\n'
              '    os.setsid()\n'
              'open(sys.argv[1], "w").close()\n'
              'time.sleep(600)\n')
    t.start(workers=1, flags=['--no-cgroups'])

    def are_overtaken():
        last = t.folder / 'last'
        last.unlink(missing_ok=True)
        job = t.run([sys.executable, '-c', script, str(last)])
        equal(job['state'], 'succeeded')
        # The next one on this worker begins behind the end of all of them.
        equal(t.run(['/bin/true'])['state'], 'succeeded')
        equal([pid for pid in proc.marked(str(t.folder))
               if proc.alive(pid) and script in proc.argv(pid)], [])
        return not last.exists()
    # A worker that gets no processor for so long overtakes nobody.
    eventually(are_overtaken)


@story
def orphans_may_be_kept_on_request(t):
    t.start()
    pids = t.folder / 'pids'
    job = t.shell('/usr/bin/setsid /bin/sleep 600 >/dev/null 2>&1 & '
                  'echo $! >%s' % pids, orphans='keep')
    equal(job['state'], 'succeeded')
    pid = int(pids.read_text())
    for _ in range(10):
        t.run(['/bin/true'])
    assert proc.alive(pid), 'it was to be kept'
    t.kill(pid)


if __name__ == '__main__':
    main()
