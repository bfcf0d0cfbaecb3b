/* SPDX-License-Identifier: MIT */
/*
 * What the walk must know of the machine: libunwind's names of the registers, how code looks
 * that a signal handler returns to, and where the signal left the registers of what it
 * interrupted.
 *
 * The kernel's frame of a signal holds all registers in one array (struct sigcontext in
 * asm/sigcontext.h), so the places of stack pointer and pc follow from the frame
 * pointer's. unw_is_signal_frame() cannot be used: it tells of the step that was made last.
 */
#ifndef SHIM_TRACE_MACHINE_H
#define SHIM_TRACE_MACHINE_H

#include "shim/trace.h"

#if defined(__x86_64__)
#include <libunwind-x86_64.h>

#define MACHINE_FP    UNW_X86_64_RBP
#define MACHINE_SAVED UNW_X86_64_RBX, UNW_X86_64_R12, UNW_X86_64_R13, UNW_X86_64_R14, UNW_X86_64_R15

enum {
	MACHINE_SIGNAL_SP = 5 * 8, /* rbp, rbx, rdx, rax, rcx, rsp, rip */
	MACHINE_SIGNAL_PC = 6 * 8,
};

/* mov $SYS_rt_sigreturn, %rax; syscall: all but the last byte */
#define MACHINE_SIGRETURN UINT64_C(0x0f0000000fc0c748)
#elif defined(__aarch64__)
#include <libunwind-aarch64.h>

#define MACHINE_FP UNW_AARCH64_X29
#define MACHINE_SAVED                                                                              \
	UNW_AARCH64_X19, UNW_AARCH64_X20, UNW_AARCH64_X21, UNW_AARCH64_X22, UNW_AARCH64_X23,       \
		UNW_AARCH64_X24, UNW_AARCH64_X25, UNW_AARCH64_X26, UNW_AARCH64_X27,                \
		UNW_AARCH64_X28

enum {
	MACHINE_SIGNAL_SP = 2 * 8, /* x29, x30, sp, pc */
	MACHINE_SIGNAL_PC = 3 * 8,
};

/* mov x8, #SYS_rt_sigreturn; svc #0 */
#define MACHINE_SIGRETURN UINT64_C(0xd4000001d2801168)
#endif

#endif
