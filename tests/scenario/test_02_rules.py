"""Rules from outside: which requests a rule takes, and what each of its keys does.

A page that is asked for twice tells: "#1" again means it came from the cache, "#2" that the
application was asked again. Broken rules files are in test_02_rules_file.py; what a rule keeps
from the application in test_03_key.py.
"""
import pytest

from waiting import limit

TAIL = {"prefix": "/", "cache": False}


def cached(one, url="/a", again=None, headers=None, **also):
    """Whether the second of two requests is answered from the cache."""
    one.get(url, headers, **also)
    return one.get(again or url, headers, **also).cache.hit


@pytest.mark.parametrize("matcher, url, takes", [
    ({"prefix": "/a/"}, "/a/b", True), ({"prefix": "/a/"}, "/a/", True),
    ({"prefix": "/a/"}, "/ab", False), ({"prefix": "/a/"}, "/x/a/", False),
    ({"prefix": "/a/"}, "/A/b", False), ({"prefix": "/a/"}, "/x?/a/", False),
    ({"prefix": "/a b/"}, "/a%20b/c", True), ({"prefix": "/\u00e4/"}, "/%C3%A4/c", True),
    ({"path": "/a"}, "/a", True), ({"path": "/a"}, "/a?q=1", True),
    ({"path": "/a"}, "/a/", False), ({"path": "/a"}, "/ab", False),
    ({"suffix": ".css"}, "/x/y.css", True), ({"suffix": ".css"}, "/y.css?v=3", True),
    ({"suffix": ".css"}, "/y.css/z", False), ({"suffix": ".css"}, "/y?.css", False),
    ({"glob": "/img/*.png"}, "/img/a.png", True), ({"glob": "/img/*.png"}, "/img/a.gif", False),
    ({"glob": "/img/?.png"}, "/img/a.png", True), ({"glob": "/img/?.png"}, "/img/ab.png", False),
    ({"glob": "/img/*.png"}, "/x/img/a.png", False),
    ({"regex": r"^/p/(\d+)$"}, "/p/12", True), ({"regex": r"^/p/(\d+)$"}, "/p/x", False),
    ({"regex": r"^/p/(\d+)$"}, "/p/12?x=1", True), ({"regex": "/b/"}, "/a/b/c", True),
    ({"regex": r"^/\p{Lu}"}, "/%C3%84x", True), ({"regex": r"^/.$"}, "/%C3%84", True),
    ({"host": "www.example.org"}, "/a", False), ({"host": "example.org"}, "/a", True),
    ({"host": "*.org"}, "/a", True), ({"host": ["x.net", "example.*"]}, "/a", True),
    ({"host": "EXAMPLE.org"}, "/a", True),
    ({"host": "*.net", "prefix": "/"}, "/a", False), ({}, "/anything", True)])
def test_matchers(site, matcher, url, takes):
    one = site([{**matcher, "ttl": 60}, TAIL])
    assert cached(one, url) == takes


def test_host_matches_without_its_port(site):
    one = site([{"host": "example.org", "ttl": 60}, TAIL])
    assert cached(one, host="EXAMPLE.org:8080", SERVER_PORT="8080")
    assert not cached(one, host="example.org.evil")


def test_first_match_wins(site):
    one = site([{"path": "/a/x", "cache": False}, {"prefix": "/a/", "ttl": 60}, TAIL,
                {"path": "/b", "ttl": 60}])
    assert not cached(one, "/a/x") and cached(one, "/a/y") and not cached(one, "/b")


def test_invalid_utf8_matches_no_regex(site):
    one = site([{"regex": "^/.*", "ttl": 60}, TAIL])
    assert not cached(one, "/%FFx") and cached(one, "/ok")


def test_charset_bytes_matches_any_path(site):
    one = site([{"regex": "^/.x", "ttl": 60}, TAIL], charset="bytes")
    assert cached(one, "/%FFx") and not cached(one, "/%C3%A4x")


def test_regex_that_backtracks_is_bounded(site):
    """Whatever the verdict, other requests go on and this one is answered."""
    one = site([{"regex": "^/(a+)+$", "ttl": 60}, TAIL])
    answer = one.get("/" + "a" * 3000 + "!")
    assert answer.complete and answer.status == 200 and answer.seconds < limit(5)
    one.check_alive()


@pytest.mark.parametrize("value, seconds", [
    (60, 60), ("60s", 60), ("2m", 120), ("1h", 3600), ("30d", 2592000), ("1500ms", 1)])
def test_durations(site, value, seconds):
    one = site([{"prefix": "/", "ttl": value}])
    one.get("/a")
    assert seconds - 1 <= one.get("/a").cache.ttl <= seconds


def test_defaults_are_where_rules_start(site):
    one = site([{"path": "/long", "ttl": 1000}, {"prefix": "/", "ignore_cookies": ["b"]}],
               defaults={"ttl": 60, "ignore_cookies": ["a"]})
    for url, ttl in (("/long", 1000), ("/other", 60)):
        one.get(url)
        assert ttl - 2 <= one.get(url).cache.ttl <= ttl
    assert cached(one, "/long", headers={"Cookie": "a=1"})
    assert not cached(one, "/other", headers={"Cookie": "a=1"}), "a rule's list replaces"


def test_comments_are_ignored(site):
    one = site([{"// why": "because", "prefix": "/", "ttl": 60, "//": [1, {}]}],
               **{"// top": {"anything": 1}})
    assert cached(one)


@pytest.mark.parametrize("override, control, stored", [
    (False, "max-age=0", False), (False, "no-cache", False), (True, "max-age=0", True),
    (True, "no-cache", True), (True, "no-store", False), (True, "private", False),
    ("force", "no-store", True), ("force", "private, max-age=5", True)])
def test_override(site, override, control, stored):
    one = site([{"prefix": "/", "ttl": 600, "override": override}])
    one.app.on("/a", (200, [("Cache-Control", control),
                            ("Expires", "Mon, 02 Jan 2023 10:00:00 GMT")], b"x"))
    assert cached(one) == stored
    if stored:
        assert 590 <= one.get("/a").cache.ttl <= 600


@pytest.mark.parametrize("statuses, status, stored", [
    (None, 200, True), (None, 203, True), (None, 301, True), (None, 308, True),
    (None, 302, False), (None, 404, False), (None, 410, False), (None, 500, False),
    ({"404": "30s"}, 404, True), ({"404": "30s"}, 410, False), ({"5xx": 30}, 503, True),
    ({"4xx": 30, "404": 0}, 404, False), ({"4xx": 30, "404": 0}, 410, True),
    ({"2xx": 30}, 204, True)])
def test_statuses(site, statuses, status, stored):
    rule = {"prefix": "/", "ttl": 60} if statuses is None else {"prefix": "/", "statuses": statuses}
    one = site([rule])
    one.app.on("/a", (status, [("Location", "/b")], b"" if status == 204 else b"x"))
    first = one.get("/a")
    assert first.status == status
    assert one.get("/a").cache.hit == stored
    if not stored and statuses is None:
        assert first.cache.detail in (f"status:{status}", "no-lifetime")


def test_statuses_have_their_own_ttl(site):
    one = site([{"prefix": "/", "ttl": 600, "statuses": {"404": "30s", "200": "1h"}}])
    one.app.on("/gone", (404, (), b"x"))
    for url, ttl in (("/gone", 30), ("/there", 3600)):
        one.get(url)
        assert ttl - 2 <= one.get(url).cache.ttl <= ttl


@pytest.mark.parametrize("mode, url, again, hit", [
    ("key", "/a?x=1", "/a?x=1", True), ("key", "/a?x=1", "/a?x=2", False),
    ("key", "/a?x=1", "/a", False), ("bypass", "/a?x=1", "/a?x=1", False),
    ("bypass", "/a", "/a", True), ("drop", "/a?x=1", "/a?x=2", True),
    ("drop", "/a?x=1", "/a", True)])
def test_query(site, mode, url, again, hit):
    one = site([{"prefix": "/", "ttl": 60, "query": mode}])
    assert cached(one, url, again) == hit
    if mode == "bypass" and "?" in url:
        answer = one.get(url)
        assert answer.cache.fwd == "bypass" and answer.cache.detail == "query"


@pytest.mark.parametrize("drop, url, again, hit", [
    (["utm_*"], "/a?x=1&utm_source=m", "/a?x=1", True),
    (["utm_*"], "/a?utm_source=m&x=1&utm_id=3", "/a?x=1", True),
    (["utm_*"], "/a?x=1&xutm_source=m", "/a?x=1", False),
    (["tracking"], "/a?gclid=1&fbclid=2&utm_x=3&msclkid=4", "/a", True),
    (["tracking"], "/a?tracking=1", "/a", False),
    (["s?", "tracking"], "/a?s1=1&s2=2&utm_a=b", "/a", True),
    (["s?"], "/a?s12=1", "/a", False)])
def test_drop_query(site, drop, url, again, hit):
    one = site([{"prefix": "/", "ttl": 60, "drop_query": drop}])
    assert cached(one, url, again) == hit


@pytest.mark.parametrize("sort, hit", [(True, True), (False, False)])
def test_sort_query(site, sort, hit):
    one = site([{"prefix": "/", "ttl": 60, "sort_query": sort}])
    assert cached(one, "/a?b=2&a=1&c", "/a?a=1&b=2&c") == hit
    assert not cached(one, "/s?a=1&a=2", "/s?a=2&a=1"), "the order of equal names counts"


COOKIES = {"bypass_cookies": ["session", "wp_*"], "key_cookies": ["lang"],
           "ignore_cookies": ["_ga*"]}


@pytest.mark.parametrize("cookie, again, hit", [
    ("_ga=1", "_ga=2; _gat=3", True), ("_ga=1", None, True), ("lang=de", "lang=de", True),
    ("lang=de", "lang=en", False), ("lang=de", None, False),
    ("lang=de; _ga=1", "_ga=7; lang=de", True), ("session=1", "session=1", False),
    ("wp_x=1", "wp_x=1", False), ("other=1", "other=1", False),
    ("_ga=1; session=2", "_ga=1; session=2", False), ("Session=1", "Session=1", False)])
def test_cookies(site, cookie, again, hit):
    one = site([{"prefix": "/", "ttl": 60, **COOKIES}])
    one.get("/a", {"Cookie": cookie})
    answer = one.get("/a", {"Cookie": again} if again else None)
    assert answer.cache.hit == hit


def test_bypass_names_the_cookie(site):
    one = site([{"prefix": "/", "ttl": 60, **COOKIES}])
    for name in ("session", "wp_x", "stranger"):
        answer = one.get("/a", {"Cookie": f"_ga=1; {name}=secret"})
        assert answer.cache.fwd == "bypass" and answer.cache.detail == f"cookie:{name}"
        assert not answer.cache.stored and "secret" not in answer.cache.text


def test_bypass_wins_over_the_other_lists(site):
    one = site([{"prefix": "/", "ttl": 60, "bypass_cookies": ["wordpress_logged_in_*"],
                 "ignore_cookies": ["*"]}])
    assert cached(one, headers={"Cookie": "x=1; y=2"})
    assert not cached(one, headers={"Cookie": "x=1; wordpress_logged_in_ab=2"})


def test_bypass_headers(site):
    one = site([{"prefix": "/", "ttl": 60, "bypass_headers": ["X-Preview", "X-Debug-*"]}])
    assert cached(one)
    for name in ("X-Preview", "x-preview", "X-Debug-Level"):
        assert one.get("/a", {name: "1"}).cache.fwd == "bypass"
    assert one.get("/a", {"X-Other": "1"}).cache.hit


def test_bypass_query(site):
    one = site([{"prefix": "/", "ttl": 60, "bypass_query": ["preview", "nocache*"]}])
    assert cached(one, "/a?x=1") and not cached(one, "/a?x=1&preview")
    assert not cached(one, "/a?nocache2=1") and cached(one, "/a?q=preview")
    assert not cached(one, "/a?pre%76iew=1"), "the parameter that the application will see"


@pytest.mark.parametrize("mode, stored, first, second", [
    ("bypass", False, True, True), ("strip", True, True, False), ("drop", True, False, False),
    ("store", True, True, True)])
def test_set_cookie(site, mode, stored, first, second):
    one = site([{"prefix": "/", "ttl": 60, "set_cookie": mode}])
    one.app.on("/a", (200, [("Set-Cookie", "a=1; Path=/"), ("Set-Cookie", "b=2")], b"x"))
    answers = one.get("/a"), one.get("/a")
    assert answers[1].cache.hit == stored
    for answer, has in zip(answers, (first, second)):
        assert answer.all("Set-Cookie") == (["a=1; Path=/", "b=2"] if has else [])
    if not stored:
        assert answers[0].cache.detail == "set-cookie"


FRONT = {"SCRIPT_NAME": "/index.php", "SCRIPT_FILENAME": "/srv/www/index.php"}


@pytest.mark.parametrize("template, first, second, hit", [
    ("$host$path?$query", "/a?x=1", "/a?x=2", False), ("$uri", "/a?x=1", "/a?x=1", True),
    ("$host$path?$arg_x", "/a?x=1&y=1", "/a?x=1&y=2", True),
    ("$host$path?$arg_x", "/a?x=1", "/a?x=2", False), ("$host$path", "/a?y=1", "/a?y=2", True),
    ("${1}", "/p/12/old", "/p/12/new", True), ("$1", "/p/12/a", "/p/13/a", False),
    ("$method$path", "/a?y=1", "/a?y=2", True), ("$$$path", "/a", "/a", True)])
def test_key_templates(site, template, first, second, hit):
    """One script behind all of it: another script's page would be another page."""
    one = site([{"regex": r"^/(?:p/(\d+))?", "ttl": 60, "key": template, "drop_query": ["y"]}])
    assert cached(one, first, second, **FRONT) == hit


@pytest.mark.parametrize("template, name", [
    ("$path|$http_X_Device", "X-Device"), ("$path|$cookie_lang", "Cookie")])
def test_key_of_headers_and_cookies(site, template, name):
    one = site([{"prefix": "/", "ttl": 60, "key": template, "key_cookies": ["lang"]}])
    value = "lang=%s" if name == "Cookie" else "%s"
    assert cached(one, headers={name: value % "de"})
    assert not one.get("/a", {name: value % "en"}).cache.hit


def test_key_of_parameters(site):
    one = site([{"prefix": "/", "ttl": 60, "key": "$path|$param_SITE"}])
    assert cached(one, SITE="one") and not one.get("/a", SITE="two").cache.hit


def test_key_decides_about_hosts(site):
    """A template without $host shares pages between hosts: the administrator said so."""
    one = site([{"prefix": "/", "ttl": 60, "key": "$path"}])
    one.get("/a", host="one.org")
    assert one.get("/a", host="two.org").cache.hit


def test_min_uses(site):
    one = site([{"prefix": "/", "ttl": 60, "min_uses": 3}])
    answers = [one.get("/a") for _ in range(4)]
    assert [answer.body for answer in answers] == [b"/a #1", b"/a #2", b"/a #3", b"/a #3"]
    assert [answer.cache.stored for answer in answers] == [False, False, True, False]
    assert answers[0].cache.detail == "min-uses" and answers[3].cache.hit


@pytest.mark.parametrize("where", ["rule", "limits"])
def test_max_object(site, where):
    rule, top = {"prefix": "/", "ttl": 60}, {}
    if where == "rule":
        rule["max_object"] = "10k"
    else:
        top["limits"] = {"max_object": "10k"}
    one = site([rule], **top)
    one.app.on("/small", b"s" * 9000)
    one.app.on("/large", b"l" * 20000)
    one.app.on("/said", (200, [("Content-Length", "20000")], b"l" * 20000))
    assert cached(one, "/small")
    for url in ("/large", "/said"):
        first, second = one.get(url), one.get(url)
        assert first.body == second.body == b"l" * 20000 and not second.cache.hit
        assert not first.cache.stored and one.app.count(url) == 2


def test_key_prefix_loads_and_caches(site):
    one = site([{"prefix": "/", "ttl": 60}], key_prefix="site-one:")
    assert cached(one)


def test_workers_and_application_object(site):
    one = site([{"prefix": "/", "ttl": 60}], workers=2, limits={"idle_timeout": "1s"})
    assert cached(one)
    two = site([{"prefix": "/", "ttl": 60}], application={
        "address": [one.app.where], "connect_timeout": 1, "send_timeout": "2s",
        "read_timeout": "2s", "max_connections": 3, "queue_timeout": "2s", "keep_alive": 2})
    assert cached(two, "/two")
