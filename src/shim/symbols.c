/* SPDX-License-Identifier: MIT */
/*
 * dl_iterate_phdr() is imported weakly, and only used with glibc: it tells the libraries in
 * the order of the search there. The format of the tables is that of the ELF specification
 * and, for DT_GNU_HASH, of binutils: a filter of two bits per name, then buckets, then the
 * symbols of one bucket side by side, the last with the low bit of its hash set.
 */
#include "shim/symbols.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <string.h>

__typeof__(dl_iterate_phdr) dl_iterate_phdr __attribute__((weak));
__typeof__(dlvsym) dlvsym __attribute__((weak));

enum {
	VERSION_IS_OLD = 0x8000, /* not the one that new programs bind to */
	WORD_BITS = 64,
};

/* One library's tables. */
struct tables {
	uintptr_t base;
	const ElfW(Sym) * symbols;
	const char *strings;
	const uint16_t *versions; /* or NULL */
	const uint32_t *hash;
};

struct search {
	const char *names;
	size_t count;
	void **entries;
	bool is_behind; /* this library was met: the rest is behind it */
};

static uint32_t hash_of(const char *name)
{
	uint32_t hash = 5381;

	while (*name != '\0') {
		hash = hash * 33 + (uint8_t)*name++;
	}
	return hash;
}

/* glibc has relocated the dynamic section in place where it could. */
static uintptr_t address_in(const struct tables *tables, uintptr_t pointer)
{
	return pointer < tables->base ? tables->base + pointer : pointer;
}

static bool read_dynamic(struct tables *tables, const ElfW(Dyn) * dynamic)
{
	for (; dynamic->d_tag != DT_NULL; dynamic++) {
		uintptr_t value = address_in(tables, dynamic->d_un.d_ptr);

		switch (dynamic->d_tag) {
		case DT_SYMTAB:
			tables->symbols = (const void *)value;
			break;
		case DT_STRTAB:
			tables->strings = (const void *)value;
			break;
		case DT_VERSYM:
			tables->versions = (const void *)value;
			break;
		case DT_GNU_HASH:
			tables->hash = (const void *)value;
			break;
		default:
			break;
		}
	}
	return tables->symbols != NULL && tables->strings != NULL && tables->hash != NULL;
}

static bool is_wanted(const struct tables *tables, uint32_t index, const char *name)
{
	const ElfW(Sym) *symbol = &tables->symbols[index];

	return symbol->st_shndx != SHN_UNDEF &&
	       (tables->versions == NULL || (tables->versions[index] & VERSION_IS_OLD) == 0) &&
	       strcmp(tables->strings + symbol->st_name, name) == 0;
}

/* The symbol's index, or 0. */
static uint32_t find(const struct tables *tables, const char *name, uint32_t hash)
{
	uint32_t bucket_count = tables->hash[0];
	uint32_t first = tables->hash[1];
	uint32_t word_count = tables->hash[2];
	uint32_t shift = tables->hash[3];
	const uint64_t *filter = (const void *)&tables->hash[4];
	const uint32_t *buckets = (const void *)&filter[word_count];
	const uint32_t *chains = &buckets[bucket_count];
	uint64_t word = filter[hash / WORD_BITS % word_count];
	uint32_t index;

	if ((word >> (hash % WORD_BITS) & word >> ((hash >> shift) % WORD_BITS) & 1) == 0 ||
	    bucket_count == 0) {
		return 0;
	}
	index = buckets[hash % bucket_count];
	if (index < first) {
		return 0;
	}
	for (;; index++) {
		uint32_t found = chains[index - first];

		if ((found | 1) == (hash | 1) && is_wanted(tables, index, name)) {
			return index;
		}
		if ((found & 1) != 0) {
			return 0;
		}
	}
}

/*
 * True when `entry` may be taken as it is. An indirect function must be called to say where
 * it is; the rest have addresses of their own.
 */
static bool is_plain(const ElfW(Sym) * symbol)
{
	int type = ELF64_ST_TYPE(symbol->st_info);

	return (type == STT_FUNC || type == STT_OBJECT || type == STT_NOTYPE) &&
	       symbol->st_shndx != SHN_ABS;
}

/* A name that must be left to dlsym() is marked so: a later library may not answer for it. */
static char left_alone;

static void find_all(struct search *search, const struct tables *tables)
{
	const char *name = search->names;

	for (size_t i = 0; i < search->count; i++, name += strlen(name) + 1) {
		uint32_t index = search->entries[i] == NULL ? find(tables, name, hash_of(name)) : 0;
		const ElfW(Sym) *symbol = &tables->symbols[index];

		if (index != 0) {
			search->entries[i] = is_plain(symbol)
						     ? (void *)(tables->base + symbol->st_value)
						     : &left_alone;
		}
	}
}

static bool has_address(const struct dl_phdr_info *info, uintptr_t address)
{
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];

		if (segment->p_type == PT_LOAD &&
		    address - info->dlpi_addr - segment->p_vaddr < segment->p_memsz) {
			return true;
		}
	}
	return false;
}

/* The kernel's own library has no part in the search. */
static bool is_kernels(const struct dl_phdr_info *info)
{
	const char name[] = "linux-vdso";

	return strncmp(info->dlpi_name, name, sizeof(name) - 1) == 0;
}

static int look_into(struct dl_phdr_info *info, size_t size, void *context)
{
	struct search *search = context;
	struct tables tables = {.base = info->dlpi_addr};
	const ElfW(Dyn) *dynamic = NULL;

	(void)size;
	if (!search->is_behind) {
		search->is_behind = has_address(info, (uintptr_t)&left_alone);
		return 0;
	}
	if (is_kernels(info)) {
		return 0;
	}
	for (int i = 0; i < info->dlpi_phnum; i++) {
		if (info->dlpi_phdr[i].p_type == PT_DYNAMIC) {
			dynamic = (const void *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
		}
	}
	if (dynamic == NULL || !read_dynamic(&tables, dynamic)) {
		return 1; /* the names it may define are not to be had from those behind it */
	}
	find_all(search, &tables);
	return 0;
}

void symbols_find(const char *names, size_t count, void **entries)
{
	struct search search = {.names = names, .count = count, .entries = entries};

	if (dl_iterate_phdr == NULL || dlvsym == NULL) {
		return;
	}
	dl_iterate_phdr(look_into, &search);
	for (size_t i = 0; i < count; i++) {
		if (entries[i] == &left_alone) {
			entries[i] = NULL;
		}
	}
}
