"""What the lint checks share: the tree's files, C without its comments, TAP."""
import pathlib
import re
import sys

SKIPPED_FOLDERS = ('build', '.git', '.cache', '__pycache__', 'subprojects')


def files(root, *patterns):
    """Paths below root that match, relative to it, without build folders.

    Walks the tree rather than asking git: a release tarball has no git.
    """
    root = pathlib.Path(root)
    found = set()
    for pattern in patterns:
        for path in root.rglob(pattern):
            path = path.relative_to(root)
            if (root / path).is_symlink() or not (root / path).is_file():
                continue
            if not any(part.startswith(SKIPPED_FOLDERS)
                       for part in path.parts[:-1]):
                found.add(path)
    return sorted(found)


TOKEN = re.compile(
    r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def blank(match):
    """The same number of lines, without the text."""
    text = match.group(0)
    if text[0] in '"\'':
        return text[0] + text[0]
    return ' ' + '\n' * text.count('\n')


def code_only(text):
    """C without comments and without what is inside of its strings."""
    return TOKEN.sub(blank, text)


class Tap:
    """Prints one line a check, with what it found below a failed one."""

    def __init__(self):
        self.number = 0
        self.failed = 0

    def check(self, name, findings):
        self.number += 1
        findings = list(findings)
        self.failed += bool(findings)
        print('%sok %d - %s' % ('not ' if findings else '', self.number, name))
        for finding in findings:
            print('# %s' % finding)

    def skip(self, name, why):
        self.number += 1
        print('ok %d - %s # SKIP %s' % (self.number, name, why))

    def end(self):
        print('1..%d' % self.number)
        sys.exit(1 if self.failed else 0)
