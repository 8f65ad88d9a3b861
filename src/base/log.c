/*
 * The log: formats a line on the stack, escapes it, and gives it to the kernel in one call.
 *
 * Two sinks: the log (stderr, syslog or a file) and the access log (a file or none). Any thread
 * writes; log_open swaps under writers without a lock, because a sink's descriptor keeps its number
 * for the life of the process and dup3 puts another file under it. /dev/null takes its place when a
 * sink is closed, so that a late writer never hits a stranger's descriptor.
 *
 * How it never blocks:
 *     regular file         one write(2) with O_APPEND; no lock
 *     FIFO named by path   opened O_NONBLOCK; a line is at most PIPE_BUF, so it goes out whole or
 * not stderr               shared with others, so its flags are not ours: poll, then write, by one
 *                          thread at a time (the one lock here that is held over a system call)
 *     syslog               a datagram each to /dev/log, as syslog(3) writes them, but MSG_DONTWAIT:
 *                          syslog(3) itself waits for a daemon that does not read
 * What is not taken whole is counted. A line that a full disk took in part is ended by the next
 * one.
 */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define PERIOD_MS 10000 /* of log_allowed */

enum target { TARGET_STDERR, TARGET_SYSLOG, TARGET_FILE, TARGET_NONE };

struct sink {
	_Atomic int target; /* enum target */
	_Atomic int
	    fd; /* of TARGET_FILE; -1 until the first is opened, then the same number for ever */
	atomic_bool torn; /* the last line went out in part */
};

/* A line under construction. Two bytes stay free: a newline before, if torn, and one after. */
struct line {
	char bytes[LOG_LINE_MAX];
	size_t n;
};

static struct sink main_sink = {.target = TARGET_STDERR, .fd = -1};
static struct sink access_sink = {.target = TARGET_NONE, .fd = -1};
static _Atomic int max_level = LOG_LEVEL_INFO;
static _Atomic int syslog_fd = -1;
static atomic_ullong lost;
static pthread_mutex_t stderr_lock = PTHREAD_MUTEX_INITIALIZER;

static const struct {
	const char *name;
	int priority;
} levels[] = {
    [LOG_LEVEL_ERROR] = {"error", LOG_ERR},
    [LOG_LEVEL_WARNING] = {"warning", LOG_WARNING},
    [LOG_LEVEL_INFO] = {"info", LOG_INFO},
    [LOG_LEVEL_DEBUG] = {"debug", LOG_DEBUG},
};

/* ------------------------------------------------------------------------------ making lines */

static void put(struct line *l, const char *p, size_t n)
{
	size_t room = sizeof(l->bytes) - 2 - l->n;

	n = n < room ? n : room;
	memcpy(l->bytes + l->n, p, n);
	l->n += n;
}

static PRINTF_LIKE(2, 3) void put_format(struct line *l, const char *fmt, ...)
{
	char text[128];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n > 0)
		put(l, text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1);
}

/* Stops before the first byte that does not fit as a whole. */
static void put_escaped(struct line *l, struct str s)
{
	static const char hex[] = "0123456789abcdef";
	const size_t end = sizeof(l->bytes) - 2;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c >= ' ' && c <= '~') {
			if (l->n + 1 > end)
				return;
			l->bytes[l->n++] = (char)c;
		} else {
			if (l->n + 4 > end)
				return;
			put(l, (char[]){'\\', 'x', hex[c >> 4], hex[c & 15]}, 4);
		}
	}
}

/* "2026-11-21T11:33:02.123Z ". The second is broken down once a thread. */
static void put_time(struct line *l)
{
	static _Thread_local time_t second;
	static _Thread_local char text[24];
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	if (now.tv_sec != second || text[0] == '\0') {
		second = now.tv_sec;
		gmtime_r(&second, &tm);
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	}
	put_format(l, "%s.%03ldZ ", text, now.tv_nsec / 1000000);
}

/* ------------------------------------------------------------------------------ writing them */

static void count_lost(void)
{
	atomic_fetch_add_explicit(&lost, 1, memory_order_relaxed);
}

static ssize_t write_once(int fd, const char *p, size_t n)
{
	ssize_t done;

	do
		done = write(fd, p, n);
	while (done < 0 && errno == EINTR);
	return done;
}

/* As write, or EAGAIN where it could wait. */
static ssize_t write_ready(int fd, const char *p, size_t n)
{
	struct pollfd poller = {.fd = fd, .events = POLLOUT};
	int ready;

	do
		ready = poll(&poller, 1, 0);
	while (ready < 0 && errno == EINTR);
	if (ready == 1 && (poller.revents & POLLOUT))
		return write_once(fd, p, n);
	errno = EAGAIN;
	return -1;
}

static ssize_t write_stderr(const char *p, size_t n)
{
	struct stat st;
	ssize_t done;

	if (fstat(STDERR_FILENO, &st) == 0 && S_ISREG(st.st_mode))
		return write_once(STDERR_FILENO, p, n);
	pthread_mutex_lock(&stderr_lock);
	done = write_ready(STDERR_FILENO, p, n);
	pthread_mutex_unlock(&stderr_lock);
	return done;
}

static void send_line(struct sink *s, enum target target, struct line *l)
{
	ssize_t done;
	bool torn = atomic_load_explicit(&s->torn, memory_order_relaxed) &&
		    atomic_exchange_explicit(&s->torn, false, memory_order_relaxed);

	if (torn) {
		memmove(l->bytes + 1, l->bytes, l->n);
		l->bytes[0] = '\n';
		l->n++;
	}
	l->bytes[l->n++] = '\n';
	if (target == TARGET_STDERR)
		done = write_stderr(l->bytes, l->n);
	else
		done = write_once(atomic_load(&s->fd), l->bytes, l->n);
	if (done == (ssize_t)l->n)
		return;
	count_lost();
	if (done > 0 || torn)
		atomic_store_explicit(&s->torn, true, memory_order_relaxed);
}

/* "<27>Nov 21 11:33:02 fcgicache[PID]: text", local time, as syslog(3) writes it. */
static void send_syslog(enum log_level level, struct str text)
{
	static const struct sockaddr_un daemon_at = {.sun_family = AF_UNIX, .sun_path = _PATH_LOG};
	struct line l;
	char when[32];
	time_t now = time(NULL);
	struct tm tm;
	ssize_t done;

	l.n = 0;
	localtime_r(&now, &tm);
	strftime(when, sizeof(when), "%b %e %H:%M:%S", &tm);
	put_format(&l, "<%d>%s fcgicache[%d]: ", LOG_DAEMON | levels[level].priority, when,
		   (int)getpid());
	put_escaped(&l, text);
	do
		done = sendto(atomic_load(&syslog_fd), l.bytes, l.n, MSG_DONTWAIT | MSG_NOSIGNAL,
			      (const struct sockaddr *)&daemon_at, sizeof(daemon_at));
	while (done < 0 && errno == EINTR);
	if (done < 0)
		count_lost();
}

static void write_line(enum log_level level, struct str text)
{
	enum target target = (enum target)atomic_load(&main_sink.target);
	struct line l;

	if (target == TARGET_SYSLOG) {
		send_syslog(level, text);
		return;
	}
	l.n = 0;
	put_time(&l);
	put_format(&l, "fcgicache[%d]: %s: ", (int)getpid(), levels[level].name);
	put_escaped(&l, text);
	send_line(&main_sink, target, &l);
}

static PRINTF_LIKE(2, 0) void format_line(enum log_level level, const char *fmt, va_list ap)
{
	char text[LOG_LINE_MAX];
	int saved = errno;
	int n;

	if (!log_enabled(level))
		return;
	n = vsnprintf(text, sizeof(text), fmt, ap);
	if (n >= 0)
		write_line(level,
			   str_make(text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1));
	errno = saved;
}

bool log_enabled(enum log_level level)
{
	return (int)level <= atomic_load_explicit(&max_level, memory_order_relaxed);
}

void log_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	format_line(LOG_LEVEL_ERROR, fmt, ap);
	va_end(ap);
}

void log_warning(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	format_line(LOG_LEVEL_WARNING, fmt, ap);
	va_end(ap);
}

void log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	format_line(LOG_LEVEL_INFO, fmt, ap);
	va_end(ap);
}

void log_debug(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	format_line(LOG_LEVEL_DEBUG, fmt, ap);
	va_end(ap);
}

bool log_access_enabled(void)
{
	return atomic_load_explicit(&access_sink.target, memory_order_relaxed) == TARGET_FILE;
}

void log_access(struct str text)
{
	struct line l;
	int saved = errno;

	if (atomic_load(&access_sink.target) != TARGET_FILE)
		return;
	l.n = 0;
	put_time(&l);
	put_escaped(&l, text);
	send_line(&access_sink, TARGET_FILE, &l);
	errno = saved;
}

uint64_t log_lost(void)
{
	return atomic_load_explicit(&lost, memory_order_relaxed);
}

/* ------------------------------------------------------------------------------ opening */

static int open_file(const char *path)
{
	return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
}

/* Puts the file under the sink's own descriptor, and gives up fd. */
static void sink_take(struct sink *s, int fd)
{
	int own = atomic_load(&s->fd);

	if (own < 0) {
		atomic_store(&s->fd, fd);
	} else {
		dup3(fd, own, O_CLOEXEC);
		close(fd);
	}
	atomic_store(&s->torn, false);
}

/* fd: of TARGET_FILE. */
static void sink_point(struct sink *s, enum target target, int fd)
{
	int null;

	if (target == TARGET_FILE)
		sink_take(s, fd);
	atomic_store(&s->target, (int)target);
	if (target == TARGET_FILE || atomic_load(&s->fd) < 0)
		return;
	null = open_file("/dev/null");
	if (null >= 0)
		sink_take(s, null);
}

static bool open_syslog(void)
{
	if (atomic_load(&syslog_fd) < 0)
		atomic_store(&syslog_fd, socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	return atomic_load(&syslog_fd) >= 0;
}

bool log_open(const char *to, enum log_level level, const char *access)
{
	enum target target = TARGET_FILE;
	int fd = -1, access_fd = -1, saved;

	if (strcmp(to, "stderr") == 0)
		target = TARGET_STDERR;
	else if (strcmp(to, "syslog") == 0)
		target = TARGET_SYSLOG;
	if (target == TARGET_SYSLOG && !open_syslog())
		return false;
	if (target == TARGET_FILE && (fd = open_file(to)) < 0)
		return false;
	if (access && (access_fd = open_file(access)) < 0) {
		saved = errno;
		if (fd >= 0)
			close(fd);
		errno = saved;
		return false;
	}
	sink_point(&main_sink, target, fd);
	sink_point(&access_sink, access ? TARGET_FILE : TARGET_NONE, access_fd);
	atomic_store(&max_level, (int)level);
	return true;
}

void log_close(void)
{
	sink_point(&main_sink, TARGET_STDERR, -1);
	sink_point(&access_sink, TARGET_NONE, -1);
}

/* ------------------------------------------------------------------------------ rate limit */

bool log_allowed(struct log_limit *limit, unsigned burst)
{
	int64_t period = clock_mono_ms() / PERIOD_MS + 1; /* never 0: that is a fresh struct */
	int64_t seen = atomic_load(&limit->period);
	uint32_t count;

	if (seen == period || !atomic_compare_exchange_strong(&limit->period, &seen, period))
		return atomic_fetch_add(&limit->count, 1) < burst;
	count = atomic_exchange(&limit->count, 1);
	if (count > burst)
		log_warning("%u lines like the next one were held back", (unsigned)count - burst);
	return burst > 0;
}
