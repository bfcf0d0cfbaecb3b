/* SPDX-License-Identifier: MIT */
/*
 * Kinds of sockets and of servers: families, accept4, the connecting side, private connections,
 * resets, big descriptor numbers; and what is no TCP connection at all.
 */
#include "scripts.h"
#include "shim.h"

#define BIG(number)                                                                                \
	"P nofile 1048576; P listen 4; c connect; P accept; P move " number " -> " number          \
	"; P fork fork a;" SERVE "a letgo close; c heal;" END

/* The child reads what there is and lets go; the parent must find its pair as it was. */
#define NOT_TCP(kind)                                                                              \
	"P pair " kind "; P fork fork a; a write write 5; a sel 1; a letgo close; a sel 0;"        \
	"P eof?; P sel 1; P eof?; a letgo close; P eof?; a! letgo exit; P reap a -> exit=3;"       \
	"P eof?;"                                                                                  \
	"P sel 0; P eof?; P letgo close; P sel 1; P eof?"

/* A row is a story, and breaks where it breathes. */
/* clang-format off */
const struct test net_tests[] = {
	{ .name = "an_ipv6_connection_is_healed",
	  .script = LEAK_ON("6", "fork") SERVE "a letgo close; c heal;" END },
	{ .name = "a_v4_mapped_connection_is_healed",
	  .script = LEAK_ON("46", "fork") SERVE "a letgo close; c heal;" END },
	{ .name = "an_accept4_nonblocking_cloexec_connection_is_healed",
	  .script = "P listen 4; c connect; P accept accept4; P fork fork a; c send 300; c half;"
	  "a echo poll write -> 300; c recv 300; a letgo close; c heal;" END, .flags = IN_MUSL },
	{ .name = "a_connected_client_socket_is_healed",
	  .script = "c listen; P connect; c accept; P fork fork a;" SERVE "a letgo close; c heal;"
	  END,
	  .env = "SENDFIN_POLICY=eager" },
	{ .name = "an_ipv6_ipv4_dual_stack_parent_goes_on_accepting",
	  .script = LEAK_ON("46", "fork") SERVE "a letgo close; c heal; e connect; P accept;"
	  "P fork fork b;"
	  "e send 9; e half; b echo read write; e recv 9; b letgo close;" END },
	{ .name = "two_connections_are_healed_each_by_its_own_child",
	  .script = LEAK "e connect; P accept; P fork fork b; e send 9; c send 10; e half;"
	  "b echo read write; e recv 9; b letgo close; e heal; c open;"
	  "c half; a echo read write; c recv 10; a letgo close; c heal;"
	  "b! letgo _exit; P reap b -> exit=3;" END },
	{ .name = "a_later_sibling_holding_the_connection_does_not_keep_it_open",
	  .script = LEAK "e connect; P accept; P fork fork b; e send 9; b readn read 9;"
	  "b write write 9;"
	  "e recv 9;" SERVE "a letgo close; c heal; e open;" END
	  "e half; b read read 9 -> 0; b letgo close; e heal" },
	{ .name = "one_child_may_serve_two_connections",
	  .script = "P listen 4; c connect; P accept; e connect; P accept; P fork fork a;"
	  "e send 5; e half; a echo read write; e recv 5; a letgo close; e heal; c open;"
	  "a sel 0;" SERVE "a letgo close; c heal;" END },
	{ .name = "a_descriptor_number_used_again_is_another_connection",
	  .script = LEAK SERVE "a letgo close; c heal; e connect; a accept; a fork fork b;"
	  "a letgo close; e open; e send 5; e half; b echo read write; e recv 5; e held;"
	  "b letgo close; e ended;" END, .rows = "B9 C17" },
	{ .name = "a_number_closed_behind_our_back_is_another_connection",
	  .script = LEAK SERVE "a letgo syscall; e connect; a accept; a pair pipe; e half;"
	  "a letgo close;"
	  "e held; a sel 0; a letgo close; e ended;" END, .rows = "B9" },
	{ .name = "a_private_connection_is_closed_by_its_last_descriptor",
	  .script = "P listen 4; c connect; P accept; c send 300; c half;"
	  "P echo read write -> 300; c recv 300;"
	  "P alias dup; P letgo close; c held; P sel 1; P letgo close; c ended", .flags = IN_MUSL },
	{ .name = "a_private_connection_of_a_prefork_worker_closes_by_itself",
	  .script = "P listen 4; P fork fork a; P fork fork b; c connect; a accept;" SERVE
	  "a letgo close; c ended; e connect; b accept; e send 5; e half; b echo read write;"
	  "e recv 5;"
	  "b letgo close; e ended; b! letgo exit; P reap b -> exit=3;" END },
	{ .name = "a_connection_accepted_by_the_child_is_private",
	  .script = "P listen 4; P fork fork a; c connect; a accept; c half; a letgo close;"
	  "c ended;" END },
	{ .name = "a_reset_is_no_eof",
	  .script = LEAK "c send 10; a readn read 10; a write write 10; c recv 10; c reset;"
	  "c state -;"
	  "a read read 9 -> -1 errno=104; a letgo close -> 0; P letgo close -> 0;" END },
	{ .name = "a_reset_during_close_wait_changes_nothing",
	  .script = LEAK "c send 10; c half; a readn read 10; c reset; a letgo close -> 0;"
	  "c state -;" END
	  "P letgo close -> 0" },
	{ .name = "a_write_after_a_reset_still_raises_sigpipe",
	  .script = LEAK "c reset; a read read 9 -> -1 errno=104; a! write write 5;"
	  "P reap a -> signal=13" },
	{ .name = "a_client_gone_before_accept_is_healed",
	  .script = "P listen 4; c connect; c send 5; c close; P accept; P fork fork a;"
	  "a read read 9 -> 5;"
	  "a read read 9 -> 0; a letgo close; P wait poll; c heal;" END,
	  .env = "SENDFIN_POLICY=eager" },
	{ .name = "a_client_reset_before_accept_is_harmless",
	  .script = "P listen 4; c connect; c send 5; c reset; P accept; P fork fork a;"
	  "a read read 9;"
	  "a letgo close -> 0;" END "P letgo close -> 0" },
	{ .name = "a_child_may_close_the_listening_socket",
	  .script = LEAK "a unlisten -> 0;" SERVE "a letgo close; c heal;" END
	  "e connect; P accept; e half; P letgo close; e ended" },
	{ .name = "own_shutdown_and_close_is_left_alone",
	  .script = LEAK SERVE "a shut rdwr -> 0; c ended; a letgo close -> 0;" END
	  "P letgo close -> 0" },
	{ .name = "own_shut_wr_and_close_is_left_alone",
	  .script = LEAK SERVE "a shut wr -> 0; c ended; a letgo close -> 0;" END
	  "P letgo close -> 0" },
	{ .name = "a_descriptor_of_70000_is_healed",
	  .script = BIG("70000"), .rows = "E5" },
	{ .name = "the_last_possible_descriptor_is_healed",
	  .script = BIG("1048575"), .rows = "E5" },
	{ .name = "a_unix_socket_is_left_alone",
	  .script = NOT_TCP("unix"), .flags = IN_MUSL },
	{ .name = "a_pipe_is_left_alone",
	  .script = NOT_TCP("pipe") },
	{ .name = "a_terminal_is_left_alone",
	  /* what is written to one side reaches the other in its own time: nothing is polled */
	  .script = "P pair tty; P fork fork a; a sel 1; a letgo close; a sel 0; a letgo close;"
	  "a! letgo exit; P reap a -> exit=3; P sel 1; P write write 5; P sel 0;"
	  "P read read 5 -> 5; P write write 5; P letgo close; P fds" },
	{ .name = "a_file_is_left_alone",
	  .script = NOT_TCP("file") },
	{ .name = "a_udp_socket_is_left_alone",
	  .script = NOT_TCP("udp") },
	{ .name = "a_shared_unix_stream_at_eof_is_left_alone",
	  .script = "P pair unix; P fork fork a; P sel 1; P shut wr -> 0; a read read 9 -> 0;"
	  "a write write 3;"
	  "P read read 9 -> 3; a letgo close -> 0; a sel 1; a letgo close -> 0; P eof?;"
	  "P sel 0; P write write 4; P sel 1; P read read 9 -> 4;" END },
	{ .name = NULL },
};
/* clang-format on */
