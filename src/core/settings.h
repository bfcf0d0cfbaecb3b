/* SPDX-License-Identifier: MIT */
/*
 * The variables SENDFIN_*: text from the environment to a struct.
 *
 * The idea: the host's environment is read once, in the constructor; each value
 * is copied or translated, and no pointer into the environment is kept, because
 * programs scribble over it (setproctitle).
 * Invariant: after settings_default(), every struct is valid; a bad value
 * changes nothing but produces one error.
 * Never here: reading the environment itself, or printing.
 */
#ifndef CORE_SETTINGS_H
#define CORE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

enum settings_mode { SETTINGS_MODE_ENFORCE, SETTINGS_MODE_OBSERVE, SETTINGS_MODE_OFF };
enum settings_policy { SETTINGS_POLICY_PROOF, SETTINGS_POLICY_STRICT, SETTINGS_POLICY_EAGER };
enum settings_trigger { SETTINGS_TRIGGER_EOF, SETTINGS_TRIGGER_CLOSE };
enum settings_reclaim { SETTINGS_RECLAIM_EMFILE, SETTINGS_RECLAIM_OFF };
enum settings_format { SETTINGS_FORMAT_TEXT, SETTINGS_FORMAT_JSON };
enum settings_log {
	SETTINGS_LOG_UNSET,
	SETTINGS_LOG_STDERR,
	SETTINGS_LOG_SYSLOG,
	SETTINGS_LOG_NONE, /* not even what debug and observe would say */
	SETTINGS_LOG_FILE
};

enum {
	/* Seconds of SENDFIN_PROBE; the most is the kernel's (MAX_TCP_KEEPIDLE). */
	SETTINGS_PROBE_DEFAULT = 30,
	SETTINGS_PROBE_MAX = 32767,
	/* One path component set of NAME_MAX and room for directories; longer is refused. */
	SETTINGS_PATH_MAX = 1024,
	/* Fits every message of settings_set(), the value shortened if need be. */
	SETTINGS_ERROR_MAX = 320,
};

struct settings {
	enum settings_mode mode;
	enum settings_policy policy;
	enum settings_trigger trigger;
	enum settings_reclaim reclaim;
	bool cloexec;
	bool debug;
	bool report;
	int exitcode; /* 0 = unset, else 1 to 255 */
	int probe_s;  /* keepalive of a deferred connection, seconds; 0 = off */
	enum settings_format format;
	enum settings_log log;
	char log_path[SETTINGS_PATH_MAX]; /* with SETTINGS_LOG_FILE: absolute, NUL-terminated */
};

/* All defaults. */
void settings_default(struct settings *settings);

/*
 * Takes one "NAME=value" string of an environment. Returns true when it is not
 * ours (its name does not begin with SENDFIN_, or it has no '='), is internal
 * (SENDFIN_LEDGER), has an empty value (as good as unset: nothing changes), or
 * was good. Returns false for a bad value or an unknown SENDFIN_ name: the
 * setting is unchanged, and error (size bytes, at least 1; SETTINGS_ERROR_MAX is
 * enough) holds one line without a newline. For a value it names the variable,
 * the value, the column (from 1) of the first character that fits no accepted
 * value, what is accepted, and what stays in force; for a name, the similar one
 * if there is one. Names and values are shown shortened, and what is not plain
 * ASCII in them as '?', so that a line cannot be forged. True leaves error "".
 *
 * Words are case-sensitive and numbers plain decimals: no sign, space or leading
 * zero. Of a variable given twice the later one wins.
 */
bool settings_set(struct settings *settings, const char *assignment, char *error, size_t size);

#endif
