"""Loads the simulator's workspace, changes it and loads again, generation after
generation, and keeps the truth of each load, which the simulator computes from its
model."""

import contextlib
import io
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

TOKEN, BEGAN = "ntn_interop", time.monotonic()
# Faults that pass at once: a Retry-After of minutes is for tests in fake time.
FAULTS = ["429:0", "409", "500", "502", "reset", "cut", "empty", "expired"]


def say(text):
    """Prints what has been done, and when."""
    print("== %4d s, %s" % (time.monotonic() - BEGAN, text), flush=True)


@contextlib.contextmanager
def simulator(bin_dir, workspace, *flags):
    """A simulator of Notion: its URL."""
    sim = subprocess.Popen([os.path.join(bin_dir, "notionsim"), "--workspace", workspace, "--token", TOKEN, *flags], stdout=subprocess.PIPE, text=True)
    try:
        yield sim.stdout.readline().strip()
    finally:
        sim.kill()
        sim.wait()


def faulty(rate):
    """The flags of a simulator that answers with faults."""
    return ["--shuffle", "--fault-rate", rate] + [flag for kind in FAULTS for flag in ("--fault", kind)]


def ask(url, path, body=None):
    request = urllib.request.Request(url + path, data=body, method="GET" if body is None else "POST")
    with urllib.request.urlopen(request, timeout=300) as answer:
        return json.load(answer)


def configure(folder, url, more=""):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "notionlake.yaml"), "w", encoding="utf-8") as f:
        f.write('notion: {token: %s, base_url: "%s", rate: off}\n%s' % (TOKEN, url, more))


def notionlake(bin_dir, folder, *args, check=True):
    """Runs a command and returns what it says as JSON."""
    command = [os.path.join(bin_dir, "notionlake"), *args, "--json", "--log-level", "error"]
    run = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, check=check)
    return json.loads(run.stdout)


def load(bin_dir, folder, url, truth, files=False):
    """Loads, keeps the truth, and returns the report."""
    report = notionlake(bin_dir, folder, "run", "--allow-shrink", check=False)
    if report["status"] != "complete":
        sys.exit("run: %s: %s" % (report["status"], report["reasons"]))
    print("load (%s): %d tables, %d requests, %d tried again" % (report["load_id"], len(report["tables"]), report["requests"], report["retries"]))
    keep_truth(url, truth, report["load_id"], files)
    return report


def keep_truth(url, truth, load_id, files=False):
    """Has the simulator write what a load that ran just now must have made."""
    ask(url, "/_sim/truth?" + urllib.parse.urlencode({"load": load_id, "dir": os.path.join(truth, load_id), "files": str(files).lower()}), b"")


def generations(bin_dir, folder, url, truth, most=100):
    """Loads until there are no more changes, or so often, and returns the ID of the last load."""
    loads, rows = 0, 0
    while True:
        report = load(bin_dir, folder, url, truth)
        loads += 1
        rows += sum(t["rows"] for t in report["tables"])
        if loads == most:
            break
        try:
            print("change:", ask(url, "/_sim/step", b"")["title"])
        except urllib.error.HTTPError as e:
            if e.code != 409:
                raise
            break
    fired = sum(ask(url, "/_sim/stats")["faults"].values())
    say("%d loads, %d rows, %d faults fired" % (loads, rows, fired))
    if loads < 3 or fired < 20:
        sys.exit("too little happened for a verdict")
    return report["load_id"]


def connection(bin_dir, folder, *args):
    """What `connect` prints."""
    return subprocess.run([os.path.join(bin_dir, "notionlake"), "connect", *args], cwd=folder, stdout=subprocess.PIPE, text=True, check=True).stdout


def connected(bin_dir, folder, engine):
    """Runs what `connect` prints in this process, and returns the names that it gave to things."""
    names = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(connection(bin_dir, folder, engine, "_users"), names)
    return names


def connect(bin_dir, folder, engine, load_id, run, few=False):
    """Has the texts run that `connect` prints, as they are printed, for all tables and for some, now and at a load."""
    texts = []
    for flags in ([], ["--at", load_id]):
        for table in ([], ["every_type"], ["_users"]):
            if few and len(flags) + len(table) != 1:
                continue
            texts.append(connection(bin_dir, folder, *flags, engine, *table))
    run(texts)
    say("connect %s: %d texts ran as printed" % (engine, len(texts)))
    return len(texts)


ALL = "import json, sys\nfor text in json.load(sys.stdin): exec(text, {'__name__': '__main__'})"


def python(texts, **options):
    """Runs texts of Python in a process of their own, each with names of its own."""
    subprocess.run([sys.executable, "-W", "ignore", "-c", ALL], input=json.dumps(texts), text=True, stdout=subprocess.DEVNULL, check=True, **options)


def python_here(texts):
    """Runs them in this process: of what is dear to start, there is one session."""
    with contextlib.redirect_stdout(io.StringIO()):
        for text in texts:
            exec(text, {"__name__": "__main__"})


def each(run):
    """What runs texts one by one."""
    return lambda texts: [run(text) for text in texts]
