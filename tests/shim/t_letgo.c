/* SPDX-License-Identifier: MIT */
/*
 * Every way of letting go, and every way of making a second descriptor: the FIN goes out with the
 * child's last descriptor, not before, not later.
 */
#include "scripts.h"
#include "shim.h"

/* Ways that return: the child is alive and idle when the peer must read EOF. */
#define LETS_GO(way) LEAK SERVE "a letgo " way " -> 0; c heal;" END

/* Ways that end the process: its status must be its own. */
#define ENDS(way) LEAK SERVE "a! letgo " way "; P reap a -> exit=3; c heal;"

/* A row is a story, and breaks where it breathes. */
/* clang-format off */
const struct test letgo_tests[] = {
	{ .name = "close_sends_the_fin",
	  .script = LETS_GO("close"), .flags = IN_MUSL },
	{ .name = "close_alias_sends_the_fin",
	  .script = LETS_GO("__close"), .rows = "A8" },
	{ .name = "close_range_of_one_sends_the_fin",
	  .script = LETS_GO("close_range"), .rows = "B6" },
	{ .name = "close_range_of_all_sends_the_fin",
	  .script = LETS_GO("close_range_all"), .rows = "B6" },
	{ .name = "closefrom_sends_the_fin",
	  .script = LETS_GO("closefrom"), .rows = "B6" },
	{ .name = "a_close_loop_sends_the_fin",
	  .script = LETS_GO("loop"), .rows = "B7", .flags = IN_MUSL },
	{ .name = "dup2_over_it_sends_the_fin",
	  .script = LETS_GO("dup2"), .flags = IN_MUSL },
	{ .name = "dup2_alias_over_it_sends_the_fin",
	  .script = LETS_GO("__dup2"), .rows = "A8" },
	{ .name = "dup3_over_it_sends_the_fin",
	  .script = LETS_GO("dup3") },
	{ .name = "syscall_close_sends_the_fin",
	  .script = LETS_GO("syscall"), .rows = "B14", .flags = IN_MUSL },
	{ .name = "syscall_close_range_sends_the_fin",
	  .script = LETS_GO("syscall_close_range"), .rows = "B14" },
	{ .name = "syscall_dup2_over_it_sends_the_fin",
	  .script = LETS_GO("syscall_dup2"), .rows = "B14" },
	{ .name = "exit_sends_the_fin",
	  .script = ENDS("exit"), .rows = "B11", .flags = IN_MUSL },
	{ .name = "_exit_sends_the_fin",
	  .script = ENDS("_exit"), .flags = IN_MUSL },
	{ .name = "_Exit_sends_the_fin",
	  .script = ENDS("_Exit") },
	{ .name = "quick_exit_sends_the_fin",
	  .script = ENDS("quick_exit"), .rows = "A6 B11" },
	{ .name = "return_from_main_sends_the_fin",
	  .script = ENDS("return"), .rows = "B11", .flags = IN_MUSL },
	{ .name = "syscall_exit_group_sends_the_fin",
	  .script = ENDS("syscall_exit_group"), .rows = "B14" },
	{ .name = "a_close_in_an_atexit_handler_sends_the_fin",
	  .script = ENDS("atexit"), .rows = "A19" },
	{ .name = "exit_of_the_last_thread_sends_the_fin",
	  .script = ENDS("last_thread") },
	{ .name = "a_close_in_another_thread_sends_the_fin",
	  .script = LEAK SERVE "a! thread letgo close; t join -> 0; c heal;" END },
	{ .name = "a_conversation_in_another_thread_sends_the_fin",
	  .script = LEAK "a! thread echo read write; c send 300; c recv 300; c half; t join -> 300;"
	  "a letgo close; c heal;" END },
	{ .name = "an_exec_that_drops_the_connection_changes_nothing_else",
	  .script = LEAK SERVE "a! letgo exec_cloexec; P reap a -> exit=3; P letgo close;"
	  "c ended" },
	{ .name = "a_failed_exec_changes_nothing",
	  .script = LEAK "a misexec -> -1 errno=2;" SERVE "a letgo close; c heal;" END,
	  .rows = "B12" },
	{ .name = NULL },
};
/* clang-format on */

#define ALIAS(how)                                                                                 \
	LEAK SERVE "a alias " how "; a letgo close -> 0; c held; a sel 1; a letgo close -> 0;"     \
		   "c heal;" END

/* A row is a story, and breaks where it breathes. */
/* clang-format off */
const struct test alias_tests[] = {
	{ .name = "no_fin_while_a_dup_is_left",
	  .script = ALIAS("dup"), .flags = IN_MUSL },
	{ .name = "no_fin_while_a_dup2_is_left",
	  .script = ALIAS("dup2") },
	{ .name = "no_fin_while_a_dup2_alias_is_left",
	  .script = ALIAS("__dup2"), .rows = "A8" },
	{ .name = "no_fin_while_a_dup3_is_left",
	  .script = ALIAS("dup3") },
	{ .name = "no_fin_while_an_f_dupfd_is_left",
	  .script = ALIAS("F_DUPFD"), .rows = "B15", .flags = IN_MUSL },
	{ .name = "no_fin_while_an_f_dupfd_cloexec_is_left",
	  .script = ALIAS("F_DUPFD_CLOEXEC"), .rows = "B15" },
	{ .name = "no_fin_while_an_fcntl64_dup_is_left",
	  .script = ALIAS("fcntl64"), .rows = "A10" },
	{ .name = "no_fin_while_an_fcntl_alias_dup_is_left",
	  .script = ALIAS("__fcntl"), .rows = "A8" },
	{ .name = "no_fin_while_a_syscall_dup_is_left",
	  .script = ALIAS("syscall"), .rows = "B14" },
	{ .name = "a_dup_made_before_the_fork_counts",
	  .script = "P listen 4; c connect; P accept; P alias dup; P fork fork a;" SERVE
	  "a letgo close; c held; a sel 1; a letgo close; c heal;" END },
	{ .name = "an_eof_read_through_the_dup_counts",
	  .script = LEAK "c send 300; c half; a alias dup; a sel 1; a echo read write -> 300;"
	  "c recv 300;"
	  "a letgo close; c held; a sel 0; a letgo close; c heal;" END },
	{ .name = "a_dup_onto_itself_changes_nothing",
	  .script = LEAK SERVE "a misdup self; c held; a letgo close; c heal;" END, .rows = "E4" },
	{ .name = "a_dup3_onto_itself_changes_nothing",
	  .script = LEAK SERVE "a misdup self3 -> -1 errno=22; c held; a letgo close; c heal;"
	  END },
	{ .name = "a_dup3_with_bad_flags_changes_nothing",
	  .script = LEAK SERVE "a misdup flags3 -> -1 errno=22; c held; a letgo close; c heal;"
	  END },
	{ .name = "a_dup2_of_a_closed_number_changes_nothing",
	  .script = LEAK SERVE "a misdup ebadf -> -1 errno=9; c held; a letgo close; c heal;" END,
	  .flags = IN_MUSL },
	{ .name = "exit_with_two_descriptors_sends_the_fin",
	  .script = LEAK SERVE "a alias dup; a! letgo exit; P reap a -> exit=3; c heal" },
	{ .name = "close_range_over_both_descriptors_sends_the_fin",
	  .script = LEAK SERVE "a alias F_DUPFD; a letgo close_range_all; c heal;" END,
	  .rows = "B6" },
	{ .name = NULL },
};
/* clang-format on */
