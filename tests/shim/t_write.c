/* SPDX-License-Identifier: MIT */
/*
 * Every way of sending, and every door of birth: the bytes are the same, and so is the cure.
 */
#include "scripts.h"
#include "shim.h"

/* More than one buffer of it; the FIN must come after the last byte. */
#define WRITES(writer)                                                                             \
	LEAK "a& write " writer " 40000; c recv 40000; a join; c half; a read read 9 -> 0;"        \
	     "a letgo close; c heal;" END

/* A row is a story, and breaks where it breathes. */
/* clang-format off */
const struct test write_tests[] = {
	{ .name = "bytes_by_write_arrive_before_the_fin",
	  .script = WRITES("write") },
	{ .name = "bytes_by_write_alias_arrive_before_the_fin",
	  .script = WRITES("__write"), .rows = "A8" },
	{ .name = "bytes_by_writev_arrive_before_the_fin",
	  .script = WRITES("writev") },
	{ .name = "bytes_by_send_arrive_before_the_fin",
	  .script = WRITES("send") },
	{ .name = "bytes_by_send_alias_arrive_before_the_fin",
	  .script = WRITES("__send"), .rows = "A8" },
	{ .name = "bytes_by_sendto_arrive_before_the_fin",
	  .script = WRITES("sendto") },
	{ .name = "bytes_by_sendmsg_arrive_before_the_fin",
	  .script = WRITES("sendmsg") },
	{ .name = "bytes_by_sendmmsg_arrive_before_the_fin",
	  .script = WRITES("sendmmsg") },
	{ .name = "bytes_by_sendfile_arrive_before_the_fin",
	  .script = WRITES("sendfile") },
	{ .name = "bytes_by_splice_arrive_before_the_fin",
	  .script = WRITES("splice") },
	{ .name = "bytes_by_syscall_write_arrive_before_the_fin",
	  .script = WRITES("syscall"), .rows = "B14" },
	{ .name = "bytes_still_in_the_send_queue_arrive_before_the_fin",
	  .script = LEAK "c half; a read read 9 -> 0; a write write 100000; a letgo close;"
	  "c recv 100000; c heal;" END },
	{ .name = NULL },
};
/* clang-format on */

#define BORN(door)     LEAK_ON("4", door) SERVE "a letgo close; c heal;" END
#define ORPHANED(door) LEAK_ON("4", door) SERVE "a letgo close; c heal; a! letgo exit; w reap"

/* A row is a story, and breaks where it breathes. */
/* clang-format off */
const struct test birth_tests[] = {
	{ .name = "a_child_of_fork_sends_the_fin",
	  .script = BORN("fork") },
	{ .name = "a_child_of_fork_alias_sends_the_fin",
	  .script = BORN("__fork"), .rows = "A8" },
	{ .name = "a_child_of__Fork_sends_the_fin",
	  .script = BORN("_Fork"), .rows = "C5", .flags = IN_MUSL },
	{ .name = "a_child_of_syscall_fork_sends_the_fin",
	  .script = BORN("sys_fork"), .rows = "B14 C5" },
	{ .name = "a_child_of_syscall_clone_sends_the_fin",
	  .script = BORN("sys_clone"), .rows = "B14 C5" },
	{ .name = "a_child_of_clone_sends_the_fin",
	  .script = BORN("clone"), .rows = "C5", .flags = IN_MUSL },
	{ .name = "a_child_of_forkpty_sends_the_fin",
	  .script = BORN("forkpty"), .rows = "C5" },
	{ .name = "a_grandchild_of_a_double_fork_sends_the_fin",
	  .script = ORPHANED("double") },
	{ .name = "a_daemonized_child_sends_the_fin",
	  .script = ORPHANED("daemon"), .rows = "B8 C5" },
	{ .name = "a_child_forked_in_a_thread_sends_the_fin",
	  .script = "P listen 4; c connect; P accept; P! thread fork fork a; t join;" SERVE
	  "a letgo close; c heal;" END },
	{ .name = "a_handler_of_fork_and_exec_on_012_sends_the_fin",
	  .script = "P listen 4; c connect; P accept; P handler fork a; a join;" SERVE
	  "a! letgo exit; P reap a -> exit=3; c heal", .rows = "B13", .flags = IN_MUSL },
	{ .name = "a_handler_of_vfork_and_exec_on_012_sends_the_fin",
	  .script = "P listen 4; c connect; P accept; P handler vfork a; a join;" SERVE
	  "a! letgo exit; P reap a -> exit=3; c heal", .rows = "B13 C9", .flags = IN_MUSL },
	{ .name = "a_handler_of_posix_spawn_on_012_sends_the_fin",
	  .script = "P listen 4; c connect; P accept; P handler spawn a; a join;" SERVE
	  "a! letgo exit; P reap a -> exit=3; c heal", .rows = "A7 B10 B13" },
	{ .name = "a_child_that_execs_itself_on_012_sends_the_fin",
	  .script = LEAK "a exec 012;" SERVE "a! letgo return; P reap a -> exit=3; c heal",
	  .rows = "B12" },
	{ .name = "a_child_of_a_prefork_worker_sends_the_fin",
	  .script = "P listen 4; P fork fork a; c connect; a accept; a fork fork b;"
	  "c send 50; c half; b echo read write -> 50; c recv 50; b letgo close; c heal;"
	  "b! letgo _exit; a reap b -> exit=3;" END },
	{ .name = "a_second_generation_sends_the_fin",
	  .script = LEAK "a fork fork b; a letgo close; c send 50; c half; b echo read write;"
	  "c recv 50;"
	  "b letgo close; c heal; b! letgo _exit; a reap b -> exit=3;" END },
	{ .name = "vfork_shares_memory_and_returns_twice_a_hundred_times",
	  .script = "P vfork-memory -> 100", .rows = "C9 C11", .flags = IN_MUSL },
	{ .name = "the_shim_works_after_a_hundred_vforks",
	  .script = "P listen 4; c connect; P accept; P vfork-memory -> 100; P fork fork a;" SERVE
	  "a letgo close; c heal;" END, .rows = "C9 C10" },
	{ .name = "the_child_of_a_child_that_vforked_sends_the_fin",
	  .script = LEAK "a helper vfork_exec loop;" SERVE "a helper vfork close_range;"
	  "a letgo close; c heal;"
	  END, .rows = "C9 C10" },
	{ .name = NULL },
};
/* clang-format on */
