"""Has DuckDB and PyIceberg compare every table of every load of a changing
workspace with the truth, before and after loads have expired.

usage: run.py BIN [WORKSPACE [FAULT_RATE]]
"""

import hashlib
import os
import sys
import tempfile
import urllib.parse

from pyiceberg.catalog.sql import SqlCatalog

from generations import ask, configure, connect, each, faulty, generations, load, notionlake, python, say, simulator
from judge import judge
from readers import DuckDB, PyIceberg


def main(bin_dir, workspace="everything", fault_rate="0.03"):
    with tempfile.TemporaryDirectory() as work, simulator(bin_dir, workspace, *faulty(fault_rate)) as url:
        # A space and a letter beyond ASCII: paths in metadata must survive them.
        folder, truth = os.path.join(work, "my lake ö"), os.path.join(work, "truth")
        configure(folder, url, "retention: {keep_last: 2}\n")  # and of its only day the newest
        last = generations(bin_dir, folder, url, truth)
        connect(bin_dir, folder, "duckdb", last, each(lambda text: DuckDB().run(text)))
        for engine in ("pyiceberg", "polars", "pandas"):
            connect(bin_dir, folder, engine, last, lambda texts: python(texts, cwd=folder))
        lake = os.path.join(folder, "lake")
        catalog = SqlCatalog("notionlake", uri="sqlite:///" + os.path.join(lake, "catalog.db"), warehouse="file://" + lake)
        readers = [DuckDB(), PyIceberg()]
        wrong = judge(catalog, "notion", truth, readers, reads=once).wrong
        expired = maintain(bin_dir, folder)
        return min(1, wrong + judge(catalog, "notion", truth, readers, expired, once).wrong + copied(bin_dir))


def once(engine, _, how):
    """What PyIceberg reads by tag it reads by snapshot in the same way: that is left to `make matrix`."""
    return engine != "PyIceberg" or how != "by snapshot"


def copied(bin_dir):
    """Has the tables of a workspace judged whose files are copied, and the copies compared with what they are named by."""
    with tempfile.TemporaryDirectory() as work, simulator(bin_dir, "files") as url:
        folder, truth = os.path.join(work, "files"), os.path.join(work, "truth")
        configure(folder, url, "content: {files: true}\n")
        for step in range(3):
            if step:
                print("change:", ask(url, "/_sim/step", b"")["title"])
            load(bin_dir, folder, url, truth, files=True)
        lake = os.path.join(folder, "lake")
        catalog = SqlCatalog("notionlake", uri="sqlite:///" + os.path.join(lake, "catalog.db"), warehouse="file://" + lake)
        wrong = judge(catalog, "notion", truth, [DuckDB(), PyIceberg()]).wrong
        files = catalog.load_table(("notion", "_files")).scan().to_arrow().to_pylist()
        copies = {f["path"]: (f["sha256"], f["size"]) for f in files if f["path"]}
        for path, (sha256, size) in copies.items():
            with open(urllib.parse.urlparse(path).path, "rb") as f:
                data = f.read()
            if hashlib.sha256(data).hexdigest() != sha256 or len(data) != size:
                print("WRONG: the copy %s is not what _files says" % path)
                wrong += 1
        print("%d copies are what _files says" % len(copies))
        if len(copies) < 30:
            sys.exit("too few copies for a verdict")
        return wrong


def maintain(bin_dir, folder):
    """Lets all loads but the last two expire, in two steps, and returns them."""
    expired = notionlake(bin_dir, folder, "expire", "--keep-last", "3")
    if not expired["expired"] or not expired["files"]["files"]:
        sys.exit("nothing expired")
    more = notionlake(bin_dir, folder, "maintain")
    loads = expired["expired"] + more["expired"]
    say("maintenance: %d loads expired, %d files deleted, compacted: %s" % (
        len(loads), expired["files"]["files"] + more["files"]["files"], ", ".join(t["table"] for t in more["compacted"]) or "nothing"))
    return loads


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
