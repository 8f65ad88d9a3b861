"""What goes to the application: bodies streamed, of any size, counted; large parameters.

U33, F06, A23: php-fpm waits for what CONTENT_LENGTH promises, so the promise is
kept or the request is not forwarded; it may answer while we still send.
"""
import hashlib

import pytest

import fcgi
from client import page_params
from waiting import SLOW, limit, until

PAGES = [{"prefix": "/", "ttl": 60}]


def digest(exchange):
    """Length, digest and what CONTENT_LENGTH said."""
    return "%d %s %s" % (len(exchange.body), hashlib.md5(exchange.body).hexdigest(),
                         exchange.env.get("CONTENT_LENGTH"))


def expected(body):
    return ("%d %s %d" % (len(body), hashlib.md5(body).hexdigest(), len(body))).encode()


@pytest.mark.parametrize("size", [1, 8191, 8192, 65535, 65536, 1_000_000])
def test_sizes(site, size):
    one = site(PAGES, handler=digest)
    body = (bytes(range(251)) * (size // 251 + 1))[:size]
    assert one.send("POST", "/p", body).body == expected(body)


def test_body_of_30_megabytes_in_bounded_memory(site):
    one = site(PAGES, handler=digest)
    one.check_alive()
    before = one.daemon.rss()
    body = bytes(range(256)) * 120_000
    assert one.send("POST", "/p", body).body == expected(body)
    assert SLOW or one.daemon.rss() < before + (6 << 20)


@pytest.mark.parametrize("size", [1, 7, 100])
def test_bodies_in_small_records(site, size):
    one = site(PAGES, handler=digest)
    body = bytes(range(256)) * 8
    params = page_params("/p", "POST", body=body)
    data = (fcgi.begin() + fcgi.stream(fcgi.PARAMS, fcgi.pairs(params))
            + fcgi.stream(fcgi.STDIN, body, size=size, pad=3))
    with one.client.connect() as conn:
        conn.send(data)
        assert conn.answer().body == expected(body)


def test_bodies_leave_a_kept_connection_in_step(site):
    one = site(PAGES, handler=digest)
    body = bytes(range(256)) * 2000
    with one.client.connect() as conn:
        for _ in range(5):
            conn.ask(page_params("/p", "POST", body=body), body, keep=True)
            assert conn.answer().body == expected(body)


@pytest.mark.parametrize("body_too", [True, False])
def test_a_body_on_a_hit_is_not_the_next_request(site, body_too):
    """The rest of a body must never be parsed, let alone executed, as a request."""
    one = site(PAGES)
    one.get("/a")
    smuggled = fcgi.request(page_params("/smuggled"), keep=True)
    with one.client.connect() as conn:
        params = page_params("/a", body=smuggled) if body_too else page_params("/a")
        conn.ask(params, smuggled, keep=True)
        assert conn.answer().complete
        try:
            conn.ask(page_params("/b"), keep=True)
            answer = conn.answer()
        except OSError:
            answer = None
        assert answer is None or answer.broken or answer.body == b"/b #1"
    assert one.app.count("/smuggled") == 0


def test_an_early_answer_is_passed_on(site):
    """The application answers without reading; the client gets it though it still sends."""
    one = site(PAGES)
    one.app.on("/early", lambda x: (413, (), b"too much"), lazy=True)
    body = b"x" * 5_000_000
    answer = one.send("POST", "/early", body)
    assert answer.status == 413 and answer.body == b"too much"
    one.check_alive()


def test_the_answer_streams_while_the_body_does(site):
    """Both directions at once: neither waits for the other."""
    one = site(PAGES)

    def mirror(exchange):
        exchange.head(200)
        done = 0
        while not exchange.body_done:
            exchange.read_body(done + 1)
            exchange.stdout(exchange.body[done:])
            done = len(exchange.body)
        exchange.end()
    one.app.on("/mirror", mirror, lazy=True)
    with one.client.connect() as conn:
        body = b"first part" + bytes(range(200)) * 1000
        conn.send(fcgi.begin() + fcgi.stream(fcgi.PARAMS, fcgi.pairs(
            page_params("/mirror", "POST", body=body))))
        conn.send(fcgi.stream(fcgi.STDIN, body[:100_000], close=False))
        conn.wait_stdout(b"first part")
        conn.send(fcgi.stream(fcgi.STDIN, body[100_000:]))
        assert conn.answer().body == body


def test_unknown_length_is_found_out(site):
    """nginx with fastcgi_request_buffering off and a chunked upload: CONTENT_LENGTH is empty."""
    one = site(PAGES, handler=digest)
    body = b"chunked " * 50_000
    params = page_params("/p", "POST", CONTENT_LENGTH="")
    assert one.client.request(params, body).body == expected(body)


@pytest.mark.parametrize("how", ["close", "half-close", "abort", "end"])
def test_a_body_that_is_cut(site, how):
    """F06: the application never sees it as complete."""
    one = site(PAGES)
    whole = []

    def handler(exchange):
        exchange.read_body()
        whole.append(len(exchange.body))
        return b"stored it"
    one.app.on("/p", handler, lazy=True)
    with one.client.connect() as conn:
        params = page_params("/p", "POST", body=b"x" * 9000)
        conn.send(fcgi.begin(keep=True) + fcgi.stream(fcgi.PARAMS, fcgi.pairs(params))
                  + fcgi.record(fcgi.STDIN, b"x" * 4000))
        if how == "half-close":
            conn.half_close()
        elif how == "abort":
            conn.send(fcgi.record(fcgi.ABORT))
        elif how == "end":
            conn.send(fcgi.record(fcgi.STDIN))
        if how != "close":
            answer = conn.answer(timeout=limit(5))
            assert answer.broken or answer.status in (400, 408), answer
    until(lambda: one.app.open == 0, what="the application's connection to be closed")
    assert not whole, "half a body reached the application as a whole one"
    one.check_alive()


@pytest.mark.parametrize("value", ["-1", "12abc", "abc", "0x10", "9223372036854775808",
                                   "18446744073709551621", "99999999999999999999999", "5,5", "+5"])
def test_lengths_that_are_none(site, value):
    """A23"""
    one = site(PAGES)
    answer = one.client.request(page_params("/p", "POST", CONTENT_LENGTH=value), b"12345")
    assert answer.broken or answer.status in (400, 413), answer
    assert one.app.count() == 0
    one.check_alive()


def test_more_body_than_promised(site):
    """F06, U11's mirror: never more than CONTENT_LENGTH reaches the application."""
    one = site(PAGES)
    one.app.on("/p", lambda x: x.body)
    answer = one.client.request(page_params("/p", "POST", CONTENT_LENGTH="5"), b"12345678")
    assert answer.broken or answer.status == 400 or answer.body == b"12345"
    assert all(len(x.body) <= 5 for x in one.app.requests("/p"))


@pytest.mark.parametrize("strange", [
    fcgi.begin(rid=2), fcgi.record(fcgi.STDIN, b"", rid=2), fcgi.record(99, b"x"), bytes(8),
    fcgi.record(fcgi.GET_VALUES, fcgi.pair("FCGI_MAX_CONNS", ""), rid=0),
    fcgi.record(fcgi.PARAMS, fcgi.pair("A", "b"))])
def test_other_records_in_the_body(site, strange):
    """Multiplexing and management records between STDIN records."""
    one = site(PAGES)
    one.app.on("/p", lambda x: x.body)
    with one.client.connect() as conn:
        params = page_params("/p", "POST", body=b"12345678")
        conn.send(fcgi.begin() + fcgi.stream(fcgi.PARAMS, fcgi.pairs(params))
                  + fcgi.record(fcgi.STDIN, b"1234") + strange)
        try:
            conn.send(fcgi.stream(fcgi.STDIN, b"5678"))
        except OSError:
            pass
        answer = conn.answer(timeout=limit(5))
        assert answer.broken or answer.status == 400 or answer.body == b"12345678"
    one.check_alive()


@pytest.mark.parametrize("params", [
    [(f"P{number}", "v" * 50) for number in range(900)], [("BIG", "v" * 60000)],
    [("A", "v" * 40000), ("B", "w" * 20000)]])
def test_large_parameters(site, params):
    """U33: split between pairs, each whole in its record (the application checks that)."""
    one = site(PAGES)
    asked = page_params("/f", **dict(params))
    assert one.client.request(asked).body == b"/f #1"
    got = dict(one.app.last("/f").pairs)
    assert all(got[name] == value for name, value in params)


def test_a_pair_too_large_for_the_application(site):
    """U33: 431 from us, the application is not contacted, nothing is stored."""
    one = site(PAGES, limits={"max_request_params": "200k"})
    answer = one.client.request(page_params("/f", BIG="v" * 66000))
    assert answer.status == 431 and answer.complete and one.app.count() == 0
    assert one.get("/f").body == b"/f #1"


def test_more_parameters_than_allowed(site):
    one = site(PAGES, limits={"max_request_params": "16k"})
    answer = one.client.request(page_params("/f", BIG="v" * 20000))
    assert answer.broken or answer.status in (400, 431)
    assert one.app.count() == 0
    one.check_alive()
