"""The ways to find near-duplicate pairs that field.py compares, each as a class over one column of hashes.

A method is made from (values, threshold, path): the column as uint8, rows x bytes, and a database with the same rows
as photos(id, phash). Making it is building its index. `ask(n)` looks for the rows within the threshold of each of the
first n rows, and gives how many it found, the rows themselves included. Methods that cannot be asked for some rows
only are `whole`: `ask(rows)` gives twice the pairs plus the rows, as the others do. All use one thread.
"""

import sqlite3

import data
import numpy
import peers

EXTENSION = str(data.ROOT / "build" / "dupgpu")


class Method:
    whole = False
    exact = True
    work = 1  # the share of asking for every row that a self-join takes

    def __init__(self, values, threshold, path):
        self.values, self.threshold, self.path = values, threshold, path
        self.rows = len(values)
        self.build()

    def build(self):
        pass


class Dupgpu(Method):
    """The SQL statement on a fresh connection, the reading of the column included."""
    name = "dupgpu"
    whole = True

    def ask(self, count):
        db = connect(self.path)
        db.execute("SELECT dupgpu_config('threads', 1)").fetchall()
        (pairs,) = db.execute("SELECT count(*) FROM similar_pairs('photos', 'phash', ?)", (self.threshold,)).fetchone()
        db.close()
        return 2 * pairs + self.rows


class FaissFlat(Method):
    """FAISS IndexBinaryFlat.range_search; its radius is strict."""
    name = "FAISS flat"

    def build(self):
        import faiss
        faiss.omp_set_num_threads(1)
        self.index = self.make(faiss, 8 * self.values.shape[1])
        self.index.add(self.values)

    def make(self, faiss, bits):
        return faiss.IndexBinaryFlat(bits)

    def ask(self, count):
        limits, _, _ = self.index.range_search(self.values[:count], self.threshold + 1)
        return int(limits[-1])


class FaissMultiHash(FaissFlat):
    """FAISS IndexBinaryMultiHash of 16-bit pieces. By the pigeonhole principle it is exact if as many bits are flipped
    in each as the threshold leaves for the piece with the fewest differences."""
    name = "FAISS multi-hash"

    def make(self, faiss, bits):
        index = faiss.IndexBinaryMultiHash(bits, bits // 16, 16)
        index.nflip = self.threshold // (bits // 16)
        return index


class Usearch(Method):
    """usearch's graph, asked for the 10 nearest of each row: not exact, and blind beyond ten."""
    name = "usearch HNSW, k = 10"
    exact = False

    def build(self):
        from usearch.index import Index, MetricKind, ScalarKind
        self.index = Index(ndim=8 * self.values.shape[1], metric=MetricKind.Hamming, dtype=ScalarKind.B1)
        self.index.add(numpy.arange(self.rows), self.values, threads=1)

    def ask(self, count):
        return int((self.index.search(self.values[:count], 10, threads=1).distances <= self.threshold).sum())


class Imagededup(Method):
    """imagededup's default search, brute force in C++ for hashes of 64 bits. Each query hands it the whole column."""
    name = "imagededup brute force"

    def build(self):
        self.named = {str(row): value.tobytes().hex() for row, value in enumerate(self.values)}
        self.searcher = self.make()

    def make(self):
        from imagededup.handlers.search.brute_force_cython import BruteForceCython
        return BruteForceCython(self.named, None)

    def ask(self, count):
        return sum(len(self.searcher.search(self.named[str(row)], self.threshold)) for row in range(count))


class ImagededupTree(Imagededup):
    """imagededup's BK-tree, with a faster function for the distance than its own."""
    name = "imagededup BK-tree"

    def make(self):
        from imagededup.handlers.search.bktree import BKTree
        return BKTree(self.named, lambda a, b: (int(a, 16) ^ int(b, 16)).bit_count())


class NestedLoop(Method):
    """A nested loop in SQL with dupgpu's hamming(), a popcount in C; a self-join looks at each two rows once."""
    name = "SQL nested loop"
    work = .5  # b.id > a.id
    expression = "hamming(a.phash, b.phash)"

    def build(self):
        self.db = connect(self.path, *self.extensions())

    def extensions(self):
        return ()

    def ask(self, count):
        (found,) = self.db.execute(
            f"SELECT count(*) FROM photos a CROSS JOIN photos b WHERE a.id <= ? AND {self.expression} <= ?",
            (count, self.threshold)).fetchone()
        return found


class SqliteVec(NestedLoop):
    """A nested loop in SQL with sqlite-vec's function; vec0 tables have no range search of unlimited results."""
    name = "sqlite-vec nested loop"

    def extensions(self):
        ((_, extension, self.expression),) = peers.sql_functions()
        return (extension,)


class BandJoin(Method):
    """The pigeonhole join in plain SQL."""
    name = "SQL band join"
    whole = True

    def ask(self, count):
        db = connect(self.path)
        pairs = peers.band_join(db, self.threshold).pairs
        db.close()
        return 2 * pairs + self.rows


def connect(path, *extensions):
    db = sqlite3.connect(path)
    db.enable_load_extension(True)
    for extension in (EXTENSION, *extensions):
        db.load_extension(str(extension))
    db.execute("PRAGMA temp_store = MEMORY")
    return db


METHODS = {method.name: method for method in (Dupgpu, FaissFlat, FaissMultiHash, BandJoin, NestedLoop, SqliteVec,
                                              Imagededup, ImagededupTree, Usearch)}
