/*
 * Variants: keys of the pages behind one URL, and the list of them that a marker holds.
 */
#include "asking.h"

#include "flow/variants.h"

/* ------------------------------------------------------------------ keys */

static void keys_by_vary(void **state)
{
	static const struct {
		const char *vary, *a[3], *b[3];
		bool same;
	} cases[] = {
	    {"", {"HTTP_X_A=1"}, {"HTTP_X_A=2"}, true},
	    {"x-a", {"HTTP_X_A=1"}, {"HTTP_X_A=1"}, true},
	    {"x-a", {"HTTP_X_A=1"}, {"HTTP_X_A=2"}, false},
	    {"x-a", {"HTTP_X_A=1", "HTTP_X_B=1"}, {"HTTP_X_A=1", "HTTP_X_B=2"}, true},
	    {"x-a", {"HTTP_X_A=1", "HTTP_X_A=2"}, {"HTTP_X_A=1,2"}, true},
	    {"x-a,x-b", {"HTTP_X_A=1", "HTTP_X_B=1"}, {"HTTP_X_A=1", "HTTP_X_B=2"}, false},
	    {"x-a,x-b", {"HTTP_X_A=1 x-b 2"}, {"HTTP_X_A=1", "HTTP_X_B=2"}, false},
	    {"x-a,x-b", {"HTTP_X_A=1"}, {"HTTP_X_B=1"}, false},
	    {"accept-encoding",
	     {"HTTP_ACCEPT_ENCODING=br,gzip"},
	     {"HTTP_ACCEPT_ENCODING=gzip, br"},
	     true},
	    {"accept-language",
	     {"HTTP_ACCEPT_LANGUAGE=de, en;q=0.5"},
	     {"HTTP_ACCEPT_LANGUAGE=EN;q=0.50,de"},
	     true},
	    {"range", {"HTTP_RANGE=1"}, {"HTTP_RANGE=2"}, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct request *a = ask_as(NULL, FCGI_ROLE_RESPONDER, "", cases[i].a),
			       *b = ask_as(NULL, FCGI_ROLE_RESPONDER, "", cases[i].b);
		struct key one, other;

		assert_true(decide_variant(a, str_of(cases[i].vary), &one));
		assert_int_equal(key_eq(&one, &a->plan.primary), cases[i].vary[0] == '\0');
		assert_true(decide_variant(b, str_of(cases[i].vary), &other));
		if (key_eq(&one, &other) != cases[i].same)
			fail_msg("%s: %s, %s", cases[i].vary, cases[i].a[0], cases[i].b[0]);
		request_free(&a);
		request_free(&b);
	}
}

/* A page that the application chose has a key of its own, the same whoever asked. */
static void keys_by_entity_tag(void **state)
{
	static const char *const etags[] = {"\"a\"", "\"b\"", "W/\"a\"", "a", ""};
	struct request *r = ASK("'validate': 'always'", "HTTP_X_A=1"),
		       *same = ASK("'validate': 'always'", "HTTP_X_A=2", "HTTP_COOKIE=c=1"),
		       *other = ASK("'validate': 'always'", "REQUEST_URI=/other");
	struct key keys[ARRAY_LEN(etags)], key;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(etags); i++) {
		assert_true(decide_tagged(r, str_of(etags[i]), &keys[i]));
		assert_false(key_eq(&keys[i], &r->plan.primary));
		for (size_t k = 0; k < i; k++)
			assert_false(key_eq(&keys[i], &keys[k]));
		assert_true(decide_tagged(same, str_of(etags[i]), &key));
		assert_true(key_eq(&keys[i], &key));
		assert_true(decide_tagged(other, str_of(etags[i]), &key));
		assert_false(key_eq(&keys[i], &key));
	}
	request_free(&r);
	request_free(&same);
	request_free(&other);
}

/* No request header is taken for the application's own choice, whatever it is called. */
static void keys_by_vary_and_by_entity_tag(void **state)
{
	static const char *const names[] = {"etag", "(etag)", " (etag) "};
	struct request *r = ASK("'validate': 'always'", "HTTP_ETAG=\"a\"");
	struct key tagged, variant;

	(void)state;
	assert_true(decide_tagged(r, STR("\"a\""), &tagged));
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		assert_true(decide_variant(r, str_of(names[i]), &variant));
		assert_false(key_eq(&tagged, &variant));
	}
	request_free(&r);
}

/* ------------------------------------------------------------------ the list */

struct entry {
	const char *key, *etag, *language; /* etag "": none; "made": one of ours */
};

static const struct object_head lives = {.lifetime = 100};

/* A page with these fields, and what `like` says besides. */
static struct object *variant_page(const struct entry *e, struct object_head like)
{
	static const char etag[] = "ETag: ", language[] = "\r\nContent-Language: ";
	struct key key = key_make(str_of(e->key));
	struct object *o;
	char text[256];

	snprintf(text, sizeof(text), "%s%s%s%s\r\n", etag, e->etag, language, e->language);
	like.head = str_of(text);
	like.etag = str_make(text + strlen(etag), strlen(e->etag));
	like.language = str_make(like.etag.p + like.etag.n + strlen(language), strlen(e->language));
	like.made_etag = strcmp(e->etag, "made") == 0;
	o = object_new(&key, &like, 0);
	assert_non_null(o);
	object_seal(o);
	return o;
}

/* The marker with this page added; gives up the old one. */
static void add(struct object **marker, const struct entry *e)
{
	struct key primary = key_make(STR("primary"));
	struct object *page = variant_page(e, lives),
		      *new = variants_add(&primary, *marker, STR("accept"), page);

	assert_non_null(new);
	object_unref(&page);
	object_unref(marker);
	*marker = new;
}

static void assert_listed(const struct object *marker, const struct entry *wanted, size_t n)
{
	struct str rest = object_head(marker)->variants;
	struct variant v;

	for (size_t i = 0; i < n; i++) {
		assert_true(variants_next(&rest, &v));
		assert_str(v.key, wanted[i].key);
		assert_str(v.etag, wanted[i].etag);
		assert_str(v.language, wanted[i].language);
	}
	assert_false(variants_next(&rest, &v));
	assert_false(variants_next(&rest, &v));
}

static void the_youngest_comes_first(void **state)
{
	static const struct {
		struct entry added[4];
		size_t n;
		struct entry listed[4];
		size_t n_listed;
	} cases[] = {
	    {{{"k1", "\"a\"", "de"}}, 1, {{"k1", "\"a\"", "de"}}, 1},
	    {{{"k1", "", ""}}, 1, {{"k1", "", ""}}, 1},
	    {{{"k1", "\"a\"", ""}, {"k2", "", "en"}, {"k3", "W/\"c\"", "de"}},
	     3,
	     {{"k3", "W/\"c\"", "de"}, {"k2", "", "en"}, {"k1", "\"a\"", ""}},
	     3},
	    /* the same key again: in the place of the old one, and in front */
	    {{{"k1", "\"a\"", "de"}, {"k1", "\"b\"", "en"}}, 2, {{"k1", "\"b\"", "en"}}, 1},
	    {{{"k1", "\"a\"", ""}, {"k2", "\"b\"", ""}, {"k3", "\"c\"", ""}, {"k2", "\"d\"", ""}},
	     4,
	     {{"k2", "\"d\"", ""}, {"k3", "\"c\"", ""}, {"k1", "\"a\"", ""}},
	     3},
	    /* two keys with one tag are two pages */
	    {{{"k1", "\"a\"", ""}, {"k2", "\"a\"", ""}},
	     2,
	     {{"k2", "\"a\"", ""}, {"k1", "\"a\"", ""}},
	     2},
	    /* an entity-tag of ours says nothing to the application */
	    {{{"k1", "made", "de"}}, 1, {{"k1", "", "de"}}, 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct object *marker = NULL;

		for (size_t k = 0; k < cases[i].n; k++)
			add(&marker, &cases[i].added[k]);
		assert_int_equal(object_head(marker)->kind, OBJECT_MARKER);
		assert_true(object_sealed(marker));
		assert_str(object_key(marker).bytes, "primary");
		assert_str(object_head(marker)->vary, "accept");
		assert_listed(marker, cases[i].listed, cases[i].n_listed);
		object_unref(&marker);
	}
}

static void a_full_list_forgets_the_oldest(void **state)
{
	static const unsigned added = VARIANTS_MAX + 8;
	struct object *marker = NULL;
	struct str rest;
	struct variant v;
	char key[32];

	(void)state;
	for (unsigned i = 0; i < added; i++) {
		snprintf(key, sizeof(key), "k%u", i);
		add(&marker, &(struct entry){key, "\"a\"", "de"});
	}
	rest = object_head(marker)->variants;
	for (unsigned i = added; i > added - VARIANTS_MAX; i--) {
		snprintf(key, sizeof(key), "k%u", i - 1);
		assert_true(variants_next(&rest, &v));
		assert_str(v.key, key);
	}
	assert_false(variants_next(&rest, &v));
	/* one of the list again: nothing is lost */
	snprintf(key, sizeof(key), "k%u", added - VARIANTS_MAX);
	add(&marker, &(struct entry){key, "", ""});
	rest = object_head(marker)->variants;
	for (unsigned i = 0; i < VARIANTS_MAX; i++)
		assert_true(variants_next(&rest, &v));
	assert_str(v.key, "k9");
	object_unref(&marker);
}

/* What comes back from a store in pieces: whole entries count, nothing is read beyond the end. */
static void damaged_bytes_end_the_list(void **state)
{
	static const struct entry entries[] = {{"k1", "\"a\"", "de"}, {"k22", "", ""}};
	struct object *marker = NULL;
	struct str list, rest;
	struct variant v;

	(void)state;
	add(&marker, &entries[1]);
	add(&marker, &entries[0]);
	list = object_head(marker)->variants;
	assert_int_equal(list.n, 6 * 4 + strlen("\"a\"") + strlen("de") + strlen("k1k22"));
	for (size_t n = 0; n <= list.n; n++) {
		size_t first = 3 * 4 + strlen("\"a\"dek1"), found = 0;
		char *copy = malloc(n + 1);

		/* an end that a sanitizer sees */
		assert_non_null(copy);
		memcpy(copy + 1, list.p, n);
		rest = str_make(copy + 1, n);
		while (variants_next(&rest, &v))
			found++;
		assert_int_equal(found, n == list.n ? 2 : n >= first ? 1 : 0);
		assert_int_equal(rest.n, 0);
		free(copy);
	}
	object_unref(&marker);
}

static void lengths_that_lie(void **state)
{
	static const struct str cases[] = {
	    {"", 0},
	    {"\0\0\0", 3},
	    {"\0\0\0\1", 4},
	    {"\0\0\0\0\0\0\0\0\0\0\0\1", 12},
	    {"\xff\xff\xff\xff\0\0\0\0\0\0\0\0", 12},
	    {"\0\0\0\0\xff\xff\xff\xff\0\0\0\0", 12},
	    {"\0\0\0\0\0\0\0\0\x80\0\0\0k", 13},
	    {"\0\0\0\x09xxxx\0\0\0\0", 12},
	};
	struct str rest, one = str_make("\0\0\0\0\0\0\0\0\0\0\0\1k", 13);
	struct variant v;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		rest = cases[i];
		assert_false(variants_next(&rest, &v));
		assert_int_equal(rest.n, 0);
	}
	assert_true(variants_next(&one, &v));
	assert_str(v.key, "k");
}

/* A damaged list is not lost for good: the next page makes a whole one. */
static void a_damaged_list_is_mended(void **state)
{
	static const struct entry entry = {"k1", "\"a\"", "de"};
	struct object_head head = {.kind = OBJECT_MARKER, .variants = STR("\xff\xff\xff\xffxx")};
	struct key primary = key_make(STR("primary"));
	struct object *marker = object_new(&primary, &head, 0);

	(void)state;
	assert_non_null(marker);
	object_seal(marker);
	add(&marker, &entry);
	assert_listed(marker, &entry, 1);
	object_unref(&marker);
}

/* ------------------------------------------------------------------ the marker's life */

/* As long as any of its pages is of use; invalidated as the youngest is. */
static void a_marker_lives_as_long_as_its_pages(void **state)
{
	static const struct {
		struct object_head old, new;
		int64_t dead_at;
	} cases[] = {
	    {{.born = 1000, .lifetime = 100}, {.born = 1010, .lifetime = 100}, 1110},
	    {{.born = 1000, .lifetime = 500}, {.born = 1010, .lifetime = 100}, 1500},
	    {{.born = 1000, .lifetime = 1, .keep = 500}, {.born = 1010, .lifetime = 100}, 1501},
	    {{.born = 1000, .lifetime = 1, .grace = 300}, {.born = 1010, .keep = 100}, 1301},
	    {{.born = 1000, .lifetime = 1, .stale_if_error = 300},
	     {.born = 1010, .grace = 9},
	     1301},
	    {{.born = 1000, .lifetime = INT64_MAX}, {.born = 1010, .lifetime = 1}, INT64_MAX},
	};
	static const struct entry entry = {"k1", "\"a\"", ""}, other = {"k2", "\"b\"", ""};
	struct key primary = key_make(STR("primary"));

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct object_head old_head = cases[i].old, new_head = cases[i].new;
		struct object *old, *new, *first, *second;

		old_head.asked = 5;
		old_head.labels = STR("old's....");
		new_head.asked = 6;
		new_head.labels = STR("new's....");
		old = variant_page(&entry, old_head);
		new = variant_page(&other, new_head);
		first = variants_add(&primary, NULL, STR(""), old);
		assert_non_null(first);
		assert_true(object_dead_at(first) == object_dead_at(old));
		second = variants_add(&primary, first, STR("accept,cookie"), new);
		assert_non_null(second);
		assert_true(object_dead_at(second) == cases[i].dead_at);
		assert_str(object_head(second)->vary, "accept,cookie");
		assert_str(object_head(second)->labels, "new's....");
		assert_int_equal(object_head(second)->asked, 6);
		object_unref(&old);
		object_unref(&new);
		object_unref(&first);
		object_unref(&second);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keys_by_vary),
	    cmocka_unit_test(keys_by_entity_tag),
	    cmocka_unit_test(keys_by_vary_and_by_entity_tag),
	    cmocka_unit_test(the_youngest_comes_first),
	    cmocka_unit_test(a_full_list_forgets_the_oldest),
	    cmocka_unit_test(damaged_bytes_end_the_list),
	    cmocka_unit_test(lengths_that_lie),
	    cmocka_unit_test(a_damaged_list_is_mended),
	    cmocka_unit_test(a_marker_lives_as_long_as_its_pages),
	};

	return cmocka_run_group_tests(tests, asking_start, NULL);
}
