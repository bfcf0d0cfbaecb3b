# SPDX-License-Identifier: MIT
"""nginx: the control. It forks its workers before there is any connection, so the shim has nothing
to do here, and must not be noticed doing it.
"""

from clients import ask
from play import Daemon, read

CONFIGURATION = """
daemon off;
worker_processes 2;
pid nginx.pid;
error_log errors.log info;
events { worker_connections 64; }
http {
    log_format plain '"$request" $status $body_bytes_sent';
    access_log access.log plain;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    server {
        listen 127.0.0.1:%(port)d;
        root %(root)s;
        location /echo { return 200 "$request_method $arg_x\\n"; }
        location /proxy/ { proxy_pass http://127.0.0.1:%(port)d/; }
    }
}
"""


class Nginx(Daemon):
    """A master and two workers."""

    name = "nginx"
    programs = ("nginx",)
    idle = ("nginx",) * 3
    has_own_stderr = True
    adds = {("getsockopt", "descriptor"): "what came in a message is asked what it is"}
    masks = (
        (r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d", "DATE"),
        (r"\d+#\d+:", "PID#TID:"),
        (r"\*\d+ ", "*N "),
        (r"process \d+", "process PID"),
        (r"from \d+", "from PID"),
        (r"(Date|Last-Modified): [^\r\n]*", r"\1: DATE"),
        (r"ETag: [^\r\n]*", "ETag: TAG"),
        (r"127.0.0.1:\d+", "127.0.0.1:PORT"),
    )
    forgets = (r"signal \d+ \(SIGCHLD\)", r"signal \d+ \(SIGIO\)", "exited with code 0")

    def prepare(self, place):
        place.write("page", "a page\n")
        place.write("large", "0123456789abcdef" * 200000)
        place.write("nginx.conf", CONFIGURATION % {"port": place.port, "root": place.dir})

    def command(self, place):
        return ["nginx", "-e", "stderr", "-p", place.dir, "-c", place.path("nginx.conf")]

    def converse(self, place):
        said = []
        for path in ("page", "large", "none", "echo?x=1", "proxy/page", "proxy/large"):
            request = b"GET /%s HTTP/1.0\r\nHost: here\r\n\r\n" % path.encode()
            for half_close in (False, True):
                said.append((f"{path}, half-close {half_close}",
                             ask(place.port, request, half_close and "proxy" not in path)))
        kept = b"GET /echo?x=2 HTTP/1.1\r\nHost: here\r\n\r\n" * 3
        last = b"GET /page HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"
        said.append(("kept alive", ask(place.port, kept + last, False)))
        return said

    def log(self, place):
        return "".join(read(place.path(name)) for name in ("stderr", "errors.log", "access.log"))


DAEMONS = [Nginx]
