/* SPDX-License-Identifier: MIT */
/*
 * The symbol is looked up as ld.so does it: hash, bucket, chain (the GNU hash table; every
 * linker that we know of makes one). glibc has turned the addresses in the dynamic section
 * into absolute ones, musl leaves them as they are linked: what lies below the load address
 * is taken to be of the second kind.
 */
#include "cli/anchor.h"

#include "cli/procfile.h"
#include "core/proctext.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

enum {
	MAX_SEGMENTS = 64,
	MAX_DYNAMIC = 128,
	/* Symbols of one bucket: a chain without an end is no chain. */
	MAX_CHAIN = 256,
};

static const char symbol_name[] = "sendfin_anchor";

/* A module in the memory of the process. */
struct module {
	pid_t pid;
	uint64_t base; /* where its file begins */
	uint64_t bias; /* what to add to an address as linked */
	uint64_t symbols;
	uint64_t strings;
	uint64_t hash;
};

struct search {
	pid_t pid;
	struct anchor *anchor;
	int err; /* -ENOENT while nothing was found */
	bool has_lines;
};

static bool peek(const struct module *module, uint64_t address, void *buffer, size_t size)
{
	return procfile_memory(module->pid, address, buffer, size) == 0;
}

static bool find_dynamic(struct module *module, uint64_t *address)
{
	Elf64_Ehdr header;
	bool has_bias = false;

	*address = 0;
	if (!peek(module, module->base, &header, sizeof(header)) ||
	    memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
	    header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_phentsize != sizeof(Elf64_Phdr) ||
	    header.e_phnum > MAX_SEGMENTS) {
		return false;
	}
	for (uint32_t i = 0; i < header.e_phnum; i++) {
		Elf64_Phdr segment;

		if (!peek(module, module->base + header.e_phoff + i * sizeof(segment), &segment,
			  sizeof(segment))) {
			return false;
		}
		if (segment.p_type == PT_LOAD && !has_bias) {
			module->bias = module->base - (segment.p_vaddr - segment.p_offset);
			has_bias = true;
		}
		if (segment.p_type == PT_DYNAMIC) {
			*address = segment.p_vaddr;
		}
	}
	*address += module->bias;
	return has_bias && *address != module->bias;
}

static uint64_t absolute(const struct module *module, uint64_t address)
{
	return address < module->base ? address + module->bias : address;
}

static bool find_tables(struct module *module)
{
	uint64_t at;

	if (!find_dynamic(module, &at)) {
		return false;
	}
	for (int i = 0; i < MAX_DYNAMIC; i++, at += sizeof(Elf64_Dyn)) {
		Elf64_Dyn entry;

		if (!peek(module, at, &entry, sizeof(entry))) {
			return false;
		}
		switch (entry.d_tag) {
		case DT_NULL:
			return module->symbols && module->strings && module->hash;
		case DT_SYMTAB:
			module->symbols = absolute(module, entry.d_un.d_ptr);
			break;
		case DT_STRTAB:
			module->strings = absolute(module, entry.d_un.d_ptr);
			break;
		case DT_GNU_HASH:
			module->hash = absolute(module, entry.d_un.d_ptr);
			break;
		default:
			break;
		}
	}
	return false;
}

static uint32_t hash_of(const char *name)
{
	uint32_t hash = 5381;

	for (; *name; name++) {
		hash = hash * 33 + (unsigned char)*name;
	}
	return hash;
}

/* True when symbol INDEX is ours and defined here; then *ADDRESS is where. */
static bool is_ours(const struct module *module, uint32_t index, uint64_t *address)
{
	Elf64_Sym symbol;
	char name[sizeof(symbol_name)];

	if (!peek(module, module->symbols + (uint64_t)index * sizeof(symbol), &symbol,
		  sizeof(symbol)) ||
	    symbol.st_shndx == SHN_UNDEF || symbol.st_size < sizeof(uint64_t) ||
	    !peek(module, module->strings + symbol.st_name, name, sizeof(name)) ||
	    memcmp(name, symbol_name, sizeof(name)) != 0) {
		return false;
	}
	*address = module->bias + symbol.st_value;
	return true;
}

static bool find_symbol(const struct module *module, uint64_t *address)
{
	struct {
		uint32_t bucket_count, first, bloom_words, bloom_shift;
	} table;
	uint32_t hash = hash_of(symbol_name);
	uint64_t buckets;
	uint64_t chains;
	uint32_t index;

	if (!peek(module, module->hash, &table, sizeof(table)) || table.bucket_count == 0) {
		return false;
	}
	buckets = module->hash + sizeof(table) + (uint64_t)table.bloom_words * sizeof(uint64_t);
	chains = buckets + (uint64_t)table.bucket_count * sizeof(uint32_t);
	if (!peek(module, buckets + (uint64_t)(hash % table.bucket_count) * sizeof(index), &index,
		  sizeof(index)) ||
	    index < table.first) {
		return false;
	}
	for (uint32_t i = 0; i < MAX_CHAIN; i++, index++) {
		uint32_t word;

		if (!peek(module, chains + (uint64_t)(index - table.first) * sizeof(word), &word,
			  sizeof(word))) {
			return false;
		}
		if ((word | 1) == (hash | 1) && is_ours(module, index, address)) {
			return true;
		}
		if (word & 1) {
			return false;
		}
	}
	return false;
}

/* Of another version only the beginning is known to be what we think it is. */
static bool read_anchor(pid_t pid, uint64_t address, struct sendfin_anchor *data)
{
	size_t known = offsetof(struct sendfin_anchor, ledger);

	memset(data, 0, sizeof(*data));
	if (procfile_memory(pid, address, data, known) != 0 || data->magic != LEDGER_MAGIC) {
		return false;
	}
	return data->version != LEDGER_VERSION ||
	       procfile_memory(pid, address, data, sizeof(*data)) == 0;
}

static bool look_at(void *context, const char *line)
{
	struct search *search = context;
	struct proctext_map map;
	struct module module = {.pid = search->pid};
	uint64_t address;
	size_t length;

	search->has_lines = true;
	if (!proctext_map(line, &map) || map.offset != 0 || map.path[0] != '/') {
		return true;
	}
	module.base = map.start;
	if (!find_tables(&module) || !find_symbol(&module, &address) ||
	    !read_anchor(search->pid, address, &search->anchor->data)) {
		return true;
	}
	length = strnlen(map.path, sizeof(search->anchor->library) - 1);
	memcpy(search->anchor->library, map.path, length);
	search->anchor->library[length] = '\0';
	search->err = 0;
	return false;
}

int anchor_find(struct anchor *anchor, pid_t pid)
{
	struct search search = {.pid = pid, .anchor = anchor, .err = -ENOENT};
	int err = procfile_lines(pid, "maps", look_at, &search);
	char byte;

	if (err == 0 && !search.has_lines) {
		return -ESRCH; /* a zombie has no memory; nor has a thread of the kernel */
	}
	/* maps can be opened by those who may not read the memory: see ptrace(2), Yama. */
	if (err == 0 && search.err != 0 && procfile_memory(pid, 0, &byte, 1) == -EPERM) {
		return -EPERM;
	}
	return err != 0 ? err : search.err;
}
