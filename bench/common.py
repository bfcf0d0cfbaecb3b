# SPDX-License-Identifier: MIT
"""What the parts of the bench share: programs, the environment under the shim, callgrind, tables.

The idea: instructions are counted and can be compared with a number; times are only ever compared
with another time of the same run, taken in turn, and told as medians with their quartiles.
The invariant: a program that fails, or a count that is missing, ends the bench; it is never a zero.
Never here: a promise; those stand in the part that measures them.
"""

import os
import re
import shlex
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
BUILD = os.path.join(ROOT, os.environ.get("BUILD") or "build")
OUT = os.path.join(BUILD, "bench")
SHIM = os.path.abspath(os.environ.get("SENDFIN_LIB") or os.path.join(BUILD, "libsendfin.so"))
# Bound at start: a first call through a lazy table would be counted as the call.
FLAGS = "-std=gnu11 -D_GNU_SOURCE -Wall -Wextra -O2 -g -Wl,-z,now".split()


class Failed(Exception):
    """The bench cannot tell: something it needs did not work."""


def program(source, name=None, more=()):
    """The path of a program made of one C file, compiled when the file is newer."""
    os.makedirs(OUT, exist_ok=True)
    path = os.path.join(OUT, name or os.path.splitext(os.path.basename(source))[0])
    source = os.path.join(HERE, source)  # an absolute one stays
    if not os.path.exists(path) or os.path.getmtime(path) < os.path.getmtime(source):
        command = shlex.split(os.environ.get("CC") or "cc") + FLAGS + [*more, "-o", path, source]
        run(command)
    return path


def library(source):
    """The path of a library made of one C file."""
    return program(source, os.path.splitext(source)[0] + ".so", ["-shared", "-fPIC"])


def environment(shim=None, **settings):
    """This process's environment with a shim or without, and with no SENDFIN_ but these."""
    env = {name: value for name, value in os.environ.items()
           if not name.startswith("SENDFIN_") and name != "LD_PRELOAD"}
    if shim:
        if not os.path.exists(shim):
            raise Failed(f"{shim}: not built; run `make` first")
        env["LD_PRELOAD"] = shim
        env.update(settings)
    return env


def run(command, env=None):
    """What a program prints; a program that fails ends the bench."""
    return finish(start(command, env))


def start(command, env=None, **more):
    try:
        return subprocess.Popen(command, env=env or environment(), stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, **more)
    except OSError as error:
        raise Failed(f"{command[0]}: {error.strerror}") from error


def finish(process):
    output, errors = process.communicate()
    if process.returncode != 0:
        raise Failed(f"{shlex.join(map(str, process.args))}: exit {process.returncode}\n{errors}")
    return output


class Callgrind:
    """One run of a program under callgrind; its counts are files in a folder of its own."""

    def __init__(self, folder, options, command, env):
        self.folder = os.path.join(OUT, folder)
        os.makedirs(self.folder, exist_ok=True)
        for name in os.listdir(self.folder):  # what an earlier run left
            os.unlink(os.path.join(self.folder, name))
        self.process = start(["valgrind", "-q", "--tool=callgrind",
                              f"--callgrind-out-file={self.folder}/%p", *options, *command],
                             env)

    def parts(self):
        """The dumps that the first process made on the way, in order."""
        pid = self.process.pid
        number = 1
        while os.path.exists(f"{self.folder}/{pid}.{number}"):
            yield f"{self.folder}/{pid}.{number}"
            number += 1

    def whole(self):
        """The count of the first process at its end, and those of all others."""
        pid = str(self.process.pid)
        others = [name for name in os.listdir(self.folder) if name != pid and "." not in name]
        return f"{self.folder}/{pid}", [f"{self.folder}/{name}" for name in sorted(others)]


def total(path):
    """All instructions in a dump."""
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.startswith("totals:"):
                return int(line.split()[1])
    raise Failed(f"{path}: no totals in it")


COST = re.compile(r"[0-9*+-]\S* (\d+)$")


def by_function(path, library):
    """The instructions executed inside a library, by function: self cost, callees not counted."""
    names, costs = {}, {}
    inside = skip = False
    function = None
    with open(path, encoding="utf-8") as file:
        for line in file:
            key, _, value = line.rstrip("\n").partition("=")
            if key in ("ob", "cob", "fn", "cfn"):
                number, _, name = value.partition(" ")
                kind = key[-2:]
                if name:
                    names[kind, number] = name
                if key == "ob":
                    inside = os.path.basename(names[kind, number]) == os.path.basename(library)
                elif key == "fn":
                    function = names[kind, number]
            elif key == "calls":
                skip = True  # the next line is the cost of the callee
            elif COST.match(line):
                if inside and not skip:
                    costs[function] = costs.get(function, 0) + int(COST.match(line).group(1))
                skip = False
    return costs


# Figures -----------------------------------------------------------------------------------------

def median(values):
    return statistics.median(values)


def spread(values):
    """Median and quartiles, as people read them."""
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"{middle:.3f} ({low:.3f}..{high:.3f})"


def table(title, head, rows):
    """Prints rows under a head, columns aligned; numbers to the right."""
    rows = [[str(cell) for cell in row] for row in rows]
    width = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    print(f"\n{title}\n")
    for row in [head, ["-" * size for size in width], *rows]:
        cells = [cell.rjust(size) if re.match(r"[-+]?[0-9]", cell) else cell.ljust(size)
                 for cell, size in zip(row, width)]
        print("  " + "  ".join(cells).rstrip())
    sys.stdout.flush()


def save(name, head, rows):
    """The same as a file for other programs: build/bench/NAME.tsv."""
    os.makedirs(OUT, exist_ok=True)
    with open(os.path.join(OUT, name + ".tsv"), "w", encoding="utf-8") as file:
        for row in [head, *rows]:
            file.write("\t".join(str(cell) for cell in row) + "\n")


class Promises:
    """Claims, kept and missed; and wishes, which a time may miss without a failure."""

    def __init__(self):
        self.claims = []
        self.unfulfilled = []

    def wish(self, what, value, least=None, most=None):
        """Notes a time that is not as wanted; returns the word for the table."""
        if (least is None or value >= least) and (most is None or value <= most):
            return "as wanted"
        wanted = f"at least {least}" if least is not None else f"at most {most}"
        self.unfulfilled.append(f"{what}: {value:.3f}, wanted {wanted}")
        return "MISSED"

    def claim(self, what, value, limit):
        """Notes whether value <= limit; returns the word for the table."""
        self.claims.append((what, value, limit, value <= limit))
        return "PASS" if value <= limit else "FAIL"

    def missed(self):
        return [f"{what}: {value}, promised at most {limit}"
                for what, value, limit, good in self.claims if not good]
