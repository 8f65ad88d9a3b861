/*
 * Reading the rules file as bytes.
 */
#ifndef FCGICACHE_CONFIG_LOAD_H
#define FCGICACHE_CONFIG_LOAD_H

#include "base/check.h"
#include "base/mem.h"
#include "config/report.h"

#define LOAD_SIZE_MAX ((size_t)16 << 20) /* bytes of a rules file */

/*
 * The whole file into *bytes, from one descriptor, so that a file put in its place meanwhile makes
 * no mixture. Blocks on the disk, on nothing else: only regular files are read. False: said in the
 * report.
 */
bool load_file(struct reading *r, struct buf *bytes) MUST_CHECK;

#endif
