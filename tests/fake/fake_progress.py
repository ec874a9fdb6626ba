"""How far the jobs of the fake daemon say they are."""
import os
import sys

TOKEN = 91  # every attempt's


def environment(job, env):
    """With what a job needs to speak for itself."""
    return {**(os.environ if env is None else env),
            'REEVE_SOCKET': sys.argv[1], 'REEVE_TOKEN': str(TOKEN),
            'REEVE_JOB': str(job.facts['id'])}


class Progress:
    words = []  # events, in order

    def Subscribe(self, p, more):
        """Of progress and of states, from now on."""
        nothing = {'events': [], 'cursor': 1, 'head': 1}
        if not more:
            return nothing
        at = len(self.words)
        more(nothing)
        before = self.states()
        while True:
            self.lock.wait(0.05)
            states, was, before = self.states(), before, self.states()
            if states != was and 'kinds' not in p:
                more({**nothing, 'events': [
                    {'seq': 1, 'at_ms': 1, 'kind': 'started'}]})
            fresh = [event for event in self.words[at:]
                     if event['job'] in p.get('jobs', [event['job']]) and
                     event['group'] == p.get('group', event['group'])]
            at = len(self.words)
            if fresh:
                more({**nothing, 'events': fresh})

    def states(self):
        return [job.facts['state'] for job in self.jobs.values()], set(
            self.paused)

    def Progress(self, p, more):
        job = self.jobs[p['id']]
        lost = p['token'] != TOKEN or job.ended()
        if not lost:
            job.facts.pop('note', None)
            for word, name in (('fraction', 'progress'), ('note', 'note')):
                if word in p:
                    job.facts[name] = p[word]
            self.words.append({'seq': 1, 'at_ms': 1, 'kind': 'progress',
                               'job': p['id'],
                               'group': job.facts.get('group', 0)})
            self.lock.notify_all()
        return {'lost': lost}

    def group_progress(self, group):
        jobs = [job for job in self.jobs.values()
                if job.facts.get('group') == group]
        return sum(1 if job.ended() else job.facts.get('progress', 0)
                   for job in jobs) / max(len(jobs), 1)
