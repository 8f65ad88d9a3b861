"""How long a page lives: what the application says in its head, and when in doubt, not at all.

C04, C05, C18 and C21 of the fault catalogue. Dates are given as seconds from now and made when
the test runs.
"""
import time

import pytest

from asking import date, not_fresh, numbered, shared
from waiting import past

PAGES = [{"prefix": "/", "ttl": 60}]
HOUR = 3600


def dated(fields):
    """Numbers among the values become dates."""
    return [(name, date(value) if isinstance(value, int) else value) for name, value in fields]


@pytest.mark.parametrize("value, reason", [
    ("no-store", "no-store"), ("NO-STORE", "no-store"), ("private", "private"),
    ("Private", "private"), ('private="Set-Cookie"', None), ("max-age=60, no-store", "no-store"),
    ("foo=bar, no-store, x", "no-store"), ("  private  ,max-age=60", "private"),
    ('x="a, b", private', "private"), ("no-cache", None), ('no-cache="x"', None),
    ("max-age=0", None), ("max-age=60, s-maxage=0", None), ("s-maxage=0", None),
    ("max-age=-1", None), ("max-age=soon", None), ("max-age=60, max-age=0", None),
    ("public, max-age=0", None)])
def test_cache_control_forbids(site, value, reason):
    """C04, C18: in doubt not fresh."""
    one = site(PAGES)
    one.app.on("/p", numbered(fields=[("Cache-Control", value)]))
    not_fresh(one, reason=reason)


@pytest.mark.parametrize("fields", [
    [("Cache-Control", "max-age=60"), ("Cache-Control", "no-store")],
    [("cache-control", "no-store"), ("Cache-Control", "max-age=60")], [("Pragma", "no-cache")],
    [("Expires", -10)], [("Expires", "0")], [("Expires", "-1")],
    [("Expires", "Thu, 99 Jan 2099 10:00:00 GMT")], [("Expires", "")],
    [("Cache-Control", "max-age=60"), ("Age", "60")],
    [("Cache-Control", "max-age=60"), ("Age", "99999999999999999999")],
    [("X-Accel-Expires", "0")], [("Vary", "*")], [("Vary", "Accept, *")],
    [("Vary", "Accept"), ("Vary", "*")], [("Content-Range", "bytes 0-3/10")]])
def test_heads_that_forbid(site, fields):
    """C04, C05, C08, C18"""
    one = site(PAGES)
    one.app.on("/p", numbered(fields=dated(fields)))
    not_fresh(one)


@pytest.mark.parametrize("fields, ttl", [
    ([("Cache-Control", "max-age=100")], 100), ([("Cache-Control", "MAX-AGE=100")], 100),
    ([("Cache-Control", 'max-age="100"')], 100), ([("Cache-Control", "max-age=2147483648")], None),
    ([("Cache-Control", "max-age=18446744073709551616")], None),
    ([("Cache-Control", "max-age=5, s-maxage=100")], 100),
    ([("Cache-Control", "max-age=100"), ("Expires", -HOUR)], 100),
    ([("Expires", 100), ("Date", 0)], 100), ([("Expires", 100)], 100),
    ([("Expires", 50 + HOUR), ("Date", HOUR)], 50),
    ([("Cache-Control", "max-age=100"), ("Age", "40")], 60),
    ([("X-Accel-Expires", "100"), ("Cache-Control", "max-age=5")], 100),
    ([("Cache-Control", "public")], 60), ([("Cache-Control", "x-unknown, y=z")], 60)])
def test_lifetimes(site, fields, ttl):
    """C18: what the application says, in whatever spelling; an overflow is large."""
    one = site(PAGES)
    one.app.on("/p", (200, dated(fields), b"x"))
    answer = shared(one)
    if ttl is None:
        assert answer.cache.ttl > 86400
    else:
        assert ttl - 5 <= answer.cache.ttl <= ttl


@pytest.mark.parametrize("form", ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"])
def test_old_date_formats(site, form):
    """C18: RFC 850 and asctime."""
    one = site(PAGES)
    when = time.strftime(form, time.gmtime(time.time() + 1000))
    one.app.on("/p", (200, [("Expires", when), ("Date", date())], b"x"))
    assert 990 <= shared(one).cache.ttl <= 1000


def test_upstream_age_is_added(site):
    one = site(PAGES)
    one.app.on("/p", (200, [("Cache-Control", "max-age=100"), ("Age", "40")], b"x"))
    assert 40 <= shared(one).age <= 45


@pytest.mark.parametrize("control", ["max-age=1, must-revalidate", "max-age=1, proxy-revalidate"])
def test_must_revalidate_is_never_stale(site, control):
    """C21: the application's word wins over the rule's grace."""
    one = site([{"prefix": "/", "grace": 60, "stale_if_error": 60}])
    one.app.on("/p", numbered(fields=[("Cache-Control", control)]))
    shared(one)
    one.app.stop()
    past(2)
    answer = one.get("/p")
    assert answer.status in (502, 504) and answer.complete
