# SPDX-License-Identifier: MIT
"""Apache with the prefork MPM: two children that live on, and a process for each CGI.

/cgi gets the clean environment that Apache gives, so that its program is one that the shim cannot
see; /shimmed gets LD_PRELOAD, too. Both print their environment: nothing of ours may be in it.
Clients half-close, or keep the connection alive, or go away in the middle.
"""

from clients import ask, connect
from play import Daemon, read

CONFIGURATION = """
ServerName here
ServerRoot %(root)s
PidFile %(root)s/apache.pid
Mutex file:%(root)s
Listen 127.0.0.1:%(port)d
%(user)s
%(modules)s
TypesConfig /dev/null
StartServers 2
MinSpareServers 1
MaxSpareServers 2
MaxRequestWorkers 2
ServerLimit 2
Timeout 60
KeepAlive On
KeepAliveTimeout 60
ErrorLog %(root)s/errors.log
LogLevel info
LogFormat "%%r %%>s %%b" plain
CustomLog %(root)s/access.log plain
DocumentRoot %(root)s/pages
<Directory %(root)s>
  Require all granted
</Directory>
ScriptAlias /cgi/ %(root)s/scripts/
ScriptAlias /shimmed/ %(root)s/scripts-too/
<Directory %(root)s/scripts-too>
  Require all granted
  PassEnv LD_PRELOAD
</Directory>
"""
MODULES = "mpm_prefork authz_core alias cgi env mime"

ENVIRONMENT = "#!/bin/sh\necho Content-Type: text/plain; echo\nenv | grep -v ^LD_PRELOAD= | sort\n"
# Reads the request to its end while the server waits, and then has somebody else answer.
BODY = ("#!/bin/sh\necho Content-Type: text/plain; echo\nwc -c; echo done\n"
        "ls -l /proc/self/fd | wc -l\n")
LARGE = "#!/bin/sh\necho Content-Type: text/plain; echo\nhead -c 3000000 /dev/zero | tr '\\0' x\n"
SCRIPTS = {"environment": ENVIRONMENT, "body": BODY, "large": LARGE}


class Apache(Daemon):
    """A parent and two children."""

    name = "apache"
    programs = ("apache2",)
    idle = ("apache2",) * 3
    has_own_stderr = True
    masks = (
        (r"\[[A-Z][a-z]{2} [A-Z][a-z]{2} \d\d [^\]]*\]", "[DATE]"),
        (r"\[pid \d+(:tid \d+)?\]", "[pid PID]"),
        (r"(Date|Last-Modified): [^\r\n]*", r"\1: DATE"),
        (r"ETag: [^\r\n]*", "ETag: TAG"),
        # Told of a script's answer when all of it came in one piece: a matter of timing.
        (r"Content-Length: \d+\r\n(?=Connection: close\r\nContent-Type: text/plain)", ""),
        (r"REMOTE_PORT=\d+", "REMOTE_PORT=PORT"),
        (r"\[client 127.0.0.1:\d+\]", "[client ADDRESS]"),
        (r"\(pid=\d+\)", "(pid=PID)"),
    )

    def prepare(self, place):
        for folder in ("pages", "scripts", "scripts-too"):
            place.folder(folder)
        place.write("pages/page", "a page\n")
        place.write("pages/large", "0123456789abcdef" * 200000)
        for name, text in SCRIPTS.items():
            place.write(f"scripts/{name}", text, 0o755)
            place.write(f"scripts-too/{name}", text, 0o755)
        modules = "".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"
                          for name in MODULES.split())
        place.write("apache.conf", CONFIGURATION % {
            "root": place.dir, "port": place.port, "modules": modules,
            "user": "User www-data\nGroup www-data" if place.is_root else ""})

    def command(self, place):
        return ["apache2", "-D", "FOREGROUND", "-d", place.dir, "-f", place.path("apache.conf")]

    def converse(self, place):
        said = []
        for path in ("page", "large", "none", "cgi/environment", "shimmed/environment",
                     "cgi/large", "shimmed/large"):
            request = b"GET /%s HTTP/1.0\r\nHost: here\r\n\r\n" % path.encode()
            for half_close in (False, True):
                said.append((f"{path}, half-close {half_close}",
                             ask(place.port, request, half_close)))
        for path in ("cgi/body", "shimmed/body"):
            request = (b"POST /%s HTTP/1.0\r\nHost: here\r\nContent-Length: 200000\r\n\r\n"
                       % path.encode()) + b"y" * 200000
            said.append((path, ask(place.port, request)))
        kept = b"GET /page HTTP/1.1\r\nHost: here\r\n\r\n" * 3
        last = b"GET /large HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"
        said.append(("kept alive", ask(place.port, kept + last, False)))
        with connect(place.port) as conn:  # and gone
            conn.sendall(b"GET /page HTTP/1.1\r\n")
        return said

    def log(self, place):
        return "".join(read(place.path(name)) for name in ("stderr", "errors.log", "access.log"))


DAEMONS = [Apache]
