"""Fixtures: a folder, a scripted application, a daemon between it and the client.

What it is: `site(rules, ...)` makes a `Site`, the three together, and ends them after the test:
the daemon must still be alive, stop cleanly on TERM, and leave no sanitizer report; a handler of
the application must not have failed. Every test has a deadline of 60 s (SIGALRM; another with
@pytest.mark.deadline(N)), so that a hang is a failure with a traceback, not a hang.
"""
import os
import resource
import shutil
import signal
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.dirname(__file__))

from app import Application, counting       # noqa: E402  (after sys.path)
from client import Client                   # noqa: E402
from daemon import BINARY, Daemon           # noqa: E402
from waiting import limit                   # noqa: E402

DEADLINE = 60
ALIVE = "/harness-alive"


def pytest_configure(config):
    config.addinivalue_line("markers", "deadline(seconds): the time this test may take")
    config.addinivalue_line("markers", "nodaemon: this test runs without fcgicache")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 16384:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 16384), hard))


def pytest_make_parametrize_id(val, argname):
    """Names of cases stay short: bytes and long texts by their length."""
    if isinstance(val, bytes) or isinstance(val, str) and len(val) > 60:
        return f"{argname}-of-{len(val)}"
    return None


def pytest_runtest_setup(item):
    if not os.path.exists(BINARY) and item.get_closest_marker("nodaemon") is None:
        pytest.fail(f"{BINARY} is not there: build it, or set FCGICACHE", pytrace=False)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    marker = item.get_closest_marker("deadline")
    seconds = int(limit(marker.args[0] if marker else DEADLINE))

    def late(*_):
        raise TimeoutError(f"the test took longer than {seconds} s")
    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """Leave the verdict of the test itself on its item, and add the daemon's log to it."""
    outcome = yield
    report = outcome.get_result()
    if report.when != "call":
        return
    item.failed = report.failed
    if not report.failed:
        return
    for one in getattr(item, "sites", ()):
        if one.daemon is not None and one.daemon.log_file.exists():
            report.sections.append(("fcgicache's log", one.daemon.log()[-8000:]))


class Site:
    """Application, daemon and client of one test.

    application: what the rules file says; a dict gets the scripted application's address.
    """

    def __init__(self, folder, rules, handler=counting, listen=None, start=True, **top):
        self.folder = folder
        self.app = Application(f"unix:{folder}/app.sock", handler).start()
        self.app.on(ALIVE, b"alive")
        application = top.pop("application", self.app.where)
        if isinstance(application, dict):
            application = {"address": self.app.where, **application}
        self.daemon = Daemon(folder, application, rules, listen, **top)
        self.client = self.daemon.client
        if start:
            self.daemon.start()

    def get(self, url="/", headers=None, **also):
        return self.client.get(url, headers, **also)

    def send(self, method, url="/", body=b"", headers=None, **also):
        return self.client.send(method, url, body, headers, **also)

    def check_alive(self):
        """The next good request is answered right."""
        answer = self.get(ALIVE)
        assert answer.complete and answer.status == 200 and answer.body == b"alive", answer

    def end(self, failed):
        """Stop all; complain only if the test itself has not."""
        try:
            if self.daemon.process is not None:
                if failed:
                    self.daemon.kill()
                else:
                    assert self.daemon.alive(), f"the daemon died:\n{self.daemon.log()}"
                    self.app.drop_all()
                    self.daemon.stop()
        finally:
            self.daemon.kill()
            self.app.stop()
        assert failed or not self.app.errors, f"a handler failed: {self.app.errors}"


@pytest.fixture
def folder():
    """A directory of the test's own, with a short path: unix sockets live in it."""
    path = tempfile.mkdtemp(prefix="fc", dir="/tmp")
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def site(request, folder):
    """site(rules, handler=counting, **top level keys) -> Site; ended after the test."""
    request.node.sites = []

    def make(rules, **how):
        place = tempfile.mkdtemp(prefix="s", dir=folder)
        one = Site(place, rules, **how)
        request.node.sites.append(one)
        return one
    yield make
    failed = getattr(request.node, "failed", True)
    errors = []
    for one in request.node.sites:
        try:
            one.end(failed)
        except AssertionError as error:
            errors.append(error)
    if errors:
        raise errors[0]


@pytest.fixture
def app(folder):
    """A scripted application by itself."""
    one = Application(f"unix:{folder}/app.sock").start()
    yield one
    one.stop()
    assert not one.errors, one.errors


@pytest.fixture
def direct(app):
    """A client straight at the application: for the tests of the harness."""
    return Client(app.where)
