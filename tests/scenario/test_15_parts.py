"""Parts: what "client_control" makes of ranges (RFC 9111 sections 3.3 and 3.4).

The client's Range reaches the application, and its 206 is kept as a part of the page. Parts of one
page, by a strong entity-tag, are put together; a plain GET asks only for what is missing. Whatever
the way, a byte that is sent is the byte of that page at that place.
"""
import pytest

from client import page_params
from ranging import (DIGITS, LONG, PAGE, ask, fragment, is_range, is_whole, parts,
                     ranged, tell)
from waiting import past

STEERED = [{"prefix": "/", "client_control": True}]
HIT, ASKED = True, False
PRIVATE = {"private": [("Cache-Control", "private")], "no-store": [("Cache-Control", "no-store")],
           "set-cookie": [LONG, ("Set-Cookie", "id=7")]}


@pytest.mark.parametrize("steps", [
    [((2, 5), ASKED), ((2, 5), HIT), ((3, 4), HIT), ((4, 6), ASKED), ((2, 6), HIT)],
    [((0, 3), ASKED), ((4, 6), ASKED), ((0, 6), HIT), ((2, 5), HIT), (None, ASKED), (None, HIT)],
    [((5, 7), ASKED), ((1, 4), ASKED), ((1, 7), HIT), ((1, 8), ASKED)],
    [((0, 4), ASKED), ((5, 9), ASKED), (None, HIT), ((3, 6), HIT)],
    [((3, 9), ASKED), ((0, 6), ASKED), (None, HIT)],
    [((0, 6), ASKED), ((4, 9), ASKED), (None, HIT)],
    [((0, 9), ASKED), ((2, 4), HIT)],
    [((1, 2), ASKED), ((5, 6), ASKED), ((1, 6), ASKED), ((2, 5), HIT)],
    [((4, 6), ASKED), (None, ASKED), ((0, 1), HIT), (None, HIT)],
    [(None, ASKED), ((2, 4), HIT)]])
def test_parts(site, steps):
    """Hits within what is stored; what touches is put together."""
    one = site(STEERED)
    one.app.on("/p", ranged())
    tell(one, *steps)


def test_a_part_in_all_its_spellings(site):
    """Once a part has said how long the page is, suffixes and open ends are known."""
    one = site(STEERED)
    one.app.on("/p", ranged())
    answer = is_range(ask(one, "bytes=6-"), 6, 9)
    assert answer.cache.stored and answer.cache.miss and answer.get("ETag") == '"v1"'
    for value, first in (("bytes=7-", 7), ("bytes=-2", 8), ("bytes=6-", 6), ("bytes=8-99", 8)):
        answer = is_range(ask(one, value), first, 9)
        assert answer.cache.hit and answer.get("ETag") == '"v1"' and answer.age is not None
        assert answer.get("Content-Type") == "text/plain" and answer.cache.ttl > 50
    assert one.app.count("/p") == 1
    is_whole(ask(one, "bytes=7-", If_Range='"v0"'))


@pytest.mark.parametrize("etag", [None, 'W/"v1"', "v1", '""x'])
def test_parts_without_a_strong_etag(site, etag):
    """Nothing says that they are of one page: never combined, alone they are good."""
    one = site(STEERED)
    dates = [LONG, ("Last-Modified", "Mon, 02 Jan 2023 10:00:00 GMT")]
    one.app.on("/p", ranged(etag=etag, fields=dates))
    tell(one, ((0, 4), ASKED), ((1, 3), HIT), ((5, 9), ASKED), ((6, 7), HIT), ((3, 6), ASKED))
    for value in ((0, 4), (5, 9)):
        ask(one, value)
    assert not is_whole(ask(one)).cache.hit
    assert one.app.last("/p").header("Range") is None


def test_parts_of_two_pages(site):
    """Another entity-tag, or another length: another page."""
    one = site(STEERED)
    for body, etag in ((DIGITS, '"v1"'), (b"abcdefghij", '"v2"'), (b"ABCDEFGHIJK", '"v2"')):
        one.app.on("/p", ranged(body, etag))
        first, last = ((0, 4), (5, 9))[etag == '"v2"' and len(body) == 10]
        tell(one, ((first, last), ASKED), body=body)
    tell(one, ((0, 6), ASKED), (None, ASKED), body=body)


BAD_PARTS = {
    "last past the end": fragment(0, 3, says="bytes 0-3/3"), "backwards": fragment(
        0, 3, says="bytes 3-0/10"), "no length": fragment(0, 3, says="bytes 0-3/*"),
    "another unit": fragment(0, 3, says="items 0-3/10"), "of a 416": fragment(
        0, 3, says="bytes */10"), "too short": fragment(0, 2, says="bytes 0-3/10"),
    "short of the end": fragment(6, 8, says="bytes 6-9/10"),
    "too long": fragment(0, 4, says="bytes 0-3/10"), "nonsense": fragment(0, 3, says="0-3"),
    "shorter, not to the end": fragment(2, 4, says="bytes 2-7/10", fields=(
        LONG, ("Content-Length", "3"))),
    "twice": fragment(0, 3, fields=(LONG, ("Content-Range", "bytes 0-3/10"))),
    "none": (206, [LONG], b"0123"), "private": fragment(0, 3, fields=PRIVATE["private"]),
    "no-store": fragment(0, 3, fields=PRIVATE["no-store"]),
    "set-cookie": fragment(0, 3, fields=PRIVATE["set-cookie"]),
    "no lifetime": fragment(0, 3, fields=()), "any": fragment(0, 3, fields=(LONG, ("Vary", "*"))),
    "too large": fragment(0, 99, PAGE),
    "out of range": (416, [("Content-Range", "bytes */9")], b"")}


@pytest.mark.parametrize("name", sorted(BAD_PARTS))
def test_parts_that_are_not_stored(site, name):
    """Passed on as they came."""
    one = site([{"prefix": "/", "client_control": True, "max_object": 99}])
    status, fields, body = BAD_PARTS[name]
    one.app.on("/p", (status, fields, body))
    for number in (1, 2):
        answer = ask(one, "bytes=0-3")
        assert (answer.status, answer.body) == (status, body) and answer.complete
        assert not answer.cache.stored and one.app.count("/p") == number
        assert answer.all("Content-Range") == [v for n, v in fields if n == "Content-Range"]


def test_a_part_that_ends_sooner_than_it_says(site):
    """Its Content-Length counts: then the page is not as long as it said."""
    one = site(STEERED)
    one.app.on("/p", fragment(4, 6, fields=(LONG, ("Content-Length", "3")), says="bytes 4-9/10"))
    assert ask(one, "bytes=4-").body == b"456"
    for value, first in (("bytes=4-", 4), ("bytes=-2", 5), ("bytes=6-9", 6)):
        assert is_range(ask(one, value), first, 6, DIGITS[:7]).cache.hit


@pytest.mark.parametrize("value, first, last", [("bytes=2-4", 2, 4), ("bytes=0-0,2-3,1-1", 0, 3)])
def test_an_application_that_knows_no_ranges(site, value, first, last):
    """Its 200 is stored, and cut."""
    one = site(STEERED)
    one.app.on("/p", (200, [LONG], DIGITS))
    for hit in (ASKED, HIT):
        assert is_range(ask(one, value), first, last).cache.hit == hit
    assert one.app.last("/p").header("Range") == value
    tell(one, (None, HIT))


def test_several_ranges_of_a_part(site):
    """They are asked for: a part answers for one range. What has no Content-Range is not stored."""
    one = site(STEERED)
    one.app.on("/p", ranged())
    tell(one, ((2, 8), ASKED))
    assert one.app.count("/p") == 1
    for _, first, last, length, data in parts(ask(one, "bytes=3-3,6-7")):
        assert data == DIGITS[first:last + 1] and length == 10
    assert one.app.count("/p") == 2
    one = site(STEERED)
    both = b"--B\r\nContent-Range: bytes 0-0/10\r\n\r\n0\r\n--B--\r\n"
    one.app.on("/p", (206, [LONG, ("Content-Type", "multipart/byteranges; boundary=B")], both))
    for _ in range(2):
        answer = ask(one, "bytes=0-0,3-3")
        assert (answer.status, answer.body) == (206, both) and not answer.cache.stored
    assert one.app.last("/p").header("Range") == "bytes=0-0,3-3"


def test_conditions_on_a_part(site):
    """RFC 9111 section 4.3.2: evaluated with a stored 206 as with a 200, before Range."""
    one = site(STEERED)
    one.app.on("/p", ranged())
    tell(one, ((2, 8), ASKED), ((2, 3), HIT))
    assert ask(one, (2, 3), If_None_Match='"v1"').status == 304
    is_range(ask(one, (2, 3), If_None_Match='"v0"'), 2, 3)
    is_range(ask(one, (2, 3), If_Match='"v1"'), 2, 3)
    assert one.app.count("/p") == 1


def test_parts_outgrow_max_object(site):
    """Together they are a page like any other."""
    one = site([{"prefix": "/", "client_control": True, "max_object": 7}])
    one.app.on("/p", ranged())
    tell(one, ((0, 4), ASKED), ((5, 9), ASKED), ((0, 9), ASKED))


def test_parts_expire(site):
    one = site([{"prefix": "/", "client_control": True, "ttl": "200ms"}])
    one.app.on("/p", ranged(fields=()))
    tell(one, ((2, 5), ASKED), ((3, 4), HIT))
    past(0.2)
    tell(one, ((3, 4), ASKED))


def test_parts_to_be_checked(site):
    """no-cache: never from the store alone. Nor where the client wants it so."""
    one = site(STEERED)
    one.app.on("/p", ranged(fields=[("Cache-Control", "no-cache, max-age=60")]))
    tell(one, ((2, 5), ASKED), ((2, 5), ASKED))
    one.app.on("/p", ranged())
    tell(one, ((2, 5), ASKED), ((2, 5), HIT))
    assert not is_range(ask(one, (2, 5), Cache_Control="no-cache"), 2, 5).cache.hit
    assert is_range(ask(one, (3, 4), Cache_Control="only-if-cached"), 3, 4).cache.hit
    for value in ((1, 2), None):
        assert ask(one, value, Cache_Control="only-if-cached").status == 504


def test_parts_are_invalidated(site):
    """RFC 9111 section 4.4"""
    one = site(STEERED)
    one.app.on("/p", lambda x: (204, [], b"") if x.method == "POST" else ranged()(x))
    tell(one, ((2, 5), ASKED), ((2, 5), HIT))
    one.send("POST", "/p")
    tell(one, ((2, 5), ASKED), ((2, 5), HIT))


def test_parts_of_variants(site):
    one = site(STEERED)
    one.app.on("/p", lambda x: ranged(x.header("Accept-Language").encode() * 5, '"same"', [
        LONG, ("Vary", "Accept-Language")])(x))
    for hit in (ASKED, HIT):
        for language in ("de", "en"):
            answer = ask(one, "bytes=0-4", Accept_Language=language)
            assert is_range(answer, 0, 4, language.encode() * 5).cache.hit == hit
    answer = ask(one, "bytes=5-9", Accept_Language="de")
    assert is_whole(ask(one, Accept_Language="de"), b"de" * 5).cache.hit
    assert not is_whole(ask(one, Accept_Language="en"), b"en" * 5).cache.hit


@pytest.mark.parametrize("control, hit", [("max-age=60", ASKED), ("max-age=60, public", HIT)])
def test_parts_and_authorization(site, control, hit):
    one = site(STEERED)
    one.app.on("/p", ranged(fields=[("Cache-Control", control)]))
    ann = {"Authorization": "Basic eDp5"}
    for expected in (ASKED, hit):
        assert is_range(ask(one, (2, 5), **ann), 2, 5).cache.hit == expected
    tell(one, ((2, 5), hit), ((2, 5), HIT))
    assert is_range(ask(one, (3, 4), **ann), 3, 4).cache.hit == hit


@pytest.mark.parametrize("length", [True, False])
def test_head_beside_a_part(site, length):
    """HEAD is about the page, not about the bytes of it that are there."""
    one = site(STEERED)
    size = [("Content-Length", "10")] if length else []
    one.app.on("/p", lambda x: (200, [("ETag", '"v1"'), LONG, *size], b"") if x.method == "HEAD"
               else ranged()(x))
    tell(one, ((0, 3), ASKED))
    answer = one.send("HEAD", "/p")
    assert answer.status == 200 and not answer.all("Content-Range")
    assert answer.get("Content-Length") in (None, "10")


# -- the rest of a page --------------------------------------------------------------------------

NEW = b"ABCDEFGHIJK"


def rests(first, rest, etag='"v1"', body=DIGITS):
    """An application with a part already given, that answers the next Range with `rest`, and a
    request without one with a new page."""
    def handler(exchange):
        if exchange.serial == 1:
            return fragment(*first, body, etag)
        if exchange.header("Range") is None:
            return 200, [("ETag", '"v2"'), LONG], NEW
        return rest(exchange) if callable(rest) else rest
    return handler


def asked_for(one):
    """Range and If-Range of all requests but the first."""
    return [(x.header("Range"), x.header("If-Range")) for x in one.app.requests("/p")[1:]]


@pytest.mark.parametrize("first, wanted, rest", [
    ((0, 3), "bytes=4-", fragment(4, 9)), ((0, 3), "bytes=4-", fragment(2, 9)),
    ((0, 8), "bytes=9-", fragment(9, 9)), ((4, 9), "bytes=0-3", fragment(0, 3)),
    ((4, 9), "bytes=0-3", fragment(0, 5)), ((9, 9), "bytes=0-8", fragment(0, 8)),
    ((0, 3), "bytes=4-", fragment(0, 9)),
    ((0, 3), "bytes=4-", fragment(4, 9, fields=(LONG, ("Content-Length", "6"))))])
def test_only_the_rest_is_asked_for(site, first, wanted, rest):
    """A part at either end, and a plain GET: the client gets the whole page, and it stays."""
    one = site(STEERED)
    one.app.on("/p", rests(first, rest))
    ask(one, first)
    answer = is_whole(ask(one))
    assert not answer.cache.hit and answer.cache.stored and answer.cache.fwd == "partial"
    assert answer.get("ETag") == '"v1"' and asked_for(one) == [(wanted, '"v1"')]
    for value in (None, (2, 6), None):
        tell(one, (value, HIT))


def fails(how):
    """A rest that comes whole, and then is not: the application reports a failure."""
    def handler(exchange):
        exchange.head(*fragment(4, 9)[:2])
        exchange.stdout(DIGITS[4:])
        if how == "fatal":
            exchange.stderr("PHP Fatal error:  Uncaught Error")
        exchange.end(app_status=1 if how == "app-status" else 0)
    return handler


USELESS = {
    "another etag": fragment(4, 9, etag='"v2"'), "no etag": fragment(4, 9, etag=None),
    "weak etag": fragment(4, 9, etag='W/"v1"'), "another length": fragment(4, 9, DIGITS + b"x"),
    "a gap": fragment(6, 9), "not to the end": fragment(4, 7), "the beginning": fragment(0, 3),
    "no Content-Range": (206, [("ETag", '"v1"'), LONG], DIGITS[4:]),
    "nonsense": fragment(4, 9, says="bytes 9-4/10"), "too short": fragment(
        4, 6, says="bytes 4-9/10"), "too long": fragment(4, 10, NEW, says="bytes 4-9/10"),
    "shorter than it says": fragment(4, 6, says="bytes 4-9/10", fields=(
        LONG, ("Content-Length", "3"))), "no-store": fragment(4, 9, fields=PRIVATE["no-store"]),
    "private": fragment(4, 9, fields=PRIVATE["private"]),
    "set-cookie": fragment(4, 9, fields=PRIVATE["set-cookie"]),
    "416": (416, [("Content-Range", "bytes */4")], b""), "fatal": fails("fatal"),
    "app-status": fails("app-status")}


@pytest.mark.parametrize("name", sorted(USELESS))
def test_a_rest_of_no_use(site, name):
    """The client asked for no range and gets none: the whole page is asked for."""
    one = site(STEERED)
    one.app.on("/p", rests((0, 3), USELESS[name]))
    ask(one, (0, 3))
    answer = is_whole(ask(one), NEW)
    assert answer.get("ETag") == '"v2"' and not answer.all("Set-Cookie")
    assert answer.cache.stored
    assert asked_for(one) == [("bytes=4-", '"v1"'), (None, None)]
    tell(one, (None, HIT), ((2, 4), HIT), body=NEW)


def test_why_a_rest_was_of_no_use_is_no_matter(site):
    """The page that came is stored: nothing speaks against it."""
    one = site(STEERED)
    one.app.on("/p", rests((0, 3), USELESS["private"]))
    ask(one, (0, 3))
    answer = ask(one)
    assert answer.cache.stored and not answer.cache.detail


@pytest.mark.parametrize("status, control, hit", [
    (200, "max-age=60", HIT), (200, "private", ASKED), (404, "no-store", ASKED)])
def test_another_answer_than_the_rest(site, status, control, hit):
    """The page has changed meanwhile: that is the answer."""
    one = site(STEERED)
    one.app.on("/p", rests((0, 3), (status, [("Cache-Control", control)], NEW)))
    ask(one, (0, 3))
    answer = ask(one)
    assert (answer.status, answer.body) == (status, NEW)
    assert asked_for(one) == [("bytes=4-", '"v1"')]
    assert ask(one).cache.hit == hit


@pytest.mark.parametrize("etag", [None, 'W/"v1"'])
def test_a_rest_that_could_be_of_another_page(site, etag):
    """Without a strong entity-tag nothing is put together."""
    one = site(STEERED)
    one.app.on("/p", rests((0, 3), fragment(4, 9, etag=etag), etag))
    ask(one, (0, 3))
    is_whole(ask(one), NEW)
    assert asked_for(one)[-1] == (None, None)


@pytest.mark.parametrize("size", [[], [("Content-Length", "199993")]])
def test_a_rest_that_is_too_large(site, size):
    one = site([{"prefix": "/", "client_control": True, "max_object": 1000}])
    rest = fragment(10, 200_002, PAGE, fields=[LONG, *size])
    one.app.on("/p", rests((0, 9), rest, body=PAGE))
    is_range(ask(one, (0, 9)), 0, 9, PAGE)
    is_whole(ask(one), NEW)


def test_a_part_that_is_over_is_not_completed(site):
    one = site([{"prefix": "/", "client_control": True, "ttl": "200ms"}])
    one.app.on("/p", ranged(fields=()))
    ask(one, (0, 3))
    past(0.2)
    is_whole(ask(one))
    assert asked_for(one) == [(None, None)]


def test_many_complete_a_page_together(site):
    one = site(STEERED)
    gate = one.app.gate()

    def rest(exchange):
        gate.wait(10)
        return fragment(4, 9)
    one.app.on("/p", rests((0, 3), rest))
    ask(one, (0, 3))
    visitors = [one.client.connect() for _ in range(9)]
    for visitor in visitors:
        visitor.ask(page_params("/p"))
        one.app.wait("/p", 2)
    gate.set()
    for visitor in visitors:
        is_whole(visitor.answer())
        visitor.close()
    assert asked_for(one) == [("bytes=4-", '"v1"')]
