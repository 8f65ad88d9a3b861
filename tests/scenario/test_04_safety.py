"""C01-C24: what must not be stored, or not be served to somebody else.

The way of looking is nearly always the same: ask twice, and the second answer must be the
application's own second one ("#2"), not the first visitor's. `private` (asking.py) does that.
What the application's head says about lifetimes is in test_04_lifetime.py.
"""
import pytest

from app import counting
from asking import numbered, private, shared
from client import page_params
from waiting import past
from web import background

PAGES = [{"prefix": "/", "ttl": 60}]


@pytest.mark.parametrize("name", ["Set-Cookie", "set-cookie", "SET-COOKIE"])
@pytest.mark.parametrize("status", [200, 301, 404])
def test_set_cookie(site, name, status):
    """C01"""
    one = site([{"prefix": "/", "ttl": 60, "statuses": {"200": 60, "301": 60, "404": 60}}])
    one.app.on("/p", numbered(status, [("X-First", "1"), (name, "id=7")]))
    assert private(one, detail="set-cookie").get("Set-Cookie") == "id=7"


@pytest.mark.parametrize("how", [{"headers": {"Authorization": "Basic eDp5"}},
                                 {"REMOTE_USER": "ann"}])
def test_authorization(site, how):
    """C02: neither stored nor served from what is stored for others."""
    one = site(PAGES)
    private(one, detail="authorization", **how)
    one.get("/q")
    answer = one.get("/q", **how)
    assert answer.body == b"/q #2" and not answer.cache.hit
    assert one.get("/q").body == b"/q #1", "the stored page stays"


def test_authorization_reaches_the_application(site):
    one = site(PAGES)
    one.get("/p", {"Authorization": "Basic eDp5"})
    assert one.app.last("/p").header("Authorization") == "Basic eDp5"


def test_vary_keeps_variants_apart(site):
    """C05"""
    one = site(PAGES)
    one.app.on("/p", lambda x: (200, [("Vary", "Accept-Language, X-Kind")],
                                f"{x.header('Accept-Language')} {x.header('X-Kind')}"))
    for _ in range(2):
        for language, kind in (("de", "a"), ("en", "a"), ("de", "b"), (None, None)):
            headers = {"Accept-Language": language, "X-Kind": kind} if language else None
            assert one.get("/p", headers).body == f"{language} {kind}".encode()
    assert one.app.count("/p") == 4
    assert one.get("/p", {"Accept-Language": "fr", "X-Kind": "a"}).cache.fwd == "vary-miss"


def test_vary_changes_between_responses(site):
    """C05: a page that varies only for some of its visitors is never given to the wrong one."""
    def page(exchange):
        language = exchange.header("Accept-Language") or "none"
        return 200, [("Vary", "Accept-Language" if language == "de" else "X-Kind")], language
    one = site(PAGES, handler=page)
    for language in ("de", "en", "de", "fr", "en"):
        body = one.get("/p", {"Accept-Language": language, "X-Kind": language}).body
        assert body == language.encode()


def test_vary_cookie_counts_what_the_application_saw(site):
    """Vary: Cookie with every cookie ignored is one variant."""
    one = site([{"prefix": "/", "ttl": 60, "ignore_cookies": ["*"]}])
    one.app.on("/p", numbered(fields=[("Vary", "Cookie")]))
    assert one.get("/p", {"Cookie": "a=1"}).body == one.get("/p", {"Cookie": "b=2"}).body
    assert one.get("/p").cache.hit and one.app.count("/p") == 1


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE",
                                    "PROPFIND", "get", "Get", "GETX", "M-SEARCH"])
def test_other_methods_pass(site, method):
    """C06"""
    one = site(PAGES)
    page = one.get("/p").body
    for number in (1, 2):
        answer = one.send(method, "/p")
        assert answer.body == b"/p #%d" % number and answer.cache.fwd == "method"
        assert not answer.cache.stored and one.app.last("/p").method == method
    assert one.get("/q").body == b"/q #1" and page == b"/p #1"


def test_get_with_a_body_passes(site):
    """C07"""
    one = site(PAGES)
    one.app.on("/p", lambda x: b"%s %s" % (x.body, counting(x)))
    for number in (1, 2):
        params = page_params("/p", body=b"find this")
        answer = one.client.request(params, b"find this")
        assert answer.body == b"find this /p #%d" % number and answer.cache.fwd == "bypass"
    assert one.get("/p").body == b" /p #3"


@pytest.mark.parametrize("value", ["bytes=0-3", "bytes=0-1,4-5", "bytes=-2", "bytes=900-"])
def test_range_does_not_spoil_the_page(site, value):
    """C08"""
    one = site(PAGES)
    one.app.on("/p", lambda x: (206, [("Content-Range", "bytes 0-3/9")], b"frag")
               if x.header("Range") else b"the whole")
    first = one.get("/p", {"Range": value})
    assert first.status in (200, 206, 416) and first.complete
    second = one.get("/p")
    assert second.status == 200 and second.body == b"the whole"


def test_206_is_never_stored(site):
    """C08"""
    one = site([{"prefix": "/", "ttl": 60, "statuses": {"2xx": 60}}])
    one.app.on("/p", numbered(206, [("Content-Range", "bytes 0-3/9")]))
    private(one)


@pytest.mark.parametrize("status", [
    201, 206, 302, 303, 307, 400, 401, 403, 404, 405, 407, 408, 410, 411, 412, 413, 414, 415, 416,
    417, 421, 425, 426, 429, 431, 451, 500, 501, 502, 503, 504, 599])
def test_statuses_that_are_not_stored(site, status):
    """C09: by default only 200, 203, 301 and 308 are."""
    one = site(PAGES)
    one.app.on("/p", numbered(status, [("Location", "/x")]))
    assert private(one).status == status


@pytest.mark.parametrize("status", ["000", "99", "999", "abc", "1000", "-1", ""])
def test_statuses_that_are_none(site, status):
    """C09: refused, or passed on, never stored, never in place of a page."""
    one = site(PAGES)
    one.app.on("/p", lambda x: (status, (), b"x"))
    for _ in range(2):
        answer = one.get("/p")
        assert answer.complete and not answer.cache.stored and not answer.cache.hit
    assert one.app.count("/p") == 2
    one.check_alive()


@pytest.mark.parametrize("name", ["X-Accel-Redirect", "X-Sendfile", "X-Sendfile2",
                                  "X-LIGHTTPD-send-file", "x-accel-redirect", "X-Reproxy-URL"])
def test_internal_redirects(site, name):
    """C11: they usually are the result of an access check."""
    one = site(PAGES)
    one.app.on("/p", numbered(fields=[(name, "/secret/file"), ("Cache-Control", "max-age=60")]))
    assert private(one).get(name) == "/secret/file"


def test_a_304_is_never_the_page(site):
    """C12, U31: even if the application answers one that nobody asked for."""
    one = site([{"prefix": "/", "ttl": 60, "statuses": {"2xx": 60, "3xx": 60}}])
    one.app.on("/p", lambda x: (304, [("ETag", '"a"')], b"") if x.serial == 1 else b"page")
    first = one.get("/p", {"If-None-Match": '"a"'})
    assert first.status in (304, 502) and not first.cache.stored
    second = one.get("/p")
    assert second.status == 200 and second.body == b"page"


@pytest.mark.parametrize("fields", [[("Content-Type", "text/event-stream")],
                                    [("X-Accel-Buffering", "no")]])
def test_streams_are_streamed(site, fields):
    """C14: the first event arrives while the page is still being made."""
    one = site(PAGES)
    gate = one.app.gate()

    def events(exchange):
        exchange.head(200, fields)
        exchange.stdout(b"event 1\n")
        gate.wait(10)
        exchange.stdout(b"event 2\n")
        exchange.end()
    one.app.on("/events", events)
    for _ in range(2):
        gate.clear()
        with one.client.connect() as conn:
            conn.ask(page_params("/events"))
            conn.wait_stdout(b"event 1\n")
            gate.set()
            assert conn.answer().body == b"event 1\nevent 2\n"
    assert one.app.count("/events") == 2


def test_hop_by_hop_headers_are_not_replayed(site):
    """C17"""
    one = site(PAGES)
    names = ["Connection", "Keep-Alive", "TE", "Trailer", "Upgrade", "Proxy-Authenticate",
             "Proxy-Connection", "X-Hop"]
    values = {"Connection": "close, X-Hop"}
    one.app.on("/p", (200, [(name, values.get(name, "x")) for name in names] + [("X-End", "e")],
                      b"x"))
    answer = shared(one)
    assert answer.get("X-End") == "e"
    assert not [name for name, _ in answer.headers if name in names]


def test_past_ttl_and_grace_nothing_is_served(site):
    """C20"""
    one = site([{"prefix": "/", "ttl": "200ms", "grace": "200ms", "stale_if_error": "200ms"}])
    one.get("/p")
    one.app.stop()
    past(0.4)
    answer = one.get("/p")
    assert answer.status == 502 and answer.complete and b"/p #" not in answer.body


def test_a_client_cannot_force_a_miss(site):
    """C22"""
    one = site(PAGES)
    one.get("/p")
    for name, value in (("Cache-Control", "no-cache"), ("Cache-Control", "no-store"),
                        ("Cache-Control", "max-age=0"), ("Pragma", "no-cache")):
        assert one.get("/p", {name: value}).cache.hit, value
    assert one.app.count("/p") == 1


def test_only_if_cached(site):
    """C22: 504 when there is nothing, at once and without the application."""
    one = site(PAGES)
    headers = {"Cache-Control": "only-if-cached"}
    answer = one.get("/p", headers)
    assert answer.status == 504 and answer.complete and one.app.count() == 0
    one.get("/p")
    assert one.get("/p", headers).cache.hit


def test_what_we_add_is_not_kept(site):
    """C23"""
    one = site(PAGES)
    for _ in range(5):
        answer = one.get("/p")
    assert answer.cache.ours == 1 and len(answer.all("Age")) == 1
    added = sum(len(name) + len(value) for name, value in answer.headers
                if name in ("Age", "Cache-Status"))
    assert added < 200


@pytest.mark.parametrize("text", ["PHP Fatal error:  Uncaught Error: no_such_function()",
                                  "PHP message: PHP Fatal error:  Allowed memory size"])
def test_a_fatal_error_on_stderr(site, text):
    """C24, U17: the page came to a proper end, but it is half a page."""
    one = site(PAGES)

    def page(exchange):
        exchange.head(200)
        exchange.stdout(b"half %d" % exchange.serial)
        exchange.stderr(text)
        exchange.end()
    one.app.on("/p", page)
    private(one)
    assert "Fatal error" in one.daemon.log()


@pytest.mark.parametrize("before", [1015, 1024, 8190, 8192, 100000])
def test_a_fatal_error_behind_much_else(site, before):
    """C24: more than the log takes is read all the same, in whatever pieces it comes."""
    one = site(PAGES)

    def page(exchange):
        exchange.head(200)
        exchange.stdout(b"half %d" % exchange.serial)
        for start in range(0, before, 50000):
            exchange.stderr("w" * min(50000, before - start))
        exchange.stderr("PHP Fat")
        exchange.stderr("al error:  Uncaught Error")
        exchange.end()
    one.app.on("/p", page)
    private(one)


def test_a_mere_notice_on_stderr_is_no_reason(site):
    one = site(PAGES)

    def page(exchange):
        exchange.stderr("PHP Notice:  Undefined variable $x")
        exchange.respond(200, (), counting(exchange))
    one.app.on("/p", page)
    shared(one)


def test_an_error_never_replaces_a_good_page(site):
    """C09: while it is stale and the application fails, the good one stays as it was."""
    one = site([{"prefix": "/", "ttl": "200ms", "stale_if_error": 60}])
    one.get("/p")
    past(0.2)
    one.app.on("/p", (500, (), b"broken"))
    for _ in range(2):
        assert one.get("/p").body == b"/p #1"


def test_a_page_of_one_visitor_is_not_shared_while_it_is_made(site):
    """C01 with coalescing: the follower of a page with Set-Cookie gets his own."""
    one = site(PAGES)
    gate = one.app.gate()

    def page(exchange):
        if exchange.serial == 1:
            gate.wait(10)
        return 200, [("Set-Cookie", f"id={exchange.serial}")], counting(exchange)
    one.app.on("/p", page)
    first = background(one.get, "/p")
    one.app.wait("/p")
    second = background(one.get, "/p")
    gate.set()
    cookies = {first().get("Set-Cookie"), second().get("Set-Cookie")}
    assert len(cookies) == 2 and one.app.count("/p") == 2
