/* SPDX-License-Identifier: MIT */
/*
 * A vfork child's descriptors are not those that its memory speaks of: what it put on
 * 0 to 2 is noted by dup2 in the thread's guard, the one place that nobody else reads
 * while the parent sleeps.
 */
#include "shim/image.h"

#include <elf.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>

#include "core/stamp.h"
#include "core/text.h"
#include "sendfin/ledger.h"
#include "shim/guard.h"
#include "shim/places.h"
#include "shim/process.h"
#include "shim/readable.h"
#include "shim/table.h"
#include "shim/tree.h"
#include "sys/rawsys.h"
#include "sys/sockprobe.h"

#define NAME        LEDGER_VARIABLE "="
#define NAME_LENGTH (sizeof(NAME) - 1)
#define PRELOAD     "LD_PRELOAD="

/* The second entry of a hand-over (image.h); the program's own to write to, if it stays. */
static const char second[] = LEDGER_VARIABLE "_=";
static char padding[sizeof(second)];

/* The shim is here because the environment says so, not /etc/ld.so.preload. */
static bool came_by_variable;

/* Our number for what the new image will have on fd 0 to 2, or -1. */
static int source_of(const struct image_standard *standard, int fd)
{
	if (standard->source[fd] >= 0) {
		return standard->source[fd];
	}
	return guard_in_vfork_child() ? guard_vfork_source(fd) : fd;
}

static void append_legacy(struct text *text, int fd, uint64_t acquired, bool *is_first)
{
	struct text before = *text;

	text_char(text, *is_first ? ':' : ',');
	text_unsigned(text, (uint64_t)fd);
	text_char(text, '.');
	text_hex(text, acquired / STAMP_EPOCH_ONE);
	if (text->truncated) {
		*text = before;
		text->buffer[text->length] = '\0';
		return;
	}
	*is_first = false;
}

/* exec closes it, or it is none of ours to tell of. */
static bool goes_on(int fd)
{
	long flags = rawsys3(SYS_fcntl, fd, F_GETFD, 0);

	return flags >= 0 && (flags & FD_CLOEXEC) == 0;
}

/*
 * Whether `probed` may be a connection. The table knows all of ours: only a vfork child's
 * descriptors must be asked what they are.
 */
static bool is_worth_asking(int probed)
{
	return guard_in_vfork_child() || table_is_watched(probed);
}

/* A connection on 0 to 2 is handed over on purpose: the new image uses it. */
static void hand_over_standard(const struct image_standard *standard, int fd, uint64_t image,
			       struct text *text, bool *is_first)
{
	int source = source_of(standard, fd);
	/* In a child that libc makes, only the source is there to be asked yet. */
	int probed = standard->source[fd] >= 0 ? source : fd;
	struct table_gone known;

	if (!is_worth_asking(probed) || (probed == fd && !goes_on(fd)) ||
	    !sockprobe_is_tcp(probed) || sockprobe_is_listening(probed)) {
		return;
	}
	if (source < 0 || !table_look(source, &known)) {
		memset(&known, 0, sizeof(known));
		known.descriptor = -1;
	}
	tree_image_engage(image, sockprobe_cookie(probed), &known, places_of(source).accepted);
	if (known.acquired != 0) {
		append_legacy(text, fd, known.acquired, is_first);
	}
}

/*
 * Above 2 a copy is an accident, unless the program had it closed at exec and has changed
 * its mind: then the new image was told the number, and uses it.
 */
static void hand_over_unmarked(uint64_t image)
{
	int highest = table_highest();

	for (int fd = 3; fd <= highest && fd < IMAGE_DESCRIPTORS; fd++) {
		struct table_gone known;

		if (table_is_watched(fd) && (table_stamp(fd) & STAMP_CLOEXEC) != 0 && goes_on(fd) &&
		    table_look(fd, &known)) {
			tree_image_engage(image, sockprobe_cookie(fd), &known,
					  places_of(fd).accepted);
		}
	}
}

/* The others keep their numbers across an exec of this process. */
static void hand_over_others(struct text *text, bool *is_first)
{
	int highest = table_highest();

	for (int fd = 3; fd <= highest && fd < IMAGE_DESCRIPTORS; fd++) {
		struct table_gone known;

		if (table_is_watched(fd) && table_look(fd, &known)) {
			append_legacy(text, fd, known.acquired, is_first);
		}
	}
}

bool image_prepare(enum image_kind kind, const struct image_standard *standard, char *variable,
		   uint64_t *image)
{
	bool is_first = true;
	bool is_child;
	struct text text;
	int id;

	if (tree_ledger == NULL || process_is_retired()) {
		return false;
	}
	is_child = kind == IMAGE_SPAWN || guard_in_vfork_child();
	if (!tree_image_begin(is_child, image, &id)) {
		return false;
	}
	text_begin(&text, variable, IMAGE_VARIABLE_BYTES);
	text_string(&text, NAME);
	text_signed(&text, id);
	text_char(&text, ':');
	text_hex(&text, *image);
	for (int fd = 0; fd <= 2; fd++) {
		hand_over_standard(standard, fd, *image, &text, &is_first);
	}
	if (kind == IMAGE_EXEC) {
		hand_over_unmarked(*image);
	}
	if (!is_child) {
		hand_over_others(&text, &is_first);
	}
	return true;
}

void image_failed(uint64_t image)
{
	tree_image_failed(image);
}

/* Compares a string of the program's, and looks no further than it must. */
static bool begins_with(struct readable_page *known, const char *string, const char *beginning)
{
	for (; *beginning != '\0'; string++, beginning++) {
		if (!readable_byte(known, string) || *string != *beginning) {
			return false;
		}
	}
	return true;
}

int image_count(char *const environment[])
{
	struct readable_page pointers = READABLE_NO_PAGE;
	struct readable_page strings = READABLE_NO_PAGE;
	bool has_preload = !came_by_variable;
	int count = 0;

	for (;; count++) {
		const char *last = (const char *)&environment[count + 1] - 1;

		if (environment == NULL || count > IMAGE_ENVIRONMENT_MAX ||
		    !readable_byte(&pointers, (const char *)&environment[count]) ||
		    !readable_byte(&pointers, last)) {
			return -1;
		}
		if (environment[count] == NULL) {
			return has_preload ? count : -1;
		}
		has_preload = has_preload || begins_with(&strings, environment[count], PRELOAD);
	}
}

void image_environment(char **copy, char *const environment[], int count, char *variable)
{
	memcpy(copy, environment, (size_t)count * sizeof(copy[0]));
	copy[count++] = variable;
	copy[count++] = (char *)(uintptr_t)second;
	copy[count] = NULL;
}

/* Digits up to the first character that is none; NULL when there is no digit or too many. */
static const char *parse_number(const char *text, uint32_t base, uint64_t *value)
{
	const char *start = text;

	*value = 0;
	for (;; text++) {
		uint32_t digit = base;

		if (*text >= '0' && *text <= '9') {
			digit = (uint32_t)(*text - '0');
		} else if (*text >= 'a' && *text <= 'f') {
			digit = (uint32_t)(*text - 'a') + 10;
		}
		if (digit >= base) {
			return text == start ? NULL : text;
		}
		if (*value > (~(uint64_t)0 - digit) / base) {
			return NULL;
		}
		*value = *value * base + digit;
	}
}

/* ":fd.epoch,fd.epoch"; what does not read so ends it, and the rest stays unknown. */
static void parse_legacy(const char *text, struct image_legacy *legacy)
{
	while (*text == ':' || *text == ',') {
		uint64_t fd;
		uint64_t epoch;

		text = parse_number(text + 1, 10, &fd);
		if (text == NULL || *text != '.') {
			return;
		}
		text = parse_number(text + 1, 16, &epoch);
		if (text == NULL || fd >= IMAGE_DESCRIPTORS ||
		    epoch > STAMP_EPOCHS_MAX / STAMP_EPOCH_ONE) {
			return;
		}
		legacy->acquired[fd] = epoch * STAMP_EPOCH_ONE;
	}
}

bool image_adopt(const char *value, struct image_legacy *legacy)
{
	uint64_t id;
	uint64_t ref;
	const char *rest = value != NULL ? parse_number(value, 10, &id) : NULL;

	if (rest == NULL || *rest != ':' || id > INT32_MAX) {
		return false;
	}
	rest = parse_number(rest + 1, 16, &ref);
	if (rest == NULL || (*rest != '\0' && *rest != ':') || !tree_adopt((int)id, ref)) {
		return false;
	}
	memset(legacy, 0, sizeof(*legacy));
	parse_legacy(rest, legacy);
	return true;
}

const char *image_take(char **environment, bool is_kernels)
{
	const char *value = NULL;
	char **kept = environment;
	char **entry = environment;
	char **pair;

	for (; *entry != NULL; entry++) {
		if (strncmp(*entry, NAME, NAME_LENGTH) == 0) {
			value = *entry + NAME_LENGTH;
		} else if (strcmp(*entry, second) != 0) {
			came_by_variable |= strncmp(*entry, PRELOAD, sizeof(PRELOAD) - 1) == 0;
			*kept++ = *entry;
		}
	}
	/* An odd number is somebody else's doing, who can have the rest, too. */
	if ((entry - kept) % 2 != 0) {
		memcpy(padding, second, sizeof(second));
		*kept++ = padding;
	}
	pair = kept + 1;
	if (kept < entry) {
		*kept = NULL;
	}
	for (; pair < entry; pair += 2) {
		pair[0] = (char *)(uintptr_t)(is_kernels ? AT_IGNORE : 0);
		pair[1] = NULL;
	}
	return value;
}
