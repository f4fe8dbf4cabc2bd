"""Every kernel through the compilers of every vendor, without their hardware: scripts/compile-matrix.

The program lists what it would give to a device of each family of families.json (`ganocl kernel-list`);
each program is compiled for its family, and registers, spills, scratch and local memory are read from
what the compiler made. It fails if anything known to the program is not in the lists, does not compile,
is warned about, spills, keeps private memory out of registers, or exceeds a limit of its family.
"""

import argparse
import concurrent.futures
import doctest
import hashlib
import json
import os
import sys
import tempfile

import compilers
import judge
import occupancy
import programs
import tables
from programs import Failed

HERE = os.path.dirname(os.path.abspath(__file__))
FAMILIES = os.path.join(HERE, "families.json")
KERNELS = os.path.join(HERE, "..", "..", "cl")
RECORDS = os.path.join(HERE, "..", "..", "autotune", "db")
QUICK_PRESETS = ["dcgan:tiny", "nvae:tiny"]
FORM = 1  # of what the cache holds: a new number where figures are read in another way


def read_families(names):
    """The families, or those that are named."""
    with open(FAMILIES, encoding="utf-8") as file:
        families = json.load(file)
    unknown = set(names) - {family["name"] for family in families}
    if unknown:
        raise Failed(f"no family {', '.join(sorted(unknown))}; see {os.path.relpath(FAMILIES)}")
    return [family for family in families if not names or family["name"] in names]


class Cache:
    """Results by what the compiler was given, one file each."""

    def __init__(self, folder):
        self.folder = folder

    def path(self, family, version, unit):
        """The file of a compilation."""
        what = f"{FORM}\0{version}\0{family['compiler']}\0{family['target']}\0{unit.key()}"
        digest = hashlib.sha256(what.encode()).hexdigest()
        return os.path.join(self.folder, digest[:2], digest[2:] + ".json")

    def read(self, path):
        """What is known, or None."""
        try:
            with open(path, encoding="utf-8") as file:
                return json.load(file)
        except (OSError, ValueError):
            return None

    def write(self, path, result):
        """Keeps a result; a reader sees all of it or nothing."""
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", dir=os.path.dirname(path), delete=False, encoding="utf-8"
        ) as file:
            json.dump(result, file)
        os.replace(file.name, path)


def compile_one(cache, compiler, version, family, unit):
    """The result for a unit, from the cache if it is there."""
    path = cache.path(family, version, unit)
    result = cache.read(path)
    if result is None:
        with tempfile.TemporaryDirectory(prefix="matrix") as folder:
            result = compiler.compile(unit, family, folder)
        cache.write(path, result)
    return result


def compile_all(work, cache, jobs):
    """Results in the order of `work`, a list of (compiler, version, family, unit)."""
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        running = [pool.submit(compile_one, cache, *item) for item in work]
        for done, _ in enumerate(concurrent.futures.as_completed(running), 1):
            if sys.stderr.isatty():
                print(f"\r{done} of {len(work)}", end="", file=sys.stderr, flush=True)
        if sys.stderr.isatty():
            print("\r" + 30 * " " + "\r", end="", file=sys.stderr)
        return [one.result() for one in running]


def usable(families):
    """Families with their compilers, and those that are left out with the reason."""
    made, chosen, skipped = {}, [], []
    for family in families:
        kind = family["compiler"]
        if kind not in made:
            made[kind] = compilers.COMPILERS[kind]()
        why = made[kind].missing()
        if not why and not made[kind].knows(family):
            why = f"{made[kind].version()} does not know {family['target']}"
        if why:
            skipped.append((family, why))
        else:
            chosen.append((family, made[kind]))
    return chosen, skipped


def choose(families, quick):
    """Of each vendor the first family only where it is to be quick."""
    if not quick:
        return families
    seen = set()
    return [f for f in families if not (f["compiler"] in seen or seen.add(f["compiler"]))]


def make_lists(options, families):
    """The program's list for each family, whether its compiler is here or not."""
    presets = QUICK_PRESETS if options.quick else []
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        made = pool.map(
            lambda f: programs.kernel_list(options.ganocl, FAMILIES, f["name"], RECORDS, presets),
            families,
        )
        return {family["name"]: listed for family, listed in zip(families, made)}


def measure(options, lists, chosen):
    """A row for each program of each family: the unit, the result, figures with occupancy."""
    cache, work = Cache(options.cache), []
    for family, compiler in chosen:
        units = programs.units_of(lists[family["name"]])
        if options.quick:
            units = programs.bounded(units)
        work += [(compiler, compiler.version(), family, unit) for unit in units]
    rows = []
    for (_, _, family, unit), result in zip(work, compile_all(work, cache, options.jobs)):
        for name, figures in result["kernels"].items():
            if name in unit.kernels:
                items = judge.largest_group(unit.kernels[name]["groups"], family["limits"])
                share = occupancy.occupancy(figures, items, family.get("occupancy"))
                if share is not None:
                    figures["occupancy"] = share
        rows.append({"family": family["name"], "unit": unit, "result": result})
    return rows


def as_json(families, skipped, rows, complaints):
    """All that is known, for other programs."""
    programs_ = [
        {
            "family": row["family"],
            "file": row["unit"].file,
            "options": row["unit"].options,
            "source": row["unit"].key(),
            "uses": row["unit"].uses,
            "launched": row["unit"].kernels,
            **row["result"],
        }
        for row in rows
    ]
    return {
        "families": families,
        "skipped": {family["name"]: why for family, why in skipped},
        "programs": programs_,
        "complaints": complaints,
    }


def check(options, families):
    """What needs no vendor's compiler: the lists can be made, and nothing is missing in them."""
    lists = make_lists(options, families)
    complaints = [] if options.family else programs.check_lists(lists, KERNELS)
    for name, listed in lists.items():
        print(f"{name}: {len(listed['programs'])} programs, {len(programs.units_of(listed))} units")
    return complaints


def matrix(options, families):
    """All of it: complaints, and the files that were asked for."""
    lists = make_lists(options, families)
    complaints = [] if options.family else programs.check_lists(lists, KERNELS)
    chosen, skipped = usable(choose(families, options.quick))
    rows = measure(options, lists, chosen)
    complaints += judge.judge(rows, {f["name"]: f for f in families})
    for family, why in skipped:
        print(f"compile-matrix: {family['name']} SKIPPED: {why}")
    report = tables.Report(families, lists, chosen, skipped, rows)
    if options.table:
        tables.put(options.table, report.markdown())
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(as_json(families, skipped, rows, complaints), file, indent=1)
    print(report.summary())
    return complaints


def self_test():
    """The examples in the texts of these files."""
    failed = 0
    for module in (compilers, judge, occupancy, programs, tables):
        failed += doctest.testmod(module).failed
    return [f"{failed} examples of compile-matrix's own arithmetic fail"] if failed else []


def read_options():
    """The command line."""
    parser = argparse.ArgumentParser(prog="compile-matrix", description=__doc__)
    parser.add_argument("ganocl", nargs="?", default="./ganocl", help="the program (./ganocl)")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="one family a vendor, plans of two small models, each kernel and variant once",
    )
    parser.add_argument("--check", action="store_true", help="only that the lists are complete")
    parser.add_argument(
        "--family",
        action="append",
        default=[],
        help="only this, which shows nothing of completeness; may be repeated",
    )
    parser.add_argument("--table", metavar="FILE.md", help="puts the tables between its marks")
    parser.add_argument("--json", metavar="FILE", help="figures of every program")
    parser.add_argument("--cache", default="matrix-cache", help="results so far (./matrix-cache)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N")
    return parser.parse_args()


def main():
    """Exit status: 0 all well, 1 something is wrong, 2 it cannot be told."""
    options = read_options()
    options.quick |= options.check
    try:
        complaints = self_test()
        families = read_families(options.family)
        complaints += (check if options.check else matrix)(options, families)
    except Failed as why:
        print(f"compile-matrix: {why}", file=sys.stderr)
        return 2
    for text in complaints:
        print(f"compile-matrix: {text}")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
