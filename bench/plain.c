/*
 * plain: the peer, a responder as libfcgi's users write it.
 *
 * A thread per connection: each loops in FCGX_Accept_r on the listening socket, prints the head
 * with FCGX_FPrintF and the page with one FCGX_PutStr, and lets the next FCGX_Accept_r finish the
 * request.  No mutex around accept (examples/threaded.c has one, and it holds it while it reads).
 * The page is made beforehand, so that what is measured is libfcgi and nothing of ours.
 *
 * How many threads: a kept connection holds its thread until it closes, and a thread that has
 * closed one waits for the other side's close.  With fewer threads than connections some starve,
 * for ever when they are kept; with more it only gets slower.  So as many as connections (-t),
 * which is what bench/hits gives it.
 */
#include "wire.h"

#include <fcgiapp.h>
#include <pthread.h>

static char *page;
static size_t bytes = 10240;
static int sock;

static void *work(void *arg)
{
	FCGX_Request r;

	(void)arg;
	if (FCGX_InitRequest(&r, sock, 0) != 0)
		exit(71);
	while (FCGX_Accept_r(&r) == 0) {
		FCGX_FPrintF(r.out,
			     "Status: 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n"
			     "Cache-Control: max-age=3600\r\nContent-Length: %d\r\n\r\n",
			     (int)bytes);
		FCGX_PutStr(page, (int)bytes, r.out);
	}
	return NULL;
}

static void usage(void)
{
	fprintf(stderr, "usage: plain [-b bytes] [-t threads] [-u uri] unix-path\n");
	exit(64);
}

int main(int argc, char **argv)
{
	const char *uri = "/10k";
	long threads = 16;
	pthread_t tid;
	int c;

	while ((c = getopt(argc, argv, "b:t:u:")) != -1) {
		switch (c) {
		case 'b':
			bytes = strtoul(optarg, NULL, 10);
			break;
		case 't':
			threads = strtol(optarg, NULL, 10);
			break;
		case 'u':
			uri = optarg;
			break;
		default:
			usage();
		}
	}
	if (optind + 1 != argc || threads < 1)
		usage();
	page = malloc(bytes + 1);
	if (page == NULL || FCGX_Init() != 0)
		return 71;
	wire_page(uri, page, bytes);
	unlink(argv[optind]);
	sock = FCGX_OpenSocket(argv[optind], 4096);
	if (sock < 0)
		return 71;
	for (long i = 1; i < threads; i++)
		if (pthread_create(&tid, NULL, work, NULL) != 0)
			return 71;
	work(NULL);
	return 0;
}
