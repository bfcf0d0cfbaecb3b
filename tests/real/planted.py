# SPDX-License-Identifier: MIT
"""Preloads that break one promise each, and the daemons that must notice.

The invariant: it must be noticed by the check that is for it, and told in these words; a daemon that
fails for another reason proves nothing.
"""

import os
import shlex
import subprocess

import judge
from play import play_once

# (preload, daemon, which check, what it says)
PLANTS = (
    ("shutdown", "python", "transcripts", "echo of client"),
    ("shutdown", "inetd", "transcripts", "echo of client"),
    ("question", "sshd", "transcripts", "env | sort"),
    ("question", "vsftpd", "transcripts", "SYST"),
    ("question", "perl", "calls", "more getsockopt about a descriptor"),
    ("word", "inetd", "transcripts", "echo of client"),
    ("word", "perl", "logs", "new in its log: !"),
    ("leak", "apache", "transcripts", "shimmed/environment"),
    ("leak", "nginx", "rest", "/dev/null"),
    ("orphan", "perl", "end", "left behind: ['perl'"),
)

PATIENCE_S = 2  # with a daemon that will never come to rest


def build(place, name):
    path = os.path.join(place.build, f"{name}.so")
    source = f"{place.source}/tests/real/plants/{name}.c"
    subprocess.run([*shlex.split(os.environ.get("CC") or "cc"), "-D_GNU_SOURCE", "-O2", "-shared",
                    "-fPIC", "-o", path, source], check=True)
    return path


def complaints(check, place, daemon, preload, is_traced):
    bare = play_once(daemon, place, "bare", is_traced=is_traced)
    if is_traced:
        bare.keep_trace(place, "trace.bare")
    play = play_once(daemon, place, "enforce", preload, is_traced, patience=PATIENCE_S)
    if check == "calls":
        return judge.calls([bare], play, place.ports, daemon.adds)[1]
    return {"transcripts": lambda: judge.transcripts(bare, play),
            "logs": lambda: judge.logs([bare], play),
            "rest": lambda: judge.rest(bare, play, True),
            "end": lambda: judge.end(bare, play)}[check]() + play.trouble


def plants_of(name):
    return [(plant, check, words) for plant, daemon, check, words in PLANTS if daemon == name]


def play_plants(tally, daemon, place):
    for plant, check, words in plants_of(daemon.name):
        told = complaints(check, place, daemon, build(place, plant), check == "calls")
        seen = any(words in line for line in told)
        tally.check(f"planted: {plant} is noticed by {daemon.name}'s {check}",
                    [] if seen else [f"expected: {words}", *told])
