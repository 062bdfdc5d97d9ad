-- Keeps a table of near-duplicate pairs up to date, with an index that finds what is new: for the sqlite3 shell with
-- dupgpu loaded, run as often as you like, nightly for example. It compares only pictures that were added or changed
-- since the last run with all the others, however many those are.
--
--     $ sqlite3 photos.db
--     sqlite> SELECT load_extension('dupgpu');
--     sqlite> .parameter set :threshold 8        -- how many of the 64 bits may differ; without it: 8
--     sqlite> .read /usr/share/dupgpu/nightly_pairs.sql
--
-- It works on the catalogue of make_catalogue.sql, or any table photos(id, phash) of 64-bit hashes. The first run makes the
-- index photo_index, with triggers on photos that keep it in step from then on: every program that writes photos must
-- load dupgpu. Pairs are kept in nightly_pairs(id_a, id_b, distance, found); those that hold no longer, because a
-- picture is gone or has another hash, are removed. It prints the pairs that this run has found. Pictures without
-- content (black, or one colour), which all have the same hash, are left out.
--
-- nightly_state remembers up to where, and with which threshold, pairs were found; with another threshold everything is
-- compared again. To undo it all: DROP TABLE photo_index, nightly_pairs, nightly_state, and the triggers photo_index_ai,
-- photo_index_ad and photo_index_au.

.bail on

CREATE VIRTUAL TABLE IF NOT EXISTS photo_index
    USING hash_index(bits=64, content=photos, content_column=phash, content_rowid=id);
CREATE TABLE IF NOT EXISTS nightly_pairs(id_a INTEGER, id_b INTEGER, distance INTEGER, found TEXT,
                                         PRIMARY KEY(id_a, id_b)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS nightly_state(threshold INTEGER, mark INTEGER);

BEGIN IMMEDIATE;

INSERT INTO photo_index(photo_index) SELECT 'rebuild' WHERE NOT EXISTS (SELECT 1 FROM nightly_state);
INSERT INTO photo_index(photo_index) VALUES('create-triggers');

DELETE FROM nightly_pairs
 WHERE distance > coalesce(:threshold, 8)
    OR (SELECT hamming(a.phash, b.phash) FROM photos AS a, photos AS b WHERE a.id = id_a AND b.id = id_b) IS NOT distance;

CREATE TEMP TABLE tonight AS
    SELECT id_a, id_b, distance
      FROM similar_pairs('photo_index', 'hash', coalesce(:threshold, 8)) AS pair
      JOIN photos ON photos.id = id_a
     WHERE newer_than = (SELECT mark FROM nightly_state WHERE threshold = coalesce(:threshold, 8))
       AND (distance > 0 OR hash_int(phash) NOT IN (0, -9223372036854775808));

INSERT OR IGNORE INTO nightly_pairs SELECT id_a, id_b, distance, datetime() FROM tonight;
DELETE FROM nightly_state;
INSERT INTO nightly_state VALUES(coalesce(:threshold, 8), hash_index_mark('photo_index'));

COMMIT;

SELECT id_a, id_b, distance FROM temp.tonight ORDER BY distance, id_a, id_b;
DROP TABLE temp.tonight;
.bail off
