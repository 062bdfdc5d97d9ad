-- Makes or refreshes a catalogue of the JPEG and PNG files of a folder, for the sqlite3 shell with dupgpu loaded:
--
--     $ sqlite3 photos.db
--     sqlite> SELECT load_extension('dupgpu');
--     sqlite> .parameter set :folder "'/home/me/Pictures'"        -- without it: the folder you are in
--     sqlite> .read /usr/share/dupgpu/make_catalogue.sql
--
-- The table is photos(id, path, modified, bytes, width, height, phash, error). Run the script again whenever you like:
-- a file that is there already with the same time of change is not read again. All cores hash; work is committed every
-- 1,000 pictures, so it can be stopped at any time, and the next run goes on with the rest.
-- Rows of this folder whose file is gone keep their id and lose their hash; their error is 'file not found'. Nothing is
-- done to them where no picture was found at all (is the disk mounted?) or where their own folder cannot be read.
--
-- A picture that cannot be hashed does not stop the run: its hash stays NULL and its error says why. It is tried again
-- when the file changes. SELECT dupgpu_config('progress', 1) before the script shows a bar.
--
-- How it works: the rows to hash are a view of 1,000 rows, and one statement hashes the view. It is written to
-- dupgpu-hash-new.sql in the folder you are in as often as it takes, run from there, and the file is removed. The
-- setting read_files is 1 while the script runs.

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

CREATE TEMP TABLE IF NOT EXISTS setting AS SELECT dupgpu_config('read_files') AS read_files;
SELECT 1 WHERE dupgpu_config('read_files', 1) IS NOT 1;

DROP TABLE IF EXISTS temp.folder;
CREATE TEMP TABLE folder AS SELECT coalesce(nullif(rtrim(:folder, '/'), ''), '.') AS name;

DROP TABLE IF EXISTS temp.found;
CREATE TEMP TABLE found AS
    SELECT file.path, mtime AS modified, file.error FROM folder, image_files(folder.name) AS file;

SELECT 'cannot be read: ' || error FROM found WHERE error IS NOT NULL;

UPDATE photos
   SET modified = NULL, phash = NULL, error = 'file not found'
  FROM folder
 WHERE substr(photos.path, 1, length(folder.name) + 1) = folder.name || '/'
   AND photos.path NOT IN (SELECT path FROM found)
   AND EXISTS (SELECT 1 FROM found)
   AND NOT EXISTS (SELECT 1 FROM found
                    WHERE found.error IS NOT NULL
                      AND substr(photos.path, 1, length(found.path) + 1) = found.path || '/');

INSERT INTO photos(path, modified, error)
    SELECT path, modified, 'not hashed yet' FROM found WHERE error IS NULL
    ON CONFLICT(path) DO UPDATE
       SET modified = excluded.modified, bytes = NULL, width = NULL, height = NULL, phash = NULL, error = excluded.error
     WHERE photos.modified IS NOT excluded.modified;

DROP TABLE temp.found;
DROP TABLE temp.folder;

SELECT count(*) || ' pictures in the catalogue, ' || count(*) FILTER (WHERE error = 'not hashed yet') || ' of them to hash'
  FROM photos;

CREATE INDEX IF NOT EXISTS photos_not_hashed_yet ON photos(id) WHERE error = 'not hashed yet';
CREATE TEMP VIEW IF NOT EXISTS to_hash AS
    SELECT id, path FROM photos WHERE error = 'not hashed yet' ORDER BY id LIMIT 1000;

SELECT 'cannot write dupgpu-hash-new.sql in the folder you are in'
 WHERE writefile('dupgpu-hash-new.sql', coalesce((
    WITH RECURSIVE thousands(n) AS (
        SELECT (count(*) + 999) / 1000 FROM photos WHERE error = 'not hashed yet'
        UNION ALL
        SELECT n - 1 FROM thousands WHERE n > 1)
    SELECT group_concat('UPDATE photos SET phash = h.phash, bytes = h.bytes, width = h.width, height = h.height,'
                        || ' error = h.error FROM image_hashes(''to_hash'', ''path'') AS h WHERE h.id = photos.id;',
                        char(10))
      FROM thousands WHERE n > 0), '') || char(10)) IS NULL;

.read dupgpu-hash-new.sql
.shell rm -f dupgpu-hash-new.sql

DROP VIEW temp.to_hash;
DROP INDEX photos_not_hashed_yet;
SELECT 1 FROM setting WHERE dupgpu_config('read_files', setting.read_files) IS NOT setting.read_files;
DROP TABLE temp.setting;

SELECT count(phash) || ' pictures have a hash, ' || count(*) FILTER (WHERE phash IS NULL) || ' have none' FROM photos;
