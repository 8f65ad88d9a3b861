"""Rules files that are wrong: every mistake is said, at its place, all at once, and -t exits 78.

Broken JSON has a line and a column; a wrong meaning has the path of the value, and a misspelt key
the nearest right one. A file is checked with `fcgicache -t -c FILE`.
"""
import json
import os
import re

import pytest

from daemon import run

GOOD = {"application": "unix:/run/app.sock", "rules": [{"prefix": "/", "ttl": 60}]}


def check(folder, text):
    """Run -t over a file with this text (bytes, str or an object); (exit status, output)."""
    path = f"{folder}/r.json"
    if not isinstance(text, (str, bytes)):
        text = json.dumps(text)
    with open(path, "wb") as file:
        file.write(text if isinstance(text, bytes) else text.encode())
    done = run("-t", "-c", path)
    return done.returncode, done.stdout + done.stderr


def rule(**keys):
    """A good file with these keys in its rule."""
    return {**GOOD, "rules": [{"prefix": "/", **keys}]}


def top(**keys):
    return {**GOOD, **keys}


@pytest.mark.parametrize("text", [
    GOOD, rule(ttl="10m", grace="1h", stale_if_error=5, override="force"),
    rule(statuses={"404": "30s", "410": "1h", "5xx": 0}), rule(query="drop", sort_query=True),
    rule(drop_query=["tracking", "x*"], min_uses=2, max_object="64k", coalesce=False),
    rule(bypass_cookies=["a"], key_cookies=["b"], ignore_cookies=["*"]),
    rule(bypass_headers=["X-A"], bypass_query=["p*"], set_cookie="strip"),
    rule(key="$scheme://$host$path?$query", coalesce_timeout="2s", on_timeout="stale"),
    top(defaults={"ttl": "1m", "grace": 5}, charset="bytes", key_prefix="x"),
    top(application={"address": ["unix:/a", "tcp:127.0.0.1:9000"], "connect_timeout": 1,
                     "send_timeout": "3s", "read_timeout": "250ms", "max_connections": 8,
                     "queue_timeout": "5s", "keep_alive": 2}),
    top(store="memory:///?max_size=16m&max_entries=1000", workers=4),
    top(log={"to": "stderr", "level": "debug"}),
    top(limits={"max_object": "8m", "max_header": "64k", "max_request_params": "64k",
                "idle_timeout": "60s", "shutdown_timeout": 10}),
    {**GOOD, "//": "comment", "rules": [{"//why": 1, "prefix": "/"}, {}]}])
def test_good_files(folder, text):
    status, said = check(folder, text)
    assert status == 0, said


@pytest.mark.parametrize("text, line, column", [
    ('{\n  "application": "unix:/a",\n  "rules": [\n    { "prefix": "/", }\n  ]\n}', 4, None),
    ('{\n  "rules": [}\n', 2, None), ('{ "rules": [],\n "rules": [] }', 2, None),
    ("{", 1, None), ('{"a": 1} x', 1, None), ('{"a": 9223372036854775808}', 1, None),
    (b'\xef\xbb\xbf{"rules": []}', 1, None), (b'{"a": "\xff"}', 1, None),
    ('{"a": NaN}', 1, None), ("[" * 100000, 1, None)])
def test_broken_json_has_a_position(folder, text, line, column):
    status, said = check(folder, text)
    assert status == 78 and re.search(rf"r\.json:{line}:\d+: ", said), said[:500]


@pytest.mark.parametrize("text, path", [
    ({"application": "unix:/a", "rules": {}}, "rules"),
    ({"application": "unix:/a", "rules": [{"prefix": "/"}, 5]}, "rules[1]"),
    (top(application=5), "application"), (top(application="php.sock"), "application"),
    (top(application="tcp:localhost"), "application"), (top(application={}), "application"),
    (top(application={"address": "unix:/a", "max_connections": 0}),
     "application.max_connections"),
    (top(application={"address": "unix:/a", "read_timeout": "soon"}),
     "application.read_timeout"),
    (top(store="nosuch:///"), "store"), (top(store="memory:///?max_sise=1m"), "store"),
    (top(store="memory:///?max_size=much"), "store"), (top(store=5), "store"),
    (top(charset="klingon"), "charset"), (top(key_prefix=1), "key_prefix"),
    (top(workers=0), "workers"), (top(workers=-1), "workers"), (top(workers="4"), "workers"),
    (top(limits={"max_object": -1}), "limits.max_object"),
    (top(limits={"max_objekt": 1}), "limits.max_objekt"),
    (top(log={"level": "loud"}), "log.level"), (top(log={"to": "file"}), "log.to"),
    (top(defaults={"tttl": 1}), "defaults.tttl"), (top(defaults={"ttl": []}), "defaults.ttl"),
    (rule(ttl="10 minutes"), "rules[0].ttl"), (rule(ttl=-1), "rules[0].ttl"),
    (rule(ttl="5x"), "rules[0].ttl"), (rule(ttl=True), "rules[0].ttl"),
    (rule(ttl=None), "rules[0].ttl"), (rule(ttl=""), "rules[0].ttl"),
    (rule(ttl="99999999999999999999s"), "rules[0].ttl"),
    (rule(grace=[]), "rules[0].grace"), (rule(stale_if_error={}), "rules[0].stale_if_error"),
    (rule(cache="false"), "rules[0].cache"), (rule(override="yes"), "rules[0].override"),
    (rule(statuses={"abc": 1}), "rules[0].statuses"),
    (rule(statuses={"404": "x"}), "rules[0].statuses"),
    (rule(statuses={"99": 1}), "rules[0].statuses"), (rule(statuses=[]), "rules[0].statuses"),
    (rule(query="sometimes"), "rules[0].query"), (rule(drop_query=7), "rules[0].drop_query"),
    (rule(drop_query=[1]), "rules[0].drop_query"), (rule(sort_query=1), "rules[0].sort_query"),
    (rule(ignore_cookies=[["*"]]), "rules[0].ignore_cookies"),
    (rule(bypass_headers={}), "rules[0].bypass_headers"),
    (rule(set_cookie="eat"), "rules[0].set_cookie"), (rule(key=5), "rules[0].key"),
    (rule(key="$nosuch"), "rules[0].key"), (rule(min_uses=-1), "rules[0].min_uses"),
    (rule(min_uses=1.5), "rules[0].min_uses"), (rule(coalesce="yes"), "rules[0].coalesce"),
    (rule(on_timeout="panic"), "rules[0].on_timeout"),
    (rule(coalesce_timeout=-5), "rules[0].coalesce_timeout"),
    (rule(max_object="8 m"), "rules[0].max_object"), (rule(host=5), "rules[0].host"),
    (rule(prefix=5), "rules[0].prefix"),
    ({**GOOD, "rules": [{"regex": "("}]}, "rules[0].regex"),
    ({**GOOD, "rules": [{"regex": "^/(", "ttl": 1}]}, "rules[0].regex"),
    ({**GOOD, "rules": [{"prefix": "/", "path": "/x"}]}, "rules[0]")])
def test_wrong_meaning_has_a_path(folder, text, path):
    status, said = check(folder, text)
    assert status == 78 and re.search(rf"r\.json: {re.escape(path)}[^a-z]", said), said


@pytest.mark.parametrize("text, path, nearest", [
    (rule(tttl=5), "rules[0].tttl", "ttl"), (rule(graze=5), "rules[0].graze", "grace"),
    (rule(ignore_cookie=["a"]), "rules[0].ignore_cookie", "ignore_cookies"),
    (top(aplication="unix:/a"), "aplication", "application"),
    (top(application={"adress": "unix:/a"}), "application.adress", "address"),
    (top(limits={"max_heeder": 1}), "limits.max_heeder", "max_header")])
def test_misspelt_keys_get_the_nearest(folder, text, path, nearest):
    status, said = check(folder, text)
    line = next((line for line in said.splitlines() if path in line), "")
    assert status == 78 and re.search(rf"\b{nearest}\b", line.replace(path, "")), said


def test_all_mistakes_at_once(folder):
    rules = [{"prefix": "/", "ttl": "x"}, {"prefix": "/", "grace": -1, "tttl": 5},
             {"regex": "[", "query": "maybe"}]
    status, said = check(folder, {"application": 7, "rules": rules, "charset": "klingon",
                                  "wrkers": 5})
    assert status == 78
    for path in ("application", "rules[0].ttl", "rules[1].grace", "rules[1].tttl",
                 "rules[2].regex", "rules[2].query", "charset", "wrkers"):
        assert f"r.json: {path}" in said, f"{path} is missing from\n{said}"
    assert len([line for line in said.splitlines() if "r.json" in line]) >= 8


def test_rules_are_counted_from_nought(folder):
    rules = [{"prefix": f"/{number}"} for number in range(3)] + [{"prefix": "/", "ttl": "x"}]
    assert "rules[3].ttl: " in check(folder, {**GOOD, "rules": rules})[1]


def test_an_application_is_required(folder):
    status, said = check(folder, {"rules": GOOD["rules"]})
    assert status == 78 and "application" in said


def test_control_characters_are_not_echoed(folder):
    status, said = check(folder, top(**{"a\u001b[31m\nx": 1}))
    assert status == 78 and "\x1b" not in said


def test_large_files_are_refused_quickly(folder):
    """R06: 50 MB are refused before they are parsed."""
    status, said = check(folder, b'{"x": "' + b"y" * 50_000_000 + b'"}')
    assert status == 78 and "r.json" in said and len(said) < 4000


@pytest.mark.parametrize("make", ["missing", "directory", "fifo", "empty"])
def test_files_that_are_none(folder, make):
    path = f"{folder}/r.json"
    {"missing": lambda: None, "directory": lambda: os.mkdir(path),
     "fifo": lambda: os.mkfifo(path), "empty": lambda: open(path, "wb").close()}[make]()
    done = run("-t", "-c", path)
    assert done.returncode == 78 and "r.json" in done.stdout + done.stderr, done
