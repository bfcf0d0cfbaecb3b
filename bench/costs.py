# SPDX-License-Identifier: MIT
"""What a process pays for having the shim: page faults of a forked child, start-up, memory.

Faults and memory are counted by the kernel and hold for any machine with the same page size; the
time of an exec is a ratio of pairs, taken in turn.
"""

import os
import re

import common
import forks

CHILDREN = 300
ROUNDS = 11
STARTS = 600
PROGRAM = "/bin/true"
FAULTS_PROMISED = 4
# What is reached, and one for where the loader puts the text: no child touches more than these.
FAULTS_BOUND = 7
BYTES_PROMISED = 256
START_PROMISED = 0.12


MAPPING = re.compile(r"[0-9a-f]+-[0-9a-f]+ (\S+) \S+ \S+ \S+ *(.*)")


def pages_touched(lines):
    """{mapping: KiB that the child wrote to, or mapped anew} of its smaps.

    Of what a fork copies only the written pages are the child's own; mappings of files and shared
    memory start empty in a child, so all that is there was touched.
    """
    found = {}
    for line in lines:
        match = MAPPING.fullmatch(line)
        if match:
            rights, name = match.groups()
            mapping = f"{os.path.basename(name) or 'anonymous'} {rights}"
            counted = ("Rss",) if rights.endswith("s") else ("Private_Dirty", "Private_Clean",
                                                             "Shared_Clean")
        elif line.split(":")[0] in counted:
            found[mapping] = found.get(mapping, 0) + int(line.split()[1])
    return found


def count_faults(library):
    """The faults of each (child, parent), what the last child had touched, and ns of a fork."""
    lines = common.run([common.program("faults.c"), str(CHILDREN)],
                       common.environment(library)).splitlines()
    pairs = [tuple(int(word) for word in line.split()) for line in lines[:CHILDREN]]
    return list(zip(*pairs)), pages_touched(lines[CHILDREN + 1:]), int(lines[CHILDREN])


def fault_runs(library):
    """Pairs of what count_faults() says, bare and with the library."""
    return [[count_faults(preload) for preload in (None, library)] for _ in range(ROUNDS)]


def both_sides(runs):
    """Faults of all (children, parents), bare and with the library.

    Where the loader puts the library decides about one of them: so it is started several times.
    """
    return [[sum((run[kind][0][side] for run in runs), ()) for side in (0, 1)] for kind in (0, 1)]


def bound(library):
    """Page faults added to a forked child."""
    (bare, _), (shim, _) = both_sides(fault_runs(library))
    return common.median(shim) - common.median(bare)


def faults(promises):
    """Minor page faults of the child that serves one connection, and of its parent meanwhile."""
    runs = fault_runs(common.SHIM)
    (_, bare_pages, _), (_, shim_pages, _) = runs[0]
    bare, shim = both_sides(runs)
    head = ["of", "bare", "shim", "added", "promised", ""]
    rows = []
    for side, before, after in zip(("child", "parent"), bare, shim):
        added = common.median(after) - common.median(before)
        limit, said = "", ""
        if side == "child":
            limit = f"+{FAULTS_PROMISED}"
            said = promises.claim("page faults added to a forked child", added, FAULTS_PROMISED)
        rows.append([side, f"{common.median(before):.0f}", f"{common.median(after):.0f}",
                     f"+{added:.0f}", limit, said])
    common.table(f"Page faults of a fork that serves one connection (median of {CHILDREN})", head,
                 rows)
    common.save("faults", head, rows)
    for mapping, size in shim_pages.items():
        if size != bare_pages.get(mapping, 0):
            print(f"  the child touched {mapping}: {bare_pages.get(mapping, 0)} -> {size} KiB")
    ratios = [with_shim[2] / without[2] for without, with_shim in runs]
    print(f"  processor time of both, shim/bare: {common.spread(ratios)}, {ROUNDS} pairs")


def startup(promises):
    """What the preload adds to the exec of a program that does nothing."""
    counts = {}
    for name, library in (("bare", None), ("shim", common.SHIM)):
        run = common.Callgrind(f"callgrind-start-{name}", [], [PROGRAM],
                               common.environment(library))
        common.finish(run.process)
        counts[name] = common.total(run.whole()[0])
    pairs = [line.split() for line in common.run(
        [common.program("start.c"), str(STARTS), common.SHIM, PROGRAM]).splitlines()]
    ratios = [int(shim) / int(bare) for bare, shim in pairs]
    nanoseconds = [[int(pair[i]) for pair in pairs] for i in (0, 1)]
    added = common.median(nanoseconds[1]) / common.median(nanoseconds[0]) - 1
    head = ["what", "bare", "shim", "shim/bare"]
    rows = [["instructions until the end, loader included", counts["bare"], counts["shim"],
             f"{counts['shim'] / counts['bare']:.3f}"],
            ["time, us (medians; ratio of the pairs)",
             *(f"{common.median(values) / 1000:.0f}" for values in nanoseconds),
             common.spread(ratios)]]
    common.table(f"Start of {PROGRAM} ({STARTS} pairs)", head, rows)
    common.save("start", head, rows)
    promises.wish("added to an exec, as a part of a bare one", added, most=START_PROMISED)
    print(f"  added to the time of an exec: {added:.3f} of a bare one, wanted {START_PROMISED}")


def memory_of(library, used, size):
    env = common.environment(library)
    output = forks.converse(common.start(forks.command(size, used), env), size)
    before, after = (int(word) for word in output.split())
    return before, after - before


def memory(promises):
    """Anonymous memory that the shim adds per connection, and to a process without any."""
    size = min(forks.raise_limit(), 10000)
    head = ["connections", "KiB bare", "KiB shim", "bytes per connection", "promised", ""]
    rows = []
    for used in (False, True):
        bare, shim = (memory_of(library, used, size) for library in (None, common.SHIM))
        per = max(shim[1] - bare[1], 0) * 1024 / size
        what = f"bytes per {'shared and used' if used else 'accepted'} connection"
        said = promises.claim(what, round(per, 1), BYTES_PROMISED)
        rows.append([f"{size} {'shared, then used' if used else 'accepted'}", bare[1], shim[1],
                     f"{per:.1f}", BYTES_PROMISED, said])
    rows.insert(0, ["none", bare[0], shim[0], "", "", ""])
    common.table("Anonymous memory of the process", head, rows)
    common.save("memory", head, rows)


def measure(promises):
    faults(promises)
    startup(promises)
    memory(promises)
