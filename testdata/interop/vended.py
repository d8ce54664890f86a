"""Loads a workspace into a bucket that only credentials open which a REST catalog hands out
for each table, for some seconds.

The server of Iceberg's own tests hands out none, so one stands before it that adds them to
its answers. Before the S3 server stands one that looks at their signatures, lets each do
what it is for, below the location of its table, and signs anew.

usage: vended.py BIN
"""

import contextlib
import hashlib
import hmac
import http.client
import http.server
import json
import os
import secrets
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

import pyarrow.fs
from pyiceberg.catalog.rest import RestCatalog

import engines
from generations import ask, configure, connection, keep_truth, notionlake, simulator
from judge import Judge
from readers import DuckDB, PyIceberg

LIFE = 8  # seconds: a load takes some, so that its credentials end while it goes on


def signature(method, target, headers, signed, secret, scope):
    """The signature of a request to S3, version 4, over the named headers."""
    path, _, query = target.partition("?")
    pairs = sorted(p if "=" in p else p + "=" for p in query.split("&") if p)
    lines = [method, path, "&".join(pairs)]
    lines += ["%s:%s" % (name, " ".join(headers[name].split())) for name in signed] + ["", ";".join(signed), headers["x-amz-content-sha256"]]
    text = "\n".join(["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, hashlib.sha256("\n".join(lines).encode()).hexdigest()])
    key = ("AWS4" + secret).encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), "sha256").digest()
    return hmac.new(key, text.encode(), "sha256").hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """Passes requests on; each connection to this one has one of its own to the next."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    backend = None

    def log_message(self, *_):
        pass

    def forward(self, target, headers, body):
        if self.backend is None:
            self.backend = http.client.HTTPConnection(urllib.parse.urlsplit(self.server.behind).netloc, timeout=60)
        try:
            self.backend.request(self.command, target, body or None, headers)
            answer = self.backend.getresponse()
        except (OSError, http.client.HTTPException):  # it has closed a connection that was not used
            self.backend.close()
            self.backend.request(self.command, target, body or None, headers)
            answer = self.backend.getresponse()
        return answer.status, answer.getheaders(), answer.read()

    def reply(self, status, headers, body):
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                self.send_header(name, value)
        length = dict((n.lower(), v) for n, v in headers).get("content-length", "0") if self.command == "HEAD" else str(len(body))
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def handle_one(self):
        self.answer(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_one


class Guard(Handler):
    """Stands before the S3 server."""

    def answer(self, body):
        code = self.refuses()
        if code:
            self.server.refused.append(code)
            self.reply(400 if code == "ExpiredToken" else 403, [("Content-Type", "application/xml")], b"<Error><Code>%s</Code></Error>" % code.encode())
            return
        headers = {n.lower(): v for n, v in self.headers.items()}
        for name in ("authorization", "x-amz-security-token", "connection", "expect", "accept-encoding"):
            headers.pop(name, None)
        headers["host"] = urllib.parse.urlsplit(self.server.behind).netloc
        signed = sorted(n for n in headers if n == "host" or n.startswith("x-amz-"))
        keys = engines.KEYS
        scope = "%s/%s/s3/aws4_request" % (headers["x-amz-date"][:8], keys["AWS_REGION"])
        headers["authorization"] = "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s" % (
            keys["AWS_ACCESS_KEY_ID"], scope, ";".join(signed), signature(self.command, self.path, headers, signed, keys["AWS_SECRET_ACCESS_KEY"], scope))
        self.reply(*self.forward(self.path, headers, body))

    def refuses(self):
        """Why a request is refused."""
        given = self.headers.get("Authorization", "")
        if not given.startswith("AWS4-HMAC-SHA256 ") or self.headers.get("x-amz-content-sha256", "STREAMING").startswith("STREAMING"):
            return "AccessDenied"
        parts = dict(p.strip().split("=", 1) for p in given.split(" ", 1)[1].split(","))
        access, scope = parts["Credential"].split("/", 1)
        grant = self.server.grants.get(access)
        if not grant:
            return "InvalidAccessKeyId"
        headers = {n.lower(): v for n, v in self.headers.items()}
        if parts["Signature"] != signature(self.command, self.path, headers, parts["SignedHeaders"].split(";"), grant["secret"], scope):
            return "SignatureDoesNotMatch"
        if headers.get("x-amz-security-token") != grant["token"]:
            return "InvalidToken"
        if time.time() > grant["until"]:
            return "ExpiredToken"
        path, _, query = self.path.partition("?")
        bucket, _, key = urllib.parse.unquote(path).lstrip("/").partition("/")
        if not key:
            key = urllib.parse.parse_qs(query).get("prefix", [""])[0]
        self.server.used.add(grant["location"])
        return "" if ("s3://%s/%s" % (bucket, key)).startswith(grant["location"] + "/") else "AccessDenied"


class Vendor(Handler):
    """Stands before the REST catalog."""

    def answer(self, body):
        headers = {n: v for n, v in self.headers.items() if n.lower() not in ("host", "connection", "accept-encoding")}
        status, headers, body = self.forward(self.path, headers, body)
        parts = urllib.parse.urlsplit(self.path).path.strip("/").split("/")
        about_table = self.command == "GET" and len(parts) == 5 or self.command == "POST" and len(parts) == 4 and parts[3] == "tables"
        if status == 200 and about_table and parts[3] == "tables" and "vended-credentials" in self.headers.get("X-Iceberg-Access-Delegation", ""):
            said = json.loads(body)
            location, access = said["metadata"]["location"].rstrip("/"), "AK" + secrets.token_hex(8)
            grant = {"secret": secrets.token_hex(16), "token": secrets.token_hex(24), "until": time.time() + LIFE, "location": location}
            self.server.guard.grants[access] = grant
            said["config"] = {**said.get("config", {}), "s3.endpoint": self.server.guard.url, "client.region": "us-east-1", "s3.path-style-access": "true"}
            said["storage-credentials"] = [{"prefix": location, "config": {
                "s3.access-key-id": access, "s3.secret-access-key": grant["secret"], "s3.session-token": grant["token"],
                "s3.session-token-expires-at-ms": str(int(grant["until"] * 1000))}}]
            body = json.dumps(said).encode()
        self.reply(status, headers, body)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, handler, behind):
        super().__init__(("127.0.0.1", 0), handler)
        self.behind, self.url = behind, "http://127.0.0.1:%d" % self.server_address[1]

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):  # of a client that was killed
            super().handle_error(request, client_address)


@contextlib.contextmanager
def before(handler, behind, **more):
    """A server that stands before another one."""
    with Server(handler, behind) as server:
        vars(server).update(more)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def vended(bin_dir):
    """Returns how much was wrong."""
    wrong, started = [], time.monotonic()
    with engines.s3("test") as s3, tempfile.TemporaryDirectory() as folder, engines.rest("s3://test/other", folder, s3) as rest, \
            before(Guard, s3, grants={}, refused=[], used=set()) as guard, before(Vendor, rest, guard=guard) as vendor, simulator(bin_dir, "demo") as sim, \
            wrong_keys():
        # What is in the bucket, whoever may see it.
        bucket = pyarrow.fs.S3FileSystem(access_key=engines.KEYS["AWS_ACCESS_KEY_ID"], secret_key=engines.KEYS["AWS_SECRET_ACCESS_KEY"],
                                         endpoint_override=s3, region="us-east-1")

        def keys():
            return [i.path for i in bucket.get_file_info(pyarrow.fs.FileSelector("test", recursive=True)) if i.is_file]

        truth = os.path.join(folder, "truth")
        configure(folder, sim, 'warehouse: s3://test/vended\nstorage: {credentials: catalog}\ncatalog: {type: rest, uri: "%s"}\nretention: {keep_last: 1}\n' % vendor.url)
        # The first run dies when it has written files of tables that do not exist yet.
        run = subprocess.Popen([os.path.join(bin_dir, "notionlake"), "run", "--log-level", "error"], cwd=folder, stdout=subprocess.DEVNULL)
        while run.poll() is None and not any("/data/" in k for k in keys()):
            time.sleep(0.02)
        run.kill()
        run.wait()
        dead = {k for k in keys() if "/data/" in k}
        tables = ask(vendor.url, "/v1/namespaces/notion/tables")["identifiers"]
        if not dead or any(t["name"] != "_loads" for t in tables):
            wrong.append("the run that is killed has written %s; tables: %s" % (sorted(dead), tables))
        for n in range(3):
            if n:
                ask(sim, "/_sim/step", b"")
            report = notionlake(bin_dir, folder, "run", "--allow-shrink")
            if report["status"] != "complete":
                wrong.append("load %d: %s" % (n, report["reasons"]))
            keep_truth(sim, truth, report["load_id"])
            if n == 0 and dead & set(keys()):
                wrong.append("of the run that was killed there is still %s" % sorted(dead & set(keys())))
        done = notionlake(bin_dir, folder, "maintain")
        left = notionlake(bin_dir, folder, "maintain", "--dry-run", "--orphan-age", "1ns")["orphans"]
        if len(done["expired"]) < 1 or left["files"] or left["folders"]:
            wrong.append("maintenance: %s, left over: %s" % (done, left))
        plan = notionlake(bin_dir, folder, "plan")
        if len(plan["tables"]) < 5:
            wrong.append("plan: %s" % plan)
        checks = notionlake(bin_dir, folder, "check", check=False)["checks"]
        wrong += ["check: %s" % c for c in checks if c["status"] != "ok" and c["name"] not in ("users",)]
        if sum(c["name"] == "credentials" for c in checks) != 3:
            wrong.append("check says of credentials: %s" % [c["message"] for c in checks])
        # Engines take what the catalog hands out: DuckDB as it is told to, and PyIceberg as it is.
        DuckDB().run(connection(bin_dir, folder, "duckdb"))
        j, catalog = Judge(), RestCatalog("notionlake", uri=vendor.url)
        for file in sorted(os.listdir(os.path.join(truth, report["load_id"]))):
            with open(os.path.join(truth, report["load_id"], file), encoding="utf-8") as f:
                want = json.load(f)
            j.compare(PyIceberg(), "table " + want["table"], want, catalog.load_table(("notion", want["table"])).scan().to_arrow())
        if j.wrong or j.tables["PyIceberg"] < 10:
            wrong.append("%d tables read by PyIceberg, %d differences" % (j.tables["PyIceberg"], j.wrong))
        denied = [code for code in guard.refused if code != "ExpiredToken"]
        if denied:
            wrong.append("requests with other credentials than those for it: %s" % denied)
        for text in wrong:
            print("WRONG", text)
        print("S3 with what a REST catalog hands out for %d s: %d credentials for %d tables, %d requests refused, %d files of a killed run removed, "
              "%d tables read by PyIceberg, %d s: %d wrong" % (LIFE, len(guard.grants), len(guard.used), len(guard.refused), len(dead),
                                                               j.tables["PyIceberg"], time.monotonic() - started, len(wrong)), flush=True)
        return len(wrong)


@contextlib.contextmanager
def wrong_keys():
    """Keys in the environment that open nothing."""
    kept = dict(os.environ)
    os.environ.update({"AWS_ACCESS_KEY_ID": "wrong", "AWS_SECRET_ACCESS_KEY": "wrong", "AWS_SESSION_TOKEN": "wrong"})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(kept)


if __name__ == "__main__":
    sys.exit(min(1, vended(sys.argv[1])))
