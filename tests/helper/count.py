"""Count tests one by one: cmocka functions, stories, lint checks, builds.

    count.py log BUILD NAME OUT   the test log of a meson build
    count.py tap FILE NAME OUT    a file with TAP
    count.py sum FOLDER           all that was counted; the last line, and the
                                  exit status, of tests/run

A program that prints TAP counts as its lines, one that does not as one test. A
program that died counts as one failure more, whatever it printed before.
"""
import json
import pathlib
import re
import subprocess
import sys

LINE = re.compile(r'^\s*(not )?ok\b\s*\d*\s*-?\s*(.*)$')
SKIP = re.compile(r'#\s*skip', re.I)
PASSED, FAILED, SKIPPED = range(3)


def read_tap(text):
    """[(outcome, name, remarks)] of the TAP lines in a text."""
    found = []
    for line in text.splitlines():
        match = LINE.match(line)
        if match:
            outcome = FAILED if match.group(1) else PASSED
            if SKIP.search(match.group(2)):
                outcome = SKIPPED
            found.append((outcome, match.group(2), []))
        elif found:
            found[-1][2].append(line)
    return found


def planned(text):
    match = re.search(r'^1\.\.(\d+)', text, re.M)
    return int(match.group(1)) if match else None


def count_test(test):
    """(counts, failures) of one program of meson's log."""
    output = test.get('stdout') or ''
    found = read_tap(output)
    died = None
    if not found:
        outcome = {'OK': PASSED, 'EXPECTEDFAIL': PASSED,
                   'SKIP': SKIPPED}.get(test['result'], FAILED)
        remarks = output.splitlines()
        found = [(outcome, test['result'], remarks)]
    elif test['result'] == 'TIMEOUT':
        died = 'did not end in time'
    elif test['result'] not in ('OK', 'SKIP') and not any(
            outcome == FAILED for outcome, _, _ in found):
        died = 'ended with status %s' % test.get('returncode')
    elif planned(output) is not None and len(found) < planned(output):
        died = 'ended after %d of %d tests' % (len(found), planned(output))
    counts = [sum(1 for item in found if item[0] == outcome)
              for outcome in range(3)]
    failures = [item for item in found if item[0] == FAILED]
    if died:
        counts[FAILED] += 1
        failures.append((FAILED, died, output.splitlines()[-15:]))
    if failures:
        errors = (test.get('stderr') or '').splitlines()
        failures[-1][2].extend(errors[-40:])
    return counts, failures


def suites_of(build):
    """{test name: suite} as the build defines them."""
    text = subprocess.run(['meson', 'introspect', '--tests', build],
                          stdout=subprocess.PIPE, check=True).stdout
    return {test['name']: (test['suite'] or ['other'])[0].split(':')[-1]
            for test in json.loads(text)}


def add(table, suite, counts):
    row = table.setdefault(suite, [0, 0, 0])
    for outcome in range(3):
        row[outcome] += counts[outcome]


def count_log(build, name, out):
    suites = suites_of(build)
    table = {}
    log = pathlib.Path(build, 'meson-logs', 'testlog.json')
    for line in log.read_text(errors='replace').splitlines():
        test = json.loads(line)
        title = test['name'].split(' / ')[-1]
        counts, failures = count_test(test)
        add(table, suites.get(title, 'other'), counts)
        for _, what, remarks in failures:
            print('not ok - %s: %s: %s' % (name, title, what))
            for remark in remarks[:70]:
                print('    ' + remark)
    report(name, table)
    pathlib.Path(out).write_text(json.dumps(table))


def count_tap(path, name, out):
    text = pathlib.Path(path).read_text(errors='replace')
    result = 'OK' if planned(text) is not None else 'FAIL'
    counts, failures = count_test(
        {'stdout': text, 'result': result, 'name': name})
    for _, what, remarks in failures:
        print('not ok - %s: %s' % (name, what))
        for remark in remarks[:70]:
            print('    ' + remark)
    table = {name: counts}
    report(name, table)
    pathlib.Path(out).write_text(json.dumps(table))


def report(name, table):
    for suite, counts in sorted(table.items()):
        print('   %-8s %-12s %5d passed, %d failed, %d skipped'
              % (name, suite, *counts), flush=True)


def total(folder):
    folder = pathlib.Path(folder)
    table = {}
    for path in sorted(folder.glob('counts-*')):
        for suite, counts in json.loads(path.read_text()).items():
            add(table, suite, counts)
    builds = folder / 'builds'
    for line in builds.read_text().splitlines() if builds.exists() else ():
        suite, outcome, what = line.split('\t')
        add(table, suite, [outcome == 'ok', outcome != 'ok', 0])
        if outcome != 'ok':
            print('not ok - ' + what)
    report('all', table)
    passed, failed, skipped = (sum(row[outcome] for row in table.values())
                               for outcome in range(3))
    # Nothing at all was run: that is not a success.
    if passed == 0:
        failed = max(failed, 1)
    print('%d passed, %d failed%s' % (
        passed, failed, ', %d skipped' % skipped if skipped else ''))
    return 1 if failed else 0


def main(verb, *arguments):
    if verb == 'sum':
        return total(*arguments)
    {'log': count_log, 'tap': count_tap}[verb](*arguments)
    return 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
