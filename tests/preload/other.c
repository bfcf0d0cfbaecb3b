/* SPDX-License-Identifier: MIT */
/*
 * A preload of somebody else's: it counts the reads that pass through it and says so at the end.
 *
 * PLAIN one read(). VERSIONED the default version of read() and an old one, which says that it was
 * called by mistake. INDIRECT a read() that has to be called to say where it is. NONE no read():
 * it only stands in between.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#if !defined(NAME)
#define NAME "other"
#endif

static int count;

#if !defined(NONE)
static ssize_t counted(int fd, void *buffer, size_t size)
{
	static ssize_t (*next)(int, void *, size_t);

	if (next == NULL) {
		*(void **)&next = dlsym(RTLD_NEXT, "read");
	}
	count++;
	return next(fd, buffer, size);
}
#endif

#if defined(VERSIONED)
ssize_t old_read(int fd, void *buffer, size_t size);
ssize_t new_read(int fd, void *buffer, size_t size);

ssize_t old_read(int fd, void *buffer, size_t size)
{
	(void)fd;
	(void)buffer;
	(void)size;
	puts("the old version was called");
	exit(3);
}

ssize_t new_read(int fd, void *buffer, size_t size)
{
	return counted(fd, buffer, size);
}

__asm__(".symver old_read, read@OLD");
__asm__(".symver new_read, read@@GLIBC_2.2.5");
#elif defined(INDIRECT)
static ssize_t (*choose(void))(int fd, void *buffer, size_t size)
{
	return counted;
}

ssize_t read(int fd, void *buffer, size_t size) __attribute__((ifunc("choose")));
#elif !defined(NONE)
ssize_t read(int fd, void *buffer, size_t size)
{
	return counted(fd, buffer, size);
}
#endif

__attribute__((destructor)) static void tell(void)
{
	printf("%s: %d\n", NAME, count);
}
