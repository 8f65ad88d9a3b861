/*
 * From a file to a compiled set:
 *
 *     load_file      bytes      open, fstat, read; missing, directory, empty, too large, changing
 *     parse_json     json_t     syntax: FILE:LINE:COLUMN
 *     compile        ruleset    meaning: FILE: rules[3].ttl (settings.c, rule.c)
 *
 * Nothing of the file or the JSON tree outlives ruleset_parse. One thread at a time.
 */
#include "config/load.h"

#include <errno.h>
#include <fcntl.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "config/rule.h"
#include "config/settings.h"

#define LARGE_FILE  ((size_t)1 << 20)
#define REPORT_ROOM 1024u /* taken beforehand, to say that memory is out */

/*
 * jansson's tokeniser gives a wrong syntax error when memory is out; so failures are remembered.
 */
static _Thread_local bool json_starved;

static void *json_malloc(size_t n)
{
	void *p = malloc(n);

	if (!p)
		json_starved = true;
	return p;
}

void rules_start(void)
{
	json_set_alloc_funcs(json_malloc, free);
	/* Fixed before threads: the first object would do it otherwise, with a lock. */
	json_object_seed(0);
}

/* ------------------------------------------------------------------------------- bytes */

static void failed(struct reading *r, const char *what)
{
	char text[128];
	int error = errno;

	reading_mistake(r, NULL, "%s: %s", what, strerror_r(error, text, sizeof(text)));
}

/* Whether it is a file that may be read. */
static bool check_stat(struct reading *r, const struct stat *st)
{
	if (S_ISDIR(st->st_mode))
		reading_mistake(r, NULL, "is a directory");
	else if (!S_ISREG(st->st_mode))
		reading_mistake(r, NULL, "is not a regular file");
	else if (st->st_size == 0)
		reading_mistake(r, NULL, "is empty");
	else if (st->st_size > (off_t)LOAD_SIZE_MAX)
		reading_mistake(r, NULL, "has %jd bytes; at most %zu are read",
				(intmax_t)st->st_size, LOAD_SIZE_MAX);
	else
		return true;
	return false;
}

/* n bytes, or fewer if the file ends before. */
static bool read_all(struct reading *r, int fd, size_t n, struct buf *bytes)
{
	if (!buf_reserve(bytes, n)) {
		reading_no_memory(r);
		return false;
	}
	while (bytes->n < n) {
		ssize_t got = read(fd, bytes->p + bytes->n, n - bytes->n);

		if (got == 0)
			break;
		if (got > 0)
			bytes->n += (size_t)got;
		else if (errno != EINTR) {
			failed(r, "cannot be read");
			return false;
		}
	}
	return true;
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool load_fd(struct reading *r, int fd, struct buf *bytes)
{
	struct stat before, after;

	if (fstat(fd, &before) != 0) {
		failed(r, "cannot be read");
		return false;
	}
	if (!check_stat(r, &before) || !read_all(r, fd, (size_t)before.st_size, bytes))
		return false;
	if (bytes->n != (size_t)before.st_size || fstat(fd, &after) != 0 ||
	    after.st_size != before.st_size || !same_time(after.st_mtim, before.st_mtim)) {
		reading_mistake(r, NULL, "changed while it was read; try again");
		return false;
	}
	return true;
}

bool load_file(struct reading *r, struct buf *bytes)
{
	/* O_NONBLOCK: opening a FIFO does not wait for a writer. */
	int fd = open(r->file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	bool ok;

	if (fd < 0) {
		failed(r, "cannot be opened");
		return false;
	}
	ok = load_fd(r, fd, bytes);
	close(fd);
	return ok;
}

/* ------------------------------------------------------------------------------- JSON */

/* jansson's text, unless it can be said better. */
static void syntax_error(struct reading *r, const json_error_t *error)
{
	char text[JSON_ERROR_TEXT_LENGTH + 80];
	enum json_error_code code = json_error_code(error);
	const char *said = error->text, *hint = "";

	if (json_starved || code == json_error_out_of_memory) {
		reading_no_memory(r);
		return;
	}
	if (code == json_error_null_character || code == json_error_null_byte_in_key)
		said = "a string with \\u0000 is not allowed";
	else if (code == json_error_duplicate_key && strstr(said, "'\"//"))
		hint = "; comments in one object need different keys";
	snprintf(text, sizeof(text), "%s%s", said, hint);
	reading_syntax(r, error->line, error->column, text);
}

static json_t *parse_json(struct reading *r, struct str json)
{
	json_error_t error = {.line = -1};
	json_t *root;

	if (json.n == 0) {
		reading_mistake(r, NULL, "is empty");
		return NULL;
	}
	json_starved = false;
	root = json_loadb(json.p, json.n, JSON_REJECT_DUPLICATES, &error);
	if (!root)
		syntax_error(r, &error);
	return root;
}

/* ------------------------------------------------------------------------------- the set */

static void compile(struct reading *r, json_t *root, struct ruleset *set)
{
	struct place file = {.up = NULL};
	struct top top;

	settings_read(r, &file, root, &top);
	r->utf8 = top.settings.charset_utf8;
	if (json_is_object(root))
		rule_read_all(r, &file, &top, set);
	set->settings = top.settings;
}

static struct ruleset *ruleset_new(struct reading *r)
{
	struct ruleset *set = calloc(1, sizeof(*set));

	if (!set) {
		reading_no_memory(r);
		return NULL;
	}
	set->refs = 1;
	arena_init(&set->arena);
	r->arena = &set->arena;
	return set;
}

static struct reading start(const char *file, struct report *report)
{
	struct reading r = {.file = file, .report = report};

	if (!buf_reserve(&report->text, REPORT_ROOM))
		reading_no_memory(&r);
	return r;
}

/* A large file's tree is millions of small blocks, which free() alone keeps for the process. */
static void give_memory_back(size_t file_size)
{
#ifdef __GLIBC__
	if (file_size >= LARGE_FILE)
		malloc_trim(0);
#else
	(void)file_size;
#endif
}

static struct ruleset *parse(struct reading *r, struct str json)
{
	json_t *root = r->no_memory ? NULL : parse_json(r, json);
	struct ruleset *set = root ? ruleset_new(r) : NULL;

	if (set)
		compile(r, root, set);
	json_decref(root);
	reading_end(r);
	if (r->report->errors > 0)
		ruleset_unref(&set);
	give_memory_back(json.n);
	return set;
}

struct ruleset *ruleset_parse(const char *file, struct str json, struct report *report)
{
	struct reading r = start(file, report);

	return parse(&r, json);
}

struct ruleset *ruleset_load(const char *file, struct report *report)
{
	struct reading r = start(file, report);
	struct buf bytes;
	struct ruleset *set = NULL;

	buf_init(&bytes, LOAD_SIZE_MAX);
	if (!r.no_memory && load_file(&r, &bytes))
		set = parse(&r, buf_str(&bytes));
	buf_fini(&bytes);
	return set;
}
