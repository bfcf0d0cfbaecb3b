# SPDX-License-Identifier: MIT
"""What the tests share: a temporary folder, the command, fixtures and their orderly end.

The invariant: whatever was started in a test has ended when the test has, by its own pid.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
SENDFIN = os.path.join(BUILD, "sendfin")
FIXTURE = os.path.join(BUILD, "tests/view/fixture")
PATIENCE = 60  # seconds after which something that should end is called hung


class Skip(Exception):
    """This machine cannot do it."""


def clean_environment():
    return {name: value for name, value in os.environ.items()
            if not name.startswith("SENDFIN_") and name not in ("LD_PRELOAD", "NO_COLOR")}


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def expect_equal(got, wanted):
    expect(got == wanted, f"got    {got!r}\nwanted {wanted!r}")


def expect_match(pattern, text):
    expect(re.search(pattern, text, re.M | re.S), f"nothing matches {pattern!r} in:\n{text}")


def line_of(source, mark):
    """The number of the line that holds the mark."""
    with open(source, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if mark in line:
                return number
    raise AssertionError(f"{source}: no {mark}")


def here(name):
    return line_of("tests/view/fixture.c", f"/* here: {name} */")


class Stage:
    """One test's things."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="sendfin-view.")
        os.chmod(self.folder, 0o755)
        self.started = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.started:
            if process.stdin and not process.stdin.closed:
                process.stdin.close()
            if process.poll() is None:
                try:
                    process.wait(timeout=10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            for stream in (process.stdout, process.stderr):
                if stream:
                    stream.close()
        shutil.rmtree(self.folder)
        return False

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self, command, **more):
        """Starts something that ends when its standard input does."""
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True,
                                   **{"env": clean_environment(), **more})
        self.started.append(process)
        return process

    def fixture(self, *words, before=(), **more):
        """A fixture that has obeyed; its pid as it sees it itself."""
        process = self.start([*before, FIXTURE, *words], **more)
        line = process.stdout.readline()
        if not line.startswith("ready "):
            raise AssertionError(f"fixture: {line!r} {process.stderr.read()!r}")
        process.seen_pid = int(line.split()[1])
        return process

    def end(self, process, sent=None):
        """Lets it end, or sends it a signal; (status, stdout, stderr)."""
        if sent is not None:
            process.send_signal(sent)
        out, err = process.communicate(timeout=PATIENCE)
        return process.returncode, out, err

    def run(self, *command, **more):
        """Runs it to its end; the completed process, as text."""
        return subprocess.run(command, text=True, capture_output=True, check=False,
                              stdin=subprocess.DEVNULL, timeout=PATIENCE,
                              **{"env": clean_environment(), **more})

    def report(self, pid, *options, **more):
        return self.run(SENDFIN, "report", *options, str(pid), **more)

    def report_json(self, pid, **more):
        done = self.report(pid, "--json", **more)
        expect_equal(done.stderr, "")
        return json.loads(done.stdout)

    def idle_library(self):
        """A libsendfin.so that does nothing, and its companion: the fixture plays the shim."""
        source = self.path("empty.c")
        with open(source, "w", encoding="utf-8"):
            pass
        for name in ("libsendfin.so", "libsendfin-trace.so"):
            subprocess.run(["cc", "-shared", "-nostdlib", "-fPIC", "-o", self.path(name), source],
                           check=True)
        return self.path("libsendfin.so")

    def follow(self, options, words, **more):
        """`sendfin run --debug` of a fixture, to its end."""
        return self.run(SENDFIN, "run", "--library", self.idle_library(), "--debug", *options,
                        "--", FIXTURE, *words, **more)

    def followed(self, options, command, **more):
        """The same of any program, started."""
        return self.start([SENDFIN, "run", "--library", self.idle_library(), "--debug", *options,
                           "--", *command], **more)


def needs_root():
    if os.geteuid() != 0:
        raise Skip("needs root")


def needs_unshare(*options):
    if subprocess.run(["unshare", *options, "true"], capture_output=True,
                      check=False).returncode != 0:
        raise Skip(f"unshare {' '.join(options)} is not permitted here")


SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1,
           signal.SIGUSR2]
