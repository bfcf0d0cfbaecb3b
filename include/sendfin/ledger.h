/* SPDX-License-Identifier: MIT */
/*
 * The layout of the segment that the processes of one tree share.
 *
 * Every field says who writes (W) and who reads (R) it. "Owner" is the process in
 * the slot, "parent" the one that forked it, "any" every process of the tree, and
 * "viewer" the command, which attaches read-only.
 *
 * The idea: fixed-width words that are read and changed one at a time with atomic
 * operations; there is no lock, so a process killed between two instructions leaves
 * a slot that the others can still make sense of. Processes are named by slot and
 * generation, never by pid: pids come back and differ between namespaces.
 * Invariant: a field is appended, never moved; LEDGER_VERSION goes up with every
 * change of meaning. No pointers: every process maps the segment elsewhere.
 */
#ifndef SENDFIN_LEDGER_H
#define SENDFIN_LEDGER_H

#include <stddef.h>
#include <stdint.h>

#define LEDGER_MAGIC   0x4e49464eU /* "NFIN" */
#define LEDGER_VERSION 4U

/* The variable by which a new program image learns of the ledger: "id:ref", decimal:hex. */
#define LEDGER_VARIABLE "SENDFIN_LEDGER"

enum {
	LEDGER_PROCESSES = 2048, /* live processes of one tree; beyond, they are blind */
	LEDGER_CONNECTIONS = 4096,
	LEDGER_BUCKET = 8,        /* connection slots that one cookie can be in */
	LEDGER_MODULES = 128,     /* programs and libraries that sites lie in */
	LEDGER_MODULE_PATH = 216, /* bytes of a path, with its NUL; a longer one keeps its end */
	LEDGER_BUILD_ID = 20,     /* bytes of a build-id: SHA-1 */
	LEDGER_SITES = 1024,      /* unique backtraces */
	LEDGER_FRAMES = 16,       /* of a backtrace, innermost first */
	LEDGER_FINDINGS = 512,    /* unique things found, each counted */
	LEDGER_EVENTS = 512,      /* a power of two */
	LEDGER_ANCESTORS = 24,    /* generations of a family that can be told apart */
	LEDGER_RELEASES = 8,      /* copies let go unused that a process remembers */
	LEDGER_ENGAGED = 8,       /* processes using one connection at the same time */
	LEDGER_WORDS = LEDGER_CONNECTIONS / 64,
	LEDGER_PROCESS_WORDS = LEDGER_PROCESSES / 64,
	LEDGER_FRONT = 1024, /* bytes in front of the processes: the first of them share its page */
};

/*
 * A reference to a process: generation << 16 | slot + 1, in 62 bits. 0 is nobody. The
 * phantom stands for whoever will receive a connection that was sent away.
 */
#define LEDGER_NOBODY  ((uint64_t)0)
#define LEDGER_PHANTOM (~(uint64_t)0)

/*
 * In the word of a slot, beside the reference. While a slot is being filled for a child to
 * come, and with ENDED beside it while it is being given back, the slot + 1 is that of who
 * does it, 0 if it has none.
 */
#define LEDGER_REF_ENDED    ((uint64_t)1 << 63) /* it said good-bye, or was found dead */
#define LEDGER_REF_CLAIMING ((uint64_t)1 << 62)

/* A family that lost its upper end. */
#define LEDGER_DEPTH_UNKNOWN UINT32_MAX

/* Flags of a process. */
#define LEDGER_PROCESS_LISTENS  1U  /* it has entered accept */
#define LEDGER_PROCESS_RETIRED  2U  /* it notes nothing any more: never "elsewhere" */
#define LEDGER_PROCESS_LEAVING  4U  /* it exits, and uses nothing any more */
#define LEDGER_PROCESS_SIGHTED  8U  /* the shim runs in its present program image */
#define LEDGER_PROCESS_RECEIVED 16U /* a connection came to it otherwise than by fork or exec */

/* A copy that was let go and then closed: who was born later than `bound` cannot have it. */
struct ledger_closed {
	uint64_t seal;  /* of the key, as in releases, and the bound; else it says nothing */
	uint64_t bound; /* epoch. Both: W: owner, and a late copy of it by fork; R: any */
};

struct ledger_process {
	uint64_t ref;       /* and LEDGER_REF_*. W: any, compare-and-swap; R: any. 0 = free */
	uint32_t pid;       /* W: parent, else owner; R: any. 0 = not known yet */
	uint32_t pid_space; /* W: parent; R: any. Pids of different spaces say nothing */
	uint32_t flags;     /* LEDGER_PROCESS_*. W: owner; R: any */
	uint32_t depth;     /* number of ancestors, all told. W: parent; R: any */
	/* Epochs, as core/stamp.h keeps them: each comparable along one line of descent. */
	uint64_t born;          /* W: parent; R: any */
	uint64_t came_to_share; /* birth or own latest fork or spawn. W: owner; R: any */
	uint64_t away;          /* at the latest accept or wait for clients. W: owner; R: any */
	uint64_t execed;        /* at the latest exec, or 0. W: owner; R: any */
	uint64_t spawned;       /* at the latest child made inside libc, or 0. W: owner; R: any */
	/* The newest accepted connection it is active with: who accepted it, and when. */
	uint64_t newest_acquirer; /* W: owner; R: any */
	uint64_t newest_acquired; /* W: owner; R: any */
	/* The nearest ancestors, nearest first; 0 where there are no more. W: parent; R: any */
	uint64_t ancestors[LEDGER_ANCESTORS];
	/* Copies let go unused: epoch of acquisition | descriptor. W: owner; R: any */
	uint64_t releases[LEDGER_RELEASES];
	uint32_t release_count; /* W: owner; R: owner */
	uint32_t fins;          /* FINs sent by it. W: owner; R: viewer */
	uint32_t defers;        /* verdicts it deferred. W: owner; R: viewer */
	uint32_t reclaimed;     /* descriptors given back. W: owner; R: viewer */
	uint64_t blind;         /* epoch of its latest child that found no slot. W: owner; R: any */
	uint32_t forked;      /* site of the fork that made it, 0 = not known. W: parent; R: any */
	uint32_t leaks;       /* its copies that somebody else had to finish. W: any; R: any */
	uint64_t unpublished; /* epoch of its latest use that it could not note. W: owner; R: any */
	uint32_t closed_count; /* W: owner; R: owner */
	uint32_t reserved;
	struct ledger_closed closed[LEDGER_RELEASES];
};

/*
 * The mark of a connection, one word that changes as a whole: state in bits 0 and 1, a
 * count in bits 2 to 31, so that no old value comes back, and 32 bits more: of a due
 * mark the low half of the bytes written so far, of a taken one the taker's slot.
 */
#define LEDGER_MARK_STATE      ((uint64_t)3)
#define LEDGER_MARK_NONE       ((uint64_t)0)
#define LEDGER_MARK_DUE        ((uint64_t)1) /* its server closed it; another holder finishes */
#define LEDGER_MARK_TAKEN      ((uint64_t)2) /* somebody is about to send the FIN */
#define LEDGER_MARK_ONE        ((uint64_t)4)
#define LEDGER_MARK_COUNT      ((uint64_t)0xfffffffc)
#define LEDGER_MARK_REST_SHIFT 32

/*
 * On the cookie of a slot that is being given back, with the process slot + 1 of who does
 * it, 0 if it has none, and the lowest bits of its generation. The kernel counts cookies up
 * from 1; larger ones than there is room for are not kept.
 */
#define LEDGER_COOKIE_DYING       ((uint64_t)1 << 63)
#define LEDGER_COOKIE_GIVER_SHIFT 44
#define LEDGER_COOKIE_GIVER       ((uint64_t)0xfff)
#define LEDGER_COOKIE_AGE_SHIFT   56
#define LEDGER_COOKIE_AGE         ((uint64_t)0x7f)
#define LEDGER_COOKIE_NAME        (((uint64_t)1 << LEDGER_COOKIE_GIVER_SHIFT) - 1)

struct ledger_connection {
	uint64_t cookie;   /* W: who claims the slot; R: any. 0 = free */
	uint64_t acquirer; /* reference, 0 = not known. W: first to publish; R: any */
	uint64_t acquired; /* epoch, in the acquirer's line. W: first to publish; R: any */
	uint64_t mark;     /* LEDGER_MARK_*. W: any, compare-and-swap; R: any */
	uint64_t shared;   /* birth of its first user but the acquirer, 0 = none. W: user; R: any */
	uint64_t engaged[LEDGER_ENGAGED]; /* references. W: each its own, CAS; R: any */
	int32_t descriptor;               /* its number at the acquirer, a hint. W: first; R: any */
	uint8_t was_engaged;              /* 1 once anybody was. W: any; R: any */
	uint8_t is_lent; /* 1: the acquirer used it before it shared it. W: user; R: any */
	/* Sites, 0 = not known: */
	uint16_t accepted; /* its accept or connect. W: first; R: any */
	uint16_t forked;   /* the acquirer's fork that shared it. W: first; R: any */
	uint16_t let_go;   /* where it was let go with a mark. W: marker; R: any */
	uint32_t reserved;
	uint64_t origin_of; /* whose origin the slot tells: a cookie, 0 none. W: first; R: any */
};

/*
 * Modules, sites and findings are claimed by their key (compare-and-swap), filled, and then
 * said to be told (release); they are never given back. A claimer of a module or finding
 * that is killed in between leaves one that is never told: it is lost, and nobody waits for
 * it. A site is filled by all who want it, and so is told by the next who does.
 */

/* A program or library, by its path and build-id. */
struct ledger_module {
	uint64_t key;             /* W: who claims it; R: any. 0 = free */
	uint32_t is_told;         /* 1: the rest is there. W: claimer, last; R: any */
	uint32_t build_id_length; /* bytes, 0 = none. W: claimer; R: any */
	uint8_t build_id[LEDGER_BUILD_ID];
	uint8_t reserved[4];
	char path[LEDGER_MODULE_PATH]; /* as the loader has it, NUL-terminated. W: claimer */
};

/*
 * A place in a program: a unique backtrace. A frame is module + 1 << 48 | offset of the
 * call in the module's file (the return address less one, but where a signal interrupted).
 */
#define LEDGER_FRAME_MODULE_SHIFT 48
#define LEDGER_FRAME_OFFSET       (((uint64_t)1 << LEDGER_FRAME_MODULE_SHIFT) - 1)

struct ledger_site {
	uint64_t key;                   /* W: who claims it; R: any. 0 = free */
	uint64_t count;                 /* how often it was met. W: any; R: any */
	uint32_t frame_count;           /* 0: not told yet. W: any, last, CAS; R: any */
	uint32_t is_cut;                /* 1: there were more frames. W: any; R: any */
	uint64_t frames[LEDGER_FRAMES]; /* never 0. W: any, from 0 by CAS; R: any */
	uint64_t reserved;
};

#define LEDGER_ENDS_LOCAL 1U
#define LEDGER_ENDS_PEER  2U

/* Both ends of a connection. */
struct ledger_ends {
	uint8_t local[16]; /* network order; IPv4 uses the first 4 */
	uint8_t peer[16];
	uint16_t local_port; /* host order */
	uint16_t peer_port;
	uint16_t is_ipv6;
	uint16_t is_known; /* LEDGER_ENDS_*: what the kernel said */
};

/* What an event is about. */
enum ledger_kind {
	LEDGER_KIND_LET_GO = 1,       /* a connection was let go: verdict and reason say the rest */
	LEDGER_KIND_NEVER_CLOSED = 2, /* still held in CLOSE_WAIT by who used it */
	LEDGER_KIND_STALE_COPY = 3,   /* still held in CLOSE_WAIT by who never used its copy */
	LEDGER_KIND_DEAD = 4,         /* a descriptor of a connection that is over both ways */
};

/* On the sequence of an event that is being written, by one who may have been killed. */
#define LEDGER_SEQUENCE_WRITING ((uint64_t)1 << 63)

/*
 * One thing that happened, as it is logged. Sites are 1 + the index of a ledger_site,
 * 0 = not known.
 */
struct ledger_event {
	/* Its number + 1; with LEDGER_SEQUENCE_WRITING, then without. W: writer, CAS; R: viewer */
	uint64_t sequence;
	uint64_t when_ns; /* CLOCK_MONOTONIC */
	uint64_t process; /* reference of the writer, LEDGER_NOBODY = none */
	uint64_t cookie;  /* of the connection, 0 = not asked */
	uint64_t count;   /* how often its finding had been made by then, this time included */
	uint32_t pid;
	int32_t descriptor;
	uint16_t kind;       /* enum ledger_kind */
	uint16_t verdict;    /* enum verdict; of LET_GO */
	uint16_t reason;     /* enum verdict_reason; of LET_GO */
	uint16_t acted;      /* 1 = a FIN was sent */
	uint32_t let_go;     /* site */
	uint32_t accepted;   /* site: accept or connect */
	uint32_t forked;     /* site of the fork that shared it */
	uint32_t ended;      /* site of the read that returned EOF */
	uint32_t holder_pid; /* of another holder, the one that forgot it first of all; 0 = none */
	uint32_t others;     /* how many other holders there were */
	struct ledger_ends ends;
};

/*
 * A finding: everything about events that are the same but for process, connection and
 * time, counted. `example` is the first of them; its sequence and count are 0.
 */
struct ledger_finding {
	uint64_t key;      /* W: who claims it; R: any. 0 = free */
	uint64_t count;    /* W: any; R: any */
	uint64_t acted;    /* of these, FINs sent. W: any; R: any */
	uint64_t first_ns; /* W: claimer; R: any */
	uint64_t last_ns;  /* W: any; R: any */
	uint32_t is_told;  /* 1: `example` is there. W: claimer, last; R: any */
	uint32_t reserved;
	struct ledger_event example; /* the first. W: claimer; R: any */
};

struct ledger_header {
	uint32_t magic;        /* W: creator, last; R: any */
	uint32_t version;      /* W: creator; R: any */
	uint64_t size;         /* of the segment, bytes. W: creator; R: any */
	uint64_t generation;   /* counts processes. W: any; R: any */
	uint64_t event_count;  /* W: any; R: any */
	uint32_t process_high; /* slots ever claimed. W: any; R: any */
	uint32_t process_next; /* where to look for a free one. W: any; R: any */
	uint32_t due_count;    /* marks that are due; never too low. W: any; R: any */
	uint32_t pid_spaces;   /* counts them. W: any; R: any */
	uint64_t births; /* forks prepared: a look at all processes starts over. W: any; R: any */
	uint64_t
		unseen; /* latest epoch of a child without a slot whose parent is gone. W, R: any */
	/* One bit per connection slot in use, for walks. W: any; R: any */
	uint64_t live[LEDGER_WORDS];
	uint32_t sites_lost;    /* backtraces that found no room. W: any; R: viewer */
	uint32_t findings_lost; /* W: any; R: viewer */
	uint64_t leaks;         /* events that are somebody's leak. W: any; R: any */
};

/*
 * What a process touches between its birth and its end lies on few pages, for each costs
 * a forked child a page fault: the header, the bits and the oldest processes on the first,
 * its own slot, and its connection's bucket, which never lies across two.
 */
struct ledger {
	union {
		struct {
			struct ledger_header header;
			/* One bit per process slot that may be somebody's. W: any; R: any */
			uint64_t occupied[LEDGER_PROCESS_WORDS];
		};
		uint8_t front[LEDGER_FRONT];
	};
	struct ledger_process processes[LEDGER_PROCESSES];
	/* The births once more, side by side: in a crowd most cannot hold what is asked about. */
	uint64_t births[LEDGER_PROCESSES]; /* W: parent; R: any */
	struct ledger_connection connections[LEDGER_CONNECTIONS];
	struct ledger_module modules[LEDGER_MODULES];
	struct ledger_site sites[LEDGER_SITES];
	struct ledger_finding findings[LEDGER_FINDINGS];
	struct ledger_event events[LEDGER_EVENTS];
};

/*
 * What libsendfin.so exports under the name sendfin_anchor, for those who read the
 * memory of a process from outside.
 */
struct sendfin_anchor {
	uint32_t magic;   /* LEDGER_MAGIC */
	uint32_t version; /* LEDGER_VERSION */
	uint64_t ledger;  /* its address in this process, or 0 */
	int64_t id;       /* of the System V segment, or -1 */
	uint64_t places;  /* address of a struct ledger_place for each descriptor, or 0 */
	uint64_t place_count;
	uint64_t turns; /* address of the count that ended_at is compared with (uint32_t), or 0 */
};

/*
 * Where the connection on a descriptor came from, and what became of it: sites, 0 = not
 * known. In the memory of one process, written by it alone.
 */
struct ledger_place {
	uint32_t accepted; /* its accept or connect */
	uint32_t ended;    /* the read that returned EOF */
	uint32_t ended_at; /* the process's count of turns at that time, 0 = no EOF yet */
	uint32_t reserved;
};

_Static_assert(sizeof(struct ledger_process) == 512, "eight cache lines");
_Static_assert(offsetof(struct ledger_process, flags) == 16, "appended, never moved");
_Static_assert(offsetof(struct ledger_process, born) == 24, "appended, never moved");
_Static_assert(offsetof(struct ledger_process, away) == 40, "appended, never moved");
_Static_assert(offsetof(struct ledger_process, newest_acquirer) == 64, "appended, never moved");
_Static_assert(offsetof(struct ledger_process, ancestors) == 80, "appended, never moved");
_Static_assert(offsetof(struct ledger_process, releases) == 272, "appended, never moved");
_Static_assert(offsetof(struct ledger_process, release_count) == 336, "appended, never moved");
_Static_assert(offsetof(struct ledger_process, closed) == 384, "appended, never moved");
_Static_assert(sizeof(struct ledger_connection) == 128, "two cache lines");
_Static_assert(offsetof(struct ledger_connection, mark) == 24, "appended, never moved");
_Static_assert(offsetof(struct ledger_connection, engaged) == 40, "appended, never moved");
_Static_assert(offsetof(struct ledger_connection, descriptor) == 104, "appended, never moved");
_Static_assert(offsetof(struct ledger_connection, origin_of) == 120, "appended, never moved");
_Static_assert(sizeof(struct ledger_module) == 256, "four cache lines");
_Static_assert(sizeof(struct ledger_site) == 160, "no padding");
_Static_assert(sizeof(struct ledger_ends) == 40, "no padding");
_Static_assert(sizeof(struct ledger_event) == 120, "no padding");
_Static_assert(offsetof(struct ledger_event, ends) == 80, "appended, never moved");
_Static_assert(sizeof(struct ledger_finding) == 168, "no padding");
_Static_assert(sizeof(struct ledger_header) == 64 + 8 * LEDGER_WORDS + 16, "no padding");
_Static_assert(offsetof(struct ledger_header, live) == 64, "appended, never moved");
_Static_assert(offsetof(struct ledger, processes) == LEDGER_FRONT, "the front holds all of it");
_Static_assert(offsetof(struct ledger, connections) %
			       (LEDGER_BUCKET * sizeof(struct ledger_connection)) ==
		       0,
	       "a bucket lies on one page");
_Static_assert(sizeof(struct ledger) < 2 * 1024 * 1024, "less than 2 MB of address space");
_Static_assert(LEDGER_PROCESSES <= 0xfffe, "a reference has 16 bits for the slot");
_Static_assert(LEDGER_SITES <= UINT16_MAX, "a connection has 16 bits for a site");
_Static_assert(LEDGER_PROCESSES < LEDGER_COOKIE_GIVER, "a dying cookie has 12");

#endif
