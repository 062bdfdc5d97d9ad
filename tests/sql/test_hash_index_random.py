"""Random operations on a hash_index against a dictionary: inserts, updates and deletes in all forms, savepoints and
rollbacks, other connections, reopening, commands, and queries of both kinds.

DUPGPU_INDEX_OPERATIONS sets how many are run (for each of the cases); 100000 was run by hand.
"""

import os
import random

import oracle
import pytest

OPERATIONS = int(os.environ.get("DUPGPU_INDEX_OPERATIONS", 700))
CASES = [(64, "delete", "content"), (64, "wal", "contentless"), (256, "delete", "contentless"), (32, "wal", "content"),
         (128, "delete", "content")]


class Run:
    """One index, the rows it must hold, and a stack of what they were at each savepoint."""

    def __init__(self, connect, path, bits, journal, content, seed):
        self.open = lambda: connect(str(path))
        self.draw = random.Random(seed)
        self.width = bits // 8
        self.external = content == "content"
        self.templates = [self.draw.randbytes(self.width) for _ in range(12)]
        self.rows = {}
        self.savepoints = []  # (name, rows)
        self.db = self.open()
        self.other = None
        self.db.value(f"PRAGMA journal_mode = {journal}")
        self.db.run("PRAGMA synchronous = OFF")
        arguments = ""
        if self.external:
            self.db.run("CREATE TABLE t(id INTEGER PRIMARY KEY, h, note)")
            arguments = ", content=t, content_column=h, content_rowid=id"
        self.db.run(f"CREATE VIRTUAL TABLE i USING hash_index(bits={bits}{arguments})")
        self.db.run("INSERT INTO i(i, k) VALUES('delta', 20)")
        if self.external:
            self.command("create-triggers")

    @property
    def table(self):
        return ("t", "id", "h") if self.external else ("i", "rowid", "hash")

    def hash(self):
        value = self.draw.choice(self.templates)
        return oracle.flip(value, self.draw.sample(range(8 * self.width), self.draw.choice((0, 0, 1, 2, 4, 8, 13))))

    def form(self, value):
        """One of the forms a hash may have."""
        forms = [value, value.hex(), value.hex().upper()]
        return self.draw.choice(forms + ([oracle.as_integer(value)] if self.width == 8 else []))

    def id(self):
        if self.rows and self.draw.random() < 0.7:
            return self.draw.choice(list(self.rows))
        return self.draw.choice((self.draw.randint(-50, 3000), self.draw.randint(-2**63, 2**63 - 1)))

    def command(self, text):
        self.db.run("INSERT INTO i(i) VALUES(?)", text)

    def query(self, db=None, rows=None):
        db, rows = db or self.db, self.rows if rows is None else rows
        query = self.hash()
        near = sorted((oracle.hamming(query, value), key) for key, value in rows.items())
        db.value("SELECT dupgpu_config('plan', ?)", self.draw.choice(("auto", "multi_index", "brute")))
        radius, k = self.draw.choice((0, 1, 3, 6, 9, 14)), self.draw.choice((1, 2, 5, 40))
        found = db.rows("SELECT distance, rowid FROM i WHERE hash MATCH ? AND distance <= ?", self.form(query), radius)
        assert found == [row for row in near if row[0] <= radius]
        found = db.rows("SELECT distance, rowid, hash FROM i WHERE hash MATCH ? AND k = ?", query, k)
        assert found == [(distance, key, rows[key]) for distance, key in near[:k]]

    def everything(self):
        assert dict(self.db.rows("SELECT rowid, hash FROM i")) == self.rows
        assert self.db.column("SELECT rowid FROM i ORDER BY rowid") == sorted(self.rows)
        self.command("integrity-check")

    # --- operations ---

    def insert(self):
        table, key, column = self.table
        how = self.draw.choice(("", "", " OR REPLACE", " OR IGNORE"))
        row, value = self.id(), None if self.draw.random() < 0.05 else self.hash()
        there = row in (self.content if self.external else self.rows)
        given = None if value is None else self.form(value)
        sql = f"INSERT{how} INTO {table}({key}, {column}) VALUES(?, ?)"
        if there and not how:
            assert self.db.error(sql, row, given)
            return
        self.db.run(sql, row, given)
        if not there or "REPLACE" in how:
            self.set(row, value)

    def insert_next(self):
        table, key, column = self.table
        if self.rows and max(self.rows) > 2**62:
            return
        value = self.hash()
        self.db.run(f"INSERT INTO {table}({column}) VALUES(?)", value)
        row = self.db.value("SELECT last_insert_rowid()")
        assert row not in self.rows
        self.set(row, value)

    def insert_many(self):
        table, key, column = self.table
        count, start = self.draw.choice((3, 30, 200)), self.draw.randint(3000, 10**6)
        values = {start + 7 * i: self.hash() for i in range(count)}
        self.db.run("CREATE TEMP TABLE IF NOT EXISTS many(id, h)").run("DELETE FROM temp.many")
        for row, value in values.items():
            self.db.run("INSERT INTO temp.many VALUES(?, ?)", row, value)
        self.db.run(f"INSERT OR REPLACE INTO {table}({key}, {column}) SELECT id, h FROM temp.many")
        for row, value in values.items():
            self.set(row, value)

    def update(self):
        table, key, column = self.table
        row, value = self.id(), None if self.draw.random() < 0.05 else self.hash()
        self.db.run(f"UPDATE {table} SET {column} = ? WHERE {key} = ?", value, row)
        if row in (self.content if self.external else self.rows):
            self.set(row, value)

    def move(self):
        table, key, _ = self.table
        row, target = self.id(), self.id()
        there = self.content if self.external else self.rows
        sql = f"UPDATE OR REPLACE {table} SET {key} = ? WHERE {key} = ?"
        self.db.run(sql, target, row)
        if row in there and row != target:
            value = there[row]
            self.forget(row)
            self.set(target, value)

    def delete(self):
        table, key, _ = self.table
        row = self.id()
        self.db.run(f"DELETE FROM {table} WHERE {key} = ?", row)
        self.forget(row)

    def delete_many(self):
        table, key, _ = self.table
        low = self.draw.randint(0, 3000)
        self.db.run(f"DELETE FROM {table} WHERE {key} BETWEEN ? AND ?", low, low + 200)
        for row in [row for row in (self.content if self.external else self.rows) if low <= row <= low + 200]:
            self.forget(row)

    def savepoint(self):
        name = f"s{len(self.savepoints)}"
        self.db.run(f"SAVEPOINT {name}")
        self.savepoints.append((name, dict(self.rows), dict(self.content)))

    def rollback_to(self):
        if self.savepoints:
            at = self.draw.randrange(len(self.savepoints))
            name, self.rows, self.content = self.savepoints[at]
            self.rows, self.content = dict(self.rows), dict(self.content)
            self.db.run(f"ROLLBACK TO {name}")
            del self.savepoints[at + 1:]

    def release(self):
        if self.savepoints:
            at = self.draw.randrange(len(self.savepoints))
            self.db.run(f"RELEASE {self.savepoints[at][0]}")
            del self.savepoints[at:]

    def rollback(self):
        if self.savepoints:
            self.db.run("ROLLBACK")
            _, self.rows, self.content = self.savepoints[0]
            self.savepoints = []

    def reopen(self):
        if not self.savepoints:
            self.db.close()
            self.db = self.open().run("PRAGMA synchronous = OFF")

    def another(self):
        """A second connection sees what is committed."""
        if not self.savepoints:
            self.other = self.other or self.open()
            self.query(self.other)

    def commands(self):
        self.command(self.draw.choice(("optimize", "rebuild", "integrity-check")))

    # --- the oracle ---

    content = None

    def set(self, row, value):
        self.content[row] = value
        self.rows.pop(row, None)
        if value is not None:
            self.rows[row] = value

    def forget(self, row):
        self.content.pop(row, None)
        self.rows.pop(row, None)


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case)))
def test_random_operations(connect, tmp_path, case, library):
    if OPERATIONS < 10000 and library.name == "newest" and case not in CASES[:2]:
        pytest.skip("run with more operations")
    run = Run(connect, tmp_path / "r.db", *case, seed=f"{case} {library.name}")
    run.content = {}
    weights = {run.insert: 30, run.insert_next: 20, run.insert_many: 3, run.update: 20, run.move: 4, run.delete: 15,
               run.delete_many: 1, run.savepoint: 6, run.rollback_to: 3, run.release: 4, run.rollback: 1, run.reopen: 1,
               run.another: 3, run.commands: 1, run.query: 20}
    for step in range(OPERATIONS):
        (operation,) = run.draw.choices(list(weights), list(weights.values()))
        operation()
        if step % 97 == 0:
            run.everything()
        if len(run.rows) > 1500:
            run.db.run(f"DELETE FROM {run.table[0]} WHERE {run.table[1]} > 1000")
            for row in [row for row in run.content if row > 1000]:
                run.forget(row)
    run.everything()
