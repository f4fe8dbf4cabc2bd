"""One check: a process of its own, with a time limit, and what became of it."""

import os
import re
import signal
import subprocess
import time


def last_words(text, n=3):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " | ".join(lines[-n:])[-400:]


class Outcome:
    """`status` is passed, failed, crashed (a signal ended it) or late (its time was over)."""

    def __init__(self, returned, late, seconds, out, err):
        self.seconds = seconds
        self.returned = returned
        self.out = out
        self.err = err
        if late:
            self.status = "late"
        elif returned < 0 or returned >= 128:
            self.status = "crashed"
        else:
            self.status = "passed" if returned == 0 else "failed"

    def why(self):
        if self.status == "passed":
            return ""
        if self.status == "late":
            return f"not done after {self.seconds:.0f} s"
        if self.status == "crashed":
            number = -self.returned if self.returned < 0 else self.returned - 128
            words = last_words(self.err, 1)
            return f"ended by signal {number}" + (f": {words}" if words else "")
        return last_words(self.err) or last_words(self.out) or f"status {self.returned}"

    def counts(self):
        """Passed and failed tests of a test program, from its summary."""
        found = re.search(r"Checks: (\d+), Failures: (\d+), Errors: (\d+)", self.out)
        if not found:
            return (1, 0) if self.status == "passed" else (0, 1)
        checks, failures, errors = map(int, found.groups())
        return checks - failures - errors, failures + errors


def end(process):
    """With all that it has started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def run(command, environment, limit, folder=None):
    start = time.monotonic()
    late = False
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, cwd=folder,
                          stderr=subprocess.PIPE, text=True, errors="replace", env=environment,
                          start_new_session=True) as process:
        try:
            out, err = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            late = True
            end(process)
            out, err = process.communicate()
        except BaseException:
            end(process)
            raise
    return Outcome(process.returncode, late, time.monotonic() - start, out, err)
