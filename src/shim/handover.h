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

/* Before the program sends a message that has control data. */
void handover_sending(const struct msghdr *message);

/* After the program received a message. */
void handover_received(struct msghdr *message);

#endif
