-- Finds one of several equal shares of the near-duplicate pairs of a catalogue and writes it to a database file of its
-- own, for the sqlite3 shell with dupgpu loaded. Where one machine takes too long, each share is found by a process of
-- its own, on any number of machines, in any order; merge_shards.sql brings them together.
--
--     $ sqlite3 photos.db
--     sqlite> SELECT load_extension('dupgpu');
--     sqlite> .parameter set :shard 0                -- which share: 0 to :shards - 1
--     sqlite> .parameter set :shards 8               -- how many there are
--     sqlite> .parameter set :threshold 8            -- how many bits may differ; without it: 8
--     sqlite> .read /usr/share/dupgpu/shard_pairs.sql
--
-- shard_pairs.sh does the same from a command line, for programs that run many. The file is pairs-0-of-8.db in the
-- folder you are in. It holds pairs(id_a, id_b, distance) and, in its one row of share, what it is a share of: only
-- shares of one search of the same hashes by the same dupgpu fit together, and merge_shards.sql sees to that. A file
-- that is there already is replaced; one left behind by a process that was stopped has no row in share. photos is only
-- read, and many may read it at once.
--
-- For other tables and columns, or for similarity_join, change the statement that fills pairs.

.bail on

ATTACH format('pairs-%d-of-%d.db', :shard, :shards) AS found;

DROP TABLE IF EXISTS found.share;
DROP TABLE IF EXISTS found.pairs;
CREATE TABLE found.share(shard INTEGER, shards INTEGER, search TEXT, hashes TEXT, pairs INTEGER);
CREATE TABLE found.pairs(id_a, id_b, distance INTEGER);

BEGIN;
INSERT INTO found.pairs
    SELECT id_a, id_b, distance FROM similar_pairs('photos', 'phash', coalesce(:threshold, 8))
    WHERE shard = :shard AND shards = :shards;

-- The hashes are told from others by their number and a check sum.
INSERT INTO found.share
    SELECT :shard, :shards,
           format('photos.phash within %d, plan %s, dupgpu %s', coalesce(:threshold, 8), dupgpu_config('plan'),
                  dupgpu_version()),
           (SELECT format('%d, check sum %d', count(phash), sum(hash_int(phash) % 1000000007)) FROM photos),
           (SELECT count(*) FROM found.pairs);
COMMIT;

SELECT format('shard %d of %d: %d pairs', shard, shards, pairs) FROM found.share;

DETACH found;
.bail off
