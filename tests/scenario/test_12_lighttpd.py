"""fcgicache behind lighttpd: in its default mode, streaming, and started by lighttpd itself.

The stories are in stories.py; here is what only lighttpd does.
"""
import pathlib

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
