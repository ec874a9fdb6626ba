#!/usr/bin/python3
"""What bad input gets: a named error with what, why and what next.

Nothing crashes, grows or blocks; afterwards the daemon is the same process,
answers, and holds neither more memory nor more descriptors.

covers: daemon/broker/call daemon/broker/sock
covers: daemon/broker/methods
"""
import json
import os
import pathlib
import random
import socket
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'helper'))
from story import (  # noqa: E402
    SLOW, Closed, equal, eventually, main, soon, story)
from wire import encode  # noqa: E402
import proc  # noqa: E402

BAD = 'org.reeve.admin.BadMessage'
INVALID = 'org.varlink.service.InvalidParameter'
PING = b'{"method":"org.reeve.admin.Ping","parameters":{}}'


def submit(job):
    return (b'{"method":"org.reeve.jobs.Submit","parameters":{"job":' +
            job + b'}}')


def unharmed(t, action):
    """Runs action; then: same broker, answers, no growth, no leak."""
    broker = t.start().whole()
    descriptors = proc.descriptors(broker)
    action()
    t.c.call('admin.Ping')
    equal(t.broker(), broker, 'the same broker')
    eventually(lambda: proc.descriptors(broker) <= descriptors, 5,
               'no descriptor stays')
    memory = proc.memory_kib(broker)
    assert memory < 100 * 1024 * SLOW, 'the broker has %d KiB' % memory


def told_and_closed(t, data, error=BAD):
    """One error reply and the end, whatever terminator the reply has."""
    client = t.client()
    try:
        client.raw(data + b'\0')
    except (BrokenPipeError, ConnectionResetError):
        pass
    text = b''
    try:
        while True:
            piece = client.socket.recv(65536)
            if not piece:
                break
            text += piece
    except ConnectionResetError:
        pass
    client.close()
    assert text[-1:] in (b'\0', b'\n'), (data[:80], text)
    reply = json.loads(text[:-1])
    equal(reply['error'], error, repr(data[:80]))
    assert reply['parameters'].get('message'), reply
    return reply


def told(t, data, error):
    """An error reply, and the connection goes on."""
    client = t.client()
    client.raw(data + b'\0' + PING + b'\0')
    reply = client.read()
    equal(reply.get('error'), error, repr(data[:80]))
    assert reply['parameters'].get('message'), reply
    client.result()
    client.close()
    return reply['parameters']


BROKEN = [
    b'{', b'}', b'[]', b'""', b'17', b'null', b'true', b'{"method"}',
    b'{"method":}', b'{"method":"a.b.C",}', b'{"method":"a.b.C"}}',
    b'{"method":"a.b.C"} x', b"{'method':'a.b.C'}", b'{method:"a.b.C"}',
    b'{"method":"a.b.C","parameters":{"a":01}}',
    b'{"method":"a.b.C","parameters":{"a":+1}}',
    b'{"method":"a.b.C","parameters":{"a":.5}}',
    b'{"method":"a.b.C","parameters":{"a":1.}}',
    b'{"method":"a.b.C","parameters":{"a":1e}}',
    b'{"method":"a.b.C","parameters":{"a":0x10}}',
    b'{"method":"a.b.C","parameters":{"a":NaN}}',
    b'{"method":"a.b.C","parameters":{"a":tru}}',
    b'{"method":"a.b.C","parameters":{"a":"\x01"}}',
    b'{"method":"a.b.C","parameters":{"a":"\t"}}',
    b'{"method":"a.b.C","parameters":{"a":"\\x"}}',
    b'{"method":"a.b.C","parameters":{"a":"\\u12"}}',
    b'{"method":"a.b.C","parameters":{"a":"\\ud800"}}',
    b'{"method":"a.b.C","parameters":{"a":"\\udc00\\ud800"}}',
    b'{"method":"a.b.C","parameters":[1,]}',
    b'{"method":"a.b.C"/*x*/}', b'\xef\xbb\xbf{}', b'GET / HTTP/1.1\r\n',
    b'\x00\x00\x00\x05hello',
]

BAD_UTF8 = [b'\x80', b'\xff', b'\xc0\x80', b'\xc3', b'\xc3(', b'\xe2\x82',
            b'\xed\xa0\x80', b'\xf4\x90\x80\x80', b'\xf8\x88\x80\x80\x80',
            b'\xe0\x80\x80', b'\xf0\x80\x80\x80']


@story
def malformed_json_is_a_bad_message(t):
    def each():
        for data in BROKEN:
            told_and_closed(t, data)
    unharmed(t, each)


@story
def malformed_json_is_a_bad_message_in_newline_mode_too(t):
    def each():
        # Newline mode begins with a first whole object.
        for data in BROKEN:
            if b'\0' in data:
                continue
            client = t.client(newline=True)
            client.raw(PING + b'\n' + data + b'\n')
            client.result()
            equal(client.read()['error'], BAD, repr(data))
            assert client.closed()
            client.close()
    unharmed(t, each)


@story
def a_nul_in_newline_mode_is_a_bad_message(t):
    def each():
        client = t.client(newline=True)
        client.raw(PING + b'\n' + PING + b'\0\n')
        client.result()
        equal(client.read()['error'], BAD)
        assert client.closed()
    unharmed(t, each)


@story
def bad_utf8_is_a_bad_message_everywhere(t):
    def each():
        for data in BAD_UTF8:
            told_and_closed(t, submit(
                b'{"argv":["/bin/echo","' + data + b'"]}'))
            told_and_closed(t, submit(b'{"' + data + b'":1}'))
    unharmed(t, each)


@story
def the_offset_of_a_bad_message_points_at_it(t):
    t.start()
    reply = told_and_closed(t, b'{"method": x}')
    equal(reply['parameters']['offset'], 11)


@story
def nesting_a_hundred_thousand_deep_is_refused(t):
    def each():
        deep = 100000
        told_and_closed(t, b'[' * deep + b']' * deep)
        told_and_closed(t, b'{"a":' * deep + b'1' + b'}' * deep)
        told_and_closed(t, submit(b'{"args":' + b'{"a":' * deep + b'1' +
                                  b'}' * deep + b'}'))
        told_and_closed(t, b'[' * 10000000)
    unharmed(t, each)


@story
def a_million_keys_are_refused_or_ignored_in_time(t):
    def each():
        keys = ','.join('"k%d":1' % i for i in range(10 ** 6)).encode()
        began = time.monotonic()
        client = t.client()
        client.raw(submit(b'{' + keys + b'}') + b'\0')
        reply = client.read()
        assert reply['error'] in (INVALID, 'org.reeve.jobs.TooLarge'), reply
        client.raw(b'{"method":"org.reeve.admin.Ping","parameters":{},' +
                   keys + b'}\0')
        assert 'error' in client.read()
        soon(began, 10)
        client.close()
    unharmed(t, each)


@story
def duplicate_keys_are_refused(t):
    def each():
        for data in (
                b'{"method":"org.reeve.admin.Ping","method":'
                b'"org.reeve.admin.Ping"}',
                b'{"method":"org.reeve.admin.Ping","parameters":{},'
                b'"parameters":{}}',
                submit(b'{"argv":["/bin/true"],"argv":["/bin/false"]}')):
            client = t.client()
            client.raw(data + b'\0')
            reply = client.read()
            assert reply['error'] in (BAD, INVALID), reply
            client.close()
    unharmed(t, each)


@story
def numbers_out_of_range_are_refused_by_path(t):
    def each():
        for number in (b'1e400', b'9223372036854775808', b'1' * 1000,
                       b'-9223372036854775809', b'1.5', b'1e3',
                       b'2147483648'):
            error = told(t, submit(b'{"argv":["/bin/true"],"priority":' +
                                   number + b'}'), INVALID)
            assert 'priority' in error['parameter'], error
        for field in (b'timeout_ms', b'grace_ms', b'delay_ms',
                      b'crash_limit'):
            error = told(t, submit(b'{"argv":["/bin/true"],"' + field +
                                   b'":-1}'), INVALID)
            assert field.decode() in error['parameter'], error
        told(t, b'{"method":"org.reeve.jobs.Get","parameters":'
             b'{"ids":[99999999999999999999]}}', INVALID)
    unharmed(t, each)


@story
def unknown_names_are_named_errors(t):
    def each():
        told(t, b'{"method":"org.reeve.jobs.Nonsense"}',
             'org.varlink.service.MethodNotFound')
        told(t, b'{"method":"org.nobody.Here"}',
             'org.varlink.service.InterfaceNotFound')
        told(t, b'{"method":"nodots"}', 'org.varlink.service.'
             'InterfaceNotFound')
        error = told(t, submit(b'{"argv":["/bin/true"],"colour":1}'), INVALID)
        equal(error['parameter'], 'job.colour')
        error = told(t, b'{"method":"org.reeve.admin.Ping","parameters":'
                     b'{"x":1}}', INVALID)
        equal(error['parameter'], 'x')
        told(t, b'{"method":"org.reeve.jobs.Import","parameters":{}}',
             'org.varlink.service.MethodNotImplemented')
    unharmed(t, each)


@story
def wrong_types_are_refused_by_path(t):
    def each():
        for job, path in (
                (b'{"argv":"x"}', 'job.argv'),
                (b'{"argv":[1]}', 'job.argv[0]'),
                (b'{"argv":["a",{}]}', 'job.argv[1]'),
                (b'{"argv":["a"],"name":7}', 'job.name'),
                (b'{"argv":["a"],"hold":"yes"}', 'job.hold'),
                (b'{"argv":["a"],"context":[]}', 'job.context'),
                (b'{"argv":["a"],"context":{"env":{"A":1}}}',
                 'job.context.env'),
                (b'{"argv":["a"],"context":{"cwd":5}}', 'job.context.cwd'),
                (b'{"argv":["a"],"orphans":"eat"}', 'job.orphans'),
                (b'{"argv":["a"],"durability":"maybe"}', 'job.durability'),
                (b'"x"', 'job'), (b'[]', 'job')):
            error = told(t, submit(job), INVALID)
            assert error['parameter'].startswith(path), (error, path)
        for parameters in (b'[]', b'"x"', b'1'):
            client = t.client()
            client.raw(b'{"method":"org.reeve.admin.Ping","parameters":' +
                       parameters + b'}\0')
            assert client.read()['error'] in (BAD, INVALID)
            client.close()
    unharmed(t, each)


@story
def a_null_byte_in_an_argument_is_refused(t):
    def each():
        told(t, submit(b'{"argv":["/bin/echo","a\\u0000b"]}'), INVALID)
        told(t, submit(b'{"argv":["/bin/true"],"context":'
                       b'{"cwd":"/\\u0000"}}'), INVALID)
        told(t, submit(b'{"argv":["/bin/true"],"context":'
                       b'{"env":{"A=B":"x"}}}'), INVALID)
    unharmed(t, each)


@story
def more_than_a_job_may_hold_is_too_large(t):
    def each():
        for job in (b'{"argv":["/bin/true","' + b'x' * 140000 + b'"]}',
                    b'{"argv":["/bin/cat"],"stdin":"' + b'x' * 1100000 +
                    b'"}',
                    b'{"argv":["' + b'x","' * 600000 + b'"]}',
                    b'{"argv":["/bin/true"],"name":"' + b'n' * 256 + b'"}',
                    b'{"argv":["/bin/true"],"key":"' + b'n' * 256 + b'"}'):
            client = t.client()
            client.raw(submit(job) + b'\0' + PING + b'\0')
            reply = client.read()
            assert reply['error'] in (INVALID,
                                      'org.reeve.jobs.TooLarge'), reply
            assert reply['parameters'].get('message'), reply
            client.result()
            client.close()
    unharmed(t, each)


@story
def an_oversized_message_is_too_large_and_the_end(t):
    def each():
        for head in (b'{"method":"', b'[', b' ', b'{"a":"'):
            client = t.client()
            block = (b'x' if head != b' ' else b' ') * (1 << 20)
            try:
                client.raw(head)
                for _ in range(17):
                    client.raw(block)
            except (BrokenPipeError, ConnectionResetError):
                pass
            try:
                reply = client.read()
                assert reply['error'] in ('org.reeve.jobs.TooLarge', BAD), (
                    reply)
                assert client.closed()
            except Closed:
                # Closing with unread bytes may cut off the answer.
                pass
            client.close()
    unharmed(t, each)


@story
def a_message_of_nearly_the_limit_is_read(t):
    t.start()
    keys = {'k%d' % i: 'v' * 1000 for i in range(15000)}
    client = t.client()
    client.send('Submit', {'job': {'handler': 'nobody', 'args': keys}})
    assert client.read()['error'], 'it was read and refused'
    equal(client.call('admin.Ping', payload='y')['payload'], 'y')


@story
def half_a_message_and_gone_leaves_nothing(t):
    def each():
        whole = encode('Submit', {'job': {'argv': ['/bin/true']}})
        for cut in range(1, len(whole), 3):
            client = t.client()
            client.raw(whole[:cut])
            client.close()
    unharmed(t, each)
    equal(t.c.call('Count')['total'], 0)


@story
def one_byte_at_a_time_is_understood(t):
    t.start()
    client = t.client()
    for byte in encode('admin.Ping', {'payload': 'slow'}) + b'\0':
        client.raw(bytes([byte]))
    equal(client.result()['payload'], 'slow')


@story(seconds=90)
def half_a_message_is_closed_after_ten_seconds_and_delays_nobody(t):
    def each():
        half = [t.client() for _ in range(20)]
        began = time.monotonic()
        for client in half:
            client.raw(PING[:20])
        drip = t.client()
        worst = 0.0
        sent = 0
        ended = False
        while time.monotonic() - began < 25 * SLOW and not ended:
            # One byte each half second; never a whole message.
            if time.monotonic() - began > sent * 0.5:
                try:
                    drip.raw(PING[sent % 20:sent % 20 + 1])
                    sent += 1
                except (BrokenPipeError, ConnectionResetError):
                    ended = True
            asked = time.monotonic()
            t.c.call('admin.Ping')
            worst = max(worst, time.monotonic() - asked)
            time.sleep(0.01)
        took = time.monotonic() - began
        assert ended, 'the drip was not ended'
        assert took > 8, 'ended too early: %.1f s' % took
        for client in half:
            try:
                while True:
                    client.read(timeout=60)
            except Closed:
                pass
        # Who waited behind one of them would wait for ten seconds.
        assert worst < 5 * SLOW, 'a ping took %.3f s' % worst
        for client in [drip, *half]:
            client.close()
    unharmed(t, each)


@story
def a_client_that_never_reads_stops_being_read(t):
    def each():
        client = t.client()
        client.socket.setblocking(False)
        message = encode('admin.Ping', {'payload': 'p' * 60000}) + b'\0'
        sent, deadline = 0, time.monotonic() + 3 * SLOW
        while sent < 200 << 20 and time.monotonic() < deadline:
            try:
                sent += client.socket.send(message[sent % len(message):])
            except BlockingIOError:
                time.sleep(0.01)
        assert sent < 100 << 20, 'it took %d bytes' % sent
        t.c.call('admin.Ping')
        client.close()
    unharmed(t, each)


@story
def pipelining_without_reading_is_bounded(t):
    def each():
        lazy = t.client()
        sender = threading.Thread(target=flood, args=(lazy,))
        sender.start()
        for _ in range(100):
            began = time.monotonic()
            t.c.call('admin.Ping')
            soon(began, 1, 'a ping')
        lazy.socket.shutdown(socket.SHUT_RDWR)
        sender.join()
        lazy.close()

    def flood(client):
        try:
            for _ in range(2000):
                client.raw(encode('List', {'limit': 1000}) * 1 + b'\0')
        except OSError:
            pass
    unharmed(t, each)


@story
def descriptors_that_nobody_asked_for_are_closed(t):
    def each():
        ends = os.pipe()
        for _ in range(20):
            client = t.client()
            client.send('admin.Ping', fds=[ends[1]] * 4)
            client.read()
            client.close()
        client = t.client()
        client.send('admin.Ping', fds=[ends[1]] * 60)
        try:
            client.read()
        except Closed:
            pass
        client.close()
        os.close(ends[1])
        # Had reeve kept one, this would wait.
        os.set_blocking(ends[0], False)
        eventually(lambda: read_end(ends[0]), 5, 'the pipe has no writer')
        os.close(ends[0])

    def read_end(end):
        try:
            return os.read(end, 1) == b''
        except BlockingIOError:
            return False
    unharmed(t, each)


@story
def random_bytes_and_mutations_never_harm(t):
    seed = int(os.environ.get('REEVE_TEST_SEED', '0')) or (
        random.SystemRandom().randrange(1 << 32))
    t.note('seed %d' % seed)
    dice = random.Random(seed)
    samples = [PING + b'\0', submit(b'{"argv":["/bin/true"],"hold":true}') +
               b'\0', encode('SubmitMany', {'jobs': [
                   {'argv': ['x'], 'hold': True}] * 3}) + b'\0',
               encode('List', {'filter': {'states': ['held']}}) + b'\0',
               encode('Wait', {'ids': [1], 'wait_ms': 1}) + b'\0']

    def each():
        for _ in range(600):
            data = bytearray(dice.choice(samples))
            for _ in range(dice.randrange(1, 6)):
                at = dice.randrange(len(data))
                what = dice.randrange(4)
                if what == 0:
                    data[at] = dice.randrange(256)
                elif what == 1:
                    del data[at:at + dice.randrange(1, 8)]
                elif what == 2:
                    data[at:at] = bytes(dice.choices(b'{}[]",:\\0 1e\n',
                                                     k=dice.randrange(9)))
                else:
                    data[at:at] = data[:dice.randrange(len(data))]
                data = data or bytearray(b'x')
            client = t.client()
            try:
                client.raw(bytes(data))
                client.half_close()
                while client.socket.recv(65536):
                    pass
            except OSError as error:
                assert not isinstance(error, TimeoutError), bytes(data)
            client.close()
    unharmed(t, each)


@story
def every_error_says_what_why_and_what_next(t):
    t.start()
    for method, parameters in (
            ('Submit', {'job': {'argv': []}}),
            ('Submit', {'job': {'argv': ['x'], 'nonsense': 1}}),
            ('Get', {'ids': [99]}), ('Get', {'ids': [-1]}),
            ('Output', {'id': 99}), ('CloseGroup', {'group': 99}),
            ('Cancel', {'filter': {}}), ('NoSuchThing', {}),
            ('admin.Upgrade', {}), ('queues.Pause', {'name': 'nowhere'})):
        error = t.c.refused(method, parameters)
        assert error.name.count('.') >= 3, error.name
        message = error.parameters.get('message')
        assert message and len(message) > 8, (method, error.parameters)
        json.dumps(error.parameters)


if __name__ == '__main__':
    main()
