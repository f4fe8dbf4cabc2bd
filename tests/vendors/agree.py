"""Devices beside each other: losses of their replays, and checkpoints that go from one to the next."""

import itertools
import json
import os

MOST_APART = 1e-3


def apart(a, b):
    """Relative; what is no number agrees with nothing."""
    if a is None or b is None:
        return 1.0
    size = max(abs(a), abs(b))
    return abs(a - b) / size if size > 0 else 0.0


def furthest(mine, theirs):
    """The loss and step in which two replays differ most; what only one of them has differs wholly."""
    worst = {"deviation": 0.0, "loss": "", "step": 0}
    for loss in sorted({*mine["losses"], *theirs["losses"]}):
        pairs = itertools.zip_longest(mine["losses"].get(loss, []), theirs["losses"].get(loss, []))
        for step, (a, b) in enumerate(pairs):
            deviation = apart(a, b)
            if deviation > worst["deviation"] or not worst["loss"]:
                worst = {"deviation": deviation, "loss": loss, "step": step}
    return worst


def compare_replays(suites, say):
    """Each device beside the first one that has the recording."""
    first = {}
    for suite in suites:
        for replay in suite.record["replays"]:
            name = replay["name"]
            if name not in first:
                first[name] = (suite, replay)
                continue
            worst = furthest(replay, first[name][1])
            good = worst["deviation"] <= MOST_APART
            suite.record["agreement"].append(
                {"replay": name, "with": first[name][0].device.title, "good": good, **worst})
            say(f"  {'passed' if good else 'FAILED':8s} {name}: {suite.device.title} and "
                f"{first[name][0].device.title} differ by at most {worst['deviation']:.1e} "
                f"({worst['loss']} of step {worst['step']})")


# ---- checkpoints ----

TRAIN = ("-q", "train", "--set", "train.log_every=1", "--set", "train.events=false")


def losses_of(run):
    with open(os.path.join(run, "log.jsonl"), encoding="utf-8") as file:
        return [json.loads(line)["losses"] for line in file]


def train(suite, words):
    return suite.device.run([suite.places.ganocl, "--device", suite.device.number, *TRAIN, *words],
                            suite.limit)


def move(one, other, model, work):
    """Two steps here and two there, beside four here: how far apart the last two steps' losses are."""
    straight, moved = (os.path.join(work, f"{model}-{name}").replace(":", "-")
                       for name in (f"straight-{id(one)}", f"{id(one)}-{id(other)}"))
    first = ("--model", model, "--batch", "2", "--out")
    steps = []
    if not os.path.exists(straight):
        steps.append((one, (*first, straight, "--steps", "4")))
    steps.append((one, (*first, moved, "--steps", "2")))
    steps.append((other, ("--resume", moved, "--steps", "4")))
    for suite, words in steps:
        outcome = train(suite, words)
        if outcome.status != "passed":
            return outcome, None
    pairs = itertools.zip_longest(losses_of(straight)[2:], losses_of(moved)[2:], fillvalue={})
    deviation = max(apart(a.get(name), b.get(name)) for a, b in pairs for name in {*a, *b})
    return outcome, deviation


def move_checkpoints(suites, work, say):
    """From the first device to every other, and back."""
    pairs = [pair for other in suites[1:] for pair in ((suites[0], other), (other, suites[0]))]
    for one, other in pairs:
        if one.device.slow or other.device.slow:
            other.skip("moved", f"from {one.device.title}", "not in a simulator")
            continue
        for model in ("dcgan:tiny",) if one.options.quick else ("dcgan:tiny", "nvae:tiny"):
            outcome, deviation = move(one, other, model, work)
            good = deviation is not None and deviation <= MOST_APART
            if outcome.status == "passed" and not good:
                outcome.status = "failed"
            why = None if deviation is None else f"losses differ by {deviation:.1e}"
            other.note("moved", f"{model} from {one.device.title}", outcome, int(good),
                       int(not good), why)
    say("")
