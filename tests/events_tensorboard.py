"""What TensorBoard reads from event files: scripts/check-events starts this.

    events_tensorboard.py GANOCL

Small runs are made, stopped, damaged and gone on with. Then the event files are read twice, by
TensorBoard's Python reader and through its server, and every tag must have each logged step once, in
order, with the value of log.jsonl.
"""

import json
import logging
import math
import os
import re
import signal
import struct
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

from tensorboard.backend.event_processing import event_accumulator

SETTINGS = ["train.log_every=1", "train.checkpoint_every=5", "train.sample_every=4", "train.keep=0"]
failures = []


def check(holds, *what):
    if not holds:
        failures.append(what)
        print("check-events: FAILED:", " ".join(str(part) for part in what)[:400])


# ---- runs ----


def command(program, *arguments):
    words = [program, "-q", "--device", os.environ.get("GANOCL_TEST_DEVICE", "1"), "train"]
    for setting in SETTINGS:
        words += ["--set", setting]
    return words + list(arguments)


def train(program, *arguments):
    subprocess.run(command(program, *arguments), check=True, stdout=subprocess.DEVNULL)


def event_files(run):
    return sorted(
        os.path.join(run, name) for name in os.listdir(run) if name.startswith("events.out.tfevents.")
    )


def log_lines(run):
    with open(os.path.join(run, "log.jsonl")) as file:
        return [json.loads(line) for line in file]


def checkpoint(run, step):
    return os.path.join(run, "checkpoints", "step-%07d.safetensors" % step)


def make_stopped(program, run):
    """Stopped at 12 with a record cut short, gone back to 5, on to 16 and, a second later, to 20."""
    train(program, "--model", "dcgan:tiny", "--batch", "2", "--steps", "12", "--out", run)
    newest = event_files(run)[-1]
    os.truncate(newest, os.path.getsize(newest) - 7)
    train(program, "--resume", checkpoint(run, 5), "--steps", "16")
    train(program, "--resume", run, "--steps", "20")
    check(len(event_files(run)) == 3, run, "does not hold three event files")


def make_killed(program, run):
    """Killed at some moment behind its first checkpoint, and gone on with."""
    arguments = ("--model", "nvae:tiny", "--batch", "2", "--out", run)
    child = subprocess.Popen(command(program, *arguments), stdout=subprocess.DEVNULL)
    for _ in range(1200):
        if os.path.exists(checkpoint(run, 5)) and len(log_lines(run)) > 7:
            break
        time.sleep(0.05)
    child.send_signal(signal.SIGKILL)
    child.wait()
    train(program, "--resume", run, "--steps", str(log_lines(run)[-1]["step"] + 8))


# ---- what should be there ----


def single(value):
    return struct.unpack("f", struct.pack("f", value))[0]


def numbers(line, path=""):
    """The numbers of a log line, by the tag that they have."""
    for key, value in line.items():
        if isinstance(value, dict):
            yield from numbers(value, path + key + "/")
        elif path + key not in ("step", "images", "seconds"):
            yield path + key, math.nan if value is None else single(value)


def expected_scalars(run):
    tags = {}
    for line in log_lines(run):
        for tag, value in numbers(line):
            tags.setdefault(tag, []).append((line["step"], value))
    return tags


def close(tag, a, b):
    """log.jsonl tells nine digits, and four decimals of data_wait."""
    apart = 6e-5 if tag == "data_wait" else 0
    return len(a) == len(b) and all(
        i == j
        and (math.isclose(x, y, rel_tol=1e-6, abs_tol=apart) or (math.isnan(x) and math.isnan(y)))
        for (i, x), (j, y) in zip(a, b)
    )


def expected_sheets(run, ending):
    names = os.listdir(os.path.join(run, "samples"))
    return sorted(int(n[:6]) for n in names if n[6:] == ending)


# ---- by the Python reader ----


def check_read(run):
    sizes = {kind: 0 for kind in event_accumulator.DEFAULT_SIZE_GUIDANCE}
    events = event_accumulator.EventAccumulator(run, size_guidance=sizes)
    events.Reload()
    expected = expected_scalars(run)
    check(set(events.Tags()["scalars"]) == set(expected), run, "scalars", events.Tags()["scalars"])
    for tag, values in expected.items():
        found = [(e.step, e.value) for e in events.Scalars(tag)]
        check(close(tag, found, values), run, tag, found, "instead of", values)
    for tag, ending in (("samples", ".png"), ("reconstructed", "-reconstructed.png")):
        wanted = expected_sheets(run, ending)
        found = [e.step for e in events.Images(tag)] if tag in events.Tags()["images"] else []
        check(found == wanted, run, tag, "at", found, "instead of", wanted)
    with open(os.path.join(run, "reals.png"), "rb") as file:
        reals = [e.encoded_image_string for e in events.Images("reals")]
        check(reals == [file.read()], run, "reals")
    settings = [t.tensor_proto.string_val[0].decode() for t in events.Tensors("settings")]
    check(settings and "| batch | 2 |" in settings[0], run, "settings", settings)


# ---- through the server ----


def ask(address, path, **query):
    with urllib.request.urlopen(
        address + "data/" + path + "?" + urllib.parse.urlencode(query), timeout=30
    ) as answer:
        return json.load(answer)


def start_server(folder):
    words = [sys.executable, "-m", "tensorboard.main", "--logdir", folder, "--port", "0"]
    words += ["--host", "127.0.0.1", "--samples_per_plugin", "scalars=9999,images=9999"]
    server = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    for line in server.stderr:
        address = re.search(r"http://[^ ]+", line)
        if address is not None:
            return server, address.group(0)
    raise RuntimeError("the server of TensorBoard does not start")


def check_served(address, folder):
    for _ in range(60):
        tags = ask(address, "plugin/scalars/tags")
        if len(tags) == len(os.listdir(folder)) and all(tags.values()):
            break
        time.sleep(1)
    for name in os.listdir(folder):
        run = os.path.join(folder, name)
        for tag, values in expected_scalars(run).items():
            series = ask(address, "plugin/scalars/scalars", run=name, tag=tag)
            found = [(int(step), float(value)) for _, step, value in series]
            check(close(tag, found, values), "server:", name, tag, found, "instead of", values)
        images = ask(address, "plugin/images/images", run=name, tag="samples", sample=0)
        found = [image["step"] for image in images]
        check(found == expected_sheets(run, ".png"), "server:", name, "samples at", found)
        texts = ask(address, "plugin/text/text", run=name, tag="settings")
        check(any("<table>" in text["text"] for text in texts), "server:", name, texts)


def main():
    program = sys.argv[1]
    logging.getLogger("tensorboard").setLevel(logging.ERROR)  # it tells of purging, which is wanted
    with tempfile.TemporaryDirectory() as folder:
        make_stopped(program, os.path.join(folder, "stopped"))
        make_killed(program, os.path.join(folder, "killed"))
        for name in os.listdir(folder):
            check_read(os.path.join(folder, name))
        server, address = start_server(folder)
        try:
            check_served(address, folder)
        finally:
            server.terminate()
            server.wait()
    if failures:
        sys.exit("check-events: %d failures" % len(failures))


main()
