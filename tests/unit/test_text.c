/* SPDX-License-Identifier: MIT */
/*
 * Bounded text: what each append writes, and that nothing is ever written past
 * the end of the buffer, whatever its size.
 *
 * The idea: each case is written into a buffer of every size from 1 up to more
 * than enough, between two guards; a shorter buffer must hold exactly the
 * beginning of the whole text.
 * Never here: a case that is tried with one size only.
 */
#include "core/text.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "unit.h"

enum {
	BUFFER_MAX = 128, /* more than any text below */
	GUARD = 0x5a,
};

/* One append and what must come of it. */
struct append {
	void (*call)(struct text *text, const void *argument);
	const void *argument;
	const char *expected;
};

static void expect_prefix(const struct append *append, size_t size)
{
	char arena[BUFFER_MAX + 2];
	size_t whole = strlen(append->expected);
	size_t fits = whole < size ? whole : size - 1;
	struct text text;

	memset(arena, GUARD, sizeof(arena));
	text_begin(&text, arena + 1, size);
	append->call(&text, append->argument);
	assert_int_equal(text.length, fits);
	assert_int_equal(text.truncated, whole > fits);
	assert_memory_equal(arena + 1, append->expected, fits);
	assert_int_equal(arena[1 + fits], '\0');
	assert_int_equal(arena[0], GUARD);
	for (size_t i = 1 + fits + 1; i < sizeof(arena); i++) {
		assert_int_equal(arena[i], GUARD);
	}
}

/* The append, in a buffer of every size. */
static void expect(void (*call)(struct text *, const void *), const void *argument,
		   const char *expected)
{
	struct append append = {call, argument, expected};

	assert_in_range(strlen(expected), 0, BUFFER_MAX - 2);
	for (size_t size = 1; size <= BUFFER_MAX; size++) {
		expect_prefix(&append, size);
	}
}

static void call_string(struct text *text, const void *argument)
{
	text_string(text, argument);
}

static void call_char(struct text *text, const void *argument)
{
	text_char(text, *(const char *)argument);
}

static void call_unsigned(struct text *text, const void *argument)
{
	text_unsigned(text, *(const uint64_t *)argument);
}

static void call_signed(struct text *text, const void *argument)
{
	text_signed(text, *(const int64_t *)argument);
}

static void call_hex(struct text *text, const void *argument)
{
	text_hex(text, *(const uint64_t *)argument);
}

static void call_endpoint(struct text *text, const void *argument)
{
	text_endpoint(text, argument);
}

static void call_untrusted(struct text *text, const void *argument)
{
	text_untrusted(text, argument, SIZE_MAX);
}

/* A line as the log makes it: many appends, each of which may be the one that is cut. */
static void call_line(struct text *text, const void *argument)
{
	static const struct text_endpoint local = {
		.address = {[15] = 1}, .port = 8080, .is_ipv6 = true, .is_known = true};

	text_string(text, "sendfin[");
	text_unsigned(text, 4242);
	text_string(text, "]: fd=");
	text_signed(text, -1);
	text_char(text, ' ');
	text_endpoint(text, &local);
	text_string(text, " id=");
	text_hex(text, 0xbeef);
	text_char(text, ' ');
	text_untrusted(text, argument, 4);
}

static void copies_strings_and_chars_as_they_are(void **state)
{
	(void)state;
	expect(call_string, "", "");
	expect(call_string, "a", "a");
	expect(call_string, "tab\tquote\"back\\slash\x7f\xff", "tab\tquote\"back\\slash\x7f\xff");
	expect(call_char, "x", "x");
	expect(call_char, "\n", "\n");
}

static void cuts_a_line_anywhere_and_says_so(void **state)
{
	(void)state;
	expect(call_line, "a\nbcdef", "sendfin[4242]: fd=-1 [::1]:8080 id=beef a?bc");
}

static void drops_all_that_follows_a_cut(void **state)
{
	char buffer[4];
	struct text text;

	(void)state;
	text_begin(&text, buffer, sizeof(buffer));
	text_string(&text, "abcdef");
	text_char(&text, 'g');
	text_string(&text, "");
	text_unsigned(&text, 7);
	assert_string_equal(buffer, "abc");
	assert_int_equal(text.length, 3);
	assert_true(text.truncated);
}

static void is_not_truncated_when_it_just_fits(void **state)
{
	char buffer[4];
	struct text text;

	(void)state;
	text_begin(&text, buffer, sizeof(buffer));
	text_string(&text, "abc");
	text_string(&text, "");
	text_untrusted(&text, "xyz", 0);
	assert_false(text.truncated);
	text_char(&text, 'd');
	assert_true(text.truncated);
}

static void begins_anew_in_a_used_buffer(void **state)
{
	char buffer[8] = "garbage";
	struct text text = {.truncated = true, .length = 99};

	(void)state;
	text_begin(&text, buffer, sizeof(buffer));
	assert_string_equal(buffer, "");
	assert_int_equal(text.length, 0);
	assert_false(text.truncated);
	assert_ptr_equal(text.buffer, buffer);
	assert_int_equal(text.size, sizeof(buffer));
}

static void masks_every_byte_that_could_forge(void **state)
{
	(void)state;
	for (int c = 1; c <= 0xff; c++) {
		char foreign[] = {'a', (char)c, 'b', '\0'};
		char expected[] = {'a', (char)c, 'b', '\0'};

		if (c < 0x20 || c > 0x7e || c == '"' || c == '\\') {
			expected[1] = '?';
		}
		expect(call_untrusted, foreign, expected);
	}
}

static void reads_untrusted_text_no_further_than_max(void **state)
{
	static const char open_ended[3] = {'a', '\n', 'c'}; /* no NUL: a sanitizer watches */
	char buffer[16];
	struct text text;

	(void)state;
	text_begin(&text, buffer, sizeof(buffer));
	text_untrusted(&text, open_ended, sizeof(open_ended));
	text_untrusted(&text, "xyz", 1);
	text_untrusted(&text, "", 5);
	text_untrusted(&text, "no", 0);
	assert_string_equal(buffer, "a?cx");
}

static void expect_number(uint64_t value)
{
	char expected[32];
	int64_t as_signed;

	memcpy(&as_signed, &value, sizeof(value));
	snprintf(expected, sizeof(expected), "%" PRIu64, value);
	expect(call_unsigned, &value, expected);
	snprintf(expected, sizeof(expected), "%" PRIx64, value);
	expect(call_hex, &value, expected);
	snprintf(expected, sizeof(expected), "%" PRId64, as_signed);
	expect(call_signed, &as_signed, expected);
}

/* Around each power of two: there are all carries, all lengths and both ends of the range. */
static void prints_numbers_as_printf_does(void **state)
{
	(void)state;
	for (int bit = 0; bit < 64; bit++) {
		for (int delta = -1; delta <= 1; delta++) {
			uint64_t value = ((uint64_t)1 << bit) + (uint64_t)delta;

			expect_number(value);
			expect_number(0 - value);
		}
	}
	for (uint64_t power = 1; power <= UINT64_MAX / 10; power *= 10) {
		expect_number(power - 1);
		expect_number(power);
	}
}

/* Endpoints. */

static struct text_endpoint endpoint_of(const char *address, uint16_t port)
{
	struct text_endpoint endpoint = {.port = port, .is_known = true};

	endpoint.is_ipv6 = strchr(address, ':') != NULL;
	assert_int_equal(
		inet_pton(endpoint.is_ipv6 ? AF_INET6 : AF_INET, address, endpoint.address), 1);
	return endpoint;
}

static void expect_endpoint(const char *address, uint16_t port, const char *expected)
{
	struct text_endpoint endpoint = endpoint_of(address, port);

	expect(call_endpoint, &endpoint, expected);
}

static void prints_ipv4_endpoints(void **state)
{
	(void)state;
	expect_endpoint("127.0.0.1", 80, "127.0.0.1:80");
	expect_endpoint("0.0.0.0", 0, "0.0.0.0:0");
	expect_endpoint("255.255.255.255", 65535, "255.255.255.255:65535");
	expect_endpoint("10.20.30.4", 51234, "10.20.30.4:51234");
}

static void prints_an_unknown_endpoint_as_a_question_mark(void **state)
{
	struct text_endpoint endpoint = endpoint_of("10.0.0.1", 80);

	(void)state;
	endpoint.is_known = false;
	expect(call_endpoint, &endpoint, "?");
	endpoint.is_ipv6 = true;
	expect(call_endpoint, &endpoint, "?");
}

static void prints_ipv6_endpoints_as_rfc_5952_wants(void **state)
{
	static const char *const cases[][2] = {
		{"::", "[::]:80"},
		{"::1", "[::1]:80"},
		{"1::", "[1::]:80"},
		/* 4.1: no leading zeros; 4.3: lower case */
		{"2001:0DB8::0001", "[2001:db8::1]:80"},
		/* 4.2.1: as short as possible */
		{"2001:db8:0:0:0:0:2:1", "[2001:db8::2:1]:80"},
		/* 4.2.2: not for one group alone */
		{"2001:db8:0:1:1:1:1:1", "[2001:db8:0:1:1:1:1:1]:80"},
		{"0:1:1:1:1:1:1:1", "[0:1:1:1:1:1:1:1]:80"},
		{"1:1:1:1:1:1:1:0", "[1:1:1:1:1:1:1:0]:80"},
		/* 4.2.3: the longest run, of equals the first */
		{"2001:0:0:1:0:0:0:1", "[2001:0:0:1::1]:80"},
		{"2001:0:0:0:1:0:0:1", "[2001::1:0:0:1]:80"},
		{"2001:db8:0:0:1:0:0:1", "[2001:db8::1:0:0:1]:80"},
		{"0:0:1:1:1:1:0:0", "[::1:1:1:1:0:0]:80"},
		{"0:0:1:1:1:0:0:0", "[0:0:1:1:1::]:80"},
		{"0:0:0:0:0:0:0:ffff", "[::ffff]:80"},
		/* not mapped, though it looks similar */
		{"0:0:0:0:fffe:ffff:1:2", "[::fffe:ffff:1:2]:80"},
		{"1:0:0:0:0:ffff:102:304", "[1::ffff:102:304]:80"},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		 "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:80"},
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
		expect_endpoint(cases[i][0], 80, cases[i][1]);
	}
}

static void prints_a_mapped_address_as_ipv4(void **state)
{
	(void)state;
	expect_endpoint("::ffff:127.0.0.1", 80, "127.0.0.1:80");
	expect_endpoint("::ffff:0.0.0.0", 65535, "0.0.0.0:65535");
	expect_endpoint("::ffff:255.1.2.3", 1, "255.1.2.3:1");
}

/*
 * Each pattern of zero and other groups against libc, which compresses the same
 * way but for the forms with an IPv4 tail (::a.b.c.d), which no TCP peer has.
 */
static void agrees_with_inet_ntop_on_every_pattern_of_zeros(void **state)
{
	(void)state;
	for (unsigned pattern = 0; pattern < 256; pattern++) {
		struct text_endpoint endpoint = {.is_ipv6 = true, .is_known = true, .port = 7};
		char name[INET6_ADDRSTRLEN];
		char expected[BUFFER_MAX];

		for (int group = 0; group < 8; group++) {
			endpoint.address[2 * group + 1] = pattern >> group & 1 ? 0xa0 + group : 0;
		}
		assert_non_null(inet_ntop(AF_INET6, endpoint.address, name, sizeof(name)));
		if (strchr(name, '.')) {
			continue;
		}
		snprintf(expected, sizeof(expected), "[%s]:7", name);
		expect(call_endpoint, &endpoint, expected);
	}
}

static void call_address(struct text *text, const void *endpoint)
{
	text_address(text, endpoint);
}

static void prints_an_address_alone(void **state)
{
	static const char *const cases[][2] = {
		{"::1", "::1"},
		{"fe80::1", "fe80::1"},
		{"::ffff:10.1.2.3", "10.1.2.3"},
	};
	struct text_endpoint endpoint = {.address = {127, 0, 0, 1}, .port = 80};

	(void)state;
	expect(call_address, &endpoint, "?");
	endpoint.is_known = true;
	expect(call_address, &endpoint, "127.0.0.1");
	endpoint.is_ipv6 = true;
	for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
		assert_int_equal(inet_pton(AF_INET6, cases[i][0], endpoint.address), 1);
		expect(call_address, &endpoint, cases[i][1]);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(copies_strings_and_chars_as_they_are),
	cmocka_unit_test(cuts_a_line_anywhere_and_says_so),
	cmocka_unit_test(drops_all_that_follows_a_cut),
	cmocka_unit_test(is_not_truncated_when_it_just_fits),
	cmocka_unit_test(begins_anew_in_a_used_buffer),
	cmocka_unit_test(masks_every_byte_that_could_forge),
	cmocka_unit_test(reads_untrusted_text_no_further_than_max),
	cmocka_unit_test(prints_numbers_as_printf_does),
	cmocka_unit_test(prints_ipv4_endpoints),
	cmocka_unit_test(prints_an_unknown_endpoint_as_a_question_mark),
	cmocka_unit_test(prints_ipv6_endpoints_as_rfc_5952_wants),
	cmocka_unit_test(prints_a_mapped_address_as_ipv4),
	cmocka_unit_test(agrees_with_inet_ntop_on_every_pattern_of_zeros),
	cmocka_unit_test(prints_an_address_alone),
};

UNIT_MAIN(tests)
