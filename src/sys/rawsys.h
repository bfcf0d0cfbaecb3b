/* SPDX-License-Identifier: MIT */
/*
 * System calls without libc: no errno, no cancellation point, nothing that an
 * interposer could catch. Results are the kernel's: a value, or -errno.
 *
 * The idea: one inline function of six arguments; the compiler drops the moves
 * of those that are zero constants it need not keep.
 * Never here: a call that blocks.
 *
 * Source of the conventions: syscall(2), "Architecture calling conventions".
 */
#ifndef SYS_RAWSYS_H
#define SYS_RAWSYS_H

#include <sys/syscall.h>

#if defined(__x86_64__)
static inline long rawsys6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}
#elif defined(__aarch64__)
static inline long rawsys6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory", "cc");
	return x0;
}
#else
#error "sendfin knows the system calls of x86-64 and aarch64 only"
#endif

static inline long rawsys3(long nr, long a, long b, long c)
{
	return rawsys6(nr, a, b, c, 0, 0, 0);
}

static inline long rawsys1(long nr, long a)
{
	return rawsys6(nr, a, 0, 0, 0, 0, 0);
}

/* True for -errno, false for a value; addresses may look negative. */
static inline int rawsys_is_error(long result)
{
	return result < 0 && result >= -4095;
}

#endif
