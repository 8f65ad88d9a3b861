"""The process: options, exit codes, the socket it is given, signals, its end.

Running it; what it writes to its logs is in test_10_logs.py.
"""
import os
import pathlib
import re
import resource
import signal
import socket
import subprocess
import time

import pytest

from client import Client, Connection, page_params
from daemon import COMMAND, REPORTS, Daemon, environment, rules_text, run, running
from servers import SpawnFcgi, program
from waiting import limit, past, until
from web import background

PAGES = [{"prefix": "/", "ttl": 60}]


@pytest.fixture
def config(folder):
    """A good rules file for an application that need not be there."""
    path = pathlib.Path(folder) / "rules.json"
    path.write_text(rules_text(f"unix:{folder}/app.sock", PAGES))
    return path


@pytest.mark.parametrize("option", ["-V", "--version"])
def test_version(option):
    done = run(option)
    assert done.returncode == 0
    assert re.search(r"fcgicache \d+\.\d+", done.stdout)
    for library in ("jansson", "pcre2", "fcgi"):
        assert library in done.stdout.lower(), library


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help(option):
    done = run(option)
    assert done.returncode == 0
    for word in ("-c", "--config", "-s", "--listen", "-t", "--test", "-V", "-h"):
        assert word in done.stdout, word


@pytest.mark.parametrize("args", [["-x"], ["--nosuch"], ["-c"], ["-s"], ["-t", "-q"], ["stray"]])
def test_usage(config, args):
    done = run(*args)
    assert done.returncode == 64 and done.stderr.strip()


def test_check_of_a_good_file(config):
    done = run("-t", "-c", config)
    assert done.returncode == 0, done.stderr
    assert run("--test", "--config", config).returncode == 0


def test_check_needs_no_socket_and_no_application(config):
    done = run("-t", "-c", config, "-s", "unix:/nonexistent/dir/sock")
    assert done.returncode in (0, 64), done.stderr


def test_start_with_a_bad_file(folder, config):
    config.write_text("{")
    done = run("-c", config, "-s", f"unix:{folder}/s")
    assert done.returncode == 78 and "rules.json:1:" in done.stderr
    done = run("-c", f"{folder}/missing.json", "-s", f"unix:{folder}/s")
    assert done.returncode == 78 and "missing.json" in done.stderr
    assert not os.path.exists(f"{folder}/s")


def test_no_socket_at_all(config):
    """Started by hand: it says what it wants."""
    for stdin in (subprocess.DEVNULL, subprocess.PIPE):
        done = run("-c", config, stdin=stdin)
        assert done.returncode in (64, 69, 71), done
        assert "-s" in done.stderr and "socket" in done.stderr


def test_a_connected_socket_is_not_a_listening_one(config):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        done = run("-c", config, stdin=theirs)
    assert done.returncode in (64, 69, 71) and done.stderr.strip()


@pytest.mark.parametrize("listen", [
    "nonsense", "unix:", "tcp:localhost", "tcp:192.0.2.1:9", "unix:/nonexistent/dir/sock",
    "unix:/" + "x" * 200])
def test_addresses_to_listen_on_that_are_none(config, listen):
    done = run("-c", config, "-s", listen)
    assert done.returncode in (64, 69, 71) and done.stderr.strip(), done


def test_address_in_use(site, config):
    """The one that serves keeps its socket."""
    one = site(PAGES)
    done = run("-c", config, "-s", one.daemon.where)
    assert done.returncode in (69, 71) and done.stderr.strip()
    one.check_alive()


def test_a_socket_left_over_is_taken_over(site, folder):
    """After kill -9 the file is still there, and nobody listens."""
    one = site(PAGES, start=False)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(one.daemon.where[5:])
    one.daemon.start()
    one.check_alive()


def test_something_else_at_the_sockets_path_is_not_removed(folder, config):
    path = pathlib.Path(folder) / "precious"
    path.write_text("precious")
    done = run("-c", config, "-s", f"unix:{path}")
    assert done.returncode in (69, 71) and path.read_text() == "precious"


def test_listening_on_tcp(site):
    one = site(PAGES, start=False)
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    one.daemon.where = f"tcp:127.0.0.1:{port}"
    one.daemon.client = one.client = Client(one.daemon.where)
    one.daemon.start()
    assert one.get("/a").body == one.get("/a").body == b"/a #1"
    with one.client.connect() as conn:
        for _ in range(3):
            conn.ask(page_params("/a"), keep=True)
            assert conn.answer().cache.hit


def test_spawn_fcgi_in_the_foreground(folder, app, config):
    """-n: fd 0 is the socket, stderr is kept."""
    spawned = SpawnFcgi(folder, *COMMAND, "-c", config)
    assert spawned.client.get("/a").body == spawned.client.get("/a").body == b"/a #1"
    spawned.process.terminate()
    assert spawned.process.wait(limit(10)) == 0
    assert not REPORTS.search(spawned.said())
    spawned.stop()


def test_spawn_fcgi_forking(folder, app, config):
    """Two processes on one socket, logging to a file, because stderr is /dev/null."""
    log = f"{folder}/daemon.log"
    config.write_text(rules_text(app.where, PAGES, log={"to": log, "level": "info"}))
    sock, pids = f"{folder}/spawn.sock", f"{folder}/pids"
    command = [program("spawn-fcgi"), "-s", sock, "-P", pids, "-F", "2", "--", *COMMAND,
               "-c", str(config)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment(),
                   timeout=limit(10))
    numbers = [int(line) for line in pathlib.Path(pids).read_text().split()]
    try:
        client = Client(f"unix:{sock}")
        for _ in range(20):
            assert client.get("/a").status == 200
        assert len(numbers) == 2 and app.count("/a") <= 2
        assert pathlib.Path(log).read_text().count("started") == 2
    finally:
        for pid in numbers:
            os.kill(pid, signal.SIGTERM)
    until(lambda: not any(running(pid) for pid in numbers), what="both processes to end")


def test_stays_in_the_foreground(site):
    one = site(PAGES)
    assert one.daemon.alive()
    assert os.getsid(one.daemon.pid) == os.getsid(0), "it detached itself"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_graceful_end(site, number):
    """X13: idle connections are closed, nothing new is taken, what is under way is finished."""
    one = site(PAGES)
    gate, handler = one.app.held(b"finished " * 5000)
    one.app.on("/slow", handler)
    idle = Connection(one.daemon.where)
    idle.ask(page_params("/a"), keep=True)
    assert idle.answer().complete
    slow = background(one.get, "/slow")
    one.app.wait("/slow")
    one.daemon.signal(number)
    assert idle.closed(limit(2)), "an idle connection is kept open"
    until(lambda: refuses(one), what="new connections to be refused")
    gate.set()
    assert slow().body == b"finished " * 5000
    assert one.daemon.process.wait(limit(5)) == 0
    assert not REPORTS.search(one.daemon.log())
    one.daemon.process = None


def refuses(one):
    """Whether a new connection is not served."""
    try:
        with Connection(one.daemon.where, timeout=0.2) as conn:
            conn.ask(page_params("/new"))
            return not conn.answer().complete
    except OSError:
        return True


def test_shutdown_timeout(site):
    """X13: an application that hangs holds the end up for shutdown_timeout and no longer."""
    one = site(PAGES, limits={"shutdown_timeout": "500ms"})
    gate, handler = one.app.held()
    one.app.on("/hang", handler)
    hanging = background(one.get, "/hang")
    one.app.wait("/hang")
    seconds = one.daemon.stop()
    assert 0.4 < seconds < limit(3)
    assert not hanging().cache.stored
    gate.set()


def test_a_second_term_ends_it_now(site):
    """X13"""
    one = site(PAGES)
    gate, handler = one.app.held()
    one.app.on("/hang", handler)
    hanging = background(one.get, "/hang")
    one.app.wait("/hang")
    start = time.monotonic()
    one.daemon.signal(signal.SIGTERM)
    until(lambda: refuses(one))
    one.daemon.signal(signal.SIGTERM)
    one.daemon.process.wait(limit(3))
    assert time.monotonic() - start < limit(5)
    one.daemon.process = None
    gate.set()
    hanging()


def test_end_with_a_refresh_under_way(site):
    one = site([{"prefix": "/", "ttl": "100ms", "grace": 60}], limits={"shutdown_timeout": 2})
    one.get("/p")
    past(0.1)
    gate, handler = one.app.held()
    one.app.on("/p", handler)
    one.get("/p")
    one.app.wait("/p", 2)
    gate.set()
    assert one.daemon.stop() < limit(3)


@pytest.mark.parametrize("number", ["SIGPIPE", "SIGUSR1", "SIGCHLD", "SIGALRM", "SIGXFSZ",
                                    "SIGWINCH", "SIGCONT"])
def test_signals_that_mean_nothing(site, number):
    """X15: none of them ends it or breaks a request."""
    one = site(PAGES)
    for step in range(20):
        one.daemon.signal(getattr(signal, number))
        assert one.get(f"/{step}").body == b"/%d #1" % step
    assert one.daemon.alive()


def test_a_storm_of_signals(site):
    """X15: no request fails with EINTR."""
    one = site([{"prefix": "/pass", "cache": False}, *PAGES])
    numbers = [signal.SIGPIPE, signal.SIGUSR1, signal.SIGCHLD, signal.SIGALRM, signal.SIGXFSZ]

    def visitor(number):
        for step in range(60):
            url = (f"/pass/{number}", f"/cold/{number}/{step}", "/hit")[step % 3]
            answer = one.get(url)
            assert answer.complete and answer.status == 200, answer
    visitors = [background(visitor, number) for number in range(4)]
    for step in range(500):
        one.daemon.signal(numbers[step % len(numbers)])
        time.sleep(0.001)
    for wait in visitors:
        wait()


def test_stopped_and_continued(site):
    """X10: nothing expired is served as fresh after a stop."""
    one = site([{"prefix": "/", "ttl": "300ms"}])
    one.get("/a")
    one.daemon.signal(signal.SIGSTOP)
    past(0.4)
    one.daemon.signal(signal.SIGCONT)
    answer = one.get("/a")
    assert answer.body == b"/a #2" and not answer.cache.hit


def test_few_threads(site):
    """X05: workers say how many answer; an idle daemon has no fetchers left over."""
    one = site(PAGES, workers=4)
    assert one.daemon.threads() <= 10
    waits = [background(one.get, f"/{number}") for number in range(30)]
    for wait in waits:
        wait()
    assert one.daemon.threads() <= 4 + 64 + 6


def test_no_descriptor_is_inherited(folder, app):
    """What the starter left open is not used, and ours are close-on-exec."""
    one = Daemon(folder, app.where, PAGES).start()
    try:
        one.client.get("/a")
        flags = {}
        for name in os.listdir(f"/proc/{one.pid}/fdinfo"):
            text = pathlib.Path(f"/proc/{one.pid}/fdinfo/{name}").read_text()
            flags[int(name)] = int(re.search(r"flags:\s*(\d+)", text).group(1), 8)
        leaky = [fd for fd, value in flags.items() if fd > 2 and not value & os.O_CLOEXEC]
        assert not leaky, [os.readlink(f"/proc/{one.pid}/fd/{fd}") for fd in leaky]
        one.stop()
    finally:
        one.kill()


def test_burst_of_connections(site):
    """X12: more connects than the backlog may be refused, never lost once taken."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    one = site(PAGES)
    one.get("/a")
    conns = [Connection(one.daemon.where) for _ in range(min(1500, soft - 200))]
    for conn in conns:
        conn.ask(page_params("/a"))
    assert all(conn.answer().cache.hit for conn in conns)
    for conn in conns:
        conn.close()
