# SPDX-License-Identifier: MIT
"""What the mechanical checks share: the list in hooks.def, the sources of a room, readelf and nm.

Each check is called as CHECK [ROOT [BUILD]], prints one line per violation and exits 1 if there was
one. The invariant: input that is missing is a violation; a check that saw nothing never passes.
"""

import os
import re
import subprocess
import sys

ROOMS = ("core", "sys", "ledger", "shim", "cli")
# Rooms that may still be empty. Take a name off this list when its room is furnished.
MAY_BE_EMPTY = ("ledger",)


class Check:
    """Collects violations; finish() tells them and exits."""

    def __init__(self):
        self.root = sys.argv[1] if len(sys.argv) > 1 else "."
        self.build = sys.argv[2] if len(sys.argv) > 2 else os.environ.get("BUILD", "build")
        self.violations = []

    def path(self, name):
        return os.path.join(self.root, name)

    def built(self, name):
        return os.path.join(self.root, self.build, name)

    def bad(self, text):
        self.violations.append(text)

    def finish(self, what):
        for text in self.violations:
            print(text)
        if not self.violations:
            print(what)
        sys.exit(1 if self.violations else 0)

    def sources(self, room, suffixes):
        """The room's files, relative to the root; an empty room is a violation."""
        folder = "include/sendfin" if room == "sendfin" else "src/" + room
        found = []
        for where, _, names in os.walk(self.path(folder)):
            for name in sorted(names):
                if name.endswith(suffixes):
                    found.append(os.path.relpath(os.path.join(where, name), self.root))
        if not found and room not in MAY_BE_EMPTY:
            self.bad(f"{folder}: nothing to check")
        return found

    def hooks(self):
        """The names that hooks.def intercepts: the first argument of each macro call in it.

        REAL entries are only borrowed from libc, not exported: they do not count.
        """
        try:
            with open(self.path("src/shim/hooks.def"), encoding="utf-8") as file:
                text = file.read()
        except OSError as error:
            self.bad(f"src/shim/hooks.def: {error.strerror}")
            return []
        text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
        text = re.sub(r"//[^\n]*", " ", text)
        text = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", " ", text, flags=re.M)
        names, depth, at = [], 0, 0
        call = re.compile(r"([A-Z][A-Z0-9_]*)\s*\(\s*([A-Za-z_]\w*)\s*(?=[,)])")
        while at < len(text):
            match = call.match(text, at) if depth == 0 else None
            if match:
                if match.group(1) != "REAL":
                    names.append(match.group(2))
                at = match.end()
                depth = 1
                continue
            depth += {"(": 1, ")": -1}.get(text[at], 0)
            at += 1
        if not names:
            self.bad("src/shim/hooks.def: no hook found in it")
        for name in sorted({name for name in names if names.count(name) > 1}):
            self.bad(f"src/shim/hooks.def: {name} is listed twice")
        return names

    def run(self, *command):
        """The lines a tool prints; a tool that fails is a violation."""
        done = subprocess.run(command, capture_output=True, text=True, check=False,
                              env={**os.environ, "LC_ALL": "C"})
        if done.returncode != 0:
            self.bad(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}")
            return []
        return done.stdout.splitlines()
