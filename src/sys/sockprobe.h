/* SPDX-License-Identifier: MIT */
/*
 * Questions to the kernel about one descriptor's socket. Each is one system call
 * that never blocks, never changes the socket and never touches errno; safe in
 * signal handlers and after fork. A descriptor that is closed or no socket gives
 * the "do not know" answer, never a guess.
 *
 * Sources: tcp(7), socket(7), ip(7); TCP states: include/net/tcp_states.h.
 */
#ifndef SYS_SOCKPROBE_H
#define SYS_SOCKPROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/text.h"
#include "core/verdict.h"

/* True when fd is a TCP socket over IPv4 or IPv6 (SO_PROTOCOL; not MPTCP, not SMC). */
bool sockprobe_is_tcp(int fd);

/* True when fd is a listening socket (SO_ACCEPTCONN). */
bool sockprobe_is_listening(int fd);

/* The state as the rule sees it; VERDICT_STATE_OTHER when the kernel does not say. */
enum verdict_state sockprobe_state(int fd);

/* True when the connection is dead both ways (TCP_CLOSE). */
bool sockprobe_is_dead(int fd);

/* Since when nothing came from the peer any more, in milliseconds (tcpi_last_ack_recv); 0 = ? */
uint32_t sockprobe_quiet_ms(int fd);

/* The kernel's cookie of the socket (SO_COOKIE), never 0; 0 when there is none. */
uint64_t sockprobe_cookie(int fd);

/* True when nothing unread waits in the receive queue (SIOCINQ answers 0). */
bool sockprobe_is_drained(int fd);

/*
 * All bytes ever written to the connection: sent once, and unsent (tcpi_bytes_sent,
 * tcpi_bytes_retrans, tcpi_notsent_bytes). ACKs do not change it. ~0 when unknown.
 */
uint64_t sockprobe_written(int fd);

/* Both of one moment, and for the price of one. */
enum verdict_state sockprobe_state_and_written(int fd, uint64_t *written);

/*
 * Arms the kernel's keepalive with this idle time and interval, in seconds, unless
 * the program has armed its own (SO_KEEPALIVE, TCP_KEEPIDLE, TCP_KEEPINTVL).
 */
void sockprobe_arm_keepalive(int fd, int seconds);

/* Both ends, for people; is_known is false for what the kernel does not say. */
void sockprobe_names(int fd, struct text_endpoint *local, struct text_endpoint *peer);

#endif
