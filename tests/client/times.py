#!/usr/bin/python3
"""reeve submit --at and edit --at: what is understood, and why something is not.

    times.py REEVE REEVED [TEST...]

covers: client/start
"""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from tool import RealPlace, holds, run_tests, same  # noqa: E402

TOOL, REEVED = map(os.path.abspath, sys.argv[1:3])


def test_a_time_that_is_none_says_why_and_what_is_one():
    with RealPlace(TOOL, REEVED) as here:
        for at, why in (('5m', '--in 5m'), ('soon', "'tomorrow 9:00'"),
                        ('tomorrow 25:00', '0:00 to 23:59')):
            for words in ['submit', '--at', at, 'true'], ['edit', '--at', at,
                                                          '1']:
                result = here.reeve(*words)
                same(result.code, 2)
                holds(result.err, "'%s' is no time: " % at, why)
        zone = {'TZ': 'CET-1CEST,M3.5.0,M10.5.0/3'}
        for at, told in (
                ('dec 24 2087', 'not before 2087-12-24 00:00:00 CET'),
                ('2087-03-30 02:30', 'go forward over'),
                ('2087-10-26 02:30', 'comes twice'),
                ('2087-10-26 02:30', '02:30:00 CEST')):
            result = here.reeve('submit', '--at', at, 'true', **zone)
            same(result.code, 0)
            holds(result.err, told)


if __name__ == '__main__':
    sys.exit(run_tests(sys.modules[__name__], sys.argv[3:]))
