# SPDX-License-Identifier: MIT
"""Fork against the number of open connections: instructions inside the shim, in parent and child.

The promise: +0 per open connection, so the count is the same with none and with 100,000. Also with
connections that were shared before and used since, of which all is known that can be known.

Parent and child are added up: both write the child's pid, and the second one to come finds it
there, at three instructions more.

The clients are another process, not under callgrind. The limit of descriptors is raised before
valgrind starts: it keeps a few at the top for itself and hands the rest to the program. Where even
the hard limit is lower and may not be raised, the largest size is what fits under it, and the
table tells the number.
"""

import resource
import subprocess

import common

SIZES = (0, 1, 100, 1000, 20000, 100000)
SOME = 10  # as in forks.c: so many more clients are waiting to be accepted
# Descriptors beside the connections: standard ones, the listener, what valgrind keeps, to spare.
OTHERS = 100


def raise_limit(wanted=max(SIZES) + OTHERS):
    """Of this process and so of all it starts; returns how many connections fit."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    for most in (max(wanted, hard), hard):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, most), most))
            break
        except (OSError, ValueError):
            pass  # not privileged to raise the hard limit
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0] - OTHERS


def start_clients(port, count):
    return common.start([common.program("clients.c"), str(port), str(count)],
                        stdin=subprocess.PIPE)


def converse(server, count):
    """Lets a forks program have its clients; returns the rest of what it prints."""
    port = server.stdout.readline().strip()
    count += SOME
    if not port:
        common.finish(server)
        raise common.Failed("forks: no port")
    clients = start_clients(port, count)
    try:
        return common.finish(server)
    finally:
        clients.communicate()


def command(count, used):
    return [common.program("forks.c"), *(["-u"] if used else []), str(count)]


def count(size, used, library):
    """{function: instructions} inside the shim in one fork: of the parent, of the child."""
    folder = f"callgrind-forks-{size}{'-used' if used else ''}"
    run = common.Callgrind(folder, ["--toggle-collect=fork_once"], command(size, used),
                           common.environment(library))
    converse(run.process, size)
    parent, others = run.whole()
    children = [path for path in others if common.total(path) > 0]
    if len(children) != 1:
        raise common.Failed(f"{folder}: {len(children)} children instead of one")
    return common.by_function(parent, library), common.by_function(children[0], library)


def tell_growth(size, side, now, base):
    """The functions that did more than with no connection at all."""
    for function in sorted(set(now) | set(base)):
        if now.get(function, 0) != base.get(function, 0):
            print(f"  {size} connections, {side}: {function}: {base.get(function, 0)} -> "
                  f"{now.get(function, 0)} instructions")


def measure(promises, sizes=SIZES, library=common.SHIM):
    """Each size with connections that were only accepted; the largest also with used ones."""
    head = ["connections", "used", "parent", "child", "with none", ""]
    most = raise_limit()
    sizes = sorted({min(size, most) for size in sizes})
    rows = []
    growth = []
    for used in (False, True):
        base = count(0, used, library)
        wanted = [sum(side.values()) for side in base]
        for size in sizes if not used else sizes[-1:]:
            sides = count(size, used, library)
            counts = [sum(side.values()) for side in sides]
            if 0 in counts:
                raise common.Failed("forks: the shim was not there")
            what = f"fork with {size} connections{' in use' if used else ''}, instructions added"
            more = sum(counts) - sum(wanted)
            said = promises.claim(what, more, 0)
            rows.append([size, "yes" if used else "no", *counts, f"{wanted[0]} and {wanted[1]}",
                         said])
            growth.append((size, sides, base))
    common.table("Instructions inside the shim in one fork (callgrind)", head, rows)
    for size, sides, base in growth:
        for side, now, then in zip(("parent", "child"), sides, base):
            tell_growth(size, side, now, then)
    common.save("forks", head, rows)
