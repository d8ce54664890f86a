"""Has DuckDB and PyIceberg compare every table of every load of a changing
workspace with the truth, before and after loads have expired.

usage: run.py BIN [WORKSPACE [FAULT_RATE]]
"""

import os
import sys
import tempfile

from pyiceberg.catalog.sql import SqlCatalog

from generations import configure, connect, faulty, generations, notionlake, python, simulator
from judge import judge
from readers import DuckDB, PyIceberg


def main(bin_dir, workspace="everything", fault_rate="0.15"):
    with tempfile.TemporaryDirectory() as work, simulator(bin_dir, workspace, *faulty(fault_rate)) as url:
        # A space and a letter beyond ASCII: paths in metadata must survive them.
        folder, truth = os.path.join(work, "my lake ö"), os.path.join(work, "truth")
        configure(folder, url, "retention: {keep_last: 2}\n")  # and of its only day the newest
        last = generations(bin_dir, folder, url, truth)
        connect(bin_dir, folder, "duckdb", last, lambda text: DuckDB().run(text))
        for engine in ("pyiceberg", "polars", "pandas"):
            connect(bin_dir, folder, engine, last, lambda text: python(text, cwd=folder))
        lake = os.path.join(folder, "lake")
        catalog = SqlCatalog("notionlake", uri="sqlite:///" + os.path.join(lake, "catalog.db"), warehouse="file://" + lake)
        readers = [DuckDB(), PyIceberg()]
        wrong = judge(catalog, "notion", truth, readers).wrong
        expired = maintain(bin_dir, folder)
        return min(1, wrong + judge(catalog, "notion", truth, readers, expired).wrong)


def maintain(bin_dir, folder):
    """Lets all loads but the last two expire, in two steps, and returns them."""
    expired = notionlake(bin_dir, folder, "expire", "--keep-last", "3")
    if not expired["expired"] or not expired["files"]["files"]:
        sys.exit("nothing expired")
    more = notionlake(bin_dir, folder, "maintain")
    loads = expired["expired"] + more["expired"]
    print("maintenance: %d loads expired, %d files deleted, compacted: %s" % (
        len(loads), expired["files"]["files"] + more["files"]["files"], ", ".join(t["table"] for t in more["compacted"]) or "nothing"))
    return loads


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
