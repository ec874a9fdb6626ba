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
    def Progress(self, p, more):
        job = self.jobs[p['id']]
        lost = p['token'] != TOKEN or job.ended()
        if not lost:
            job.facts.pop('note', None)
            for word, name in (('fraction', 'progress'), ('note', 'note')):
                if word in p:
                    job.facts[name] = p[word]
        return {'lost': lost}

    def group_progress(self, group):
        jobs = [job for job in self.jobs.values()
                if job.facts.get('group') == group]
        return sum(1 if job.ended() else job.facts.get('progress', 0)
                   for job in jobs) / max(len(jobs), 1)
