/* SPDX-License-Identifier: MIT */
/*
 * The segment: made, found again by its id, refused when it is not ours, and gone
 * with its last process.
 *
 * The idea: libc's syscall() makes the calls, and one of them can be told to fail.
 * Never here: what is in a ledger.
 */
#include "ledger/segment.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

/* The number of the system call that is to fail, and how; 0 = none. */
static long failing_call;
static int failing_errno;

static long call(long number, long a, long b, long c)
{
	long rc;

	if (number == failing_call) {
		return -failing_errno;
	}
	rc = syscall(number, a, b, c);
	return rc == -1 ? -errno : rc;
}

static struct ledger *create(int *id)
{
	struct ledger *ledger = NULL;

	assert_int_equal(segment_create(call, &ledger, id), 0);
	assert_non_null(ledger);
	return ledger;
}

static bool exists(int id)
{
	struct shmid_ds status;

	return shmctl(id, IPC_STAT, &status) == 0;
}

/* The exit status of a child that does `body`. */
static int in_child(int (*body)(int id), int id)
{
	int status;
	pid_t child = fork();

	assert_int_not_equal(child, -1);
	if (child == 0) {
		_exit(body(id));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void creates_an_empty_ledger(void **state)
{
	int id = -1;
	struct ledger *ledger = create(&id);
	struct ledger_header expected = {
		.magic = LEDGER_MAGIC, .version = LEDGER_VERSION, .size = sizeof(struct ledger)};

	(void)state;
	assert_memory_equal(&ledger->header, &expected, sizeof(expected));
	for (size_t i = sizeof(expected); i < sizeof(*ledger); i++) {
		if (((const char *)ledger)[i] != 0) {
			fail_msg("byte %zu is not zero", i);
		}
	}
}

static void nobody_else_may_look(void **state)
{
	struct shmid_ds status;
	int id = -1;

	(void)state;
	create(&id);
	assert_int_equal(shmctl(id, IPC_STAT, &status), 0);
	assert_int_equal(status.shm_perm.mode & 0777, 0600);
	assert_true((status.shm_perm.mode & SHM_DEST) != 0);
	assert_int_equal(status.shm_nattch, 1);
	assert_int_equal(status.shm_segsz, sizeof(struct ledger));
}

/* Nothing lists it under a key: it has none. */
static void has_no_name(void **state)
{
	struct shmid_ds status;
	int id = -1;

	(void)state;
	create(&id);
	assert_int_equal(shmctl(id, IPC_STAT, &status), 0);
	assert_int_equal(status.shm_perm.__key, IPC_PRIVATE);
}

static void two_ledgers_are_two(void **state)
{
	int one = -1;
	int two = -1;
	struct ledger *first = create(&one);
	struct ledger *second = create(&two);

	(void)state;
	assert_int_not_equal(one, two);
	first->header.births = 7;
	assert_int_equal(second->header.births, 0);
}

static int attach_and_write(int id)
{
	struct ledger *ledger = NULL;
	int rc = segment_attach(call, id, &ledger);

	if (rc == 0) {
		ledger->header.births = 4242;
	}
	return -rc;
}

/* As a program image after exec does: without the mapping, by the id alone. */
static int detach_attach_and_write(int id)
{
	struct ledger *ledger = NULL;

	if (segment_attach(call, id, &ledger) != 0 || shmdt(ledger) != 0) {
		return 1;
	}
	return attach_and_write(id);
}

static void is_found_by_id_after_its_removal(void **state)
{
	int id = -1;
	struct ledger *ledger = create(&id);

	(void)state;
	assert_int_equal(in_child(attach_and_write, id), 0);
	assert_int_equal(ledger->header.births, 4242);
	ledger->header.births = 0;
	assert_int_equal(in_child(detach_attach_and_write, id), 0);
	assert_int_equal(ledger->header.births, 4242);
}

static int write_to_descriptor(int descriptor)
{
	int id = -1;
	struct ledger *ledger = NULL;

	if (segment_create(call, &ledger, &id) != 0 ||
	    write(descriptor, &id, sizeof(id)) != sizeof(id)) {
		return 1;
	}
	return exists(id) ? 0 : 1;
}

static void vanishes_with_the_last_process(void **state)
{
	int ends[2];
	int id = -1;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(in_child(write_to_descriptor, ends[1]), 0);
	assert_int_equal(read(ends[0], &id, sizeof(id)), sizeof(id));
	assert_false(exists(id));
}

/* The child's inherited mapping keeps it when the creator has let go. */
static void lives_as_long_as_one_process_has_it(void **state)
{
	int ends[2];
	int id = -1;
	int status;
	pid_t child;
	struct ledger *ledger = create(&id);

	(void)state;
	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_int_not_equal(child, -1);
	if (child == 0) {
		char byte;

		close(ends[1]);
		_exit(read(ends[0], &byte, 1) == 1 && exists(id) ? 0 : 1);
	}
	assert_int_equal(shmdt(ledger), 0);
	assert_true(exists(id));
	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_false(exists(id));
}

static void attach_of_a_gone_segment_fails(void **state)
{
	int id = -1;
	struct ledger *ledger = create(&id);
	struct ledger *found = NULL;
	int rc;

	(void)state;
	assert_int_equal(shmdt(ledger), 0);
	rc = segment_attach(call, id, &found);
	assert_true(rc == -EINVAL || rc == -EIDRM);
	assert_null(found);
	assert_true(segment_attach(call, -1, &found) < 0);
	assert_null(found);
}

/* Somebody else's segment under this id. */
static int foreign_segment(size_t size)
{
	int id = shmget(IPC_PRIVATE, size, IPC_CREAT | 0600);
	void *address;

	assert_int_not_equal(id, -1);
	address = shmat(id, NULL, 0);
	assert_true(address != (void *)-1);
	assert_int_equal(shmctl(id, IPC_RMID, NULL), 0);
	return id;
}

static unsigned attached(int id)
{
	struct shmid_ds status;

	assert_int_equal(shmctl(id, IPC_STAT, &status), 0);
	return (unsigned)status.shm_nattch;
}

static void refused(int id)
{
	struct ledger *found = NULL;
	unsigned before = attached(id);

	assert_int_equal(segment_attach(call, id, &found), -EPROTO);
	assert_null(found);
	assert_int_equal(attached(id), before);
}

static void another_size_is_refused(void **state)
{
	(void)state;
	refused(foreign_segment(1));
	refused(foreign_segment(sizeof(struct ledger) - 1));
	refused(foreign_segment(sizeof(struct ledger) + 1));
}

static void segment_without_magic_is_refused_and_let_go(void **state)
{
	(void)state;
	refused(foreign_segment(sizeof(struct ledger)));
}

static void wrong_header_is_refused_and_let_go(void **state)
{
	int id = -1;
	struct ledger *ledger = create(&id);
	struct ledger *found = NULL;

	(void)state;
	ledger->header.magic ^= 1;
	refused(id);
	ledger->header.magic ^= 1;
	ledger->header.version++;
	refused(id);
	ledger->header.version--;
	ledger->header.size++;
	refused(id);
	ledger->header.size--;
	assert_int_equal(segment_attach(call, id, &found), 0);
	assert_ptr_not_equal(found, ledger);
}

static void failure_of_the_kernel_is_handed_on(void **state)
{
	struct ledger *ledger = NULL;
	int id = -1;

	(void)state;
	failing_errno = ENOSPC;
	failing_call = SYS_shmget;
	assert_int_equal(segment_create(call, &ledger, &id), -ENOSPC);
	failing_errno = ENOMEM;
	failing_call = SYS_shmat;
	assert_int_equal(segment_create(call, &ledger, &id), -ENOMEM);
	assert_null(ledger);
	failing_call = 0;
	create(&id);
	ledger = NULL;
	failing_call = SYS_shmat;
	assert_int_equal(segment_attach(call, id, &ledger), -ENOMEM);
	failing_errno = EACCES;
	failing_call = SYS_shmctl;
	assert_int_equal(segment_attach(call, id, &ledger), -EACCES);
	assert_null(ledger);
}

/* madvise only keeps it out of core dumps; an old kernel may not know how. */
static void core_dump_advice_may_fail(void **state)
{
	int id = -1;

	(void)state;
	failing_errno = EINVAL;
	failing_call = SYS_madvise;
	assert_int_equal(create(&id)->header.magic, LEDGER_MAGIC);
}

static int id_left;

static long note_id(long number, long a, long b, long c)
{
	long rc = call(number, a, b, c);

	if (number == SYS_shmget) {
		id_left = (int)rc;
	}
	return rc;
}

static void nothing_is_left_when_it_cannot_be_attached(void **state)
{
	struct ledger *ledger = NULL;
	int id = -1;

	(void)state;
	failing_errno = ENOMEM;
	failing_call = SYS_shmat;
	assert_int_equal(segment_create(note_id, &ledger, &id), -ENOMEM);
	assert_true(id_left >= 0);
	assert_false(exists(id_left));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(creates_an_empty_ledger),
	cmocka_unit_test(nobody_else_may_look),
	cmocka_unit_test(has_no_name),
	cmocka_unit_test(two_ledgers_are_two),
	cmocka_unit_test(is_found_by_id_after_its_removal),
	cmocka_unit_test(vanishes_with_the_last_process),
	cmocka_unit_test(lives_as_long_as_one_process_has_it),
	cmocka_unit_test(attach_of_a_gone_segment_fails),
	cmocka_unit_test(another_size_is_refused),
	cmocka_unit_test(segment_without_magic_is_refused_and_let_go),
	cmocka_unit_test(wrong_header_is_refused_and_let_go),
	cmocka_unit_test(failure_of_the_kernel_is_handed_on),
	cmocka_unit_test(core_dump_advice_may_fail),
	cmocka_unit_test(nothing_is_left_when_it_cannot_be_attached),
};

UNIT_MAIN(tests)
