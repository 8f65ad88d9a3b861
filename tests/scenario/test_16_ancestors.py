"""What the caches before us could do: ask the application each time (validate), tell browsers for
how long (client_cache), make entity-tags (etag), and choose among languages.

The application of the first stories has a page for each user, told apart by a cookie that no rule
names: `personal`. It sends a body only to whom it does not find among If-None-Match's tags.
"""
import email.utils
import re
import time

import pytest

from app import counting
from asking import date, numbered, shared
from client import page_params
from crowd import crowd
from waiting import limit, past
from web import background

ALWAYS = [{"prefix": "/", "validate": "always"}]


def user(exchange):
    return (re.findall(r"user=(\w+)", exchange.header("Cookie") or "") or ["nobody"])[0]


def tags(exchange):
    """What the application was asked about; weak tags as if they were strong."""
    return set(re.findall(r'"[^"]*"', exchange.header("If-None-Match") or ""))


def personal(exchange, version="1", fields=(), weak=""):
    """A page for each user, or the news that it is still the one."""
    tag = f'"{user(exchange)}{version}"'
    known = tag in tags(exchange)
    body = b"" if known else f"{exchange.path} of {user(exchange)} {version}"
    return 304 if known else 200, [("ETag", weak + tag), *fields], body


def visit(one, name, url="/p", version="1", headers=None):
    """A user gets his own page."""
    answer = one.get(url, {"Cookie": f"user={name}", **(headers or {})})
    assert answer.status == 200 and answer.complete and not answer.cache.hit, answer
    assert answer.body == f"{url} of {name} {version}".encode(), answer
    assert answer.get("ETag").endswith(f'"{name}{version}"')
    return answer


def asked_for(one, path="/p"):
    """The requests that the application answered with a body."""
    return [x for x in one.app.requests(path) if f'"{user(x)}1"' not in tags(x)]


# -- validate: always -------------------------------------------------------------------------

@pytest.mark.parametrize("weak", ["", "W/"])
def test_users_take_turns_and_each_gets_his_page(site, weak):
    one = site(ALWAYS, handler=lambda x: personal(x, weak=weak))
    first = {name: visit(one, name) for name in ("ann", "ben", "cleo")}
    assert all(answer.cache.stored for answer in first.values())
    for name in ("ann", "cleo", "ben", "ben", "ann", "cleo") * 3:
        again = visit(one, name)
        assert again.cache.items["fwd-status"] == "304" and again.cache.fwd == "stale"
    assert len(asked_for(one)) == 3 and one.app.count("/p") == 21


def test_the_application_is_told_of_all_pages(site):
    one = site(ALWAYS, handler=personal)
    for name in ("ann", "ben"):
        visit(one, name)
        visit(one, name, "/q")
    visit(one, "cleo")
    assert tags(one.app.last("/p")) == {'"ann1"', '"ben1"'}
    assert one.app.last("/p").header("Cookie") == "user=cleo"
    assert one.app.last("/p").header("If-Modified-Since") is None


def test_a_new_version_is_stored_besides(site):
    one = site(ALWAYS, handler=personal)
    visit(one, "ann")
    visit(one, "ben")
    one.app.default = lambda x: personal(x, "2")
    for name in ("ann", "ben"):
        assert visit(one, name, version="2").cache.stored
    assert tags(one.app.last("/p")) == {'"ann1"', '"ben1"', '"ann2"'}
    one.app.default = personal
    visit(one, "ann")
    assert len(asked_for(one)) == 2 and one.app.count("/p") == 5, "the old page is still there"


@pytest.mark.parametrize("fields", [
    [("Cache-Control", "max-age=60")], [("Cache-Control", "no-cache")], [("Vary", "Cookie")],
    [("Expires", "0")], [("Cache-Control", "public, s-maxage=60, stale-if-error=60")]])
def test_whatever_the_application_says_it_is_asked(site, fields):
    one = site([{"prefix": "/", "validate": "always", "ttl": 60, "grace": 60}],
               handler=lambda x: personal(x, fields=fields))
    for _ in range(3):
        visit(one, "ann")
        visit(one, "ben")
    assert one.app.count("/p") == 6 and len(asked_for(one)) == 2


def test_without_an_etag_nothing_is_stored(site):
    """Also if the rule would make one: the application does not know it."""
    one = site([{"prefix": "/", "validate": "always", "ttl": 60, "etag": True}])
    one.app.on("/p", numbered(fields=[("Last-Modified", date(-9)), ("Cache-Control", "max-age=9")]))
    for number in (1, 2, 3):
        answer = one.get("/p")
        assert answer.body == b"/p #%d" % number
        assert answer.cache.detail == "no-etag" and not answer.cache.stored
    assert not tags(one.app.last("/p")) and one.app.last("/p").header("If-Modified-Since") is None


@pytest.mark.parametrize("fields, reason", [
    ([("Set-Cookie", "a=1")], "set-cookie"), ([("Cache-Control", "no-store")], "no-store"),
    ([("Cache-Control", "private")], "private"), ([("Vary", "*")], "vary-star")])
def test_what_forbids_storing_still_does(site, fields, reason):
    one = site(ALWAYS, handler=lambda x: personal(x, fields=fields))
    for _ in range(2):
        assert visit(one, "ann").cache.detail == reason
    assert not tags(one.app.last("/p"))


@pytest.mark.parametrize("failure, status", [
    (None, 502), (lambda x: (500, (), b"broken"), 500), (lambda x: (403, (), b"go away"), 403),
    (lambda x: x.close(), 502)])
def test_never_served_without_asking(site, failure, status):
    one = site([{"prefix": "/", "validate": "always", "ttl": 60, "grace": 60,
                 "stale_if_error": 60}], handler=personal)
    for _ in range(2):
        visit(one, "ann")
    if failure:
        one.app.default = failure
    else:
        one.app.stop()
    answer = one.get("/p", {"Cookie": "user=ann"})
    assert answer.status == status and b"ann" not in answer.body
    assert one.get("/p", {"Cookie": "user=ann", "Cache-Control": "only-if-cached"}).status == 504


def test_many_users_at_once(site):
    """No one waits for another's page, and nobody gets it: cold, and when all are stored."""
    one = site(ALWAYS, handler=personal)
    names = [f"user{number}" for number in range(30)]
    asks = [page_params("/p", headers={"Cookie": f"user={name}"}) for name in names * 4]
    for _ in range(3):
        answers = crowd(one.daemon.where, asks)
        assert [a.body for a in answers] == [f"/p of {name} 1".encode() for name in names * 4]
    assert one.app.count("/p") >= 360, "every request reaches the application"
    assert not any(answer.cache.collapsed or answer.cache.hit for answer in answers)


def test_one_slow_user_holds_up_nobody(site):
    one = site(ALWAYS)
    gate, held = one.app.held(personal)
    one.app.default = lambda x: (held if user(x) == "ann" else personal)(x)
    slow = background(one.get, "/p", {"Cookie": "user=ann"})
    one.app.wait("/p")
    assert visit(one, "ben").seconds < limit(2)
    gate.set()
    assert slow().body == b"/p of ann 1"


@pytest.mark.parametrize("news", [[("ETag", '"unknown"')], [], [("ETag", "")], [("ETag", "*")]])
def test_a_304_that_chooses_nothing(site, news):
    """Asked again without conditions: a page that nobody chose is given to nobody."""
    one = site(ALWAYS, handler=personal)
    visit(one, "ann")
    visit(one, "ben")
    one.app.default = lambda x: (304, news, b"") if tags(x) else personal(x)
    visit(one, "cleo")
    first, second = one.app.requests("/p")[-2:]
    assert len(tags(first)) == 2 and not tags(second)


def test_a_304_changes_the_fields_of_its_page_alone(site):
    one = site(ALWAYS, handler=lambda x: personal(x, fields=[("X-Seen", f"{user(x)}{x.serial}")]))
    for number, name in enumerate(("ann", "ben", "ann", "ben", "ben"), 1):
        assert visit(one, name).get("X-Seen") == f"{name}{number}"


def test_a_client_with_a_copy_of_his_own(site):
    """Its tags are ours to answer, by the page that the application chose."""
    one = site(ALWAYS, handler=personal)
    for headers, status in (({"If-None-Match": '"ann1"'}, 304), ({"If-None-Match": '"ben1"'}, 200),
                            ({"If-None-Match": "*"}, 304)):
        for _ in range(2):
            answer = one.get("/p", {"Cookie": "user=ann", **headers})
            assert answer.status == status and answer.get("ETag") == '"ann1"'
            assert answer.body == (b"" if status == 304 else b"/p of ann 1")
            assert '"ben1"' not in tags(one.app.last("/p"))


def test_head_asks_too(site):
    one = site(ALWAYS, handler=personal)
    visit(one, "ann")
    visit(one, "ben")
    for name in ("ben", "ann"):
        answer = one.send("HEAD", "/p", headers={"Cookie": f"user={name}"})
        assert answer.status == 200 and answer.get("ETag") == f'"{name}1"' and not answer.body
        assert tags(one.app.last("/p")) == {'"ann1"', '"ben1"'}
        assert answer.get("Content-Length") == str(len("/p of ann 1"))


def test_a_change_takes_all_pages(site):
    one = site(ALWAYS, handler=personal)
    visit(one, "ann")
    visit(one, "ben")
    one.send("POST", "/p", b"a=1")
    visit(one, "ann")
    assert not tags(one.app.last("/p"))
    visit(one, "ben")
    assert tags(one.app.last("/p")) == {'"ann1"'}


def test_a_reload_changes_whether_it_is_asked(site):
    rule = {"prefix": "/", "ttl": 60, "stale_if_error": 60}
    one = site([rule], handler=personal)
    shared(one)
    one.daemon.reload([{**rule, "validate": "always"}])
    one.app.stop()
    assert one.get("/p").status == 502
    one.app.start()
    assert one.get("/p").cache.items["fwd-status"] == "304"
    visit(one, "ann")
    one.daemon.reload([rule])
    assert one.get("/p").body == shared(one).body == b"/p of nobody 1"


def test_no_more_than_32_pages_are_remembered(site):
    """The youngest; whose page is forgotten gets it anew."""
    one = site(ALWAYS, handler=personal)
    names = [f"user{number}" for number in range(40)]
    for name in names:
        visit(one, name)
    visit(one, names[-1])
    assert tags(one.app.last("/p")) == {f'"{name}1"' for name in names[8:]}
    visit(one, names[0])
    assert len(asked_for(one)) == 41


def test_the_lists_of_cookies_keep_their_meaning(site):
    one = site([{**ALWAYS[0], "key_cookies": ["lang"], "ignore_cookies": ["_*"],
                 "bypass_cookies": ["admin"]}], handler=personal)
    for name in ("ann", "ben"):
        visit(one, name, headers={"Cookie": f"z=1; user={name}; lang=de; _ga=2"})
    assert one.app.last("/p").header("Cookie") == "lang=de; user=ben; z=1"
    assert tags(one.app.last("/p")) == {'"ann1"'}
    visit(one, "ann", headers={"Cookie": "user=ann; lang=en"})
    assert not tags(one.app.last("/p")), "another language's pages are other pages"
    answer = one.get("/p", {"Cookie": "user=ann; admin=1; _ga=2"})
    assert answer.cache.fwd == "bypass" and answer.cache.detail == "cookie:admin"
    assert one.app.last("/p").header("Cookie") == "user=ann; admin=1; _ga=2"


# -- client_cache -----------------------------------------------------------------------------

ADDED = ("Cache-Control", "Expires", "Last-Modified")


def seconds(text):
    return email.utils.parsedate_to_datetime(text).timestamp()


def same_for_all(one, url="/p"):
    """What the first client and those after it are told; the fields of ADDED."""
    answers = [one.get(url) for _ in range(3)]
    assert answers[0].cache.stored and answers[1].cache.hit and answers[2].cache.hit, answers
    told = [{name: answer.all(name) for name in ADDED} for answer in answers]
    assert told[0] == told[1] == told[2]
    return told[0]


@pytest.mark.parametrize("fields", [[], [("Cache-Control", "public")],
                                    [("Cache-Control", "s-maxage=60")],
                                    [("Last-Modified", date(-1000))]])
def test_client_cache_tells_browsers(site, fields):
    one = site([{"prefix": "/", "ttl": 60, "client_cache": "5m"}])
    one.app.on("/p", numbered(fields=fields))
    now = time.time()
    told = same_for_all(one)
    given = {name: [value for key, value in fields if key == name] for name in ADDED}
    assert told["Cache-Control"] == given["Cache-Control"] + ["max-age=300"]
    assert now + 298 <= seconds(*told["Expires"]) <= time.time() + 300
    assert told["Last-Modified"] == (given["Last-Modified"] or told["Last-Modified"])
    assert given["Last-Modified"] or now - 2 <= seconds(*told["Last-Modified"]) <= time.time()
    assert one.get("/p", {"If-Modified-Since": told["Last-Modified"][0]}).status == 304


@pytest.mark.parametrize("fields", [
    [("Cache-Control", "max-age=60")], [("Cache-Control", "public, max-age=60")],
    [("Cache-Control", "no-cache"), ("X-Accel-Expires", "60")],
    [("Cache-Control", "max-age=60"), ("Expires", date(90000))], [("Expires", date(90000))]])
def test_the_application_has_said_it(site, fields):
    one = site([{"prefix": "/", "ttl": 60, "client_cache": "5m"}])
    one.app.on("/p", numbered(fields=fields))
    told = same_for_all(one)
    for name in ("Cache-Control", "Expires"):
        assert told[name] == [value for key, value in fields if key == name]


@pytest.mark.parametrize("url, rule", [
    ("/p?private", {}), ("/p?404", {"statuses": {"200": 60, "404": 60}}), ("/p", {"cache": False})])
def test_only_pages_that_are_stored_and_good(site, url, rule):
    one = site([{"prefix": "/", "ttl": 60, "client_cache": "5m", "etag": True, **rule}])
    one.app.on("/p", lambda x: (404 if "404" in x.uri else 200,
                                [("Set-Cookie", "a=1")] if "private" in x.uri else [], b"page"))
    for answer in (one.get(url), one.get(url)):
        assert not [name for name, _ in answer.headers if name in (*ADDED, "ETag")]


# -- etag -------------------------------------------------------------------------------------

def made(one, url):
    """The tag of a page, on the miss as on hits, strong; a client that has it gets a 304."""
    answers = [one.get(url) for _ in range(2)]
    tag = answers[0].get("ETag")
    assert tag == answers[1].get("ETag") and re.fullmatch(r'"[^"]+"', tag), answers
    assert one.get(url, {"If-None-Match": f'"x", {tag}'}).status == 304
    assert one.get(url, {"If-None-Match": '"x"'}).status == 200
    return tag


def test_a_tag_is_made_of_the_body(site):
    one, other = (site([{"prefix": "/", "ttl": 60, "etag": True}]) for _ in range(2))
    bodies = [b"", b"a", b"b", b"a" * 200_000, b"a" * 199_999 + b"b"]
    urls = [f"/{number}" for number in range(len(bodies))]
    for url, body in zip(urls, bodies):
        one.app.on(url, (200, [("X-Of", "one")], body))
        other.app.on(url, (200, [("X-Of", "the other")], body))
    before = [made(one, url) for url in urls]
    assert len(set(before)) == len(bodies) and [made(other, url) for url in urls] == before
    one.daemon.stop()
    one.daemon.start()
    answer = one.get("/1", {"If-None-Match": before[1]})
    assert answer.status == 304 and answer.cache.stored, "a browser's copy outlives a restart"
    assert [made(one, url) for url in urls] == before


@pytest.mark.parametrize("tag", ['"own"', 'W/"own"'])
def test_the_application_s_own_tag_stays(site, tag):
    one = site([{"prefix": "/", "ttl": 60, "etag": True}], handler=numbered(fields=[("ETag", tag)]))
    assert one.get("/p").get("ETag") == shared(one).get("ETag") == tag
    assert one.get("/p", {"If-None-Match": tag}).status == 304


@pytest.mark.parametrize("rule", [{}, {"grace": 60}, {"stale_if_error": 60}])
def test_what_we_made_is_no_condition(site, rule):
    """The application does not know it: a 304 of its would mean something else."""
    one = site([{"prefix": "/", "ttl": "200ms", "client_cache": "5m", "etag": True, **rule}])
    tag = one.get("/p").get("ETag")
    past(0.2)
    one.get("/p", {"If-None-Match": tag, "If-Modified-Since": date()})
    one.app.wait("/p", 2)
    assert not [name for name in one.app.last("/p").names() if name.startswith("HTTP_IF_")]


# -- languages --------------------------------------------------------------------------------

LANGUAGES = [{"prefix": "/", "ttl": 60, "heuristic": True}]


def speaking(exchange, more=()):
    """A page in the first language of the list that it has."""
    wanted = re.findall(r"\b(de|en)\b", exchange.header("Accept-Language") or "")
    language = (wanted or ["en"])[0]
    return 200, [("Vary", "Accept-Language"), ("Content-Language", language), *more], \
        language.encode() + b" " + counting(exchange)


@pytest.mark.parametrize("heuristic, value, hit", [
    (True, "de, fr;q=0.9", True), (True, "DE;q=0.9,fr;q=0.8", True), (True, "fr;q=0.5, de", True),
    (True, "fr, de;q=0.9", False), (True, "de, fr", False), (True, "*", False), (True, "", False),
    (True, "de;q=0", False), (True, "fr", False), (True, "en", False),
    (False, "de, fr;q=0.9", False)])
def test_the_language_that_is_preferred(site, heuristic, value, hit):
    """No other has to be asked for when the one page is there that this client likes best."""
    one = site([{**LANGUAGES[0], "heuristic": heuristic}], handler=speaking)
    assert one.get("/p", {"Accept-Language": "de"}).body == b"de /p #1"
    answer = one.get("/p", {"Accept-Language": value})
    assert answer.cache.hit == hit and (answer.body == b"de /p #1") == hit, answer
    assert hit or answer.cache.fwd == "vary-miss"


def test_no_choice_among_pages_that_differ_otherwise(site):
    one = site(LANGUAGES, handler=lambda x: speaking(x, [("Vary", "X-Kind")]))
    one.get("/p", {"Accept-Language": "de"})
    assert not one.get("/p", {"Accept-Language": "de, fr;q=0.9"}).cache.hit


@pytest.mark.parametrize("values, sent", [
    (["de, en", "en,de", "EN , De", "de;q=1.0, en;q=1"], "de, en"),
    (["de-AT, en;q=0.5", "en; q=0.50,de-at", "en;q=0.5, de-AT;q=1.000"], "de-at, en;q=0.5"),
    (["fr;q=0.8,de;q=0.9", "DE;q=0.9 ,,fr;q=0.8"], "de;q=0.9, fr;q=0.8")])
def test_lists_that_mean_the_same_are_one_page(site, values, sent):
    one = site([{"prefix": "/", "ttl": 60}], handler=speaking)
    bodies = {one.get("/p", {"Accept-Language": value}).body for value in values}
    assert len(bodies) == 1 and one.app.count("/p") == 1
    assert one.app.last("/p").header("Accept-Language") == sent
