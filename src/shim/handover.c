/* SPDX-License-Identifier: MIT */
/*
 * The walk over control messages is cmsg(3)'s; truncated ones end it. What is about to be
 * sent the kernel has not looked at yet, so whether it can be read is asked before.
 */
#include "shim/handover.h"

#include <stddef.h>
#include <string.h>

#include "shim/places.h"
#include "shim/process.h"
#include "shim/readable.h"
#include "shim/table.h"
#include "shim/tree.h"
#include "shim/use.h"
#include "sys/sockprobe.h"

enum {
	/* Bytes of control data; the kernel's limit (optmem_max) is of this size. */
	CONTROL_MAX = 128 * 1024,
	/* The most messages that one sendmmsg takes (UIO_MAXIOV). */
	MESSAGES_MAX = 1024,
};

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

/* True when it is a connection: then its stamp says that others hold it, too. */
static bool is_new_copy(int fd)
{
	table_forget(fd); /* whatever had this number before */
	places_forget(fd);
	if (!sockprobe_is_tcp(fd)) {
		return false;
	}
	if (sockprobe_is_listening(fd)) {
		table_put(fd, STAMP_LISTENS);
		return false;
	}
	table_put(fd, stamp_acquired(PROCESS_INHERITED_EPOCH, STAMP_SHARED));
	return true;
}

static void arrive(int fd)
{
	if (is_new_copy(fd)) {
		tree_arrived(sockprobe_cookie(fd)); /* first: the note finds us among the users */
		use_note(fd, STAMP_USE_POLL);
	}
}

/* Nobody sent it: no phantom's place is taken. */
__attribute__((noinline, cold)) void handover_taken(int fd)
{
	if (process_may_act() && is_new_copy(fd)) {
		tree_received();
		use_note(fd, STAMP_USE_POLL);
	}
}

/* CMSG_NXTHDR() may be a call, when it is not inlined, of a function that musl has not. */
static struct cmsghdr *behind(const struct cmsghdr *header, size_t room)
{
	size_t step = CMSG_ALIGN(header->cmsg_len);

	return step <= room && room - step >= sizeof(*header)
		       ? (struct cmsghdr *)((uintptr_t)header + step)
		       : NULL;
}

static void for_each_descriptor(struct msghdr *message, void (*act)(int fd))
{
	const struct cmsghdr *next;

	for (const struct cmsghdr *header = CMSG_FIRSTHDR(message); header != NULL; header = next) {
		const char *end = (const char *)message->msg_control + message->msg_controllen;
		size_t room = (size_t)(end - (const char *)header);
		size_t count;

		/* Lengths that the kernel will refuse are not followed. */
		if (header->cmsg_len < CMSG_LEN(0) || header->cmsg_len > room) {
			return;
		}
		next = behind(header, room);
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
	struct msghdr copy;

	if (!process_may_act() || !readable(message, sizeof(*message))) {
		return;
	}
	copy = *message;
	if (copy.msg_controllen > 0 && copy.msg_controllen <= CONTROL_MAX &&
	    readable(copy.msg_control, copy.msg_controllen)) {
		for_each_descriptor(&copy, send_away);
	}
}

__attribute__((noinline, cold)) void handover_sending_many(const struct mmsghdr *messages,
							   unsigned int count)
{
	size_t known = count < MESSAGES_MAX ? count : MESSAGES_MAX;

	if (!process_may_act()) {
		return;
	}
	known = readable_count(messages, known, sizeof(*messages));
	for (size_t i = 0; i < known; i++) {
		if (messages[i].msg_hdr.msg_controllen > 0) {
			handover_sending(&messages[i].msg_hdr);
		}
	}
}

__attribute__((noinline, cold)) void handover_received(struct msghdr *message)
{
	if (process_may_act()) {
		for_each_descriptor(message, arrive);
	}
}
