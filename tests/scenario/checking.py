"""Pages that the application can be asked about: stale as they come, and still good if it says so.

`Page` is an application's page with validators: it answers 304 when it is asked with one that it
has. By its Age its lifetime is over as soon as it comes, so that no test waits for that; the 304
says no Age, and so makes it fresh again. Whoever wants an older or a younger page says its age.
"""
from app import counting

RULE = [{"prefix": "/"}]                # the application says how long
BEFORE = "Sun, 01 Jan 2023 10:00:00 GMT"
MODIFIED = "Mon, 02 Jan 2023 10:00:00 GMT"
AFTER = "Tue, 03 Jan 2023 10:00:00 GMT"


class Page:
    """A handler. Its members may be changed while the test goes on.

    etag, modified  the validators that it has now; None: it has no such one
    control, age    Cache-Control and Age of the page
    fields          what else the page says
    news            what its 304 says beside the ETag
    """

    def __init__(self, etag='"v1"', modified=None, control="max-age=60", age=60, fields=(),
                 news=()):
        self.etag, self.modified, self.control, self.age = etag, modified, control, age
        self.fields, self.news = list(fields), list(news)

    def is_current(self, exchange):
        """Whether the application was asked with what it has: the ETag counts, then the date."""
        tags = exchange.header("If-None-Match")
        if tags is not None:
            return self.etag in tags.split(", ")
        return self.modified and exchange.header("If-Modified-Since") == self.modified

    def head(self):
        head = [("ETag", self.etag), ("Last-Modified", self.modified),
                ("Cache-Control", self.control), ("Age", self.age)]
        return [(name, str(value)) for name, value in head if value is not None] + self.fields

    def __call__(self, exchange):
        if self.is_current(exchange):
            return 304, [("ETag", self.etag)] * bool(self.etag) + self.news, b""
        return 200, self.head(), b"" if exchange.method == "HEAD" else counting(exchange)


def has(one, page, url="/p"):
    """Let the application have this page, and the cache too; the page."""
    one.app.on(url, page)
    answer = one.get(url)
    assert answer.cache.stored and answer.body == b"%s #1" % url.encode(), answer
    return page


def conditions(exchange):
    """What the application was asked with: (If-None-Match, If-Modified-Since)."""
    return exchange.header("If-None-Match"), exchange.header("If-Modified-Since")


def forwarded(answer):
    """Why the application was asked, and what it answered if the client got something else."""
    return answer.cache.fwd, answer.cache.items.get("fwd-status")


CHECKED = ("stale", "304")              # forwarded() of a stale page that is still good
FAILURES = ["refused", "closed", "hangs", 500, 502, 503, 504]


def fails(one, how, url="/p"):
    """Let the application fail in one of FAILURES; `hangs` needs a short read_timeout."""
    if how == "refused":
        one.app.stop()
    elif how == "closed":
        one.app.on(url, lambda x: x.close())
    elif how == "hangs":
        one.app.on(url, one.app.held()[1])
    else:
        one.app.on(url, (how, (), b"broken"))
