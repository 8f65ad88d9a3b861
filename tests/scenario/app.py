"""The scripted application: a FastCGI server that says exactly the bytes and pauses of a case.

What it is: `Application` listens, has a thread a connection, records every exchange and asks a
handler what to do. A handler belongs to a path (`app.on`), or is the default; it gets the
`Exchange` and either returns a page - bytes, or (status, headers, body) - or speaks by itself:
stdout, stderr, end, raw, close, reset.

The default handler counts: the body is "/path?query #n" with n the number of this answer for that
URL, so a body tells by itself whether it is right and whether it is fresh.

Waiting is done on conditions: `app.wait(path, n)` until n requests have come; `app.gate()` makes
an Event that a handler waits for. All gates open when the application stops.
"""
import os
import socket
import struct
import threading
import time

import fcgi
from client import address

WAIT = 15.0


class Gone(Exception):
    """The other side closed, or we did; the handler ends quietly."""


class Exchange:
    """One request at the application and the means to answer it."""

    def __init__(self, sock, rid, role, keep):
        self.sock, self.rid, self.role, self.keep = sock, rid, role, keep
        self.pairs, self.env, self.body = [], {}, b""
        self.reader, self.pending = None, []
        self.body_done = self.over = self.closed = False
        self.time = time.monotonic()
        self.serial = 0                         # how many times this path had been asked for
        self.reused = False                     # not the first request on its connection

    # what was asked

    @property
    def uri(self):
        return self.env.get("REQUEST_URI", "")

    @property
    def path(self):
        return self.uri.partition("?")[0]

    @property
    def method(self):
        return self.env.get("REQUEST_METHOD", "")

    def header(self, name):
        """A request header as it reached the application, or None."""
        return self.env.get("HTTP_" + name.upper().replace("-", "_"))

    def names(self):
        return [name for name, _ in self.pairs]

    # reading

    def next_record(self):
        while not self.pending:
            data = self.sock.recv(1 << 16)
            if not data:
                raise Gone("closed by the other side")
            self.pending.extend(self.reader.feed(data))
        return self.pending.pop(0)

    def read_body(self, limit=None):
        """Read STDIN to its end, or until `limit` bytes of it have come."""
        parts, size = [self.body], len(self.body)
        try:
            while not self.body_done and (limit is None or size < limit):
                rec = self.next_record()
                if rec.kind == fcgi.STDIN:
                    parts.append(rec.content)
                    size += len(rec.content)
                    self.body_done = not rec.content
        finally:
            self.body = b"".join(parts)
        return self.body

    # answering

    def raw(self, data):
        """Any bytes at all."""
        try:
            self.sock.sendall(data)
        except OSError as error:
            raise Gone(str(error)) from error

    def stdout(self, data):
        self.raw(fcgi.stream(fcgi.STDOUT, data, self.rid, close=False))

    def head(self, status=200, headers=()):
        self.stdout(fcgi.head(status, headers))

    def stderr(self, data):
        self.raw(fcgi.stream(fcgi.STDERR, data, self.rid, close=False))

    def end(self, app_status=0, protocol_status=fcgi.REQUEST_COMPLETE):
        self.over = True
        self.raw(fcgi.record(fcgi.STDOUT, b"", self.rid)
                 + fcgi.end(app_status, protocol_status, self.rid))

    def respond(self, status=200, headers=(), body=b""):
        """A whole response."""
        self.over = True
        self.raw(fcgi.response(status, headers, body, self.rid))

    def close(self):
        """Close without another byte."""
        self.over = self.closed = True
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()

    def reset(self):
        """Close with RST (tcp only; on a unix socket it is a close)."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.over = self.closed = True
        self.sock.close()

    def gone(self, timeout=WAIT):
        """Wait until the other side closes this connection."""
        self.sock.settimeout(timeout)
        try:
            while self.sock.recv(1 << 16):
                pass
            return True
        except socket.timeout:
            return False
        except OSError:
            return True


def counting(exchange):
    """The default page; see the file's head."""
    return b"%s #%d" % (exchange.uri.encode("latin-1"), exchange.serial)


class Application:
    """The server. Start it, give it handlers, look at what it saw."""

    def __init__(self, where, handler=counting, backlog=1024):
        self.where, self.backlog = where, backlog
        self.default, self.routes, self.lazy = handler, {}, set()
        self.lock = threading.Condition()
        self.seen, self.connected, self.open = [], 0, 0
        self.serials, self.gates, self.errors = {}, [], []
        self.listener = None
        self.sockets = set()

    # scripting

    def on(self, path, handler, lazy=False):
        """What to do for a path; `lazy`: the handler runs before STDIN has been read.

        A handler is a function of the exchange, or simply the page it would return.
        """
        self.routes[path] = handler
        (self.lazy.add if lazy else self.lazy.discard)(path)
        return handler

    def gate(self):
        """An Event for handlers to wait for; opened at the latest when the application stops."""
        event = threading.Event()
        self.gates.append(event)
        return event

    def held(self, page=None):
        """A gate and a handler that answers with `page` once the gate is open."""
        gate = self.gate()

        def handler(exchange):
            gate.wait(WAIT)
            return self.evaluate(counting if page is None else page, exchange)
        return gate, handler

    # looking

    def requests(self, path=None, method=None):
        """The exchanges seen so far, in order."""
        with self.lock:
            return [one for one in self.seen
                    if (path is None or one.path == path) and method in (None, one.method)]

    def count(self, path=None, method=None):
        return len(self.requests(path, method))

    def last(self, path=None):
        return self.requests(path)[-1]

    def wait(self, path=None, count=1, timeout=WAIT):
        """Wait until `count` requests have come for `path`; the number that have."""
        def enough():
            return sum(1 for one in self.seen if path is None or one.path == path) >= count
        with self.lock:
            assert self.lock.wait_for(enough, timeout), \
                f"{path}: {[one.uri for one in self.seen]} came, {count} were expected"
        return self.count(path)

    # running

    def start(self):
        family, target = address(self.where)
        self.listener = socket.socket(family, socket.SOCK_STREAM)
        if family == socket.AF_UNIX and os.path.exists(target):
            os.unlink(target)
        if family == socket.AF_INET:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(target)
        if family == socket.AF_INET and not target[1]:
            self.where = "tcp:%s:%d" % self.listener.getsockname()
        self.listener.listen(self.backlog)
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()
        return self

    def stop(self, unlink=True):
        """Stop listening and drop every connection; start() makes it whole again."""
        if self.listener is None:
            return
        for gate in self.gates:
            gate.set()
        listener, self.listener = self.listener, None
        try:
            listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        listener.close()
        family, target = address(self.where)
        if unlink and family == socket.AF_UNIX and os.path.exists(target):
            os.unlink(target)
        self.drop_all()

    def drop_all(self):
        """Shut every connection down."""
        with self.lock:
            sockets = list(self.sockets)
        for sock in sockets:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def accept(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            with self.lock:
                self.connected += 1
                self.open += 1
                self.sockets.add(sock)
                self.lock.notify_all()
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock):
        """One connection, from its first request to its end."""
        reader, pending, first = fcgi.Reader(), [], True
        try:
            while True:
                exchange = self.read_head(sock, reader, pending)
                exchange.reused, first = not first, False
                self.answer(exchange)
                if exchange.closed or not (exchange.keep and exchange.over):
                    return
                if not exchange.body_done:
                    exchange.read_body()
                pending = exchange.pending
        except (Gone, OSError, fcgi.ProtocolError):
            pass
        except Exception as error:              # a mistake in a test's handler: say so
            self.errors.append(error)
            raise
        finally:
            sock.close()
            with self.lock:
                self.open -= 1
                self.sockets.discard(sock)
                self.lock.notify_all()

    @staticmethod
    def read_head(sock, reader, pending):
        """Read BEGIN_REQUEST and PARAMS."""
        exchange = Exchange(sock, 0, 0, False)
        exchange.reader, exchange.pending = reader, pending
        params = b""
        while True:
            rec = exchange.next_record()
            if rec.kind == fcgi.BEGIN:
                exchange.rid, exchange.role = rec.rid, rec.content[1]
                exchange.keep = bool(rec.content[2] & fcgi.KEEP_CONN)
            elif rec.kind == fcgi.PARAMS and rec.content:
                # php-fpm wants every pair whole within its record: insist on that here
                params += rec.content
                exchange.pairs += [(name.decode("latin-1"), value.decode("latin-1"))
                                   for name, value in fcgi.parse_pairs(rec.content)]
            elif rec.kind == fcgi.PARAMS:
                break
        for name, value in exchange.pairs:
            exchange.env.setdefault(name, value)
        exchange.time = time.monotonic()
        return exchange

    def answer(self, exchange):
        """Record the exchange, then let the handler speak."""
        lazy = exchange.path in self.lazy
        if not lazy:
            exchange.read_body()
        with self.lock:
            key = exchange.uri, exchange.method
            exchange.serial = self.serials[key] = self.serials.get(key, 0) + 1
            self.seen.append(exchange)
            self.lock.notify_all()
        page = self.evaluate(self.routes.get(exchange.path, self.default), exchange)
        if page is not None and not exchange.over:
            exchange.respond(*page)

    @staticmethod
    def evaluate(handler, exchange):
        """What a handler has to say, as (status, headers, body), or None if it spoke itself."""
        page = handler(exchange) if callable(handler) else handler
        if isinstance(page, (bytes, str)):
            page = 200, [("Content-Type", "text/plain")], fcgi.to_bytes(page)
        return page
