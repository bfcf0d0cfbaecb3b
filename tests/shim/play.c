/* SPDX-License-Identifier: MIT */
/*
 * The language of the tests: steps separated by semicolons.
 *
 *   P VERB ...      puppet P (or a, b) obeys; its answer is awaited (victim/ has the verbs)
 *   P! VERB ...     it obeys and does not answer (it ends, or a thread answers)
 *   P& VERB ...     it obeys, and answers later:
 *   P join          now its answer is awaited (`t join`: the answer of its thread)
 *   ... -> TEXT     the answer must be "ok TEXT"
 *   c connect       the peer c (or e) does: connect, listen, accept, send N, recv N, half, close,
 *                   reset; and claims, in both runs:
 *   c open          ESTABLISHED, no EOF          c stuck   CLOSE_WAIT, no EOF: the disease
 *   c held          the same as stuck, where that is right: somebody still wants the connection
 *   c ended         EOF, and not CLOSE_WAIT      c heal    stuck in the bare run, else ended
 *   c state NAME    the victim's side is in this state ("-": there is none)
 *   w reap          the test's process collects one orphan of the victim
 *
 * A claim about the absence of a FIN needs no waiting: the kernel's table is looked up, and a
 * shutdown changes it before it returns; the step before has been answered by then.
 */
#include "shim.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct step {
	char who;           /* P a b t c e w */
	char how;           /* 0, '!' or '&' */
	const char *what;   /* the rest */
	const char *expect; /* NULL, or what must come after "ok " */
};

static void take_answer(struct world *w, const struct step *s, int puppet)
{
	const char *a = world_answer(w, puppet);

	if (strncmp(a, "skip ", 5) == 0) {
		skip(a + 5);
	}
	if (strncmp(a, "ok", 2) != 0) {
		fail(w, "%s", a);
	}
	if (sscanf(a, "ok port=%d", &w->port) == 1) {
		return; /* the one answer that differs from run to run */
	}
	world_log(w, "%c %s: %s\n", s->who, s->what, a);
	if (s->expect && (a[2] != ' ' || strcmp(a + 3, s->expect) != 0)) {
		fail(w, "wrong answer: %s", a);
	}
}

static void play_puppet(struct world *w, const struct step *s)
{
	int puppet = (int)(strchr("Pabt", s->who) - "Pabt");

	if (strcmp(s->what, "join") == 0) {
		take_answer(w, s, puppet);
		return;
	}
	if (strncmp(s->what, "listen ", 7) == 0) {
		w->family = s->what + 7;
	}
	if (strncmp(s->what, "connect", 7) == 0) {
		char line[64];

		snprintf(line, sizeof(line), "connect %s %d", w->family, w->port);
		world_tell(w, puppet, line);
	} else {
		world_tell(w, puppet, s->what);
	}
	if (!s->how) {
		take_answer(w, s, puppet);
	}
}

static void claim(struct world *w, struct peer *p, const char *state, const char *sees)
{
	const char *is_state = procnet_state(p->its_port, p->my_port), *is_seen = peer_sees(p);

	if (p->fd < 0) {
		sees = "gone";
	}
	if (strcmp(state, is_state) != 0 || strcmp(sees, is_seen) != 0) {
		fail(w, "the victim's side is in %s and the peer sees %s", is_state, is_seen);
	}
}

static void claim_ended(struct world *w, struct peer *p)
{
	const char *wrong = peer_await_end(p);

	if (*wrong) {
		fail(w, "no end: %s; the victim's side is in %s", wrong,
		     procnet_state(p->its_port, p->my_port));
	}
}

static bool play_claim(struct world *w, struct peer *p, const char *what)
{
	if (strcmp(what, "open") == 0) {
		claim(w, p, "ESTABLISHED", "open");
	} else if (strcmp(what, "stuck") == 0 || strcmp(what, "held") == 0) {
		claim(w, p, "CLOSE_WAIT", "open");
	} else if (strcmp(what, "ended") == 0) {
		claim_ended(w, p);
	} else if (strcmp(what, "heal") == 0) {
		if (w->shimmed) {
			claim_ended(w, p);
		} else {
			claim(w, p, "CLOSE_WAIT", "open");
		}
	} else if (strncmp(what, "state ", 6) == 0) {
		peer_await_state(w, p, what + 6);
	} else {
		return false;
	}
	return true;
}

static void play_peer(struct world *w, struct peer *p, const char *what)
{
	static const struct {
		const char *name;
		void (*fn)(struct world *w, struct peer *p);
	} acts[] = {
		{"connect", peer_connect}, {"listen", peer_listen}, {"accept", peer_accept},
		{"half", peer_half},       {"close", peer_close},   {"reset", peer_reset},
	};

	if (play_claim(w, p, what)) {
		return;
	}
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		if (strcmp(acts[i].name, what) == 0) {
			acts[i].fn(w, p);
			return;
		}
	}
	if (strncmp(what, "send ", 5) == 0) {
		peer_send(w, p, strtoul(what + 5, NULL, 10));
	} else if (strncmp(what, "recv ", 5) == 0) {
		peer_recv(w, p, strtoul(what + 5, NULL, 10));
	} else {
		fail(w, "no such act");
	}
}

static void play_reap(struct world *w)
{
	int status;
	pid_t pid;

	do {
		pid = waitpid(-1, &status, 0);
	} while (pid < 0 && errno == EINTR);
	if (pid == w->victim || pid < 0) {
		fail(w, "the victim itself is dead");
	}
	world_log(w, "orphan ended: %d\n", status);
}

static void play_step(struct world *w, char *text)
{
	struct step s = {.who = text[0]};
	char *arrow = strstr(text, " -> ");

	w->doing = text;
	s.how = text[1] == '!' || text[1] == '&' ? text[1] : '\0';
	s.what = strchr(text, ' ') ? strchr(text, ' ') + 1 : "";
	if (arrow) {
		w->doing = strdup(text);
		*arrow = '\0';
		s.expect = arrow + 4;
	}
	if (s.who && strchr("Pabt", s.who)) {
		play_puppet(w, &s);
	} else if (s.who == 'c' || s.who == 'e') {
		play_peer(w, &w->peer[s.who == 'e'], s.what);
	} else if (s.who == 'w' && strcmp(s.what, "reap") == 0) {
		play_reap(w);
	} else {
		fail(w, "no such step");
	}
}

void play(struct world *w, const char *script)
{
	char *copy = strdup(script), *save = NULL;

	for (char *t = strtok_r(copy, ";", &save); t; t = strtok_r(NULL, ";", &save)) {
		size_t len;

		t += strspn(t, " \t\n");
		for (len = strlen(t); len && strchr(" \t\n", t[len - 1]); len--) {
			t[len - 1] = '\0';
		}
		if (*t) {
			play_step(w, t);
		}
	}
	w->doing = "after the script";
}
