/* SPDX-License-Identifier: MIT */
/* See summary.h. */
#include "core/summary.h"

uint32_t summary_leaks(const struct summary *summary)
{
	return summary->never_closed + summary->stale_copies + summary->dead + summary->reclaimed;
}

static void append_count(struct text *text, uint32_t count, const char *one, const char *many)
{
	text_unsigned(text, count);
	text_char(text, ' ');
	text_string(text, count == 1 ? one : many);
}

void summary_text(struct text *text, const struct summary *summary)
{
	text_string(text, "sendfin[");
	text_unsigned(text, summary->pid);
	text_string(text, "]: leak report: ");
	if (summary_leaks(summary) == 0) {
		text_string(text, "no leak");
		return;
	}
	append_count(text, summary->never_closed, "connection never closed",
		     "connections never closed");
	text_string(text, ", ");
	append_count(text, summary->stale_copies, "stale copy", "stale copies");
	text_string(text, ", ");
	append_count(text, summary->dead, "dead descriptor", "dead descriptors");
	if (summary->reclaimed != 0) {
		text_string(text, ", ");
		append_count(text, summary->reclaimed, "descriptor given back",
			     "descriptors given back");
	}
}

void summary_json(struct text *text, const struct summary *summary)
{
	text_string(text, "{\"event\":\"report\",\"pid\":");
	text_unsigned(text, summary->pid);
	text_string(text, ",\"leaks\":");
	text_unsigned(text, summary_leaks(summary));
	text_string(text, ",\"never_closed\":");
	text_unsigned(text, summary->never_closed);
	text_string(text, ",\"stale_copies\":");
	text_unsigned(text, summary->stale_copies);
	text_string(text, ",\"dead\":");
	text_unsigned(text, summary->dead);
	text_string(text, ",\"reclaimed\":");
	text_unsigned(text, summary->reclaimed);
	text_char(text, '}');
}
