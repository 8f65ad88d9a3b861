"""Ranges: applications that answer them, and reading what came back.

What it is: `ranged` is an application that answers Range and If-Range as RFC 9110 says; `fragment`
one 206, right or wrong. `is_range` checks a 206 of one range byte for byte; `is_whole` a 200;
`parts` reads multipart/byteranges strictly. `ask` and `tell` ask for ranges of /p, one after
another, and check who answered.
"""
import re

DIGITS = b"0123456789"
PAGE = (bytes(range(256)) * 800)[:200_003]     # has CR LF and "--" in it, and needs four records
SPEC = re.compile(r"bytes=(\d*)-(\d*)")
CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
LONG = ("Cache-Control", "max-age=60")


def fields_of(etag, fields):
    return [("Content-Type", "text/plain"), *([("ETag", etag)] if etag else []), *fields]


def fragment(first, last, body=DIGITS, etag='"v1"', fields=(LONG,), says=None):
    """A 206 with these bytes of the body; `says` another Content-Range (None: the right one)."""
    says = says or f"bytes {first}-{last}/{len(body)}"
    return 206, fields_of(etag, fields) + [("Content-Range", says)], body[first:last + 1]


def ranged(body=DIGITS, etag='"v1"', fields=(LONG,)):
    """An application that answers single ranges of this page by itself."""
    def handler(exchange):
        spec = SPEC.fullmatch(exchange.header("Range") or "")
        if not spec or exchange.header("If-Range") not in (None, etag):
            return 200, fields_of(etag, fields), body
        first, last = spec.groups()
        if not first:
            first, last = len(body) - int(last), ""
        last = min(int(last or len(body)), len(body) - 1)
        return fragment(int(first), last, body, etag, fields)
    return handler


def has_length(answer, length):
    """Content-Length is right. What is only passed on may come without one."""
    said = answer.get("Content-Length")
    return said == str(length) or said is None and bool(answer.cache.detail)


def is_range(answer, first, last, body=DIGITS):
    """A 206 with exactly the bytes first..last of the body."""
    assert answer.status == 206 and answer.complete, answer
    assert answer.get("Content-Range") == f"bytes {first}-{last}/{len(body)}"
    assert answer.body == body[first:last + 1], answer
    assert has_length(answer, last - first + 1), answer.headers
    return answer


def is_whole(answer, body=DIGITS):
    """A 200 with the whole body."""
    assert answer.status == 200 and answer.complete and answer.body == body, answer
    assert has_length(answer, len(body)) and not answer.all("Content-Range"), answer.headers
    return answer


def parts(answer):
    """The parts of a multipart/byteranges: [(Content-Type or None, first, last, length, bytes)]."""
    assert answer.status == 206 and answer.complete and not answer.all("Content-Range"), answer
    kind = re.fullmatch(r'multipart/byteranges; *boundary="?([^"]{1,70})"?',
                        answer.get("Content-Type"))
    assert kind, answer.headers
    assert answer.get("Content-Length") == str(len(answer.body))
    delimiter, rest, out = b"--" + kind.group(1).encode(), answer.body, []
    while not rest.startswith(delimiter + b"--"):
        assert rest.startswith(delimiter + b"\r\n"), rest[:200]
        head, empty, rest = rest[len(delimiter) + 2:].partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        first, last, length = map(int, CONTENT_RANGE.fullmatch(fields["Content-Range"]).groups())
        size = last - first + 1
        out.append((fields.get("Content-Type"), first, last, length, rest[:size]))
        assert empty and rest[size:size + 2] == b"\r\n"
        rest = rest[size + 2:]
    assert rest in (delimiter + b"--", delimiter + b"--\r\n")
    return out


def ask(one, value=None, **headers):
    """GET /p with this Range; a number pair (2, 5) is "bytes=2-5"."""
    if isinstance(value, tuple):
        value = "bytes=%d-%d" % value
    fields = {name.replace("_", "-"): text for name, text in headers.items()}
    return one.get("/p", {**({"Range": value} if value else {}), **fields})


def tell(one, *steps, body=DIGITS):
    """Ask for each (range or None, hit): the right bytes come, from the cache or not."""
    for value, hit in steps:
        before, answer = one.app.count("/p"), ask(one, value)
        if value is None:
            is_whole(answer, body)
        else:
            is_range(answer, *value, body)
        assert (answer.cache.hit, one.app.count("/p") - before) == (hit, not hit), (value, answer)
