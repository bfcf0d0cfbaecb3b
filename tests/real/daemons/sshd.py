# SPDX-License-Identifier: MIT
"""OpenSSH's sshd: a process per connection that executes itself anew, an unprivileged one under a
seccomp filter before the login and one with the user's rights after it.

The filter kills for a call that it does not know, and the client would see its connection die. The
user's own environment must not show that sshd runs under the shim.
"""

import os

from place import USER, output_of
from play import Daemon

CONFIGURATION = """
Port %(port)d
ListenAddress 127.0.0.1
HostKey %(keys)s/host
AuthorizedKeysFile %(keys)s/authorized
PidFile none
StrictModes no
UsePAM yes
PasswordAuthentication no
KbdInteractiveAuthentication no
PrintMotd no
Subsystem sftp /usr/lib/openssh/sftp-server
LogLevel VERBOSE
"""
ROUND = """put %(from)s large
put %(from)s small
rename small smaller
get large %(to)s
ls
rm large
rm smaller
ls
"""


class Sshd(Daemon):
    """The listener."""

    name = "sshd"
    programs = ("sshd", "ssh", "sftp", "scp", "ssh-keygen")
    idle = ("sshd",)
    needs_user = True
    forgets = ("Close session",)  # is said or not: who hangs up first
    adds = {
        ("fcntl", "descriptor"): "whether the source of a dup2 over its connection is open",
        ("getsockopt", "descriptor"): "what came in a message is asked what it is",
    }
    masks = (
        (r"\bport \d+", "port PORT"),
        (r"127\.0\.0\.1 \d+ \d+", "127.0.0.1 PORT PORT"),
        (r"(pid|process|child|PID) \d+", r"\1 PID"),
        (r"/dev/pts/\d+", "/dev/pts/N"),
        (r"pts/\d+", "pts/N"),
        (r"\d+ bytes/sec", "N bytes/sec"),
        (r" +\d+%[^\r\n]*", " PROGRESS"),
        (r"(?m)^(-rw\S+).*?(\S+)$", r"\1 \2"),
    )

    def __init__(self):
        self.keys = None  # the directory

    def found(self, place):
        """Once for all plays: the keys."""
        self.keys = place.keep("keys")
        for name in ("host", "guest"):
            output_of(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f",
                       f"{self.keys}/{name}"], check=True)
        os.rename(f"{self.keys}/guest.pub", f"{self.keys}/authorized")

    def prepare(self, place):
        place.write("sshd.conf", CONFIGURATION % {"port": place.port, "keys": self.keys})
        place.write("blob", "0123456789abcdef" * 40000)

    def command(self, place):
        return ["/usr/sbin/sshd", "-D", "-e", "-f", place.path("sshd.conf")]

    def ssh(self, place, *arguments, program="ssh", data=b""):
        options = ["-F", "none", "-i", f"{self.keys}/guest", "-o", "StrictHostKeyChecking=no",
                   "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
                   "-o", f"Port={place.port}", "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"]
        status, answer = output_of([program, *options, *arguments], input=data, cwd=place.dir)
        return (f"{program} {' '.join(arguments[1:])}", b"%d\n" % status + answer)

    def converse(self, place):
        here = f"{USER}@127.0.0.1"
        blob = os.urandom(1 << 20)
        paths = {"from": place.path("blob"), "to": place.path("back")}
        said = [
            self.ssh(place, here, "env | sort; exit 7"),
            self.ssh(place, here, "exec /proc/self/exe -c 'ls -l /proc/self/fd | wc -l'"),
            self.ssh(place, "-tt", here, "tty; stty -a | wc -l"),
            self.ssh(place, here, "sleep 1000 <&- >&- 2>&- & echo $?; kill $!"),
            self.ssh(place, "-o", "PreferredAuthentications=none", here, "true"),
            self.ssh(place, "-W", f"127.0.0.1:{place.port}", here)]
        name, answer = self.ssh(place, here, "cat", data=blob)
        said.append((name, answer.replace(blob, b"the blob")))
        said.append(self.ssh(place, "-b", "-", here, program="sftp", data=(ROUND % paths).encode()))
        said.append(("what sftp brought back", read_bytes(paths["to"])))
        said.append(self.ssh(place, paths["from"], f"{here}:copied", program="scp"))
        said.append(self.ssh(place, f"{here}:copied", place.path("copied"), program="scp"))
        said.append(("what scp brought back", read_bytes(place.path("copied"))))
        return said


def read_bytes(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as why:
        return str(why).encode()


DAEMONS = [Sshd]
