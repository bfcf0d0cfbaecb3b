/* SPDX-License-Identifier: MIT */
/*
 * The constructor, and the map of this room.
 *
 *   hooks.def    what is intercepted            real, early   what is behind the hooks
 *   symbols      where libc has it              clock         the time
 *   hook_*.c     the intercepted functions      thunks.S      those that C cannot write
 *   table        what each descriptor is        use           a connection is used
 *   letgo        a connection is let go         fin           the one shutdown
 *   tree         this process in the ledger     tree_image    its slot, across exec
 *   tree_use     what it publishes              lineage       its ancestors
 *   prepared     the slot for a child to come    copy          which descriptor it is here
 *   holders      how the others stand           home          the page that all that changes is on
 *   due          deferred FINs, and the sweep   reclaim       descriptors given back
 *   handover     connections in messages        image         what goes across exec
 *   stream       stdio on connections           guard         per-thread state
 *   bynumber     calls made through syscall()   readable      may we look at it?
 *   process      epoch, birth, retirement       log           what we say
 *   capture      backtraces, in debug mode      known         stacks seen before
 *   places       where connections come from    journal       events, findings
 *   report       leaks at exit, exit code
 *
 *   trace*       libsendfin-trace.so: libunwind, and what is asked of the loader
 *
 * Order: libc's functions, the settings, then the tables; the table is switched on
 * last. Whatever fails on the way leaves the shim inert, never the host dead.
 * Nothing stays open. errno is kept.
 */
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "core/settings.h"
#include "shim/capture.h"
#include "shim/due.h"
#include "shim/hooks.h"
#include "shim/image.h"
#include "shim/journal.h"
#include "shim/letgo.h"
#include "shim/log.h"
#include "shim/places.h"
#include "shim/process.h"
#include "shim/readable.h"
#include "shim/report.h"
#include "shim/table.h"
#include "shim/tree.h"
#include "shim/use.h"
#include "sys/rawsys.h"
#include "sys/sockprobe.h"

extern char **environ __attribute__((weak));

/* Made by the linker: this library's first byte, and the end of what has a value. */
extern HIDDEN const ElfW(Ehdr) __ehdr_start;
extern HIDDEN const char __bss_start[];

enum {
	/* /proc/self/status up to the line "Seccomp:", mostly. */
	STATUS_BYTES = 4096,
	/* At least as long as that line. */
	STATUS_LINE = 64,
	/* More than all pointers of arguments and environment take (execve(2)). */
	ENVIRONMENT_BYTES = 8 << 20,
};

/*
 * The kernel's own array of environment strings lies a little below its random bytes, at
 * the end of the first stack. A copy that an earlier constructor made (setenv) does not.
 */
static bool is_kernels(char **environment)
{
	uintptr_t random = borrowed.getauxval(AT_RANDOM);
	uintptr_t at = (uintptr_t)environment;

	return at < random && random - at < ENVIRONMENT_BYTES;
}

/* The hand-over leaves the environment before anybody looks: both, where there are two. */
static const char *take_handover(char **environment, char **given)
{
	const char *value = image_take(environment, is_kernels(environment));

	/* musl passes nothing to constructors. */
	if (borrowed.gnu_get_libc_version != NULL && given != environment && is_kernels(given)) {
		const char *other = image_take(given, true);

		value = value != NULL ? value : other;
	}
	return value;
}

static void read_settings(char **environment)
{
	char error[SETTINGS_ERROR_MAX];

	for (char **entry = environment; *entry != NULL; entry++) {
		if (!settings_set(&process_settings, *entry, error, sizeof(error))) {
			log_line(error);
		}
	}
	log_setup();
}

/* What the kernel says of this process in /proc/self/status; see proc(5). */
struct status {
	bool is_sandboxed;
	uint32_t descriptors; /* room in its table: none is open from here on ... */
	bool has_more;        /* ... but that there is more than we look at */
};

/* What the line with this name, at `line` or behind it, says; or "". */
static const char *value_of(const char *name, const char *line, const char *end)
{
	size_t length = strlen(name);

	while (line != NULL && (*line != *name || strncmp(line, name, length) != 0)) {
		line = memchr(line, '\n', (size_t)(end - line));
		line = line != NULL ? line + 1 : NULL;
	}
	return line != NULL ? line + length : "";
}

/* Fills `status` behind what is kept there, and puts a NUL behind it all: the new end. */
static char *read_on(long fd, char *status, size_t kept)
{
	long length = rawsys3(SYS_read, fd, (long)(status + kept), (long)(STATUS_BYTES - kept));
	char *end = status + kept + (length > 0 ? length : 0);

	*end = '\0';
	return end;
}

/*
 * A filter that came with us across exec kills for calls it does not know. Open, read and
 * close of a file are what ld.so itself has just done. The supplementary groups, in front of
 * what is said of the filter, may be longer than our room.
 */
static struct status read_status(void)
{
	struct status found = {.is_sandboxed = false, .descriptors = IMAGE_DESCRIPTORS};
	char status[STATUS_BYTES + 1];
	long fd = rawsys6(SYS_openat, AT_FDCWD, (long)"/proc/self/status", O_RDONLY | O_CLOEXEC, 0,
			  0, 0);
	const char *digit;
	char *end;
	uint32_t size = 0;

	if (fd < 0) {
		return found;
	}
	end = read_on(fd, status, 0);
	for (digit = value_of("FDSize:\t", status, end);
	     *digit >= '0' && *digit <= '9' && size < IMAGE_DESCRIPTORS; digit++) {
		size = size * 10 + (uint32_t)(*digit - '0');
	}
	found.has_more = size > found.descriptors;
	if (size != 0 && size < found.descriptors) {
		found.descriptors = size;
	}
	digit = value_of("Seccomp:\t", status, end);
	while (*digit == '\0' && end == status + STATUS_BYTES) {
		memcpy(status, end - STATUS_LINE, STATUS_LINE); /* its line may have been cut */
		end = read_on(fd, status, STATUS_LINE);
		digit = value_of("Seccomp:\t", status, end);
	}
	found.is_sandboxed = *digit != '\0' && *digit != '0';
	rawsys1(SYS_close, fd);
	return found;
}

static bool is_standard(int fd)
{
	return fd <= 2;
}

/*
 * What an exec with the connection on `fd` says: 0 to 2 are handed over on purpose. The
 * epoch is that of its acquisition where the old image told it.
 */
static uint64_t inherited_stamp(int fd, uint64_t acquired)
{
	uint64_t epoch = acquired != 0 ? acquired : PROCESS_INHERITED_EPOCH;
	uint64_t stamp = stamp_acquired(epoch, STAMP_SHARED);

	if (!is_standard(fd)) {
		return stamp;
	}
	return (stamp | STAMP_STDIO | STAMP_EXECED) & ~(fd == 0 ? STAMP_USE_READ : STAMP_USE_WRITE);
}

/* What the process was born with. Mostly nothing, so nothing in it is set before it is there. */
struct inheritance {
	int count;
	uint64_t cookies[IMAGE_DESCRIPTORS]; /* of the connections, */
	uint8_t fds[IMAGE_DESCRIPTORS];      /* and the lowest descriptor of each */
	bool has_legacy;
	struct image_legacy legacy;
};

static uint64_t stamp_of(int fd, const struct inheritance *found)
{
	return inherited_stamp(fd, found->has_legacy ? found->legacy.acquired[fd] : 0);
}

static void take_inherited(int fd, struct inheritance *found)
{
	uint64_t cookie;

	if (!sockprobe_is_tcp(fd)) {
		return;
	}
	if (sockprobe_is_listening(fd)) {
		table_put(fd, STAMP_LISTENS);
		return;
	}
	cookie = sockprobe_cookie(fd);
	for (int i = 0; i < found->count; i++) {
		if (found->cookies[i] == cookie && cookie != 0) {
			table_alias_inherited(found->fds[i], fd, stamp_of(fd, found));
			return;
		}
	}
	found->cookies[found->count] = cookie;
	found->fds[found->count++] = (uint8_t)fd;
	table_put(fd, stamp_of(fd, found));
	if (is_standard(fd)) {
		use_engage_inherited(fd, cookie);
	}
}

static bool is_inherited(uint64_t cookie, const void *context)
{
	const struct inheritance *found = context;

	for (int i = 0; i < found->count; i++) {
		if (found->cookies[i] == cookie) {
			return true;
		}
	}
	return false;
}

/* One poll tells which descriptors are open; only those are asked what they are. */
static void find_inherited(const char *handed, uint32_t limit, bool has_more)
{
	struct pollfd descriptors[IMAGE_DESCRIPTORS];
	struct inheritance found;
	uint32_t count = limit < IMAGE_DESCRIPTORS ? limit : IMAGE_DESCRIPTORS;
	struct timespec now = {0, 0};

	found.count = 0;
	found.has_legacy = image_adopt(handed, &found.legacy);
	if (has_more) {
		tree_received(); /* copies of what we see, perhaps */
	}
	if (places_are_kept) {
		tree_make_ledger();
		journal_setup();
	}
	for (uint32_t i = 0; i < count; i++) {
		descriptors[i] = (struct pollfd){.fd = (int)i};
	}
	if (rawsys6(SYS_ppoll, (long)descriptors, count, (long)&now, 0, 0, 0) < 0) {
		return;
	}
	for (uint32_t i = 0; i < count; i++) {
		if ((descriptors[i].revents & POLLNVAL) == 0) {
			take_inherited((int)i, &found);
		}
	}
	tree_keep_only(is_inherited, &found);
}

static void at_exit(void *unused)
{
	(void)unused;
	CAPTURE_ENTRY();
	letgo_at_exit(true);
	report_exit(true);
}

/* quick_exit flushes nothing, so nothing of the buffers will ever reach the peer. */
static void at_quick_exit_handler(void *unused)
{
	(void)unused;
	CAPTURE_ENTRY();
	letgo_at_exit(false);
	report_exit(false);
}

/*
 * Registered before anybody else's, run after everybody else's: ld.so registers
 * its own handler, which runs all destructors, later than this (glibc).
 */
static void register_exit(void)
{
	if (borrowed.__cxa_atexit != NULL && borrowed.gnu_get_libc_version != NULL) {
		borrowed.__cxa_atexit(at_exit, NULL, NULL);
	}
	if (borrowed.__cxa_at_quick_exit != NULL) {
		borrowed.__cxa_at_quick_exit(at_quick_exit_handler, NULL);
	}
}

static uint32_t descriptor_limit(uint64_t *soft)
{
	struct rlimit limit = {1024, 1024};

	rawsys6(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, (long)&limit, 0, 0);
	*soft = limit.rlim_cur;
	/* A privileged program may raise the hard limit later. */
	if (limit.rlim_max < 64 * 1024) {
		return 64 * 1024;
	}
	return limit.rlim_max < TABLE_LIMIT_MAX ? (uint32_t)limit.rlim_max : TABLE_LIMIT_MAX;
}

/*
 * Debug mode: what it needs is there before the first descriptor is looked at. The ledger,
 * which an ancestor may have handed on, is made now if it has to be: sites live in it.
 */
static void set_up_diagnosis(uint32_t limit)
{
	if (!process_settings.debug && !process_settings.report && process_settings.exitcode == 0) {
		return;
	}
	if (places_setup(limit) == 0 && report_setup() == 0) {
		log_setup_buffer();
		capture_setup();
	}
}

/*
 * The tables of libc's functions, the settings, and what ld.so has relocated are never
 * written again: in one mapping, and that is not writable. It is more than RELRO protects,
 * for the same number of system calls, and one mapping less for each fork to copy. A filter
 * that came with us lets it be: ld.so has just done it for libc's own tables.
 *
 * Where the linker does not let it begin on a page, musl has given what is in front of it to
 * malloc by now (reclaim_gaps in ldso/dynlink.c; it spares RELRO alone): then the rest of
 * that page stays writable.
 */
static void make_read_only(void)
{
	const char *start = (const char *)&__ehdr_start;
	const ElfW(Phdr) *header = (const void *)(start + __ehdr_start.e_phoff);
	uintptr_t page = borrowed.getauxval(AT_PAGESZ);
	/* What has no value begins where this is rounded up to, with or without the linker. */
	uintptr_t unset = ((uintptr_t)__bss_start + HOME_PAGE - 1) & -(uintptr_t)HOME_PAGE;
	uintptr_t end = unset & -page;
	uintptr_t shared = borrowed.gnu_get_libc_version == NULL ? page - 1 : 0;

	for (int i = 0; i < __ehdr_start.e_phnum; i++) {
		uintptr_t segment = (uintptr_t)start + header[i].p_vaddr;
		uintptr_t begin = (segment + shared) & -page;

		if (header[i].p_type == PT_LOAD && unset - segment < header[i].p_memsz &&
		    begin < end) {
			rawsys3(SYS_mprotect, (long)begin, (long)(end - begin), PROT_READ);
		}
	}
}

static void set_up(char **environment, char **given)
{
	const char *handed;
	struct status status;
	uint64_t soft;
	uint32_t limit;
	long map;

	if (borrowed.syscall != NULL) {
		real_syscall = borrowed.syscall;
	}
	settings_default(&process_settings);
	if (environment == NULL || borrowed.getauxval == NULL) {
		return;
	}
	handed = take_handover(environment, given);
	/* More rights than our caller had (ld.so(8)): the variables are not to be believed. */
	if (borrowed.getauxval(AT_SECURE) != 0) {
		return;
	}
	status = read_status();
	if (status.is_sandboxed) {
		return;
	}
	readable_setup(borrowed.getauxval(AT_RANDOM));
	read_settings(environment);
	if (process_settings.mode == SETTINGS_MODE_OFF) {
		return;
	}
	limit = descriptor_limit(&soft);
	map = rawsys6(SYS_mmap, 0, (long)(PROCESS_BYTES + table_bytes(limit)),
		      PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (rawsys_is_error(map)) {
		return;
	}
	table_setup((uint8_t *)map + PROCESS_BYTES, limit);
	if (process_setup((void *)map) != 0) {
		process_retire();
		return;
	}
	set_up_diagnosis(limit);
	find_inherited(handed, soft < status.descriptors ? (uint32_t)soft : status.descriptors,
		       status.has_more);
	register_exit();
	due_look(); /* until we attached, nobody could say that this image holds by accident */
}

/* glibc passes main's arguments, with environ still NULL under initfirst; musl passes nothing. */
__attribute__((constructor)) static void construct(int argc, char **argv, char **envp)
{
	int saved = errno;
	bool are_resolved; /* libc's functions, and no other thread is at it */

	(void)argc;
	(void)argv;
	tree_setup();
	are_resolved = real_resolve();
	set_up(&environ != NULL && environ != NULL ? environ : envp, envp);
	if (are_resolved && borrowed.getauxval != NULL) {
		make_read_only();
	}
	errno = saved;
}

/* musl runs destructors before it flushes stdio, too; glibc has at_exit() for this. */
__attribute__((destructor)) static void destruct(void)
{
	if (borrowed.gnu_get_libc_version == NULL) {
		letgo_at_exit(true);
		report_exit(true);
	}
}
