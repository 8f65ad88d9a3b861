"""Asking twice: the two outcomes that most tests of storing come down to.

`private`: both requests reach the application and each gets its own answer. `shared`: the second
is answered from the cache. `numbered` makes pages whose body tells the two apart.
"""
import email.utils
import time

from app import counting


def date(offset=0.0):
    return email.utils.formatdate(time.time() + offset, usegmt=True)


def numbered(status=200, fields=()):
    """A page whose body says the how-manieth it is."""
    return lambda x: (status, list(fields), counting(x))


def private(one, url="/p", headers=None, detail=None, **also):
    """Both of two requests reach the application, and the second is not given the first's."""
    before = one.app.count()
    first, second = (one.get(url, headers, **also) for _ in range(2))
    assert one.app.count() == before + 2, (first, second)
    assert first.body != second.body and first.complete and second.complete
    for answer in (first, second):
        assert not answer.cache.hit and not answer.cache.stored and not answer.age
    if detail is not None:
        assert first.cache.detail == detail, first
    return first


def shared(one, url="/p", headers=None, **also):
    """The second request is answered from the cache; that answer."""
    first, second = (one.get(url, headers, **also) for _ in range(2))
    assert second.cache.hit and first.body == second.body, (first, second)
    return second


def not_fresh(one, url="/p", reason=None):
    """Every request reaches the application; whether something was kept is not the point."""
    first, second = one.get(url), one.get(url)
    assert one.app.count(url) == 2 and not second.cache.hit and first.body != second.body
    if reason:
        assert first.cache.detail == reason and not first.cache.stored
