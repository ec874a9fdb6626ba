"""The state directory, read by a witness that is not reeve."""
import pathlib
import sqlite3


def database(folder):
    path = pathlib.Path(folder) / 'jobs.db'
    return sqlite3.connect('file:%s?mode=ro' % path, uri=True, timeout=10)


def check(folder):
    """The database is whole and its counters are true. None: fine too."""
    folder = pathlib.Path(folder)
    if not (folder / 'jobs.db').exists():
        return
    connection = database(folder)
    try:
        found = [row[0] for row in connection.execute(
            'PRAGMA integrity_check')]
        assert found == ['ok'], 'integrity_check: %s' % found[:5]
    finally:
        connection.close()
