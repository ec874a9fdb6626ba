#!/usr/bin/python3
"""A filter: reads the arguments of a job as a line of JSON, answers with a
line of JSON. Nothing of reeve is in it. In reeve.yaml:

    pools:
      words:
        kind: lines
        run: [/path/to/words.py]
        handles: [words]
        workers: 2

    reeve call words '{"text": "as short as that"}'
"""
import json
import sys

for line in sys.stdin:
    try:
        text = json.loads(line)['text']
        answer = {'words': len(text.split()), 'characters': len(text)}
    except (KeyError, TypeError, AttributeError) as error:
        answer = {'error': {'type': type(error).__name__,
                            'message': str(error)}}
    print(json.dumps(answer), flush=True)
