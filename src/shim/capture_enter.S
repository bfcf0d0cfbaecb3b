/* SPDX-License-Identifier: MIT */
/*
 * capture_enter(registers, stack, function, argument): notes the caller's registers, as
 * they will be when this returns, and calls function(argument) on another stack.
 *
 * The stack below the hooks may be as small as a signal handler's alternate one; a walk
 * needs more than there is left.
 */
#include "shim/trace.h"

#ifdef __CET__
#include <cet.h> /* see thunks.S */
#endif

	.text
	.globl capture_enter
	.hidden capture_enter
	.p2align 4

#if defined(__x86_64__)
	.type capture_enter, @function
capture_enter:
	.cfi_startproc
	endbr64
	movq %rbx, 0(%rdi)
	movq %r12, 8(%rdi)
	movq %r13, 16(%rdi)
	movq %r14, 24(%rdi)
	movq %r15, 32(%rdi)
	movq %rbp, TRACE_OFFSET_FP(%rdi)
	leaq 8(%rsp), %rax
	movq %rax, TRACE_OFFSET_SP(%rdi)
	movq (%rsp), %rax
	movq %rax, TRACE_OFFSET_PC(%rdi)
	pushq %rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbp, 0
	movq %rsp, %rbp
	.cfi_def_cfa_register %rbp
	movq %rsi, %rsp
	movq %rcx, %rdi
	call *%rdx
	movq %rbp, %rsp
	.cfi_def_cfa_register %rsp
	popq %rbp
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbp
	ret
	.cfi_endproc
#elif defined(__aarch64__)
	.type capture_enter, %function
capture_enter:
	.cfi_startproc
	hint #34			/* bti c */
	stp x19, x20, [x0, #0]
	stp x21, x22, [x0, #16]
	stp x23, x24, [x0, #32]
	stp x25, x26, [x0, #48]
	stp x27, x28, [x0, #64]
	mov x9, sp
	str x29, [x0, #TRACE_OFFSET_FP]
	str x9, [x0, #TRACE_OFFSET_SP]
	str x30, [x0, #TRACE_OFFSET_PC]
	stp x29, x30, [sp, #-16]!
	.cfi_adjust_cfa_offset 16
	.cfi_rel_offset x29, 0
	.cfi_rel_offset x30, 8
	mov x29, sp
	.cfi_def_cfa_register x29
	mov sp, x1
	mov x0, x3
	blr x2
	mov sp, x29
	.cfi_def_cfa_register sp
	ldp x29, x30, [sp], #16
	.cfi_adjust_cfa_offset -16
	.cfi_restore x29
	.cfi_restore x30
	ret
	.cfi_endproc
#endif
	.size capture_enter, . - capture_enter

#include "shim/notes.inc"
