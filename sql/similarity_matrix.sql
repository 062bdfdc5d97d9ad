-- Prints how similar each two pictures of a catalogue are, for the sqlite3 shell with dupgpu loaded: as rows i, j,
-- similarity, what users of arrays know as compute_similarity_matrix.
--
--     $ sqlite3 -csv photos.db
--     sqlite> SELECT load_extension('dupgpu');
--     sqlite> .parameter set :column "'dhash'"       -- the column of hashes; without it: phash
--     sqlite> .parameter set :threshold 16           -- leave out pairs that differ in more bits; without it: none
--     sqlite> .once matrix.csv
--     sqlite> .read /usr/share/dupgpu/similarity_matrix.sql
--
-- i and j are ids of photos; similarity is 1 - distance/bits. Each two pictures come once: the triangle on one side of
-- the diagonal. The other side is its mirror image and the diagonal is 1. Pictures without a hash are left out. Nothing
-- is changed.
--
-- Rows are printed as they are found: memory does not grow with their number. 10,000 pictures are 50 million rows,
-- about 1 GB of CSV. Pairs beyond :threshold are not even searched for.

SELECT id_a AS i, id_b AS j, similarity
FROM similar_pairs('photos', coalesce(:column, 'phash'), coalesce(:threshold, 8192)); -- no hash has more bits
