/* SPDX-License-Identifier: MIT */
/*
 * _dl_find_object() is in glibc since 2.35; it is what exception handling uses there.
 * glibc writes addresses into the dynamic section of what it loads, but cannot in one that
 * is read-only, like the vDSO's: those are still offsets.
 */
#include "shim/trace_module.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>

#include "sys/rawsys.h"

__typeof__(_dl_find_object) _dl_find_object __attribute__((weak));

enum {
	PATH_BYTES = 4096,
	HEADERS_MAX = 64,         /* program headers */
	SYMBOLS_MAX = 256 * 1024, /* looked at for one name */
};

static char program_path[PATH_BYTES];

bool module_setup(void)
{
	long length = rawsys6(SYS_readlinkat, AT_FDCWD, (long)"/proc/self/exe", (long)program_path,
			      PATH_BYTES - 1, 0, 0);

	program_path[length > 0 ? length : 0] = '\0';
	return _dl_find_object != NULL;
}

static bool is_inside(const struct trace_module *module, uintptr_t address, uintptr_t size)
{
	return address >= module->range.start && address <= module->range.end &&
	       size <= module->range.end - address;
}

static void find_in_notes(struct trace_module *module, uintptr_t at, uintptr_t size)
{
	while (size >= sizeof(ElfW(Nhdr))) {
		const ElfW(Nhdr) *note = (const void *)at;
		uintptr_t name = (note->n_namesz + 3UL) & ~3UL;
		uintptr_t whole = sizeof(*note) + name + ((note->n_descsz + 3UL) & ~3UL);

		if (whole > size) {
			return;
		}
		if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == sizeof("GNU") &&
		    memcmp(note + 1, "GNU", sizeof("GNU")) == 0) {
			module->build_id = (const uint8_t *)(note + 1) + name;
			module->build_id_length = note->n_descsz;
			return;
		}
		at += whole;
		size -= whole;
	}
}

static void find_build_id(struct trace_module *module)
{
	const ElfW(Ehdr) *header = (const void *)module->range.start;
	const ElfW(Phdr) *programs = (const void *)(module->range.start + header->e_phoff);

	if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 || header->e_phnum > HEADERS_MAX ||
	    !is_inside(module, (uintptr_t)programs, header->e_phnum * sizeof(*programs))) {
		return;
	}
	for (uint32_t i = 0; i < header->e_phnum && module->build_id == NULL; i++) {
		uintptr_t at = module->bias + programs[i].p_vaddr;

		if (programs[i].p_type == PT_NOTE && is_inside(module, at, programs[i].p_memsz)) {
			find_in_notes(module, at, programs[i].p_memsz);
		}
	}
}

bool module_of(uintptr_t address, struct trace_module *module)
{
	struct dl_find_object found;

	if (_dl_find_object((void *)address, &found) != 0) {
		return false;
	}
	memset(module, 0, sizeof(*module));
	module->range.start = (uintptr_t)found.dlfo_map_start;
	module->range.end = (uintptr_t)found.dlfo_map_end;
	module->bias = found.dlfo_link_map->l_addr;
	module->path = found.dlfo_link_map->l_name;
	if (module->path[0] == '\0') {
		module->path = program_path; /* the loader has no name for the program itself */
	}
	module->dynamic = found.dlfo_link_map->l_ld;
	module->unwind_table = found.dlfo_eh_frame;
	find_build_id(module);
	return true;
}

/* The parts of a dynamic section that names are found with. */
struct symbols {
	const ElfW(Sym) * table;
	const char *strings;
	uintptr_t string_bytes;
	const uint32_t *gnu_hash;
	const uint32_t *hash;
};

static const void *target(const struct trace_module *module, uintptr_t pointer)
{
	uintptr_t address = pointer < module->range.start ? pointer + module->bias : pointer;

	return is_inside(module, address, sizeof(ElfW(Sym))) ? (const void *)address : NULL;
}

static bool find_symbols(const struct trace_module *module, struct symbols *symbols)
{
	memset(symbols, 0, sizeof(*symbols));
	for (const ElfW(Dyn) *entry = module->dynamic; entry->d_tag != DT_NULL; entry++) {
		switch (entry->d_tag) {
		case DT_SYMTAB:
			symbols->table = target(module, entry->d_un.d_ptr);
			break;
		case DT_STRTAB:
			symbols->strings = target(module, entry->d_un.d_ptr);
			break;
		case DT_STRSZ:
			symbols->string_bytes = entry->d_un.d_val;
			break;
		case DT_GNU_HASH:
			symbols->gnu_hash = target(module, entry->d_un.d_ptr);
			break;
		case DT_HASH:
			symbols->hash = target(module, entry->d_un.d_ptr);
			break;
		default:
			break;
		}
	}
	return symbols->table != NULL && symbols->strings != NULL &&
	       is_inside(module, (uintptr_t)symbols->strings, symbols->string_bytes);
}

/*
 * How many symbols there are is nowhere said but in the hash tables: the old one counts
 * them, and in GNU's the last chain ends with the last symbol.
 */
static uint32_t count_symbols(const struct trace_module *module, const struct symbols *symbols)
{
	const uint32_t *hash = symbols->gnu_hash;
	const uint32_t *buckets;
	const uint32_t *chain;
	uint32_t last = 0;

	if (symbols->hash != NULL) {
		return symbols->hash[1];
	}
	if (hash == NULL) {
		return 0;
	}
	buckets = hash + 4 + hash[2] * (sizeof(uintptr_t) / sizeof(*hash));
	chain = buckets + hash[0];
	if (hash[0] > SYMBOLS_MAX || !is_inside(module, (uintptr_t)buckets, 4UL * hash[0])) {
		return 0;
	}
	for (uint32_t i = 0; i < hash[0]; i++) {
		last = buckets[i] > last ? buckets[i] : last;
	}
	while (last >= hash[1] && last < SYMBOLS_MAX &&
	       is_inside(module, (uintptr_t)(chain + (last - hash[1])), sizeof(*chain)) &&
	       (chain[last - hash[1]] & 1) == 0) {
		last++;
	}
	return last == 0 ? 0 : last + 1;
}

static bool is_function_around(const ElfW(Sym) * symbol, uintptr_t offset)
{
	uint32_t type = ELF64_ST_TYPE(symbol->st_info);

	return symbol->st_shndx != SHN_UNDEF && (type == STT_FUNC || type == STT_GNU_IFUNC) &&
	       symbol->st_value <= offset && offset - symbol->st_value < symbol->st_size;
}

/* The nearest; of several names for one place, the shortest: "fork", not "__libc_fork". */
const char *module_name(const struct trace_module *module, uintptr_t address, uint64_t *into)
{
	uintptr_t offset = address - module->bias;
	const char *best = NULL;
	struct symbols symbols;
	uint32_t count;

	if (!find_symbols(module, &symbols)) {
		return NULL;
	}
	count = count_symbols(module, &symbols);
	if (count > SYMBOLS_MAX ||
	    !is_inside(module, (uintptr_t)symbols.table, count * sizeof(*symbols.table))) {
		return NULL;
	}
	for (uint32_t i = 0; i < count; i++) {
		const ElfW(Sym) *symbol = &symbols.table[i];
		const char *name;
		uint64_t distance;

		if (symbol->st_name >= symbols.string_bytes ||
		    !is_function_around(symbol, offset)) {
			continue;
		}
		name = symbols.strings + symbol->st_name;
		distance = offset - symbol->st_value;
		if (best == NULL || distance < *into ||
		    (distance == *into && strlen(name) < strlen(best))) {
			best = name;
			*into = distance;
		}
	}
	return best;
}
