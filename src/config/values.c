/*
 * Values: texts to numbers and back, by tables of units; checks of addresses, globs and hosts; and
 * the distance between words. Pure, no allocation, any thread.
 */
#include "config/values.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/un.h>

struct unit {
	const char *name;
	int64_t factor;
};

/* Largest first, as the way back wants it. */
static const struct unit duration_units[] = {
    {.name = "d", 86400000}, {.name = "h", 3600000}, {.name = "m", 60000},
    {.name = "s", 1000},     {.name = "ms", 1},
};
static const struct unit size_units[] = {
    {.name = "g", 1 << 30},
    {.name = "m", 1 << 20},
    {.name = "k", 1 << 10},
    {.name = "", 1},
};

static enum value_result parse(struct str s, const struct unit *units, size_t n_units, int64_t max,
			       int64_t *out)
{
	size_t digits = 0;
	uint64_t number;

	while (digits < s.n && ascii_digit(s.p[digits]))
		digits++;
	if (digits == 0)
		return VALUE_BAD;
	if (digits == s.n)
		return VALUE_NO_UNIT;
	for (size_t i = 0; i < n_units; i++) {
		if (!str_eq(str_sub(s, digits, s.n), str_of(units[i].name)))
			continue;
		if (!str_to_u64(str_sub(s, 0, digits), &number) ||
		    number > (uint64_t)(max / units[i].factor))
			return VALUE_TOO_LARGE;
		*out = (int64_t)number * units[i].factor;
		return VALUE_OK;
	}
	return VALUE_BAD;
}

enum value_result duration_parse(struct str s, int64_t *ms)
{
	return parse(s, duration_units, ARRAY_LEN(duration_units), DURATION_MAX, ms);
}

enum value_result size_parse(struct str s, int64_t *bytes)
{
	return parse(s, size_units, ARRAY_LEN(size_units), INT64_MAX, bytes);
}

static void print(int64_t value, const struct unit *units, char text[VALUE_TEXT_MAX])
{
	const struct unit *unit = units;

	if (value == 0) {
		snprintf(text, VALUE_TEXT_MAX, "0");
		return;
	}
	while (value % unit->factor != 0)
		unit++;
	snprintf(text, VALUE_TEXT_MAX, "%" PRId64 "%s", value / unit->factor, unit->name);
}

void duration_print(int64_t ms, char text[VALUE_TEXT_MAX])
{
	print(ms, duration_units, text);
}

void size_print(int64_t bytes, char text[VALUE_TEXT_MAX])
{
	print(bytes, size_units, text);
}

static bool is_alnum(char c)
{
	return ascii_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
}

static bool is_host_char(char c)
{
	return is_alnum(c) || c == '-' || c == '.' || c == '_';
}

/* Inside the brackets: an IPv6 address, perhaps with "%interface". */
static bool is_ipv6(struct str s)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr addr;
	size_t percent = str_find(s, '%');

	for (size_t i = percent + 1; i < s.n; i++)
		if (!is_host_char(s.p[i]))
			return false;
	if (percent + 1 == s.n || percent >= sizeof(text))
		return false;
	memcpy(text, s.p, percent);
	text[percent] = '\0';
	return inet_pton(AF_INET6, text, &addr) == 1;
}

static bool is_host(struct str s)
{
	if (s.n > 2 && s.p[0] == '[' && s.p[s.n - 1] == ']')
		return is_ipv6(str_sub(s, 1, s.n - 1));
	for (size_t i = 0; i < s.n; i++)
		if (!is_host_char(s.p[i]))
			return false;
	return s.n > 0 && s.n <= 253 && s.p[0] != '-' && s.p[0] != '.';
}

static const char *tcp_error(struct str s)
{
	size_t colon = s.n;
	uint64_t port;

	while (colon > 0 && s.p[colon - 1] != ':')
		colon--;
	if (colon == 0)
		return "has no port; write \"tcp:host:port\"";
	if (!str_to_u64(str_sub(s, colon, s.n), &port) || port < 1 || port > 65535)
		return "has a port that is not a number from 1 to 65535";
	s = str_sub(s, 0, colon - 1);
	if (s.n > 0 && s.p[0] != '[' && str_find(s, ':') < s.n)
		return "has an IPv6 address without brackets; write \"tcp:[::1]:9000\"";
	return is_host(s) ? NULL : "has a host that is neither a name nor an IP address";
}

static const char *unix_error(struct str path)
{
	if (path.n == 0 || path.p[0] != '/')
		return "has a path that does not begin with \"/\"";
	if (path.n >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
		return "has a path of more than 107 bytes";
	return NULL;
}

const char *address_error(struct str address)
{
	for (size_t i = 0; i < address.n; i++)
		if ((unsigned char)address.p[i] < 0x20 || address.p[i] == 0x7f)
			return "has a control character";
	if (str_starts(address, STR("unix:")))
		return unix_error(str_sub(address, 5, address.n));
	if (str_starts(address, STR("tcp:")))
		return tcp_error(str_sub(address, 4, address.n));
	if (address.n > 0 && address.p[0] == '/')
		return "is not an address; a socket's path is written \"unix:/path\"";
	if (!tcp_error(address))
		return "is not an address; host and port are written \"tcp:host:port\"";
	return "is not an address; write \"unix:/path\" or \"tcp:host:port\"";
}

const char *glob_error(struct str glob)
{
	size_t i = 0;

	if (glob.n == 0)
		return "is empty";
	while (i < glob.n)
		i += glob.p[i] == '\\' ? 2 : 1;
	return i == glob.n ? NULL : "ends with a \"\\\" that quotes nothing";
}

const char *host_error(struct str host)
{
	bool bracket = host.n > 0 && host.p[0] == '[';

	for (size_t i = 0; i < host.n; i++) {
		char c = host.p[i];

		if (c == '/' || (!bracket && c == ':'))
			return "is not a host; write the name alone, without scheme, port or path";
		if ((unsigned char)c >= 0x80)
			return "is not a host as it is sent; write other letters as \"xn--\" has "
			       "them";
		if (!is_host_char(c) && !strchr("*?\\[]:", c))
			return "is not a host";
	}
	if (bracket && host.p[host.n - 1] != ']' && host.p[host.n - 1] != '*')
		return "is not a host; write the address alone, without port: \"[::1]\"";
	return glob_error(host);
}

const char *file_error(struct str file)
{
	return file.n > 0 && file.p[0] == '/' ? NULL : "is not a path that begins with \"/\"";
}

#define WORD_MAX 40u

/* '-' and '_' are one letter, and so are 'A' and 'a'. */
static char same_letter(char c)
{
	return c == '-' ? '_' : ascii_lower(c);
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/*
 * Letters to add, drop, replace or swap with their neighbour to make b of a (optimal string
 * alignment); three rows of the table at a time. Both at most WORD_MAX long.
 */
static unsigned distance(struct str a, struct str b)
{
	unsigned rows[3][WORD_MAX + 1];
	unsigned *before = rows[0], *above = rows[1], *row = rows[2];

	for (unsigned j = 0; j <= b.n; j++)
		row[j] = j;
	for (unsigned i = 1; i <= a.n; i++) {
		unsigned *spare = before;

		before = above;
		above = row;
		row = spare;
		row[0] = i;
		for (unsigned j = 1; j <= b.n; j++) {
			char x = same_letter(a.p[i - 1]), y = same_letter(b.p[j - 1]);

			row[j] = least(above[j - 1] + (x != y), least(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && x == same_letter(b.p[j - 2]) &&
			    y == same_letter(a.p[i - 2]))
				row[j] = least(row[j], before[j - 2] + 1);
		}
	}
	return row[b.n];
}

void nearest_init(struct nearest *n, struct str word)
{
	n->word = word;
	n->best = NULL;
	n->distance = (unsigned)least((unsigned)(word.n + 2) / 3, 4) + 1;
}

void nearest_try(struct nearest *n, const char *candidate)
{
	struct str c = str_of(candidate);
	unsigned d;

	if (n->word.n > WORD_MAX || c.n > WORD_MAX)
		return;
	d = distance(n->word, c);
	/* Not every letter may differ, or short words are near to anything. */
	if (d < n->distance && d < c.n) {
		n->distance = d;
		n->best = candidate;
	}
}

const char *nearest_get(const struct nearest *n)
{
	return n->best;
}
