# SPDX-License-Identifier: MIT
"""vsftpd with its seccomp sandbox: sessions made by syscall(SYS_clone), in namespaces of their own.

Of all daemons it is the least patient: one call that is not on its list, one getsockopt even, and
the kernel kills the session. It passes connections between its two processes as messages.
"""

import ftplib
import io
import os

from place import LIMIT_S, PASSWORD, USER
from play import Daemon, read

CONFIGURATION = """
listen=YES
listen_address=127.0.0.1
listen_port=%(port)d
background=NO
seccomp_sandbox=%(sandbox)s
isolate=YES
isolate_network=YES
anonymous_enable=YES
anon_root=%(root)s/anonymous
no_anon_password=YES
local_enable=YES
write_enable=YES
local_umask=022
chroot_local_user=YES
allow_writeable_chroot=YES
secure_chroot_dir=%(root)s/empty
pam_service_name=vsftpd
xferlog_enable=YES
dual_log_enable=YES
log_ftp_protocol=YES
use_localtime=NO
vsftpd_log_file=%(root)s/log
xferlog_file=%(root)s/xferlog
"""


COMMANDS = ("SYST", "FEAT", "PWD", "NOOP", "HELP", "MKD new", "RMD new", "CWD none", "PASV",
            "TYPE I", "SITE HELP", "STAT", "XYZZY")
BLOB = b"0123456789abcdef" * 20000
# How a session ends that was killed depends on which of its two processes was first.
DEATHS = ("EOFError", "ConnectionResetError", "BrokenPipeError", "500 OOPS")


def answer(how, *arguments):
    try:
        said = str(how(*arguments))
    except (*ftplib.all_errors, OSError) as why:
        said = f"{type(why).__name__}: {why}"
    return b"it died" if any(death in said for death in DEATHS) else said.encode()


class Vsftpd(Daemon):
    """The listener, the sandbox and the isolation on."""

    name = "vsftpd"
    programs = ("vsftpd",)
    idle = ("vsftpd",)
    needs_user = True
    sandbox = "YES"
    forgets = (r'FTP response: .*"\d*"$', r'FTP response: .*"500 OOPS', "FAIL UPLOAD")
    masks = (
        (r"(?m)^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d [\d:]+ \d{4}", "DATE"),
        (r"\[pid \d+\]", "[pid PID]"),
        (r"\d+\.\d\dKbyte/sec", "RATE"),
        (r"\d+(,\d+){5}", "ADDRESS"),
        (r"(?m)^([-d]r\S+ .*?) [A-Z][a-z]{2} \d\d +[\d:]+ ", r"\1 DATE "),
        (r"DATE \d+ ", "DATE SECONDS "),
        (r"\|\d+\|", "|PORT|"),
        (r"213 \d{14}", "213 DATE"),
        (r"client count was \d+", "client count was N"),
    )

    def prepare(self, place):
        for folder in ("empty", "anonymous"):
            place.folder(folder)
        place.write("anonymous/page", "a page\n" * 30000)
        place.write("vsftpd.conf", CONFIGURATION % {
            "port": place.port, "root": place.dir, "sandbox": self.sandbox})
        os.chmod(place.path("vsftpd.conf"), 0o600)

    def command(self, place):
        return ["/usr/sbin/vsftpd", place.path("vsftpd.conf")]

    def login(self, ftp, place, user, password):
        return [(f"{user}: greeting", ftp.connect("127.0.0.1", place.port).encode()),
                (f"{user}: login", answer(ftp.login, user, password))]

    def converse(self, place):
        """A session for each command, because some of them do not survive the filter, bare: glibc
        2.33 and newer carry out fstat with a call that vsftpd 3.0.3 does not know. An upload is
        one of these, where that is so.
        """
        said = []
        for user, password in ((USER, PASSWORD), ("anonymous", ""), (USER, "a wrong one")):
            for line in COMMANDS if password != "a wrong one" else ("NOOP",):
                with ftplib.FTP(timeout=LIMIT_S) as ftp:
                    said += self.login(ftp, place, user, password)
                    said.append((f"{user}: {line}", answer(ftp.sendcmd, line)))
                    said.append((f"{user}: QUIT", answer(ftp.quit)))
        with ftplib.FTP(timeout=LIMIT_S) as ftp:
            said += self.login(ftp, place, USER, PASSWORD)
            said.append((f"{USER}: STOR", answer(ftp.storbinary, "STOR blob", io.BytesIO(BLOB))))
            said.append((f"{USER}: QUIT", answer(ftp.quit)))
        return said

    def log(self, place):
        return "".join(read(place.path(name)) for name in ("stderr", "log", "xferlog"))


class VsftpdTransfers(Vsftpd):
    """Without the filter: transfers both ways, on data connections of both kinds."""

    name = "vsftpd_transfers"
    sandbox = "NO"

    def session(self, place, user, password, passive):
        said = []
        listing, back = [], []
        steps = {
            "stor": lambda ftp: ftp.storbinary("STOR blob", io.BytesIO(BLOB)),
            "list": lambda ftp: ftp.retrlines("LIST", listing.append),
            "size": lambda ftp: ftp.size("blob"),
            "mdtm": lambda ftp: ftp.sendcmd("MDTM blob"),
            "retr": lambda ftp: ftp.retrbinary("RETR blob", back.append),
            "retr page": lambda ftp: ftp.retrbinary("RETR page", back.append),
            "rename": lambda ftp: ftp.rename("blob", "other"),
            "nlst": lambda ftp: ftp.nlst(),
            "dele": lambda ftp: ftp.delete("other"),
            "quit": lambda ftp: ftp.quit(),
        }
        with ftplib.FTP(timeout=LIMIT_S) as ftp:
            said += self.login(ftp, place, user, password)
            ftp.set_pasv(passive)
            for name, step in steps.items():
                said.append((f"{user}, passive {passive}: {name}", answer(step, ftp)))
        said.append((f"{user}, passive {passive}: the list", "\n".join(listing).encode()))
        said.append((f"{user}, passive {passive}: what came back", b"".join(back)))
        return said

    def converse(self, place):
        said = []
        for passive in (True, False):
            said += self.session(place, USER, PASSWORD, passive)
            said += self.session(place, "anonymous", "", passive)
        return said


DAEMONS = [Vsftpd, VsftpdTransfers]
