"""Many clients at once, in one thread: what a thousand visitors see of one page.

What it is: `crowd` connects all of them first, then sends each request, and reads whatever is
ready in between (epoll, non-blocking), so that the time of an answer is that client's own and not
the queue in front of a slow test. Threads would measure Python's lock.
"""
import select
import socket
import time

import fcgi
from client import Collector, address


class Member:
    """One visitor: a connection, when it asked, what came."""

    __slots__ = ("sock", "data", "sent", "done", "got")

    def __init__(self, sock):
        self.sock, self.data = sock, bytearray()
        self.sent = self.done = self.got = None


def connect_all(where, count, deadline):
    """`count` connections; a full backlog is waited for."""
    family, target = address(where)
    out = []
    while len(out) < count:
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setblocking(False)
        try:
            sock.connect(target)
        except BlockingIOError:
            if family == socket.AF_UNIX:        # backlog full: this socket is not under way
                sock.close()
                assert time.monotonic() < deadline, f"only {len(out)} of {count} could connect"
                time.sleep(0.001)
                continue
        out.append(Member(sock))
    return out


def read(member):
    """Take what is ready; True when this member's answer has ended one way or the other."""
    try:
        data = member.sock.recv(1 << 18)
    except BlockingIOError:
        return False
    except OSError:
        data = b""
    member.data += data
    size = fcgi.HEADER.size
    tail = member.data[-2 * size:]
    ended = len(tail) == 2 * size and tail[:2] == bytes([1, fcgi.END]) and tail[4:6] == b"\0\x08"
    if data and not ended:
        return False
    member.done = time.monotonic()
    return True


def crowd(where, params, count=None, timeout=20.0, batch=16):
    """Ask all at once; the answers, each with its own `seconds`.

    params: the parameters of one request (with `count`), or a list of such, one a client.
    """
    asks = [fcgi.request(params)] * count if count else [fcgi.request(one) for one in params]
    deadline = time.monotonic() + timeout
    members = connect_all(where, len(asks), deadline)
    epoll = select.epoll()
    waiting = {}

    def collect(seconds):
        for fd, _ in epoll.poll(seconds):
            if read(waiting[fd]):
                epoll.unregister(fd)
                waiting.pop(fd).sock.close()

    try:
        for number, (member, ask) in enumerate(zip(members, asks)):
            epoll.register(member.sock, select.EPOLLIN)
            waiting[member.sock.fileno()] = member
            member.sent = time.monotonic()
            assert member.sock.send(ask) == len(ask)
            if number % batch == batch - 1:
                collect(0)
        while waiting and time.monotonic() < deadline:
            collect(min(1.0, max(0.0, deadline - time.monotonic())))
    finally:
        epoll.close()
        for member in members:
            member.sock.close()
    return [finish(member) for member in members]


def finish(member):
    """A member's answer."""
    got = Collector()
    got.feed(bytes(member.data))
    if not got.done:
        got.why = "closed without END_REQUEST" if member.done else "nothing came in time"
    return got.answer((member.done or time.monotonic()) - member.sent)
