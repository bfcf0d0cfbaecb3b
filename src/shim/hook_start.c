/* SPDX-License-Identifier: MIT */
/*
 * The moment between the libraries' constructors and main: crt1's _start calls
 * __libc_start_main through the table of symbols, so through us.
 *
 * libsendfin-trace.so can only be opened here. Our constructor runs before libc's own
 * (-z initfirst), and dlopen runs the constructors of all that its library depends on:
 * libc's then gets the arguments and the environment that nobody has given it yet, and the
 * program starts without either. Seen on glibc 2.36.
 */
#include <errno.h>
#include <stddef.h>

#include "shim/capture.h"
#include "shim/places.h"
#include "shim/real.h"

/* No header declares it; glibc's seven arguments, of which musl's are the first six. */
EXPORT int __libc_start_main(int (*main)(int, char **, char **), int count, char **arguments,
			     void (*init)(void), void (*fini)(void), void (*loader_fini)(void),
			     void *stack_end);

EXPORT int __libc_start_main(int (*main)(int, char **, char **), int count, char **arguments,
			     void (*init)(void), void (*fini)(void), void (*loader_fini)(void),
			     void *stack_end)
{
	if (unlikely(places_are_kept)) {
		int saved = errno;

		capture_setup();
		errno = saved;
	}
	return real.__libc_start_main(main, count, arguments, init, fini, loader_fini, stack_end);
}
