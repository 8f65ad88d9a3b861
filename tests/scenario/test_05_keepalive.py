"""Kept connections to the application (keep_alive): reused, and given up without a client noticing.

U22-U24. A connection that dies between two requests is nobody's error: a GET is asked again on a
fresh one, and what must not be done twice is never sent on a used one.
"""
import pytest

from app import Application
from waiting import limit, past, until
from web import background

PAGES = [{"prefix": "/", "ttl": 60}]


@pytest.fixture
def kept(site):
    """A site whose application connections are kept."""
    return lambda keep=2, **also: site(PAGES, application={"keep_alive": keep, **also})


def test_not_kept_by_default(site):
    one = site(PAGES)
    for number in range(3):
        one.get(f"/{number}")
    assert one.app.connected == 3 and not any(x.keep for x in one.app.requests())
    until(lambda: one.app.open == 0)


def test_connections_are_reused(kept):
    one = kept()
    for number in range(10):
        assert one.get(f"/{number}").body == b"/%d #1" % number
    assert one.app.connected == 1 and all(x.keep for x in one.app.requests())
    assert [x.reused for x in one.app.requests()] == [False] + [True] * 9


def test_no_more_idle_than_said(kept):
    one = kept(keep=1)
    gate, handler = one.app.held()
    one.app.default = handler
    waits = [background(one.get, f"/{number}") for number in range(4)]
    one.app.wait(count=4)
    gate.set()
    for wait in waits:
        assert wait().complete
    until(lambda: one.app.open <= 1, what="the connections beyond keep_alive to close")


def test_closed_between_requests(kept):
    """U22: one silent retry for a GET."""
    one = kept()
    for number in range(10):
        assert one.get(f"/{number}").body == b"/%d #1" % number
        one.app.drop_all()
        until(lambda: one.app.open == 0)
    assert one.app.count() == 10


def test_dies_with_the_next_request(kept):
    """U22, U05: closed after the request was read on a reused connection: a GET is tried again,
    once; on a fresh connection it is not."""
    one = kept()
    one.get("/first")

    def dying(exchange):
        if exchange.reused:
            exchange.close()
            return None
        return b"whole"
    one.app.on("/dying", dying)
    assert one.get("/dying").body == b"whole" and one.app.count("/dying") == 2
    one.app.on("/dead", lambda x: x.close())
    one.get("/again")
    answer = one.get("/dead")
    assert answer.status == 502 and 1 <= one.app.count("/dead") <= 2


def test_half_an_answer_is_no_reason_to_try_again(kept):
    one = kept()
    one.get("/first")

    def half(exchange):
        exchange.head(200)
        exchange.close()
    one.app.on("/half", half)
    answer = one.get("/half")
    assert answer.status == 502 and one.app.count("/half") == 1


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_unsafe_methods_get_a_fresh_connection(kept, method):
    """U22"""
    one = kept()
    one.get("/first")
    for _ in range(3):
        assert one.send(method, "/post", b"body").status == 200
    assert one.app.count("/post") == 3
    assert not any(x.reused for x in one.app.requests("/post"))


def test_unsafe_methods_are_never_sent_twice(kept):
    one = kept()
    one.get("/first")
    one.app.on("/post", lambda x: x.close())
    assert one.send("POST", "/post", b"body").status == 502 and one.app.count("/post") == 1


@pytest.mark.parametrize("kind", ["unix", "tcp"])
def test_closed_after_every_fifth_answer(kept, folder, kind):
    """U23: pm.max_requests, with RST; no client sees it."""
    other = Application("tcp:127.0.0.1:0" if kind == "tcp" else f"unix:{folder}/other.sock").start()

    def handler(exchange):
        exchange.respond(200, (), exchange.uri)
        if other.count() % 5 == 0:
            exchange.reset()
    other.default = handler
    one = kept(address=other.where)
    try:
        for number in range(200):
            answer = one.get(f"/{number}")
            assert answer.status == 200 and answer.body == b"/%d" % number, answer
    finally:
        other.stop()


def test_busy_after_its_end(kept):
    """U24: fastcgi_finish_request, then a slow script: nobody waits longer than read_timeout."""
    one = kept(read_timeout="1s")
    gate = one.app.gate()

    def finish_early(exchange):
        exchange.respond(200, (), b"early")
        gate.wait(5)
    one.app.on("/early", finish_early)
    assert one.get("/early").body == b"early"
    answer = one.get("/other")
    assert answer.complete and answer.status in (200, 504) and answer.seconds < limit(2.5)
    gate.set()
    assert one.get("/third").body == b"/third #1"


def test_bytes_after_the_end_spoil_the_connection(kept):
    """What follows END_REQUEST never becomes the head of the next page."""
    one = kept()

    def talks_on(exchange):
        exchange.respond(200, (), b"mine")
        exchange.raw(b"\1\6\0\1\0\4\0\0evil")
    one.app.on("/talks", talks_on)
    assert one.get("/talks").body == b"mine"
    past(0.05)
    answer = one.get("/other")
    assert answer.status == 200 and answer.body == b"/other #1"


def test_reloads_change_keep_alive(kept):
    one = kept()
    one.get("/a")
    one.daemon.application = one.app.where
    one.daemon.reload(PAGES)
    one.get("/b")
    one.get("/c")
    assert not one.app.last("/c").keep
