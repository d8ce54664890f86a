"""Lets Spark maintain the tables, and looks whether the past, the next load, diffs and
rollbacks are right after it; then lets it change them (foreign.py).

usage: others.py BIN
"""

import datetime
import os
import sys
import tempfile

import engines
from foreign import Foreign
from generations import configure, connected, faulty, generations, load, notionlake, simulator
from judge import judge
from readers import DuckDB, PyIceberg, Spark


# Some of each kind: of ours, of a data source, one that changes its columns, one that loses its rows, one that never had any.
TABLES = ("_loads", "_users", "every_type", "evolving", "data_source_to_empty", "select", "empty")


def maintained(session):
    """What each procedure of Spark did with the tables, in sum."""
    did = {}
    # Spark takes no sum of a time and an interval here, and nothing younger than a day.
    yesterday = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=25)).strftime("%Y-%m-%d %H:%M:%S")
    for name in TABLES:
        table = "'notionlake.notion.%s'" % name
        for call in ("rewrite_data_files(table => %s, options => map('rewrite-all', 'true'))" % table, "rewrite_manifests(table => %s)" % table,
                     # The default age of five days would find nothing to do; tags and the tables' properties decide what stays.
                     "expire_snapshots(table => %s, older_than => current_timestamp(), retain_last => 1)" % table,
                     "remove_orphan_files(table => %s, older_than => TIMESTAMP '%s')" % (table, yesterday)):
            procedure = call.split("(")[0]
            rows = session.sql("CALL notionlake.system." + call).collect()
            numbers = [v for row in rows for v in row if isinstance(v, int)] or [len(rows)]
            did[procedure] = did.get(procedure, 0) + numbers[0]
    return did


def diff(bin_dir, folder, a, b):
    return notionlake(bin_dir, folder, "diff", "--from", a, "--to", b)["tables"]


def main(bin_dir):
    with tempfile.TemporaryDirectory() as work, simulator(bin_dir, "everything", *faulty("0.05")) as url:
        folder, truth = os.path.join(work, "my lake ö"), os.path.join(work, "truth")
        configure(folder, url, "retention: {keep_last: 50}\n")
        generations(bin_dir, folder, url, truth, 4)
        loads = [load["load_id"] for load in notionlake(bin_dir, folder, "loads")["loads"]]
        with engines.spark(bin_dir, folder, extended=True) as session:
            print("Spark's maintenance of %d tables: %s" % (len(TABLES), maintained(session)), flush=True)
            wrong = judge(connected(bin_dir, folder, "pyiceberg")["catalog"], "notion", truth, [PyIceberg(), DuckDB(), Spark(session)], reads=lambda *where: where[-1] in ("by tag", "newest")).wrong
            before = diff(bin_dir, folder, loads[0], loads[-1])
            load(bin_dir, folder, url, truth)
            if diff(bin_dir, folder, loads[0], loads[-1]) != before:
                wrong += 1
                print("WRONG the difference of two loads is another one after Spark's maintenance and a load")
            print("then a load and a diff: %s" % ("WRONG" if wrong else "right"), flush=True)
            wrong += Foreign(bin_dir, folder, url, truth, session).all(loads[-1])
            back = notionlake(bin_dir, folder, "rollback", "--to", loads[0])["load_id"]
            for table in diff(bin_dir, folder, loads[0], back):
                if table["name"] != "_loads" and not table.get("appeared") and (table["added"] or table["removed"] or table["changed"] or table["schema_changes"]):
                    wrong += 1
                    print("WRONG after a rollback table %s is not as it was: %s" % (table["name"], table))
            left = notionlake(bin_dir, folder, "maintain", "--orphan-age", "1ns")
            print("then a rollback to %s: %s; maintain: %d loads expired, %d orphan files" % (
                loads[0], "WRONG" if wrong else "right", len(left["expired"]), left["orphans"]["files"]))
            return min(1, wrong)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
