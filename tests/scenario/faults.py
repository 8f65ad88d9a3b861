"""The application's faults as a table: each a handler that breaks off or talks nonsense.

What it is: FAULTS, name -> (handler, the statuses that may come of it while the page is held
back). Used one by one (U05-U31), over and over for leaks, and behind the real web servers.
Every one of them must leave nothing in the cache.
"""
import struct

import fcgi

HEAD = fcgi.head(200, [("Content-Type", "text/plain"), ("Cache-Control", "max-age=60")])
HEAD_20 = fcgi.head(200, [("Content-Length", "20"), ("Cache-Control", "max-age=60")])
WHOLE = fcgi.record(fcgi.STDOUT, HEAD + b"body")


def says(data, proper_end=False):
    """Say these bytes, then end properly or close."""
    def handler(exchange):
        exchange.raw(data)
        if proper_end:
            exchange.raw(fcgi.record(fcgi.STDOUT) + fcgi.end())
        exchange.close()
    return handler


def out(data):
    """STDOUT records."""
    return fcgi.stream(fcgi.STDOUT, data, close=False) or fcgi.record(fcgi.STDOUT)


def head(text):
    """A response with this head, properly ended."""
    return says(out(text + b"\r\n\r\nbody"), proper_end=True)


def ends(protocol_status, app_status=0, before=b""):
    return says(before + fcgi.end(app_status, protocol_status))


BAD_HEADS = {
    "NUL in a value": b"Status: 200\r\nX-A: a\0b", "NUL in a name": b"Status: 200\r\nX\0A: b",
    "bare CR": b"Status: 200\r\nX-A: a\rb", "folded line": b"Status: 200\r\nX-A: a\r\n b",
    "no colon": b"Status: 200\r\nnonsense", "empty name": b"Status: 200\r\n: x",
    "two Status": b"Status: 200\r\nStatus: 404",
    "two Content-Length": b"Content-Length: 2\r\nContent-Length: 4",
    "Content-Length no number": b"Content-Length: 4x",
    "Content-Length negative": b"Content-Length: -4",
    "Content-Length beyond 64 bits": b"Content-Length: 18446744073709551620",
    "Transfer-Encoding": b"Status: 200\r\nTransfer-Encoding: chunked",
    "line of 70 KB": b"X-A: " + b"a" * 70000,
    "10000 lines": b"\r\n".join(b"X-%d: y" % number for number in range(10000)),
}

FAULTS = {
    "U05 closed without a byte": (says(b""), {502}),
    "U06 head cut in a line": (says(out(b"Status: 200\r\nContent-Ty")), {502}),
    "U06 head without its end": (says(out(b"Status: 200\r\nX-A: b\r\n"), True), {502}),
    "U06 record header cut": (says(out(HEAD)[:5]), {502}),
    "U08 body cut, with a length": (says(out(HEAD_20 + b"0123456789")), {502}),
    "U08 body cut inside a record": (says(out(HEAD + b"x" * 5000)[:-100]), {502}),
    "U09 STDOUT closed, no END_REQUEST": (says(WHOLE + out(b"")), {502}),
    "U09 END_REQUEST cut": (says(WHOLE + out(b"") + fcgi.end()[:-1]), {502}),
    "U10 length above the body": (says(out(HEAD_20 + b"0123456789"), True), {502}),
    "U11 length below the body": (says(out(HEAD_20 + b"0123456789" * 3), True), {200, 502}),
    "U12 OVERLOADED": (ends(fcgi.OVERLOADED), {503}),
    "U12 OVERLOADED after a page": (ends(fcgi.OVERLOADED, 0, WHOLE + out(b"")), {502, 503}),
    "U12 CANT_MPX": (ends(fcgi.CANT_MPX_CONN), {502}),
    "U12 UNKNOWN_ROLE": (ends(fcgi.UNKNOWN_ROLE), {502}),
    "U12 a status of 77": (ends(77, 0, WHOLE + out(b"")), {502}),
    "U14 appStatus 1": (ends(0, 1, WHOLE + out(b"")), {200}),
    "U20 wrong version": (says(fcgi.record(fcgi.STDOUT, HEAD, version=2), True), {502}),
    "U20 unknown type": (says(fcgi.record(77, HEAD), True), {502}),
    "U20 wrong id": (says(fcgi.record(fcgi.STDOUT, HEAD, rid=77), True), {502}),
    "U20 id 0": (says(fcgi.record(fcgi.STDOUT, HEAD, rid=0), True), {502}),
    "U20 eight zero bytes": (says(WHOLE + bytes(8)), {502}),
    "U20 BEGIN_REQUEST as an answer": (says(fcgi.begin()), {502}),
    "U20 END_REQUEST of 3 bytes": (says(WHOLE + fcgi.record(fcgi.END, b"abc")), {502}),
    "U20 HTTP instead": (says(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"), {502}),
    "U28 NPH status line": (head(b"HTTP/1.1 404 Not Found\r\nX-A: b"), {404, 502}),
    "U29 only 103": (head(b"Status: 103\r\nLink: </x>"), {502}),
    "no head, properly ended": (says(b"", True), {502}),
    **{f"U30 {name}": (head(text), {502}) for name, text in BAD_HEADS.items()},
}


def cut_places(stream, head_size, count=20):
    """Places at which to cut a response's bytes: around each border, the rest spread evenly."""
    end = len(stream)
    borders = [0, 1, 7, 8, 9, 8 + head_size - 1, 8 + head_size, 8 + head_size + 1,
               end - 25, end - 24, end - 17, end - 16, end - 9, end - 8, end - 1]
    rest = count - len(borders)
    spread = [8 + head_size + (end - head_size - 32) * step // (rest + 1)
              for step in range(1, rest + 1)]
    return sorted(set(borders + spread))


def cut_page(size=60000, length=True, fields=()):
    """(bytes of a whole response, size of its head, body): what the break-off tests cut."""
    body = b"".join(struct.pack(">I", number) for number in range(size // 4))
    items = list(fields) + ([("Content-Length", str(len(body)))] if length else [])
    return fcgi.response(200, items, body), len(fcgi.head(200, items)), body
