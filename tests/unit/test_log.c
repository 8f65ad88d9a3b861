/*
 * The log: what a line looks like, that nothing forges one, and that nothing makes it wait.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

#define STAMP "^2[0-9]{3}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]\\.[0-9]{3}Z "

static char dir[64], log_path[96], access_path[96];

static int set_up(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/test_log.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(log_path, sizeof(log_path), "%s/log", dir);
	snprintf(access_path, sizeof(access_path), "%s/access", dir);
	return 0;
}

static int tear_down(void **state)
{
	char rotated[112];

	(void)state;
	log_close();
	snprintf(rotated, sizeof(rotated), "%s.1", log_path);
	unlink(rotated);
	unlink(log_path);
	unlink(access_path);
	rmdir(dir);
	return 0;
}

/* What the file holds, in a buffer that the next call reuses. */
static const char *contents(const char *path)
{
	static char text[1 << 16];
	int fd = open(path, O_RDONLY);
	ssize_t n;

	assert_true(fd >= 0);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	assert_true(n >= 0);
	text[n] = '\0';
	return text;
}

static void assert_matches(const char *text, const char *pattern)
{
	regex_t re;

	assert_int_equal(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
	if (regexec(&re, text, 0, NULL, 0) != 0)
		fail_msg("\"%s\" does not match \"%s\"", text, pattern);
	regfree(&re);
}

/* Puts fd in place of stderr, and gives up fd; the way back for end_stderr. */
static int begin_stderr(int fd)
{
	int kept = dup(STDERR_FILENO);

	assert_true(kept >= 0);
	if (fd >= 0) {
		dup2(fd, STDERR_FILENO);
		close(fd);
	} else {
		close(STDERR_FILENO);
	}
	return kept;
}

static void end_stderr(int kept)
{
	dup2(kept, STDERR_FILENO);
	close(kept);
}

static void a_line_has_time_pid_level_and_text(void **state)
{
	char pattern[160];

	(void)state;
	assert_true(log_open(log_path, LOG_LEVEL_INFO, NULL));
	log_warning("application %s: %d", "unix:/x", 7);
	snprintf(pattern, sizeof(pattern),
		 STAMP "fcgicache\\[%d\\]: warning: application unix:/x: 7\n$", (int)getpid());
	assert_matches(contents(log_path), pattern);
}

static void lines_above_the_level_are_not_written(void **state)
{
	(void)state;
	assert_true(log_open(log_path, LOG_LEVEL_WARNING, NULL));
	assert_true(log_enabled(LOG_LEVEL_ERROR));
	assert_false(log_enabled(LOG_LEVEL_INFO));
	log_info("no");
	log_debug("no");
	assert_string_equal(contents(log_path), "");
	log_error("yes");
	assert_matches(contents(log_path), "error: yes\n$");
}

static void foreign_bytes_cannot_forge_a_line(void **state)
{
	(void)state;
	assert_true(log_open(log_path, LOG_LEVEL_INFO, NULL));
	log_info("%s", "/\r\n2026 error: \x1b[2J\t\x7f\xe2\x80\xae~");
	assert_matches(
	    contents(log_path),
	    "info: /\\\\x0d\\\\x0a2026 error: \\\\x1b\\[2J\\\\x09\\\\x7f\\\\xe2\\\\x80\\\\xae~\n$");
}

static void a_long_line_is_cut_between_escapes(void **state)
{
	char text[2 * LOG_LINE_MAX];
	const char *line;

	(void)state;
	assert_true(log_open(log_path, LOG_LEVEL_INFO, NULL));
	memset(text, '\n', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_info("%s", text);
	line = contents(log_path);
	assert_in_range(strlen(line), LOG_LINE_MAX - 8, LOG_LINE_MAX);
	assert_matches(line, "\\\\x0a\n$");
	memset(text, 'x', sizeof(text) - 1);
	log_info("%s", text);
	assert_in_range(strlen(contents(log_path)), 2 * LOG_LINE_MAX - 16, 2 * LOG_LINE_MAX);
}

static void errno_is_left_alone(void **state)
{
	(void)state;
	assert_true(log_open("/dev/full", LOG_LEVEL_INFO, "/dev/full"));
	errno = ENOENT;
	log_info("x");
	log_access(STR("x"));
	assert_int_equal(errno, ENOENT);
}

static void access_lines_go_to_their_own_file(void **state)
{
	(void)state;
	assert_false(log_access_enabled());
	log_access(STR("nowhere"));
	assert_true(log_open(log_path, LOG_LEVEL_INFO, access_path));
	assert_true(log_access_enabled());
	log_access(STR("method=GET path=\"/a\nb\" outcome=hit"));
	assert_string_equal(contents(log_path), "");
	assert_matches(contents(access_path),
		       STAMP "method=GET path=\"/a\\\\x0ab\" outcome=hit\n$");
	assert_true(log_open(log_path, LOG_LEVEL_INFO, NULL));
	assert_false(log_access_enabled());
}

static void opening_again_follows_a_rotated_file(void **state)
{
	char rotated[112];

	(void)state;
	assert_true(log_open(log_path, LOG_LEVEL_INFO, NULL));
	log_info("one");
	snprintf(rotated, sizeof(rotated), "%s.1", log_path);
	assert_int_equal(rename(log_path, rotated), 0);
	log_info("two");
	assert_true(log_open(log_path, LOG_LEVEL_INFO, NULL));
	log_info("three");
	assert_matches(contents(rotated), "info: one\n.*info: two\n$");
	assert_matches(contents(log_path), "^[^\n]*info: three\n$");
}

static void a_file_that_cannot_be_opened_changes_nothing(void **state)
{
	(void)state;
	assert_true(log_open(log_path, LOG_LEVEL_INFO, access_path));
	assert_false(log_open("/nonexistent/log", LOG_LEVEL_ERROR, NULL));
	assert_int_equal(errno, ENOENT);
	assert_false(log_open("stderr", LOG_LEVEL_ERROR, "/nonexistent/log"));
	log_info("still here");
	log_access(STR("here too"));
	assert_matches(contents(log_path), "still here\n$");
	assert_matches(contents(access_path), "here too\n$");
}

static void a_file_is_made_readable_by_owner_and_group(void **state)
{
	struct stat st;
	mode_t mask = umask(0);

	(void)state;
	assert_true(log_open(log_path, LOG_LEVEL_INFO, NULL));
	umask(mask);
	assert_int_equal(stat(log_path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
}

static void a_full_disk_loses_lines_and_nothing_else(void **state)
{
	uint64_t before = log_lost();

	(void)state;
	assert_true(log_open("/dev/full", LOG_LEVEL_INFO, NULL));
	log_info("lost");
	log_info("lost");
	assert_int_equal(log_lost() - before, 2);
}

static void stderr_takes_lines_as_a_file(void **state)
{
	int kept = begin_stderr(open(log_path, O_WRONLY | O_CREAT | O_APPEND, 0600));

	(void)state;
	assert_true(log_open("stderr", LOG_LEVEL_INFO, NULL));
	log_info("to stderr");
	end_stderr(kept);
	assert_matches(contents(log_path), "info: to stderr\n$");
}

static void a_closed_stderr_is_harmless(void **state)
{
	uint64_t before = log_lost();
	int kept = begin_stderr(-1);

	(void)state;
	log_info("lost");
	end_stderr(kept);
	assert_int_equal(log_lost() - before, 1);
}

static void a_pipe_that_nobody_reads_never_blocks(void **state)
{
	int ends[2], kept, lines = 0;
	uint64_t before = log_lost(), lost;
	char bytes[1 << 17];
	ssize_t n;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	kept = begin_stderr(ends[1]);
	for (int i = 0; i < 2000; i++)
		log_info("line %d of many, of some length, so that the pipe is full before the end",
			 i);
	lost = log_lost() - before;
	n = read(ends[0], bytes, sizeof(bytes));
	log_info("room again");
	end_stderr(kept);
	for (ssize_t i = 0; i < n; i++)
		lines += bytes[i] == '\n';
	assert_true(lost > 0);
	assert_int_equal(lines + lost, 2000);
	assert_int_equal(log_lost() - before, lost);
	close(ends[0]);
}

static void a_pipe_without_reader_is_harmless(void **state)
{
	int ends[2], kept;
	uint64_t before = log_lost();

	(void)state;
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	kept = begin_stderr(ends[1]);
	log_info("lost");
	end_stderr(kept);
	assert_int_equal(log_lost() - before, 1);
}

static void a_full_fifo_never_blocks(void **state)
{
	uint64_t before = log_lost();
	int reader;

	(void)state;
	assert_int_equal(mkfifo(access_path, 0600), 0);
	reader = open(access_path, O_RDONLY | O_NONBLOCK);
	assert_true(reader >= 0);
	assert_true(log_open("stderr", LOG_LEVEL_INFO, access_path));
	for (int i = 0; i < 5000; i++)
		log_access(STR("path=/somewhere/or/other outcome=hit"));
	assert_true(log_lost() > before);
	close(reader);
}

/* The disk fills up in the middle of a line: a limit on the file's size does the same. */
static void a_torn_line_is_ended_by_the_next(void **state)
{
	uint64_t before = log_lost();
	struct rlimit limit, low;

	(void)state;
	assert_true(log_open(log_path, LOG_LEVEL_INFO, NULL));
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	low = limit;
	low.rlim_cur = 30;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
	log_info("torn");
	log_info("lost");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	log_info("whole");
	assert_matches(contents(log_path), "Z fcgic\n2[^\n]*info: whole\n$");
	assert_int_equal(log_lost() - before, 2);
}

static void the_rate_limit_says_what_it_held_back(void **state)
{
	struct log_limit limit = {0};
	int allowed = 0;

	(void)state;
	assert_true(log_open(log_path, LOG_LEVEL_INFO, NULL));
	for (int i = 0; i < 10; i++)
		allowed += log_allowed(&limit, 3);
	assert_in_range(allowed, 3, 6); /* a period may end while we count */
	if (allowed == 3) {
		limit.period--;
		assert_true(log_allowed(&limit, 3));
		assert_matches(contents(log_path),
			       "warning: 7 lines like the next one were held back\n$");
	}
	assert_false(log_allowed(&(struct log_limit){0}, 0));
}

/* Where nobody listens on /dev/log, and we may. */
static void syslog_gets_datagrams_and_is_not_waited_for(void **state)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
	int daemon = socket(AF_UNIX, SOCK_DGRAM, 0);
	uint64_t before;
	char text[512];
	ssize_t n;

	(void)state;
	assert_true(log_open("syslog", LOG_LEVEL_INFO, NULL));
	if (bind(daemon, (struct sockaddr *)&at, sizeof(at)) < 0) {
		close(daemon);
		skip();
	}
	before = log_lost();
	log_error("bad\n%s", "thing");
	n = recv(daemon, text, sizeof(text) - 1, MSG_DONTWAIT);
	for (int i = 0; i < 5000; i++)
		log_info("more than it reads");
	unlink(at.sun_path);
	close(daemon);
	assert_true(n > 0);
	text[n] = '\0';
	assert_matches(
	    text, "^<27>[A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8} fcgicache\\[[0-9]+\\]: bad\\\\x0athing$");
	assert_true(log_lost() > before);
	before = log_lost();
	log_info("nobody there");
	assert_int_equal(log_lost() - before, 1);
}

#define WRITERS 4
#define LINES   500

static void *write_lines(void *arg)
{
	for (int i = 0; i < LINES; i++) {
		log_info("writer %ld line %d end", (long)(intptr_t)arg, i);
		log_access(STR("path=/ end"));
	}
	return NULL;
}

static void writers_and_reopening_do_not_disturb_each_other(void **state)
{
	pthread_t threads[WRITERS];
	uint64_t before = log_lost();
	size_t lines = 0;
	char line[256];
	FILE *file;

	(void)state;
	assert_true(log_open(log_path, LOG_LEVEL_INFO, access_path));
	for (intptr_t i = 0; i < WRITERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_lines, (void *)i), 0);
	for (int i = 0; i < 100; i++)
		assert_true(log_open(log_path, LOG_LEVEL_INFO, i % 2 ? NULL : access_path));
	for (int i = 0; i < WRITERS; i++)
		pthread_join(threads[i], NULL);
	file = fopen(log_path, "r");
	assert_non_null(file);
	for (; fgets(line, sizeof(line), file); lines++)
		assert_matches(line, STAMP
			       "fcgicache\\[[0-9]+\\]: info: writer [0-3] line [0-9]+ end\n$");
	fclose(file);
	assert_int_equal(lines, WRITERS * LINES);
	assert_int_equal(log_lost(), before);
}

#define STORY(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    STORY(a_line_has_time_pid_level_and_text),
	    STORY(lines_above_the_level_are_not_written),
	    STORY(foreign_bytes_cannot_forge_a_line),
	    STORY(a_long_line_is_cut_between_escapes),
	    STORY(errno_is_left_alone),
	    STORY(access_lines_go_to_their_own_file),
	    STORY(opening_again_follows_a_rotated_file),
	    STORY(a_file_that_cannot_be_opened_changes_nothing),
	    STORY(a_file_is_made_readable_by_owner_and_group),
	    STORY(a_full_disk_loses_lines_and_nothing_else),
	    STORY(stderr_takes_lines_as_a_file),
	    STORY(a_closed_stderr_is_harmless),
	    STORY(a_pipe_that_nobody_reads_never_blocks),
	    STORY(a_pipe_without_reader_is_harmless),
	    STORY(a_full_fifo_never_blocks),
	    STORY(a_torn_line_is_ended_by_the_next),
	    STORY(the_rate_limit_says_what_it_held_back),
	    STORY(syslog_gets_datagrams_and_is_not_waited_for),
	    STORY(writers_and_reopening_do_not_disturb_each_other),
	};

	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
