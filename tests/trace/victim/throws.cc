/* SPDX-License-Identifier: MIT */
/*
 * A C++ program that throws through frames that capture, also on the way out, in threads,
 * and asks libc for a backtrace. Everything it prints must be the same without us.
 */
#include "victim.h"

#include <cstdlib>
#include <cstring>
#include <execinfo.h>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

struct captures_on_the_way_out {
	~captures_on_the_way_out()
	{
		SITE();
	}
};

OWN static void thrower(int depth)
{
	captures_on_the_way_out guard;

	SITE();
	if (depth == 0) {
		throw std::runtime_error("from below");
	}
	thrower(depth - 1);
	STAY();
}

static int catch_many(int times)
{
	int caught = 0;

	for (int i = 0; i < times; i++) {
		try {
			thrower(i % 20);
		} catch (const std::runtime_error &error) {
			SITE();
			caught += std::string(error.what()) == "from below";
		}
	}
	return caught;
}

static const char *home_of(const char *name)
{
	Dl_info info;
	void *address = dlsym(RTLD_DEFAULT, name);

	if (address == nullptr || dladdr(address, &info) == 0) {
		return "nowhere";
	}
	const char *slash = strrchr(info.dli_fname, '/');
	return slash != nullptr ? slash + 1 : info.dli_fname;
}

OWN static void ask_libc()
{
	void *frames[32];
	int count = backtrace(frames, 32);

	printf("backtrace: %d\n", count);
	for (int i = 0; i < count; i++) {
		Dl_info info;
		bool is_known = dladdr(frames[i], &info) != 0;

		printf("  %s+%#lx\n", is_known ? info.dli_fname : "?",
		       is_known ? (long)((char *)frames[i] - (char *)info.dli_fbase) : 0L);
	}
	STAY();
}

int main()
{
	std::vector<std::thread> threads;
	static int caught[4];

	SITE();
	ask_libc();
	printf("caught %d\n", catch_many(200));
	for (int i = 0; i < 4; i++) {
		threads.emplace_back([i] { caught[i] = catch_many(100); });
	}
	for (auto &thread : threads) {
		thread.join();
	}
	printf("in threads: %d %d %d %d\n", caught[0], caught[1], caught[2], caught[3]);
	ask_libc();
	for (const char *name : {"backtrace", "_Unwind_RaiseException", "_Unwind_Backtrace",
				 "unw_backtrace", "_Ux86_64_step", "sendfin_trace"}) {
		printf("%s: %s\n", name, home_of(name));
	}
	return 0;
}
