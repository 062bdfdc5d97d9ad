-- Makes or refreshes a catalogue of the JPEG and PNG files of a folder, for the sqlite3 shell with dupgpu loaded:
--
--     $ sqlite3 photos.db
--     sqlite> SELECT load_extension('dupgpu');
--     sqlite> .parameter set :folder "'/home/me/Pictures'"        -- without it: the folder you are in
--     sqlite> .read /usr/share/dupgpu/make_catalogue.sql
--
-- The table is photos(id, path, modified, bytes, width, height, phash, error). Run the script again whenever you like:
-- a file that is there already with the same time of change is not read again. (Its size is not compared: the shell
-- would have to read the whole file for it.) Work is committed every 100 pictures; after a stop run the script again.
-- Rows of this folder whose file is gone keep their id and lose their hash; their error is 'file not found'.
--
-- A picture that cannot be hashed does not stop the run: the shell prints the reason, the row's hash stays NULL and its
-- error is 'could not be hashed'. It is tried again when the file changes. The shell then ends with status 1.
-- To see a reason again: SELECT phash(readfile(path)) FROM photos WHERE id = 7;
--
-- How it works: a bad picture ends the statement that hashes it, so each picture gets a statement of its own. They are
-- written to dupgpu-hash-new.sql in the folder you are in, run from there, and removed.

CREATE TABLE IF NOT EXISTS photos(
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL UNIQUE,
    modified INTEGER, -- seconds since 1970 when it was hashed
    bytes INTEGER,
    width INTEGER,
    height INTEGER,
    phash BLOB,       -- NULL: see error
    error TEXT        -- NULL: all is well
);

CREATE TEMP TABLE folder AS SELECT coalesce(nullif(rtrim(:folder, '/'), ''), '.') AS name;

CREATE TEMP TABLE found AS
    SELECT file.name AS path, mtime AS modified
    FROM folder, fsdir(folder.name) AS file
    WHERE mode & 61440 = 32768 -- a regular file
      AND (lower(file.name) GLOB '*.jpg' OR lower(file.name) GLOB '*.jpeg' OR lower(file.name) GLOB '*.png');

UPDATE photos
   SET modified = NULL, phash = NULL, error = 'file not found'
  FROM folder
 WHERE substr(path, 1, length(folder.name) + 1) = folder.name || '/'
   AND path NOT IN (SELECT path FROM found);

INSERT INTO photos(path, modified, error)
    SELECT path, modified, 'not hashed yet' FROM found WHERE true
    ON CONFLICT(path) DO UPDATE
       SET modified = excluded.modified, bytes = NULL, width = NULL, height = NULL, phash = NULL, error = excluded.error
     WHERE photos.modified IS NOT excluded.modified;

DROP TABLE found;
DROP TABLE folder;

SELECT count(*) || ' pictures in the catalogue, ' || sum(error IS 'not hashed yet') || ' of them to hash' FROM photos;

CREATE TEMP TABLE work AS
    SELECT format('UPDATE photos SET phash = phash(data), bytes = length(data), width = image_info(data) ->> ''width'','
                  || ' height = image_info(data) ->> ''height'', error = NULL'
                  || ' FROM (SELECT readfile(%Q) AS data) WHERE id = %d;%s'
                  || 'UPDATE photos SET error = ''could not be hashed'' WHERE id = %d AND phash IS NULL;%s',
                  path, id, char(10), id,
                  iif(row_number() OVER (ORDER BY id) % 100 = 0, char(10) || 'COMMIT; BEGIN;', '')) AS statements
    FROM photos WHERE error = 'not hashed yet' ORDER BY id;

SELECT 'cannot write dupgpu-hash-new.sql in the folder you are in'
 WHERE writefile('dupgpu-hash-new.sql',
                 'BEGIN;' || char(10) || coalesce((SELECT group_concat(statements, char(10)) FROM work), '')
                 || char(10) || 'COMMIT;' || char(10)) IS NULL;
DROP TABLE work;

.read dupgpu-hash-new.sql
.shell rm -f dupgpu-hash-new.sql

SELECT count(phash) || ' pictures have a hash, ' || sum(phash IS NULL) || ' have none' FROM photos;
