"""The engines that read, each in the ways that it has.

A reader has a name and readings(table, load): pairs of a way to read and what
reads an Arrow table in it. table is PyIceberg's; load says which: `tag`, `snapshot`,
`time` (in ms) and whether it is the newest one.
"""

import collections
import datetime
import os
import re

import duckdb
import pyarrow as pa

Load = collections.namedtuple("Load", "tag snapshot time newest")


class PyIceberg:
    name = "PyIceberg"
    lenient = True  # it shows a null list of structs as an empty list

    def readings(self, table, load):
        yield "by tag", lambda: table.scan().use_ref(load.tag).to_arrow()
        yield "by snapshot", lambda: table.scan(snapshot_id=load.snapshot).to_arrow()
        if load.newest:
            yield "newest", lambda: table.scan().to_arrow()


class DuckDB:
    name = "DuckDB"
    lenient = False

    def __init__(self, connect=""):
        """connect is what `connect duckdb` prints: its settings are for a warehouse in a cloud."""
        self.con = duckdb.connect()
        self.con.execute("SET autoinstall_known_extensions=false; SET autoload_known_extensions=false; SET TimeZone='UTC'")
        for name in ("avro", "httpfs", "iceberg"):
            module = __import__("duckdb_extension_" + name)
            folder = os.path.join(os.path.dirname(module.__file__), "extensions", "v" + duckdb.__version__)
            self.con.execute("LOAD '%s'" % os.path.join(folder, name + ".duckdb_extension"))
        for line in connect.splitlines():
            if line.startswith(("SET ", "CREATE ")):
                self.con.execute(line)

    def readings(self, table, load):
        path = table.location().removeprefix("file://").replace("'", "''")
        yield "by snapshot", lambda: self.scan("'%s', snapshot_from_id=%d" % (path, load.snapshot))
        if load.newest:
            yield "newest", lambda: self.scan("'%s'" % path)

    def scan(self, what):
        return self.con.execute("FROM iceberg_scan(%s)" % what).to_arrow_table()

    def run(self, text):
        """Runs what `connect` prints; the extensions are installed already, from wheels."""
        self.con.execute("\n".join(l for l in text.splitlines() if not l.startswith(("INSTALL", "LOAD")))).fetchall()


class Trino:
    name = "Trino"
    lenient = False

    def __init__(self, connection):
        self.con = connection

    def readings(self, table, load):
        name = '"notionlake".' + ".".join('"%s"' % part for part in table.name())
        yield "by tag", lambda: self.query("FROM %s FOR VERSION AS OF '%s'" % (name, load.tag))
        yield "by snapshot", lambda: self.query("FROM %s FOR VERSION AS OF %d" % (name, load.snapshot))
        yield "by time", lambda: self.query("FROM %s FOR TIMESTAMP AS OF timestamp '%s UTC'" % (name, clock(load.time)))
        if load.newest:
            yield "newest", lambda: self.query("FROM " + name)

    def query(self, source):
        cursor = self.con.cursor()
        cursor.execute("SELECT * " + source)
        rows = cursor.fetchall()
        names = [d[0] for d in cursor.description]
        types = [TrinoType(d[1]).read() for d in cursor.description]
        columns = [pa.array([plain(row[i], t) for row in rows], t) for i, t in enumerate(types)]
        return pa.table(columns, names=names)

    def run(self, text):
        """Runs what `connect` prints: statements that end with the line."""
        lines = "\n".join(l for l in text.splitlines() if not l.startswith("--"))
        for statement in re.split(r";(?:\n|$)", lines):
            if statement.startswith("CREATE CATALOG"):
                self.con.cursor().execute('DROP CATALOG IF EXISTS "notionlake"').fetchall()
            if statement.strip():
                self.con.cursor().execute(statement).fetchall()


class TrinoType:
    """A type as Trino writes it, as an Arrow type."""

    def __init__(self, text):
        # Names are quoted where they must be.
        self.tokens = re.findall(r'"(?:[^"]|"")*"|timestamp\(6\) with time zone|[^\s(),]+|[(),]', text)

    def read(self):
        word = self.tokens.pop(0)
        if word == "array":
            return pa.list_(self.children()[0][1])
        if word == "row":
            return pa.struct([(name.strip('"').replace('""', '"'), t) for name, t in self.children()])
        return {"varchar": pa.string(), "double": pa.float64(), "boolean": pa.bool_(), "bigint": pa.int64(),
                "timestamp(6) with time zone": pa.timestamp("us", "UTC")}[word]

    def children(self):
        """What is in parentheses: types, and before each its name where it has one."""
        found = []
        while self.tokens.pop(0) in "(,":
            named = self.tokens[1] not in "(,)"
            found.append((self.tokens.pop(0) if named else None, self.read()))
            if self.tokens[0] == ")":
                self.tokens.pop(0)
                return found
        return found


def plain(value, t):
    """Rows of Trino's client as Arrow takes them."""
    if value is not None and pa.types.is_list(t):
        return [plain(v, t.value_type) for v in value]
    if value is not None and pa.types.is_struct(t):
        return {t.field(i).name: plain(value[i], t.field(i).type) for i in range(t.num_fields)}
    return value


class Spark:
    name = "Spark"
    lenient = False

    def __init__(self, session):
        self.session = session

    def readings(self, table, load):
        name = "notionlake." + ".".join("`%s`" % part for part in table.name())
        yield "by tag", lambda: self.sql("FROM %s VERSION AS OF '%s'" % (name, load.tag))
        yield "by snapshot", lambda: self.sql("FROM %s VERSION AS OF %d" % (name, load.snapshot))
        yield "by time", lambda: self.sql("FROM %s TIMESTAMP AS OF '%s'" % (name, clock(load.time)))
        if load.newest:
            yield "newest", lambda: self.sql("FROM " + name)

    def sql(self, source):
        return self.session.sql("SELECT * " + source).toArrow()


def clock(ms):
    return (datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=ms)).isoformat(" ", "milliseconds")
