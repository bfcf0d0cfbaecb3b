/* SPDX-License-Identifier: MIT */
/*
 * Pieces of scripts that many tests share; play.c explains the language.
 */
#ifndef SHIM_SCRIPTS_H
#define SHIM_SCRIPTS_H

/* The bug: the parent accepts, forks the child `a` to serve, and keeps its own copy. */
#define LEAK_ON(family, door) "P listen " family "; c connect; P accept; P fork " door " a;"
#define LEAK                  LEAK_ON("4", "fork")

/* The child serves a whole conversation to EOF. */
#define SERVE "c send 300; c half; a echo read write -> 300; c recv 300;"

/* The child, which has let go, goes home and is reaped. */
#define END "a! letgo _exit; P reap a -> exit=3;"

#endif
