"""Reads while loads are published, one after the other.

usage: meanwhile.py BIN [LOADS [trino]]

Every load changes the rows of several tables: it is a load of the changed
workspace, or a rollback. Meanwhile readers look, again and again:

  at once     the pointers of all tables, in one transaction of the catalog
  pinned      two tables at the newest tag of _loads
  unpinned    two tables, each as the catalog has it at that moment
  Trino       two tables in one query, pinned and unpinned

What is pinned must never be of two loads, nor have other rows than the load's.
What is not pinned is counted: it may see both sides of a publication.
"""

import collections
import contextlib
import json
import os
import sqlite3
import sys
import tempfile
import threading
import urllib.error

from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import StaticTable

import engines
from generations import ask, configure, connection, notionlake, say, simulator
from readers import Trino

NAMESPACE, TABLES = "notion", ("tasks", "projects")


class PyIcebergReaders:
    def __init__(self, db, lake):
        self.db = db
        self.catalog = SqlCatalog("notionlake", uri="sqlite:///" + db, warehouse="file://" + lake)

    def table(self, name):
        return self.catalog.load_table((NAMESPACE, name))

    def at_once(self):
        con = sqlite3.connect("file:%s?mode=ro" % self.db, uri=True)
        try:
            rows = con.execute("SELECT table_name, metadata_location FROM iceberg_tables WHERE table_namespace = ?", (NAMESPACE,)).fetchall()
        finally:
            con.close()
        tables = {name: StaticTable.from_metadata(location) for name, location in rows}
        loads = {load_of(t.current_snapshot()) for t in tables.values()}  # of all tables, not only of those that are counted
        return loads, [(load_of(tables[n].current_snapshot()), n, tables[n].scan().count()) for n in TABLES]

    def pinned(self):
        tag = newest(self.table("_loads").refs())
        return self.states((t, t.snapshot_by_name(tag)) for t in map(self.table, TABLES))

    def unpinned(self):
        return self.states((t, t.current_snapshot()) for t in [self.table(n) for n in TABLES])

    def states(self, pairs):
        states = [(load_of(s), t.name()[-1], t.scan(snapshot_id=s.snapshot_id).count()) for t, s in pairs]
        return {load for load, _, _ in states}, states


class TrinoReaders:
    """Each looks with one query, which has no load in it: the rows tell."""

    def __init__(self, connection):
        self.con = connection

    def query(self, sql):
        return self.con.cursor().execute(sql).fetchall()

    def trino_pinned(self):
        tag = newest(row[0] for row in self.query('SELECT name FROM "notionlake"."%s"."_loads$refs"' % NAMESPACE))
        counts = self.counts(" FOR VERSION AS OF '%s'" % tag)
        load = tag.removeprefix("load_")
        return {load}, [(load, n, c) for n, c in zip(TABLES, counts)]

    def trino_unpinned(self):
        return tuple(self.counts("")), []

    def counts(self, version):
        parts = ['(SELECT count(*) FROM "notionlake"."%s"."%s"%s)' % (NAMESPACE, t, version) for t in TABLES]
        return self.query("SELECT " + ", ".join(parts))[0]


def load_of(snapshot):
    return snapshot.summary.additional_properties["notionlake.load-id"]


def newest(refs):
    return max(ref for ref in refs if ref.startswith("load_"))


def main(bin_dir, loads="50", engine=""):
    with tempfile.TemporaryDirectory() as folder, simulator(bin_dir, "demo") as url, contextlib.ExitStack() as stack:
        configure(folder, url)
        first = notionlake(bin_dir, folder, "run")["load_id"]
        with contextlib.suppress(urllib.error.HTTPError):  # 409: there are no more changes
            while True:
                ask(url, "/_sim/step", b"")
        lake = os.path.join(folder, "lake")
        py = PyIcebergReaders(os.path.join(lake, "catalog.db"), lake)
        readers = [py.at_once, py.pinned, py.unpinned]
        if engine == "trino":
            con = stack.enter_context(engines.trino())
            Trino(con).run(connection(bin_dir, folder, "trino", "_users"))
            readers = [TrinoReaders(con).trino_pinned, TrinoReaders(con).trino_unpinned, py.at_once]
        return watch(bin_dir, folder, py, readers, first, int(loads))


def watch(bin_dir, folder, py, readers, first, loads):
    done, failed = threading.Event(), []

    def publish():
        try:
            for n in range(loads):
                notionlake(bin_dir, folder, *(("run", "--allow-shrink") if n % 2 == 0 else ("rollback", "--to", first)))
        except Exception as e:  # noqa: BLE001: the readers must end too
            failed.append(e)
        finally:
            done.set()

    writer = threading.Thread(target=publish)
    writer.start()
    reads, seen, of_two, unpinned = collections.Counter(), set(), collections.Counter(), collections.Counter()
    while not done.is_set():
        for reader in readers:
            name = reader.__name__
            which, states = reader()
            reads[name] += 1
            if name == "trino_unpinned":
                unpinned[which] += 1
                continue
            of_two[name] += len(which) > 1
            if name != "unpinned":
                seen.update(states)
    writer.join()
    if failed:
        raise failed[0]
    ledger = py.table("_loads").scan().to_arrow().to_pylist()
    wanted = {row["load_id"]: json.loads(row["table_snapshots"]) for row in ledger}
    wrong = [s for s in seen if s[2] != wanted[s[0]][s[1]]["rows"]]
    counts = {tuple(wanted[load][t]["rows"] for t in TABLES) for load in wanted}
    of_two["trino_unpinned"] = sum(n for c, n in unpinned.items() if c not in counts)
    for name, n in reads.items():
        print("readers during %d loads: %s: %d readings, %d of two loads" % (loads, name, n, of_two[name]))
    say("%d tables of %d loads counted, %d with other rows than the load's" % (len(seen), len({s[0] for s in seen}), len(wrong)))
    if len(wanted) != loads + 1 or len(counts) < 2 or min(reads.values()) < loads // 2:
        sys.exit("too little happened for a verdict")
    return 1 if wrong or any(n for name, n in of_two.items() if not name.endswith("unpinned")) else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
