"""F01-F18: the web server's side misbehaves; the screen in front of libfcgi holds.

`hurt` sends what should be refused and checks that the connection is closed, the application was
not contacted, and the next good request is right.
"""
import resource
import time

import pytest

import fcgi
from client import Connection, page_params
from waiting import SLOW, limit, past, until
from web import background

PAGES = [{"prefix": "/", "ttl": 60}]
GOOD = page_params("/good")
BEGIN = fcgi.begin()


def params(pairs=None, **how):
    return fcgi.stream(fcgi.PARAMS, fcgi.pairs(pairs or GOOD), **how)


def hurt(one, data, half_close=False, seconds=5.0):
    """Send bytes that are no good request: closed in time, nothing reached the application."""
    before = one.app.count()
    with one.client.connect() as conn:
        try:
            conn.send(data)
            if half_close:
                conn.half_close()
        except OSError:
            pass
        answer = conn.answer(timeout=limit(seconds))
        assert answer.broken or answer.status in (400, 413, 431), answer
        assert answer.why != "nothing came in time"
    assert one.app.count() == before
    one.check_alive()


@pytest.mark.parametrize("data", [
    BEGIN + params()[:-200], BEGIN + params()[:-8] + params()[:3], BEGIN[:5], BEGIN + b"\1\4\0",
    BEGIN + fcgi.record(fcgi.PARAMS, fcgi.pairs(GOOD)[:-3]) + fcgi.record(fcgi.PARAMS),
    BEGIN + fcgi.record(fcgi.PARAMS, b"\x0b") + fcgi.record(fcgi.PARAMS)])
def test_cut_heads(site, data):
    """F04: after a close and after a half-close."""
    one = site(PAGES)
    with one.client.connect() as conn:
        conn.send(data)
    hurt(one, data, half_close=True)
    assert one.app.count("/good") == 0


@pytest.mark.parametrize("data", [
    b"GET / HTTP/1.0\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 500,
    bytes(100_000), b"\xff" * 1000, b"\1\2\0\1\0\0\0\0" * 10, fcgi.record(fcgi.PARAMS, b"x"),
    fcgi.record(fcgi.STDIN), fcgi.record(fcgi.BEGIN, b"\0\1\0"), fcgi.record(fcgi.END, b"x" * 8),
    fcgi.record(fcgi.BEGIN, b"\0\1\0\0\0\0\0\0", version=2), BEGIN + fcgi.record(77, b"x")])
def test_no_fastcgi_at_all(site, data):
    """F17: closed at the first header that is none."""
    hurt(site(PAGES), data)


@pytest.mark.parametrize("data", [
    fcgi.begin(pad=8) + params() + fcgi.record(fcgi.STDIN),
    BEGIN + params(close=False) + fcgi.record(fcgi.PARAMS, pad=8) + fcgi.record(fcgi.STDIN),
    BEGIN + params(rid=2) + fcgi.record(fcgi.STDIN), BEGIN + BEGIN + params(),
    BEGIN + params(close=False) + fcgi.begin(rid=2), BEGIN + fcgi.record(fcgi.ABORT),
    BEGIN + params(close=False) + fcgi.record(fcgi.STDIN), fcgi.begin(rid=0) + params(rid=0)])
def test_heads_out_of_order(site, data):
    """F10, F16"""
    hurt(site(PAGES), data)


@pytest.mark.parametrize("content", [
    b"\xff\xff\xff\xfe\xff\xff\xff\xfe", b"\xff\xff\xff\xff\x01N", b"\x01\xff\xff\xff\xfeN",
    b"\x80\x00\x00\x00\x80\x00\x00\x00" * 9 + b"\x80"])
def test_lengths_that_lie(site, content):
    """F12: over-long lengths made libfcgi abort."""
    hurt(site(PAGES), BEGIN + fcgi.record(fcgi.PARAMS, content + b"x" * 100)
         + fcgi.record(fcgi.PARAMS) + fcgi.record(fcgi.STDIN))


@pytest.mark.parametrize("pairs", [
    [(f"N{number}", "v") for number in range(100_000)], [("N", "v" * 4_000_000)],
    [(f"N{number}", "v" * 60000) for number in range(60)]])
def test_too_many_parameters(site, pairs):
    """F12: refused at our limit, memory flat."""
    one = site(PAGES)
    one.check_alive()
    before = one.daemon.rss()
    hurt(one, BEGIN + params(GOOD + pairs) + fcgi.record(fcgi.STDIN), seconds=12)
    assert SLOW or one.daemon.rss() < before + (4 << 20)


@pytest.mark.parametrize("data", [
    fcgi.record(fcgi.GET_VALUES, fcgi.pair("FCGI_MAX_CONNS", ""), rid=0),
    fcgi.record(fcgi.GET_VALUES, b"", rid=0) * 2000, fcgi.record(99, b"x" * 8, rid=0) * 10_000,
    BEGIN + fcgi.record(99, b"", rid=0) + params()])
def test_management_records(site, data):
    """F08: answered or closed before libfcgi sees them."""
    one = site(PAGES)
    one.check_alive()
    before = one.daemon.rss()
    with one.client.connect() as conn:
        try:
            conn.send(data)
            conn.half_close()
            conn.sock.settimeout(limit(5))
            while conn.sock.recv(1 << 16):
                pass
        except ConnectionError:
            pass
    assert one.app.count("/good") == 0 and (SLOW or one.daemon.rss() < before + (2 << 20))
    one.check_alive()


@pytest.mark.parametrize("keep", [True, False])
def test_padded_empty_stdin_keeps_step(site, keep):
    """F10: served; the connection goes on in step, or is closed."""
    one = site(PAGES)
    data = fcgi.begin(keep=keep) + params() + fcgi.record(fcgi.STDIN, pad=8)
    with one.client.connect() as conn:
        for number in range(3):
            try:
                conn.send(data)
            except OSError:
                break
            answer = conn.answer()
            if number and answer.broken and answer.why != "nothing came in time":
                break
            assert answer.body == b"/good #1"
    one.check_alive()


@pytest.mark.parametrize("how", [{"size": 1}, {"size": 7}, {"wide": True},
                                 {"size": 3, "wide": True}])
def test_parameters_in_any_shape(site, how):
    """F11: the same variables as in one record."""
    one = site(PAGES)
    asked = [("REQUEST_METHOD", "GET"), ("REQUEST_URI", "/f?a=b"), ("QUERY_STRING", "a=b"),
             ("SCRIPT_NAME", "/f"), ("HTTP_HOST", "h"), ("SERVER_PORT", "80"), ("EMPTY", "")]
    assert one.client.request(asked, **how).body == b"/f?a=b #1"
    got = dict(one.app.last().pairs)
    assert all(got[name] == value for name, value in asked)
    assert one.client.request(asked).cache.hit


@pytest.mark.parametrize("gap", [1, 8, 15, 16, 24, 100, -1, -8, -9])
def test_heads_in_two_parts(site, gap):
    """A head may come in pieces: nothing is lost, nothing is asked twice."""
    one = site(PAGES)
    data = fcgi.request(GOOD)
    with one.client.connect() as conn:
        conn.send(data[:gap])
        time.sleep(0.02)
        conn.send(data[gap:])
        assert conn.answer().body == b"/good #1"
    assert one.app.count() == 1


@pytest.mark.parametrize("rid", [1, 2, 255, 256, 65535])
def test_request_ids_are_echoed(site, rid):
    """F16"""
    one = site(PAGES)
    for _ in range(2):
        answer = one.client.request(GOOD, rid=rid)
        assert answer.rids == {rid} and answer.body == b"/good #1"


def test_authorizer_and_filter_pass(site):
    """F16: other roles go to the application as they are, and nothing of them is stored."""
    one = site(PAGES)
    one.app.on("/auth", lambda x: (200, [("Variable-USER", "ann")], b"%d" % x.role))
    for _ in range(2):
        answer = one.client.request(page_params("/auth"), role=fcgi.AUTHORIZER)
        assert answer.body == b"2" and answer.get("Variable-USER") == "ann"
    assert one.app.count("/auth") == 2 and one.app.last("/auth").role == fcgi.AUTHORIZER

    def both(exchange):
        data = b""
        while True:
            rec = exchange.next_record()
            if rec.kind == fcgi.DATA:
                if not rec.content:
                    return b"%d|%s|%s" % (exchange.role, exchange.body, data)
                data += rec.content
    one.app.on("/filter", both)
    with one.client.connect() as conn:
        asked = page_params("/filter", "POST", body=b"form", FCGI_DATA_LENGTH="4")
        conn.send(fcgi.begin(role=fcgi.FILTER) + params(asked) + fcgi.stream(fcgi.STDIN, b"form")
                  + fcgi.stream(fcgi.DATA, b"file"))
        assert conn.answer().body == b"3|form|file"


@pytest.mark.parametrize("role", [0, 4, 9, 65535])
def test_unknown_roles(site, role):
    """F16"""
    one = site(PAGES)
    answer = one.client.request(GOOD, role=role)
    assert answer.ended and answer.protocol_status == fcgi.UNKNOWN_ROLE and not answer.body
    assert one.app.count() == 0
    one.check_alive()


def test_slow_heads_hold_nobody_up(site):
    """F05: 200 clients that send a byte a second; closed at a total deadline of 10 s."""
    one = site(PAGES)
    one.check_alive()
    threads, data = one.daemon.threads(), fcgi.request(GOOD)
    conns = [Connection(one.daemon.where) for _ in range(200)]
    start, cpu = time.monotonic(), one.daemon.cpu()
    for at in range(4):
        for conn in conns:
            conn.send(data[at:at + 1])
        assert one.get(f"/{at}").seconds < limit(0.5)
        time.sleep(0.5)
    spent = one.daemon.cpu() - cpu
    assert one.daemon.threads() <= threads + 2
    assert SLOW or spent < 0.5, f"{spent} s of CPU for waiting"
    for conn in conns:
        assert conn.closed(limit(20)), "a head that never comes is waited for"
    assert 5 < time.monotonic() - start < limit(20)
    one.check_alive()


def test_idle_kept_connections_cost_no_thread(site):
    """F13: 500 of them; a new request is served as ever, and the old ones still work."""
    one = site(PAGES, workers=4)
    one.check_alive()
    until(lambda: one.daemon.threads() > 4, what="all workers to be there, and the main thread")
    threads, fds = one.daemon.threads(), one.daemon.fds()
    conns = [Connection(one.daemon.where) for _ in range(500)]
    for conn in conns:
        conn.ask(GOOD, keep=True)
        assert conn.answer().body == b"/good #1"
    assert one.daemon.threads() <= threads + 2
    assert one.get("/good").seconds < limit(0.2)
    for conn in conns[::50]:
        conn.ask(GOOD, keep=True)
        assert conn.answer().cache.hit
    for conn in conns:
        conn.close()
    until(lambda: one.daemon.fds() <= fds + 2, what="500 descriptors to be given back")


def test_a_kept_connection_of_misses(site):
    """The next request may come before the thread that answered the last one has let go."""
    one = site([{"prefix": "/pass", "cache": False}, *PAGES])
    with one.client.connect() as conn:
        for number in range(500):
            url = ("/pass/%d" if number % 3 == 0 else "/page/%d") % number
            conn.ask(page_params(url), keep=True)
            assert conn.answer(timeout=limit(3)).body == url.encode() + b" #1"


def test_idle_timeout(site):
    one = site(PAGES, limits={"idle_timeout": "1s"})
    with one.client.connect() as conn:
        conn.ask(GOOD, keep=True)
        assert conn.answer().complete and conn.alive()
        assert conn.closed(limit(5))


def test_a_reader_that_does_not_read(site):
    """F15: others, who ask for the same page or another, do not notice."""
    one = site(PAGES, workers=4)
    body = bytes(range(256)) * 20_000
    one.app.on("/big", lambda x: body)
    one.get("/big")
    stuck = [Connection(one.daemon.where) for _ in range(8)]
    for conn in stuck:
        conn.ask(page_params("/big"))
    past(0.1)
    assert one.get("/big").body == body and one.get("/other").seconds < limit(1)
    assert stuck[0].answer().body == body
    for conn in stuck:
        conn.close()
    one.check_alive()


def test_a_passing_reader_that_does_not_read(site):
    """F15 on a bypass: its fetch is held up, and nothing else."""
    one = site([{"prefix": "/pass", "cache": False}, *PAGES])
    body = bytes(range(256)) * 20_000
    one.app.on("/pass", lambda x: body)
    with one.client.connect() as conn:
        conn.ask(page_params("/pass"))
        one.app.wait("/pass")
        assert one.get("/other").seconds < limit(1)
        assert conn.answer().body == body


def test_a_client_that_leaves_alone(site):
    """F01: a small page is finished and stored."""
    one = site(PAGES)
    gate, handler = one.app.held()
    one.app.on("/slow", handler)
    with one.client.connect() as conn:
        conn.ask(page_params("/slow"))
        one.app.wait("/slow")
    past(0.1)                   # our leaving has been noticed by now
    gate.set()
    until(lambda: one.app.open == 0)
    assert one.get("/slow").body == b"/slow #1" and one.app.count("/slow") == 1
    assert one.get("/slow").cache.hit


def test_many_that_leave_at_once(site):
    """F02: 200 requests under way; every descriptor is free soon."""
    one = site(PAGES)
    one.check_alive()
    gate, handler = one.app.held()
    one.app.on("/slow", handler)
    before = one.daemon.fds()
    conns = [Connection(one.daemon.where) for _ in range(200)]
    for number, conn in enumerate(conns):
        conn.ask(page_params("/slow" if number % 2 else f"/n{number}"))
    one.app.wait("/slow")
    for conn in conns:
        conn.close()
    gate.set()
    until(lambda: one.daemon.fds() <= before + 2, what="the descriptors to be given back")
    one.check_alive()


def test_connect_and_close(site):
    """F18: no flood in the log, no stall, descriptors flat."""
    one = site(PAGES)
    one.check_alive()
    before, mark = one.daemon.fds(), one.daemon.mark()
    for number in range(3000):
        conn = Connection(one.daemon.where)
        if number % 3 == 0:
            conn.send(BEGIN[:number % 16])
        conn.close()
    until(lambda: one.daemon.fds() <= before, what="descriptors to be given back")
    assert one.daemon.mark() - mark < 20_000
    one.check_alive()


def test_out_of_descriptors(site):
    """X01: accepting does not spin, connections at hand are served, and it recovers."""
    one = site(PAGES)
    one.get("/good")
    with one.client.connect() as kept:
        kept.ask(GOOD, keep=True)
        assert kept.answer().cache.hit
        resource.prlimit(one.daemon.pid, resource.RLIMIT_NOFILE, (48, 20000))
        conns = [Connection(one.daemon.where) for _ in range(100)]
        cpu = one.daemon.cpu()
        past(1)
        assert SLOW or one.daemon.cpu() - cpu < 0.3, "accepting spins"
        kept.ask(GOOD, keep=True)
        assert kept.answer().cache.hit
        for conn in conns:
            conn.close()
    until(lambda: one.get("/good").cache.hit)
    one.check_alive()


def test_parallel_requests_of_all_kinds(site):
    """A little of everything at once, from many threads, on kept and fresh connections."""
    one = site([{"prefix": "/pass", "cache": False}, {"prefix": "/", "ttl": "50ms", "grace": 5}])

    def visitor(number):
        for step in range(30):
            url = ("/pass/%d" if step % 3 == 0 else "/page/%d") % (step % 5)
            answer = one.get(url) if step % 4 else one.send("POST", url, b"x" * step * 100)
            assert answer.complete and answer.status == 200, (number, answer)
            assert answer.body.startswith(url.encode() + b" #"), answer
    for wait in [background(visitor, number) for number in range(12)]:
        wait()
