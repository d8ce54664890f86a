"""Reads with PyIceberg while loads are published, one after the other.

usage: meanwhile.py BIN [LOADS]

Every load changes the rows of several tables: it is a load of the changed
workspace, or a rollback. Meanwhile three readers look, again and again:

  at once     the pointers of all tables, in one transaction of the catalog
  pinned      two tables at the newest tag of _loads
  unpinned    two tables, each as the catalog has it at that moment

The first two must never see tables of two loads, nor other rows than the load's.
What the third sees is counted: it may see both sides of a publication.
"""

import collections
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request

from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import StaticTable

NAMESPACE, TABLES = "notion", ("tasks", "projects")


def main(bin_dir, loads="50"):
    with tempfile.TemporaryDirectory() as folder:
        sim = subprocess.Popen([os.path.join(bin_dir, "notionsim"), "--workspace", "demo"], stdout=subprocess.PIPE, text=True)
        try:
            return watch(bin_dir, folder, sim.stdout.readline().strip(), int(loads))
        finally:
            sim.kill()
            sim.wait()


def watch(bin_dir, folder, url, loads):
    with open(os.path.join(folder, "notionlake.yaml"), "w", encoding="utf-8") as f:
        f.write('notion: {token: ntn_simulator, base_url: "%s", rate: off}\n' % url)

    def run(*args):
        command = [os.path.join(bin_dir, "notionlake"), *args, "--json", "--log-level", "error"]
        return json.loads(subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, check=True).stdout)

    first = run("run")["load_id"]
    try:
        while True:  # all changes that there are
            urllib.request.urlopen(urllib.request.Request(url + "/_sim/step", data=b"", method="POST"), timeout=60).close()
    except urllib.error.HTTPError as e:
        if e.code != 409:
            raise
    done, failed = threading.Event(), []

    def publish():
        try:
            for n in range(loads):
                run(*(("run", "--allow-shrink") if n % 2 == 0 else ("rollback", "--to", first)))
        except Exception as e:  # noqa: BLE001: the readers must end too
            failed.append(e)
        finally:
            done.set()

    lake = os.path.join(folder, "lake")
    db = os.path.join(lake, "catalog.db")
    catalog = SqlCatalog("notionlake", uri="sqlite:///" + db, warehouse="file://" + lake)
    writer = threading.Thread(target=publish)
    writer.start()
    reads, seen, mixed = collections.Counter(), set(), collections.Counter()
    while not done.is_set():
        for reader in (at_once, pinned, unpinned):
            states = reader(catalog, db)
            reads[reader.__name__] += 1
            mixed[reader.__name__] += len({load for load, _, _ in states}) > 1
            if reader is not unpinned:
                seen.update(s for s in states if s[1])
    writer.join()
    if failed:
        raise failed[0]
    ledger = catalog.load_table((NAMESPACE, "_loads")).scan().to_arrow().to_pylist()
    wanted = {row["load_id"]: json.loads(row["table_snapshots"]) for row in ledger}
    wrong = [s for s in seen if s[2] != wanted[s[0]][s[1]]["rows"]]
    counts = {tuple(wanted[load][t]["rows"] for t in TABLES) for load in wanted}
    for name, n in reads.items():
        print("readers during %d loads: %s: %d readings, %d of two loads" % (loads, name, n, mixed[name]))
    print("%d tables of %d loads counted, %d with other rows than the load's" % (len(seen), len({s[0] for s in seen}), len(wrong)))
    if len(wanted) != loads + 1 or len(counts) < 2 or min(reads.values()) < loads // 2:
        sys.exit("too little happened for a verdict")
    return 1 if wrong or mixed["at_once"] or mixed["pinned"] else 0


def state(table, snapshot):
    """The load, the name and the rows of a table at a snapshot."""
    return (snapshot.summary.additional_properties["notionlake.load-id"], table.name()[-1], table.scan(snapshot_id=snapshot.snapshot_id).count())


def at_once(_, db):
    con = sqlite3.connect("file:%s?mode=ro" % db, uri=True)
    try:
        rows = con.execute("SELECT table_name, metadata_location FROM iceberg_tables WHERE table_namespace = ?", (NAMESPACE,)).fetchall()
    finally:
        con.close()
    tables = {name: StaticTable.from_metadata(location) for name, location in rows}
    loads = {t.current_snapshot().summary.additional_properties["notionlake.load-id"] for t in tables.values()}
    states = [(load, None, None) for load in loads] if len(loads) > 1 else []
    return states + [(next(iter(loads)), name, tables[name].scan().count()) for name in TABLES]


def pinned(catalog, _):
    tag = max(ref for ref in catalog.load_table((NAMESPACE, "_loads")).refs() if ref.startswith("load_"))
    tables = [catalog.load_table((NAMESPACE, t)) for t in TABLES]
    return [state(t, t.snapshot_by_name(tag)) for t in tables]


def unpinned(catalog, _):
    tables = [catalog.load_table((NAMESPACE, t)) for t in TABLES]
    return [state(t, t.current_snapshot()) for t in tables]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
