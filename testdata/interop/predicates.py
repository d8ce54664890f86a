"""Predicates on the columns of a table: which are asked for, what they hold for, and
how each engine writes them."""

import collections
import datetime
import os
import zlib

import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg import expressions

# A Column is a scalar one, or a scalar child of a struct (then path has two names), or
# one that can only be null or not (kind None). values are those of the rows, in order.
Column = collections.namedtuple("Column", "path kind values is_list")
Predicate = collections.namedtuple("Predicate", "column op args")

EPOCH = datetime.datetime(1970, 1, 1)
LONG = 300  # characters: longer text is asked for by its beginning only
HOLDS = {
    "=": lambda v, args: v == args[0], "<": lambda v, args: v < args[0], ">=": lambda v, args: v >= args[0],
    "!=": lambda v, args: v != args[0], "IN": lambda v, args: v in args, "LIKE": lambda v, args: v.startswith(args[0]),
}


def columns(table):
    """The columns of an Arrow table, and the children of its structs."""
    for name in table.column_names:
        column = table.column(name).combine_chunks()
        yield column_of((name,), column)
        if pa.types.is_struct(column.type):
            for i, child in enumerate(column.type):
                yield column_of((name, child.name), pc.struct_field(column, [i]))


def column_of(path, array):
    t = array.type
    if pa.types.is_timestamp(t):
        return Column(path, "time", array.cast(pa.int64()).to_pylist(), False)
    kind = {"string": "text", "large_string": "text", "double": "number", "int64": "long", "bool": "truth"}.get(str(t))
    return Column(path, kind, array.to_pylist() if kind else [valid or None for valid in array.is_valid().to_pylist()], pa.types.is_list(t))


def chosen(column):
    """Values of a column, the most telling ones first: the greatest, text that only differs beyond
    what bounds keep, text beyond ASCII, the least, some in the middle."""
    values = sorted({v for v in column.values if v is not None and not (column.kind == "text" and len(v) > LONG)})
    if not values:
        return []
    first = values[-1:]
    if column.kind == "text":
        first += [b for a, b in zip(values, values[1:]) if len(os.path.commonprefix([a, b])) >= 16][-1:]
        first += [v for v in values if not v.isascii()][-1:] + [max(values, key=len)]
    if column.kind == "number":
        first += [v for v in values if v == 0]
    return list(dict.fromkeys(first + values[:1] + values[:: len(values) // 4 + 1]))


def predicates(column, most):
    """What is asked of a column, with so many of its values; of one of two rows, little."""
    yield Predicate(column, "IS NULL", ())
    yield Predicate(column, "IS NOT NULL", ())
    if not column.kind:
        return
    values = chosen(column)
    if len(column.values) < 3:
        yield from (Predicate(column, "=", (v,)) for v in values)
        return
    for i, v in enumerate(values[:most]):
        for op in ("=", "<", ">=", "!="):
            yield Predicate(column, op, (v,))
        yield Predicate(column, "IN", (v, values[i - 1]))
    if column.kind == "text":
        texts = sorted({v for v in column.values if v}, key=lambda v: (v.isascii(), -len(v)))
        for v in list(dict.fromkeys(texts[:1] + texts[-1:] + texts[:: len(texts) // 3 + 1]))[:most]:
            yield Predicate(column, "LIKE", (v[:20] if len(v) > 20 else v[: len(v) // 2 + 1],))


def rows(predicate, holds=HOLDS):
    """The numbers of the rows that a predicate holds for."""
    column, op, args = predicate
    if op == "IS NULL" or op == "IS NOT NULL":
        return [i for i, v in enumerate(column.values) if (v is None) == (op == "IS NULL")]
    return [i for i, v in enumerate(column.values) if v is not None and holds[op](v, args)]


# What an engine finds otherwise, in a full scan too: PyIceberg's IN looks doubles up by their
# bits (Arrow's is_in), so that -0.0 is not 0.0.
FACTS = {"PyIceberg": {**HOLDS, "IN": lambda v, args: v in args and (v != 0 or str(v) in map(str, args))}}


def possible(engine, predicate):
    """PyIceberg cannot ask whether a list is null: "Cannot explicitly project List or Map types"."""
    return engine != "PyIceberg" or not predicate.column.is_list


def checksum(text):
    return zlib.crc32(text.encode())


class SQL:
    """How an engine writes a predicate."""

    def __init__(self, quote, text, number, time):
        self.quote, self.text, self.number, self.time = quote, text, number, time

    def literal(self, kind, v):
        if kind == "text":
            return self.text(v)
        if kind == "number":
            return self.number % repr(v)
        if kind == "time":
            return self.time % (EPOCH + datetime.timedelta(microseconds=v)).isoformat(" ", "microseconds")
        return str(v).lower()

    def name(self, path):
        return "t." + ".".join(self.quote % n.replace(self.quote[0], 2 * self.quote[0]) for n in path)

    def where(self, predicate):
        column, op, args = predicate
        name = self.name(column.path)
        if op == "LIKE":
            return self.like(name, args[0])
        if not args:
            return "%s %s" % (name, op)
        values = ", ".join(self.literal(column.kind, v) for v in args)
        return "%s %s %s" % (name, op, "(%s)" % values if op == "IN" else values)

    def like(self, name, prefix):
        # With an ESCAPE that it does not need, an engine may not see that it is a prefix.
        if not set(prefix) & set("%_\\!"):
            return "%s LIKE %s" % (name, self.text(prefix + "%"))
        for c in "!%_":
            prefix = prefix.replace(c, "!" + c)
        return "%s LIKE %s ESCAPE '!'" % (name, self.text(prefix + "%"))


def plain_text(v):
    return "'%s'" % v.replace("'", "''")


def duck_text(v):
    """The text of a statement ends at a NUL."""
    return "(%s)" % " || chr(0) || ".join(plain_text(part) for part in v.split("\0")) if "\0" in v else plain_text(v)


def spark_text(v):
    """Text in which a variable would be replaced, too."""
    return "'%s'" % v.replace("\\", "\\\\").replace("'", "\\'").replace("$", "\\u0024").replace("\0", "\\u0000")


DUCKDB = SQL('"%s"', duck_text, "'%s'::DOUBLE", "TIMESTAMPTZ '%s+00'")
TRINO = SQL('"%s"', plain_text, "DOUBLE '%s'", "TIMESTAMP '%s UTC'")
SPARK = SQL("`%s`", spark_text, "double('%s')", "TIMESTAMP '%sZ'")


PYICEBERG = {"=": expressions.EqualTo, "<": expressions.LessThan, ">=": expressions.GreaterThanOrEqual, "!=": expressions.NotEqualTo,
             "LIKE": expressions.StartsWith, "IS NULL": expressions.IsNull, "IS NOT NULL": expressions.NotNull}


def pyiceberg(predicate):
    """A predicate as PyIceberg has it."""
    column, op, args = predicate
    name = ".".join(column.path)
    if column.kind == "time":
        args = [(EPOCH + datetime.timedelta(microseconds=v)).isoformat(timespec="microseconds") + "+00:00" for v in args]
    return expressions.In(name, set(args)) if op == "IN" else PYICEBERG[op](name, *args)
