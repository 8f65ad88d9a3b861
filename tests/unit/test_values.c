/*
 * Values of the rules file: durations, sizes, addresses, globs, hosts, and near misses of words.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/values.h"

#define NONE INT64_C(-1)

struct number_case {
	const char *text;
	enum value_result result;
	int64_t value;
};

static void assert_numbers(const struct number_case *cases, size_t n,
			   enum value_result (*parse)(struct str, int64_t *))
{
	for (size_t i = 0; i < n; i++) {
		int64_t value = NONE;
		enum value_result result = parse(str_of(cases[i].text), &value);

		if (result != cases[i].result || value != cases[i].value)
			fail_msg("\"%s\": result %d, value %lld", cases[i].text, result,
				 (long long)value);
	}
}

static void durations(void **state)
{
	static const struct number_case cases[] = {
	    {"250ms", VALUE_OK, 250},
	    {"10s", VALUE_OK, 10000},
	    {"5m", VALUE_OK, 300000},
	    {"1h", VALUE_OK, 3600000},
	    {"30d", VALUE_OK, INT64_C(2592000000)},
	    {"0s", VALUE_OK, 0},
	    {"007s", VALUE_OK, 7000},
	    {"3650d", VALUE_OK, DURATION_MAX},
	    {"315360000s", VALUE_OK, DURATION_MAX},
	    {"315360000000ms", VALUE_OK, DURATION_MAX},
	    {"3651d", VALUE_TOO_LARGE, NONE},
	    {"315360000001ms", VALUE_TOO_LARGE, NONE},
	    {"9223372036854775807s", VALUE_TOO_LARGE, NONE},
	    {"9223372036854775808s", VALUE_TOO_LARGE, NONE},
	    {"18446744073709551616s", VALUE_TOO_LARGE, NONE},
	    {"99999999999999999999999999999999999999d", VALUE_TOO_LARGE, NONE},
	    {"10", VALUE_NO_UNIT, NONE},
	    {"0", VALUE_NO_UNIT, NONE},
	    {"", VALUE_BAD, NONE},
	    {"s", VALUE_BAD, NONE},
	    {"10 s", VALUE_BAD, NONE},
	    {" 10s", VALUE_BAD, NONE},
	    {"10s ", VALUE_BAD, NONE},
	    {"10S", VALUE_BAD, NONE},
	    {"10sec", VALUE_BAD, NONE},
	    {"1w", VALUE_BAD, NONE},
	    {"1.5h", VALUE_BAD, NONE},
	    {"-1s", VALUE_BAD, NONE},
	    {"+1s", VALUE_BAD, NONE},
	    {"1h30m", VALUE_BAD, NONE},
	    {"0x10s", VALUE_BAD, NONE},
	    {"1e3s", VALUE_BAD, NONE},
	};

	(void)state;
	assert_numbers(cases, ARRAY_LEN(cases), duration_parse);
}

static void sizes(void **state)
{
	static const struct number_case cases[] = {
	    {"64k", VALUE_OK, 65536},
	    {"8m", VALUE_OK, 8388608},
	    {"1g", VALUE_OK, 1073741824},
	    {"0k", VALUE_OK, 0},
	    {"8589934591g", VALUE_OK, INT64_C(8589934591) << 30},
	    {"8589934592g", VALUE_TOO_LARGE, NONE},
	    {"9223372036854775807k", VALUE_TOO_LARGE, NONE},
	    {"64", VALUE_NO_UNIT, NONE},
	    {"", VALUE_BAD, NONE},
	    {"k", VALUE_BAD, NONE},
	    {"64K", VALUE_BAD, NONE},
	    {"64kb", VALUE_BAD, NONE},
	    {"64KiB", VALUE_BAD, NONE},
	    {"1t", VALUE_BAD, NONE},
	    {"64 k", VALUE_BAD, NONE},
	    {"-64k", VALUE_BAD, NONE},
	};

	(void)state;
	assert_numbers(cases, ARRAY_LEN(cases), size_parse);
}

static void printing(void **state)
{
	static const struct {
		int64_t value;
		const char *duration, *size;
	} cases[] = {
	    {0, "0", "0"},
	    {1, "1ms", "1"},
	    {1000, "1s", "1000"},
	    {1024, "1024ms", "1k"},
	    {1500, "1500ms", "1500"},
	    {60000, "1m", "60000"},
	    {3600000, "1h", "3600000"},
	    {DURATION_MAX, "3650d", "307968750k"},
	    {INT64_C(64) << 30, "68719476736ms", "64g"},
	    {INT64_MAX, "9223372036854775807ms", "9223372036854775807"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[VALUE_TEXT_MAX];

		duration_print(cases[i].value, text);
		assert_string_equal(text, cases[i].duration);
		size_print(cases[i].value, text);
		assert_string_equal(text, cases[i].size);
	}
}

/* Right ones, then NULL, then wrong ones. */
static void assert_check(const char *const *texts, size_t n, const char *(*check)(struct str))
{
	bool right = true;

	for (size_t i = 0; i < n; i++) {
		const char *error;

		if (!texts[i]) {
			right = false;
			continue;
		}
		error = check(str_of(texts[i]));
		if (right != !error)
			fail_msg("\"%s\": %s", texts[i], error ? error : "no error");
	}
}

static void addresses(void **state)
{
	static const char *const texts[] = {
	    "unix:/run/php/php8.2-fpm.sock",
	    "unix:/",
	    "tcp:127.0.0.1:9000",
	    "tcp:localhost:1",
	    "tcp:my-app.example.org:65535",
	    "tcp:my_app:9000",
	    "tcp:[::1]:9000",
	    "tcp:[fe80::1%eth0]:9000",
	    NULL,
	    "",
	    "unix:",
	    "unix:run/x",
	    "unix:@abstract",
	    "unix://run/x\n",
	    "tcp:",
	    "tcp:9000",
	    "tcp::9000",
	    "tcp:host",
	    "tcp:host:",
	    "tcp:host:0",
	    "tcp:host:65536",
	    "tcp:host:18446744073709551617",
	    "tcp:host:fcgi",
	    "tcp:host:+9000",
	    "tcp:ho st:9000",
	    "tcp:a/b:9000",
	    "tcp:-x:9000",
	    "tcp:::1:9000",
	    "tcp:[]:9000",
	    "tcp:[::1:9000",
	    "tcp:[::1]",
	    "tcp:[fe80::1%]:9000",
	    "tcp:[fe80::1%a b]:9000",
	    "tcp:[1.2.3.4]:9000",
	    "tcp:[1:2:3:4:5:6:7:8:9:a:b:c:d:e:f:0:1:2:3:4:5:6:7:8]:9000",
	    "/run/x.sock",
	    "127.0.0.1:9000",
	    "http://localhost/",
	    "UNIX:/run/x",
	};
	char longest[6 + 107], address[6 + 107];

	(void)state;
	assert_check(texts, ARRAY_LEN(texts), address_error);
	memset(longest, 'x', sizeof(longest));
	memcpy(longest, "unix:/", 6);
	assert_null(address_error(str_make(longest, 5 + 107)));
	assert_string_equal(address_error(str_make(longest, 5 + 108)),
			    "has a path of more than 107 bytes");
	/* The hint goes where it fits. */
	memcpy(address, "/run/x", 6);
	assert_non_null(strstr(address_error(str_make(address, 6)), "\"unix:/path\""));
	assert_non_null(strstr(address_error(STR("::1:9000")), "\"tcp:host:port\""));
	assert_non_null(strstr(address_error(STR("tcp:::1:9000")), "brackets"));
	assert_non_null(address_error(str_make("unix:/a\0b", 9)));
}

static void globs_and_hosts(void **state)
{
	static const char *const globs[] = {
	    "*", "utm_*", "a?c", "\\*", "\\\\", "[", "\xc3\xa4*", NULL, "", "\\", "a\\", "\\\\\\",
	};
	static const char *const hosts[] = {
	    "example.org",
	    "*.example.org",
	    "*",
	    "EXAMPLE.org",
	    "xn--bcher-kva.example",
	    "127.0.0.1",
	    "[::1]",
	    "[2001:db8:*",
	    "a_b",
	    NULL,
	    "",
	    "example.org:80",
	    "https://example.org",
	    "example.org/",
	    "b\xc3\xbc"
	    "cher.example",
	    "a b",
	    "[::1]:80",
	    "a\nb",
	    "a\\",
	};
	static const char *const files[] = {"/var/log/x", "/", NULL, "", "log", "./log", "~/log"};

	(void)state;
	assert_check(globs, ARRAY_LEN(globs), glob_error);
	assert_check(hosts, ARRAY_LEN(hosts), host_error);
	assert_check(files, ARRAY_LEN(files), file_error);
}

static const char *near_to(const char *word)
{
	static const char *const words[] = {
	    "ttl",      "grace",           "key",        "path",
	    "prefix",   "query",           "max_object", "stale_if_error",
	    "coalesce", "coalesce_timeout"};
	struct nearest n;

	nearest_init(&n, str_of(word));
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		nearest_try(&n, words[i]);
	return nearest_get(&n);
}

static void nearest_word(void **state)
{
	static const struct {
		const char *word, *nearest;
	} cases[] = {
	    {"tttl", "ttl"},              /* a letter too many */
	    {"tl", "ttl"},                /* one too few */
	    {"tlt", "ttl"},               /* two swapped */
	    {"TTL", "ttl"},               /* case */
	    {"prefex", "prefix"},         /* another one */
	    {"max-object", "max_object"}, /* dash */
	    {"maxobject", "max_object"},
	    {"staleIfError", "stale_if_error"},
	    {"coalesce_timout", "coalesce_timeout"},
	    {"coalesc", "coalesce"},
	    {"ley", "key"},
	    {"colour", NULL},
	    {"x", NULL},
	    {"", NULL},
	    {"zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *found = near_to(cases[i].word);

		if ((found == NULL) != (cases[i].nearest == NULL) ||
		    (found && strcmp(found, cases[i].nearest) != 0))
			fail_msg("\"%s\": %s", cases[i].word, found ? found : "nothing");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(durations),       cmocka_unit_test(sizes),
	    cmocka_unit_test(printing),        cmocka_unit_test(addresses),
	    cmocka_unit_test(globs_and_hosts), cmocka_unit_test(nearest_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
