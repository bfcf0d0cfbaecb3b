# SPDX-License-Identifier: MIT
"""`sendfin report PID`: what is held, what was found, and what cannot be had."""

import json
import os
import signal
import subprocess

from stage import (FIXTURE, SENDFIN, Skip, clean_environment, expect, expect_equal, expect_match,
                   here, needs_root, needs_unshare)


def frame(name, function):
    return {"file": "tests/view/fixture.c", "line": here(name), "function": function}


def is_frame(got, wanted):
    expect_equal({key: got[key] for key in wanted}, wanted)


def test_a_tree_without_a_leak_is_reported_with_0(stage):
    process = stage.fixture("ledger", "places")
    done = stage.report(process.pid)
    expect_equal((done.returncode, done.stderr), (0, ""))
    expect_match(r"^%d fixture: 1 process; FINs sent 0" % process.pid, done.stdout)
    expect_match(r"^Held now: nothing", done.stdout)
    expect_match(r"^Found so far: nothing", done.stdout)


def test_findings_have_counts_lines_and_a_remedy(stage):
    process = stage.fixture("ledger", "places", "never-closed=2", "stale=30")
    done = stage.report(process.pid)
    expect_equal((done.returncode, done.stderr), (1, ""))
    expect_match(r"^ +30 +30  fin stale +fixture.c:%d +fixture.c:%d +fixture.c:%d\n"
                 r" +-> close\(\) the copy in the process that forks at fixture.c:%d"
                 % (here("accepted"), here("forked"), here("let_go"), here("forked")), done.stdout)
    expect_match(r"^ +2 +0  never_closed +fixture.c:%d .*\n +-> the read at fixture.c:%d "
                 % (here("accepted"), here("ended")), done.stdout)
    expect_match(r"fin stale.*never_closed", done.stdout)


def test_the_json_names_function_file_and_line_also_of_inlined_functions(stage):
    process = stage.fixture("ledger", "places", "stale=2")
    found, = stage.report_json(process.pid)["found"]
    expect_equal((found["event"], found["verdict"], found["reason"], found["count"],
                  found["fins"], found["is_leak"]), ("let_go", "fin", "stale", 2, 2, True))
    is_frame(found["accepted"][0], frame("accepted", "accept_one"))
    is_frame(found["forked"][0], frame("forked", "know_the_places"))
    is_frame(found["let_go"][0], frame("let_go", "know_the_places"))
    is_frame(found["ended"][0], frame("ended", "know_the_places"))
    is_frame(found["ended"][1], frame("outer", "word_places"))
    expect_equal(found["accepted"][0]["module"], FIXTURE)
    expect(not found["accepted"][0]["other_build"], found)


def test_what_is_held_is_told_by_kind_with_places_and_unread_bytes(stage):
    process = stage.fixture("ledger", "places", "held=0", "held=5", "stale-copy", "dead")
    document = stage.report_json(process.pid)
    expect(document["has_leak"], document)
    held = document["held"]
    expect_equal([one["kind"] for one in held],
                 ["never_closed", "never_closed", "stale_copy", "dead"])
    unread, read, stale, dead = held
    expect_equal((read["unread"], read["eof_was_read"]), (0, True))
    is_frame(read["accepted"][0], frame("accepted", "accept_one"))
    is_frame(read["ended"][0], frame("ended", "know_the_places"))
    expect_equal((unread["unread"], unread["eof_was_read"], unread["ended"]), (5, False, None))
    expect_equal((stale["eof_was_read"], stale["ended"]), (True, None))
    is_frame(stale["forked"][0], frame("forked", "know_the_places"))
    expect_equal((dead["local"], dead["peer"]), (None, None))
    for one in (unread, read, stale):
        expect_equal(one["local"]["address"], "127.0.0.1")
        expect(os.readlink(f"/proc/{process.pid}/fd/{one['fd']}") == f"socket:[{one['inode']}]",
               one)
    for one in held:
        expect(one["remedy"], one)


def test_the_table_groups_what_is_held_alike(stage):
    process = stage.fixture("ledger", "places", *["held=0"] * 20)
    done = stage.report(process.pid)
    expect_match(r"^ +20  never_closed +%d fixture +fixture.c:%d +fixture.c:%d +127.0.0.1:\d+\n"
                 r" +descriptors \d+-\d+; 0 bytes unread, the EOF was read\n"
                 % (process.pid, here("accepted"), here("ended")), done.stdout)


def test_folded_stacks_are_one_line_each(stage):
    process = stage.fixture("ledger", "places", "held=0", "held=0", "stale=7")
    done = stage.report(process.pid, "--folded")
    expect_equal(done.stdout, "held;never_closed;word_places;accept_one 2\n"
                              "found;fin_stale;word_places;accept_one 7\n")


def test_without_places_the_report_says_so_and_goes_on(stage):
    process = stage.fixture("ledger", "held=0")
    done = stage.report(process.pid)
    expect_match(r"^note: places are known only of what runs with --debug", done.stdout)
    expect_match(r"^ +1  never_closed +%d fixture +- +- " % process.pid, done.stdout)
    expect_equal(stage.report(process.pid, "--folded").stdout,
                 "held;never_closed;[not_known] 1\n")


def test_without_a_ledger_the_process_alone_is_reported(stage):
    process = stage.fixture("held=0")
    done = stage.report(process.pid)
    expect_match(r"^note: nothing was shared by a fork yet", done.stdout)
    expect_match(r"never_closed", done.stdout)
    expect_equal(stage.report_json(process.pid)["has_ledger"], False)


def test_a_file_of_another_build_is_not_believed(stage):
    process = stage.fixture("other-build", "ledger", "places", "stale")
    found, = stage.report_json(process.pid)["found"]
    got = found["accepted"][0]
    expect_equal((got["function"], got["file"], got["line"], got["other_build"]),
                 (None, None, None, True))
    expect_equal(got["module"], FIXTURE)
    expect_match(r"fixture\+0x[0-9a-f]+", stage.report(process.pid).stdout)


def test_a_stripped_program_is_resolved_by_its_debug_file(stage):
    program, debug = stage.path("prog"), stage.path("prog.debug")
    for command in (["objcopy", "--only-keep-debug", FIXTURE, debug],
                    ["objcopy", "--strip-all", FIXTURE, program],
                    ["objcopy", f"--add-gnu-debuglink={debug}", program]):
        subprocess.run(command, check=True, cwd=stage.folder)
    process = stage.start([program, "ledger", "places", "stale"])
    expect_match(r"^ready", process.stdout.readline())
    found, = stage.report_json(process.pid)["found"]
    is_frame(found["accepted"][0], frame("accepted", "accept_one"))
    os.unlink(debug)
    found, = stage.report_json(process.pid)["found"]
    expect_equal((found["accepted"][0]["file"], found["accepted"][0]["other_build"]),
                 (None, False))


def test_no_debug_file_is_asked_for_in_the_network(stage):
    """A debuginfod that nobody may ask: the address takes connections, and counts them."""
    import socket
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    program = stage.path("prog")
    subprocess.run(["objcopy", "--strip-all", FIXTURE, program], check=True)
    process = stage.start([program, "ledger", "places", "stale"])
    expect_match(r"^ready", process.stdout.readline())
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    stage.report(process.pid, env={**clean_environment(), "DEBUGINFOD_URLS": url})
    try:
        listener.accept()
    except BlockingIOError:
        listener.close()
        return
    raise AssertionError("somebody was asked")


HOSTILE = "ev\nil\"\\;\x1b[31m\xff"


def test_hostile_names_forge_no_line_and_break_no_json(stage):
    path = "/tmp/\n}],\"pid\":1;\x1b[2J \xff\"\\" + HOSTILE
    words = ["comm=" + HOSTILE, "module=" + path, "ledger", "places", "stale", "held=0"]
    process = stage.fixture(*[word.encode("utf-8", "surrogateescape") for word in words])
    document = stage.report_json(process.pid)
    expect_equal(document["processes"][0]["command"][:5], "ev?il")
    expect("\n}],\"pid\":1" in document["found"][0]["accepted"][0]["module"], document)
    for option in ((), ("--folded",)):
        done = stage.report(process.pid, *option)
        expect(all(" " <= c <= "~" or c == "\n" for c in done.stdout), repr(done.stdout))
        expect(not any(line.startswith(("il", "}")) for line in done.stdout.splitlines()),
               done.stdout)


def test_bytes_that_are_no_text_break_no_json(stage):
    process = stage.fixture(b"module=/tmp/\xff\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80\xe2\x82",
                            "ledger", "places", "stale")
    found, = stage.report_json(process.pid)["found"]
    expect("\ufffd" in found["accepted"][0]["module"], found)


def test_every_process_of_a_big_tree_is_found(stage):
    process = stage.fixture("ledger", "children=300", "held=0")
    document = stage.report_json(process.pid)
    expect_equal(len(document["processes"]), 301)
    expect_equal(len({one["pid"] for one in document["processes"]}), 301)
    expect_equal(len(document["held"]), 1)


def test_a_tree_in_another_ipc_namespace_is_copied(stage):
    needs_unshare("-i")
    process = stage.fixture("ledger", "places", "stale=3", "children=2", "held=0",
                            before=("unshare", "-i"))
    document = stage.report_json(process.seen_pid)
    expect_equal(document["found"][0]["count"], 3)
    is_frame(document["found"][0]["accepted"][0], frame("accepted", "accept_one"))
    expect_equal(len(document["processes"]), 3)
    expect_equal(len(document["held"]), 1)


def test_a_tree_in_another_pid_namespace_has_our_pids(stage):
    needs_unshare("-pf")
    process = stage.fixture("ledger", "places", "children=2", "held=0", "stale=1",
                            before=("unshare", "-pf"))
    expect_equal(process.seen_pid, 1)
    with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="ascii") as file:
        outside = int(file.read().split()[0])
    document = stage.report_json(outside)
    expect_equal(len(document["processes"]), 3)
    expect(outside in [one["pid"] for one in document["processes"]], document["processes"])
    expect_equal(document["held"][0]["pid"], outside)


def segments():
    with open("/proc/sysvipc/shm", encoding="ascii") as file:
        return [line.split()[1] for line in file]


def test_reading_changes_nothing(stage):
    process = stage.fixture("ledger", "places", "stale=3", "held=0")
    first = stage.report_json(process.pid)
    expect_equal(stage.report_json(process.pid), first)
    expect_equal(len(os.listdir(f"/proc/{process.pid}/fd")), 4)
    with open(f"/proc/{process.pid}/maps", encoding="ascii") as file:
        segment, = [line.split()[4] for line in file if "/SYSV" in line]
    expect(segment in segments(), segment)
    stage.end(process)
    expect(segment not in segments(), segment)


def fails(stage, pid, pattern, status=1, options=(), **more):
    done = stage.report(pid, *options, **more)
    expect_equal((done.returncode, done.stdout), (status, ""))
    expect_equal(done.stderr.count("\n"), 1)
    expect_match(r"^sendfin: " + pattern, done.stderr)


def test_a_process_without_the_shim_is_refused(stage):
    fails(stage, os.getpid(), r"%d: runs without libsendfin.so; start it with" % os.getpid())


def test_a_process_that_is_not_there_is_refused(stage):
    process = stage.fixture("ledger")
    stage.end(process)
    fails(stage, process.pid, r"%d: no such process" % process.pid)


def test_a_zombie_is_refused(stage):
    process = stage.start([FIXTURE, "kill=9"])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    fails(stage, process.pid, r"%d: no such process, or it has just ended" % process.pid)


def test_another_version_of_the_anchor_is_named(stage):
    process = stage.fixture("ledger", "version=1")
    fails(stage, process.pid, r"\d+: runs under another version of the library, whose ledger is of "
          r"version 1; this command reads \d+: use the sendfin that came with " + FIXTURE)


def test_a_damaged_ledger_is_refused(stage):
    process = stage.fixture("ledger", "damage")
    fails(stage, process.pid, r"\d+: its ledger is damaged, or of another version")


def test_a_shim_that_is_switched_off_is_named(stage):
    process = stage.fixture("held=0", env={**clean_environment(), "SENDFIN_MODE": "off"})
    fails(stage, process.pid, r"\d+: the library is loaded but switched off \(SENDFIN_MODE=off\)")


def test_without_the_right_to_read_it_says_what_it_takes(stage):
    needs_root()
    process = stage.fixture("ledger")
    done = stage.run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", SENDFIN,
                     "report", str(process.pid))
    if "setpriv" in done.stderr or "Permission denied" in done.stderr:
        raise Skip("cannot run the command as another user here")
    expect_equal((done.returncode, done.stdout), (1, ""))
    expect_match(r"^sendfin: \d+: not permitted to read this process; it takes", done.stderr)


def test_a_process_that_ends_while_it_is_read_breaks_nothing(stage):
    """Many times, so that it ends at every stage of the reading."""
    for _ in range(40):
        process = stage.fixture("ledger", "places", "stale", "held=0", "children=5")
        reader = subprocess.Popen([SENDFIN, "report", "--json", str(process.pid)], text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  env=clean_environment())
        process.send_signal(signal.SIGKILL)
        out, err = reader.communicate(timeout=60)
        expect(reader.returncode in (0, 1), (reader.returncode, err))
        if out:
            json.loads(out)
        else:
            expect_match(r"^sendfin: \d+: ", err)
        stage.end(process)


def test_bad_command_lines_are_usage_errors(stage):
    for arguments, pattern in (((), "report: which process"), (("1", "2"), "report: one process"),
                               (("x",), "report: 'x' is no process id"),
                               (("0",), "report: '0' is no"), (("-1",), "report: -1: no such"),
                               (("99999999999999999999",), "report: '9+' is no"),
                               (("1x",), "report: '1x' is no"), (("",), "report: '' is no"),
                               (("--nosuch", "1"), "report: --nosuch: no such option"),
                               (("--json=1", "1"), "report: --json=1: no such option, or not with"),
                               (("--json", "--folded", "1"), "report: --json and --folded contra")):
        done = stage.run(SENDFIN, "report", *arguments)
        expect_equal((done.returncode, done.stdout), (2, ""))
        expect_match(r"^sendfin: " + pattern, done.stderr)


def test_a_report_that_cannot_be_written_is_a_failure(stage):
    process = stage.fixture("ledger")
    for option in ("--json", "--folded"):
        done = stage.run("sh", "-c", '"$@" >/dev/full', "-", SENDFIN, "report", option,
                         str(process.pid))
        expect_equal(done.returncode, 1 if option == "--json" else 0)
