/*
 * Regular expressions. A compiled pattern is immutable and shared; the scratch space of a match
 * (ovector, machine stack of the JIT, limits) is the thread's own: a _Thread_local pointer, which a
 * pthread key frees at the thread's end.
 *
 * Limits: MATCH_LIMIT bounds the backtracking of both engines (a test holds the time against it),
 * HEAP_LIMIT the memory of the interpreter, STACK_MAX that of the JIT. What scans without
 * backtracking is not counted and may be quadratic: REGEX_SUBJECT_MAX bounds that.
 */
#include "config/regex.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define PATTERN_MAX 65536u /* bytes */
#define MATCH_LIMIT 100000u
#define HEAP_LIMIT  4096u /* KiB */
#define STACK_MIN   (32u << 10)
#define STACK_MAX   (256u << 10)
#define GROUPS      10u /* the whole and $1 to $9 */

struct regex {
	pcre2_code *code;
	unsigned groups;
};

struct scratch {
	pcre2_match_data *data;
	pcre2_match_context *context;
	pcre2_jit_stack *stack; /* NULL: the JIT takes 32 KiB of the thread's own */
};

static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool have_key;
static _Thread_local struct scratch *mine;

static void scratch_free(void *p)
{
	struct scratch *s = p;

	if (!s)
		return;
	pcre2_match_data_free(s->data);
	pcre2_match_context_free(s->context);
	pcre2_jit_stack_free(s->stack);
	free(s);
	mine = NULL;
}

static void make_key(void)
{
	have_key = pthread_key_create(&key, scratch_free) == 0;
}

static struct scratch *scratch_new(void)
{
	struct scratch *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->data = pcre2_match_data_create(GROUPS, NULL);
	s->context = pcre2_match_context_create(NULL);
	if (!s->data || !s->context) {
		scratch_free(s);
		return NULL;
	}
	s->stack = pcre2_jit_stack_create(STACK_MIN, STACK_MAX, NULL);
	pcre2_jit_stack_assign(s->context, NULL, s->stack);
	pcre2_set_match_limit(s->context, MATCH_LIMIT);
	pcre2_set_heap_limit(s->context, HEAP_LIMIT);
	return s;
}

/* The thread's own, made at first use. NULL: out of memory, to be tried again. */
static struct scratch *scratch_get(void)
{
	if (mine)
		return mine;
	pthread_once(&key_once, make_key);
	mine = have_key ? scratch_new() : NULL;
	if (mine && pthread_setspecific(key, mine) != 0)
		scratch_free(mine);
	return mine;
}

static pcre2_code *compile(struct str pattern, uint32_t options, int *code, PCRE2_SIZE *offset)
{
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	pcre2_code *compiled;

	*code = PCRE2_ERROR_NOMEMORY;
	*offset = 0;
	if (!context)
		return NULL;
	pcre2_set_max_pattern_length(context, PATTERN_MAX);
	compiled = pcre2_compile((PCRE2_SPTR)(pattern.n ? pattern.p : ""), pattern.n, options, code,
				 offset, context);
	pcre2_compile_context_free(context);
	return compiled;
}

static void explain(int code, PCRE2_SIZE offset, char error[REGEX_ERROR_MAX])
{
	unsigned char text[REGEX_ERROR_MAX - 32];

	error[0] = '\0';
	if (code == PCRE2_ERROR_NOMEMORY || code == PCRE2_ERROR_HEAP_FAILED)
		return;
	pcre2_get_error_message(code, text, sizeof(text));
	snprintf(error, REGEX_ERROR_MAX, "%s (at byte %zu)", (char *)text, (size_t)offset);
}

struct regex *regex_new(struct str pattern, bool utf8, char error[REGEX_ERROR_MAX])
{
	/* "$" is the very end; \C would cut characters; (*UTF) would not hold for bytes. */
	uint32_t options =
	    PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C | (utf8 ? PCRE2_UTF : PCRE2_NEVER_UTF);
	struct regex *re = malloc(sizeof(*re));
	uint32_t groups = 0;
	PCRE2_SIZE offset;
	int code;

	error[0] = '\0';
	if (!re)
		return NULL;
	re->code = compile(pattern, options, &code, &offset);
	if (!re->code) {
		explain(code, offset, error);
		free(re);
		return NULL;
	}
	/* Where memory may not be made executable, the interpreter does it. */
	(void)pcre2_jit_compile(re->code, PCRE2_JIT_COMPLETE);
	(void)pcre2_pattern_info(re->code, PCRE2_INFO_CAPTURECOUNT, &groups);
	re->groups = groups;
	return re;
}

void regex_free(struct regex **re)
{
	if (*re)
		pcre2_code_free((*re)->code);
	free(*re);
	*re = NULL;
}

unsigned regex_groups(const struct regex *re)
{
	return re->groups;
}

/* n: how many of the ovector's pairs the match has set. */
static void capture(struct str subject, const PCRE2_SIZE *ovector, size_t n,
		    struct captures *captures)
{
	for (size_t i = 0; i < GROUPS; i++) {
		size_t from = i < n ? ovector[2 * i] : PCRE2_UNSET;
		bool set = from != PCRE2_UNSET && from <= ovector[2 * i + 1];

		captures->v[i] = set ? str_sub(subject, from, ovector[2 * i + 1]) : str_of("");
	}
}

enum regex_result regex_match(const struct regex *re, struct str subject, bool valid,
			      struct captures *captures)
{
	struct scratch *s = scratch_get();
	int n;

	if (subject.n > REGEX_SUBJECT_MAX)
		return REGEX_LIMIT;
	if (!s)
		return REGEX_NO_MEMORY;
	n = pcre2_match(re->code, (PCRE2_SPTR)(subject.n ? subject.p : ""), subject.n, 0,
			valid ? PCRE2_NO_UTF_CHECK : 0, s->data, s->context);
	if (n >= 0) {
		capture(subject, pcre2_get_ovector_pointer(s->data), n == 0 ? GROUPS : (size_t)n,
			captures);
		return REGEX_YES;
	}
	if (n == PCRE2_ERROR_NOMATCH)
		return REGEX_NO;
	if (n <= PCRE2_ERROR_UTF8_ERR1 && n >= PCRE2_ERROR_UTF8_ERR21)
		return REGEX_NOT_UTF8;
	return n == PCRE2_ERROR_NOMEMORY ? REGEX_NO_MEMORY : REGEX_LIMIT;
}
