"""Compares what engines find with a filter, for which they skip files, row groups and
pages by bounds and Bloom filters, with what the same predicate holds for in a full scan.

usage: filters.py BIN [ENGINE...]

Every column of every table is asked for, and every child of a struct; of Spark and Trino,
some of each kind. NaN is no value:
JSON has none, and a rollup without numbers is null.
"""

import collections
import contextlib
import math
import os
import sys
import tempfile
import time

from pyiceberg.catalog.sql import SqlCatalog

import engines
import predicates
from generations import configure, connection, faulty, generations, notionlake, simulator
from judge import judge
from predicates import DUCKDB, SPARK, TRINO
from readers import DuckDB, PyIceberg, Trino

# An engine is asked for so many values of a column, and for so many columns of a kind in a workspace.
MANY, FEW = (4, None), (2, 8)
# So much a statement of the slow engines asks at once: the planner of Trino is not made for more.
AT_ONCE = 8
# Rows of the second workspace: several pages of each column.
ROWS = 12000

# A Table has its key columns, whose text tells the rows apart, and what is asked of it.
Table = collections.namedtuple("Table", "name iceberg path key checksums columns")


class Lake:
    """A warehouse, and its tables as they are after the last load."""

    def __init__(self, bin_dir, work, workspace, *flags):
        self.bin_dir, self.folder = bin_dir, os.path.join(work, workspace + " ö")
        truth = os.path.join(work, "truth of " + workspace)
        with simulator(bin_dir, workspace, *flags) as url:
            configure(self.folder, url)
            if workspace == "big":
                notionlake(bin_dir, self.folder, "run")
            else:
                generations(bin_dir, self.folder, url, truth, 3)
        folder = os.path.join(self.folder, "lake")
        catalog = SqlCatalog("notionlake", uri="sqlite:///" + os.path.join(folder, "catalog.db"), warehouse="file://" + folder)
        self.wrong = judge(catalog, "notion", truth, [DuckDB(), PyIceberg()], reads=lambda *where: where[-1] == "newest").wrong if os.path.exists(truth) else 0
        self.tables = [scanned(name[1], catalog.load_table(name)) for name in sorted(catalog.list_tables("notion"))]

    def connection(self, engine):
        return connection(self.bin_dir, self.folder, engine, "_users")


def scanned(name, table):
    path = table.location().removeprefix("file://")
    full = DuckDB().scan(predicates.plain_text(path))
    columns = list(predicates.columns(full))
    for c in columns:
        if c.kind == "number" and any(v is not None and math.isnan(v) for v in c.values):
            sys.exit("table %s, column %s holds NaN" % (name, c.path))
    texts = [c for c in columns if c.kind == "text" and len(c.path) == 1 and c.path[0] != "_raw"]
    key = [c for c in texts if c.path[0] == "_id"] or texts
    keys = ["|".join(v for v in row if v is not None) for row in zip(*[c.values for c in key])]
    return Table(name, table, path, [c.path for c in key], [predicates.checksum(k) for k in keys], columns)


def found(checksums):
    """How rows are compared: how many, and which."""
    return len(checksums), sum(checksums)


def checksummed(table, got):
    rows = zip(*[got.column(path[0]).to_pylist() for path in table.key])
    return found([predicates.checksum("|".join(v for v in row if v is not None)) for row in rows])


def each(scan):
    """Asks with one scan for each predicate."""
    return lambda table, asked: (checksummed(table, scan(table, p)) for p in asked)


@contextlib.contextmanager
def pyiceberg(lake):
    yield each(lambda table, p: table.iceberg.scan(
        row_filter=predicates.pyiceberg(p), selected_fields=tuple(path[0] for path in table.key)).to_arrow())


@contextlib.contextmanager
def duckdb(lake):
    con = DuckDB().con
    yield each(lambda table, p: con.execute("SELECT %s FROM iceberg_scan(%s) t WHERE %s" % (
        ", ".join(map(DUCKDB.name, table.key)), predicates.plain_text(table.path), DUCKDB.where(p))).to_arrow_table())


@contextlib.contextmanager
def spark(lake):
    with engines.spark(lake.bin_dir, lake.folder) as session:
        yield many(SPARK, "`notionlake`.`notion`.`%s`", "crc32(concat_ws('|', %s))", lambda sql: session.sql(sql).collect())


@contextlib.contextmanager
def trino(lake):
    with engines.trino() as con:
        Trino(con).run(lake.connection("trino"))
        yield many(TRINO, '"notionlake"."notion"."%s"', "crc32(to_utf8(concat_ws('|', %s)))", lambda sql: con.cursor().execute(sql).fetchall())


def many(dialect, source, checksum, run):
    """Asks with one scan for each predicate still, but many of them in a statement."""
    def asks(table, asked):
        key = checksum % ", ".join(map(dialect.name, table.key))
        for at in range(0, len(asked), AT_ONCE):
            scans = ["SELECT %d AS p, %s AS k FROM %s t WHERE %s" % (i, key, source % table.name, dialect.where(p))
                     for i, p in enumerate(asked[at : at + AT_ONCE])]
            got = {p: (rows, checksums) for p, rows, checksums in run("SELECT p, count(*), sum(k) FROM (%s) GROUP BY p" % " UNION ALL ".join(scans))}
            yield from (got.get(i, (0, 0)) for i in range(len(scans)))
    return asks


# How each engine is opened, and how much it is asked.
ENGINES = {"PyIceberg": (pyiceberg, MANY), "DuckDB": (duckdb, MANY), "Spark": (spark, FEW), "Trino": (trino, FEW)}


def of_each_kind(tables, most):
    """The columns of each table that are asked for."""
    seen = collections.Counter()
    for table in sorted(tables, key=lambda t: -len(t.checksums)):  # bounds tell most where there are many rows
        chosen = []
        for c in table.columns:
            kind = (c.kind, c.is_list, len(c.path))
            if most is None or seen[kind] < most:
                seen[kind] += 1
                chosen.append(c)
        if chosen:
            yield table, chosen


def compare(engine, lakes):
    """Asks an engine everything, and returns how many answers were wrong."""
    (opened, (values, of_a_kind)), began = ENGINES[engine], time.monotonic()
    asked = wrong = some = columns = known = 0
    for lake in lakes:
        with opened(lake) as ask:
            for table, chosen in of_each_kind(lake.tables, of_a_kind):
                todo = [p for c in chosen for p in predicates.predicates(c, values) if predicates.possible(engine, p)]
                columns += len({p.column.path for p in todo})
                for p, got in zip(todo, ask(table, todo), strict=True):
                    want = found([table.checksums[i] for i in predicates.rows(p)])
                    asked, some = asked + 1, some + (0 < want[0] < len(table.checksums))
                    if got == want:
                        continue
                    if got == found([table.checksums[i] for i in predicates.rows(p, predicates.FACTS.get(engine, predicates.HOLDS))]):
                        known += 1
                        continue
                    wrong += 1
                    if wrong <= 20:
                        print("WRONG %s, table %s, %s: %d rows, want %d" % (engine, table.name, DUCKDB.where(p), got[0], want[0]))
    print("filters: %s %s predicates on %d columns, %s of them for some rows only, in %d s: %d differences%s" % (
        engine, format(asked, ","), columns, format(some, ","), time.monotonic() - began, wrong, known and " and %d that are known" % known or ""), flush=True)
    if some < asked // 4:
        sys.exit("too little happened for a verdict")
    return wrong


def main(bin_dir, *names):
    with tempfile.TemporaryDirectory() as work:
        lakes = [Lake(bin_dir, work, "everything", *faulty("0.05")), Lake(bin_dir, work, "big", "--rows", str(ROWS))]
        return min(1, sum(lake.wrong for lake in lakes) + sum(compare(engine, lakes) for engine in names or ENGINES))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
