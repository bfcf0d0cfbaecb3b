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
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#include "core/text.h"
#include "shim/process.h"
#include "sys/rawsys.h"

enum {
	/* The longest verdict line has two IPv6 endpoints and one sentence: under 300 bytes. */
	LINE_MAX_BYTES = 512,
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
	bool is_talkative = process_settings.debug ||
			    process_settings.mode == SETTINGS_MODE_OBSERVE;

	destination = process_settings.log;
	if (destination == SETTINGS_LOG_UNSET && is_talkative) {
		destination = SETTINGS_LOG_STDERR;
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

static void write_syslog(const char *bytes, size_t length)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
	char datagram[LINE_MAX_BYTES + 16];
	struct text text;
	long fd = rawsys3(SYS_socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)length;
	if (fd < 0) {
		return;
	}
	text_begin(&text, datagram, sizeof(datagram));
	text_char(&text, '<');
	text_unsigned(&text, SYSLOG_PRIORITY);
	text_char(&text, '>');
	text_string(&text, bytes);
	rawsys6(SYS_sendto, fd, (long)datagram, (long)text.length, MSG_NOSIGNAL | MSG_DONTWAIT,
		(long)&address, sizeof(address));
	rawsys1(SYS_close, fd);
}

static void write_line(enum settings_log where, struct text *text)
{
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

static void begin_line(struct text *text, char *buffer)
{
	text_begin(text, buffer, LINE_MAX_BYTES);
	text_string(text, "sendfin[");
	text_signed(text, rawsys1(SYS_getpid, 0));
	text_string(text, "]: ");
}

__attribute__((noinline, cold)) void log_verdict(int fd, const struct log_names *names,
						 struct verdict_result result, bool acted)
{
	char buffer[LINE_MAX_BYTES];
	struct text text;

	begin_line(&text, buffer);
	text_string(&text, verdict_token(result.verdict));
	text_char(&text, ' ');
	text_string(&text, verdict_reason_token(result.reason));
	text_string(&text, " fd=");
	text_signed(&text, fd);
	text_string(&text, " local=");
	text_endpoint(&text, &names->local);
	text_string(&text, " peer=");
	text_endpoint(&text, &names->peer);
	text_string(&text, acted ? " acted=yes: " : " acted=no: ");
	text_string(&text, verdict_reason_sentence(result.reason));
	write_line(destination, &text);
}

__attribute__((noinline, cold)) void log_line(const char *line)
{
	char buffer[LINE_MAX_BYTES];
	struct text text;

	remember_stderr();
	text_begin(&text, buffer, sizeof(buffer));
	text_string(&text, line);
	write_line(destination == SETTINGS_LOG_UNSET ? SETTINGS_LOG_STDERR : destination, &text);
}
