#!/usr/bin/python3
"""The library and the tool against a fake daemon: what is sent, what is shown,
which code it exits with, and what nonsense and lost connections come to.

    session.py REEVE EXAMPLE [TEST...]

covers: client/call client/clock client/context client/example client/finish
covers: client/get client/handle client/interrupt client/link client/listing
covers: client/dial client/job_args client/map client/output client/relay
covers: client/screen client/stamp client/stream client/submit client/watch
covers: client/cmd_submit client/cmd_run client/cmd_map client/cmd_wait
covers: client/cmd_ls client/cmd_show client/cmd_logs client/cmd_steer
covers: client/cmd_status client/cmd_worker client/cmd_daemon client/cmd_help
covers: client/main client/autostart
"""
import os
import pathlib
import re
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from tool import Place, finish, holds, interrupt, run_tests, same  # noqa: E402

TOOL, EXAMPLE = map(os.path.abspath, sys.argv[1:3])


def place(*flags, **how):
    here = Place(TOOL)
    here.start(*flags, **how)
    return here


def test_submit_prints_the_id_and_sends_the_context():
    with place() as here:
        result = here.reeve('submit', '-q', 'mail', '-p', '5', '-t', 'a=b',
                            '-n', 'x', '--timeout', '2m', '-e', 'X=1',
                            'true', '--json', '-j8')
        same((result.code, result.out, result.err), (0, '1\n', ''))
        job = here.calls('Submit')[0]['job']
        same(job['argv'], ['true', '--json', '-j8'])
        same((job['queue'], job['priority'], job['tags'], job['name'],
              job['timeout_ms']), ('mail', 5, {'a': 'b'}, 'x', 120000))
        same(job['context']['cwd'], os.getcwd())
        same(job['context']['env']['X'], '1')
        same(job['context']['env']['HOME'], here.folder)
        assert job['key']
        same(here.reeve('submit', '--json', 'true').json(),
             {'v': 1, 'id': 2})


def test_submit_gives_stdin_only_when_asked():
    with place() as here:
        here.reeve('submit', 'cat', input=b'no')
        same('stdin' in here.calls('Submit')[0]['job'], False)
        result = here.reeve('run', '--stdin', 'cat', input=b'yes')
        same(result.out, 'yes')
        result = here.reeve('submit', '--stdin', 'cat',
                            input=b'x' * (1 << 20) + b'x')
        same(result.code, 4)
        holds(result.err, 'more than the 1048576 bytes')


def test_run_relays_both_streams_and_the_code():
    with place() as here:
        result = here.reeve('run', '--sh', 'echo out; echo err >&2; exit 7')
        same((result.code, result.out), (7, 'out\n'))
        holds(result.err, 'err\n', 'job 1 exited with code 7')
        slow = here.reeve('run', '--sh',
                          'echo a; sleep 0.2; echo b >&2; sleep 0.1; echo c')
        same((slow.code, slow.out, slow.err), (0, 'a\nc\n', 'b\n'))


def test_run_has_codes_for_every_other_end():
    with place() as here:
        same(here.reeve('run', '--sh', 'kill -9 $$').code, 137)
        same(here.reeve('run', 'no-such-command').code, 127)
        same(here.reeve('run', '-q', 'full', 'true').code, 125)
        same(here.reeve('run').code, 125)
        same(here.reeve('run', '--nope', 'true').code, 125)
        here.stop()
        same(here.reeve('run', 'true').code, 120)


def test_a_signal_to_run_cancels_the_job():
    with place() as here:
        process = here.popen('run', 'sleep', '60')
        here.until(lambda: here.calls('Wait'))
        interrupt(process)
        result = finish(process)
        same(result.code, 121)
        same(here.calls('Cancel')[0]['filter'], {'ids': [1]})


def test_run_ends_the_job_when_nobody_reads():
    with place() as here:
        process = here.popen('run', 'yes')
        process.stdout.read(10)
        process.stdout.close()
        same(process.wait(30), 141)
        process.stderr.close()
        same(here.calls('Cancel')[0]['filter'], {'ids': [1]})


def test_a_lost_answer_to_submit_makes_no_second_job():
    with place('--cut', '1') as here:
        same(here.reeve('submit', 'true').out, '1\n')
        first, second = here.calls('Submit')
        same(first['job']['key'], second['job']['key'])
        same(here.call('Count')['total'], 1)


def test_waiting_survives_a_lost_connection():
    # 1 Submit, 2 List (is it stuck?), 3 Wait: its answer never leaves.
    with place('--cut', '3') as here:
        same(here.reeve('submit', '-w', '--sh', 'sleep 0.2; exit 4').code, 4)
        same(len(here.calls('Wait')), 2)


def test_output_is_followed_over_a_lost_connection():
    with place('--cut', '3') as here:
        result = here.reeve('run', '--sh', 'echo a; sleep 0.3; echo b')
        same((result.code, result.out), (0, 'a\nb\n'))


def test_what_cannot_be_repeated_is_not():
    with place('--cut', '1') as here:
        result = here.reeve('map', 'true', ':::', 'a')
        same(result.code, 120)
        same(len(here.calls('OpenGroup')), 1)
        holds(result.err, 'closed the connection before it answered')


def test_a_daemon_that_comes_back_is_found_again():
    with place() as here:
        process = here.popen('submit', '-w', '-q', 'stuck', 'true')
        here.until(lambda: here.calls('Wait'))
        here.stop()
        time.sleep(0.2)
        here.start('--ended', '1')
        same(finish(process).code, 0)


def test_a_daemon_that_stays_away_is_an_error_in_time():
    with place() as here:
        process = here.popen('submit', '-w', '-q', 'stuck', 'true')
        here.until(lambda: here.calls('Wait'))
        begun = time.monotonic()
        here.stop()
        result = finish(process)
        same(result.code, 120)
        assert 4 < time.monotonic() - begun < 60
        holds(result.err, 'reeve: ')


NONSENSE = ['\0', '{}\0', '[]\0', 'x\0', '{"parameters":[]}\0',
            '{"parameters":{"id":"1"}}\0', '{"parameters":{"id":-1}}\0',
            '{"error":5}\0', '{"error":"a.B","parameters":7}\0',
            '{"error":"a.B","parameters":{"message":"\\u001b[2J"}}\0',
            '{"parameters":{"id":1e3}}\0', '\xff\xfe\0', '{"a":"\0',
            '[' * 100000 + '\0', '{"parameters":{"id":99999999999999999999}}\0']


def test_nonsense_from_the_daemon_is_an_error_never_a_crash():
    for text in NONSENSE:
        # An empty message is no message: another one follows.
        script = {'Submit': [text + ('x\0' if text == '\0' else '')]}
        with place(script=script) as here:
            result = here.reeve('submit', 'true')
            assert result.code in (4, 125), (text[:50], result)
            holds(result.err, 'reeve: ')
            assert '\x1b' not in result.err
    jobs = ['[{}]', '[5]', '{"id":1}', '[{"id":1,"state":"odd"}]', '"x"',
            '[{"id":1,"state":"failed","name":7}]']
    for text in jobs:
        for method, args in (('List', ['ls', '--all']), ('Get', ['show', '1']),
                             ('Wait', ['wait', '1', '--timeout', '1s'])):
            script = {method: ['{"parameters":{"jobs":%s}}\0' % text] * 300}
            with place(script=script) as here:
                result = here.reeve(*args)
                assert result.code in (0, 3, 120, 124, 125), (text, result)


def test_a_daemon_that_never_tells_is_given_up():
    script = {'Wait': ['{"parameters":{"jobs":[],"pending":1}}\0'] * 9999}
    with place(script=script) as here:
        here.reeve('submit', 'true')
        begun = time.monotonic()
        result = here.reeve('wait', '1')
        same(result.code, 120)
        assert 4 < time.monotonic() - begun < 60


def test_nonsense_instead_of_output_is_an_error():
    for text in ('{}', '{"chunks":[],"offset":0}',
                 '{"chunks":[5],"offset":1,"eof":true}',
                 '{"chunks":[{"data":5}],"offset":1,"eof":true}',
                 '{"chunks":[{"data64":"*"}],"offset":1,"eof":true}',
                 '{"chunks":[],"offset":-1,"eof":true}'):
        with place(script={'Output': ['{"parameters":%s}\0' % text]}) as here:
            here.reeve('submit', '-w', 'true')
            result = here.reeve('logs', '1')
            same((text, result.code), (text, 125))
    with place(script={'Output': [
            '{"parameters":{"chunks":[{"stream":"stdout","data64":"/wA="},'
            '{"stream":"omitted","omitted_bytes":5},{"stream":"stderr",'
            '"data":"e"}],"offset":9,"eof":true}}\0']}) as here:
        here.reeve('submit', '-w', 'true')
        process = here.popen('logs', '1')
        out, err = process.communicate()
        same(out, b'\xff\0')
        holds(err.decode(), '5 bytes were not kept here', 'e')


def test_wait_takes_ids_ranges_groups_and_last():
    with place() as here:
        for command in ('true', 'false', 'true'):
            here.reeve('submit', command)
        same(here.reeve('wait', '1').code, 0)
        same(here.reeve('wait', '2').code, 1)
        same(here.reeve('wait', 'last').code, 0)
        same(here.reeve('wait', '1-3').code, 1)
        same(here.reeve('wait', '1-3', '--exit', 'none').code, 0)
        same(here.reeve('wait', '1,3', '--json').json(),
             {'v': 1, 'succeeded': 2, 'failed': 0})
        same(here.reeve('wait', '99').code, 125)
        here.reeve('map', '--no-output', 'test', '1', '-eq', ':::', '1', '2')
        same(here.reeve('wait', 'group=1').code, 1)
        here.reeve('submit', '-q', 'stuck', 'true')
        result = here.reeve('wait', 'last', '--timeout', '100ms')
        same(result.code, 124)


def test_who_looks_at_no_progress_asks_once_for_a_group():
    with place() as here:
        here.call('org.reeve.jobs.OpenGroup')
        here.reeve('submit', '--group', '1', 'sleep', '1.5')
        process = here.popen('--quiet', 'wait', 'group=1')
        here.until(lambda: here.calls('Wait'))
        here.reeve('wait', '1')
        here.call('org.reeve.jobs.CloseGroup', group=1)
        same(finish(process).code, 0)
        asked = [call for call in here.calls('Wait') if 'group' in call]
        same(len(asked), 1)


def test_wait_names_the_first_failures_and_counts_the_rest():
    with place() as here:
        here.call('SubmitMany', jobs=[{'argv': ['false']}] * 1200)
        result = here.reeve('wait', 'all', '--quiet')
        same((result.code, result.err), (1, ''))
        result = here.reeve('wait', 'all')
        same(result.code, 1)
        lines = [line for line in result.err.splitlines()
                 if 'exited with code 1' in line]
        same(len(lines), 10)
        holds(result.err, '1200 did not succeed, 0 did')


def test_ls_shows_what_was_asked_for():
    with place() as here:
        here.reeve('submit', '-w', 'true')
        here.reeve('submit', '-w', '-n', 'bad\x1b[2J', 'false')
        here.reeve('submit', '--hold', 'true')
        lines = here.reeve('ls').out.splitlines()
        same([line.split('\t')[:2] for line in lines],
             [['1', 'succeeded'], ['2', 'failed'], ['3', 'held']])
        assert '\x1b' not in here.reeve('ls').out
        same([job['id'] for job in here.reeve('ls', 'failed',
                                              '--json').json()['jobs']], [2])
        same(here.reeve('ls', 'fialed').code, 2)
        holds(here.reeve('ls', 'fialed').err, 'Did you mean failed?')
        result = here.reeve('ls', '--json', '--limt=3')
        same(result.code, 2)
        same(result.json()['error']['code'], 'usage')
        same(len(here.reeve('ls', '--all', '--limit', '2',
                            '--json').json()['jobs']), 2)


def test_ls_reads_page_after_page():
    with place() as here:
        here.reeve('map', '--no-output', '--hold', 'true',
                   input='\n'.join(map(str, range(0))).encode())
        for _ in range(3):
            here.call('SubmitMany', jobs=[{'argv': ['true'], 'hold': True}
                                          for _ in range(400)])
        ids = [job['id'] for job in
               here.reeve('ls', '--all', '--json').json()['jobs']]
        same(ids, list(range(1, 1201)))
        result = here.reeve('ls', 'held')
        same(len(result.out.splitlines()), 1000)
        holds(result.err, 'only the newest 1000 are listed', 'reeve ls -a')
        result = here.reeve('ls', 'held', '-a')
        same((len(result.out.splitlines()), result.err), (1200, ''))
        same(here.reeve('ls', 'held', '--limit', '5').err, '')


def test_show_explains_a_failure():
    with place() as here:
        here.reeve('submit', '-w', '--sh', 'echo the last words >&2; exit 3')
        result = here.reeve('show', 'last')
        same(result.code, 0)
        holds(result.out, 'exited with code 3', 'the last words',
              'next       All it wrote: reeve logs 1')
        same(here.reeve('show', '1', '--json').json()['job']['exit_code'], 3)
        missing = here.reeve('show', '77')
        same(missing.code, 3)
        holds(missing.err, 'there is no job 77', 'reeve ls -a')
        same(here.reeve('show').code, 2)


def test_steering_asks_before_it_changes_many():
    with place() as here:
        for _ in range(3):
            here.reeve('submit', '--hold', 'true')
        same(here.reeve('cancel', 'held').code, 2)
        same(here.reeve('cancel', 'held', '--dry-run').out,
             '3 would be cancelled\n')
        same(here.reeve('cancel', '1').out, '1 cancelled\n')
        same(here.reeve('cancel', '1').out, '0 cancelled\n')
        same(here.reeve('release', '2').out, '1 released\n')
        same(here.reeve('cancel', 'held', '--yes', '--json').json(),
             {'v': 1, 'count': 1, 'running': 0, 'dry_run': False})
        same(here.reeve('cancel', '99').code, 3)
        same(here.reeve('cancel').code, 2)
        same(here.reeve('hold', 'all', '--yes').code, 0)


def test_map_runs_one_job_for_each_item():
    with place() as here:
        result = here.reeve('map', '-k', 'echo', '{#}', '<{}>', ':::', 'a',
                            'b c', '')
        same((result.code, result.out), (0, '1 <a>\n2 <b c>\n3 <>\n'))
        holds(result.err, '3 done, 0 failed', 'group 1')
        result = here.reeve('map', '-0', '-k', 'printf', '%s|',
                            input=b'x\ny\0z\0')
        same(result.out, 'x\ny|z|')
        same(here.calls('CloseGroup'), [{'group': 1}, {'group': 2}])
        keys = [job['key'] for call in here.calls('SubmitMany')
                for job in call['jobs']]
        same(len(set(keys)), 5)
        same(keys[:3], sorted(keys[:3]))


def test_map_names_what_failed():
    with place() as here:
        result = here.reeve('map', '-j2', 'test', '{}', '-lt', '3', ':::',
                            *'12345')
        same(result.code, 1)
        holds(result.err, '2 done, 3 failed', '3: exited with code 1',
              'reeve show 3')
        facts = here.reeve('map', '--json', 'sh', '-c', 'exit {}', ':::', '0',
                           '4').json()
        same((facts['succeeded'], facts['failed']), (1, 1))
        same(facts['failures'][0]['item'], '4')
        result = here.reeve('map', '-q', 'full', 'true', ':::', 'a')
        same(result.code, 1)
        holds(result.err, "a: queue 'full' is full")


def test_map_keeps_to_its_limit():
    with place() as here:
        process = here.popen('map', '-j3', '-q', 'stuck', 'true', ':::',
                             *map(str, range(9)))
        here.until(lambda: here.call('Count')['total'] >= 3)
        time.sleep(0.2)
        same(here.call('Count')['total'], 3)
        interrupt(process)
        result = finish(process)
        same(result.code, 130)
        same(here.calls('Cancel')[0]['filter'], {'group': 1})
        holds(result.err, '3 cancelled')


def test_map_stops_after_enough_failures():
    with place() as here:
        result = here.reeve('map', '-j1', '--max-fail', '2', 'false', ':::',
                            *map(str, range(50)))
        same(result.code, 1)
        holds(result.err, '2 failed: cancelling the rest')
        assert here.call('Count')['total'] < 10


def test_map_takes_items_as_they_come():
    with place() as here:
        process = here.popen('map', 'echo', stdin=subprocess.PIPE)
        process.stdin.write(b'first\n')
        process.stdin.flush()
        same(process.stdout.readline(), b'first\n')
        process.stdin.write(b'second\n')
        process.stdin.close()
        process.stdin = None
        result = finish(process)
        same((result.code, result.out), (0, 'second\n'))


def test_map_refuses_items_that_the_wire_cannot_carry():
    with place() as here:
        result = here.reeve('map', 'echo', input=b'good\n\xff\xfe\n')
        same((result.code, result.out), (1, 'good\n'))
        holds(result.err, 'is not UTF-8', '1 done, 1 failed')


def test_map_of_many_over_lost_answers():
    with place('--cut', '4') as here:
        result = here.reeve('map', '-j20', '--no-output', 'true',
                            input='\n'.join(map(str, range(60))).encode())
        same(result.code, 0)
        holds(result.err, '60 done, 0 failed')
        same(here.call('Count')['total'], 60)


def test_status_worker_and_pool_lists():
    with place() as here:
        holds(here.reeve().out, 'reeved 0.1.0', 'running for 1m05s',
              'this is a fake')
        same(here.reeve('status', '--json').json()['status']['workers'], 2)
        same(here.reeve('worker', 'ls').out,
             'exec\t0\t10\tidle\t-\t0\t5.0s\t3\n'
             'img\t0\t11\tbusy\t9\t2\t2.0s\t7\n')
        same(here.reeve('pool', '--json').json()['pools'][0]['name'], 'exec')
        holds(here.reeve('ping').out, 'answers in')


def test_daemon_stop_says_when_it_is_gone():
    with place() as here:
        same(here.reeve('daemon', 'status').code, 0)
        same(here.reeve('daemon', 'start').out,
             'already running (pid %d)\n' % here.daemon.pid)
        waiter = here.popen('daemon', 'stop', '--drain')
        here.daemon.wait()
        same(finish(waiter).out, 'stopped\n')
        same(here.reeve('daemon', 'status').code, 120)
        same(here.reeve('daemon', 'stpo').code, 2)


def test_nobody_there_is_told_with_what_to_do():
    with Place(TOOL) as here:
        for command in (['ls'], ['submit', 'true'], [], ['ping']):
            result = here.reeve(*command)
            same((command, result.code), (command, 120))
            holds(result.err, 'nobody listens at', 'reeve daemon start')
        same(here.reeve('ls', '--json').json()['error']['code'],
             'unreachable')


def test_a_daemon_is_started_once_and_told_once():
    with Place(TOOL) as here:
        script = os.path.join(here.folder, 'reeved')
        with open(script, 'w') as file:
            file.write('#!/bin/sh\n[ "$1" = --daemon ] || exit 9\n'
                       'env >"%s/env"\n'
                       'mkdir -p "$REEVE_RUNTIME_DIR"\n'
                       '%s %s "$REEVE_RUNTIME_DIR/reeve.sock" 2>/dev/null '
                       '>/dev/null & echo $! >"%s/pid"\n' % (
                           here.folder, sys.executable,
                           pathlib.Path(TOOL).parent.parent / 'nowhere',
                           here.folder))
        with open(script) as file:
            text = file.read().replace(
                str(pathlib.Path(TOOL).parent.parent / 'nowhere'),
                str(pathlib.Path(__file__).resolve().parent.parent /
                    'fake' / 'fake_daemon.py'))
        with open(script, 'w') as file:
            file.write(text)
        os.chmod(script, 0o755)
        del here.environment['REEVE_SOCKET']
        here.environment.update(
            REEVE_RUNTIME_DIR=os.path.join(here.folder, 'run'),
            REEVED=script, SECRET='not for a daemon')
        try:
            first = here.reeve('submit', 'true')
            same((first.code, first.out), (0, '1\n'))
            holds(first.err, 'started a daemon for you (pid ',
                  'reeve daemon stop')
            with open(os.path.join(here.folder, 'env')) as file:
                environment = file.read()
            assert 'SECRET' not in environment
            holds(environment, 'REEVE_RUNTIME_DIR=', 'HOME=')
            second = here.reeve('submit', 'true')
            same((second.out, second.err), ('2\n', ''))
        finally:
            with open(os.path.join(here.folder, 'pid')) as file:
                os.kill(int(file.read()), 9)


def test_a_daemon_that_cannot_start_says_why():
    with Place(TOOL) as here:
        script = os.path.join(here.folder, 'reeved')
        with open(script, 'w') as file:
            file.write('#!/bin/sh\necho "reeved: the disk is made of cheese"'
                       ' >&2\nexit 1\n')
        os.chmod(script, 0o755)
        del here.environment['REEVE_SOCKET']
        here.environment.update(
            REEVE_RUNTIME_DIR=os.path.join(here.folder, 'run'), REEVED=script)
        result = here.reeve('submit', 'true')
        same(result.code, 120)
        holds(result.err, 'cannot start a daemon: the disk is made of cheese')
        same(here.reeve('submit', 'true', REEVE_AUTOSTART='0').code, 120)
        assert 'cheese' not in here.reeve('--no-autostart', 'submit',
                                          'true').err
        result = here.reeve('submit', 'true', REEVED='/nowhere/reeved')
        holds(result.err, 'there is no reeved')


def test_help_and_mistyped_words():
    with Place(TOOL) as here:
        holds(here.reeve('help').out, 'reeve submit make -j8', 'daemon')
        holds(here.reeve('map', '--help').out, '--keep-order', '--timeout',
              '--json')
        holds(here.reeve('help', 'filters').out, 'tag:k=v')
        result = here.reeve('sumbit')
        same(result.code, 2)
        holds(result.err, "there is no command 'sumbit'",
              'Did you mean: reeve submit?')
        same(here.reeve('--version').out, here.reeve('version').out)
        same(here.reeve('help', 'nonsense').code, 2)


def without_colours(text):
    return re.sub('\x1b\\[[0-9;]*m', '', text)


def test_a_terminal_gets_tables_that_fit_hints_and_a_summary():
    with place() as here:
        hint = without_colours(here.on_terminal('submit', '-w', 'true'))
        same(hint, '1\n')
        hint = without_colours(here.on_terminal('submit', 'false'))
        holds(hint, '2\n', 'reeve show 2')
        same(here.on_terminal('submit', '--quiet', 'true'), '3\n')
        here.reeve('submit', '-w', '-n', 'x' * 200, 'true')
        here.reeve('wait', '1-4')
        for columns in (40, 60, 100, 200):
            seen = here.on_terminal('ls', columns=columns)
            holds(seen, '\x1b[32m', '\u2713 done', '\u2717 failed')
            lines = without_colours(seen).splitlines()
            assert max(map(len, lines)) <= columns, (columns, lines)
            holds(lines[0], 'ID', 'STATE', 'NAME')
            same(lines[-1], '1 failed; 3 done')
        plain = here.on_terminal('ls', NO_COLOR='1', LC_ALL='C')
        assert '\x1b' not in plain and plain.isascii(), plain
        holds(plain, '+ done', 'x failed')
        assert '\x1b' not in here.on_terminal('ls', '--color', 'never')


def test_a_terminal_gets_a_bar_that_goes_away():
    with place() as here:
        seen = here.on_terminal('map', '-j2', 'sleep', '0.{}', ':::',
                                *'123123')
        holds(seen, '\u2588', '/6', '\r\x1b[K')
        holds(seen.split('\x1b[K')[-1], '6 done, 0 failed')


def test_a_full_disk_behind_stdout_is_an_error():
    with place() as here:
        with open('/dev/full', 'w') as full:
            code = subprocess.run([TOOL, 'ls', '--json'], stdout=full,
                                  stderr=subprocess.DEVNULL,
                                  env=here.environment).returncode
        same(code, 1)


def test_the_example_of_the_library_runs():
    with place() as here:
        done = subprocess.run([EXAMPLE], env=here.environment,
                              stdout=subprocess.PIPE)
        same(done.returncode, 0)
        holds(done.stdout.decode(), 'hello from reeve\n', 'job 1 succeeded')
        done = subprocess.run([EXAMPLE, 'sh', '-c', 'exit 5'],
                              env=here.environment, stdout=subprocess.PIPE)
        same(done.returncode, 5)


def test_the_manual_names_every_command_and_flag():
    page = (pathlib.Path(__file__).resolve().parent.parent.parent /
            'client' / 'reeve.1').read_text().replace('\\-', '-')
    with Place(TOOL) as here:
        overview = here.reeve('help').out
        commands = [line.split()[0] for line in overview.splitlines()
                    if line.startswith('  ') and
                    not line.startswith('  reeve')]
        assert len(commands) >= 17, commands
        for command in commands:
            holds(page, command)
            for line in here.reeve(command, '--help').out.splitlines():
                words = line.replace(',', ' ').split()
                for word in words[:2]:
                    if word.startswith('--') and len(word) > 2:
                        holds(page, word)


if __name__ == '__main__':
    sys.exit(run_tests(sys.modules[__name__], sys.argv[3:]))
