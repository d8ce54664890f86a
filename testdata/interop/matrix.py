"""Has every engine compare every table of every load of a changing workspace with
the truth, in every way that the engine has; runs what `connect` prints; and reads
while loads are published. Prints a table in Markdown.

usage: matrix.py BIN [OUT [NAME]]
       matrix.py BIN short NAME      Spark and Trino, four loads, of which they read the first by tag and the newest
"""

import collections
import concurrent.futures
import contextlib
import os
import sys
import tempfile

import engines
from generations import configure, connect, connected, connection, each, faulty, generations, python, python_here, simulator
from judge import judge
from readers import DuckDB, PyIceberg, Spark, Trino

ENGINES = ("PyIceberg", "DuckDB", "Spark", "Trino")

HEAD = """# What every engine reads

`make matrix` writes this table. The simulator's workspace `everything`, with every type of property, is loaded eight times
with changes between and 15 % faults. Then each engine reads every table of every load in every way that it has (newest, by
tag, by snapshot, by time; DuckDB: newest and by snapshot), and every cell is compared with the truth that is computed from
the workspace. The texts of `connect` are run as they are printed, for all tables and for one, newest and as of a load.

"""


def local(_):
    """A folder whose name has a space and a letter beyond ASCII."""
    return contextlib.nullcontext(("", ENGINES))


@contextlib.contextmanager
def s3(_):
    with engines.s3("lake") as endpoint:
        yield 'warehouse: "s3://lake/notion one"\nstorage: {endpoint: "%s", region: us-east-1}\n' % endpoint, ENGINES


@contextlib.contextmanager
def s3_postgres(_):
    with engines.s3("lake") as endpoint, engines.postgres() as url:
        yield ('warehouse: "s3://lake/notion one"\nstorage: {endpoint: "%s", region: us-east-1}\n'
               'catalog: {type: postgres, uri: "%s"}\n' % (endpoint, url)), ENGINES


@contextlib.contextmanager
def s3_rest(_):
    with engines.s3("lake") as endpoint, tempfile.TemporaryDirectory() as folder, engines.rest("s3://lake/elsewhere", folder, endpoint) as url:
        yield ('warehouse: "s3://lake/notion one"\nstorage: {endpoint: "%s", region: us-east-1}\n'
               'catalog: {type: rest, uri: "%s"}\n' % (endpoint, url)), ENGINES


@contextlib.contextmanager
def s3_glue(_):
    with engines.s3("lake") as endpoint, engines.moto("unused") as glue:
        yield ('warehouse: "s3://lake/notion one"\nstorage: {endpoint: "%s", region: us-east-1}\n'
               'catalog: {type: glue, uri: "%s"}\n' % (endpoint, glue)), ENGINES


@contextlib.contextmanager
def local_hive(_):
    """A metastore that shows what is in S3 needs Hadoop's client of it, which is larger than all the rest."""
    with engines.postgres() as url, tempfile.TemporaryDirectory() as folder, engines.hive(folder, url, "3.1.3") as uri:
        yield 'catalog: {type: hive, uri: "%s"}\n' % uri, ENGINES


@contextlib.contextmanager
def gcs_postgres(_):
    """Trino takes nothing but Google's credentials."""
    with engines.gcs("lake") as host, engines.postgres() as url:
        os.environ["STORAGE_EMULATOR_HOST"] = host
        try:
            yield 'warehouse: "gs://lake/notion"\ncatalog: {type: postgres, uri: "%s"}\n' % url, ("PyIceberg", "DuckDB", "Spark")
        finally:
            del os.environ["STORAGE_EMULATOR_HOST"]


# Why an engine has no figures.
EMPTY = "without Google's credentials its catalog does not start (tried)"

STANDS = {
    "local files, SQLite": local, "S3 (versitygw), SQLite": s3, "S3 (versitygw), Postgres": s3_postgres,
    "S3 (versitygw), REST (Iceberg's own server)": s3_rest,
    "S3 (versitygw), Glue (moto)": s3_glue, "local files, Hive metastore (3.1.3)": local_hive,
    "GCS (fake-gcs-server), Postgres": gcs_postgres,
}


def ends(_, n, how):
    """Of the first load and the newest one the schemas differ most, and two readings of a table are enough."""
    return how == "newest" or how == "by tag" and n == 0


def judged(bin_dir, trino, configuration, names, short=False):
    """What the engines read of a warehouse, and how many texts of `connect` ran. trino() is a connection."""
    with tempfile.TemporaryDirectory() as work, simulator(bin_dir, "everything", *faulty("0.03" if short else "0.15")) as url, contextlib.ExitStack() as stack:
        folder, truth = os.path.join(work, "my lake ö"), os.path.join(work, "truth")
        configure(folder, url, configuration)
        last = generations(bin_dir, folder, url, truth, 4 if short else 100)
        ran, environment, readers = collections.Counter(), engines.spark_environment(), {}
        for name, engine, run in (
            ("Trino", "trino", each(lambda text: readers["Trino"].run(text))),
            ("DuckDB", "duckdb", each(lambda text: DuckDB().run(text))),
            ("PyIceberg", "pyiceberg", lambda texts: python(texts, cwd=folder)),
            ("PyIceberg", "polars", lambda texts: python(texts, cwd=folder)),
            ("PyIceberg", "pandas", lambda texts: python(texts, cwd=folder)),
            ("Spark", "spark", python_here if short else each(lambda text: python([text], cwd=folder, env=environment))),
        ):
            if name not in names:
                continue
            if name == "Trino":
                readers["Trino"] = Trino(trino())
            if name == "Spark" and short:
                readers["Spark"] = Spark(stack.enter_context(engines.spark(bin_dir, folder)))
            ran[name] += connect(bin_dir, folder, engine, last, run, few=short)
        if "Spark" in names and "Spark" not in readers:
            readers["Spark"] = Spark(stack.enter_context(engines.spark(bin_dir, folder)))
        catalog = connected(bin_dir, folder, "pyiceberg")["catalog"]
        readers["PyIceberg"], readers["DuckDB"] = PyIceberg(), DuckDB(connection(bin_dir, folder, "duckdb", "_users"))
        return judge(catalog, "notion", truth, [readers[name] for name in ENGINES if name in names], reads=ends if short else None), ran


def main(bin_dir, out=None, only=""):
    short, lines = out == "short", ["| storage and catalog | " + " | ".join(ENGINES) + " |", "|---" * (len(ENGINES) + 1) + "|"]
    wrong = 0
    os.environ.update(engines.KEYS, PGPASSWORD="interop")  # Trino has them too
    with concurrent.futures.ThreadPoolExecutor(1) as pool, contextlib.ExitStack() as stack:
        trino = pool.submit(stack.enter_context, engines.trino()).result  # it starts while tables are loaded
        for name, stand in STANDS.items():
            if only not in name:
                continue
            with stand(bin_dir) as (configuration, names):
                if short:
                    names = ("Spark", "Trino")
                j, ran = judged(bin_dir, trino, configuration, names, short)
            wrong += j.wrong
            lines.append("| %s | " % name + " | ".join(
                "%s readings, %s cells, %d `connect`: %s" % (
                    format(j.tables[e], ","), format(j.cells[e], ","), ran[e], "no difference" if not j.by_engine[e] else "%d differences" % j.by_engine[e])
                if e in names else "" if short else EMPTY for e in ENGINES) + " |")
    text = HEAD + "\n".join(lines) + "\n"
    print(text)
    if out and not short:
        with open(out, "w", encoding="utf-8") as f:
            f.write(text)
    return min(1, wrong)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
