# SPDX-License-Identifier: MIT
"""Compares plays, and tells what differs.

The idea: a bare play is the standard. A second bare play shows that the standard stands still; what
it does not show to be the same cannot be asked of the shim either. Every function returns a list of
complaints; an empty one is what everybody wants.
The invariant: whatever is missing is a complaint. Two plays that saw nothing are not the same.
"""

import re

import trace

VERDICT = re.compile(r"^sendfin\[\d+\]: (fin|leave|defer) (\w+) fd=\d+ local=\S+ peer=\S+ "
                     r"acted=(yes|no): \S")
# What the shim may add, by what the call is about, and why.
ADDED = {
    trace.CONNECTION: {
        "getsockopt": "is it TCP, its cookie, its state",
        "fcntl": "does it go on across exec, and is the source of a dup2 over it open",
        "ioctl": "is anything unread",
        "setsockopt": "keepalive of a deferred one",
        "getsockname": "for the log", "getpeername": "for the log",
        "shutdown": "the FIN",
    },
    trace.NOTHING: {
        "getpid": "a new process's place in the ledger",
        "kill": "does that process live", "process_vm_readv": "does that process live",
        "newfstatat": "has that process threads left",
        "shmget": "the ledger", "shmat": "the ledger", "shmctl": "the ledger",
        "madvise": "what must not be dumped; what may be read",
        "prlimit64": "may a dup2 over a connection succeed",
        "sigaltstack": "where a signal handler jumped to",
        "clock_gettime": "when was the last sweep",
    },
    trace.DESCRIPTOR: {},
}
# What a shim might ask or do: these must be as many as bare, but for ADDED. The others depend on
# who is scheduled when, in bare plays, too: reads of parts, restarted waits, what a worker opens
# with its first client.
COUNTED = set().union(*ADDED.values()) - {"newfstatat", "clock_gettime"} | {
    "dup", "dup2", "dup3", "sendto", "rt_sigtimedwait", "rt_sigpending", "prctl", "statx", "pipe2",
    "eventfd2", "memfd_create", "pidfd_open", "pidfd_getfd", "ptrace", "timer_create",
}


def first_difference(one, other):
    at = next((i for i, (a, b) in enumerate(zip(one, other)) if a != b), min(len(one), len(other)))
    return f"at byte {at}: {one[at:at + 60]!r} against {other[at:at + 60]!r}"


def transcripts(standard, play):
    if not standard.transcript or not play.transcript:
        return ["nobody was answered"]
    found = []
    for (asked, answer), (asked_too, answer_too) in zip(standard.transcript, play.transcript):
        if asked != asked_too:
            return [f"asked {asked!r}, then {asked_too!r}"]
        if answer != answer_too:
            found.append(f"{asked}: {first_difference(answer, answer_too)}")
    if len(standard.transcript) != len(play.transcript):
        found.append(f"{len(standard.transcript)} answers, then {len(play.transcript)}")
    return found


def logs(standards, play):
    """Lines that no bare play has."""
    known = set().union(*(standard.log for standard in standards))
    return [f"new in its log: {line}" for line in play.log if line not in known]


def rest(standard, play, is_cured):
    found = []
    if not standard.at_rest or standard.at_rest != play.at_rest:
        found.append(f"at rest: {standard.at_rest} against {play.at_rest}")
    if is_cured and play.sockets:
        found.append(f"sockets at rest: {play.sockets}")
    elif not is_cured and standard.sockets != play.sockets:
        found.append(f"sockets at rest: {standard.sockets} against {play.sockets}")
    return found


def end(standard, play):
    found = []
    if standard.end != play.end:
        found.append(f"exit status {standard.end} against {play.end}")
    if play.left or play.left_sockets:
        found.append(f"left behind: {play.left} {play.left_sockets}")
    return found


def own_lines(play, has_own_stderr):
    """What the shim itself wrote: every line whole, and nothing where nothing was asked for."""
    found = [f"not a verdict: {line}" for line in play.ours if not VERDICT.match(line)]
    is_heard = play.mode == "debug" or (play.mode == "observe" and not has_own_stderr)
    if is_heard and not play.ours:
        found.append("the shim said nothing")
    if not is_heard and play.ours:
        found.append(f"nobody asked the shim: {play.ours[0]}")
    if play.mode == "observe":
        found += [f"acted: {line}" for line in play.ours if "acted=yes" in line]
    return found


def calls(bare, play, ports, exceptions):
    """What was added to the system calls of bare plays, and must not have been."""
    standards = [trace.count(standard, ports)[0] for standard in bare]
    seen, lines = trace.count(play, ports)
    added, found = [], []
    if not seen or not all(standards):
        return [], ["strace saw nothing"]
    for (name, about), number in sorted(seen.items()):
        more = number - max(standard[name, about] for standard in standards)
        if more <= 0 or name not in COUNTED:
            continue
        added.append(f"{name} {more}" if about == trace.NOTHING else f"{name} of {about}s {more}")
        if name not in ADDED[about] and (name, about) not in exceptions:
            found.append(f"{more} more {name} about a {about}, such as {lines[name, about][-1]}")
    return added, found
