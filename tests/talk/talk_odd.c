/* SPDX-License-Identifier: MIT */
/*
 * Correct servers of kinds that one meets seldom: who answers does not look as if it would.
 */
#include "talk.h"

#include <string.h>

static void play_answer(struct stage *s)
{
	bool in_background = strcmp(s->talk->args[1], "daemon") == 0;
	struct client c;

	client_open(s, &c);
	client_pour(s, &c, 1000);
	client_half(s, &c);
	stage_hear(s, "read");
	if (!in_background) {
		client_held(s, &c);
	}
	stage_tell_kid(s, "go");
	client_want(s, &c, "answer");
	client_eof(s, &c);
	client_close(s, &c);
}

static void play_ftp(struct stage *s)
{
	struct client control, data;

	client_open(s, &control);
	client_say(s, &control, stage_listen(s));
	client_accept(s, &data);
	client_pour(s, &data, 100000);
	client_half(s, &data);
	stage_hear(s, "read");
	client_held(s, &data);
	stage_tell_kid(s, "go");
	client_want(s, &data, "signed");
	client_eof(s, &data);
	client_want(s, &control, "answer");
	client_close(s, &data);
	client_close(s, &control);
}

const struct talk odd_talks[] = {
	{.name = "odd_result_by_a_local_socket", .play = play_answer, .args = {"odd", "unix"}},
	{.name = "odd_result_by_a_port_of_its_own",
	 .play = play_answer,
	 .args = {"odd", "private"}},
	{.name = "odd_result_by_a_polled_port", .play = play_answer, .args = {"odd", "polled"}},
	{.name = "odd_epoll_made_before_any_socket", .play = play_answer, .args = {"odd", "epoll"}},
	{.name = "odd_select_on_a_pipe_and_the_listener",
	 .play = play_answer,
	 .args = {"odd", "select"}},
	{.name = "odd_one_reads_and_a_third_answers",
	 .play = play_answer,
	 .args = {"odd", "third"}},
	{.name = "odd_daemon_before_the_answer", .play = play_answer, .args = {"odd", "daemon"}},
	{.name = "odd_double_fork_for_each_client", .play = play_answer, .args = {"odd", "double"}},
	{.name = "odd_wait_mode_accepts_in_the_child",
	 .play = play_answer,
	 .args = {"odd", "wait"}},
	{.name = "odd_spawned_helper_then_a_trailer",
	 .play = play_answer,
	 .args = {"odd", "spawn"}},
	{.name = "odd_vforked_helper_then_a_trailer",
	 .play = play_answer,
	 .args = {"odd", "vfork"}},
	{.name = "odd_second_connection_is_signed", .play = play_ftp, .args = {"odd", "ftp"}},
	{.name = NULL},
};
