/* SPDX-License-Identifier: MIT */
/*
 * A walk runs on a stack of ours with all signals blocked, for a hundred microseconds: so
 * it needs no room below the hook, no handler can find it half done or jump out of it, and
 * no handler can fork in the middle of it. A stack that is known costs neither.
 *
 * The word `under_way` keeps walks apart from each other and from forks. Where a site is
 * asked it is never waited for: then the site is not known, this time. A fork says that it
 * is coming, so that no further walk begins, and waits a while for the one under way; a
 * child that was forked in the middle of another thread's walk might find libunwind's own
 * locks taken for ever, so it captures nothing any more.
 */
#include "shim/capture.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include "core/text.h"
#include "ledger/sites.h"
#include "shim/known.h"
#include "shim/log.h"
#include "shim/process.h"
#include "shim/real.h"
#include "shim/trace.h"
#include "shim/tree.h"
#include "sys/rawsys.h"

enum {
	/* libunwind was seen to use 6 KiB of stack. */
	STACK_BYTES = 64 * 1024,
	KERNEL_SIGSET_BYTES = 8,
	PATH_BYTES = 4096,
	LINE_BYTES_MAX = 512,
	/* A walk takes a hundred microseconds or two, this many pauses about a millisecond. */
	FORK_TRIES = 200 * 1000,
};

/* In `under_way`; the rest of it is the number of forks. */
#define A_WALK (UINT32_C(1) << 31)

/* One mapping, private to the process, with all that a walk writes. */
struct workshop {
	struct trace_walk walk; /* of who has taken `under_way` */
	uint32_t site;
	_Alignas(16) uint8_t stack[STACK_BYTES];
};

bool capture_is_on;

static const struct trace_api *trace;
static struct workshop *workshop;
static struct known *known_stacks; /* shared with all that are forked from this image */
static struct trace_range ourselves;
static struct trace_range libc;
static uint32_t under_way;

/* An address in each module of the ledger that this process has met, 0 = not met. */
static uintptr_t met[LEDGER_MODULES];

/* capture_enter.S */
void capture_enter(struct trace_registers *registers, void *stack, void (*function)(void *),
		   void *argument);

static void refuse(const char *what, const char *why)
{
	char buffer[LINE_BYTES_MAX];
	struct text text;

	text_begin(&text, buffer, sizeof(buffer));
	text_string(&text, "sendfin: no backtraces: ");
	text_string(&text, what);
	text_string(&text, why);
	log_line(buffer);
}

/* The path of the trace library: this library's own, with another name. */
static bool find_library(char *path)
{
	Dl_info self;
	const char *own;
	size_t length;

	if (borrowed.dlmopen == NULL || borrowed.dladdr == NULL ||
	    borrowed.gnu_get_libc_version == NULL || borrowed.dladdr(&workshop, &self) == 0) {
		refuse("needs glibc 2.35 or newer", "");
		return false;
	}
	own = self.dli_fname;
	length = strlen(own);
	while (length > 0 && own[length - 1] != '/') {
		length--;
	}
	if (length == 0 || length + sizeof(TRACE_LIBRARY) > PATH_BYTES) {
		refuse("cannot tell where this library is: ", own);
		return false;
	}
	memcpy(path, own, length);
	memcpy(path + length, TRACE_LIBRARY, sizeof(TRACE_LIBRARY));
	return true;
}

/*
 * In a namespace of its own, with a libc of its own: dlopen() would run the initialisers of
 * the program's libc here, earlier than its own start-up code does, and without the arguments
 * and the environment. It also keeps the names of libunwind and of the program apart.
 */
static bool open_library(void)
{
	char path[PATH_BYTES];
	const char *why = "it has no entry";
	trace_entry *entry = NULL;
	void *library;
	void *symbol;

	if (!find_library(path)) {
		return false;
	}
	library = borrowed.dlmopen(LM_ID_NEWLM, path, RTLD_NOW | RTLD_LOCAL);
	if (library == NULL) {
		why = borrowed.dlerror != NULL ? borrowed.dlerror() : NULL;
		refuse("cannot open ", why != NULL ? why : path);
		return false;
	}
	symbol = dlsym(library, TRACE_ENTRY);
	memcpy(&entry, &symbol, sizeof(entry));
	if (entry == NULL || (trace = entry(TRACE_VERSION, &why)) == NULL) {
		refuse(TRACE_LIBRARY ": ", why);
		return false;
	}
	return true;
}

void capture_setup(void)
{
	struct trace_module self;
	struct trace_module its_libc;
	long map;
	long shared;

	if (!open_library() || !trace->module((uintptr_t)&workshop, &self) ||
	    !trace->module((uintptr_t)borrowed.gnu_get_libc_version, &its_libc)) {
		return;
	}
	map = rawsys6(SYS_mmap, 0, sizeof(*workshop), PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	shared = rawsys6(SYS_mmap, 0, sizeof(*known_stacks), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (rawsys_is_error(map) || rawsys_is_error(shared)) {
		refuse("no memory", "");
		return;
	}
	workshop = (struct workshop *)map;
	known_stacks = (struct known *)shared;
	ourselves = self.range;
	libc = its_libc.range;
	capture_is_on = true;
}

static uint32_t intern(const struct trace_walk *walk)
{
	uint64_t frames[TRACE_FRAMES];
	struct trace_module module = {.range = {0, 0}};
	uint32_t index = LEDGER_MODULES;

	for (uint32_t i = 0; i < walk->frame_count; i++) {
		uintptr_t call = walk->frames[i];

		if (call < module.range.start || call >= module.range.end) {
			index = LEDGER_MODULES;
			memset(&module, 0, sizeof(module));
			if (trace->module(call, &module)) {
				const struct sites_module found = {module.path, module.build_id,
								   module.build_id_length};

				index = sites_intern_module(tree_ledger, &found);
			}
		}
		if (index < LEDGER_MODULES) {
			__atomic_store_n(&met[index], call, __ATOMIC_RELAXED);
			call -= module.bias;
		}
		frames[i] = sites_frame(index, call);
	}
	return walk->frame_count == 0 ? 0
				      : sites_intern(tree_ledger, frames, walk->frame_count, NULL);
}

/* On the workshop's stack. */
static void work(void *argument)
{
	struct workshop *at = argument;

	trace->walk(&at->walk);
	at->site = intern(&at->walk);
}

__attribute__((noinline, cold)) static uint32_t walk_stack(const struct known_key *key)
{
	uint64_t all = UINT64_MAX;
	uint64_t before = 0;
	uint32_t nothing = 0;
	uint32_t site = 0;

	rawsys6(SYS_rt_sigprocmask, SIG_SETMASK, (long)&all, (long)&before, KERNEL_SIGSET_BYTES, 0,
		0);
	if (__atomic_compare_exchange_n(&under_way, &nothing, A_WALK, false, __ATOMIC_ACQUIRE,
					__ATOMIC_RELAXED)) {
		int saved = errno;

		workshop->walk.base = key->cfa;
		workshop->walk.skipped = ourselves;
		workshop->walk.libc = libc;
		capture_enter(&workshop->walk.from, workshop->stack + STACK_BYTES, work, workshop);
		site = workshop->site;
		known_keep(known_stacks, key, &workshop->walk, site);
		errno = saved;
		__atomic_fetch_and(&under_way, ~A_WALK, __ATOMIC_RELEASE);
	}
	rawsys6(SYS_rt_sigprocmask, SIG_SETMASK, (long)&before, 0, KERNEL_SIGSET_BYTES, 0, 0);
	return site;
}

__attribute__((noinline)) uint32_t capture_site(void)
{
	struct known_key key;
	uint32_t site;

	if (!capture_is_on || tree_ledger == NULL || guard_in_vfork_child() ||
	    process_is_retired()) {
		return 0;
	}
	key.pc = (uintptr_t)__builtin_return_address(0);
	key.cfa = (uintptr_t)__builtin_dwarf_cfa();
	/* What the caller had in its frame pointer is what this frame begins with. */
	key.fp = *(const uintptr_t *)__builtin_frame_address(0);
	key.hint = guard_self.caller_pc ^ guard_self.caller_cfa;
	if (!known_find(known_stacks, &key, &site)) {
		return walk_stack(&key);
	}
	sites_count(tree_ledger, site);
	return site;
}

void capture_before_fork(void)
{
	if (!capture_is_on || guard_in_vfork_child()) {
		return;
	}
	guard_self.capture_holds++;
	__atomic_fetch_add(&under_way, 1, __ATOMIC_ACQUIRE);
	for (int i = 0; i < FORK_TRIES; i++) {
		if ((__atomic_load_n(&under_way, __ATOMIC_ACQUIRE) & A_WALK) == 0) {
			return;
		}
#if defined(__x86_64__)
		__builtin_ia32_pause();
#endif
	}
}

void capture_after_fork_in_child(void)
{
	guard_self.capture_holds = 0;
	if ((under_way & A_WALK) != 0) {
		capture_is_on = false;
	}
	if (under_way != 0) {
		under_way = 0; /* not for nothing: it is the first write to its page */
	}
}

void capture_after_fork_in_parent(void)
{
	if (guard_self.capture_holds != 0 && !guard_in_vfork_child()) {
		guard_self.capture_holds--;
		__atomic_fetch_sub(&under_way, 1, __ATOMIC_RELEASE);
	}
}

/* The ledger keeps the end of a path that is too long for it. */
static bool is_path_kept_as(const char *path, const char *kept)
{
	size_t length = strlen(path);
	size_t kept_length = strlen(kept);

	return kept_length <= length &&
	       (kept_length == length || kept_length == LEDGER_MODULE_PATH - 1) &&
	       memcmp(path + length - kept_length, kept, kept_length) == 0;
}

/* The function, if the module is loaded here, where it was met. */
static void name_function(uint32_t index, const struct ledger_module *known,
			  struct line_frame *frame)
{
	uintptr_t address = __atomic_load_n(&met[index], __ATOMIC_RELAXED);
	struct trace_module module;

	if (address == 0 || !trace->module(address, &module) ||
	    !is_path_kept_as(module.path, known->path)) {
		return;
	}
	frame->function = trace->name(&module, module.bias + frame->offset, &frame->into);
}

bool capture_frame_of(const void *context, uint32_t site, uint32_t index, struct line_frame *frame)
{
	const struct ledger_site *known;
	const struct ledger_module *module;
	uint32_t module_index;

	(void)context;
	if (tree_ledger == NULL || (known = sites_get(tree_ledger, site)) == NULL ||
	    index >= known->frame_count || index >= LEDGER_FRAMES) {
		return false;
	}
	memset(frame, 0, sizeof(*frame));
	frame->offset = sites_frame_offset(known->frames[index]);
	module_index = sites_frame_module(known->frames[index]);
	module = sites_module(tree_ledger, module_index);
	if (module == NULL) {
		return true;
	}
	frame->module = module->path;
	frame->build_id = module->build_id;
	frame->build_id_length = module->build_id_length;
	if (capture_is_on) {
		name_function(module_index, module, frame);
	}
	return true;
}
