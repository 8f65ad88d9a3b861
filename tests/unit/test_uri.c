/*
 * Paths, queries, hosts and cookies, as anybody may send them.
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

/* ------------------------------------------------------------------ paths */

static const struct {
	const char *raw;
	const char *normal, *decoded; /* NULL: raw itself */
} good_paths[] = {
    {"/", NULL, NULL},
    {"/a", NULL, NULL},
    {"/a/", NULL, NULL},
    {"/a/b.html", NULL, NULL},
    {"/index.php/a.css", NULL, NULL},
    {"/-._~!$&'()*+,;=:@[]", NULL, NULL},
    {"/...", NULL, NULL},
    {"/.a/..b/c../d.", NULL, NULL},
    {"/a;v=1/b", NULL, NULL},
    /* unreserved: written in one way only */
    {"/%61", "/a", "/a"},
    {"/%7Euser", "/~user", "/~user"},
    {"/%7euser", "/~user", "/~user"},
    {"/%41%5A%61%7a%30%39%2D%2e%5f", "/AZaz09-._", "/AZaz09-._"},
    {"/a%2Eb", "/a.b", "/a.b"},
    /* other escapes stay, in upper case */
    {"/a%20b", NULL, "/a b"},
    {"/%c3%a9", "/%C3%A9", "/\xc3\xa9"},
    {"/%C3%A9", NULL, "/\xc3\xa9"},
    {"/%2c", "/%2C", "/,"},
    {"/%3F%23%25", NULL, "/?#%"},
    {"/%252e%252E", NULL, "/%2e%2E"},
    {"/%5ba%5D", "/%5Ba%5D", "/[a]"},
    {"/%3a%40", "/%3A%40", "/:@"},
    /* what may not stand in a path is escaped */
    {"/a b", "/a%20b", NULL},
    {"/\"<>^`{|}", "/%22%3C%3E%5E%60%7B%7C%7D", NULL},
    {"/caf\xc3\xa9", "/caf%C3%A9", NULL},
    {"/\xff\x80", "/%FF%80", NULL},
    {"/a b%20c%61", "/a%20b%20ca", "/a b ca"},
};

static void assert_form(struct str got, const char *wanted, const char *raw, const char *which)
{
	if (wanted)
		assert_str(got, wanted, raw);
	else if (got.p != raw || got.n != strlen(raw))
		fail_msg("%s: %s is not raw itself", raw, which);
}

static void test_good_paths(void **state)
{
	struct str normal, decoded;
	struct arena a;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < ARRAY_LEN(good_paths); i++) {
		const char *raw = good_paths[i].raw;

		if (uri_path(str_of(raw), &a, &normal, &decoded) != URI_OK)
			fail_msg("%s is a normal path", raw);
		assert_form(normal, good_paths[i].normal, raw, "normal");
		assert_form(decoded, good_paths[i].decoded, raw, "decoded");
	}
	arena_fini(&a);
}

/* A normal form is its own normal form. */
static void test_normal_twice(void **state)
{
	struct str normal, again, decoded;
	struct arena a;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < ARRAY_LEN(good_paths); i++) {
		assert_int_equal(uri_path(str_of(good_paths[i].raw), &a, &normal, &decoded),
				 URI_OK);
		assert_int_equal(uri_path(normal, &a, &again, &decoded), URI_OK);
		assert_true(again.p == normal.p && again.n == normal.n);
	}
	arena_fini(&a);
}

static void test_plain_path_takes_no_memory(void **state)
{
	struct str normal, decoded;
	struct arena a;

	(void)state;
	arena_init(&a);
	assert_int_equal(uri_path(STR("/a/b-c/d.html"), &a, &normal, &decoded), URI_OK);
	assert_int_equal(uri_path(STR("/a/../d.html"), &a, &normal, &decoded), URI_ODD);
	assert_null(a.blocks);
	arena_fini(&a);
}

static const struct {
	struct str raw;
	enum uri_result result;
} other_paths[] = {
#define CASE(text, result)                                                                         \
	{                                                                                          \
		{text, sizeof(text) - 1}, result                                                   \
	}
    /* segments that servers resolve, each in its own way */
    CASE("/.", URI_ODD),
    CASE("/..", URI_ODD),
    CASE("/./a", URI_ODD),
    CASE("/../a", URI_ODD),
    CASE("/a/.", URI_ODD),
    CASE("/a/./b", URI_ODD),
    CASE("/static/../admin", URI_ODD),
    CASE("/static/%2e%2e/admin", URI_ODD),
    CASE("/static/%2E./admin", URI_ODD),
    CASE("/static/.%2e", URI_ODD),
    CASE("/%2e", URI_ODD),
    CASE("//", URI_ODD),
    CASE("//a", URI_ODD),
    CASE("/a//", URI_ODD),
    CASE("/a//b", URI_ODD),
    CASE("/a b//c", URI_ODD),
    /* what may or may not separate */
    CASE("/static/..%2fadmin", URI_ODD),
    CASE("/a%2Fb", URI_ODD),
    CASE("/a%2fb", URI_ODD),
    CASE("/a\\b", URI_ODD),
    CASE("/..\\b", URI_ODD),
    CASE("/a%5cb", URI_ODD),
    CASE("/a?b", URI_ODD),
    CASE("/a#b", URI_ODD),
    /* control bytes behind an escape */
    CASE("/a%0d%0ab", URI_ODD),
    CASE("/%09", URI_ODD),
    CASE("/%7F", URI_ODD),
    CASE("/%1b[0m", URI_ODD),
    /* no path at all */
    CASE("", URI_BAD),
    CASE("*", URI_BAD),
    CASE("a", URI_BAD),
    CASE("http://a/", URI_BAD),
    CASE("%2Fa", URI_BAD),
    CASE("\\a", URI_BAD),
    /* broken escapes */
    CASE("/%", URI_BAD),
    CASE("/%4", URI_BAD),
    CASE("/%zz", URI_BAD),
    CASE("/%4g", URI_BAD),
    CASE("/%g4", URI_BAD),
    CASE("/%%41", URI_BAD),
    CASE("/a%\xff\xff", URI_BAD),
    CASE("/%u0041", URI_BAD),
    /* NUL and raw control bytes, also behind something odd */
    CASE("/a\0b", URI_BAD),
    CASE("/a%00", URI_BAD),
    CASE("/a\nb", URI_BAD),
    CASE("/a\tb", URI_BAD),
    CASE("/a\x7f", URI_BAD),
    CASE("/../%00", URI_BAD),
    CASE("/%2f%", URI_BAD),
#undef CASE
};

static void test_other_paths(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < ARRAY_LEN(other_paths); i++) {
		struct str raw = other_paths[i].raw, normal, decoded;

		if (uri_path(raw, &a, &normal, &decoded) != other_paths[i].result)
			fail_msg("\"%.*s\"", STR_ARG(raw));
		assert_true(str_eq(normal, raw) && str_eq(decoded, raw));
	}
	arena_fini(&a);
}

/* Every byte, raw and escaped: its two spellings end in one form, or keep two meanings. */
static void test_every_byte(void **state)
{
	struct str normal, decoded;
	struct arena a;

	(void)state;
	arena_init(&a);
	for (int byte = 0; byte < 256; byte++) {
		char raw[] = {'/', (char)byte, 'x'}, escaped[8];
		bool unreserved = (byte < 128 && strchr("-._~", byte) && byte) ||
				  (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
				  (byte >= 'a' && byte <= 'z');
		struct str as_escape;
		enum uri_result result;

		snprintf(escaped, sizeof(escaped), "/%%%02Xx", (unsigned)byte);
		result = uri_path(str_of(escaped), &a, &normal, &decoded);
		assert_int_equal(result == URI_BAD, byte == 0);
		if (result != URI_OK)
			continue;
		assert_true(str_eq(decoded, str_make(raw, sizeof(raw))));
		assert_str(normal, unreserved ? (char[]){'/', (char)byte, 'x', 0} : escaped,
			   escaped);
		as_escape = normal;
		result = uri_path(str_make(raw, sizeof(raw)), &a, &normal, &decoded);
		if (result == URI_OK && byte > 0x7f)
			assert_true(str_eq(normal, as_escape));
	}
	arena_fini(&a);
}

/* ------------------------------------------------------------------ UTF-8 */

static void test_utf8(void **state)
{
	static const char *const good[] = {"",
					   "a",
					   "/caf\xc3\xa9",
					   "\xc2\x80",
					   "\xdf\xbf",
					   "\xe0\xa0\x80",
					   "\xed\x9f\xbf",
					   "\xee\x80\x80",
					   "\xef\xbf\xbf",
					   "\xf0\x90\x80\x80",
					   "\xf4\x8f\xbf\xbf",
					   "\xe2\x82\xac\xf0\x9f\x98\x80z"};
	static const char *const bad[] = {"\x80",
					  "\xbf",
					  "\xc0\x80",
					  "\xc1\xbf",
					  "\xc2",
					  "\xc2z",
					  "\xe0\x80\x80",
					  "\xe0\x9f\xbf",
					  "\xe2\x82",
					  "\xe2\x82z",
					  "\xed\xa0\x80",
					  "\xed\xbf\xbf",
					  "\xf0\x80\x80\x80",
					  "\xf0\x8f\xbf\xbf",
					  "\xf4\x90\x80\x80",
					  "\xf5\x80\x80\x80",
					  "\xf0\x9f\x98",
					  "\xff",
					  "\xfe",
					  "caf\xe9",
					  "a\xc3"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		if (!uri_is_utf8(str_of(good[i])))
			fail_msg("good[%zu]", i);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (uri_is_utf8(str_of(bad[i])))
			fail_msg("bad[%zu]", i);
	assert_true(uri_is_utf8(str_make("a\0b", 3)));
}

/* ------------------------------------------------------------------ queries */

static void test_query(void **state)
{
	static const struct {
		const char *query;
		const char *params; /* [name|=value] of each */
	} cases[] = {
	    {"", ""},
	    {"a", "[a|]"},
	    {"a=", "[a|=]"},
	    {"a=1", "[a|=1]"},
	    {"a=1&b=2", "[a|=1][b|=2]"},
	    {"a=1&a=2", "[a|=1][a|=2]"},
	    {"a=b=c", "[a|=b=c]"},
	    {"=v", "[|=v]"},
	    {"=", "[|=]"},
	    {"a&&b", "[a|][|][b|]"},
	    {"&a", "[|][a|]"},
	    {"a&", "[a|]"},
	    {"&", "[|]"},
	    {"utm_x;cb=evil", "[utm_x;cb|=evil]"},
	    {"a%26b=1%3D", "[a%26b|=1%3D]"},
	    {"a=1?b=2", "[a|=1?b=2]"},
	    {"a[]=1", "[a[]|=1]"},
	};
	char got[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct str rest = str_of(cases[i].query);
		struct query_param p;
		size_t n = 0;

		got[0] = '\0';
		while (query_next(&rest, &p))
			n += (size_t)snprintf(got + n, sizeof(got) - n, "[%.*s|%s%.*s]",
					      STR_ARG(p.name), p.has_value ? "=" : "",
					      STR_ARG(p.value));
		assert_string_equal(got, cases[i].params);
	}
}

static void test_query_decode(void **state)
{
	static const struct {
		const char *raw, *decoded; /* NULL: raw itself */
	} cases[] = {
	    {"", NULL},
	    {"utm_source", NULL},
	    {"utm%5Fsource", "utm_source"},
	    {"utm%5fsource", "utm_source"},
	    {"a+b", "a b"},
	    {"%2B", "+"},
	    {"a%2", "a%2"},
	    {"%", "%"},
	    {"%zz+", "%zz "},
	    {"%%41", "%A"},
	    {"%E9", "\xe9"},
	};
	struct arena a;
	struct str out;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_true(query_decode(str_of(cases[i].raw), &a, &out));
		assert_form(out, cases[i].decoded, cases[i].raw, "decoded");
	}
	arena_fini(&a);
}

/* ------------------------------------------------------------------ hosts */

static void test_hosts(void **state)
{
	static const struct {
		const char *host, *name, *port; /* name NULL: not valid */
	} cases[] = {
	    {"example.com", "example.com", ""},
	    {"EXAMPLE.com:80", "EXAMPLE.com", "80"},
	    {"example.com:", "example.com", ""},
	    {"example.com.:8080", "example.com.", "8080"},
	    {"a", "a", ""},
	    {"a_b-c~d", "a_b-c~d", ""},
	    {"b%C3%BCcher.example", "b%C3%BCcher.example", ""},
	    {"a!$&'()*+,;=b", "a!$&'()*+,;=b", ""},
	    {"127.0.0.1", "127.0.0.1", ""},
	    {"127.0.0.1:65535", "127.0.0.1", "65535"},
	    {"999.0.0.1", "999.0.0.1", ""}, /* a reg-name */
	    {"[::]", "[::]", ""},
	    {"[::1]", "[::1]", ""},
	    {"[::1]:8080", "[::1]", "8080"},
	    {"[::ffff:10.0.0.1]", "[::ffff:10.0.0.1]", ""},
	    {"[2001:db8:0:0:0:0:0:1]:", "[2001:db8:0:0:0:0:0:1]", ""},
	    {"", NULL, NULL},
	    {":", NULL, NULL},
	    {":80", NULL, NULL},
	    {"a:b", NULL, NULL},
	    {"a:80:80", NULL, NULL},
	    {"a:65536", NULL, NULL},
	    {"a:-1", NULL, NULL},
	    {"a:+1", NULL, NULL},
	    {"a:8 0", NULL, NULL},
	    {"a:99999999999999999999", NULL, NULL},
	    {"a b", NULL, NULL},
	    {" a", NULL, NULL},
	    {"a, b", NULL, NULL},
	    {"a/b", NULL, NULL},
	    {"../../etc", NULL, NULL},
	    {"a\\b", NULL, NULL},
	    {"a?b", NULL, NULL},
	    {"a#b", NULL, NULL},
	    {"a|b", NULL, NULL},
	    {"user@a", NULL, NULL},
	    {"a%", NULL, NULL},
	    {"a%4", NULL, NULL},
	    {"a%zz", NULL, NULL},
	    {"a\tb", NULL, NULL},
	    {"a\nb", NULL, NULL},
	    {"caf\xc3\xa9", NULL, NULL},
	    {"<a>", NULL, NULL},
	    {"::1", NULL, NULL},
	    {"[", NULL, NULL},
	    {"[]", NULL, NULL},
	    {"[::1", NULL, NULL},
	    {"::1]", NULL, NULL},
	    {"[::1]80", NULL, NULL},
	    {"[::1]a:80", NULL, NULL},
	    {"[[::1]]", NULL, NULL},
	    {"[:::1]", NULL, NULL},
	    {"[fe80::1%25eth0]", NULL, NULL},
	    {"[v1.a]", NULL, NULL},
	    {"[127.0.0.1]", NULL, NULL},
	    {"[example.com]", NULL, NULL},
	    {"[1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc]", NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct str host = str_of(cases[i].host), name, port;

		if (uri_host_valid(host) != (cases[i].name != NULL))
			fail_msg("\"%s\"", cases[i].host);
		if (!cases[i].name)
			continue;
		uri_host_split(host, &name, &port);
		assert_str(name, cases[i].name, cases[i].host);
		assert_str(port, cases[i].port, cases[i].host);
	}
	assert_false(uri_host_valid(str_make("a\0b", 3)));
	assert_false(uri_host_valid(str_make("[::1\0]", 6)));
}

static void test_normal_hosts(void **state)
{
	static const char *const cases[][3] = {
	    {"http", "Example.COM", "example.com"},
	    {"http", "a:80", "a"},
	    {"http", "a:443", "a:443"},
	    {"https", "a:443", "a"},
	    {"https", "A:80", "a:80"},
	    {"http", "a:", "a"},
	    {"http", "[::FFFF]:80", "[::ffff]"},
	    {"https", "[::1]:8443", "[::1]:8443"},
	};
	struct str host;
	struct arena a;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_true(uri_host_normal(str_of(cases[i][1]), str_of(cases[i][0]), &a, &host));
		assert_str(host, cases[i][2], cases[i][1]);
	}
	arena_fini(&a);
}

/* ------------------------------------------------------------------ cookies */

static void test_cookies(void **state)
{
	static const struct {
		const char *header;
		const char *cookies; /* {whole}name|value of each */
	} cases[] = {
	    {"", ""},
	    {"a=1", "{a=1}a|1"},
	    {"a=1; b=2", "{a=1}a|1{b=2}b|2"},
	    {"a=1;b=2", "{a=1}a|1{b=2}b|2"},
	    {"a=1 ;\tb=2 ", "{a=1}a|1{b=2}b|2"},
	    {";; a=1;;", "{a=1}a|1"},
	    {" ; ", ""},
	    {"a=", "{a=}a|"},
	    {"a=1=2", "{a=1=2}a|1=2"},
	    {"a = 1", "{a = 1}a|1"},
	    {"session", "{session}|session"},
	    {"=v", "{=v}|v"},
	    {"a=1; a=2", "{a=1}a|1{a=2}a|2"},
	    {"a=\"x, y\"; b=2", "{a=\"x, y\"}a|\"x, y\"{b=2}b|2"},
	    {"a=\"x;b=y\"", "{a=\"x}a|\"x{b=y\"}b|y\""},
	    {"a=1,b=2", "{a=1,b=2}a|1,b=2"},
	};
	char got[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct str rest = str_of(cases[i].header);
		struct cookie c;
		size_t n = 0;

		got[0] = '\0';
		while (cookie_next(&rest, &c))
			n += (size_t)snprintf(got + n, sizeof(got) - n, "{%.*s}%.*s|%.*s",
					      STR_ARG(c.whole), STR_ARG(c.name), STR_ARG(c.value));
		assert_string_equal(got, cases[i].cookies);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_good_paths),
	    cmocka_unit_test(test_normal_twice),
	    cmocka_unit_test(test_plain_path_takes_no_memory),
	    cmocka_unit_test(test_other_paths),
	    cmocka_unit_test(test_every_byte),
	    cmocka_unit_test(test_utf8),
	    cmocka_unit_test(test_query),
	    cmocka_unit_test(test_query_decode),
	    cmocka_unit_test(test_hosts),
	    cmocka_unit_test(test_normal_hosts),
	    cmocka_unit_test(test_cookies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
