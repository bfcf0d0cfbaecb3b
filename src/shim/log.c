/* SPDX-License-Identifier: MIT */
/*
 * SIGPIPE and SIGXFSZ are blocked around the one write and a pending one of ours is
 * taken back: both are sent to the writing thread itself, so nobody else's is lost.
 * That is the only place where the shim touches a signal mask, in debug mode only.
 */
#include "shim/log.h"

#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>

#include "core/line.h"
#include "core/text.h"
#include "shim/capture.h"
#include "shim/guard.h"
#include "shim/process.h"
#include "sys/rawsys.h"

enum {
	/* A line without backtraces, and its newline. */
	LINE_MAX_BYTES = LINE_HEAD_BYTES + 1,
	/* What a syslog daemon takes in one datagram (rsyslog's default). */
	SYSLOG_MAX_BYTES = 8 * 1024,
	/* <facility daemon * 8 + severity info>, RFC 3164. */
	SYSLOG_PRIORITY = 3 * 8 + 6,
	/* The kernel's signal set: 64 signals, whatever libc's type is. */
	KERNEL_SIGSET_BYTES = 8,
};

/* The file on descriptor 2 when the process started; is_usable: never a client's socket. */
static struct {
	bool is_asked;
	bool is_usable;
	uint64_t device;
	uint64_t inode;
} start_stderr;

static enum settings_log destination;

/* For lines with backtraces: whose it is now (a thread's guard, 0 = nobody's), and the bytes. */
static uintptr_t buffer_owner;
static char *large_buffer;

static bool stderr_identity(uint64_t *device, uint64_t *inode)
{
	struct stat status;

	/* newfstatat with AT_EMPTY_PATH: struct stat is the kernel's on both machines. */
	if (rawsys6(SYS_newfstatat, 2, (long)"", (long)&status, AT_EMPTY_PATH, 0, 0) != 0) {
		return false;
	}
	*device = status.st_dev;
	*inode = status.st_ino;
	return true;
}

static bool is_internet_socket(int fd)
{
	int domain = AF_UNSPEC;
	int length = sizeof(domain);

	return rawsys6(SYS_getsockopt, fd, SOL_SOCKET, SO_DOMAIN, (long)&domain, (long)&length,
		       0) == 0 &&
	       (domain == AF_INET || domain == AF_INET6);
}

/* Two system calls, for those only who will write there. */
static void remember_stderr(void)
{
	if (!start_stderr.is_asked) {
		start_stderr.is_asked = true;
		start_stderr.is_usable = !is_internet_socket(2) &&
					 stderr_identity(&start_stderr.device, &start_stderr.inode);
	}
}

void log_setup(void)
{
	bool is_talkative = process_settings.debug || process_settings.report ||
			    process_settings.exitcode != 0 ||
			    process_settings.mode == SETTINGS_MODE_OBSERVE;

	destination = process_settings.log;
	if (destination == SETTINGS_LOG_UNSET && is_talkative) {
		destination = SETTINGS_LOG_STDERR;
	}
	if (destination == SETTINGS_LOG_NONE) {
		destination = SETTINGS_LOG_UNSET;
	}
	if (destination == SETTINGS_LOG_STDERR) {
		remember_stderr();
	}
}

bool log_wants_verdicts(void)
{
	return destination != SETTINGS_LOG_UNSET &&
	       (process_settings.debug || process_settings.mode == SETTINGS_MODE_OBSERVE ||
		process_settings.log != SETTINGS_LOG_UNSET);
}

/* Write without a signal. The sets are the kernel's own: one word. */
static void write_quietly(int fd, const char *bytes, size_t length)
{
	uint64_t ours = (uint64_t)1 << (SIGPIPE - 1) | (uint64_t)1 << (SIGXFSZ - 1);
	uint64_t before = 0;
	uint64_t pending = 0;
	struct timespec none = {0, 0};

	rawsys6(SYS_rt_sigpending, (long)&pending, KERNEL_SIGSET_BYTES, 0, 0, 0, 0);
	rawsys6(SYS_rt_sigprocmask, SIG_BLOCK, (long)&ours, (long)&before, KERNEL_SIGSET_BYTES, 0,
		0);
	rawsys3(SYS_write, fd, (long)bytes, (long)length);
	ours &= ~pending;
	if (ours != 0) {
		rawsys6(SYS_rt_sigtimedwait, (long)&ours, 0, (long)&none, KERNEL_SIGSET_BYTES, 0,
			0);
	}
	rawsys6(SYS_rt_sigprocmask, SIG_SETMASK, (long)&before, 0, KERNEL_SIGSET_BYTES, 0, 0);
}

static void write_stderr(const char *bytes, size_t length)
{
	uint64_t device;
	uint64_t inode;

	if (start_stderr.is_usable && stderr_identity(&device, &inode) &&
	    device == start_stderr.device && inode == start_stderr.inode) {
		write_quietly(2, bytes, length);
	}
}

/*
 * A FIFO without a reader answers ENXIO instead of blocking us.
 */
static void write_file(const char *path, const char *bytes, size_t length)
{
	long fd = rawsys6(SYS_openat, AT_FDCWD, (long)path,
			  O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0644,
			  0, 0);

	if (fd >= 0) {
		write_quietly((int)fd, bytes, length);
		rawsys1(SYS_close, fd);
	}
}

/* The priority goes in front of the line, as one datagram of two parts. */
static void write_syslog(const char *bytes, size_t length)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
	char priority[16];
	struct text text;
	struct iovec parts[2];
	struct msghdr message = {.msg_name = &address,
				 .msg_namelen = sizeof(address),
				 .msg_iov = parts,
				 .msg_iovlen = 2};
	long fd = rawsys3(SYS_socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0) {
		return;
	}
	text_begin(&text, priority, sizeof(priority));
	text_char(&text, '<');
	text_unsigned(&text, SYSLOG_PRIORITY);
	text_char(&text, '>');
	parts[0] = (struct iovec){priority, text.length};
	parts[1] = (struct iovec){(char *)bytes, length};
	rawsys3(SYS_sendmsg, fd, (long)&message, MSG_NOSIGNAL | MSG_DONTWAIT);
	rawsys1(SYS_close, fd);
}

static void write_line(enum settings_log where, struct text *text)
{
	if (text->length == 0) {
		return; /* not even a JSON object's first keys had room */
	}
	if (where == SETTINGS_LOG_SYSLOG) {
		write_syslog(text->buffer, text->length);
		return;
	}
	text->truncated = false;
	if (text->length == text->size - 1) {
		text->length--;
	}
	text_char(text, '\n');
	if (where == SETTINGS_LOG_FILE) {
		write_file(process_settings.log_path, text->buffer, text->length);
	} else {
		write_stderr(text->buffer, text->length);
	}
}

int log_setup_buffer(void)
{
	long map = rawsys6(SYS_mmap, 0, LINE_BYTES, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (rawsys_is_error(map)) {
		return (int)map;
	}
	large_buffer = (char *)map;
	return 0;
}

void log_after_fork_in_child(void)
{
	uintptr_t owner = __atomic_load_n(&buffer_owner, __ATOMIC_RELAXED);

	if (owner != 0 && owner != guard_thread()) {
		__atomic_store_n(&buffer_owner, 0, __ATOMIC_RELAXED);
	}
}

static void format(struct text *text, const struct ledger_event *event,
		   const struct line_source *source)
{
	if (process_settings.format == SETTINGS_FORMAT_JSON) {
		line_json(text, event, source);
	} else {
		line_text(text, event, source);
	}
}

static bool log_with_backtraces(const struct ledger_event *event)
{
	const struct line_source source = {.frame_of = capture_frame_of};
	uintptr_t nobody = 0;
	struct text text;

	if (large_buffer == NULL || !capture_is_on ||
	    !__atomic_compare_exchange_n(&buffer_owner, &nobody, guard_thread(), false,
					 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
		return false;
	}
	text_begin(&text, large_buffer,
		   destination == SETTINGS_LOG_SYSLOG ? SYSLOG_MAX_BYTES : LINE_BYTES);
	format(&text, event, &source);
	write_line(destination, &text);
	__atomic_store_n(&buffer_owner, 0, __ATOMIC_RELEASE);
	return true;
}

static __attribute__((noinline)) void log_on_the_stack(const struct ledger_event *event)
{
	const struct line_source unknown = {.frame_of = NULL};
	char buffer[LINE_MAX_BYTES];
	struct text text;

	text_begin(&text, buffer, sizeof(buffer));
	format(&text, event, &unknown);
	write_line(destination, &text);
}

__attribute__((noinline, cold)) void log_event(const struct ledger_event *event)
{
	if (destination == SETTINGS_LOG_UNSET) {
		return;
	}
	if (!log_with_backtraces(event)) {
		log_on_the_stack(event);
	}
}

__attribute__((noinline, cold)) void log_summary(const struct summary *summary)
{
	char buffer[LINE_MAX_BYTES];
	struct text text;

	if (destination == SETTINGS_LOG_UNSET) {
		return;
	}
	text_begin(&text, buffer, sizeof(buffer));
	if (process_settings.format == SETTINGS_FORMAT_JSON) {
		summary_json(&text, summary);
	} else {
		summary_text(&text, summary);
	}
	write_line(destination, &text);
}

/* Complaints are plain ASCII without quotes (settings.h), but a path may be anything. */
__attribute__((noinline, cold)) void log_line(const char *line)
{
	char buffer[LINE_MAX_BYTES];
	struct text text;

	remember_stderr();
	text_begin(&text, buffer, sizeof(buffer));
	if (process_settings.format == SETTINGS_FORMAT_JSON) {
		text_string(&text, "{\"event\":\"error\",\"message\":\"");
		text_untrusted(&text, line, sizeof(buffer) / 2);
		text_string(&text, "\"}");
	} else {
		text_string(&text, line);
	}
	write_line(destination == SETTINGS_LOG_UNSET ? SETTINGS_LOG_STDERR : destination, &text);
}
