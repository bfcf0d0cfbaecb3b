/* SPDX-License-Identifier: MIT */
/*
 * What libc knows of the program when main() begins, what a library learns that is opened
 * later, and which descriptors there are. Must be the same without us.
 *
 * Whoever opens a library before libc has run its own constructors makes it run them, with
 * no arguments and no environment.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

extern char **environ;

#if defined(LIBRARY)
__attribute__((constructor)) static void tell(int argc, char **argv, char **envp)
{
	printf("opened: argc %d, argv[0] %s, %s environment\n", argc,
	       argv != NULL && argv[0] != NULL ? argv[0] : "missing",
	       envp != NULL && envp[0] != NULL ? "an" : "no");
}
#else
int main(int argc, char **argv)
{
	void *library;
	int count = 0;

	printf("errno %d, dlerror %s\n", errno, dlerror() == NULL ? "clean" : "dirty");
	while (environ != NULL && environ[count] != NULL) {
		count++;
	}
	printf("%s environment, HOME %s\n", count > 0 ? "an" : "no",
	       getenv("HOME") != NULL ? "is there" : "is missing");
	printf("name %s, short %s\n", program_invocation_name, program_invocation_short_name);
	for (int fd = 0; fd < 1024; fd++) {
		if (fcntl(fd, F_GETFD) >= 0) {
			printf("descriptor %d\n", fd);
		}
	}
	library = dlopen(argc > 1 ? argv[1] : NULL, RTLD_NOW);
	return library == NULL;
}
#endif
