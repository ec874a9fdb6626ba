"""A server for stories about requests: it answers what the path asks for, and
writes down what came.

    /echo                  what it was asked, as JSON
    /status/N              that status, with a short body
    /fail/N                500 for the first N requests, then 200
    /retry/AFTER/N         429 with Retry-After for the first N; AFTER is a
                           number of seconds, or dN: a date so far ahead
    /sleep/MS              200, after so long
    /gate                  200, once open() was called
    /hang                  never
    /close                 the connection is closed instead
    /partial               half of what was announced
    /big, /chunked         10 GB, with and without a length
    /trailers              headers behind a body, without end
    /line, /endless        a header, or the status, whose line has no end
    /to?URL                302 to URL, with a long body; /toN?URL: N
    /loop                  302 to itself

It is a proxy, too: it answers http://ANY/PATH as PATH, and goes where CONNECT
asks it to.

One thread, one loop: as many connections as there are descriptors.
"""
import asyncio
import contextlib
import email.utils
import json
import ssl
import subprocess
import sys
import threading
import time

BIG = 10 * 1000 ** 3
PHRASES = {200: 'OK', 302: 'Found', 404: 'Not Found', 429: 'Too Many',
           500: 'Oops', 503: 'Service Unavailable'}


class Request:
    def __init__(self, method, path, headers, body):
        self.method, self.path = method, path
        self.headers, self.body = headers, body
        self.at = time.monotonic()


class Server:
    def __init__(self, host='127.0.0.1', certificate=None):
        self.host, self.certificate = host, certificate
        self.requests = []
        self.connections = self.broken = self.sent = 0
        self.now = self.most = 0
        self.lock = threading.Lock()
        self.ready = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        self.ready.wait()

    @property
    def url(self):
        return '%s://%s:%d' % ('https' if self.certificate else 'http',
                               self.host, self.port)

    def count(self, path=''):
        with self.lock:
            return len([r for r in self.requests if r.path.startswith(path)])

    def of(self, path):
        with self.lock:
            return [r for r in self.requests if r.path.startswith(path)]

    def open(self):
        self.loop.call_soon_threadsafe(self.gate.set)

    def run(self):
        self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self.listen())
        self.ready.set()
        self.loop.run_forever()

    async def listen(self):
        context = None
        if self.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.certificate)
        # A handshake that is refused is what some stories are about.
        self.loop.set_exception_handler(lambda *_: None)
        self.gate = asyncio.Event()
        server = await asyncio.start_server(
            self.serve, self.host, 0, ssl=context, backlog=4096)
        self.port = server.sockets[0].getsockname()[1]

    async def serve(self, reader, writer):
        self.connections += 1
        with contextlib.suppress(OSError, asyncio.IncompleteReadError,
                                 asyncio.LimitOverrunError):
            while await self.one(reader, writer):
                pass
        writer.close()

    async def one(self, reader, writer):
        head = (await reader.readuntil(b'\r\n\r\n')).decode('latin-1')
        first, *lines = head.split('\r\n')[:-2]
        method, path, _ = first.split(' ')
        headers = [tuple(line.split(': ', 1)) if ': ' in line
                   else (line.rstrip(':'), '') for line in lines]
        length = int(dict((k.lower(), v) for k, v in headers).get(
            'content-length', 0))
        request = Request(method, path, headers,
                          await reader.readexactly(length))
        with self.lock:
            self.requests.append(request)
            self.now += 1
            self.most = max(self.most, self.now)
        try:
            return await self.answer(request, reader, writer)
        except OSError:
            self.broken += 1
            raise
        finally:
            with self.lock:
                self.now -= 1

    async def say(self, writer, status, body=b'', headers=()):
        lines = ['HTTP/1.1 %d %s' % (status, PHRASES.get(status, 'So'))]
        lines += ['%s: %s' % pair for pair in headers]
        lines += ['Content-Length: %d' % len(body), '', '']
        writer.write('\r\n'.join(lines).encode() + body)
        await writer.drain()
        return True

    async def connect(self, target, reader, writer):
        host, _, port = target.rpartition(':')
        streams = await asyncio.open_connection(host, int(port))
        writer.write(b'HTTP/1.1 200 Connected\r\n\r\n')
        await asyncio.gather(self.pipe(reader, streams[1]),
                             self.pipe(streams[0], writer))
        return False

    async def pipe(self, reader, writer):
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
        writer.close()

    async def answer(self, request, reader, writer):
        if request.method == 'CONNECT':
            return await self.connect(request.path, reader, writer)
        path = request.path
        if path.startswith('http://'):
            path = '/' + path[7:].partition('/')[2]
        word, _, rest = path[1:].partition('/')
        if word.startswith('echo'):
            text = json.dumps({'method': request.method,
                               'path': request.path,
                               'headers': request.headers,
                               'body': request.body.decode('latin-1')})
            return await self.say(writer, 200, text.encode(), [
                ('Content-Type', 'application/json'), ('ETag', '"e"')])
        if word == 'status':
            return await self.say(writer, int(rest), b'it said so')
        if word == 'fail':
            if self.count(request.path) <= int(rest):
                return await self.say(writer, 500, b'not yet')
            return await self.say(writer, 200, b'at last')
        if word == 'retry':
            after, times = rest.split('/')
            if self.count(request.path) > int(times):
                return await self.say(writer, 200, b'at last')
            if after.startswith('d'):
                after = email.utils.formatdate(
                    int(time.time()) + int(after[1:]), usegmt=True)
            return await self.say(writer, 429, b'slowly',
                                  [('Retry-After', after)])
        if word == 'sleep':
            await asyncio.sleep(int(rest) / 1000)
            return await self.say(writer, 200, b'slept')
        if word == 'gate':
            await self.gate.wait()
            return await self.say(writer, 200, b'open')
        if word == 'hang':
            # Until the other side has enough of it.
            await reader.read(1)
            self.broken += 1
            return False
        if word == 'partial':
            writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf')
            await writer.drain()
            return False
        if word in ('big', 'chunked'):
            return await self.stream(word == 'chunked', writer)
        if word == 'trailers':
            writer.write(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked'
                         b'\r\n\r\n0\r\n')
            while True:
                writer.write(b'X: %s\r\n' % (b'y' * 60) * 1000)
                await writer.drain()
                self.sent += 65000
        if word in ('line', 'endless'):
            writer.write(b'HTTP/1.1 200 ' + (
                b'OK\r\nX: ' if word == 'line' else b''))
            while True:
                writer.write(b'y' * 65536)
                await writer.drain()
                self.sent += 65536
        if word.startswith('to') and '?' in word:
            status, _, to = path[3:].partition('?')
            body = b'' if request.method == 'HEAD' else b'moved' * 30000
            return await self.say(writer, int(status or 302), body,
                                  [('Location', to)])
        if word == 'loop':
            return await self.say(writer, 302, b'', [('Location', '/loop')])
        return word != 'close' and await self.say(writer, 404)

    async def stream(self, chunked, writer):
        part = b'x' * 65536
        head = ('Transfer-Encoding: chunked' if chunked
                else 'Content-Length: %d' % BIG)
        writer.write(('HTTP/1.1 200 OK\r\n%s\r\n\r\n' % head).encode())
        while self.sent < BIG:
            if chunked:
                writer.write(b'%x\r\n%s\r\n' % (len(part), part))
            else:
                writer.write(part)
            await writer.drain()
            self.sent += len(part)
        return False


def certificate(folder, name='IP:127.0.0.1'):
    """A new one that nobody has signed but itself: (file, key)."""
    files = [str(folder / ('%s.%s' % (name.replace(':', '-'), end)))
             for end in ('pem', 'key')]
    subprocess.run(
        ['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
         'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
         '-subj', '/CN=test', '-addext', 'subjectAltName=' + name,
         '-out', files[0], '-keyout', files[1]],
        check=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return files


if __name__ == '__main__':
    # For benches: the URL, and then until the input ends.
    print(Server().url, flush=True)
    sys.stdin.read()
