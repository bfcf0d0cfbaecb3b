/* SPDX-License-Identifier: MIT */
/*
 * The preload that does nothing: what every preload costs, for the loader and for each fork.
 */
extern int empty_preload;
int empty_preload;
