#!/usr/bin/python3
"""What a job prints: small in the record, large in a file, live, binary.

covers: daemon/worker/output daemon/broker/call_output
covers: daemon/broker/follow daemon/broker/output_file
"""
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'helper'))
from story import (  # noqa: E402
    SLOW, data_of, equal, eventually, main, soon, story)
import proc  # noqa: E402


def files_of(t):
    folder = t.state / 'output'
    return list(folder.iterdir()) if folder.exists() else []


@story
def small_output_needs_no_file(t):
    t.start()
    job = t.shell('echo out; echo err >&2')
    equal(t.output(job['id'], 'stdout'), b'out\n')
    equal(t.output(job['id'], 'stderr'), b'err\n')
    both = t.c.call('Output', id=job['id'])['chunks']
    equal(sorted((chunk['stream'], chunk['data']) for chunk in both),
          [('stderr', 'err\n'), ('stdout', 'out\n')])
    assert all(chunk['at_ms'] >= job['started_ms'] for chunk in both), both
    equal(files_of(t), [], 'files')


@story
def large_output_comes_back_whole(t):
    t.start()
    job = t.shell('/usr/bin/seq 1 200000; echo done >&2')
    want = b''.join(b'%d\n' % i for i in range(1, 200001))
    equal(job['stdout_bytes'], len(want))
    got = t.output(job['id'])
    assert got == want, (len(got), len(want))
    equal(t.output(job['id'], 'stderr'), b'done\n')


@story
def binary_output_comes_back_as_base64(t):
    t.start()
    job = t.shell(r"/usr/bin/printf '\000\377\376a'")
    reply = t.c.call('Output', id=job['id'], stream='stdout')
    equal(data_of(reply), b'\x00\xff\xfea')
    assert any(chunk.get('data64') for chunk in reply['chunks']), reply


@story
def an_offset_goes_on_where_the_reply_before_ended(t):
    t.start()
    job = t.shell('/usr/bin/seq 1 100000')
    want = b''.join(b'%d\n' % i for i in range(1, 100001))
    got, offset, replies = b'', 0, 0
    while True:
        reply = t.c.call('Output', id=job['id'], stream='stdout',
                         offset=offset, max_bytes=10000)
        # A chunk is never cut: one at least, more only if they fit.
        assert len(data_of(reply)) <= 10000 or len(reply['chunks']) == 1
        got += data_of(reply)
        replies += 1
        if reply['eof']:
            break
        assert reply['offset'] > offset, reply
        offset = reply['offset']
    assert got == want, (len(got), len(want))
    assert replies >= len(want) // 65536, replies


@story
def output_can_be_followed_while_the_job_runs(t):
    t.start()
    gate = t.gate()
    job = t.submit(['/bin/sh', '-c', 'echo early; ' + gate.SCRIPT.replace(
        'exit', 'echo late; exit'), gate.path])
    gate.started()
    client = t.client()
    client.send('Output', {'id': job, 'stream': 'stdout'}, more=True)
    seen = b''
    while b'early\n' not in seen:
        reply = client.read()
        assert reply.get('continues'), reply
        seen += data_of(reply['parameters'])
    gate.open()
    while True:
        reply = client.read()
        seen += data_of(reply['parameters'])
        if not reply.get('continues'):
            break
    equal(seen, b'early\nlate\n')
    equal(reply['parameters']['eof'], True)


@story
def what_was_written_outlives_the_worker_that_read_it(t):
    t.start(workers=1)
    gate = t.gate()
    job = t.submit(['/bin/sh', '-c', 'echo early; ' + gate.SCRIPT, gate.path],
                   once=True)
    gate.started()
    client = t.client()
    client.send('Output', {'id': job, 'stream': 'stdout'}, more=True)
    seen = b''
    while b'early\n' not in seen:
        seen += data_of(client.read()['parameters'])
    t.kill(t.worker_of(job))
    reply = client.read()
    equal(reply.get('continues'), None)
    equal(reply['parameters']['eof'], True)
    ended = t.wait(job)
    equal((ended['state'], ended['cause']), ('failed', 'worker_lost'))
    assert 'output may be missing' in str(ended), ended
    equal(t.output(job), b'early\n')
    replies = list(t.c.stream('Output', id=job, stream='stdout'))
    equal(b''.join(data_of(reply) for reply in replies), b'early\n')


@story
def a_lost_attempts_output_stays_beside_that_of_the_next(t):
    t.start(workers=1)
    gate = t.gate()
    job = t.submit(['/bin/sh', '-c', 'echo early; ' + gate.SCRIPT, gate.path])
    gate.started()
    eventually(lambda: [path for path in files_of(t) if path.stat().st_size],
               what='the output is in a file')
    t.kill(t.worker_of(job))
    gate.started()
    gate.open()
    equal(t.wait(job)['attempt'], 2)
    first = t.c.call('Output', id=job, attempt=1, stream='stdout')
    equal(data_of(first), b'early\n')
    equal(t.output(job), b'early\n')


@story
def following_a_finished_job_ends_at_once(t):
    t.start()
    job = t.shell('echo x')
    replies = list(t.c.stream('Output', id=job['id'], stream='stdout'))
    equal(b''.join(data_of(reply) for reply in replies), b'x\n')


@story
def a_flood_of_output_is_capped_and_the_job_goes_on(t):
    t.start()
    job = t.shell('/usr/bin/head -c 100000000 /dev/zero; echo END')
    equal(job['state'], 'succeeded')
    equal(job['stdout_bytes'], 100000004)
    stored = sum(path.stat().st_size for path in files_of(t))
    assert stored < 70 * 1024 * 1024, stored
    # The tail is kept: follow the offsets to the end without keeping all.
    last, offset, omitted = b'', 0, 0
    while True:
        reply = t.c.call('Output', id=job['id'], stream='stdout',
                         offset=offset)
        last = (last + data_of(reply))[-100:]
        omitted += sum(chunk.get('omitted_bytes') or 0
                       for chunk in reply['chunks'])
        if reply['eof']:
            break
        assert reply['offset'] > offset, reply
        offset = reply['offset']
    assert last.endswith(b'END\n'), last
    assert omitted > 30 * 1024 * 1024, omitted


@story
def a_reader_that_stops_reading_delays_nobody(t):
    t.start()
    job = t.shell('/usr/bin/head -c 30000000 /dev/zero')
    lazy = t.client()
    for _ in range(50):
        lazy.send('Output', {'id': job['id'], 'stream': 'stdout'})
    began = time.monotonic()
    for _ in range(20):
        t.c.call('admin.Ping')
    soon(began, 2, 'twenty pings')
    before = proc.memory_kib(t.broker())
    assert before < 120 * 1024 * SLOW, before


@story
def a_job_that_closes_its_output_goes_on(t):
    t.start()
    gate = t.gate()
    job = t.submit(['/bin/sh', '-c', 'exec >&- 2>&-; ' + gate.SCRIPT,
                    gate.path])
    gate.started()
    equal(t.job_state(job), 'running')
    gate.open(2)
    equal(t.wait(job)['exit_code'], 2)


@story
def an_orphan_that_holds_the_pipe_does_not_hold_the_job(t):
    t.start()
    job = t.shell('/usr/bin/setsid /bin/sleep 600 & echo ready')
    equal(job['state'], 'succeeded')
    equal(t.output(job['id']), b'ready\n')


@story
def output_of_an_unknown_job_is_a_named_error(t):
    error = t.start().c.refused('Output', id=123456789)
    equal(error.name, 'org.reeve.jobs.NoSuchJob')
    equal(error.parameters['id'], 123456789)


@story
def the_file_of_small_output_does_not_stay(t):
    t.start()
    gate = t.gate()
    job = t.submit(['/bin/sh', '-c', 'echo early; ' + gate.SCRIPT,
                    gate.path])
    gate.started()
    # After 200 ms a file takes over, so that it can be followed.
    eventually(lambda: files_of(t), 5, 'a file for the running job')
    gate.open()
    t.wait(job)
    equal(t.output(job), b'early\n')
    equal(files_of(t), [], 'files')


if __name__ == '__main__':
    main()
