/*
 * Fuzz: conditions. An input is lines: a list of entity-tags, three entity-tags, a date, a
 * Last-Modified, a Date.
 *
 * Promises that are checked: equality is the same both ways, and what is equal strongly is equal
 * weakly; a list that we make holds what was put into it; and each answer has a condition to which
 * it is due, and none that comes before it in the order of RFC 9110 section 13.2.2.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "http/cond.h"

#define TAGS   3
#define NOW_MS INT64_C(1709164800000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	struct str list;
	struct str tags[TAGS];
	struct str date, last_modified, page_date;
};

static bool is_tag(struct str s)
{
	return cond_is_strong(s) ||
	       (str_starts(s, STR("W/")) && cond_is_strong(str_sub(s, 2, s.n)));
}

static void check_pair(struct str a, struct str b)
{
	bool weakly = cond_etags_equal(a, b, true), strongly = cond_etags_equal(a, b, false);

	CHECK(weakly == cond_etags_equal(b, a, true));
	CHECK(strongly == cond_etags_equal(b, a, false));
	CHECK(strongly == (cond_is_strong(a) && str_eq(a, b)));
	CHECK(weakly || !strongly);
	if (a.n == 0 || b.n == 0)
		CHECK(!weakly);
	else if (str_eq(a, b))
		CHECK(weakly);
	/* Alone it is a list of one. */
	if (str_eq(str_trim(a), a) && !str_eq(a, STR("*")) && is_tag(a)) {
		CHECK(cond_etag_listed(a, b, true) == weakly);
		CHECK(cond_etag_listed(a, b, false) == strongly);
	}
}

static void check_list(struct str list, struct str tag)
{
	if (cond_etag_listed(list, tag, false)) {
		CHECK(cond_etag_listed(list, tag, true));
		CHECK(cond_is_strong(tag) || str_eq(str_trim(list), STR("*")));
	}
}

/* What we ask an application holds each of the tags, if no other one breaks the list. */
static void check_asked(const struct str *tags)
{
	bool good = true, any = false;
	struct str asked, again;
	size_t room = 0;
	struct arena a;

	for (size_t i = 0; i < TAGS; i++) {
		good = good && (tags[i].n == 0 || is_tag(tags[i]));
		any = any || cond_is_askable(tags[i]);
		room += tags[i].n + 2;
	}
	arena_init(&a);
	CHECK(cond_list_etags(&a, tags, TAGS, &asked));
	CHECK((asked.p == NULL) == (asked.n == 0));
	CHECK(any == (asked.n > 0));
	CHECK(asked.n <= room);
	CHECK(!str_eq(str_trim(asked), STR("*")));
	for (size_t i = 0; good && i < TAGS; i++)
		CHECK(cond_etag_listed(asked, tags[i], true) == (tags[i].n > 0));
	CHECK(cond_list_etags(&a, &asked, 1, &again));
	if (good && asked.n > 0 && is_tag(asked))
		CHECK(str_eq(asked, again));
	arena_fini(&a);
}

/* Every set of conditions on one page. */
static void check_answers(const struct input *in, const struct cond_page *page)
{
	const struct str none = {0};

	for (unsigned int set = 0; set < 16; set++) {
		struct cond_request r = {
		    .if_match = set & 1 ? in->list : none,
		    .if_none_match = set & 2 ? in->list : none,
		    .if_modified_since = set & 4 ? in->date : none,
		    .if_unmodified_since = set & 8 ? in->date : none,
		};
		enum cond_answer answer = cond_evaluate(&r, page, NOW_MS);

		if (answer == COND_FAILED)
			CHECK(r.if_match.p || (r.if_unmodified_since.p && page->last_modified.n));
		if (answer == COND_NOT_MODIFIED)
			CHECK(r.if_none_match.p || r.if_modified_since.p);
		if (r.if_match.p && cond_etag_listed(in->list, page->etag, false))
			CHECK(answer != COND_FAILED);
		if (r.if_none_match.p && answer != COND_FAILED)
			CHECK((answer == COND_NOT_MODIFIED) ==
			      cond_etag_listed(in->list, page->etag, true));
		/* Each silences the other. */
		if (r.if_match.p) {
			r.if_unmodified_since = none;
			CHECK(cond_evaluate(&r, page, NOW_MS) == answer);
		}
		if (r.if_none_match.p) {
			r.if_modified_since = none;
			CHECK(cond_evaluate(&r, page, NOW_MS) == answer);
		}
	}
}

static void check_if_range(const struct input *in, const struct cond_page *page)
{
	CHECK(cond_range_applies(str_make(NULL, 0), page, NOW_MS));
	if (in->tags[1].p && cond_range_applies(in->tags[1], page, NOW_MS))
		CHECK(cond_is_strong(str_trim(in->tags[1])) || page->date.n > 0);
	if (in->date.p && cond_range_applies(in->date, page, NOW_MS) &&
	    !cond_is_strong(str_trim(in->date)))
		CHECK(page->last_modified.n > 0 && page->date.n > 0);
	/* By a page that was sent when it was modified, no date tells. */
	if (cond_range_applies(page->last_modified,
			       &(struct cond_page){.last_modified = page->last_modified,
						   .date = page->last_modified},
			       NOW_MS))
		CHECK(page->last_modified.p == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = str_make((const char *)data, size);
	struct input in = {0};
	struct cond_page page = {0};

	(void)str_split(&rest, '\n', &in.list);
	for (size_t i = 0; i < TAGS; i++)
		(void)str_split(&rest, '\n', &in.tags[i]);
	(void)str_split(&rest, '\n', &in.date);
	(void)str_split(&rest, '\n', &in.last_modified);
	(void)str_split(&rest, '\n', &in.page_date);
	for (size_t i = 0; i < TAGS * TAGS; i++)
		check_pair(in.tags[i / TAGS], in.tags[i % TAGS]);
	for (size_t i = 0; i < TAGS; i++)
		check_list(in.list, in.tags[i]);
	check_asked(in.tags);
	page = (struct cond_page){in.tags[0], in.last_modified, in.page_date, NOW_MS - 12345};
	check_answers(&in, &page);
	check_if_range(&in, &page);
	return 0;
}
