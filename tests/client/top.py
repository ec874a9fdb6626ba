#!/usr/bin/python3
"""reeve top on a model of a terminal, 80x24 and 200x50.

    top.py REEVE [TEST...]

covers: client/cmd_top client/term client/top_draw client/top_filter client/top_load
"""
import os
import pathlib
import re
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from screen import Screen  # noqa: E402
from tool import Place, run_tests, same  # noqa: E402

TOOL = os.path.abspath(sys.argv[1])
SIZES = ((24, 80), (50, 200))
DOWN, UP = '\x1b[B', '\x1b[A'


def place(*flags, **how):
    here = Place(TOOL)
    here.start(*flags, **how)
    return here


def busy():
    here = place()
    here.reeve('submit', '-w', '-n', 'broken', '--sh', 'echo oops; exit 3')
    here.reeve('submit', '-q', 'mail', '-n', 'digest', 'sleep', '60')
    here.reeve('submit', '-q', 'mail', '-n', 'letter', '--sh',
               'echo dear; sleep 60')
    return here


def test_everything_is_on_the_screen():
    for rows, columns in SIZES:
        with busy() as here:
            with Screen(here, 'top', rows=rows, columns=columns) as screen:
                text = screen.until('digest', 'letter', 'broken', 'mail',
                                    'exited with code 3'[:6], '1 idle')
                lines = text.splitlines()
                assert lines[0].startswith('reeved 0.1.0'), text
                assert 'q quit' in lines[-1], text
                same(len(lines), rows)
                screen.press('q')
                same(screen.ends(), 0)


def test_the_keys_do_what_they_say():
    with busy() as here:
        with Screen(here, 'top') as screen:
            screen.until('digest')
            screen.press('l')
            screen.until('choose a job first')
            screen.press(DOWN * 3)
            screen.until('\u25b8        2')
            screen.press('k')
            screen.until('Cancel job 2? [y/N]')
            screen.press('n')
            screen.until('q quit')
            same(here.calls('Cancel'), [])
            screen.press('k')
            screen.until('Cancel job 2?')
            screen.press('y')
            screen.until('cancelled', '1 cancelled')
            same(here.calls('Cancel')[0]['filter'], {'ids': [2]})
            screen.press('\n')
            screen.until('job 2', 'was cancelled', 'command', 'any key: back')
            screen.press('x')
            screen.until('q quit')
            screen.press('?')
            screen.until('pause the queue')
            screen.press(' ')
            screen.until('RUNNING')
            screen.press('q')
            same(screen.ends(), 0)


def test_output_retry_and_pause():
    with busy() as here:
        with Screen(here, 'top') as screen:
            screen.until('broken')
            screen.press(UP)
            screen.until('\u25b8        1')
            screen.press('l')
            screen.until('output of job 1', 'oops')
            screen.press(' ')
            screen.until('RUNNING')
            screen.press('r')
            screen.until('job 1 runs again')
            same(here.calls('Retry')[0]['filter'], {'ids': [1]})
            screen.press('p')
            screen.until('paused')
            screen.press('p')
            screen.until('queue default goes on', without=('paused',))
            screen.press('q')
            same(screen.ends(), 0)


def test_a_filter_hides_the_others():
    with busy() as here:
        with Screen(here, 'top') as screen:
            screen.until('digest', 'letter')
            screen.press('/dig')
            screen.until('/dig_', 'digest', without=('letter', 'broken'))
            screen.press('\n')
            screen.until('/ filter: dig', 'q quit')
            screen.press('/\x7f\x7f\x7fLETT\n')
            screen.until('letter', without=('digest',))
            screen.press('/\x1b')
            screen.until('digest', 'letter', 'broken')
            screen.press('q')
            same(screen.ends(), 0)


def test_a_filter_has_the_words_of_all_commands():
    with busy() as here:
        here.reeve('submit', '--hold', '-n', 'later', 'true')
        with Screen(here, 'top') as screen:
            screen.until('digest')
            for words, shown, hidden in (
                    ('queue=mail', ('digest', 'letter'), ('broken',)),
                    ('failed', ('broken',), ('digest', 'mail')),
                    ('queue=mail not:3', ('digest',), ('letter',)),
                    ('3', ('letter',), ('digest', 'broken')),
                    ('waiting', ('later', 'UNFINISHED'), ('digest',)),
                    ('queue=mail lett', ('letter',), ('digest',)),
                    ('last', ('later',), ('digest',)),
                    ('queue=none', ("nothing matches 'queue=none'",),
                     ('digest',))):
                screen.press('/' + words + '\n')
                screen.until(*shown, 'q quit', without=hidden)
                screen.press('/\x1b')
                screen.until('digest', 'letter', 'broken')
            screen.press('/quue=mail\n')
            screen.until('/quue=mail_', "'quue=' is not a filter")
            screen.press('\x1b')
            screen.until('digest', 'q quit')
            screen.press('/name=' + 40 * 'x' + '\n')
            text = screen.until('nothing matches', 'q quit')
            assert all(len(line) <= 80 for line in text.splitlines()), text
            assert '? help  q quit' in text.splitlines()[-1], text
            screen.press('q')
            same(screen.ends(), 0)


def many():
    """Queues a to k, of which j is paused and k has a job, x000."""
    here = place()
    for name in 'abcdefghij':
        here.reeve('submit', '-w', '-q', name, 'true')
    here.reeve('queue', 'pause', 'j')
    for number in range(12):
        here.reeve('submit', '-q', 'k', '-n', 'x%03d' % number, 'sleep', '60')
    return here


def marked(screen):
    return [line for line in screen.until('q quit').splitlines()
            if '\u25b8' in line]


def test_busy_and_paused_queues_are_first_and_lists_scroll():
    with many() as here:
        with Screen(here, 'top') as screen:
            lines = screen.until('and 6 more').splitlines()
            at = [line[2:7] for line in lines].index('QUEUE')
            same([line.split()[:2] for line in lines[at + 1:at + 4]],
                 [['j', 'paused'], ['k', 'open'], ['a', 'open']])
            for name in 'jkabcdefghi':
                screen.press(DOWN)
                screen.until('\u25b8 %s ' % name)
                same(len(marked(screen)), 1)
            screen.until('7 to 11 of 11')
            for number in range(12):
                screen.press(DOWN)
                screen.until('\u25b8 %8d' % (11 + number))
            screen.press('k')
            screen.until('Cancel job 22?')
            screen.press('n')
            for number in range(13):
                screen.press(UP)
            screen.until('\u25b8 h ')
            screen.press('q')
            same(screen.ends(), 0)


def test_a_filter_brings_the_selection_to_what_it_shows():
    with many() as here:
        with Screen(here, 'top') as screen:
            screen.until('and 6 more')
            screen.press('/x003\n')
            screen.until('\u25b8       14', without=('x004', 'paused'))
            screen.press('k')
            screen.until('Cancel job 14?')
            screen.press('nq')
            same(screen.ends(), 0)


def test_keys_do_nothing_to_what_is_not_shown():
    with many() as here:
        with Screen(here, 'top') as screen:
            screen.until('and 6 more')
            screen.press(DOWN)
            screen.until('\u25b8 j ')
            screen.press('/x003')
            screen.until('/x003_', without=('paused',))
            screen.press('\x1b')
            screen.until('\u25b8 j ')
            screen.resize(4, 80)
            screen.until('q quit', without=('\u25b8',))
            screen.press('p')
            screen.until('choose a queue first')
            same(here.calls('Resume'), [])
            screen.press('q')
            same(screen.ends(), 0)


def test_it_follows_the_size_down_to_almost_nothing():
    with busy() as here:
        with Screen(here, 'top') as screen:
            screen.until('digest')
            for rows, columns in ((50, 200), (24, 80), (5, 20), (2, 9),
                                  (1, 1), (24, 80)):
                screen.resize(rows, columns)

                def fits():
                    said, screen.spilled = len(screen.said), ''
                    screen.press('/x\x1b')
                    while screen.read(0.2):
                        pass
                    return len(screen.said) > said and not screen.spilled
                # What was on its way was for the size before.
                here.until(fits)
            screen.until('digest', 'q quit')
            screen.press('q')
            same(screen.ends(), 0)


def test_a_small_terminal_shows_fewer_columns_whole():
    with many() as here:
        with Screen(here, 'top', rows=10, columns=40) as screen:
            lines = screen.until('and 10 more').splitlines()
            assert lines[0].startswith('reeved 0.1.0  running for '), lines
            same([line.split() for line in lines if 'QUEUE' in line],
                 [['QUEUE', 'STATE', 'WAITING', 'RUNNING']])
            same([line.split()[:2] for line in lines if 'paused' in line],
                 [['j', 'paused']])
            same([line.split() for line in lines if 'ID' in line],
                 [['ID', 'TIME', 'RUNNING']])
            assert lines[-1].endswith('q quit'), lines
            for columns in (61, 70, 75, 79, 99):
                screen.resize(24, columns)
                text = screen.until('ENDED', 'q quit')
                here.until(lambda: screen.read() or not screen.spilled)
                assert 'QUEUE' in text and '\u2026ING' not in text, text
            screen.press('q')
            same(screen.ends(), 0)


def test_a_name_takes_the_room_that_there_is():
    with place() as here:
        name = 'a job with a name of some length'
        here.reeve('submit', '-n', name, 'sleep', '60')
        with Screen(here, 'top') as screen:
            screen.until(name)
            screen.press('q')
            same(screen.ends(), 0)


def test_a_line_that_is_full_keeps_its_last_letter():
    with place() as here:
        here.reeve('submit', '-n', 'x' * 300 + 'END', 'sleep', '60')
        with Screen(here, 'top', columns=120) as screen:
            text = screen.until('END')
            assert any(line.endswith('END') for line in text.splitlines())
            here.reeve('submit', '-w', '-n', 'short', 'true')
            lines = [line for line in screen.until('short').splitlines()
                     if 'short' in line]
            assert all(line.endswith('short') for line in lines), lines
            screen.press('q')
            same(screen.ends(), 0)


def test_the_terminal_is_given_back_on_every_way_out():
    for number, keys in ((signal.SIGTERM, ''), (signal.SIGHUP, ''),
                         (signal.SIGQUIT, ''), (signal.SIGSEGV, ''),
                         (signal.SIGINT, '\x03')):
        with busy() as here:
            with Screen(here, 'top') as screen:
                screen.until('digest')
                if keys:
                    screen.press(keys)
                else:
                    os.kill(screen.process.pid, number)
                same(screen.ends(), -number)


def test_it_can_be_stopped_and_goes_on():
    with busy() as here:
        with Screen(here, 'top') as screen:
            screen.until('digest')
            os.kill(screen.process.pid, signal.SIGTSTP)
            here.until(lambda: open('/proc/%d/stat' % screen.process.pid)
                       .read().split()[2] == 'T')
            while screen.read():
                pass
            assert '?1049' not in screen.modes
            os.kill(screen.process.pid, signal.SIGCONT)
            screen.until('digest', 'q quit')
            screen.press('q')
            same(screen.ends(), 0)


def test_nothing_is_drawn_when_nothing_changed():
    with place() as here:
        here.reeve('submit', '-w', 'true')
        with Screen(here, 'top') as screen:
            screen.until('true', 'q quit')
            asked, said = len(here.calls('Status')), len(screen.said)
            begun = time.monotonic()
            while time.monotonic() < begun + 3.5:
                screen.read()
            asked = len(here.calls('Status')) - asked
            seconds = time.monotonic() - begun
            same(asked, 0)
            more = screen.said[said:]
            # Nobody is asked; the age of the daemon goes on by itself.
            assert len(more) < 170 * seconds, more
            same(more.count('\x1b[?2026h'), more.count('\x1b[?2026l'))
            screen.press('q')
            same(screen.ends(), 0)


def test_what_happens_is_seen_at_once_and_asked_for_once():
    with place() as here:
        here.reeve('submit', '-w', 'true')
        with Screen(here, 'top') as screen:
            screen.until('true', 'q quit')
            asked = len(here.calls('Status'))
            here.reeve('submit', '-n', 'fresh', 'sleep', '60')
            screen.until('fresh')
            # One for the job; its start may be seen apart from it.
            assert len(here.calls('Status')) - asked <= 2
            screen.press('q')
            same(screen.ends(), 0)


def test_a_daemon_that_goes_is_told_and_one_that_comes_is_found():
    with busy() as here:
        with Screen(here, 'top') as screen:
            screen.until('digest')
            here.stop()
            screen.until('the daemon does not answer')
            here.start()
            screen.until('q quit', without=('digest',))
            screen.press('q')
            same(screen.ends(), 0)


def test_names_cannot_steer_it():
    with place() as here:
        here.reeve('submit', '-w', '-n', '\x1b[2J\x07\u65e5\u672c' * 9,
                   '--sh', 'printf "\\033[31m\\007out"')
        for rows, columns in SIZES:
            with Screen(here, 'top', rows=rows, columns=columns) as screen:
                screen.until('\u65e5\u672c')
                screen.press(UP + 'l')
                screen.until('?[31m?out')
                screen.press('qq')
                same(screen.ends(), 0)


def test_plain_letters_and_no_colour_where_asked():
    with busy() as here:
        with Screen(here, 'top', NO_COLOR='1', LC_ALL='C') as screen:
            text = screen.until('digest')
            assert text.isascii(), text
            assert not re.search('\x1b\\[[1-9][0-9]*m', screen.said)
            screen.press('q')
            same(screen.ends(), 0)


def test_wrong_uses():
    with busy() as here:
        for args, word in ((['top'], 'needs a terminal'),
                           (['top', '5'], 'takes no arguments'),
                           (['top', '--json'], 'no --json')):
            result = here.reeve(*args)
            same(result.code, 2)
            assert word in result.err + result.out, result
    with Place(TOOL) as here:
        same(here.reeve('top').code, 120)


if __name__ == '__main__':
    sys.exit(run_tests(sys.modules[__name__], sys.argv[2:]))
