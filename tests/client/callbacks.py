#!/usr/bin/python3
"""Callbacks as a user says them, in flags and in files, with the real daemon:
who is told, what it reads, and what both sides show.

    callbacks.py REEVE REEVED [TEST...]

covers: client/callback_args client/request_args client/ties
covers: daemon/broker/callback_file daemon/config/callbacks_read
"""
import http.server
import json
import os
import pathlib
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from tool import RealPlace, holds, run_tests, same  # noqa: E402

TOOL, REEVED = map(os.path.abspath, sys.argv[1:3])
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
NOTE = '''#!/bin/sh
read -r line
echo "$1|$REEVE_OF_JOB$REEVE_OF_GROUP|$REEVE_OF_STATE|$PWD|$line" >>"${0%/*}/notes"
'''


class Skip(Exception):
    """What a test needs is not there."""


class Real(RealPlace):
    def __init__(self, config=''):
        super().__init__(TOOL, REEVED)
        self.note = os.path.join(self.folder, 'note')
        pathlib.Path(self.note).write_text(NOTE)
        os.chmod(self.note, 0o755)
        self.file = pathlib.Path(self.folder, '.config/reeve/reeve.yaml')
        self.file.parent.mkdir(parents=True)
        self.put(config)

    def put(self, config):
        self.file.write_text(config)

    def out(self, *args, code=0, **how):
        result = self.reeve(*args, **how)
        assert result.code == code, (args, result)
        return result.out

    def said(self, code, *args, **how):
        result = self.reeve(*args, **how)
        assert result.code == code, (args, result)
        return result.err

    def job(self, *args):
        """What a submission ended as, and what it made."""
        job = self.reeve('submit', '-w', '--json', *args).json()['job']['id']
        self.idle()
        return str(job)

    def show(self, job):
        return self.out('show', '--json', str(job))

    def idle(self):
        self.until(lambda: not self.out('ls', '-o', 'ids', 'unfinished'))

    def notes(self):
        """(word, job, state, folder, record) of each that was told."""
        try:
            lines = pathlib.Path(self.folder, 'notes').read_text()
        except FileNotFoundError:
            return []
        return sorted(tuple(line.split('|', 4))
                      for line in lines.splitlines())

    def told(self):
        return [note[:3] for note in self.notes()]


def test_a_command_is_told_of_the_end_where_the_job_ran():
    with Real() as here:
        job = here.job('-C', '/usr', '--on-failure',
                       here.note + " 'it is \"bad\"'", '--on-success',
                       here.note + ' good', '--on-done', here.note + ' done',
                       '--sh', 'exit 3')
        (bad, one, state, folder, record), (done, *_) = sorted(
            here.notes(), reverse=True)
        same((bad, one, state, folder, done),
             ('it is "bad"', job, 'failed', '/usr', 'done'))
        record = json.loads(record)
        same((record['id'], record['exit_code']), (int(job), 3))


def test_both_sides_show_each_other():
    with Real() as here:
        job = here.job('--on-failure', here.note + ' a', '--on-failure',
                       here.note + ' b', 'false')
        first, second = here.out('ls', '-a', '-o', 'ids',
                                 'follows=' + job).split()
        holds(here.out('show', job), 'callbacks  job %s' % first,
              'job %s' % second, 'succeeded')
        holds(here.out('show', first),
              'follows    job %s, which failed: exited with code 1' % job)
        holds(here.out('explain', first), 'it is a callback of job ' + job)
        same(json.loads(here.show(job))['job']['callbacks'],
             [int(first), int(second)])
        same(json.loads(here.show(first))['job']['follows'], int(job))
        same(here.out('ls', '-a', '-o', 'ids', 'not:follows=' + job), job +
             '\n')
        here.out('rm', job)
        holds(here.out('show', first), 'which is not remembered any more')


def test_terms_are_said_by_flags():
    with Real() as here:
        job = here.job('--callback-queue', 'told', '--callback-timeout', '1m',
                       '--callback-retry', '1', '--on-done', 'true', 'true')
        found, = json.loads(here.out('ls', '-a', 'follows=' + job,
                                     '--json'))['jobs']
        same((found['queue'], found['max_attempts']), ('told', 2))


def test_what_a_job_owes_is_shown_before_and_kept_by_edit():
    with Real() as here:
        job = here.out('submit', '--hold', '--on-success',
                       here.note + " 'a b'", '--on-failure-url',
                       'http://localhost:1/x', 'true').strip()
        holds(here.out('show', job), 'on_success ' + here.note + ' a b',
              'on_failure http://localhost:1/x')
        here.out('edit', '--priority', '7', job)
        here.out('edit', job, EDITOR='sed -i s/priority:.*/priority:\\ 8/')
        holds(here.out('show', job), 'priority   8', 'on_success', 'on_failure')
        here.out('release', job)
        here.until(here.told)
        same(here.told(), [('a b', job, 'succeeded')])


def test_a_callback_that_failed_is_found_and_retried():
    with Real() as here:
        missing = os.path.join(here.folder, 'later')
        job = here.out('submit', '--on-done', missing + ' x', 'true').strip()
        here.until(lambda: here.out('ls', '-a', '-o', 'ids',
                                    'queue=callbacks'))
        # Its own tries would last for seconds.
        dead = here.out('ls', '-a', '-o', 'ids', 'follows=' + job).strip()
        here.out('cancel', dead)
        os.rename(here.note, missing)
        here.out('retry', '--yes', 'cancelled', 'queue=callbacks')
        here.until(here.told)
        same(here.told(), [('x', job, 'succeeded')])
        holds(here.out('show', dead), 'which succeeded')


def test_map_tells_of_each_and_of_all():
    with Real() as here:
        here.out('map', '--no-output', '--on-failure', here.note + ' one',
                 '--on-all-failure', here.note + ' all-failure',
                 '--on-all-success', here.note + ' all-success',
                 '--on-all-done', here.note + ' all',
                 '--sh', 'exit {}', ':::', '0', '0', '4', code=1)
        here.idle()
        (everything, group, *_, record), (failure, *_), (one, *_) = sorted(
            here.notes())
        same((everything, failure, one, group),
             ('all', 'all-failure', 'one', '1'))
        counts = json.loads(record)['counts']
        same((counts['succeeded'], counts['failed']), (2, 1))
        callback = here.out('ls', '-a', '-o', 'ids', 'queue=callbacks'
                            ).split()[-1]
        holds(here.out('show', callback), 'follows    group 1, of which 2')
        holds(here.said(2, 'map', '--retry-failed', '1', '--on-done', 'x'),
              'no callbacks')


def test_a_queue_tells_of_all_its_jobs():
    with Real() as here:
        here.out('queue', 'set', 'mail', '--on-failure', here.note + ' q',
                 '--on-done', here.note + ' d')
        holds(here.out('queue', 'show', 'mail'),
              'on_failure ' + here.note + ' q', 'on_done    ' + here.note)
        job = here.job('-q', 'mail', 'false')
        same(here.told(), [('d', job, 'failed'), ('q', job, 'failed')])
        here.out('queue', 'set', 'mail', '--no-callbacks', '--on-done',
                 here.note + ' e')
        later = here.job('-q', 'mail', 'false')
        same(here.told(), [('d', job, 'failed'), ('e', later, 'failed'),
                           ('q', job, 'failed')])


def test_mistakes_are_told_before_anything_is_submitted():
    with Real() as here:
        for flag, value, why in (
                ('--on-done', "mail 'x", "a quote is not closed: 'x"),
                ('--on-done', 'a | b', 'only a shell knows what | does'),
                ('--on-done', 'echo $HOME', 'only a shell knows what $'),
                ('--on-done', '', "no command. Like: './notify.sh me'."),
                ('--on-done-url', 'x.org', 'neither http:// nor https://'),
                ('--on-done-call', 'notify {"a":', 'is not JSON')):
            holds(here.said(2, 'submit', flag, value, 'true'), why)
        holds(here.said(3, 'submit', '--on-done-call', 'nobody', 'true'),
              'job.on_done[0].handler: nobody serves this handler')
        # The job's own handler is there: nothing is said of that one.
        said = here.said(3, 'submit', '--on-done-call', 'nobody',
                         '--handler', 'http', 'url=http://x.org')
        holds(said, 'job.on_done[0].handler', 'callback calls is served')
        assert 'libcurl' not in said, said
        holds(here.said(2, 'submit', '--header', 'a: b', 'true'), '--http')
        holds(here.said(2, 'submit', '--http', 'http://x.org'), 'the method')
        holds(here.said(2, 'submit', '--http', 'GET', 'x.org'), 'neither')
        same(here.out('ls', '-a'), '')


def test_a_server_is_told_and_requests_are_jobs():
    got = []

    class Server(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers['Content-Length']))
            got.append((self.path, self.headers['X-Word'], body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(('127.0.0.1', 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = 'http://127.0.0.1:%d' % server.server_port
    with Real() as here:
        here.out('daemon', 'start')
        if 'http' not in here.out('pool', 'ls'):
            raise Skip('reeved was built without libcurl')
        job = here.job('--on-failure-url', url + '/bad?a=b&c', 'false')
        here.until(lambda: got)
        path, _, body = got.pop()
        same(path, '/bad?a=b&c')
        same(json.loads(body)['id'], int(job))
        pathlib.Path(here.folder, 'body').write_bytes(b'\xff\x00x')
        for body, sent in (('text', b'text'), ('{"a":1}', b'{"a":1}'),
                           ('@' + here.folder + '/body', b'\xff\x00x'),
                           ('@-', b'from stdin')):
            here.out('submit', '-w', '--http', 'POST', url + '/x?secret',
                     '--body', body, '--header', 'X-Word: a: b',
                     input=b'from stdin')
            same(got.pop(), ('/x?secret', 'a: b', sent))
        # A query may be secret, so it is not in listings.
        holds(here.out('ls', '-a'), 'POST %s/x\t' % url)
    server.shutdown()
    server.server_close()


def test_a_file_tells_of_all_jobs_and_of_a_queue_s():
    with Real() as here:
        here.put('callbacks:\n'
                 '  - {on: [failed], exec: [../../note, rule]}\n'
                 'queues:\n'
                 '  mail:\n'
                 '    on_done: [{exec: [%s, queue]}]\n' % here.note)
        job = here.job('false')
        same(here.told(), [('rule', job, 'failed')])
        mail = here.job('-q', 'mail', 'true')
        same(here.told(), [('queue', mail, 'succeeded'),
                           ('rule', job, 'failed')])
        rows = {row['key']: row for row in json.loads(
            here.out('config', 'show', '--json'))['settings']}
        same(rows['callbacks']['origin'], '%s:2' % here.file)
        same(rows['queues.mail.on_done']['origin'], '%s:5' % here.file)
        holds(here.said(2, 'queue', 'set', 'mail', '--on-done', 'x'),
              'queues.mail.on_done')
        here.out('queue', 'set', 'mail', '--on-failure', here.note + ' mine')
        here.put('callbacks:\n  - {on: [suceeded], exec: [x]}\n')
        holds(here.said(4, 'daemon', 'reload'), ':2:11: ', 'suceeded',
              'did you mean succeeded?')
        here.put('callbacks: []\n')
        here.out('daemon', 'reload')
        here.job('false')
        # What no file says any more stays as it was, and can be set again.
        here.job('-q', 'mail', 'true')
        same(len(here.told()), 3)
        here.out('queue', 'set', 'mail', '--no-callbacks')
        here.job('-q', 'mail', 'false')
        same(len(here.told()), 3)


def test_ten_tasks_print_what_one_expects():
    with Real() as here:
        folder = os.path.join(here.folder, 'bin')
        os.mkdir(folder)
        os.symlink(TOOL, os.path.join(folder, 'reeve'))
        done = subprocess.run(
            ['sh', str(ROOT / 'etc/examples/ten_tasks.sh')], timeout=60,
            env={**here.environment,
                 'PATH': folder + ':' + here.environment['PATH']},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        same(done.returncode, 0)
        *lines, last = done.stdout.decode().splitlines()
        same(sorted(lines), sorted(
            ['task %d: %d' % (n, n * n) for n in range(1, 6)] +
            ['task %d: ValueError: %d is more than 5 (exit 1)' % (n, n)
             for n in range(6, 11)]))
        same(last, '5 succeeded, 5 failed')


if __name__ == '__main__':
    sys.exit(run_tests(sys.modules[__name__], sys.argv[3:]))
