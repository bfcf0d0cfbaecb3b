/* SPDX-License-Identifier: MIT */
/*
 * The program must not be able to tell: errno, results, numbers, environment, signals, jumps,
 * cancellation. What plain libc does is the expectation; the logs of both runs must be equal.
 */
#include "scripts.h"
#include "shim.h"

/* A row is a story, and breaks where it breathes. */
/* clang-format off */
const struct test plain_tests[] = {
	{ .name = "errno_of_every_failing_call_is_libcs_own",
	  .script = "P errno-bad", .rows = "D7 D8", .flags = IN_MUSL },
	{ .name = "errno_of_failing_calls_is_libcs_own_in_a_child",
	  .script = LEAK "a errno-bad;" SERVE "a errno-bad; a letgo close; c heal;" END,
	  .rows = "D7 D8" },
	{ .name = "errno_stays_untouched_on_success",
	  .script = LEAK "c send 40; a errno-good; P errno-good; c half; a readn read 100;"
	  "a letgo close", .rows = "D7",
	  .flags = IN_MUSL },
	{ .name = "descriptors_at_main_are_the_same",
	  .script = "P fds -> fds 0 1 2 3 4 5 6", .rows = "E1 E3",
	  .flags = IN_MUSL },
	{ .name = "descriptors_after_fork_are_the_same",
	  .script = LEAK "P fds; a fds; c half; a read read 9; a letgo close; a fds; P fds;" END,
	  .rows = "E3" },
	{ .name = "descriptors_after_exec_are_the_same",
	  .script = LEAK "a exec keep; a fds; P fds;", .rows = "E3" },
	{ .name = "descriptors_after_exec_on_012_are_the_same",
	  .script = LEAK "a exec 012; a fds;", .rows = "E2 E3" },
	{ .name = "closed_numbers_are_given_out_again_in_order",
	  .script = "P pair pipe; P pair unix; P sel 0; P letgo close; P sel 1; P letgo close;"
	  "P pair udp; P fds",
	  .rows = "E3" },
	{ .name = "the_environment_is_intact",
	  .script = "P env", .rows = "E8", .flags = IN_MUSL },
	{ .name = "the_environment_is_intact_after_fork_and_exec",
	  .script = LEAK "a env; a exec keep; a env; a exec keep; a env", .rows = "E8" },
	{ .name = "six_arguments_pass_through_syscall",
	  .script = "P syscall6 -> six arguments", .rows = "B14",
	  .flags = IN_MUSL },
	{ .name = "main_returns_its_own_status",
	  .script = "P! letgo return" },
	{ .name = "exit_has_its_own_status",
	  .script = "P! letgo exit" },
	{ .name = "a_signal_death_has_its_own_status",
	  .script = "P! raise 15" },
	{ .name = "a_segfault_has_its_own_status",
	  .script = "P! raise 11" },
	{ .name = "sigpipe_is_raised_by_a_write_to_a_closed_pipe",
	  .script = "P pair pipe; P fork fork a; P letgo close; a letgo close; a sel 1; P sel 1;"
	  "P letgo close;"
	  "a! write write 5; P reap a -> signal=13" },
	{ .name = NULL },
};
/* clang-format on */

#define THEN_HEAL SERVE "a letgo close; c heal;" END

/* A row is a story, and breaks where it breathes. */
/* clang-format off */
const struct test signal_tests[] = {
	{ .name = "a_blocked_read_is_interrupted_as_ever",
	  .script = LEAK "a eintr read -> -1 eintr=1;" THEN_HEAL, .rows = "D9", .flags = IN_MUSL },
	{ .name = "a_blocked_recv_is_interrupted_as_ever",
	  .script = LEAK "a eintr recv -> -1 eintr=1;" THEN_HEAL,
	  .rows = "D9" },
	{ .name = "a_blocked_readv_is_interrupted_as_ever",
	  .script = LEAK "a eintr readv -> -1 eintr=1;" THEN_HEAL,
	  .rows = "D9" },
	{ .name = "a_blocked_recvmsg_is_interrupted_as_ever",
	  .script = LEAK "a eintr recvmsg -> -1 eintr=1;" THEN_HEAL,
	  .rows = "D9" },
	{ .name = "a_nonblocking_recv_says_eagain_as_ever",
	  .script = LEAK "a read recv_dontwait 9 -> -1 errno=11;" THEN_HEAL, .rows = "D7 D10" },
	{ .name = "a_thousand_jumps_out_of_read_do_no_harm",
	  .script = LEAK "a longjmp 1000 -> left=0;" THEN_HEAL, .rows = "D3", .flags = IN_MUSL },
	{ .name = "a_close_in_a_signal_handler_sends_the_fin",
	  .script = LEAK SERVE "a sigclose -> 0; c heal;" END, .rows = "D1" },
	{ .name = "a_storm_of_dups_in_a_handler_does_no_harm",
	  /* a handler on top of the bookkeeping gives up: nothing may be cut, no cure is claimed */
	  .script = LEAK "a! thread storm read write; c send 3000; c recv 3000; c half;"
	  "t join -> 3000; c held; a letgo close -> 0; P letgo close -> 0; c ended;" END,
	  .rows = "D1 D7" },
	{ .name = "a_thread_cancelled_in_read_does_no_harm",
	  .script = LEAK "a cancel -> cancelled=1;" THEN_HEAL, .rows = "D4 D6" },
	{ .name = "close_is_still_a_cancellation_point",
	  .script = LEAK "c send 300; c half; a echo read write; c recv 300;"
	  "a cancel-close -> cancelled=1;",
	  .rows = "D4 D5" },
	{ .name = NULL },
};
/* clang-format on */
