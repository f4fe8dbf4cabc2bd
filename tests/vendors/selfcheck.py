"""Whether the checks themselves notice what is wrong: `check-vendors --check`."""

import os

import agree
import process
import tables


class Told:
    """What compare_replays wants of a suite."""

    def __init__(self, losses):
        self.device = type("Device", (), {"title": "a device"})
        self.record = {"replays": [{"name": "a run", "losses": losses}], "agreement": []}


def agrees(mine, theirs):
    suites = [Told({"G": theirs}), Told({"G": mine})]
    agree.compare_replays(suites, lambda text: None)
    [found] = suites[1].record["agreement"]
    return found["good"]


def ending(script, limit=20.0):
    return process.run(["sh", "-c", script], dict(os.environ), limit).status


def record(**more):
    check = {"part": "ops", "name": "conv", "status": "passed", "passed": 3, "failed": 0}
    check.update(more)
    return {"checks": [check], "agreement": []}


def cases():
    """Pairs of what is claimed and whether it holds."""
    yield "equal losses agree", agrees([1.0, 2.0], [1.0, 2.0])
    yield "nearly equal ones too", agrees([1.0, 2.001], [1.0, 2.0])
    yield "others do not", not agrees([1.0, 2.0], [1.0, 2.003])
    yield "nor does what is no number", not agrees([1.0, None], [1.0, None])
    yield "nor do fewer steps", not agrees([1.0], [1.0, 2.0])
    yield "0 passes", ending("exit 0") == "passed"
    yield "1 fails", ending("exit 1") == "failed"
    yield "a signal is a crash", ending("kill -SEGV $$") == "crashed"
    yield "of a shell's child too", ending("sh -c 'kill -ABRT $$'; exit $?") == "crashed"
    yield "what hangs is late", ending("sleep 30 & wait", 0.2) == "late"
    yield "a record is good", tables.is_good(record())
    for status in tables.BAD:
        yield f"one with {status} is not", not tables.is_good(record(status=status))
    yield "nor one without a check", not tables.is_good(record(status="skipped", passed=0))


def run():
    wrong = [claim for claim, holds in cases() if not holds]
    for claim in wrong:
        print(f"check-vendors: does not hold: {claim}")
    return 1 if wrong else 0
