/* SPDX-License-Identifier: MIT */
/*
 * usage: loader ROUNDS: one thread loads and unloads a library without a pause, which takes the
 * loader's lock; the other accepts and closes connections, each time from a stack that nobody
 * has seen before. A walk that asked the loader would wait for its lock, perhaps for ever.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <err.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static atomic_bool is_over;

static void *load(void *unused)
{
	while (!is_over) {
		void *library = dlopen("libutil.so.1", RTLD_NOW);

		if (library != NULL) {
			dlclose(library);
		}
	}
	return unused;
}

static void accept_one(int listener, const struct sockaddr_in *here)
{
	int near = socket(AF_INET, SOCK_STREAM, 0);
	int far;

	if (connect(near, (const struct sockaddr *)here, sizeof(*here)) != 0 ||
	    (far = accept(listener, NULL, NULL)) < 0) {
		err(1, "a connection of our own");
	}
	close(far);
	close(near);
}

/* The volatile count keeps each call a frame of its own. */
static __attribute__((noinline)) int at_depth(int depth, int listener,
					      const struct sockaddr_in *here)
{
	volatile int frames = 1;

	if (depth == 0) {
		accept_one(listener, here);
	} else {
		frames += at_depth(depth - 1, listener, here);
	}
	return frames;
}

int main(int argc, char **argv)
{
	struct sockaddr_in here = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(here);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	int rounds = argc > 1 ? atoi(argv[1]) : 100;
	pthread_t loader;
	int frames = 0;

	if (bind(listener, (struct sockaddr *)&here, length) != 0 || listen(listener, 8) != 0 ||
	    getsockname(listener, (struct sockaddr *)&here, &length) != 0 ||
	    pthread_create(&loader, NULL, load, NULL) != 0) {
		err(1, "start");
	}
	for (int i = 0; i < rounds; i++) {
		frames += at_depth(i % 12, listener, &here);
	}
	is_over = true;
	pthread_join(loader, NULL);
	printf("%d frames\n", frames);
	return 0;
}
