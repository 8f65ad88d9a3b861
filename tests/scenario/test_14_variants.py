"""Validation of pages with variants, by an answer to HEAD, and for many visitors at once.

A request for a variant that is not there asks about all that are (RFC 9111 section 4.3.1); a 304
names the one it means by its ETag. HEAD is section 4.3.5.
"""
import pytest

from app import counting
from checking import CHECKED, MODIFIED, RULE, Page, conditions, forwarded, has
from client import page_params
from crowd import crowd
from waiting import limit, past, until
from web import background

LENGTH = len("/p #1")


class Languages:
    """A page in several languages, each with an ETag; some languages share a text.

    tags  the ETag by language
    news  what a 304 says beside the ETag; None for the tag: it says none
    """

    def __init__(self, tags, age=60, news=()):
        self.tags, self.age, self.news = tags, age, list(news)

    def __call__(self, exchange):
        tag = self.tags[exchange.header("Accept-Language")]
        if tag in asked_tags(exchange):
            return 304, [("ETag", tag)] + self.news, b""
        return 200, [("ETag", tag), ("Vary", "Accept-Language"), ("Cache-Control", "max-age=60"),
                     ("Age", str(self.age))], "%s %d" % (tag, exchange.serial)


def asked_tags(exchange):
    """The ETags that the application was asked about, in order."""
    tags = exchange.header("If-None-Match")
    return tags.split(", ") if tags else []


def ask(one, language):
    return one.get("/p", {"Accept-Language": language})


def varied(site, tags, stored=("de", "en"), rules=RULE, **how):
    """A site that has some languages of the page."""
    one = site(rules)
    one.page = one.app.on("/p", Languages(tags, **how))
    for language in stored:
        assert ask(one, language).cache.stored
    return one


# -- variants ----------------------------------------------------------------------------------

@pytest.mark.parametrize("age", [0, 60])
@pytest.mark.parametrize("weak", ["", "W/"])
def test_a_variant_that_is_not_there(site, age, weak):
    """Swiss readers get the German page, and from then on without a question."""
    de, en = weak + '"de"', weak + '"en"'
    one = varied(site, {"de": de, "en": en, "ch": de}, age=age)
    answer = ask(one, "ch")
    assert set(asked_tags(one.app.last("/p"))) == {de, en}
    assert (answer.status, answer.body) == (200, de.encode() + b" 1") and answer.get("ETag") == de
    assert forwarded(answer) == ("vary-miss", "304") and answer.cache.stored
    again = ask(one, "ch")
    assert again.cache.hit and again.body == answer.body and again.get("Vary") == "Accept-Language"
    assert one.app.count("/p") == 3


def test_a_variant_that_is_new(site):
    """It is stored beside the others."""
    one = varied(site, {"de": '"de"', "en": '"en"', "fr": '"fr"'}, age=0)
    answer = ask(one, "fr")
    assert set(asked_tags(one.app.last("/p"))) == {'"de"', '"en"'}
    assert answer.body == b'"fr" 3' and forwarded(answer) == ("vary-miss", None)
    assert [ask(one, name).body for name in ("de", "en", "fr")] == [b'"de" 1', b'"en" 2', b'"fr" 3']
    assert one.app.count("/p") == 3


def test_a_stale_variant_becomes_another(site):
    """It is asked about together with the others; the 304 may mean one of those."""
    one = varied(site, {"de": '"de"', "en": '"en"'})
    one.page.tags["en"] = '"de"'
    answer = ask(one, "en")
    assert asked_tags(one.app.last("/p")) == ['"en"', '"de"']
    assert answer.body == b'"de" 1' and forwarded(answer) == CHECKED and answer.cache.stored
    for language in ("en", "de"):
        assert ask(one, language).body == b'"de" 1'


@pytest.mark.parametrize("tag", ['"other"', None])
@pytest.mark.parametrize("stored", [("de", "en"), ("de", "en", "fr")])
def test_a_304_that_means_none_of_them(site, tag, stored):
    """Another tag, or none where several could be meant: asked again, without conditions."""
    one = varied(site, {"de": '"de"', "en": '"en"', "fr": '"fr"'}, stored)
    page = one.page
    one.app.on("/p", lambda x: (304, [("ETag", tag)] if tag else [], b"")
               if asked_tags(x) else page(x))
    answer = ask(one, "fr")
    assert answer.body == b'"fr" %d' % (len(stored) + 2) and answer.cache.stored
    assert answer.status == 200 and asked_tags(one.app.last("/p")) == []


def test_a_304_for_a_visitor_with_a_password(site):
    """What is stored is not for him, even if the application says that it is the same."""
    one = varied(site, {"de": '"de"', "ch": '"de"'}, ("de",), age=0)
    answer = one.get("/p", {"Accept-Language": "ch", "Authorization": "Basic eDp5"})
    assert answer.body != b'"de" 1' and answer.status == 200 and not answer.cache.stored
    assert ask(one, "de").cache.hit


def test_no_date_for_a_variant_that_is_not_there(site):
    """A date does not say which of the variants it is."""
    one = site(RULE)
    one.app.on("/p", lambda x: (200, [("Vary", "X-Kind"), ("Last-Modified", MODIFIED),
                                      ("Cache-Control", "max-age=60")], counting(x)))
    for kind, body in (("a", b"/p #1"), ("b", b"/p #2")):
        assert one.get("/p", {"X-Kind": kind}).body == body
        assert conditions(one.app.last("/p")) == (None, None)


@pytest.mark.parametrize("tag, both", [('"same"', True), ('W/"same"', False)])
def test_one_304_for_all_variants_with_its_tag(site, tag, both):
    """Section 4.3.4: a strong tag stands for the bytes, so the news is of every variant that has
    them; with a weak one only of the one that was asked for."""
    one = varied(site, {"de": tag, "en": tag, "fr": '"fr"'}, ("de", "en", "fr"),
                 news=[("Age", "60")])
    one.page.news = [("X-News", "1"), ("Cache-Control", "max-age=1000")]
    assert forwarded(ask(one, "de")) == CHECKED
    answer = ask(one, "en")
    assert answer.cache.hit == both and answer.get("X-News") == "1"
    assert 990 <= ask(one, "en").cache.ttl <= 1000
    answer = ask(one, "fr")
    assert not answer.cache.hit and answer.body == b'"fr" 3'


def test_variants_in_grace(site):
    """The refresh of one asks about all, and a 304 is as good there."""
    one = varied(site, {"de": '"de"', "en": '"en"'}, rules=[{"prefix": "/", "grace": 60}])
    answer = ask(one, "de")
    assert answer.cache.hit and answer.cache.ttl <= 0
    until(lambda: ask(one, "de").cache.ttl > 0)
    assert asked_tags(one.app.requests("/p")[2]) == ['"de"', '"en"'] and one.app.count("/p") == 3


# -- HEAD --------------------------------------------------------------------------------------

STILL = [("Cache-Control", "max-age=60"), ("X-New", "1")]


def heads(one, status, fields, page):
    """The application answers HEAD with this, and GET with the page."""
    one.app.on("/p", lambda x: (status, fields, b"") if x.method == "HEAD" else page(x))


@pytest.mark.parametrize("status, fields", [
    (200, [("ETag", '"v1"')]), (200, [("ETag", '"v1"'), ("Last-Modified", MODIFIED)]),
    (200, [("Last-Modified", MODIFIED), ("Content-Length", str(LENGTH))]),
    (200, [("ETag", '"v1"'), ("Content-Length", str(LENGTH))]),
    (304, [("ETag", '"v1"')]), (304, [])])
def test_head_says_that_it_is_still_good(site, status, fields):
    """Asked as HEAD, with the conditions; what it says takes the place of what is stored."""
    one = site(RULE)
    page = has(one, Page(modified=MODIFIED, fields=[("X-New", "0"), ("X-Old", "stays")]))
    heads(one, status, fields + STILL, page)
    answer = one.send("HEAD", "/p")
    asked = one.app.last("/p")
    assert asked.method == "HEAD" and conditions(asked) == ('"v1"', MODIFIED)
    assert answer.status == 200 and answer.body == b"" and answer.complete
    assert answer.get("Content-Length") == str(LENGTH) and answer.cache.stored
    answer = one.get("/p")
    assert answer.cache.hit and answer.body == b"/p #1" and answer.get("ETag") == '"v1"'
    assert answer.get("X-New") == "1" and answer.get("X-Old") == "stays"
    assert answer.get("Content-Length") == str(LENGTH) and one.app.count("/p") == 2


@pytest.mark.parametrize("fields", [
    [("ETag", '"v2"')], [("ETag", '"v2"'), ("Content-Length", str(LENGTH))],
    [("ETag", '"v1"'), ("Content-Length", "6")], [("Last-Modified", "then")],
    [("ETag", '"v1"'), ("Last-Modified", "then")], [("Content-Length", "0")]])
def test_head_says_that_it_has_changed(site, fields):
    """What is stored goes; the next GET brings the new page."""
    one = site(RULE)
    page = has(one, Page(modified=MODIFIED))
    heads(one, 200, fields + STILL, page)
    answer = one.send("HEAD", "/p")
    assert answer.status == 200 and answer.body == b"" and not answer.cache.stored
    assert answer.get("X-New") == "1" and answer.get("ETag") == dict(fields).get("ETag")
    answer = one.get("/p")
    assert answer.body == b"/p #2" and forwarded(answer) == ("uri-miss", None)
    assert conditions(one.app.last("/p")) == (None, None)


@pytest.mark.parametrize("status", [404, 410, 500, 503])
def test_head_fails(site, status):
    """It says nothing of the page, which stays as it was."""
    one = site(RULE)
    page = has(one, Page())
    heads(one, status, STILL, page)
    assert one.send("HEAD", "/p").status == status
    answer = one.get("/p")
    assert answer.body == b"/p #1" and forwarded(answer) == CHECKED
    assert answer.get("X-New") is None


def test_head_of_a_fresh_page(site):
    one = site(RULE)
    has(one, Page(age=None))
    answer = one.send("HEAD", "/p")
    assert answer.cache.hit and answer.body == b"" and one.app.count("/p") == 1
    assert answer.get("Content-Length") == str(LENGTH) and answer.get("ETag") == '"v1"'


@pytest.mark.parametrize("tag, status", [('"v1"', 304), ('"mine"', 200)])
def test_head_with_the_clients_conditions(site, tag, status):
    """Answered from what comes of it, as those of a GET are."""
    one = site(RULE)
    page = has(one, Page())
    heads(one, 200, [("ETag", '"v1"')] + STILL, page)
    answer = one.send("HEAD", "/p", headers={"If-None-Match": tag})
    assert conditions(one.app.last("/p"))[0] == '"v1"'
    assert answer.status == status and answer.body == b""


def test_head_names_a_tag_that_the_page_has_not(site):
    """Section 4.3.5: a validator that came has to be the stored one, or the body is another."""
    one = site(RULE)
    page = has(one, Page(etag=None, modified=MODIFIED))
    heads(one, 200, [("ETag", '"new"'), ("Last-Modified", MODIFIED)] + STILL, page)
    one.send("HEAD", "/p")
    page.etag = '"new"'
    answer = one.get("/p")
    assert answer.body == b"/p #2" and answer.get("ETag") == '"new"'


def test_head_of_one_variant(site):
    """The others are what they were."""
    one = varied(site, {"de": '"de"', "en": '"en"'})
    page = one.page
    heads(one, 200, [("ETag", '"de2"'), ("Vary", "Accept-Language")], page)
    assert one.send("HEAD", "/p", headers={"Accept-Language": "de"}).status == 200
    page.tags["de"] = '"de2"'
    assert ask(one, "de").body == b'"de2" 3'
    assert forwarded(ask(one, "en")) == CHECKED


# -- many at once ------------------------------------------------------------------------------

def test_one_check_for_all(site):
    one = site(RULE)
    page = has(one, Page())
    gate, handler = one.app.held(page)
    one.app.on("/p", handler)
    wait = background(crowd, one.daemon.where, page_params("/p"), 30)
    one.app.wait("/p", 2)
    past(limit(0.1))            # the others have the time to find the first
    gate.set()
    answers = wait()
    assert {answer.body for answer in answers} == {b"/p #1"} and one.app.count("/p") == 2
    assert sum(forwarded(answer) == CHECKED for answer in answers) == 1
    assert sum(answer.cache.collapsed or answer.cache.hit for answer in answers) == 29
    assert any(answer.cache.collapsed for answer in answers)


def test_one_check_and_a_new_page_for_all(site):
    """Each with its own conditions."""
    one = site(RULE)
    page = has(one, Page())
    page.etag = '"v2"'
    page.age = None
    gate, handler = one.app.held(page)
    one.app.on("/p", handler)
    tags = [None, '"v1"', '"v2"']
    waits = [background(one.get, "/p", tag and {"If-None-Match": tag}) for tag in tags]
    one.app.wait("/p", 2)
    past(limit(0.1))
    gate.set()
    assert [wait().status for wait in waits] == [200, 200, 304] and one.app.count("/p") == 2


def test_no_cache_is_checked_by_each(site):
    """Nobody waits for another's check: all ten are at the application together."""
    one = site([{"prefix": "/", "coalesce_timeout": "1h"}])
    page = has(one, Page(control="no-cache"))
    gate, handler = one.app.held(page)
    one.app.on("/p", handler)
    waits = [background(one.get, "/p") for _ in range(10)]
    one.app.wait("/p", 11)
    gate.set()
    for answer in [wait() for wait in waits]:
        assert answer.body == b"/p #1" and forwarded(answer) == CHECKED
        assert not answer.cache.collapsed
    assert all(conditions(x)[0] == '"v1"' for x in one.app.requests("/p")[1:])


def test_a_cold_page_that_is_checked_each_time(site):
    """Who waited for the first one asks for himself."""
    one = site(RULE)
    gate, handler = one.app.held(Page(control="no-cache, max-age=60", age=None))
    one.app.on("/p", handler)
    waits = [background(one.get, "/p") for _ in range(3)]
    one.app.wait("/p")
    past(limit(0.1))
    gate.set()
    assert not any(wait().cache.collapsed for wait in waits) and one.app.count("/p") == 3


def test_the_first_one_leaves(site):
    """The check goes on for those who wait, and for those who come."""
    one = site(RULE)
    gate, handler = one.app.held(has(one, Page()))
    one.app.on("/p", handler)
    with one.client.connect() as conn:
        conn.ask(page_params("/p"))
        one.app.wait("/p", 2)
        wait = background(one.get, "/p")
        past(limit(0.1))
    gate.set()
    assert wait().body == b"/p #1" and one.get("/p").cache.hit and one.app.count("/p") == 2
