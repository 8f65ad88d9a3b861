/*
 * Key templates. A template is literal bytes and variables in turn:
 *
 *     $name          letters, digits, '_'; for $http_NAME also '-' before a letter or digit
 *     ${name}        anything but '}'
 *     $1 ... $9      one digit; ${1} where another digit follows
 *     $$             a dollar sign
 *
 * All literal bytes of a template lie behind each other in one block, of which the pieces are
 * slices. Runs once for each template, by the thread that loads the rules.
 */
#include "config/template.h"

#include "config/values.h"

struct variable {
	enum key_part_kind kind;
	const char *name; /* one that ends in '_' is a prefix of the NAME that follows */
};

static const struct variable variables[] = {
    {KEY_SCHEME, "scheme"}, {KEY_HOST, "host"},    {KEY_PATH, "path"}, {KEY_QUERY, "query"},
    {KEY_METHOD, "method"}, {KEY_URI, "uri"},      {KEY_ARG, "arg_"},  {KEY_COOKIE, "cookie_"},
    {KEY_HTTP, "http_"},    {KEY_PARAM, "param_"},
};

#define VARIABLES                                                                                  \
	"$scheme, $host, $path, $query, $method, $uri, $arg_NAME, $cookie_NAME, $http_NAME, "      \
	"$param_NAME, $1 to $9"

/* A template being compiled. */
struct compiler {
	struct reading *r;
	const struct place *at;
	struct str text;
	size_t i;      /* the next byte of text */
	char *literal; /* the next free byte of the literals' block */
	struct key_part *v;
	size_t n;
	bool ok;
};

static void add_literal(struct compiler *c, char byte)
{
	struct key_part *last = c->n > 0 ? &c->v[c->n - 1] : NULL;

	if (!last || last->kind != KEY_LITERAL) {
		last = &c->v[c->n++];
		*last = (struct key_part){.kind = KEY_LITERAL, .text = {c->literal, 0}};
	}
	*c->literal++ = byte;
	last->text.n++;
}

static bool is_name_char(char c)
{
	return ascii_digit(c) || c == '_' || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
}

/* Where the name that starts at c->i ends, without braces. */
static size_t name_end(const struct compiler *c)
{
	bool http = str_starts(str_sub(c->text, c->i, c->text.n), STR("http_"));
	size_t end = c->i;

	while (end < c->text.n) {
		bool dash = http && c->text.p[end] == '-' && end + 1 < c->text.n &&
			    c->text.p[end + 1] != '_' && is_name_char(c->text.p[end + 1]);

		if (!dash && !is_name_char(c->text.p[end]))
			break;
		end++;
	}
	return end;
}

static void unknown(struct compiler *c, struct str name)
{
	struct nearest near;
	char quoted[QUOTE_MAX];

	c->ok = false;
	nearest_init(&near, name);
	for (size_t i = 0; i < ARRAY_LEN(variables); i++)
		nearest_try(&near, variables[i].name);
	report_quote(name, quoted);
	if (nearest_get(&near) && name.p[name.n - 1] != '_')
		reading_mistake(c->r, c->at,
				"unknown variable %s; did you mean \"$%s\"? The variables are %s",
				quoted, nearest_get(&near), VARIABLES);
	else
		reading_mistake(c->r, c->at, "unknown variable %s; the variables are %s", quoted,
				VARIABLES);
}

static void wrong(struct compiler *c, const char *what)
{
	c->ok = false;
	reading_mistake(c->r, c->at, "%s", what);
}

/* "Accept-Language" to "HTTP_ACCEPT_LANGUAGE". */
static bool http_parameter(struct arena *a, struct str name, struct str *out)
{
	char *p = arena_alloc(a, name.n + sizeof("HTTP_"));

	if (!p)
		return false;
	memcpy(p, "HTTP_", 5);
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		p[5 + i] = c == '-' ? '_' : c >= 'a' && c <= 'z' ? (char)(c & ~0x20) : c;
	}
	p[5 + name.n] = '\0';
	*out = str_make(p, name.n + 5);
	return true;
}

static bool http_name(struct str name)
{
	for (size_t i = 0; i < name.n; i++)
		if (!is_name_char(name.p[i]) && name.p[i] != '-')
			return false;
	return true;
}

/* A variable with a name of its own behind the prefix. */
static void add_named(struct compiler *c, const struct variable *var, struct str name)
{
	struct key_part part = {.kind = var->kind};
	struct str own = str_sub(name, strlen(var->name), name.n);
	bool ok;

	if (own.n == 0) {
		unknown(c, name);
		return;
	}
	if (var->kind == KEY_HTTP && !http_name(own)) {
		wrong(c, "a header's name in $http_NAME has letters, digits, \"-\" and \"_\" only");
		return;
	}
	ok = var->kind == KEY_HTTP ? http_parameter(c->r->arena, own, &part.text)
				   : arena_dup(c->r->arena, own, &part.text);
	if (!ok) {
		c->ok = false;
		reading_no_memory(c->r);
		return;
	}
	c->v[c->n++] = part;
}

static void add_variable(struct compiler *c, struct str name)
{
	if (name.n == 1 && name.p[0] >= '1' && name.p[0] <= '9') {
		c->v[c->n++] = (struct key_part){.kind = KEY_CAPTURE, .index = name.p[0] - '0'};
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(variables); i++) {
		struct str known = str_of(variables[i].name);

		if (known.p[known.n - 1] == '_' && str_starts(name, known)) {
			add_named(c, &variables[i], name);
			return;
		}
		if (str_eq(name, known)) {
			c->v[c->n++] = (struct key_part){.kind = variables[i].kind};
			return;
		}
	}
	unknown(c, name);
}

/* Behind "${". */
static void braced(struct compiler *c)
{
	size_t end = c->i + str_find(str_sub(c->text, c->i, c->text.n), '}');
	struct str name = str_sub(c->text, c->i, end);

	c->i = end + 1;
	if (end == c->text.n) {
		c->i = end;
		wrong(c, "\"${\" without \"}\"");
	} else if (name.n == 0) {
		wrong(c, "\"${}\" without a name");
	} else {
		add_variable(c, name);
	}
}

/* Behind '$'. */
static void variable(struct compiler *c)
{
	char next = c->i < c->text.n ? c->text.p[c->i] : '\0';
	size_t end;

	if (next == '$') {
		c->i++;
		add_literal(c, '$');
		return;
	}
	if (next == '{') {
		c->i++;
		braced(c);
		return;
	}
	end = ascii_digit(next) ? c->i + 1 : name_end(c);
	if (end == c->i) {
		wrong(c, "\"$\" without a name; write \"$$\" for a dollar sign");
	} else if (ascii_digit(next) && end < c->text.n && ascii_digit(c->text.p[end])) {
		wrong(c, "captures are $1 to $9; write \"${1}\" where another digit follows");
		c->i = end + 1;
	} else {
		add_variable(c, str_sub(c->text, c->i, end));
		c->i = end;
	}
}

static size_t count_dollars(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == '$';
	return n;
}

bool template_compile(struct reading *r, const struct place *at, struct str text,
		      struct key_template *out)
{
	struct compiler c = {.r = r, .at = at, .text = text, .ok = true};

	if (text.n == 0) {
		wrong(&c, "is empty: all pages would be one");
		return false;
	}
	/* Each dollar makes at most one variable and one literal behind it; one stands in front. */
	c.v = arena_alloc(r->arena, (2 * count_dollars(text) + 1) * sizeof(*c.v));
	c.literal = arena_alloc(r->arena, text.n);
	if (!c.v || !c.literal) {
		reading_no_memory(r);
		return false;
	}
	while (c.i < text.n) {
		char byte = text.p[c.i++];

		if (byte == '$')
			variable(&c);
		else
			add_literal(&c, byte);
	}
	if (c.ok)
		*out = (struct key_template){.v = c.v, .n = c.n};
	return c.ok;
}

int template_captures(const struct key_template *t)
{
	int highest = 0;

	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].kind == KEY_CAPTURE && t->v[i].index > highest)
			highest = t->v[i].index;
	return highest;
}
