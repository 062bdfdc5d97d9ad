-- Brings the shares of pairs that shard_pairs.sql wrote together in one table, for the sqlite3 shell:
--
--     $ sqlite3 photos.db
--     sqlite> SELECT load_extension('dupgpu');       -- not needed here, only for what you do with the pairs
--     sqlite> .parameter set :shards 8               -- how many there are
--     sqlite> .parameter set :folder "'shares'"      -- where they lie; without it: the folder you are in
--     sqlite> .read /usr/share/dupgpu/merge_shards.sql
--
-- The table is all_pairs(id_a, id_b, distance), in any database you like. One that is there already is replaced, but
-- only when all shares have been read and belong together: a share that is missing or was not finished, shares of
-- different searches or of a catalogue that has changed between them, and a pair that comes twice each end the script
-- with an error that says so. The shares are only read.
--
-- How it works: SQLite attaches ten files at most, so that each share is attached by a statement of its own. These are
-- written to dupgpu-merge-shards.sql in the folder you are in, run from there, and removed (after an error they stay).

.bail on

DROP TABLE IF EXISTS temp.expected_share;
DROP TABLE IF EXISTS temp.merged_share;
DROP TABLE IF EXISTS temp.merge_check;
DROP TABLE IF EXISTS main.all_pairs_unfinished;

CREATE TEMP TABLE merged_share(shard INTEGER, shards INTEGER, search TEXT, hashes TEXT, pairs INTEGER);
CREATE TABLE main.all_pairs_unfinished(id_a, id_b, distance INTEGER);

-- A file that is missing is an error of fsdir.
CREATE TEMP TABLE expected_share AS
    WITH RECURSIVE
        number(shard) AS (SELECT 0 UNION ALL SELECT shard + 1 FROM number WHERE shard + 1 < :shards),
        named(shard, path) AS (
            SELECT shard, format('%s/pairs-%d-of-%d.db', coalesce(nullif(rtrim(:folder, '/'), ''), '.'), shard, :shards)
            FROM number)
    SELECT shard, name AS file FROM named, fsdir(named.path);

SELECT 'cannot write dupgpu-merge-shards.sql in the folder you are in'
 WHERE writefile('dupgpu-merge-shards.sql', (
    SELECT group_concat(format(
        'ATTACH %Q AS share;%s'
        || 'INSERT INTO all_pairs_unfinished SELECT id_a, id_b, distance FROM share.pairs;%s'
        || 'INSERT INTO merged_share SELECT * FROM share.share;%s'
        || 'DETACH share;%s', file, char(10), char(10), char(10), char(10)), '')
    FROM expected_share)) IS NULL;

.read dupgpu-merge-shards.sql
.shell rm -f dupgpu-merge-shards.sql

SELECT 'not finished: ' || file FROM expected_share WHERE shard NOT IN (SELECT shard FROM merged_share);

-- The names of the constraints are what an error says.
CREATE TEMP TABLE merge_check(
    unfinished INTEGER CONSTRAINT "each share must have been finished" CHECK (unfinished = 0),
    searches INTEGER CONSTRAINT "all shares must be of one search by one version" CHECK (searches = 1),
    hashes INTEGER CONSTRAINT "all shares must be of the same hashes" CHECK (hashes = 1),
    lost INTEGER CONSTRAINT "each share must hold the pairs it was written with" CHECK (lost = 0),
    again INTEGER CONSTRAINT "no pair may come twice" CHECK (again = 0));
INSERT INTO merge_check
    SELECT :shards - count(DISTINCT shard), count(DISTINCT shards || search), count(DISTINCT hashes),
           sum(pairs) - (SELECT count(*) FROM all_pairs_unfinished),
           sum(pairs) - (SELECT count(*) FROM (SELECT DISTINCT id_a, id_b FROM all_pairs_unfinished))
    FROM merged_share;
DROP TABLE merge_check;

BEGIN;
DROP TABLE IF EXISTS main.all_pairs;
ALTER TABLE all_pairs_unfinished RENAME TO all_pairs;
COMMIT;

SELECT format('%d pairs of %d shares', sum(pairs), count(*)) FROM merged_share;
DROP TABLE merged_share;
DROP TABLE expected_share;
.bail off
