"""Has every engine compare every table of every load of a changing workspace with
the truth, in every way that the engine has; runs what `connect` prints; and reads
while loads are published. Prints a table in Markdown.

usage: matrix.py BIN [OUT]
"""

import collections
import os
import sys
import tempfile

from pyiceberg.catalog.sql import SqlCatalog

import engines
from generations import configure, connect, faulty, generations, python, simulator
from judge import judge
from readers import DuckDB, PyIceberg, Spark, Trino

ENGINES = ("PyIceberg", "DuckDB", "Spark", "Trino")

HEAD = """# What every engine reads

`make matrix` writes this table. The simulator's workspace `everything`, with every type of property, is loaded eight times
with changes between and 15 % faults. Then each engine reads every table of every load in every way that it has (newest, by
tag, by snapshot, by time; DuckDB: newest and by snapshot), and every cell is compared with the truth that is computed from
the workspace. The texts of `connect` are run as they are printed, for all tables and for one, newest and as of a load.

"""


def local(bin_dir, con):
    """Local files and a SQLite catalog."""
    with tempfile.TemporaryDirectory() as work, simulator(bin_dir, "everything", *faulty("0.15")) as url:
        folder, truth = os.path.join(work, "my lake ö"), os.path.join(work, "truth")
        configure(folder, url)
        last = generations(bin_dir, folder, url, truth)
        lake = os.path.join(folder, "lake")
        catalog = SqlCatalog("notionlake", uri="sqlite:///" + os.path.join(lake, "catalog.db"), warehouse="file://" + lake)
        ran = collections.Counter()
        trino = Trino(con)
        ran["Trino"] = connect(bin_dir, folder, "trino", last, trino.run)
        ran["DuckDB"] = connect(bin_dir, folder, "duckdb", last, lambda text: DuckDB().run(text))
        for engine in ("pyiceberg", "polars", "pandas"):
            ran["PyIceberg"] += connect(bin_dir, folder, engine, last, lambda text: python(text, cwd=folder))
        environment = engines.spark_environment()
        ran["Spark"] = connect(bin_dir, folder, "spark", last, lambda text: python(text, cwd=folder, env=environment))
        with engines.spark(bin_dir, folder) as session:
            return judge(catalog, "notion", truth, [PyIceberg(), DuckDB(), Spark(session), trino]), ran


def main(bin_dir, out=None):
    lines = ["| storage and catalog | " + " | ".join(ENGINES) + " |", "|---" * (len(ENGINES) + 1) + "|"]
    wrong = 0
    with engines.trino() as con:
        for name, stand in (("local files, SQLite", local),):
            j, ran = stand(bin_dir, con)
            wrong += j.wrong
            lines.append("| %s | " % name + " | ".join(
                "%s readings, %s cells, %d `connect`: %s" % (
                    format(j.tables[e], ","), format(j.cells[e], ","), ran[e], "no difference" if not j.by_engine[e] else "%d differences" % j.by_engine[e])
                for e in ENGINES) + " |")
    text = HEAD + "\n".join(lines) + "\n"
    print(text)
    if out:
        with open(out, "w", encoding="utf-8") as f:
            f.write(text)
    return min(1, wrong)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
