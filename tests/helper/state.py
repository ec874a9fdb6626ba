"""The state directory, read by a witness that is not reeve."""
import pathlib
import sqlite3

STATES = ('held', 'blocked', 'scheduled', 'ready', 'running', 'succeeded',
          'failed', 'cancelled')
LIVE = STATES[:5]


def database(folder):
    path = pathlib.Path(folder) / 'jobs.db'
    return sqlite3.connect('file:%s?mode=ro' % path, uri=True, timeout=10)


def rows(connection, sql):
    return connection.execute(sql).fetchall()


def none_of(connection, what, sql):
    found = rows(connection, sql + ' LIMIT 5')
    assert not found, 'database: %s: %s' % (what, found)


# The jobs of each lane and of each group, with their states.
JOBS = {
    'lane': '''SELECT lane AS owner, state FROM job
        UNION ALL SELECT lane, state FROM done''',
    'grp': '''SELECT grp AS owner, state FROM member JOIN job
            ON id BETWEEN first AND last
        UNION ALL SELECT grp, state FROM member JOIN done
            ON id BETWEEN first AND last''',
}


def counters(connection, table):
    """The counters kept in a table are what counting its jobs gives; those of
    groups count ends of jobs that are gone, too."""
    kept = {row[0]: row[1:] for row in rows(
        connection, 'SELECT id, %s FROM %s' % (', '.join(STATES), table))}
    counted = {}
    for owner, state, count in rows(connection, '''
            SELECT owner, state, count(*) FROM (%s)
            GROUP BY owner, state''' % JOBS[table]):
        counted.setdefault(owner, [0] * len(STATES))[state] = count
    for owner, counts in counted.items():
        assert owner in kept, '%s %s has jobs and no row' % (table, owner)
        same = list(kept[owner]) == counts
        if table == 'grp':
            live = STATES.index('succeeded')
            same = list(kept[owner][:live]) == counts[:live] and all(
                has <= had for has, had in zip(counts, kept[owner]))
        assert same, 'counters of %s %s: %s, %s' % (
            table, owner, dict(zip(STATES, kept[owner])),
            dict(zip(STATES, counts)))
    for owner, counts in kept.items():
        if owner not in counted and table == 'lane':
            assert not any(counts), 'counters of an empty %s' % table


def check(folder):
    """Whole, and its counters true. No database is fine too."""
    folder = pathlib.Path(folder)
    if not (folder / 'jobs.db').exists():
        return
    connection = database(folder)
    try:
        found = [row[0] for row in rows(connection, 'PRAGMA integrity_check')]
        assert found == ['ok'], 'integrity_check: %s' % found[:5]
        counters(connection, 'lane')
        counters(connection, 'grp')
        none_of(connection, 'live and finished', '''
            SELECT id FROM job WHERE id IN (SELECT id FROM done)''')
        none_of(connection, 'a live job in an end state', '''
            SELECT id, state FROM job WHERE state IS NULL
            OR state NOT BETWEEN 0 AND 4''')
        none_of(connection, 'a finished job in a live state', '''
            SELECT id, state FROM done WHERE state IS NULL
            OR state NOT BETWEEN 5 AND 7''')
        none_of(connection, 'a job without a body', '''
            SELECT id FROM job WHERE id NOT IN (SELECT id FROM body)''')
        none_of(connection, 'a finished job without a body', '''
            SELECT id FROM done WHERE id NOT IN (SELECT id FROM body)''')
        none_of(connection, 'a body without a job', '''
            SELECT id FROM body WHERE id NOT IN (SELECT id FROM job)
            AND id NOT IN (SELECT id FROM done)''')
        none_of(connection, 'a key without a job', '''
            SELECT key, id FROM key WHERE id NOT IN (SELECT id FROM body)''')
        none_of(connection, 'a running job without a token or worker', '''
            SELECT id FROM job WHERE state = 4
            AND (token IS NULL OR token = 0 OR worker IS NULL)''')
        none_of(connection, 'two attempts with one token', '''
            SELECT token, count(*) FROM job WHERE state = 4
            GROUP BY token HAVING count(*) > 1''')
    finally:
        connection.close()
