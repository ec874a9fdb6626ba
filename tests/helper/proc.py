"""What /proc says: who belongs to a story, who is a zombie, who holds what."""
import os
import pathlib


def pids():
    return [int(name) for name in os.listdir('/proc') if name.isdigit()]


def read(pid, name):
    try:
        with open('/proc/%d/%s' % (pid, name), 'rb') as file:
            return file.read()
    except OSError:
        return b''


def stat(pid):
    """The fields behind the name: state, parent, group, session, ..."""
    text = read(pid, 'stat')
    return text[text.rfind(b')') + 2:].decode().split() if text else None


def state(pid):
    fields = stat(pid)
    return fields[0] if fields else None


def parent(pid):
    fields = stat(pid)
    return int(fields[1]) if fields else None


def alive(pid):
    """Exists and is no zombie."""
    return state(pid) not in (None, 'Z', 'X')


def start_ticks(pid):
    fields = stat(pid)
    return int(fields[19]) if fields else None


def argv(pid):
    return [part.decode(errors='replace')
            for part in read(pid, 'cmdline').split(b'\0')[:-1]]


def children(pid):
    return [other for other in pids() if parent(other) == pid]


def descendants(pid):
    tree = {}
    for other in pids():
        tree.setdefault(parent(other), []).append(other)
    found, todo = [], [pid]
    while todo:
        below = tree.get(todo.pop(), [])
        found += below
        todo += below
    return found


def marked(mark):
    """Processes with these bytes in their command line or environment."""
    mark = mark.encode()
    return [pid for pid in pids() if pid != os.getpid() and (
        mark in read(pid, 'cmdline') or mark in read(pid, 'environ'))]


def descriptors(pid):
    try:
        return len(os.listdir('/proc/%d/fd' % pid))
    except OSError:
        return 0


def memory_kib(pid, field='VmRSS'):
    for line in read(pid, 'status').decode().splitlines():
        if line.startswith(field + ':'):
            return int(line.split()[1])
    return 0


def pss_kib(pid):
    for line in read(pid, 'smaps_rollup').decode().splitlines():
        if line.startswith('Pss:'):
            return int(line.split()[1])
    return 0


def cpu_seconds(pid):
    fields = stat(pid)
    if not fields:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def zombies_of(pid):
    return [child for child in children(pid) if state(child) == 'Z']


def describe(pid):
    return '%d %s %s' % (pid, state(pid), ' '.join(argv(pid))[:200] or (
        read(pid, 'comm').decode().strip()))


def exists(path):
    return pathlib.Path(path).exists()


def remove_cgroups(path):
    """Removes the cgroup and those below it: True when nothing is there."""
    for folder, _, _ in os.walk(path, topdown=False):
        try:
            os.rmdir(folder)
        except OSError:  # somebody is in it, or it went by itself
            pass
    return not exists(path)
