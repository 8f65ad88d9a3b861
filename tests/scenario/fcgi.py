"""FastCGI 1.0 on the wire, for both sides of the tests.

What it is: one function per record, a reader that cuts a byte stream into records, and the coding
of name-value pairs. Pure: bytes in, bytes out; no socket is touched here.

What it allows: everything can be said wrongly on purpose. `record` takes a version, a reserved
byte, padding and a length that need not be true; `pair` takes the long form of a short length.
Text is latin-1 throughout, so that any byte can be a character of a str.

    byte      0        1     2..3  4..5    6        7         8..
    record    version  type  id    length  padding  reserved  content, padding
"""
import struct

BEGIN, ABORT, END, PARAMS, STDIN, STDOUT, STDERR, DATA = 1, 2, 3, 4, 5, 6, 7, 8
GET_VALUES, GET_VALUES_RESULT, UNKNOWN_TYPE = 9, 10, 11
RESPONDER, AUTHORIZER, FILTER = 1, 2, 3
KEEP_CONN = 1
REQUEST_COMPLETE, CANT_MPX_CONN, OVERLOADED, UNKNOWN_ROLE = 0, 1, 2, 3

HEADER = struct.Struct(">BBHHBB")
MAX_CONTENT = 65528             # a multiple of 8, so that no padding is needed


class ProtocolError(Exception):
    """The bytes are no FastCGI."""


def to_bytes(value):
    """str (latin-1), int or bytes as bytes."""
    if isinstance(value, bytes):
        return value
    return str(value).encode("latin-1")


# -- building -------------------------------------------------------------------------------

def record(kind, content=b"", rid=1, pad=0, version=1, reserved=0, length=None):
    """One record; `length` overrides the true length of the content in the header."""
    content = to_bytes(content)
    if length is None:
        length = len(content)
    return HEADER.pack(version, kind, rid, length, pad, reserved) + content + bytes(pad)


def begin(role=RESPONDER, keep=False, rid=1, pad=0):
    """BEGIN_REQUEST."""
    return record(BEGIN, struct.pack(">HB5x", role, KEEP_CONN if keep else 0), rid, pad)


def end(app_status=0, protocol_status=REQUEST_COMPLETE, rid=1, reserved=bytes(3)):
    """END_REQUEST; php-fpm leaves garbage in the reserved bytes, and so may a test."""
    return record(END, struct.pack(">IB", app_status, protocol_status) + reserved, rid)


def length(number, wide=False):
    """The length of a name or a value: one byte, or four if it must or is asked to be."""
    if number < 128 and not wide:
        return bytes([number])
    return struct.pack(">I", (number | 0x80000000) & 0xffffffff)


def pair(name, value, wide=False):
    """One name-value pair."""
    name, value = to_bytes(name), to_bytes(value)
    return length(len(name), wide) + length(len(value), wide) + name + value


def pairs(items, wide=False):
    """Many pairs, from a dict or a list of tuples."""
    items = items.items() if isinstance(items, dict) else items
    return b"".join(pair(name, value, wide) for name, value in items)


def chunks(data, size=MAX_CONTENT):
    """The pieces of at most `size` bytes; none if there is no data."""
    return (data[at:at + size] for at in range(0, len(data), size))


def stream(kind, data, rid=1, size=MAX_CONTENT, pad=0, close=True):
    """A stream as records of at most `size` bytes, closed by an empty record if wished."""
    out = [record(kind, part, rid, pad) for part in chunks(to_bytes(data), size)]
    if close:
        out.append(record(kind, b"", rid))
    return b"".join(out)


def request(params, body=b"", role=RESPONDER, keep=False, rid=1, size=MAX_CONTENT, wide=False):
    """A whole request: BEGIN_REQUEST, PARAMS, STDIN."""
    return (begin(role, keep, rid) + stream(PARAMS, pairs(params, wide), rid, size)
            + stream(STDIN, body, rid, min(size, 32768)))


def head(status, headers=()):
    """The CGI head of a response; status None leaves the Status line out."""
    headers = headers.items() if isinstance(headers, dict) else headers
    lines = [] if status is None else [b"Status: " + to_bytes(status)]
    lines += [to_bytes(name) + b": " + to_bytes(value) for name, value in headers]
    return b"\r\n".join(lines + [b"", b""])


def response(status=200, headers=(), body=b"", rid=1, app_status=0,
             protocol_status=REQUEST_COMPLETE):
    """A whole response: STDOUT with head and body, its end, END_REQUEST."""
    return (stream(STDOUT, head(status, headers) + to_bytes(body), rid)
            + end(app_status, protocol_status, rid))


# -- reading --------------------------------------------------------------------------------

class Record:
    """A record that has been read."""

    def __init__(self, kind, rid, content, pad):
        self.kind, self.rid, self.content, self.pad = kind, rid, content, pad

    def __repr__(self):
        return f"Record(kind={self.kind}, rid={self.rid}, {len(self.content)} bytes)"


class Reader:
    """Cuts what it is fed into records; remembers what is left over."""

    def __init__(self):
        self.rest = bytearray()

    def feed(self, data):
        """Add bytes; yield the records that are complete. Raises on a wrong version."""
        self.rest += data
        at = 0
        try:
            while len(self.rest) - at >= HEADER.size:
                version, kind, rid, size, pad, _ = HEADER.unpack_from(self.rest, at)
                if version != 1 or not 1 <= kind <= UNKNOWN_TYPE:
                    raise ProtocolError(f"version {version}, type {kind}")
                if len(self.rest) - at < HEADER.size + size + pad:
                    break
                start = at + HEADER.size
                at = start + size + pad
                yield Record(kind, rid, bytes(self.rest[start:start + size]), pad)
        finally:
            del self.rest[:at]


def parse_pairs(data):
    """The pairs of a PARAMS stream, as a list of (bytes, bytes)."""
    at, out = 0, []

    def one_length():
        nonlocal at
        if at >= len(data):
            raise ProtocolError("a pair is cut")
        number, width = data[at], 1
        if number >= 128:
            number, width = int.from_bytes(data[at:at + 4], "big") & 0x7fffffff, 4
        at += width
        return number

    while at < len(data):
        name_size, value_size = one_length(), one_length()
        if at + name_size + value_size > len(data):
            raise ProtocolError("a pair is cut")
        out.append((data[at:at + name_size], data[at + name_size:at + name_size + value_size]))
        at += name_size + value_size
    return out


def parse_end(content):
    """(app_status, protocol_status) of an END_REQUEST body."""
    if len(content) != 8:
        raise ProtocolError(f"END_REQUEST of {len(content)} bytes")
    return struct.unpack(">IB", content[:5])
