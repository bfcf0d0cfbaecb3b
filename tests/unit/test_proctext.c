/* SPDX-License-Identifier: MIT */
/*
 * Lines of /proc: those of a real kernel give what they say, and broken ones give nothing.
 */
#include "core/proctext.h"

#include <string.h>

#include "unit.h"

#define IPV4 "   1: 0100007F:1F90 0702000A:C822 08 00000003:00000006 00:00000000 00000000  0 0 "
#define IPV6                                                                                       \
	"  12: 00000000000000000000000001000000:1F90 B80D0120000000000000000001000000:C822 01 "    \
	"00000000:00000000 02:000A7214 00000000 33 0 "

static void a_socket_of_ipv4_is_taken_apart(void **state)
{
	static const uint8_t local[4] = {127, 0, 0, 1};
	static const uint8_t peer[4] = {10, 0, 2, 7};
	struct proctext_tcp got;

	(void)state;
	assert_true(proctext_tcp(IPV4 "2558803 1 0000000000000000 20 4 0 10 -1", &got));
	assert_memory_equal(got.ends.local, local, 4);
	assert_memory_equal(got.ends.peer, peer, 4);
	assert_int_equal(got.ends.local_port, 8080);
	assert_int_equal(got.ends.peer_port, 51234);
	assert_int_equal(got.ends.is_ipv6, 0);
	assert_int_equal(got.ends.is_known, 1);
	assert_int_equal(got.state, PROCTEXT_CLOSE_WAIT);
	assert_int_equal(got.unsent, 3);
	assert_int_equal(got.unread, 6);
	assert_int_equal(got.inode, 2558803);
}

static void a_socket_of_ipv6_is_taken_apart(void **state)
{
	static const uint8_t local[16] = {[15] = 1};
	static const uint8_t peer[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
	struct proctext_tcp got;

	(void)state;
	assert_true(proctext_tcp(IPV6 "77\n", &got));
	assert_memory_equal(got.ends.local, local, 16);
	assert_memory_equal(got.ends.peer, peer, 16);
	assert_int_equal(got.ends.is_ipv6, 1);
	assert_int_equal(got.state, PROCTEXT_ESTABLISHED);
	assert_int_equal(got.inode, 77);
}

/* Cut anywhere before its inode, a line is none; and nothing behind its end is read. */
static void a_socket_that_is_cut_off_is_none(void **state)
{
	struct proctext_tcp got;
	char line[sizeof(IPV6)];

	(void)state;
	for (size_t length = 0; length < sizeof(IPV6) - 1; length++) {
		memcpy(line, IPV6, length);
		line[length] = '\0';
		assert_false(proctext_tcp(line, &got));
	}
}

static void what_is_no_socket_is_none(void **state)
{
	static const char *const bad[] = {
		"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid",
		"   1: 0100007F:1F90 00000000000000000000000001000000:C822 08 0:0 0:0 0 0 0 7",
		"   1: 0100007F0100007F:1F90 0100007F:C822 08 0:0 0:0 0 0 0 7",
		"   1: 0100007F:11F90 0100007F:C822 08 0:0 0:0 0 0 0 7",
		"   1: 0100007G:1F90 0100007F:C822 08 0:0 0:0 0 0 0 7",
		"   1: 0100007F:1F90 0100007F:C822 08 0:0 0:0 0 0 0 99999999999999999999",
		"   1: 0100007F:1F90 0100007F:C822 08 0:0 0:0 0 0 0 x",
		"\xff\xff",
	};
	struct proctext_tcp got;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(proctext_tcp(bad[i], &got));
	}
}

static void a_mapping_is_taken_apart(void **state)
{
	struct proctext_map got;

	(void)state;
	assert_true(proctext_map("7f0a1000-7f0a3000 r-xp 00002000 fe:01 1234   /lib/a b.so", &got));
	assert_int_equal(got.start, 0x7f0a1000);
	assert_int_equal(got.end, 0x7f0a3000);
	assert_int_equal(got.offset, 0x2000);
	assert_int_equal(got.inode, 1234);
	assert_string_equal(got.path, "/lib/a b.so");
	assert_true(
		proctext_map("1000-2000 rw-s 00000000 00:01 32801 /SYSV00000000 (deleted)", &got));
	assert_int_equal(got.inode, 32801);
	assert_true(proctext_map("1000-2000 rw-p 00000000 00:00 0 ", &got));
	assert_string_equal(got.path, "");
	assert_true(proctext_map("1000-2000 rw-p 00000000 00:00 0", &got));
	assert_string_equal(got.path, "");
	assert_false(proctext_map("1000-2000 rw-p 00000000 00:00", &got));
	assert_false(proctext_map("1000 2000 rw-p 00000000 00:00 0", &got));
	assert_false(proctext_map("", &got));
}

static void the_innermost_pid_is_the_last(void **state)
{
	uint32_t pid = 7;

	(void)state;
	assert_true(proctext_nspid("NSpid:\t4242\t17\t1", &pid));
	assert_int_equal(pid, 1);
	assert_true(proctext_nspid("NSpid:\t4242\n", &pid));
	assert_int_equal(pid, 4242);
	assert_false(proctext_nspid("NSpid:", &pid));
	assert_false(proctext_nspid("NStgid:\t1", &pid));
	assert_false(proctext_nspid("Name:\tNSpid: 3", &pid));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_socket_of_ipv4_is_taken_apart),
	cmocka_unit_test(a_socket_of_ipv6_is_taken_apart),
	cmocka_unit_test(a_socket_that_is_cut_off_is_none),
	cmocka_unit_test(what_is_no_socket_is_none),
	cmocka_unit_test(a_mapping_is_taken_apart),
	cmocka_unit_test(the_innermost_pid_is_the_last),
};

UNIT_MAIN(tests)
