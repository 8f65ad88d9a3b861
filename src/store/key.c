/*
 * Keys: the hash and its secret, drawn once by key_start and never written again, so that any
 * thread reads it without a lock. A hash means nothing outside this process.
 */
#include "store/key.h"

#include <sys/random.h>
#include <xxhash.h>

#include "base/check.h"

#define SECRET_SIZE                                                                                \
	192 /* at least XXH3_SECRET_SIZE_MIN; at most 256, which getrandom gives whole */

static unsigned char secret[SECRET_SIZE];
static bool started;

_Static_assert(SECRET_SIZE >= XXH3_SECRET_SIZE_MIN, "XXH3 reads that much");

bool key_start(void)
{
	if (!started)
		started = getrandom(secret, sizeof(secret), 0) == (ssize_t)sizeof(secret);
	return started;
}

uint64_t key_hash(struct str bytes)
{
	CHECK(started);
	return XXH3_64bits_withSecret(bytes.p, bytes.n, secret, sizeof(secret));
}

struct key key_make(struct str bytes)
{
	return (struct key){bytes, key_hash(bytes)};
}

bool key_eq(const struct key *a, const struct key *b)
{
	return a->hash == b->hash && str_eq(a->bytes, b->bytes);
}
