"""The stories behind every real web server: told once, run by test_11_nginx and test_12_lighttpd.

`Stories` is a class to inherit from; the heir says how its server is started (`server`), and what
it cannot show. `behind` puts application, daemon and web server in a row; `php` does the same with
php-fpm and the scripts of php/.
"""
import hashlib
import re
import socket
import time

import pytest

from app import counting
from checking import CHECKED, RULE, Page, conditions, forwarded
from faults import cut_page, cut_places
from servers import PhpFpm
from waiting import limit, past, until
from web import background

PAGES = [{"prefix": "/pass", "cache": False}, {"prefix": "/", "ttl": 60}]


class Stories:
    """Inherit, and give `server`."""

    def server(self, folder, backend, **how):
        """Start the web server before this socket."""
        raise NotImplementedError

    @pytest.fixture
    def behind(self, site, folder):
        started = []

        def make(rules, **how):
            one = site(rules, **how)
            one.web = self.server(folder, one.daemon.where)
            started.append(one.web)
            return one
        yield make
        for server in started:
            server.stop()

    @pytest.fixture
    def php(self, site, folder):
        started = []

        def make(rules, **how):
            fpm = PhpFpm(folder)
            started.append(fpm)
            one = site(rules, application=fpm.where, **how)
            one.fpm = fpm
            one.web = self.server(folder, one.daemon.where, root=fpm.root, match=".php")
            started.append(one.web)
            return one
        yield make
        for server in reversed(started):
            server.stop()

    # -- the scripted application ----------------------------------------------------------

    def test_miss_and_hit(self, behind):
        one = behind(PAGES)
        first, second = one.web.get("/a?b=c"), one.web.get("/a?b=c")
        assert first.body == second.body == b"/a?b=c #1" and one.app.count() == 1
        assert first.cache.fwd == "uri-miss" and first.cache.stored
        assert second.cache.hit and second.age is not None and second.complete
        assert first.get("Content-Length") == second.get("Content-Length") == "9"

    def test_errors_of_ours_are_complete(self, behind):
        one = behind(PAGES)
        one.app.stop()
        for url in ("/a", "/pass"):
            answer = one.web.get(url)
            assert answer.status == 502 and answer.complete and answer.body

    def test_conditional_requests_and_head(self, behind):
        one = behind(PAGES)
        one.app.on("/c", (200, [("ETag", '"v1"')], b"page"))
        one.web.get("/c")
        assert one.web.get("/c", {"If-None-Match": '"v1"'}).status == 304
        assert one.web.get("/c", {"If-None-Match": '"v2"'}).body == b"page"
        head = one.web.send("HEAD", "/c")
        assert head.status == 200 and not head.body and head.get("Content-Length") == "4"
        assert one.app.count("/c") == 1

    def test_pages_of_all_sizes(self, behind):
        one = behind(PAGES)
        for size in (0, 1, 4000, 65528, 65529, 1_000_000, 5_000_000):
            body = (bytes(range(251)) * (size // 251 + 1))[:size]
            one.app.on(f"/size{size}", lambda x, body=body: body)
            one.app.on(f"/pass{size}", lambda x, body=body: body)
            for url in (f"/size{size}", f"/size{size}", f"/pass{size}"):
                answer = one.web.get(url)
                assert answer.complete and answer.body == body, (url, answer)

    def test_bodies_of_five_megabytes(self, behind):
        one = behind(PAGES)
        one.app.on("/p", lambda x: "%d %s" % (len(x.body), hashlib.md5(x.body).hexdigest()))
        body = bytes(range(256)) * 20_480
        for _ in range(2):
            answer = one.web.send("POST", "/p", body)
            assert answer.body == b"%d %s" % (len(body), hashlib.md5(body).hexdigest().encode())
            assert answer.cache.detail == "method"

    def test_large_heads(self, behind):
        """Below the 4 KiB that nginx takes, all of it in one record."""
        one = behind(PAGES)
        one.app.on("/h", (200, [(f"X-{number}", "v" * 30) for number in range(80)], b"x"))
        for _ in range(2):
            assert one.web.get("/h").get("X-79") == "v" * 30

    @pytest.mark.parametrize("cached", [True, False])
    @pytest.mark.parametrize("length", [True, False])
    def test_broken_off_anywhere(self, behind, cached, length):
        """At any of 20 places: never stored, and never a complete 200 at the client."""
        one = behind(PAGES)
        stream, head_size, body = cut_page(length=length)
        prefix = "/cut" if cached else "/pass"
        places = cut_places(stream, head_size)
        assert len(places) >= 20

        def handler(exchange):
            """The first time the page is cut at the place that its URL names."""
            first = exchange.serial == 1
            exchange.raw(stream[:int(exchange.path[len(prefix):])] if first else stream)
            exchange.close()
        one.app.default = handler
        for place in places:
            answer = one.web.get(f"{prefix}{place}")
            if answer.status == 200 and answer.complete:
                # a body that came to the length it had announced is whole, whatever comes after
                assert length and not cached and answer.body == body, (place, answer)
                assert place >= len(stream) - 24
            if cached:
                assert answer.status == 502 and answer.complete, (place, answer)
        for place in places:
            url = f"{prefix}{place}"
            answer = one.web.get(url)
            assert answer.complete and answer.status == 200 and answer.body == body
            assert not answer.cache.hit, "a broken page was stored"
            assert one.app.count(url) == 2
        one.check_alive()

    def test_a_break_leaves_a_stale_page_alone(self, behind):
        one = behind([{"prefix": "/", "ttl": "150ms", "stale_if_error": 60}])
        stream, head_size, _ = cut_page()
        assert one.web.get("/p").body == b"/p #1"
        past(0.15)
        for place in (0, 20, head_size + 8, 30000, len(stream) - 1):
            one.app.on("/p", lambda x, place=place: (x.raw(stream[:place]), x.close()) and None)
            answer = one.web.get("/p")
            assert answer.body == b"/p #1" and answer.complete and answer.status == 200

    def test_grace(self, behind):
        one = behind([{"prefix": "/", "ttl": "200ms", "grace": 60}])
        one.web.get("/p")
        past(0.2)
        gate, handler = one.app.held()
        one.app.on("/p", handler)
        for _ in range(10):
            answer = one.web.get("/p")
            assert answer.body == b"/p #1" and answer.cache.hit and answer.seconds < limit(0.2)
        assert one.app.wait("/p", 2) == 2
        gate.set()
        until(lambda: one.web.get("/p").body == b"/p #2")

    def test_a_page_is_checked(self, behind):
        """The application's 304 makes it fresh; the browser's own tag is answered from that."""
        one, page = behind(RULE), Page()
        one.app.on("/v", page)
        assert one.web.get("/v").cache.stored
        answer = one.web.get("/v", {"If-None-Match": '"mine"'})
        assert (answer.status, answer.body) == (200, b"/v #1") and answer.complete
        assert forwarded(answer) == CHECKED and conditions(one.app.last("/v")) == ('"v1"', None)
        answer = one.web.get("/v", {"If-None-Match": '"v1"'})
        assert answer.status == 304 and answer.cache.hit and one.app.count("/v") == 2

    def test_many_at_once(self, behind):
        """60 clients on a cold page that takes 0.5 s: one request at the application."""
        one = behind(PAGES)

        def slow(exchange):
            time.sleep(0.5)
            return counting(exchange)
        one.app.on("/cold", slow)
        waits = [background(one.web.get, "/cold") for _ in range(60)]
        answers = [wait() for wait in waits]
        assert {answer.body for answer in answers} == {b"/cold #1"}
        assert all(answer.complete and answer.seconds < limit(1.5) for answer in answers)
        assert one.app.count("/cold") == 1

    @pytest.mark.parametrize("raw", ["/static/..%2fadmin", "/static/%2e%2e/admin",
                                     "/static//../admin", "/static/a%2fb", "/static/..%5cx"])
    def test_paths_that_could_be_read_differently(self, behind, raw):
        """A04: not stored, so no page of /static/ is ever another one's."""
        one = behind([{"prefix": "/static/", "ttl": 60}, {"prefix": "/", "ttl": 60}])
        for _ in range(2):
            answer = one.web.get(raw)
            assert answer.complete
            assert answer.status >= 400 or answer.cache.detail == "path", answer
        assert not one.app.count(raw) or one.app.count(raw) == 2

    def test_poison_does_not_reach_the_page(self, behind):
        """A02, A13: through a real server, with whatever it makes of the headers."""
        one = behind([{"prefix": "/", "ttl": 60, "drop_query": ["tracking"],
                       "ignore_cookies": ["*"]}])
        one.app.default = lambda x: repr(sorted(x.pairs))
        evil = {name: "evil.example" for name in (
            "X-Forwarded-Host", "X-Forwarded-Proto", "X-Original-URL", "X-Rewrite-URL",
            "X-HTTP-Method-Override", "Forwarded", "X-Host", "Proxy")}
        evil.update({"Cookie": "a=evil", "Range": "bytes=0-3", "If-None-Match": '"evil"'})
        one.web.get("/e?utm_source=evil&a=1", evil)
        clean = one.web.get("/e?a=1")
        assert clean.cache.hit and clean.status == 200 and b"evil" not in clean.body
        assert b"HTTP_RANGE" not in clean.body and one.app.count("/e") == 1

    def test_range_is_answered(self, behind):
        """By the server from our whole page, or by the whole page."""
        one = behind(PAGES)
        one.app.on("/r", b"0123456789")
        for _ in range(2):
            answer = one.web.get("/r", {"Range": "bytes=2-4"})
            assert (answer.status, answer.body) in ((206, b"234"), (200, b"0123456789"))
        assert one.web.get("/r").body == b"0123456789" and one.app.count("/r") == 1

    def test_clients_that_leave(self, behind):
        """F01: 30 of them, in the middle of a slow page."""
        one = behind(PAGES)
        one.check_alive()
        before = one.daemon.fds()
        gate, handler = one.app.held(b"x" * 300_000)
        one.app.on("/slow", handler)
        one.app.on("/pass", handler)
        leaving = [socket.create_connection(("127.0.0.1", one.web.port)) for _ in range(30)]
        for number, sock in enumerate(leaving):
            url = "/slow" if number % 2 else "/pass"
            sock.sendall(f"GET {url} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
        one.app.wait("/pass", 15)
        for sock in leaving:
            sock.close()
        gate.set()
        assert one.web.get("/other").body == b"/other #1"
        # nginx may keep up to 16 connections of its own
        until(lambda: one.daemon.fds() <= before + 18, what="descriptors to be given back")

    def test_server_killed(self, behind):
        """F02: 40 requests under way; all descriptors free soon."""
        one = behind(PAGES)
        one.check_alive()
        before = one.daemon.fds()
        gate, handler = one.app.held()
        one.app.default = handler
        waits = [background(one.web.get, f"/{number}") for number in range(40)]
        one.app.wait(count=41)
        one.web.crash()
        gate.set()
        for wait in waits:
            wait()
        until(lambda: one.daemon.fds() <= before + 2, what="descriptors to be given back")

    def test_daemon_restarts(self, behind):
        one = behind(PAGES)
        assert one.web.get("/a").body == b"/a #1"
        one.daemon.stop()
        assert one.web.get("/a").status >= 500
        one.daemon.start()
        until(lambda: one.web.get("/a").status == 200, what="the server to come back to us")
        assert one.web.get("/a").cache.hit

    def test_reload_under_load(self, behind):
        one = behind(PAGES)
        wrong = []

        def visitor(number):
            for step in range(60):
                url = f"/{number}/{step % 9}"
                answer = one.web.get(url)
                if answer.status != 200 or not answer.body.startswith(url.encode()):
                    wrong.append(answer)
        waits = [background(visitor, number) for number in range(5)]
        for number in range(10):
            one.daemon.reload([PAGES, [{"prefix": "/", "cache": False}]][number % 2])
        for wait in waits:
            wait()
        assert not wrong, wrong[:3]

    # -- php-fpm ---------------------------------------------------------------------------

    def test_php_from_miss_to_refresh(self, php):
        """MISS, HIT, stale in grace while one refresh runs, fresh again."""
        one = php([{"prefix": "/", "ttl": "500ms", "grace": 60}])
        url = "/page.php?ms=300"
        first, second = one.web.get(url), one.web.get(url)
        assert first.cache.fwd == "uri-miss" and first.cache.stored and first.seconds > 0.3
        assert second.cache.hit and second.seconds < limit(0.2)
        assert first.body == second.body == b"run 1 of /page.php?ms=300\n"
        past(0.5)
        for _ in range(8):
            stale = one.web.get(url)
            assert stale.body == first.body and stale.cache.hit and stale.seconds < limit(0.2)
        until(lambda: one.web.get(url).body == b"run 2 of /page.php?ms=300\n")
        assert one.fpm.runs("page.php") == 2

    def test_php_ttl_expires(self, php):
        one = php([{"prefix": "/", "ttl": "300ms"}])
        assert one.web.get("/page.php").body == one.web.get("/page.php").body
        past(0.3)
        answer = one.web.get("/page.php")
        assert answer.body.startswith(b"run 2 ") and not answer.cache.hit

    def test_php_says_how_long(self, php):
        one = php([{"prefix": "/"}])
        assert 55 <= [one.web.get("/page.php?ttl=60") for _ in range(2)][1].cache.ttl <= 60
        assert not [one.web.get("/page.php?ttl=0") for _ in range(2)][1].cache.hit

    def test_php_page_is_checked(self, php):
        """PHP's 304 costs no page; another version is a new one."""
        one = php(RULE)
        assert one.web.get("/checked.php").cache.stored
        answer = one.web.get("/checked.php")
        assert (answer.status, answer.body) == (200, b"/* v1 */\n") and forwarded(answer) == CHECKED
        assert answer.get("Content-Type").startswith("text/css")
        assert one.web.get("/checked.php", {"If-None-Match": '"v1"'}).status == 304
        assert one.fpm.runs("checked.php") == 2
        one.web.get("/checked.php?2")
        (one.fpm.root / "checked.php.version").write_text("v2")
        answer = one.web.get("/checked.php?2")
        assert answer.body == b"/* v2 */\n" and answer.get("ETag") == '"v2"'
        assert one.fpm.runs("checked.php") == 4

    def test_php_and_reload(self, php):
        one = php([{"prefix": "/", "ttl": 60}])
        one.web.get("/page.php")
        one.daemon.reload([{"prefix": "/", "cache": False}])
        answer = one.web.get("/page.php")
        assert answer.body.startswith(b"run 2 ") and answer.cache.detail == "rule"
        one.daemon.reload([{"prefix": "/", "ttl": 60}])
        assert one.web.get("/page.php").body.startswith(b"run 1 ")

    def test_php_bodies_of_five_megabytes(self, php):
        one = php([{"prefix": "/", "ttl": 60}])
        body = bytes(range(256)) * 20_480
        expected = b"%d %s\n" % (len(body), hashlib.md5(body).hexdigest().encode())
        for number in (1, 2):
            assert one.web.send("POST", "/post.php", body).body == expected
            assert one.fpm.runs("post.php") == number

    def test_php_large_page(self, php):
        one = php([{"prefix": "/", "ttl": 60}])
        body = b"".join(b"%063d\n" % line for line in range(16 * 2000))
        for _ in range(2):
            assert one.web.get("/large.php?kb=2000").body == body
        assert one.fpm.runs("large.php") == 1

    def test_php_sees_no_more_than_the_key(self, php):
        one = php([{"prefix": "/", "ttl": 60, "ignore_cookies": ["*"], "drop_query": ["tracking"]}])
        seen = one.web.get("/seen.php?gclid=evil&a=1", {
            "Cookie": "s=evil", "X-Forwarded-Host": "evil", "User-Agent": "me"}).json
        assert "evil" not in repr(seen) and seen["QUERY_STRING"] == "a=1"
        assert seen["SCRIPT_FILENAME"].endswith("/seen.php") and seen["HTTP_USER_AGENT"] == "me"

    def test_php_fatal_error_is_not_stored(self, php):
        """U17: delivered as it came, and asked for again."""
        one = php([{"prefix": "/", "ttl": 60}])
        for number in (1, 2):
            answer = one.web.get("/fatal.php")
            assert not answer.cache.hit and not answer.cache.stored
            assert one.fpm.runs("fatal.php") == number

    @pytest.mark.parametrize("cached", [True, False])
    @pytest.mark.parametrize("query", ["", "?length=1"])
    def test_php_worker_killed(self, php, cached, query):
        """U25"""
        one = php([{"prefix": "/", "cache": cached}])
        for _ in range(2):
            answer = one.web.get("/killed.php" + query)
            assert not (answer.status == 200 and answer.complete), answer
            if cached:
                assert answer.status == 502 and answer.complete
        assert one.fpm.runs("killed.php") == 2

    def test_php_stops_and_starts(self, php):
        """U01, U34: stale while it is away, an error for what is not there, then all is well."""
        one = php([{"prefix": "/page.php", "ttl": "200ms", "stale_if_error": 60},
                   {"prefix": "/", "ttl": 60}])
        page = one.web.get("/page.php").body
        past(0.2)
        one.fpm.stop()
        assert one.web.get("/page.php").body == page
        assert one.web.get("/seen.php").status == 502
        one.fpm.start()
        assert one.web.get("/seen.php").status == 200
        run = re.match(rb"run (\d+)", one.web.get("/page.php").body)
        assert run and int(run.group(1)) >= 1
