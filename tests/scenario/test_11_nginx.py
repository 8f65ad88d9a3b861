"""fcgicache behind nginx: as it comes, with kept connections, and with buffering off.

The stories are in stories.py; here is what only nginx does.
"""
from servers import Nginx
from stories import PAGES, Stories
from waiting import until
from web import background, free_port


class TestNginx(Stories):
    """A connection for each request, responses buffered: the default."""

    def server(self, folder, backend, match=None, **how):
        return Nginx(folder, backend, **how)

    def test_x_accel_redirect_is_followed_and_not_stored(self, behind):
        """C11: each request is checked anew; what is behind the check has the same REQUEST_URI,
        and is no answer to it."""
        one = behind(PAGES)
        one.app.on("/check", lambda x: b"secret" if x.env["SCRIPT_NAME"] == "/behind"
                   else (200, [("X-Accel-Redirect", "/behind")], b""))
        for number in (1, 2, 3):
            assert one.web.get("/check").body == b"secret"
            scripts = [x.env["SCRIPT_NAME"] for x in one.app.requests("/check")]
            assert scripts.count("/check") == number

    def test_path_info(self, behind):
        """A05: PATH_INFO pages are pages of their own."""
        one = behind(PAGES)
        for url in ("/index.php/a.css", "/index.php", "/a.css", "/index.php/a.css"):
            assert one.web.get(url).body == url.encode() + b" #1"


class TestNginxKept(Stories):
    """fastcgi_keep_conn: many requests on few connections, also after breaks."""

    def server(self, folder, backend, match=None, **how):
        return Nginx(folder, backend, keep=True, **how)

    def test_connections_are_reused(self, behind):
        one = behind(PAGES)
        one.check_alive()
        before = one.daemon.fds()
        for number in range(100):
            url = f"/{number % 10}"
            assert one.web.get(url).body == url.encode() + b" #1"
        assert one.daemon.fds() <= before + 3

    def test_more_kept_connections_than_workers(self, behind):
        """F13: idle connections of nginx starve nobody."""
        one = behind(PAGES, workers=2)
        gate, handler = one.app.held()
        one.app.default = handler
        waits = [background(one.web.get, f"/{number}") for number in range(16)]
        one.app.wait(count=16)
        gate.set()
        assert all(wait().status == 200 for wait in waits)
        for number in range(16):
            assert one.web.get(f"/{number}").cache.hit

    def test_idle_timeout_is_not_an_error(self, behind):
        """We close an idle connection; nginx takes a new one."""
        one = behind(PAGES, limits={"idle_timeout": "500ms"})
        one.check_alive()
        before = one.daemon.fds()
        for number in range(3):
            assert one.web.get(f"/{number}").status == 200
            until(lambda: one.daemon.fds() <= before)


class TestNginxUnbuffered(Stories):
    """fastcgi_buffering and fastcgi_request_buffering off: everything as it comes."""

    def server(self, folder, backend, match=None, **how):
        return Nginx(folder, backend, **how,
                     options="fastcgi_buffering off; fastcgi_request_buffering off;")

    def test_chunked_upload(self, behind):
        """CONTENT_LENGTH is empty: the length is found out before the application is asked."""
        one = behind(PAGES)
        one.app.on("/p", lambda x: b"%d %s" % (len(x.body), x.env["CONTENT_LENGTH"].encode()))
        pieces = [b"x" * 1000] * 200
        answer = one.web.send("POST", "/p", iter(pieces))
        assert answer.body == b"200000 200000"


def test_listening_on_tcp(site, folder):
    one = site(PAGES, listen=f"tcp:127.0.0.1:{free_port()}")
    nginx = Nginx(folder, one.daemon.where, keep=True)
    try:
        for _ in range(3):
            assert nginx.get("/a").body == b"/a #1"
        assert one.app.count("/a") == 1
    finally:
        nginx.stop()
