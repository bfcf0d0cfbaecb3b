/* SPDX-License-Identifier: MIT */
/*
 * The places are kept in a table with a row for each site: untouched rows cost no memory.
 */
#include "cli/resolve.h"

#include "cli/symbols.h"
#include "core/text.h"
#include "ledger/sites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct known {
	struct symbols_place place;
	bool is_asked;
};

struct resolve {
	const struct ledger *ledger;
	struct symbols *symbols;
	char root[64];
	struct known known[LEDGER_SITES][LEDGER_FRAMES];
};

struct resolve *resolve_open(const struct ledger *ledger, const char *root)
{
	struct resolve *resolve = calloc(1, sizeof(*resolve));

	if (!resolve) {
		return NULL;
	}
	resolve->ledger = ledger;
	snprintf(resolve->root, sizeof(resolve->root), "%s", root);
	resolve->symbols = symbols_open();
	if (!resolve->symbols) {
		free(resolve);
		return NULL;
	}
	return resolve;
}

void resolve_close(struct resolve *resolve)
{
	if (resolve) {
		symbols_close(resolve->symbols);
		free(resolve);
	}
}

static const struct symbols_place *place_of(struct resolve *resolve, uint32_t site, uint32_t index,
					    const struct ledger_module *module, uint64_t offset)
{
	struct known *known = &resolve->known[site - 1][index];
	struct symbols_module wanted = {
		.path = module->path,
		.root = resolve->root,
		.build_id = module->build_id,
		.build_id_length = module->build_id_length,
	};

	if (wanted.build_id_length > LEDGER_BUILD_ID) {
		wanted.build_id_length = LEDGER_BUILD_ID;
	}
	if (!known->is_asked) {
		symbols_find(resolve->symbols, &wanted, offset, &known->place);
		known->is_asked = true;
	}
	return &known->place;
}

static const struct ledger_module *module_of(const struct ledger *ledger, uint64_t frame)
{
	const struct ledger_module *module = sites_module(ledger, sites_frame_module(frame));

	/* What lies in memory that others write is looked at before it is believed. */
	return module && memchr(module->path, '\0', sizeof(module->path)) ? module : NULL;
}

static const struct symbols_place *look_up(struct resolve *resolve, uint32_t site, uint32_t index,
					   struct line_frame *frame)
{
	static const struct symbols_place nothing;
	const struct ledger_site *found = resolve->ledger ? sites_get(resolve->ledger, site) : NULL;
	const struct ledger_module *module;

	memset(frame, 0, sizeof(*frame));
	if (!found || index >= found->frame_count || index >= LEDGER_FRAMES) {
		return NULL;
	}
	frame->offset = sites_frame_offset(found->frames[index]);
	module = module_of(resolve->ledger, found->frames[index]);
	if (!module) {
		return &nothing;
	}
	frame->module = module->path;
	frame->build_id = module->build_id;
	frame->build_id_length = module->build_id_length < LEDGER_BUILD_ID ? module->build_id_length
									   : LEDGER_BUILD_ID;
	return place_of(resolve, site, index, module, frame->offset);
}

bool resolve_frame(struct resolve *resolve, uint32_t site, uint32_t index, struct line_frame *frame)
{
	const struct symbols_place *place = look_up(resolve, site, index, frame);

	if (!place) {
		return false;
	}
	frame->function = place->function;
	frame->into = place->into;
	frame->file = place->file;
	frame->line = place->line;
	return true;
}

bool resolve_is_other_build(struct resolve *resolve, uint32_t site, uint32_t index)
{
	struct line_frame frame;
	const struct symbols_place *place = look_up(resolve, site, index, &frame);

	return place && place->is_other_build;
}

static bool frame_of(const void *context, uint32_t site, uint32_t index, struct line_frame *frame)
{
	return resolve_frame((struct resolve *)(uintptr_t)context, site, index, frame);
}

struct line_source resolve_source(struct resolve *resolve)
{
	return (struct line_source){.frame_of = frame_of, .context = resolve};
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

void resolve_short(struct resolve *resolve, uint32_t site, char name[RESOLVE_SHORT])
{
	struct line_frame frame;
	struct text text;

	text_begin(&text, name, RESOLVE_SHORT);
	if (!resolve_frame(resolve, site, 0, &frame)) {
		text_char(&text, '-');
	} else if (frame.file && frame.line) {
		text_untrusted(&text, last_part(frame.file), 64);
		text_char(&text, ':');
		text_unsigned(&text, frame.line);
	} else {
		const char *what = frame.function ? frame.function
				   : frame.module ? last_part(frame.module)
						  : "?";

		text_untrusted(&text, what, 64);
		text_string(&text, "+0x");
		text_hex(&text, frame.function ? frame.into : frame.offset);
	}
}
