#!/usr/bin/python3
"""What a worker of the SDK says to what a daemon says: each statement, and
each way in which a handler can end."""
import base64
import json
import struct
import time

from broker import HERE, SECRET, eventually
from tap import equal, main, test


def records(text):
    """(stream, bytes) of a log64."""
    data, found = base64.b64decode(text), []
    while data:
        count, stream, _ = struct.unpack_from('<IB3xq', data)
        found.append((stream, data[16:16 + count]))
        data = data[16 + count:]
    return found


@test
def it_says_ready_with_its_secret_and_keeps_that_from_others(b):
    child, link, ready = b.worker()
    equal(ready['secret'], SECRET)
    equal((ready['worker'], ready['pid'], ready['leaving'],
           ready['holding']), (7, child.pid, False, []))
    assert 'math.square' in ready['handlers'] and 'noop' in ready['handlers']
    assert ready['name'].startswith('py/3.'), ready
    equal(b.run(link, 'sees', ['REEVE_WORKER_SECRET'])['result'], None)
    assert b.run(link, 'sees', ['REEVE_WORKER'])['result'] == '7'


@test
def a_result_comes_with_its_times(b):
    _, link, _ = b.worker()
    before = int(time.time() * 1000)
    end = b.run(link, 'sleeps', [0.05])
    equal(end['result'], 'slept')
    assert before <= end['started_ms'] <= end['finished_ms'], end
    assert 50000 <= end['run_us'] < 5000000 and end['cpu_us'] >= 0, end
    equal(set(end), {'done', 'token', 'result', 'started_ms', 'finished_ms',
                     'run_us', 'cpu_us'})
    end = b.run(link, 'computes', [str(b.folder / 'up'), 1])
    assert 20000 < end['cpu_us'] <= end['run_us'] + 20000, end
    assert b.run(link, 'sleeps', [0.1])['cpu_us'] < 50000


@test
def an_args_object_becomes_keyword_arguments(b):
    _, link, _ = b.worker()
    equal(b.run(link, 'told', {'path': 'a.png', 'size': 9})['result'],
          {'path': 'a.png', 'size': 9, 'job': 1, 'attempt': 1,
           'queue': 'default', 'cancelled': False})
    equal(b.run(link, 'told', {'path': 'ä'})['result']['size'], 100)
    equal(b.run(link, 'math.square', {'n': 12})['result'], 144)


@test
def args_and_kwargs_become_positional_ones(b):
    _, link, _ = b.worker()
    both = {'args': [1, 'two'], 'kwargs': {'three': 3}}
    equal(b.run(link, 'echo', both)['result'], both)
    equal(b.run(link, 'echo', {'args': [1]})['result'],
          {'args': [1], 'kwargs': {}})
    equal(b.run(link, 'echo', {'args': 1})['result'],
          {'args': [], 'kwargs': {'args': 1}})
    equal(b.run(link, 'echo', {'args': [1], 'more': 2})['result'],
          {'args': [], 'kwargs': {'args': [1], 'more': 2}})
    equal(b.run(link, 'echo')['result'], {'args': [], 'kwargs': {}})


@test
def wrong_arguments_fail_that_job_only(b):
    _, link, _ = b.worker()
    end = b.run(link, 'math.square', {'m': 1})
    equal(end['error']['type'], 'TypeError')
    end = b.run(link, 'no_such_handler', {})
    equal(end['error']['type'], 'NoSuchHandler')
    equal(b.run(link, 'math.square', {'n': 3})['result'], 9)


@test
def an_exception_is_told_with_its_type_and_trace(b):
    _, link, _ = b.worker()
    end = b.run(link, 'raises')
    equal(end['fail'], 1)
    equal((end['error']['type'], end['error']['message']),
          ('KeyError', "'no such thing'"))
    trace = end['error']['trace']
    assert "raise KeyError(text)" in trace and 'handlers.py' in trace, trace
    assert '_run.py' not in trace, trace
    assert 'cause' not in end and 'bury' not in end and 'retry' not in end


@test
def an_exception_that_nothing_can_serialise_is_told(b):
    _, link, _ = b.worker()
    end = b.run(link, 'raises_unserialisable')
    equal(end['error']['type'], 'Unserialisable')
    assert 'raises_unserialisable' in end['error']['trace'], end
    equal(b.run(link, 'raises_surrogate')['error']['message'], '?')
    end = b.run(link, 'raises_deep')
    equal(end['error']['type'], 'RecursionError')
    equal(b.run(link, 'math.square', [4])['result'], 16)


@test
def long_messages_and_traces_are_cut(b):
    _, link, _ = b.worker()
    error = b.run(link, 'raises_long')['error']
    assert 4000 < len(error['message'].encode()) <= 4096
    assert 16000 < len(error['trace'].encode()) <= 16384
    assert error['trace'].startswith('Traceback'), error['trace'][:80]
    assert 'xxx' in error['trace'][-10:]


@test
def what_is_no_json_fails_and_names_the_type(b):
    _, link, _ = b.worker()
    for what, name in (('object', 'object'), ('bytes', 'bytes'),
                       ('set', 'set'), ('nan', 'dict'), ('lock', 'lock'),
                       ('generator', 'generator'), ('circle', 'list'),
                       ('surrogate', 'str'), ('deep', 'list')):
        end = b.run(link, 'returns', [what])
        equal(end.get('error', end)['type'], 'ResultNotJSON', what)
        if what != 'nan':
            assert name in end['error']['message'], end['error']
    equal(b.run(link, 'returns', ['tuple'])['result'], [1, 2])
    equal(b.run(link, 'returns', ['text'])['result'], 'ä€')
    equal(b.run(link, 'returns', ['float'])['result'], 1.5)
    equal(len(b.run(link, 'returns', ['flat'])['result']), 1000)
    equal(len(b.run(link, 'returns', ['brackets'])['result']), 100)


@test
def a_result_that_is_too_large_fails(b):
    _, link, _ = b.worker()
    end = b.run(link, 'returns', ['large'])
    equal(end['error']['type'], 'ResultTooLarge')
    equal(b.run(link, 'math.square', [5])['result'], 25)


@test
def sys_exit_fails_that_attempt_only(b):
    child, link, _ = b.worker()
    end = b.run(link, 'exits', [3])
    equal((end['error']['type'], end['error']['message']),
          ('SystemExit', 'sys.exit(3)'))
    equal(b.run(link, 'exits', [None])['error']['message'], 'sys.exit()')
    equal(b.run(link, 'pid')['result'], child.pid)


@test
def sigint_in_a_handler_is_nothing(b):
    child, link, _ = b.worker()
    equal(b.run(link, 'interrupts')['result'], 'survived')
    child.send_signal(2)
    equal(b.run(link, 'pid')['result'], child.pid)


@test
def programs_of_a_handler_are_open_to_signals(b):
    _, link, _ = b.worker()
    equal(b.run(link, 'starts_sleep')['result'], [-2, -15])


@test
def a_fork_in_a_handler_does_not_become_a_second_worker(b):
    child, link, _ = b.worker()
    equal(b.run(link, 'forks')['result'], 0)
    equal(b.run(link, 'pid')['result'], child.pid)
    assert link.silent(0.1)


@test
def what_a_handler_prints_is_the_output_of_its_job(b):
    _, link, _ = b.worker()
    end = b.run(link, 'prints', [2])
    said = records(end['log64'])
    equal(b''.join(data for stream, data in said if stream == 1),
          b'line 0\nline 1\n')
    equal(b''.join(data for stream, data in said if stream == 2),
          b'to stderr\n')
    equal((end['stdout_bytes'], end['stderr_bytes']), (14, 10))
    assert 'log64' not in b.run(link, 'noop')


@test
def long_prints_are_cut_and_disturb_nothing(b):
    child, link, _ = b.worker()
    end = b.run(link, 'prints', [1000])
    equal(len(b''.join(data for _, data in records(end['log64']))), 4096)
    equal(b.run(link, 'prints_raw')['result'], 'raw')
    child.terminate()
    link.lost()
    said = child.communicate()[0].decode()
    assert 'line 999' in said and '{"done":1' in said, said[-200:]


@test
def a_handler_tells_progress_log_and_beat(b):
    _, link, _ = b.worker()
    link.send(b.job('speaks'))
    said = [link.read() for _ in range(5)]
    equal(said[0], {'progress': 1, 'token': 1001, 'fraction': 0.4,
                    'note': '40 of 100'})
    equal(said[1], {'log': 'half way', 'level': 'warning', 'job': 1})
    equal(said[2], {'beat': 1, 'token': 1001, 'extend_ms': 60000})
    equal(said[3]['fraction'], 1.0)
    equal(said[4]['result'], 'said')


@test
def the_log_level_of_hello_holds(b):
    b.start(HERE / 'handlers.py')
    link, _ = b.accept(log_level=7)
    link.send(b.job('speaks'))
    said = [link.read() for _ in range(6)]
    assert {'log': 'detail', 'level': 'debug', 'job': 1} in said, said


@test
def a_handler_may_ask_for_another_try_or_for_none(b):
    _, link, _ = b.worker()
    end = b.run(link, 'later', [2.5])
    equal((end['retry'], end['retry_ms'], end['error']['type']),
          (True, 2500, 'Retry'))
    assert 'retry_ms' not in b.run(link, 'later')
    end = b.run(link, 'never')
    equal((end['bury'], end['error']['message']), (True, 'poison'))


@test
def jobs_run_in_the_order_of_delivery(b):
    _, link, _ = b.worker()
    jobs = [b.job('math.square', [i]) for i in range(500)]
    link.send(*jobs)
    for i, job in enumerate(jobs):
        end = link.read()
        equal((end['done'], end['token'], end['result']),
              (job['job'], job['token'], i * i))


@test
def a_line_in_pieces_is_one_job(b):
    _, link, _ = b.worker()
    job = b.job('echo', {'args': ['x' * 300000]})
    data = json.dumps(job).encode() + b'\n'
    for start in range(0, len(data), 50000):
        link.socket.sendall(data[start:start + 50000])
        time.sleep(0.002)
    equal(link.read()['result']['args'][0], 'x' * 300000)
    data = json.dumps(b.job('math.square', [6])).encode() + b'\n'
    for byte in data:
        link.socket.sendall(bytes([byte]))
    equal(link.read()['result'], 36)


@test
def ping_is_answered_idle_and_in_the_middle_of_a_handler(b):
    _, link, _ = b.worker()
    link.send({'ping': 5})
    equal(link.read(), {'pong': 5})
    mark = b.folder / 'up'
    job = b.job('computes', [str(mark), 600])
    link.send(job)
    eventually(mark.exists)
    link.send({'ping': 6})
    equal(link.read(), {'pong': 6})
    link.send({'cancel': job['job'], 'token': job['token'],
               'grace_ms': 10000, 'reason': 'client'})
    equal(link.read()['error']['type'], 'Cancelled')


@test
def what_is_recalled_comes_back_if_it_has_not_begun(b):
    _, link, _ = b.worker()
    mark = b.folder / 'up'
    jobs = [b.job('sleeps', [1.5, str(mark)])] + [
        b.job('math.square', [i]) for i in range(3)]
    link.send(*jobs)
    eventually(mark.exists)
    link.send({'recall': [{'job': job['job'], 'token': job['token']}
                          for job in (jobs[0], jobs[1], jobs[3])]})
    equal(link.read(), {'put_back': [
        {'job': job['job'], 'token': job['token']}
        for job in (jobs[1], jobs[3])]})
    equal(link.read()['done'], jobs[0]['job'])
    equal(link.read()['done'], jobs[2]['job'])


@test
def drain_puts_back_what_has_not_begun_and_ends_the_worker(b):
    child, link, _ = b.worker()
    mark = b.folder / 'up'
    jobs = [b.job('sleeps', [1.5, str(mark)]), b.job('noop')]
    link.send(*jobs)
    eventually(mark.exists)
    link.send({'drain': True})
    equal(link.read(), {'leaving': True})
    equal(link.read()['put_back'][0]['job'], jobs[1]['job'])
    equal(link.read()['result'], 'slept')
    link.send({'settled': [jobs[0]['token']]})
    equal(link.lost(), [])
    equal(child.wait(60), 0)


@test
def what_is_not_known_is_passed_over(b):
    _, link, _ = b.worker()
    link.send({'news': 1, 'x': [2]}, {'context': 3, 'value': {}})
    equal(b.run(link, 'math.square', [7])['result'], 49)


if __name__ == '__main__':
    main()
