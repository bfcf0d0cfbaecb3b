/* SPDX-License-Identifier: MIT */
/*
 * Connections that travel between processes as messages (SCM_RIGHTS, unix(7)).
 *
 * Sender: who sends a connection away wants somebody else to go on with it. A phantom
 * is entered among its users, which vetoes until a process that we see receives it.
 * Receiver: a connection that arrives is shared from the start, and being used.
 * Never here: an error. A message we cannot read is the kernel's business.
 *
 * Safe in threads and signal handlers; errno is left alone.
 */
#ifndef SHIM_HANDOVER_H
#define SHIM_HANDOVER_H

#include <sys/socket.h>

/* Before the program sends a message on something that we do not watch. */
void handover_sending(const struct msghdr *message);

/* The same for sendmmsg(2). */
void handover_sending_many(const struct mmsghdr *messages, unsigned int count);

/* After the program received a message: the kernel has looked at it. */
void handover_received(struct msghdr *message);

/* After the program took a copy of another process's descriptor: pidfd_getfd(2). */
void handover_taken(int fd);

#endif
