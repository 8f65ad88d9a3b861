/*
 * What -V says: this program's version and those of the libraries it runs with.
 */
#ifndef FCGICACHE_CONFIG_VERSIONS_H
#define FCGICACHE_CONFIG_VERSIONS_H

#include <stdio.h>

void versions_print(FILE *out, const char *own);

#endif
