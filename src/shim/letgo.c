/* SPDX-License-Identifier: MIT */
/*
 * Until other processes can be asked how they stand, every other holder is one that
 * nobody can see: it counts as pending, and the policy is taken as eager.
 */
#include "shim/letgo.h"

#include <stddef.h>
#include <string.h>

#include "core/verdict.h"
#include "shim/fin.h"
#include "shim/log.h"
#include "shim/process.h"
#include "shim/stream.h"
#include "sys/sockprobe.h"

/* One letting-go under way. */
struct departure {
	int fd;
	bool has_unflushed; /* a stream may still hold bytes for the peer */
	struct table_gone gone;
	struct verdict_facts facts;
};

/* The number still means the connection that we noted; a missed close would show here. */
static bool is_same_connection(const struct departure *departure)
{
	return departure->gone.cookie == 0 ||
	       departure->gone.cookie == sockprobe_cookie(departure->fd);
}

static void ask_state(struct departure *departure)
{
	departure->facts.state = is_same_connection(departure) ? sockprobe_state(departure->fd) :
								 VERDICT_STATE_OTHER;
}

static void ask_holders(struct departure *departure)
{
	departure->facts.holders.asked = true;
	departure->facts.holders.pending = 1;
}

/* EOF returned to the program, or data read and nothing but the FIN left behind it. */
static void ask_eof(struct departure *departure)
{
	uint64_t stamp = departure->gone.stamp;
	bool has_read = (stamp & STAMP_UNREAD) == 0 || (stamp & STAMP_STDIO) != 0;
	bool seen = (stamp & STAMP_EOF) != 0 ||
		    (has_read && (stamp & STAMP_SHUT_RD) == 0 && sockprobe_is_drained(departure->fd));

	departure->facts.eof = seen ? VERDICT_EOF_SEEN : VERDICT_EOF_NOT_SEEN;
}

static struct verdict_result decide(struct departure *departure)
{
	struct verdict_result result;
	struct settings settings = { .policy = SETTINGS_POLICY_EAGER,
				     .trigger = process_settings.trigger };

	for (;;) {
		result = verdict_for_let_go(&departure->facts, &settings);
		if (result.verdict == VERDICT_ASK_STATE) {
			ask_state(departure);
		} else if (result.verdict == VERDICT_ASK_HOLDERS) {
			ask_holders(departure);
		} else if (result.verdict == VERDICT_ASK_EOF) {
			ask_eof(departure);
		} else {
			return result;
		}
	}
}

static void depart(struct departure *departure)
{
	uint64_t stamp = departure->gone.stamp;
	uint64_t epoch = process_epoch;
	struct verdict_facts *facts = &departure->facts;
	struct verdict_result result;
	struct log_names names;
	bool acted = false;

	memset(facts, 0, sizeof(*facts));
	facts->shared = stamp_is_shared(stamp, epoch);
	if (stamp_epoch(stamp) >= process_came_to_share) {
		facts->active = (stamp & STAMP_UNUSED) == 0;
		facts->has_written = (stamp & STAMP_UNWRITTEN) == 0;
	}
	result = decide(departure);
	if (log_wants_verdicts()) {
		sockprobe_names(departure->fd, &names.local, &names.peer);
	}
	if (result.verdict == VERDICT_FIN && process_settings.mode == SETTINGS_MODE_ENFORCE &&
	    (!departure->has_unflushed || (stamp & STAMP_STDIO) == 0)) {
		acted = fin_send(departure->fd) == 0;
	}
	if (log_wants_verdicts()) {
		log_verdict(departure->fd, &names, result, acted);
	}
}

void letgo(int fd)
{
	struct departure departure = { .fd = fd };

	if (process_may_act() && table_remove(fd, &departure.gone)) {
		depart(&departure);
	}
}

void letgo_begin(int fd, struct table_gone *gone)
{
	struct departure departure = { .fd = fd };

	if (table_remove(fd, gone)) {
		departure.gone = *gone;
		depart(&departure);
	}
}

void letgo_range(unsigned int first, unsigned int last)
{
	int highest = table_highest();

	if (!process_may_act()) {
		return;
	}
	for (unsigned int fd = first; (int)fd <= highest && fd <= last; fd++) {
		if (table_is_watched((int)fd)) {
			letgo((int)fd);
		}
	}
}

void letgo_at_exit(bool flush)
{
	bool has_unflushed;

	if (!process_may_act()) {
		return;
	}
	has_unflushed = flush && !stream_flush_all();
	for (int fd = 0; fd <= table_highest(); fd++) {
		struct departure departure = { .fd = fd, .has_unflushed = has_unflushed };

		if (!table_is_watched(fd) || (table_stamp(fd) & STAMP_UNUSED) != 0) {
			continue;
		}
		if (table_remove(fd, &departure.gone)) {
			depart(&departure);
		}
	}
}
