/* SPDX-License-Identifier: MIT */
/*
 * Shell handlers under inetd: the program that reads to EOF is never the one that has the last
 * word. Every byte must arrive, and then the FIN, also when the server leaks its copy.
 */
#include "talk.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { REQUEST = 1000, BIG = 1000 * 1000 };

static void ask(struct stage *s, struct client *c)
{
	client_open(s, c);
	client_pour(s, c, REQUEST);
	client_half(s, c);
}

static void want_end(struct stage *s, struct client *c, const char *who)
{
	stage_hear(s, "reaped");
	stage_blocked(s, s->server, "accept");
	if (strcmp(who, "correct") == 0) {
		client_eof(s, c);
	} else {
		client_heal(s, c);
	}
	client_close(s, c);
}

static void play_words(struct stage *s, const char *who, const char *handler, const char *words)
{
	const char *const args[] = {"inetd", who, handler, NULL};
	struct client c;

	stage_start(s, args);
	ask(s, &c);
	client_want(s, &c, words);
	want_end(s, &c, who);
}

/* args[0] is empty: play() starts the server; the rest of the row is for the functions below. */
static const char *who(const struct stage *s)
{
	return s->talk->args[1];
}

static void play_count(struct stage *s)
{
	play_words(s, who(s), "wc -c; echo done", "1000\ndone\n");
}

static void play_nested(struct stage *s)
{
	play_words(s, who(s), "sh -c 'wc -c; echo inner'; echo outer", "1000\ninner\nouter\n");
}

static void play_substitution(struct stage *s)
{
	play_words(s, who(s), "n=$(wc -c); echo got $n", "got 1000\n");
}

static void play_pipeline(struct stage *s)
{
	play_words(s, who(s), "cat | wc -c | sed s/^/n=/; echo done", "n=1000\ndone\n");
}

static void play_last_exec(struct stage *s)
{
	play_words(s, who(s), "cat >/dev/null; echo one; exec echo two", "one\ntwo\n");
}

/* The shell pauses between the reader's end and its own word. */
static void play_pause(struct stage *s)
{
	const char *const args[] = {"inetd", who(s), "wc -c; read x <&5; echo $x", NULL};
	struct client c;

	stage_start(s, args);
	ask(s, &c);
	client_want(s, &c, "1000\n");
	stage_blocked(s, s->server, strcmp(who(s), "late") == 0 ? "wait" : "accept");
	client_held(s, &c);
	stage_tell_kid(s, "late word");
	client_want(s, &c, "late word\n");
	want_end(s, &c, who(s));
}

static void play_big(struct stage *s)
{
	static int file = -1;
	char handler[128];
	const char *const args[] = {"inetd", who(s), handler, NULL};
	struct client c;

	if (file < 0) {
		unsigned char block[4096];

		file = memfd_create("big", MFD_CLOEXEC);
		for (size_t i = 0; i < BIG; i++) {
			block[i % sizeof(block)] = pattern_byte(i);
			if ((i + 1) % sizeof(block) == 0 || i + 1 == BIG) {
				write(file, block, i % sizeof(block) + 1);
			}
		}
	}
	snprintf(handler, sizeof(handler), "(cat >/dev/null); cat /proc/%d/fd/%d", (int)getpid(),
		 file);
	stage_start(s, args);
	ask(s, &c);
	client_drain(s, &c, BIG);
	want_end(s, &c, who(s));
}

/* The handler is over, and somebody in the background still has to say something. */
static void play_background(struct stage *s)
{
	const char *const args[] = {
		"inetd",
		who(s),
		"cat >/dev/null; (read x <&5; echo $x) & echo early",
		NULL,
	};
	struct client c;

	stage_start(s, args);
	ask(s, &c);
	client_want(s, &c, "early\n");
	stage_hear(s, "reaped");
	stage_blocked(s, s->server, "accept");
	client_held(s, &c);
	stage_tell_kid(s, "late word");
	client_want(s, &c, "late word\n");
	stage_reap_orphan(s);
	if (strcmp(who(s), "correct") == 0) {
		client_eof(s, &c);
	} else {
		client_heal(s, &c);
	}
	client_close(s, &c);
}

#define ROWS(title, fn)                                                                            \
	{.name = "shell_" title "_correct", .play = fn, .args = {NULL, "correct"}},                \
		{.name = "shell_" title "_leaky_then_fin", .play = fn, .args = {NULL, "leaky"}},   \
	{                                                                                          \
		.name = "shell_" title "_leaky_in_waitpid_then_fin", .play = fn, .args = {         \
			NULL,                                                                      \
			"late"                                                                     \
		}                                                                                  \
	}

const struct talk shell_talks[] = {
	ROWS("counts_and_says_done", play_count),
	ROWS("counts_pauses_and_says", play_pause),
	ROWS("in_a_shell", play_nested),
	ROWS("substitution", play_substitution),
	ROWS("pipeline", play_pipeline),
	ROWS("ends_by_exec", play_last_exec),
	ROWS("discards_then_sends_a_file", play_big),
	ROWS("leaves_a_writer_behind", play_background),
	{.name = NULL},
};
