"""A connection for comparisons that depend on the extension and not on SQLite."""

import sqlite3

import pytest


@pytest.fixture(scope="module")
def database(extension):
    connection = sqlite3.connect(":memory:")
    connection.enable_load_extension(True)
    connection.load_extension(extension)
    yield connection
    connection.close()
