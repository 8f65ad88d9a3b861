"""The harness tests itself: no fcgicache here, the same peers face to face.

What fails here is a mistake of the tests or of the machine, so it runs first. It also fixes what
the neighbours really do with what fcgicache will send them.
"""
import socket
import time

import pytest

import fcgi
from app import Application
from client import Client, page_params
from answer import CacheStatus
from crowd import crowd
from servers import Lighttpd, Nginx, PhpFpm
from waiting import until
from web import background

pytestmark = pytest.mark.nodaemon


# -- codec ----------------------------------------------------------------------------------

def test_pairs_come_back():
    items = [(b"A", b"1"), (b"", b""), (b"N" * 127, b"v" * 128), (b"L" * 300, b"x" * 70000)]
    assert fcgi.parse_pairs(fcgi.pairs(items)) == items
    assert fcgi.parse_pairs(fcgi.pairs(items, wide=True)) == items
    with pytest.raises(fcgi.ProtocolError):
        fcgi.parse_pairs(fcgi.pairs(items)[:-1])


def test_reader_takes_any_pieces():
    data = fcgi.request([("A", "b" * 500)], b"body", size=7) + fcgi.response(200, (), b"x" * 99)
    reader, kinds = fcgi.Reader(), []
    for at in range(0, len(data), 3):
        kinds += [rec.kind for rec in reader.feed(data[at:at + 3])]
    whole = [rec.kind for rec in fcgi.Reader().feed(data)]
    assert kinds == whole and kinds[0] == fcgi.BEGIN and kinds[-1] == fcgi.END
    with pytest.raises(fcgi.ProtocolError):
        list(reader.feed(bytes(8)))


def test_cache_status_is_read():
    one = CacheStatus('origin; hit, fcgicache; fwd=bypass; detail="cookie:a b"')
    assert (one.fwd, one.detail, one.ours, one.hit) == ("bypass", "cookie:a b", 1, False)
    two = CacheStatus("fcgicache; hit; ttl=-3")
    assert two.hit and two.ttl == -3 and not two.stored
    three = CacheStatus("fcgicache; fwd=uri-miss; detail=set-cookie; stored")
    assert three.miss and three.stored and three.detail == "set-cookie"
    assert CacheStatus("").ours == 0


# -- client and application face to face ----------------------------------------------------

def test_counting_page(app, direct):
    assert direct.get("/a?b=1").body == b"/a?b=1 #1"
    answer = direct.get("/a?b=1")
    assert answer.body == b"/a?b=1 #2" and answer.status == 200 and answer.complete
    assert answer.get("content-type") == "text/plain" and answer.app_status == 0
    assert app.count("/a") == 2 and app.last("/a").env["QUERY_STRING"] == "b=1"


def test_body_role_and_id(app, direct):
    app.on("/post", lambda x: x.body)
    body = bytes(range(256)) * 4000
    answer = direct.request(page_params("/post", "POST", body=body), body, rid=65535, role=3)
    assert answer.body == body and answer.rids == {65535} and app.last().role == 3


def test_kept_connection(direct):
    with direct.connect() as conn:
        for number in (1, 2, 3):
            conn.ask(page_params("/k"), keep=True)
            assert conn.answer().body == b"/k #%d" % number
        assert conn.alive()
        conn.ask(page_params("/k"))
        assert conn.answer().complete and conn.closed()


@pytest.mark.parametrize("data", [b"", fcgi.record(fcgi.STDOUT, fcgi.head(200) + b"half"),
                                  fcgi.record(fcgi.STDOUT, fcgi.head(200)) + bytes(8)])
def test_broken_answers_are_seen(app, direct, data):
    app.on("/cut", lambda x: x.raw(data))
    answer = direct.get("/cut")
    assert answer.broken and answer.why and not answer.ended


def test_handlers_that_return_nothing_cut(app, direct):
    app.on("/cut", lambda x: x.head(200))
    assert direct.get("/cut").broken


def test_gate_and_wait(app, direct):
    gate, handler = app.held()
    app.on("/slow", handler)
    first = background(direct.get, "/slow")
    app.wait("/slow")
    assert direct.get("/other").body == b"/other #1"
    gate.set()
    assert first().body == b"/slow #1"


def test_stop_and_start(app, direct):
    app.stop()
    with pytest.raises(OSError):
        direct.get("/")
    app.start()
    assert direct.get("/").body == b"/ #1"


def test_reset_is_seen(folder):
    one = Application("tcp:127.0.0.1:0").start()
    one.on("/reset", lambda x: (x.head(200), x.reset()) and None)
    answer = Client(one.where).get("/reset")
    one.stop()
    assert answer.broken and not one.errors


def test_crowd_of_a_thousand(app):
    answers = crowd(app.where, page_params("/crowd"), 1000)
    assert sorted(one.body for one in answers) == \
        sorted(b"/crowd #%d" % number for number in range(1, 1001))
    assert all(one.complete and 0 < one.seconds < 20 for one in answers)
    until(lambda: app.open == 0)


def test_crowd_sees_breaks(app):
    app.on("/cut", lambda x: x.head(200))
    assert all(one.broken for one in crowd(app.where, page_params("/cut"), 5))


# -- the real servers before the scripted application ------------------------------------------

@pytest.fixture(params=["nginx", "nginx-kept", "lighttpd", "lighttpd-stream"])
def front(request, folder, app):
    make = {"nginx": lambda: Nginx(folder, app.where),
            "nginx-kept": lambda: Nginx(folder, app.where, keep=True),
            "lighttpd": lambda: Lighttpd(folder, app.where),
            "lighttpd-stream": lambda: Lighttpd(folder, app.where, stream=True)}
    server = make[request.param]()
    server.kind = request.param
    yield server
    server.stop()


def test_server_passes_pages(front, app):
    answer = front.get("/a/b?c=d")
    assert answer.body == b"/a/b?c=d #1" and answer.status == 200 and answer.complete
    app.on("/echo", lambda x: x.body)
    body = bytes(range(256)) * 400
    assert front.send("POST", "/echo", body).body == body
    assert app.last().env["CONTENT_LENGTH"] == str(len(body))
    raw = "/s/..%2fx%2e/%c3%a4"
    assert front.get(raw).status == 200 and app.last().uri == raw


def test_server_shows_breaks(front, app):
    """Eight zero bytes are a break for all but lighttpd's default mode without a length."""
    def page(*fields):
        def handler(exchange):
            exchange.head(200, fields)
            exchange.stdout(b"x" * 100000)
            time.sleep(0.1)     # lighttpd takes what comes together with the end for whole
            exchange.raw(bytes(8))
        return handler
    app.on("/zeros", page())
    app.on("/zeros-length", page(("Content-Length", "200000")))
    assert front.get("/zeros-length").broken
    assert front.get("/zeros").complete == (front.kind == "lighttpd")


def test_server_and_php(folder):
    fpm = PhpFpm(folder)
    nginx = Nginx(folder, fpm.where, root=fpm.root)
    lighttpd = Lighttpd(folder, fpm.where, root=fpm.root, match=".php")
    try:
        for server, number in ((nginx, 1), (lighttpd, 2)):
            answer = server.get("/page.php?ttl=5")
            assert answer.body == b"run %d of /page.php?ttl=5\n" % number
            assert answer.get("Cache-Control") == "max-age=5"
        assert fpm.runs("page.php") == 2
        killed = [server.get("/killed.php?length=1") for server in (nginx, lighttpd)]
        assert all(one.broken for one in killed), killed
        fatal = Client(fpm.where).get("/fatal.php", SCRIPT_FILENAME=f"{fpm.root}/fatal.php")
        assert fatal.status == 200 and fatal.complete and len(fatal.body) == 10000
        assert b"PHP Fatal error" in fatal.stderr
        large = lighttpd.get("/large.php?kb=100")
        assert large.body == b"".join(b"%063d\n" % line for line in range(1600))
    finally:
        for server in (nginx, lighttpd, fpm):
            server.stop()


def test_unix_paths_are_short(folder):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(folder + "/a-folder-and-a-name.sock")
