/* SPDX-License-Identifier: MIT */
/*
 * The variables: what each mode does, what a bad value says, where the log goes and what is in it;
 * and where it must never go.
 */
#include "scripts.h"
#include "shim.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define HEALS LEAK SERVE "a letgo close; P wait poll; c heal;" END
#define STAYS LEAK SERVE "a letgo close; P wait poll; c stuck;" END "c stuck"

static int count_lines_with(const char *text, const char *word)
{
	char copy[16384], *save = NULL;
	int n = 0;

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *l = strtok_r(copy, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		n += strstr(l, word) != NULL;
	}
	return n;
}

static int count_lines(const char *text)
{
	return count_lines_with(text, "");
}

/* One line tells of a FIN, and it has every part that a reader needs. */
static void check_fin_line(struct world *w, const char *text, const char *host, const char *acted)
{
	char want[64];
	const char *line = strstr(text, "sendfin["), *fin = strstr(text, "]: fin ");

	if (count_lines_with(text, "]: fin ") != 1) {
		fail(w, "not exactly one fin line:\n%s", text);
	}
	if (!line || !isdigit((unsigned char)line[8]) || !strstr(fin, " fd=")) {
		fail(w, "no pid or fd:\n%s", text);
	}
	snprintf(want, sizeof(want), " local=%s:%d ", host, w->peer[0].its_port);
	if (!strstr(fin, want)) {
		fail(w, "no `%s`:\n%s", want, text);
	}
	snprintf(want, sizeof(want), " peer=%s:%d ", host, w->peer[0].my_port);
	if (!strstr(fin, want)) {
		fail(w, "no `%s`:\n%s", want, text);
	}
	snprintf(want, sizeof(want), " acted=%s", acted);
	if (!strstr(fin, want)) {
		fail(w, "no `%s`:\n%s", want, text);
	}
}

static void check_observed_file(struct world *w)
{
	check_fin_line(w, world_log_file(w), "127.0.0.1", "no");
}

static void check_observed_stderr(struct world *w)
{
	check_fin_line(w, world_errs(w), "127.0.0.1", "no");
}

static void check_acted_file(struct world *w)
{
	check_fin_line(w, world_log_file(w), "127.0.0.1", "yes");
}

static void check_acted_stderr(struct world *w)
{
	check_fin_line(w, world_errs(w), "127.0.0.1", "yes");
}

static void check_acted_ipv6(struct world *w)
{
	check_fin_line(w, world_log_file(w), "[::1]", "yes");
}

static void check_no_log(struct world *w)
{
	if (*world_log_file(w)) {
		fail(w, "a log that nobody asked for:\n%s", world_log_file(w));
	}
}

static void check_bystander_line(struct world *w)
{
	if (count_lines_with(world_log_file(w), "]: leave bystander ") < 1 ||
	    count_lines_with(world_log_file(w), "]: fin ") != 1) {
		fail(w, "not a bystander and a fin:\n%s", world_log_file(w));
	}
}

static void check_not_close_wait_line(struct world *w)
{
	if (count_lines_with(world_log_file(w), "]: leave not_close_wait ") != 1 ||
	    count_lines_with(world_log_file(w), "]: fin ") != 0) {
		fail(w, "not one not_close_wait:\n%s", world_log_file(w));
	}
}

static void check_complaint(struct world *w, const char *start)
{
	const char *text = world_errs(w);

	if (count_lines(text) != 1 || strncmp(text, start, strlen(start)) != 0) {
		fail(w, "not the one line `%s...`:\n%s", start, text);
	}
}

static void check_bad_mode(struct world *w)
{
	check_complaint(w, "sendfin: SENDFIN_MODE: bad value 'sometimes' at column ");
	if (!strstr(world_errs(w), "expected enforce, observe or off; using enforce")) {
		fail(w, "does not say what is accepted:\n%s", world_errs(w));
	}
}

static void check_bad_policy(struct world *w)
{
	check_complaint(w, "sendfin: SENDFIN_POLICY: bad value 'lax' at column ");
}

static void check_bad_trigger(struct world *w)
{
	check_complaint(w, "sendfin: SENDFIN_TRIGGER: bad value 'never' at column ");
}

static void check_bad_debug(struct world *w)
{
	check_complaint(w, "sendfin: SENDFIN_DEBUG: bad value 'yes' at column ");
}

/* A row is a story, and breaks where it breathes. */
/* clang-format off */
const struct test mode_tests[] = {
	{ .name = "enforce_is_the_default",
	  .script = HEALS },
	{ .name = "mode_enforce_heals",
	  .script = HEALS, .env = "SENDFIN_MODE=enforce", .flags = IN_MUSL },
	{ .name = "mode_off_leaves_all_as_it_was",
	  .script = STAYS, .env = "SENDFIN_MODE=off", .flags = IN_MUSL },
	{ .name = "mode_off_logs_nothing",
	  .script = STAYS, .env = "SENDFIN_MODE=off SENDFIN_LOG=%LOG%",
	  .check = check_no_log },
	{ .name = "mode_observe_leaves_all_and_logs_one_line_to_a_file",
	  .script = STAYS,
	  .env = "SENDFIN_MODE=observe SENDFIN_LOG=%LOG%", .check = check_observed_file,
	  .flags = IN_MUSL },
	{ .name = "mode_observe_logs_to_stderr_if_told",
	  .script = STAYS, .flags = NOISY,
	  .env = "SENDFIN_MODE=observe SENDFIN_LOG=stderr", .check = check_observed_stderr },
	{ .name = "policy_proof_heals_an_echo_child",
	  .script = HEALS, .env = "SENDFIN_POLICY=proof" },
	{ .name = "policy_strict_heals_once_the_parent_accepts",
	  .script = LEAK SERVE "a letgo close; P wait poll; e connect; P accept; c heal;" END,
	  .env = "SENDFIN_POLICY=strict" },
	{ .name = "policy_eager_heals_an_echo_child",
	  .script = HEALS, .env = "SENDFIN_POLICY=eager" },
	{ .name = "policy_eager_heals_when_the_parent_serves_and_the_child_holds",
	  .script = LEAK "c send 10; c half; P echo read write; c recv 10; P letgo close; c heal;"
	  END,
	  .env = "SENDFIN_POLICY=eager" },
	{ .name = "trigger_eof_and_reclaim_off_are_accepted",
	  .script = HEALS,
	  .env = "SENDFIN_TRIGGER=eof SENDFIN_RECLAIM=off SENDFIN_CLOEXEC=off SENDFIN_DEBUG=0" },
	{ .name = "a_bad_mode_says_one_line_and_enforces",
	  .script = HEALS, .env = "SENDFIN_MODE=sometimes",
	  .flags = NOISY, .check = check_bad_mode },
	{ .name = "a_bad_policy_says_one_line_and_heals",
	  .script = HEALS, .env = "SENDFIN_POLICY=lax",
	  .flags = NOISY, .check = check_bad_policy },
	{ .name = "a_bad_trigger_says_one_line_and_heals",
	  .script = HEALS, .env = "SENDFIN_TRIGGER=never",
	  .flags = NOISY, .check = check_bad_trigger },
	{ .name = "a_bad_debug_says_one_line_and_heals",
	  .script = HEALS, .env = "SENDFIN_DEBUG=yes",
	  .flags = NOISY, .check = check_bad_debug },
	{ .name = "debug_logs_the_fin_to_a_file",
	  .script = HEALS, .env = "SENDFIN_DEBUG=1 SENDFIN_LOG=%LOG%",
	  .check = check_acted_file },
	{ .name = "debug_logs_the_fin_to_stderr_by_default",
	  .script = HEALS, .env = "SENDFIN_DEBUG=1",
	  .flags = NOISY, .check = check_acted_stderr },
	{ .name = "debug_logs_ipv6_in_brackets",
	  .script = LEAK_ON("6", "fork") SERVE "a letgo close; c heal;" END,
	  .env = "SENDFIN_DEBUG=1 SENDFIN_LOG=%LOG%", .check = check_acted_ipv6 },
	{ .name = "debug_names_the_bystander",
	  .script = LEAK "P fork fork b; c send 10; c half; b letgo close; c held;"
	  "b! letgo _exit; P reap b;"
	  "a echo read write; c recv 10; a letgo close; c heal;" END,
	  .env = "SENDFIN_DEBUG=1 SENDFIN_LOG=%LOG%", .check = check_bystander_line },
	{ .name = "debug_names_a_connection_that_is_still_open",
	  .script = LEAK "c send 10; a readn read 10; a write write 10; c recv 10; a letgo close;"
	  "c open;" END,
	  .env = "SENDFIN_DEBUG=1 SENDFIN_LOG=%LOG%", .check = check_not_close_wait_line },
	{ .name = "the_log_opens_no_descriptor",
	  .script = LEAK SERVE "a letgo close; c heal; a fds; P fds;" END, .rows = "E1 E3",
	  .env = "SENDFIN_DEBUG=1 SENDFIN_LOG=%LOG%" },
	{ .name = "the_log_touches_no_errno",
	  .script = LEAK "c send 40; a errno-good; a errno-bad; c half; a readn read 100;"
	  "a letgo close;",
	  .rows = "D7", .env = "SENDFIN_DEBUG=1 SENDFIN_LOG=%LOG%" },
	{ .name = "a_log_that_cannot_be_opened_does_no_harm",
	  .script = HEALS,
	  .env = "SENDFIN_DEBUG=1 SENDFIN_LOG=/nowhere/at/all/log" },
	{ .name = "a_log_that_may_not_grow_does_no_harm",
	  .script = LEAK "a fsize -> 0;" SERVE "a letgo close; c heal;" END, .rows = "D13",
	  .env = "SENDFIN_DEBUG=1 SENDFIN_LOG=%LOG%" },
	{ .name = "a_client_on_descriptor_2_gets_no_log",
	  .script = "P listen 4; c connect; P accept; P handler fork a; a join;" SERVE
	  "a! letgo exit; P reap a; c heal", .rows = "E9", .flags = NOISY,
	  .env = "SENDFIN_DEBUG=1 SENDFIN_LOG=stderr" },
	{ .name = "a_client_that_got_the_number_2_gets_no_log",
	  .script = "P listen 4; P close2 -> 0; c connect; P accept -> 2; P fork fork a;" SERVE
	  "a letgo close; c heal;" END, .rows = "E1 E9",
	  .env = "SENDFIN_DEBUG=1 SENDFIN_LOG=stderr" },
	{ .name = "a_broken_stderr_does_not_kill",
	  .script = "P break2; P listen 4; c connect; P accept; P fork fork a;" SERVE
	  "a letgo close; c heal;" END, .rows = "D13",
	  .env = "SENDFIN_DEBUG=1 SENDFIN_LOG=stderr" },
	{ .name = "a_full_disk_for_the_log_does_no_harm",
	  .script = HEALS, .rows = "D13",
	  .env = "SENDFIN_DEBUG=1 SENDFIN_LOG=/dev/full" },
	{ .name = NULL },
};
/* clang-format on */
