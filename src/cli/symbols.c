/* SPDX-License-Identifier: MIT */
/*
 * One Dwfl for each module, so that every module can lie where it is linked, at bias 0, and
 * none overlaps another. Modules are known by path, root and build-id; there are few.
 */
#include "cli/symbols.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct loaded {
	struct loaded *next;
	struct symbols_module key; /* with copies of its own */
	Dwfl *dwfl;                /* NULL: there is no such file */
	Dwfl_Module *module;       /* NULL: nothing is known */
	bool is_other_build;
};

struct symbols {
	struct loaded *first;
};

/* Where separate debug files lie; NULL: libdwfl's own list. */
static char *debug_path;

static const Dwfl_Callbacks callbacks = {
	.find_elf = dwfl_build_id_find_elf,
	.find_debuginfo = dwfl_standard_find_debuginfo,
	.section_address = dwfl_offline_section_address,
	.debuginfo_path = &debug_path,
};

struct symbols *symbols_open(void)
{
	unsetenv("DEBUGINFOD_URLS");
	return calloc(1, sizeof(struct symbols));
}

static void unload(struct loaded *loaded)
{
	dwfl_end(loaded->dwfl);
	free((void *)(uintptr_t)loaded->key.path);
	free((void *)(uintptr_t)loaded->key.root);
	free((void *)(uintptr_t)loaded->key.build_id);
	free(loaded);
}

void symbols_close(struct symbols *symbols)
{
	while (symbols && symbols->first) {
		struct loaded *loaded = symbols->first;

		symbols->first = loaded->next;
		unload(loaded);
	}
	free(symbols);
}

static bool is_same(const struct symbols_module *a, const struct symbols_module *b)
{
	return strcmp(a->path, b->path) == 0 && strcmp(a->root, b->root) == 0 &&
	       a->build_id_length == b->build_id_length &&
	       memcmp(a->build_id, b->build_id, a->build_id_length) == 0;
}

/* The ledger keeps no more of a build-id than a SHA-1 has. */
static bool has_build_id(Dwfl_Module *module, const struct symbols_module *key)
{
	const unsigned char *bits;
	GElf_Addr address;
	int length = dwfl_module_build_id(module, &bits, &address);

	if (length <= 0 || key->build_id_length == 0) {
		return length <= 0 && key->build_id_length == 0;
	}
	return (uint32_t)length >= key->build_id_length &&
	       memcmp(bits, key->build_id, key->build_id_length) == 0;
}

static void load(struct loaded *loaded)
{
	char *path = NULL;
	GElf_Addr bias;

	if (asprintf(&path, "%s%s", loaded->key.root, loaded->key.path) < 0) {
		return;
	}
	loaded->dwfl = dwfl_begin(&callbacks);
	if (loaded->dwfl) {
		dwfl_report_begin(loaded->dwfl);
		loaded->module = dwfl_report_elf(loaded->dwfl, path, path, -1, 0, true);
		dwfl_report_end(loaded->dwfl, NULL, NULL);
	}
	free(path);
	if (loaded->module && (!dwfl_module_getelf(loaded->module, &bias) ||
			       !has_build_id(loaded->module, &loaded->key))) {
		loaded->is_other_build = true;
		loaded->module = NULL;
	}
}

/* A module that cannot be remembered is not known. */
static struct loaded *look_up(struct symbols *symbols, const struct symbols_module *module)
{
	struct loaded *loaded;

	for (loaded = symbols->first; loaded; loaded = loaded->next) {
		if (is_same(&loaded->key, module)) {
			return loaded;
		}
	}
	loaded = calloc(1, sizeof(*loaded));
	if (!loaded) {
		return NULL;
	}
	loaded->key.path = strdup(module->path);
	loaded->key.root = strdup(module->root);
	loaded->key.build_id = malloc(module->build_id_length + 1);
	loaded->key.build_id_length = module->build_id_length;
	if (!loaded->key.path || !loaded->key.root || !loaded->key.build_id) {
		unload(loaded);
		return NULL;
	}
	memcpy((void *)(uintptr_t)loaded->key.build_id, module->build_id, module->build_id_length);
	load(loaded);
	loaded->next = symbols->first;
	symbols->first = loaded;
	return loaded;
}

/* Of the scopes around the address, innermost first, the first that is a function's body. */
static void find_inlined(Dwfl_Module *module, uint64_t offset, struct symbols_place *place)
{
	Dwarf_Addr bias = 0;
	Dwarf_Die *unit = dwfl_module_addrdie(module, offset, &bias);
	Dwarf_Die *scopes = NULL;
	int count = unit ? dwarf_getscopes(unit, offset - bias, &scopes) : 0;

	for (int i = 0; i < count; i++) {
		int tag = dwarf_tag(&scopes[i]);
		Dwarf_Attribute name;
		Dwarf_Addr entry;

		if (tag != DW_TAG_inlined_subroutine && tag != DW_TAG_subprogram) {
			continue;
		}
		/* Of a whole function the symbol is better: the linker knows it by that. */
		if ((tag == DW_TAG_inlined_subroutine || !place->function) &&
		    dwarf_attr_integrate(&scopes[i], DW_AT_name, &name)) {
			place->function = dwarf_formstring(&name);
			place->into = dwarf_entrypc(&scopes[i], &entry) == 0 &&
						      entry + bias <= offset
					      ? offset - entry - bias
					      : 0;
		}
		break;
	}
	free(scopes);
}

static void find_line(Dwfl_Module *module, uint64_t offset, struct symbols_place *place)
{
	Dwfl_Line *line = dwfl_module_getsrc(module, offset);
	int number = 0;

	if (line) {
		place->file = dwfl_lineinfo(line, NULL, &number, NULL, NULL, NULL);
		place->line = place->file && number > 0 ? (uint32_t)number : 0;
	}
}

void symbols_find(struct symbols *symbols, const struct symbols_module *module, uint64_t offset,
		  struct symbols_place *place)
{
	struct loaded *loaded = look_up(symbols, module);
	GElf_Off into = 0;
	GElf_Sym symbol;

	memset(place, 0, sizeof(*place));
	if (!loaded || !loaded->module) {
		place->is_other_build = loaded && loaded->is_other_build;
		return;
	}
	place->function = dwfl_module_addrinfo(loaded->module, offset, &into, &symbol, NULL, NULL,
					       NULL);
	place->into = into;
	find_inlined(loaded->module, offset, place);
	find_line(loaded->module, offset, place);
}
