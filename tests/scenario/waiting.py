"""Time in the tests: nothing sleeps for luck.

`until` polls a condition up to a deadline. `past` lets a lifetime pass, the one thing that can
only be slept for. FCGICACHE_SLOW=1 (sanitizers, valgrind) widens every limit, never a lifetime.
"""
import os
import time

SLOW = os.environ.get("FCGICACHE_SLOW", "") not in ("", "0")
FACTOR = 8 if SLOW else 1


def limit(seconds):
    """A time limit, wider where the build is slow."""
    return seconds * FACTOR


def until(condition, timeout=10.0, step=0.005, what=None):
    """Poll until `condition()` is true; its value. Fails after `timeout` seconds."""
    deadline = time.monotonic() + limit(timeout)
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, \
            f"waited {limit(timeout)} s in vain for {what or condition}"
        time.sleep(step)


def past(seconds):
    """Let a lifetime of `seconds` run out, with a little to spare."""
    time.sleep(seconds + 0.05)
