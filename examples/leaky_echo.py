#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""leaky_echo.py [-6] [PORT]: the leaky echo server, in Python.

Wrong: the parent keeps every connection in `sessions`, so nothing ever closes its copy.
Seen:  clients wait for ever for EOF; CLOSE_WAIT grows although each child called conn.close().
Cure:  conn.close() in the parent, below the fork; keep the address, not the socket.
"""
import os
import signal
import socket
import sys
import time


def serve(conn):
    while data := conn.recv(4096):
        conn.sendall(data)
    conn.close()


def main(args):
    six = args[:1] == ["-6"]
    port = (args[six:] or ["0"])[0]
    if len(args) > six + 1 or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        print("usage: leaky_echo.py [-6] [PORT]", file=sys.stderr)
        return 2
    family, host = (socket.AF_INET6, "::1") if six else (socket.AF_INET, "127.0.0.1")
    listener = socket.create_server((host, int(port)), family=family, backlog=128)
    shown = f"[{host}]" if six else host
    print(f"listening on {shown}:{listener.getsockname()[1]}", flush=True)

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps the children
    sessions = {}  # pid -> (connection, address): who is being served
    while True:
        try:
            conn, address = listener.accept()
        except OSError as why:
            print(f"leaky_echo.py: accept: {why.strerror}", file=sys.stderr)
            time.sleep(0.1)  # out of descriptors: do not spin
            continue
        pid = os.fork()
        if pid == 0:
            listener.close()
            serve(conn)
            os._exit(0)
        sessions[pid] = (conn, address)  # here the parent forgets: conn.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
