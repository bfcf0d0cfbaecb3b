/* SPDX-License-Identifier: MIT */
/* See source.h. */
#include "ledger/source.h"

#include <stddef.h>

#include "ledger/sites.h"

bool source_frame_of(const void *ledger, uint32_t site, uint32_t index, struct line_frame *frame)
{
	const struct ledger_site *slot = sites_get(ledger, site);
	const struct ledger_module *module;

	if (slot == NULL || index >= LEDGER_FRAMES || index >= slot->frame_count) {
		return false;
	}
	*frame = (struct line_frame){.offset = sites_frame_offset(slot->frames[index])};
	module = sites_module(ledger, sites_frame_module(slot->frames[index]));
	if (module != NULL) {
		frame->module = module->path;
		frame->build_id = module->build_id;
		frame->build_id_length = module->build_id_length;
	}
	return true;
}
