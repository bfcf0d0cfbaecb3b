# SPDX-License-Identifier: MIT
"""One play: a daemon is started in one of the modes, talked to, left alone, looked at and ended.

The idea: everything that somebody outside could notice is written down in a Play, with what differs
between any two runs (pids, dates, ports) masked; then plays can be compared as wholes.
The invariant: the daemon is looked at when it is at rest, with the processes that it has when idle.
Never here: a judgement.
"""

import os
import re
import shutil
import signal
import subprocess

from place import LIMIT_S, descriptors, sockets, wait_for

# What every mode adds to the environment; PLAY stands for the directory of the play.
MODES = {
    "bare": None,
    "enforce": {},
    "observe": {"SENDFIN_MODE": "observe"},
    "debug": {"SENDFIN_DEBUG": "1", "SENDFIN_LOG": "PLAY/shim.log"},
    "run": {},
}
OURS = re.compile(r"^sendfin\[\d+\]: ")


class Daemon:
    """What a daemon is. Each has a file of its own and overrides what it needs."""

    name = ""
    programs = ()  # the commands without which there is nothing to play
    idle = ()  # the commands of its processes when nobody talks to it, sorted
    leaks = False  # bare, it keeps connections in CLOSE_WAIT
    needs_user = False  # logs in a user, and so needs the place to be isolated
    ports = 1  # how many it listens on
    has_own_stderr = False  # it puts its log on descriptor 2: the shim must not write there
    user = None  # whom it runs as, when we are root
    stop = signal.SIGTERM
    masks = ()  # (pattern, what it becomes): what differs between any two runs
    forgets = ()  # patterns of log lines that come or do not come between any two runs
    adds = {}  # {(system call, what it is about): why} that judge.ADDED does not allow already

    def found(self, place):
        """Once, before all plays: what they share."""

    def prepare(self, place):
        """Writes its files into the empty directory of the play."""

    def command(self, place):
        raise NotImplementedError

    def is_ready(self, place):
        return place.is_listening()

    def converse(self, place):
        """Plays all its clients; returns [(what was asked, the bytes of the answer)]."""
        raise NotImplementedError

    def log(self, place):
        """The text of its own log: what it says on its two outputs, unless it has a file."""
        return read(place.path("stderr"))


def read(path):
    try:
        with open(path, encoding="utf-8", errors="backslashreplace") as file:
            return file.read()
    except FileNotFoundError:
        return ""


class Play:
    """What was seen of one play."""

    def __init__(self, mode):
        self.mode = mode
        self.trouble = []  # what kept the play from being played
        self.transcript = []
        self.log = []
        self.at_rest = []  # (command, descriptors) of each process
        self.sockets = []  # states of the sockets on its ports, at rest, but LISTEN
        self.end = None  # exit status
        self.left = []  # commands of the processes that outlived it
        self.left_sockets = []
        self.ours = []  # the shim's own lines
        self.trace = None  # the file that strace wrote
        self.trace_bytes = 0  # of it, up to the moment when the daemon was told to end

    def keep_trace(self, place, name):
        """Out of the way of the next play."""
        self.trace = shutil.move(self.trace, os.path.join(place.root, name))


def environment(place, mode, preload):
    clean = {name: value for name, value in os.environ.items()
             if not name.startswith("SENDFIN_") and name != "LD_PRELOAD"}
    clean["LC_ALL"] = "C.UTF-8"
    clean["PATH"] = clean.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"
    if MODES[mode] is None:
        return clean
    settings = {name: value.replace("PLAY", place.dir) for name, value in MODES[mode].items()}
    return {**clean, **settings, **({} if mode == "run" else {"LD_PRELOAD": preload})}


def mask(daemon, text):
    for pattern, becomes in daemon.masks:
        text = re.sub(pattern, becomes, text)
    return text


def mask_bytes(daemon, data):
    return mask(daemon, data.decode("latin-1")).encode("latin-1")


def first_process(place, server, is_traced):
    """The daemon's own pid: below strace, strace's only child."""
    if not is_traced:
        return server.pid
    wait_for(lambda: len(place.lives()) > 1)
    return min((pid for pid in place.lives() if pid != server.pid), default=server.pid)


def is_at_rest(daemon, place, is_traced, is_cured):
    lives = sorted(place.lives().values())
    if is_traced and "strace" in lives:
        lives.remove("strace")
    busy = set(sockets(place.ports)) - {"LISTEN"} - (set() if is_cured else {"CLOSE_WAIT"})
    return lives == sorted(daemon.idle) and not busy


def look(place, play):
    play.at_rest = sorted((name, descriptors(pid)) for pid, name in place.lives().items()
                          if name != "strace")
    play.sockets = [state for state in sockets(place.ports) if state != "LISTEN"]


def end(daemon, place, play, server, first, patience):
    try:
        os.kill(first, daemon.stop)
        play.end = server.wait(LIMIT_S)
    except (ProcessLookupError, subprocess.TimeoutExpired):
        play.end = "did not end"
    wait_for(lambda: not place.lives(), patience)
    play.left = place.end_all()
    server.wait()
    play.left_sockets = sockets(place.ports)


def read_logs(daemon, place, play):
    lines = daemon.log(place).splitlines()
    play.ours = [line for line in lines if OURS.match(line)]
    play.ours += read(place.path("shim.log")).splitlines()
    kept = [mask(daemon, line) for line in lines if not OURS.match(line)]
    play.log = [line for line in kept
                if not any(re.search(pattern, line) for pattern in daemon.forgets)]


def play_once(daemon, place, mode, preload=None, is_traced=False, patience=20):
    """Plays it; whatever goes wrong on the way is told in `trouble` and nothing stays behind."""
    play = Play(mode)
    place.fresh()
    daemon.prepare(place)
    place.write("shim.log", "", 0o666)
    command = daemon.command(place)
    if mode == "run":
        command = [f"{place.build}/sendfin", "run", "--", *command]
    variables = environment(place, mode, preload or place.shim)
    if is_traced:
        play.trace = place.write("trace", "", 0o666)
        given = [f"-E{name}={variables.pop(name)}" for name in list(variables)
                 if name == "LD_PRELOAD"]
        command = ["strace", "-f", "-yy", "-qq", "-s8", "-o", play.trace, *given, "--", *command]
    server = place.start(command, variables, daemon.user if os.geteuid() == 0 else None)
    try:
        first = first_process(place, server, is_traced)
        is_cured = mode in ("enforce", "debug", "run") or not daemon.leaks
        if not wait_for(lambda: daemon.is_ready(place) or server.poll() is not None, 30) or \
                server.poll() is not None:
            play.trouble.append("it did not start")
            return play
        play.transcript = [(asked, mask_bytes(daemon, answer))
                           for asked, answer in daemon.converse(place)]
        if not wait_for(lambda: is_at_rest(daemon, place, is_traced, is_cured), patience):
            play.trouble.append(f"it does not come to rest: {sorted(place.lives().values())}, "
                                f"{sockets(place.ports)}")
        look(place, play)
        play.trace_bytes = os.path.getsize(play.trace) if play.trace else 0
        end(daemon, place, play, server, first, patience)
    except (OSError, EOFError, subprocess.SubprocessError) as why:
        play.trouble.append(f"{type(why).__name__}: {why}")
    finally:
        place.end_all()
        server.wait()
        read_logs(daemon, place, play)
    return play
