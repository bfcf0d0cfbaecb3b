/* SPDX-License-Identifier: MIT */
/*
 * The rule: may the process that lets go of a connection send its FIN?
 *
 * The idea: one pure function of facts, read from top to bottom like the table
 * in the manual; the first line that matches decides. Some facts cost a system
 * call or a look at other processes, and most closes are decided before they
 * are needed. So a fact may be "not asked yet": verdict_for_let_go() then names
 * the fact it needs (ASK_*), the caller finds it out and calls again. Which
 * facts are gathered, and from where, is the caller's business alone.
 *
 * Invariant: FIN is returned only when every fact on the way to it is known.
 * Never here: a system call, or a guess that favours FIN.
 */
#ifndef CORE_VERDICT_H
#define CORE_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/settings.h"

enum verdict {
#define SENDFIN_VERDICT(name, token) VERDICT_##name,
#include "sendfin/event.def"
#undef SENDFIN_VERDICT
	VERDICT_ASK_STATE,   /* fill verdict_facts.state, then call again */
	VERDICT_ASK_HOLDERS, /* fill verdict_facts.holders, then call again */
	VERDICT_ASK_EOF,     /* fill verdict_facts.eof, then call again */
};

enum verdict_reason {
#define SENDFIN_REASON(name, token, sentence) VERDICT_REASON_##name,
#include "sendfin/event.def"
#undef SENDFIN_REASON
	VERDICT_REASON_COUNT,
};

/* What the kernel says of the connection, as far as the rule cares. */
enum verdict_state {
	VERDICT_STATE_UNASKED,
	VERDICT_STATE_CLOSE_WAIT,  /* the peer's FIN is in, ours is not out */
	VERDICT_STATE_ESTABLISHED, /* no FIN either way */
	VERDICT_STATE_OTHER,       /* anything else, or the kernel would not say */
};

enum verdict_eof {
	VERDICT_EOF_UNASKED,
	VERDICT_EOF_SEEN,
	VERDICT_EOF_NOT_SEEN,
};

/* The other holders of the connection, counted by their standing towards it. */
struct verdict_holders {
	bool asked;              /* false: the counts below mean nothing yet */
	uint32_t engaged;        /* using it */
	uint32_t elsewhere;      /* went on with other work */
	uint32_t pending;        /* neither; includes those nobody can see */
	uint32_t pending_accept; /* of the pending: acquired it by accept and still listen */
};

/* All that is known of one letting-go. Zero is "not asked", or the safe answer. */
struct verdict_facts {
	bool retired;     /* mode is off, or the shim has retired in this process */
	bool shared;      /* a fork or exec shared it since it was acquired */
	bool active;      /* this process used it since it came to share it */
	bool has_written; /* ... and wrote to it */
	enum verdict_state state;
	enum verdict_eof eof;
	struct verdict_holders holders;
};

struct verdict_result {
	enum verdict verdict;
	enum verdict_reason reason; /* meaningless with VERDICT_ASK_* */
};

/*
 * The rule. Total and pure; callable from anywhere, signal handlers included.
 * Needs settings->policy and ->trigger only.
 */
struct verdict_result verdict_for_let_go(const struct verdict_facts *facts,
					 const struct settings *settings);

/* The stable token of a verdict or reason, e.g. "fin", "stale"; never NULL. */
const char *verdict_token(enum verdict verdict);
const char *verdict_reason_token(enum verdict_reason reason);

/* The sentence that explains a reason to a person; never NULL. */
const char *verdict_reason_sentence(enum verdict_reason reason);

#endif
