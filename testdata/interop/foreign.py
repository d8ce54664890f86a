"""Lets Spark change tables in ways of its own, and looks what the commands make of it: the
next load has the right rows or says why it stops, and no row of the past is lost."""

import collections
import json
import os
import subprocess

from generations import connected, keep_truth
from judge import Judge, cells
from readers import PyIceberg

TABLE, LEDGER = "every_type", "_loads"

# What Spark does to a table; the exit code of the next load and what it says; what makes good again what it stops at.
Change = collections.namedtuple("Change", "what table statements code says cure", defaults=(0, "", ()))

POSITION = "ALTER TABLE {table} SET TBLPROPERTIES ('write.delete.mode' = 'merge-on-read')"


def changes(table, column, row, load):
    """All changes."""
    return [
        Change("adds a column", table, ["ALTER TABLE {table} ADD COLUMN theirs string", "UPDATE {table} SET theirs = 'x'"]),
        Change("renames a column", table, ["ALTER TABLE {table} RENAME COLUMN `%s` TO other_name" % column]),
        Change("inserts and updates rows", table, ["INSERT INTO {table} SELECT * FROM {table}", "UPDATE {table} SET _url = 'x'"]),
        Change("computes statistics", table, ["CALL notionlake.system.compute_table_stats('{table}')"]),
        Change("deletes rows by position", table, [POSITION, "DELETE FROM {table} WHERE _id = '%s'" % row]),
        Change("partitions a table", table, ["ALTER TABLE {table} ADD PARTITION FIELD bucket(4, _id)", "UPDATE {table} SET _url = 'y'"],
               2, "partitioned", ["ALTER TABLE {table} DROP PARTITION FIELD bucket(4, _id)"]),
        Change("sorts a table", table, ["ALTER TABLE {table} WRITE ORDERED BY _id"], 2, "sort order", ["ALTER TABLE {table} WRITE UNORDERED"]),
        Change("deletes a load from the ledger by position", LEDGER, [POSITION, "DELETE FROM {table} WHERE load_id = '%s'" % load],
               2, "row-level deletes", ["CALL notionlake.system.rewrite_data_files(table => '{table}', options => map('rewrite-all', 'true', 'remove-dangling-deletes', 'true'))"]),
    ]


class Foreign:
    """A warehouse that Spark changes, and how often what came of it was wrong."""

    def __init__(self, bin_dir, folder, url, truth, session):
        self.bin_dir, self.folder, self.url, self.truth, self.session = bin_dir, folder, url, truth, session
        self.judge = Judge()
        self.catalog = connected(bin_dir, folder, "pyiceberg")["catalog"]

    def run(self, *args):
        """Runs a command: its exit code, what it says as JSON, and what it says on stderr."""
        command = [os.path.join(self.bin_dir, "notionlake"), *args, "--log-level", "error"]
        run = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        return run.returncode, run.stdout, run.stderr.strip()

    def spark(self, change, statements):
        for s in statements:
            self.session.sql(s.format(table="notionlake.notion." + change.table)).collect()

    def rows(self, change, source=""):
        """The rows of a table as Spark sees them."""
        table = self.session.sql("SELECT * FROM notionlake.notion.%s %s" % (change.table, source)).toArrow()
        return collections.Counter(json.dumps(row, sort_keys=True) for row in zip(*[cells(c) for c in table.columns]))

    def all(self, load):
        """Does every change, with a load after each, and returns how many things were wrong."""
        row = next(iter(self.catalog.load_table(("notion", TABLE)).scan(selected_fields=("_id",)).to_arrow().column("_id"))).as_py()
        column = [f.name for f in self.catalog.load_table(("notion", TABLE)).schema().fields if not f.name.startswith("_")][0]
        for change in changes(TABLE, column, row, load):
            self.one(change, "load_" + load)
        return self.judge.wrong

    def one(self, change, tag):
        where = "Spark " + change.what
        past = self.rows(change, "VERSION AS OF '%s'" % tag)
        self.spark(change, change.statements)
        theirs = self.rows(change)
        said = []
        # Whatever the commands say, they must leave Spark's rows as they are.
        for args in (["maintain", "--orphan-age", "1ns"], ["tables"], ["head", change.table], ["diff", change.table], ["loads"]):
            code, _, err = self.run(*args)
            if code:
                said.append("%s %d: %s" % (args[0], code, err))
            if code == 1 or code and not err:
                self.judge.fail(where, "%s ends with %d: %s" % (args[0], code, err))
        if self.rows(change) != theirs:
            self.judge.fail(where, "the rows are others after maintain")
        self.loads(change, where, change.code, change.says)
        if change.code:
            if self.rows(change) != theirs:
                self.judge.fail(where, "a load that stopped changed the rows")
            self.spark(change, change.cure)
            self.loads(change, where + ", made good", 0, "")
        if self.rows(change, "VERSION AS OF '%s'" % tag) != past:
            self.judge.fail(where, "the past is another one")
        print("%s: looked at%s" % (where, "".join("\n  " + s for s in said)), flush=True)

    def loads(self, change, where, want, says):
        """The next load ends with a code, and where that is 0 all tables have the rows that they must have."""
        code, out, err = self.run("run", "--allow-shrink", "--json")
        if code != want or says not in err or bool(err) != bool(want):
            self.judge.fail(where, "the next load ends with %d: %s" % (code, err))
        if code:
            print("%s: the next load ends with %d: %s" % (where, code, err))
            return
        load = json.loads(out)["load_id"]
        keep_truth(self.url, self.truth, load)
        folder = os.path.join(self.truth, load)
        for file in sorted(os.listdir(folder)):
            with open(os.path.join(folder, file), encoding="utf-8") as f:
                truth = json.load(f)
            names = [c["name"] for c in truth["columns"]]
            got = self.catalog.load_table(("notion", truth["table"])).scan().to_arrow()
            extra = set(got.column_names) - set(names)
            if extra - {"theirs"} or any(got.column(name).null_count < got.num_rows for name in extra):
                self.judge.fail(where, "table %s has the columns %s with values" % (truth["table"], extra))
            self.judge.compare(PyIceberg(), "%s, table %s" % (where, truth["table"]), truth, got.drop_columns(sorted(extra)))
