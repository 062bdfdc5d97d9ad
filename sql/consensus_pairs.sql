-- Lists the pictures of a catalogue that two kinds of hashes call near-duplicates, for the sqlite3 shell with dupgpu
-- loaded:
--
--     $ sqlite3 -box photos.db
--     sqlite> SELECT load_extension('dupgpu');
--     sqlite> .parameter set :phash_threshold 10     -- how many of phash's 64 bits may differ; without it: 10
--     sqlite> .parameter set :dhash_threshold 10     -- how many of dhash's 64 bits may differ; without it: 10
--     sqlite> .read /usr/share/dupgpu/consensus_pairs.sql
--
-- photos needs a column dhash beside phash. To a catalogue made by make_catalogue.sql it is added by
--
--     ALTER TABLE photos ADD COLUMN dhash BLOB;
--     UPDATE photos SET dhash = dhash(readfile(path)) WHERE phash IS NOT NULL AND dhash IS NULL;
--
-- Above a threshold of 8 each hash alone finds mostly pictures that only look alike. The two look at different things,
-- frequencies and slopes, so they seldom agree by chance: a large threshold for both keeps the crops and watermarks and
-- drops the rest.
--
-- Left out are pictures with too little in them to be told apart: black, of one colour, silhouettes. A phash sets a bit
-- where a frequency is above the median, so half of its bits are set in any normal picture; of the pictures with fewer
-- than 16 or more than 48 of 64 set most are "duplicates" of each other.
--
-- Nothing is changed. The pairs stay in the temp table consensus_pairs(id_a, id_b, phash_distance, dhash_distance), ids
-- of photos, until the shell ends, for statements of your own.

DROP TABLE IF EXISTS temp.consensus_pairs;

-- hamming(phash, 0) is the number of bits set in it.
CREATE TEMP VIEW IF NOT EXISTS pictures_with_detail AS
    SELECT id, phash FROM photos WHERE hamming(phash, 0) BETWEEN 16 AND 48;

-- The index joins by phash; what it finds is then compared by dhash. A picture without a dhash is in no pair.
CREATE TEMP TABLE consensus_pairs AS
    SELECT id_a, id_b, distance AS phash_distance, hamming(a.dhash, b.dhash) AS dhash_distance
    FROM similar_pairs('pictures_with_detail', 'phash', coalesce(:phash_threshold, 10))
    JOIN photos AS a ON a.id = id_a
    JOIN photos AS b ON b.id = id_b
    WHERE dhash_distance <= coalesce(:dhash_threshold, 10);

SELECT a.path, b.path, phash_distance, dhash_distance
FROM consensus_pairs AS pair
JOIN photos AS a ON a.id = pair.id_a
JOIN photos AS b ON b.id = pair.id_b
ORDER BY phash_distance + dhash_distance, a.path, b.path;
