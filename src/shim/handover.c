/* SPDX-License-Identifier: MIT */
/* The walk over control messages is cmsg(3)'s; truncated ones end it. */
#include "shim/handover.h"

#include <stddef.h>
#include <string.h>

#include "shim/places.h"
#include "shim/process.h"
#include "shim/table.h"
#include "shim/tree.h"
#include "shim/use.h"
#include "sys/sockprobe.h"

/* Without a ledger nobody could take the phantom's place: then it is plain libc's. */
static void send_away(int fd)
{
	struct table_gone known;

	if (!table_is_watched(fd) || !table_look(fd, &known)) {
		return;
	}
	tree_engage_phantom(sockprobe_cookie(fd), &known, places_of(fd).accepted);
	if (tree_ledger == NULL) {
		table_forget(fd);
	} else {
		table_flag(fd, STAMP_SHARED);
	}
}

static void arrive(int fd)
{
	table_forget(fd); /* whatever had this number before */
	places_forget(fd);
	if (!sockprobe_is_tcp(fd)) {
		return;
	}
	if (sockprobe_is_listening(fd)) {
		table_put(fd, STAMP_LISTENS);
		return;
	}
	table_put(fd, stamp_acquired(PROCESS_INHERITED_EPOCH, STAMP_SHARED));
	tree_arrived(sockprobe_cookie(fd)); /* first: the note finds us among the users */
	use_note(fd, STAMP_USE_POLL);
}

static void for_each_descriptor(struct msghdr *message, void (*act)(int fd))
{
	for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header != NULL;
	     header = CMSG_NXTHDR(message, header)) {
		const char *end = (const char *)message->msg_control + message->msg_controllen;
		size_t room = (size_t)(end - (const char *)header);
		size_t count;

		/* Lengths that the kernel will refuse are not followed. */
		if (header->cmsg_len < CMSG_LEN(0) || header->cmsg_len > room) {
			return;
		}
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
