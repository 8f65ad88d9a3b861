"""The daemon under test, from its start to its clean end.

What it is: `Daemon` writes a rules file, starts fcgicache in the foreground, waits until it
accepts, reloads it, and stops it: exit status 0, and no sanitizer report in its output. `run` is
for the short runs that only print or check (-t, -V, -h).

Environment: FCGICACHE the binary (default src/fcgicache of this checkout), FCGICACHE_WRAPPER a
command before it (`valgrind --error-exitcode=9`), FCGICACHE_SLOW=1 wider limits (waiting.py).
"""
import json
import os
import pathlib
import re
import shlex
import signal
import subprocess
import time

from client import Client, accepts
from waiting import limit, until

REPO = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("FCGICACHE", str(REPO / "src" / "fcgicache"))
WRAPPER = shlex.split(os.environ.get("FCGICACHE_WRAPPER", ""))
COMMAND = WRAPPER + [BINARY]
REPORTS = re.compile(r"ERROR: AddressSanitizer|runtime error:|WARNING: ThreadSanitizer|"
                     r"LeakSanitizer|ERROR SUMMARY: [1-9]|check failed:|Assertion .* failed")
LOADED, REFUSED = "rules loaded", "rules not loaded"


def environment(**also):
    """Ours, with sanitizers told to fail the process."""
    env = dict(os.environ)
    env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=1")
    env.update(also)
    return env


def rules_text(application, rules, **top):
    """A rules file as text. A str is taken as it is: broken files are written that way."""
    if isinstance(rules, str):
        return rules
    return json.dumps({"application": application, "rules": rules,
                       "log": {"level": "info"}, **top}, indent=2)


def run(*args, stdin=subprocess.DEVNULL, timeout=10.0, **how):
    """A run that ends by itself; the CompletedProcess, output as text."""
    return subprocess.run(COMMAND + [str(one) for one in args], stdin=stdin, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=limit(timeout), env=environment(), check=False, **how)


def running(pid):
    """Whether a process runs; a zombie that nobody has reaped does not."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


class Process:
    """A look at a process from /proc."""

    def __init__(self, pid):
        self.pid = pid

    def fds(self):
        """How many descriptors are open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def status(self, field):
        with open(f"/proc/{self.pid}/status", encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith(field + ":"):
                    return int(line.split()[1])
        raise KeyError(field)

    def threads(self):
        return self.status("Threads")

    def rss(self):
        """Resident memory in bytes."""
        return self.status("VmRSS") * 1024

    def cpu(self):
        """Seconds of CPU spent so far."""
        with open(f"/proc/{self.pid}/stat", encoding="ascii", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Daemon(Process):
    """fcgicache in the foreground, listening by itself (-s)."""

    def __init__(self, folder, application, rules, listen=None, **top):
        super().__init__(0)
        self.folder = pathlib.Path(folder)
        self.application, self.top = application, top
        self.where = listen or f"unix:{self.folder}/c.sock"
        self.config, self.log_file = self.folder / "rules.json", self.folder / "log"
        self.client, self.process = Client(self.where), None
        self.write(rules)

    def write(self, rules, **top):
        """Put a rules file in place, by rename, as an editor would."""
        self.top.update(top)
        fresh = self.folder / "rules.new"
        fresh.write_text(rules_text(self.application, rules, **self.top), encoding="utf-8")
        fresh.rename(self.config)

    def start(self, stderr=None, redirect=None):
        """Start and wait until the socket accepts.

        stderr: as for Popen, else the log; redirect: shell redirections, such as "2>&-".
        """
        command = COMMAND + ["-c", str(self.config), "-s", self.where]
        if redirect:
            command = ["sh", "-c", f'exec "$@" {redirect}', "sh", *command]
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(
                command, env=environment(), stdin=subprocess.DEVNULL, stdout=log,
                stderr=log if stderr is None else stderr)
        self.pid = self.process.pid
        until(self.accepts, what="the daemon to accept")
        return self

    def accepts(self):
        """Whether a connection is taken; fails if the process has ended."""
        ended = self.process.poll()
        assert ended is None, f"fcgicache ended with {ended}:\n{self.log()}"
        return accepts(self.where)

    # looking

    def log(self, since=0):
        """What has been written to stderr since a mark."""
        with open(self.log_file, "rb") as file:
            file.seek(since)
            return file.read().decode("utf-8", "replace")

    def mark(self):
        """A mark for log()."""
        return self.log_file.stat().st_size

    def wait_log(self, text, since=0, timeout=10.0):
        """Wait until the log holds `text`; the log since the mark."""
        until(lambda: text in self.log(since), timeout, what=f"{text!r} in the log")
        return self.log(since)

    def alive(self):
        return self.process is not None and self.process.poll() is None

    # changing

    def signal(self, number):
        self.process.send_signal(number)

    def reload(self, rules=None, loads=True, **top):
        """Write rules, HUP, wait for the verdict in the log, and check it; the log of it."""
        if rules is not None:
            self.write(rules, **top)
        since = self.mark()
        self.signal(signal.SIGHUP)
        until(lambda: LOADED in self.log(since) or REFUSED in self.log(since),
              what="the reload's verdict in the log")
        said = self.log(since)
        assert (REFUSED not in said) == loads, said
        return said

    def stop(self, timeout=10.0, term=True):
        """TERM (unless it has been sent), a clean exit, no report in the log. How long it took."""
        if self.process is None:
            return 0.0
        start = time.monotonic()
        if term and self.alive():
            self.signal(signal.SIGTERM)
        try:
            status = self.process.wait(limit(timeout))
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"no end within {timeout} s of TERM:\n{self.log()}") from None
        self.process = None
        said = self.log()
        report = REPORTS.search(said)
        assert not report, f"a report in the log:\n{said[report.start():][:6000]}"
        assert status == 0, f"exit status {status}:\n{said[-4000:]}"
        return time.monotonic() - start

    def kill(self):
        """The end without manners, for a test that has failed already."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
