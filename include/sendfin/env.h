/* SPDX-License-Identifier: MIT */
/*
 * The variables of the environment, with what each accepts and what it means.
 * The one list behind the parser, the command's options and the manual.
 *
 * SENDFIN_ENV_LIST(X) expands X(enumerator, name, accepted values, meaning) for
 * each variable. Words are listed with '|', the default first. Three lists
 * are not words: SENDFIN_LOG (stderr, syslog, none or an absolute path), SENDFIN_EXITCODE
 * (1 to 255) and SENDFIN_PROBE (0 to 32767, by default 30).
 */
#ifndef SENDFIN_ENV_H
#define SENDFIN_ENV_H

#define SENDFIN_ENV_LIST(X)                                                                        \
	X(MODE, "SENDFIN_MODE", "enforce|observe|off", "send FINs, only record, or do nothing")    \
	X(POLICY, "SENDFIN_POLICY", "proof|strict|eager",                                          \
	  "what a holder that is neither using the connection nor done with it means")             \
	X(TRIGGER, "SENDFIN_TRIGGER", "eof|close",                                                 \
	  "act only after the peer's FIN, or also when the server closes first")                   \
	X(RECLAIM, "SENDFIN_RECLAIM", "emfile|off",                                                \
	  "give dead descriptors back when accept runs out")                                       \
	X(CLOEXEC, "SENDFIN_CLOEXEC", "off|on",                                                    \
	  "set FD_CLOEXEC on accepted and connected sockets")                                      \
	X(PROBE, "SENDFIN_PROBE", "0-32767",                                                       \
	  "keepalive of a deferred connection, in seconds; 0 is off")                              \
	X(DEBUG, "SENDFIN_DEBUG", "0|1", "log every verdict")                                      \
	X(LOG, "SENDFIN_LOG", "stderr|syslog|none|/path", "where the log lines go")                \
	X(LOG_FORMAT, "SENDFIN_LOG_FORMAT", "text|json", "how the log lines look")                 \
	X(REPORT, "SENDFIN_REPORT", "0|1", "leak report when a process exits")                     \
	X(EXITCODE, "SENDFIN_EXITCODE", "1-255", "exit with this code if a leak was seen")

#endif
