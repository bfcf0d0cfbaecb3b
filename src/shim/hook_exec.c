/* SPDX-License-Identifier: MIT */
/*
 * New program images. Each spelling of exec becomes one of four real functions, and the
 * new image learns of the ledger through one variable in a copy of the environment's
 * pointers. Copies are on the stack, never on the heap, because exec is called in vfork
 * children, where nothing but the ledger may be written, and in signal handlers.
 */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>

#include "shim/hooks.h"
#include "shim/image.h"

extern char **environ __attribute__((weak));

/* alloca, as libc does: the length is the caller's, and the heap is out of bounds here. */
#define ARGUMENT_VECTOR(count) ((char **)__builtin_alloca(((size_t)(count) + 1) * sizeof(char *)))

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
		if (count > IMAGE_ENVIRONMENT_MAX ||                                               \
		    !image_prepare(IMAGE_EXEC, &standard, variable, &image)) {                     \
			return call;                                                               \
		}                                                                                  \
		char **copy = ARGUMENT_VECTOR(count + 1);                                          \
		image_environment(copy, environment, count, variable);                             \
		handed = copy;                                                                     \
		result = call;                                                                     \
		image_failed(image);                                                               \
		if (errno == E2BIG) { /* for want of our few bytes, perhaps */                     \
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

EXPORT int execv(const char *path, char *const arguments[])
{
	return hook_execve(path, arguments, environ);
}

EXPORT int execvp(const char *file, char *const arguments[])
{
	return hook_execvpe(file, arguments, environ);
}

/*
 * Gathers "argument, ..., NULL" into `vector`; exec's limit is the kernel's, so the
 * vector is counted first. `rest` is left behind the NULL.
 */
#define COUNT_ARGUMENTS(count, last)                                                               \
	do {                                                                                       \
		va_list counted;                                                                   \
		va_start(counted, last);                                                           \
		for ((count) = 1; (count) < INT_MAX && va_arg(counted, char *) != NULL;) {         \
			(count)++;                                                                 \
		}                                                                                  \
		va_end(counted);                                                                   \
	} while (0)

static void take_arguments(char **vector, int count, const char *first, va_list *rest)
{
	vector[0] = (char *)first;
	for (int i = 1; i <= count; i++) {
		vector[i] = va_arg(*rest, char *);
	}
}

EXPORT int execl(const char *path, const char *argument, ...)
{
	va_list rest;
	int count;
	char **vector;

	COUNT_ARGUMENTS(count, argument);
	vector = ARGUMENT_VECTOR(count);
	va_start(rest, argument);
	take_arguments(vector, count, argument, &rest);
	va_end(rest);
	return hook_execve(path, vector, environ);
}

EXPORT int execlp(const char *file, const char *argument, ...)
{
	va_list rest;
	int count;
	char **vector;

	COUNT_ARGUMENTS(count, argument);
	vector = ARGUMENT_VECTOR(count);
	va_start(rest, argument);
	take_arguments(vector, count, argument, &rest);
	va_end(rest);
	return hook_execvpe(file, vector, environ);
}

EXPORT int execle(const char *path, const char *argument, ...)
{
	va_list rest;
	int count;
	char **vector;
	char **environment;

	COUNT_ARGUMENTS(count, argument);
	vector = ARGUMENT_VECTOR(count);
	va_start(rest, argument);
	take_arguments(vector, count, argument, &rest);
	environment = va_arg(rest, char **);
	va_end(rest);
	return hook_execve(path, vector, environment);
}
