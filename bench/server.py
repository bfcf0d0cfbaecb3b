# SPDX-License-Identifier: MIT
"""Whole server: connection rate and latency of the fork-per-connection echo server.

The limit is the server cured in its source: fixed_echo is leaky_echo with the line that its author
forgot, made from it here so that the two cannot drift apart. Each round starts every variant
afresh, one after the other, in a different order, and compares it with the fixed one of the round.
Only ratios are reported and nothing is judged: times belong to the machine.
"""

import os
import shutil
import signal
import statistics

import common
import forks
import plot

ROUNDS = 31
CLIENTS = 200
CLIENTS_SLOW = 20  # of variants that take ten times as long
AT_ONCE = 4
PROMISED = 0.98
LEAK = "/* here the parent forgets: close(conn); */"
CURE = "close(conn);"


def fixed_echo():
    source = os.path.join(common.ROOT, "examples", "leaky_echo.c")
    with open(source, encoding="utf-8") as file:
        text = file.read()
    if text.count(LEAK) != 1:
        raise common.Failed(f"{source}: the place of the cure is not there")
    os.makedirs(common.OUT, exist_ok=True)
    made = os.path.join(common.OUT, "fixed_echo.c")
    with open(made, "w", encoding="utf-8") as file:
        file.write(text.replace(LEAK, CURE))
    return common.program(made)


def variants():
    """{name: (command, environment, clients, whether its clients see an EOF)}."""
    leaky = common.program(os.path.join(common.ROOT, "examples", "leaky_echo.c"))
    shim = common.SHIM
    log = os.path.join(common.OUT, "server-debug.log")
    if os.path.exists(log):
        os.unlink(log)
    found = {
        "fixed": ([fixed_echo()], common.environment(), CLIENTS, True),
        "leaky": ([leaky], common.environment(), CLIENTS, False),
        "shim": ([leaky], common.environment(shim), CLIENTS, True),
        "shim, observe": ([leaky], common.environment(shim, SENDFIN_MODE="observe",
                                                      SENDFIN_LOG=log), CLIENTS, False),
        "shim, debug": ([leaky], common.environment(shim, SENDFIN_DEBUG="1", SENDFIN_LOG=log),
                        CLIENTS, True),
        "shim on fixed": ([fixed_echo()], common.environment(shim), CLIENTS, True),
        "empty on fixed": ([fixed_echo()], common.environment(common.library("empty.c")), CLIENTS,
                           True),
        "naive preload": ([leaky], common.environment(common.library("naive.c")), CLIENTS, True),
    }
    if shutil.which("strace"):
        found["strace -f"] = (["strace", "-f", "-qq", "-o", "/dev/null", leaky],
                              common.environment(), CLIENTS_SLOW, False)
    found["valgrind --track-fds"] = (["valgrind", "-q", "--track-fds=yes", "--log-file=/dev/null",
                                      leaky], common.environment(), CLIENTS_SLOW, False)
    return found


class Server:
    """A server that runs, in a process group of its own, until `with` ends: its port and pid."""

    def __init__(self, command, env, **more):
        self.process = common.start(command, env, start_new_session=True, **more)

    def __enter__(self):
        line = self.process.stdout.readline()
        if not line.startswith("listening on "):
            self.__exit__()
            raise common.Failed(f"{self.process.args[0]}: said {line!r} instead of its port")
        return line.rpartition(":")[2].strip(), self.process.pid

    def __exit__(self, *_):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()


def drive(command, env, clients, until_end):
    """(connections per second, latencies in ns) of one server's life."""
    with Server(command, env) as (port, _):
        output = common.run([common.program("load.c"), *(["-e"] if until_end else []), port,
                             str(clients), str(AT_ONCE)])
    total, *latencies = (int(line) for line in output.split())
    return clients * 1e9 / total, latencies


def one_round(number, found, until_end):
    names = list(found)
    shift = number % len(names)
    return {name: drive(*found[name][:3], until_end) for name in names[shift:] + names[:shift]}


def quantile(values, percent):
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def compare(title, name, found, until_end):
    rounds = [one_round(number, found, until_end) for number in range(ROUNDS)]
    head = ["server", "rate / fixed (quartiles)", "median latency / fixed", "p99 latency / fixed",
            "connections/s"]
    rows, bars = [], []
    for variant in found:
        rates = [taken[variant][0] / taken["fixed"][0] for taken in rounds]
        latency = {percent: common.median([quantile(taken[variant][1], percent) /
                                           quantile(taken["fixed"][1], percent)
                                           for taken in rounds]) for percent in (50, 99)}
        speed = common.median([taken[variant][0] for taken in rounds])
        rows.append([variant, common.spread(rates), f"{latency[50]:.3f}", f"{latency[99]:.3f}",
                     f"{speed:.0f}"])
        bars.append((variant, *statistics.quantiles(rates, n=4, method="inclusive"), 1))
    common.table(f"{title}: {ROUNDS} rounds, {AT_ONCE} clients at once", head, rows)
    common.save(name, head, rows)
    plot.bars(os.path.join(common.OUT, name + ".svg"), title + ": connection rate",
              "bar: median; line: quartiles; mark: the server that was fixed in its source", bars)


def measure(_):
    forks.raise_limit()
    found = variants()
    compare("Clients leave after the echo", "server", found, False)
    ending = {name: parts for name, parts in found.items() if parts[3]}
    compare("Clients wait for the server's EOF", "server-eof", ending, True)
    print(f"  wanted: shim at least {PROMISED} of fixed; what any preload costs: empty on fixed")
