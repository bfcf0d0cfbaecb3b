# SPDX-License-Identifier: MIT
"""PostgreSQL: a process per connection, and others that live as long as the server.

It runs as its own user, because it refuses to run as root. pgbench plays transactions on lasting
connections and, with -C, on a new connection for each; its seed is fixed, so the books must show
the same sums.
"""

import glob
import os
import shutil

from place import output_of
from play import Daemon

SETTINGS = """
listen_addresses = '127.0.0.1'
port = %(port)d
unix_socket_directories = ''
fsync = off
autovacuum = off
max_logical_replication_workers = 0
checkpoint_timeout = 1h
shared_buffers = 16MB
log_connections = on
log_disconnections = on
log_line_prefix = ''
"""
QUERIES = (
    "select count(*), sum(abalance) from pgbench_accounts",
    "select sum(tbalance) from pgbench_tellers",
    "select sum(bbalance), (select count(*) from pgbench_history) from pgbench_branches",
    "copy (select i, md5(i::text) from generate_series(1, 30000) i) to stdout",
    "select no_such_column",
    "select count(*) from pg_stat_activity where client_port is not null",
)


class Postgres(Daemon):
    """The postmaster and three helpers."""

    name = "postgres"
    programs = ("psql",)
    idle = ("postgres",) * 4
    user = "postgres"
    stop = 2  # SIGINT: a fast shutdown
    masks = (
        (r"port=\d+", "port=PORT"),
        (r"session time: [\d:.]+", "session time: TIME"),
        (r"at \d{4}-\d\d-\d\d [\d:]+( \w+)?", "at DATE"),
        (r"PID \d+", "PID N"),
        (r"(write|sync|total)=[\d.]+ s", r"\1=TIME"),
        (r"longest=[\d.]+ s, average=[\d.]+ s; distance=\d+ kB, estimate=\d+ kB", "FIGURES"),
        (r"wrote \d+ buffers[^;]*;", "wrote BUFFERS;"),
        (r"\d+ WAL file", "N WAL file"),
        (r"lsn=[\w/]+, redo lsn=[\w/]+", "LSN"),
    )

    def __init__(self):
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
        self.where = found[-1] if found else "/usr/lib/postgresql/bin"
        self.programs = ("psql", f"{self.where}/postgres", f"{self.where}/pgbench")
        self.template = None

    def as_itself(self):
        return {"user": self.user, "group": self.user, "extra_groups": []} \
            if os.geteuid() == 0 else {}

    def found(self, place):
        """Once for all plays: the empty data base."""
        self.template = place.keep("template", self.user)
        output_of([f"{self.where}/initdb", "-D", self.template, "-U", "tester", "-A", "trust",
                   "--no-sync", "--locale=C", "-E", "UTF8"], check=True, cwd="/",
                  **self.as_itself())

    def prepare(self, place):
        data = place.path("data")
        output_of(["cp", "-a", self.template, data], check=True)
        with open(f"{data}/postgresql.conf", "a", encoding="ascii") as file:
            file.write(SETTINGS % {"port": place.port})

    def command(self, place):
        return [f"{self.where}/postgres", "-D", place.path("data")]

    def client(self, place, program, *arguments):
        options = ["-h", "127.0.0.1", "-p", str(place.port), "-U", "tester"]
        return output_of([program, *options, *arguments], cwd="/", env={"PGCONNECT_TIMEOUT": "30"})

    def bench(self, place, *arguments):
        status, said = self.client(place, f"{self.where}/pgbench", *arguments, "postgres")
        kept = [line for line in said.splitlines()
                if b"tps" not in line and b"latency" not in line and b"time" not in line
                and b"done" not in line]
        return (" ".join(arguments), b"%d\n" % status + b"\n".join(kept))

    def is_ready(self, place):
        return place.is_listening() and len(place.lives()) >= len(self.idle) and \
            self.client(place, "psql", "-c", "", "postgres")[0] == 0

    def converse(self, place):
        said = [self.bench(place, "-i", "-q", "-s", "1")]
        said.append(self.bench(place, "-n", "-c4", "-t50", "--random-seed=42"))
        said.append(self.bench(place, "-n", "-C", "-c2", "-t15", "--random-seed=42"))
        for query in QUERIES:
            status, answer = self.client(place, "psql", "-AtX", "-c", query, "postgres")
            said.append((query, b"%d\n" % status + answer))
        return said


DAEMONS = [Postgres]
