/* SPDX-License-Identifier: MIT */
/*
 * The rule as code. Each early return is one row of the table in the manual,
 * in the same order; a row is never merged with its neighbour, so that a reader
 * can hold the two side by side.
 */
#include "core/verdict.h"

#include <stddef.h>

static const char *const verdict_tokens[] = {
#define SENDFIN_VERDICT(name, token) [VERDICT_##name] = token,
#include "sendfin/event.def"
#undef SENDFIN_VERDICT
};

static const struct {
	const char *token;
	const char *sentence;
} verdict_reasons[] = {
#define SENDFIN_REASON(name, text, why) [VERDICT_REASON_##name] = {text, why},
#include "sendfin/event.def"
#undef SENDFIN_REASON
};

static struct verdict_result result(enum verdict verdict, enum verdict_reason reason)
{
	return (struct verdict_result){.verdict = verdict, .reason = reason};
}

static struct verdict_result leave(enum verdict_reason reason)
{
	return result(VERDICT_LEAVE, reason);
}

static struct verdict_result ask(enum verdict question)
{
	return result(question, VERDICT_REASON_COUNT);
}

/* SENDFIN_TRIGGER=close: the server may also be the one that closes first. */
static bool closes_first(const struct verdict_facts *facts, const struct settings *settings)
{
	return settings->trigger == SETTINGS_TRIGGER_CLOSE && facts->has_written &&
	       facts->state == VERDICT_STATE_ESTABLISHED;
}

/* The rows for PENDING holders: everybody else is gone or elsewhere. */
static struct verdict_result verdict_for_pending(const struct verdict_facts *facts,
						 const struct settings *settings)
{
	const struct verdict_holders *holders = &facts->holders;
	bool only_accept_loops = holders->pending == holders->pending_accept;
	bool may_be_served = facts->has_written && only_accept_loops &&
			     settings->policy != SETTINGS_POLICY_STRICT;

	if (!may_be_served && settings->policy != SETTINGS_POLICY_EAGER) {
		return result(VERDICT_DEFER, VERDICT_REASON_PENDING);
	}
	if (facts->eof == VERDICT_EOF_UNASKED) {
		return ask(VERDICT_ASK_EOF);
	}
	if (facts->eof != VERDICT_EOF_SEEN) {
		return result(VERDICT_DEFER, VERDICT_REASON_PENDING);
	}
	return result(VERDICT_FIN, may_be_served ? VERDICT_REASON_SERVED : VERDICT_REASON_EAGER);
}

struct verdict_result verdict_for_let_go(const struct verdict_facts *facts,
					 const struct settings *settings)
{
	const struct verdict_holders *holders = &facts->holders;

	if (facts->retired) {
		return leave(VERDICT_REASON_RETIRED);
	}
	if (!facts->shared) {
		return leave(VERDICT_REASON_PRIVATE);
	}
	if (!facts->active) {
		return leave(VERDICT_REASON_BYSTANDER);
	}
	if (facts->state == VERDICT_STATE_UNASKED) {
		return ask(VERDICT_ASK_STATE);
	}
	if (facts->state != VERDICT_STATE_CLOSE_WAIT && !closes_first(facts, settings)) {
		return leave(VERDICT_REASON_NOT_CLOSE_WAIT);
	}
	if (!holders->asked) {
		return ask(VERDICT_ASK_HOLDERS);
	}
	if (holders->engaged + holders->elsewhere + holders->pending == 0) {
		return leave(VERDICT_REASON_LAST_HOLDER);
	}
	if (holders->engaged > 0) {
		return leave(VERDICT_REASON_ENGAGED);
	}
	if (holders->pending == 0) {
		return result(VERDICT_FIN, VERDICT_REASON_STALE);
	}
	if (facts->state != VERDICT_STATE_CLOSE_WAIT) {
		/* Closing first: only STALE leads to a FIN, and nothing is deferred. */
		return leave(VERDICT_REASON_PENDING);
	}
	return verdict_for_pending(facts, settings);
}

const char *verdict_token(enum verdict verdict)
{
	size_t count = sizeof(verdict_tokens) / sizeof(verdict_tokens[0]);

	return (size_t)verdict < count ? verdict_tokens[verdict] : "ask";
}

const char *verdict_reason_token(enum verdict_reason reason)
{
	return (size_t)reason < VERDICT_REASON_COUNT ? verdict_reasons[reason].token : "none";
}

const char *verdict_reason_sentence(enum verdict_reason reason)
{
	return (size_t)reason < VERDICT_REASON_COUNT ? verdict_reasons[reason].sentence : "";
}
