"""What changes a page takes it out of the cache: unsafe methods (RFC 9111 section 4.4) and groups
(RFC 9875).

A story: pages are stored (`stored`), something is sent that changes them, and then they are asked
for again: the application's next page must come (`gone`), or it is still a hit (`stays`). The
application gives counted pages to GET and HEAD, and one scripted answer to all else.
"""
import pytest

from app import counting
from waiting import past
from web import background

PAGES = [{"prefix": "/", "ttl": 60}]
UNSAFE = ["POST", "PUT", "DELETE", "PATCH", "M-SEARCH", "FOO", "get", "MKCOL"]
SAFE = ["HEAD", "OPTIONS", "TRACE", "PROPFIND", "REPORT", "SEARCH", "QUERY"]


def changing(status=200, fields=()):
    """Counted pages, and this answer to every other method."""
    return lambda x: counting(x) if x.method in ("GET", "HEAD") else (status, list(fields), b"done")


def stored(one, *urls, **how):
    """Each of these pages is in the cache; their bodies."""
    for url in urls:
        one.get(url, **how)
    answers = [one.get(url, **how) for url in urls]
    assert all(answer.cache.hit for answer in answers), answers
    return [answer.body for answer in answers]


def stays(one, url, **how):
    answer = one.get(url, **how)
    assert answer.cache.hit, (url, answer)


def gone(one, url, **how):
    """The next request gets a page that has been asked for now, and it is stored in turn."""
    before = one.app.count(method="GET")
    answer = one.get(url, **how)
    assert not answer.cache.hit and not answer.age and answer.cache.stored, (url, answer)
    assert one.app.count(method="GET") == before + 1
    assert one.get(url, **how).body == answer.body
    return answer


# -- methods and statuses ---------------------------------------------------------------------

@pytest.mark.parametrize("method", UNSAFE)
def test_unsafe_methods_invalidate(site, method):
    one = site(PAGES, handler=changing())
    stored(one, "/p", "/other", "/p?q=1")
    assert one.send(method, "/p").body == b"done"
    assert gone(one, "/p").body == b"/p #2"
    stays(one, "/other")
    stays(one, "/p?q=1")


@pytest.mark.parametrize("method", SAFE)
def test_safe_methods_do_not(site, method):
    one = site(PAGES, handler=changing(fields=[("Location", "/p"), ("Content-Location", "/p"),
                                               ("Cache-Group-Invalidation", '"a"')]))
    stored(one, "/p")
    assert one.send(method, "/p").status == 200
    stays(one, "/p")


@pytest.mark.parametrize("status", [200, 201, 202, 204, 205, 299, 301, 302, 303, 304, 307, 399])
def test_any_answer_without_an_error_invalidates(site, status):
    one = site(PAGES, handler=changing(status))
    stored(one, "/p")
    assert one.send("POST", "/p", b"a=1").status == status
    gone(one, "/p")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 412, 429, 500, 501, 503, 599])
def test_errors_do_not(site, status):
    one = site(PAGES, handler=changing(status, [("Location", "/q"), ("Content-Location", "/q")]))
    stored(one, "/p", "/q")
    assert one.send("POST", "/p", b"a=1").status == status
    stays(one, "/p")
    stays(one, "/q")


def test_no_answer_does_not(site):
    """Nobody said that anything has changed."""
    one = site(PAGES, handler=changing())
    stored(one, "/p")
    one.app.stop()
    assert one.send("POST", "/p", b"a=1").status == 502
    stays(one, "/p")


def test_half_an_answer_does(site):
    """The head has said it; that the body was cut changes nothing of that."""
    one = site(PAGES)

    one.app.on("/p", lambda x: counting(x) if x.method == "GET" else (
        x.head(200, [("Content-Length", "100")]), x.close()) and None)
    stored(one, "/p")
    assert one.send("POST", "/p", b"a=1").broken
    gone(one, "/p")


@pytest.mark.parametrize("final, invalidates", [(b"Status: 200", True), (b"Status: 404", False)])
def test_interim_heads_do_not_count(site, final, invalidates):
    one = site(PAGES)
    one.app.on("/p", lambda x: counting(x) if x.method == "GET" else (
        x.stdout(b"Status: 103\r\nLocation: /q\r\n\r\n" + final + b"\r\n\r\n"), x.end()) and None)
    stored(one, "/p", "/q")
    one.send("POST", "/p")
    (gone if invalidates else stays)(one, "/p")
    stays(one, "/q")


# -- all that is stored of a URL --------------------------------------------------------------

def test_all_variants_go(site):
    """Also those that the one who changed the page would not get."""
    one = site(PAGES, handler=changing())
    version = [1]
    one.app.on("/p", lambda x: changing()(x) if x.method != "GET" else (
        200, [("Vary", "Accept-Language")], f"{x.header('Accept-Language')} {version[0]}"))
    languages = [{"Accept-Language": tag} for tag in ("de", "en", "fr")]
    for headers in languages:
        stored(one, "/p", headers=headers)
    version[0] = 2
    one.send("POST", "/p", b"a=1", {"Accept-Language": "it"})
    for headers in languages:
        answer = gone(one, "/p", headers=headers)
        assert answer.body == headers["Accept-Language"].encode() + b" 2", "an old variant is back"


def test_all_cookie_variants_go(site):
    one = site([{"prefix": "/", "ttl": 60, "key_cookies": ["lang"], "ignore_cookies": ["_*"],
                 "bypass_cookies": ["session"]}], handler=changing())
    cookies = [{"Cookie": "lang=de"}, {"Cookie": "lang=en"}, {"Cookie": "_ga=1"}]
    for headers in cookies:
        stored(one, "/p", headers=headers)
    one.send("POST", "/p", b"a=1", {"Cookie": "session=7; other=8; lang=it"})
    for headers in cookies:
        gone(one, "/p", headers=headers)


@pytest.mark.parametrize("rule, changed, page, other", [
    ({}, "/a?x=1", "/a?x=1", "/a"), ({}, "/a", "/a", "/a?x=1"),
    ({}, "/p%61ge", "/page", "/page2"), ({}, "/page?", "/page", "/page?x"),
    ({"drop_query": ["utm_*"]}, "/a?utm_x=1", "/a", "/a?x=1"),
    ({"drop_query": ["utm_*"]}, "/a?utm_x=1&x=1", "/a?x=1", "/a"),
    ({"query": "drop"}, "/a?x=1", "/a", "/b"),
    ({"sort_query": True}, "/a?y=2&x=1", "/a?x=1&y=2", "/a?x=1"),
    ({"key": "$path"}, "/a?x=1", "/a?x=1", "/b"), ({"key": "$path"}, "/a?x=1", "/a?x=2", "/b")])
def test_the_query_counts_as_far_as_the_rule_keeps_it(site, rule, changed, page, other):
    one = site([{"prefix": "/", "ttl": 60, **rule}], handler=changing())
    stored(one, page, other)
    one.send("POST", changed, b"a=1")
    gone(one, page)
    stays(one, other)


def test_other_hosts_stay(site):
    one = site(PAGES, handler=changing())
    stored(one, "/p")
    for how in ({"host": "other.example"}, {"host": "example.org:8080", "port": 8080}):
        stored(one, "/p", **how)
    one.send("POST", "/p", b"a=1")
    for how in ({"host": "other.example"}, {"host": "example.org:8080", "port": 8080}):
        stays(one, "/p", **how)
    gone(one, "/p")


def test_no_rule_is_needed_to_change_a_page(site):
    """Where it is sent to need not be cached itself; the old rules need not be in force."""
    one = site([{"prefix": "/api", "cache": False}, {"prefix": "/p", "ttl": 60}],
               handler=changing(303, [("Location", "/page")]))
    for url in ("/api/save", "/elsewhere"):
        stored(one, "/page")
        one.send("POST", url, b"a=1")
        one.daemon.reload(PAGES)
        gone(one, "/page")


# -- where the answer points to ---------------------------------------------------------------

@pytest.mark.parametrize("name", ["Location", "Content-Location"])
@pytest.mark.parametrize("value, page", [
    ("http://example.org/dir/page", "/dir/page"), ("HTTP://EXAMPLE.org:80/dir/page", "/dir/page"),
    ("//example.org/dir/page", "/dir/page"), ("/dir/page", "/dir/page"), ("page", "/dir/page"),
    ("./page", "/dir/page"), ("../page", "/page"), ("../../../page", "/page"),
    ("/dir/x/../page", "/dir/page"), ("page#part", "/dir/page"), ("p%61ge", "/dir/page"),
    ("page?q=1", "/dir/page?q=1"), ("/dir/page?q=1&utm_x=y", "/dir/page?q=1"),
    ("?q=1", "/dir/form?q=1"), (".", "/dir/"), ("http://example.org", "/")])
def test_what_it_points_to_goes(site, name, value, page):
    one = site([{"prefix": "/", "ttl": 60, "drop_query": ["utm_*"]}],
               handler=changing(303 if name == "Location" else 200, [(name, value)]))
    stored(one, page, "/dir/form?x=1", "/dir/form", "/dir/other")
    one.send("POST", "/dir/form?x=1", b"a=1")
    gone(one, page)
    gone(one, "/dir/form?x=1")
    stays(one, "/dir/form")
    stays(one, "/dir/other")


@pytest.mark.parametrize("value", [
    "http://other.example/page", "//other.example/page", "http://example.org:8080/page",
    "https://example.org/page", "http://example.org.evil/page", "http://ann@example.org/page",
    "ftp://example.org/page", "javascript:/page", "http:/page", "page?q=1", "/page/", "/Page",
    "http://example.org\\page", "/p age"])
def test_what_it_does_not_point_to_stays(site, value):
    """Another origin must not be able to empty ours, nor we that of another."""
    one = site(PAGES, handler=changing(201, [("Location", value), ("Content-Location", value)]))
    stored(one, "/page")
    stored(one, "/page", host="other.example")
    one.send("POST", "/form", b"a=1")
    stays(one, "/page")
    stays(one, "/page", host="other.example")


def test_a_redirect_of_a_get_changes_nothing(site):
    one = site(PAGES)
    one.app.on("/go", (302, [("Location", "/p"), ("Cache-Group-Invalidation", '"a"')], b""))
    stored(one, "/p")
    for headers in (None, {"Authorization": "Basic eDp5"}, {"Cookie": "a=1"}):
        assert one.get("/go", headers).status == 302
    stays(one, "/p")


# -- what was under way -----------------------------------------------------------------------

def under_way(site):
    """A site whose application has been asked for /p and answers when the gate is set."""
    one = site(PAGES, handler=changing())
    gate, handler = one.app.held()
    one.app.on("/p", lambda x: (handler if x.method + str(x.serial) == "GET1" else changing())(x))
    before = background(one.get, "/p")
    one.app.wait("/p")
    return one, gate, before


def test_a_page_under_way_is_not_kept(site):
    """Asked for before the change, answered after it: whoever asked gets it, and nobody later."""
    one, gate, before = under_way(site)
    assert one.send("POST", "/p", b"a=1").status == 200
    gate.set()
    assert before().body == b"/p #1"
    assert gone(one, "/p").body == b"/p #2"


def test_who_asks_after_the_change_does_not_get_what_was_under_way(site):
    """He waits with the one who asked before, and gets a page of his own all the same."""
    one, gate, before = under_way(site)
    one.send("POST", "/p", b"a=1")
    after = background(one.get, "/p")
    past(0.1)                       # time to find the one under way
    gate.set()
    assert before().body == b"/p #1" and after().body == b"/p #2"
    stays(one, "/p")


@pytest.mark.parametrize("answer", [200, 304])
def test_a_refresh_under_way_is_not_kept(site, answer):
    """A stale page is being refreshed, or checked, while it is changed."""
    one = site([{"prefix": "/", "ttl": "300ms", "grace": 60}])
    gate = one.app.gate()

    def page(exchange):
        if exchange.method == "POST":
            return b"done"
        if exchange.serial == 2:
            gate.wait(10)
        status = answer if exchange.serial == 2 else 200
        tag = exchange.serial - (status == 304)
        return status, [("ETag", f'"{tag}"')], counting(exchange) if status == 200 else b""
    one.app.on("/p", page)
    stored(one, "/p")
    past(0.3)
    assert one.get("/p").body == b"/p #1"
    one.app.wait("/p", 2)
    one.send("POST", "/p", b"a=1")
    after = background(one.get, "/p")
    past(0.1)                       # as above
    gate.set()
    assert after().body == one.get("/p").body == b"/p #3"


# -- never again ------------------------------------------------------------------------------

def test_a_page_that_is_gone_is_not_served_stale(site):
    """Neither in grace nor because the application fails."""
    one = site([{"prefix": "/", "ttl": "200ms", "grace": 60, "stale_if_error": 60}],
               handler=changing())
    for wait in (0, 0.25):
        stored(one, "/p")
        past(wait)
        one.send("POST", "/p", b"a=1")
        one.app.stop()
        for _ in range(2):
            answer = one.get("/p")
            assert answer.status == 502 and b"/p #" not in answer.body
        one.app.start()
        gone(one, "/p")


@pytest.mark.parametrize("failure", [
    (500, (), b"broken"), (503, (), b"broken"), (200, [("Set-Cookie", "a=1")], b"personal"),
    (200, [("Cache-Control", "no-store")], b"secret"), (404, (), b"none")])
def test_nothing_old_reappears_when_the_next_fetch_fails(site, failure):
    one = site([{"prefix": "/", "ttl": 60, "stale_if_error": 60}], handler=changing())
    stored(one, "/p")
    one.send("POST", "/p", b"a=1")
    one.app.on("/p", failure)
    for _ in range(2):
        assert one.get("/p").body == failure[2]
    one.app.on("/p", changing())
    assert gone(one, "/p").body == b"/p #4"


def test_head_is_not_answered_from_what_is_gone(site):
    one = site(PAGES, handler=changing())
    stored(one, "/p")
    one.send("PUT", "/p", b"new")
    assert not one.send("HEAD", "/p").cache.hit
    assert one.get("/p", {"Cache-Control": "only-if-cached"}).status == 504


def test_changes_one_after_another(site):
    one = site(PAGES, handler=changing())
    for number in range(1, 20):
        assert stored(one, "/p") == [b"/p #%d" % number]
        one.send("POST", "/p", b"a=1")


# -- groups -----------------------------------------------------------------------------------

def grouped(invalidation, groups):
    """Pages in the groups that `groups` gives for their paths; every change says `invalidation`."""
    lines = [invalidation] if isinstance(invalidation, str) else invalidation
    change = changing(200, [("Cache-Group-Invalidation", line) for line in lines])
    return lambda x: change(x) if x.method != "GET" else (
        200, [("Cache-Groups", line) for line in groups.get(x.path, ())], counting(x))


GROUPS = {"/ab": ['"a", "b"'], "/b": ['"b"'], "/lines": ['"c"', '"a"'], "/with": ['"a";x=1'],
          "/upper": ['"A"'], "/longer": ['"a "'], "/quoted": [r'"a\"\\b"'], "/token": ["a"],
          "/broken": ['"a"', '"b'], "/number": ['"a", 1'], "/none": []}


@pytest.mark.parametrize("invalidation, expected", [
    ('"a"', {"/ab", "/lines", "/with"}), ('"b"', {"/ab", "/b"}), ('"c"', {"/lines"}),
    ('"b", "c";now', {"/ab", "/b", "/lines"}), (['"b"', '"c"'], {"/ab", "/b", "/lines"}),
    ('"A"', {"/upper"}), (r'"a\"\\b"', {"/quoted"}), ('"nobody"', set()),
    ("a", set()), ('"a', set()), ('"a" "b"', set()), ('"a", 1', set()), (['"a"', "b"], set()),
    ("", set()), ("*", set()), ('("a")', set())])
def test_groups(site, invalidation, expected):
    """A field that is not a list of strings says nothing at all."""
    one = site(PAGES, handler=grouped(invalidation, GROUPS))
    stored(one, *GROUPS)
    one.send("POST", "/form", b"a=1")
    left = {url for url in GROUPS if one.get(url).cache.hit}
    assert left == set(GROUPS) - expected


def test_groups_are_of_one_origin(site):
    one = site(PAGES, handler=grouped('"a"', GROUPS))
    others = [{"host": "a.example"}, {"scheme": "https"}, {"host": "example.org:81", "port": 81}]
    stored(one, "/ab")
    for how in others:
        stored(one, "/ab", **how)
    one.send("POST", "/form", b"a=1", host="EXAMPLE.org:80")
    for how in others:
        stays(one, "/ab", **how)
    gone(one, "/ab")


def test_a_page_of_the_group_under_way_is_not_kept(site):
    one = site(PAGES, handler=grouped('"a"', GROUPS))
    gate, handler = one.app.held(one.app.default)
    one.app.on("/ab", lambda x: handler(x) if x.serial == 1 else one.app.default(x))
    before = background(one.get, "/ab")
    one.app.wait("/ab")
    one.send("POST", "/form", b"a=1")
    gate.set()
    assert before().body == b"/ab #1"
    gone(one, "/ab")


def test_a_304_brings_a_page_into_a_group(site):
    """What the news says of the page counts from then on."""
    one = site([{"prefix": "/", "ttl": "200ms"}], handler=changing(
        200, [("Cache-Group-Invalidation", '"a"')]))
    one.app.on("/p", lambda x: (304, [("ETag", '"1"'), ("Cache-Groups", '"a"'),
                                      ("Cache-Control", "max-age=60")], b"")
               if x.header("If-None-Match") else (200, [("ETag", '"1"')], counting(x)))
    one.get("/p")
    past(0.2)
    assert one.get("/p").body == b"/p #1"
    stays(one, "/p")
    one.send("POST", "/form", b"a=1")
    assert not one.get("/p").cache.hit
