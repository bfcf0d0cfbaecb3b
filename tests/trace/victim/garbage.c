/* SPDX-License-Identifier: MIT */
/*
 * Captures on stacks that make no sense: smashed frames, code that was made at run time,
 * and a frame pointer that leads astray. Each must end, and tell who called.
 */
#include "victim.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static void nothing(void)
{
}

static void use(void *memory)
{
	__asm__ volatile("" ::"r"(memory) : "memory");
}

/* Overwrites what lies above this frame, captures, and puts it back. */
OWN static void smash(const char *name, uintptr_t value, int words)
{
	uintptr_t *above = (uintptr_t *)__builtin_frame_address(0);
	uintptr_t kept[512];
	uint32_t site;

	memcpy(kept, above, (size_t)words * sizeof(*above));
	for (int i = 0; i < words; i++) {
		above[i] = value;
	}
	site = SITE(); /* @smash */
	memcpy(above, kept, (size_t)words * sizeof(*above));
	show(name, site);
	STAY();
}

/* Words that look like addresses of code, of the stack, and of nothing, at random. */
OWN static void scramble(unsigned int seed)
{
	uintptr_t *above = (uintptr_t *)__builtin_frame_address(0);
	uintptr_t kept[64];
	uintptr_t kinds[4] = {(uintptr_t)&nothing, (uintptr_t)above, 0, (uintptr_t)&strlen};
	volatile uint32_t site;

	memcpy(kept, above, sizeof(kept));
	for (int i = 0; i < 64; i++) {
		seed = seed * 1103515245 + 12345;
		above[i] = kinds[seed >> 16 & 3] + (seed >> 18 & 255);
	}
	site = SITE();
	(void)site;
	memcpy(above, kept, sizeof(kept));
	STAY();
}

typedef void (*made_at_run_time)(void (*function)(void));

static void from_made_code(void)
{
	show("made", SITE()); /* @from-made */
}

OWN static void call_made_code(bool with_frame)
{
#if defined(__x86_64__)
	static const unsigned char framed[] = {0x55,             /* push %rbp */
					       0x48, 0x89, 0xe5, /* mov %rsp, %rbp */
					       0xff, 0xd7,       /* call *%rdi */
					       0x5d,             /* pop %rbp */
					       0xc3};            /* ret */
	static const unsigned char plain[] = {0x48, 0x83, 0xec, 0x08, 0xff, 0xd7,
					      0x48, 0x83, 0xc4, 0x08, 0xc3};
	unsigned char *page = (unsigned char *)mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
						    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	made_at_run_time made;

	if (with_frame) {
		memcpy(page, framed, sizeof(framed));
	} else {
		memcpy(page, plain, sizeof(plain));
	}
	memcpy(&made, &page, sizeof(made));
	made(from_made_code); /* @call-made */
	munmap(page, 4096);
#else
	(void)with_frame;
	from_made_code();
#endif
}

OWN static void room(int words)
{
	uintptr_t space[600];

	use(space);
	smash("high", 0x7ffffffff000, words);
	smash("small", 8, words);
	smash("huge", 0xdeadbeefdeadbeef, words);
	smash("zero", 0, words);
	smash("self", (uintptr_t)&space[100], words);
	smash("code", (uintptr_t)&nothing + 1, words);
	use(space);
}

OWN static void random_rooms(void)
{
	uintptr_t space[200];

	use(space);
	for (unsigned int seed = 0; seed < 2000; seed++) {
		scramble(seed);
	}
	use(space);
}

int main(void)
{
	room(2);
	room(300);
	random_rooms();
	call_made_code(true);
	call_made_code(false);
	printf("came to the end\n");
	return 0;
}
