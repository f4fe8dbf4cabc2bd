"""Child processes: ganocl, and PyTorch's side, asked line by line in JSON."""

import json
import os
import select
import subprocess
import time


class Failed(Exception):
    """A child that ended, or gave no answer in time; its text says which and why."""


def last_words(text, n=3):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " | ".join(lines[-n:])


def run_json(command, environment):
    """What a command writes to standard output, as JSON."""
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)}: {last_words(done.stderr)}")
    return json.loads(done.stdout)


class Child:
    """A process that answers each line with a line; what it says else goes to a file.

    Its first line, before any question, is in `hello` if it is to say one.
    """

    def __init__(self, command, environment, log, greets=0):
        self.log = open(log, "w+", encoding="utf-8")
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            env=environment,
        )
        self.heard = b""
        try:
            self.hello = self.take_line(greets) if greets else None
        except Failed:
            self.close()
            raise

    def why(self):
        self.log.flush()
        self.log.seek(0)
        return last_words(self.log.read()) or "no reason given"

    def take_line(self, seconds):
        end = time.monotonic() + seconds
        while b"\n" not in self.heard:
            ready, _, _ = select.select(
                [self.process.stdout], [], [], max(0, end - time.monotonic())
            )
            if not ready:
                raise Failed(f"no answer in {seconds:.0f} s")
            part = os.read(self.process.stdout.fileno(), 1 << 16)
            if not part:
                raise Failed(self.why())
            self.heard += part
        line, self.heard = self.heard.split(b"\n", 1)
        return json.loads(line)

    def ask(self, question, seconds=600):
        try:
            self.process.stdin.write(json.dumps(question).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Failed(self.why()) from None
        return self.take_line(seconds)

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.log.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
