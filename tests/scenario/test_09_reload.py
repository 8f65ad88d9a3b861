"""R01-R12: a reload takes a good file whole, refuses a bad one whole, and loses nothing.

`daemon.reload(rules, loads=...)` writes the file, sends HUP and waits for the verdict in the log.
"""
import json
import os
import signal
import threading

import pytest

from app import Application, counting
from client import Connection, page_params
from daemon import rules_text
from waiting import SLOW, past, until
from web import background

CACHED = [{"prefix": "/", "ttl": 60}]
UNCACHED = [{"prefix": "/", "cache": False}]


def refused(one, text):
    """A file that does not load: the log says so, the rules in force stay; what the log says."""
    one.get("/kept")
    if text is not None:
        one.daemon.config.write_bytes(text if isinstance(text, bytes) else text.encode())
    said = one.daemon.reload(loads=False)
    assert one.get("/kept").cache.hit and one.get("/kept").cache.ttl > 50
    assert one.daemon.alive()
    return said


def test_new_rules_and_the_cache_stays(site):
    one = site(CACHED)
    one.get("/a")
    one.daemon.reload([{"path": "/b", "cache": False}, *CACHED])
    assert one.get("/a").cache.hit and one.app.count("/a") == 1
    for _ in range(2):
        assert one.get("/b").cache.detail == "rule"


def test_syntax_error(site):
    """R01"""
    one = site(CACHED)
    said = refused(one, '{\n  "application": "unix:/x",\n  "rules": [ { "prefix": "/", } ]\n}')
    assert "rules.json:3:" in said


@pytest.mark.parametrize("make", ["missing", "directory", "empty", "fifo"])
def test_files_that_are_none(site, make):
    """R02: each with its own message, none of them blocks."""
    one = site(CACHED)
    os.unlink(one.daemon.config)
    if make == "directory":
        os.mkdir(one.daemon.config)
    elif make == "fifo":
        os.mkfifo(one.daemon.config)
    said = refused(one, b"" if make == "empty" else None)
    assert "rules.json" in said


def test_half_written(site):
    """R03: the first is refused, the second taken."""
    one = site(CACHED)
    text = rules_text(one.app.where, UNCACHED)
    refused(one, text[:len(text) // 2])
    one.daemon.config.write_text(text)
    one.daemon.reload()
    assert one.get("/kept").cache.detail == "rule"


@pytest.mark.parametrize("rule, path, nearest", [
    ({"tttl": 5}, "rules[1].tttl", "ttl"), ({"ttl": "soon"}, "rules[1].ttl", ""),
    ({"ttl": -1}, "rules[1].ttl", ""), ({"regex": "("}, "rules[1].regex", "")])
def test_wrong_meaning(site, rule, path, nearest):
    """R04, R05: the path, and the nearest right key."""
    one = site(CACHED)
    said = refused(one, rules_text(one.app.where, [{"prefix": "/x"}, rule]))
    line = next(line for line in said.splitlines() if path in line)
    assert nearest in line.replace(path, "")


def test_duplicate_keys(site):
    """R04"""
    refused(site(CACHED), '{"application": "unix:/x", "rules": [], "rules": []}')


def test_all_mistakes_are_in_the_log(site):
    one = site(CACHED)
    said = refused(one, json.dumps({"application": 5, "rules": [{"ttl": "x"}, {"grace": -1}],
                                    "nosuch": 1}))
    for path in ("application", "rules[0].ttl", "rules[1].grace", "nosuch"):
        assert path in said


@pytest.mark.parametrize("text", [
    b"[" * 100_000, b"\xef\xbb\xbf{}", b'{"a": "\xff\xfe"}',
    pytest.param(b'{"x": "' + b"y" * 50_000_000 + b'"}', id="50 MB")])
def test_hostile_files(site, text):
    """R06: refused quickly, memory given back."""
    one = site(CACHED)
    one.get("/kept")
    before = one.daemon.rss()
    refused(one, text)
    until(lambda: one.daemon.rss() < before + (8 << 20), what="memory to be given back")


def test_requests_under_way_end_under_the_old_rules(site):
    """R08"""
    one = site(CACHED)
    gate, handler = one.app.held()
    one.app.on("/slow", handler)
    slow = background(one.get, "/slow")
    one.app.wait("/slow")
    one.daemon.reload(UNCACHED)
    assert one.get("/other").cache.detail == "rule"
    gate.set()
    answer = slow()
    assert answer.status == 200 and answer.body == b"/slow #1"


def test_stored_pages_obey_the_new_rule(site):
    """R09: caching switched off, and on again: the page is still there."""
    one = site(CACHED)
    one.get("/a")
    one.daemon.reload(UNCACHED)
    assert one.get("/a").body == b"/a #2" and one.get("/a").cache.detail == "rule"
    one.daemon.reload(CACHED)
    assert one.get("/a").body == b"/a #1" and one.get("/a").cache.hit


def test_a_shorter_ttl_counts_for_what_is_stored(site):
    """R09"""
    one = site(CACHED)
    one.get("/a")
    past(0.3)
    one.daemon.reload([{"prefix": "/", "ttl": "200ms"}])
    answer = one.get("/a")
    assert not answer.cache.hit and answer.body == b"/a #2"


def test_grace_can_be_taken_away(site):
    one = site([{"prefix": "/", "ttl": "100ms", "grace": 60}])
    one.get("/a")
    past(0.1)
    one.daemon.reload([{"prefix": "/", "ttl": "100ms"}])
    assert one.get("/a").body == b"/a #2"


def test_another_application(site, folder):
    one = site(UNCACHED)
    other = Application(f"unix:{folder}/other.sock", lambda x: b"the other one").start()
    assert one.get("/a").body == b"/a #1"
    one.daemon.application = other.where
    one.daemon.reload(UNCACHED)
    assert one.get("/a").body == b"the other one"
    other.stop()


def test_what_needs_a_restart_is_said(site):
    """R10: workers and store are not changed by a reload, and not ignored silently."""
    one = site(CACHED, store="memory:///?max_size=16m", workers=4)
    one.get("/a")
    since = one.daemon.mark()
    one.daemon.reload(CACHED, store="memory:///?max_size=32m", workers=6)
    for word in ("restart", "workers", "store"):
        one.daemon.wait_log(word, since)
    assert one.get("/a").cache.hit


def test_reloads_under_load(site):
    """R08, R12: 40 reloads, good and bad ones, while ten visitors ask; no request is lost."""
    one = site(CACHED)
    stop, errors, asked = threading.Event(), [], []

    def visitor(number):
        conn = Connection(one.daemon.where)
        step = 0
        while not stop.is_set():
            step += 1
            url = f"/{number}/{step % 7}" if step % 3 else f"/cold/{number}/{step}"
            try:
                conn.ask(page_params(url), keep=True)
                answer = conn.answer()
            except OSError as error:
                errors.append((url, error))
                return
            if not answer.complete or answer.status != 200 or url.encode() not in answer.body:
                errors.append((url, answer))
            asked.append(url)
        conn.close()
    visitors = [background(visitor, number) for number in range(10)]
    until(lambda: len(asked) > 50)
    for number in range(40):
        if number % 4 == 3:
            one.daemon.config.write_text("{ broken")
            one.daemon.reload(loads=False)
        else:
            one.daemon.reload([CACHED, UNCACHED, [{"regex": "^/(.*)$", "ttl": 5}]][number % 3])
    stop.set()
    for wait in visitors:
        wait()
    assert not errors, errors[:3]


def test_reloads_leave_nothing_behind(site):
    """The old set is freed: memory and descriptors are flat over 50 reloads."""
    one = site(CACHED)
    rules = [{"regex": f"^/page{number}/(.*)$", "ttl": 5, "drop_query": ["tracking"]}
             for number in range(200)]

    def reload(times):
        for _ in range(times):
            one.daemon.reload(rules)
    reload(10)
    before = one.daemon.rss(), one.daemon.fds()
    reload(50)
    assert one.daemon.fds() <= before[1]
    assert SLOW or one.daemon.rss() < before[0] + (6 << 20)
    one.check_alive()


def test_many_signals_at_once(site):
    """R11: HUPs without waiting for the verdict; the last file is in force in the end."""
    one = site(CACHED)
    for number in range(50):
        one.daemon.write([UNCACHED, CACHED][number % 2])
        one.daemon.signal(signal.SIGHUP)
    one.daemon.write(UNCACHED)
    one.daemon.reload()
    until(lambda: one.get("/z").cache.detail == "rule")


@pytest.mark.parametrize("first, second", [
    (signal.SIGHUP, signal.SIGTERM), (signal.SIGTERM, signal.SIGHUP)])
def test_hup_and_term_together(site, first, second):
    """R11: a clean exit in either order."""
    for _ in range(5):
        one = site(CACHED)
        one.get("/a")
        one.daemon.signal(first)
        one.daemon.signal(second)
        one.daemon.stop(term=False)


def test_replaced_by_rename_while_it_is_read(site):
    """R12: one consistent version is parsed, every time."""
    one = site(CACHED)
    stop = threading.Event()
    texts = [rules_text(one.app.where, [{"prefix": "/", "ttl": 10 + number}] * (1 + 50 * number))
             for number in range(3)]

    def swap():
        number = 0
        while not stop.is_set():
            fresh = one.daemon.folder / "swap"
            fresh.write_text(texts[number % 3])
            fresh.rename(one.daemon.config)
            number += 1
    swapper = background(swap)
    for _ in range(20):
        one.daemon.reload()
    stop.set()
    swapper()
    one.app.on("/p", counting)
    one.get("/p")
    assert 8 <= one.get("/p").cache.ttl <= 12
