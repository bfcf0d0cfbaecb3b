/* SPDX-License-Identifier: MIT */
/* The smallest auditor (rtld-audit(7)): with one, ld.so binds and lays out storage differently. */
#include <link.h>

unsigned int la_version(unsigned int version)
{
	return version;
}
