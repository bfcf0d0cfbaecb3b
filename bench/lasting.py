# SPDX-License-Identifier: MIT
"""The long run: memory and descriptors of a leaky server that serves for ever.

The server has room for few descriptors, so it runs out of them again and again and gets them back.
What is promised: after the first of the looks nothing grows any more, neither the server's own
memory, nor its descriptors beyond their limit, nor the pages of the ledger that are in use.
"""

import os
import re
import resource

import common
import server

LOOKS = 20
DESCRIPTORS = 256
AT_ONCE = 4
SHORT = 20000  # as a part of the whole bench
SLACK = 64  # KiB: a page table here, a stack page there


def look(pid):
    """(KiB of memory that is no file's, KiB of the ledger in use, descriptors)."""
    kind, found = "own", {"own": 0, "ledger": 0}
    with open(f"/proc/{pid}/smaps", encoding="utf-8") as file:
        for line in file:
            if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
                kind = "ledger" if "SYSV" in line else "own"
            elif line.startswith("Anonymous:" if kind == "own" else "Rss:"):
                found[kind] += int(line.split()[1])
    return found["own"], found["ledger"], len(os.listdir(f"/proc/{pid}/fd"))


def few_descriptors():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(DESCRIPTORS, hard), hard))


def measure(promises, count=SHORT):
    leaky = common.program(os.path.join(common.ROOT, "examples", "leaky_echo.c"))
    head = ["connections", "own memory, KiB", "ledger in use, KiB", "descriptors"]
    rows = []
    each = max(count // LOOKS, AT_ONCE)
    with server.Server([leaky], common.environment(common.SHIM),
                       preexec_fn=few_descriptors) as (port, pid):
        for number in range(LOOKS):
            common.run([common.program("load.c"), "-e", port, str(each), str(AT_ONCE)])
            rows.append([(number + 1) * each, *look(pid)])
    common.table(f"A leaky server with {DESCRIPTORS} descriptors", head, rows)
    common.save("lasting", head, rows)
    # The ledger has been through all its slots of processes after 2048 connections.
    steady = next((i for i, row in enumerate(rows) if row[0] > 3000), len(rows) - 1)
    for column, slack in ((1, SLACK), (2, SLACK)):
        grown = max(row[column] for row in rows[steady:]) - rows[steady][column]
        promises.claim(f"growth of {head[column].split(',')[0]} in {count} connections, KiB",
                       grown, slack)
    promises.claim("most descriptors", max(row[3] for row in rows), DESCRIPTORS)
