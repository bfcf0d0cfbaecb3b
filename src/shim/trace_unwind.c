/* SPDX-License-Identifier: MIT */
/*
 * A position is what is known of one frame: its pc, its stack pointer once the call has
 * returned, and the frame pointer with the place where that was saved. A frame's end (the
 * next one's stack pointer) follows from its pc and its stack pointer, or, in functions
 * that use one, its frame pointer: those whose frame pointer points into the frame.
 */
#include "shim/trace_unwind.h"

#include <string.h>

#include "shim/trace_machine.h"
#include "shim/trace_memory.h"
#include "shim/trace_module.h"

enum {
	/* The program's frames, and those of libsendfin.so and of signals in between. */
	STEPS_MAX = 2 * TRACE_FRAMES,
	/* From the innermost frame to the base there are a handful. */
	STEPS_TO_BASE_MAX = 8,
	/* .eh_frame_hdr as all linkers make it: "Linux Standard Base Core", 10.6.2. */
	TABLE_VERSION = 1,
	TABLE_COUNT_ENCODING = 0x03,   /* DW_EH_PE_udata4 */
	TABLE_ENTRIES_ENCODING = 0x3b, /* DW_EH_PE_datarel | DW_EH_PE_sdata4 */
	TABLE_HEADER_BYTES = 12,
	TABLE_ENTRY_BYTES = 8,
	/* A frame larger than this is not believed without an unwind table. */
	FRAME_MAX = 1024 * 1024,
};

/* Where a frame pointer is when it is still in its register at the base. */
#define PLACE_AT_BASE ((uintptr_t)0)

struct position {
	uintptr_t pc;
	uintptr_t sp;
	uintptr_t fp;
	uintptr_t fp_place; /* address, or PLACE_AT_BASE */
	bool is_trampoline; /* the kernel's return from a signal handler */
	bool is_exact;      /* pc is not behind a call: a signal came here */
};

struct walker {
	struct trace_walk *walk;
	struct trace_registers registers; /* the cursor's beginning */
	uintptr_t registers_fp_place;
	uintptr_t base_fp_place; /* memory that stands for the register at the base */
	bool is_proven;
	bool is_whole; /* the outermost frame was reached */
	struct memory memory;
	unw_cursor_t cursor;
};

static unw_addr_space_t space;

/* An exported function of libunwind for those who bring their own find_proc_info. */
extern int UNW_OBJ(dwarf_search_unwind_table)(unw_addr_space_t, unw_word_t, unw_dyn_info_t *,
					      unw_proc_info_t *, int, void *);

/* -UNW_ENOINFO would make libunwind guess; every other error ends its step. */
static int find_proc_info(unw_addr_space_t as, unw_word_t pc, unw_proc_info_t *info,
			  int need_unwind_info, void *argument)
{
	struct walker *walker = argument;
	struct trace_module module;
	unw_dyn_info_t table = {.format = UNW_INFO_FORMAT_REMOTE_TABLE};
	const uint8_t *header;
	uint32_t count;

	if (!module_of(pc, &module) || module.unwind_table == NULL) {
		return -UNW_EINVALIDIP;
	}
	header = module.unwind_table;
	if (!memory_is_readable(&walker->memory, (uintptr_t)header, TABLE_HEADER_BYTES) ||
	    header[0] != TABLE_VERSION || header[2] != TABLE_COUNT_ENCODING ||
	    header[3] != TABLE_ENTRIES_ENCODING) {
		return -UNW_EINVALIDIP;
	}
	memcpy(&count, header + TABLE_HEADER_BYTES - sizeof(count), sizeof(count));
	table.start_ip = module.range.start;
	table.end_ip = module.range.end;
	table.u.rti.segbase = (unw_word_t)header;
	table.u.rti.table_data = (unw_word_t)header + TABLE_HEADER_BYTES;
	table.u.rti.table_len = (unw_word_t)count * TABLE_ENTRY_BYTES / sizeof(unw_word_t);
	return UNW_OBJ(dwarf_search_unwind_table)(as, pc, &table, info, need_unwind_info,
						  argument) < 0
		       ? -UNW_EINVALIDIP
		       : 0;
}

/* libunwind gives its own record back to its own pool. */
static void put_unwind_info(unw_addr_space_t as, unw_proc_info_t *info, void *argument)
{
	(void)as;
	(void)info;
	(void)argument;
}

static int get_dyn_info_list_addr(unw_addr_space_t as, unw_word_t *address, void *argument)
{
	(void)as;
	(void)address;
	(void)argument;
	return -UNW_ENOINFO;
}

static int access_mem(unw_addr_space_t as, unw_word_t address, unw_word_t *value, int is_write,
		      void *argument)
{
	struct walker *walker = argument;
	uintptr_t word;

	(void)as;
	if (is_write || !memory_word(&walker->memory, address, &word)) {
		return -UNW_EINVAL;
	}
	*value = word;
	return 0;
}

static int access_reg(unw_addr_space_t as, unw_regnum_t number, unw_word_t *value, int is_write,
		      void *argument)
{
	static const int saved[TRACE_SAVED] = {MACHINE_SAVED};
	const struct trace_registers *registers = &((struct walker *)argument)->registers;

	(void)as;
	if (is_write) {
		return -UNW_EREADONLYREG;
	}
	switch (number) {
	case UNW_REG_IP:
		*value = registers->pc;
		return 0;
	case UNW_REG_SP:
		*value = registers->sp;
		return 0;
	case MACHINE_FP:
		*value = registers->fp;
		return 0;
	default:
		break;
	}
	for (int i = 0; i < TRACE_SAVED; i++) {
		if (saved[i] == number) {
			*value = registers->saved[i];
			return 0;
		}
	}
	return -UNW_EBADREG;
}

static int access_fpreg(unw_addr_space_t as, unw_regnum_t number, unw_fpreg_t *value, int is_write,
			void *argument)
{
	(void)as;
	(void)number;
	(void)value;
	(void)is_write;
	(void)argument;
	return -UNW_EBADREG;
}

static int resume(unw_addr_space_t as, unw_cursor_t *cursor, void *argument)
{
	(void)as;
	(void)cursor;
	(void)argument;
	return -UNW_EINVAL;
}

static int get_proc_name(unw_addr_space_t as, unw_word_t address, char *name, size_t size,
			 unw_word_t *offset, void *argument)
{
	(void)as;
	(void)address;
	(void)name;
	(void)size;
	(void)offset;
	(void)argument;
	return -UNW_ENOINFO;
}

bool unwind_setup(void)
{
	static unw_accessors_t accessors = {
		.find_proc_info = find_proc_info,
		.put_unwind_info = put_unwind_info,
		.get_dyn_info_list_addr = get_dyn_info_list_addr,
		.access_mem = access_mem,
		.access_reg = access_reg,
		.access_fpreg = access_fpreg,
		.resume = resume,
		.get_proc_name = get_proc_name,
	};

	space = unw_create_addr_space(&accessors, 0);
	return space != NULL && unw_set_caching_policy(space, UNW_CACHE_NONE) == 0;
}

static uintptr_t place_of(struct walker *walker, int number, uintptr_t in_register)
{
	unw_save_loc_t saved;

	if (unw_get_save_loc(&walker->cursor, number, &saved) == 0 &&
	    saved.type == UNW_SLT_MEMORY) {
		return saved.u.addr;
	}
	return in_register;
}

static bool is_trampoline(struct walker *walker, uintptr_t pc)
{
	uintptr_t code;

	return memory_word(&walker->memory, pc, &code) && code == MACHINE_SIGRETURN;
}

/* What the cursor points at; false when it is nothing. */
static bool look(struct walker *walker, struct position *position)
{
	unw_word_t pc;
	unw_word_t sp;
	unw_word_t fp;

	if (unw_get_reg(&walker->cursor, UNW_REG_IP, &pc) < 0 ||
	    unw_get_reg(&walker->cursor, UNW_REG_SP, &sp) < 0 || pc == 0) {
		return false;
	}
	if (unw_get_reg(&walker->cursor, MACHINE_FP, &fp) < 0) {
		fp = 0;
	}
	position->pc = pc;
	position->sp = sp;
	position->fp = fp;
	position->fp_place = place_of(walker, MACHINE_FP, walker->registers_fp_place);
	if (position->fp_place == walker->base_fp_place) {
		position->fp_place = PLACE_AT_BASE;
	}
	position->is_trampoline = is_trampoline(walker, pc);
	return true;
}

static bool begin(struct walker *walker, struct position *position)
{
	position->is_exact = false;
	return unw_init_remote(&walker->cursor, space, walker) == 0 && look(walker, position);
}

/* One step along the frame pointers; libunwind goes on from there. */
static bool step_without_table(struct walker *walker, const struct position *from,
			       struct position *to)
{
	uintptr_t fp;
	uintptr_t pc;

	if (from->fp < from->sp || from->fp - from->sp > FRAME_MAX ||
	    from->fp % sizeof(uintptr_t) != 0 || !memory_word(&walker->memory, from->fp, &fp) ||
	    !memory_word(&walker->memory, from->fp + sizeof(fp), &pc) ||
	    !memory_is_readable(&walker->memory, pc - 1, 1)) {
		return false;
	}
	memset(&walker->registers, 0, sizeof(walker->registers));
	walker->registers.fp = fp;
	walker->registers.sp = from->fp + 2 * sizeof(uintptr_t);
	walker->registers.pc = pc - 1; /* the call: it decides which function this is */
	walker->registers_fp_place = from->fp;
	if (!begin(walker, to)) {
		return false;
	}
	to->pc = pc;
	to->is_trampoline = is_trampoline(walker, pc);
	return true;
}

static bool step(struct walker *walker, const struct position *from, struct position *to)
{
	int result = unw_step(&walker->cursor);

	if (result == 0) {
		walker->is_whole = true;
		return false;
	}
	if (!(result > 0 ? look(walker, to) : step_without_table(walker, from, to))) {
		return false;
	}
	to->is_exact = from->is_trampoline;
	return from->is_trampoline || to->sp > from->sp;
}

/* One more word of the proof, if it is what memory holds. */
static void prove(struct walker *walker, uintptr_t where, uintptr_t value)
{
	struct trace_walk *walk = walker->walk;
	uintptr_t found;

	if (walk->word_count == TRACE_WORDS || !memory_word(&walker->memory, where, &found) ||
	    found != value) {
		walker->is_proven = false;
		return;
	}
	walk->words[walk->word_count++] = (struct trace_word){where, value};
}

/* The frame's end depends on its frame pointer, as far as one can tell from outside. */
static void prove_frame_pointer(struct walker *walker, const struct position *from,
				const struct position *to)
{
	uintptr_t below = from->fp - sizeof(uintptr_t);
	uintptr_t word;

	if (from->fp < from->sp || from->fp >= to->sp) {
		return;
	}
	if (from->fp_place == PLACE_AT_BASE) {
		walker->walk->needs_fp = true;
	} else {
		prove(walker, from->fp_place, from->fp);
	}
	/* A function that aligns its stack keeps the end of its frame below its frame pointer. */
	if (memory_word(&walker->memory, below, &word) && word == to->sp) {
		prove(walker, below, word);
	}
}

static void prove_step(struct walker *walker, const struct position *from,
		       const struct position *to)
{
	if (from->is_trampoline) {
		prove(walker, to->fp_place + MACHINE_SIGNAL_SP, to->sp);
		prove(walker, to->fp_place + MACHINE_SIGNAL_PC, to->pc);
		return;
	}
	prove_frame_pointer(walker, from, to);
#if defined(__x86_64__)
	prove(walker, to->sp - sizeof(uintptr_t), to->pc);
#else
	prove(walker, place_of(walker, UNW_AARCH64_X30, to->sp - sizeof(uintptr_t)), to->pc);
#endif
}

static bool is_in(const struct trace_range *range, uintptr_t address)
{
	return address >= range->start && address < range->end;
}

/* True while there is room for more frames. */
static bool tell(struct trace_walk *walk, const struct position *position)
{
	uintptr_t call = position->is_exact ? position->pc : position->pc - 1;

	if (!position->is_trampoline && !is_in(&walk->skipped, call)) {
		walk->frames[walk->frame_count++] = call;
	}
	return walk->frame_count < TRACE_FRAMES;
}

static bool is_in_module(uintptr_t address)
{
	struct trace_module module;

	return module_of(address, &module);
}

/*
 * How libc came to call main() or a thread's function says nothing, and a stack that ends
 * in no module ends in garbage. But who called us is always told.
 */
static void trim(struct trace_walk *walk, bool is_whole)
{
	if (is_whole && walk->frame_count > 1) {
		walk->frame_count--;
	}
	while (walk->frame_count > 1) {
		uintptr_t outermost = walk->frames[walk->frame_count - 1];

		if (is_whole ? !is_in(&walk->libc, outermost) : is_in_module(outermost)) {
			return;
		}
		walk->frame_count--;
	}
}

static bool go_to_base(struct walker *walker, struct position *at)
{
	struct position next;

	if (!begin(walker, at)) {
		return false;
	}
	for (int i = 0; at->sp != walker->walk->base; i++) {
		if (i == STEPS_TO_BASE_MAX || !step(walker, at, &next)) {
			return false;
		}
		*at = next;
	}
	walker->base_fp_place = at->fp_place;
	at->fp_place = PLACE_AT_BASE;
	return true;
}

void unwind_walk(struct trace_walk *walk)
{
	struct walker walker = {.walk = walk, .registers = walk->from, .is_proven = true};
	struct position at;
	struct position next;

	walk->frame_count = 0;
	walk->word_count = 0;
	walk->needs_fp = false;
	if (!go_to_base(&walker, &at)) {
		return;
	}
	for (int i = 0; tell(walk, &at) && i < STEPS_MAX && step(&walker, &at, &next); i++) {
		prove_step(&walker, &at, &next);
		at = next;
	}
	if (!walker.is_proven) {
		walk->word_count = 0;
	}
	trim(walk, walker.is_whole);
}
