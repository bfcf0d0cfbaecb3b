# SPDX-License-Identifier: MIT
"""socat with a fork per connection: the program on a socketpair, with socat in between to relay, and
the program on the connection itself (nofork).
"""

from clients import ask, echo_clients, lines
from play import Daemon


class Socat(Daemon):
    """fork + EXEC: two processes per connection."""

    name = "socat"
    programs = ("socat",)
    idle = ("socat",)
    address = "EXEC:cat"
    masks = ((r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d socat\[\d+\]", "DATE socat[PID]"),)

    def command(self, place):
        return ["socat", "-t60", f"TCP-LISTEN:{place.port},bind=127.0.0.1,reuseaddr,fork",
                self.address]

    def converse(self, place):
        said = echo_clients(place.port, has_eof=True)
        return said + [("2 MB", ask(place.port, lines(1, 100000)))]


class SocatNofork(Socat):
    """fork + EXEC,nofork: the connection is cat's descriptors 0 and 1."""

    name = "socat_nofork"
    address = "EXEC:cat,nofork"


class SocatShell(Socat):
    """fork + SYSTEM: a shell whose helper reads the request, and which then answers."""

    name = "socat_shell"
    address = "SYSTEM:wc -l; echo done"

    def converse(self, place):
        return [(f"{count} lines", ask(place.port, lines(3, count))) for count in (0, 1, 5000)]


DAEMONS = [Socat, SocatNofork, SocatShell]
