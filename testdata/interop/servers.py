"""Runs the tests that need servers: S3, GCS, REST catalogs, Glue, Hive and Postgres, and kills
runs whose warehouse and catalog are there.

usage: servers.py BIN [KILLS [SEED]]
       servers.py BIN sweep KILLS    loads killed at so many points all over them, on each pair of storage and catalog
"""

import json
import os
import subprocess
import sys
import tempfile
import urllib.parse

from pyiceberg.catalog.rest import RestCatalog

import engines
import places
from generations import ask, configure, notionlake, simulator
from judge import Judge
from killed import killed
from readers import PyIceberg


def test(what, package, run, **variables):
    print("== %s: go test %s -run %s" % (what, package, run), flush=True)
    environment = {**os.environ, **variables, "CGO_ENABLED": "0"}
    return subprocess.run(["go", "test", "-count=1", "-timeout", "10m", package, "-run", run], env=environment, check=False).returncode


def kills(what, bin_dir, configuration, n, seed, at_once=True):
    hit, landed, wrong = killed(bin_dir, configuration, n, seed, at_once)
    print("== %s: %d runs killed of %d, %d of them after the commit (seed %d): %d wrong" % (what, hit, n, landed, seed, len(wrong)), flush=True)
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
    print("== Nessie: %d loads, %d tables compared as the newest load left them: %d differences" % (loads, j.tables["PyIceberg"], j.wrong), flush=True)
    return j.wrong + (j.tables["PyIceberg"] < 10)


def sweep(kills):
    """Kills loads at points all over them: how many tests failed."""
    failed = 0

    def run(what, configuration, **more):
        command = ["go", "test", "-count=1", "-v", "-timeout", "5h", "./cmd/notionlake", "-run", "^TestKilledOnServers$", "-kills", kills]
        environment = {**os.environ, "NOTIONLAKE_TEST_LAKE": configuration, "CGO_ENABLED": "0", **more}
        done = subprocess.run(command, env=environment, check=False, stdout=subprocess.PIPE, text=True)
        print("== %s" % what, "".join(line + "\n" for line in done.stdout.splitlines() if not line.startswith("===")), flush=True)
        return done.returncode

    with engines.s3("test") as endpoint, tempfile.TemporaryDirectory() as folder:
        s3 = 'warehouse: s3://test/NAME\nnamespace: NAME\nstorage: {endpoint: "%s"}\n' % endpoint
        failed += run("S3, SQLite", s3)
        with engines.postgres() as url:
            failed += run("S3, Postgres", s3 + 'catalog: {type: postgres, uri: "%s"}\n' % url) if url else 0
        with engines.rest("s3://test/other", folder, endpoint) as url:
            failed += run("S3, REST", s3 + 'catalog: {type: rest, uri: "%s"}\n' % url)
        with engines.moto("unused") as url:
            failed += run("S3, Glue (moto)", s3 + 'catalog: {type: glue, uri: "%s"}\n' % url, NOTIONLAKE_TEST_LAKE_STEPWISE="yes")
    return failed


def main(bin_dir, n="10", seed="1"):
    os.environ.update(engines.KEYS)
    if n == "sweep":
        return min(1, sweep(seed))
    failed, n, seed = 0, int(n), int(seed)
    dumps = {"a local disk": places.dump(bin_dir, "")}
    with engines.s3("test") as endpoint:
        dumps["S3"] = places.dump(bin_dir, 'warehouse: s3://test/places\nstorage: {endpoint: "%s"}\n' % endpoint)
        failed += test("S3", "./lake", "^TestCloud", NOTIONLAKE_TEST_BUCKET="s3://test", AWS_ENDPOINT_URL=endpoint, **engines.KEYS)
    with engines.moto("test") as endpoint:
        failed += test("S3 (moto)", "./lake", "^TestCloud", NOTIONLAKE_TEST_BUCKET="s3://test", AWS_ENDPOINT_URL=endpoint, **engines.KEYS)
        failed += test("Glue (moto)", "./catalog", "^TestStepwise", NOTIONLAKE_TEST_GLUE=endpoint)
        with engines.s3("test") as s3:
            failed += kills("S3, Glue (moto)", bin_dir, 'warehouse: s3://test/killed\nstorage: {endpoint: "%s"}\n'
                            'catalog: {type: glue, uri: "%s"}\n' % (s3, endpoint), min(n, 2), seed, at_once=False)
    with engines.s3("test") as endpoint, engines.nessie("s3://test/lake", endpoint) as url:
        failed += newest(bin_dir, 'warehouse: s3://test/lake\nstorage: {endpoint: "%s"}\ncatalog: {type: rest, uri: "%s"}\n' % (endpoint, url), url)
    with engines.gcs("test") as host:
        failed += test("GCS", "./lake", "^TestCloud", NOTIONLAKE_TEST_BUCKET="gs://test", STORAGE_EMULATOR_HOST=host)
        os.environ["STORAGE_EMULATOR_HOST"] = host
        dumps["GCS"] = places.dump(bin_dir, "warehouse: gs://test/places\n")
        del os.environ["STORAGE_EMULATOR_HOST"]
    with tempfile.TemporaryDirectory() as folder, engines.rest("file://" + folder, folder) as url:
        dumps["a REST catalog"] = places.dump(bin_dir, 'warehouse: %s/lake\ncatalog: {type: rest, uri: "%s"}\n' % (folder, url))
        failed += test("REST", "./catalog", "^TestREST", NOTIONLAKE_TEST_REST=url)
    with engines.s3("test") as endpoint, tempfile.TemporaryDirectory() as folder, engines.rest("s3://test/other", folder, endpoint) as url:
        failed += kills("S3, REST", bin_dir, 'warehouse: s3://test/killed\nstorage: {endpoint: "%s"}\n'
                        'catalog: {type: rest, uri: "%s"}\n' % (endpoint, url), min(n, 2), seed)  # each is followed by the time of a lease
    with engines.postgres() as url:
        if url:
            failed += test("Postgres", "./catalog", "^TestPostgres", NOTIONLAKE_TEST_POSTGRES=url)
            with engines.s3("test") as endpoint:
                failed += kills("S3, Postgres", bin_dir, 'warehouse: s3://test/killed\nstorage: {endpoint: "%s"}\n'
                                'catalog: {type: postgres, uri: "%s"}\n' % (endpoint, url), n, seed)
            with tempfile.TemporaryDirectory() as folder, engines.hive(folder, url) as uri:
                failed += test("Hive", "./catalog", "^TestStepwise(Conformance|Dies)", NOTIONLAKE_TEST_HIVE=uri)
    failed += places.differences(dumps)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
