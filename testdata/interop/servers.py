"""Runs the tests that need servers: an S3, a GCS, a REST catalog and a Postgres server, and kills
runs whose warehouse and catalog are there.

usage: servers.py BIN [KILLS [SEED]]
"""

import os
import subprocess
import sys
import tempfile

import engines
from killed import killed


def test(what, package, run, **variables):
    print("== %s: go test %s -run %s" % (what, package, run), flush=True)
    environment = {**os.environ, **variables, "CGO_ENABLED": "0"}
    return subprocess.run(["go", "test", "-count=1", "-timeout", "10m", package, "-run", run], env=environment, check=False).returncode


def kills(what, bin_dir, configuration, n, seed):
    hit, landed, wrong = killed(bin_dir, configuration, n, seed)
    print("== %s: %d runs killed of %d, %d of them after the commit (seed %d): %d wrong" % (what, hit, n, landed, seed, len(wrong)), flush=True)
    for text in wrong:
        print("WRONG", text)
    return len(wrong) + (hit < n // 3)


def main(bin_dir, n="10", seed="1"):
    failed, n, seed = 0, int(n), int(seed)
    os.environ.update(engines.KEYS)
    with engines.s3("test") as endpoint:
        failed += test("S3", "./lake", "^TestCloud", NOTIONLAKE_TEST_BUCKET="s3://test", AWS_ENDPOINT_URL=endpoint, **engines.KEYS)
    with engines.gcs("test") as host:
        failed += test("GCS", "./lake", "^TestCloud", NOTIONLAKE_TEST_BUCKET="gs://test", STORAGE_EMULATOR_HOST=host)
    with tempfile.TemporaryDirectory() as folder, engines.rest("file://" + folder, folder) as url:
        failed += test("REST", "./catalog", "^TestREST", NOTIONLAKE_TEST_REST=url)
    with engines.s3("test") as endpoint, tempfile.TemporaryDirectory() as folder, engines.rest("s3://test/other", folder, endpoint) as url:
        failed += kills("S3, REST", bin_dir, 'warehouse: s3://test/killed\nstorage: {endpoint: "%s"}\n'
                        'catalog: {type: rest, uri: "%s"}\n' % (endpoint, url), min(n, 4), seed)  # each is followed by the time of a lease
    with engines.postgres() as url:
        if url:
            failed += test("Postgres", "./catalog", "^TestPostgres", NOTIONLAKE_TEST_POSTGRES=url)
            with engines.s3("test") as endpoint:
                failed += kills("S3, Postgres", bin_dir, 'warehouse: s3://test/killed\nstorage: {endpoint: "%s"}\n'
                                'catalog: {type: postgres, uri: "%s"}\n' % (endpoint, url), n, seed)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
