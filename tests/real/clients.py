# SPDX-License-Identifier: MIT
"""Clients that several daemons share: plain TCP, with a half-close where it matters.

The invariant: a client that was promised EOF reads to EOF; one that was not closes at once, and its
answer is what it had asked for, byte for byte.
"""

import socket

from place import LIMIT_S


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S)


def read_all(conn):
    """Everything up to EOF."""
    data = b""
    while more := conn.recv(65536):
        data += more
    return data


def read_exactly(conn, size):
    data = b""
    while len(data) < size:
        more = conn.recv(size - len(data))
        if not more:
            break
        data += more
    return data


def ask(port, request, half_close=True):
    """The whole answer to a request, after a half-close or without one."""
    with connect(port) as conn:
        conn.sendall(request)
        if half_close:
            conn.shutdown(socket.SHUT_WR)
        return read_all(conn)


def lines(number, count):
    return b"".join(b"client %d line %d\n" % (number, i) for i in range(count))


def echo_clients(port, has_eof, count=6):
    """Clients of an echo server, two at a time; `has_eof`: its connections end."""
    said = []
    for first in range(0, count, 2):
        conns = [(n, connect(port)) for n in (first, first + 1)]
        for number, conn in conns:
            conn.sendall(lines(number, 100 * (number + 1)))
        for number, conn in conns:
            said.append((f"echo of client {number}", hear(conn, number, has_eof)))
        for _, conn in conns:
            conn.close()
    return said


def hear(conn, number, has_eof):
    try:
        answer = read_exactly(conn, len(lines(number, 100 * (number + 1))))
        conn.shutdown(socket.SHUT_WR)
        return answer + (read_all(conn) if has_eof else b"")
    except OSError as why:  # that it was cut off is an answer, too
        return str(why).encode()
