/*
 * Cache groups: a structured field whose members are Strings. Pure, linear, no recursion.
 *
 * The field is read twice, first to check and count it, then to write an array of the right size:
 * so a field that is none costs the arena nothing.
 */
#include "http/groups.h"

#include "http/structured.h"

/* How many names there are, 0 if it is no List of Strings; written into v, raw, if not NULL. */
static size_t read_names(const struct headers *h, struct str name, struct str *v)
{
	struct sf_iter it = {0};
	struct sf_member member;
	size_t n = 0;

	for (; sf_list_next(h, name, &it, &member); n++) {
		if (member.kind != SF_STRING)
			return 0;
		if (v)
			v[n] = member.text;
	}
	return it.malformed ? 0 : n;
}

static bool unescape(struct arena *a, struct str raw, struct str *out)
{
	char *p;
	size_t n = 0;

	*out = raw;
	if (str_find(raw, '\\') == raw.n)
		return true;
	p = arena_alloc(a, raw.n);
	if (!p)
		return false;
	for (size_t i = 0; i < raw.n; i++) {
		if (raw.p[i] == '\\')
			i++;
		p[n++] = raw.p[i];
	}
	*out = str_make(p, n);
	return true;
}

bool groups_read(const struct headers *h, struct str name, struct arena *a, struct str **v,
		 size_t *n)
{
	size_t count = read_names(h, name, NULL);

	*v = NULL;
	*n = 0;
	if (count == 0)
		return true;
	*v = arena_alloc(a, count * sizeof(**v));
	if (!*v)
		return false;
	CHECK(read_names(h, name, *v) == count);
	for (size_t i = 0; i < count; i++) {
		if (!unescape(a, (*v)[i], &(*v)[i]))
			return false;
		(*v)[i] = str_sub((*v)[i], 0, GROUP_LENGTH_MAX);
	}
	*n = count;
	return true;
}
