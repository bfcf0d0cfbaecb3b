/* SPDX-License-Identifier: MIT */
/*
 * What the test's libsendfin.so shows of the capture room, as a table that programs find by
 * its name; see probe.c.
 */
#ifndef TRACE_PROBE_H
#define TRACE_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/line.h"

#define PROBE_NAME "sendfin_probe"

struct probe {
	bool (*is_on)(void);
	/* capture_site(), from inside a hook ... */
	uint32_t (*site)(void);
	/* ... and from one that does not say who called it. */
	uint32_t (*site_without_entry)(void);
	bool (*frame)(uint32_t site, uint32_t index, struct line_frame *frame);
	uint64_t (*count)(uint32_t site);
	bool (*is_cut)(uint32_t site);
	/* A fork as the hooks make it. */
	int (*fork)(void);
};

#endif
