# SPDX-License-Identifier: MIT
"""Where a daemon is played: a directory, a network and users of its own, and every process of it.

The idea: this process adopts orphans (PR_SET_CHILD_SUBREAPER), so that whatever a daemon forks,
however it daemonizes, stays below it in /proc and can be listed, waited for and ended. As root, the
network, /run and the list of users are private (unshare), and nothing of the machine is touched.
The invariant: what close() returns from is gone: no process below us, no file, no mount.
Never here: what a daemon is, or what is compared.
"""

import ctypes
import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

LIMIT_S = 60
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h
CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000  # linux/sched.h
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18  # linux/mount.h
LISTEN, TIME_WAIT = 10, 6  # include/net/tcp_states.h
STATES = dict(enumerate("ESTABLISHED SYN_SENT SYN_RECV FIN_WAIT1 FIN_WAIT2 TIME_WAIT CLOSE "
                        "CLOSE_WAIT LAST_ACK LISTEN CLOSING".split(), 1))
USER, PASSWORD = "guest", "a good password"
USER_ID, NOGROUP_ID = 4242, 65534
# crypt(PASSWORD), SHA-512.
HASH = "$6$uJn0ly2Qjy9mtm1S$QLJAnXpDAAkSu3vxJH7rWgorjVt6vmrKOTL/Fwt66pHz5XIeztHUL748a9/YWmLMoIapTv4my/WVeIhUBnDzY1"

libc = ctypes.CDLL(None, use_errno=True)


def call(name, *arguments):
    """A libc function that says -1 when it fails."""
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def wait_for(condition, limit=LIMIT_S):
    """Looks every 20 ms: there is no event to wait for in what /proc tells. Limits only fail."""
    end = time.monotonic() + limit
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def parents():
    """{pid: (parent, command)} of all processes but zombies."""
    found = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat", encoding="latin-1") as file:
                head, _, tail = file.read().rpartition(")")
        except OSError:  # gone meanwhile
            continue
        state, parent = tail.split()[:2]
        if state not in "ZX":
            found[int(entry)] = (int(parent), head.partition("(")[2])
    return found


def below(root):
    """{pid: command} of every living process below `root`."""
    known, found, more = parents(), {}, [root]
    while more:
        mother = more.pop()
        for pid, (parent, command) in known.items():
            if parent == mother and pid not in found:
                found[pid] = command
                more.append(pid)
    return found


def reap():
    """Orphans that ended are ours to bury."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def descriptors(pid):
    """(number, kind) of each open descriptor; numbers of inodes say nothing and are left out."""
    kinds = []
    try:
        for number in sorted(os.listdir(f"/proc/{pid}/fd"), key=int):
            target = os.readlink(f"/proc/{pid}/fd/{number}")
            kinds.append((int(number), target.partition(":[")[0]))
    except OSError:
        return None
    return tuple(kinds)


def sockets(ports):
    """The states of the TCP sockets on these local ports, sorted; TIME_WAIT is nobody's."""
    rows = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with open(table, encoding="ascii") as file:
            for row in list(map(str.split, file))[1:]:
                if int(row[1].rpartition(":")[2], 16) in ports and int(row[3], 16) != TIME_WAIT:
                    rows[row[1] + row[2]] = STATES[int(row[3], 16)]
    return sorted(rows.values())


def free_ports(count):
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def lift_loopback():
    """ifconfig lo up"""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sh14x", b"lo", 0x1 | 0x40)  # IFF_UP | IFF_RUNNING
        fcntl.ioctl(control, 0x8914, request)  # SIOCSIFFLAGS


def add_line(place, path, line):
    """A private copy of a file of the system, with one line more, in its place."""
    copy = os.path.join(place, os.path.basename(path))
    shutil.copy2(path, copy)
    with open(copy, "a", encoding="utf-8") as file:
        file.write(line + "\n")
    call("mount", copy.encode(), path.encode(), None, MS_BIND, None)


class Place:
    """The directory (readable by every user), and what lives in it."""

    def __init__(self, build):
        self.root = tempfile.mkdtemp(prefix="sendfin-real-")
        os.chmod(self.root, 0o755)
        self.build = os.path.join(self.root, "build")  # a user may not reach the tree itself
        os.mkdir(self.build)
        for name in ("libsendfin.so", "libsendfin-trace.so", "sendfin"):
            if os.path.exists(f"{build}/{name}"):
                shutil.copy2(f"{build}/{name}", self.build)
        self.shim = f"{self.build}/libsendfin.so"
        self.dir = os.path.join(self.root, "play")
        self.home = os.path.join(self.root, "home")
        self.source = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        self.ports = []
        self.is_isolated = False
        self.is_root = os.geteuid() == 0
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def isolate(self):
        """Why there is no network and no user of our own here, or None: they are made."""
        if os.geteuid() != 0:
            return "only root can make the user whom it logs in"
        try:
            call("unshare", CLONE_NEWNS | CLONE_NEWNET)
            call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)
            lift_loopback()
            call("mount", b"tmpfs", b"/run", b"tmpfs", 0, b"mode=755")
            os.mkdir("/run/sshd", 0o755)
            add_line(self.root, "/etc/passwd",
                     f"{USER}:x:{USER_ID}:{NOGROUP_ID}::{self.home}:/bin/sh")
            add_line(self.root, "/etc/shadow", f"{USER}:{HASH}:19000:0:99999:7:::")
        except OSError as why:
            return f"no namespaces of our own here: {why}"
        self.is_isolated = True
        return None

    def choose_ports(self, count):
        """Ports for all plays; in a network of our own nobody can take them in between."""
        self.ports = free_ports(count)

    @property
    def port(self):
        return self.ports[0]

    def fresh(self):
        """Empty directories for one play and its user, under the same names every time."""
        for path in (self.dir, self.home):
            shutil.rmtree(path, ignore_errors=True)
            os.mkdir(path, 0o755)
        if self.is_isolated:
            os.chown(self.home, USER_ID, NOGROUP_ID)

    def folder(self, name):
        os.makedirs(self.path(name), mode=0o755)

    def keep(self, name, user=None):
        """A directory that outlasts the plays, the user's if we are root."""
        path = os.path.join(self.root, name)
        os.mkdir(path, 0o700 if user else 0o755)
        if user and self.is_root:
            shutil.chown(path, user)
        return path

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text, mode=0o644):
        path = self.path(name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def start(self, command, environment, user=None, output="stderr"):
        """A process that ends with this one at the latest; both its outputs go to a file."""
        with open(self.path(output), "ab") as file:
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, cwd=self.dir,
                env=environment, start_new_session=True, user=user, group=user,
                extra_groups=[] if user else None,
                preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0))

    def is_listening(self):
        return sockets(self.ports).count("LISTEN") == len(self.ports)

    def lives(self):
        """{pid: command} of what is below us."""
        return below(os.getpid())

    def end_all(self):
        """Ends whatever lives below us; the names of what did."""
        left = []
        while lives := self.lives():
            left += lives.values()
            for pid in lives:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            reap()
            time.sleep(0.01)
        return sorted(left)

    def close(self):
        self.end_all()
        reap()
        if self.is_isolated:
            for path in ("/etc/passwd", "/etc/shadow"):
                libc.umount2(path.encode(), 2)  # MNT_DETACH: the copies are below the root
        shutil.rmtree(self.root, ignore_errors=True)


def output_of(command, **options):
    """(exit status, both outputs) of a client, run without a shim."""
    clean = {name: value for name, value in os.environ.items()
             if not name.startswith("SENDFIN_") and name != "LD_PRELOAD"}
    env = {**clean, "LC_ALL": "C", **options.pop("env", {})}
    if "input" not in options:
        options["stdin"] = subprocess.DEVNULL
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env,
                          timeout=LIMIT_S, **{"check": False, **options})
    return done.returncode, done.stdout


def die_with_parent():
    """In a new child: SIGTERM when its parent ends, however it ends."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def missing(commands):
    """Of the programs that a daemon needs, those that are not here."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    return [name for name in commands if not shutil.which(name, path=path)]
