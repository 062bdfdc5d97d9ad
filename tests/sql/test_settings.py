"""dupgpu_config, dupgpu_settings, the environment, dupgpu_stats."""

import os
import subprocess
import sys

import oracle
import pytest


def test_settings_table(db):
    rows = {row[0]: row[1:] for row in db.rows("SELECT key, value, default_value, origin, description"
                                               " FROM dupgpu_settings")}
    for key in ("backend", "threads", "plan", "max_pixels", "memory_limit_gb"):
        value, default, origin, description = rows[key]
        assert value == default and "default" in origin and len(description) > 10, key
    assert str(rows["max_pixels"][1]) == "178956970"
    assert rows["plan"][0] == "auto"


def test_read_set_and_origin(db):
    assert db.value("SELECT dupgpu_config('plan')") == "auto"
    db.run("SELECT dupgpu_config('plan', 'brute')")
    assert db.value("SELECT dupgpu_config('plan')") == "brute"
    assert db.row("SELECT value, default_value FROM dupgpu_settings WHERE key = 'plan'") == ("brute", "auto")
    assert db.value("SELECT origin FROM dupgpu_settings WHERE key = 'plan'").lower() == "sql"
    db.run("SELECT dupgpu_config('threads', 2)")
    assert db.value("SELECT dupgpu_config('threads')") in (2, "2")


def test_settings_belong_to_one_connection(connect):
    one, two = connect(), connect()
    one.run("SELECT dupgpu_config('plan', 'brute')")
    assert two.value("SELECT dupgpu_config('plan')") == "auto"


@pytest.mark.parametrize("key, value", [
    ("plan", "fastest"), ("plan", 5), ("backend", "abacus"), ("threads", -1), ("threads", "many"), ("threads", 1.5),
    ("threads", 10**12), ("max_pixels", 0), ("max_pixels", -5), ("max_pixels", "big"), ("memory_limit_gb", -1),
    ("memory_limit_gb", "much"), ("nonsense", 1), ("", 1), ("plan", "")])
def test_unfit_settings_are_errors_and_change_nothing(db, key, value):
    before = db.rows("SELECT * FROM dupgpu_settings")
    text = db.error("SELECT dupgpu_config(?, ?)", key, value)
    assert "dupgpu_config" in text and (key in text) and (str(value) in text or key in ("nonsense", ""))
    assert db.rows("SELECT * FROM dupgpu_settings") == before


def test_unknown_key_is_an_error(db):
    text = db.error("SELECT dupgpu_config('nonsense')")
    assert "nonsense" in text and "plan" in text


def test_setting_is_direct_only(db):
    db.run("CREATE TABLE t(id INTEGER PRIMARY KEY, h)")
    db.run("CREATE VIEW sneaky AS SELECT dupgpu_config('threads', 1)")
    assert "unsafe use" in db.error("SELECT * FROM sneaky")
    db.run("CREATE TRIGGER sneak AFTER INSERT ON t BEGIN SELECT dupgpu_config('threads', 1); END")
    assert "unsafe use" in db.error("INSERT INTO t VALUES(1, 1)")


ENVIRONMENT = """
import sqlite3, sys
db = sqlite3.connect(':memory:')
db.enable_load_extension(True)
db.load_extension(sys.argv[1])
for row in db.execute(sys.argv[2]):
    print(*row)
"""


def with_environment(extension, sql, **env):
    done = subprocess.run([sys.executable, "-c", ENVIRONMENT, extension, sql], env=dict(os.environ, **env),
                          capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr


def test_environment(extension):
    sql = "SELECT value, origin FROM dupgpu_settings WHERE key = 'plan'"
    assert "brute" in with_environment(extension, sql, DUPGPU_PLAN="brute")
    assert "env" in with_environment(extension, sql, DUPGPU_PLAN="brute").lower()
    assert "auto" in with_environment(extension, sql)


def test_sql_wins_over_the_environment(extension):
    sql = "SELECT dupgpu_config('plan', 'multi_index') UNION ALL SELECT dupgpu_config('plan')"
    assert "brute" not in with_environment(extension, sql, DUPGPU_PLAN="brute")


def test_unfit_environment_is_reported_and_does_not_pass_silently(extension):
    told = with_environment(extension, "SELECT * FROM dupgpu_settings WHERE key = 'plan'", DUPGPU_PLAN="fastest")
    assert "fastest" in told


@pytest.mark.parametrize("backend", ["auto", "cpu"])
def test_backends_that_are_there(db, backend):
    db.table("t", oracle.sample("planted", 200, 64))
    db.run("SELECT dupgpu_config('backend', ?)", backend)
    assert db.value("SELECT count(*) FROM similar_pairs('t', 'h', 5)") > 0
    assert db.value("SELECT DISTINCT backend FROM dupgpu_stats") == "cpu"


def test_memory_limit(db):
    """A tight limit gives the same answer in less space; the column itself, which a search must hold, is not counted."""
    db.table("t", oracle.sample("planted", 20000, 64))
    sql = "SELECT count(*), sum(id_a), sum(id_b), sum(distance) FROM similar_pairs('t', 'h', 6)"
    expected = db.row(sql)
    for gigabytes in (0.02, 0.01, 0.00001):
        db.run("SELECT dupgpu_config('memory_limit_gb', ?)", gigabytes).run("UPDATE t SET h = h WHERE id = 1")
        assert db.row(sql) == expected
        if gigabytes >= 0.01:
            assert db.value("SELECT bytes FROM dupgpu_stats ORDER BY rowid DESC LIMIT 1") <= gigabytes * 2**30


def test_stats_keep_the_last_operations_of_this_connection_only(connect):
    one, two = connect(), connect()
    one.table("t", [1, 3])
    for _ in range(3):
        one.run("UPDATE t SET h = h").run("SELECT * FROM similar_pairs('t', 'h', 1)")
    assert one.searches() == 3 and two.searches() == 0
    names = one.column("SELECT name FROM pragma_table_info('dupgpu_stats')")
    assert names == ["op", "backend", "device", "plan", "rows", "batches", "candidates", "results", "seconds", "bytes",
                     "fallback", "source"]
    for _ in range(2000):
        one.run("SELECT * FROM similar_pairs('t', 'h', ?) LIMIT 1", _ % 60)
    assert 1 <= one.value("SELECT count(*) FROM dupgpu_stats") <= 1000


def test_equal_question_is_answered_from_the_cache(db):
    db.table("t", oracle.sample("planted", 3000, 64))
    for _ in range(2):
        db.run("SELECT count(*) FROM t a JOIN similar_pairs('t', 'h', 4) d ON d.id_a = a.id")
    assert db.searches() in (1, 2)
