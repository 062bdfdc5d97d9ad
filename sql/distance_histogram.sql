-- Shows where to put the threshold: a chart of how many pairs of pictures there are at each distance, for the sqlite3
-- shell with dupgpu loaded and a catalogue made by make_catalogue.sql:
--
--     $ sqlite3 photos.db
--     sqlite> SELECT load_extension('dupgpu');
--     sqlite> .parameter set :to 32              -- the largest distance shown; without it: 32
--     sqlite> .read /usr/share/dupgpu/distance_histogram.sql
--
-- Copies of a picture lie at small distances, strangers around half of the 64 bits. Between the two hills is a valley: a
-- threshold there finds the copies and leaves the strangers. Where the bars rise from the start there are few copies,
-- or the hash cannot tell them from strangers.
--
-- A bar one character longer stands for half as many pairs again, or the copies could not be seen beside the strangers.
-- Two distances share a bar, because the phash of a photograph nearly always has an even number of ones, so that odd
-- distances hardly occur. Pictures without content (black, or one colour) are left out: they all have the same hash.
-- The last line names the valley: the bars with the fewest pairs below the strangers' hill. The counts stay in the temp
-- table pairs_at_distance(distance, pairs) until the shell ends; nothing else is changed.

DROP TABLE IF EXISTS temp.pairs_at_distance;

CREATE TEMP VIEW IF NOT EXISTS pictures_with_content AS
    SELECT id, phash FROM photos WHERE hash_int(phash) NOT IN (0, -9223372036854775808);

CREATE TEMP TABLE pairs_at_distance AS
    SELECT distance, pairs FROM distance_histogram('pictures_with_content', 'phash');

-- printf('%.*c', n, '#') writes a character n times.
SELECT printf('%2d-%-2d %12d  %s', distance, distance + 1, pairs,
              iif(pairs > 0, printf('%.*c', 1 + CAST(ln(pairs) / ln(1.5) AS INTEGER), '#'), '')) AS "bits        pairs"
FROM (SELECT distance / 2 * 2 AS distance, sum(pairs) AS pairs FROM pairs_at_distance GROUP BY 1)
WHERE distance <= coalesce(:to, 32)
ORDER BY distance;

WITH bar(distance, pairs) AS (SELECT distance / 2 * 2, sum(pairs) FROM pairs_at_distance GROUP BY 1),
     below(distance, pairs) AS (
         SELECT distance, pairs FROM bar
         WHERE distance < (SELECT distance FROM bar ORDER BY pairs DESC, distance DESC LIMIT 1))
SELECT printf('fewest pairs: %d, from %d to %d bits', pairs, min(distance), max(distance) + 1) AS valley
FROM below
WHERE pairs = (SELECT min(pairs) FROM below)
HAVING count(*) > 0;
