/* SPDX-License-Identifier: MIT */
/*
 * What the programs of this suite share: the probe, if there is one, and a line for each
 * frame of a site. Comments like "@name" on a line with a call are what the runner expects
 * addr2line to find there.
 */
#ifndef TRACE_VICTIM_H
#define TRACE_VICTIM_H

#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>

#if defined(__cplusplus)
#define _Static_assert static_assert
#endif
#include "../probe.h"

/* A call before this is none that a compiler may turn into a jump. */
#define STAY() __asm__ volatile("" ::: "memory")

#if defined(__clang__)
#define OWN __attribute__((noinline))
#else
#define OWN __attribute__((noinline, noclone))
#endif

static const struct probe *probe;

__attribute__((constructor)) static void find_probe(void)
{
	probe = (const struct probe *)dlsym(RTLD_DEFAULT, PROBE_NAME);
}

/* A macro: the call belongs to the function that it stands in. */
#if defined(WITHOUT_ENTRY)
#define SITE() (probe != NULL ? probe->site_without_entry() : 0)
#else
#define SITE() (probe != NULL ? probe->site() : 0)
#endif

static inline void show(const char *name, uint32_t site)
{
	struct line_frame frame;

	if (probe == NULL) {
		return;
	}
	printf("site %s %" PRIu32 " count=%" PRIu64 " cut=%d\n", name, site, probe->count(site),
	       probe->is_cut(site));
	for (uint32_t i = 0; probe->frame(site, i, &frame); i++) {
		printf("frame %s 0x%" PRIx64 " %s %" PRIu64 " ", frame.module ? frame.module : "-",
		       frame.offset, frame.function ? frame.function : "-", frame.into);
		for (uint32_t at = 0; at < frame.build_id_length; at++) {
			printf("%02x", frame.build_id[at]);
		}
		printf("\n");
	}
	fflush(stdout);
}

#endif
