/* SPDX-License-Identifier: MIT */
/*
 * New program images. Each spelling of exec becomes one of four real functions, and the
 * new image learns of the ledger through one variable in a copy of the environment's
 * pointers. Copies are on the stack, never on the heap, because exec is called in vfork
 * children, where nothing but the ledger may be written, and in signal handlers.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "shim/hooks.h"
#include "shim/image.h"

extern char **environ __attribute__((weak));

/* alloca, as libc does: the length is the caller's, and the heap is out of bounds here. */
#define POINTERS(count) ((char **)__builtin_alloca((size_t)(count) * sizeof(char *)))

/*
 * Around every exec: `call` uses `handed`, the environment with the ledger's name in it,
 * or the program's own where there is nothing to hand on. A macro for the alloca.
 */
#define EXEC(environment, handed, call)                                                            \
	do {                                                                                       \
		const struct image_standard standard = {{-1, -1, -1}};                             \
		char variable[IMAGE_VARIABLE_BYTES];                                               \
		char *const *handed = (environment);                                               \
		int count = image_count(environment);                                              \
		uint64_t image;                                                                    \
		int result;                                                                        \
		if (!image_prepare(IMAGE_EXEC, &standard, variable, &image)) {                     \
			return call;                                                               \
		}                                                                                  \
		if (count >= 0) {                                                                  \
			char **copy = POINTERS(count + IMAGE_ENVIRONMENT_ROOM);                    \
			image_environment(copy, environment, count, variable);                     \
			handed = copy;                                                             \
		}                                                                                  \
		result = call;                                                                     \
		image_failed(image);                                                               \
		if (errno == E2BIG && count >= 0) { /* for want of our few bytes, perhaps */       \
			handed = (environment);                                                    \
			return call;                                                               \
		}                                                                                  \
		return result;                                                                     \
	} while (0)

EXPORT int execve(const char *path, char *const arguments[], char *const environment[])
{
	EXEC(environment, handed, real.execve(path, arguments, handed));
}

EXPORT int execvpe(const char *file, char *const arguments[], char *const environment[])
{
	EXEC(environment, handed, real.execvpe(file, arguments, handed));
}

EXPORT int fexecve(int fd, char *const arguments[], char *const environment[])
{
	EXEC(environment, handed, real.fexecve(fd, arguments, handed));
}

EXPORT int execveat(int directory, const char *path, char *const arguments[],
		    char *const environment[], int flags)
{
	EXEC(environment, handed, real.execveat(directory, path, arguments, handed, flags));
}

__typeof__(execve) hook_execve SAME_AS(execve);
__typeof__(execvpe) hook_execvpe SAME_AS(execvpe);
__typeof__(execveat) hook_execveat SAME_AS(execveat);

EXPORT int execv(const char *path, char *const arguments[])
{
	return hook_execve(path, arguments, environ);
}

EXPORT int execvp(const char *file, char *const arguments[])
{
	return hook_execvpe(file, arguments, environ);
}

/* The three that list their arguments: with an environment behind the NULL, or the own one. */
static int exec_list(__typeof__(execve) *call, const char *file, const char *first, va_list *rest,
		     bool has_environment)
{
	va_list counted;
	size_t count = 1; /* exec's limit is the kernel's, so they are counted first */
	char **vector;

	va_copy(counted, *rest);
	while (va_arg(counted, char *) != NULL) {
		count++;
	}
	va_end(counted);
	vector = POINTERS(count + 1);
	vector[0] = (char *)first;
	for (size_t i = 1; i <= count; i++) {
		vector[i] = va_arg(*rest, char *);
	}
	return call(file, vector, has_environment ? va_arg(*rest, char **) : environ);
}

#define EXEC_LIST(call, file, first, has_environment)                                              \
	do {                                                                                       \
		va_list rest;                                                                      \
		int result;                                                                        \
		va_start(rest, first);                                                             \
		result = exec_list(call, file, first, &rest, has_environment);                     \
		va_end(rest);                                                                      \
		return result;                                                                     \
	} while (0)

EXPORT int execl(const char *path, const char *argument, ...)
{
	EXEC_LIST(hook_execve, path, argument, false);
}

EXPORT int execlp(const char *file, const char *argument, ...)
{
	EXEC_LIST(hook_execvpe, file, argument, false);
}

EXPORT int execle(const char *path, const char *argument, ...)
{
	EXEC_LIST(hook_execve, path, argument, true);
}
