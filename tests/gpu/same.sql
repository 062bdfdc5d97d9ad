-- 2 * :half rows, the second half near the first, for comparing what places find in them. Fed to the shell by check.sh.
CREATE TABLE photos(id INTEGER PRIMARY KEY, phash);
INSERT INTO photos
    WITH RECURSIVE c(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM c WHERE i < :half)
    SELECT i, random() FROM c;
INSERT INTO photos SELECT id + :half, (phash | (1 << (id % 63))) & ~(1 << (id * 7 % 61)) FROM photos;
CREATE TABLE wide(id INTEGER PRIMARY KEY, phash);
INSERT INTO wide
    WITH RECURSIVE c(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM c WHERE i < :half / 2)
    SELECT i, randomblob(32) FROM c;
INSERT INTO wide
    SELECT id + :half / 2, CAST(x'00' || substr(phash, 2) AS BLOB) FROM wide;
