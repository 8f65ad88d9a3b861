/*
 * fcgicache: options, the order in which things start and stop, signals, and the once-a-second
 * upkeep. Everything that serves requests is below front/.
 *
 * Start:  options, rules, log, listening socket, store, flow, workers.
 * Stop:   accept no more; wait for what is under way, at most shutdown_timeout; end.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "config/rules.h"
#include "config/values.h"
#include "config/versions.h"
#include "flow/serve.h"
#include "front/client.h"
#include "front/listen.h"
#include "front/listener.h"
#include "store/store.h"

#ifndef SYSCONFDIR
#define SYSCONFDIR "/etc"
#endif
#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0"
#endif

#define UPKEEP_MS 1000

static const struct option options[] = {
    {"config", required_argument, NULL, 'c'}, {"listen", required_argument, NULL, 's'},
    {"test", no_argument, NULL, 't'},         {"version", no_argument, NULL, 'V'},
    {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
};

static void usage(FILE *out)
{
	fprintf(out,
		"usage: fcgicache [-t] [-c FILE] [-s ADDRESS]\n"
		"\n"
		"  -c, --config FILE     rules file (default %s/fcgicache/fcgicache.json)\n"
		"  -s, --listen ADDRESS  unix:/path or tcp:host:port (default: fd 0)\n"
		"  -t, --test            check the rules file and exit\n"
		"  -V, --version         say which version this is\n"
		"  -h, --help            say this\n"
		"\n"
		"A cache for FastCGI; fcgicache(8) and fcgicache.json(5) describe it.\n",
		SYSCONFDIR);
}

struct arguments {
	const char *config;
	const char *listen;
	bool test;
};

/* -1: go on; else the status to exit with. */
static int parse_arguments(int argc, char **argv, struct arguments *a)
{
	int c;

	*a = (struct arguments){.config = SYSCONFDIR "/fcgicache/fcgicache.json"};
	while ((c = getopt_long(argc, argv, "c:s:tVh", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			a->config = optarg;
			break;
		case 's':
			a->listen = optarg;
			break;
		case 't':
			a->test = true;
			break;
		case 'V':
			versions_print(stdout, PACKAGE_VERSION);
			return EX_OK;
		case 'h':
			usage(stdout);
			return EX_OK;
		default:
			usage(stderr);
			return EX_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "fcgicache: unexpected argument: %s\n", argv[optind]);
		usage(stderr);
		return EX_USAGE;
	}
	if (a->listen && address_error(str_of(a->listen))) {
		fprintf(stderr, "fcgicache: --listen %s: %s\n", a->listen,
			address_error(str_of(a->listen)));
		return EX_USAGE;
	}
	return -1;
}

/* Everything that is wrong with the rules, the store's URI included. NULL: report says it. */
static struct ruleset *load_rules(const char *file, struct report *report)
{
	struct ruleset *rules = ruleset_load(file, report);
	struct buf error = {0};

	if (rules && !store_check(rules->settings.store, &error)) {
		(void)!buf_printf(&report->text, "%s: store: %.*s\n", file,
				  STR_ARG(buf_str(&error)));
		report->errors++;
		ruleset_unref(&rules);
	}
	buf_fini(&error);
	return rules;
}

/* Lines of a report, to the log or, before there is one, to stderr. */
static void print_report(const struct report *report, bool to_log)
{
	struct str rest = buf_str(&report->text), line;

	while (str_split(&rest, '\n', &line)) {
		if (to_log)
			log_error("%.*s", STR_ARG(line));
		else
			fprintf(stderr, "%.*s\n", STR_ARG(line));
	}
}

/* Closed standard descriptors would be given to sockets. */
static bool secure_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd < 0)
		return false;
	close(fd);
	return true;
}

static sigset_t handled_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	return set;
}

/* In this thread and so in all that it starts; main alone takes them, by sigtimedwait. */
static void block_signals(void)
{
	sigset_t all;

	sigfillset(&all);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGFPE);
	sigdelset(&all, SIGILL);
	sigdelset(&all, SIGABRT);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	signal(SIGXFSZ, SIG_IGN);
}

static bool open_log(const struct settings *s)
{
	char *to = strndup(s->log_to.p, s->log_to.n);
	char *access = s->access_log.n ? strndup(s->access_log.p, s->access_log.n) : NULL;
	bool ok = to && (access || !s->access_log.n) && log_open(to, s->log_level, access);

	free(to);
	free(access);
	return ok;
}

static void log_cannot_open(const struct settings *s)
{
	log_error("cannot open the logs (%.*s%s%.*s): %s", STR_ARG(s->log_to),
		  s->access_log.n ? ", " : "", STR_ARG(s->access_log), strerror(errno));
}

static void reload(const char *file)
{
	struct report report = {0};
	struct ruleset *rules = load_rules(file, &report), *old = serve_rules();
	struct buf restart = {0};
	size_t n_rules;

	if (!rules) {
		print_report(&report, true);
		log_error("rules not loaded: %s has %u error%s; the old rules stay", file,
			  report.errors, report.errors == 1 ? "" : "s");
		metrics_add(COUNTER_RELOAD_FAILURES, 1);
		if (!open_log(&old->settings))
			log_cannot_open(&old->settings);
	} else {
		if (!open_log(&rules->settings))
			log_cannot_open(&rules->settings);
		if (settings_restart_needed(&old->settings, &rules->settings, &restart)) {
			struct str rest = buf_str(&restart), line;

			while (str_split(&rest, '\n', &line))
				log_warning("needs a restart: %.*s", STR_ARG(line));
		}
		n_rules = rules->n_rules;
		client_set(&rules->settings);
		serve_reload(rules);
		metrics_add(COUNTER_RELOADS, 1);
		log_info("rules loaded: %s, %zu rule%s", file, n_rules, n_rules == 1 ? "" : "s");
	}
	buf_fini(&restart);
	ruleset_unref(&old);
	report_fini(&report);
}

/* Until TERM or INT. */
static void run(const char *file)
{
	sigset_t set = handled_signals();
	int64_t next = clock_mono_ms() + UPKEEP_MS;

	for (;;) {
		int64_t left = next - clock_mono_ms();
		struct timespec wait = {0};
		int signal_number;

		if (left > 0)
			wait = (struct timespec){left / 1000, left % 1000 * 1000000};
		signal_number = sigtimedwait(&set, NULL, &wait);
		if (signal_number == SIGHUP)
			reload(file);
		else if (signal_number == SIGTERM || signal_number == SIGINT)
			return;
		if (clock_mono_ms() >= next) {
			listener_upkeep();
			serve_upkeep();
			next = clock_mono_ms() + UPKEEP_MS;
		}
	}
}

static void log_counters(void)
{
	struct buf line = {0};
	bool ok = true;

	for (int i = 0; i < COUNTER_COUNT; i++)
		if (metrics_get((enum counter)i) > 0)
			ok &= buf_printf(&line, " %s=%llu", metrics_name((enum counter)i),
					 (unsigned long long)metrics_get((enum counter)i));
	if (ok)
		log_info("counters:%.*s", STR_ARG(buf_str(&line)));
	buf_fini(&line);
}

/* A second TERM while we wait ends the process at once. */
static void exit_on_signal(void)
{
	sigset_t set;

	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

/* Returns only when all threads have ended; else the process ends here. */
static void shut_down(int64_t timeout)
{
	int64_t deadline = clock_mono_ms() + timeout;
	bool done = false;

	log_info("stopping");
	exit_on_signal();
	listener_stop_accepting();
	while (!done && clock_mono_ms() < deadline) {
		int64_t soon = clock_mono_ms() + 100;

		listener_upkeep();
		done = conn_await_none(soon < deadline ? soon : deadline);
	}
	done = serve_stop(deadline) && done;
	log_counters();
	if (!done) {
		log_warning("stopped with %u connections under way (shutdown_timeout)",
			    conn_count());
		_exit(EX_OK);
	}
	listener_stop();
}

/* What can fail at the start; the socket comes last but for threads. */
static int start(const struct arguments *a, struct ruleset *rules, struct store **store)
{
	struct buf error = {0};
	unsigned workers = rules->settings.workers;
	int status = EX_OK, fd;

	client_set(&rules->settings);
	fd = a->listen ? listen_open(a->listen, &error) : listen_inherit(&error);
	if (fd < 0)
		status = a->listen ? EX_UNAVAILABLE : EX_USAGE;
	else if (!(*store = store_open(rules->settings.store, &error)))
		status = EX_UNAVAILABLE;
	else if (!client_start() || !serve_start(rules, *store, listener_wake_at) ||
		 !listener_open(fd, &error) || !listener_start(workers, &error))
		status = EX_OSERR;
	if (status != EX_OK) {
		log_error("cannot start: %.*s",
			  STR_ARG(error.n ? buf_str(&error) : STR("out of memory or threads")));
		if (!str_eq(rules->settings.log_to, STR("stderr")))
			fprintf(stderr, "fcgicache: cannot start: %.*s\n",
				STR_ARG(buf_str(&error)));
	}
	buf_fini(&error);
	return status;
}

int main(int argc, char **argv)
{
	struct arguments a;
	struct report report = {0};
	struct ruleset *rules;
	struct store *store = NULL;
	int status = parse_arguments(argc, argv, &a);
	int64_t timeout;

	if (status >= 0)
		return status;
	if (!secure_descriptors())
		return EX_OSERR;
	clock_start();
	rules_start();
	rules = load_rules(a.config, &report);
	print_report(&report, false);
	report_fini(&report);
	if (!rules)
		return EX_CONFIG;
	if (a.test) {
		printf("%s: good, %zu rule%s\n", a.config, rules->n_rules,
		       rules->n_rules == 1 ? "" : "s");
		ruleset_unref(&rules);
		return EX_OK;
	}
	block_signals();
	if (!key_start())
		return EX_OSERR;
	if (!open_log(&rules->settings)) {
		log_cannot_open(&rules->settings);
		ruleset_unref(&rules);
		return EX_CANTCREAT;
	}
	status = start(&a, rules, &store);
	if (status != EX_OK)
		_exit(status); /* threads may run already */
	log_info("fcgicache %s started, %zu rule%s", PACKAGE_VERSION, rules->n_rules,
		 rules->n_rules == 1 ? "" : "s");
	run(a.config);
	rules = serve_rules();
	timeout = rules->settings.shutdown_timeout;
	ruleset_unref(&rules);
	if (a.listen && strncmp(a.listen, "unix:", 5) == 0)
		unlink(a.listen + 5);
	shut_down(timeout);
	serve_end();
	store_close(&store);
	log_close();
	return EX_OK;
}
