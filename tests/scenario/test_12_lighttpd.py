"""fcgicache behind lighttpd: in its default mode, streaming, and started by lighttpd itself.

The stories are in stories.py; here is what only lighttpd does.
"""
import pathlib
import socket

import pytest

from daemon import COMMAND, REPORTS, rules_text, running
from servers import Lighttpd
from stories import PAGES, Stories
from waiting import until


class TestLighttpd(Stories):
    """The default: lighttpd reads a whole response before it sends the first byte of it."""

    def server(self, folder, backend, **how):
        return Lighttpd(folder, backend, **how)

    def test_decoded_query(self, behind):
        """lighttpd decodes QUERY_STRING and leaves REQUEST_URI raw: one page, one body."""
        one = behind([{"prefix": "/", "ttl": 60, "drop_query": ["utm_*"]}])
        one.app.default = lambda x: x.env["QUERY_STRING"]
        first = one.web.get("/q?a=%41&utm_x=evil")
        assert first.body in (b"a=A", b"a=%41")
        assert one.web.get("/q?a=%41").body == first.body and one.app.count("/q") == 1

    def test_interim_responses(self, behind):
        """U29: dropped before lighttpd sees them."""
        one = behind(PAGES)
        one.app.on("/i", lambda x: (x.stdout(b"Status: 103\r\nLink: </a>\r\n\r\nStatus: 200\r\n\r\n"
                                             b"final"), x.end()) and None)
        assert one.web.get("/i").body == b"final"


class TestLighttpdStreaming(Stories):
    """server.stream-response-body = 1: as it comes."""

    def server(self, folder, backend, **how):
        return Lighttpd(folder, backend, stream=True, **how)

    def test_events_leave_at_once(self, behind):
        """What has no length is held for lighttpd until it is whole, but not what is a stream."""
        one = behind(PAGES)
        gate = one.app.gate()

        def events(exchange):
            exchange.stdout(b"Content-Type: text/event-stream\r\n\r\ndata: 1\n\n")
            gate.wait(20)
            exchange.stdout(b"data: 2\n\n")
            exchange.end()
        one.app.on("/pass/events", events)
        with socket.create_connection(("127.0.0.1", one.web.port), timeout=20) as sock:
            sock.sendall(b"GET /pass/events HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            got = b""
            while b"data: 1" not in got:
                got += sock.recv(65536) or pytest.fail(f"closed after {got!r}")
            assert b"data: 2" not in got
            gate.set()
            while b"data: 2" not in got:
                got += sock.recv(65536) or pytest.fail(f"closed after {got!r}")

    def test_a_page_without_a_length_gets_one(self, behind):
        one = behind(PAGES)
        one.app.on("/pass/page", lambda x: b"x" * 100_000)
        answer = one.web.get("/pass/page")
        assert answer.body == b"x" * 100_000 and answer.get("Content-Length") == "100000"


def test_started_by_lighttpd(folder, app):
    """bin-path: lighttpd makes the socket, gives it as fd 0, and ends the program with TERM."""
    log, config = f"{folder}/daemon.log", pathlib.Path(folder) / "rules.json"
    config.write_text(rules_text(app.where, PAGES, log={"to": log, "level": "info"}))
    web = Lighttpd(folder, f"unix:{folder}/own.sock",
                   spawn=" ".join(COMMAND + ["-c", str(config)]))
    try:
        for _ in range(3):
            assert web.get("/a").body == b"/a #1"
        assert web.get("/a").cache.hit and app.count("/a") == 1
        assert web.get("/pass").cache.detail == "rule"
        children = web.children()
        assert len(children) == 1
    finally:
        web.stop()
    until(lambda: not any(running(pid) for pid in children), what="fcgicache to end")
    assert "started" in pathlib.Path(log).read_text()
    breakage = pathlib.Path(folder) / "lighttpd" / "breakage.log"
    if breakage.exists():
        assert not REPORTS.search(breakage.read_text(errors="replace"))
