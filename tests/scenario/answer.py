"""What came back: one kind of answer for all clients, raw FastCGI and HTTP alike.

What it is: `Answer` with status, headers and body, and how the transfer ended; `CacheStatus`, the
member that fcgicache added to Cache-Status (RFC 9211), read into a dict. Pure.
"""
import json
import re

MEMBER = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*")+')
PARAMETER = re.compile(r';\s*([a-z*][a-z0-9_.*-]*)(?:=("(?:[^"\\]|\\.)*"|[^;\s]*))?')


class CacheStatus:
    """`fcgicache; fwd=uri-miss; stored` as attributes; absent parameters are None or False."""

    def __init__(self, value):
        members = [member.strip() for member in MEMBER.findall(value or "")]
        ours = [member for member in members if member.split(";")[0].strip() == "fcgicache"]
        self.text = value
        self.members = members
        self.ours = len(ours)
        self.items = {}
        for name, item in PARAMETER.findall(ours[-1] if ours else ""):
            if item.startswith('"'):
                item = re.sub(r"\\(.)", r"\1", item[1:-1])
            self.items[name] = item
        self.hit = "hit" in self.items
        self.stored = "stored" in self.items
        self.collapsed = "collapsed" in self.items
        self.fwd = self.items.get("fwd")
        self.detail = self.items.get("detail", "")
        self.ttl = int(self.items["ttl"]) if "ttl" in self.items else None

    @property
    def miss(self):
        """Forwarded because nothing fitting was stored."""
        return self.fwd in ("miss", "uri-miss", "vary-miss")

    def __repr__(self):
        return f"CacheStatus({self.text!r})"


class Answer:
    """A response as one client saw it.

    complete  the transfer ended as its protocol says a whole one ends
    broken    it did not: cut, an invalid record, a reset, or silence
    seconds   from the request's last byte to the answer's last
    """

    def __init__(self, status, headers, body, complete, seconds=0.0):
        self.status, self.headers, self.body = status, headers, body
        self.complete, self.seconds = complete, seconds
        self.broken = not complete
        self.why = ""
        self.ended = complete
        self.kept = False
        self.app_status = self.protocol_status = None
        self.rids = set()
        self.stderr = b""
        self.records = []

    def all(self, name):
        """Every value of a header, in order."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def get(self, name, default=None):
        """The only value of a header; more than one is a failure of the test."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} came {len(values)} times: {values}"
        return values[0] if values else default

    @property
    def cache(self):
        """What fcgicache says about this answer."""
        return CacheStatus(", ".join(self.all("Cache-Status")))

    @property
    def age(self):
        value = self.get("Age")
        return None if value is None else int(value)

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return (f"Answer({self.status}, {'complete' if self.complete else 'BROKEN ' + self.why}, "
                f"{len(self.body)} bytes {self.body[:60]!r}, {self.all('Cache-Status')})")


def parse_head(data):
    """(status, headers, body) of the bytes of STDOUT; status 0 if there is no whole head."""
    at, width = data.find(b"\r\n\r\n"), 4
    if data.startswith(b"\r\n"):
        at, width = 0, 2
    if at < 0:
        return 0, [], data
    headers, status = [], 200
    for line in data[:at].decode("latin-1").split("\r\n"):
        name, colon, value = line.partition(":")
        assert not line or colon, f"a header line without a colon left fcgicache: {line!r}"
        assert "\r" not in line and "\n" not in line and "\0" not in line, f"raw in {line!r}"
        if name.lower() == "status":
            status = int(value.split()[0])
        elif line:
            headers.append((name, value.strip()))
    return status, headers, data[at + width:]
