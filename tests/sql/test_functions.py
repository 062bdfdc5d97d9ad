"""hamming, similarity, hash_int, hash_blob: three forms of a hash, NULL, and what is refused."""

import random
import re
import struct

import oracle
import pytest

DRAW = random.Random(2)
WORDS = [0, 1, -1, 2**63 - 1, -2**63, 0x5555555555555555] + [DRAW.randrange(-2**63, 2**63) for _ in range(20)]


def forms(number):
    blob = struct.pack(">q", number)
    return [number, blob, blob.hex(), blob.hex().upper()]


def test_hamming_in_every_pair_of_forms(db):
    for a, b in zip(WORDS, reversed(WORDS)):
        expected = bin((a ^ b) & (2**64 - 1)).count("1")
        for left in forms(a):
            for right in forms(b):
                assert db.value("SELECT hamming(?, ?)", left, right) == expected
                assert db.value("SELECT dupgpu_hamming(?, ?)", left, right) == expected
                assert db.value("SELECT similarity(?, ?)", left, right) == 1 - expected / 64


@pytest.mark.parametrize("bits", [8, 16, 24, 56, 64, 72, 128, 136, 256, 512, 1000, 1024])
def test_hamming_of_every_width(db, bits):
    values = oracle.sample("uniform", 12, bits)
    for a, b in zip(values, values[1:]):
        distance = oracle.hamming(a, b)
        for left, right in ((a, b), (a.hex(), b), (a, b.hex().upper())):
            assert db.value("SELECT hamming(?, ?)", left, right) == distance
            assert db.value("SELECT similarity(?, ?)", left, right) == 1 - distance / bits


def test_result_types(db):
    assert db.row("SELECT typeof(hamming(1, 2)), typeof(similarity(1, 2)), typeof(hash_int(x'0000000000000001')),"
                  " typeof(hash_blob(1))") == ("integer", "real", "integer", "blob")
    assert db.value("SELECT similarity(7, 7)") == 1.0


def test_conversions(db):
    for number in WORDS:
        for form in forms(number):
            assert db.value("SELECT hash_int(?)", form) == number
            assert db.value("SELECT hash_blob(?)", form) == struct.pack(">q", number)


@pytest.mark.parametrize("call", [
    "hamming(NULL, 1)", "hamming(1, NULL)", "hamming(NULL, NULL)", "dupgpu_hamming(NULL, x'00')",
    "similarity(NULL, 'ff')", "similarity('ff', NULL)", "hash_int(NULL)", "hash_blob(NULL)", "phash(NULL)",
    "phash(NULL, 16)", "phash(NULL, 8, '{}')", "dhash(NULL)", "dhash_vertical(NULL)", "ahash(NULL)", "whash(NULL)",
    "image_info(NULL)"])
def test_null_in_null_out(db, call):
    assert db.value(f"SELECT {call}") is None


@pytest.mark.parametrize("function", ["hamming", "dupgpu_hamming", "similarity"])
@pytest.mark.parametrize("left, right, words", [
    ("x'00'", "x'0000'", ["8", "16"]),
    ("x'0000000000000000'", "x'00000000000000000000000000000000'", ["64", "128"]),
    ("1", "x'00'", ["64", "8"]),
    ("'ff'", "1", ["64", "8"]),
    ("'abc'", "1", ["odd|digits|hex"]),
    ("'zz'", "'zz'", ["hex"]),
    ("'0x00000000000000ff'", "1", ["hex"]),
    ("1.5", "1", ["REAL|real"]),
])
def test_unfit_hashes_are_errors(db, function, left, right, words):
    text = db.error(f"SELECT {function}({left}, {right})")
    assert re.search("hamming|similarity", text), text
    for word in words:
        assert re.search(word, text), text


@pytest.mark.parametrize("value", ["x'00'", "x'000000000000000000'", "'ff'"])
def test_hash_int_takes_64_bits_only(db, value):
    text = db.error(f"SELECT hash_int({value})")
    assert "hash_int" in text and "64" in text


@pytest.mark.parametrize("function", ["hash_int", "hash_blob"])
@pytest.mark.parametrize("value", ["'0123456789abcdeg'", "'abc'", "1.0", "''", "x''"])
def test_conversions_refuse_what_is_no_hash(db, function, value):
    assert function in db.error(f"SELECT {function}({value})")


def test_hash_blob_of_other_widths(db):
    assert db.row("SELECT hash_blob('FF'), hash_blob(x'0102'), hash_blob('00112233445566778899')") == \
        (b"\xff", b"\1\2", bytes.fromhex("00112233445566778899"))


@pytest.mark.parametrize("call", ["hamming(1)", "hamming(1, 2, 3)", "hash_int()", "phash()", "phash(1, 2, 3, 4)",
                                  "dupgpu_config()", "similarity(1)", "image_info(1, 2)"])
def test_wrong_arity_is_found_when_prepared(db, call):
    text = db.error(f"SELECT {call}").lower()
    assert "wrong number of arguments" in text


def test_a_million_calls(db):
    """hamming over a cross join: the row values change, so nothing may be kept between calls."""
    db.run("CREATE TABLE t(h)")
    values = oracle.sample("uniform", 300, 64)
    for value in values:
        db.run("INSERT INTO t VALUES(?)", value)
    total = sum(oracle.hamming(a, b) for a in values for b in values)
    assert db.value("SELECT sum(hamming(a.h, b.h)) FROM t a, t b") == total
