/*
 * Settings: one table an object, a line a key. The tables are also what the manual is checked
 * against. Runs in the thread that loads the rules.
 */
#include "config/settings.h"

#include <unistd.h>

#include "config/rule.h"
#include "config/values.h"

#define WORKERS_MAX 1024

static const struct field_set top_set, application_set, limits_set, log_set;

const struct field_set *const settings_sets[] = {
    &application_set, &limits_set, &log_set, &rule_set, &top_set, NULL,
};

/* ------------------------------------------------------------------------------- application */

#define AT(member) .offset = offsetof(struct application, member)

static void read_address(struct reading *r, const struct place *at, json_t *v, void *out)
{
	if (json_is_array(v) && json_array_size(v) == 0)
		reading_mistake(r, at, "is empty; at least one address is needed");
	else
		field_list(r, at, v, address_error, out);
}

static const struct field application_fields[] = {
    {"address", KIND_OTHER, AT(addresses), .read = read_address,
     .missing = "write where the application listens: \"unix:/path\" or \"tcp:host:port\""},
    {"connect_timeout", KIND_DURATION, AT(connect_timeout), "5s", .min = 1},
    {"send_timeout", KIND_DURATION, AT(send_timeout), "30s", .min = 1},
    {"read_timeout", KIND_DURATION, AT(read_timeout), "60s", .min = 1},
    {"total_timeout", KIND_DURATION, AT(total_timeout), "1h", .min = 1},
    {"queue_timeout", KIND_DURATION, AT(queue_timeout), "30s"},
    {"max_connections", KIND_COUNT, AT(max_connections), "64", .min = 1, .max = 10000},
    {"keep_alive", KIND_COUNT, AT(keep_alive), "0", .max = 10000},
};
#undef AT
static const struct field_set application_set = {
    .home = "\"application\"",
    .v = application_fields,
    .n = ARRAY_LEN(application_fields),
};

static void read_application(struct reading *r, const struct place *at, json_t *v, void *out)
{
	struct application *app = out;
	struct place keep_alive = {.up = at, .key = "keep_alive"};

	if (json_is_string(v)) {
		field_list(r, at, v, address_error, &app->addresses);
		return;
	}
	if (!json_is_object(v)) {
		field_wrong(r, at, "an address or an object", v);
		return;
	}
	fields_read(r, at, v, &application_set, settings_sets, app);
	if (app->keep_alive > app->max_connections)
		reading_mistake(r, &keep_alive, "more than max_connections: %u; that is %u",
				app->keep_alive, app->max_connections);
}

/* ------------------------------------------------------------------------------- limits, log */

#define AT(member) .offset = offsetof(struct settings, member)
#define KIB        INT64_C(1024)
#define MIB        (1024 * KIB)
#define GIB        (1024 * MIB)

static const struct field limits_fields[] = {
    {"max_object", KIND_SIZE, AT(max_object), "8m", .min = 1, .max = 64 * GIB},
    {"max_header", KIND_SIZE, AT(max_header), "64k", .min = KIB, .max = 16 * MIB},
    {"max_request_params", KIND_SIZE, AT(max_request_params), "64k", .min = KIB, .max = 16 * MIB},
    {"idle_timeout", KIND_DURATION, AT(idle_timeout), "60s", .min = 1},
    {"shutdown_timeout", KIND_DURATION, AT(shutdown_timeout), "10s"},
};
static const struct field_set limits_set = {
    .home = "\"limits\"",
    .v = limits_fields,
    .n = ARRAY_LEN(limits_fields),
};

static void read_limits(struct reading *r, const struct place *at, json_t *v, void *out)
{
	fields_read(r, at, v, &limits_set, settings_sets, out);
}

static const char *log_error_of(struct str to)
{
	if (str_eq(to, STR("stderr")) || str_eq(to, STR("syslog")) || !file_error(to))
		return NULL;
	return "is neither \"stderr\" nor \"syslog\" nor a path that begins with \"/\"";
}

static const char *const level_words[] = {
    [LOG_LEVEL_ERROR] = "error", [LOG_LEVEL_WARNING] = "warning", [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_DEBUG] = "debug", [LOG_LEVEL_DEBUG + 1] = NULL,
};

/* It may stand at the top level or beside log.to; not at both. */
static void read_access_log(struct reading *r, const struct place *at, json_t *v, void *out)
{
	struct str *access_log = out;

	if (access_log->n > 0)
		reading_mistake(r, at, "given twice, at the top level and in \"log\"");
	else
		field_string(r, at, v, file_error, access_log);
}

static const struct field log_fields[] = {
    {"to", KIND_STRING, AT(log_to), "stderr", .check = log_error_of},
    {"level", KIND_WORD, AT(log_level), "info", .words = level_words},
    {"access_log", KIND_OTHER, AT(access_log), .read = read_access_log},
};
static const struct field_set log_set = {
    .home = "\"log\"",
    .v = log_fields,
    .n = ARRAY_LEN(log_fields),
};

static void read_log(struct reading *r, const struct place *at, json_t *v, void *out)
{
	fields_read(r, at, v, &log_set, settings_sets, out);
}
#undef AT

/* ------------------------------------------------------------------------------- top level */

#define AT(member) .offset = offsetof(struct top, member)

static const char *store_error_of(struct str uri)
{
	return uri.n > 0 ? NULL : "is no URI; write \"memory:///\"";
}

/* The URI itself is checked by whoever opens the store. */
static void read_store(struct reading *r, const struct place *at, json_t *v, void *out)
{
	struct place first = {.up = at, .index = 0};

	if (json_is_string(v))
		field_string(r, at, v, store_error_of, out);
	else if (!json_is_array(v))
		field_wrong(r, at, "a store's URI", v);
	else if (json_array_size(v) == 0)
		reading_mistake(r, at, "is empty; one store is needed");
	else if (json_array_size(v) > 1)
		reading_mistake(r, at, "more than one store: not in this version");
	else
		field_string(r, &first, json_array_get(v, 0), store_error_of, out);
}

static const char *key_prefix_error(struct str s)
{
	return s.n <= 256 ? NULL : "is longer than 256 bytes";
}

static void read_charset(struct reading *r, const struct place *at, json_t *v, void *out)
{
	static const char *const words[] = {[false] = "bytes", [true] = "utf-8", NULL};
	const char *s = json_is_string(v) ? json_string_value(v) : "";

	for (unsigned i = 0; words[i]; i++) {
		if (strcmp(s, words[i]) == 0) {
			*(bool *)out = i;
			return;
		}
	}
	field_wrong(r, at, "\"utf-8\" or \"bytes\"", v);
}

static void keep(struct reading *r, const struct place *at, json_t *v, void *out)
{
	(void)r;
	(void)at;
	*(json_t **)out = v;
}

static const struct field top_fields[] = {
    {"application", KIND_OTHER, AT(settings.application), .read = read_application,
     .missing = "write where it listens: \"unix:/path\" or \"tcp:host:port\""},
    {"store", KIND_OTHER, AT(settings.store), .read = read_store},
    {"key_prefix", KIND_STRING, AT(settings.key_prefix), "", .check = key_prefix_error},
    {"charset", KIND_OTHER, AT(settings.charset_utf8), .read = read_charset},
    {"defaults", KIND_OTHER, AT(defaults), .read = keep},
    {"rules", KIND_OTHER, AT(rules), .read = keep, .missing = "write a list of rules"},
    {"log", KIND_OTHER, AT(settings), .read = read_log},
    {"access_log", KIND_OTHER, AT(settings.access_log), .read = read_access_log},
    {"workers", KIND_COUNT, AT(settings.workers), .min = 1, .max = WORKERS_MAX},
    {"limits", KIND_OTHER, AT(settings), .read = read_limits},
    {"control", .kind = KIND_LATER},
    {"status", .kind = KIND_LATER},
    {"purge", .kind = KIND_LATER},
    {"warm", .kind = KIND_LATER},
};
#undef AT
static const struct field_set top_set = {
    .home = "the top level",
    .v = top_fields,
    .n = ARRAY_LEN(top_fields),
};

static unsigned default_workers(void)
{
	long n = 2 * sysconf(_SC_NPROCESSORS_ONLN);

	return n < 4 ? 4 : n > WORKERS_MAX ? WORKERS_MAX : (unsigned)n;
}

void settings_read(struct reading *r, const struct place *file, json_t *root, struct top *top)
{
	struct settings *s = &top->settings;

	memset(top, 0, sizeof(*top));
	fields_default(&top_set, top);
	fields_default(&limits_set, s);
	fields_default(&log_set, s);
	fields_default(&application_set, &s->application);
	s->store = STR("memory:///?max_size=256m");
	s->charset_utf8 = true;
	s->workers = default_workers();
	fields_read(r, file, root, &top_set, settings_sets, top);
}

/* ------------------------------------------------------------------------------- comparing */

bool settings_restart_needed(const struct settings *old, const struct settings *new,
			     struct buf *out)
{
	bool store = !str_eq(old->store, new->store), workers = old->workers != new->workers;

	/* A line that memory is out for is missing from the log, nothing else. */
	if (store && !buf_printf(out, "store: a restart is needed to change \"%.*s\" to \"%.*s\"\n",
				 STR_ARG(old->store), STR_ARG(new->store)))
		return true;
	if (workers && !buf_printf(out, "workers: a restart is needed to change %u to %u\n",
				   old->workers, new->workers))
		return true;
	return store || workers;
}
