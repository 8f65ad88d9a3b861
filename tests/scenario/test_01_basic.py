"""The shortest stories: a page is fetched once and then given from the cache, byte for byte."""
import email.utils
import time

import pytest

import fcgi
from client import page_params
from waiting import past

PAGES = [{"prefix": "/", "ttl": 60}]


def test_miss_then_hit(site):
    one = site(PAGES)
    first, second = one.get("/a"), one.get("/a")
    assert first.body == second.body == b"/a #1" and one.app.count("/a") == 1
    assert first.status == second.status == 200 and first.complete and second.complete
    assert first.cache.fwd == "uri-miss" and first.cache.stored and not first.cache.hit
    assert second.cache.hit and 58 <= second.cache.ttl <= 60 and second.cache.fwd is None
    assert second.age in (0, 1) and second.cache.ours == 1


def test_both_carry_a_content_length(site):
    one = site(PAGES)
    first, second = one.get("/a"), one.get("/a")
    assert first.get("Content-Length") == second.get("Content-Length") == "5"


def test_end_request_says_complete(site):
    one = site(PAGES)
    for answer in (one.get("/a"), one.get("/a")):
        assert (answer.app_status, answer.protocol_status) == (0, fcgi.REQUEST_COMPLETE)


def test_headers_and_status_are_kept(site):
    one = site([{"prefix": "/", "statuses": {"404": 60}}])
    fields = [("Content-Type", "text/html; charset=utf-8"), ("ETag", '"v1"'),
              ("Last-Modified", "Mon, 02 Jan 2023 10:00:00 GMT"), ("X-Own", "a"), ("X-Own", "b"),
              ("Link", "</s.css>; rel=preload")]
    one.app.on("/gone", ("404 Not Here", fields, b"no such page"))
    for answer in (one.get("/gone"), one.get("/gone")):
        assert answer.status == 404 and answer.body == b"no such page"
        for name, _ in fields:
            assert answer.all(name) == [value for key, value in fields if key == name]
    assert one.app.count("/gone") == 1


def test_default_status_is_200(site):
    one = site(PAGES)
    one.app.on("/plain", lambda x: (x.head(None, [("Content-Type", "text/plain")]),
                                    x.stdout(b"ok"), x.end()) and None)
    for answer in (one.get("/plain"), one.get("/plain")):
        assert answer.status == 200 and answer.body == b"ok"
    assert one.app.count("/plain") == 1


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
def test_heads_may_end_in_bare_newlines(site, newline):
    """CGI allows LF; what leaves us is CR LF."""
    one = site(PAGES)
    one.app.on("/lf", lambda x: (x.stdout(newline.join([b"Status: 203", b"X-A: b", b"", b"body"])),
                                 x.end()) and None)
    answer = one.get("/lf")
    assert (answer.status, answer.get("X-A"), answer.body) == (203, "b", b"body")


def test_pages_are_told_apart(site):
    one = site(PAGES)
    urls = [f"/p/{number}?q={number % 7}" for number in range(200)]
    for _ in range(2):
        for url in urls:
            assert one.get(url).body == b"%s #1" % url.encode()
    assert one.app.count() == len(urls)


@pytest.mark.parametrize("size", [0, 1, 65527, 65528, 65529, 200_000, 3_000_000])
def test_sizes_byte_for_byte(site, size):
    one = site(PAGES)
    body = bytes(range(256)) * (size // 256 + 1)
    body = body[:size]
    one.app.on("/size", lambda x: body)
    for answer in (one.get("/size"), one.get("/size")):
        assert answer.body == body and answer.get("Content-Length") == str(size)
        assert all(length + pad <= 65535 for _, length, pad in answer.records)
    assert one.app.count("/size") == 1


def test_the_first_record_holds_the_whole_head(site):
    """nginx counts record overhead against its buffer for the head."""
    one = site(PAGES)
    one.app.on("/head", (200, [(f"X-{n}", "v" * 50) for n in range(30)], b"body"))
    for answer in (one.get("/head"), one.get("/head")):
        kind, length, pad = answer.records[0]
        assert kind == fcgi.STDOUT and pad == 0 and length > 30 * 50


def test_kept_connection_serves_many(site):
    one = site(PAGES)
    with one.client.connect() as conn:
        for number in range(20):
            conn.ask(page_params(f"/{number % 3}"), keep=True)
            assert conn.answer().body == b"/%d #1" % (number % 3)
        assert conn.alive()
    assert one.app.count() == 3


def test_connection_is_closed_unless_kept(site):
    one = site(PAGES)
    for _ in range(2):
        with one.client.connect() as conn:
            conn.ask(page_params("/a"), keep=False)
            assert conn.answer().complete and conn.closed(1)


def test_head_is_answered_from_a_get(site):
    one = site(PAGES)
    page = one.get("/a")
    answer = one.send("HEAD", "/a")
    assert answer.status == 200 and answer.body == b"" and answer.cache.hit
    assert answer.get("Content-Length") == page.get("Content-Length")
    assert one.app.count("/a") == 1


def test_head_makes_no_page(site):
    one = site(PAGES)
    assert one.send("HEAD", "/a").body == b""
    page = one.get("/a")
    assert page.body == b"/a #1" and not page.cache.hit and one.app.count("/a", "GET") == 1


def test_post_is_forwarded(site):
    one = site(PAGES)
    one.get("/a")
    one.app.on("/a", lambda x: b"took " + x.body)
    answer = one.send("POST", "/a", b"some=form")
    assert answer.body == b"took some=form" and answer.cache.fwd == "method"
    assert answer.cache.detail == "method" and not answer.cache.stored
    again = one.send("POST", "/a", b"other")
    assert again.body == b"took other" and one.app.count("/a", "POST") == 2


def test_ttl_runs_out(site):
    one = site([{"prefix": "/", "ttl": "300ms"}])
    assert one.get("/a").body == one.get("/a").body == b"/a #1"
    past(0.3)
    answer = one.get("/a")
    assert answer.body == b"/a #2" and not answer.cache.hit and answer.cache.stored


def test_age_grows(site):
    one = site(PAGES)
    one.get("/a")
    start = time.monotonic()
    past(1.0)
    answer = one.get("/a")
    spent = time.monotonic() - start
    assert 1 <= answer.age <= spent + 1 and 60 - spent - 1 <= answer.cache.ttl <= 59


def test_application_decides_the_lifetime(site):
    one = site([{"prefix": "/", "ttl": 60}])
    one.app.on("/short", lambda x: (200, [("Cache-Control", "max-age=1")], b"%d" % x.serial))
    one.app.on("/long", lambda x: (200, [("Cache-Control", "max-age=5, s-maxage=1000")], b"l"))
    assert [one.get("/short").body for _ in range(2)] == [b"1", b"1"]
    one.get("/long")
    assert 990 <= one.get("/long").cache.ttl <= 1000
    past(2)                     # Age is in whole seconds: one that has begun may count
    assert one.get("/short").body == b"2"


def test_no_lifetime_no_page(site):
    one = site([{"prefix": "/"}])
    first, second = one.get("/a"), one.get("/a")
    assert (first.body, second.body) == (b"/a #1", b"/a #2")
    assert not first.cache.stored and first.cache.detail == "no-lifetime"


def test_no_rule_and_cache_false(site):
    one = site([{"prefix": "/private/", "cache": False}, {"prefix": "/public/", "ttl": 60}])
    for url, detail in (("/private/x", "rule"), ("/other", "no-rule")):
        for number in (1, 2):
            answer = one.get(url)
            assert answer.body == b"%s #%d" % (url.encode(), number)
            assert answer.cache.fwd == "bypass" and answer.cache.detail == detail
    one.get("/public/x")
    assert one.get("/public/x").cache.hit


@pytest.mark.parametrize("header, value, status", [
    ("If-None-Match", '"v1"', 304), ("If-None-Match", 'W/"v1"', 304),
    ("If-None-Match", '"v0", "v1"', 304), ("If-None-Match", "*", 304),
    ("If-None-Match", '"v2"', 200),
    ("If-Modified-Since", "Mon, 02 Jan 2023 10:00:00 GMT", 304),
    ("If-Modified-Since", email.utils.formatdate(usegmt=True), 304),
    ("If-Modified-Since", "Sun, 01 Jan 2023 10:00:00 GMT", 200),
    ("If-Modified-Since", "nonsense", 200)])
def test_conditional_requests(site, header, value, status):
    one = site(PAGES)
    one.app.on("/c", (200, [("ETag", '"v1"'), ("Last-Modified", "Mon, 02 Jan 2023 10:00:00 GMT")],
                      b"page"))
    one.get("/c")
    answer = one.get("/c", {header: value})
    assert answer.status == status and answer.cache.hit and answer.complete
    assert answer.body == (b"page" if status == 200 else b"")
    assert answer.get("ETag") == '"v1"' and one.app.count("/c") == 1


def test_if_none_match_wins_over_the_date(site):
    one = site(PAGES)
    one.app.on("/c", (200, [("ETag", '"v1"'), ("Last-Modified", "Mon, 02 Jan 2023 10:00:00 GMT")],
                      b"page"))
    one.get("/c")
    both = {"If-None-Match": '"v2"', "If-Modified-Since": email.utils.formatdate(usegmt=True)}
    assert one.get("/c", both).status == 200


def test_cache_status_of_the_application_is_kept(site):
    one = site(PAGES)
    one.app.on("/cs", (200, [("Cache-Status", "origin; hit")], b"x"))
    for answer in (one.get("/cs"), one.get("/cs")):
        assert answer.cache.members[0] == "origin; hit" and answer.cache.ours == 1
        assert answer.cache.members[-1].startswith("fcgicache")
