/*
 * Bans: what has been invalidated, and when. A page carries labels, hashes of what it can be
 * invalidated by (its URL, its groups); it is banned if one of its labels was banned after it was
 * asked of the application. So nothing has to be searched when an invalidation comes, and a page
 * that was under way at that moment is caught as well. Any thread; nobody waits to look.
 *
 * The table has a fixed number of places, in buckets: the label says which. Where a bucket is full
 * its oldest ban is forgotten, and a page with any label of that bucket that was asked for before
 * then counts as banned: never too little.
 */
#ifndef FCGICACHE_FLOW_BANS_H
#define FCGICACHE_FLOW_BANS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/*
 * Bans a label: a hash of which every bit is as good as any other. now: clock_now_us, above 0, read
 * when what changed the pages was over (the application had answered); an earlier ban of the label
 * with a later time stays.
 */
void bans_add(uint64_t label, int64_t now);

/*
 * Whether a page with these labels, asked of the application at `asked` (clock_now_us, above 0), is
 * banned: a ban at the very same microsecond counts. labels: n * 8 bytes, native order, unaligned.
 * As long as there was never a ban this is one load.
 */
bool bans_hold(struct str labels, int64_t asked);

/* For tests: how many labels are remembered, and how many places there are. */
size_t bans_count(void);
size_t bans_places(void);
/* For tests: forgets all, no other thread being here. */
void bans_forget(void);

#endif
