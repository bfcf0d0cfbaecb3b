/* SPDX-License-Identifier: MIT */
/*
 * Strange but legal programs: descriptors sent over sockets, handlers around fork, races, tiny
 * stacks, sandboxes, every function of the exec family.
 */
#include "scripts.h"
#include "shim.h"

#define THEN_HEAL SERVE "a letgo close; c heal;" END

/* Eleven and twelve must arrive, and so must the environment, own or inherited. */
#define IMAGE(how, environment)                                                                    \
	LEAK "a image " how " -> 12 1 twelve " environment "; P reap a -> exit=3; P letgo close;"  \
	     "c ended"

/* A row is a story, and breaks where it breathes. */
/* clang-format off */
const struct test strange_tests[] = {
	{ .name = "a_connection_sent_to_a_worker_is_not_cut_by_the_sender",
	  .script = "P pair unix; P fork fork a; P listen 4; c connect; P accept; P sendfd 0;"
	  "a recvfd 1; c send 10; c half; P letgo close; c held; a echo read write; c recv 10;"
	  "a& write write 1000000; c recv 1000000; a join; a letgo close; c ended;" END,
	  .rows = "B13" },
	{ .name = "a_connection_sent_after_its_eof_was_read_is_not_cut_by_the_sender",
	  .script = "P pair unix; P fork fork a; P listen 4; c connect; P accept; c send 10;"
	  "c half; P readn read 10; P read read 9 -> 0; P sendfd 0; P letgo close; c held;"
	  "a recvfd 1; a write write 100; c recv 100; a letgo close; c ended;" END,
	  .rows = "B13" },
	{ .name = "fork_handlers_that_dup_and_close_do_no_harm",
	  .script = "P listen 4; c connect; P accept; P atfork -> 0; P fork fork a;"
	  "P helper fork loop; a helper fork loop; c open;" THEN_HEAL, .rows = "C3" },
	{ .name = "forks_in_a_signal_handler_do_no_harm",
	  .script = LEAK "a sigfork 20 -> 20; P sigfork 20 -> 20;" THEN_HEAL, .rows = "C7 C8" },
	{ .name = "a_chain_of_fifty_forks_does_no_harm",
	  .script = LEAK "a chain -> 50;" THEN_HEAL, .rows = "C4", .flags = IN_MUSL },
	{ .name = "a_thread_that_races_with_forks_does_no_harm",
	  .script = LEAK "a race 1 -> bad=0; c open;" THEN_HEAL, .rows = "C1 C17",
	  .flags = IN_MUSL },
	/* They fight for its bookkeeping, which may be given up; so no cure is claimed. */
	{ .name = "three_threads_that_race_with_forks_do_not_cut",
	  .script = LEAK "a race 3 -> bad=0; c open;" SERVE "a race 3 -> bad=0; c held;"
	  "a& write write 1000000; c recv 1000000; a join; P letgo close; c held;"
	  "a letgo close; c ended;" END, .rows = "C1 C16 C17", .flags = IN_MUSL },
	{ .name = "a_close_on_the_smallest_stack_sends_the_fin",
	  .script = LEAK SERVE "a smallclose -> 0; c heal;" END, .rows = "D12",
	  .flags = IN_MUSL },
	{ .name = "close_range_that_only_marks_closes_nothing",
	  .script = LEAK SERVE "a range cloexec -> 0; c held; a letgo close; c heal;" END,
	  .rows = "B6" },
	{ .name = "close_range_of_libc_that_only_marks_closes_nothing",
	  .script = LEAK SERVE "a range libc_cloexec -> 0; c held; a letgo close; c heal;" END,
	  .rows = "B6" },
	{ .name = "a_reversed_close_range_closes_nothing",
	  .script = LEAK SERVE "a range reversed -> -1 errno=22; c held; a letgo close;"
	  "c heal;" END,
	  .rows = "B6" },
	{ .name = "a_close_range_with_bad_flags_closes_nothing",
	  .script = LEAK SERVE "a range flags -> -1 errno=22; c held; a letgo close; c heal;" END,
	  .rows = "B6" },
	{ .name = "a_close_range_beside_it_closes_nothing",
	  .script = LEAK SERVE "a range beside -> 0; c held; a letgo close; c heal;" END,
	  .rows = "B6" },
	{ .name = "every_kind_of_fcntl_argument_passes_through",
	  .script = LEAK "a fcntls; P fcntls;" THEN_HEAL, .rows = "B15", .flags = IN_MUSL },
	{ .name = "after_prctl_seccomp_no_call_of_our_own",
	  .script = LEAK "a seccomp prctl -> 0;" SERVE "a letgo close; c stuck;" END,
	  .rows = "E10" },
	{ .name = "after_syscall_seccomp_no_call_of_our_own",
	  .script = LEAK "a seccomp syscall -> 0;" SERVE "a letgo close; c stuck;" END,
	  .rows = "E10" },
	{ .name = "born_into_a_sandbox_no_call_of_our_own",
	  .script = LEAK "a seccomp prctl -> 0; a fork fork b; c send 300; c half;"
	  "b echo read write; c recv 300; b letgo close; c stuck; b! letgo exit;"
	  "a reap b -> exit=3;" END, .rows = "E10" },
	{ .name = "execd_into_a_sandbox_no_call_of_our_own",
	  .script = LEAK "a seccomp prctl -> 0; a exec 012;" SERVE
	  "a! letgo exit; P reap a -> exit=3; c stuck", .rows = "E10" },
	{ .name = "execd_into_a_sandbox_with_a_thousand_groups",
	  .script = LEAK "a groups 1000; a seccomp prctl -> 0; a exec 012;" SERVE
	  "a! letgo exit; P reap a -> exit=3; c stuck", .rows = "E10" },
	{ .name = "a_sandbox_in_a_child_leaves_the_parent_well",
	  .script = LEAK "P fork fork b; b seccomp prctl -> 0;" THEN_HEAL, .rows = "E10",
	  .env = "SENDFIN_POLICY=eager" },
	{ .name = "execl_passes_all_its_arguments", .script = IMAGE("execl", "inherited"),
	  .rows = "B12", .flags = IN_MUSL },
	{ .name = "execlp_passes_all_its_arguments", .script = IMAGE("execlp", "inherited"),
	  .rows = "B12", .flags = IN_MUSL },
	{ .name = "execle_passes_all_its_arguments", .script = IMAGE("execle", "given"),
	  .rows = "B12", .flags = IN_MUSL },
	{ .name = "execv_passes_all_its_arguments", .script = IMAGE("execv", "inherited"),
	  .rows = "B12" },
	{ .name = "execvp_passes_all_its_arguments", .script = IMAGE("execvp", "inherited"),
	  .rows = "B12" },
	{ .name = "execvpe_passes_all_its_arguments", .script = IMAGE("execvpe", "given"),
	  .rows = "B12" },
	{ .name = "execve_passes_all_its_arguments", .script = IMAGE("execve", "given"),
	  .rows = "B12" },
	{ .name = "fexecve_passes_all_its_arguments", .script = IMAGE("fexecve", "given"),
	  .rows = "B12" },
	{ .name = "execveat_passes_all_its_arguments", .script = IMAGE("execveat", "given"),
	  .rows = "B12" },
	{ .name = "syscall_execve_passes_all_its_arguments", .script = IMAGE("syscall", "given"),
	  .rows = "B12 B14" },
	{ .name = "an_image_without_the_shim_is_not_cut",
	  .script = LEAK "a image-of-self scrubbed; c send 10; c half; P letgo close; c held;"
	  "a echo read write; c recv 10; a letgo close; c ended;" END, .rows = "E11" },
	{ .name = "a_parent_that_served_is_cut_off_by_no_blind_image",
	  .script = LEAK "P fork fork b; b image-of-self scrubbed; c send 10; c half;"
	  "b letgo close; c held; a echo read write; c recv 10; a write write 90; c recv 90;"
	  "a letgo close; c heal;" END, .rows = "E11",
	  .env = "SENDFIN_POLICY=eager" },
	{ .name = "an_image_with_nothing_on_012_keeps_its_numbers",
	  .script = LEAK "a image-of-self closed; a fds;" THEN_HEAL, .rows = "E2",
	  .flags = IN_MUSL },
	{ .name = "a_descriptor_as_high_as_allowed_is_healed",
	  .script = "P nofile hard; P listen 4; c connect; P accept; P move 4000 -> 4000;"
	  "P fork fork a;" THEN_HEAL, .rows = "E5" },
	{ .name = NULL },
};
/* clang-format on */
