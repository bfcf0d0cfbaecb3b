# SPDX-License-Identifier: MIT
"""What strace wrote, counted: (call, what it was about).

The idea: the loader and our constructor are cut out of each program image, because they are paid
once; what is left of a play under the shim is compared with the same of bare plays. A call is about
a connection, about another descriptor, or about none.
The invariant: CONSTRUCTOR lists all that the constructor may ask. A call that it makes and that is
not listed stays in, and is seen.
"""

import re
from collections import Counter

CONNECTION, DESCRIPTOR, NOTHING = "connection", "descriptor", "nothing"

LINE = re.compile(r"^(\d+) +(\w+)\((.*)$")
UNFINISHED = " <unfinished ...>"
RESUMED = re.compile(r"^(\d+) +<\.\.\. \w+ resumed>(.*)$")
# strace -yy writes <TCP:[local->peer]>, <TCP:[local]> when there is no peer (a listener, or a
# socket that is yet to be connected), <TCP:[inode]> when there is nothing at all (any more).
TCP = re.compile(r"<TCP(?:v6)?:\[([^>]*?(?:->[^>]*)?)\]>")
OPEN = re.compile(r"^(?:AT_FDCWD)?\d*<|(?<=[ {=])\d+<")

LOADER = {"brk", "mmap", "access", "openat", "newfstatat", "fstat", "read", "pread64", "close",
          "mprotect", "arch_prctl", "set_tid_address", "set_robust_list", "rseq", "prlimit64",
          "munmap", "uname", "readlink"}
CONSTRUCTOR = tuple(re.compile(pattern) for pattern in (
    r"openat\(.*\"/proc/self/status\"", r"(read|close)\(\d+</proc/\d+/status>",
    r"getsockopt\(2\b.*SO_DOMAIN", r"newfstatat\(2\b[^,]*, \"\", .*AT_EMPTY_PATH",
    r"prlimit64\(0, RLIMIT_NOFILE, NULL", r"mmap\(NULL, \d+, PROT_READ\|PROT_WRITE, MAP_PRIVATE",
    r"madvise\(", r"shm(at|dt|ctl)\(", r"getpid\(", r"ppoll\(",
    r"getsockopt\(.*(SO_PROTOCOL|SO_ACCEPTCONN|SO_COOKIE)"))


def subject(arguments, listeners):
    """What the arguments of a call are about; `listeners`: the ports that are listened on."""
    given = re.split(r"\) += ", arguments)[0]
    for name in TCP.findall(given):
        if "->" in name or name.rpartition(":")[2] not in listeners:
            return CONNECTION
    return DESCRIPTOR if OPEN.search(given) else NOTHING


class Image:
    """How far the start of one process's program has come."""

    LOADS, IS_BUILT, RUNS = range(3)

    def __init__(self):
        self.state = self.RUNS
        self.has_shim = False

    def begin(self):
        self.state, self.has_shim = self.LOADS, False

    def is_start(self, name, line):
        """True for what the loader and the constructor do."""
        if self.state == self.LOADS and name in LOADER:
            self.has_shim |= "libsendfin" in line
            if name == "munmap":  # of ld.so.cache: the last that the loader does itself
                self.state = self.IS_BUILT if self.has_shim else self.RUNS
            return True
        if self.state == self.IS_BUILT and any(known.match(line) for known in CONSTRUCTOR):
            return True
        self.state = self.RUNS
        return False


def whole_lines(lines):
    """The lines, with each call that was interrupted by another's put together where it ended."""
    begun = {}
    for text in lines:
        resumed = RESUMED.match(text)
        if text.endswith(UNFINISHED):
            begun[text.split()[0]] = text[:-len(UNFINISHED)]
        elif resumed:
            yield begun.pop(resumed[1], "") + resumed[2]
        else:
            yield text
    yield from begun.values()


def count(play, ports):
    """Counter of (call, subject), and the lines of each, until the daemon was told to end."""
    images, calls, lines = {}, Counter(), {}
    listeners = {str(port) for port in ports}
    with open(play.trace, "rb") as file:
        written = file.read(play.trace_bytes).decode("utf-8", "replace").splitlines()
    for text in whole_lines(written):
        found = LINE.match(text)
        if not found:
            continue
        pid, name, rest = found.groups()
        image = images.setdefault(pid, Image())
        if image.is_start(name, f"{name}({rest}"):
            continue
        if name == "execve" and rest.endswith("= 0"):
            image.begin()
        key = (name, subject(rest, listeners))
        calls[key] += 1
        lines.setdefault(key, []).append(text)
    return calls, lines
