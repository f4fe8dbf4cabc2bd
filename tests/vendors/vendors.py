"""The device suite on every OpenCL device: scripts/check-vendors starts this."""

import argparse
import glob
import json
import os
import re
import shutil
import signal
import sys
import tempfile

import agree
import checks
import devices
import process
import selfcheck
import tables

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Places:
    """Where things lie, and what there is to run."""

    def __init__(self, build):
        self.source = SOURCE
        self.build = build
        self.ganocl = os.path.join(build, "ganocl")
        self.recordings = checks.recordings(SOURCE)
        listed = process.run([os.path.join(build, "tests/check_ops"), "--list"],
                             dict(os.environ), 60)
        self.ops = list(dict.fromkeys(line.split()[0] for line in listed.out.splitlines()))


def read_options():
    parser = argparse.ArgumentParser(
        prog="check-vendors",
        description="Runs the device suite on every OpenCL device, each check in a process of its "
        "own with a time limit: ops and variants beside the double-precision oracle, plans, replays "
        "of recorded training, tuner, resume; then compares the devices. Leaves a JSON file a "
        "device.")
    parser.add_argument("build", nargs="?", default=os.path.join(SOURCE, "build"),
                        help="folder of a build (./build)")
    parser.add_argument("--quick", action="store_true",
                        help="small cases, a recording of each system, no simulator: minutes")
    parser.add_argument("--small-limits", action="store_true",
                        help="the devices made small: groups of 64, 16 KiB of local memory, "
                        "128 MiB in a buffer, alignment 4096, no fp64")
    parser.add_argument("--device", action="append", metavar="TEXT",
                        help="only devices with this in their platform or name; may be repeated")
    parser.add_argument("--parts", type=lambda text: text.split(","), metavar="NAME,...",
                        help=f"only these: {', '.join(checks.PARTS)}, moved")
    parser.add_argument("--replay", action="append", metavar="NAME",
                        help="only this recording of tests/golden; may be repeated")
    parser.add_argument("--icd", action="append", default=[], metavar="LIBRARY",
                        help="a driver that the system does not name; may be repeated")
    parser.add_argument("--limit", type=float, metavar="SECONDS",
                        help="of one check: 1800, with --quick 240; in a simulator 12 times that")
    parser.add_argument("--out", metavar="DIR", help="where the JSON files go (BUILD/vendors)")
    parser.add_argument("--render", metavar="DIR",
                        help="only writes the page that docs/devices.md is, of the JSON files in DIR")
    parser.add_argument("--check", action="store_true",
                        help="only tries whether these checks notice what is wrong")
    options = parser.parse_args()
    options.limit = options.limit or (240 if options.quick else 1800)
    wrong = set(options.parts or ()) - {*checks.PARTS, "moved"}
    strange = set(options.replay or ()) - set(checks.recordings(SOURCE))
    if strange:
        parser.error(f"there is no recording {', '.join(sorted(strange))}")
    if wrong:
        parser.error(f"there is no part {', '.join(sorted(wrong))}")
    return options


def render(folder):
    records = []
    for path in sorted(glob.glob(os.path.join(folder, "*.json"))):
        with open(path, encoding="utf-8") as file:
            records.append(json.load(file))
    if not records:
        print(f"check-vendors: {folder}: holds no JSON of a device", file=sys.stderr)
        return 2
    sys.stdout.write(tables.markdown(records))
    return 0


def check_schema(record):
    """Whether the record is what docs/schema says; where there is a Python with jsonschema."""
    try:
        import jsonschema
    except ImportError:
        return
    with open(os.path.join(SOURCE, "docs/schema/vendors.schema.json"), encoding="utf-8") as file:
        jsonschema.validate(record, json.load(file))


def write(records, folder):
    os.makedirs(folder, exist_ok=True)
    for old in glob.glob(os.path.join(folder, "*.json")):
        os.remove(old)
    for number, record in enumerate(records, 1):
        check_schema(record)
        slug = re.sub(r"[^a-z0-9]+", "-", tables.name_of(record).lower()).strip("-")[:60]
        path = os.path.join(folder, f"{number:02d}-{slug}.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(record, file, indent=1)
            file.write("\n")


def make(build, options):
    """The programs that the checks need."""
    programs = [name for part in checks.PROGRAMS.values() for names in part for name in names]
    goals = ["ganocl", "tests/shim.so", *(f"tests/{name}" for name in ["check_ops", *programs])]
    environment = dict(os.environ)
    environment.pop("MAKEFLAGS", None)  # of a make that started this
    made = process.run(["make", "-s", "-C", build, "-j", str(os.cpu_count()), *goals], environment,
                       3600)
    if made.status != "passed":
        print(f"check-vendors: make in {build}: {made.why()}", file=sys.stderr)
    return made.status == "passed"


def test_all(options, work, drivers):
    places = Places(options.build)
    folder = options.out or os.path.join(options.build, "vendors")
    found, missing = devices.find(options.build, SOURCE, work, drivers, options)
    suites = []
    for device in found:
        print(device.title, flush=True)
        suite = checks.Suite(device, places, options, lambda text: print(text, flush=True))
        suite.run()
        suites.append(suite)
        write([suite.record for suite in suites], folder)  # if it is stopped, that much is there
    print("beside each other", flush=True)
    agree.compare_replays(suites, print)
    if not options.parts or "moved" in options.parts:
        agree.move_checkpoints(suites, work, print)
    records = [suite.record for suite in suites]
    write(records, folder)
    tables.show(records, missing, print)
    return 0 if records and all(tables.is_good(record) for record in records) else 1


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends the check that runs, too
    options = read_options()
    if options.check:
        return selfcheck.run()
    if options.render:
        return render(options.render)
    if not os.path.exists(os.path.join(options.build, "Makefile")):
        print(f"check-vendors: {options.build} is no build folder; configure there, or name "
              "another", file=sys.stderr)
        return 2
    options.build = os.path.abspath(options.build)
    if not make(options.build, options):
        return 2
    work = tempfile.mkdtemp(prefix="ganocl-vendors-")
    drivers = devices.Drivers(options.icd) if options.icd else None
    try:
        return test_all(options, work, drivers)
    finally:
        shutil.rmtree(work)
        if drivers is not None:
            drivers.remove()


if __name__ == "__main__":
    sys.exit(main())
