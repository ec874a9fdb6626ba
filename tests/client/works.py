#!/usr/bin/python3
"""reeve work, against the fake daemon.

    works.py REEVE EXAMPLE_CONSUMER [TEST...]

covers: client/cmd_work client/work client/work_args client/child client/guard client/consume
covers: client/settle client/word client/example_consumer
"""
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import jsonschema

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from tool import Place, finish, holds, interrupt, run_tests, same  # noqa: E402

SCHEMA = {**json.loads((HERE.parent.parent / 'client' / 'schema' /
                        'work.json').read_text()),
          'additionalProperties': False}
TOOL, EXAMPLE = map(os.path.abspath, sys.argv[1:3])


class Works(Place):
    def __init__(self):
        super().__init__(TOOL)

    def submit(self, handler='far', **fields):
        return self.ask('Submit', job={'handler': handler, **fields})['id']

    def ask(self, method, **parameters):
        return self.call(method, **parameters)

    def job(self, number):
        return self.ask('Get', ids=[number])['jobs'][0]

    def until_state(self, number, state):
        self.until(lambda: self.job(number)['state'] == state)

    def once(self, *command, **how):
        return self.reeve('work', 'far', '--once', '--', *command, **how)


def started(*flags):
    place = Works()
    place.start(*flags)
    return place


def is_gone(pid):
    try:
        return pathlib.Path('/proc/%d/stat' % pid).read_text().rsplit(
            ') ', 1)[1].startswith('Z')
    except (FileNotFoundError, ProcessLookupError):
        return True


def number_in(path):
    """A pid that a command writes there."""
    try:
        text = pathlib.Path(path).read_text()
    except FileNotFoundError:
        return 0
    return int(text) if text.endswith('\n') else 0


def test_args_are_stdin_and_json_output_is_the_result():
    with started() as p:
        number = p.submit(args={'path': 'a.png', 'n': [1, 2]})
        result = p.once('cat')
        same((result.code, result.out, result.err), (0, '', ''))
        job = p.job(number)
        same((job['state'], job['result']),
             ('succeeded', {'path': 'a.png', 'n': [1, 2]}))


def test_other_output_is_text_without_its_last_newline():
    with started() as p:
        for command, result in (('echo hello', 'hello'),
                                ('printf "1\\n2\\n"', '1\n2'),
                                ('true', None), ('echo; echo', '\n'),
                                ('echo " 12 "', 12),
                                ('echo \'["é"]\'', ['é'])):
            number = p.submit()
            same(p.once('sh', '-c', command).code, 0)
            same(p.job(number)['result'], result)
        number = p.submit()
        same(p.reeve('work', 'far', '--once', '--text', 'echo', '12').code, 0)
        same(p.job(number)['result'], '12')
        number = p.submit()
        same(p.once('printf', '\\377x').code, 0)
        same(p.job(number)['result'], '\ufffdx')


def test_a_failure_has_the_code_and_the_last_lines():
    with started() as p:
        number = p.submit()
        result = p.once('sh', '-c', 'echo one >&2; echo two >&2; exit 3')
        same(result.code, 3)
        holds(result.err, 'one\ntwo\n',
              'reeve: job %d failed: exit code 3: two' % number)
        job = p.job(number)
        same((job['state'], job['failure']),
             ('failed', {'type': 'ExitCode', 'message': 'exit code 3: two',
                         'trace': 'one\ntwo'}))


def test_of_much_on_stderr_the_end_is_kept():
    with started() as p:
        number = p.submit()
        p.once('sh', '-c', 'seq 10000 >&2; exit 1')
        trace = p.job(number)['failure']['trace'].splitlines()
        same(trace[-1], '10000')
        same(trace, [str(i) for i in range(int(trace[0]), 10001)])
        assert 500 < len(trace) < 1000, len(trace)


def test_a_signal_is_a_failure():
    with started() as p:
        number = p.submit()
        same(p.once('sh', '-c', 'kill -SEGV $$').code, 128 + signal.SIGSEGV)
        same(p.job(number)['failure'],
             {'type': 'Signal', 'message': 'killed by SIGSEGV'})


def test_variables_tell_of_the_job():
    with started() as p:
        number = p.submit(queue='img', group=4)
        p.environment['REEVE_PROGRESS_FD'] = '7'
        same(p.reeve('work', '--queue', 'img', 'near,far', '--once', 'env')
             .code, 0)
        found = dict(line.split('=', 1)
                     for line in p.job(number)['result'].splitlines())
        same({name: value for name, value in found.items()
              if name.startswith('REEVE_')},
             {'REEVE_JOB': str(number), 'REEVE_ATTEMPT': '1',
              'REEVE_TOKEN': '1001', 'REEVE_GROUP': '4',
              'REEVE_HANDLER': 'far', 'REEVE_QUEUE': 'img',
              'REEVE_PROGRESS_FD': '3', 'REEVE_SOCKET': p.socket})


def test_lines_to_descriptor_3_are_progress():
    with started() as p:
        number, path = p.submit(), os.path.join(p.folder, 'go')
        process = p.popen(
            'work', 'far', '--once', 'sh', '-c',
            'say() { echo "$1" >&3; until [ -e %s$2 ]; do sleep 0.02; done; }'
            '\nsay "30/120 loading" 1; say \'{"fraction":0.5,"note":"half"}\' 2'
            '; say "nearly there" 3; say 0.75 4' % path)

        def told():
            job = p.job(number)
            return job.get('progress'), job.get('note')
        for step, wanted in enumerate((
                (0.25, '30/120 loading'), (0.5, 'half'),
                (0.5, 'nearly there'), (0.75, 'nearly there')), 1):
            p.until(lambda: told() == wanted)
            pathlib.Path('%s%d' % (path, step)).touch()
        same(finish(process).code, 0)
        same(p.job(number)['result'], None)


def test_closed_descriptors_are_no_harm():
    with started() as p:
        number = p.submit(args={'n': 1})
        same(subprocess.run(
            ['sh', '-c', 'exec "$0" "$@" <&- >&- 2>&-', TOOL, 'work', 'far',
             '--once', 'cat'], env=p.environment, timeout=20).returncode, 0)
        same(p.job(number)['result'], {'n': 1})


def test_input_need_not_be_read():
    with started() as p:
        number = p.submit(args={'much': 'x' * 1000000})
        same(p.once('true').code, 0)
        same(p.job(number)['state'], 'succeeded')
        number = p.submit(args={'much': 'x' * 1000000})
        same(p.once('wc', '-c').code, 0)
        assert p.job(number)['result'] > 1000000


def test_a_result_that_is_too_long_fails():
    with started() as p:
        # As it is, and as JSON.
        for size in (13000000, 4000000):
            number = p.submit()
            result = p.reeve('work', '--json', 'far', '--once', 'head', '-c',
                             str(size), '/dev/zero')
            same((result.code, result.json()['end']), (1, 'failed'))
            holds(result.json()['failure'], 'more than 12582912 bytes')
            same(p.job(number)['failure']['type'], 'ResultTooLarge')
            same(p.calls('Settle')[-1]['outcomes'][0]['bury'], True)


def test_json_that_is_nested_too_deep_fails_its_job_alone():
    with started() as p:
        for depth, failed in ((56, False), (57, True), (64, True),
                              (65, True)):
            number = p.submit()
            result = p.once('echo', '[' * depth + ']' * depth)
            same(result.code, 1 if failed else 0)
            if not failed:
                continue
            holds(result.err, 'job %d failed: its output is JSON nested '
                  'deeper than 56 levels' % number)
            same(p.job(number)['failure']['type'], 'ResultNotJSON')
            same(p.calls('Settle')[-1]['outcomes'][0]['bury'], True)
        number = p.submit()
        same(p.reeve('work', 'far', '--once', '--text', 'echo', '[' * 57 +
                     ']' * 57).code, 0)


def test_the_input_is_one_line():
    with started() as p:
        number = p.submit(args={'a': ['x\n']})
        same(p.once('sh', '-ec', 'read -r line; printf %s "$line"').code, 0)
        same(p.job(number)['result'], {'a': ['x\n']})


def test_json_tells_of_each():
    with started() as p:
        numbers = [p.submit(args={'code': code}) for code in (0, 5)]
        result = p.reeve('work', '--json', '--max-jobs', '2', 'far', '--',
                         'sh', '-c', 'read x; case $x in *5*) exit 5;; esac; '
                         'echo 7')
        same(result.code, 0)
        lines = [json.loads(line) for line in result.out.splitlines()]
        for line in lines:
            jsonschema.Draft7Validator(SCHEMA).validate(line)
            assert line.pop('run_ms') >= 0
        common = {'v': 1, 'attempt': 1, 'handler': 'far', 'queue': 'default'}
        same(lines, [{**common, 'id': numbers[0], 'end': 'succeeded',
                      'exit_code': 0, 'result': 7},
                     {**common, 'id': numbers[1], 'end': 'failed',
                      'exit_code': 5, 'failure': 'exit code 5'}])


def test_lines_that_cannot_be_written_end_it_and_cost_no_job():
    for words, code, ends in (
            (['--once', 'far', '--', 'echo', '1'], 125, ['succeeded']),
            (['--once', 'far', '--', 'sh', '-c', 'exit 7'], 7, ['failed']),
            (['far', '--', 'echo', '1'], 1, ['succeeded', 'ready'])):
        with started() as p, open('/dev/full', 'wb') as full:
            numbers = [p.submit() for _ in ends]
            process = p.popen('work', '--json', *words, stdout=full)
            err = process.communicate(timeout=60)[1].decode()
            same((words, process.returncode), (words, code))
            same(err.count('cannot write to stdout: No space left'), 1)
            same([p.job(number)['state'] for number in numbers], ends)


def test_lines_that_nobody_reads_end_it_and_cost_no_job():
    with started() as p:
        numbers = [p.submit() for _ in range(2)]
        process = p.popen('work', '--json', 'far', '--', 'echo', '1')
        process.stdout.close()
        process.stdout = None
        holds(process.stderr.read().decode(), 'nobody reads the output')
        same(process.wait(60), 128 + signal.SIGPIPE)
        # Perhaps it was heard of before the first was taken.
        states = [p.job(number)['state'] for number in numbers]
        assert set(states) <= {'ready', 'succeeded'}, states
        same(states[1], 'ready')
        # Without --json nothing is written, and nobody has to read it.
        process = p.popen('work', '--max-jobs', '1', 'far', '--', 'echo', '1')
        process.stdout.close()
        process.stdout = None
        same((process.wait(60), process.stderr.read()), (0, b''))


def test_it_hears_that_nobody_reads_while_it_waits():
    with started() as p:
        process = p.popen('work', '--json', 'far', '--', 'echo', '1')
        p.until(lambda: p.calls('Reserve'))
        process.stdout.close()
        process.stdout = None
        same(process.wait(60), 128 + signal.SIGPIPE)
        process.stderr.close()


def test_several_run_at_a_time():
    with started() as p:
        numbers = [p.submit() for _ in range(4)]
        # Each waits for the three others.
        same(p.reeve('work', 'far', '-j4', '--max-jobs', '4', 'sh', '-c',
                     'touch %s/up.$$; until [ $(ls %s | grep -c up.) = 4 ]; '
                     'do sleep 0.05; done' % (p.folder, p.folder)).code, 0)
        for number in numbers:
            same(p.job(number)['state'], 'succeeded')


def test_max_jobs_takes_no_more():
    with started() as p:
        numbers = [p.submit() for _ in range(5)]
        same(p.reeve('work', 'far', '-j3', '--max-jobs', '4', 'true').code, 0)
        same(sorted(p.job(number)['state'] for number in numbers),
             ['ready'] + ['succeeded'] * 4)


def test_a_job_that_comes_later_is_taken():
    with started() as p:
        process = p.popen('work', 'far', '--once', 'echo', 'late')
        p.until(lambda: p.calls('Reserve'))
        number = p.submit()
        same(finish(process).code, 0)
        same(p.job(number)['result'], 'late')


def test_the_lease_is_extended_while_it_runs():
    with started() as p:
        number = p.submit()
        same(p.reeve('work', 'far', '--once', '--lease', '1s', 'sleep', '2')
             .code, 0)
        same((p.job(number)['state'], p.job(number)['crashes']),
             ('succeeded', 0))
        same(p.calls('Extend')[0]['lease_ms'], 1000)


def test_a_cancel_ends_the_command_and_what_it_started():
    with started() as p:
        number, path = p.submit(), os.path.join(p.folder, 'pid')
        process = p.popen('work', 'far', '--once', 'sh', '-c',
                          'sleep 600 & echo $! >%s; wait' % path)
        p.until(lambda: number_in(path))
        p.ask('Cancel', filter={'ids': [number]})
        result = finish(process)
        same(result.code, 121)
        holds(result.err, 'job %d was cancelled' % number)
        same(p.job(number)['state'], 'cancelled')
        p.until(lambda: is_gone(number_in(path)))


def test_a_command_that_minds_no_term_is_killed():
    with started() as p:
        number, path = p.submit(), os.path.join(p.folder, 'pid')
        process = p.popen('work', 'far', '--once', '--grace', '200ms', 'sh',
                          '-c', 'trap "" TERM; echo $$ >%s; '
                          'while :; do sleep 0.1; done' % path)
        p.until(lambda: number_in(path))
        p.ask('Cancel', filter={'ids': [number]})
        same(finish(process).code, 121)
        same(p.job(number)['failure']['type'], 'Cancelled')


def test_what_it_leaves_behind_is_killed():
    with started() as p:
        p.submit()
        path = os.path.join(p.folder, 'pid')
        same(p.once('sh', '-c', 'sleep 600 & echo $! >%s' % path).code, 0)
        p.until(lambda: is_gone(number_in(path)))


def test_a_lease_that_is_lost_ends_the_command():
    with started() as p:
        number, path = p.submit(), os.path.join(p.folder, 'pid')
        process = p.popen('work', 'far', '--once', 'sh', '-c',
                          'echo $$ >%s; sleep 600' % path)
        p.until(lambda: number_in(path))
        p.call('consume.Nack', held=[{'id': number, 'token': 1001}])
        result = finish(process)
        same(result.code, 1)
        holds(result.err, 'its lease was over')
        same(p.job(number)['state'], 'ready')


def test_the_first_interrupt_lets_it_finish():
    with started() as p:
        number, path = p.submit(), os.path.join(p.folder, 'go')
        process = p.popen('work', 'far', 'sh', '-c',
                          'echo 1 >%s.up; until [ -e %s ]; do sleep 0.05; '
                          'done; echo 5' % (path, path))
        p.until(lambda: number_in(path + '.up'))
        interrupt(process)
        later = p.submit()
        holds(process.stderr.readline().decode(), 'finishing 1')
        pathlib.Path(path).touch()
        same(finish(process).code, 0)
        same(p.job(number)['result'], 5)
        same(p.job(later)['state'], 'ready')


def test_the_second_interrupt_puts_it_back():
    with started() as p:
        number, path = p.submit(), os.path.join(p.folder, 'pid')
        process = p.popen('work', 'far', 'sh', '-c',
                          'echo $$ >%s; exec sleep 600' % path)
        p.until(lambda: number_in(path))
        interrupt(process)
        process.stderr.readline()
        interrupt(process)
        result = finish(process)
        same(result.code, 128 + signal.SIGINT)
        holds(result.err, 'job %d was put back' % number)
        same((p.job(number)['state'], p.job(number)['attempt']),
             ('ready', 0))
        assert is_gone(number_in(path))


def test_an_interrupt_while_nothing_runs_ends_it_at_once():
    for number in (signal.SIGINT, signal.SIGTERM):
        with started() as p:
            process = p.popen('work', 'far', 'true')
            p.until(lambda: p.calls('Reserve'))
            os.kill(process.pid, number)
            result = finish(process)
            same((result.code, result.err), (0, ''))
            job = p.submit()
            same(p.job(job)['state'], 'ready')


def test_what_was_on_its_way_is_put_back():
    with started() as p:
        process = p.popen('work', 'far', 'true')
        p.until(lambda: p.calls('Reserve'))
        os.kill(process.pid, signal.SIGSTOP)
        number = p.submit()
        p.until_state(number, 'running')
        os.kill(process.pid, signal.SIGINT)
        os.kill(process.pid, signal.SIGCONT)
        result = finish(process)
        same((result.code, result.err), (0, ''))
        same((p.job(number)['state'], p.job(number)['attempt']),
             ('ready', 0))


def test_what_it_runs_dies_with_it():
    with started() as p:
        p.submit()
        path = os.path.join(p.folder, 'pid')
        process = p.popen('work', 'far', 'sh', '-c',
                          'sleep 600 & echo $! >%s.child; echo $$ >%s; wait'
                          % (path, path))
        p.until(lambda: number_in(path))
        process.kill()
        finish(process)
        p.until(lambda: is_gone(number_in(path)))
        p.until(lambda: is_gone(number_in(path + '.child')))


def test_a_daemon_that_was_replaced_hears_of_the_end():
    with started() as p:
        path = os.path.join(p.folder, 'pid')
        p.submit()
        process = p.popen('work', 'far', '--once', 'sh', '-c',
                          'echo $$ >%s; until [ -e %s.go ]; do sleep 0.05; '
                          'done' % (path, path))
        p.until(lambda: number_in(path))
        p.stop()
        pathlib.Path(path + '.go').touch()
        time.sleep(0.3)
        p.start()
        # It knows nothing of leases of the one before.
        result = finish(process)
        same(result.code, 1)
        holds(result.err, 'its lease was over')
        same(p.calls('Settle')[0]['outcomes'],
             [{'id': 1, 'token': 1001, 'result': None}])


def run_example(p, *args):
    return finish(subprocess.Popen(
        [EXAMPLE, *args], env=p.environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE))


def test_the_example_in_c_squares_and_puts_back_the_rest():
    with started() as p:
        numbers = [p.submit(args={'args': [value]})
                   for value in (12, 'x', 5, 7)]
        result = run_example(p, '3', 'far')
        same((result.code, result.err), (0, ''))
        same(result.out.splitlines(), [
            'job %d: 144' % numbers[0],
            'job %d: there is no number in its arguments' % numbers[1],
            'job %d: 25' % numbers[2]])
        same([p.job(number)['state'] for number in numbers],
             ['succeeded', 'failed', 'succeeded', 'ready'])
        same(p.job(numbers[3])['attempt'], 0)
        same((p.job(numbers[0])['progress'], p.job(numbers[0])['note']),
             (0.5, 'half way'))


def test_the_library_settles_again_when_the_answer_was_lost():
    # Reserve, Extend, Progress, Settle: the fifth call, behind a Submit.
    with started('--cut', '5') as p:
        number = p.submit(args={'args': [3]})
        result = run_example(p, '1', 'far')
        same((result.code, result.err), (0, ''))
        same(result.out, 'job %d: 9, which came too late\n' % number)
        same(p.job(number)['result'], 9)
        same(len(p.calls('Settle')), 2)


def test_clear_errors():
    with started() as p:
        for args, code, text in (
                ((), 2, 'which handler?'),
                (('far',), 2, 'no command to run'),
                (('far,', 'true'), 2, 'is not a list'),
                (('exec', 'true'), 2, 'exec runs commands'),
                (('far', '--jobs', '257', 'true'), 2, '256 at most'),
                (('far', '--lease', '1ms', 'true'), 2, 'a second at least'),
                (('far', '--lease', '0s', 'true'), 2, 'more than no time'),
                (('far', '--grace', '0s', 'true'), 2, 'more than no time'),
                (('far', '--once', '-j2', 'true'), 2, '--once is one job'),
                (('far', '--nonsense', 'true'), 2, 'no flag --nonsense'),
                (('far', 'no-such-program'), 127, 'No such file'),
                (('far', '/dev/null'), 126, 'Permission denied'),
                (('square', 'true'), 4, "pool 'img' serves the handler 'square'")):
            result = p.reeve('work', *args)
            same(result.code, code)
            holds(result.err, text)
            same(result.out, '')
        result = p.reeve('work', '--json', 'square', 'true')
        same((result.code, result.json()['error']['code']),
             (4, 'org.reeve.consume.PoolServes'))
        p.stop()
        same(p.reeve('work', 'far', 'true').code, 120)


def test_a_program_that_cannot_be_executed_puts_the_job_back():
    with started() as p:
        number, path = p.submit(), os.path.join(p.folder, 'program')
        pathlib.Path(path).write_text('#!/no/such/interpreter\n')
        os.chmod(path, 0o755)
        result = p.once(path)
        same(result.code, 127)
        holds(result.err, 'cannot start')
        same((p.job(number)['state'], p.job(number)['attempt']),
             ('ready', 0))


if __name__ == '__main__':
    sys.exit(run_tests(sys.modules[__name__], sys.argv[3:]))
