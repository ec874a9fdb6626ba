#!/usr/bin/python3
"""How far jobs are: reeve progress inside of them, and where it is shown.

    progress.py REEVE [TEST...]

covers: client/cmd_progress client/progress client/bar client/glance
"""
import json
import os
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from screen import Screen  # noqa: E402
from tool import Place, finish, holds, run_tests, same  # noqa: E402

TOOL = os.path.abspath(sys.argv[1])


def place(*flags, **how):
    here = Place(TOOL)
    here.start(*flags, **how)
    return here


def says(*words, wait='sleep 20'):
    """A job that says this and goes on."""
    return ['--sh', "%s progress %s; %s" % (
        TOOL, ' '.join("'%s'" % word for word in words), wait)]


def told(here, job, **facts):
    def is_so():
        shown = here.reeve('show', str(job), '--json').json()['job']
        return {name: shown.get(name) for name in facts} == facts
    here.until(is_so)


def to_descriptor(*words):
    reader, writer = os.pipe()
    here = Place(TOOL)
    with here:
        here.environment['REEVE_PROGRESS_FD'] = str(writer)
        process = here.popen('progress', *words, pass_fds=[writer])
        out, err = process.communicate(timeout=60)
        os.close(writer)
        with os.fdopen(reader, 'rb') as file:
            data = file.read()
        same((process.returncode, out, err), (0, b'', b''))
        same(data.count(b'\n'), 1)
        return json.loads(data)


def test_a_line_goes_to_the_descriptor_of_the_job():
    same(to_descriptor('30/100', 'loading', 'it'),
         {'fraction': 0.3, 'note': '30/100 loading it'})
    same(to_descriptor('30%'), {'fraction': 0.3})
    same(to_descriptor('0.25', 'x'), {'fraction': 0.25, 'note': 'x'})
    same(to_descriptor('only', 'a note'), {'note': 'only a note'})
    same(to_descriptor('2nd', 'part'), {'note': '2nd part'})
    same(to_descriptor('--note', '1 file', 'is left'),
         {'note': '1 file is left'})
    same(to_descriptor('--note', '30%'), {'note': '30%'})
    same(to_descriptor('--', '-x\n"\\'), {'note': '-x\n"\\'})
    same(to_descriptor('50%', '--quiet'), {'fraction': 0.5,
                                           'note': '--quiet'})
    long = to_descriptor('50%', 'é' * 5000)['note']
    same(long, 'é' * 128)


def test_without_the_descriptor_the_daemon_is_told_with_the_token():
    with place() as here:
        here.reeve('submit', *says('30/100', 'loading'))
        told(here, 1, progress=0.3, note='30/100 loading')
        same(here.calls('Progress'),
             [{'id': 1, 'token': 91, 'fraction': 0.3,
               'note': '30/100 loading'}])
        env = {'REEVE_JOB': '1', 'REEVE_TOKEN': '91'}
        # Closed, no number, another file.
        for fd in ('77', 'x', '', '0'):
            same(here.reeve('progress', '50%', REEVE_PROGRESS_FD=fd,
                            **env).code, 0)
        # A pipe that nobody reads.
        reader, writer = os.pipe()
        os.close(reader)
        here.environment.update(REEVE_PROGRESS_FD=str(writer), **env)
        result = finish(here.popen('progress', '50%', pass_fds=[writer]))
        same(result.code, 0)
        os.close(writer)
        for name in ('REEVE_PROGRESS_FD', *env):
            del here.environment[name]
        same(len(here.calls('Progress')), 6)
        told(here, 1, progress=0.5, note=None)
        result = here.reeve('progress', '60%', REEVE_JOB='1',
                            REEVE_TOKEN='90')
        same(result.code, 3)
        holds(result.err, 'attempt of job 1 is over')
        told(here, 1, progress=0.5)
        same(here.reeve('progress', '--json', **env).code, 2)
        same(here.reeve('--json', 'progress', '1', **env).json(), {'v': 1})


def test_what_is_meant_for_a_share_and_is_none_is_refused():
    with place() as here:
        for words in (['150%'], ['200/100'], ['5/0'], ['5/'], ['/100'],
                      ['nan'], ['+inf%'], ['7'], ['1 done'], ['0', 'left'],
                      ['--', '-1/2'], ['0,5'], ['5e-05', 'x'], ['%'],
                      ['200/100:', 'x'], ['1' * 20]):
            result = here.reeve('progress', *words, REEVE_JOB='1',
                                REEVE_TOKEN='91')
            same((words, result.code, result.out), (words, 2, ''))
            word = ' '.join(words).lstrip('-+ ').split()[0].rstrip(':')
            holds(result.err, word, '0% to 100%', 'N/M', '0.0 to 1.0',
                  'reeve progress --note')
        same(here.calls('Progress'), [])


def test_outside_of_a_job_it_says_so():
    with place() as here:
        result = here.reeve('progress', '30%')
        same((result.code, result.out), (1, ''))
        holds(result.err, 'not inside a job', 'REEVE_PROGRESS_FD',
              'reeve run --sh')
        result = here.reeve('progress')
        same(result.code, 2)
        holds(result.err, 'how far is it?', '30/100')
        result = here.reeve('progress', '1', REEVE_JOB='1', REEVE_TOKEN='x')
        same(result.code, 1)
        same(here.calls('Progress'), [])


def test_no_daemon_is_started_to_be_told():
    with Place(TOOL) as here:
        result = here.reeve('progress', '30%', REEVE_JOB='1',
                            REEVE_TOKEN='91')
        same(result.code, 120)


def test_ls_has_a_column_when_a_job_says_something():
    with place() as here:
        here.reeve('submit', '-n', 'quiet', 'sleep', '20')
        text = here.on_terminal('ls', columns=100)
        assert 'PROGRESS' not in text, text
        here.reeve('submit', '-n', 'thumbs', *says('0.71'))
        here.reeve('submit', '-n', 'load', *says('30/100', 'loading'))
        here.reeve('submit', '-n', 'words', *says('almost there'))
        told(here, 2, progress=0.71)
        told(here, 3, progress=0.3)
        told(here, 4, note='almost there')
        for columns in (80, 200):
            text = here.on_terminal('ls', columns=columns, NO_COLOR='1')
            lines = text.splitlines()
            assert all(len(line) <= columns for line in lines), text
            holds(lines[0], 'PROGRESS')
            holds(text, '███████░░░  71%', '███░░░░░░░  30%', 'almost there')
            assert re.search(r'71% .* left', text), text
            holds(text, '30/100 loading')
        text = here.on_terminal('ls', columns=80, LC_ALL='C')
        holds(text, '#######---  71%')
        # What programs read stays as it was, and has it when asked for.
        plain = here.reeve('ls').out
        assert '0.71' not in plain and '71%' not in plain, plain
        same(here.reeve('ls', '--columns', 'id,progress', '--sort',
                        '-progress').out.split('\n')[:2],
             ['2\t0.71', '3\t0.3'])
        jobs = here.reeve('ls', '--json').json()['jobs']
        same([(job.get('progress'), job.get('note')) for job in jobs],
             [(None, None), (0.71, None), (0.3, '30/100 loading'),
              (None, 'almost there')])


def test_show_says_how_far_a_command_is():
    with place() as here:
        here.reeve('submit', *says('30/100', 'loading'))
        told(here, 1, progress=0.3)
        out = here.reeve('show', '1').out
        assert re.search(r'progress   30%, 30/100 loading, about .* left\n',
                         out), out
        here.reeve('submit', *says('a\033[31m note'))
        told(here, 2, note='a\033[31m note')
        out = here.reeve('show', '2').out
        assert '\033' not in out, out
        here.reeve('cancel', '1')
        here.until(lambda: 'cancelled' in here.reeve('show', '1').out)
        out = here.reeve('show', '1').out
        assert 'progress   30%' not in out, out


def test_top_shows_bars():
    for rows, columns in ((24, 80), (50, 200)):
        with place() as here:
            here.reeve('submit', '-n', 'thumbs', *says('30/100', 'loading'))
            told(here, 1, progress=0.3)
            with Screen(here, 'top', rows=rows, columns=columns) as screen:
                if columns == 80:
                    screen.until('███░░░░░░░  30%')
                else:
                    screen.until('██████░░░░░░░░░░░░░░  30%', 'left',
                                 '30/100 loading')
                screen.press('q')
                same(screen.ends(), 0)


def looks(here, *args, **size):
    """A terminal without a screen of its own."""
    screen = Screen(here, *args, **size)
    screen.modes.add('?1049')
    return screen


def frames(text):
    """What stood in the line that is drawn again and again."""
    return [part.split('\r')[-1] for part in text.split('\033[K')]


def test_run_draws_a_bar_between_the_lines_of_the_job():
    for columns in (80, 200):
        with place() as here:
            # Half a line: nothing may be drawn over it.
            text = here.on_terminal(
                'run', *says('30/100', 'loading', wait='echo one; sleep 1.5; '
                             'printf ha; sleep 1; echo lf; %s progress 90%%; '
                             'sleep 1; echo two >&2; exit 3' % TOOL),
                columns=columns, NO_COLOR='1')
        seen = frames(text)
        bar = 20 if columns == 80 else 40
        assert any(re.match('█{%d}░{%d}  30%%  30/100 loading  .*/s  .* left$'
                            % (bar * 3 // 10, bar - bar * 3 // 10), frame)
                   for frame in seen), text
        assert any(' 90%  ' in frame for frame in seen), text
        assert all(len(frame) < columns for frame in seen), text
        assert 'half' in text, text
        # What is left on the screen is what the job wrote, and the end.
        left = re.sub(r'[^\n\r]*\r\033\[K|\r[^\n]*?\033\[K', '', text)
        same(left.split('\n')[:3], ['one', 'half', 'two'])
        holds(left, 'exited with code 3')
        assert not re.search('\033\\[[0-9]', text), text


def test_run_draws_nothing_for_a_job_that_says_nothing():
    with place() as here:
        text = here.on_terminal('run', '--sh', 'sleep 1.2; echo x')
        same(text, 'x\n')


def test_a_pipe_sees_it_only_when_asked_for():
    with place() as here:
        job = says('30%', wait='sleep 1.2; %s progress 55%% more; sleep 2; '
                   'echo x' % TOOL)
        result = here.reeve('run', *job)
        same((result.code, result.out, result.err), (0, 'x\n', ''))
        result = here.reeve('run', '--progress', *job)
        same((result.code, result.out), (0, 'x\n'))
        lines = result.err.splitlines()
        assert len(lines) in (1, 2), lines
        holds(lines[-1], 'reeve: ', ' 55%  more')
        result = here.reeve('run', '--progress', '--quiet', *job)
        same((result.code, result.out, result.err), (0, 'x\n', ''))
        here.reeve('submit', *job)
        result = here.reeve('wait', 'last', '--progress', '--json')
        same(result.json()['exit'], 0)
        holds(result.err, ' 55%  more')


def test_wait_tells_of_one_job_of_several_and_of_a_group():
    for rows, columns in ((24, 80), (50, 200)):
        with place() as here:
            here.reeve('submit', *says('30/100', 'loading'))
            told(here, 1, progress=0.3)
            with looks(here, 'wait', '1', rows=rows,
                       columns=columns) as screen:
                screen.until(' 30%  30/100 loading', '/s')
            here.reeve('submit', 'sleep', '20')
            with looks(here, 'wait', '2', rows=rows,
                       columns=columns) as screen:
                screen.until('running')
            with looks(here, 'wait', '1', '2', rows=rows,
                       columns=columns) as screen:
                screen.until(' 15%  0/2')
            for i in range(2):
                here.reeve('submit', '--group', '7', *says('50%'))
                told(here, 3 + i, progress=0.5)
            here.reeve('submit', '--group', '7', '-w', 'true')
            here.reeve('submit', '--group', '7', 'sleep', '20')
            with looks(here, 'wait', 'group=7', rows=rows,
                       columns=columns) as screen:
                screen.until(' 50%  1/4')


def test_news_are_heard_of_and_not_asked_for():
    # Who hears of none asks now and then, as before.
    for script, most in ((None, 4), ({'Subscribe': [json.dumps(
            {'error': 'org.varlink.service.MethodNotFound',
             'parameters': {'method': 'x'}}) + '\0']}, 1000)):
        with place(script=script) as here:
            here.reeve('submit', *says('30%', wait='sleep 3; %s progress 60%%;'
                                       ' sleep 20' % TOOL))
            told(here, 1, progress=0.3)
            with looks(here, 'wait', '1') as screen:
                screen.until(' 30%')
                screen.until(' 60%')
            asked = here.calls('Get').count({'ids': [1]})
            assert asked <= most, asked


def test_the_line_of_map_counts_parts():
    with place() as here:
        with looks(here, 'map', '-j2', '--sh', '%s progress {}; sleep 20'
                   % TOOL, ':::', '50%', '30%') as screen:
            screen.until(' 40%  0/2')


if __name__ == '__main__':
    sys.exit(run_tests(sys.modules[__name__], sys.argv[2:]))
