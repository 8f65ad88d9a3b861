/*
 * References, as applications write them into Location and Content-Location.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/check.h"
#include "http/uri.h"

static void assert_str(struct str got, const char *wanted, const char *where)
{
	if (!str_eq(got, str_of(wanted)))
		fail_msg("%s: got \"%.*s\", wanted \"%s\"", where, STR_ARG(got), wanted);
}

/* A reference on a page with the path /b/c/d;p, as "scheme|host|path|query", query "-": none. */
static const char *const references[][2] = {
    /* RFC 3986 section 5.4.1 */
    {"g", "||/b/c/g|-"},
    {"./g", "||/b/c/g|-"},
    {"g/", "||/b/c/g/|-"},
    {"/g", "||/g|-"},
    {"//g", "|g|/|-"},
    {"?y", "||/b/c/d;p|y"},
    {"g?y", "||/b/c/g|y"},
    {"#s", "||/b/c/d;p|-"},
    {"g#s", "||/b/c/g|-"},
    {"g?y#s", "||/b/c/g|y"},
    {";x", "||/b/c/;x|-"},
    {"g;x", "||/b/c/g;x|-"},
    {"", "||/b/c/d;p|-"},
    {".", "||/b/c/|-"},
    {"./", "||/b/c/|-"},
    {"..", "||/b/|-"},
    {"../", "||/b/|-"},
    {"../g", "||/b/g|-"},
    {"../..", "||/|-"},
    {"../../", "||/|-"},
    {"../../g", "||/g|-"},
    /* section 5.4.2 */
    {"../../../g", "||/g|-"},
    {"../../../../g", "||/g|-"},
    {"/./g", "||/g|-"},
    {"/../g", "||/g|-"},
    {"g.", "||/b/c/g.|-"},
    {".g", "||/b/c/.g|-"},
    {"g..", "||/b/c/g..|-"},
    {"..g", "||/b/c/..g|-"},
    {"./../g", "||/b/g|-"},
    {"./g/.", "||/b/c/g/|-"},
    {"g/./h", "||/b/c/g/h|-"},
    {"g/../h", "||/b/c/h|-"},
    {"g;x=1/./y", "||/b/c/g;x=1/y|-"},
    {"g;x=1/../y", "||/b/c/y|-"},
    {"g?y/./x", "||/b/c/g|y/./x"},
    {"g?y/../x", "||/b/c/g|y/../x"},
    {"g#s/../x", "||/b/c/g|-"},
    {"http:g", NULL},
    /* whole ones */
    {"http://h/p?q#f", "http|h|/p|q"},
    {"HTTPS://H.Example/P", "https|h.example|/P|-"},
    {"http://h", "http|h|/|-"},
    {"http://h?q", "http|h|/|q"},
    {"http://h#f", "http|h|/|-"},
    {"http://h/a/../b/.", "http|h|/b/|-"},
    {"http://H:8080/", "http|h:8080|/|-"},
    {"http://h:80/", "http|h:80|/|-"},
    {"http://h:/", "http|h|/|-"},
    {"https://[::A]:1/p", "https|[::a]:1|/p|-"},
    {"//h/p?", "|h|/p|"},
    {"//h:81?a?b", "|h:81|/|a?b"},
    /* what is only like a scheme, or like a host */
    {"/a:b", "||/a:b|-"},
    {"./a:b", "||/b/c/a:b|-"},
    {"?a:b", "||/b/c/d;p|a:b"},
    {"#a:b", "||/b/c/d;p|-"},
    {"/a@b//c", "||/a@b//c|-"},
    {"/..//g", "||//g|-"},
    {"?", "||/b/c/d;p|"},
    {"?#", "||/b/c/d;p|"},
    {"?//h/", "||/b/c/d;p|//h/"},
    /* escapes stay */
    {"%61/%2e%2e/%zz", "||/b/c/%61/%2e%2e/%zz|-"},
    {"caf\xc3\xa9", "||/b/c/caf\xc3\xa9|-"},
    /* nowhere we could be */
    {"mailto:a@b", NULL},
    {"ftp://h/", NULL},
    {"javascript:1", NULL},
    {"httpx://h/", NULL},
    {":", NULL},
    {":80/", NULL},
    {"a:b", NULL},
    {"http:", NULL},
    {"http:/p", NULL},
    {"http://", NULL},
    {"http:///p", NULL},
    {"//", NULL},
    {"///p", NULL},
    {"//:80/p", NULL},
    {"http://u@h/", NULL},
    {"http://u:p@h/", NULL},
    {"//u@h/", NULL},
    {"//@h/", NULL},
    {"//h:x/", NULL},
    {"//h:65536/", NULL},
    {"//[::1/", NULL},
    {"//h\\/", NULL},
    {"//a^b/", NULL},
    /* what stands in no URI */
    {"/a b", NULL},
    {" /a", NULL},
    {"/a\tb", NULL},
    {"/a\x7f", NULL},
    {"/a?b c", NULL},
    {"/a#\n", NULL},
};

static void references_resolve(void **state)
{
	struct uri_reference r;
	char got[128];
	struct arena a;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < ARRAY_LEN(references); i++) {
		const char *reference = references[i][0];
		enum uri_result result = uri_resolve(STR("/b/c/d;p"), str_of(reference), &a, &r);

		if (result != (references[i][1] ? URI_OK : URI_BAD))
			fail_msg("%s: %d", reference, result);
		if (result != URI_OK) {
			assert_true(!r.path.n && !r.host.n && !r.scheme.n && !r.has_query);
			continue;
		}
		snprintf(got, sizeof(got), "%.*s|%.*s|%.*s|%.*s", STR_ARG(r.scheme),
			 STR_ARG(r.host), STR_ARG(r.path),
			 STR_ARG(r.has_query ? r.query : STR("-")));
		if (strcmp(got, references[i][1]) != 0)
			fail_msg("%s: got %s, wanted %s", reference, got, references[i][1]);
	}
	arena_fini(&a);
}

static void other_bases(void **state)
{
	static const char *const cases[][3] = {
	    {"/", "g", "/g"},     {"/", "..", "/"},      {"/a", "g", "/g"},
	    {"/a/", "g", "/a/g"}, {"/a/", "../g", "/g"}, {"/a/b", "", "/a/b"},
	};
	struct uri_reference r;
	struct arena a;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(uri_resolve(str_of(cases[i][0]), str_of(cases[i][1]), &a, &r),
				 URI_OK);
		assert_str(r.path, cases[i][2], cases[i][1]);
	}
	assert_int_equal(uri_resolve(STR(""), STR("/g"), &a, &r), URI_BAD);
	assert_int_equal(uri_resolve(STR("*"), STR("g"), &a, &r), URI_BAD);
	assert_int_equal(uri_resolve(STR("/"), str_make("/\0", 2), &a, &r), URI_BAD);
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(references_resolve),
	    cmocka_unit_test(other_bases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
