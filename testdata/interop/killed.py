"""Kills runs at random moments, and looks what is left.

After each kill a reader must see tables of one load, where the catalog can change
all at once, and after the next run in any case; no file may be there then that
nothing names, nor one be missing that is named.
"""

import os
import random
import subprocess
import tempfile
import time
import urllib.error

from generations import ask, configure, notionlake, simulator


def killed(bin_dir, configuration, kills, seed, at_once=True):
    """Returns how many kills hit a run, and what was wrong."""
    rng, wrong, hit, landed = random.Random(seed), [], 0, 0
    with tempfile.TemporaryDirectory() as folder, simulator(bin_dir, "demo") as url:
        configure(folder, url, configuration)
        notionlake(bin_dir, folder, "run")
        started = time.monotonic()
        notionlake(bin_dir, folder, "run")
        takes = time.monotonic() - started
        for n in range(kills):
            before = loads(bin_dir, folder)
            if n % 5 == 1:
                try:
                    ask(url, "/_sim/step", b"")
                except urllib.error.HTTPError:
                    pass  # there are no more changes
            run = subprocess.Popen([os.path.join(bin_dir, "notionlake"), "run", "--allow-shrink", "--log-level", "error"], cwd=folder, stdout=subprocess.DEVNULL)
            time.sleep(rng.random() * takes * 1.2)
            run.kill()
            hit += run.wait() < 0
            now = loads(bin_dir, folder)
            landed += now != before
            if len(now) != 1 and at_once:
                wrong.append("kill %d: tables of %d loads: %s" % (n, len(now), sorted(now)))
            if notionlake(bin_dir, folder, "run", "--allow-shrink")["status"] != "complete":
                wrong.append("kill %d: the next run did not end well" % n)
            if len(now := loads(bin_dir, folder)) != 1:
                wrong.append("kill %d: after the next run tables of %d loads: %s" % (n, len(now), sorted(now)))
            left = notionlake(bin_dir, folder, "maintain", "--dry-run", "--orphan-age", "1ns")["orphans"]
            if left["files"] or left["folders"]:
                wrong.append("kill %d: left over: %s" % (n, left))
            for table in notionlake(bin_dir, folder, "tables")["tables"]:
                notionlake(bin_dir, folder, "head", table["name"])
    return hit, landed, wrong


def loads(bin_dir, folder):
    return {table["load_id"] for table in notionlake(bin_dir, folder, "tables")["tables"]}
