/*
 * Objects by tables: one reader for each kind, and the loop that finds a key's line. Keys come in
 * the order of the file, so mistakes do too. Touches the JSON tree, the report and the arena; one
 * thread, no state of its own.
 */
#include "config/fields.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

#include "config/values.h"

/* A wrong value as a message shows it. */
static const char *describe(const json_t *v, char out[QUOTE_MAX])
{
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "a list";
	case JSON_STRING:
		return report_quote(str_make(json_string_value(v), json_string_length(v)), out);
	case JSON_INTEGER:
		snprintf(out, QUOTE_MAX, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
		return out;
	case JSON_REAL:
		return "a number with a point or an exponent";
	case JSON_TRUE:
		return "true";
	case JSON_FALSE:
		return "false";
	case JSON_NULL:
		break;
	}
	return "null";
}

void field_wrong(struct reading *r, const struct place *at, const char *what, json_t *v)
{
	char text[QUOTE_MAX];

	reading_mistake(r, at, "not %s: %s", what, describe(v, text));
}

bool field_is_comment(const char *key)
{
	return key[0] == '/' && key[1] == '/';
}

static struct str text_of(const json_t *v)
{
	return str_make(json_string_value(v), json_string_length(v));
}

/* ------------------------------------------------------------------------------- numbers */

/* How the numbers of a kind are written, and what a bare number counts. */
struct scale {
	const char *what, *units, *bare;
	enum value_result (*parse)(struct str s, int64_t *out);
	void (*print)(int64_t value, char text[VALUE_TEXT_MAX]);
	int64_t factor, max;
};

static void count_print(int64_t value, char text[VALUE_TEXT_MAX])
{
	snprintf(text, VALUE_TEXT_MAX, "%" PRId64, value);
}

static const struct scale scale_count = {
    .what = "a whole number",
    .print = count_print,
    .factor = 1,
    .max = UINT_MAX,
};
static const struct scale scale_duration = {
    .what = "a duration",
    .units = "seconds as a whole number, or \"250ms\", \"10s\", \"5m\", \"1h\", \"30d\"",
    .bare = "seconds",
    .parse = duration_parse,
    .print = duration_print,
    .factor = 1000,
    .max = DURATION_MAX,
};
static const struct scale scale_size = {
    .what = "a size",
    .units = "bytes as a whole number, or \"64k\", \"8m\", \"1g\"",
    .bare = "bytes",
    .parse = size_parse,
    .print = size_print,
    .factor = 1,
    .max = SIZE_MAX < INT64_MAX ? (int64_t)SIZE_MAX : INT64_MAX,
};

static const struct scale *scale_of(enum kind kind)
{
	return kind == KIND_COUNT      ? &scale_count
	       : kind == KIND_DURATION ? &scale_duration
				       : &scale_size;
}

static enum value_result number(const struct scale *scale, const json_t *v, int64_t *out)
{
	if (json_is_string(v) && scale->parse)
		return scale->parse(text_of(v), out);
	if (!json_is_integer(v))
		return VALUE_BAD;
	if (json_integer_value(v) > scale->max / scale->factor ||
	    json_integer_value(v) < -scale->max / scale->factor)
		return VALUE_TOO_LARGE;
	*out = (int64_t)json_integer_value(v) * scale->factor;
	return VALUE_OK;
}

static bool scaled(struct reading *r, const struct place *at, json_t *v, const struct scale *scale,
		   int64_t min, int64_t max, int64_t *out)
{
	char text[QUOTE_MAX], least[VALUE_TEXT_MAX], most[VALUE_TEXT_MAX];
	enum value_result result = number(scale, v, out);

	if (max == 0 || max > scale->max)
		max = scale->max;
	if (result == VALUE_OK && *out >= min && *out <= max)
		return true;
	if (result == VALUE_NO_UNIT) {
		reading_mistake(r, at, "has no unit: %s; %s are a number without quotes",
				describe(v, text), scale->bare);
	} else if (result == VALUE_BAD) {
		reading_mistake(r, at, "not %s: %s%s%s", scale->what, describe(v, text),
				scale->units ? "; write " : "", scale->units ? scale->units : "");
	} else {
		scale->print(min, least);
		scale->print(max, most);
		reading_mistake(r, at, "out of range: %s; from %s to %s", describe(v, text), least,
				most);
	}
	return false;
}

bool field_duration(struct reading *r, const struct place *at, json_t *v, int64_t min, int64_t max,
		    int64_t *out)
{
	int64_t ms;

	if (!scaled(r, at, v, &scale_duration, min, max, &ms))
		return false;
	*out = ms;
	return true;
}

static void store_number(enum kind kind, int64_t value, void *out)
{
	if (kind == KIND_COUNT)
		*(unsigned *)out = (unsigned)value;
	else if (kind == KIND_DURATION)
		*(int64_t *)out = value;
	else
		*(size_t *)out = (size_t)value;
}

/* ------------------------------------------------------------------------------- words, texts */

/* Not "key", "bypass" or "drop". */
static void not_a_word(struct reading *r, const struct place *at, const char *const *words,
		       const json_t *v)
{
	char text[QUOTE_MAX], list[256];
	size_t n = 0;

	for (size_t i = 0; words[i] && n < sizeof(list); i++)
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%s\"%s\"",
				      i == 0         ? ""
				      : words[i + 1] ? ", "
						     : " or ",
				      words[i]);
	reading_mistake(r, at, "not %s: %s", list, describe(v, text));
}

/* The index of s in words, or of the NULL at their end. */
static unsigned find_word(const char *const *words, struct str s)
{
	unsigned i = 0;

	while (words[i] && !str_eq(s, str_of(words[i])))
		i++;
	return i;
}

static void read_word(struct reading *r, const struct place *at, const char *const *words,
		      json_t *v, unsigned *out)
{
	unsigned i;

	if (json_is_string(v)) {
		i = find_word(words, text_of(v));
		if (words[i]) {
			*out = i;
			return;
		}
	}
	not_a_word(r, at, words, v);
}

bool field_string(struct reading *r, const struct place *at, json_t *v,
		  const char *(*check)(struct str), struct str *out)
{
	const char *wrong;
	char text[QUOTE_MAX];

	if (!json_is_string(v)) {
		field_wrong(r, at, "a string", v);
		return false;
	}
	wrong = check ? check(text_of(v)) : NULL;
	if (wrong) {
		reading_mistake(r, at, "%s %s", report_quote(text_of(v), text), wrong);
		return false;
	}
	if (!arena_dup(r->arena, text_of(v), out)) {
		reading_no_memory(r);
		return false;
	}
	return true;
}

bool field_list(struct reading *r, const struct place *at, json_t *v,
		const char *(*check)(struct str), struct words *out)
{
	struct words list = {.n = json_is_string(v) ? 1 : json_array_size(v)};
	bool ok = true;

	if (!json_is_string(v) && !json_is_array(v)) {
		field_wrong(r, at, "a list of strings", v);
		return false;
	}
	list.v = arena_alloc(r->arena, list.n * sizeof(*list.v));
	if (!list.v) {
		reading_no_memory(r);
		return false;
	}
	if (json_is_string(v)) {
		ok = field_string(r, at, v, check, &list.v[0]);
	} else {
		for (size_t i = 0; i < list.n; i++) {
			struct place here = {.up = at, .index = i};

			ok &= field_string(r, &here, json_array_get(v, i), check, &list.v[i]);
		}
	}
	if (ok)
		*out = list;
	return ok;
}

/* ------------------------------------------------------------------------------- objects */

static void read_field(struct reading *r, const struct place *at, const struct field *f, json_t *v,
		       void *out)
{
	int64_t value;

	switch (f->kind) {
	case KIND_BOOL:
		if (json_is_boolean(v))
			*(bool *)out = json_is_true(v);
		else
			field_wrong(r, at, "true or false", v);
		return;
	case KIND_COUNT:
	case KIND_DURATION:
	case KIND_SIZE:
		if (scaled(r, at, v, scale_of(f->kind), f->min, f->max, &value))
			store_number(f->kind, value, out);
		return;
	case KIND_WORD:
		read_word(r, at, f->words, v, out);
		return;
	case KIND_STRING:
		field_string(r, at, v, f->check, out);
		return;
	case KIND_LIST:
		field_list(r, at, v, f->check, out);
		return;
	case KIND_OTHER:
		f->read(r, at, v, out);
		return;
	case KIND_LATER:
		reading_mistake(r, at, "not in this version");
		return;
	}
}

static void default_field(const struct field *f, void *out)
{
	struct str text = str_of(f->fallback);
	uint64_t count;
	int64_t value;

	switch (f->kind) {
	case KIND_BOOL:
		*(bool *)out = str_eq(text, STR("true"));
		return;
	case KIND_COUNT:
		CHECK(str_to_u64(text, &count));
		store_number(f->kind, (int64_t)count, out);
		return;
	case KIND_DURATION:
	case KIND_SIZE:
		CHECK(scale_of(f->kind)->parse(text, &value) == VALUE_OK);
		store_number(f->kind, value, out);
		return;
	case KIND_WORD:
		CHECK(f->words[find_word(f->words, text)]);
		*(unsigned *)out = find_word(f->words, text);
		return;
	case KIND_STRING:
		*(struct str *)out = text;
		return;
	default:
		CHECK(!"this kind has no default of its own");
	}
}

void fields_default(const struct field_set *set, void *out)
{
	for (size_t i = 0; i < set->n; i++)
		if (set->v[i].fallback)
			default_field(&set->v[i], (char *)out + set->v[i].offset);
}

static const struct field *find_field(const struct field_set *set, const char *key)
{
	for (size_t i = 0; i < set->n; i++)
		if (strcmp(set->v[i].name, key) == 0)
			return &set->v[i];
	return NULL;
}

static void unknown_key(struct reading *r, const struct place *at, const struct field_set *set,
			const struct field_set *const *others)
{
	struct nearest near;

	for (; others && *others; others++) {
		if (find_field(*others, at->key)) {
			reading_mistake(r, at, "unknown key here; it belongs in %s",
					(*others)->home);
			return;
		}
	}
	nearest_init(&near, str_of(at->key));
	for (size_t i = 0; i < set->n; i++)
		nearest_try(&near, set->v[i].name);
	if (nearest_get(&near))
		reading_mistake(r, at, "unknown key; did you mean \"%s\"?", nearest_get(&near));
	else
		reading_mistake(r, at, "unknown key");
}

bool fields_read(struct reading *r, const struct place *at, json_t *v, const struct field_set *set,
		 const struct field_set *const *others, void *out)
{
	const char *key;
	json_t *value;

	if (!json_is_object(v)) {
		field_wrong(r, at, "an object", v);
		return false;
	}
	json_object_foreach(v, key, value)
	{
		struct place here = {.up = at, .key = key};
		const struct field *f = find_field(set, key);

		if (f)
			read_field(r, &here, f, value, (char *)out + f->offset);
		else if (!field_is_comment(key))
			unknown_key(r, &here, set, others);
	}
	for (size_t i = 0; i < set->n; i++) {
		struct place here = {.up = at, .key = set->v[i].name};

		if (set->v[i].missing && !json_object_get(v, set->v[i].name))
			reading_mistake(r, &here, "missing; %s", set->v[i].missing);
	}
	return true;
}
