# SPDX-License-Identifier: MIT
"""One tree with 1 to 1,000 processes: what the close of one connection costs, and the ledger.

Who lets go looks at every process that lives, so the cost of a close grows with them; with those
that have lived it must not. Page faults are counted and the ledger's size is a promise; the time
of a close is compared with that of the same run without the shim, and not judged.
"""

import os
import statistics

import common
import plot

SIZES = (1, 10, 100, 1000)
LEDGER_PROMISED = 2048  # KiB
SLOT_PROMISED = 528  # bytes of the ledger for each process: its slot, its birth once more, its bits


def run_tree(size, library):
    """(ns of each close, faults of each child, (KiB, KiB in use) of shared memory)."""
    lines = [[int(word) for word in line.split()] for line in
             common.run([common.program("tree.c"), str(size)],
                        common.environment(library)).splitlines()]
    return [line[0] for line in lines[:-1]], [line[1] for line in lines[:-1]], lines[-1]


def measure(promises):
    head = ["processes", "close, us: bare, no FIN", "shim", "faults of a child: bare", "shim",
            "ledger, KiB", "of it in use"]
    rows, bars, used = [], [], {}
    for size in SIZES:
        bare, shim = run_tree(size, None), run_tree(size, common.SHIM)
        used[size] = shim[2][1]
        rows.append([size, f"{common.median(bare[0]) / 1000:.1f}",
                     f"{common.median(shim[0]) / 1000:.1f}",
                     f"{common.median(bare[1]):.0f}", f"{common.median(shim[1]):.0f}", *shim[2]])
        quartiles = statistics.quantiles(shim[0], n=4, method="inclusive")
        bars.append((f"{size} processes", *(value / 1000 for value in quartiles), None))
    common.table("A child's close in a tree of so many processes", head, rows)
    common.save("tree", head, rows)
    plot.bars(os.path.join(common.OUT, "tree.svg"), "A child's close under the shim, us",
              "bar: median; line: quartiles", bars)
    promises.claim("KiB of the ledger", rows[-1][5], LEDGER_PROMISED)
    each = (used[SIZES[-1]] - used[SIZES[0]]) * 1024 / (SIZES[-1] - SIZES[0])
    promises.claim("bytes of the ledger for a process", round(each, 1), SLOT_PROMISED)
    print(f"  the ledger: {each:.0f} bytes for a process")
