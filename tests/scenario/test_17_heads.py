"""Heads that the application should not have written, and fields that need care.

A head is read in one way and written anew, or it is refused: 502, a line in the log, nothing
stored. What matters is what goes to the web server, so `wire` takes the answer apart byte by byte:
one head, one body as long as it says. The broken heads that faults.py has are not told again here.
What the fields allow to be stored (RFC 9111 sections 3 and 5.2.2) follows behind.
"""
import pytest

from app import counting
from asking import numbered, private, shared
from client import Collector, page_params
from waiting import past
from web import background

PAGES = [{"prefix": "/pass", "cache": False}, {"prefix": "/", "ttl": 60}]
HEURISTIC = [{"prefix": "/", "ttl": 60, "heuristic": True}]


def says(head, body=b"page"):
    """An application that writes this head, byte for byte."""
    return lambda x: (x.stdout(head + b"\r\n\r\n" + body), x.end()) and None


def wire(one, url, method="GET", headers=None):
    """What the web server is sent: (lines of the head, body), after a look at every byte."""
    got = Collector()
    with one.client.connect() as conn:
        conn.ask(page_params(url, method, headers))
        while not got.done:
            got.feed(conn.sock.recv(1 << 18))
    assert got.ended and not got.why, got.why
    head, end, body = bytes(got.stdout).partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert end and lines[0].startswith(b"Status: "), lines
    for line in lines:
        name, colon, _ = line.partition(b":")
        assert colon and name.replace(b"-", b"").isalnum(), line
        assert not [byte for byte in line if byte < 32 and byte != 9 or byte == 127], line
    names = [line.partition(b":")[0].lower() for line in lines]
    assert names.count(b"status") == 1 and names.count(b"content-length") <= 1
    for line in lines:
        if line.startswith(b"Content-Length: "):
            assert len(body) == int(line[16:]), (lines, body)
    return lines, body


def mended(one, url):
    """Nothing was stored: the next good page is served, and stored."""
    before = one.app.count(url)
    one.app.on(url, b"mended")
    assert wire(one, url)[1] == wire(one, url)[1] == b"mended"
    assert one.app.count(url) == before + (2 if url == "/pass" else 1)


def refused(one, url, why):
    """A 502 of our own, and one line in the log that says why, with the URL."""
    since = one.daemon.mark()
    lines, body = wire(one, url)
    assert lines[0] == b"Status: 502 Bad Gateway" and b"evil" not in b"\n".join(lines) + body
    said = one.daemon.wait_log(why, since)
    assert [line for line in said.splitlines() if why in line and url in line], said
    assert one.app.count(url) == 1, "a fresh connection that fails is not tried again"


# -- heads that are refused -------------------------------------------------------------------

REFUSED = {
    "a control byte": [b"X-A: evil\1", b"X-A: evil\x1b[31m", b"X-A: evil\x7f", b"X-A: \bevil",
                       b"X-A: evil\0", b"X\1A: evil", b"X-A: evil\r\r", b"X-A: evil\rX-B: evil",
                       b"X-A: a\rSet-Cookie: evil=1", b"\rX-A: evil", b"X-A: evil\x0b",
                       b"X-A: a\rContent-Length: 0\r\r\nevil: 1"],
    "a folded header line": [b"X-A: a\r\n\tevil", b"X-A: a\n evil: 1", b" X-A: evil",
                             b"X-A: a\r\n \r\nX-B: evil", b"Content-Length: 4\r\n , 5"],
    "without a colon": [b"evil", b"X-A: a\r\nevil", b"<html>evil", b"GET /evil HTTP/1.1"],
    "is no token": [b": evil", b"X A: evil", b"X-A : evil", b'"X": evil', b"X/A: evil",
                    b"X-\xc3\xa4: evil", b"Content-Length : 4", b"Transfer-Encoding : evil"],
    "two Status": [b"Status: 200\r\nStatus: 200", b"Status: 404\r\nX-A: b\r\nstatus: 200 evil",
                   b"HTTP/1.1 200 OK\r\nStatus: 404 evil"],
    "two Content-Length": [b"Content-Length: 4\r\nContent-Length: 4",
                           b"Content-Length: 4\r\nX-A: b\r\ncontent-length: 04"],
    "not a number": [b"Content-Length: 4, 4", b"Content-Length: +4", b"Content-Length: 0x4",
                     b"Content-Length: 4 4", b"Content-Length: 4.0", b"Content-Length:",
                     b"Content-Length: evil", b"Content-Length: \xb2"],
    "a Transfer-Encoding": [b"Transfer-Encoding: chunked", b"transfer-encoding: Chunked",
                            b"Transfer-Encoding: evil, chunked", b"Transfer-Encoding: gzip",
                            b"Transfer-Encoding: chunked;evil=1", b"Transfer-Encoding: ,chunked",
                            b"Transfer-Encoding: evil\r\nTransfer-Encoding: chunked",
                            b"Transfer-Encoding: chunked\r\nContent-Length: 4"],
    "a Status that is none": [b"Status: " + value for value in (
        b"abc", b"", b"2", b"20", b"099", b"99", b"1000", b"2000", b"-200", b"+200", b"200OK",
        b"200/evil", b"0x200", b"2 00", b"\xb2\xb2\xb2", b"OK 200", b"200;evil")],
    "a status line that is none": [b"HTTP/1.1 99 evil", b"HTTP/1.1 evil", b"HTTP/1.0 2000 evil"],
    "not whole": [b"Status: 100 evil", b"Status: 103\r\nX-A: evil", b"Status: 199 evil",
                  b"HTTP/1.1 101 evil"],
    "interim": [b"Status: 100 evil\r\n\r\n" * 101 + b"Status: 200"],
}


@pytest.mark.parametrize("url", ["/f", "/pass"])
@pytest.mark.parametrize("why, head", [(why, head) for why in REFUSED for head in REFUSED[why]])
def test_refused(site, url, why, head):
    one = site(PAGES)
    one.app.on(url, says(head, b"evil"))
    refused(one, url, why)
    mended(one, url)


def test_refused_behind_an_interim_head(site):
    """Each head is looked at, also those that are dropped."""
    one = site(PAGES)
    one.app.on("/f", says(b"Status: 103\r\nLink: a\rb\r\n\r\nStatus: 200"))
    refused(one, "/f", "a control byte")
    one.app.on("/g", says(b"Status: 103\r\nLink: a\r\n\r\nStatus: abc"))
    refused(one, "/g", "a Status that is none")


@pytest.mark.parametrize("limit, room", [("64k", 65536), ("1k", 1024)])
@pytest.mark.parametrize("over", [False, True])
def test_as_large_as_a_head_may_be(site, limit, room, over):
    one = site(PAGES, limits={"max_header": limit})
    value = b"v" * (room - len(b"X-A: \r\n\r\n") + over)
    for url in ("/f", "/pass"):
        one.app.on(url, says(b"X-A: " + value))
        if over:
            refused(one, url, "too large a head")
            mended(one, url)
            continue
        for _ in range(2):
            lines, body = wire(one, url)
            assert b"X-A: " + value in lines and body == b"page"


def test_all_the_heads_before_count_towards_the_limit(site):
    one = site(PAGES, limits={"max_header": "1k"})
    one.app.on("/f", says(b"Status: 103\r\nX-A: " + b"v" * 600 + b"\r\n\r\nX-A: " + b"v" * 600))
    refused(one, "/f", "too large a head")


# -- heads that are read as they are meant ----------------------------------------------------

@pytest.mark.parametrize("head, status, lines", [
    (b"Status: 200", b"200 OK", []), (b"Status:203", b"203 Non-Authoritative Information", []),
    (b"STATUS:  200 \t Fine ", b"200 Fine", []), (b"Status: 200\tFine", b"200 Fine", []),
    (b"Status: 200 Gr\xfc\xdf", b"200 Gr\xfc\xdf", []),
    (b"X-A:b\r\nX-a: \t c \t", b"200 OK", [b"X-A: b", b"X-a: c"]),
    (b'X-A: a:b\r\nX-B:\r\nX-C: "a, b"\tc', b"200 OK",
     [b"X-A: a:b", b"X-B: ", b'X-C: "a, b"\tc']),
    (b"X-A: \xc3\xa4\xff", b"200 OK", [b"X-A: \xc3\xa4\xff"]),
    (b"X-A: a\nX-B: b\r\nX-C: c", b"200 OK", [b"X-A: a", b"X-B: b", b"X-C: c"]),
    (b"\r\n".join(b"X-%d: v" % n for n in range(200)), b"200 OK",
     [b"X-%d: v" % n for n in range(200)]),
    (b"X-A: b\r\n" * 1000 + b"Status: 200", b"200 OK", [b"X-A: b"] * 1000),
    (b"Content-Length:  4 ", b"200 OK", []), (b"Content-Length: 0004", b"200 OK", []),
    (b"Transfer-Encoding: identity\r\nX-A: b", b"200 OK", [b"X-A: b"]),
    (b"Transfer-Encoding: chunky\r\nX-A: b", b"200 OK", [b"X-A: b"]),
    (b"Transfer-Encoding:\r\nX-A: b", b"200 OK", [b"X-A: b"]),
    (b"Status: 100\r\n\r\nHTTP/1.1 103 Early\r\nX-No: 1\r\nStatus2: 1\r\n\r\nX-A: b", b"200 OK",
     [b"X-A: b"]),
    (b"Status: 103\r\nContent-Length: 99\r\n\r\n" * 100 + b"Status: 200", b"200 OK", [])])
def test_read_as_it_is_meant(site, head, status, lines):
    """On its way through, when it is stored, and from the store."""
    one = site(PAGES)
    ours = (b"Status:", b"Content-Length:", b"Age:", b"Cache-Status:")
    for url in ("/pass", "/f", "/f"):
        one.app.on(url, says(head))
        got, body = wire(one, url)
        assert got[0] == b"Status: " + status and body == b"page"
        assert [line for line in got if not line.startswith(ours)] == lines
    assert one.app.count("/f") == 1


@pytest.mark.parametrize("status", [600, 700, 999])
@pytest.mark.parametrize("url", ["/f", "/pass"])
def test_statuses_that_nobody_knows(site, status, url):
    """Three digits are a status: passed on, and never stored."""
    one = site([PAGES[0], *HEURISTIC])
    one.app.on(url, says(b"Status: %d Odd\r\nCache-Control: public, max-age=60" % status))
    for number in (1, 2):
        lines, body = wire(one, url)
        assert lines[0] == b"Status: %d Odd" % status and body == b"page"
        assert one.app.count(url) == number
    mended(one, url)


SECOND = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"


@pytest.mark.parametrize("url", ["/f", "/pass"])
@pytest.mark.parametrize("value, fields, body", [
    (b"ann\r\nX-Evil: 1", [b"X-Evil: 1"], b"page"), (b"ann\nX-Evil: 1", [b"X-Evil: 1"], b"page"),
    (b"ann\r\n\r\n" + SECOND, [], SECOND + b"\r\n\r\npage"),
    (b"ann\n\n" + SECOND, [], SECOND + b"\r\n\r\npage")])
def test_a_value_that_goes_on_after_its_line(site, url, value, fields, body):
    """The application let a visitor write into its head: one response all the same."""
    one = site(PAGES)
    one.app.on(url, says(b"X-Name: " + value))
    for _ in range(2):
        lines, got = wire(one, url)
        assert b"X-Name: ann" in lines and got == body
        assert [line for line in lines if line.startswith(b"X-Evil")] == fields


@pytest.mark.parametrize("value", [b"ann\r\nSet-Cookie: evil=1", b"ann\nSet-Cookie: evil=1",
                                   b"ann\r\nCache-Control: no-store", b"ann\r\nVary: *"])
def test_what_was_written_into_a_head_counts(site, value):
    one = site(PAGES)
    one.app.on("/f", says(b"Cache-Control: max-age=60\r\nX-Name: " + value))
    for number in (1, 2):
        assert not one.get("/f").cache.stored and one.app.count("/f") == number


# -- fields of one hop ------------------------------------------------------------------------

HOPS = ["Connection", "Keep-Alive", "TE", "Trailer", "Upgrade", "Proxy-Connection",
        "Proxy-Authenticate", "Proxy-Authentication-Info", "Proxy-Authorization",
        "Transfer-Encoding", "X-Hop", "X-Other"]


@pytest.mark.parametrize("connection", [["X-Hop, close, x-other"], ["keep-alive, X-HOP", "X-Other"],
                                        [",,X-Other;,", "close,\tX-Hop , X-Other"]])
def test_fields_of_one_hop_go_no_further(site, connection):
    """Not on the miss, not from the store, not when the page just passes."""
    fields = [(name, "x") for name in HOPS if name != "Connection"]
    fields += [("Connection", value) for value in connection] + [("X-End", "e"), ("X-Hopper", "h")]
    one = site(PAGES, handler=lambda x: (200, fields, counting(x)))
    for url in ("/f", "/f", "/pass"):
        lines, _ = wire(one, url)
        assert not [line for line in lines if line.split(b":")[0].decode().title() in
                    [name.title() for name in HOPS]], url
        assert b"X-End: e" in lines and b"X-Hopper: h" in lines
    assert one.app.count("/f") == 1


# -- fields that are not for all --------------------------------------------------------------

@pytest.mark.parametrize("value, withheld", [
    ('no-cache="X-Token", max-age=60', {"X-Token"}), ('no-cache="X-Token"', {"X-Token"}),
    ('max-age=60, no-cache="x-token, X-OTHER"', {"X-Token", "X-Other"}),
    ('no-cache="X-Token", no-cache="X-Other"', {"X-Token", "X-Other"}), ("max-age=60", set())])
def test_listed_fields_are_for_the_first_client_alone(site, value, withheld):
    """RFC 9111 section 5.2.2.4: the page may be used again, without what no-cache lists."""
    one = site(HEURISTIC)
    one.app.on("/p", numbered(fields=[("X-Token", "t"), ("X-Other", "o"),
                                      ("Cache-Control", value)]))
    first = one.get("/p")
    assert first.cache.stored and (first.get("X-Token"), first.get("X-Other")) == ("t", "o")
    for _ in range(2):
        answer = one.get("/p")
        assert answer.cache.hit and answer.get("Cache-Control") == value
        assert {name for name in ("X-Token", "X-Other") if answer.get(name) is None} == withheld


def test_who_waits_for_the_page_does_not_get_them_either(site):
    one = site(HEURISTIC)
    gate, handler = one.app.held(numbered(fields=[("Cache-Control", 'no-cache="X-Token"'),
                                                  ("X-Token", "secret")]))
    one.app.on("/p", handler)
    waits = [background(one.get, "/p") for _ in range(4)]
    one.app.wait("/p")
    gate.set()
    answers = [wait() for wait in waits]
    assert sorted(answer.get("X-Token", "") for answer in answers) == ["", "", "", "secret"]
    assert one.app.count("/p") == 1


@pytest.mark.parametrize("rule, name, stored", [
    ({"heuristic": True}, "X-Token", True),
    ({"heuristic": True, "set_cookie": "strip"}, "Set-Cookie", True),
    ({"heuristic": True}, "Set-Cookie", False)])
def test_fields_of_a_304_are_for_who_asked(site, rule, name, stored):
    """RFC 9111 section 4.3.4: they are part of the answer that it makes good again."""
    one = site([{"prefix": "/", "ttl": "200ms", **rule}])
    news = [("ETag", '"1"'), ("Cache-Control", 'no-cache="X-Token", max-age=60'), (name, "a=2")]
    one.app.on("/p", lambda x: (304, news, b"") if x.header("If-None-Match")
               else (200, [("ETag", '"1"')], counting(x)))
    one.get("/p")
    past(0.2)
    answer = one.get("/p")
    assert answer.body == b"/p #1" and answer.get(name) == "a=2"
    assert answer.cache.items["fwd-status"] == "304" and answer.cache.stored == stored
    again = one.get("/p")
    assert again.cache.hit == stored and again.get(name) is None


@pytest.mark.parametrize("rule, value", [
    ({}, 'no-cache="X-Token", max-age=60'), ({}, 'no-cache="X-Token"'),
    ({"heuristic": True}, "no-cache, max-age=60"), ({"heuristic": True}, "no-cache=X Token"),
    ({"heuristic": True}, 'no-cache="X-Token", no-cache'), ({"heuristic": True}, 'no-cache=""'),
    ({"heuristic": True}, 'no-cache="Content-Type"')])
def test_no_cache_without_a_list_that_counts(site, rule, value):
    """Where the rule does not let us reckon, a list is as good as none: asked each time."""
    one = site([{"prefix": "/", "ttl": 60, **rule}])
    one.app.on("/p", numbered(fields=[("X-Token", "t"), ("Cache-Control", value)]))
    assert private(one).get("X-Token") == "t"


# -- what may be stored -----------------------------------------------------------------------

@pytest.mark.parametrize("rule, status, control, stored", [
    ({}, 200, "must-understand, no-store, max-age=60", True),
    ({}, 404, "must-understand, no-store, max-age=60", True),
    ({}, 200, "no-store, max-age=60", False),
    ({"heuristic": True}, 299, "must-understand, no-store, max-age=60", False),
    ({"heuristic": True}, 299, "must-understand, max-age=60", False),
    ({"heuristic": True}, 299, "max-age=60", True),
    ({"statuses": {"299": 60}}, 299, "must-understand", False),
    ({}, 200, "must-understand, private, max-age=60", False)])
def test_must_understand(site, rule, status, control, stored):
    """RFC 9111 section 5.2.2.3: a no-store beside it is for those who do not know the status."""
    one = site([{"prefix": "/", "ttl": 60, **rule}])
    one.app.on("/p", numbered(status, [("Cache-Control", control)]))
    assert (shared if stored else private)(one).status == status


@pytest.mark.parametrize("control, allowed", [
    ("public, max-age=60", True), ("public", True), ("s-maxage=60", True),
    ("max-age=60, must-revalidate", True), ("max-age=60", False), ("private", False),
    ("max-age=60, proxy-revalidate", False), ("s-maxage=60, no-store", False)])
def test_pages_behind_a_password(site, control, allowed):
    """RFC 9111 section 3.5: only what says so is the same for everyone."""
    one = site(PAGES)
    one.app.on("/p", numbered(fields=[("Cache-Control", control)]))
    ann, ben = {"Authorization": "Basic YW5uOjE="}, {"Authorization": "Basic YmVuOjI="}
    first = one.get("/p", ann)
    assert first.cache.stored == allowed
    for headers in (ben, ann):
        answer = one.get("/p", headers)
        assert answer.cache.hit == allowed and (answer.body == first.body) == allowed
    assert one.get("/p").cache.hit == allowed


@pytest.mark.parametrize("status, control, plain, reckoned", [
    (200, None, True, True), (301, None, True, True), (404, None, False, False),
    (404, "max-age=60", True, True), (302, "max-age=60", True, True), (410, "public", False, False),
    (201, "max-age=60", False, True), (403, "max-age=60", False, True),
    (403, "public, s-maxage=60", False, True), (418, "max-age=60", False, True),
    (403, None, False, False), (500, "max-age=60", False, True), (500, None, False, False),
    (501, "max-age=60", False, True), (503, "s-maxage=60", False, True), (599, None, False, False),
    (599, "max-age=60", False, True), (600, "max-age=60", False, False),
    (416, "max-age=60", False, False), (206, "max-age=60", False, False)])
def test_statuses(site, status, control, plain, reckoned):
    """Beyond those that are known to be safe only where the rule lets us reckon, and then only
    with a time of the application's own (RFC 9111 section 3)."""
    for rule, stored in (({}, plain), ({"heuristic": True}, reckoned)):
        one = site([{"prefix": "/", "ttl": 60, **rule}])
        one.app.on("/p", numbered(status, [("Cache-Control", control)] if control else []))
        assert (shared if stored else private)(one).status == status, rule


@pytest.mark.parametrize("status, value, plain, reckoned", [
    (206, "bytes 0-3/9", False, False), (206, "bytes 0-3/*", False, False),
    (206, "bytes 3-0/9", False, False), (200, "bytes 0-3/9", False, True),
    (404, "bytes */9", False, True)])
def test_parts_that_nobody_asked_for(site, status, value, plain, reckoned):
    """On another status Content-Range means nothing (RFC 9110 section 14.4), or is a mistake."""
    for heuristic, stored in ((False, plain), (True, reckoned)):
        one = site([{"prefix": "/", "heuristic": heuristic}])
        one.app.on("/p", numbered(status, [("Content-Range", value),
                                           ("Cache-Control", "max-age=60")]))
        if stored:
            assert shared(one).status == status
        else:
            assert private(one, detail="partial").status == status
