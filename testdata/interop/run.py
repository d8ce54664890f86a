"""Loads the simulator's workspace, changes it and loads again, generation after
generation, and has DuckDB and PyIceberg compare every table of every load with
the truth that the simulator computes from its model.

usage: run.py BIN [WORKSPACE [FAULT_RATE]]
"""

import json
import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request

import judge

TOKEN = "ntn_interop"
# Faults that pass at once: a Retry-After of minutes is for tests in fake time.
FAULTS = ["429:0", "409", "500", "502", "reset", "cut", "empty", "expired"]


def ask(url, path, body=None):
    request = urllib.request.Request(url + path, data=body, method="GET" if body is None else "POST")
    with urllib.request.urlopen(request, timeout=300) as answer:
        return json.load(answer)


def load(bin_dir, folder):
    run = subprocess.run([os.path.join(bin_dir, "notionlake"), "run", "--allow-shrink", "--json", "--log-level", "error"], cwd=folder, stdout=subprocess.PIPE, check=False)
    report = json.loads(run.stdout)
    if run.returncode != 0 or report["status"] != "complete":
        sys.exit("run: exit code %d, %s: %s" % (run.returncode, report["status"], report["reasons"]))
    return report


def main(bin_dir, workspace="everything", fault_rate="0.15"):
    with tempfile.TemporaryDirectory() as work:
        command = [os.path.join(bin_dir, "notionsim"), "--workspace", workspace, "--token", TOKEN, "--shuffle", "--fault-rate", fault_rate]
        for kind in FAULTS:
            command += ["--fault", kind]
        sim = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            return generations(bin_dir, work, sim.stdout.readline().strip())
        finally:
            sim.kill()
            sim.wait()


def connect(bin_dir, folder, load_id):
    """Runs what `connect` prints, as it is printed, for all tables and for one, now and at a load."""
    ran = 0
    for engine in ("duckdb", "pyiceberg", "polars", "pandas"):
        for flags in ([], ["--at", load_id]):
            for table in ([], ["every_type"], ["_users"]):
                command = [os.path.join(bin_dir, "notionlake"), "connect"] + flags + [engine] + table
                text = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=True).stdout
                if engine == "duckdb":
                    # The extensions are installed already, from wheels.
                    lines = [l for l in text.splitlines() if not l.startswith(("INSTALL", "LOAD"))]
                    judge.duck().execute("\n".join(lines)).fetchall()
                else:
                    subprocess.run([sys.executable, "-W", "ignore", "-c", text], cwd=folder, stdout=subprocess.DEVNULL, check=True)
                ran += 1
    print("connect: %d texts ran as printed" % ran)


def generations(bin_dir, work, url):
    # A space and a letter beyond ASCII: paths in metadata must survive them.
    folder = os.path.join(work, "my lake ö")
    os.makedirs(folder)
    with open(os.path.join(folder, "notionlake.yaml"), "w", encoding="utf-8") as f:
        f.write('notion: {token: %s, base_url: "%s", rate: off}\n' % (TOKEN, url))
        f.write("retention: {keep_last: 2}\n")  # and of its only day the newest
    truth, loads, rows = os.path.join(work, "truth"), 0, 0
    while True:
        report = load(bin_dir, folder)
        loads += 1
        rows += sum(t["rows"] for t in report["tables"])
        print("load %d (%s): %d tables, %d requests, %d tried again" % (loads, report["load_id"], len(report["tables"]), report["requests"], report["retries"]))
        query = urllib.parse.urlencode({"load": report["load_id"], "dir": os.path.join(truth, report["load_id"])})
        ask(url, "/_sim/truth?" + query, b"")
        try:
            print("change:", ask(url, "/_sim/step", b"")["title"])
        except urllib.error.HTTPError as e:
            if e.code != 409:
                raise
            break
    connect(bin_dir, folder, report["load_id"])
    stats = ask(url, "/_sim/stats")
    fired = sum(stats["faults"].values())
    print("%d loads, %d rows, %d faults fired" % (loads, rows, fired))
    if loads < 3 or fired < 20:
        sys.exit("too little happened for a verdict")
    lake = os.path.join(folder, "lake")
    verdict = judge.main(os.path.join(lake, "catalog.db"), "file://" + lake, "notion", truth)
    expired = maintain(bin_dir, folder)
    return judge.main(os.path.join(lake, "catalog.db"), "file://" + lake, "notion", truth, expired) or verdict


def maintain(bin_dir, folder):
    """Lets all loads but the last two expire, in two steps, and returns them."""
    def run(*args):
        command = [os.path.join(bin_dir, "notionlake"), *args, "--json", "--log-level", "error"]
        return json.loads(subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, check=True).stdout)

    expired = run("expire", "--keep-last", "3")
    if not expired["expired"] or not expired["files"]["files"]:
        sys.exit("nothing expired")
    more = run("maintain")
    loads = expired["expired"] + more["expired"]
    print("maintenance: %d loads expired, %d files deleted, compacted: %s" % (
        len(loads), expired["files"]["files"] + more["files"]["files"], ", ".join(t["table"] for t in more["compacted"]) or "nothing"))
    return loads


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
