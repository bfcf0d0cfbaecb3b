/* SPDX-License-Identifier: MIT */
/*
 * One document; sendfin(1) lists its keys. What is not known is null, a number that may need
 * 64 bits is a number all the same (json-c keeps it whole).
 *
 * Out of memory json-c gives NULL, and adding NULL is adding null.
 */
#include "cli/report.h"

#include "cli/remedy.h"
#include "core/text.h"
#include "core/verdict.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

enum {
	ADDRESS_BYTES = 64,
	HEX_BYTES = 32,
	STRING_BYTES = 4096,
};

/* Length of the UTF-8 sequence at AT, or 0 when there is none (RFC 3629, section 4). */
static size_t sequence(const unsigned char *at)
{
	size_t length = at[0] < 0x80                     ? 1
			: at[0] >= 0xc2 && at[0] < 0xe0  ? 2
			: at[0] >= 0xe0 && at[0] < 0xf0  ? 3
			: at[0] >= 0xf0 && at[0] <= 0xf4 ? 4
							 : 0;

	for (size_t i = 1; i < length; i++) {
		if ((at[i] & 0xc0) != 0x80) {
			return 0;
		}
	}
	if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
	    (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f)) {
		return 0;
	}
	return length;
}

/* Names may be any bytes: what is no UTF-8 becomes U+FFFD. NULL is null. */
static struct json_object *string(const char *name)
{
	static const char replacement[] = "\xef\xbf\xbd";
	char clean[STRING_BYTES];
	size_t length = 0;

	if (!name) {
		return NULL;
	}
	while (*name && length < sizeof(clean) - 4) {
		size_t size = sequence((const unsigned char *)name);

		memcpy(clean + length, size ? name : replacement, size ? size : 3);
		length += size ? size : 3;
		name += size ? size : 1;
	}
	return json_object_new_string_len(clean, (int)length);
}

static struct json_object *number(uint64_t value)
{
	return json_object_new_uint64(value);
}

/* 0 means that it is not known. */
static struct json_object *known(uint64_t value)
{
	return value ? number(value) : NULL;
}

static struct json_object *hex(uint64_t value)
{
	char digits[HEX_BYTES];

	snprintf(digits, sizeof(digits), "0x%llx", (unsigned long long)value);
	return json_object_new_string(digits);
}

static struct json_object *bytes(const uint8_t *data, uint32_t count)
{
	char digits[2 * LEDGER_BUILD_ID + 1] = "";

	for (uint32_t i = 0; i < count && i < LEDGER_BUILD_ID; i++) {
		snprintf(digits + (size_t)2 * i, 3, "%02x", data[i]);
	}
	return count ? json_object_new_string(digits) : NULL;
}

static struct json_object *end_of(const struct ledger_ends *ends, const uint8_t address[16],
				  uint16_t port)
{
	struct json_object *object;
	struct text_endpoint endpoint = {.is_ipv6 = ends->is_ipv6 != 0, .is_known = true};
	char name[ADDRESS_BYTES];
	struct text text;

	if (!ends->is_known) {
		return NULL;
	}
	memcpy(endpoint.address, address, sizeof(endpoint.address));
	text_begin(&text, name, sizeof(name));
	text_address(&text, &endpoint);
	object = json_object_new_object();
	json_object_object_add(object, "address", string(name));
	json_object_object_add(object, "port", number(port));
	return object;
}

static struct json_object *frame_object(const struct report *report, uint32_t site, uint32_t index,
					const struct line_frame *frame)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "module", string(frame->module));
	json_object_object_add(object, "offset", hex(frame->offset));
	json_object_object_add(object, "build_id", bytes(frame->build_id, frame->build_id_length));
	json_object_object_add(object, "function", string(frame->function));
	json_object_object_add(object, "into", frame->function ? hex(frame->into) : NULL);
	json_object_object_add(object, "file", string(frame->file));
	json_object_object_add(object, "line", known(frame->line));
	json_object_object_add(
		object, "other_build",
		json_object_new_boolean(resolve_is_other_build(report->resolve, site, index)));
	return object;
}

static struct json_object *site_of(const struct report *report, uint32_t site)
{
	struct json_object *frames = NULL;
	struct line_frame frame;

	for (uint32_t i = 0; resolve_frame(report->resolve, site, i, &frame); i++) {
		frames = frames ? frames : json_object_new_array();
		json_object_array_add(frames, frame_object(report, site, i, &frame));
	}
	return frames;
}

static struct json_object *remedy(const struct report *report, const struct ledger_event *event)
{
	char sentence[REMEDY_BYTES];

	remedy_for(report->resolve, event, sentence);
	return sentence[0] ? string(sentence) : NULL;
}

static struct json_object *holding_object(const struct report *report,
					  const struct report_holding *held)
{
	struct json_object *object = json_object_new_object();
	struct ledger_event event = report_event(report, held);

	json_object_object_add(object, "kind", string(line_kind_token(held->kind)));
	json_object_object_add(object, "pid",
			       number((uint64_t)report->processes[held->process].pid));
	json_object_object_add(object, "fd", json_object_new_int(held->descriptor));
	json_object_object_add(object, "inode", number(held->inode));
	json_object_object_add(object, "local",
			       end_of(&held->ends, held->ends.local, held->ends.local_port));
	json_object_object_add(object, "peer",
			       end_of(&held->ends, held->ends.peer, held->ends.peer_port));
	json_object_object_add(object, "is_leak", json_object_new_boolean(held->is_leak));
	json_object_object_add(object, "unread", number(held->unread));
	json_object_object_add(object, "eof_was_read", json_object_new_boolean(held->eof_was_read));
	json_object_object_add(object, "others", number(held->others));
	json_object_object_add(object, "accepted", site_of(report, held->accepted));
	json_object_object_add(object, "forked", site_of(report, held->forked));
	json_object_object_add(object, "ended", site_of(report, held->ended));
	json_object_object_add(object, "remedy", remedy(report, &event));
	return object;
}

static struct json_object *finding_object(const struct report *report,
					  const struct ledger_finding *found)
{
	struct json_object *object = json_object_new_object();
	const struct ledger_event *event = &found->example;
	bool is_verdict = event->kind == LEDGER_KIND_LET_GO;

	json_object_object_add(object, "event", string(line_kind_token(event->kind)));
	json_object_object_add(object, "verdict",
			       is_verdict ? string(verdict_token((enum verdict)event->verdict))
					  : NULL);
	json_object_object_add(
		object, "reason",
		is_verdict ? string(verdict_reason_token((enum verdict_reason)event->reason))
			   : NULL);
	json_object_object_add(object, "is_leak", json_object_new_boolean(remedy_is_leak(event)));
	json_object_object_add(object, "count", number(found->count));
	json_object_object_add(object, "fins", number(found->acted));
	json_object_object_add(object, "first_ns", known(found->first_ns));
	json_object_object_add(object, "last_ns", known(found->last_ns));
	json_object_object_add(object, "let_go", site_of(report, event->let_go));
	json_object_object_add(object, "accepted", site_of(report, event->accepted));
	json_object_object_add(object, "forked", site_of(report, event->forked));
	json_object_object_add(object, "ended", site_of(report, event->ended));
	json_object_object_add(object, "remedy", remedy(report, event));
	return object;
}

static struct json_object *process_object(const struct report_process *process)
{
	struct json_object *object = json_object_new_object();
	const struct ledger_process *slot = process->slot;
	uint32_t flags = slot ? slot->flags : 0;

	json_object_object_add(object, "pid", number((uint64_t)process->pid));
	json_object_object_add(object, "command", string(process->name));
	json_object_object_add(object, "listens",
			       json_object_new_boolean(flags & LEDGER_PROCESS_LISTENS));
	json_object_object_add(object, "retired",
			       json_object_new_boolean(flags & LEDGER_PROCESS_RETIRED));
	json_object_object_add(object, "fins", number(slot ? slot->fins : 0));
	json_object_object_add(object, "defers", number(slot ? slot->defers : 0));
	json_object_object_add(object, "reclaimed", number(slot ? slot->reclaimed : 0));
	json_object_object_add(object, "leaks", number(slot ? slot->leaks : 0));
	json_object_object_add(object, "unconnected", number(process->unconnected));
	json_object_object_add(object, "readable", json_object_new_boolean(process->err == 0));
	return object;
}

void report_print_json(const struct report *report)
{
	struct json_object *document = json_object_new_object();
	struct json_object *processes = json_object_new_array();
	struct json_object *holdings = json_object_new_array();
	struct json_object *findings = json_object_new_array();
	const struct ledger *ledger = report->view->ledger;
	const char *text;

	for (size_t i = 0; i < report->process_count; i++) {
		json_object_array_add(processes, process_object(&report->processes[i]));
	}
	for (size_t i = 0; i < report->holding_count; i++) {
		json_object_array_add(holdings, holding_object(report, &report->holdings[i]));
	}
	for (size_t i = 0; i < report->findings.count; i++) {
		json_object_array_add(findings, finding_object(report, &report->findings.list[i]));
	}
	json_object_object_add(document, "pid", number((uint64_t)report->view->pid));
	json_object_object_add(document, "has_ledger", json_object_new_boolean(ledger != NULL));
	json_object_object_add(document, "has_leak",
			       json_object_new_boolean(report_has_leak(report)));
	json_object_object_add(document, "fins", number(report->fins));
	json_object_object_add(document, "defers", number(report->defers));
	json_object_object_add(document, "leaks", number(ledger ? ledger->header.leaks : 0));
	json_object_object_add(document, "processes", processes);
	json_object_object_add(document, "held", holdings);
	json_object_object_add(document, "found", findings);
	text = json_object_to_json_string_ext(document, JSON_C_TO_STRING_PRETTY |
								JSON_C_TO_STRING_SPACED |
								JSON_C_TO_STRING_NOSLASHESCAPE);
	puts(text ? text : "null");
	json_object_put(document);
}
