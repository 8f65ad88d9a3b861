/*
 * Header values in one spelling: what means the same becomes the same, and nothing else does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/check.h"
#include "http/vary.h"

static struct arena arena;

static struct str normalise(const char *name, struct str value)
{
	struct str out;

	if (!vary_normalise(&arena, str_of(name), value, &out))
		fail_msg("%s: memory is out", name);
	return out;
}

/* wanted NULL: value itself, not a copy. */
static void assert_spelling(const char *name, const char *value, const char *wanted)
{
	struct str raw = str_of(value), got = normalise(name, raw), again;

	if (!wanted && (got.p != raw.p || got.n != raw.n))
		fail_msg("%s: \"%s\" became \"%.*s\"", name, value, STR_ARG(got));
	if (wanted && !str_eq(got, str_of(wanted)))
		fail_msg("%s: \"%s\" became \"%.*s\", wanted \"%s\"", name, value, STR_ARG(got),
			 wanted);
	again = normalise(name, got);
	if (again.p != got.p || again.n != got.n)
		fail_msg("%s: \"%.*s\" became \"%.*s\"", name, STR_ARG(got), STR_ARG(again));
}

#define ASSERT_SPELLINGS(name, cases)                                                              \
	do {                                                                                       \
		arena_init(&arena);                                                                \
		for (size_t i = 0; i < ARRAY_LEN(cases); i++)                                      \
			assert_spelling(name, (cases)[i][0], (cases)[i][1]);                       \
		arena_fini(&arena);                                                                \
	} while (0)

/* ------------------------------------------------------------------ Accept-Encoding */

static void encodings(void **state)
{
	static const char *const cases[][2] = {
	    {"gzip", NULL},
	    {"br, zstd, gzip, deflate", NULL},
	    {"GZip", "gzip"},
	    {" gzip\t", "gzip"},
	    {"gzip, deflate, br", "br, gzip, deflate"},
	    {"deflate,zstd,gzip,br", "br, zstd, gzip, deflate"},
	    {",,gzip,", "gzip"},
	    /* weights do not stay */
	    {"br;q=1.0,gzip;q=0.8,*;q=0.1", "br, gzip"},
	    {"zstd , br ;q=0.5", "br, zstd"},
	    {"gzip;q=0.001", "gzip"},
	    {"gzip;q=, br", "br, gzip"},
	    /* refused */
	    {"gzip; Q=0.000, br", "br"},
	    {"br;q=0,gzip", "gzip"},
	    {"br, gzip ; q=0.", "br"},
	    {"br, gzip;x=1;q=0", "br"},
	    /* one name of two, and one name twice */
	    {"x-gzip", "gzip"},
	    {"X-GZip;q=0, br", "br"},
	    {"gzip, x-gzip", "gzip"},
	    {"gzip;q=0, x-gzip;q=0.5", "gzip"},
	    {"gzip, gzip;q=0", "gzip"},
	    /* not known */
	    {"br, *", "br"},
	    {"*;q=0, br", "br"},
	    {"compress, dcb, identity;q=0, gzip", "gzip"},
	    {"x-br, xgzip, gzipped, br", "br"},
	};
	static const char *const nothing[] = {
	    "", " ", ",", "*", "*;q=0", "identity", "gzip;q=0", "x-gzip;q=0.000", "gzip deflate"};

	(void)state;
	ASSERT_SPELLINGS("accept-encoding", cases);
	arena_init(&arena);
	for (size_t i = 0; i < ARRAY_LEN(nothing); i++)
		if (normalise("accept-encoding", str_of(nothing[i])).p)
			fail_msg("something is left of \"%s\"", nothing[i]);
	arena_fini(&arena);
}

/* ------------------------------------------------------------------ Accept-Language */

static void languages(void **state)
{
	static const char *const cases[][2] = {
	    {"de", NULL},
	    {"*", NULL},
	    {"de-at, de;q=0.9, en;q=0.5", NULL},
	    {"zh-hant-tw", NULL},
	    {"DE-at", "de-at"},
	    {" de ,\ten ", "de, en"},
	    {",de,,en,", "de, en"},
	    /* by weight, then by the alphabet */
	    {"en, de", "de, en"},
	    {"fr;q=0.5, de;q=1.0", "de, fr;q=0.5"},
	    {"en;q=0.8,de;q=0.9,*;q=0.1", "de;q=0.9, en;q=0.8, *;q=0.1"},
	    {"en-GB,en-US;q=0.9,en;q=0.8", "en-gb, en-us;q=0.9, en;q=0.8"},
	    {"b;q=0.5, *, a;q=0.5", "*, a;q=0.5, b;q=0.5"},
	    {"en, en-us, e-1", "e-1, en, en-us"},
	    /* weights in one spelling */
	    {"de;q=1", "de"},
	    {"de;q=1.", "de"},
	    {"de;q=1.000, en ; Q=0.500", "de, en;q=0.5"},
	    {"a;q=0.050, b;q=0.005, c;q=0.125, d;q=0.9", "d;q=0.9, c;q=0.125, a;q=0.05, b;q=0.005"},
	    /* refused ones stay: they differ from ones that are not named */
	    {"de;q=0, en", "en, de;q=0"},
	    {"de;q=0.000", "de;q=0"},
	    {"*;q=0., en;q=0.001", "en;q=0.001, *;q=0"},
	    /* one range twice */
	    {"en;q=0.5, EN", "en"},
	    {"en, de, en;q=0.1", "de, en"},
	    {"en;q=0, de;q=0.3, en;q=0.2", "de;q=0.3, en;q=0.2"},
	    /* no lists of ranges */
	    {"", NULL},
	    {" ", NULL},
	    {", ,", NULL},
	    {"en_US, de", NULL},
	    {"EN de", NULL},
	    {"en, -de", NULL},
	    {"en-, de", NULL},
	    {"EN--us", NULL},
	    {"abcdefghi, EN", NULL},
	    {"1, EN", NULL},
	    {"EN;q=1.001", NULL},
	    {"EN;q=2", NULL},
	    {"EN;q=0.1234", NULL},
	    {"EN;q=.5", NULL},
	    {"EN;q=", NULL},
	    {"EN;q", NULL},
	    {"EN;", NULL},
	    {"EN;q =0.5", NULL},
	    {"EN;q=-1", NULL},
	    {"EN;q=0,5", NULL},
	    {"EN;level=1", NULL},
	    {"EN;q=0.5;x=1", NULL},
	    {"\"EN\"", NULL},
	    {"EN, \"", NULL},
	    {"caf\xc3\xa9, EN", NULL},
	};

	(void)state;
	ASSERT_SPELLINGS("accept-language", cases);
}

/* Every order of some ranges is one value. */
static void the_order_of_languages_is_nothing(void **state)
{
	static const char *const ranges[] = {"de", "en;q=0.5", "EN-us", "de;q=0.1", "fr;q=0"};
	static const size_t n = ARRAY_LEN(ranges);

	(void)state;
	for (size_t code = 0; code < 120; code++) {
		char value[64] = "";
		bool used[ARRAY_LEN(ranges)] = {false};

		for (size_t i = n, rest = code; i > 0; rest /= i, i--) {
			size_t left = rest % i, at = 0;

			while (used[at] || left-- > 0)
				at++;
			used[at] = true;
			strcat(value, *value ? "," : "");
			strcat(value, ranges[at]);
		}
		arena_init(&arena);
		assert_spelling("accept-language", value, "de, en-us, en;q=0.5, fr;q=0");
		arena_fini(&arena);
	}
}

static void the_preferred_language(void **state)
{
	static const char *const cases[][2] = {
	    {"de", "de"},
	    {"de-at, de;q=0.9", "de-at"},
	    {"de;q=0.001", "de"},
	    {"en, *;q=0.5", "en"},
	    {"en, de;q=0", "en"},
	    {"*;q=0.1, en;q=0.2", "en"},
	    {"fr;q=0.5, de;q=1.0", "de"},
	    {"en;q=0.5, EN", "en"},
	    {"de;q=0.9, en;q=0.9, fr;q=0.8", ""},
	    {"en, de", ""},
	    {"en, *", ""},
	    {"*", ""},
	    {"*, de;q=0.5", ""},
	    {"de;q=0", ""},
	    {"", ""},
	    {"en_US", ""},
	    {"de, en;q=2", ""},
	    {",", ""},
	};

	(void)state;
	arena_init(&arena);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct str normal = normalise("accept-language", str_of(cases[i][0]));
		struct str got = vary_preferred_language(normal);

		if (!str_eq(got, str_of(cases[i][1])))
			fail_msg("\"%s\" prefers \"%.*s\"", cases[i][0], STR_ARG(got));
	}
	arena_fini(&arena);
}

/* ------------------------------------------------------------------ Accept, Accept-Charset */

static void media_ranges(void **state)
{
	static const char *const cases[][2] = {
	    {"*/*", NULL},
	    {"", NULL},
	    {"text/html, application/xhtml+xml, */*;q=0.8", NULL},
	    {"Text/HTML,application/XML;Q=0.9", "text/html, application/xml;q=0.9"},
	    {" text/html ;\tq=0.5 ,a/b ", "text/html;q=0.5, a/b"},
	    {"text/html,,a/b,", "text/html, a/b"},
	    {"text/html;;q=1;", "text/html;q=1"},
	    {" , ", ""},
	    /* a value may mean something else in capitals */
	    {"A/B;Profile=X,c/D;charset=UTF-8", "a/b;profile=X, c/d;charset=UTF-8"},
	    {"A/B;Profile=\"X, Y ;Z\";Q=1", "a/b;profile=\"X, Y ;Z\";q=1"},
	    {"A/B;p=\"\\\" , X\",C/D", "a/b;p=\"\\\" , X\", c/d"},
	    {"\"A\"B, C", "\"A\"B, c"},
	    /* as it came */
	    {"TEXT / html", NULL},
	    {"TEXT/html;q = 0.5", NULL},
	    {"a/b,TEXT html", NULL},
	    {"TEXT/html,;q=1", NULL},
	    {"TEXT/html;p=\"x", NULL},
	    {"TEXT/html;p=\"x\\\"", NULL},
	    {"A/b, \"", NULL},
	};

	(void)state;
	ASSERT_SPELLINGS("accept", cases);
	arena_init(&arena);
	assert_spelling("accept-charset", "UTF-8,ISO-8859-1;q=0.5", "utf-8, iso-8859-1;q=0.5");
	arena_fini(&arena);
}

/* ------------------------------------------------------------------ others */

static void what_stays_as_it_came(void **state)
{
	static const char *const cases[][2] = {
	    {"user-agent", " Mozilla/5.0 (X11,Linux)  A,B "},
	    {"user-agent", "a,b"},
	    {"cookie", "a=1,2 ; b=3"},
	    {"authorization", "Digest a=b,c=d"},
	    {"referer", "a,b"},
	    {"if-modified-since", "Sun,06 Nov 1994 08:49:37 GMT"},
	    {"if-none-match", "\"a\\\",\"b\",c"},
	    {"date", "Sun,06-Nov-94"},
	};

	(void)state;
	arena_init(&arena);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_spelling(cases[i][0], cases[i][1], NULL);
	assert_null(arena.blocks);
	arena_fini(&arena);
}

static void words(void **state)
{
	static const char *const cases[][2] = {
	    {"1", NULL},
	    {"", NULL},
	    {"1, 2", NULL},
	    {"Mobile  Phone", NULL},
	    {"1,2", "1, 2"},
	    {" 1, 2 ", "1, 2"},
	    {"1\t,\t 2", "1, 2"},
	    {",1,,2, ,", "1, 2"},
	    {" one ", "one"},
	    {" , ", ""},
	    {"a  b;c = D,E", "a  b;c = D, E"},
	    {"\"x,y\",\"z\";v=\"1,2\"", "\"x,y\", \"z\";v=\"1,2\""},
	    {"\"x\\\",y\",z", "\"x\\\",y\", z"},
	    /* no lists of words: their commas may be no separators */
	    {"/a,b", NULL},
	    {"http://a/b,c", NULL},
	    {"Sun,06 Nov 1994 08:49:37 GMT", NULL},
	    {"{\"a\":1,\"b\":2}", NULL},
	    {"a (b,c)", NULL},
	    {"caf\xc3\xa9,b", NULL},
	    {" a,(b) ", "a,(b)"},
	    {"a,\"b", NULL},
	    {"\"b\\\",c", NULL},
	};

	(void)state;
	ASSERT_SPELLINGS("x-feature", cases);
}

/* A name is compared as a whole; it comes in lower case. */
static void other_names(void **state)
{
	(void)state;
	arena_init(&arena);
	assert_spelling("accept-languages", "en,de", "en, de");
	assert_spelling("accept-", "B,A", "B, A");
	assert_spelling("", "B,A", "B, A");
	arena_fini(&arena);
}

/* Long values: as many ranges as there is room for in a head. */
static void long_values(void **state)
{
	static char value[60000];
	struct str got;

	(void)state;
	for (size_t i = 0; i < sizeof(value); i++)
		value[i] = i % 4 == 3 ? ',' : (char)('a' + i * 7 % 26);
	arena_init(&arena);
	got = normalise("accept-language", str_make(value, sizeof(value)));
	assert_true(got.n > 0 && got.n < sizeof(value));
	assert_true(str_eq(normalise("accept-language", got), got));
	got = normalise("x", str_make(value, sizeof(value)));
	assert_int_equal(got.n, sizeof(value) / 4 * 5 - 2);
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(encodings),
	    cmocka_unit_test(languages),
	    cmocka_unit_test(the_order_of_languages_is_nothing),
	    cmocka_unit_test(the_preferred_language),
	    cmocka_unit_test(media_ranges),
	    cmocka_unit_test(what_stays_as_it_came),
	    cmocka_unit_test(words),
	    cmocka_unit_test(other_names),
	    cmocka_unit_test(long_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
