/* SPDX-License-Identifier: MIT */
/*
 * The due mark: who finishes a connection X that its server has closed while another holder was
 * PENDING. Words of the ledger are sequentially consistent and change one at a time: here every
 * d_step reads or changes exactly one of them; what else stands in it is local, or a ghost (a
 * variable that only the claims read).
 *
 * The protocol, and where it lives
 *   let_go       C lets go: takes itself out of engaged[], records that it is gone, and only then
 *                looks at everybody. All elsewhere -> FIN; engaged or pending -> due_mark.
 *                One that was not active (a bystander) goes too, and then due_look.  shim/letgo.c
 *   due_mark     The kernel's count of sent bytes and the mark are one word, and one CAS: NONE ->
 *                DUE, or DUE -> a new DUE. Then the hint (header.due), then due_look. The bytes
 *                are those from before the look at everybody, unless there is a mark already:
 *                then they are read anew, and the mark does not go back.             shim/due.c
 *   due_look     Reads the mark, then everybody's standing, then the kernel's bytes. Engaged (I
 *                too) or pending: leave it to them. Bytes changed: CAS DUE -> NONE. Else CAS DUE
 *                -> TAKEN, and whoever succeeds sends the FIN.                        shim/due.c
 *   look         Of each process: gone? then came_to_share and away, then engaged LAST. Again from
 *                the start when a process was born meanwhile (births).              ledger/tree
 *   tree_go_away accept, poll, select, epoll_wait: stores away, then reads the hint, then due_look.
 *                exec (noted) and the first use of a later client are the same step. shim/tree.c
 *   tree_engage  The first touch: adds itself, then drops a DUE mark, then the real call.
 *   tree_fork    came_to_share = new epoch; publishes the child's slot; raises births; clones.
 *
 * Invariants
 *   I1 Who becomes elsewhere or gone stores that first and looks for the mark second; who marks
 *      stores the mark first and looks at standings second. One of the two sees the other.
 *   I2 Who touches stores engaged first and looks at the mark second; who takes has read engaged
 *      after the mark, and takes only that very mark (the count in the word).
 *   I3 A child is in the ledger before its parent can be elsewhere again.
 *   I4 The hint is set after the mark; only a walk clears it, and then reads the mark again.
 *
 * Claims (the names are those of the assertions)
 *   one_acts              at most one DUE -> TAKEN and one FIN per mark, of the mark looked at
 *   no_mark_lost          never: everybody elsewhere or gone, the mark DUE, nobody going to look
 *   fin_came              without deaths and invisible writes, everybody elsewhere or gone means
 *                         that the FIN was sent (no mark is dropped for nothing)
 *   no_fin_after_touch    no FIN (deferred or direct) after a holder not elsewhere began to touch X
 *   no_take_in_use        no mark is TAKEN once any holder, elsewhere or not, has finished a touch
 *   no_fin_after_raw      no deferred FIN after a holder not elsewhere wrote unseen since the mark
 * Three habits of the code are not needed for these claims, and have no mutant: who lets go leaves
 * the engaged before it looks (the mark that it leaves makes up for it), and a mark that is DUE is
 * made anew, with bytes that are read anew (here a touch writes nothing that the bytes would count).
 *
 * What they leave out, because nobody may wait for anybody: a holder that WAS elsewhere in the
 * course of the last look and has forked since (it, and that child) may touch X too late: `fresh`.
 * After a death somebody must enter accept once more; a mark TAKEN by a process that died before
 * its shutdown() is for the sweep, which therefore must not ask what the mark says.
 *
 * Scenarios are chosen by -D (MENU_*, STEPS_*), mutations by -DM_*: see `scenarios`, `mutants`.
 */
#ifndef MENU_FIRST
#define MENU_FIRST 0
#endif
#ifndef MENU_SECOND
#define MENU_SECOND 0
#endif
#ifndef MENU_CHILD
#define MENU_CHILD 0
#endif
#ifndef STEPS_FIRST
#define STEPS_FIRST 2
#endif
#ifndef STEPS_SECOND
#define STEPS_SECOND 2
#endif
#ifndef STEPS_CHILD
#define STEPS_CHILD 2
#endif

/* Slots, in the order in which they are read. */
#define CLOSER 0 /* the server: engaged, active, only lets go */
#if MENU_CHILD
#define CHILD 1 /* of FIRST, once it forks: it took a slot before that of its parent */
#define FIRST 2 /* a holder */
#define SECOND 3
#else
#define FIRST 1
#define SECOND 2 /* another holder, or a second closer (-DTWO_CLOSERS) */
#define CHILD 3
#endif
#define EVERY (2 + (MENU_CHILD != 0) + (MENU_SECOND != 0))

#define AWAY 1
#define TOUCH 2
#define RAW 4
#define FORK 8
#define LET_GO 16

#define NONE 0
#define DUE 1
#define TAKEN 2
#ifdef M_NO_COUNT
#define WORD(state, count, sent) ((state) + 64 * (sent))
#else
#define WORD(state, count, sent) ((state) + 4 * (count) + 64 * (sent))
#endif
#define STATE(word) ((word) % 4)
#define COUNT(word) (((word) / 4) % 16)
#ifdef M_BYTES_APART
#define SENT(word) mark_bytes
#else
#define SENT(word) ((word) / 64)
#endif

#define ALL_AWAY 0
#define PENDING 1
#define ENGAGED 2

/* The ledger. */
short mark;
bool hint;
bool published[4], engaged[4], released[4];
byte came[4], away[4];
byte births;
#ifdef M_BYTES_APART
byte mark_bytes;
#endif

/* The kernel. */
byte bytes = 1;
bool fin, dead[4], holds[4];

/* Ghosts. */
bool touched[4];   /* began to touch X while it was not elsewhere */
bool in_use[4];     /* finished its first touch, elsewhere or not: it has the result of its call */
bool wrote_raw[4]; /* wrote unseen since the mark, while it was not elsewhere */
byte fresh[4];     /* bit p: it, or its forker, was elsewhere in the course of p's look */
byte marks;            /* how often it became DUE */
bool was_taken, was_finished;
bool excused; /* something happened after which the FIN may stay away */
byte started, resting, over;
bool one_acts = true, no_mark_lost = true, fin_came = true;
bool no_take_in_use = true, no_fin_after_touch = true, no_fin_after_raw = true;

#define is_away(h) (away[h] >= came[h])
#define bit(p) (1 << (p))
#define spoiled(list, h) (list[h] && !(fresh[h] & bit(me)))
#define any_spoiled(list)                                                                          \
	(spoiled(list, CLOSER) || spoiled(list, FIRST) ||                                          \
	 spoiled(list, SECOND) || spoiled(list, CHILD))
#ifdef M_BYTES_UNCOMPARED
#define bytes_differ false
#elif defined(M_CLOSER_BYTES_UNCOMPARED)
#define bytes_differ (me != CLOSER && sent != SENT(word))
#else
#define bytes_differ (sent != SENT(word))
#endif
#ifdef M_LOOK_SPARES_SELF
#define spared(h) (h == me)
#else
#define spared(h) false
#endif
#define settled(h) (!holds[h] || (is_away(h) && !engaged[h]))
#define all_settled (settled(CLOSER) && settled(FIRST) && settled(SECOND) && settled(CHILD))
#define anybody_holds (holds[CLOSER] || holds[FIRST] || holds[SECOND] || holds[CHILD])
#define ended(h) (!holds[h] || dead[h])
#define left(h) (!published[h] || dead[h])

/* What a death leaves behind in the ledger is what was there. */
inline kill(victim)
{
	d_step {
		dead[victim] = true;
		holds[victim] = false;
		excused = true;
		touched[victim] = false;
		in_use[victim] = false;
		wrote_raw[victim] = false
	}
}

/* The compare-and-swap of the mark; a ghost notes the mark whose fate is decided. */
inline compare_and_swap(from, to)
{
	d_step {
		if
		:: mark == (from) ->
			mark = (to);
			done = true
		:: else -> done = false
		fi;
		if
		:: done && STATE(mark) == DUE ->
			marks++;
			wrote_raw[0] = false; wrote_raw[1] = false;
			wrote_raw[2] = false; wrote_raw[3] = false
		:: done && STATE(mark) == TAKEN ->
			one_acts = one_acts && !was_taken && looked_at == marks;
			was_taken = true;
			no_take_in_use = !(in_use[0] || in_use[1] || in_use[2] || in_use[3])
		:: else
		fi
	}
	assert(one_acts);
	assert(no_take_in_use)
}

/* Everybody's standing, me included; a walk over the process slots. */
inline look()
{
	do
	:: true ->
		d_step {
			births_seen = births;
			seen = ALL_AWAY;
			h = 0;
			fresh[0] = fresh[0] & ~bit(me); fresh[1] = fresh[1] & ~bit(me);
			fresh[2] = fresh[2] & ~bit(me); fresh[3] = fresh[3] & ~bit(me)
		}
		do
		:: h < EVERY ->
#ifdef M_ENGAGED_READ_FIRST
			d_step { was_engaged = engaged[h] }
#endif
			/* Gone: never born, let go of it, or dead, which one asks the kernel. */
			d_step {
				is_gone = left(h) || released[h] || spared(h)
			}
			if
			:: !is_gone && h != me ->
				d_step { came_seen = came[h] }
				d_step { was_away = away[h] >= came_seen; came_seen = 0 }
			:: else -> was_away = true
			fi;
#ifndef M_ENGAGED_READ_FIRST
			d_step { was_engaged = engaged[h] }
#endif
			d_step {
				if
				:: is_gone
				:: !is_gone && was_engaged -> seen = ENGAGED
				:: !is_gone && !was_engaged && !was_away && seen == ALL_AWAY ->
					seen = PENDING
				:: else
				fi;
				is_gone = false; was_away = false; was_engaged = false;
				h++
			}
		:: h == EVERY -> break
		od;
		h = 0; /* (Spin allows no break that ends right in front of a d_step.) */
		d_step {
#ifndef M_BIRTHS_UNCHECKED
			is_gone = births != births_seen;
#endif
			births_seen = 0
		}
		if
		:: is_gone -> is_gone = false
		:: else -> break
		fi
	od;
	skip
}

/* shutdown(), by a deferral (`deferred`) or at once. */
inline send_fin(deferred)
{
	d_step {
		one_acts = one_acts && !(deferred && was_finished);
		was_finished = was_finished || deferred;
		no_fin_after_touch = no_fin_after_touch && !any_spoiled(touched);
		no_fin_after_raw = no_fin_after_raw && !(deferred && any_spoiled(wrote_raw));
		fin = true
	}
#ifdef W_CLOSER_FINISHES
	if
	:: deferred && me == CLOSER -> assert(false)
	:: else
	fi;
#endif
#ifdef W_HOLDER_FINISHES
	if
	:: deferred && me != CLOSER -> assert(false)
	:: else
	fi;
#endif
	assert(one_acts);
	assert(no_fin_after_touch);
	assert(no_fin_after_raw)
}

inline read_mark()
{
	d_step { word = mark; looked_at = marks }
}

inline drop_mark()
{
	compare_and_swap(word, WORD(NONE, COUNT(word), 0))
}

inline due_look()
{
	read_mark();
	if
	:: STATE(word) == DUE ->
#ifdef M_BYTES_BEFORE_LOOK
		sent = bytes;
#endif
		look();
#ifndef M_BYTES_BEFORE_LOOK
		/* And whether it is still in CLOSE_WAIT. */
		d_step { sent = bytes; is_gone = fin };
#endif
		if
		:: seen == ENGAGED || seen == PENDING
		:: seen == ALL_AWAY && bytes_differ -> drop_mark()
		:: else ->
#ifdef M_TAKEN_SKIPPED
			done = true
#else
			compare_and_swap(word, WORD(TAKEN, COUNT(word), SENT(word)));
#endif
			if
			:: done && !is_gone -> send_fin(true)
			:: else
			fi
		fi
	:: else
	fi;
	d_step { word = 0; sent = 0; seen = 0; looked_at = 0; done = false; is_gone = false }
}

/*
 * DUE, and the hint. A mark that is DUE already is renewed: somebody may be about to drop it for
 * bytes that were written before me.
 */
inline due_mark()
{
	do
	:: true ->
		if
		:: STATE(mark) == DUE -> sent = bytes
		:: else
		fi;
		read_mark();
		if
		:: STATE(word) != TAKEN ->
			if
			:: STATE(word) == DUE && SENT(word) > sent -> sent = SENT(word)
			:: else
			fi;
#ifdef M_BYTES_APART
			mark_bytes = sent;
#endif
#ifdef M_HINT_FIRST
			hint = true;
#endif
#ifdef M_PLAIN_STORE
			d_step { mark = WORD(DUE, COUNT(word) + 1, sent); marks++; done = true };
#else
			compare_and_swap(word, WORD(DUE, COUNT(word) + 1, sent));
#endif
#ifndef M_HINT_FIRST
			if :: done -> hint = true :: else fi
#endif
		:: else -> done = true
		fi;
		if
		:: done -> break
		:: else
		fi
	od;
	skip;
	d_step { word = 0; sent = 0; looked_at = 0; done = false }
}

/* Accept, poll, ...; exec and the first use of a later client differ in the word they store. */
inline tree_go_away()
{
#ifndef M_AWAY_LATE
	d_step { away[me] = came[me] };
#endif
	d_step { must_look = hint || again };
	if
	:: must_look && !again ->
		/* A walk clears the hint of a mark that is not due. */
		if
		:: STATE(mark) != DUE ->
			hint = false;
			if
			:: STATE(mark) == DUE -> hint = true
			:: else -> must_look = false
			fi
		:: else
		fi
	:: else
	fi
}

inline tree_engage()
{
#ifndef M_ENGAGED_LATE
	d_step {
		touched[me] = touched[me] || !is_away(me);
		engaged[me] = true
	};
#else
	d_step { touched[me] = touched[me] || !is_away(me) };
#endif
#ifndef M_TOUCH_KEEPS_MARK
	read_mark();
	if
	:: STATE(word) == DUE -> drop_mark()
	:: else
	fi;
	d_step { word = 0; looked_at = 0; done = false };
#endif
#ifdef M_ENGAGED_LATE
	engaged[me] = true;
#endif
	d_step { is_active = true; in_use[me] = true }
}

/* A write that no hook sees: a raw system call. */
inline write_raw()
{
	d_step {
		bytes++;
		wrote_raw[me] = wrote_raw[me] || (STATE(mark) != NONE && !is_away(me));
		excused = true
	}
}

inline tree_fork()
{
	d_step {
		fresh[me] = (is_away(me) -> 15 : fresh[me]);
		fresh[CHILD] = fresh[me];
		came[me]++
	};
#ifndef M_CHILD_PUBLISHED_LATE
#ifdef M_BIRTHS_FIRST
	births++;
	published[CHILD] = true;
#else
	published[CHILD] = true;
	births++;
#endif
#endif
	atomic {
		holds[CHILD] = true;
		started++;
		is_active = false;
		run process(CHILD, MENU_CHILD, STEPS_CHILD, false)
	}
}

inline leave_the_ledger()
{
	d_step { engaged[me] = false; touched[me] = false; in_use[me] = false };
#ifndef M_RELEASED_LATE
	released[me] = true
#endif
}

inline let_go()
{
	if
	:: is_active ->
		leave_the_ledger();
		sent = bytes;
		look();
		if
		:: seen == ALL_AWAY ->
			sent = 0;
			if
			:: !fin -> send_fin(false)
			:: else
			fi
		:: seen == ENGAGED || seen == PENDING ->
			due_mark();
#ifndef M_NO_SECOND_LOOK
			must_look = true
#endif
		fi;
		seen = 0
	:: else ->
		d_step { excused = excused || engaged[me] };
		leave_the_ledger();
#ifndef M_BYSTANDER_BLIND
		must_look = true
#endif
	fi;
	closing = true
}

proctype process(byte me; byte menu; byte steps; bool is_active)
{
	/* What a process remembers by itself; 0 whenever it is not needed. */
	short word;
	byte looked_at, births_seen, seen, h, came_seen, sent;
	bool is_gone, was_away, was_engaged, done, must_look, closing, again;

	{
#ifdef M_CHILD_PUBLISHED_LATE
		if
		:: me == CHILD ->
			published[CHILD] = true;
			births++
		:: else
		fi;
#endif
		do
		:: steps > 0 || again ->
			if
			:: again || (menu & AWAY) -> tree_go_away()
			:: !again && (menu & TOUCH) && !is_active -> tree_engage()
			:: !again && (menu & RAW) && bytes < 2 -> write_raw()
			:: !again && (menu & FORK) && !holds[CHILD] -> tree_fork()
			:: !again && (menu & LET_GO) -> let_go()
			fi;
			if
			:: must_look -> due_look()
			:: else
			fi;
#ifdef M_AWAY_LATE
			if
			:: !closing -> away[me] = came[me]
			:: else
			fi;
#endif
			d_step {
				must_look = false;
				steps = (steps > 0 -> steps - 1 : 0)
			};
			if
			:: closing || again -> break
			:: else
			fi
		:: !again && menu != LET_GO ->
			/* Here it stays, blocked in whatever it does. */
#ifdef DEATHS
			d_step { resting++; again = true };
			if
			:: resting == started && holds[me] && is_away(me)
			:: resting == started && !(holds[me] && is_away(me)) -> break
			fi
#else
			break
#endif
		od;
		skip;
		d_step {
#ifdef M_RELEASED_LATE
			released[me] = released[me] || closing;
#endif
			holds[me] = holds[me] && !closing;
			resting = (again -> resting : resting + 1);
			over++;
			word = 0; steps = 0; is_active = false; closing = false; again = false
		}
	}
#ifdef DEATHS
	unless {
		dead[me];
		d_step {
			over++;
			resting = (again -> resting : resting + 1)
		}
	}
#endif
}

#ifdef DEATHS
/* SIGKILL for one of them, at any moment before all have come to rest. */
proctype killer()
{
	if
	:: skip
	:: atomic { resting < started && !ended(CLOSER) -> kill(CLOSER) }
	:: atomic { resting < started && !ended(FIRST) -> kill(FIRST) }
	:: atomic { resting < started && published[SECOND] && !ended(SECOND) -> kill(SECOND) }
	fi
}
#endif

init {
	d_step {
		came[CLOSER] = 1; came[FIRST] = 1; came[SECOND] = 1; came[CHILD] = 1;
		published[CLOSER] = true; published[FIRST] = true;
		holds[CLOSER] = true; holds[FIRST] = true;
		engaged[CLOSER] = true
#if MENU_SECOND
		;
		published[SECOND] = true;
		holds[SECOND] = true
#ifdef TWO_CLOSERS
		;
		engaged[SECOND] = true
#endif
#endif
	}
	atomic {
		started = 2;
		run process(CLOSER, LET_GO, 1, true);
		run process(FIRST, MENU_FIRST, STEPS_FIRST, false);
#if MENU_SECOND
		started++;
#ifdef TWO_CLOSERS
		run process(SECOND, MENU_SECOND, STEPS_SECOND, true);
#else
		run process(SECOND, MENU_SECOND, STEPS_SECOND, false);
#endif
#endif
#ifdef DEATHS
		run killer()
#endif
	}
	over == started;
	d_step {
		no_mark_lost = !(STATE(mark) == DUE && !fin && all_settled && anybody_holds);
		fin_came = excused || fin || !all_settled || !anybody_holds
	}
#ifdef W_ALL_SETTLED
	if
	:: was_finished && !excused && all_settled && anybody_holds -> assert(false)
	:: else
	fi;
#endif
	assert(no_mark_lost);
	assert(fin_came)
}
