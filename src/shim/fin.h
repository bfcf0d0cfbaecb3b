/* SPDX-License-Identifier: MIT */
/*
 * The one place that sends a FIN.
 *
 * shutdown(SHUT_RDWR) acts on the connection for every process that holds it; the
 * raw system call is used because the program's own name for it is intercepted.
 * Never here: the question whether.
 */
#ifndef SHIM_FIN_H
#define SHIM_FIN_H

/* Sends the FIN. Returns 0 or -errno (-ENOTCONN: the connection is gone already). */
int fin_send(int fd);

#endif
