-- Lists pictures of a catalogue made by make_catalogue.sql that are copies of one another when one is turned or mirrored,
-- for the sqlite3 shell with dupgpu loaded:
--
--     $ sqlite3 -box photos.db
--     sqlite> SELECT load_extension('dupgpu');
--     sqlite> .parameter set :threshold 4        -- how many of the 64 bits may differ; without it: 4
--     sqlite> .read /usr/share/dupgpu/turned_pairs.sql
--
-- Prints the larger copy, the smaller, and how many bits differ in the view that fits best. Mirrored, flipped and
-- upside-down copies are as near as plain ones; those turned by a quarter may be up to 4 bits further away.
--
-- The eight hashes of each picture stay in a table of this script, photo_views(id, phash, views), so that run again it
-- decodes only what is new or has changed. Pictures without content are left out.

CREATE TABLE IF NOT EXISTS photo_views(id INTEGER PRIMARY KEY, phash BLOB NOT NULL, views BLOB);

DELETE FROM photo_views WHERE (id, phash) NOT IN (SELECT id, phash FROM photos WHERE phash IS NOT NULL);

INSERT INTO photo_views
    SELECT id, phash, phash_orientations(readfile(path)) FROM photos
    WHERE hash_int(phash) NOT IN (0, -9223372036854775808) AND id NOT IN (SELECT id FROM photo_views);

SELECT a.path AS larger, a.width || ' x ' || a.height AS size, b.path AS smaller, b.width || ' x ' || b.height AS size,
       distance
FROM (SELECT iif(a_is_larger, id_a, id_b) AS larger, iif(a_is_larger, id_b, id_a) AS smaller, distance
      FROM (SELECT id_a, id_b, distance,
                   (a.width * a.height, a.bytes, b.id) > (b.width * b.height, b.bytes, a.id) AS a_is_larger
            FROM similar_pairs('photo_views', 'views', coalesce(:threshold, 4))
            JOIN photos AS a ON a.id = id_a
            JOIN photos AS b ON b.id = id_b
            WHERE orientations = 1))
JOIN photos AS a ON a.id = larger
JOIN photos AS b ON b.id = smaller
ORDER BY distance, a.path, b.path;
