"""ganocl beside PyTorch on the same networks, batch and cores: scripts/compare starts this.

Whole training steps, and with --layers the convolution layers in their three directions. The two take
turns, nothing else is started meanwhile, and the headline is the ratio by the clock; that by process
CPU time beside it tells when something else had the cores. A ratio above 1: ganocl is quicker, or
takes less memory.

Needs an interpreter with PyTorch (--python) and the reference networks (--reference): a folder with
systems/ and measure.py, whose modules have build, make_optimisers, batch_spec, noise_spec and
train_step. Building and testing ganocl needs neither.
"""

import argparse
import doctest
import json
import os
import subprocess
import sys
import tempfile

import figures
import layers
import steps
import tables
from processes import Failed, last_words, run_json

HERE = os.path.dirname(os.path.abspath(__file__))


class Torch:
    """An interpreter that has PyTorch."""

    def __init__(self, name, python, reference, threads):
        self.name, self.python = name, python
        self.reference, self.threads = reference, threads

    def command(self, task, *rest):
        side = os.path.join(HERE, "torch_side.py")
        return [self.python, side, task, self.reference, str(self.threads), *rest]

    def version(self, environment):
        """Its version, or Failed with what to do."""
        try:
            done = subprocess.run(
                [self.python, "-c", "import numpy, torch; print(torch.__version__)"],
                capture_output=True,
                text=True,
                env=environment,
                check=False,
            )
        except OSError as why:
            raise Failed(f"{self.python}: {why.strerror}") from None
        if done.returncode != 0:
            raise Failed(
                f"{self.python} has no PyTorch or no numpy ({last_words(done.stderr, 1)}); make one"
                " with `python3 -m venv DIR && DIR/bin/pip install torch numpy` and name"
                " DIR/bin/python with --python"
            )
        return done.stdout.strip()


class Setup:
    """What all measurements share."""

    def __init__(self, options, folder):
        self.quick, self.folder = options.quick, folder
        self.seconds = 2 if options.quick else options.seconds
        self.modes = options.modes.split(",")
        self.compile_seconds = options.compile_seconds
        self.ganocl = [options.ganocl, "--device", options.device, "--quiet"]
        for setting in options.set:
            self.ganocl += ["--set", setting]
        threads = options.threads or len(os.sched_getaffinity(0))
        self.environment = {
            **os.environ,
            "OMP_NUM_THREADS": str(threads),
            "POCL_MAX_PTHREAD_COUNT": str(threads),
        }
        self.torches = [
            Torch(f"torch{i + 1 if i else ''}", python, options.reference, threads)
            for i, python in enumerate(filter(None, (options.python, options.python2)))
        ]
        self.threads = threads

    def log(self, *words):
        name = "-".join(str(word) for word in words).replace("/", "-").replace(" ", "-")
        return os.path.join(self.folder, name + ".log")

    def settings(self, system, preset):
        command = [*self.ganocl, "describe", f"{system}:{preset}", "--json"]
        return run_json(command, self.environment)["settings"]


def cpu_model():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return "unknown CPU"


def check_reference(folder):
    missing = [
        name
        for name in ("systems/__init__.py", "systems/common.py", "measure.py")
        if not os.path.isfile(os.path.join(folder or "", name))
    ]
    if folder is None or missing:
        raise Failed(
            "the reference networks in PyTorch are needed: --reference DIR"
            + (f" ({folder} has no {', '.join(missing)})" if folder is not None else "")
        )


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="scripts/compare",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--reference", metavar="DIR", help="the reference networks")
    add("--python", metavar="FILE", default="python3", help="interpreter with PyTorch (python3)")
    add("--python2", metavar="FILE", help="one with another PyTorch, compared too (steps)")
    add("--ganocl", metavar="FILE", default="./ganocl", help="the program (./ganocl)")
    add("--device", default="auto", help="as `ganocl --device`; it should have the same cores")
    add("--set", metavar="KEY=VALUE", action="append", default=[], help="as `ganocl --set`")
    add("--rows", metavar="LIST", help="SYSTEM:PRESET@BATCH,... instead of the usual ones")
    add("--layers", action="store_true", help="layer by layer, not step by step")
    add(
        "--modes",
        metavar="LIST",
        default=",".join(steps.MODES),
        help="PyTorch's modes, of "
        "eager, channels_last, compiled, compiled_channels_last (the first three)",
    )
    add("--quick", action="store_true", help="fewer and shorter turns: rough figures")
    add("--seconds", type=float, default=5, help="that a turn of steps lasts, or one step (5)")
    add(
        "--compile-seconds",
        type=float,
        default=600,
        help="a mode's first step must take no" " longer (600)",
    )
    add("--threads", type=int, help="cores for either (all that this process may use)")
    add("--json", metavar="FILE", help="everything measured, to this file")
    add("--check", action="store_true", help="checks its own arithmetic, and nothing else")
    return parser.parse_args(arguments)


def self_check():
    failed = sum(doctest.testmod(module).failed for module in (figures, steps))
    print(f"compare: arithmetic: {failed} failures")
    return 1 if failed else 0


def compare(options, folder):
    check_reference(options.reference)
    setup = Setup(options, folder)
    facts = {"cpu": cpu_model(), "threads": setup.threads}
    facts["torch"] = [t.version(setup.environment) for t in setup.torches]
    if options.layers:
        rows = options.rows.split(",") if options.rows else layers.LAYER_ROWS
        facts.update(layers.compare_layers(setup, rows, tables.tell_layer))
        tables.print_layers(facts)
    else:
        rows = options.rows.split(",") if options.rows else steps.ROWS
        facts.update(steps.compare_steps(setup, rows, tables.tell_step))
        tables.print_steps(facts)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(facts, file, indent=1)


def main(arguments):
    options = parse(arguments)
    if options.check:
        return self_check()
    with tempfile.TemporaryDirectory(prefix="ganocl-compare-") as folder:
        try:
            compare(options, folder)
        except (Failed, ValueError, OSError) as why:
            print(f"compare: {why}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
