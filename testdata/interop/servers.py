"""Runs the tests that need servers: S3, GCS, REST catalogs, Glue, Hive and Postgres, and kills
runs whose warehouse and catalog are there.

usage: servers.py BIN [SEED]
       servers.py BIN sweep KILLS    on each pair of storage and catalog: loads killed at so many points all over them, damaged tables
"""

import concurrent.futures
import json
import os
import subprocess
import sys
import tempfile
import threading
import urllib.parse

from pyiceberg.catalog.rest import RestCatalog

import engines
import places
from generations import ask, configure, notionlake, say, simulator
from judge import Judge
from killed import killed
from readers import PyIceberg


PROGRAMS, LINKING = tempfile.TemporaryDirectory(), threading.Lock()


def program(package):
    """The tests of a package as a program, which takes a while to link."""
    path = os.path.join(PROGRAMS.name, os.path.basename(package) + ".test")
    with LINKING:
        if not os.path.exists(path):
            subprocess.run(["go", "test", "-c", "-ldflags=-w", "-o", path, package], env={**os.environ, "CGO_ENABLED": "0"}, check=True)
    return path


def test(what, package, run, skip="^$", **variables):
    command = [program(package), "-test.timeout", "10m", "-test.run", run, "-test.skip", skip]
    done = subprocess.run(command, cwd=package, env={**os.environ, **variables}, check=False).returncode
    say("%s: go test %s -run %s: %s" % (what, package, run, "FAIL" if done else "ok"))
    return done


def kills(what, bin_dir, configuration, n, seed, at_once=True):
    hit, landed, wrong = killed(bin_dir, configuration, n, seed, at_once)
    say("%s: %d runs killed of %d, %d of them after the commit (seed %d): %d wrong" % (what, hit, n, landed, seed, len(wrong)))
    for text in wrong:
        print("WRONG", text)
    return len(wrong) + (hit < n // 3)


def newest(bin_dir, configuration, url):
    """Loads three times, with changes between, where only the newest state is kept, and compares that with the truth."""
    j, loads = Judge(), 3
    with tempfile.TemporaryDirectory() as folder, simulator(bin_dir, "demo") as sim:
        configure(folder, sim, configuration)
        for n in range(loads):
            report = notionlake(bin_dir, folder, "run", "--allow-shrink")
            ask(sim, "/_sim/truth?" + urllib.parse.urlencode({"load": report["load_id"], "dir": folder}), b"")
            catalog = RestCatalog("notionlake", uri=url)
            for file in [f for f in os.listdir(folder) if f.endswith(".json")]:
                with open(os.path.join(folder, file), encoding="utf-8") as f:
                    truth = json.load(f)
                table = catalog.load_table(("notion", truth["table"]))
                j.compare(PyIceberg(), "load %d, table %s" % (n, truth["table"]), truth, table.scan().to_arrow())
            if n < loads - 1:
                ask(sim, "/_sim/step", b"")
    say("Nessie: %d loads, %d tables compared as the newest load left them: %d differences" % (loads, j.tables["PyIceberg"], j.wrong))
    return j.wrong + (j.tables["PyIceberg"] < 10)


def lakes():
    """Pairs of storage and catalog, and what the tests of the command need to know of each."""
    with engines.s3("test") as endpoint, tempfile.TemporaryDirectory() as folder:
        s3 = 'warehouse: s3://test/NAME\nnamespace: NAME\nstorage: {endpoint: "%s"}\n' % endpoint
        yield "S3, SQLite", {"NOTIONLAKE_TEST_LAKE": s3}
        with engines.postgres() as url:
            if url:
                yield "S3, Postgres", {"NOTIONLAKE_TEST_LAKE": s3 + 'catalog: {type: postgres, uri: "%s"}\n' % url}
        with engines.rest("s3://test/other", folder, endpoint) as url:
            yield "S3, REST", {"NOTIONLAKE_TEST_LAKE": s3 + 'catalog: {type: rest, uri: "%s"}\n' % url}
        with engines.moto("unused") as url:
            yield "S3, Glue (moto)", {"NOTIONLAKE_TEST_LAKE": s3 + 'catalog: {type: glue, uri: "%s"}\n' % url, "NOTIONLAKE_TEST_LAKE_STEPWISE": "yes"}
    with engines.gcs("test") as host:
        yield "GCS, SQLite", {"NOTIONLAKE_TEST_LAKE": "warehouse: gs://test/NAME\n", "STORAGE_EMULATOR_HOST": host}


def bad_input(what):
    """Tables that are damaged. Iceberg's own REST server reads metadata that is no JSON for a minute and a half before it says so."""
    return "-test.run", "^Test(BadLake|NoBucket)$/%s" % ("^3[167]$" if what == "S3, REST" else "")


def swept(kills):
    return lambda what: ("-test.run", "^TestKilledOnServers$", "-kills", kills)


def on_lakes(*tests, only=None):
    """Runs tests of the command on each pair, with the arguments that are told for it: how many ended badly."""
    failed, package = 0, "./cmd/notionlake"
    for what, variables in lakes():
        if only and what != only:
            continue
        for args in tests:
            done = subprocess.run([program(package), "-test.v", "-test.timeout", "5h", *args(what)], cwd=package, check=False, text=True,
                                  env={**os.environ, **variables}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            told = [line for line in done.stdout.splitlines() if not line.startswith("===")]
            say("%s: %s" % (what, "".join("\n" + line for line in told)))
            failed += done.returncode != 0
        if only:
            break
    return failed


# Tests of catalogs that change one table at a time, on whichever is there. The others bring
# servers of their own, which have faults: they are in `make test`, as these of REST catalogs are.
STEPWISE = "^TestStepwise(Conformance|FaultAtEveryPoint|Dies|TakenBack|Stalled|StalledAndTakenBack|Fence|HeldFenced|LedgerLast)$"
OWN = ("^TestREST(Race|WithoutTags|KeepsTags|Partly|Stale|Renames|RenamedMeanwhile|LeftOnTheWay|GoesBack|Credentials|Modes.*"
       "|Step(Answers|Late.*|Refused|ThenTransactions|TakingBackDies))$")


def storages(bin_dir, _):
    """S3 and GCS, what a workspace becomes in them, and a REST catalog that keeps the newest state only."""
    failed = on_lakes(bad_input, only="S3, SQLite")
    dumps = {"a local disk": places.dump(bin_dir, "")}
    with engines.s3("test") as endpoint:
        dumps["S3"] = places.dump(bin_dir, 'warehouse: s3://test/places\nstorage: {endpoint: "%s"}\n' % endpoint)
        failed += test("S3", "./lake", "^TestCloud", NOTIONLAKE_TEST_BUCKET="s3://test", AWS_ENDPOINT_URL=endpoint, **engines.KEYS)
    with engines.moto("test") as endpoint:
        failed += test("S3 (moto)", "./lake", "^TestCloud", NOTIONLAKE_TEST_BUCKET="s3://test", AWS_ENDPOINT_URL=endpoint, **engines.KEYS)
    with engines.gcs("test") as host:
        failed += test("GCS", "./lake", "^TestCloud", NOTIONLAKE_TEST_BUCKET="gs://test", STORAGE_EMULATOR_HOST=host)
        os.environ["STORAGE_EMULATOR_HOST"] = host
        dumps["GCS"] = places.dump(bin_dir, "warehouse: gs://test/places\n")
        del os.environ["STORAGE_EMULATOR_HOST"]
    with tempfile.TemporaryDirectory() as folder, engines.rest("file://" + folder, folder) as url:
        dumps["a REST catalog"] = places.dump(bin_dir, 'warehouse: %s/lake\ncatalog: {type: rest, uri: "%s"}\n' % (folder, url))
    failed += places.differences(dumps)
    with engines.s3("test") as endpoint, engines.nessie("s3://test/lake", endpoint) as url:
        failed += newest(bin_dir, 'warehouse: s3://test/lake\nstorage: {endpoint: "%s"}\ncatalog: {type: rest, uri: "%s"}\n' % (endpoint, url), url)
    return failed


def glue(bin_dir, seed):
    with engines.moto("test") as endpoint:
        failed = test("Glue (moto)", "./catalog", STEPWISE + "/^glue$", NOTIONLAKE_TEST_GLUE=endpoint)
        with engines.s3("test") as s3:
            failed += kills("S3, Glue (moto)", bin_dir, 'warehouse: s3://test/killed\nstorage: {endpoint: "%s"}\n'
                            'catalog: {type: glue, uri: "%s"}\n' % (s3, endpoint), 2, seed, at_once=False)
    return failed


def rest(bin_dir, seed):
    with tempfile.TemporaryDirectory() as folder, engines.rest("file://" + folder, folder) as url:
        # Also behind a server in between that hides the transactions.
        failed = test("REST", "./catalog", "^TestREST|^TestStepwise(TakenBack|StalledAndTakenBack|Fence|LedgerLast)$/^rest$", OWN, NOTIONLAKE_TEST_REST=url)
    with engines.s3("test") as endpoint, tempfile.TemporaryDirectory() as folder, engines.rest("s3://test/other", folder, endpoint) as url:
        return failed + kills("S3, REST", bin_dir, 'warehouse: s3://test/killed\nstorage: {endpoint: "%s"}\n'
                              'catalog: {type: rest, uri: "%s"}\n' % (endpoint, url), 2, seed)  # each is followed by the time of a lease


def postgres_hive(bin_dir, seed):
    with engines.postgres() as url:
        if not url:
            return 0
        failed = test("Postgres", "./catalog", "^TestPostgres", NOTIONLAKE_TEST_POSTGRES=url)
        with engines.s3("test") as endpoint:
            failed += kills("S3, Postgres", bin_dir, 'warehouse: s3://test/killed\nstorage: {endpoint: "%s"}\n'
                            'catalog: {type: postgres, uri: "%s"}\n' % (endpoint, url), 4, seed)
        with tempfile.TemporaryDirectory() as folder, engines.hive(folder, url) as uri:
            return failed + test("Hive", "./catalog", "^TestStepwise(Conformance|Dies)$/^hive$", NOTIONLAKE_TEST_HIVE=uri)


def vended(bin_dir, _):
    """In a process of its own, whose environment has keys that open nothing."""
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "vended.py")
    done = subprocess.run([sys.executable, program, bin_dir], check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    say(done.stdout.strip())
    return done.returncode


def main(bin_dir, seed="1", kills=""):
    os.environ.update(engines.KEYS)
    if seed == "sweep":
        return min(1, on_lakes(bad_input, swept(kills)))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:  # they wait most of the time
        return min(1, sum(pool.map(lambda tests: tests(bin_dir, int(seed)), (glue, storages, postgres_hive, rest, vended))))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
