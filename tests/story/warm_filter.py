#!/usr/bin/python3
"""A filter for the stories of lines: does what each line says.

    warm_filter.py FOLDER
"""
import json
import os
import sys
import time


def note(name):
    with open(os.path.join(sys.argv[1], name), 'a') as file:
        file.write('%d %.3f\n' % (os.getpid(), time.monotonic()))


def main():
    note('filters')
    if os.path.exists(os.path.join(sys.argv[1], 'no-filter')):
        sys.exit(4)
    for line in sys.stdin:
        args = json.loads(line)
        do = args.pop('do', 'answer')
        if do == 'answer':
            print(json.dumps(args, separators=(',', ':')), flush=True)
        elif do == 'who':
            print(os.getpid(), flush=True)
        elif do == 'mark':
            with open(args['path'], 'a') as file:
                file.write('%s\n' % args['word'])
            time.sleep(args.get('ms', 0) / 1000)
            print(os.getpid(), flush=True)
        elif do == 'die':
            os.kill(os.getpid(), 9)
        elif do == 'leave':
            sys.exit(args['code'])
        elif do == 'babble':
            # In one write(): what comes later answers the next job.
            os.write(1, b''.join(b'{"line":%d}\n' % i for i in range(100)))
        elif do == 'nonsense':
            print('{nope', flush=True)
        elif do == 'hang':
            time.sleep(600)
        elif do == 'endless':  # a line that never ends
            while True:
                sys.stdout.write('x' * 65536)
        elif do == 'error':
            print('{"error":{"type":"KeyError","message":"no key"}}',
                  flush=True)
        elif do == 'breed':
            if os.fork() == 0:
                os.setsid()
                time.sleep(600)
            print(os.getpid(), flush=True)


main()
