"""Whether the same workspace becomes the same tables wherever they lie."""

import json
import tempfile

from generations import ask, configure, notionlake, simulator

LOADS = ("20301121T030000Z", "20301122T030000Z", "20301123T030000Z")


def dump(bin_dir, configuration):
    """What every load left, as JSON: the columns and rows of every table, by load and table."""
    found = {}
    with tempfile.TemporaryDirectory() as folder, simulator(bin_dir, "demo") as url:
        configure(folder, url, configuration)
        for load in LOADS:
            notionlake(bin_dir, folder, "run", "--allow-shrink", "--as-load", load)
            ask(url, "/_sim/step", b"")
        for load in LOADS:
            for table in notionlake(bin_dir, folder, "tables", "--at", load)["tables"]:
                if table["name"] == "_loads":  # it has times and snapshots
                    continue
                head = notionlake(bin_dir, folder, "head", "--at", load, "-n", "10000", table["name"])
                # Files that Notion hosts have the simulator's address, which is another for each.
                head = json.loads(json.dumps(head).replace(url, "http://simulator"))
                found[load, table["name"]] = {"columns": head["schema"], "rows": sorted(head["head"], key=json.dumps)}
    return found


def differences(dumps):
    """Compares dumps, by the name of the place, with the first; returns how many tables differ."""
    (first, want), *others = dumps.items()
    wrong = 0
    for name, got in others:
        for key in sorted(set(want) | set(got)):
            if want.get(key) != got.get(key):
                wrong += 1
                print("WRONG load %s, table %s: %s is not as %s" % (*key, name, first))
    rows = sum(len(t["rows"]) for t in want.values())
    print("== the same on %s: %d tables with %d rows of %d loads: %d differences" % (", ".join(dumps), len(want), rows, len(LOADS), wrong), flush=True)
    return wrong + (rows < 100)
