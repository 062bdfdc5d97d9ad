-- Lists near-duplicate pictures of a catalogue made by make_catalogue.sql, for the sqlite3 shell with dupgpu loaded:
--
--     $ sqlite3 -box photos.db
--     sqlite> SELECT load_extension('dupgpu');
--     sqlite> .parameter set :threshold 8        -- how many of the 64 bits may differ; without it: 8
--     sqlite> .read /usr/share/dupgpu/duplicate_pairs.sql
--
-- 4 finds other formats, sizes and compressions of a picture; 8 suits a person who looks through the result; 10 to 12
-- also find crops, watermarks and screenshots, and with them pictures that only look alike.
--
-- First it prints the pairs: the larger copy (more pixels, then more bytes), the smaller, how many bits differ. Then
-- the groups that the pairs form, largest copy first. Pictures without content (black, or one colour) are left out:
-- they all have the same hash. Nothing is changed. The pairs stay in the temp table duplicate_pairs(larger, smaller,
-- distance), ids of photos, until the shell ends, for statements of your own.

DROP TABLE IF EXISTS temp.duplicate_pairs;

CREATE TEMP VIEW IF NOT EXISTS pictures_with_content AS
    SELECT id, phash FROM photos WHERE hash_int(phash) NOT IN (0, -9223372036854775808);

CREATE TEMP TABLE duplicate_pairs AS
    SELECT iif(a_is_larger, id_a, id_b) AS larger, iif(a_is_larger, id_b, id_a) AS smaller, distance
    FROM (SELECT id_a, id_b, distance,
                 (a.width * a.height, a.bytes, b.id) > (b.width * b.height, b.bytes, a.id) AS a_is_larger
          FROM similar_pairs('pictures_with_content', 'phash', coalesce(:threshold, 8))
          JOIN photos AS a ON a.id = id_a
          JOIN photos AS b ON b.id = id_b);

CREATE INDEX temp.duplicate_pairs_by_larger ON duplicate_pairs(larger);
CREATE INDEX temp.duplicate_pairs_by_smaller ON duplicate_pairs(smaller);

SELECT a.path AS larger, a.width || ' x ' || a.height AS size, b.path AS smaller, b.width || ' x ' || b.height AS size,
       distance
FROM duplicate_pairs AS pair
JOIN photos AS a ON a.id = pair.larger
JOIN photos AS b ON b.id = pair.smaller
ORDER BY distance, a.path, b.path;

-- A group is what can be reached over pairs, named by its smallest id. The walk starts only at pictures that have no
-- neighbour with a smaller id: each group has at least one.
WITH RECURSIVE
    link(here, there) AS (
        SELECT larger, smaller FROM duplicate_pairs UNION ALL SELECT smaller, larger FROM duplicate_pairs),
    walk(start, id) AS (
        SELECT here, here FROM link GROUP BY here HAVING here < min(there)
        UNION
        SELECT start, there FROM walk JOIN link ON here = walk.id),
    member(id, name) AS (SELECT id, min(start) FROM walk GROUP BY id)
SELECT dense_rank() OVER (ORDER BY member.name) AS "group", path, width || ' x ' || height AS size, bytes
FROM member JOIN photos USING (id)
ORDER BY "group", width * height DESC, bytes DESC, id;
