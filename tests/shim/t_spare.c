/* SPDX-License-Identifier: MIT */
/*
 * The opposite tests: connections that must not be cut, for somebody still serves them. A shim that
 * sends a FIN at every close fails here.
 */
#include "scripts.h"
#include "shim.h"

/* The helper dies with every descriptor while the child is in the middle of the conversation. */
#define SPARES(helper)                                                                             \
	LEAK "c send 100; a readn read 100; a write write 100; c recv 100; c half;"                \
	     "P helper " helper "; c held; a write write 200; c recv 200; a read read 9 -> 0;"     \
	     "a letgo close; c heal;" END

/* Ten megabytes to a half-closed client, while `deeds` happen in the parent. */
#define STREAM(deeds)                                                                              \
	LEAK "c send 5; a readn read 5; c half; a& write write 10000000; c recv 1000000;" deeds    \
	     "c recv 9000000; a join; c held; a read read 9 -> 0; a letgo close;"

/* A row is a story, and breaks where it breathes. */
/* clang-format off */
const struct test spare_tests[] = {
	{ .name = "a_sibling_that_never_used_it_may_close",
	  .script = LEAK "P fork fork b; c send 10; c half; b letgo close; c held;"
	  "a echo read write; c recv 10; b! letgo _exit; P reap b -> exit=3; c held;"
	  "a letgo close; c heal;" END, .flags = IN_MUSL },
	{ .name = "a_sibling_that_never_used_it_may_exit",
	  .script = LEAK "P fork fork b; c send 10; c half; b! letgo exit; P reap b -> exit=3;"
	  "c held;"
	  "a echo read write; c recv 10; a letgo close; c heal;" END },
	{ .name = "a_sibling_that_never_used_it_may_dup2_over_it",
	  .script = LEAK "P fork fork b; c send 10; c half; b letgo dup2; c held; b! letgo _exit;"
	  "P reap b;"
	  "a echo read write; c recv 10; a letgo close; c heal;" END },
	{ .name = "a_sibling_that_never_used_it_may_exec",
	  .script = LEAK "P fork fork b; c send 10; c half; b! letgo exec_cloexec;"
	  "P reap b -> exit=3; c held;"
	  "a echo read write; c recv 10; a letgo close; c heal;" END },
	{ .name = "a_parent_that_closes_its_copy_after_fin_does_not_cut",
	  .script = LEAK "c send 10; c half; P letgo close; c held; a echo read write; c recv 10;"
	  "a& write write 1000000; c recv 1000000; a join; c held; a letgo close; c ended;" END,
	  .flags = IN_MUSL },
	{ .name = "a_parent_that_closes_its_copy_early_does_not_cut",
	  .script = LEAK "P letgo close; c open; c send 10; a readn read 10;"
	  "a& write write 1000000;"
	  "c recv 1000000; a join; c half; a read read 9 -> 0; a letgo close; c ended;" END },
	{ .name = "a_parent_that_read_before_the_fork_is_a_bystander",
	  .script = "P listen 4; c connect; P accept; c send 10; P readn read 10;"
	  "P write write 10; c recv 10;"
	  "P fork fork a; c half; P letgo close; c held; a write write 100; c recv 100;"
	  "a read read 9 -> 0; a letgo close; c ended;" END },
	{ .name = "a_parent_that_dies_does_not_cut",
	  .script = LEAK "c send 10; c half; P! letgo exit; a echo read write; c recv 10; c held;"
	  "a letgo close; c ended" },
	{ .name = "ten_megabytes_arrive_while_the_parent_closes",
	  .script = STREAM("P letgo close;") "c ended;" END },
	{ .name = "ten_megabytes_arrive_while_a_forked_helper_closes_all",
	  .script = STREAM("P helper fork loop;") "c heal;" END, .rows = "B7" },
	{ .name = "ten_megabytes_arrive_while_a_vforked_helper_closes_all",
	  .script = STREAM("P helper vfork_exec loop; P helper vfork close_range;") "c heal;" END,
	  .rows = "C10", .flags = IN_MUSL },
	{ .name = "ten_megabytes_arrive_while_spawned_helpers_run",
	  .script = STREAM("P helper spawn; P helper system; P helper popen;") "c heal;" END,
	  .rows = "B10" },
	{ .name = "ten_megabytes_arrive_while_the_sending_child_makes_helpers",
	  .script = LEAK "c send 5; a readn read 5; c half; a! thread write write 10000000;"
	  "c recv 1000000;"
	  "a helper fork loop; a helper vfork loop; a helper system; c recv 9000000; t join;"
	  "a read read 9 -> 0; a letgo close; c heal;" END, .rows = "C10 B10" },
	{ .name = "a_forked_close_loop_does_not_cut",
	  .script = SPARES("fork loop"), .rows = "B7" },
	{ .name = "a_forked_close_range_does_not_cut",
	  .script = SPARES("fork close_range"), .rows = "B6" },
	{ .name = "a_forked_closefrom_does_not_cut",
	  .script = SPARES("fork closefrom"), .rows = "B6" },
	{ .name = "a_forked_dup2_loop_does_not_cut",
	  .script = SPARES("fork dup2") },
	{ .name = "a_forked_close_loop_and_exec_does_not_cut",
	  .script = SPARES("fork_exec loop") },
	{ .name = "a_forked_exit_does_not_cut",
	  .script = SPARES("fork nothing") },
	{ .name = "a_vforked_exit_does_not_cut",
	  .script = SPARES("vfork nothing"), .rows = "C10" },
	{ .name = "a_vforked_close_loop_does_not_cut",
	  .script = SPARES("vfork loop"), .rows = "C10" },
	{ .name = "a_vforked_close_range_does_not_cut",
	  .script = SPARES("vfork close_range"), .rows = "C10" },
	{ .name = "a_vforked_close_loop_and_exec_does_not_cut",
	  .script = SPARES("vfork_exec loop"), .rows = "C10" },
	{ .name = "a_vforked_dup2_loop_does_not_cut",
	  .script = SPARES("vfork dup2"), .rows = "C10" },
	{ .name = "a_vforked_exec_of_an_inheriting_helper_does_not_cut",
	  .script = SPARES("vfork_exec nothing"), .rows = "C10" },
	{ .name = "a_posix_spawned_helper_does_not_cut",
	  .script = SPARES("spawn"), .rows = "B10" },
	{ .name = "a_system_helper_does_not_cut",
	  .script = SPARES("system"), .rows = "B10" },
	{ .name = "a_popen_helper_does_not_cut",
	  .script = SPARES("popen"), .rows = "B10" },
	{ .name = "helpers_of_the_serving_child_do_not_cut",
	  .script = LEAK "c send 100; a readn read 100; a write write 100; c recv 100; c half;"
	  "a helper fork loop; c held; a helper vfork_exec close_range; c held; a helper system;"
	  "c held; a write write 10; c recv 10; a read read 9 -> 0; a letgo close; c heal;" END,
	  .rows = "C10 B10" },
	{ .name = "an_exec_that_keeps_the_connection_does_not_cut",
	  .script = LEAK "c send 10; c half; a exec keep; c held; a echo read write -> 10;"
	  "c recv 10;"
	  "P letgo close; c held; a letgo close; c ended;" END, .rows = "B12" },
	{ .name = "a_server_that_closes_first_does_not_cut",
	  .script = LEAK "c send 10; a readn read 10; a write write 10; c recv 10; a letgo close;"
	  "c open;"
	  END "c open; P letgo close; c ended" },
	{ .name = "a_child_that_dies_of_a_signal_sends_nothing_by_itself",
	  .script = LEAK "c send 10; c half; a echo read write; c recv 10; a! raise 9;"
	  "P reap a -> signal=9;"
	  "c held; P letgo close; c ended", .rows = "B11" },
	{ .name = NULL },
};
/* clang-format on */
