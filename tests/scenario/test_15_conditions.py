"""Conditional requests on stored pages, in the order of RFC 9110 section 13.2.2, and If-Range.

If-Match, or without it If-Unmodified-Since: 412. If-None-Match, or without it If-Modified-Since:
304. Only then Range, if If-Range allows it. All of it is answered from the stored page, already
from the one that has just been fetched. RFC 9111 section 4.3.2 adds Date for a page that has no
Last-Modified.
"""
import time

import pytest

from asking import date
from ranging import DIGITS, ask, is_range, is_whole
from waiting import past

PAGES = [{"prefix": "/", "ttl": 60}]
BEFORE, MODIFIED, AFTER = ("Sun, 01 Jan 2023 10:00:00 GMT", "Mon, 02 Jan 2023 10:00:00 GMT",
                           "Tue, 03 Jan 2023 10:00:00 GMT")
TAGGED = [("ETag", '"v1"'), ("Last-Modified", MODIFIED)]
MATCH, NONE_MATCH = "If-Match", "If-None-Match"
SINCE, UNMODIFIED, RANGE, IF_RANGE = "If-Modified-Since", "If-Unmodified-Since", "Range", "If-Range"
PART = {RANGE: "bytes=2-4"}


def stored(site, fields, status=200, rules=None):
    """A site that has the page /p."""
    one = site(rules or PAGES)
    one.app.on("/p", (status, fields, DIGITS))
    assert ask(one).cache.stored
    return one


def comes(answer, status):
    """One of the answers there are to a condition, and right as such."""
    if status == 206:
        is_range(answer, 2, 4)
    elif status == 200:
        is_whole(answer)
    else:
        assert answer.status == status and answer.complete and DIGITS not in answer.body, answer
        assert not answer.all("Content-Range")
    assert status == 412 or answer.cache.hit


CASES = [
    # step 1: If-Match, strongly
    (200, {MATCH: '"v1"'}), (200, {MATCH: '"v0", "v1"'}), (200, {MATCH: "*"}),
    (412, {MATCH: '"v2"'}), (412, {MATCH: 'W/"v1"'}), (412, {MATCH: '"v0", W/"v1"'}),
    (412, {MATCH: '"v2"', NONE_MATCH: '"v1"'}), (412, {MATCH: '"v2"', **PART}),
    (206, {MATCH: '"v1"', **PART}), (200, {MATCH: '"v1"', UNMODIFIED: BEFORE}),
    # step 2: If-Unmodified-Since
    (200, {UNMODIFIED: MODIFIED}), (200, {UNMODIFIED: AFTER}), (412, {UNMODIFIED: BEFORE}),
    (200, {UNMODIFIED: "soon"}), (412, {UNMODIFIED: BEFORE, NONE_MATCH: '"v1"'}),
    (412, {UNMODIFIED: BEFORE, **PART}), (206, {UNMODIFIED: MODIFIED, **PART}),
    # step 3: If-None-Match, weakly
    (304, {NONE_MATCH: '"v1"'}), (304, {NONE_MATCH: 'W/"v1"'}), (304, {NONE_MATCH: "*"}),
    (304, {NONE_MATCH: '"v0" , W/"x",, "v1"'}), (304, {NONE_MATCH: "v1"}),
    (200, {NONE_MATCH: '"v2"'}), (200, {NONE_MATCH: '"V1"'}), (200, {NONE_MATCH: '"v1'}),
    (200, {NONE_MATCH: '"v0" "v1"'}), (200, {NONE_MATCH: '"v0,v1"'}),
    (304, {MATCH: '"v1"', NONE_MATCH: '"v1"'}), (304, {NONE_MATCH: '"v1"', **PART}),
    (304, {NONE_MATCH: '"v1"', IF_RANGE: '"v0"', **PART}), (206, {NONE_MATCH: '"v2"', **PART}),
    # step 4: If-Modified-Since, ignored where If-None-Match is
    (304, {SINCE: MODIFIED}), (304, {SINCE: AFTER}), (200, {SINCE: BEFORE}), (200, {SINCE: "soon"}),
    (304, {SINCE: "Monday, 02-Jan-23 10:00:00 GMT"}), (304, {SINCE: "Mon Jan  2 10:00:00 2023"}),
    (200, {NONE_MATCH: '"v2"', SINCE: AFTER}), (304, {NONE_MATCH: '"v1"', SINCE: BEFORE}),
    (304, {SINCE: AFTER, **PART}), (206, {SINCE: BEFORE, **PART}),
    # step 5: If-Range
    (206, {IF_RANGE: '"v1"', **PART}), (200, {IF_RANGE: '"v2"', **PART}),
    (200, {IF_RANGE: 'W/"v1"', **PART}), (200, {IF_RANGE: "v1", **PART}),
    (200, {IF_RANGE: '"v1", "v2"', **PART}), (200, {IF_RANGE: "*", **PART}),
    (206, {IF_RANGE: MODIFIED, **PART}), (200, {IF_RANGE: BEFORE, **PART}),
    (200, {IF_RANGE: AFTER, **PART}), (200, {IF_RANGE: "soon", **PART}),
    (206, {IF_RANGE: "Monday, 02-Jan-23 10:00:00 GMT", **PART}),
    (200, {IF_RANGE: '"v1"'}), (200, {IF_RANGE: '"v2"', RANGE: "bytes=99-"})]


@pytest.mark.parametrize("status, headers", CASES)
def test_order_of_conditions(site, status, headers):
    """On the hit; the application never hears of it."""
    one = stored(site, TAGGED + [("Date", date())])
    comes(one.get("/p", headers), status)
    assert one.app.count("/p") == 1


@pytest.mark.parametrize("status, headers", CASES)
def test_order_of_conditions_on_a_miss(site, status, headers):
    """The same on the page that has just come: it is fetched without them, and stored."""
    one = site(PAGES)
    one.app.on("/p", (200, TAGGED + [("Date", date())], DIGITS))
    answer = one.get("/p", headers)
    assert answer.status == status and answer.complete and not answer.cache.hit
    assert answer.body == {200: DIGITS, 206: DIGITS[2:5]}.get(status, answer.body)
    assert is_whole(ask(one)).cache.hit and one.app.count("/p") == 1
    seen = one.app.last("/p")
    assert not [name for name in headers if seen.header(name) is not None]


@pytest.mark.parametrize("etag, headers, status", [
    ('W/"v1"', {NONE_MATCH: '"v1"'}, 304), ('W/"v1"', {NONE_MATCH: 'W/"v1"'}, 304),
    ('W/"v1"', {MATCH: 'W/"v1"'}, 412), ('W/"v1"', {MATCH: '"v1"'}, 412),
    ('W/"v1"', {MATCH: "*"}, 200), ('W/"v1"', {IF_RANGE: 'W/"v1"', **PART}, 200),
    ('W/"v1"', {IF_RANGE: '"v1"', **PART}, 200), ("v1", {NONE_MATCH: "v1"}, 304),
    ("v1", {NONE_MATCH: '"v1"'}, 304), ("v1", {NONE_MATCH: 'W/"v1"'}, 304),
    ("v1", {NONE_MATCH: "v2"}, 200), ("v1", {IF_RANGE: "v1", **PART}, 200),
    ('"a,b"', {NONE_MATCH: '"x", "a,b"'}, 304), ('"a,b"', {NONE_MATCH: '"a", "b"'}, 200),
    ('"a\\"', {NONE_MATCH: '"a\\", "b"'}, 304), ('""', {NONE_MATCH: '""'}, 304),
    (None, {NONE_MATCH: '"v1"'}, 200), (None, {NONE_MATCH: "*"}, 304), (None, {MATCH: "*"}, 200),
    (None, {MATCH: '"v1"'}, 412), (None, {IF_RANGE: '"v1"', **PART}, 200)])
def test_entity_tags(site, etag, headers, status):
    """Weak ones, unquoted ones, none; a comma within quotes is no comma."""
    one = stored(site, [("ETag", etag)] if etag else [])
    comes(one.get("/p", headers), status)


def test_an_entity_tag_of_our_own(site):
    """A rule's "etag" is as good as any: it is made of the bytes."""
    one = stored(site, [], rules=[{"prefix": "/", "ttl": 60, "etag": True}])
    etag = ask(one).get("ETag")
    for status, headers in ((304, {NONE_MATCH: etag}), (200, {MATCH: etag}),
                            (206, {IF_RANGE: etag, **PART}), (200, {IF_RANGE: '"v1"', **PART})):
        comes(one.get("/p", headers), status)


@pytest.mark.parametrize("dated", [True, False])
@pytest.mark.parametrize("name, offset, status", [
    (SINCE, 1, 304), (SINCE, 3600, 304), (SINCE, -3600, 200), (UNMODIFIED, -3600, 200)])
def test_no_last_modified(site, dated, name, offset, status):
    """RFC 9111 section 4.3.2: Date instead, or when it was received. If-Unmodified-Since knows of
    no such thing."""
    one = stored(site, [("Date", date())] if dated else [])
    comes(one.get("/p", {name: date(offset)}), status)


def test_since_our_own_date(site):
    """What a client that has the page already would ask."""
    one = stored(site, [("Date", date(-100)), ("Cache-Control", "max-age=9999")])
    comes(one.get("/p", {SINCE: ask(one).get("Date")}), 304)
    comes(one.get("/p", {SINCE: date(-160)}), 200)


@pytest.mark.parametrize("sent, status", [(0, 200), (1, 206), (3600, 206), (None, 200)])
def test_if_range_with_a_weak_date(site, sent, status):
    """Section 8.8.2.2: what was modified in the second it was sent in may change once more."""
    modified = int(time.time()) - 3700
    text = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(modified))
    fields = [("Last-Modified", text), ("Cache-Control", "max-age=9999")]
    if sent is not None:
        fields.append(("Date", date(modified + sent + 0.5 - time.time())))
    comes(ask(stored(site, fields), If_Range=text, **PART), status)


@pytest.mark.parametrize("status", [203, 301, 404])
@pytest.mark.parametrize("headers", [
    {NONE_MATCH: '"v1"'}, {SINCE: AFTER}, {MATCH: '"v2"'}, {UNMODIFIED: BEFORE}])
def test_only_for_200(site, status, headers):
    """Section 13.2.1: of another status the answer is as without conditions."""
    one = stored(site, TAGGED, status, [{"prefix": "/", "statuses": {str(status): 60}}])
    answer = one.get("/p", headers)
    assert (answer.status, answer.body) == (status, DIGITS) and answer.cache.hit


@pytest.mark.parametrize("headers", [{NONE_MATCH: '"v1"'}, {SINCE: AFTER}])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_fields_of_a_304(site, headers, method):
    """Section 15.4.5: nothing that describes a body that does not come."""
    gone = [("Content-Type", "text/html"), ("Content-Language", "en"), ("Content-Encoding", "br"),
            ("Content-Disposition", "inline")]
    kept = TAGGED + [("Content-Location", "/p.en"), ("Cache-Control", "max-age=60"),
                     ("Vary", "Accept"), ("Expires", date(60)), ("Date", date()), ("X-Own", "a"),
                     ("X-Own", "b")]
    one = stored(site, gone + kept)
    answer = one.send(method, "/p", headers=headers)
    assert answer.status == 304 and answer.body == b"" and answer.cache.hit
    for name, _ in kept:
        assert answer.all(name) == [value for key, value in kept if key == name]
    assert answer.age is not None and answer.cache.ours == 1
    assert not [name for name, _ in gone + [("Content-Length", "")] if answer.all(name)]


def test_fields_of_a_412(site):
    """An error of ours, and nobody else is given it."""
    one = stored(site, TAGGED)
    answer = one.get("/p", {MATCH: '"v2"'})
    assert answer.status == 412 and answer.get("Content-Length") == str(len(answer.body))
    assert not answer.all("ETag") and "no-store" in answer.get("Cache-Control")
    assert is_whole(ask(one)).cache.hit


@pytest.mark.parametrize("status, headers", [
    (304, {NONE_MATCH: '"v1"'}), (200, {NONE_MATCH: '"v2"'}), (412, {MATCH: '"v2"'}),
    (304, {SINCE: AFTER}), (200, {IF_RANGE: '"v2"', **PART}), (200, PART)])
def test_head(site, status, headers):
    """The same conditions, but no ranges."""
    one = stored(site, TAGGED)
    answer = one.send("HEAD", "/p", headers=headers)
    assert answer.status == status and answer.body == b"" and not answer.all("Content-Range")
    assert status != 200 or answer.get("Content-Length") == "10"


@pytest.mark.parametrize("status, headers", [
    (200, {}), (304, {NONE_MATCH: '"v1"'}), (304, {SINCE: AFTER}), (206, PART), (412, {MATCH: '"v2"'}),
    (200, {IF_RANGE: '"v2"', **PART})])
@pytest.mark.parametrize("stale", [False, True])
def test_who_gets_more_than_is_stored(site, stale, status, headers):
    """A cookie for the one who asked changes nothing in how his conditions are answered."""
    one = site([{"prefix": "/", "ttl": 60, "set_cookie": "strip"}])
    cookie = [("Set-Cookie", "a=b")]
    if stale:
        one.app.on("/p", (200, [*TAGGED, ("Cache-Control", "max-age=60"), ("Age", "60")], DIGITS))
        is_whole(ask(one))
        one.app.on("/p", (304, [*TAGGED, ("Cache-Control", "max-age=60"), *cookie], b""))
    else:
        one.app.on("/p", (200, [*TAGGED, *cookie], DIGITS))
    answer = one.get("/p", headers)
    assert answer.status == status and not answer.cache.hit
    assert status == 412 or answer.get("Set-Cookie") == "a=b"
    assert answer.body == {200: DIGITS, 206: DIGITS[2:5], 304: b""}.get(status, answer.body)
    later = one.get("/p", headers)
    comes(later, status)
    assert not later.all("Set-Cookie")


def test_a_stale_page_answers_conditions(site):
    """In its grace it is as good as a fresh one."""
    one = stored(site, TAGGED, rules=[{"prefix": "/", "ttl": "200ms", "grace": 60}])
    past(0.2)
    comes(one.get("/p", {NONE_MATCH: '"v1"'}), 304)


@pytest.mark.parametrize("method, url", [("POST", "/p"), ("GET", "/pass")])
def test_conditions_go_through(site, method, url):
    """What is not answered from the cache is for the application to judge."""
    one = site([{"prefix": "/pass", "cache": False}, *PAGES])
    one.app.on(url, lambda x: (200, TAGGED, repr(sorted(x.pairs)).encode()))
    headers = {MATCH: '"v2"', NONE_MATCH: '"v1"', SINCE: AFTER, UNMODIFIED: BEFORE, **PART,
               IF_RANGE: '"v1"'}
    if method == "POST":
        ask(one)
    answer = one.send(method, url, headers=headers)
    assert answer.status == 200 and not answer.cache.hit
    assert {name: one.app.last(url).header(name) for name in headers} == headers


@pytest.mark.parametrize("server", ["nginx/1.22.1", "lighttpd/1.4.69"])
@pytest.mark.parametrize("fields", [
    [], [("Last-Modified", date(-5))], [("ETag", '"new"'), ("Last-Modified", date(-5))],
    [("ETag", '"new"'), ("Date", date())]])
def test_a_page_that_is_not_stored(site, fields, server):
    """Whatever the client has, this is newer, and it comes."""
    one = site(PAGES)
    one.app.on("/p", (200, [("Cache-Control", "private"), *fields], DIGITS))
    for headers in ({SINCE: date(-7200)}, {NONE_MATCH: '"old"'},
                    {NONE_MATCH: '"old"', SINCE: date(-7200)}):
        answer = one.get("/p", headers, SERVER_SOFTWARE=server)
        assert answer.status == 200 and answer.body == DIGITS and not answer.cache.stored


@pytest.mark.parametrize("server", ["nginx/1.22.1", "lighttpd/1.4.69"])
@pytest.mark.parametrize("headers", [{MATCH: '"v1"'}, {UNMODIFIED: MODIFIED}])
def test_a_page_that_is_not_stored_and_what_is_expected_of_it(site, headers, server):
    """It is what the client takes it for."""
    one = site(PAGES)
    one.app.on("/p", (200, [("Cache-Control", "private"), *TAGGED], DIGITS))
    answer = one.get("/p", headers, SERVER_SOFTWARE=server)
    assert answer.status == 200 and answer.body == DIGITS
