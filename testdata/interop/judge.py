"""Compares what engines read with what the tables must hold.

The truth is a folder per load, named by its ID, with <table>.json files as the
simulator's truth writes them. Every table of every load is read in every way that
a reader has and compared cell by cell: doubles by their bits, times by their
microseconds. A table that a load did not read must stand as the last load left it.
"""

import collections
import datetime
import json
import os
import re
import struct

import pyarrow as pa

from generations import say
from readers import Load

EPOCH = datetime.datetime(1970, 1, 1)


# The path of a copy of a file, of which only the hash depends on the workspace.
COPY = re.compile(r'"[a-z]+://[^"]*/_notionlake/[^"]*/files/([0-9a-f]{2})/([0-9a-f]{62})(?:\.[a-z0-9]+)?"')


def type_name(t):
    """The Arrow type as users of Iceberg write it."""
    if pa.types.is_string(t) or pa.types.is_large_string(t):
        return "string"
    if pa.types.is_float64(t):
        return "double"
    if pa.types.is_boolean(t):
        return "boolean"
    if pa.types.is_int64(t):
        return "long"
    if pa.types.is_timestamp(t) and t.unit == "us" and t.tz:
        return "timestamptz"
    if pa.types.is_list(t) or pa.types.is_large_list(t):
        return "list<%s>" % type_name(t.value_type)
    if pa.types.is_struct(t):
        return "struct<%s>" % ", ".join("%s %s" % (f.name, type_name(f.type)) for f in t)
    return str(t)


def cells(column):
    """The cells of an Arrow array in the notation of the truth."""
    if isinstance(column, pa.ChunkedArray):
        return [c for chunk in column.chunks for c in cells(chunk)]
    t = column.type
    if pa.types.is_timestamp(t):
        return [None if v is None else moment(v) for v in column.cast(pa.int64()).to_pylist()]
    if pa.types.is_float64(t):
        return [None if v is None else struct.pack(">d", v).hex() for v in column.to_pylist()]
    if pa.types.is_struct(t):
        children = [(t.field(i).name, cells(column.field(i))) for i in range(t.num_fields)]
        valid = column.is_valid().to_pylist()
        return [{name: values[i] for name, values in children} if valid[i] else None for i in range(len(column))]
    if pa.types.is_list(t) or pa.types.is_large_list(t):
        flat, out, at = cells(column.flatten()), [], 0
        for valid, n in zip(column.is_valid().to_pylist(), column.value_lengths().to_pylist()):
            out.append(flat[at : at + n] if valid else None)
            at += n if valid else 0
        return out
    return column.to_pylist()


def moment(us):
    return (EPOCH + datetime.timedelta(microseconds=us)).isoformat(timespec="microseconds") + "Z"


def as_json(v):
    """Strings that hold JSON, as JSON whose numbers keep their text."""
    if isinstance(v, str):
        return json.loads(v, parse_float=lambda s: ["number", s], parse_int=lambda s: ["number", s], parse_constant=bad)
    if isinstance(v, list):
        return [as_json(e) for e in v]
    return v


def bad(token):
    raise ValueError("not JSON: " + token)


class Judge:
    def __init__(self):
        self.wrong = 0
        self.cells = collections.Counter()  # by engine
        self.tables = collections.Counter()
        self.by_engine = collections.Counter()  # differences
        self.texts, self.wanted = {}, (None, {})  # what was made of values and of a table's truth before

    def fail(self, where, what):
        self.wrong += 1
        self.by_engine[where.split(",")[0]] += 1
        if self.wrong <= 40:
            print("WRONG %s: %s" % (where, what))

    def compare(self, reader, where, truth, got):
        """got is an Arrow table."""
        engine, lenient = reader.name, reader.lenient
        where = "%s, %s" % (engine, where)
        self.tables[engine] += 1
        want_types = {c["name"]: c["type"] for c in truth["columns"]}
        got_types = {f.name: type_name(f.type) for f in got.schema}
        if want_types != got_types:
            for name in sorted(set(want_types) | set(got_types)):
                if want_types.get(name) != got_types.get(name):
                    self.fail(where, "column %r is %s, want %s" % (name, got_types.get(name), want_types.get(name)))
            return
        if got.num_rows != len(truth["rows"]):
            self.fail(where, "%d rows, want %d" % (got.num_rows, len(truth["rows"])))
        got_rows, columns = collections.Counter(), []
        for c in truth["columns"]:
            values = cells(got.column(c["name"]))
            if c.get("unchecked"):
                if c.get("json"):
                    for v in values:
                        self.cell(c, v, lenient)  # which fails where it is no JSON
                continue
            columns.append((c, values))
        for i in range(got.num_rows):
            row = [self.cell(c, values[i], lenient) for c, values in columns]
            self.cells[engine] += len(row)
            got_rows[tuple(row)] += 1
        want_rows = self.rows(truth, lenient)
        if want_rows != got_rows:
            self.explain(where, [c["name"] for c, _ in columns], list((want_rows - got_rows).elements()), list((got_rows - want_rows).elements()))

    def rows(self, truth, lenient):
        """The rows of a truth, which engine after engine is compared with."""
        if self.wanted[0] is not truth:
            self.wanted = truth, {}
        if lenient not in self.wanted[1]:
            columns = [c for c in truth["columns"] if not c.get("unchecked")]
            self.wanted[1][lenient] = collections.Counter(tuple(self.cell(c, r.get(c["name"]), lenient) for c in columns) for r in truth["rows"])
        return self.wanted[1][lenient]

    def cell(self, column, value, lenient):
        if lenient and value is None and column["type"].startswith("list<struct"):
            value = []
        if not isinstance(value, str):
            return self.text(column, value)
        key = bool(column.get("json")), value
        if key not in self.texts:
            self.texts[key] = self.text(column, value)
        return self.texts[key]

    def text(self, column, value):
        if column.get("json"):
            value = as_json(value)
        text = json.dumps(value, sort_keys=True)
        return COPY.sub(r'"copy \1\2"', text) if "/_notionlake/" in text else text

    def explain(self, where, names, want, got):
        """Names the cells that differ, where rows can be told by their first column."""
        by_id = {row[0]: row for row in got}
        for row in want[:20]:
            other = by_id.get(row[0])
            if other is None:
                self.fail(where, "row %s is missing" % row[0])
                continue
            for name, w, g in zip(names, row, other):
                if w != g:
                    self.fail(where, "row %s, column %r: %s, want %s" % (row[0], name, g[:200], w[:200]))
        known = {row[0] for row in want}
        for row in got[:20]:
            if row[0] not in known:
                self.fail(where, "row %s should not be there" % row[0])


def judge(catalog, namespace, truth_dir, readers, expired=(), reads=None):
    """Compares all, or of which reads(engine, n, how) says that it reads the n-th load
    in this way, prints what was done and returns the Judge."""
    j = Judge()
    loads = sorted(d for d in os.listdir(truth_dir) if os.path.isdir(os.path.join(truth_dir, d)))
    tables = {t: catalog.load_table((namespace, t)) for _, t in catalog.list_tables(namespace)}
    by_key = {t.properties["notionlake.key"]: (n, t) for n, t in tables.items()}
    now = {}  # what every table must hold after the load, by key
    for n, load in enumerate(loads):
        folder = os.path.join(truth_dir, load)
        for file in sorted(os.listdir(folder)):
            with open(os.path.join(folder, file), encoding="utf-8") as f:
                t = json.load(f)
            now[t["key"]] = t
        if load in expired:
            for table_name, table in tables.items():
                if table.snapshot_by_name("load_" + load):
                    j.fail("load %s, table %s" % (load, table_name), "it has expired, and its tag is there")
            continue
        published = tables["_loads"].snapshot_by_name("load_" + load)
        for key, truth in now.items():
            if key not in by_key:
                j.fail("load " + load, "there is no table %s (key %s)" % (truth["table"], key))
                continue
            table_name, table = by_key[key]
            where = "load %s, table %s" % (load, truth["table"])
            snapshot = table.snapshot_by_name("load_" + load)
            if snapshot is None or published is None:
                j.fail(where, "it has no tag of the load")
                continue
            newest = load == loads[-1]
            if newest and table_name != truth["table"]:
                j.fail(where, "its name is " + table_name)
            which = Load("load_" + load, snapshot.snapshot_id, published.timestamp_ms, newest)
            for reader in readers:
                for how, read in reader.readings(table, which):
                    if reads is None or reads(reader.name, n, how):
                        j.compare(reader, "%s, %s" % (where, how), truth, read())
    ledger(j, tables["_loads"], loads)
    snapshots(j, tables, [load for load in loads if load not in expired])
    for reader in readers:
        print("%s: %d readings of tables, %d cells compared" % (reader.name, j.tables[reader.name], j.cells[reader.name]))
        if not j.cells[reader.name]:
            j.fail(reader.name, "it read nothing")
    if j.wrong:
        print("%d differences" % j.wrong)
    else:
        say("%d loads, %d tables: no difference" % (len(loads) - len(expired), len(tables)))
    return j


def ledger(judge, table, loads):
    """The ledger has a row per load, and the last one names its tables."""
    rows = sorted(table.scan().to_arrow().to_pylist(), key=lambda row: row["load_id"])
    if [(r["load_id"], r["tag"]) for r in rows] != [(l, "load_" + l) for l in loads]:
        judge.fail("_loads", "loads %s, want %s" % ([r["load_id"] for r in rows], loads))
    if len(json.loads(rows[-1]["table_snapshots"])) == 0:
        judge.fail("_loads", "the last load has no tables")


def snapshots(judge, tables, loads):
    """Every load that read a table made exactly one snapshot of it."""
    for name, table in tables.items():
        seen = collections.Counter(s.summary.additional_properties["notionlake.load-id"] for s in table.snapshots()
                                   if s.summary.operation.value != "replace")
        for load, n in seen.items():
            if n != 1 or load not in loads:
                judge.fail("table " + name, "%d snapshots of load %s" % (n, load))
        tags = {r for r, ref in table.refs().items() if r.startswith("load_")} if hasattr(table, "refs") else set()
        first = min(seen)
        for load in loads:
            if load >= first and tags and "load_" + load not in tags:
                judge.fail("table " + name, "it lacks the tag of load " + load)

