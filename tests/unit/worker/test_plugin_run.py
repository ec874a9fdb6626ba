#!/usr/bin/python3
"""Template and plugin workers; this test plays the supervisor and the broker.

    test_plugin_run.py REEVED PROBE PROBE_OF_ANOTHER_ABI NO_PLUGIN ROOT

covers: daemon/worker/template daemon/worker/plugin daemon/worker/run_plugin
covers: daemon/worker/attend daemon/worker/verdict daemon/worker/serve
"""
import base64
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from template_driver import FAILED, FORKED, READY, Template, adopt  # noqa: E402
from worker_driver import records  # noqa: E402

REEVED, PROBE, PROBE_ABI, NO_PLUGIN, ROOT = map(os.path.abspath, sys.argv[1:6])
TSAN = b'__tsan_init' in pathlib.Path(REEVED).read_bytes()
TESTS = []


def test(function):
    TESTS.append(function)
    return function


def eventually(fact, seconds=60):
    until = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < until, 'it did not come'
        time.sleep(0.002)


def loaded(*words, **options):
    template = Template(REEVED, PROBE, *words, **options)
    assert template.hear()[0] == READY
    return template


def served(*words, hello=True, more={}, **options):
    """A template with one worker that dialled in."""
    template = loaded(*words, **options)
    template.forked()
    return template, template.accept(hello, **more)


def ask(template, broker, handler, args=None, **more):
    job = template.job(handler, args, **more)
    broker.say(job)
    end = broker.hear()
    name = 'fail' if 'fail' in end else 'done'
    assert end[name] == job['job'] and end['token'] == job['token'], end
    assert end['started_ms'] <= end['finished_ms'] and end['run_us'] >= 0
    assert end['cpu_us'] >= 0
    return end


def refusal(*run, **options):
    """What a template says that cannot begin."""
    template = Template(REEVED, *run, **options)
    op, slot, worker, pid, error, text = template.hear()
    assert (op, slot, worker) == (FAILED, 0, 0)
    assert template.hear() is None
    assert template.process.wait(10) == 111
    template.end()
    return text


@test
def a_worker_says_who_it_is():
    template, broker = served()
    ready = broker.ready
    assert ready['worker'] == 7 and ready['pid'] == template.workers[7]
    assert ready['name'] == 'probes/3' and ready['prefetch'] == 1024
    assert ready['handlers'][:3] == ['echo', 'nothing', 'who']
    assert ready['leaving'] is False and ready['holding'] == []
    with open('/proc/%d/comm' % ready['pid']) as file:
        assert file.read() == 'reeved-worker\n'
    assert os.getsid(ready['pid']) == ready['pid']
    template.end()


@test
def a_handler_gets_the_job_and_answers():
    template, broker = served()
    args = {'a': [1, 2, {'b': 'ä"\\'}]}
    assert ask(template, broker, 'echo', args)['result'] == args
    assert ask(template, broker, 'echo')['result'] == {}
    assert ask(template, broker, 'echo', 'text')['result'] == 'text'
    assert ask(template, broker, 'echo', [])['result'] == []
    done = ask(template, broker, 'nothing', {})
    assert 'result' not in done and 'cause' not in done, done
    assert 'log64' not in done
    seen = ask(template, broker, 'who', {'x': 1}, attempt=3)['result']
    assert seen['pid'] == template.workers[7]
    assert seen['parent'] == os.getpid()
    assert seen['preload'] == template.process.pid
    assert seen['inits'] == 1 and seen['data'] == 42
    assert seen['attempt'] == 3 and seen['args'] == {'x': 1}
    assert seen['handler'] == 'who' and seen['queue'] == 'img'
    assert seen['job'] == template.token + 1000
    template.end()


@test
def names_with_escapes_are_the_same_names():
    template, broker = served()
    broker.raw(b'{"job":5,"token":6,"attempt":1,"handler":"\\u0077ho",'
               b'"queue":"a\\u0062","spec":{"args":7}}\n')
    done = broker.hear()
    assert done['result']['handler'] == 'who', done
    assert done['result']['queue'] == 'ab' and done['result']['args'] == 7
    template.end()


@test
def failures_say_type_message_and_trace():
    template, broker = served()
    fail = ask(template, broker, 'broken')
    assert fail['error'] == {'type': 'KeyError', 'trace': 'main\n  thumb',
                             'message': 'no such thumb: é\ufffd'}, fail
    assert 'retry' not in fail and 'retry_ms' not in fail
    log = records(base64.b64decode(fail['log64']))
    assert log == [(2, b'it is going to fail\n')]
    fail = ask(template, broker, 'long_failure')
    error = fail['error']
    assert error['type'] == 'x' * 256
    assert error['message'] == 'x' * 4094
    assert len(error['trace']) == 16 * 1024 - 2
    fail = ask(template, broker, 'seven')
    assert fail['error'] == {'type': 'HandlerFailed',
                             'message': 'the handler returned 7'}
    fail = ask(template, broker, 'final')
    assert fail['error'] == {'type': 'Poison', 'message': ''}
    assert fail['retry'] is False
    fail = ask(template, broker, 'later')
    assert fail['error']['type'] == 'HandlerFailed'
    assert fail['retry_ms'] == 1500 and 'retry' not in fail
    fail = ask(template, broker, 'nobody')
    assert fail['error']['type'] == 'NoSuchHandler'
    assert "'nobody'" in fail['error']['message']
    # Nothing of it is left for the next one.
    assert 'log64' not in ask(template, broker, 'nothing')
    template.end()


@test
def results_are_checked():
    template, broker = served(more={'max_line': 1 << 19})
    error = ask(template, broker, 'not_json')['error']
    assert error['type'] == 'ResultNotJSON', error
    assert 'at byte' in error['message']
    assert ask(template, broker, 'mended')['result'] == [1, 2]
    error = ask(template, broker, 'too_large')['error']
    assert error['type'] == 'ResultTooLarge', error
    assert str(1 << 20) in error['message']
    assert 'result' in ask(template, broker, 'too_deep', 56)
    for depth in (57, 64, 65, 100):
        error = ask(template, broker, 'too_deep', depth)['error']
        assert error['type'] == 'ResultNotJSON', error
    template.end()


@test
def results_come_in_the_order_of_delivery_and_are_kept():
    template, broker = served()
    jobs = [template.job('echo', n) for n in range(500)]
    broker.say(*jobs)
    for n, job in enumerate(jobs):
        done = broker.hear()
        assert done['token'] == job['token'] and done['result'] == n
    broker.say({'settled': [job['token'] for job in jobs[:498]]})
    ask(template, broker, 'nothing')
    broker.close()
    again = template.accept()
    held = [h['token'] for h in again.ready['holding']]
    assert held == [jobs[498]['token'], jobs[499]['token'], template.token]
    assert [again.hear()['token'] for _ in held] == held
    # Sent once more: it is not run once more.
    again.say(jobs[499], template.job('echo', 'new'))
    assert again.hear()['result'] == 'new'
    again.say(dict(template.job('echo', 'no'), token=template.token - 1,
                   job=template.token + 999))
    assert ask(template, again, 'echo', 'last')['result'] == 'last'
    template.end()


@test
def no_job_begins_before_the_result_of_the_last_is_out_of_hand():
    template, broker = served()
    path = template.folder + '/touched'
    broker.say(template.job('echo', 'x' * 3000000),
               template.job('touch', path))
    # The beginning of the result is here, and nobody takes the rest.
    assert not broker.is_silent(10)
    time.sleep(0.2)
    assert not os.path.exists(path)
    assert len(broker.hear()['result']) == 3000000
    assert broker.hear()['done'] and os.path.exists(path)
    template.end()


@test
def a_crash_leaves_what_was_finished_on_the_wire():
    template, broker = served(stderr=subprocess.DEVNULL)
    jobs = [template.job('echo', n) for n in range(40)]
    broker.say(*jobs, template.job('crash'), template.job('echo', 'behind'))
    for n in range(40):
        assert broker.hear()['result'] == n
    assert broker.hear() is None
    assert template.status() == -signal.SIGSEGV
    template.end()


@test
def exit_in_a_handler_ends_its_worker_only():
    template, broker = served()
    broker.say(template.job('echo', 1), template.job('leave', 17),
               template.job('echo', 2))
    assert broker.hear()['result'] == 1
    assert broker.hear() is None
    assert template.status() == 17
    template.forked(worker=8)
    assert ask(template, template.accept(), 'echo', 3)['result'] == 3
    template.end()


@test
def sigint_ends_a_worker_as_it_does_elsewhere():
    template, broker = served()
    broker.say(template.job('until_cancelled'))
    assert broker.hear()['progress']
    os.kill(template.workers[7], signal.SIGINT)
    assert template.status() == -signal.SIGINT
    template.end()


@test
def a_handler_hears_that_it_is_cancelled():
    template, broker = served()
    for reason, name in (('client', 'Cancelled'), ('timeout', 'TimedOut')):
        job = template.job('until_cancelled')
        broker.say(job)
        assert broker.hear() == {'progress': job['job'], 'fraction': 0,
                                 'token': job['token'], 'note': 'waiting'}
        broker.say({'cancel': job['job'], 'token': job['token'],
                    'grace_ms': 10000, 'reason': reason})
        end = broker.hear()
        assert end['error']['type'] == name, end
    # The next one is not.
    assert 'done' in ask(template, broker, 'nothing')
    template.end()


@test
def other_duties_are_done_while_a_handler_computes():
    template, broker = served()
    path = template.folder + '/go'
    first, second, third = [template.job('until_file', path)
                            for _ in range(3)]
    broker.say(first, second, third)
    broker.say({'ping': 5})
    assert broker.hear() == {'pong': 5}
    broker.say({'recall': [{'job': second['job'],
                            'token': second['token']}]})
    assert broker.hear() == {'put_back': [
        {'job': second['job'], 'token': second['token']}]}
    broker.say({'cancel': third['job'], 'token': third['token']})
    end = broker.hear()
    assert end['token'] == third['token'] and end['cause'] == 'cancelled'
    # It also goes on dialling.
    broker.close()
    broker = template.accept()
    held = [h['token'] for h in broker.ready['holding']]
    assert held == [third['token'], first['token']], held
    assert broker.hear()['token'] == third['token']
    with open(path, 'w'):
        end = broker.hear()
    assert end['token'] == first['token'], end
    # And goes to sleep behind it.
    # A sanitizer has a thread of its own that ticks.
    def sleeps():
        ticks = switches(template.workers[7])
        time.sleep(0.4)
        return switches(template.workers[7]) - ticks < 6
    if not TSAN:
        eventually(sleeps)
    template.end()


def switches(pid):
    count = 0
    for task in os.listdir('/proc/%d/task' % pid):
        with open('/proc/%d/task/%s/status' % (pid, task)) as file:
            count += sum(int(line.split()[1]) for line in file
                         if 'ctxt_switches' in line)
    return count


@test
def without_a_broker_a_long_handler_keeps_nobody_from_the_disk():
    template, broker = served()
    path = template.folder + '/go'
    first = template.job('nothing')
    broker.say(first, template.job('until_file', path))
    assert broker.hear()['token'] == first['token']
    broker.close()
    # Dialled again, but nobody says hello: the result goes to disk.
    broker = template.accept(hello=False)
    name = '%s/state/results/%d' % (template.folder, first['token'])
    eventually(lambda: os.path.exists(name))
    template.end()


@test
def progress_is_sent_ten_times_a_second():
    template, broker = served()
    path = template.folder + '/go'
    job = template.job('flood', path)
    broker.say(job)
    said = [broker.hear()]
    started = time.monotonic()
    while said[-1].get('fraction', 0) < 0.5:
        said.append(broker.hear())
        assert said[-1]['progress'] == job['job']
        assert said[-1]['note'] == 'on its way'
    assert len(said) <= (time.monotonic() - started) * 10.5 + 2
    with open(path, 'w'):
        pass
    while 'done' not in said[-1]:
        said.append(broker.hear())
    template.end()


@test
def what_a_handler_logs_is_the_jobs_output():
    with open(os.devnull, 'wb') as null:
        template, broker = served(stderr=null)
    done = ask(template, broker, 'talk', 3)
    log = records(base64.b64decode(done['log64']))
    assert [kind for kind, _ in log] == [2, 2, 2]
    assert log[2][1].startswith(b'line 2 0000') and log[2][1][-1:] == b'\n'
    done = ask(template, broker, 'talk', 100)
    log = records(base64.b64decode(done['log64']))
    assert log[-1][0] == 3
    kept = sum(len(text) for kind, text in log if kind == 2)
    omitted = int.from_bytes(log[-1][1], 'little')
    whole = sum(len('line %d ' % n) + 191 for n in range(100))
    assert kept <= 4096 and kept > 3800
    assert whole - 2 <= kept + omitted <= whole, (kept, omitted, whole)
    template.end()


@test
def asked_to_leave_it_settles_says_goodbye_and_exits():
    for way in ('drain', 'TERM', 'parent'):
        fini = {'PROBE_FINI': '/dev/null'}
        template, broker = served(env=fini)
        path = template.folder + '/go'
        running, waiting = template.job('until_file', path), template.job(
            'nothing')
        broker.say(running, waiting)
        broker.say({'ping': 1})
        assert broker.hear() == {'pong': 1}
        if way == 'drain':
            broker.say({'drain': True})
        else:
            os.kill(template.workers[7], signal.SIGTERM)
        assert broker.hear() == {'leaving': True}
        assert broker.hear() == {'put_back': [
            {'job': waiting['job'], 'token': waiting['token']}]}
        with open(path, 'w'):
            end = broker.hear()
        assert end['token'] == running['token'], end
        broker.say({'settled': [end['token']]})
        assert broker.hear() is None
        assert template.status() == 0
        template.end()


@test
def fini_is_called_in_each_worker_that_leaves_in_peace():
    folder = pathlib.Path(os.environ.get('TMPDIR', '/tmp'))
    path = folder / ('reeve-fini.%d' % os.getpid())
    try:
        template = loaded(env={'PROBE_FINI': str(path)})
        for worker in (1, 2):
            template.forked(worker)
            broker = template.accept()
            broker.say({'drain': True})
            assert broker.hear() == {'leaving': True, 'idle': True}
            assert template.status(worker) == 0
        assert path.read_text() == '++'
        template.end()
    finally:
        path.unlink(missing_ok=True)


@test
def eight_workers_share_one_preload():
    template = loaded()
    pids = [template.forked(number, number) for number in range(8)]
    assert len(set(pids)) == 8
    brokers = [template.accept() for _ in range(8)]
    for broker in brokers:
        seen = ask(template, broker, 'who')['result']
        assert seen['preload'] == template.process.pid
        assert seen['inits'] == 1 and seen['pid'] in pids
        assert seen['parent'] == os.getpid()
    # The template has no child: it waited for those in between.
    with open('/proc/%d/task/%d/children' % (
            (template.process.pid,) * 2)) as file:
        assert file.read() == ''
    template.end()


@test
def a_template_ends_with_its_channel_and_its_workers_go_on():
    template, broker = served()
    template.channel.shutdown(2)
    assert template.process.wait(10) == 0
    assert ask(template, broker, 'echo', 1)['result'] == 1
    template.end()


@test
def a_template_with_threads_refuses_to_fork():
    template = loaded('thread')
    template.fork(worker=9, slot=2)
    op, slot, worker, pid, error, text = template.hear()
    assert (op, slot, worker) == (FAILED, 2, 9) and error
    assert re.search(r'has [23] threads', text), text
    template.end()


@test
def what_cannot_be_loaded_says_why():
    assert 'No such file' in refusal('/nope/nope.so')
    assert 'no symbol reeve_plugin' in refusal(NO_PLUGIN)
    assert refusal(PROBE_ABI) == (
        'the plugin was built for version 99 of the plugin interface, this '
        'daemon has version 1')
    assert refusal(PROBE, 'fail') == "preload failed: no such table: 'x'"
    assert refusal(PROBE, 'number') == 'preload failed: it returned 5'
    assert 'no plugin' in refusal()


@test
def an_exit_in_preload_ends_the_template():
    template = Template(REEVED, PROBE, 'exit')
    assert template.hear() is None
    assert template.process.wait(10) == 17
    template.end()


@test
def an_init_that_fails_is_a_failed_birth():
    template = loaded('init', stderr=subprocess.PIPE)
    template.forked()
    assert template.status() == 2
    template.channel.shutdown(2)
    said = template.process.stderr.read().decode()
    template.process.stderr.close()
    assert 'init failed: no connection' in said and 'probes' in said, said
    template.end()


@test
def a_fork_that_was_not_asked_for_well_is_ignored():
    template = loaded()
    template.channel.send(b'short')
    template.channel.send(b'\xff' * 192)
    template.forked()
    assert FORKED == 3
    template.end()


@test
def the_example_is_built_as_it_says_and_works():
    source = pathlib.Path(ROOT) / 'etc/examples/primes.c'
    command = re.search(r'^ \*\t(cc .*)$', source.read_text(), re.M).group(1)
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(source, folder)
        subprocess.run(command.split() + ['-Wall', '-Wextra', '-Werror', '-I',
                                          ROOT + '/client'],
                       cwd=folder, check=True)
        plugin = folder + '/primes.so'
        template = Template(REEVED, plugin, '2000000')
        assert template.hear()[0] == READY
        template.forked()
        broker = template.accept()
        assert broker.ready['handlers'] == ['count', 'next']
        job = template.job('count', {'below': 100})
        broker.say(job)
        assert broker.hear() == {'progress': job['job'], 'fraction': 0,
                                 'token': job['token'], 'note': 'counting'}
        assert broker.hear()['result'] == {'primes': 25}
        fail = ask(template, broker, 'count', {'below': 3000000})
        assert fail['error']['type'] == 'ValueError'
        assert fail['retry'] is False
        done = ask(template, broker, 'next', {'after': 100})
        assert done['result'] == 101
        done = ask(template, broker, 'next', {'after': 2000000})
        assert 'result' not in done and done['log64']
        template.end()
        assert refusal(plugin, '0') == (
            'preload failed: the table may go from 2 to 1000000000, not to 0')


@test
def the_header_is_plain_c_and_cpp():
    """Every version that a stranger may compile it with, without a warning."""
    text = """#include <reeve_plugin.h>
        static int f(struct reeve_task *t) { return reeve_cancelled(t); }
        static const struct reeve_handler handlers[] = {{"f", f}, {0, 0}};
        REEVE_PLUGIN = {REEVE_PLUGIN_HEAD, handlers, 0, 0, 0};
        """
    for compiler, language, standards in (
            ('cc', 'c', ('c99', 'c11', 'c17')),
            ('c++', 'c++', ('c++11', 'c++17', 'c++20'))):
        if not shutil.which(compiler):
            return 'there is no ' + compiler
        for standard in standards:
            subprocess.run(
                [compiler, '-x', language, '-std=' + standard, '-I',
                 ROOT + '/client', '-Wall', '-Wextra', '-Werror', '-pedantic',
                 '-fsyntax-only', '-'], input=text.encode(), check=True)
    return None


def main():
    wanted = sys.argv[6:]
    tests = [t for t in TESTS if not wanted or any(
        w in t.__name__ for w in wanted)]
    failed = 0
    adopt()
    print('1..%d' % len(tests))
    for number, function in enumerate(tests, 1):
        try:
            skipped = function()
        except Exception:  # noqa: BLE001
            failed += 1
            print('not ok %d - %s' % (number, function.__name__))
            print('# ' + traceback.format_exc().replace('\n', '\n# '))
        else:
            print('ok %d - %s%s' % (number, function.__name__, skipped and
                                    ' # SKIP ' + skipped or ''))
        for template in list(Template.started):
            template.end()
        sys.stdout.flush()
    return failed > 0


sys.exit(main())
