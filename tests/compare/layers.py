"""Single convolution layers in their three directions: ganocl and PyTorch in turn."""

import time

from figures import (
    CLASSES,
    LEAST,
    LEAST_MEAN,
    class_of,
    describe,
    geometric_mean,
    gflop,
    median,
    share_of_cores,
)
from processes import Child
from steps import ROWS, parse_row, say

# The presets that a user gets without naming one, with their usual batch.
DEFAULT_ROWS = (
    "resnet_gan:small@16",
    "nvae:small@64",
    "pix2pix:small@4",
    "unet_gan:colour@4",
)
LAYER_ROWS = ROWS + DEFAULT_ROWS
DIRECTIONS = ("forward", "data", "weight")
LAYOUTS = ("default", "channels_last")
ROUNDS, QUICK_ROUNDS = 9, 5
VISIT_MS = 10  # that a visit lasts, or one run
LEAST_ROUNDS, LONG_SECONDS = 3, 5.0  # no more rounds than these after so long


def list_layers(setup, torch, rows):
    """The distinct layers of all rows, each with the first row that has it."""
    found = []
    for text in rows:
        system, preset, batch = parse_row(text)
        changes = setup.settings(system, preset)
        question = {"system": system, "preset": preset, "changes": changes, "batch": batch}
        for layer in torch.ask(question):
            if all(layer != other for other, _ in found):
                found.append((layer, text))
    return found


class Side:
    """One who is asked for the same layer again and again: ganocl, or PyTorch in one layout."""

    def __init__(self, child, layer, direction, mode=None):
        self.child = child
        self.question = {**layer, "direction": direction}
        if mode is not None:
            self.question["mode"] = mode
        self.ms, self.cpu_ms, self.runs, self.variants = [], [], 1, None
        self.mode = mode

    def warm_up(self, visit_ms):
        """Then a visit lasts visit_ms, or one run."""
        for _ in range(2):
            ms = self.ask()["ms"]
            self.runs = max(1, min(10000, round(visit_ms / ms)))
            if self.runs == 1:
                break

    def ask(self):
        answer = self.child.ask({**self.question, "runs": self.runs})
        self.variants = answer.get("variants")
        return answer

    def visit(self):
        answer = self.ask()
        self.ms.append(answer["ms"])
        self.cpu_ms.append(answer["cpu_ms"])
        time.sleep(0.002)  # PyTorch's threads wait awake for a moment


def compare_direction(setup, children, layer, direction):
    ours = Side(children[0], layer, direction)
    theirs = [Side(children[1], layer, direction, mode) for mode in LAYOUTS]
    sides = [ours, *theirs]
    for side in sides:
        side.warm_up(VISIT_MS)
    end = time.monotonic() + LONG_SECONDS
    for i in range(QUICK_ROUNDS if setup.quick else ROUNDS):
        if i >= LEAST_ROUNDS and time.monotonic() > end:
            break
        for side in sides if i % 2 == 0 else sides[::-1]:
            side.visit()
    best = min(theirs, key=lambda side: median(side.ms))
    work = gflop(layer)
    return {
        "layer": layer,
        "direction": direction,
        "class": class_of(layer),
        "gflop": work,
        "variants": ours.variants,
        "layout": best.mode,
        "ms": median(ours.ms),
        "torch_ms": median(best.ms),
        "cpu_ms": median(ours.cpu_ms),
        "torch_cpu_ms": median(best.cpu_ms),
        "gflops": 1e3 * work / median(ours.ms),
        "torch_gflops": 1e3 * work / median(best.ms),
        "ratio": min(median(b / a for a, b in zip(ours.ms, t.ms)) for t in theirs),
        "cpu_ratio": min(median(b / a for a, b in zip(ours.cpu_ms, t.cpu_ms)) for t in theirs),
        # Of the shortest visits: what else the machine does is the least in them.
        "best_ratio": min(min(t.ms) / min(ours.ms) for t in theirs),
    }


def summarise(results):
    """Geometric means and least ratios, of all and by class."""

    def of(some):
        return {
            "n": len(some),
            "geometric_mean": geometric_mean(r["ratio"] for r in some),
            "cpu_geometric_mean": geometric_mean(r["cpu_ratio"] for r in some),
            "best_geometric_mean": geometric_mean(r["best_ratio"] for r in some),
            "least": min((r["ratio"] for r in some), default=None),
        }

    classes = {
        name: {**of([r for r in results if r["class"] == name]), "wanted": wanted}
        for name, wanted in CLASSES.items()
        if any(r["class"] == name for r in results)
    }
    return {**of(results), "wanted": LEAST_MEAN, "wanted_least": LEAST, "classes": classes}


def is_short(result):
    """Below what is wanted of its class."""
    return result["ratio"] < CLASSES[result["class"]]


def compare_layers(setup, rows, tell):
    torch = setup.torches[0]
    with Child(
        [*setup.ganocl, "bench", "--layers"], setup.environment, setup.log("ganocl")
    ) as ours, Child(
        torch.command("layers"), setup.environment, setup.log(torch.name), 120
    ) as theirs:
        layers = list_layers(setup, theirs, rows)
        say(f"{len(layers)} layers, {len(DIRECTIONS)} directions")
        results = []
        for i, (layer, row) in enumerate(layers):
            for direction in DIRECTIONS:
                result = compare_direction(setup, (ours, theirs), layer, direction)
                result["row"] = row
                results.append(result)
                tell(result, i + 1, len(layers), describe(layer))
    share = share_of_cores([(r["ms"], r["cpu_ms"]) for r in results], setup.threads)
    return {"layers": results, "summary": summarise(results), "share_of_cores": share}
