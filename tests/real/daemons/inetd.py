# SPDX-License-Identifier: MIT
"""OpenBSD's inetd with services on descriptors 0 to 2: cat, shell handlers, one that is in no hurry.

It is played twice: with -E its services inherit the environment and run under the shim; without,
inetd scrubs it, and they are holders that the shim cannot see.
"""

import os
import pwd

from clients import ask, echo_clients, lines
from play import Daemon

# The parent shell is undecided while its helpers read to EOF; then it answers.
COUNT = "#!/bin/sh\nwc -c\necho done\n"
SORT = "#!/bin/sh\n(sort | uniq -c) && exec tr a-z A-Z <\"$0\"\n"
# The client's input is over and its answer is written by one that was put in the background.
LATE = "#!/bin/sh\ncat >/dev/null\n(printf 'first\\n'; head -c 300000 /dev/zero; echo last) &\n"


class Inetd(Daemon):
    """With -E."""

    name = "inetd"
    programs = ("inetd",)
    idle = ("inetd",)
    ports = 4
    flags = ["-i", "-E"]
    adds = {
        ("getsockopt", "descriptor"): "what a vfork child of the shell has on 0 to 2",
        ("fcntl", "descriptor"): "... and whether it goes on, and the source of a dup2 over 0 to 2",
    }

    def prepare(self, place):
        user = pwd.getpwuid(os.geteuid()).pw_name
        services = [("/bin/cat", "cat")]
        for name, text in (("count", COUNT), ("sort", SORT), ("late", LATE)):
            services.append((place.write(name, text, 0o755), name))
        place.write("inetd.conf", "".join(
            f"127.0.0.1:{port} stream tcp nowait {user} {path} {name}\n"
            for port, (path, name) in zip(place.ports, services)))

    def command(self, place):
        return ["inetd", *self.flags, place.path("inetd.conf")]

    def converse(self, place):
        said = echo_clients(place.port, has_eof=True)
        for port in place.ports[1:]:
            for number in (0, 1, 40):
                said.append((f"service {place.ports.index(port)}, {number} lines",
                             ask(port, lines(7, number))))
        return said


class BlindInetd(Inetd):
    """Without -E."""

    name = "inetd_blind"
    flags = ["-i"]


DAEMONS = [Inetd, BlindInetd]
