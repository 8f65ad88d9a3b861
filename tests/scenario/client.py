"""A FastCGI client, as a web server is one, and as no web server would dare to be.

What it is: `Connection`, one socket on which any bytes can be said and records are read;
`Client`, an address and `request`/`get`/`post` with a fresh connection each; `page_params`, the
parameters nginx would send for a URL. For a thousand clients at once see crowd.py.

An answer is broken if the connection ended without END_REQUEST or said something that is no
record: eight zero bytes are how fcgicache breaks a stream off.
"""
import posixpath
import socket
import struct
import time
import urllib.parse

import fcgi
from answer import Answer, parse_head

TIMEOUT = 20.0
PORTS = {"http": "80", "https": "443"}


def address(text):
    """(family, address) of "unix:/path" or "tcp:host:port"."""
    kind, _, rest = text.partition(":")
    if kind == "unix":
        return socket.AF_UNIX, rest
    host, _, port = rest.rpartition(":")
    return socket.AF_INET, (host, int(port))


def accepts(where):
    """Whether somebody listens there."""
    family, target = address(where)
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        return sock.connect_ex(target) == 0


def script_name(raw_path):
    """The path as nginx gives it in SCRIPT_NAME: decoded, slashes merged, dots resolved."""
    path = urllib.parse.unquote_to_bytes(raw_path).decode("latin-1")
    tail = "/" if path.endswith(("/", "/.", "/..")) else ""
    clean = "/" + posixpath.normpath("/" + path).lstrip("/")
    return clean if clean == "/" else clean + tail


def page_params(url="/", method="GET", headers=None, body=b"", host="example.org", scheme="http",
                port=None, **also):
    """The parameters of nginx's fastcgi_params for a request, as a list of pairs.

    `also` sets further parameters (None takes one away); headers become HTTP_*.
    """
    path, _, query = url.partition("?")
    port = str(port or PORTS[scheme])
    name = script_name(path)
    env = {
        "SCRIPT_FILENAME": "/srv/www" + name, "QUERY_STRING": query, "REQUEST_METHOD": method,
        "CONTENT_TYPE": "", "CONTENT_LENGTH": str(len(body)) if body else "",
        "SCRIPT_NAME": name, "REQUEST_URI": url, "DOCUMENT_URI": name,
        "DOCUMENT_ROOT": "/srv/www", "SERVER_PROTOCOL": "HTTP/1.1", "REQUEST_SCHEME": scheme,
        "GATEWAY_INTERFACE": "CGI/1.1", "SERVER_SOFTWARE": "nginx/1.22.1",
        "REMOTE_ADDR": "127.0.0.1", "REMOTE_PORT": "40000", "SERVER_ADDR": "127.0.0.1",
        "SERVER_PORT": port, "SERVER_NAME": host.partition(":")[0], "REDIRECT_STATUS": "200",
    }
    if scheme == "https":
        env["HTTPS"] = "on"
    if host:
        env["HTTP_HOST"] = host
    items = headers.items() if isinstance(headers, dict) else headers or ()
    for header, value in items:
        plain = header.upper().replace("-", "_")
        env[plain if plain == "CONTENT_TYPE" else "HTTP_" + plain] = value
    env.update(also)
    return [(key, value) for key, value in env.items() if value is not None]


class Collector:
    """Puts the records of one answer together."""

    def __init__(self, rid=1):
        self.rid, self.reader = rid, fcgi.Reader()
        self.stdout, self.stderr, self.records = bytearray(), bytearray(), []
        self.rids = set()
        self.ended = False
        self.why = ""
        self.app_status = self.protocol_status = None

    @property
    def done(self):
        return self.ended or bool(self.why)

    def feed(self, data):
        """Take bytes from the connection; an empty string is its end."""
        if not data:
            self.why = self.why or ("" if self.ended else "closed without END_REQUEST")
            return
        try:
            for rec in self.reader.feed(data):
                self.take(rec)
        except fcgi.ProtocolError as error:
            self.why = f"invalid record: {error}"

    def take(self, rec):
        if self.ended:
            self.why = f"{rec} after END_REQUEST"
            return
        self.rids.add(rec.rid)
        self.records.append((rec.kind, len(rec.content), rec.pad))
        if rec.kind == fcgi.STDOUT:
            self.stdout += rec.content
        elif rec.kind == fcgi.STDERR:
            self.stderr += rec.content
        elif rec.kind == fcgi.END:
            self.app_status, self.protocol_status = fcgi.parse_end(rec.content)
            self.ended = True

    def answer(self, seconds=0.0):
        """What the web server would make of it."""
        status, headers, body = parse_head(bytes(self.stdout))
        out = Answer(status, headers, body, self.ended and not self.why, seconds)
        out.ended, out.why, out.records = self.ended, self.why, self.records
        out.app_status, out.protocol_status = self.app_status, self.protocol_status
        out.stderr, out.rids = bytes(self.stderr), self.rids
        return out


class Connection:
    """One connection to fcgicache, or straight to an application."""

    def __init__(self, where, timeout=TIMEOUT):
        family, target = address(where)
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        self.sock.settimeout(timeout)
        self.sock.connect(target)
        self.begun = None                       # an answer of which wait_stdout has read a part

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        """Any bytes at all."""
        self.sock.sendall(data)

    def ask(self, params, body=b"", **how):
        """Send a whole request; `how` as in fcgi.request."""
        self.send(fcgi.request(params, body, **how))

    def answer(self, rid=1, timeout=None):
        """Read one answer to its END_REQUEST, or to what breaks it off."""
        if timeout is not None:
            self.sock.settimeout(timeout)
        got, start = self.begun or Collector(rid), time.monotonic()
        self.begun = None
        while not got.done:
            try:
                got.feed(self.sock.recv(1 << 18))
            except socket.timeout:
                got.why = "nothing came in time"
            except OSError as error:
                got.why = f"reset: {error}"
        return got.answer(time.monotonic() - start)

    def wait_stdout(self, text):
        """Read until STDOUT holds `text`; answer() goes on from there. For streamed answers."""
        got = self.begun = self.begun or Collector()
        while text not in got.stdout and not got.done:
            got.feed(self.sock.recv(1 << 16))
        assert text in got.stdout, f"{got.why or 'ended'} before {text!r}: {bytes(got.stdout)!r}"
        return bytes(got.stdout)

    def closed(self, timeout=TIMEOUT):
        """Whether the other side closes, without a further byte, within `timeout`."""
        self.sock.settimeout(timeout)
        try:
            return self.sock.recv(1) == b""
        except socket.timeout:
            return False
        except OSError:
            return True

    def alive(self):
        """Whether the connection still stands right now."""
        return not self.closed(0.05)

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        """Close with RST (tcp), or without reading what is there (unix)."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self):
        self.sock.close()


class Client:
    """An address to ask, one connection a request; for kept ones see connect()."""

    def __init__(self, where):
        self.where = where

    def connect(self, timeout=TIMEOUT):
        return Connection(self.where, timeout)

    def request(self, params, body=b"", timeout=TIMEOUT, **how):
        """Ask with exactly these parameters."""
        with self.connect(timeout) as conn:
            try:
                conn.ask(params, body, **how)
            except OSError:             # refused while we still spoke: the answer tells why
                pass
            out = conn.answer(how.get("rid", 1))
            out.kept = out.ended and bool(how.get("keep")) and conn.alive()
            return out

    def get(self, url="/", headers=None, timeout=TIMEOUT, **also):
        """GET as nginx would ask it; `also` as in page_params."""
        return self.request(page_params(url, headers=headers, **also), timeout=timeout)

    def send(self, method, url="/", body=b"", headers=None, timeout=TIMEOUT, **also):
        """Any method, with a body if there is one."""
        return self.request(page_params(url, method, headers, body, **also), body, timeout)
