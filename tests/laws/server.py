#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A threaded server whose helpers are made by subprocess with close_fds=True.

CPython makes them by vfork and closes every descriptor in the child, which works on the parent's
memory. A hundred clients talk on while it does; every byte must come back, and none may see an end.
"""

import socket
import subprocess
import threading

CLIENTS, HELPERS, WORD = 100, 30, b"still here"


def serve(connection):
    while data := connection.recv(64):
        connection.sendall(data)


def converse(client):
    client.sendall(WORD)
    got = b""
    while len(got) < len(WORD):
        got += client.recv(64) or b"?" * len(WORD)
    return got == WORD


def main():
    listener = socket.create_server(("127.0.0.1", 0), backlog=CLIENTS)
    clients = []
    for _ in range(CLIENTS):
        clients.append(socket.create_connection(listener.getsockname()))
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection,), daemon=True).start()
    good = 0
    for i in range(HELPERS):
        done = subprocess.run(["echo", str(i)], close_fds=True, stdout=subprocess.PIPE, check=True)
        good += done.stdout == b"%d\n" % i
        good += all(converse(client) for client in clients[i::10])
    print(good, "of", 2 * HELPERS, all(converse(client) for client in clients))
    for client in clients:
        client.close()


main()
