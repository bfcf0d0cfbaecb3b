# SPDX-License-Identifier: MIT
"""Per call: instructions, and nanoseconds as a ratio, on each kind of descriptor.

calls.c makes every call FEW and then MANY times. The difference divided by MANY - FEW is the cost
of one call, so start-up and everything else outside the loop cancels out; bare against shim is
what the shim adds. Instructions come out whole, or the call's cost depends on its history and the
table says so with a fraction.
"""

import os
from fractions import Fraction

import common
import plot

# At most so many instructions more than libc's, by (call, kind). The promise for a watched
# descriptor is that of read: the other receive calls also look at their flags or their parts.
PROMISED = {(call, "unwatched"): 8 for call in ("read", "__read_chk", "recv", "recvfrom", "readv")}
PROMISED.update({(call, kind): 20 for call in ("read", "__read_chk")
                 for kind in ("private", "shared")})
PROMISED["close", "unwatched"] = 10
OPTIONS = ["--zero-before=measure", "--dump-after=measure"]


def per_call(lines, values):
    """{(call, kind): cost of one call} of the lines that calls prints and a value for each."""
    costs = {}
    before = None
    for line, value in zip(lines, values):
        call, kind, count, _ = line.split()
        if before is None or before[0] != (call, kind):
            before = (call, kind), int(count), value
        else:
            costs[call, kind] = Fraction(value - before[2], int(count) - before[1])
    return costs


def count(variant, env, only=()):
    """Instructions of one call, by (call, kind), and the dumps that tell where they were spent."""
    run = common.Callgrind(f"callgrind-calls-{variant}", OPTIONS,
                           [common.program("calls.c"), *only], env)
    lines = common.finish(run.process).splitlines()
    parts = list(run.parts())
    if len(parts) < len(lines) or not lines:
        raise common.Failed(f"calls: {len(lines)} measurements, but {len(parts)} dumps")
    dumps = {}
    for line, part in zip(lines, parts):
        call, kind, calls, _ = line.split()
        dumps.setdefault((call, kind), []).append((int(calls), part))
    return per_call(lines, [common.total(part) for part in parts]), dumps


def tell_where(key, dumps, library):
    """Which functions of the library one call went through, and how much in each."""
    (few, before), (many, after) = ((calls, common.by_function(part, library))
                                    for calls, part in dumps[key])
    for function in sorted(after, key=after.get, reverse=True):
        each = Fraction(after[function] - before.get(function, 0), many - few)
        print(f"  {key[0]} on {key[1]}: {function}: {exact(each)} instructions")


def times(rounds, library):
    """Medians of shim / bare, by (call, kind): each round runs one after the other."""
    ratios, bare_ns = {}, {}
    for number in range(rounds):
        taken = {}
        for shim in (False, True) if number % 2 else (True, False):
            env = common.environment(library if shim else None)
            lines = common.run([common.program("calls.c")], env).splitlines()
            taken[shim] = {}
            for line in lines:  # the later of the two, the larger count, stays
                call, kind, calls, elapsed = line.split()
                taken[shim][call, kind] = int(elapsed) / int(calls)
        for key, value in taken[False].items():
            ratios.setdefault(key, []).append(taken[True][key] / value)
            bare_ns.setdefault(key, []).append(value)
    return ratios, bare_ns


def exact(value):
    return str(value) if value.denominator == 1 else f"{float(value):.2f}"


def draw(added):
    """The calls whose cost is a few instructions; the rest would make them invisible."""
    rows = [(f"{call}, {kind}", *[float(value)] * 3, PROMISED.get((call, kind)))
            for (call, kind), value in added.items() if value < 100]
    plot.bars(os.path.join(common.OUT, "calls.svg"), "Instructions added to one call",
              "mark: at most so many are promised", rows)


def measure(promises, rounds=15, library=common.SHIM, only=()):
    """The whole table, or `only` one call; rounds of timing, or none."""
    bare, _ = count("bare", common.environment(), only)
    shim, dumps = count("shim", common.environment(library), only)
    if rounds:
        debug, _ = count("debug", common.environment(library, SENDFIN_DEBUG="1",
                                                     SENDFIN_LOG="/dev/null"), only)
    ratios, bare_ns = times(rounds, library) if rounds else ({}, {})
    head = ["call", "descriptor", "bare", "shim", "added", "promised", ""]
    head += ["added by debug", "bare ns", "shim/bare time (quartiles)"] if rounds else []
    rows = []
    for (call, kind), value in bare.items():
        added = shim[call, kind] - value
        limit = PROMISED.get((call, kind))
        said = "" if limit is None else promises.claim(f"{call} on {kind}, instructions added",
                                                       added, limit)
        row = [call, kind, exact(value), exact(shim[call, kind]), f"+{exact(added)}",
               "" if limit is None else f"+{limit}", said]
        if rounds:
            row += ["+" + exact(debug[call, kind] - value),
                    f"{common.median(bare_ns[call, kind]):.0f}", common.spread(ratios[call, kind])]
        rows.append(row)
    missing = [key for key in PROMISED if key not in bare and not only]
    if missing:
        raise common.Failed(f"calls: promised but not measured: {missing}")
    common.table("Instructions of one call (callgrind)", head, rows)
    for row in rows:
        if row[6] == "FAIL":
            tell_where((row[0], row[1]), dumps, library)
    if not only:
        common.save("calls", head, rows)
        draw({key: shim[key] - bare[key] for key in bare})
