# SPDX-License-Identifier: MIT
"""Close and accept against the number of open connections: instructions inside the shim.

Not promised to be the same: a connection that was used while shared has a record in a hash table,
and its chains may grow. The table shows whether they do.
"""

import common
import forks

SIZES = (10, 100, 1000, 10000, 100000)


def inside(function, size, used, library):
    """Instructions inside the shim in one call of those that the function makes."""
    folder = f"callgrind-scale-{function}-{size}{'-used' if used else ''}"
    run = common.Callgrind(folder, [f"--toggle-collect={function}"], forks.command(size, used),
                           common.environment(library))
    forks.converse(run.process, size)
    cost = sum(common.by_function(run.whole()[0], library).values())
    if cost == 0:
        raise common.Failed(f"scale: the shim was not there in {function}")
    return f"{cost / forks.SOME:g}"


def measure(_, library=common.SHIM):
    most = forks.raise_limit() - forks.SOME
    head = ["connections", "close", "close, used while shared", "accept"]
    rows = [[size, inside("close_some", size, False, library),
             inside("close_some", size, True, library),
             inside("accept_some", size, False, library)]
            for size in sorted({min(size, most) for size in SIZES})]
    common.table("Instructions inside the shim in one call (callgrind)", head, rows)
    common.save("scale", head, rows)
