#!/usr/bin/env perl
# SPDX-License-Identifier: MIT
#
# leaky_echo.pl [-6] [PORT]: the leaky echo server, in Perl.
#
# Wrong: the parent keeps every connection in %session, so nothing ever closes its copy.
# Seen:  clients wait for ever for EOF; CLOSE_WAIT grows although each child called close.
# Cure:  close $conn; in the parent, below the fork; keep the address, not the handle.
use strict;
use warnings;
use IO::Socket::IP;
use POSIX ();

sub serve {
    my ($conn) = @_;
    while (sysread $conn, my $data, 4096) {
        syswrite $conn, $data or last;
    }
    close $conn;
}

my $six = @ARGV && $ARGV[0] eq '-6' ? shift : 0;
my $port = shift // 0;
if (@ARGV || $port !~ /\A[0-9]{1,5}\z/ || $port > 65535) {
    print STDERR "usage: leaky_echo.pl [-6] [PORT]\n";
    exit 2;
}
my $host     = $six ? '::1' : '127.0.0.1';
my $listener = IO::Socket::IP->new(
    LocalHost => $host,
    LocalPort => $port,
    Listen    => 128,
    ReuseAddr => 1,
) or die "leaky_echo.pl: listen on port $port: $@\n";
$| = 1;
printf "listening on %s:%d\n", $six ? "[$host]" : $host, $listener->sockport;

$SIG{CHLD} = 'IGNORE';    # the kernel reaps the children
my %session;              # pid -> connection: who is being served
while (1) {
    my $conn = $listener->accept;
    if (!$conn) {
        print STDERR "leaky_echo.pl: accept: $!\n";
        select undef, undef, undef, 0.1;    # out of descriptors: do not spin
        next;
    }
    my $pid = fork // die "leaky_echo.pl: fork: $!\n";
    if ($pid == 0) {
        close $listener;
        serve($conn);
        POSIX::_exit(0);
    }
    $session{$pid} = $conn;    # here the parent forgets: close $conn;
}
