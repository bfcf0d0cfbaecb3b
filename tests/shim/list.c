/* SPDX-License-Identifier: MIT */
/*
 * All tests in one list: every table in order, each row that says IN_MUSL followed by its twin.
 *
 * tests/README.md holds both lists word for word, and a test compares; so a test without its line,
 * or a line without its test, fails.
 */
#include "shim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 98, ROWS_PER_LETTER = 40 };

static const struct test *const tables[] = {
	receive_tests, letgo_tests,   alias_tests, write_tests, birth_tests,
	spare_tests,   net_tests,     load_tests,  mode_tests,  plain_tests,
	signal_tests,  strange_tests, other_tests,
};

bool list_get(size_t i, struct test *out, char *name, size_t size)
{
	for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
		for (const struct test *row = tables[t]; row->name; row++) {
			if (i-- == 0) {
				*out = *row;
				snprintf(name, size, "%s", row->name);
				return true;
			}
			if ((row->flags & IN_MUSL) && i-- == 0) {
				*out = *row;
				out->program = "victim-musl";
				snprintf(name, size, "musl_%s", row->name);
				return true;
			}
		}
	}
	return false;
}

char *list_tests(void)
{
	struct test t;
	char name[128], *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	for (size_t i = 0; list_get(i, &t, name, sizeof(name)); i++) {
		fprintf(f, "- `%s`%s%s%s\n", name, t.rows ? " (" : "", t.rows ? t.rows : "",
			t.rows ? ")" : "");
	}
	fclose(f);
	return text;
}

static bool has_row(const char *rows, const char *row)
{
	size_t len = strlen(row);

	for (const char *p = rows; p && (p = strstr(p, row)); p += len) {
		if ((p == rows || p[-1] == ' ') && (p[len] == ' ' || p[len] == '\0')) {
			return true;
		}
	}
	return false;
}

/* One row's item: its tests, wrapped like prose. */
static void print_row(FILE *f, const char *row)
{
	struct test t;
	char name[128];
	int column = 0;

	for (size_t i = 0; list_get(i, &t, name, sizeof(name)); i++) {
		if (!has_row(t.rows, row)) {
			continue;
		}
		if (column == 0) {
			column = fprintf(f, "- %s:", row);
		} else {
			column += fprintf(f, ",");
		}
		if (column + (int)strlen(name) + 4 > COLUMNS) {
			column = fprintf(f, "\n ") - 1;
		}
		column += fprintf(f, " `%s`", name);
	}
	fputs(column ? "\n" : "", f);
}

char *list_rows(void)
{
	char row[8], *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	for (int letter = 'A'; letter <= 'F'; letter++) {
		for (int n = 1; n < ROWS_PER_LETTER; n++) {
			snprintf(row, sizeof(row), "%c%d", letter, n);
			print_row(f, row);
		}
	}
	fclose(f);
	return text;
}
