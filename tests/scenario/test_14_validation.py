"""Validation: a page past its lifetime is kept, and the application says whether it is still good.

RFC 9111 section 4.3. The pages are those of checking.py, stale as they come. Variants, HEAD
and many visitors at once are in test_14_variants.py; clients with conditions and wishes of their
own, grace and failures in test_14_stale.py.
"""
import pathlib
import re

import pytest

from app import counting
from asking import date, numbered
from checking import CHECKED, FAILURES, MODIFIED, RULE, Page, conditions, fails, forwarded, has
from waiting import until
from web import background

DAY = 86400


@pytest.mark.parametrize("etag, modified", [
    ('"v1"', None), ('W/"v1"', None), (None, MODIFIED), ('"v1"', MODIFIED)])
def test_still_good(site, etag, modified):
    """The application is asked with its own validators; its 304 makes the page fresh again."""
    one = site(RULE)
    has(one, Page(etag, modified))
    answer = one.get("/p")
    assert conditions(one.app.last("/p")) == (etag, modified)
    assert (answer.status, answer.body) == (200, b"/p #1") and answer.complete
    assert forwarded(answer) == CHECKED and answer.cache.stored and not answer.cache.hit
    assert answer.get("Content-Length") == "5" and answer.get("ETag") == etag and answer.age <= 1
    again = one.get("/p")
    assert again.cache.hit and again.body == b"/p #1" and 55 <= again.cache.ttl <= 60
    assert one.app.count("/p") == 2


def test_not_good_any_more(site):
    """A 200 takes the page's place, and is asked about the next time."""
    one = site(RULE)
    page = has(one, Page(modified=MODIFIED))
    page.etag = '"v2"'
    answer = one.get("/p")
    assert conditions(one.app.last("/p")) == ('"v1"', MODIFIED)
    assert answer.body == b"/p #2" and answer.get("ETag") == '"v2"'
    assert forwarded(answer) == ("stale", None) and answer.cache.stored
    assert one.get("/p").body == b"/p #2"
    assert conditions(one.app.last("/p"))[0] == '"v2"' and one.get("/p").cache.hit


def test_no_validator_no_question(site):
    """Past its lifetime such a page is of no use: nothing is kept, and nothing is asked."""
    one = site(RULE)
    one.app.on("/p", Page(etag=None))
    for number in (b"#1", b"#2"):
        answer = one.get("/p")
        assert answer.body == b"/p " + number and not answer.cache.stored
        assert conditions(one.app.last("/p")) == (None, None)


@pytest.mark.parametrize("age, kept", [(60 + DAY - 60, True), (60 + DAY + 60, False)])
def test_it_is_kept_for_a_day(site, age, kept):
    one = site(RULE)
    one.app.on("/p", Page(age=age))
    assert one.get("/p").cache.stored == kept
    assert forwarded(one.get("/p")) == (CHECKED if kept else ("uri-miss", None))


@pytest.mark.parametrize("etag, modified", [('""', None), ("unquoted", None), (None, "yesterday")])
def test_odd_validators(site, etag, modified):
    """As the application wrote them; what is no date is no validator."""
    one = site(RULE)
    one.app.on("/p", Page(etag, modified))
    one.get("/p")
    answer = one.get("/p")
    if modified == "yesterday":
        assert answer.body == b"/p #2" and conditions(one.app.last("/p")) == (None, None)
    else:
        assert answer.body == b"/p #1" and forwarded(answer) == CHECKED


def test_a_page_that_is_not_for_this_request(site):
    """Another script behind the URL, or a visitor with a password: it is not asked about."""
    one = site(RULE)
    has(one, Page())
    for how in ({"headers": {"Authorization": "Basic eDp5"}}, {"SCRIPT_NAME": "/other.php"}):
        answer = one.get("/p", **how)
        assert answer.status == 200 and answer.body != b"/p #1"
        assert conditions(one.app.last("/p")) == (None, None)


def test_other_statuses(site):
    """What is stored of them is checked too, and stays what it is."""
    one = site([{"prefix": "/", "statuses": {"404": 60}}])
    page = Page()
    one.app.on("/p", lambda x: (404, page.head(), b"none") if x.serial == 1 else page(x))
    for expected in (("uri-miss", None), CHECKED, (None, None)):
        answer = one.get("/p")
        assert (answer.status, answer.body) == (404, b"none") and forwarded(answer) == expected


def test_again_and_again(site):
    """Each 304 makes a new page of the same body, byte for byte; the store has room for one."""
    one = site(RULE, store="memory:///?max_size=4m")
    body = bytes(range(251)) * 10_000
    page = Page(news=[("Age", "60")])
    one.app.on("/p", lambda x: page(x) if x.serial > 1 else (200, page.head(), body))
    one.get("/p")
    for _ in range(10):
        answer = one.get("/p")
        assert answer.body == body and forwarded(answer) == CHECKED and answer.cache.stored


def test_a_post_comes_in_between(site):
    """What was checked before it is no page for those who ask after it."""
    one = site(RULE)
    page = has(one, Page())
    gate, handler = one.app.held(page)
    one.app.on("/p", lambda x: (200, (), b"done") if x.method == "POST" else handler(x))
    wait = background(one.get, "/p")
    one.app.wait("/p", 2)
    assert one.send("POST", "/p", b"x").body == b"done"
    gate.set()
    assert wait().body == b"/p #1"
    assert one.get("/p").body == b"/p #3" and conditions(one.app.last("/p")) == (None, None)


# -- what a 304 changes ------------------------------------------------------------------------

def test_fields_are_merged(site):
    """Section 3.2: a field of the 304 takes the place of all stored ones of its name."""
    one = site(RULE)
    has(one, Page(fields=[("X-Two", "a"), ("X-Two", "b"), ("X-Old", "stays"),
                          ("Content-Type", "text/css")],
                  news=[("x-two", "c"), ("X-New", "comes"), ("Cache-Control", "max-age=1000")]))
    for answer in (one.get("/p"), one.get("/p")):
        assert answer.all("X-Two") == ["c"] and answer.get("X-New") == "comes"
        assert answer.get("X-Old") == "stays" and answer.get("Content-Type") == "text/css"
        assert answer.get("Cache-Control") == "max-age=1000" and answer.get("ETag") == '"v1"'
    assert 990 <= answer.cache.ttl <= 1000


@pytest.mark.parametrize("coding", [None, "gzip"])
def test_the_body_stays_what_it_is(site, coding):
    """Length and coding belong to the stored body, whatever a 304 says."""
    one = site(RULE)
    has(one, Page(fields=[("Content-Encoding", coding)] if coding else [],
                  news=[("Content-Length", "0"), ("Content-Encoding", "br")]))
    for answer in (one.get("/p"), one.get("/p")):
        assert answer.get("Content-Length") == "5" and answer.body == b"/p #1"
        assert answer.get("Content-Encoding") == coding
    assert answer.cache.hit


def test_a_304_with_a_body(site):
    """Against the protocol: its bytes are nobody's."""
    one = site(RULE)
    has(one, Page())
    one.app.on("/p", (304, [("ETag", '"v1"')], b"nonsense"))
    assert one.get("/p").body == one.get("/p").body == b"/p #1"


@pytest.mark.parametrize("news, ttl", [
    ([], 60), ([("Cache-Control", "max-age=500")], 500), ([("Cache-Control", "s-maxage=500")], 500),
    ([("Cache-Control", "max-age=100"), ("Age", "40")], 60), ([("X-Accel-Expires", "500")], 500),
    ([("Cache-Control", "max-age=100"), ("Date", -50)], 50), ([("Date", 0)], 60),
    ([("Surrogate-Control", "max-age=500")], 500)])
def test_how_long_it_is_good(site, news, ttl):
    """By the merged head; the age begins anew. Numbers are dates, in seconds from now."""
    one = site(RULE)
    news = [(name, date(value) if isinstance(value, int) else value) for name, value in news]
    has(one, Page(fields=[("Date", date(-60))], news=news))
    one.get("/p")
    answer = one.get("/p")
    assert answer.cache.hit and ttl - 10 <= answer.cache.ttl <= ttl
    assert answer.get("X-Accel-Expires") is None and answer.get("Surrogate-Control") is None


def test_what_steers_the_cache_is_remembered(site):
    """X-Accel-Expires is not passed on, and holds after a 304 all the same."""
    one = site([{"prefix": "/", "client_control": True}])
    page = has(one, Page(control=None, fields=[("X-Accel-Expires", "500")], age=None))
    page.news = [("X-New", "1")]
    assert one.get("/p", {"Cache-Control": "no-cache"}).get("X-New") == "1"
    answer = one.get("/p")
    assert answer.cache.hit and 490 <= answer.cache.ttl <= 500


def test_still_stale(site):
    """A 304 that gives no new time: the page is good for this once."""
    one = site(RULE)
    has(one, Page(news=[("Age", "60")]))
    for _ in range(3):
        assert forwarded(one.get("/p")) == CHECKED
    assert one.app.count("/p") == 4


def test_the_access_log(site, folder):
    one = site(RULE, log={"access_log": f"{folder}/access"})
    has(one, Page())
    one.get("/p")
    log = pathlib.Path(f"{folder}/access")
    until(lambda: "outcome=revalidated" in log.read_text())
    line = re.search(r".* outcome=revalidated .*", log.read_text()).group()
    assert "status=200" in line and "reason=-" in line and "stored=1" in line


# -- pages that are always checked -------------------------------------------------------------

@pytest.mark.parametrize("control", ["no-cache", "no-cache, max-age=60", "max-age=60, no-cache"])
def test_no_cache(site, control):
    """Stored, and checked before each use, however young it is."""
    one = site([{"prefix": "/", "ttl": 60, "grace": 60, "stale_if_error": 60}])
    page = has(one, Page(control=control, age=None))
    for number in (2, 3):
        answer = one.get("/p")
        assert answer.body == b"/p #1" and forwarded(answer) == CHECKED
        assert one.app.count("/p") == number
    page.etag = '"v2"'
    assert one.get("/p").body == b"/p #4"


def test_no_cache_and_nothing_to_check_by(site):
    one = site([{"prefix": "/", "ttl": 60}])
    one.app.on("/p", numbered(fields=[("Cache-Control", "no-cache")]))
    for number in (b"#1", b"#2"):
        answer = one.get("/p")
        assert answer.body == b"/p " + number and answer.cache.detail == "no-cache"
        assert not answer.cache.stored


@pytest.mark.parametrize("how", FAILURES)
@pytest.mark.parametrize("control", ["max-age=60, must-revalidate", "max-age=60, proxy-revalidate",
                                     "s-maxage=60", "no-cache", "no-cache, max-age=600",
                                     "no-cache, stale-if-error=60"])
def test_never_unchecked(site, control, how):
    """Sections 5.2.2.2 and 5.2.2.4: rather an error, whatever rule and response allow besides."""
    one = site([{"prefix": "/", "grace": 60, "stale_if_error": 60}],
               application={"read_timeout": "200ms"})
    page = has(one, Page(control=control))
    fails(one, how)
    answer = one.get("/p")
    assert answer.status == {"refused": 502, "closed": 502, "hangs": 504}.get(how, how)
    assert answer.complete and b"/p #" not in answer.body
    if how == "refused":
        one.app.start()
    one.app.on("/p", page)
    assert one.get("/p").body == b"/p #1", "what was stored is still there, to be checked"


# -- a 304 that does not fit -------------------------------------------------------------------

@pytest.mark.parametrize("client", [None, {"If-None-Match": '"other"'}])
def test_a_304_of_something_else(site, client):
    """Section 4.3.4: it says nothing of what is stored, so the whole page is asked for."""
    one = site(RULE)
    has(one, Page(modified=MODIFIED))
    one.app.on("/p", lambda x: (304, [("ETag", '"other"')], b"") if x.header("If-None-Match")
               else (200, [("ETag", '"new"'), ("Cache-Control", "max-age=60")], counting(x)))
    answer = one.get("/p", client)
    assert (answer.status, answer.body) == (200, b"/p #3") and answer.cache.stored
    assert [conditions(x) for x in one.app.requests("/p")[1:]] == [('"v1"', MODIFIED),
                                                                  (None, None)]
    assert one.get("/p").body == b"/p #3" and one.app.count("/p") == 3


def test_a_304_without_a_tag(site):
    """There was only one page that it could mean."""
    one = site(RULE)
    has(one, Page())
    one.app.on("/p", (304, [("X-New", "1")], b""))
    for answer in (one.get("/p"), one.get("/p")):
        assert answer.body == b"/p #1" and answer.get("X-New") == "1"
        assert answer.get("ETag") == '"v1"'
    assert answer.cache.hit


def test_a_304_that_breaks_off(site):
    """It is no answer before its end; what is stored stays."""
    one = site(RULE)
    page = has(one, Page(control="max-age=60, must-revalidate"))
    one.app.on("/p", lambda x: (x.head(304, [("ETag", '"v1"'), ("X-Half", "1")]), x.close()) and
               None)
    assert one.get("/p").status == 502
    one.app.on("/p", page)
    answer = one.get("/p")
    assert answer.body == b"/p #1" and forwarded(answer) == CHECKED
    assert answer.get("X-Half") is None


@pytest.mark.parametrize("text, status, detail", [
    ("", 1, "app-status"), ("PHP Fatal error:  Uncaught Error", 0, "app-error")])
def test_a_304_of_an_application_in_trouble(site, text, status, detail):
    """The client is served; what is stored stays as it was, to be checked again."""
    one = site(RULE)
    page = has(one, Page())
    one.app.on("/p", lambda x: (text and x.stderr(text), x.head(304, [("ETag", '"v1"')]),
                                x.end(status)) and None)
    answer = one.get("/p")
    assert answer.body == b"/p #1" and answer.cache.detail == detail and not answer.cache.stored
    one.app.on("/p", page)
    assert forwarded(one.get("/p")) == CHECKED and one.get("/p").cache.hit


@pytest.mark.parametrize("news, detail", [
    ([("Cache-Control", "no-store")], "no-store"), ([("Cache-Control", "private")], "private"),
    ([("Set-Cookie", "id=7")], "set-cookie"), ([("Vary", "*")], "vary-star")])
def test_a_304_that_forbids(site, news, detail):
    """The client gets the page, and the cache loses it."""
    one = site(RULE)
    has(one, Page(news=news))
    answer = one.get("/p")
    assert (answer.status, answer.body) == (200, b"/p #1") and answer.cache.detail == detail
    assert answer.get(news[0][0]) == news[0][1] and not answer.cache.stored
    answer = one.get("/p")
    assert answer.body == b"/p #3" and conditions(one.app.last("/p")) == (None, None)


@pytest.mark.parametrize("mode, asker, others", [
    ("strip", "id=7", None), ("drop", None, None), ("store", "id=7", "id=7")])
def test_a_304_that_sets_a_cookie(site, mode, asker, others):
    """As with a page: the rule says who gets it."""
    one = site([{"prefix": "/", "set_cookie": mode}])
    has(one, Page(news=[("Set-Cookie", "id=7")]))
    answer = one.get("/p")
    assert answer.body == b"/p #1" and answer.cache.stored
    assert answer.get("Set-Cookie") == asker
    answer = one.get("/p")
    assert answer.cache.hit and answer.get("Set-Cookie") == others


# -- validators of our own ---------------------------------------------------------------------

@pytest.mark.parametrize("rule, made", [({"etag": True}, "ETag"),
                                        ({"client_cache": "5m"}, "Last-Modified")])
@pytest.mark.parametrize("etag, modified", [(None, None), (None, MODIFIED), ('"v1"', None)])
def test_what_we_made_is_not_asked_about(site, rule, made, etag, modified):
    """The application would not know it; its own it does."""
    one = site([{"prefix": "/", "stale_if_error": 60, **rule}])
    has(one, Page(etag, modified))
    for _ in range(2):
        assert one.get("/p").get(made) is not None
        assert conditions(one.app.requests("/p")[1]) == (etag, modified)


def test_a_tag_of_ours_is_the_clients(site):
    """The page comes whole, and is the one that the client has."""
    one = site([{"prefix": "/", "stale_if_error": 60, "etag": True}])
    one.app.on("/p", (200, [("Cache-Control", "max-age=60"), ("Age", "60")], b"the same"))
    tag = one.get("/p").get("ETag")
    answer = one.get("/p", {"If-None-Match": tag})
    assert answer.status == 304 and conditions(one.app.last("/p")) == (None, None)
