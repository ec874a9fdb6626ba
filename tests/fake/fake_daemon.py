#!/usr/bin/python3
"""A daemon for the tests of the client: the protocol, and nothing behind it.

    fake_daemon.py SOCKET [--cut N] [--ended N] [--script FILE]

Runs commands at once, keeps everything in memory. --cut N: the N-th call is
carried out, but its connection closes before the answer leaves, once.
--ended N: as many jobs have succeeded before. --script: a JSON file
{"method": [bytes, ...]}: these bytes are sent instead of an answer, one entry a
call, to see what the client makes of nonsense.
"""
import argparse
import json
import os
import socket
import subprocess
import sys
import threading
import time

import fake_consume
import fake_progress
from fake_handlers import HANDLERS, Pools, Raised

JOBS = 'org.reeve.jobs.'
ADMIN = 'org.reeve.admin.'
ENDED = ('succeeded', 'failed', 'cancelled')
STATES = ('held', 'blocked', 'scheduled', 'ready', 'running') + ENDED


def now_ms():
    return int(time.time() * 1000)


class Refusal(Exception):
    def __init__(self, name, **fields):
        super().__init__(name)
        self.name, self.fields = name, fields


class Job:
    def __init__(self, number, spec):
        self.spec = spec
        self.process = None
        self.output = []  # (stream, bytes)
        self.facts = {
            'id': number, 'state': 'held' if spec.get('hold') else 'ready',
            'queue': spec.get('queue', 'default'),
            'handler': spec.get('handler', 'exec'),
            'priority': spec.get('priority', 0), 'attempt': 0,
            'max_attempts': 1, 'crashes': 0, 'uid': os.getuid(),
            'created_ms': now_ms()}
        for name in ('name', 'key', 'group', 'tags'):
            if name in spec:
                self.facts[name] = spec[name]

    def ended(self):
        return self.facts['state'] in ENDED

    def told(self, with_spec=False):
        facts = dict(self.facts)
        if with_spec:
            facts['spec'] = {name: self.spec[name]
                             for name in ('argv', 'shell', 'args')
                             if name in self.spec}
        return facts

    def brief(self):
        return {name: self.facts[name] for name in (
            'id', 'state', 'cause', 'exit_code', 'signal', 'result',
            'failure') if name in self.facts}


class Daemon(fake_progress.Progress):
    def __init__(self):
        self.lock = threading.Condition()
        self.jobs, self.keys, self.groups = {}, {}, {}
        self.seen = []  # every call: [method, parameters]
        self.paused = set()
        self.pools = Pools()
        self.closed = set()  # groups
        self.leases = fake_consume.Leases(self, Refusal, now_ms)

    # What a job does.

    def start(self, job):
        if job.facts['handler'] in fake_consume.HANDLERS:
            self.lock.notify_all()
            return
        if job.facts['handler'] != 'exec':
            job.facts.update(state='running', attempt=1, started_ms=now_ms())
            job.process = 'handler'
            threading.Thread(target=self.call, args=(job,)).start()
            return
        argv = job.spec.get('argv') or ['/bin/sh', '-c', job.spec['shell']]
        context = job.spec.get('context', {})
        env = fake_progress.environment(job, context.get('env'))
        job.facts.update(state='running', attempt=1, started_ms=now_ms())
        try:
            job.process = subprocess.Popen(
                argv, cwd=context.get('cwd'), env=env,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE)
        except OSError as error:
            self.end(job, 'failed', cause='exec', failure={
                'type': error.errno and 'ENOENT',
                'message': "cannot start '%s': %s" % (argv[0],
                                                      error.strerror)})
            return
        job.facts['worker_pid'] = job.process.pid
        readers = [threading.Thread(target=self.read, args=(job, name, pipe))
                   for name, pipe in (('stdout', job.process.stdout),
                                      ('stderr', job.process.stderr))]
        for reader in readers:
            reader.start()
        threading.Thread(target=self.watch, args=(job, readers)).start()

    def call(self, job):
        args = job.spec.get('args', {})
        timeout = job.spec.get('timeout_ms')
        try:
            result = HANDLERS[job.facts['handler']](args, job)
            with self.lock:
                if timeout and now_ms() - job.facts['started_ms'] > timeout:
                    self.end(job, 'failed', cause='timeout')
                elif job.facts['handler'] == 'lost':
                    self.end(job, 'failed', cause='worker_lost', crashes=3)
                elif result is None:
                    self.end(job, 'succeeded', cause='none')
                else:
                    self.end(job, 'succeeded', cause='none', result=result)
        except Raised as raised:
            with self.lock:
                if job.facts.get('cancel_asked'):
                    self.end(job, 'cancelled', cause='cancelled')
                else:
                    self.end(job, 'failed', cause='handler',
                             failure=raised.failure)

    def read(self, job, name, pipe):
        while True:
            data = os.read(pipe.fileno(), 65536)
            if not data:
                return
            with self.lock:
                job.output.append((name, data))
                self.lock.notify_all()
            if len(job.output) > 100:
                time.sleep(0.1)  # nobody needs all that yes(1) says

    def watch(self, job, readers):
        try:
            job.process.stdin.write(job.spec.get('stdin', '').encode())
            job.process.stdin.close()
        except OSError:
            pass
        for reader in readers:
            reader.join()
        code = job.process.wait()
        with self.lock:
            for name in ('stdout', 'stderr'):
                job.facts[name + '_bytes'] = sum(
                    len(data) for stream, data in job.output
                    if stream == name)
            if job.facts.get('cancel_asked'):
                self.end(job, 'cancelled', cause='cancelled',
                         signal=max(-code, 0) or None)
            elif code < 0:
                self.end(job, 'failed', cause='signal', signal=-code)
            elif code > 0:
                self.end(job, 'failed', cause='exit', exit_code=code)
            else:
                self.end(job, 'succeeded', exit_code=0)

    def end(self, job, state, **facts):
        job.facts.pop('worker_pid', None)
        job.facts.update(state=state, finished_ms=now_ms(), cpu_us=1500,
                         peak_kib=2048, **facts)
        self.lock.notify_all()

    # Calls. Each gets its parameters and a function that sends one reply of
    # several; what it returns is the last one.

    def enter(self, spec):
        if spec.get('key') in self.keys:
            return self.keys[spec['key']], True
        if spec.get('queue') == 'full':
            raise Refusal(JOBS + 'QueueFull', queue='full', limit=1,
                          retry_after_ms=1, message="queue 'full' is full",
                          hint='Wait, or use another queue')
        handler = spec.get('handler', 'exec')
        if handler != 'exec' and handler not in (*HANDLERS,
                                                 *fake_consume.HANDLERS):
            raise Refusal(JOBS + 'NoSuchHandler', handler=handler,
                          message='no pool serves this handler',
                          hint='reeve pool ls shows who serves what')
        number = len(self.jobs) + 1
        job = self.jobs[number] = Job(number, spec)
        if 'key' in spec:
            self.keys[spec['key']] = number
        if job.facts['state'] == 'ready' and spec.get('queue') != 'stuck':
            self.start(job)
        return number, False

    def Submit(self, p, more):
        number, existing = self.enter(p['job'])
        reply = {'id': number, 'existing': existing, 'durability': 'sync'}
        if not more:
            return reply
        more(reply)
        while not self.jobs[number].ended():
            self.lock.wait()
        return {'job': self.jobs[number].told()}

    def SubmitMany(self, p, more):
        ids, rejected = [], []
        for index, spec in enumerate(p['jobs']):
            try:
                ids.append(self.enter({**p.get('defaults', {}), **spec})[0])
            except Refusal as refusal:
                ids.append(0)
                rejected.append({'index': index, 'error': refusal.name,
                                 'message': refusal.fields['message']})
        return {'ids': ids, 'rejected': rejected}

    def find(self, number):
        if number not in self.jobs:
            raise Refusal(JOBS + 'NoSuchJob', id=number,
                          message='there is no job %d' % number,
                          hint='See which there are: reeve ls --all')
        return self.jobs[number]

    def Get(self, p, more):
        return {'jobs': [self.find(number).told(p.get('with_spec'))
                         for number in p['ids']]}

    def match(self, filter):
        filter = dict(filter or {})
        states = filter.pop('states', STATES)
        ids = filter.pop('ids', None)
        newer = filter.pop('newer_than_ms', 0)
        older = filter.pop('older_than_ms', 1 << 60)
        causes = filter.pop('causes', None)
        filter.pop('all', None)
        for job in self.jobs.values():
            facts = job.facts
            if facts['state'] in states and \
                    (ids is None or facts['id'] in ids) and \
                    newer < facts['created_ms'] < older and \
                    (causes is None or facts.get('cause') in causes) and \
                    all(facts.get(name) == value
                        for name, value in filter.items()):
                yield job

    def Last(self, p, more):
        return {'id': max(self.jobs)} if self.jobs else {}

    def List(self, p, more):
        jobs = sorted(self.match(p.get('filter')),
                      key=lambda job: job.facts['id'],
                      reverse=p.get('newest_first', False))
        limit = p.get('limit', 100)
        if 'cursor' in p:  # the last id: jobs may have gone meanwhile
            last = int(p['cursor'])
            jobs = [job for job in jobs if (
                job.facts['id'] < last if p.get('newest_first') else
                job.facts['id'] > last)]
        reply = {'jobs': [job.told(p.get('with_spec'))
                          for job in jobs[:limit]]}
        if len(jobs) > limit:
            reply['cursor'] = str(jobs[limit - 1].facts['id'])
        return reply

    def Count(self, p, more):
        counts = {}
        for job in self.match(p.get('filter')):
            word = str(job.facts.get(p.get('by', 'state')))
            counts[word] = counts.get(word, 0) + 1
        return {'total': sum(counts.values()), 'counts': counts}

    def Wait(self, p, more):
        if 'group' in p and more:
            return self.wait_group(p, more)
        if 'group' in p:
            left = [job for job in self.jobs.values()
                    if job.facts.get('group') == p['group']]
        else:
            left = [self.find(number) for number in p['ids']]
        until = time.time() + p.get('wait_ms', 1 << 40) / 1000
        while True:
            done = [job for job in left if job.ended()]
            for job in done:
                left.remove(job)
                if more and left:
                    more({'jobs': [job.told()], 'pending': len(left)})
            if not left:
                return {'jobs': [job.told() for job in done[-1:]],
                        'pending': 0}
            if not self.lock.wait(max(0, min(until - time.time(), 3600))):
                raise Refusal(JOBS + 'Timeout', pending=len(left))

    def wait_group(self, p, more):
        """Until it is closed, whatever comes into it meanwhile."""
        group, told = p['group'], set()
        while True:
            fresh = [job for job in list(self.jobs.values())
                     if job.facts.get('group') == group and job.ended() and
                     job.facts['id'] not in told]
            told.update(job.facts['id'] for job in fresh)
            if fresh and p.get('brief'):
                more({'jobs': [], 'ends': [job.brief() for job in fresh],
                      'pending': 1})
            elif fresh:
                more({'jobs': [job.told() for job in fresh], 'pending': 1})
            left = [job for job in self.jobs.values()
                    if job.facts.get('group') == group and not job.ended()]
            if not left and group in self.closed:
                return {'jobs': [], 'pending': 0}
            self.lock.wait()

    def steer(self, p, states, change):
        if not p.get('filter'):
            raise Refusal('org.varlink.service.InvalidParameter',
                          parameter='filter',
                          message='an empty filter steers nothing')
        jobs = [job for job in self.match(p['filter'])
                if job.facts['state'] in states]
        if not p.get('dry_run'):
            for job in jobs:
                change(job)
        return jobs

    def cancel_one(self, job):
        if job.process:
            job.facts['cancel_asked'] = True
            if job.process not in ('handler', 'consumer'):
                job.process.terminate()
        else:
            self.end(job, 'cancelled', cause='cancelled')

    def Cancel(self, p, more):
        jobs = self.steer(p, STATES[:5], self.cancel_one)
        running = sum(1 for job in jobs if job.process)
        return {'cancelled': len(jobs) - running, 'signalled': running}

    def Hold(self, p, more):
        return {'count': len(self.steer(
            p, STATES[1:4], lambda job: job.facts.update(state='held')))}

    def Release(self, p, more):
        return {'count': len(self.steer(p, ('held',), self.release_one))}

    def release_one(self, job):
        job.facts['state'] = 'ready'
        if job.facts['queue'] != 'stuck':
            self.start(job)

    def again(self, job):
        for name in ('exit_code', 'signal', 'cause', 'failure',
                     'finished_ms', 'cancel_asked'):
            job.facts.pop(name, None)
        job.output, job.process = [], None
        self.start(job)

    def Retry(self, p, more):
        return {'count': len(self.steer(p, ('failed', 'cancelled'),
                                        self.again))}

    def GetSpec(self, p, more):
        spec = dict(self.find(p['id']).spec)
        for name in ('key', 'group', 'hold', 'on_conflict'):
            spec.pop(name, None)
        return {'job': {'handler': 'exec', 'queue': 'default', 'priority': 0,
                        'grace_ms': 10000, 'crash_limit': 3, **spec}}

    def Edit(self, p, more):
        job = self.find(p['id'])
        if job.facts['state'] not in STATES[:4]:
            raise Refusal(JOBS + 'WrongState', id=p['id'],
                          state=job.facts['state'],
                          message='only a job that waits can be edited')
        if p['job'].get('queue') == 'full':
            raise Refusal(JOBS + 'QueueFull', queue='full', limit=1,
                          retry_after_ms=1, message="queue 'full' is full",
                          hint='Wait, or use another queue')
        job.spec = p['job']
        job.facts.update(queue=p['job'].get('queue', 'default'),
                         priority=p['job'].get('priority', 0))
        return {}

    def Change(self, p, more):
        facts = {name: p[name] for name in ('priority', 'queue', 'run_at_ms')
                 if name in p}
        return {'count': len(self.steer(
            p, STATES[:4], lambda job: job.facts.update(facts)))}

    def OpenGroup(self, p, more):
        number = len(self.groups) + 1
        self.groups[number] = p
        return {'group': number}

    def CloseGroup(self, p, more):
        self.closed.add(p['group'])
        self.lock.notify_all()
        return {}

    def GetGroup(self, p, more):
        counts = {}
        for job in self.jobs.values():
            if job.facts.get('group') == p['group']:
                word = job.facts['state']
                counts[word] = counts.get(word, 0) + 1
        pending = sum(n for word, n in counts.items() if word not in ENDED)
        return {'group': {'id': p['group'], 'closed': True, 'counts': counts,
                          'pending': pending, 'complete': pending == 0,
                          'progress': self.group_progress(p['group'])}}

    def Output(self, p, more):
        job, at = self.find(p['id']), p.get('offset', 0)
        stream = p.get('stream', 'both')
        while True:
            # There is only one attempt here: a later one writes nothing.
            new = job.output[at:] if p.get('attempt', 0) <= 1 else []
            over = job.ended() or not more
            at += len(new)
            reply = {'offset': at, 'eof': over, 'chunks': [
                {'stream': name, 'at_ms': 1,
                 'data': data.decode('utf-8', 'replace')}
                for name, data in new if stream in (name, 'both')]}
            if over:
                return reply
            if new:
                more(reply)
            self.lock.wait()

    def Ping(self, p, more):
        return {'payload': p.get('payload'), 'now_ms': now_ms()}

    def Hello(self, p, more):
        return {'version': '0.1.0', 'node': 'fake', 'engine': 'memory',
                'generation': 1, 'features': [], 'limits': {},
                'uid': os.getuid(), 'roles': []}

    def Status(self, p, more):
        counts = self.Count({}, None)['counts']
        return {'state': 'running', 'since_ms': now_ms() - 65000,
                'version': '0.1.0', 'generation': 1, 'pid': os.getpid(),
                'broker_pid': os.getpid(), 'connections': 1, 'workers': 2,
                'busy': counts.get('running', 0), 'counts': counts,
                'storage': {'path': '/state/jobs.db', 'bytes': 4096,
                            'writable': True},
                'cgroups': 'yes', 'warnings': ['this is a fake']}

    def Workers(self, p, more):
        return {'workers': [
            {'pid': 10, 'slot': 0, 'pool': 'exec', 'state': 'idle',
             'queued': 0, 'since_ms': now_ms() - 5000, 'jobs_done': 3},
            {'pid': 11, 'slot': 0, 'pool': 'img', 'state': 'busy', 'job': 9,
             'queued': 2, 'since_ms': now_ms() - 2000, 'jobs_done': 7}]}

    def Pools(self, p, more):
        return {'pools': list(self.pools.pools.values())}

    def Handlers(self, p, more):
        return {'handlers': self.pools.handlers()}

    def need_pool(self, name):
        if name not in self.pools.pools:
            raise Refusal(ADMIN + 'NoSuchPool', pool=name,
                          message='there is no pool with this name',
                          hint='reeve pool ls shows all')

    def Resize(self, p, more):
        self.need_pool(p['pool'])
        self.pools.resize(p)
        return {}

    def Recycle(self, p, more):
        if 'pid' in p and p['pid'] != 11:
            raise Refusal('org.varlink.service.InvalidParameter',
                          parameter='pid', message='no worker of a pool of '
                          'handlers has this pid')
        if 'pool' in p:
            self.need_pool(p['pool'])
        return {'count': 1 if 'pid' in p else 3}

    def DrainPool(self, p, more):
        self.need_pool(p['pool'])
        self.pools.pools[p['pool']]['state'] = (
            'draining' if p['enable'] else 'running')
        return {}

    def QueuesList(self, p, more):
        names = {job.facts['queue'] for job in self.jobs.values()}
        return {'queues': [
            {'name': name, 'paused': name in self.paused, 'weight': 1,
             'counts': self.Count({'filter': {'queue': name}}, None)['counts']}
            for name in sorted(names)]}

    def QueuesPause(self, p, more):
        self.paused.add(p['name'])
        return {}

    def QueuesResume(self, p, more):
        self.paused.discard(p['name'])
        return {}

    def Seen(self, p, more):
        """For the tests only: what was asked of this daemon."""
        return {'calls': self.seen}

    def Shutdown(self, p, more):
        threading.Timer(0.05, os._exit, (0,)).start()
        return {}


class Server:
    def __init__(self, path, cut, script):
        self.daemon, self.cut, self.script = Daemon(), cut, script
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(64)

    def serve(self):
        while True:
            connection = self.listener.accept()[0]
            threading.Thread(target=self.talk, args=(connection,),
                             daemon=True).start()

    def talk(self, connection):
        buffer = b''
        with connection:
            try:
                while True:
                    data = connection.recv(65536)
                    if not data:
                        return
                    buffer += data
                    while b'\0' in buffer:
                        message, buffer = buffer.split(b'\0', 1)
                        if not self.answer(connection, json.loads(message)):
                            return
            except OSError:
                pass

    def answer(self, connection, call):
        def send(reply):
            connection.sendall(json.dumps(reply).encode() + b'\0')

        def more(parameters):
            send({'parameters': parameters, 'continues': True})

        name = call['method'].rsplit('.', 1)[1]
        if self.script.get(name):
            connection.sendall(self.script[name].pop(0).encode('latin-1'))
            return True
        daemon = self.daemon
        with daemon.lock:
            daemon.seen.append([name, call['parameters']])
            kind = call['method'].rsplit('.', 2)[-2]
            method = getattr(daemon.leases if kind == 'consume' else daemon,
                             'Queues' + name if kind == 'queues' else name,
                             None)
            try:
                if method is None:
                    raise Refusal('org.varlink.service.MethodNotFound',
                                  method=call['method'])
                reply = {'parameters': method(
                    call['parameters'], connection if kind == 'consume'
                    else more if call.get('more') else None)}
            except Refusal as refusal:
                reply = {'error': refusal.name, 'parameters': refusal.fields}
            self.cut -= 1
            if self.cut == 0:
                return False
        send(reply)
        return True


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('socket')
    parser.add_argument('--cut', type=int, default=0)
    parser.add_argument('--ended', type=int, default=0)
    parser.add_argument('--script', type=argparse.FileType())
    options = parser.parse_args()
    script = json.load(options.script) if options.script else {}
    server = Server(options.socket, options.cut, script)
    for number in range(1, options.ended + 1):
        job = server.daemon.jobs[number] = Job(number, {'argv': ['true']})
        job.facts['state'] = 'succeeded'
    print('ready', flush=True)
    try:
        server.serve()
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == '__main__':
    main()
