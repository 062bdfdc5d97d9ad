#!/bin/sh
# What `make demo` runs: fills FOLDER/pictures with real pictures and edited copies of some, makes FOLDER/photos.db from
# it, prints duplicate pairs and groups, and says what to try next.
#
#   tests/demo.sh FOLDER EXTENSION
set -eu
folder=$1
extension=$(realpath "$2")
scripts=$(realpath "$(dirname "$0")/../sql")
rm -rf "$folder"
mkdir -p "$folder/pictures/wallpapers" "$folder/pictures/edited"
cd "$folder"

echo "== Pictures: wallpapers and puzzles from Debian packages, and copies edited with djpeg, cjpeg and jpegtran"
for size in 2560x1600 5120x2880 1920x1080 3840x2160; do
    for file in /usr/share/wallpapers/*/contents/images/$size.jpg; do
        [ -f "$file" ] && [ ! -L "$file" ] || continue
        name=${file#/usr/share/wallpapers/}
        cp "$file" "pictures/wallpapers/${name%%/*}-$size.jpg"
        preview=${file%/images/*}/screenshot
        for kind in jpg png; do
            [ ! -f "$preview.$kind" ] || cp "$preview.$kind" "pictures/wallpapers/${name%%/*}-preview.$kind"
        done
    done
done
cp /usr/share/backgrounds/*_by_*.jpg /usr/share/palapeli/collection/*.jpg pictures/

original=pictures/castle-maintenon.jpg
edited=pictures/edited/castle
djpeg -scale 1/2 $original | cjpeg -quality 60 >$edited-half-size.jpg
djpeg -grayscale $original | cjpeg -quality 85 >$edited-grey.jpg
djpeg $original | cjpeg -quality 10 -baseline >$edited-poor-quality.jpg
jpegtran -progressive $original >$edited-progressive.jpg
jpegtran -crop 992x656+16+8 $original >$edited-cropped.jpg
jpegtran -rotate 90 $original >$edited-rotated.jpg
head -c 20000 $original >$edited-truncated.jpg
echo 'This is no picture.' >pictures/edited/letter.jpg

echo "== Catalogue: sql/make_catalogue.sql (without a hash: the truncated picture and the letter)"
sqlite3 -cmd ".load $extension" -cmd '.parameter set :folder pictures' photos.db ".read $scripts/make_catalogue.sql"

echo "== Duplicates: sql/duplicate_pairs.sql"
sqlite3 -box -cmd ".load $extension" photos.db ".read $scripts/duplicate_pairs.sql"

echo "== What was done"
sqlite3 -box -cmd ".load $extension" photos.db \
    "SELECT count(*) AS pairs FROM similar_pairs('photos', 'phash', 8); SELECT * FROM dupgpu_stats" \
    "SELECT path, error FROM photos WHERE error IS NOT NULL"

cat <<END
== Go on by yourself:
  \$ cd $PWD && sqlite3 -box photos.db
  sqlite> .load $extension
  sqlite> SELECT id_a, id_b, distance FROM similar_pairs('photos', 'phash', 12) ORDER BY distance;
  sqlite> SELECT a.path, hamming(a.phash, b.phash) AS bits FROM photos a, photos b
     ...>  WHERE b.path LIKE '%castle-maintenon.jpg' ORDER BY bits LIMIT 5;
  sqlite> SELECT * FROM dupgpu_settings;
END
