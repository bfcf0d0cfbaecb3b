# SPDX-License-Identifier: MIT
"""The real library and a leaky server: what the README shows, and what a test suite needs.

The README's sessions are played; every line of them must come, but for the numbers that the
system chooses (processes, ports, offsets in code).
"""

import os
import re
import signal
import socket
import subprocess
import sys

from stage import (BUILD, PATIENCE, SENDFIN, clean_environment, expect, expect_equal, expect_match,
                   line_of)

SERVER = os.path.relpath(os.path.join(BUILD, "examples/leaky_echo"))
SOURCE = "examples/leaky_echo.c"


def shape(line):
    """A line without what the system chooses."""
    line = re.sub(r"127\.0\.0\.1:\d+", "ADDRESS", line.strip())
    line = re.sub(r"\+0x[0-9a-f]+", "+OFFSET", line)
    line = re.sub(r"^(\d+ )?leaky_echo:", "PID leaky_echo:", line)
    line = re.sub(r"^sendfin\[\d+\]( leaky_echo)?:", "sendfin[PID]:", line)
    line = re.sub(r"\bprocess \d+", "process PID", line)
    line = re.sub(r"^(\d+ +dead +)\d+ ", r"\1PID ", line)
    return re.sub(r" +", " ", line)


def session_of_readme(command):
    """The lines that the README shows below the command."""
    with open("README.md", encoding="utf-8") as file:
        text = file.read()
    match = re.search(r"^    \$ " + re.escape(command) + r"\n((?:(?:    .*)?\n)*?)(?=^(?! {4}|\n))",
                      text, re.M)
    expect(match, f"README.md: no session of {command}")
    return [shape(line) for line in match.group(1).splitlines() if line.strip()]


def expect_lines(shown, got):
    """Every line that is shown comes, in that order."""
    rest = iter([shape(line) for line in got.splitlines()])
    for line in shown:
        expect(line in rest, f"missing, or out of order: {line!r} in\n{got}")


def leaky(stage, *options):
    """The server, followed; its port."""
    process = stage.start([SENDFIN, "run", *options, "--", SERVER, "0"])
    line = process.stdout.readline()
    expect_match(r"^listening on 127.0.0.1:\d+$", line)
    return process, int(line.rsplit(":", 1)[1]), line


def converse(port, wants_eof=True):
    """A client that sends, half-closes, and reads the echo; and the server's FIN."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client:
        client.sendall(b"hello")
        client.shutdown(socket.SHUT_WR)
        got = client.recv(5, socket.MSG_WAITALL)
        expect_equal(got, b"hello")
        if wants_eof:
            expect_equal(client.recv(1), b"")


def child_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return int(file.read().split()[0])


def wait_for_children(pid):
    """Until it has none any more: it does not wait for them by itself."""
    while True:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            if not file.read().split():
                return


def test_the_debug_session_of_the_readme_is_true(stage):
    process, port, line = leaky(stage, "--debug")
    converse(port)
    wait_for_children(child_of(process.pid))
    status, out, err = stage.end(process, signal.SIGTERM)
    expect_equal((status, out), (128 + signal.SIGTERM, ""))
    shown = session_of_readme("build/sendfin run --debug -- build/examples/leaky_echo 8080")
    expect(len(shown) > 8, shown)
    expect_lines(shown, line + err)


def test_the_report_session_of_the_readme_is_true(stage):
    process, port, _ = leaky(stage, "--debug")
    converse(port)
    server = child_of(process.pid)
    wait_for_children(server)
    done = stage.report(server)
    expect_equal(done.returncode, 1)
    shown = session_of_readme("build/sendfin report 4242")
    expect(len(shown) > 8, shown)
    expect_lines(shown, done.stdout)
    stage.end(process, signal.SIGTERM)


def test_the_lines_are_those_of_the_source(stage):
    process, port, _ = leaky(stage, "--debug")
    converse(port)
    server = child_of(process.pid)
    wait_for_children(server)
    document = stage.report_json(server)
    found, = [one for one in document["found"] if one["reason"] == "stale"]
    for key, mark in (("accepted", "= accept(listener"), ("forked", "if (fork() == 0)"),
                      ("let_go", "\tclose(conn);"), ("ended", "= read(conn,")):
        expect_equal((key, found[key][0]["line"]), (key, line_of(SOURCE, mark)))
    stage.end(process, signal.SIGTERM)


def test_a_leaking_server_that_is_terminated_fails(stage):
    for options in (["--fail-on-leak"], ["--observe", "--fail-on-leak=99"]):
        process, port, _ = leaky(stage, *options)
        for _ in range(3):
            converse(port, "--observe" not in options)
        wait_for_children(child_of(process.pid))
        status, _, err = stage.end(process, signal.SIGTERM)
        expect_equal(status, 99)
        expect_match(r"leaky_echo: leaks connections; exit status 99 instead of 143$", err)


def test_what_is_rightly_left_alone_is_no_finding(stage):
    """A conversation that the server ends before its client, in a process that shares nothing."""
    script = ("import socket\n"
              "listener = socket.create_server(('127.0.0.1', 0))\n"
              "one = socket.create_connection(listener.getsockname())\n"
              "two, _ = listener.accept()\n"
              "two.close()\n"
              "one.close()\n")
    done = stage.run(SENDFIN, "run", "--debug", "--", sys.executable, "-c", script)
    expect_equal(done.returncode, 0)
    expect_match(r"leave private", done.stderr)
    expect_match(r"^sendfin: summary: nothing was found\n\Z", done.stderr)


def test_a_server_without_clients_does_not_fail(stage):
    process, _, _ = leaky(stage, "--fail-on-leak")
    status, _, err = stage.end(process, signal.SIGTERM)
    expect_equal((status, err), (143, "sendfin: summary: nothing was found\n"))


def test_the_report_works_without_debug_mode(stage):
    process, port, _ = leaky(stage, "--observe")
    converse(port, False)
    wait_for_children(process.pid)
    document = stage.report_json(process.pid)
    expect_equal([(one["kind"], one["accepted"]) for one in document["held"]],
                 [("stale_copy", None)])
    stage.end(process, signal.SIGTERM)


def test_the_fins_are_counted_also_without_debug_mode(stage):
    process, port, _ = leaky(stage)
    for _ in range(3):
        converse(port)
    wait_for_children(process.pid)
    expect_equal(stage.report_json(process.pid)["fins"], 3)
    expect_match("FINs sent 3, ", stage.report(process.pid).stdout)
    stage.end(process, signal.SIGTERM)


def test_the_deferred_fins_are_counted(stage):
    """The parent has read from it and waits for its child: it may still want to answer."""
    script = ("import os, socket, sys\n"
              "listener = socket.create_server(('127.0.0.1', 0))\n"
              "one = socket.create_connection(listener.getsockname())\n"
              "two, _ = listener.accept()\n"
              "one.send(b'q')\n"
              "two.recv(1)\n"
              "one.shutdown(socket.SHUT_WR)\n"
              "if os.fork() == 0:\n"
              "    two.recv(1)\n"
              "    two.send(b'x')\n"
              "    two.close()\n"
              "    os._exit(0)\n"
              "os.wait()\n"
              "print('waited', flush=True)\n"
              "sys.stdin.read()\n")
    process = stage.start([SENDFIN, "run", "--", sys.executable, "-c", script])
    expect_equal(process.stdout.readline(), "waited\n")
    document = stage.report_json(process.pid)
    expect_equal((document["defers"], document["fins"]), (1, 0))
    stage.end(process, signal.SIGTERM)


def test_a_correct_server_defers_nothing(stage):
    """A later child, which was born without the connection, is no holder of it."""
    script = ("import os, socket, sys\n"
              "listener = socket.create_server(('127.0.0.1', 0))\n"
              "clients, children = [], []\n"
              "for _ in range(3):\n"
              "    go, ready = os.pipe()\n"
              "    clients.append(socket.create_connection(listener.getsockname()))\n"
              "    conn, _ = listener.accept()\n"
              "    if os.fork() == 0:\n"
              "        os.read(go, 1)\n"
              "        conn.recv(1)\n"
              "        conn.send(b'x')\n"
              "        conn.close()\n"
              "        os._exit(0)\n"
              "    conn.close()\n"
              "    children.append(ready)\n"
              "for client, ready in zip(clients, children):\n"
              "    client.shutdown(socket.SHUT_WR)\n"
              "    os.write(ready, b'g')\n"
              "    os.wait()\n"
              "    assert client.recv(2) == b'x' and client.recv(1) == b''\n"
              "print('waited', flush=True)\n"
              "sys.stdin.read()\n")
    process = stage.start([SENDFIN, "run", "--", sys.executable, "-c", script])
    expect_equal(process.stdout.readline(), "waited\n")
    document = stage.report_json(process.pid)
    expect_equal((document["defers"], document["fins"]), (0, 0))
    stage.end(process, signal.SIGTERM)


def test_the_tree_behaves_as_without_the_command(stage):
    """The same bytes, with and without somebody who stays."""
    for options in ([], ["--debug"]):
        process, port, _ = leaky(stage, *options)
        for _ in range(20):
            converse(port)
        stage.end(process, signal.SIGTERM)


def test_a_correct_server_does_not_fail(stage):
    """The cure of the example, made: the parent closes its copy."""
    with open(SOURCE, encoding="utf-8") as file:
        text = file.read().replace("/* here the parent forgets: close(conn); */", "close(conn);")
    with open(stage.path("cured.c"), "w", encoding="utf-8") as file:
        file.write(text)
    subprocess.run(["cc", "-g", "-D_GNU_SOURCE", "-o", stage.path("cured"), stage.path("cured.c")],
                   check=True)
    process = stage.start([SENDFIN, "run", "--fail-on-leak", "--log=none", "--",
                           stage.path("cured"), "0"], env=clean_environment())
    port = int(process.stdout.readline().rsplit(":", 1)[1])
    for _ in range(30):
        converse(port)
    wait_for_children(child_of(process.pid))
    expect_equal(stage.end(process, signal.SIGTERM), (143, "", ""))
