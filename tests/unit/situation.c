/* SPDX-License-Identifier: MIT */
/* The table as a list of predicates, and the numbering; see situation.h. */
#include "situation.h"

#include <string.h>

#include "unit.h"

static bool is_retired(const struct situation *s)
{
	return s->facts.retired;
}

static bool is_private(const struct situation *s)
{
	return !s->facts.shared;
}

static bool was_inactive(const struct situation *s)
{
	return !s->facts.active;
}

static bool is_too_early(const struct situation *s)
{
	switch (s->facts.state) {
	case VERDICT_STATE_CLOSE_WAIT:
		return false;
	case VERDICT_STATE_ESTABLISHED:
		return !(s->settings.trigger == SETTINGS_TRIGGER_CLOSE && s->facts.has_written);
	default:
		return true;
	}
}

static bool holds_alone(const struct situation *s)
{
	return !s->facts.holders.engaged && !s->facts.holders.elsewhere &&
	       !s->facts.holders.pending;
}

static bool has_engaged_holder(const struct situation *s)
{
	return s->facts.holders.engaged != 0;
}

static bool has_no_pending_holder(const struct situation *s)
{
	return s->facts.holders.pending == 0;
}

static bool closes_before_peer(const struct situation *s)
{
	return s->facts.state == VERDICT_STATE_ESTABLISHED;
}

static bool served_its_accept_loop(const struct situation *s)
{
	return s->facts.eof == VERDICT_EOF_SEEN && s->facts.has_written &&
	       s->facts.holders.pending_accept == s->facts.holders.pending &&
	       s->settings.policy != SETTINGS_POLICY_STRICT;
}

static bool is_eager(const struct situation *s)
{
	return s->facts.eof == VERDICT_EOF_SEEN && s->settings.policy == SETTINGS_POLICY_EAGER;
}

static bool always(const struct situation *s)
{
	(void)s;
	return true;
}

static const struct {
	bool (*applies)(const struct situation *s);
	enum verdict verdict;
	enum verdict_reason reason;
} rows[SITUATION_ROWS] = {
	{is_retired, VERDICT_LEAVE, VERDICT_REASON_RETIRED},
	{is_private, VERDICT_LEAVE, VERDICT_REASON_PRIVATE},
	{was_inactive, VERDICT_LEAVE, VERDICT_REASON_BYSTANDER},
	{is_too_early, VERDICT_LEAVE, VERDICT_REASON_NOT_CLOSE_WAIT},
	{holds_alone, VERDICT_LEAVE, VERDICT_REASON_LAST_HOLDER},
	{has_engaged_holder, VERDICT_LEAVE, VERDICT_REASON_ENGAGED},
	{has_no_pending_holder, VERDICT_FIN, VERDICT_REASON_STALE},
	{closes_before_peer, VERDICT_LEAVE, VERDICT_REASON_PENDING},
	{served_its_accept_loop, VERDICT_FIN, VERDICT_REASON_SERVED},
	{is_eager, VERDICT_FIN, VERDICT_REASON_EAGER},
	{always, VERDICT_DEFER, VERDICT_REASON_PENDING},
};

/* Takes one digit of the given base off *number. */
static unsigned take(unsigned *number, unsigned base)
{
	unsigned digit = *number % base;

	*number /= base;
	return digit;
}

bool situation_nth(unsigned number, struct situation *s)
{
	memset(s, 0, sizeof(*s));
	s->facts.retired = take(&number, 2);
	s->facts.shared = take(&number, 2);
	s->facts.active = take(&number, 2);
	s->facts.has_written = take(&number, 2);
	s->facts.state = VERDICT_STATE_CLOSE_WAIT + take(&number, 3);
	s->facts.eof = VERDICT_EOF_SEEN + take(&number, 2);
	s->facts.holders.asked = true;
	s->facts.holders.engaged = take(&number, 3);
	s->facts.holders.elsewhere = take(&number, 3);
	s->facts.holders.pending = take(&number, 3);
	s->facts.holders.pending_accept = take(&number, 3);
	s->settings.policy = take(&number, 3);
	s->settings.trigger = take(&number, 2);
	return number == 0;
}

struct verdict_result situation_rule(const struct situation *s)
{
	return verdict_for_let_go(&s->facts, &s->settings);
}

struct verdict_result situation_model(const struct situation *s)
{
	unsigned row = situation_row(s);

	return (struct verdict_result){.verdict = rows[row].verdict, .reason = rows[row].reason};
}

unsigned situation_row(const struct situation *s)
{
	unsigned row = 0;

	while (!rows[row].applies(s)) {
		row++;
	}
	return row;
}

bool situation_is_same(struct verdict_result a, struct verdict_result b)
{
	return a.verdict == b.verdict && a.reason == b.reason;
}

void situation_fail(const struct situation *s, const char *what)
{
	const struct verdict_facts *f = &s->facts;

	fail_msg("%s: retired=%d shared=%d active=%d written=%d state=%d eof=%d engaged=%u "
		 "elsewhere=%u pending=%u pending_accept=%u policy=%d trigger=%d: rule says %s %s, "
		 "model %s %s",
		 what, f->retired, f->shared, f->active, f->has_written, (int)f->state, (int)f->eof,
		 f->holders.engaged, f->holders.elsewhere, f->holders.pending,
		 f->holders.pending_accept, (int)s->settings.policy, (int)s->settings.trigger,
		 verdict_token(situation_rule(s).verdict),
		 verdict_reason_token(situation_rule(s).reason),
		 verdict_token(situation_model(s).verdict),
		 verdict_reason_token(situation_model(s).reason));
}
