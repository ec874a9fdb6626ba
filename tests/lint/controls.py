#!/usr/bin/python3
"""The lint checks, held to their word: each is given a small tree that breaks
its rule and must complain, and a clean one and must not. A check that nobody
gave a bad example fails here.

    controls.py TOP
"""
import contextlib
import inspect
import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE))
import docs  # noqa: E402
import format as clang_format  # noqa: E402
import layers  # noqa: E402
import source  # noqa: E402
import tidy  # noqa: E402

# A tree without a fault, to which each example adds one.
GOOD = {
    'daemon/core/one.h': '#pragma once\n\n/* Returns 1. */\nint one(void);\n',
    'daemon/core/one.c': '#include "daemon/core/one.h"\n\n#include <time.h>\n'
                         '\nint one(void)\n{\n\treturn 1;\n}\n',
    'tests/unit/test_one.c': '#include "daemon/core/one.h"\n',
    'README.md': 'See `daemon/core/one.c`.\n\n```\nreeve ls --all\n'
                 'reeve run -- tar --anything\n```\n',
    'CHANGELOG.md': 'Nothing.\n',
    'daemon/ARCHITECTURE.md': '| `core/` | `one` |\n',
    'proto/PROTOCOL.md': 'Nothing.\n',
    'client/reeve.1': '.TP\n.BR ls \" of jobs\"\n.TP\n.B \\-\\-all\nAll.\n'
                      '.TP\n.BR run \" a job\"\n',
    'client/reeve': '#!/bin/sh\ncase $1 in\n'
                    '--help) printf \'  ls   List.\\n  run  Run.\\n\' ;;\n'
                    'ls) printf \'  --all  all of them\\n\' ;;\nesac\n',
}

C = 'daemon/core/one.c'
H = 'daemon/core/one.h'
BODY = '#include "daemon/core/one.h"\n\nint one(void)\n{\n%s}\n'


def call(text):
    return {C: BODY % ('\t%s;\n' % text)}


# check -> [(what is added to the good tree, what it must say)]
LAYERS = {
    'upward_includes': [
        ({C: '#include "daemon/core/one.h"\n#include "daemon/store/s.h"\n'},
         'one.c:2: daemon/core may not include daemon/store/s.h'),
        ({'proto/up.c': '#include "client/a.h"\n'}, 'may not include'),
        ({'client/c.c': '#include "daemon/core/one.h"\n'},
         'may not include'),
        ({C: '#include "one.h"\n'}, 'say it from the root')],
    'own_header_first': [
        ({C: '#include <time.h>\n#include "daemon/core/one.h"\n'},
         'include "daemon/core/one.h" first'),
        ({C: 'int one(void);\n'}, 'include "daemon/core/one.h" first')],
    'foreign_headers': [
        ({C: '#include <sqlite3.h>\n'}, 'sqlite3.h belongs to daemon/store'),
        ({C: '# include <event2/event.h>\n'}, 'event2/event.h belongs to'),
        ({C: '#include <event.h>\n'}, 'event.h belongs to nobody')],
    'foreign_calls': [
        (call('fork()'), 'one.c:5: fork() belongs to'),
        (call('return kill(1, 9)'), 'kill() belongs to'),
        (call('clock_gettime (0, 0)'), 'clock_gettime() belongs to'),
        (call('strcpy(a, b)'), 'strcpy() belongs to nobody'),
        (call('assert(1)'), 'assert() belongs to nobody')],
    'loud_layers': [
        (call('log_info("x")'), 'does not log'),
        (call('printf("x")'), 'does not log')],
    'long_files': [
        ({C: '\n' * 601}, 'one.c: 601 lines, at most 600'),
        ({H: '\n' * 121}, 'one.h: 121 lines, at most 120'),
        ({'daemon/store/store.h': '\n' * 601}, '601 lines, at most 600'),
        ({'tests/unit/test_one.c': '\n' * 601}, '601 lines, at most 600'),
        ({'tests/story/one.py': '\n' * 601}, 'one.py: 601 lines'),
        ({'tests/story/one.sh': '\n' * 601}, 'one.sh: 601 lines')],
    'long_functions': [
        ({C: BODY % ('\tx();\n' * 99)}, 'a function of 101 lines')],
    'headers_once': [
        ({H: '#ifndef ONE_H\n#endif\n'}, 'no #pragma once')],
    'untested': [
        ({'daemon/core/two.c': 'int two;\n'}, 'two.c: no test names it'),
        ({'daemon/core/two.c': '#include "daemon/core/two.h"\n',
          'daemon/core/two.h': '#pragma once\n'}, 'two.c: no test names it')],
    'uncommented': [
        ({H: '#pragma once\n\nint one(void);\n'},
         'one.h:3: no comment says what it does: int one(void);'),
        ({H: '#pragma once\n\n/* One. */\nint one(void);\n\n'
             'struct x *two(int a);\n'}, 'one.h:6: no comment')],
    # In two pieces: this file is looked at, too.
    'unfinished': [
        ({C: '/* TO' 'DO: all */\n'}, 'one.c:1: '),
        ({'a/b.md': 'FIX' 'ME\n'}, 'a/b.md:1: ')],
    'never_run': [
        ({'tests/story/one.py': 'main()\n'}, 'one.py: nothing runs it'),
        ({'tests/story/one.py': 'main()\n',
          'tests/story/meson.build': "x = ['done', 'one.pyc']\n"},
         'one.py: nothing runs it')],
    'untidy': [
        ({C: 'int x;'}, 'one.c: no newline at the end'),
        ({'a/run': 'true \n'}, 'a/run:1: white space at the end'),
        ({'a/x.py': 'x\t\n'}, 'a/x.py:1: white space at the end')],
    'machine_paths': [
        ({'a/x.sh': 'cd /ho' 'me/somebody\n'}, 'a/x.sh:1: ')],
}

# What is an example to a C check, and yet all right.
INNOCENT = [
    {C: BODY % '\t/* fork() */ log("system(1)"); // kill(1)\n'},
    {C: BODY % '\tx.kill(1); run->time(); my_fork();\n'},
    {C: BODY % ('\tx();\n' * 98)},
    {H: '#pragma once\n\nvoid one_init(int a);\nstruct one {\n'
        '\tint (*get)(int);\n};\n'},
    {'daemon/core/two.c': '#include "daemon/core/one.h"\n'},
    {'build-x/daemon/core/bad.c': 'assert(1)'},
]

DOCS = {
    'differences': [
        ('.TP\n.B \\-\\-all\n', {'--all', '--more'}, 'p does not name --more'),
        ('.TP\n.B \\-\\-all\n', set(), 'p explains --all, which --help')],
    'pages_of_commands': [
        ({'client/reeve.1': '.TP\n.BR ls\n'}, 'does not name the command run'),
        ({'client/reeve': '#!/bin/sh\n'}, '--help names no command')],
    'readme_commands': [
        ({'README.md': '```\nreeve fly\n```\n'}, 'there is no `reeve fly`'),
        ({'README.md': '```sh\nx | reeve ls --alll\n```\n'},
         'reeve ls has no --alll')],
    'missing_paths': [
        ({'README.md': 'See `tests/gone`.\n'},
         'README.md names tests/gone, which is not there'),
        ({'proto/PROTOCOL.md': '`proto/x.c`\n'}, 'names proto/x.c')],
    'map_of_modules': [
        ({'daemon/ARCHITECTURE.md': 'Nothing.\n'},
         'core/one is not on the map'),
        ({'daemon/ARCHITECTURE.md': '| `core/` | `one` |\n`core/two`\n'},
         'there is no core/two')],
}


@contextlib.contextmanager
def tree(change):
    root = pathlib.Path(tempfile.mkdtemp(prefix='reeve-lint-'))
    try:
        for name, text in {**GOOD, **change}.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (root / 'client/reeve').chmod(0o755)
        yield root
    finally:
        shutil.rmtree(root)


def complains(found, want):
    found = list(found)
    if not any(want in line for line in found):
        yield 'it said %r, not %r' % (found, want)


def ask_layers(name, change):
    check = getattr(layers, name)
    with tree(change) as root:
        wants = list(inspect.signature(check).parameters)
        given = {'root': root, 'tree': layers.sources(root)}
        return list(check(*[given[want] for want in wants]))


def ask_docs(name, change):
    with tree(change) as root:
        reeve = str(root / 'client/reeve')
        if name in ('missing_paths', 'map_of_modules'):
            return list(getattr(docs, name)(root))
        flags = {command: docs.flags_of_help(
            docs.output(reeve, command, '--help'))
            for command in docs.commands_of(reeve)}
        if name == 'readme_commands':
            return list(docs.readme_commands(root, flags))
        return list(docs.pages_of_commands(root, reeve, flags))


def each_layer(name):
    for change, want in LAYERS[name]:
        yield from complains(ask_layers(name, change), want)
    for change in ({}, *INNOCENT):
        for said in ask_layers(name, change):
            yield 'an innocent tree: ' + said


def each_page(name):
    if name == 'differences':
        for text, flags, want in DOCS[name]:
            yield from complains(docs.differences(flags, 'p', text), want)
        yield from docs.differences({'--all'}, 'p', '.TP\n.B \\-\\-all\n')
        return
    for change, want in DOCS[name]:
        yield from complains(ask_docs(name, change), want)
    yield from ask_docs(name, {})


def checks_of(module):
    """The functions that a lint program's main() calls to find something."""
    return [name for name in re.findall(r'\b(\w+)\(',
                                        inspect.getsource(module.main))
            if inspect.isgeneratorfunction(getattr(module, name, None))]


def without_example():
    for module, examples in ((layers, LAYERS), (docs, DOCS)):
        for name in sorted(set(checks_of(module)) ^ set(examples)):
            yield '%s.py: %s' % (module.__name__, name)


def formatter(top, tool):
    with tree({'.clang-format': (top / '.clang-format').read_text()}) as root:
        yield from clang_format.unformatted(root, tool)
        (root / C).write_text('int  one(void) { return 1; }\n')
        yield from complains(clang_format.unformatted(root, tool),
                             C + ': run clang-format -i')


def tidied(top):
    with tree({'.clang-tidy': (top / '.clang-tidy').read_text()}) as root:
        (root / 'compile_commands.json').write_text(json.dumps([{
            'directory': str(root), 'file': C,
            'command': 'cc -I. -c ' + C}]))
        names = tidy.sources(root, root)
        if names != [C]:
            yield 'the sources are %r' % names
        yield from tidy.tidy(root, root, C)
        (root / C).write_text('int one(int *at)\n{\n\tif (at)\n'
                              '\t\treturn 0;\n\treturn *at;\n}\n')
        yield from complains(tidy.tidy(root, root, C), 'null pointer')


def units():
    """The check of the units with a service that nothing confines."""
    with tree({'s/reeved.service': '[Service]\nExecStart=/bin/true\n',
               's/reeved-user.service': '[Service]\nNonsense=1\n',
               's/reeved.socket': '[Socket]\nListenStream=/run/x\n',
               's/reeved-user.socket': '[Socket]\nListenStream=/run/x\n',
               's/hardened.conf': '', 's/strict.conf': ''}) as root:
        said = subprocess.run(
            [str(HERE / 'units.sh'), str(root / 's/reeved.service'),
             str(root / 's')], stdout=subprocess.PIPE, text=True,
            stdin=subprocess.DEVNULL)
        if not said.returncode:
            yield 'it ended with 0'
        for number in (2, 3, 4, 5):
            yield from complains(said.stdout.splitlines(),
                                 'not ok %d - ' % number)


def reporter():
    """Tap counts, prints what was found and fails the program."""
    said, tap = io.StringIO(), source.Tap()
    code = None
    with contextlib.redirect_stdout(said):
        tap.check('good', [])
        tap.check('bad', iter(['why']))
        try:
            tap.end()
        except SystemExit as end:
            code = end.code
    if code != 1 or said.getvalue() != (
            'ok 1 - good\nnot ok 2 - bad\n# why\n1..2\n'):
        yield 'status %r, %r' % (code, said.getvalue())


def reader():
    """Strings and comments of C are blanked, its lines stay."""
    for text, want in (('a "b(" c', 'a "" c'), ("'\"' x", "'' x"),
                       ('a /* "\n */ b', 'a  \n b'), ('a // b\nc', 'a  \nc'),
                       ('"a\\"b" c', '"" c')):
        if source.code_only(text) != want:
            yield '%r: %r' % (text, source.code_only(text))
    with tree({'build-a/x.c': '', '.git/y.c': '', 'a/build.c': ''}) as root:
        os.symlink('one.c', root / 'daemon/core/link.c')
        found = [str(path) for path in source.files(root, '*.c')]
        if found != ['a/build.c', C, 'tests/unit/test_one.c']:
            yield 'files: %r' % found


def main(top):
    top = pathlib.Path(top)
    tap = source.Tap()
    tap.check('every check has a bad example', without_example())
    for name in LAYERS:
        tap.check('layers.py sees: ' + name.replace('_', ' '),
                  each_layer(name))
    for name in DOCS:
        tap.check('docs.py sees: ' + name.replace('_', ' '), each_page(name))
    for name, tool, check in (
            ('format.py sees what is not formatted', 'clang-format-14',
             lambda: formatter(top, 'clang-format-14')),
            ('tidy.py sees a null pointer', 'clang-tidy-14',
             lambda: tidied(top)),
            ('units.sh sees a service that nothing confines',
             'systemd-analyze', units)):
        if shutil.which(tool):
            tap.check(name, check())
        else:
            tap.skip(name, tool + ' is not here')
    tap.check('source.py reads C without its strings', reader())
    tap.check('source.py reports what was found', reporter())
    tap.end()


if __name__ == '__main__':
    main(sys.argv[1])
