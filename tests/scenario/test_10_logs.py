"""What the logs say and what they never say: X11, A20, A21.

The log goes to stderr, a file or syslog; the access log to a file, a line a request as key=value.
"""
import os
import pathlib
import re
import subprocess

import pytest

from client import page_params
from waiting import limit, until

PAGES = [{"prefix": "/pass", "cache": False}, {"prefix": "/", "ttl": 60, "ignore_cookies": ["*"]}]


def lines(path):
    """The lines of a log file that has them."""
    path = pathlib.Path(path)
    return path.read_text(errors="replace").splitlines() if path.exists() else []


def fields(line):
    """key=value pairs of an access line."""
    return dict(re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)', line))


@pytest.fixture
def logged(site, folder):
    """A site with both logs in files, as loud as it gets."""
    one = site(PAGES, log={"to": f"{folder}/main.log", "level": "debug",
                           "access_log": f"{folder}/access.log"})
    one.main, one.access = f"{folder}/main.log", f"{folder}/access.log"
    return one


def everything(one):
    """All that has been written anywhere."""
    return "\n".join(lines(one.main) + lines(one.access) + [one.daemon.log()])


def test_an_access_line_for_every_request(logged):
    """A line is written when its answer is out, so the next request may overtake it: wait."""
    asks = [("GET", "/a", b""), ("GET", "/a", b""), ("POST", "/a", b"x"), ("GET", "/pass", b"")]
    for number, (method, url, body) in enumerate(asks, 1):
        logged.send(method, url, body)
        until(lambda: len(lines(logged.access)) == number)
    miss, hit, post, other = [fields(line) for line in lines(logged.access)]
    assert [one["outcome"] for one in (miss, hit, post, other)] == ["miss", "hit", "bypass",
                                                                   "bypass"]
    assert hit["status"] == "200" and hit["url"].endswith("/a") and post["method"] == "POST"
    assert other["reason"] == "rule" and other["rule"] == "0" and hit["rule"] == "1"


def test_secrets_are_in_no_log(logged):
    """A20: at the loudest level, on hits, misses, passes and errors."""
    headers = {"Cookie": "sid=c00kie-secret; other=c00kie-secret",
               "Authorization": "Basic auth-secret"}
    logged.app.on("/cut", lambda x: x.close())
    logged.app.on("/sets", (200, [("Set-Cookie", "sid=c00kie-secret")], b"x"))
    for url in ("/a", "/a", "/pass", "/cut", "/sets", "/pass/cut"):
        logged.get(url, {"Cookie": headers["Cookie"]})
        logged.get(url, headers)
        logged.get(url, {**headers, "Host": "x\0y"})
        twice = page_params(url, headers=headers) + [("HTTP_COOKIE", "c00kie-secret")]
        logged.client.request(twice)
    until(lambda: len(lines(logged.access)) >= 10)
    assert "secret" not in everything(logged)


@pytest.mark.parametrize("evil", ["/a\r\nforged entry=1", "/a\x1b[2J", "/a\n2026 forged",
                                  "/\u0085x", "/a?x=\"; forged=1"])
def test_nothing_is_forged_in_a_log(logged, evil):
    """A21: one line an event, escaped."""
    logged.app.on("/pass", lambda x: x.close())
    for extra in ({}, {"host": "h\r\nforged: 1"}, {"REMOTE_ADDR": "1\nforged"}):
        logged.get(evil, **extra)
        logged.get("/pass" + evil, **extra)
    logged.get("/done")
    until(lambda: any("/done" in line for line in lines(logged.access)))
    said = everything(logged)
    assert "\x1b" not in said and "\x85" not in said
    assert not any(re.match(r"\s*(forged|2026 forged)", line) for line in said.splitlines())
    assert all("=" in line for line in lines(logged.access))


def test_logs_are_reopened_on_hup(logged):
    """Rotation: rename, HUP, and the old file is left alone."""
    logged.get("/before")
    until(lambda: lines(logged.access))
    for path in (logged.main, logged.access):
        os.rename(path, path + ".1")
    logged.daemon.signal(1)
    until(lambda: os.path.exists(logged.main) and os.path.exists(logged.access))
    old = lines(logged.access + ".1")
    logged.get("/after")
    until(lambda: any("/after" in line for line in lines(logged.access)))
    assert lines(logged.access + ".1") == old and any("/before" in line for line in old)


def test_levels(site, folder):
    """At level error a good day writes nothing."""
    one = site(PAGES, log={"to": f"{folder}/quiet.log", "level": "error"})
    for _ in range(3):
        one.get("/a")
    one.daemon.stop()
    assert not lines(f"{folder}/quiet.log")


def test_syslog_does_not_hurt(site):
    """There may be no syslog daemon at all."""
    one = site(PAGES, log={"to": "syslog", "level": "info"})
    one.get("/a")
    one.check_alive()


def test_a_log_that_cannot_be_opened(site):
    """At the start it is an error that is said; at a reload the old log stays."""
    one = site(PAGES, start=False, log={"to": "/nonexistent/dir/log"})
    with pytest.raises(AssertionError, match="ended with (7[0-9]|69)"):
        one.daemon.start()
    one.daemon.process = None
    two = site(PAGES)
    two.daemon.write(PAGES, log={"to": "/nonexistent/dir/log", "level": "info"})
    since = two.daemon.mark()
    two.daemon.signal(1)
    assert "/nonexistent" in two.daemon.wait_log("/nonexistent", since)
    two.check_alive()


@pytest.mark.parametrize("how", ["2>&-", "0<&- 1>&- 2>&-", "2</dev/null"])
def test_stderr_closed(site, how):
    """X11: what is written to descriptor 2 must not end up in a connection that has its number."""
    one = site(PAGES, start=False)
    one.daemon.start(redirect=how)
    for number in range(20):
        assert one.get(f"/{number}").status == 200
    one.app.on("/cut", lambda x: x.close())
    assert one.get("/cut").status == 502


def test_stderr_is_a_pipe_that_nobody_reads(site):
    """X11: lines are lost, requests are not."""
    one = site(PAGES, start=False, log={"to": "stderr", "level": "debug"})
    reading, writing = os.pipe()
    try:
        one.daemon.start(stderr=writing)
        one.app.on("/pass", lambda x: (x.stderr(b"PHP Notice: " + b"x" * 3000 + b"\n"),
                                       x.respond(200, (), b"ok")) and None)
        for number in range(150):
            answer = one.get(f"/pass?{number}")
            assert answer.body == b"ok" and answer.seconds < limit(5)
        for number in range(150):
            assert one.get(f"/{number}").status == 200
        one.check_alive()
    finally:
        os.close(writing)
        os.set_blocking(reading, False)
        said = os.read(reading, 1 << 20).decode(errors="replace")
        os.close(reading)
    assert "Sanitizer" not in said and "runtime error" not in said


def test_stderr_is_a_pipe_whose_reader_is_gone(site):
    """X11: no SIGPIPE."""
    one = site(PAGES, start=False)
    reading, writing = os.pipe()
    one.daemon.start(stderr=writing)
    os.close(reading)
    os.close(writing)
    one.app.on("/pass", lambda x: x.close())
    for _ in range(5):
        assert one.get("/pass").status == 502
    one.check_alive()


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small tmpfs")
def test_log_disk_full(site, folder):
    """X11"""
    small = pathlib.Path(folder) / "small"
    small.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "none", str(small)],
                          check=False, stderr=subprocess.DEVNULL)
    if done.returncode:
        pytest.skip("no tmpfs can be mounted here")
    try:
        one = site(PAGES, log={"to": f"{small}/log", "level": "debug",
                               "access_log": f"{small}/access"})
        for number in range(300):
            assert one.get(f"/{number}").body == b"/%d #1" % number
        one.check_alive()
        one.daemon.stop()
    finally:
        subprocess.run(["umount", "-l", str(small)], check=False)


def test_a_failing_application_does_not_flood_the_log(site):
    """U02: the address is named once in a while, not once a request."""
    one = site(PAGES)
    one.app.stop()
    mark = one.daemon.mark()
    for number in range(300):
        assert one.get(f"/{number}").status == 502
    said = one.daemon.log(mark)
    assert "app.sock" in said and len(said.splitlines()) < 100
