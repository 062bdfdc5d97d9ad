-- Draws two PNG files by SQL alone, for the sqlite3 shell with dupgpu loaded and a catalogue made by make_catalogue.sql:
--
--     $ sqlite3 photos.db
--     sqlite> SELECT load_extension('dupgpu');
--     sqlite> .read /usr/share/dupgpu/plots.sql
--
-- histogram.png: how many pairs of pictures there are at each distance, a bar for each from 0 at the left to the number
-- of bits; a bar twice as high stands for the square of the number. Copies make the hill at the left, strangers the one
-- in the middle, and the threshold belongs in the valley between.
--
-- series.png: the values of the view series(at, value) as a line, in the order of `at`. Without such a view it is a random
-- walk; for numbers of your own make one first:
--
--     sqlite> CREATE TEMP VIEW series AS SELECT ts AS at, close AS value FROM prices;
--
-- A bar is drawn as a line: from 0 up to its height, then a gap. With twelve numbers for a bar, two of which are points,
-- it stands upright. Nothing is changed but the two files.

WITH height(distance, y) AS (
         SELECT distance, ln(1 + pairs) FROM distance_histogram('photos', 'phash')),
     number(distance, place, y) AS (
         SELECT distance, value, CASE value WHEN 5 THEN 0 WHEN 6 THEN y END
         FROM height, json_each('[0,1,2,3,4,5,6,7,8,9,10,11]'))
SELECT writefile('histogram.png', render_line_agg(y,
           '{"width": 480, "height": 160, "line_width": 5, "color": "#27496d", "background": "#f6f4ee"}')) > 0
       AS "histogram.png"
FROM (SELECT y FROM number ORDER BY distance, place);

CREATE TEMP VIEW IF NOT EXISTS series AS
    WITH RECURSIVE walk(at, value, chance) AS (
        VALUES(0, 0, 1)
        UNION ALL
        SELECT at + 1, value + chance % 7 - 3, chance * 48271 % 2147483647 FROM walk WHERE at < 400)
    SELECT at, value FROM walk;

SELECT writefile('series.png', render_line_agg(value,
           '{"width": 480, "height": 160, "line_width": 1.5, "padding": 6, "color": "#a63d2f", "background": "#f6f4ee"}')) > 0
       AS "series.png"
FROM (SELECT value FROM temp.series ORDER BY at);
