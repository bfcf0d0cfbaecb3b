# SPDX-License-Identifier: MIT
"""Real servers, bare against shim: Apache prefork, nginx, PostgreSQL.

Each server runs twice at the same time, once of each kind, and the two are driven in turn, so that
both see the same machine; what is compared is each pair of neighbours. A server that is not
installed is left out, and the bench says which packages it wants. Only ratios; nothing is judged.
"""

import glob
import os
import pwd
import re
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import time

import common
import plot

ROUNDS = 15
AT_ONCE = 4
PROMISED = 0.99
PATIENCE = 30  # seconds for a server to come up

APACHE = """ServerName localhost
Listen 127.0.0.1:{port}
LoadModule mpm_prefork_module {modules}/mod_mpm_prefork.so
LoadModule authz_core_module {modules}/mod_authz_core.so
PidFile {folder}/pid
ErrorLog {folder}/error.log
DocumentRoot {folder}/www
User {user}
Group {group}
StartServers {at_once}
MinSpareServers {at_once}
KeepAlive Off
"""
NGINX = """worker_processes 1;
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
user {user} {group};
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{ listen 127.0.0.1:{port}; root {folder}/www; }}
}}
"""


def found(*names):
    """The path of a program by the first of these names or patterns that exists, or None."""
    for name in names:
        paths = sorted(glob.glob(name)) if "/" in name else [shutil.which(name)]
        if paths and paths[-1]:
            return paths[-1]
    return None


def somebody():
    """Who runs a server that will not run as root; None when we are not root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "www-data", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            pass
    raise common.Failed("no user to run a server as")


def number_in(output, pattern):
    match = re.search(pattern, output)
    if not match:
        raise common.Failed(f"no {pattern} in:\n{output}")
    return float(match.group(1))


class Daemon:
    """One kind of server: what it needs, how it is set up and started, who drives it."""

    name = packages = None
    tools = ()  # of each, the names it may have

    def missing(self):
        return [names[0] for names in self.tools if not found(*names)]

    def set_up(self, place):
        """Makes files; returns the command. place: folder, port, user, group, as a dict."""
        raise NotImplementedError

    def drives(self):
        """{what: (command of the client for a port, pattern of the rate in its output)}."""
        raise NotImplementedError

    user = None  # who runs it, when it is not to be root


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def make_site(place):
    os.makedirs(place["folder"] + "/www")
    write(place["folder"] + "/www/index.html", "x" * 1000)


class Apache(Daemon):
    name, packages = "Apache prefork", "apache2-bin apache2-utils"
    module = "/usr/lib*/apache2/modules/mod_mpm_prefork.so"
    tools = (("apache2", "/usr/sbin/apache2"), ("ab",), (module,))

    def set_up(self, place):
        make_site(place)
        modules = os.path.dirname(found(self.module))
        write(place["folder"] + "/conf", APACHE.format(modules=modules, at_once=AT_ONCE, **place))
        return [found(*self.tools[0]), "-DFOREGROUND", "-f", place["folder"] + "/conf"]

    def drives(self):
        return {"a connection each": (lambda port: ["ab", "-q", "-n", "1000", "-c", str(AT_ONCE),
                                                    f"http://127.0.0.1:{port}/index.html"],
                                      r"Requests per second:\s+([0-9.]+)")}


class Nginx(Daemon):
    name, packages = "nginx", "nginx-light wrk"
    tools = (("nginx", "/usr/sbin/nginx"), ("wrk",))

    def set_up(self, place):
        make_site(place)
        write(place["folder"] + "/conf", NGINX.format(**place))
        return [found(*self.tools[0]), "-p", place["folder"], "-c", place["folder"] + "/conf",
                "-e", place["folder"] + "/error.log"]

    def drives(self):
        def wrk(port, *more):
            return ["wrk", "-t1", f"-c{AT_ONCE}", "-d1s", *more,
                    f"http://127.0.0.1:{port}/index.html"]
        rate = r"Requests/sec:\s+([0-9.]+)"
        return {"kept connections": (wrk, rate),
                "a connection each": (lambda port: wrk(port, "-H", "Connection: close"), rate)}


class Postgres(Daemon):
    name, packages = "PostgreSQL", "postgresql"
    initdb = ("initdb", "/usr/lib/postgresql/*/bin/initdb")
    server = ("postgres", "/usr/lib/postgresql/*/bin/postgres")
    bench = ("pgbench", "/usr/lib/postgresql/*/bin/pgbench")
    tools = (server, initdb, bench)
    user = property(lambda self: somebody())

    def set_up(self, place):
        data = place["folder"] + "/data"
        as_user = {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []} \
            if self.user else {}
        common.finish(common.start([found(*self.initdb), "-D", data, "-A", "trust", "-U", "bench",
                                    "--no-sync"], cwd=place["folder"], **as_user))
        write(place["folder"] + "/one.sql", "SELECT 1;\n")
        return [found(*self.server), "-D", data, "-p", str(place["port"]),
                "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
                "-c", "fsync=off"]

    def drives(self):
        script = os.path.join(common.OUT, "one.sql")
        write(script, "SELECT 1;\n")
        return {"a session each (-C)": (lambda port: [
            found(*self.bench), "-n", "-C", "-h", "127.0.0.1", "-p", str(port), "-U", "bench",
            "-c", str(AT_ONCE), "-t", "15", "-f", script, "postgres"], r"tps = ([0-9.]+)")}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Running:
    """One server in a folder and a process group of its own, until `with` ends."""

    def __init__(self, daemon, env):
        self.folder = tempfile.mkdtemp(prefix="sendfin-bench-")
        self.port = free_port()
        self.process = None
        try:
            self.begin(daemon, env)
        except BaseException:
            self.__exit__()
            raise

    def begin(self, daemon, env):
        user = daemon.user
        owner = user or pwd.getpwuid(os.geteuid())
        if user:
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        else:
            os.chmod(self.folder, 0o755)
        worker = somebody() or owner
        if "LD_PRELOAD" in env:  # where the user may read it
            env = {**env, "LD_PRELOAD": shutil.copy(env["LD_PRELOAD"], self.folder)}
        place = {"folder": self.folder, "port": self.port, "user": worker.pw_name,
                 "group": worker.pw_gid if worker is owner else groupname(worker)}
        command = daemon.set_up(place)
        more = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
        with open(self.folder + "/said", "w", encoding="utf-8") as said:
            self.process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL,
                                            stdout=said, stderr=said, cwd=self.folder,
                                            start_new_session=True, **more)
        self.wait(daemon)

    def wait(self, daemon):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)  # nothing tells when a daemon listens
        with open(self.folder + "/said", encoding="utf-8") as said:
            raise common.Failed(f"{daemon.name} does not come up: {said.read()}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process:
            try:
                os.killpg(self.process.pid, signal.SIGINT)  # of PostgreSQL: disconnect and end
                self.process.wait(10)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                pass
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def groupname(user):
    import grp  # only where there is one
    return grp.getgrgid(user.pw_gid).gr_name


def is_shimmed(running):
    """The library is in the server and in each of its children, or nothing was compared."""
    with open(f"/proc/{running.process.pid}/maps", encoding="utf-8") as file:
        return "libsendfin.so" in file.read()


def compare(daemon):
    """Rows of one server: what is driven, shim / bare, and how fast the bare one was."""
    rows = []
    with Running(daemon, common.environment()) as bare, \
            Running(daemon, common.environment(common.SHIM)) as shim:
        if is_shimmed(bare) or not is_shimmed(shim):
            raise common.Failed(f"{daemon.name}: the library is not where it should be")
        for what, (command, pattern) in daemon.drives().items():
            ratios, speeds = [], []
            for number in range(ROUNDS + 1):
                rate = {}
                for server in (bare, shim) if number % 2 else (shim, bare):
                    rate[server] = number_in(common.run(command(server.port)), pattern)
                if number > 0:  # the first fills caches
                    ratios.append(rate[shim] / rate[bare])
                    speeds.append(rate[bare])
            rows.append((f"{daemon.name}, {what}", ratios, speeds))
    return rows


def measure(promises):
    head = ["server", "rate, shim / bare (quartiles)", "bare/s", "wanted", ""]
    rows, bars = [], []
    for daemon in (Apache(), Nginx(), Postgres()):
        missing = daemon.missing()
        if missing:
            print(f"\n  left out: {daemon.name}: no {', '.join(missing)}; bench/deps installs "
                  f"{daemon.packages}")
            continue
        for what, ratios, speeds in compare(daemon):
            said = promises.wish(f"{what}: rate, shim / bare", common.median(ratios), PROMISED)
            rows.append([what, common.spread(ratios), f"{common.median(speeds):.0f}", PROMISED,
                         said])
            bars.append((what, *statistics.quantiles(ratios, n=4, method="inclusive"), PROMISED))
    if rows:
        common.table(f"Real servers, {ROUNDS} pairs", head, rows)
        common.save("daemons", head, rows)
        plot.bars(os.path.join(common.OUT, "daemons.svg"), "Real servers: rate, shim / bare",
                  f"bar: median; line: quartiles; mark: {PROMISED} is wanted", bars)
