"""An HTTP client that tells a whole transfer from a broken one.

What it is: `fetch` asks a web server on 127.0.0.1 once and gives an Answer: complete only if the
body came to the end that its Content-Length or its chunks announced. A body that only the close
of the connection ends counts as complete, because every browser takes it for that.
"""
import http.client
import socket
import threading
import time

from answer import Answer

TIMEOUT = 20.0


def fetch(port, path="/", method="GET", headers=None, body=None, timeout=TIMEOUT):
    """One HTTP/1.1 request on a connection of its own."""
    conn = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    start = time.monotonic()
    status, fields, data, why = 0, [], b"", ""
    try:
        # the path goes out as it is: http.client would refuse some of what we want to ask
        conn._validate_path = lambda url: None
        conn.request(method, path, body, {"Connection": "close", **(headers or {})})
        reply = conn.getresponse()
        status, fields = reply.status, reply.getheaders()
        data = reply.read()
    except http.client.IncompleteRead as error:
        data, why = error.partial, "the body is cut"
    except socket.timeout:
        why = "nothing came in time"
    except (OSError, http.client.HTTPException) as error:
        why = f"{type(error).__name__}: {error}"
    finally:
        conn.close()
    out = Answer(status, fields, data, not why, time.monotonic() - start)
    out.why = why
    return out


class Web:
    """A web server to ask."""

    def __init__(self, port):
        self.port = port

    def get(self, path="/", headers=None, **how):
        return fetch(self.port, path, headers=headers, **how)

    def send(self, method, path="/", body=None, headers=None, **how):
        return fetch(self.port, path, method, headers, body, **how)

    def ready(self):
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self.port)) == 0


def background(function, *args, **how):
    """Run a call in a thread; the function returned waits for its result."""
    result = {}

    def work():
        try:
            result["value"] = function(*args, **how)
        except BaseException as error:              # handed to whoever waits
            result["error"] = error
    thread = threading.Thread(target=work, daemon=True)
    thread.start()

    def wait(timeout=30.0):
        thread.join(timeout)
        assert not thread.is_alive(), "the call in the background did not end"
        if "error" in result:
            raise result["error"]
        return result["value"]
    return wait


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]
