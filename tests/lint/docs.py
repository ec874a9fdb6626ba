#!/usr/bin/python3
"""What the pages say is what the programs do.

    docs.py ROOT REEVED REEVE
"""
import fnmatch
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from source import Tap  # noqa: E402

FLAG = re.compile(r'(?<![\w-])(--[a-z][a-z-]*|-[a-zA-Z0-9])(?![\w-])')
PAGES = ('README.md', 'CHANGELOG.md', 'daemon/ARCHITECTURE.md',
         'proto/PROTOCOL.md')


def output(*command):
    return subprocess.run(command, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, timeout=20).stdout


def flags_of_help(text):
    """Flags where they are explained: at the beginning of an indented line."""
    found = set()
    for line in text.splitlines():
        match = re.match(r'\s+(-\S.*)$', line)
        if match:
            # Up to the explanation, which begins behind two spaces.
            found.update(FLAG.findall(match.group(1).split('  ')[0]))
    return found


def flags_of_page(text):
    """Flags that a manual page explains: in the line behind .TP."""
    found, lines = set(), text.replace('\\-', '-').splitlines()
    for before, line in zip(lines, lines[1:]):
        if before.startswith(('.TP', '.TQ')) and line.startswith('.'):
            found.update(FLAG.findall(line))
    return found


def commands_of(reeve):
    """The words of `reeve --help` that are commands, by their indentation."""
    return [match.group(1) for match in re.finditer(
        r'^  ([a-z]+) {2,}[A-Z]', output(reeve, '--help'), re.M)]


def differences(help_flags, page, text):
    named = set(FLAG.findall(re.sub(r'\\f[BIRP]', '', text.replace(
        '\\-', '-'))))
    for flag in sorted(help_flags - named):
        yield '%s does not name %s' % (page, flag)
    for flag in sorted(flags_of_page(text) - help_flags):
        yield '%s explains %s, which --help does not know' % (page, flag)


def pages_of_commands(root, reeve, flags):
    text = (root / 'client/reeve.1').read_text().replace('\\-', '-')
    for command in flags:
        if not re.search(r'^\.BR? .*\b%s\b|^\.BI? "?%s\b' % (
                command, command), text, re.M):
            yield 'client/reeve.1 does not name the command ' + command
    if not flags:
        yield '%s --help names no command' % reeve


def readme_commands(root, flags):
    """Each `reeve WORD --flag` of a block exists, with that flag."""
    blocks = re.findall(r'^```[a-z]*\n(.*?)^```',
                        (root / 'README.md').read_text(), re.S | re.M)
    for line in '\n'.join(blocks).splitlines():
        for part in re.split(r'\||&&|;', re.sub(r"'[^']*'", "''", line)):
            match = re.match(r'\s*\$?\s*reeve\s+([a-z]+)(.*)$', part)
            if not match:
                continue
            command, rest = match.groups()
            rest = rest.split(' #')[0]
            if command not in flags:
                yield 'README.md: there is no `reeve %s`' % command
                continue
            # What stands behind the command to run is not ours.
            for word in rest.split():
                if not word.startswith('-') or word == '--':
                    if command in ('submit', 'run', 'map'):
                        break
                    continue
                if not set(FLAG.findall(word.split('=')[0])) <= (
                        flags[command] | set('-%d' % i for i in range(10))):
                    known = word[:2] in flags[command]
                    if not known:
                        yield 'README.md: reeve %s has no %s' % (
                            command, word)


def missing_paths(root):
    """Files of the tree that a page names."""
    pattern = re.compile(
        r'`((?:etc|tests|proto|daemon|client|systemd|\.ci)/[\w./-]+)`')
    for page in PAGES:
        for name in pattern.findall((root / page).read_text()):
            if not (root / name.rstrip('/')).exists() and not list(
                    root.glob(name + '.*')):
                yield '%s names %s, which is not there' % (page, name)


FOLDERS = {'proto': 'proto', 'client': 'client', **{name: 'daemon/' + name
           for name in ('base', 'config', 'core', 'store', 'supervisor',
                        'broker', 'worker')}}


def modules(root, folder):
    return {path.stem for path in (root / FOLDERS[folder]).glob('*.[ch]')}


def map_of_modules(root):
    """The map in ARCHITECTURE.md: who looks for a module finds it there, and
    what it names is there. The client's is a choice."""
    text = (root / 'daemon/ARCHITECTURE.md').read_text()
    rows = {match.group(1): re.findall(r'`([\w.*]+)`', match.group(2))
            for match in re.finditer(r'^\| `(\w+)/` \|(.*)\|$', text, re.M)}
    for folder in FOLDERS:
        there = modules(root, folder)
        named = [re.sub(r'\.[ch]$', '', name) for name in rows.get(folder, ())]
        for name in sorted(there):
            if folder != 'client' and not any(
                    fnmatch.fnmatch(name, one) for one in named):
                yield 'ARCHITECTURE.md: %s/%s is not on the map' % (
                    folder, name)
    for folder, name in re.findall(r'`(\w+)/(\w+)`', text):
        if folder in FOLDERS and name not in modules(root, folder):
            yield 'ARCHITECTURE.md: there is no %s/%s' % (folder, name)


def main(root, reeved, reeve):
    root = pathlib.Path(root)
    tap = Tap()
    tap.check('reeved.8 explains the flags of reeved --help', differences(
        flags_of_help(output(reeved, '--help')) | {'--version', '--help'},
        'daemon/reeved.8', (root / 'daemon/reeved.8').read_text()))
    flags = {command: flags_of_help(output(reeve, command, '--help'))
             for command in commands_of(reeve)}
    every = set().union(*flags.values()) if flags else set()
    tap.check('reeve.1 explains the flags of its commands', differences(
        every, 'client/reeve.1',
        (root / 'client/reeve.1').read_text()))
    tap.check('reeve.1 names every command',
              pages_of_commands(root, reeve, flags))
    tap.check('the commands of README.md exist',
              readme_commands(root, flags))
    tap.check('the files that the pages name exist', missing_paths(root))
    tap.check('every module is on the map of the architecture',
              map_of_modules(root))
    tap.end()


if __name__ == '__main__':
    main(*sys.argv[1:])
