#!/usr/bin/python3
"""The architecture as a test.

Who may include whom, one owner for each outside thing, sizes, a test for each
module, a comment for each public function. The tables below are the rules; a
new owner is a line here and a sentence in the review.

    layers.py ROOT
"""
import fnmatch
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from source import Tap, code_only, files  # noqa: E402

# Folder -> what else it may include from. Each may include its own folder.
LAYERS = {
    'proto': (),
    'daemon/base': ('proto',),
    'daemon/core': ('daemon/base', 'proto'),
    'daemon/config': ('daemon/base', 'proto'),
    'daemon/supervisor': ('daemon/core', 'daemon/config', 'daemon/base',
                          'proto'),
    'daemon/worker': ('daemon/core', 'daemon/config', 'daemon/base', 'proto'),
    'daemon/store': ('daemon/core', 'daemon/base', 'proto'),
    'daemon/broker': ('daemon/store', 'daemon/core', 'daemon/config',
                      'daemon/base', 'proto'),
    # main.c: the one place that knows all roles.
    'daemon': ('daemon/supervisor', 'daemon/broker', 'daemon/worker',
               'daemon/config', 'daemon/base', 'proto'),
    'client': ('proto',),
}

# What is written for strangers, and has no include of ours.
SHARED = ('client/reeve_plugin.h',)

# Outside header -> the only files that may include it.
HEADER_OWNERS = {
    'sqlite3.h': ('daemon/store/sqlite_*.[ch]',),
    'event2/*': ('daemon/broker/*.[ch]',),
    'event.h': (),
    'yaml.h': ('daemon/config/document.c', 'daemon/config/tree.h'),
    'pthread.h': ('daemon/broker/*.[ch]', 'daemon/worker/attend.[ch]'),
    'dlfcn.h': ('daemon/worker/plugin.c', 'daemon/worker/curl.c'),
    'curl/*': ('daemon/worker/curl.h',),
    'linux/sched.h': ('daemon/supervisor/spawn.c',
                      'daemon/worker/run_command.c'),
    'sys/signalfd.h': ('daemon/supervisor/*.c', 'daemon/worker/*.c',
                       'daemon/broker/*.c'),
    'linux/magic.h': ('daemon/config/config*.c', 'daemon/*/cgroup*.c'),
}

# Outside function -> the only files that may call it.
CALL_OWNERS = {
    'fork|vfork|clone|clone3': ('daemon/supervisor/spawn.c',
                                'daemon/worker/run_command.c',
                                'daemon/worker/template.c',
                                'daemon/main.c', 'client/child.c',
                                'client/guard.c'),
    'posix_spawnp?|execvp?e?|execlp?e?|fexecve': (
        'daemon/supervisor/spawn.c', 'daemon/worker/run_command.c',
        'client/autostart.c', 'client/child.c', 'client/editor.c'),
    'waitid|waitpid|wait3|wait4': (
        'daemon/supervisor/reap.c', 'daemon/worker/run_command.c',
        'daemon/worker/template.c',
        'client/autostart.c', 'client/child.c', 'client/editor.c'),
    # Own children that were not reaped, and their groups; else pidfds.
    'kill|killpg': ('daemon/worker/run_kill.c', 'client/child.c',
                    'client/guard.c'),
    'clock_gettime|gettimeofday|time|clock': ('daemon/base/clock.c',
                                              'client/clock.c'),
    'pthread_create': ('daemon/broker/*.c', 'daemon/worker/attend.c'),
    'system|popen|alloca|gets|strcpy|strcat|sprintf|strtok|rand|mktemp': (),
    'abort': ('proto/base.c',),
    'assert': (),
}

# Folders whose files never log: they return, and whoever decides logs.
SILENT = ('proto', 'daemon/core')

LINES_SOURCE, LINES_HEADER, LINES_FUNCTION = 600, 120, 100
# The whole contract of an engine; of the scheduler; of the C library; of
# plugins in C.
LONG_HEADERS = ('daemon/store/store.h', 'daemon/core/sched.h',
                'client/reeve.h', 'client/reeve_consume.h',
                'client/reeve_plugin.h')

# Headers that are installed side by side.
INSTALLED = (('client/reeve_consume.h', 'reeve.h'),)


def sources(root):
    found = files(root, '*.c', '*.h')
    return {str(path): (root / path).read_text() for path in found}


def is_product(path):
    return path.startswith(('proto/', 'daemon/', 'client/'))


def layer_of(path):
    folder = str(pathlib.PurePosixPath(path).parent)
    while folder not in LAYERS and '/' in folder:
        folder = folder.rsplit('/', 1)[0]
    return folder


def includes(text):
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r'\s*#\s*include\s+(["<])([^">]+)[">]', line)
        if match:
            yield number, match.group(1), match.group(2)


def upward_includes(tree):
    for path, text in tree.items():
        if not is_product(path):
            continue
        layer = layer_of(path)
        if layer not in LAYERS:
            yield '%s: no layer: add its folder to LAYERS' % path
            continue
        for number, kind, name in includes(text):
            if kind == '<' or name in SHARED:
                continue
            if (path, name) in INSTALLED:
                continue
            if '/' not in name:
                # What the build makes has no folder of the tree.
                if any(other.endswith('/' + name) for other in tree):
                    yield '%s:%d: "%s": say it from the root' % (
                        path, number, name)
                continue
            target = layer_of(name)
            if target != layer and target not in LAYERS[layer]:
                yield '%s:%d: %s may not include %s' % (
                    path, number, layer, name)


def own_header_first(tree):
    for path, text in tree.items():
        header = path[:-2] + '.h'
        if not is_product(path) or path.endswith('.h') or header not in tree:
            continue
        first = next(includes(text), (0, '', ''))
        if first[2] != header:
            yield '%s: include "%s" first' % (path, header)


def foreign_headers(tree):
    for path, text in tree.items():
        if not is_product(path):
            continue
        for number, _, name in includes(text):
            for pattern, owners in HEADER_OWNERS.items():
                if fnmatch.fnmatch(name, pattern) and not any(
                        fnmatch.fnmatch(path, owner) for owner in owners):
                    yield '%s:%d: %s belongs to %s' % (
                        path, number, name, ', '.join(owners) or 'nobody')


def foreign_calls(tree):
    for path, text in tree.items():
        if not is_product(path):
            continue
        code = code_only(text)
        for names, owners in CALL_OWNERS.items():
            if any(fnmatch.fnmatch(path, owner) for owner in owners):
                continue
            for match in re.finditer(r'(?<![\w.>])(%s)\s*\(' % names, code):
                yield '%s:%d: %s() belongs to %s' % (
                    path, code.count('\n', 0, match.start()) + 1,
                    match.group(1), ', '.join(owners) or 'nobody')


def loud_layers(tree):
    for path, text in tree.items():
        if layer_of(path) in SILENT and re.search(
                r'\b(log_(error|warning|info|debug|line)|printf|perror)\s*\(',
                code_only(text)):
            yield '%s: this layer returns, it does not log' % path


def long_files(tree, root):
    scripts = {str(path): (root / path).read_text()
               for path in files(root, '*.py', '*.sh')}
    for path, text in {**tree, **scripts}.items():
        limit = LINES_SOURCE
        if (is_product(path) and path.endswith('.h') and
                path not in LONG_HEADERS):
            limit = LINES_HEADER
        lines = text.count('\n')
        if lines > limit:
            yield '%s: %d lines, at most %d' % (path, lines, limit)


def functions(text):
    """(line, lines) of each function: kernel style, braces in column 0."""
    start = None
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith('{'):
            start = number
        elif line == '}' and start is not None:
            yield start, number - start + 1
            start = None


def long_functions(tree):
    for path, text in tree.items():
        for start, lines in functions(text):
            if lines > LINES_FUNCTION:
                yield '%s:%d: a function of %d lines, at most %d' % (
                    path, start, lines, LINES_FUNCTION)


def headers_once(tree):
    for path, text in tree.items():
        if path.endswith('.h') and not re.search(
                r'^#pragma once$', text, re.M):
            yield '%s: no #pragma once' % path


def untested(tree, root):
    """A module is tested by test_<module>*.c, by a test that includes its
    header, or by a story that names its path in a line `covers:`."""
    tests = {path: text for path, text in tree.items()
             if path.startswith('tests/')}
    named = '\n'.join((root / path).read_text()
                      for path in files(root, "*.py", "*.sh"))
    covered = set()
    for line in re.findall(r'covers: (.*)', named):
        covered.update(line.split())
    for path in tree:
        if not is_product(path) or not path.endswith('.c'):
            continue
        stem = pathlib.PurePosixPath(path).stem
        if any(pathlib.PurePosixPath(test).name.startswith('test_' + stem)
               for test in tests):
            continue
        # A file without a header of its own is a part of its first one.
        header = '#include "%s.h"' % path[:-2]
        if path[:-2] + '.h' not in tree:
            header = '#include "%s"' % next(includes(tree[path]), '   ')[2]
        if any(header in text for text in tests.values()):
            continue
        if path[:-2] in covered:
            continue
        yield '%s: no test names it' % path


def uncommented(tree):
    """Prototypes in a header belong to a paragraph with a comment above.

    x_init() and x_fini() need none: the house style says what they do.
    """
    for path, text in tree.items():
        if not is_product(path) or not path.endswith('.h'):
            continue
        commented = False
        inside = False  # of a comment
        depth = 0  # of braces: struct members are no prototypes
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip():
                commented = commented and inside
                continue
            if line.startswith('/*'):
                commented = inside = True
            if inside:
                inside = '*/' not in line
                continue
            if depth == 0 and not commented and re.match(
                    r'(?!typedef|extern|struct \w+;|AUTO_DEFINE|#|\}|static inline)'
                    r'[a-z][\w\s*]*\b\w+\(', line) and not re.search(
                        r'_(init|fini)\(', line):
                yield '%s:%d: no comment says what it does: %s' % (
                    path, number, line.strip())
            depth += line.count('{') - line.count('}')


def unfinished(root):
    """Marks of work left undone, in whatever the tree holds."""
    words = re.compile(r'\b(TO' r'DO|FIX' r'ME|X' r'XX|HA' r'CK)\b')
    for path in files(root, '*.[ch]', '*.py', '*.build', '*.sh', '*.varlink',
                      '*.sql', '*.md', '*.[1578]'):
        text = (root / path).read_text()
        for number, line in enumerate(text.splitlines(), 1):
            if words.search(line):
                yield '%s:%d: %s' % (path, number, line.strip())


def untidy(root):
    """White space that no formatter of ours looks at."""
    for path in files(root, '*.[ch]', '*.py', '*.build', '*.sh', '*.varlink',
                      '*.sql', '*.md', '*.[1578]', 'run'):
        text = (root / path).read_text()
        if text.strip() and not text.endswith('\n'):
            yield '%s: no newline at the end' % path
        for number, line in enumerate(text.splitlines(), 1):
            if line != line.rstrip() and not path.suffix == '.md':
                yield '%s:%d: white space at the end' % (path, number)


def never_run(root):
    """Each program and module of the tests is run or imported by something,
    or a document says how to run it: one that nobody knows passes for ever."""
    texts = {path: (root / path).read_text() for path in
             files(root, '*.py', '*.sh', '*.build', '*.md', 'run')
             if path.parts[0] in ('tests', 'etc') or path.suffix == '.md'}
    for path in texts:
        if path.suffix != '.py':
            continue
        stem = re.escape(path.stem)
        said = re.compile(r"\b%s\.py\b|^\s*(import|from) %s\b" % (stem, stem),
                          re.MULTILINE)
        # In a list of a meson.build, which may add the test_ itself.
        listed = "'%s'" % path.stem.removeprefix('test_')
        if not any(said.search(text) or
                   other.name == 'meson.build' and listed in text
                   for other, text in texts.items() if other != path):
            yield '%s: nothing runs it' % path


def machine_paths(root):
    """The tree is built on machines that we do not know."""
    words = re.compile(r'/(home|root|work|mnt|Users)/\w')
    for path in files(root, '*.[ch]', '*.py', '*.build', '*.sh', '*.md',
                      '*.service', '*.socket', 'run'):
        text = (root / path).read_text()
        for number, line in enumerate(text.splitlines(), 1):
            if words.search(line):
                yield '%s:%d: %s' % (path, number, line.strip())


def main(root):
    root = pathlib.Path(root)
    tree = sources(root)
    tap = Tap()
    tap.check('every include goes down the layers', upward_includes(tree))
    tap.check('a module includes its own header first',
              own_header_first(tree))
    tap.check('each outside header has one owner', foreign_headers(tree))
    tap.check('each outside function has one owner', foreign_calls(tree))
    tap.check('proto and core never log', loud_layers(tree))
    tap.check('no file is too long', long_files(tree, root))
    tap.check('no function is too long', long_functions(tree))
    tap.check('every header says #pragma once', headers_once(tree))
    tap.check('every module has a test that names it', untested(tree, root))
    tap.check('every public function has a comment', uncommented(tree))
    tap.check('nothing is marked as unfinished', unfinished(root))
    tap.check('every program of the tests is run', never_run(root))
    tap.check('no stray white space', untidy(root))
    tap.check('no path of a particular machine', machine_paths(root))
    tap.end()


if __name__ == '__main__':
    main(sys.argv[1])
