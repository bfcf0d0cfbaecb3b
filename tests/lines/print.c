/* SPDX-License-Identifier: MIT */
/*
 * usage: print COUNT
 *
 * Prints the two example lines of sendfin(7), and then COUNT random events in both forms,
 * in buffers of every size, with names of random bytes. A line of output is
 *
 *     TEXT <tab> MODULE <tab> IS_CUT <tab> LINE        or JSON in place of TEXT
 *
 * where MODULE is the path of every module as hex digits, for `check` to compare with what
 * the line made of it, and IS_CUT is 1 when the line had to be cut.
 * Never here: a judgement.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/line.h"
#include "core/verdict.h"

enum {
	SITE_LET_GO = 1,
	SITE_ACCEPTED,
	SITE_FORKED,
	SITE_ENDED,
	SITES,
	NAME_MAX_BYTES = 24,
	FRAMES_MAX = 3,
};

/* What is printed next: its frames are the same at every site but for the offset. */
static struct {
	struct ledger_event event;
	struct line_frame frames[SITES];
	uint32_t frame_count;
	char module[NAME_MAX_BYTES + 1];
	char function[NAME_MAX_BYTES + 1];
	char file[NAME_MAX_BYTES + 1];
} next;

static const uint8_t build_id[] = {0x1d, 0x5f, 0x3c, 0x90};

static uint32_t pick(uint32_t below)
{
	return (uint32_t)random() % below;
}

static bool frame_of(const void *context, uint32_t site, uint32_t index, struct line_frame *frame)
{
	(void)context;
	if (site >= SITES || index >= next.frame_count) {
		return false;
	}
	*frame = next.frames[site];
	return true;
}

static void print(size_t size)
{
	static const struct line_source source = {.frame_of = frame_of};
	static char buffer[LINE_BYTES];

	for (int form = 0; form < 2; form++) {
		struct text text;

		text_begin(&text, buffer, size);
		(form == 0 ? line_text : line_json)(&text, &next.event, &source);
		printf(form == 0 ? "TEXT\t" : "JSON\t");
		for (const char *c = next.module; *c != '\0'; c++) {
			printf("%02x", (unsigned char)*c);
		}
		printf("\t%d\t%s\n", text.truncated, buffer);
	}
}

static void set_frame(uint32_t site, uint64_t offset, const char *function, uint64_t into)
{
	next.frames[site] = (struct line_frame){
		.module = next.module,
		.offset = offset,
		.build_id = build_id,
		.build_id_length = sizeof(build_id),
		.function = function,
		.into = into,
	};
}

static void print_example(void)
{
	static const uint8_t loopback[4] = {127, 0, 0, 1};

	next.event = (struct ledger_event){
		.when_ns = 86400000000000,
		.cookie = 27,
		.count = 1,
		.pid = 4242,
		.descriptor = 4,
		.kind = LEDGER_KIND_LET_GO,
		.verdict = VERDICT_FIN,
		.reason = VERDICT_REASON_STALE,
		.acted = 1,
		.let_go = SITE_LET_GO,
		.forked = SITE_FORKED,
		.holder_pid = 4200,
		.others = 1,
		.ends = {.local_port = 8080,
			 .peer_port = 51234,
			 .is_known = LEDGER_ENDS_LOCAL | LEDGER_ENDS_PEER},
	};
	memcpy(next.event.ends.local, loopback, sizeof(loopback));
	memcpy(next.event.ends.peer, loopback, sizeof(loopback));
	strcpy(next.module, "/srv/echod");
	set_frame(SITE_LET_GO, 0x13a4, "serve", 0x5b);
	set_frame(SITE_FORKED, 0x1518, "main", 0xa2);
	next.frame_count = 1;
	print(LINE_BYTES);
}

/* Bytes that mean something to somebody, and any others. */
static const char *random_name(char *name)
{
	static const char *const special[] = {
		"\"",
		"\\",
		"\n",
		"\r",
		"\t",
		"\x1b",
		"\x7f",
		"{\"a\":",
		"}]",
		", ",
		"\xc3\xa9",
		"\xc0",
		"\xe2\x82",
		"\xff",
		"\xe2\x82\xac",
		"\xf0\x9f",
		"\xf0\x9f\x98\x80",
		"\xed\xa0\x80",
	};
	uint32_t length = pick(NAME_MAX_BYTES - 4);
	size_t used = 0;

	while (used < length) {
		const char *part = special[pick(sizeof(special) / sizeof(special[0]))];

		if (pick(2) != 0) {
			used += (size_t)sprintf(name + used, "%s", part);
		} else {
			name[used++] = (char)(1 + pick(255));
		}
	}
	name[used] = '\0';
	return name;
}

static void random_event(void)
{
	struct ledger_event *event = &next.event;
	uint8_t *bytes = (uint8_t *)event;

	for (size_t i = 0; i < sizeof(*event); i++) {
		bytes[i] = pick(3) != 0 ? (uint8_t)pick(256) : 0;
	}
	event->kind = (uint16_t)(LEDGER_KIND_LET_GO + pick(LEDGER_KIND_DEAD));
	event->verdict = (uint16_t)pick(3);
	event->reason = (uint16_t)pick(VERDICT_REASON_COUNT);
	event->let_go = pick(SITES);
	event->accepted = pick(SITES);
	event->forked = pick(SITES);
	event->ended = pick(SITES);
	event->ends.is_known = (uint16_t)pick(4);
}

static void print_random(void)
{
	random_event();
	random_name(next.module);
	random_name(next.function);
	random_name(next.file);
	next.frame_count = pick(FRAMES_MAX + 1);
	for (uint32_t site = 1; site < SITES; site++) {
		const char *function = pick(3) != 0 ? next.function : NULL;

		set_frame(site, (uint64_t)random() << pick(20), function, pick(5000));
		next.frames[site].file = pick(2) != 0 ? next.file : NULL;
		next.frames[site].line = pick(2000);
		next.frames[site].build_id_length = pick(sizeof(build_id) + 1);
	}
	print(pick(2) != 0 ? LINE_BYTES : LINE_HEAD_BYTES + pick(1024));
}

int main(int argc, char **argv)
{
	long count = argc == 2 ? strtol(argv[1], NULL, 10) : 0;

	if (count <= 0) {
		fprintf(stderr, "usage: print COUNT\n");
		return 2;
	}
	print_example();
	for (long i = 0; i < count; i++) {
		print_random();
	}
	return 0;
}
