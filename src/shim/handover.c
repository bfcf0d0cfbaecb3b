/* SPDX-License-Identifier: MIT */
/* The walk over control messages is cmsg(3)'s; truncated ones end it. */
#include "shim/handover.h"

#include <stddef.h>
#include <string.h>

#include "shim/process.h"
#include "shim/table.h"
#include "sys/sockprobe.h"

static void send_away(int fd)
{
	if (table_is_watched(fd) && stamp_is_connection(table_stamp(fd))) {
		table_forget(fd);
	}
}

static void arrive(int fd)
{
	table_forget(fd); /* whatever had this number before */
	if (!sockprobe_is_tcp(fd)) {
		return;
	}
	if (sockprobe_is_listening(fd)) {
		table_put(fd, STAMP_LISTENS);
	} else {
		table_put(fd, stamp_acquired(process_epoch, STAMP_SHARED));
	}
}

static void for_each_descriptor(struct msghdr *message, void (*act)(int fd))
{
	for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header != NULL;
	     header = CMSG_NXTHDR(message, header)) {
		size_t count;

		if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) {
			continue;
		}
		count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(header) + i * sizeof(fd), sizeof(fd));
			act(fd);
		}
	}
}

__attribute__((noinline, cold)) void handover_sending(const struct msghdr *message)
{
	struct msghdr copy = *message;

	if (process_may_act()) {
		for_each_descriptor(&copy, send_away);
	}
}

__attribute__((noinline, cold)) void handover_received(struct msghdr *message)
{
	if (process_may_act()) {
		for_each_descriptor(message, arrive);
	}
}
