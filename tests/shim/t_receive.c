/* SPDX-License-Identifier: MIT */
/*
 * Every receive function sees the EOF: a child reads to the end with it, closes, and the peer must
 * read EOF although the parent keeps its copy. And the zeros that are not an EOF.
 */
#include "scripts.h"
#include "shim.h"

#define SEES(reader, writer)                                                                       \
	LEAK "c send 300; c half; a echo " reader " " writer " -> 300; c recv 300;"                \
	     "a letgo close; c heal;" END

/* Closed without a word of EOF while the parent is blocked elsewhere: nobody may cut it. */
#define NO_EOF(deeds) LEAK "c half;" deeds "a letgo close; c held;" END

/* A row is a story, and breaks where it breathes. */
/* clang-format off */
const struct test receive_tests[] = {
	{ .name = "eof_by_read_is_answered_with_fin",
	  .script = SEES("read", "write"), .flags = IN_MUSL },
	{ .name = "eof_by_readv_is_answered_with_fin",
	  .script = SEES("readv", "write"), .flags = IN_MUSL },
	{ .name = "eof_by_recv_is_answered_with_fin",
	  .script = SEES("recv", "write"), .flags = IN_MUSL },
	{ .name = "eof_by_recvfrom_is_answered_with_fin",
	  .script = SEES("recvfrom", "write") },
	{ .name = "eof_by_recvmsg_is_answered_with_fin",
	  .script = SEES("recvmsg", "write") },
	{ .name = "eof_by_recvmmsg_is_answered_with_fin",
	  .script = SEES("recvmmsg", "write") },
	{ .name = "eof_by_read_alias_is_answered_with_fin",
	  .script = SEES("__read", "write"), .rows = "A8" },
	{ .name = "eof_by_read_chk_is_answered_with_fin",
	  .script = SEES("__read_chk", "write"), .rows = "A9" },
	{ .name = "eof_by_recv_chk_is_answered_with_fin",
	  .script = SEES("__recv_chk", "write"), .rows = "A9" },
	{ .name = "eof_by_recvfrom_chk_is_answered_with_fin",
	  .script = SEES("__recvfrom_chk", "write"), .rows = "A9" },
	{ .name = "eof_by_waitall_recv_is_answered_with_fin",
	  .script = SEES("recv_waitall", "write") },
	{ .name = "eof_by_syscall_read_is_answered_with_fin",
	  .script = SEES("syscall", "write"), .rows = "B14" },
	{ .name = "eof_after_poll_on_nonblocking_is_answered_with_fin",
	  .script = SEES("poll", "write") },
	{ .name = "eof_after_select_on_nonblocking_is_answered_with_fin",
	  .script = SEES("select", "write") },
	{ .name = "eof_after_epoll_on_nonblocking_is_answered_with_fin",
	  .script = SEES("epoll", "write") },
	{ .name = "eof_after_peeks_and_empty_reads_is_answered_with_fin",
	  .script = SEES("peek_then_read", "write"), .rows = "D11" },
	{ .name = "eof_of_a_discard_child_is_answered_with_fin",
	  .script = LEAK "c send 300; c half; a echo read nothing -> 300; a letgo close;"
	  "P wait poll; c heal;" END,
	  .env = "SENDFIN_POLICY=eager" },
	{ .name = "eof_of_an_empty_conversation_is_answered_with_fin",
	  .script = LEAK "c half; a read read 10 -> 0; a write write 5; c recv 5; a letgo close;"
	  "c heal;" END },
	{ .name = "all_data_read_then_fin_unread_counts_as_eof",
	  .script = LEAK "c send 100; a readn read 100 -> 100; a write write 100; c recv 100;"
	  "c half;"
	  "a letgo close; c heal;" END },
	{ .name = "eof_read_twice_is_one_eof",
	  .script = LEAK "c half; a read read 10 -> 0; a read recv 10 -> 0; a write write 5;"
	  "c recv 5;"
	  "a letgo close; c heal;" END },
	{ .name = "a_peer_that_closed_fully_is_answered_with_fin",
	  .script = LEAK "c send 100; a readn read 100; a write write 100; c recv 100; c close;"
	  "a read read 10 -> 0; a letgo close; c heal;" END },

	{ .name = "an_empty_read_is_no_eof",
	  .script = NO_EOF("a read zero_read 9 -> 0; a write write 5; c recv 5;"), .rows = "D11" },
	{ .name = "an_empty_readv_is_no_eof",
	  .script = NO_EOF("a read zero_readv 9 -> 0; a write write 5; c recv 5;"), .rows = "D11" },
	{ .name = "an_empty_recv_is_no_eof",
	  .script = NO_EOF("a read zero_recv 9 -> 0; a write write 5; c recv 5;"), .rows = "D11" },
	{ .name = "an_empty_recvmsg_is_no_eof",
	  .script = NO_EOF("a read zero_recvmsg 9 -> 0; a write write 5; c recv 5;"),
	  .rows = "D11" },
	{ .name = "a_peeked_eof_is_no_eof",
	  .script = NO_EOF("a read zero_peek 9 -> 0; a write write 5; c recv 5;"), .rows = "D11" },
	{ .name = "a_writer_that_never_read_is_no_eof",
	  .script = NO_EOF("a write write 5; c recv 5;") },
	{ .name = "the_zero_after_own_shut_rd_is_no_eof",
	  .script = LEAK "a shut rd -> 0; a read read 9 -> 0; a write write 5; c recv 5; c half;"
	  "a letgo close; c held;" END },
	{ .name = "unread_bytes_in_the_queue_are_no_eof",
	  .script = LEAK "c send 100; a readn read 10 -> 10; a write write 10; c recv 10; c half;"
	  "a letgo close; c held;" END },
	{ .name = "an_eof_read_before_the_fork_does_not_count",
	  .script = "P listen 4; c connect; P accept; c send 10; c half; P echo read write -> 10;"
	  "c recv 10;"
	  "P fork fork a; a letgo close; c held; a! letgo _exit; P reap a; c held;"
	  "P letgo close; c ended;" },
	{ .name = NULL },
};
/* clang-format on */
