#!/usr/bin/python3
"""Programs that cannot begin, or do not behave: what their pool says of it.

covers: daemon/supervisor/words daemon/supervisor/pool_reason
covers: daemon/broker/unwilling
"""
import pathlib
import re
import sys
import time

ROOT = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / 'tests/helper'))
import proc  # noqa: E402
from story import equal, eventually, main, story  # noqa: E402

# Speaks the protocol as badly as it is asked to.
PROGRAM = '''
import json, os, socket, sys, time

def say(**what):
    link.sendall(json.dumps(what).encode() + b'\\n')

print('this is', sys.argv[1], file=sys.stderr, flush=True)
if sys.argv[1] == 'dies':
    open('/there/is/no such file')
link = socket.socket(socket.AF_UNIX)
link.connect(os.environ['REEVE_WORKER_SOCKET'])
say(ready=1, secret=os.environ['REEVE_WORKER_SECRET'], pid=os.getpid(),
    worker=int(os.environ['REEVE_WORKER']), name='bad', holding=[],
    handlers=[] if sys.argv[1] == 'other' else
    os.environ['REEVE_HANDLERS'].split())
if sys.argv[1] == 'talks':
    for n in range(5000):
        say(log='word %d' % n, level='debug' if n % 2 else 'warning')
for line in link.makefile():
    job = json.loads(line)
    if 'job' in job:
        job = {'job': job['job'], 'token': job['token']}
        if sys.argv[1] == 'gives':
            say(put_back=[job])
        elif sys.argv[1] == 'deep':
            n = {1: 57, 2: 63}.get(job['job'], 100)
            link.sendall(b'{"done":%d,"token":%d,"result":%s}\\n' % (
                job['job'], job['token'], n * b'[' + n * b']'))
'''
# Of the Python SDK.
HANDLERS = '''
import sys
sys.path.insert(0, %r)
from reeve.worker import handler, init, main

if 'import' in sys.argv:
    import nothing_of_that_name

@init
def begin():
    raise RuntimeError('no database today')

@handler
def work():
    pass

main()
''' % str(ROOT / 'client/python')
FILTER = 'import sys; sys.exit("no dictionary for this filter")\n'


def configure(t, text, word='', more='', kind='worker'):
    program = t.folder / 'program.py'
    program.write_text(text)
    path = t.folder / 'config/reeve/reeve.yaml'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        'pools:\n  p: {kind: %s, run: [%s, %s, %s], handles: [work], '
        'workers: 1%s}\n' % (kind, sys.executable, program, word, more))
    path.chmod(0o600)
    t.start()


def pool(t):
    return [one for one in t.c.call('admin.Pools')['pools']
            if one['name'] == 'p'][0]


def degraded(t, *words):
    """All of them are in its reason, and in that of a job that waits."""
    def holds():
        told = pool(t)
        return told['state'] == 'degraded' and \
            all(word in told['reason'] for word in words)
    eventually(holds, 20, lambda: 'reason with %s: %s' % (words, pool(t)))
    job = t.c.call('Submit', job={'handler': 'work'})['id']

    # A worker that is tried again may have it for a moment.
    def explained():
        why = t.c.call('Explain', id=job)['reasons'][0]
        return why['rule'] == 'degraded' and \
            all(word in why['message'] for word in words)
    eventually(explained, 20, lambda: t.c.call('Explain', id=job))


@story
def a_program_that_does_not_serve_its_handler_is_refused_by_name(t):
    configure(t, PROGRAM, 'other')
    degraded(t, "worker was refused: it does not serve handler 'work'")


@story
def what_a_program_says_last_is_the_reason_and_is_in_the_log(t):
    configure(t, PROGRAM, 'dies')
    degraded(t, 'worker exited with status 1 before it was ready: ',
             "No such file or directory: '/there/is/no such file'")
    eventually(lambda: t.log_text().count('this is dies') >= 2)


@story
def a_template_that_cannot_load_says_why(t):
    configure(t, HANDLERS, 'import', ', preload: true')
    degraded(t, 'template exited with status 1 at preload: ',
             "No module named 'nothing_of_that_name'")


@story
def so_does_a_worker_that_a_template_forked(t):
    configure(t, HANDLERS, 'fork', ', preload: true')
    degraded(t, 'worker exited with status ', 'no database today')


@story
def and_a_filter(t):
    configure(t, FILTER, 'x', kind='lines')
    degraded(t, 'the filter ended before it read anything: ',
             'no dictionary for this filter')


@story
def a_program_that_gives_everything_back_is_let_rest(t):
    configure(t, PROGRAM, 'gives')
    t.c.call('Submit', job={'handler': 'work'})
    degraded(t, 'put back every job')


@story
def a_program_that_talks_without_end_does_not_fill_the_log(t):
    configure(t, PROGRAM, 'talks')
    left_out = re.compile('worker says too much, lines are left out count='
                          r'(\d+) ')

    def all_are_counted():
        text = t.log_text()
        said = text.count(' word ')
        return said + sum(map(int, left_out.findall(text))) == 2500 and said
    began = time.monotonic()
    said = eventually(all_are_counted, 30)
    # A hundred at once, and then one a second.
    assert 100 <= said < 140 + time.monotonic() - began, said


@story
def a_result_that_is_nested_too_deep_fails_its_job_alone(t):
    configure(t, PROGRAM, 'deep')
    for _ in range(3):
        job = t.wait(t.c.call('Submit', job={'handler': 'work'})['id'])
        equal(job['failure'], {'type': 'ResultNotJSON',
                               'message': 'the result is nested too deep'})
    equal(t.log_text().count('worker died'), 0)


@story
def a_program_that_ends_with_its_connection_is_no_broken_one(t):
    configure(t, PROGRAM, 'well')
    for _ in range(5):
        served = eventually(lambda: [
            one['pid'] for one in t.c.call('admin.Workers')['workers']
            if one['pool'] == 'p' and one['state'] == 'idle'])
        t.kill_broker()
        t.reconnect()
        eventually(lambda: not proc.alive(served[0]))
    eventually(lambda: pool(t)['workers'] == 1)
    equal(t.log_text().count('pool degraded'), 0)
    equal(t.log_text().count('worker died'), 0)


if __name__ == '__main__':
    main()
