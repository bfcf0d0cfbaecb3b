/* SPDX-License-Identifier: MIT */
/*
 * dlvsym and dlsym are imported weakly and without a version: the library loads
 * into any libc, and where there is neither it stays on system calls and inert.
 *
 * Nearly all is found by one walk (symbols.h); what that leaves open is asked one by one.
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
#include "shim/symbols.h"

__typeof__(dlsym) dlsym __attribute__((weak));
__typeof__(dlvsym) dlvsym __attribute__((weak));

struct real real = {
#define HOOK(name)         .name = early_##name,
#define HOOK_AS(name, ...) .name = early_##name,
#include "shim/hooks.def"
#undef HOOK
#undef HOOK_AS
};

ONCE struct borrowed borrowed;

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

/* All names, one behind the other. */
#define HOOK(name)         char name[sizeof(#name)];
#define HOOK_AS(name, ...) char name[sizeof(#name)];
#define REAL(name, ...)    char name[sizeof(#name)];
struct names {
#include "shim/hooks.def"
};
#undef HOOK
#undef HOOK_AS
#undef REAL

#define HOOK(name)         #name,
#define HOOK_AS(name, ...) #name,
#define REAL(name, ...)    #name,
static const struct names names = {
#include "shim/hooks.def"
};
#undef HOOK
#undef HOOK_AS
#undef REAL

#define HOOK(name)         {SYMBOLS_HASH(#name), offsetof(struct names, name), sizeof(#name)},
#define HOOK_AS(name, ...) {SYMBOLS_HASH(#name), offsetof(struct names, name), sizeof(#name)},
#define REAL(name, ...)    {SYMBOLS_HASH(#name), offsetof(struct names, name), sizeof(#name)},
static const struct symbols_wanted wanted[] = {
#include "shim/hooks.def"
};
#undef HOOK
#undef HOOK_AS
#undef REAL

/* A longer one would not be hashed to its end. */
#define HOOK(name)         _Static_assert(sizeof(#name) - 1 <= SYMBOLS_NAME_MAX, #name);
#define HOOK_AS(name, ...) _Static_assert(sizeof(#name) - 1 <= SYMBOLS_NAME_MAX, #name);
#define REAL(name, ...)    _Static_assert(sizeof(#name) - 1 <= SYMBOLS_NAME_MAX, #name);
#include "shim/hooks.def"
#undef HOOK
#undef HOOK_AS
#undef REAL

/* Where the address of each goes: offsets in `real`, and in `borrowed` with this bit. */
#define IS_BORROWED 0x8000U

#define HOOK(name)         offsetof(struct real, name),
#define HOOK_AS(name, ...) offsetof(struct real, name),
#define REAL(name, ...)    offsetof(struct borrowed, name) | IS_BORROWED,
static const uint16_t places[] = {
#include "shim/hooks.def"
};
#undef HOOK
#undef HOOK_AS
#undef REAL

enum { NAMES = sizeof(places) / sizeof(places[0]) };

static void *place_of(uint16_t place)
{
	return (place & IS_BORROWED) != 0 ? (char *)&borrowed + (place & ~IS_BORROWED)
					  : (char *)&real + place;
}

/* Data and function pointers have one size where we run; ISO C will not say so. */
static void take_all(void *const *found)
{
	bool was_asked = false;

	for (size_t i = 0; i < NAMES; i++) {
		void *address = found[i];

		if (address == NULL) {
			address = look_up((const char *)&names + wanted[i].name);
			was_asked = true;
		}

		if (address != NULL) {
			memcpy(place_of(places[i]), &address, sizeof(address));
		}
	}
	if (was_asked && borrowed.dlerror != NULL) {
		borrowed.dlerror(); /* a failed look-up must not show in the program's next one */
	}
}

bool real_resolve(void)
{
	static bool is_begun;
	static bool is_done;
	void *found[NAMES] = {NULL};
	int saved = errno;

	if (is_begun || dlsym == NULL) {
		return __atomic_load_n(&is_done, __ATOMIC_ACQUIRE);
	}
	is_begun = true;
	symbols_find(wanted, NAMES, (const char *)&names, found);
	take_all(found);
	__atomic_store_n(&is_done, true, __ATOMIC_RELEASE);
	errno = saved;
	return true;
}
