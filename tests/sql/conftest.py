"""Connections for the SQL tests.

The fixture `db` gives each test two turns: Debian's SQLite through Python's sqlite3 module, and the newest release
through apsw. Both wrappers speak alike: rows are tuples, nothing is committed behind the test's back, and every
failure is one exception, SqlError, whose text is SQLite's message.
"""

import os
import pathlib
import sqlite3
import subprocess

import apsw
import pytest


class SqlError(Exception):
    """An error SQLite reported."""


class Connection:
    """What a test asks of a connection. Subclasses fill in the two libraries."""

    def rows(self, sql, *parameters):
        raise NotImplementedError

    def run(self, sql, *parameters):
        self.rows(sql, *parameters)
        return self

    def row(self, sql, *parameters):
        rows = self.rows(sql, *parameters)
        assert len(rows) == 1, rows[:5]
        return rows[0]

    def value(self, sql, *parameters):
        (value,) = self.row(sql, *parameters)
        return value

    def column(self, sql, *parameters):
        return [row[0] for row in self.rows(sql, *parameters)]

    def error(self, sql, *parameters):
        """The message of the error that the statement must end in."""
        try:
            rows = self.rows(sql, *parameters)
        except SqlError as failure:
            return str(failure)
        raise AssertionError(f"no error; rows {rows[:5]!r}")

    def plan(self, sql, *parameters):
        """The words of EXPLAIN QUERY PLAN."""
        return "\n".join(str(row[3]) for row in self.rows("EXPLAIN QUERY PLAN " + sql, *parameters))

    def table(self, name, hashes, ids=None):
        """Creates table `name`(id, h) over the hashes."""
        self.run(f"CREATE TABLE {name}(id INTEGER PRIMARY KEY, h)")
        self.fill(name, zip(ids or range(1, len(hashes) + 1), hashes))
        return self

    def searches(self):
        """How many searches for pairs this connection has in dupgpu_stats."""
        return self.value("SELECT count(*) FROM dupgpu_stats WHERE op = 'similar_pairs'")


class Debian(Connection):
    name = "debian"

    def __init__(self, path=":memory:", uri=False):
        self.raw = sqlite3.connect(path, uri=uri, isolation_level=None, check_same_thread=False)
        self.raw.enable_load_extension(True)

    def load(self, extension):
        try:
            self.raw.load_extension(extension)
        except sqlite3.Error as failure:
            raise SqlError(str(failure)) from failure
        return self

    def rows(self, sql, *parameters):
        try:
            return self.raw.execute(sql, parameters).fetchall()
        except sqlite3.Error as failure:
            raise SqlError(str(failure)) from failure

    def cursor(self, sql, *parameters):
        try:
            yield from self.raw.execute(sql, parameters)
        except sqlite3.Error as failure:
            raise SqlError(str(failure)) from failure

    def fill(self, name, rows):
        self.raw.execute("BEGIN")
        self.raw.executemany(f"INSERT INTO {name} VALUES(?, ?)", rows)
        self.raw.execute("COMMIT")

    def interrupt(self):
        self.raw.interrupt()

    def progress(self, handler, steps):
        self.raw.set_progress_handler(handler, steps)

    def authorize(self, decide):
        self.raw.set_authorizer(decide)

    def close(self):
        self.raw.close()


class Newest(Connection):
    name = "newest"

    def __init__(self, path=":memory:", uri=False):
        flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | (apsw.SQLITE_OPEN_URI if uri else 0)
        self.raw = apsw.Connection(path, flags=flags)
        self.raw.enable_load_extension(True)

    def load(self, extension):
        try:
            self.raw.load_extension(extension)
        except apsw.Error as failure:
            raise SqlError(str(failure)) from failure
        return self

    def rows(self, sql, *parameters):
        try:
            return self.raw.execute(sql, parameters).fetchall()
        except apsw.Error as failure:
            raise SqlError(str(failure)) from failure

    def cursor(self, sql, *parameters):
        try:
            yield from self.raw.execute(sql, parameters)
        except apsw.Error as failure:
            raise SqlError(str(failure)) from failure

    def fill(self, name, rows):
        with self.raw:
            self.raw.executemany(f"INSERT INTO {name} VALUES(?, ?)", rows)

    def interrupt(self):
        self.raw.interrupt()

    def progress(self, handler, steps):
        self.raw.set_progress_handler(handler, steps)

    def authorize(self, decide):
        self.raw.authorizer = decide

    def close(self):
        self.raw.close()


LIBRARIES = [Debian, Newest]


@pytest.fixture(params=LIBRARIES, ids=lambda library: library.name)
def library(request):
    return request.param


@pytest.fixture
def connect(library, extension):
    """A function that opens further connections with the extension loaded; all are closed after the test."""
    opened = []

    def open_one(path=":memory:", uri=False, load=True):
        connection = library(str(path), uri)
        opened.append(connection)
        return connection.load(extension) if load else connection

    yield open_one
    for connection in opened:
        connection.close()


@pytest.fixture
def db(connect):
    return connect()


@pytest.fixture
def debian(extension):
    """Debian's SQLite only, for long comparisons that depend on the engine and not on SQLite."""
    connection = Debian().load(extension)
    yield connection
    connection.close()


@pytest.fixture
def shell(extension):
    """A function that feeds Debian's sqlite3 shell, with the extension loaded unless load=False; gives its output.

    An error anywhere fails the test unless `fails` is set; then the error text is given.
    """

    def feed(script, database=":memory:", load=True, fails=False, folder=None, env=None):
        command = ["sqlite3", "-batch", "-bail", "-init", os.devnull, str(database)]
        if load:
            command[1:1] = ["-cmd", f".load {extension}"]
        done = subprocess.run(command, input=script, capture_output=True, text=True, cwd=folder, timeout=300,
                              env=dict(os.environ, **(env or {})))
        if fails:
            assert done.returncode != 0, done.stdout
            return done.stderr
        assert done.returncode == 0, done.stderr
        return done.stdout

    return feed


@pytest.fixture(scope="session")
def scripts(root):
    return pathlib.Path(root) / "sql"
