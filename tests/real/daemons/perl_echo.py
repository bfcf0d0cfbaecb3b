# SPDX-License-Identifier: MIT
"""Forking servers in Perl: the leaky example, and a correct one with stdio on its connections."""

from clients import echo_clients
from play import Daemon

FORKING = r"""
use strict; use warnings;
use IO::Socket::INET;
use POSIX ();
my $listener = IO::Socket::INET->new(
    LocalHost => '127.0.0.1', LocalPort => $ARGV[0], Listen => 16, ReuseAddr => 1) or die $@;
$SIG{CHLD} = 'IGNORE';
while (my $conn = $listener->accept) {
    my $pid = fork // die $!;
    if ($pid == 0) {
        close $listener;
        while (my $line = <$conn>) { print $conn $line; }
        close $conn or die $!;
        exit 0;
    }
    close $conn;
}
"""


class Perl(Daemon):
    """The parent closes its copy, the child reads lines and prints through a buffer."""

    name = "perl"
    programs = ("perl",)
    idle = ("perl",)

    def prepare(self, place):
        place.write("server.pl", FORKING)

    def command(self, place):
        return ["perl", place.path("server.pl"), str(place.port)]

    def converse(self, place):
        return echo_clients(place.port, has_eof=True)


class LeakyPerl(Perl):
    """examples/leaky_echo.pl"""

    name = "leaky_perl"
    leaks = True

    def command(self, place):
        return ["perl", f"{place.source}/examples/leaky_echo.pl", str(place.port)]

    def converse(self, place):
        return echo_clients(place.port, has_eof=False)


DAEMONS = [Perl, LeakyPerl]
