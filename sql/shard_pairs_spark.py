#!/usr/bin/env python3
"""Finds the near-duplicate pairs of a catalogue with Apache Spark: one task for each share of them.

    spark-submit shard_pairs_spark.py DATABASE SHARDS [THRESHOLD [FOLDER]]

Spark sends each worker a copy of the database file. A task runs shard_pairs.sh, which lies beside this program, over
its worker's copy and leaves pairs-N-of-SHARDS.db in FOLDER (by default the folder you are in), which all workers must
see; merge_shards.sql brings these together. Spark runs a task that failed again, and ends with an error if it fails
for good. Without spark-submit, under a Python that has pyspark, it runs on the cores of this machine.

The workers need sqlite3 and dupgpu, or DUPGPU=/path/to/dupgpu in their environment. Each task keeps to one core, as
Spark expects.
"""

import argparse
import os
import pathlib
import subprocess

from pyspark import SparkFiles
from pyspark.sql import SparkSession

SCRIPTS = ("shard_pairs.sh", "shard_pairs.sql")


def find(shard, database, shards, threshold, folder):
    """Runs in a worker: finds one share; gives the line that shard_pairs.sql prints."""
    command = ["sh", SparkFiles.get(SCRIPTS[0]), SparkFiles.get(database), str(shard), str(shards), str(threshold)]
    done = subprocess.run(command, cwd=folder, env={"DUPGPU_THREADS": "1", **os.environ}, capture_output=True,
                          text=True)
    if done.returncode:
        raise RuntimeError(f"shard {shard}: {done.stderr.strip()}")
    return done.stdout.strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("database", type=pathlib.Path)
    parser.add_argument("shards", type=int)
    parser.add_argument("threshold", type=int, nargs="?", default=8)
    parser.add_argument("folder", type=pathlib.Path, nargs="?", default=pathlib.Path.cwd())
    given = parser.parse_args()
    session = SparkSession.builder.appName("dupgpu").getOrCreate()
    context = session.sparkContext
    context.addFile(str(given.database.resolve()))
    for script in SCRIPTS:
        context.addFile(str(pathlib.Path(__file__).resolve().parent / script))
    job = given.database.name, given.shards, given.threshold, str(given.folder.resolve())
    for line in context.parallelize(range(given.shards), given.shards).map(lambda shard: find(shard, *job)).collect():
        print(line)
    session.stop()


if __name__ == "__main__":
    main()
