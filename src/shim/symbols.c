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
	size_t strings_size;
	const uint16_t *versions; /* or NULL */
	const uint32_t *hash;     /* DT_GNU_HASH, and its parts: */
	const uint64_t *filter;
	const uint32_t *buckets;
	const uint32_t *chains; /* from the first symbol's on */
};

struct search {
	const struct symbols_wanted *wanted;
	size_t count;
	const char *names;
	void **entries;
	bool is_behind; /* this library was met: the rest is behind it */
};

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
		case DT_STRSZ:
			tables->strings_size = dynamic->d_un.d_val;
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

/* The table's head. */
enum { BUCKET_COUNT, FIRST_SYMBOL, FILTER_WORDS, FILTER_SHIFT, HEAD_WORDS };

/* False when the filter is of no size that a mask can stand for, which loaders require. */
static bool read_hash(struct tables *tables)
{
	const uint32_t *head = tables->hash;

	tables->filter = (const void *)&head[HEAD_WORDS];
	tables->buckets = (const void *)&tables->filter[head[FILTER_WORDS]];
	tables->chains = &tables->buckets[head[BUCKET_COUNT]];
	return head[FILTER_WORDS] != 0 && (head[FILTER_WORDS] & (head[FILTER_WORDS] - 1)) == 0;
}

/* With its size a name is compared by words, which may be read up to the strings' end. */
static bool is_wanted(const struct tables *tables, uint32_t index, const char *name, size_t size)
{
	const ElfW(Sym) *symbol = &tables->symbols[index];

	return symbol->st_shndx != SHN_UNDEF &&
	       (tables->versions == NULL || (tables->versions[index] & VERSION_IS_OLD) == 0) &&
	       size <= tables->strings_size && symbol->st_name <= tables->strings_size - size &&
	       memcmp(tables->strings + symbol->st_name, name, size) == 0;
}

/* The symbol's index, or 0. */
static uint32_t find(const struct tables *tables, const struct symbols_wanted *wanted,
		     const char *name)
{
	const uint32_t *head = tables->hash;
	uint32_t hash = wanted->hash;
	uint64_t word = tables->filter[hash / WORD_BITS & (head[FILTER_WORDS] - 1)];
	uint32_t index;

	if ((word >> (hash % WORD_BITS) & word >> ((hash >> head[FILTER_SHIFT]) % WORD_BITS) & 1) ==
	    0) {
		return 0;
	}
	index = tables->buckets[hash % head[BUCKET_COUNT]];
	if (index < head[FIRST_SYMBOL]) {
		return 0;
	}
	for (;; index++) {
		uint32_t found = tables->chains[index - head[FIRST_SYMBOL]];

		if ((found | 1) == (hash | 1) && is_wanted(tables, index, name, wanted->size)) {
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
	for (size_t i = 0; i < search->count; i++) {
		const struct symbols_wanted *wanted = &search->wanted[i];
		const ElfW(Sym) * symbol;
		uint32_t index;

		if (search->entries[i] != NULL) {
			continue;
		}
		index = find(tables, wanted, search->names + wanted->name);
		symbol = &tables->symbols[index];
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
	if (dynamic == NULL || !read_dynamic(&tables, dynamic) || !read_hash(&tables)) {
		return 1; /* the names it may define are not to be had from those behind it */
	}
	if (tables.hash[BUCKET_COUNT] != 0) {
		find_all(search, &tables);
	}
	return 0;
}

void symbols_find(const struct symbols_wanted *wanted, size_t count, const char *names,
		  void **entries)
{
	struct search search = {
		.wanted = wanted,
		.count = count,
		.names = names,
		.entries = entries,
	};

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
