"""Validation and more: clients with conditions and wishes of their own, grace, failures.

RFC 5861 (stale-while-revalidate, stale-if-error), RFC 9111 section 5.2.1 (what a client may ask,
where the rule has client_control) and RFC 8246 (immutable). For the pages see checking.py.
"""
import pytest

from asking import numbered
from checking import (AFTER, BEFORE, CHECKED, FAILURES, MODIFIED, RULE, Page, conditions, fails,
                      forwarded, has)
from waiting import limit, past, until
from web import background

HOUR = 3600
CONTROL = [{"prefix": "/", "client_control": True}]
QUICK = {"read_timeout": "200ms"}


def control(one, words, url="/p"):
    """Ask with this Cache-Control, if any."""
    return one.get(url, {"Cache-Control": words} if words else None)


# -- a client's own conditions -----------------------------------------------------------------

@pytest.mark.parametrize("header, value, now, status, body", [
    ("If-None-Match", '"v1"', '"v1"', 304, b""), ("If-None-Match", "*", '"v1"', 304, b""),
    ("If-None-Match", '"mine"', '"v1"', 200, b"/p #1"),
    ("If-None-Match", '"mine", W/"v1"', '"v1"', 304, b""),
    ("If-Modified-Since", AFTER, '"v1"', 304, b""),
    ("If-Modified-Since", BEFORE, '"v1"', 200, b"/p #1"),
    ("If-None-Match", '"v1"', '"v2"', 200, b"/p #2"), ("If-None-Match", '"v2"', '"v2"', 304, b""),
    ("If-None-Match", '"mine"', '"v2"', 200, b"/p #2")])
def test_the_client_has_conditions_too(site, header, value, now, status, body):
    """They are answered from what comes of it, and never reach the application."""
    one = site(RULE)
    page = has(one, Page(modified=MODIFIED))
    page.etag = now
    answer = one.get("/p", {header: value})
    assert conditions(one.app.last("/p")) == ('"v1"', MODIFIED)
    assert (answer.status, answer.body) == (status, body) and answer.complete
    assert answer.get("ETag") == now and one.get("/p").status == 200


@pytest.mark.parametrize("condition, status, body", [
    (None, 206, b"p "), ('"v1"', 206, b"p "), ('"mine"', 200, b"/p #1")])
def test_the_client_wants_a_part(site, condition, status, body):
    """Of the page that has been checked; the application is asked about all of it."""
    one = site(RULE)
    has(one, Page())
    headers = {"Range": "bytes=1-2", **({"If-Range": condition} if condition else {})}
    answer = one.get("/p", headers)
    assert (answer.status, answer.body) == (status, body) and forwarded(answer)[0] == "stale"
    asked = one.app.last("/p")
    assert conditions(asked) == ('"v1"', None)
    assert asked.header("Range") is None and asked.header("If-Range") is None


@pytest.mark.parametrize("value, status", [('"v1"', 304), ('"mine"', 200)])
def test_a_client_with_conditions_on_a_cold_page(site, value, status):
    """The application makes the page, which is stored whole."""
    one = site(RULE)
    one.app.on("/p", Page(age=None))
    answer = one.get("/p", {"If-None-Match": value})
    assert conditions(one.app.last("/p")) == (None, None) and answer.status == status
    assert one.get("/p").body == b"/p #1" and one.app.count("/p") == 1


# -- grace -------------------------------------------------------------------------------------

@pytest.mark.parametrize("rule, words", [({"grace": 60}, "max-age=60"),
                                         ({}, "max-age=60, stale-while-revalidate=60")])
def test_a_refresh_asks_with_conditions(site, rule, words):
    """Its 304 makes the page fresh; meanwhile everybody has the stale one."""
    one = site([{"prefix": "/", **rule}])
    page = has(one, Page(modified=MODIFIED, control=words, news=[("X-New", "1")]))
    gate, handler = one.app.held(page)
    one.app.on("/p", handler)
    for _ in range(5):
        answer = one.get("/p", {"If-None-Match": '"mine"'})
        assert answer.cache.hit and answer.cache.ttl <= 0 and answer.body == b"/p #1"
    assert one.app.wait("/p", 2) == 2
    assert conditions(one.app.last("/p")) == ('"v1"', MODIFIED)
    gate.set()
    until(lambda: one.get("/p").cache.ttl > 0)
    answer = one.get("/p")
    assert answer.body == b"/p #1" and answer.get("X-New") == "1" and one.app.count("/p") == 2


def test_a_refresh_that_brings_a_new_page(site):
    one = site([{"prefix": "/", "grace": 60}])
    page = has(one, Page())
    page.etag, page.age = '"v2"', None
    assert one.get("/p").body == b"/p #1"
    until(lambda: one.get("/p").body == b"/p #2")
    assert conditions(one.app.last("/p"))[0] == '"v1"' and one.app.count("/p") == 2


@pytest.mark.parametrize("words", ["no-store", "private"])
def test_a_refresh_that_forbids(site, words):
    """The page goes; who asks next has one of his own."""
    one = site([{"prefix": "/", "grace": 60}])
    has(one, Page(news=[("Cache-Control", words)]))
    assert one.get("/p").body == b"/p #1"
    one.app.wait("/p", 2)
    until(lambda: one.get("/p").body == b"/p #3")
    assert [conditions(x)[0] for x in one.app.requests("/p")[1:3]] == ['"v1"', None]


def test_a_refresh_with_a_304_of_something_else(site):
    """It asks again without conditions, still in the background."""
    one = site([{"prefix": "/", "grace": 60}])
    page = has(one, Page())
    page.age = None
    one.app.on("/p", lambda x: (304, [("ETag", '"other"')], b"") if x.header("If-None-Match")
               else page(x))
    assert one.get("/p").cache.hit
    until(lambda: one.get("/p").body == b"/p #3")
    assert one.app.count("/p") == 3


# -- failures ----------------------------------------------------------------------------------

@pytest.mark.parametrize("how", FAILURES)
@pytest.mark.parametrize("rule, words", [({"stale_if_error": 60}, "max-age=60"),
                                         ({}, "max-age=60, stale-if-error=60")])
def test_stale_if_error(site, rule, words, how):
    """The application was asked, with conditions, and failed: the stale page, which says so."""
    one = site([{"prefix": "/", **rule}], application=QUICK)
    has(one, Page(control=words))
    fails(one, how)
    answer = one.get("/p")
    assert (answer.status, answer.body) == (200, b"/p #1") and answer.complete
    assert forwarded(answer) == ("stale", str(how) if isinstance(how, int) else None)
    assert answer.cache.detail == ("timeout" if how == "hangs" else "application")
    assert answer.cache.ttl <= 0 and answer.age >= 60
    assert not answer.cache.hit and not answer.cache.stored
    assert how == "refused" or conditions(one.app.last("/p"))[0] == '"v1"'


@pytest.mark.parametrize("how", FAILURES)
@pytest.mark.parametrize("rule, words", [({}, "max-age=60"), ({}, "max-age=60, stale-if-error=5"),
                                         ({"stale_if_error": 5}, "max-age=60"),
                                         ({"stale_if_error": 60}, "max-age=60, stale-if-error=0")])
def test_too_stale_for_an_error(site, rule, words, how):
    """The time is over, or there is none; the response's word counts before the rule's."""
    one = site([{"prefix": "/", **rule}], application=QUICK)
    has(one, Page(control=words, age=70))
    fails(one, how)
    answer = one.get("/p")
    assert answer.status == {"refused": 502, "closed": 502, "hangs": 504}.get(how, how)
    assert answer.complete and b"/p #" not in answer.body


@pytest.mark.parametrize("status, stays", [(400, True), (403, True), (429, True), (501, True),
                                           (404, False), (410, False)])
def test_an_answer_is_no_failure(site, status, stays):
    """The application can speak: its answer goes out. The page stays unless that is about it."""
    one = site([{"prefix": "/", "stale_if_error": 60}])
    page = has(one, Page())
    one.app.on("/p", (status, (), b"no"))
    assert (one.get("/p").status, one.get("/p").body) == (status, b"no")
    one.app.on("/p", page)
    assert (one.get("/p").body == b"/p #1") == stays


def test_the_client_has_conditions_and_the_application_fails(site):
    one = site([{"prefix": "/", "stale_if_error": 60}])
    has(one, Page())
    fails(one, 503)
    assert one.get("/p", {"If-None-Match": '"v1"'}).status == 304
    head = one.send("HEAD", "/p")
    assert head.status == 200 and head.body == b"" and forwarded(head) == ("stale", "503")


def test_stale_for_all_who_wait(site):
    """One check fails, and everybody has the stale page."""
    one = site([{"prefix": "/", "stale_if_error": 60}])
    has(one, Page())
    gate, handler = one.app.held((503, (), b"broken"))
    one.app.on("/p", handler)
    waits = [background(one.get, "/p") for _ in range(5)]
    one.app.wait("/p", 2)
    past(limit(0.1))
    gate.set()
    for wait in waits:
        answer = wait()
        assert (answer.status, answer.body) == (200, b"/p #1") and answer.cache.ttl <= 0
    assert one.app.count("/p") == 2 and conditions(one.app.last("/p"))[0] == '"v1"'


def test_well_again(site):
    """After the failure the page is checked as before."""
    one = site([{"prefix": "/", "stale_if_error": 60}])
    page = has(one, Page())
    fails(one, "refused")
    assert one.get("/p").body == b"/p #1"
    one.app.start()
    until(lambda: forwarded(one.get("/p")) == CHECKED)
    assert one.get("/p").cache.hit and page.is_current(one.app.last("/p"))


# -- what a client may ask ---------------------------------------------------------------------

@pytest.mark.parametrize("words, checked", [
    ("no-cache", True), ("max-age=0", True), ("max-age=10", True), ("max-age=45", False),
    ("min-fresh=10", False), ("min-fresh=45", True), ("max-stale", False), ("max-stale=9", False),
    ("max-age=45, min-fresh=45", True), ("only-if-cached", False), ("max-age=soon", True),
    ("x-unknown", False), (None, False)])
@pytest.mark.parametrize("allowed", [True, False])
def test_a_client_and_a_fresh_page(site, words, checked, allowed):
    """The page is 30 s old and has 30 s to live."""
    one = site([{"prefix": "/", "client_control": allowed}])
    has(one, Page(age=30, modified=MODIFIED))
    answer = control(one, words)
    assert answer.body == b"/p #1"
    if checked and allowed:
        assert forwarded(answer) == ("request", "304") and answer.cache.stored
        assert conditions(one.app.last("/p")) == ('"v1"', MODIFIED)
        assert one.app.last("/p").header("Cache-Control") is None
    else:
        assert answer.cache.hit and one.app.count("/p") == 1


@pytest.mark.parametrize("words, served", [
    ("max-stale", True), ("max-stale=60", True), ("max-stale=5", False), ("max-stale=0", False),
    ("max-stale=soon", False), ("max-stale=60, no-cache", False), (None, False)])
def test_a_client_and_a_stale_page(site, words, served):
    """The page's life has been over for 10 s."""
    one = site(CONTROL)
    has(one, Page(age=70))
    answer = control(one, words)
    assert answer.body == b"/p #1"
    if served:
        assert answer.cache.hit and -11 <= answer.cache.ttl <= -10 and answer.age >= 70
    else:
        assert forwarded(answer) == CHECKED and one.app.count("/p") == 2


@pytest.mark.parametrize("words, checked", [
    ("max-age=100", True), ("max-age=100, max-stale", False), ("min-fresh=0", True),
    ("x-unknown", False)])
def test_a_client_and_a_page_in_grace(site, words, checked):
    """Who says how old a page may be and nothing of stale ones wants a fresh one (5.2.1.1)."""
    one = site([{**CONTROL[0], "grace": 60}])
    has(one, Page(age=70))
    answer = control(one, words)
    assert answer.body == b"/p #1" and answer.cache.hit != checked
    if checked:
        assert forwarded(answer) == CHECKED


def test_a_client_who_wants_nothing_stored(site):
    """He is served by himself; what others have stored is none of his."""
    one = site(CONTROL)
    has(one, Page(age=30))
    answer = control(one, "no-store")
    assert answer.body == b"/p #1" and not answer.cache.stored
    assert one.get("/p").body == b"/p #1" and control(one, "only-if-cached").cache.hit
    assert control(one, "no-store", "/new").cache.detail == "client-no-store"
    assert control(one, "only-if-cached", "/new").status == 504


@pytest.mark.parametrize("words", ["must-revalidate, max-age=60", "proxy-revalidate, max-age=60",
                                   "s-maxage=60", "no-cache"])
def test_max_stale_is_not_for_all_pages(site, words):
    """Section 4.2.4: the application's word counts before the client's."""
    one = site(CONTROL)
    has(one, Page(control=words))
    assert forwarded(control(one, "max-stale")) == CHECKED


@pytest.mark.parametrize("header", [{"Pragma": "no-cache"}, {"Cache-Control": "no-cache"},
                                    {"Pragma": "no-cache", "Cache-Control": "max-age=45"}])
def test_pragma(site, header):
    """It counts where there is no Cache-Control (section 5.4)."""
    one = site(CONTROL)
    has(one, Page(age=30))
    assert one.get("/p", header).cache.hit == (len(header) == 2)


@pytest.mark.parametrize("words, age, checked", [
    ("max-age=0", 30, False), ("no-cache", 30, True), ("max-age=10", 30, True),
    ("max-age=0", 70, True), ("max-age=0, no-cache", 30, True)])
def test_immutable(site, words, age, checked):
    """RFC 8246: a reload does not check what cannot change while it is fresh; in grace it does."""
    one = site([{**CONTROL[0], "grace": 60}])
    has(one, Page(control="max-age=60, immutable", age=age))
    answer = control(one, words)
    assert answer.cache.hit != checked and one.app.count("/p") == 1 + checked


@pytest.mark.parametrize("allowed", [True, False])
@pytest.mark.parametrize("words", ["only-if-cached", "only-if-cached, x-unknown"])
def test_only_if_cached(site, words, allowed):
    """504 for what is not there and for what would have to be checked; nobody is asked."""
    one = site([{"prefix": "/", "client_control": allowed}])
    has(one, Page())
    for url in ("/p", "/other"):
        answer = control(one, words, url)
        assert answer.status == 504 and answer.complete
        assert answer.cache.detail == "only-if-cached" and answer.seconds < limit(1)
    one.get("/p")
    assert control(one, words).cache.hit and one.app.count() == 2


def test_only_if_cached_and_something_else(site):
    one = site(CONTROL)
    has(one, Page(age=30))
    assert control(one, "only-if-cached, max-age=10").status == 504
    assert control(one, "only-if-cached, max-age=45").cache.hit


def test_a_client_whose_page_is_not_good_any_more(site):
    """A reload brings the new page, for everybody."""
    one = site(CONTROL)
    page = has(one, Page(age=30))
    page.etag = '"v2"'
    answer = control(one, "no-cache")
    assert answer.body == b"/p #2" and forwarded(answer) == ("request", None)
    assert one.get("/p").body == b"/p #2"


@pytest.mark.parametrize("how", FAILURES)
def test_a_reload_while_the_application_fails(site, how):
    """The page is fresh: better than an error."""
    one = site([{**CONTROL[0], "stale_if_error": 0}], application=QUICK)
    has(one, Page(age=30))
    fails(one, how)
    answer = control(one, "no-cache")
    assert (answer.status, answer.body) == (200, b"/p #1") and 25 <= answer.cache.ttl <= 30


@pytest.mark.parametrize("words, rule, age, served", [
    ("max-age=60", {}, HOUR, True), ("max-age=60", {}, HOUR + 70, False),
    ("max-age=60", {"stale_if_error": 0}, 60, False),
    ("max-age=60", {"client_control": False}, 60, False),
    ("max-age=60, stale-if-error=5", {}, 70, False),
    ("max-age=60, must-revalidate", {}, 60, False), ("max-age=60, proxy-revalidate", {}, 60, False),
    ("s-maxage=60", {}, 60, False), ("max-age=60, no-cache", {}, 60, False)])
def test_an_hour_for_errors(site, words, rule, age, served):
    """Where clients can ask for better, a rule that does not say has one hour of stale_if_error."""
    one = site([{**CONTROL[0], **rule}])
    has(one, Page(control=words, age=age))
    fails(one, "refused")
    answer = one.get("/p")
    assert answer.status == (200 if served else 502) and (answer.body == b"/p #1") == served


def test_a_reload_of_what_has_no_validator(site):
    one = site(CONTROL)
    one.app.on("/p", numbered(fields=[("Cache-Control", "max-age=60")]))
    assert [control(one, words).body for words in (None, "no-cache", None)] == [
        b"/p #1", b"/p #2", b"/p #2"]
    assert conditions(one.app.last("/p")) == (None, None)


def test_nothing_of_this_without_a_rule(site):
    """Where nothing is cached the application answers for itself, conditions and all."""
    one = site([{"prefix": "/", "cache": False}])
    one.app.on("/p", Page())
    answer = one.get("/p", {"If-None-Match": '"v1"', "Cache-Control": "no-cache"})
    assert answer.status == 304 and one.app.last("/p").header("Cache-Control") == "no-cache"
