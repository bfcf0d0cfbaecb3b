/* SPDX-License-Identifier: MIT */
/*
 * fuzz SEED ROUNDS: every hooked call with arguments that no program should give.
 *
 * Bad addresses, pages that end in the middle of a struct, pages that cannot be read or written,
 * counts that are huge or negative, descriptors of every kind and of none. What each call returned
 * and what errno is then goes into a hash per call; a signal counts as a result of its own. The
 * bare run is the kernel's and libc's own opinion, so where the two runs agree on all hashes, no
 * call can be told from the real one. `fuzz SEED ROUNDS CALL` prints every result of that call.
 *
 * Nothing here may block, so descriptors are non-blocking and timeouts are 0; and nothing may
 * depend on time, so what is readable stays readable and the peers never answer.
 */
#include "laws.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

enum { SENTINEL = 0x5a5a, FAULT = 100000, PAGE = 4096, SOME = 24, FDS_MAX = 16, FILES_MAX = 1024 };

extern char **environ;

static uint64_t state;
static sigjmp_buf way_out;
static int descriptors[FDS_MAX]; /* of every kind; the watched connection is among them */
static size_t descriptor_count;
/*
 * Good, none, read-only, none, good, unmapped, good. At an address of our choice: what is left over
 * from earlier calls is full of addresses, and is read as lengths and the like.
 */
static char *const pages = (char *)0x10000000000;
static int epoll_fd, connected;

static uint64_t chance(uint64_t below)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (state >> 33) % below;
}

static void on_fault(int sig)
{
	siglongjmp(way_out, sig);
}

/* Arguments ----------------------------------------------------------------------------------- */

static int a_descriptor(void)
{
	static const int odd[] = {-1, -2, 999, 1 << 20, INT32_MAX, INT32_MIN};

	if (chance(5) == 0) {
		return odd[chance(sizeof(odd) / sizeof(odd[0]))];
	}
	return descriptors[chance(descriptor_count)];
}

/* An address for something of `size` bytes; where it can be written, it holds `what`. */
static void *an_address(const void *what, size_t size)
{
	char *room = pages + 6 * PAGE;
	char *at;

	switch (chance(12)) {
	case 0:
		return NULL;
	case 1:
		return (void *)(uintptr_t)chance(PAGE);
	case 2:
		return (void *)(UINTPTR_MAX - chance(64));
	case 3:
		return (void *)0x8000000000000000u;
	case 4:
		return pages + PAGE + chance(PAGE); /* not readable */
	case 5:
		return pages + 5 * PAGE + chance(64); /* nothing there */
	case 6:
		return memcpy(room + 16, what, size), room + 16; /* good, but not on the stack */
	case 7:
		return pages + 2 * PAGE + 8 * chance(64); /* zeros that cannot be written */
	case 8:                                           /* the page ends behind it */
		at = pages + PAGE - size;
		return memcpy(at, what, size), at;
	case 9: /* the page ends in the middle of it, or at its beginning */
		at = pages + PAGE - 8 * (chance(size / 8 + 1));
		memcpy(at, what, (size_t)(pages + PAGE - at));
		return at;
	default:
		at = pages + 4 * PAGE + 8 * chance(64);
		return memcpy(at, what, size), at;
	}
}

static size_t a_length(size_t usual)
{
	static const size_t odd[] = {0,     1,         7,        FILES_MAX,   1025,
				     65536, INT32_MAX, SIZE_MAX, SIZE_MAX / 2};

	return chance(3) ? usual : odd[chance(sizeof(odd) / sizeof(odd[0]))];
}

/* What is behind the set is nobody's; so no length that would be looked at (RLIMIT_NOFILE). */
static size_t a_set_length(void)
{
	size_t length = a_length(SOME);

	return length == FILES_MAX ? SOME : length;
}

static int a_count(int usual)
{
	static const int odd[] = {0, 1, -1, 1024, 1025, 65536, INT32_MAX, INT32_MIN};

	return chance(3) ? usual : odd[chance(sizeof(odd) / sizeof(odd[0]))];
}

static int a_flag(void)
{
	static const int some[] = {0,         0,  0,      MSG_PEEK, MSG_OOB, MSG_ERRQUEUE,
				   MSG_TRUNC, -1, 1 << 20};

	return some[chance(sizeof(some) / sizeof(some[0]))] | MSG_DONTWAIT | MSG_NOSIGNAL;
}

static struct iovec *some_parts(void)
{
	/* Short or impossible: a queue that fills up would empty when it likes to. */
	static const size_t odd[] = {0, 0, 1, INT32_MAX, SIZE_MAX, SIZE_MAX / 2};
	char *bytes = an_address("0123456789abcdef", 16);
	struct iovec parts[3] = {
		{bytes, 8}, {bytes, odd[chance(sizeof(odd) / sizeof(odd[0]))]}, {bytes, 8}};

	return an_address(parts, sizeof(parts));
}

/* A message, with a descriptor of the connection in it, or something that looks like one. */
static void fill_message(struct msghdr *message, bool to_send)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET}};
	static const size_t lengths[] = {0, 1, 15, 16, 19, 21, 4096, INT32_MAX, SIZE_MAX};

	*message = (struct msghdr){.msg_iov = some_parts(), .msg_iovlen = a_length(2)};
	control.header.cmsg_type = chance(2) ? SCM_RIGHTS : (int)chance(9);
	if (chance(4) == 0) {
		control.header.cmsg_len = lengths[chance(sizeof(lengths) / sizeof(lengths[0]))];
	}
	memcpy(CMSG_DATA(&control.header), &connected, sizeof(connected));
	if (chance(2)) {
		message->msg_control = an_address(&control, sizeof(control));
		message->msg_controllen = to_send ? a_length(sizeof(control)) : sizeof(control);
	}
}

static void *a_message(bool to_send)
{
	struct msghdr message;

	fill_message(&message, to_send);
	return an_address(&message, sizeof(message));
}

static void *some_messages(bool to_send)
{
	struct mmsghdr messages[2];

	memset(messages, 0, sizeof(messages));
	fill_message(&messages[0].msg_hdr, to_send);
	fill_message(&messages[1].msg_hdr, to_send);
	return an_address(messages, sizeof(messages));
}

static void *a_poll_set(void)
{
	struct pollfd set[SOME];

	for (int i = 0; i < SOME; i++) {
		set[i] = (struct pollfd){a_descriptor(), (short)(POLLIN | POLLPRI), 0};
	}
	return an_address(set, sizeof(set));
}

static void *a_select_set(void)
{
	unsigned long set[16] = {0};

	for (int i = 0; i < 4; i++) {
		int fd = a_descriptor();

		if (fd >= 0 && fd < 1024) {
			set[fd / 64] |= 1ul << (fd % 64);
		}
	}
	return chance(3) ? an_address(set, sizeof(set)) : NULL;
}

static char *a_path(void)
{
	return an_address("/nowhere\0......", 16);
}

static char **some_strings(void)
{
	char *strings[] = {an_address("A=b\0...\0LD_PREL", 16), an_address("LD_PRELOAD=", 12),
			   an_address("LD_PRELOAD=/x\0.", 16), NULL};

	return an_address(strings, sizeof(strings));
}

/* Flags that exclude each other. Zeros would be a clone that succeeds. */
static void *impossible_clone(void)
{
	char *at = an_address("\377\377\377\377\377\377\377\377", 8);

	return at >= pages + 2 * PAGE && at < pages + 3 * PAGE ? NULL : at;
}

/* Calls --------------------------------------------------------------------------------------- */

#define CALL(name, ...)                                                                            \
	static long call_##name(void)                                                              \
	{                                                                                          \
		return (long)(name(__VA_ARGS__));                                                  \
	}
#define NUMBER(name, ...)                                                                          \
	static long number_##name(void)                                                            \
	{                                                                                          \
		return syscall(SYS_##name, __VA_ARGS__);                                           \
	}

static const struct timespec no_time = {0, 0};

CALL(read, a_descriptor(), an_address("", 1), a_length(16))
CALL(readv, a_descriptor(), some_parts(), a_count(3))
CALL(recv, a_descriptor(), an_address("", 1), a_length(16), a_flag())
CALL(recvfrom, a_descriptor(), an_address("", 1), a_length(16), a_flag(), an_address("", 1),
     an_address("\20\0\0\0\0\0\0", 8))
CALL(recvmsg, a_descriptor(), a_message(false), a_flag())
CALL(recvmmsg, a_descriptor(), some_messages(false), (unsigned int)a_count(2), a_flag(), NULL)
CALL(write, a_descriptor(), an_address("w", 1), chance(2))
CALL(writev, a_descriptor(), some_parts(), a_count(1))
CALL(send, a_descriptor(), an_address("s", 1), chance(2), a_flag())
CALL(sendto, a_descriptor(), an_address("s", 1), chance(2), a_flag(), an_address("\2\0......", 8),
     (socklen_t)a_length(8))
CALL(sendmsg, a_descriptor(), a_message(true), a_flag())
CALL(sendmmsg, a_descriptor(), some_messages(true), (unsigned int)a_count(2), a_flag())
CALL(sendfile, a_descriptor(), a_descriptor(), an_address("\0\0\0\0\0\0\0", 8), chance(2))
CALL(splice, a_descriptor(), NULL, a_descriptor(), an_address("\0\0\0\0\0\0\0", 8), chance(2),
     SPLICE_F_NONBLOCK)
CALL(poll, a_poll_set(), a_set_length(), 0)
CALL(ppoll, a_poll_set(), a_set_length(), &no_time, NULL)
CALL(pselect, a_count(1024), a_select_set(), a_select_set(), a_select_set(), &no_time, NULL)
CALL(epoll_ctl, chance(3) ? epoll_fd : a_descriptor(), (int)chance(5), a_descriptor(),
     an_address("\1\0\0\0\0\0\0\0\0\0\0", 12))
CALL(epoll_wait, chance(2) ? epoll_fd : a_descriptor(), an_address("", 1), a_count(1), 0)
CALL(epoll_pwait, chance(2) ? epoll_fd : a_descriptor(), an_address("", 1), a_count(1), 0, NULL)
CALL(socket, (int)chance(14), (int)chance(8) | SOCK_NONBLOCK, (int)chance(9) - 1)
CALL(connect, a_descriptor(), an_address("\2\0\0\0\177\0\0\1", 8), (socklen_t)a_length(8))
CALL(listen, a_descriptor(), a_count(5))
CALL(accept, a_descriptor(), an_address("", 1), an_address("\20\0\0\0\0\0\0", 8))
CALL(accept4, a_descriptor(), an_address("", 1), an_address("\20\0\0\0\0\0\0", 8),
     chance(2) ? SOCK_CLOEXEC : (int)chance(1 << 20))
CALL(shutdown, chance(4) ? -1 : a_descriptor(), 3 + (int)chance(3))
CALL(dup, a_descriptor())
CALL(dup2, a_descriptor(), chance(2) ? 60 + (int)chance(4) : -(int)chance(4))
CALL(dup3, a_descriptor(), chance(2) ? 60 + (int)chance(4) : -(int)chance(4),
     chance(2) ? O_CLOEXEC : (int)chance(1 << 20))
CALL(fcntl, a_descriptor(), (int)chance(12) == 4 ? F_GETFD : F_DUPFD + 1030 * (int)chance(2),
     60 + (int)chance(4))
CALL(close, 60 + (int)chance(4))
CALL(execve, a_path(), some_strings(), some_strings())
CALL(execv, a_path(), some_strings())
CALL(fexecve, -1, some_strings(), some_strings())
static long call_posix_spawn(void)
{
	pid_t pid;

	return posix_spawn(&pid, a_path(), NULL, NULL, some_strings(), some_strings());
}
#ifdef __GLIBC__
CALL(close_range, 60 + (unsigned int)chance(4), 60 + (unsigned int)chance(4),
     4 * (int)chance(2) + 16 * (int)chance(2))
CALL(execveat, AT_FDCWD, a_path(), some_strings(), some_strings(), (int)chance(1 << 14))
CALL(preadv2, a_descriptor(), some_parts(), a_count(3), -(off_t)chance(3), (int)chance(2))
CALL(pwritev2, a_descriptor(), some_parts(), a_count(1), -(off_t)chance(3), (int)chance(2))
#if __GLIBC_PREREQ(2, 36)
extern int pidfd_getfd(int process, int fd, unsigned int flags);
CALL(pidfd_getfd, a_descriptor(), a_descriptor(), (unsigned int)chance(3))
#endif
#endif
NUMBER(read, a_descriptor(), an_address("", 1), a_length(16))
NUMBER(recvmsg, a_descriptor(), a_message(false), a_flag())
NUMBER(recvmmsg, a_descriptor(), some_messages(false), a_count(2), a_flag(), NULL)
NUMBER(sendmsg, a_descriptor(), a_message(true), a_flag())
NUMBER(sendmmsg, a_descriptor(), some_messages(true), a_count(2), a_flag())
NUMBER(ppoll, a_poll_set(), a_set_length(), &no_time, NULL, 8)
NUMBER(pselect6, a_count(1024), a_select_set(), a_select_set(), a_select_set(), &no_time, NULL)
NUMBER(accept4, a_descriptor(), an_address("", 1), an_address("\20\0\0\0\0\0\0", 8),
       (int)chance(1 << 20))
NUMBER(connect, a_descriptor(), an_address("\2\0\0\0\177\0\0\1", 8), a_length(8))
NUMBER(clone3, impossible_clone(), a_length(88))
NUMBER(execve, a_path(), some_strings(), some_strings())
NUMBER(close, 60 + (int)chance(4))
NUMBER(io_uring_setup, 0, an_address("", 1))
NUMBER(pidfd_getfd, a_descriptor(), a_descriptor(), (int)chance(3))

static const struct {
	const char *name;
	long (*make)(void);
} calls[] = {
#define ROW(name)                                                                                  \
	{                                                                                          \
#name, call_##name                                                                 \
	}
#define BY(name)                                                                                   \
	{                                                                                          \
		"SYS_" #name, number_##name                                                        \
	}
	ROW(read),        ROW(readv),    ROW(recv),          ROW(recvfrom),   ROW(recvmsg),
	ROW(recvmmsg),    ROW(write),    ROW(writev),        ROW(send),       ROW(sendto),
	ROW(sendmsg),     ROW(sendmmsg), ROW(sendfile),      ROW(splice),     ROW(poll),
	ROW(ppoll),       ROW(pselect),  ROW(epoll_ctl),     ROW(epoll_wait), ROW(epoll_pwait),
	ROW(socket),      ROW(connect),  ROW(listen),        ROW(accept),     ROW(accept4),
	ROW(shutdown),    ROW(dup),      ROW(dup2),          ROW(dup3),       ROW(fcntl),
	ROW(close),       ROW(execve),   ROW(execv),         ROW(fexecve),    ROW(posix_spawn),
#ifdef __GLIBC__
	ROW(close_range), ROW(execveat), ROW(preadv2),       ROW(pwritev2),
#if __GLIBC_PREREQ(2, 36)
	ROW(pidfd_getfd),
#endif
#endif
	BY(read),         BY(recvmsg),   BY(recvmmsg),       BY(sendmsg),     BY(sendmmsg),
	BY(ppoll),        BY(pselect6),  BY(accept4),        BY(connect),     BY(clone3),
	BY(execve),       BY(close),     BY(io_uring_setup), BY(pidfd_getfd),
};

enum { CALLS = sizeof(calls) / sizeof(calls[0]) };

static uint32_t hashes[CALLS];

/* Descriptors that a call has made are closed again, so that numbers do not run away. */
static void tidy(long result, size_t call)
{
	if (result > 2 &&
	    (strncmp(calls[call].name, "dup", 3) == 0 || strcmp(calls[call].name, "fcntl") == 0)) {
		syscall(SYS_close, result);
	} else if (result > 2 && (strcmp(calls[call].name, "socket") == 0 ||
				  strncmp(calls[call].name, "accept", 6) == 0)) {
		close((int)result);
	}
}

static void one(size_t call, bool is_shown)
{
	volatile long result = 0;
	int sig = sigsetjmp(way_out, 1);
	int error = FAULT + sig;

	if (sig == 0) {
		errno = SENTINEL;
		result = calls[call].make();
		error = errno;
	}
	hashes[call] = (hashes[call] ^ (uint32_t)result) * 16777619u;
	hashes[call] = (hashes[call] ^ (uint32_t)error) * 16777619u;
	if (is_shown) {
		printf("%s %ld %d\n", calls[call].name, result, error);
	}
	tidy(result, call);
}

static void add(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	descriptors[descriptor_count++] = fd;
}

static void set_up(void)
{
	struct pair pair = connect_pair();
	struct sigaction action = {.sa_handler = on_fault};
	struct rlimit files = {FILES_MAX, FILES_MAX};
	int two[2];

	setrlimit(RLIMIT_NOFILE, &files);
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	share();
	connected = pair.server;
	add(pair.server);
	add(pair.listener);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, two) < 0) {
		die("socketpair");
	}
	add(two[0]);
	if (pipe(two) < 0) {
		die("pipe");
	}
	add(two[0]);
	add(two[1]);
	add(socket(AF_INET, SOCK_DGRAM, 0));
	add(open("/dev/null", O_RDWR));
	epoll_fd = epoll_create1(0);
	add(epoll_fd);
	if (mmap(pages, 7 * PAGE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != pages ||
	    mprotect(pages + PAGE, PAGE, PROT_NONE) < 0 ||
	    mprotect(pages + 2 * PAGE, PAGE, PROT_READ) < 0 ||
	    mprotect(pages + 3 * PAGE, PAGE, PROT_NONE) < 0 || munmap(pages + 5 * PAGE, PAGE) < 0) {
		die("mmap");
	}
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	int rounds = argc > 2 ? atoi(argv[2]) : 100;

	set_up();
	for (size_t call = 0; call < CALLS; call++) {
		bool is_shown = argc > 3 && strcmp(argv[3], calls[call].name) == 0;

		state = seed * 1000003 + call;
		for (int i = 0; i < rounds; i++) {
			one(call, is_shown);
		}
		printf("%s %08x\n", calls[call].name, hashes[call]);
		fflush(stdout);
	}
	return 0;
}
