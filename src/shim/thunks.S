/* SPDX-License-Identifier: MIT */
/*
 * What C cannot write.
 *
 * vfork returns twice on one stack: the child runs on the parent's frames and
 * destroys whatever a C function had put there. So the return address lives in a
 * register, which each of the two processes has its own copy of, and the only
 * memory written is the thread's word for a vfork under way (guard.h): set before
 * the child starts, and back to what the parent's register says when it runs again.
 * The system call is
 * made here, as libc makes it; on failure the parent sets errno.
 *
 * syscall must hand on every register as it came, and its SYS_vfork is ours. Only
 * the numbers that hook_syscall.c lists in syscall_watched go to C; all others are
 * a jump to the real function.
 */
#include <sys/syscall.h>

#include "shim/guard.h"

#if defined(__x86_64__)
	.text

	.globl vfork
	.type vfork, @function
	.p2align 4
vfork:
	.cfi_startproc
	endbr64
	subq $8, %rsp
	.cfi_adjust_cfa_offset 8
	call guard_before_vfork		/* what we hold will be shared */
	addq $8, %rsp
	.cfi_adjust_cfa_offset -8
	popq %rdi			/* the return address: rdi survives the system call */
	.cfi_adjust_cfa_offset -8
	.cfi_register %rip, %rdi
	movq guard_self@gottpoff(%rip), %rsi
	movq %fs:GUARD_OFFSET_VFORK_FRAME(%rsi), %r8
	movq %r8, %r9
	testq %r8, %r8
	cmovzq %rsp, %r9		/* the outermost counts */
	movq %r9, %fs:GUARD_OFFSET_VFORK_FRAME(%rsi)
	movl $SYS_vfork, %eax
	syscall
	testl %eax, %eax
	jz 1f
	movq %r8, %fs:GUARD_OFFSET_VFORK_FRAME(%rsi)
	testq %rax, %rax
	js 1f
	/* With a shadow stack the child's frames have overwritten our entry: skip it. */
	xorl %ecx, %ecx
	rdsspq %rcx
	testq %rcx, %rcx
	jz 1f
	movl $1, %ecx
	incsspq %rcx
	jmp *%rdi
1:
	pushq %rdi
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rip, 0
	testq %rax, %rax
	js 2f
	ret
2:
	movq %rax, %rdi
	jmp vfork_failed
	.cfi_endproc
	.size vfork, . - vfork

	.globl __vfork
	.set __vfork, vfork

	.globl syscall
	.type syscall, @function
	.p2align 4
syscall:
	.cfi_startproc
	endbr64
	cmpq $SYS_vfork, %rdi
	je vfork
	cmpq $511, %rdi
	ja 1f
	leaq syscall_watched(%rip), %rax
	btq %rdi, (%rax)
	jc hook_syscall
1:
	movq real_syscall(%rip), %rax
	jmp *%rax
	.cfi_endproc
	.size syscall, . - syscall

#elif defined(__aarch64__)
	.text

	.globl vfork
	.type vfork, %function
	.p2align 4
vfork:
	.cfi_startproc
	hint #34			/* bti c */
	stp x29, x30, [sp, #-16]!
	.cfi_adjust_cfa_offset 16
	.cfi_rel_offset x29, 0
	.cfi_rel_offset x30, 8
	bl guard_before_vfork		/* what we hold will be shared */
	ldp x29, x30, [sp], #16
	.cfi_adjust_cfa_offset -16
	.cfi_restore x29
	.cfi_restore x30
	mrs x9, tpidr_el0
	adrp x10, :gottprel:guard_self
	ldr x10, [x10, #:gottprel_lo12:guard_self]
	add x10, x10, x9
	ldr x12, [x10, #GUARD_OFFSET_VFORK_FRAME]
	mov x11, sp
	cmp x12, #0
	csel x11, x11, x12, eq		/* the outermost counts */
	str x11, [x10, #GUARD_OFFSET_VFORK_FRAME]
	mov x0, #0x4111			/* CLONE_VM | CLONE_VFORK | SIGCHLD */
	mov x1, #0
	mov x8, #SYS_clone
	svc #0
	cbz x0, 1f
	str x12, [x10, #GUARD_OFFSET_VFORK_FRAME]
	tbz x0, #63, 1f
	b vfork_failed
1:
	ret				/* x30 is the return address in both processes */
	.cfi_endproc
	.size vfork, . - vfork

	.globl __vfork
	.set __vfork, vfork

	.globl syscall
	.type syscall, %function
	.p2align 4
syscall:
	.cfi_startproc
	hint #34
	cmp x0, #511
	b.hi 1f
	adrp x9, syscall_watched
	add x9, x9, :lo12:syscall_watched
	lsr x10, x0, #6
	ldr x9, [x9, x10, lsl #3]
	lsr x9, x9, x0
	tbz x9, #0, 1f
	b hook_syscall
1:
	adrp x16, real_syscall
	ldr x16, [x16, :lo12:real_syscall]
	br x16
	.cfi_endproc
	.size syscall, . - syscall
#endif

#include "shim/notes.inc"
