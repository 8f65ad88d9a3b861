"""U01-U34: the application fails, and nothing of it is stored, hangs, leaks or is shown as whole.

The table of faults is in faults.py. Each is tried three times over: on a cold page (our error),
on a page that may be served stale (the stale one), and on a page that is streamed (broken off).
"""
import os
import time

import pytest

import fcgi
from client import page_params
from faults import FAULTS, HEAD, WHOLE
from waiting import SLOW, limit, past, until
from web import background

PAGES = [{"prefix": "/pass", "cache": False}, {"prefix": "/", "ttl": 60}]
SHORT = {"read_timeout": "400ms", "connect_timeout": "400ms", "send_timeout": "400ms",
         "queue_timeout": "400ms"}


@pytest.fixture
def hurried(site):
    """A site that waits for its application 0.4 s at the most."""
    return lambda rules, **also: site(rules, application={**SHORT, **also})


def own_error(answer, statuses):
    """A small complete readable error that names no internals."""
    assert answer.complete and answer.status in statuses, answer
    assert answer.body and len(answer.body) < 2000 and answer.get("Content-Type")
    for word in (b".sock", b"/tmp", b"127.0.0.1", b"errno", b"Connection refused"):
        assert word not in answer.body
    assert not answer.cache.hit and not answer.cache.stored


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_fault_on_a_cold_page(site, name):
    handler, statuses = FAULTS[name]
    one = site(PAGES)
    one.app.on("/f", handler)
    answer = one.get("/f")
    if 200 in statuses and answer.status == 200:
        assert answer.complete and not answer.cache.stored
    elif answer.status == 404:
        assert not answer.cache.stored
    else:
        own_error(answer, statuses)
    assert one.app.count("/f") == 1, "a fresh connection that fails is not tried again"
    one.app.on("/f", b"mended")
    assert one.get("/f").body == b"mended", "nothing was stored"
    one.check_alive()


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_fault_on_a_stale_page(site, name):
    """The stale page is served where the rule allows, and stays as it was."""
    handler, statuses = FAULTS[name]
    one = site([{"prefix": "/", "ttl": "150ms", "stale_if_error": 60}])
    assert one.get("/f").body == b"/f #1"
    past(0.15)
    one.app.on("/f", handler)
    for _ in range(2):
        answer = one.get("/f")
        if answer.body != b"/f #1":
            assert answer.status in statuses & {200, 404} and not answer.cache.stored, answer
        else:
            assert answer.status == 200 and answer.complete
            assert answer.cache.hit or answer.cache.fwd == "stale"
    one.check_alive()


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_fault_while_passing(site, name):
    """A page that bypasses: our error, or as it came, or a break that the server can see."""
    handler, statuses = FAULTS[name]
    one = site(PAGES)
    one.app.on("/pass", handler)
    answer = one.get("/pass")
    if answer.complete:
        assert answer.status in statuses, answer
    else:
        assert "invalid record" in answer.why or not answer.records, answer
    one.check_alive()


@pytest.mark.deadline(120)
def test_faults_leave_nothing_behind(site):
    """Descriptors and threads are where they were, memory nearly."""
    one = site(PAGES)

    def sweep(rounds):
        for _ in range(rounds):
            for handler, _ in FAULTS.values():
                for url in ("/f", "/pass"):
                    one.app.on(url, handler)
                    one.get(url)
        one.check_alive()
        until(lambda: one.app.open == 0)
    sweep(2)
    before = one.daemon.fds(), one.daemon.threads(), one.daemon.rss()
    sweep(8)
    until(lambda: one.daemon.fds() <= before[0], what="descriptors to be given back")
    assert one.daemon.threads() <= before[1] + 1
    assert SLOW or one.daemon.rss() <= before[2] + (8 << 20)


def test_socket_missing_or_refused(site):
    """U01: an error at once; the first request after the start works."""
    one = site(PAGES)
    one.app.stop(unlink=False)
    for end in (lambda: None, lambda: os.unlink(one.app.where[5:])):
        end()
        answer = one.get("/a")
        own_error(answer, {502})
        assert answer.seconds < limit(0.1)
    one.app.start()
    assert one.get("/a").body == b"/a #1" and one.app.count() == 1


def test_refused_over_tcp(site):
    one = site(PAGES, application="tcp:127.0.0.1:1")
    own_error(one.get("/a"), {502})


def test_second_address_takes_over(site):
    one = site(PAGES, start=False)
    one.daemon.application = {"address": ["unix:/tmp/nobody-listens.sock", one.app.where]}
    one.daemon.write(PAGES)
    one.daemon.start()
    for number in range(4):
        assert one.get(f"/{number}").body == b"/%d #1" % number


def test_backlog_full(hurried):
    """U03: listen(0) and never an accept: a bounded wait, an error, hits unharmed."""
    one = hurried(PAGES)
    one.get("/hit")
    one.app.stop()
    one.app.backlog, one.app.accept = 0, lambda listener: None
    one.app.start()
    waits = [background(one.get, f"/{number}") for number in range(12)]
    assert one.get("/hit").cache.hit
    for wait in waits:
        own_error(wait(), {502, 503, 504})


def test_accepts_and_never_answers(hurried):
    """U04: 504 at the timeout; a hit meanwhile is a hit."""
    one = hurried(PAGES)
    one.get("/hit")
    gate, handler = one.app.held()
    one.app.on("/hang", handler)
    slow = background(one.get, "/hang")
    one.app.wait("/hang")
    assert one.get("/hit").cache.hit
    answer = slow()
    own_error(answer, {504})
    assert 0.3 < answer.seconds < limit(2)
    gate.set()
    one.check_alive()


def test_silence_in_the_middle(hurried):
    """U08, U26: silence for longer than read_timeout ends it, held back or streaming."""
    one = hurried(PAGES)
    gate = one.app.gate()

    def handler(exchange):
        exchange.raw(WHOLE)
        gate.wait(10)
    one.app.on("/hang", handler)
    one.app.on("/pass", handler)
    own_error(one.get("/hang"), {504})
    answer = one.get("/pass")
    assert answer.broken and "invalid record" in answer.why and answer.body == b"body"
    gate.set()
    one.check_alive()


def test_overloaded_says_when_to_come_again(site):
    """U12"""
    one = site(PAGES)
    one.app.on("/f", FAULTS["U12 OVERLOADED"][0])
    answer = one.get("/f")
    assert answer.status == 503 and int(answer.get("Retry-After")) >= 1


def test_garbage_in_reserved_bytes(site):
    """U15: php-fpm leaves it there."""
    one = site(PAGES)
    one.app.on("/f", lambda x: (x.raw(
        fcgi.record(fcgi.STDOUT, HEAD + b"body", reserved=7)
        + fcgi.end(reserved=b"\xde\xad\xbe")), x.close()) and None)
    assert one.get("/f").body == b"body" and one.get("/f").cache.hit


def test_stderr_between_the_lines(site):
    """U16, A21: STDOUT is exact; STDERR is in the log, escaped, with the request's URL."""
    one = site(PAGES)

    def handler(exchange):
        exchange.stderr(b"PHP Warning: first \x1b[31m\nsecond line\r\nforged entry\n")
        exchange.head(200)
        for number in range(10):
            exchange.stdout(b"%d" % number)
            exchange.stderr(b"PHP Notice: between\n")
        exchange.end()
    one.app.on("/noisy", handler)
    assert one.get("/noisy").body == b"0123456789" and one.get("/noisy").cache.hit
    said = one.daemon.wait_log("PHP Warning: first")
    assert "\x1b" not in said
    assert any("/noisy" in line and "first" in line for line in said.splitlines())
    assert not any(line.startswith("forged") for line in said.splitlines())


def test_a_flood_of_stderr(site):
    """U16: 1 MB before the head; memory and log bounded."""
    one = site(PAGES)
    one.check_alive()
    before = one.daemon.rss()

    def handler(exchange):
        exchange.stderr(b"PHP Notice: flood flood flood\n" * 35000)
        exchange.respond(200, (), b"dry")
    one.app.on("/flood", handler)
    assert one.get("/flood").body == b"dry"
    assert one.daemon.mark() < 600_000
    assert SLOW or one.daemon.rss() < before + (4 << 20)


def test_records_of_one_byte(site):
    """U18: with 255 bytes of padding; our own first record holds the whole head."""
    one = site(PAGES)
    body = bytes(range(200))

    def handler(exchange):
        exchange.raw(fcgi.stream(fcgi.STDOUT, HEAD + body, size=1, pad=255) + fcgi.end())
    one.app.on("/f", handler)
    for answer in (one.get("/f"), one.get("/f")):
        assert answer.body == body and answer.records[0][1] > 20
    one.app.on("/pass", handler)
    answer = one.get("/pass")
    assert answer.body == body and answer.records[0][1] > 20


@pytest.mark.parametrize("head, status, location", [
    (b"Location: http://other.example/", 302, "http://other.example/"),
    (b"Location: /there", 302, "/there"), (b"Status: 301\r\nLocation: /x", 301, "/x"),
    (b"Status: 201\r\nLocation: /x", 201, "/x")])
def test_location(site, head, status, location):
    """U28"""
    one = site(PAGES)
    one.app.on("/f", lambda x: (x.stdout(head + b"\r\n\r\n"), x.end()) and None)
    answer = one.get("/f")
    assert (answer.status, answer.get("Location")) == (status, location)


def test_nph_is_never_a_200(site):
    """U28: its status line is taken for what it says, and not stored."""
    one = site([{"prefix": "/", "statuses": {"2xx": 60, "404": 60}}])
    one.app.on("/f", FAULTS["U28 NPH status line"][0])
    assert not one.get("/f").cache.stored
    assert one.get("/f").status in (404, 502) and one.app.count("/f") == 2


def test_interim_heads_are_dropped(site):
    """U29"""
    one = site(PAGES)
    one.app.on("/f", lambda x: (x.stdout(b"Status: 103\r\nLink: </a>\r\n\r\nStatus: 203\r\n"
                                         b"X-A: b\r\n\r\nbody"), x.end()) and None)
    for answer in (one.get("/f"), one.get("/f")):
        assert (answer.status, answer.body) == (203, b"body") and answer.get("Link") is None


@pytest.mark.parametrize("status", [204, 304])
def test_bodies_where_none_may_be(site, status):
    """U31"""
    one = site(PAGES)
    one.app.on("/pass", (status, (), b"no body may be here"))
    answer = one.get("/pass", {"If-None-Match": '"a"'})
    assert answer.status == status and answer.body == b"" and answer.complete


def test_a_body_for_head(site):
    """U31: discarded, and no page made of it."""
    one = site(PAGES)
    one.app.on("/f", (200, [("Content-Length", "4")], b"body"))
    answer = one.send("HEAD", "/f")
    assert answer.body == b"" and answer.complete and answer.get("Content-Length") == "4"
    assert not one.get("/f").cache.hit


def test_larger_than_max_object(site):
    """U32: streamed to its end while memory stays flat."""
    one = site([{"prefix": "/", "ttl": 60, "max_object": "64k"}])
    one.check_alive()
    before, piece = one.daemon.rss(), bytes(range(256)) * 256

    def handler(exchange):
        exchange.head(200)
        for _ in range(480):
            exchange.stdout(piece)
        exchange.end()
    one.app.on("/big", handler)
    answer = one.get("/big")
    assert answer.complete and answer.body == piece * 480 and not answer.cache.stored
    assert SLOW or one.daemon.rss() < before + (8 << 20)


def test_endless_body_ends_with_its_reader(site):
    """U32: when the client leaves, the application is left too."""
    one = site(PAGES)

    def handler(exchange):
        exchange.head(200)
        while True:
            exchange.stdout(b"x" * 65000)
    one.app.on("/pass", handler)
    with one.client.connect() as conn:
        conn.ask(page_params("/pass"))
        conn.wait_stdout(b"xxxx")
    until(lambda: one.app.open == 0, what="the application's connection to be closed")
    one.check_alive()


def test_all_connections_busy(hurried):
    """U34: those who wait get an error in bounded time, and a place as soon as there is one."""
    one = hurried(PAGES, max_connections=2, read_timeout="5s")
    gate, handler = one.app.held()
    for number in range(2):
        one.app.on(f"/busy{number}", handler)
    busy = [background(one.get, f"/busy{number}") for number in range(2)]
    one.app.wait(count=2)
    late = one.get("/late")
    own_error(late, {503, 504})
    assert 0.3 < late.seconds < limit(2) and one.app.count("/late") == 0
    waiting = background(one.get, "/next")
    gate.set()
    assert waiting().body == b"/next #1"
    assert [one().body for one in busy] == [b"/busy0 #1", b"/busy1 #1"]


def test_never_more_connections_than_allowed(site):
    """40 misses, three connections: everybody is served, three at a time."""
    one = site(PAGES, application={"max_connections": 3})
    running, most = set(), []

    def handler(exchange):
        running.add(exchange.uri)
        most.append(len(running))
        time.sleep(0.01)
        running.remove(exchange.uri)        # before the answer, so that this can only be less
        return exchange.uri
    one.app.default = handler
    waits = [background(one.get, f"/{number}") for number in range(40)]
    assert [wait().body for wait in waits] == [b"/%d" % number for number in range(40)]
    assert 2 <= max(most) <= 3


def test_the_application_is_free_at_once(site):
    """U34: closed within 10 ms of END_REQUEST, though the client still reads."""
    one = site(PAGES)
    left = []

    def handler(exchange):
        exchange.respond(200, (), b"x" * 3_000_000)
        start = time.monotonic()
        left.append((exchange.gone(), time.monotonic() - start))
    one.app.on("/big", handler)
    with one.client.connect() as conn:
        conn.ask(page_params("/big"))
        until(lambda: left, what="our connection to be closed")
        assert conn.answer().complete
    assert left[0][0] and left[0][1] < limit(0.2)
