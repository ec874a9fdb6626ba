"""A filter that does what each line asks for: filter_probe.py [WORD]

WORD: banner (speaks first), unread (ends before it reads), import (ends at its
second start, too), and the folder of the test.
"""
import json
import os
import signal
import subprocess
import sys
import time

FOLDER = sys.argv[1]
WORDS = sys.argv[2:]

with open(FOLDER + '/starts', 'a') as file:
    file.write('%d\n' % os.getpid())


def say(text):
    sys.stdout.write(text)
    sys.stdout.flush()


def answer(line):
    args = json.loads(line)
    do = args.get('do')
    if do == 'echo':
        say(line)
    elif do == 'who':
        say(json.dumps({
            'pid': os.getpid(), 'session': os.getsid(0), 'cwd': os.getcwd(),
            'env': {k: v for k, v in os.environ.items() if 'REEVE' in k},
            'fds': sorted(int(n) for n in os.listdir('/proc/self/fd'))[:-1],
        }) + '\n')
    elif do == 'say':
        say(args['text'])
    elif do == 'exit':
        sys.exit(args['status'])
    elif do == 'kill':
        os.kill(os.getpid(), args['signal'])
    elif do == 'hang':
        if args.get('deaf'):
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        say('' if not args.get('half') else '{"a":')
        if args.get('child'):
            subprocess.Popen(['setsid', 'sleep', '1000'])
        with open(FOLDER + '/hangs', 'w'):
            time.sleep(1000)
    elif do == 'close':
        os.close(1)
        time.sleep(1000)
    elif do == 'latin':
        os.write(1, b'"\xe9"\n')
    elif do == 'long':
        say('"' + 'x' * args['bytes'] + '"\n')
    elif do == 'progress':
        os.write(3, b'{"fraction":0.5,"note":"half"}\n')
        while not os.path.exists(FOLDER + '/go'):
            time.sleep(0.002)
        say('1\n')
    elif do == 'stderr':
        sys.stderr.write('the filter says this\n')
        sys.stderr.flush()
        say('1\n')


if 'banner' in WORDS:
    say('welcome\n')
if 'unread' in WORDS:
    sys.exit(1)
for got in sys.stdin:
    if 'first' in WORDS:
        sys.exit(3)
    answer(got)
with open(FOLDER + '/ended', 'w'):
    pass
