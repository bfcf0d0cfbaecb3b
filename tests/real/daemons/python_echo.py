# SPDX-License-Identifier: MIT
"""Forking servers in Python: the leaky example, and a correct one of the standard library.

The correct one is socketserver's ForkingTCPServer: its parent closes its copy, and shuts it down
when it does (shutdown_request), as the textbooks want it.
"""

import sys

from clients import echo_clients
from play import Daemon

FORKING = """
import os, signal, socketserver, sys

class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        while line := self.rfile.readline():
            self.wfile.write(line)

class Server(socketserver.ForkingTCPServer):
    allow_reuse_address = True

signal.signal(signal.SIGTERM, signal.SIG_DFL)
Server(("127.0.0.1", int(sys.argv[1])), Echo).serve_forever()
"""


class Python(Daemon):
    """ForkingTCPServer."""

    name = "python"
    idle = ("python3",)

    def prepare(self, place):
        place.write("server.py", FORKING)

    def command(self, place):
        return [sys.executable, place.path("server.py"), str(place.port)]

    def converse(self, place):
        return echo_clients(place.port, has_eof=True)


class LeakyPython(Daemon):
    """examples/leaky_echo.py"""

    name = "leaky_python"
    idle = ("python3",)
    leaks = True

    def command(self, place):
        return [sys.executable, f"{place.source}/examples/leaky_echo.py", str(place.port)]

    def converse(self, place):
        return echo_clients(place.port, has_eof=False)


DAEMONS = [Python, LeakyPython]
