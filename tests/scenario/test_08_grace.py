"""Grace: the stale page at once while one request refreshes it, and stale pages instead of errors.

A refresh runs in the background, so its end is awaited at the application (`wait`) and then at the
client (`until` the body is the new one).
"""
import pytest

from app import counting
from waiting import limit, past, until
from web import background

GRACE = [{"prefix": "/", "ttl": "200ms", "grace": 60}]
ERROR = [{"prefix": "/", "ttl": "200ms", "stale_if_error": 60}]


def becomes(one, body, url="/p"):
    """Wait until the cache answers with this body."""
    until(lambda: one.get(url).body == body, what=body)


def prime(one, url="/p", ttl=0.2):
    """Put a page into the cache and let its TTL pass; its body."""
    body = one.get(url).body
    past(ttl)
    return body


def test_stale_at_once_then_fresh(site):
    one = site(GRACE)
    assert prime(one) == b"/p #1"
    gate, handler = one.app.held()
    one.app.on("/p", handler)
    for _ in range(5):
        answer = one.get("/p")
        assert answer.body == b"/p #1" and answer.seconds < limit(0.1)
        assert answer.cache.hit and answer.cache.ttl <= 0 and answer.complete
    assert one.app.wait("/p", 2) == 2, "one refresh for all of them"
    gate.set()
    becomes(one, b"/p #2")


def test_ttl_of_a_stale_page_is_negative(site):
    one = site([{"prefix": "/", "ttl": "100ms", "grace": 60}])
    one.get("/p")
    gate, handler = one.app.held()
    one.app.on("/p", handler)
    past(1.5)
    answer = one.get("/p")
    assert answer.cache.hit and answer.cache.ttl < 0 and answer.age >= 1
    gate.set()


def test_past_grace_everyone_waits(site):
    one = site([{"prefix": "/", "ttl": "200ms", "grace": "200ms"}])
    prime(one, ttl=0.4)
    answer = one.get("/p")
    assert answer.body == b"/p #2" and not answer.cache.hit


def test_a_refresh_that_fails_is_tried_again(site):
    """A refresher that dies does not block the refresh."""
    one = site(GRACE)
    prime(one)
    one.app.on("/p", lambda x: x.close())
    for _ in range(20):
        assert one.get("/p").body == b"/p #1"
    one.app.wait("/p", 2)
    one.app.on("/p", b"back")
    becomes(one, b"back")


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_refresh_that_errs_leaves_the_page(site, status):
    one = site([{"prefix": "/", "ttl": "200ms", "grace": 60, "stale_if_error": 60}])
    prime(one)
    one.app.on("/p", (status, (), b"broken"))
    assert one.get("/p").body == b"/p #1"
    one.app.wait("/p", 2)
    past(0.1)
    assert one.get("/p").body == b"/p #1"


def test_a_refresh_that_hangs_holds_nobody_up(site):
    one = site(GRACE)
    prime(one)
    gate, handler = one.app.held()
    one.app.on("/p", handler)
    one.get("/p")
    one.app.wait("/p", 2)
    for number in range(20):
        assert one.get("/p").seconds < limit(0.1)
        assert one.get(f"/other{number}").body == b"/other%d #1" % number
    assert one.app.count("/p") == 2
    gate.set()


def test_a_refresh_outlives_its_client(site):
    """Whoever triggered it may go; the page is refreshed all the same."""
    one = site(GRACE)
    prime(one)
    gate, handler = one.app.held()
    one.app.on("/p", handler)
    assert one.get("/p").body == b"/p #1"       # the connection is closed by now
    one.app.wait("/p", 2)
    gate.set()
    becomes(one, b"/p #2")


def test_every_page_has_its_own_refresh(site):
    one = site(GRACE)
    for number in range(10):
        one.get(f"/{number}")
    past(0.2)
    for number in range(10):
        assert one.get(f"/{number}").body == b"/%d #1" % number
    for number in range(10):
        one.app.wait(f"/{number}", 2)
        becomes(one, b"/%d #2" % number, f"/{number}")


def test_variants_are_refreshed_as_variants(site):
    one = site(GRACE)
    one.app.on("/p", lambda x: (200, [("Vary", "Accept-Language")], b"%s %s" % (
        x.header("Accept-Language").encode(), counting(x))))
    for language in ("de", "en"):
        one.get("/p", {"Accept-Language": language})
    past(0.2)
    for language in ("de", "en"):
        assert one.get("/p", {"Accept-Language": language}).body.startswith(language.encode())
    one.app.wait("/p", 4)
    for language in ("de", "en"):
        assert one.get("/p", {"Accept-Language": language}).body.startswith(language.encode())


def test_conditions_on_a_stale_page(site):
    one = site(GRACE)
    one.app.on("/p", lambda x: (200, [("ETag", '"v%d"' % x.serial)], counting(x)))
    prime(one)
    answer = one.get("/p", {"If-None-Match": '"v1"'})
    assert answer.status == 304 and answer.cache.hit
    becomes(one, b"/p #2")


def test_head_of_a_stale_page(site):
    one = site(GRACE)
    prime(one)
    answer = one.send("HEAD", "/p")
    assert answer.body == b"" and answer.cache.hit
    one.app.wait("/p", 2)
    assert one.app.last("/p").method == "GET"
    becomes(one, b"/p #2")


def test_the_application_grants_grace(site):
    """stale-while-revalidate, without a word of the rule."""
    one = site([{"prefix": "/"}])
    one.app.on("/p", lambda x: (200, [("Cache-Control", "max-age=1, stale-while-revalidate=60")],
                                counting(x)))
    prime(one, ttl=1.5)
    answer = one.get("/p")
    assert answer.body == b"/p #1" and answer.cache.hit and answer.cache.ttl <= 0
    becomes(one, b"/p #2")


def test_stale_if_error_while_the_application_is_down(site):
    one = site(ERROR)
    prime(one)
    one.app.stop()
    for _ in range(3):
        answer = one.get("/p")
        assert answer.status == 200 and answer.body == b"/p #1" and answer.complete
    assert one.get("/never").status == 502
    one.app.start()
    until(lambda: one.get("/p").body == b"/p #2")


@pytest.mark.parametrize("status, stale", [
    (500, True), (502, True), (503, True), (504, True), (501, False), (404, False), (403, False),
    (200, False)])
def test_stale_if_error_by_status(site, status, stale):
    one = site(ERROR)
    prime(one)
    one.app.on("/p", (status, (), b"now"))
    answer = one.get("/p")
    if stale:
        assert (answer.status, answer.body) == (200, b"/p #1")
    else:
        assert (answer.status, answer.body) == (status, b"now")


def test_stale_if_error_runs_out(site):
    one = site([{"prefix": "/", "ttl": "200ms", "stale_if_error": "200ms"}])
    prime(one, ttl=0.4)
    one.app.on("/p", (503, (), b"down"))
    assert one.get("/p").status == 503
    one.app.stop()
    assert one.get("/p").status == 502


def test_stale_if_error_from_the_application(site):
    one = site([{"prefix": "/"}])
    one.app.on("/p", lambda x: (200, [("Cache-Control", "max-age=1, stale-if-error=60")],
                                counting(x)))
    prime(one, ttl=1.5)
    one.app.stop()
    assert one.get("/p").body == b"/p #1"


def test_stale_if_error_after_a_timeout(site):
    one = site(ERROR, application={"read_timeout": "300ms"})
    prime(one)
    gate, handler = one.app.held()
    one.app.on("/p", handler)
    answer = one.get("/p")
    assert answer.body == b"/p #1" and 0.2 < answer.seconds < limit(2)
    gate.set()


def test_grace_and_a_new_visitor_without_a_page(site):
    """A page in grace never delays one that is not there at all, nor the other way round."""
    one = site(GRACE)
    prime(one)
    gate, handler = one.app.held()
    one.app.on("/cold", handler)
    cold = background(one.get, "/cold")
    one.app.wait("/cold")
    assert one.get("/p").body == b"/p #1"
    becomes(one, b"/p #2")
    gate.set()
    assert cold().body == b"/cold #1"
