"""Range requests: cut from the stored page, or passed through (RFC 9110 section 14).

Most applications know nothing of ranges: the whole page is fetched, and the client gets its bytes
of it, from the first request on. Only where a page is known not to be storable the application gets
the client's Range. What "client_control" makes of ranges is in test_15_parts.py.
"""
import pytest

from asking import date
from client import page_params
from ranging import DIGITS, LONG, PAGE, ask, is_range, is_whole, parts, ranged
from servers import Lighttpd, Nginx
from waiting import past, until

PAGES = [{"prefix": "/", "ttl": 60}]


@pytest.mark.parametrize("value, first, last", [
    ("bytes=0-3", 0, 3), ("bytes=4-4", 4, 4), ("bytes=9-9", 9, 9), ("bytes=7-", 7, 9),
    ("bytes=0-", 0, 9), ("bytes=-3", 7, 9), ("bytes=-99", 0, 9), ("bytes=5-99", 5, 9),
    ("bytes=5-99999999999999999999999", 5, 9), ("bytes=20-30, 1-2", 1, 2), ("bytes=1-2,", 1, 2),
    ("Bytes=1-2", 1, 2), ("bytes=0-3,2-5", 0, 5), ("bytes=4-6,2-3", 2, 6),
    ("bytes=0-5,1-2", 0, 5)])
def test_one_range(site, value, first, last):
    """Cut on the miss and on the hit; the application is asked for the whole page."""
    one = site(PAGES)
    one.app.on("/p", DIGITS)
    miss, hit = (is_range(ask(one, value), first, last) for _ in range(2))
    assert miss.cache.fwd == "uri-miss" and miss.cache.stored and hit.cache.hit
    assert is_whole(ask(one)).cache.hit and one.app.count("/p") == 1
    assert one.app.last("/p").header("Range") is None


@pytest.mark.parametrize("value", [
    "bytes=", "bytes", "bytes=-", "bytes=x-", "bytes=3-1", "bytes=1-2,3-1", "bytes=--3",
    "bytes=0-3-5", "bytes=0-3;5-6", "bytes=1-2 5-6", "bytes 0-3", "0-3", "items=0-3", "bytes=0x0-3",
    "bytes=+1-2", "bytes=0-4,5-9", "bytes=" + ",".join("0-0" for _ in range(17))])
def test_the_whole_page_instead(site, value):
    """What is no byte range, too many of them, and several that are all of it."""
    one = site(PAGES)
    one.app.on("/p", DIGITS)
    for _ in range(2):
        is_whole(ask(one, value))
    assert one.app.count("/p") == 1


@pytest.mark.parametrize("body, value", [
    (DIGITS, "bytes=10-"), (DIGITS, "bytes=10-12,99-"), (DIGITS, "bytes=-0"),
    (DIGITS, "bytes=99999999999999999999999-"), (b"", "bytes=0-"), (b"", "bytes=0-0")])
def test_not_satisfiable(site, body, value):
    one = site(PAGES)
    one.app.on("/p", body)
    for _ in range(2):
        answer = ask(one, value)
        assert answer.status == 416 and answer.complete and DIGITS not in answer.body
        assert answer.get("Content-Range") == f"bytes */{len(body)}"
        assert answer.get("Content-Length") == str(len(answer.body)) and not answer.all("ETag")
    assert is_whole(ask(one), body).cache.hit and one.app.count("/p") == 1


def test_a_suffix_of_an_empty_page(site):
    """Satisfiable by section 14.1.2, but there is no byte to send."""
    one = site(PAGES)
    one.app.on("/p", b"")
    for _ in range(2):
        is_whole(ask(one, "bytes=-5"), b"")


RANGES = [
    ("bytes=0-1,4-5", [(0, 1), (4, 5)]), ("bytes=-1,0-0", [(200_002, 200_002), (0, 0)]),
    ("bytes=200000-,5-9,300000-", [(200_000, 200_002), (5, 9)]),
    ("bytes=0-9,20-29,5-12", [(0, 12), (20, 29)]), ("bytes=30-39,0-9,10-12", [(30, 39), (0, 12)]),
    ("bytes=0-99999,100001-", [(0, 99_999), (100_001, 200_002)]),
    ("bytes=" + ",".join(f"{n}-{n}" for n in range(0, 32, 2)), [(n, n) for n in range(0, 32, 2)])]


@pytest.mark.parametrize("value, expected", RANGES)
@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", None])
def test_several_ranges(site, value, expected, kind):
    """multipart/byteranges (section 14.6), in the order asked for."""
    one = site(PAGES)
    one.app.on("/p", (200, [("Content-Type", kind)] if kind else [("X-A", "b")], PAGE))
    for _ in range(2):
        assert parts(ask(one, value)) == [
            (kind, first, last, len(PAGE), PAGE[first:last + 1]) for first, last in expected]
    assert one.app.count("/p") == 1


@pytest.mark.parametrize("first, last", [(0, 65_527), (65_527, 65_529), (1, 131_072),
                                         (131_055, 200_002), (200_002, 200_002)])
def test_ranges_of_a_large_page(site, first, last):
    """Around the borders of records."""
    one = site(PAGES)
    one.app.on("/p", PAGE)
    for _ in range(2):
        answer = is_range(ask(one, (first, last)), first, last, PAGE)
        assert all(length + pad <= 65535 for _, length, pad in answer.records)


def test_fields_of_the_page_are_kept(site):
    one = site(PAGES)
    fields = [("Content-Type", "text/html"), ("ETag", '"v1"'), LONG, ("Vary", "Accept"),
              ("Last-Modified", "Mon, 02 Jan 2023 10:00:00 GMT"), ("Content-Language", "en"),
              ("Date", date()), ("X-Own", "a"), ("X-Own", "b")]
    one.app.on("/p", (200, fields + [("Age", "5")], DIGITS))
    for value in ("bytes=2-4", "bytes=2-4", "bytes=0-0,5-6"):
        answer = ask(one, value)
        assert answer.status == 206 and answer.age is not None and answer.cache.ours == 1
        for name in {name for name, _ in fields} - ({"Content-Type"} if "," in value else set()):
            assert answer.all(name) == [text for key, text in fields if key == name]


@pytest.mark.parametrize("method", ["HEAD", "POST"])
def test_other_methods(site, method):
    """Range is defined for GET alone (section 14.2)."""
    one = site(PAGES)
    one.app.on("/p", DIGITS)
    ask(one)
    answer = one.send(method, "/p", headers={"Range": "bytes=2-4"})
    assert answer.status == 200 and not answer.all("Content-Range")
    if method == "HEAD":
        assert answer.cache.hit and answer.get("Content-Length") == "10" and not answer.body
    else:
        assert answer.body == DIGITS and one.app.last("/p").header("Range") == "bytes=2-4"


@pytest.mark.parametrize("status", [203, 301, 404])
def test_other_statuses_are_sent_whole(site, status):
    """Range applies to what would be a 200."""
    one = site([{"prefix": "/", "statuses": {str(status): 60}}])
    one.app.on("/p", (status, [("Location", "/x")], DIGITS))
    for _ in range(2):
        answer = ask(one, "bytes=2-4")
        assert (answer.status, answer.body) == (status, DIGITS) and not answer.all("Content-Range")
    assert answer.cache.hit


def test_a_stale_page_is_cut_too(site):
    """And refreshed as a whole."""
    one = site([{"prefix": "/", "ttl": "200ms", "grace": 60}])
    one.app.on("/p", lambda x: b"%d23456789" % x.serial)
    ask(one)
    past(0.2)
    is_range(ask(one, "bytes=0-2"), 0, 2, b"123456789")
    until(lambda: ask(one, "bytes=0-2").body == b"223")
    assert all(x.header("Range") is None for x in one.app.requests("/p"))


def test_a_page_to_be_checked_is_cut_after_that(site):
    one = site(PAGES)
    one.app.on("/p", lambda x: (304, [("ETag", '"v1"')], b"") if x.header("If-None-Match")
               else (200, [("ETag", '"v1"'), ("Cache-Control", "no-cache")], DIGITS))
    for _ in range(2):
        is_range(ask(one, "bytes=2-4"), 2, 4)
    assert one.app.count("/p") == 2 and one.app.last("/p").header("Range") is None


def test_ranges_together_on_a_cold_page(site):
    """One fetch, and each gets his own bytes of it."""
    one = site(PAGES)
    gate, handler = one.app.held(PAGE)
    one.app.on("/p", handler)
    visitors = [one.client.connect() for _ in range(20)]
    for number, visitor in enumerate(visitors):
        visitor.ask(page_params("/p", headers={"Range": f"bytes={number * 9000}-{number * 9999}"}))
        one.app.wait("/p")
    gate.set()
    for number, visitor in enumerate(visitors):
        answer = is_range(visitor.answer(), number * 9000, number * 9999, PAGE)
        assert answer.cache.collapsed or answer.cache.hit or answer.cache.stored
        visitor.close()
    assert one.app.count("/p") == 1


# -- a page that is known not to be storable -----------------------------------------------------

PRIVATE = {"private": [("Cache-Control", "private")], "no-store": [("Cache-Control", "no-store")],
           "set-cookie": [LONG, ("Set-Cookie", "id=7")], "no-lifetime": [],
           "too-large": [LONG, ("X-Large", "yes")]}


@pytest.mark.parametrize("server", ["nginx/1.22.1", "lighttpd/1.4.69"])
@pytest.mark.parametrize("if_range", [None, '"v1"', '"v0"'])
@pytest.mark.parametrize("reason", sorted(PRIVATE))
def test_hit_for_miss(site, reason, if_range, server):
    """Range and If-Range go through, and what comes of them is passed on as it came."""
    one = site([{"prefix": "/", "max_object": 9 if reason == "too-large" else 100}])
    one.app.on("/p", ranged(fields=PRIVATE[reason]))
    headers = {"Range": "bytes=6-8", **({"If-Range": if_range} if if_range else {})}
    first = one.get("/p", headers, SERVER_SOFTWARE=server)
    assert first.cache.detail == reason and not first.cache.stored
    assert one.app.last("/p").header("Range") is None
    for _ in range(2):
        answer = one.get("/p", headers, SERVER_SOFTWARE=server)
        assert not answer.cache.stored and not answer.cache.hit and answer.complete
        if if_range == '"v0"':
            assert (answer.status, answer.body) == (200, DIGITS)
        else:
            is_range(answer, 6, 8)
        assert one.app.last("/p").header("Range") == "bytes=6-8"
        assert one.app.last("/p").header("If-Range") == if_range
    assert ask(one).body == DIGITS and one.app.count("/p") == 4


def test_what_the_application_makes_of_ranges_is_passed_on(site):
    """Even what is wrong: it is not ours to judge. Nor does it stay for others."""
    one = site(PAGES)
    one.app.on("/p", (200, PRIVATE["private"], b"first"))
    ask(one)
    for status, field, body in ((206, "bytes 0-3/3", b"abc"), (416, "bytes */10", b"no"),
                                (206, "items 1-2/10", b""), (206, "bytes 2-4/10", b"234")):
        one.app.on("/p", (status, [("Content-Range", field), LONG], body))
        answer = ask(one, "bytes=2-4")
        assert (answer.status, answer.body) == (status, body) and answer.complete
        assert answer.get("Content-Range") == field and not answer.cache.stored
    one.app.on("/p", DIGITS)
    is_whole(ask(one))


def test_content_range_of_a_200(site):
    """It means nothing there (section 14.4), and is in nobody's way where it is stored."""
    one = site([{"prefix": "/", "ttl": 60, "heuristic": True}])
    one.app.on("/p", (200, [("Content-Range", "bytes 0-1/2")], DIGITS))
    assert ask(one).body == DIGITS
    assert is_range(ask(one, "bytes=2-4"), 2, 4).cache.hit
    assert len(parts(ask(one, "bytes=2-4,6-7"))) == 2


# -- behind the real web servers -----------------------------------------------------------------

SERVERS = {"nginx": Nginx, "nginx-kept": lambda *where: Nginx(*where, keep=True),
           "lighttpd": Lighttpd, "lighttpd-streams": lambda *where: Lighttpd(*where, stream=True)}


@pytest.fixture(params=sorted(SERVERS))
def behind(request, site, folder):
    """A site, asked through a web server."""
    servers = []

    def make(rules, **how):
        one = site(rules, **how)
        servers.append(SERVERS[request.param](folder, one.daemon.where))
        one.get = servers[0].get
        return one
    yield make
    for server in servers:
        server.stop()


def test_one_206_behind_a_server(behind):
    """lighttpd cuts ranges by itself: nothing is cut twice."""
    one = behind(PAGES)
    one.app.on("/p", (200, [("ETag", '"v1"'), ("Content-Type", "text/plain")], PAGE))
    for first, last in ((100_000, 150_000), (100_000, 150_000), (200_000, 200_002), (0, 0), (0, 9)):
        is_range(ask(one, (first, last)), first, last, PAGE)
        is_range(ask(one, (first, last), If_Range='"v1"'), first, last, PAGE)
    is_range(ask(one, "bytes=-7"), 199_996, 200_002, PAGE)
    assert ask(one, "bytes=0-0", If_None_Match='"v1"').status == 304
    assert is_whole(ask(one), PAGE).cache.hit and one.app.count("/p") == 1


def test_several_and_none_behind_a_server(behind):
    one = behind(PAGES)
    one.app.on("/p", (200, [("ETag", '"v1"'), ("Content-Type", "text/plain")], PAGE))
    for _ in range(2):
        assert parts(ask(one, "bytes=5-8,100000-100009,-1")) == [
            ("text/plain", first, last, len(PAGE), PAGE[first:last + 1])
            for first, last in ((5, 8), (100_000, 100_009), (200_002, 200_002))]
        answer = ask(one, "bytes=200003-")
        assert answer.status == 416 and answer.get("Content-Range") == "bytes */200003"
        is_whole(ask(one, "bytes=0-3", If_Range='"v0"'), PAGE)
    assert one.app.count("/p") == 1


@pytest.mark.parametrize("control", ["private", "max-age=60"])
def test_ranges_of_the_application_behind_a_server(behind, control):
    """Its own 206 comes through as one, stored as a part or not at all."""
    one = behind([{"prefix": "/", "client_control": True}])
    one.app.on("/p", ranged(PAGE, fields=[("Cache-Control", control)]))
    for first, last in ((100_000, 150_000), (120_000, 120_009), (100_000, 150_000)):
        is_range(ask(one, (first, last)), first, last, PAGE)
    assert one.app.count("/p") == (3 if control == "private" else 1)
    is_whole(ask(one), PAGE)
