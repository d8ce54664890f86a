"""Runs the tests that need servers: an S3, a GCS and a Postgres server.

usage: servers.py
"""

import os
import subprocess
import sys

import engines


def test(what, package, run, **variables):
    print("== %s: go test %s -run %s" % (what, package, run), flush=True)
    environment = {**os.environ, **variables, "CGO_ENABLED": "0"}
    return subprocess.run(["go", "test", "-count=1", "-timeout", "10m", package, "-run", run], env=environment, check=False).returncode


def main():
    failed = 0
    with engines.s3("test") as endpoint:
        failed += test("S3", "./lake", "^TestCloud", NOTIONLAKE_TEST_BUCKET="s3://test", AWS_ENDPOINT_URL=endpoint, **engines.KEYS)
    with engines.gcs("test") as host:
        failed += test("GCS", "./lake", "^TestCloud", NOTIONLAKE_TEST_BUCKET="gs://test", STORAGE_EMULATOR_HOST=host)
    with engines.postgres() as url:
        if url:
            failed += test("Postgres", "./catalog", "^TestPostgres", NOTIONLAKE_TEST_POSTGRES=url)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
