"""Training steps of whole networks: ganocl and one after the other of PyTorch's modes in turn."""

import json
import sys
import time

from figures import geometric_mean, median, paired_ratio, share_of_cores
from processes import Child, Failed, run_json

ROWS = (
    "dcgan:dcgan128@1",
    "dcgan:standard@16",
    "pix2pix:pix2pix256@1",
    "resnet_gan:resnet128@8",
    "unet_gan:l4n512@1",
    "nvae:toy-mnist@16",
    "nvae:toy-rgb@16",
)
MODES = ("eager", "channels_last", "compiled")
TURNS = 2  # of each of PyTorch's modes; ganocl has one before them and one after each


def say(*words):
    print("compare:", *words, file=sys.stderr, flush=True)


def parse_row(text):
    """
    >>> parse_row("dcgan:standard@16")
    ('dcgan', 'standard', 16)
    """
    name, _, batch = text.partition("@")
    system, _, preset = name.partition(":")
    if not (system and preset and batch.isdigit() and int(batch) > 0):
        raise ValueError(f"'{text}' is no row: it is to be SYSTEM:PRESET@BATCH")
    return system, preset, int(batch)


class Ours:
    """Runs of `ganocl bench`; each as many steps as the first says that there is time for."""

    def __init__(self, setup, system, preset, batch):
        self.setup, self.batch = setup, batch
        self.model = f"{system}:{preset}"
        self.ms, self.cpu_ms, self.peak_bytes, self.steps = [], [], 0, 1

    def warm_up(self):
        """Compiles what is not in the cache, and finds out how long a step takes."""
        self.run()
        self.steps = max(1, round(1e3 * self.setup.seconds / self.ms[0]))
        self.ms, self.cpu_ms = [], []

    def run(self):
        command = [*self.setup.ganocl, "bench", self.model, "--json"]
        command += ["--batch", str(self.batch), "--steps", str(self.steps)]
        facts = run_json(command, self.setup.environment)
        system = facts["systems"][0]
        self.ms.append(system["step_ms"])
        self.cpu_ms.append(system["cpu_ms"])
        self.peak_bytes = system["peak_bytes"]


class Theirs:
    """One of PyTorch's modes in a process of its own, when that has made its first step."""

    def __init__(self, setup, torch, mode, row, changes):
        self.name = f"{torch.name} {mode}"
        self.ms, self.cpu_ms, self.peak_bytes = [], [], 0
        system, preset, batch = row
        self.child = Child(
            torch.command("steps", system, preset, changes, str(batch), mode),
            setup.environment,
            setup.log(self.name, *row),
            setup.compile_seconds,
        )
        self.version = self.child.hello["torch"]
        self.steps = 1

    def warm_up(self, seconds):
        self.steps = max(1, round(1e3 * seconds / self.child.ask(1)["ms"]))

    def run(self):
        answer = self.child.ask(self.steps)
        self.ms.append(answer["ms"])
        self.cpu_ms.append(answer["cpu_ms"])
        self.peak_bytes = max(self.peak_bytes, answer["peak_bytes"])

    def close(self):
        self.child.close()


def take_turns(setup, ours, theirs, batch):
    """A mode's figures beside ours, whose last run was just before."""
    first = len(ours.ms) - 1
    theirs.warm_up(setup.seconds)
    for _ in range(1 if setup.quick else TURNS):
        theirs.run()
        time.sleep(0.05)  # its threads wait awake for a moment
        ours.run()
    return {
        "mode": theirs.name,
        "torch": theirs.version,
        "images_per_s": 1e3 * batch / median(theirs.ms),
        "ms": theirs.ms,
        "cpu_ms": theirs.cpu_ms,
        "peak_bytes": theirs.peak_bytes,
        "ratio": paired_ratio(ours.ms[first:], theirs.ms),
        "cpu_ratio": paired_ratio(ours.cpu_ms[first:], theirs.cpu_ms),
        "memory_ratio": theirs.peak_bytes / ours.peak_bytes,
    }


def compare_modes(setup, row, ours):
    """Figures of those of PyTorch's modes that work, one process at a time; why others do not."""
    found, failed = [], {}
    system, preset, batch = row
    changes = json.dumps(setup.settings(system, preset))
    for torch in setup.torches:
        for mode in setup.modes:
            theirs = None
            try:
                theirs = Theirs(setup, torch, mode, row, changes)
                found.append(take_turns(setup, ours, theirs, batch))
            except Failed as why:
                failed[f"{torch.name} {mode}"] = str(why)
                say(f"{torch.name} {mode}: {why}")
            finally:
                if theirs is not None:
                    theirs.close()
    return found, failed


def compare_row(setup, text):
    system, preset, batch = row = parse_row(text)
    say(text)
    ours = Ours(setup, system, preset, batch)
    ours.warm_up()
    ours.run()
    found, failed = compare_modes(setup, row, ours)
    if not found:
        raise Failed(f"{text}: none of PyTorch's modes works")
    best = min(found, key=lambda f: f["ratio"])
    return {
        "row": text,
        "images_per_s": 1e3 * batch / median(ours.ms),
        "ms": ours.ms,
        "cpu_ms": ours.cpu_ms,
        "peak_bytes": ours.peak_bytes,
        "modes": found,
        "failed": failed,
        "best": best["mode"],
        "ratio": best["ratio"],
        "cpu_ratio": min(f["cpu_ratio"] for f in found),
        "memory_ratio": min(f["memory_ratio"] for f in found),
    }


def compare_steps(setup, rows, tell):
    results = []
    for text in rows:
        results.append(compare_row(setup, text))
        tell(results[-1])
    times = [pair for r in results for pair in zip(r["ms"], r["cpu_ms"])]
    return {
        "rows": results,
        "share_of_cores": share_of_cores(times, setup.threads),
        "geometric_mean": geometric_mean(r["ratio"] for r in results),
        "cpu_geometric_mean": geometric_mean(r["cpu_ratio"] for r in results),
        "memory_geometric_mean": geometric_mean(r["memory_ratio"] for r in results),
    }
