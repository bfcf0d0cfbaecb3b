/* SPDX-License-Identifier: MIT */
/*
 * Stacks of every shape, each captured twice: once walked, once known. Between the two,
 * other stacks pass over the same memory.
 */
#include "victim.h"

#include <alloca.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static volatile int times = 2; /* not known to a compiler that unrolls loops */

static void use(void *memory)
{
	__asm__ volatile("" ::"r"(memory) : "memory");
}

OWN static uint32_t leaf(void)
{
	uint32_t site = SITE(); /* @leaf */

	STAY();
	return site;
}

OWN static void chain(void)
{
	show("chain", leaf()); /* @chain */
	STAY();
}

/* Three places of one function at the same depth. */
OWN static void three(void)
{
	uint32_t first = leaf(); /* @three-1 */
	uint32_t second;
	uint32_t third;

	STAY();
	second = leaf(); /* @three-2 */
	STAY();
	third = leaf(); /* @three-3 */
	show("three-1", first);
	show("three-2", second);
	show("three-3", third);
}

/* The innermost frames are the same, and only somebody far away differs. */
OWN static uint32_t middle(int depth)
{
	uint32_t site = depth > 0 ? middle(depth - 1) : leaf(); /* @middle */

	STAY();
	return site;
}

OWN static void far_apart(void)
{
	uint32_t left = middle(4); /* @left */
	uint32_t right;

	STAY();
	right = middle(4); /* @right */
	show("left", left);
	show("right", right);
}

OWN static void deep(void)
{
	uint32_t site = middle(100);

	show("deep", site);
}

/* Functions with frames of changing size: the frame pointer says where they end. */
OWN static uint32_t swinging(size_t bytes)
{
	char *room = (char *)alloca(bytes);
	uint32_t site;

	use(room);
	site = leaf(); /* @swinging */
	use(room);
	return site;
}

OWN static void sizes(void)
{
	uint32_t big;
	uint32_t small;

	big = swinging(4096); /* @big */
	STAY();
	small = swinging(64); /* @small */
	show("big", big);
	show("small", small);
}

OWN static void aligned(void)
{
	__attribute__((aligned(64))) char room[64];

	use(room);
	show("aligned", leaf()); /* @aligned */
	use(room);
}

static int compare(const void *left, const void *right)
{
	static int calls;

	if (calls++ == 0) {
		show("callback", leaf()); /* @compare */
	}
	return memcmp(left, right, sizeof(int));
}

OWN static void callback(void)
{
	int numbers[] = {4, 3, 2, 1};
	static int calls;

	if (calls++ == 0) {
		qsort(numbers, 4, sizeof(numbers[0]), compare); /* @callback */
	}
	use(numbers);
}

static void *thread(void *unused)
{
	show("thread", leaf()); /* @thread */
	return unused;
}

OWN static void in_thread(void)
{
	pthread_t other;

	pthread_create(&other, NULL, thread, NULL);
	pthread_join(other, NULL);
}

static void on_signal(int number)
{
	static volatile uint32_t site;

	(void)number;
	site = leaf(); /* @on-signal */
	show("signal", site);
}

OWN static void in_signal(void)
{
	raise(SIGUSR1); /* @in-signal */
	STAY();
}

#if defined(__x86_64__)
/* The interrupted instruction is the function's first: one less would be the one before. */
__asm__(".text\n.type before_trap, @function\nbefore_trap:\n"
	".cfi_startproc\nret\n.cfi_endproc\n.size before_trap, . - before_trap\n"
	".globl trap_at_once\n.type trap_at_once, @function\ntrap_at_once:\n"
	".cfi_startproc\nud2\nret\n.cfi_endproc\n.size trap_at_once, . - trap_at_once\n");
extern void trap_at_once(void);

static void on_trap(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)info;
	show("trap", leaf()); /* @on-trap */
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += 2;
}

OWN static void in_trap(void)
{
	trap_at_once(); /* @in-trap */
	STAY();
}
#else
static void on_trap(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)info;
	(void)context;
}

static void in_trap(void)
{
}
#endif

static sigjmp_buf back;

static void jump_out(int number)
{
	(void)number;
	leaf();
	siglongjmp(back, 1);
}

/* A handler that captured and then jumped away leaves nothing behind. */
OWN static void after_jump(void)
{
	if (sigsetjmp(back, 1) == 0) {
		raise(SIGUSR2);
	}
	show("after-jump", leaf()); /* @after-jump */
	STAY();
}

static void set_up_signals(void)
{
	static char stack[16 * 1024];
	stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)};
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	sigaltstack(&alternate, NULL);
	action.sa_flags = SA_ONSTACK;
	action.sa_handler = on_signal;
	sigaction(SIGUSR1, &action, NULL);
	action.sa_handler = jump_out;
	sigaction(SIGUSR2, &action, NULL);
	action.sa_flags = SA_ONSTACK | SA_SIGINFO;
	action.sa_sigaction = on_trap;
	sigaction(SIGILL, &action, NULL);
}

int main(void)
{
	set_up_signals();
	for (int i = 0; i < times; i++) {
		printf("pass %d\n", i);
		chain();     /* @main */
		three();     /* @main-three */
		far_apart(); /* @main-far */
		deep();
		sizes();    /* @main-sizes */
		aligned();  /* @main-aligned */
		callback(); /* @main-callback */
		in_thread();
		in_signal();  /* @main-signal */
		in_trap();    /* @main-trap */
		after_jump(); /* @main-jump */
	}
	return probe != NULL && !probe->is_on();
}
