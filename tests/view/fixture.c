/* SPDX-License-Identifier: MIT */
/*
 * fixture WORD...: a process that looks to the command as if the shim were in it.
 *
 * It has the anchor, a ledger (its own, or the one that `sendfin run --debug` handed to it),
 * and fills it through src/ledger as each word says, one after the other; then it prints
 * "ready PID" and turns for the end of its standard input, or does what the last word says.
 * The words are the table at the end. Its places are real: the lines that are marked
 * "here: NAME" below.
 */
#include <arpa/inet.h>
#include <err.h>
#include <link.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/verdict.h"
#include "ledger/events.h"
#include "ledger/procs.h"
#include "ledger/segment.h"
#include "ledger/sites.h"

enum { PLACES = 1024 };

/* What libsendfin.so would export. */
extern struct sendfin_anchor sendfin_anchor;
struct sendfin_anchor sendfin_anchor = {.magic = LEDGER_MAGIC, .version = LEDGER_VERSION, .id = -1};

static struct ledger_place places[PLACES];
static uint32_t turns = 1;
static struct ledger *ledger;
static uint64_t self;
static int id = -1;
static uint32_t accepted, forked, let_go, ended;

/* As the module that sites lie in is told of. */
static char module_path[4096];
static uint8_t build_id[LEDGER_BUILD_ID];
static uint32_t build_id_length;
static uint64_t bias;

static long call(long number, long a, long b, long c)
{
	return syscall(number, a, b, c);
}

/* The program itself comes first. */
static int take_module(struct dl_phdr_info *info, size_t size, void *unused)
{
	(void)size;
	(void)unused;
	bias = info->dlpi_addr;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		const char *at = (const char *)bias + segment->p_vaddr;
		const char *end = at + segment->p_memsz;

		while (segment->p_type == PT_NOTE && at + sizeof(ElfW(Nhdr)) < end) {
			const ElfW(Nhdr) *note = (const void *)at;
			const char *name = at + sizeof(*note);
			const char *data = name + ((note->n_namesz + 3) & ~3U);

			if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 &&
			    memcmp(name, "GNU", 4) == 0) {
				build_id_length = note->n_descsz < sizeof(build_id)
							  ? note->n_descsz
							  : sizeof(build_id);
				memcpy(build_id, data, build_id_length);
			}
			at = data + ((note->n_descsz + 3) & ~3U);
		}
	}
	return 1;
}

static uint64_t frame_at(const void *return_address)
{
	struct sites_module module = {
		.path = module_path, .build_id = build_id, .build_id_length = build_id_length};

	return sites_frame(sites_intern_module(ledger, &module),
			   (uint64_t)(uintptr_t)return_address - bias - 1);
}

/* The site of its caller, called from `outer`. */
__attribute__((noinline)) static uint32_t site_here(const void *outer)
{
	uint64_t frames[2] = {frame_at(__builtin_return_address(0)), frame_at(outer)};

	return sites_intern(ledger, frames, 2, NULL);
}

__attribute__((always_inline)) static inline uint32_t accept_one(const void *outer)
{
	return site_here(outer); /* here: accepted */
}

__attribute__((noinline)) static void know_the_places(void)
{
	const void *outer = __builtin_return_address(0);

	accepted = accept_one(outer);
	forked = site_here(outer); /* here: forked */
	let_go = site_here(outer); /* here: let_go */
	ended = site_here(outer);  /* here: ended */
}

static void word_places(const char *unused)
{
	(void)unused;
	know_the_places(); /* here: outer */
	sendfin_anchor.places = (uint64_t)(uintptr_t)places;
	sendfin_anchor.place_count = PLACES;
	sendfin_anchor.turns = (uint64_t)(uintptr_t)&turns;
}

static void word_module(const char *path)
{
	snprintf(module_path, sizeof(module_path), "%s", path);
}

static void word_other_build(const char *unused)
{
	(void)unused;
	build_id_length = sizeof(build_id);
	build_id[0] ^= 0xff;
}

/* Its own, or the one that is handed to it. */
static void word_ledger(const char *unused)
{
	const char *handed = getenv(LEDGER_VARIABLE);
	unsigned long ref = 0;

	(void)unused;
	if (handed && sscanf(handed, "%d:%lx", &id, &ref) == 2) {
		if (segment_attach(call, id, &ledger) != 0) {
			errx(1, "%s", handed);
		}
		self = ref;
	} else if (segment_create(call, &ledger, &id) != 0) {
		err(1, "segment");
	} else {
		self = procs_claim(ledger, &self, false, NULL);
	}
	if (!procs_get(ledger, self)) {
		errx(1, "no slot");
	}
	procs_get(ledger, self)->flags |= LEDGER_PROCESS_SIGHTED;
	procs_get(ledger, self)->pid = (uint32_t)getpid();
	sendfin_anchor.ledger = (uint64_t)(uintptr_t)ledger;
	sendfin_anchor.id = id;
}

static struct ledger_event event_of(enum ledger_kind kind)
{
	struct ledger_event event = {
		.kind = (uint16_t)kind,
		.verdict = VERDICT_FIN,
		.reason = VERDICT_REASON_STALE,
		.acted = kind == LEDGER_KIND_LET_GO,
		.pid = (uint32_t)getpid(),
		.process = self,
		.descriptor = 7,
		.let_go = let_go,
		.accepted = accepted,
		.forked = forked,
		.ended = ended,
		.holder_pid = 4242,
		.others = 2,
		.ends = {.local = {127, 0, 0, 1},
			 .peer = {192, 0, 2, 7},
			 .local_port = 80,
			 .peer_port = 51234,
			 .is_known = 1},
	};

	if (kind != LEDGER_KIND_LET_GO) {
		event.verdict = 0;
		event.reason = 0;
		event.let_go = 0;
	}
	return event;
}

static void happen(enum ledger_kind kind, const char *times)
{
	struct ledger_event event = event_of(kind);

	for (int i = 0; i < atoi(times); i++) {
		event.count = events_count(ledger, &event);
		events_append(ledger, &event);
	}
}

static void word_stale(const char *times)
{
	happen(LEDGER_KIND_LET_GO, times);
}

static void word_never_closed(const char *times)
{
	happen(LEDGER_KIND_NEVER_CLOSED, times);
}

static void word_leaks(const char *times)
{
	ledger->header.leaks += (uint64_t)atoi(times);
}

/* One connection to ourselves; the client's end is closed. Returns the server's. */
static int connection(int bytes)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	int client = socket(AF_INET, SOCK_STREAM, 0);
	int server;

	if (bind(listener, (void *)&address, length) != 0 || listen(listener, 1) != 0 ||
	    getsockname(listener, (void *)&address, &length) != 0 ||
	    connect(client, (void *)&address, length) != 0) {
		err(1, "connection");
	}
	server = accept(listener, NULL, NULL);
	while (bytes-- > 0) {
		send(client, "x", 1, 0);
	}
	close(client);
	close(listener);
	return server;
}

static void wait_for_eof(int fd)
{
	char byte;

	while (recv(fd, &byte, 1, 0) > 0) {
	}
}

/* Held in CLOSE_WAIT: its EOF was read here; or some bytes of it were not. */
static void word_held(const char *how)
{
	int fd = connection(atoi(how));

	if (atoi(how) == 0) {
		wait_for_eof(fd);
	} else {
		/* The FIN is in when a peek of more than there is has its end. */
		char byte[64];

		recv(fd, byte, sizeof(byte), MSG_PEEK | MSG_WAITALL);
	}
	places[fd].accepted = accepted;
	if (atoi(how) == 0) {
		places[fd].ended = ended;
		places[fd].ended_at = turns++;
	}
}

static void word_dead(const char *unused)
{
	int fd = connection(0);

	(void)unused;
	wait_for_eof(fd);
	shutdown(fd, SHUT_RDWR);
	places[fd].accepted = accepted;
	places[fd].ended = ended;
	places[fd].ended_at = turns++;
}

/* A child that reads the EOF of a connection that its parent keeps. */
static void word_stale_copy(const char *unused)
{
	int fd = connection(0);
	uint64_t child = procs_claim(ledger, &self, false, NULL);

	(void)unused;
	procs_get(ledger, child)->forked = forked;
	procs_get(ledger, self)->came_to_share = 1 << 17;
	if (fork() == 0) {
		wait_for_eof(fd);
		_exit(0);
	}
	wait_for_eof(fd);
	places[fd].accepted = accepted;
	procs_end(ledger, child);
}

static void word_comm(const char *name)
{
	prctl(PR_SET_NAME, name);
}

static void word_version(const char *number)
{
	sendfin_anchor.version = (uint32_t)atoi(number);
}

static void word_damage(const char *unused)
{
	(void)unused;
	ledger->header.version = 77;
}

static void word_children(const char *count)
{
	for (int i = 0; i < atoi(count); i++) {
		uint64_t child = procs_claim(ledger, &self, false, NULL);
		pid_t pid = fork();
		char byte;

		if (pid == 0) {
			_exit(read(0, &byte, 1) == 0 ? 0 : 1);
		}
		procs_get(ledger, child)->pid = (uint32_t)pid;
	}
}

static void word_exit(const char *status)
{
	exit(atoi(status));
}

static void word_kill(const char *number)
{
	kill(getpid(), atoi(number));
}

static const struct {
	const char *name;
	void (*call)(const char *argument);
} words[] = {
	{"ledger", word_ledger}, {"places", word_places},
	{"module", word_module}, {"other-build", word_other_build},
	{"stale", word_stale},   {"never-closed", word_never_closed},
	{"leaks", word_leaks},   {"held", word_held},
	{"dead", word_dead},     {"stale-copy", word_stale_copy},
	{"comm", word_comm},     {"version", word_version},
	{"damage", word_damage}, {"children", word_children},
	{"exit", word_exit},     {"kill", word_kill},
};

static void obey(const char *word)
{
	size_t length = strcspn(word, "=");

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strncmp(words[i].name, word, length) == 0 && !words[i].name[length]) {
			words[i].call(word[length] ? word + length + 1 : "1");
			return;
		}
	}
	errx(2, "%s: no such word", word);
}

int main(int argc, char **argv)
{
	char byte;

	signal(SIGCHLD, SIG_IGN);
	dl_iterate_phdr(take_module, NULL);
	if (readlink("/proc/self/exe", module_path, sizeof(module_path) - 1) < 0) {
		err(1, "exe");
	}
	for (int i = 1; i < argc; i++) {
		obey(argv[i]);
	}
	printf("ready %d\n", (int)getpid());
	fflush(stdout);
	while (read(0, &byte, 1) > 0) {
	}
	return 0;
}
