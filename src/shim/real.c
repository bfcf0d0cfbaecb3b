/* SPDX-License-Identifier: MIT */
/*
 * dlvsym and dlsym are imported weakly and without a version: the library loads
 * into any libc, and where there is neither it stays on system calls and inert.
 *
 * Before glibc 2.36 RTLD_NEXT gave the oldest version of a name (glibc BZ 14932),
 * so names with more than one are asked for by their default version first.
 */
#include "shim/real.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "shim/early.h"

__typeof__(dlsym) dlsym __attribute__((weak));
__typeof__(dlvsym) dlvsym __attribute__((weak));

struct real real = {
#define HOOK(name)         .name = early_##name,
#define HOOK_AS(name, ...) .name = early_##name,
#include "shim/hooks.def"
#undef HOOK
#undef HOOK_AS
};

struct borrowed borrowed;

/* Names with two versions on our machines, and the one that new programs bind to. */
static const struct {
	const char *name;
	const char *version;
} versioned[] = {
	{"posix_spawn", "GLIBC_2.15"},
	{"posix_spawnp", "GLIBC_2.15"},
	{"quick_exit", "GLIBC_2.24"},
};

static void *look_up(const char *name)
{
	for (size_t i = 0; dlvsym != NULL && i < sizeof(versioned) / sizeof(versioned[0]); i++) {
		if (strcmp(versioned[i].name, name) == 0) {
			void *found = dlvsym(RTLD_NEXT, name, versioned[i].version);

			if (found != NULL) {
				return found;
			}
		}
	}
	return dlsym(RTLD_NEXT, name);
}

/* Data and function pointers have one size where we run; ISO C will not say so. */
static void take(void *entry, const char *name)
{
	void *found = look_up(name);

	if (found != NULL) {
		memcpy(entry, &found, sizeof(found));
	}
}

void real_resolve(void)
{
	static bool resolved;
	int saved = errno;

	if (resolved || dlsym == NULL) {
		return;
	}
	resolved = true;
#define HOOK(name)         take(&real.name, #name);
#define HOOK_AS(name, ...) take(&real.name, #name);
#define REAL(name, ...)    take(&borrowed.name, #name);
#include "shim/hooks.def"
#undef HOOK
#undef HOOK_AS
#undef REAL
	if (borrowed.dlerror != NULL) {
		borrowed.dlerror(); /* a failed look-up must not show in the program's next one */
	}
	errno = saved;
}
