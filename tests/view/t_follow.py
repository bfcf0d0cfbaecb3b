# SPDX-License-Identifier: MIT
"""`sendfin run --debug`: it stays, tells what happens, and ends as the program does.

The fixture plays the shim: it finds the ledger that was made for it, and tells its events there.
"""

import json
import os
import signal
import sys
import time

from stage import (FIXTURE, PATIENCE, SENDFIN, SIGNALS, clean_environment, expect, expect_equal,
                   expect_match, here)

FULL = r"""^sendfin\[(\d+)\] fixture: fin stale: all other holders went on with other work.*
 connection  fd 7, local 127.0.0.1:80, peer 192.0.2.7:51234; FIN sent
    held by  process 4242 and 1 more
  closed at  know_the_places\+0x[0-9a-f]+ +tests/view/fixture.c:%d
             word_places\+0x[0-9a-f]+ +tests/view/fixture.c:%d
EOF read at  know_the_places\+0x[0-9a-f]+ +tests/view/fixture.c:%d
.*accepted at  accept_one\+0x[0-9a-f]+ +tests/view/fixture.c:%d
.*  forked at  know_the_places\+0x[0-9a-f]+ +tests/view/fixture.c:%d
.*         ->  close\(\) the copy in the process that forks at fixture.c:%d, right after the fork"""


def test_an_event_is_told_with_function_file_and_line(stage):
    done = stage.follow([], ["ledger", "places", "stale", "exit=0"])
    expect_equal((done.returncode, done.stdout), (0, ""))
    expect_match(FULL % (here("let_go"), here("outer"), here("ended"), here("accepted"),
                         here("forked"), here("forked")), done.stderr)


def test_what_comes_back_is_one_line_with_its_count(stage):
    done = stage.follow([], ["ledger", "places", "stale=3", "exit=0"])
    expect_equal(len([line for line in done.stderr.splitlines()
                      if "fin stale: all other holders" in line]), 3)
    expect_match(r"forgot it; seen 2 times\nsendfin\[\d+\] .*; seen 3 times\n", done.stderr)


def test_the_end_has_a_summary(stage):
    done = stage.follow([], ["ledger", "places", "stale=3", "never-closed=2", "exit=0"])
    expect_match(r"^sendfin: summary\n +COUNT .*\n +3 +3  fin stale .*\n +->.*\n"
                 r" +2 +0  never_closed .*\n +->.*\n\Z", done.stderr)
    done = stage.follow([], ["ledger", "exit=0"])
    expect_equal(done.stderr, "sendfin: summary: nothing was found\n")


def test_json_is_one_object_for_each_event_and_nothing_else(stage):
    done = stage.follow(["--log-format=json"], ["ledger", "places", "stale=2", "exit=0"])
    events = [json.loads(line) for line in done.stderr.splitlines()]
    expect_equal([event["count"] for event in events], [1, 2])
    expect_equal((events[0]["event"], events[0]["verdict"]), ("let_go", "fin"))
    got = events[0]["accepted"][0]
    expect_equal((got["function"], got["file"], got["line"]),
                 ("accept_one", "tests/view/fixture.c", here("accepted")))


def test_events_go_to_a_file(stage):
    log = stage.path("log")
    done = stage.follow([f"--log={log}"], ["ledger", "places", "stale", "exit=0"])
    expect_equal((done.stdout, done.stderr), ("", ""))
    with open(log, encoding="utf-8") as file:
        expect_match(r"fin stale: all.*sendfin: summary\n", file.read())


def test_events_go_nowhere(stage):
    done = stage.follow(["--log=none"], ["ledger", "places", "stale", "exit=0"])
    expect_equal((done.stdout, done.stderr), ("", ""))


def test_the_library_does_not_tell_the_same_again(stage):
    for options, before, wanted in (([], None, "none"), (["--log=/dev/null"], "stderr", "none"),
                                    ([], "/some/where", "/some/where"), ([], "", "none")):
        environment = clean_environment()
        if before is not None:
            environment["SENDFIN_LOG"] = before
        done = stage.run(SENDFIN, "run", "--library", stage.idle_library(), "--debug", *options,
                         "--", "printenv", "SENDFIN_LOG", env=environment)
        expect_equal(done.stdout, wanted + "\n")


def test_hostile_names_forge_no_line(stage):
    path = b"module=/tmp/\nsendfin: forged\x1b[2J \xff"
    for options in ([], ["--log-format=json"]):
        done = stage.follow(options, [b"comm=a\nb", path, "ledger", "places", "stale", "exit=0"])
        expect(all(" " <= c <= "~" or c == "\n" for c in done.stderr), repr(done.stderr))
        expect(not any(line.startswith("sendfin: forged") for line in done.stderr.splitlines()),
               done.stderr)


def test_there_is_no_color_but_on_a_terminal(stage):
    done = stage.follow([], ["ledger", "places", "stale", "exit=0"])
    expect("\033" not in done.stderr, done.stderr)
    for more, wanted in (({}, True), ({"NO_COLOR": "1"}, False)):
        ours, theirs = os.openpty()
        process = stage.followed([], [FIXTURE, "ledger", "places", "stale", "exit=0"],
                                 env={**clean_environment(), **more})
        del process
        done = stage.run("sh", "-c", f'exec "$@" 2>/dev/fd/{theirs}', "-", SENDFIN, "run",
                         "--library", stage.idle_library(), "--debug", "--", FIXTURE, "ledger",
                         "places", "stale", "exit=0", pass_fds=[theirs],
                         env={**clean_environment(), **more})
        os.close(theirs)
        told = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:
                break
            if not part:
                break
            told += part
        os.close(ours)
        expect_equal(b"\033[1mfin stale\033[0m" in told, wanted)


def test_the_exit_status_is_the_programs(stage):
    for status in (0, 1, 3, 255):
        expect_equal(stage.follow([], ["ledger", f"exit={status}"]).returncode, status)
    for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGABRT):
        expect_equal(stage.follow([], ["ledger", f"kill={int(number)}"]).returncode, 128 + number)


def test_a_leak_fails_when_it_is_asked_for(stage):
    leak = r"^sendfin: .*fixture: leaks connections; exit status %d instead of %d\n\Z"
    for option, words, wanted, was in (
            ("--fail-on-leak", ["leaks", "exit=0"], 99, 0),
            ("--fail-on-leak=7", ["leaks=2", "exit=3"], 7, 3),
            ("--fail-on-leak", ["places", "never-closed", "exit=0"], 99, 0),
            ("--fail-on-leak=7", ["leaks", "kill=15"], 7, 143)):
        done = stage.follow([option], ["ledger", *words])
        expect_equal(done.returncode, wanted)
        expect_match(leak % (wanted, was), done.stderr)
    for words, wanted in ((["exit=0"], 0), (["exit=5"], 5), (["kill=15"], 143)):
        done = stage.follow(["--fail-on-leak"], ["ledger", *words])
        expect_equal(done.returncode, wanted)
        expect("leaks connections" not in done.stderr, done.stderr)
    expect_equal(stage.follow([], ["ledger", "leaks", "exit=0"]).returncode, 0)


def test_fail_on_leak_takes_a_status(stage):
    for value in ("0", "256", "x", "", "07", "-1"):
        done = stage.run(SENDFIN, "run", f"--fail-on-leak={value}", "true")
        expect_equal((done.returncode, done.stdout), (2, ""))
        expect_match(rf"^sendfin: run: --fail-on-leak: bad value '{value}': expected 1-255",
                     done.stderr)


def test_signals_are_passed_on(stage):
    """The program says what it got; those that end it too."""
    script = ("import signal, sys\n"
              "for one in sys.argv[1:]:\n"
              "    signal.signal(int(one), lambda got, _: print(signal.Signals(got).name[3:],"
              " flush=True))\n"
              "print('ready', flush=True)\n"
              "sys.stdin.read()\n")
    process = stage.followed([], [sys.executable, "-c", script, *[str(int(one))
                                                                  for one in SIGNALS]],
                             preexec_fn=os.setpgrp)
    expect_equal(process.stdout.readline(), "ready\n")
    for one in SIGNALS:
        process.send_signal(one)
        expect_equal(process.stdout.readline(), one.name[3:] + "\n")
    expect_equal(stage.end(process)[0], 0)


def test_the_program_gets_mask_and_dispositions_as_they_were(stage):
    """What a shell would have given it, even what nohup has set."""
    show = ["grep", "-E", "^(SigBlk|SigIgn|SigCgt)", "/proc/self/status"]

    def ignore():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])

    bare = stage.run(*show, preexec_fn=ignore)
    done = stage.run(SENDFIN, "run", "--library", stage.idle_library(), "--debug", "--", *show,
                     preexec_fn=ignore)
    expect_equal((done.returncode, done.stdout), (0, bare.stdout))


def test_the_program_gets_descriptors_and_group_as_they_were(stage):
    show = ["sh", "-c", "ls -l /proc/self/fd | sed 's/.*[0-9] \\([0-9]* ->\\)/\\1/' | wc -l"]
    bare = stage.run(*show)
    done = stage.run(SENDFIN, "run", "--library", stage.idle_library(), "--debug", "--", *show)
    expect_equal((done.returncode, done.stdout), (0, bare.stdout))
    process = stage.followed([], ["sh", "-c", "ps -o pgid= -p $$"])
    group = os.getpgid(process.pid)
    expect_equal(int(process.stdout.readline()), group)
    stage.end(process)


def test_stop_and_continue_reach_both(stage):
    process = stage.followed([], ["sh", "-c", "echo $$; while read -r line; do :; done; echo end"],
                             preexec_fn=os.setpgrp)
    program = int(process.stdout.readline())
    process.send_signal(signal.SIGTSTP)
    stopped, status = os.waitpid(process.pid, os.WUNTRACED)
    expect((stopped, os.WIFSTOPPED(status)) == (process.pid, True), status)
    wait_for_state(program, "T")
    process.send_signal(signal.SIGCONT)
    status, out, _ = stage.end(process)
    expect_equal((status, out), (0, "end\n"))


def wait_for_state(pid, wanted):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            if file.read().rsplit(")", 1)[1].split()[0] == wanted:
                return
        time.sleep(0.01)
    raise AssertionError(f"{pid} is not in state {wanted}")


def test_a_program_that_goes_to_the_background_is_followed(stage):
    """The first process ends at once; what its child does later is still told."""
    fifo = stage.path("fifo")
    os.mkfifo(fifo)
    process = stage.followed([], ["sh", "-c", f'"$@" <{fifo} >/dev/null & exit 4', "-", FIXTURE,
                                  "ledger", "places", "stale"])
    with open(fifo, "w", encoding="ascii"):
        lines = []
        while not lines or "go on" not in lines[-1]:
            lines.append(process.stderr.readline())
            expect(lines[-1], lines)
        expect_match(r"sh: warning: has ended with status 4, but processes of it go on; they are "
                     r"followed until the last one ends, and \^C ends only that", lines[-1])
        expect_equal(process.poll(), None)
    status, _, err = stage.end(process)
    expect_equal(status, 4)
    expect_match("summary", err)


def test_interrupting_the_following_ends_only_that(stage):
    fifo = stage.path("fifo")
    os.mkfifo(fifo)
    process = stage.followed([], ["sh", "-c", f'(read -r line; echo "$line") <{fifo} & exit 4'])
    with open(fifo, "w", encoding="ascii") as held:
        while "go on" not in (line := process.stderr.readline()):
            expect(line, "ended early")
        process.send_signal(signal.SIGINT)
        expect_equal(process.wait(timeout=PATIENCE), 4)
        held.write("alive\n")
    expect_equal(process.stdout.read(), "alive\n")


def test_a_program_that_was_told_to_end_is_not_followed_further(stage):
    """Its children may sit there for ever; whoever sent the signal wants an end."""
    fifo = stage.path("fifo")
    os.mkfifo(fifo)
    process = stage.followed([], ["sh", "-c", f'(read -r line) <{fifo} & echo ready; '
                                  'while read -r line; do :; done'])
    expect_equal(process.stdout.readline(), "ready\n")
    with open(fifo, "w", encoding="ascii"):
        process.send_signal(signal.SIGTERM)
        expect_equal(process.wait(timeout=PATIENCE), 128 + signal.SIGTERM)


def test_a_flood_of_events_is_counted_not_told(stage):
    done = stage.follow(["--log-format=json"], ["ledger", "places", "stale=20000", "exit=0"])
    lines = done.stderr.splitlines()
    told = [json.loads(line) for line in lines if line.startswith("{")]
    lost = [line for line in lines if "events came too fast to be told" in line]
    expect_equal(told[-1]["count"], 20000)
    expect_equal(len(lost), 1)
    expect_equal(len(told) + int(lost[0].split("warning: ")[1].split()[0]), 20000)


def test_what_cannot_be_run_is_told_as_ever(stage):
    folder = stage.path("folder")
    os.mkdir(folder)
    for program, status, pattern in ((stage.path("none"), 127, "no such file"),
                                     (folder, 126, "is a directory")):
        done = stage.run(SENDFIN, "run", "--library", stage.idle_library(), "--debug", program)
        expect_equal((done.returncode, done.stdout), (status, ""))
        expect_match(rf"\Asendfin: .*{pattern}\n\Z", done.stderr)


def test_a_program_without_the_shim_is_said_to_be(stage):
    done = stage.run(SENDFIN, "run", "--library", stage.idle_library(), "--debug", "true")
    expect_equal((done.returncode, done.stdout), (0, ""))
    expect_match(r"\Asendfin: .*true: warning: the library never started in it, or is switched "
                 r"off: nothing was seen\n\Z", done.stderr)


def test_a_missing_trace_library_is_said_once(stage):
    library = stage.idle_library()
    os.unlink(stage.path("libsendfin-trace.so"))
    done = stage.run(SENDFIN, "run", "--library", library, "--debug", "--", FIXTURE, "ledger",
                     "exit=0")
    expect_match(r"\Asendfin: .*libsendfin-trace.so: warning: is not there: what is told will be "
                 r"without places\nsendfin: summary: nothing was found\n\Z", done.stderr)


def test_nothing_is_left_behind(stage):
    """No segment, and no process: the slot and the variable name both."""
    done = stage.run(SENDFIN, "run", "--library", stage.idle_library(), "--debug", "--", "sh",
                     "-c", 'echo "$SENDFIN_LEDGER"; echo $$')
    ledger, pid = done.stdout.split()
    with open("/proc/sysvipc/shm", encoding="ascii") as file:
        expect(ledger.split(":")[0] not in [line.split()[1] for line in file], ledger)
    expect(not os.path.exists(f"/proc/{pid}"), pid)
