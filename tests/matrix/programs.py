"""What the program says that it would give to a device of a family (`ganocl kernel-list`), cut into
units that a compiler takes, and whether all of it is there.

A unit is one compilation: text, options and the kernels whose figures are wanted. A program of a
kernel file is a unit as it is. Generated programs hold hundreds of kernels, most of them equal to those
of other programs: each text is taken once, behind the same prelude, some dozens to a unit.
"""

import dataclasses
import hashlib
import json
import os
import re
import subprocess

GENERATED = "generated"
SLICES = 32  # units that the generated kernels of one prelude are cut into, by their digest


class Failed(Exception):
    """Something that the person has to know; the text says what to do."""


@dataclasses.dataclass
class Unit:
    """One compilation. `kernels`: {"groups": work-groups, "kinds": variants} by name in the text."""

    file: str
    text: str
    options: str
    kernels: dict
    uses: dict

    def key(self):
        """A digest of what the compiler is given."""
        return hashlib.sha256(f"{self.options}\0{self.text}".encode()).hexdigest()


def kernel_list(ganocl, families, family, records, presets=()):
    """The list for one family with the tuner's records of a folder; `presets`: plans of these only."""
    command = [ganocl, "kernel-list", families, family, *presets]
    environment = {**os.environ, "GANOCL_RECORDS": records}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)}: {done.stderr.strip()}")
    return json.loads(done.stdout)


# ---- units ----------------------------------------------------------------------------------------


def _join(into, more):
    for role, names in more.items():
        known = into.setdefault(role, [])
        known.extend(name for name in names if name not in known)


def split_generated(source):
    """The prelude, and the text of each kernel by its name.

    >>> split_generated("pre\\n#define NAME g0\\nA\\n#undef NAME\\n#define NAME g1\\nB\\n#undef NAME\\n")
    ('pre\\n', {'g0': 'A\\n', 'g1': 'B\\n'})
    """
    parts = re.split(r"^#define NAME (g\d+)\n", source, flags=re.M)
    bodies = dict(zip(parts[1::2], parts[2::2]))
    return parts[0], {name: body.removesuffix("#undef NAME\n") for name, body in bodies.items()}


def _generated_units(programs):
    """Equal kernels of all generated programs once, in units by their digest."""
    found = {}
    for program in programs:
        prelude, bodies = split_generated(program["source"])
        for name, body in bodies.items():
            if name not in program["kernels"]:
                raise Failed(f"generated kernel {name} is in a program, but never launched")
            key = (program["options"], prelude, body)
            kernel, uses = found.setdefault(key, ({}, {}))
            _join(kernel, program["kernels"][name])
            _join(uses, program["uses"])
    slices = {}
    for (options, prelude, body), (kernel, uses) in found.items():
        digest = hashlib.sha256(body.encode()).hexdigest()
        slices.setdefault((options, prelude, int(digest, 16) % SLICES), []).append(
            (digest[:12], body, kernel, uses)
        )
    for (options, prelude, _), kernels in sorted(slices.items()):
        unit = Unit(GENERATED, prelude, options, {}, {})
        for digest, body, kernel, uses in sorted(kernels, key=lambda k: k[0]):
            name = f"g_{digest}"
            unit.text += f"#define NAME {name}\n{body}#undef NAME\n"
            unit.kernels[name] = kernel
            _join(unit.uses, uses)
        yield unit


def units_of(listed):
    """All compilations of a list, in a fixed order."""
    own = [p for p in listed["programs"] if p["file"] != GENERATED]
    units = [Unit(p["file"], p["source"], p["options"], p["kernels"], p["uses"]) for p in own]
    units.extend(_generated_units([p for p in listed["programs"] if p["file"] == GENERATED]))
    return sorted(units, key=lambda unit: (unit.file, unit.options, unit.key()))


def bounded(units):
    """The fewest units that still have every kernel and every variant, and two generated ones."""
    kept, seen, generated = [], set(), 0
    for unit in units:
        things = {(unit.file, kernel) for kernel in unit.kernels if unit.file != GENERATED}
        things |= {("variant", name) for name in unit.uses.get("usual", [])}
        things |= {("tuned", name) for name in unit.uses.get("tuned", [])}
        generated += unit.file == GENERATED
        if things - seen or (unit.file == GENERATED and generated <= 2):
            kept.append(unit)
            seen |= things
    return kept


# ---- coverage -------------------------------------------------------------------------------------


def sources_of(folder):
    """Kernels and included files of each file in cl/."""
    found = {}
    for name in sorted(os.listdir(folder)):
        if name.endswith(".cl"):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)
            kernels = re.findall(r"__kernel\b.*?\bvoid\s+(\w+)\s*\(", text, flags=re.S)
            included = re.findall(r'^#include "(\w+)\.cl"', text, flags=re.M)
            found[name.removesuffix(".cl")] = {"kernels": kernels, "includes": included}
    return found


def _files_of_variants(lists):
    """Which files each variant is made of, on any family."""
    files = {}
    for listed in lists.values():
        for program in listed["programs"]:
            for role in ("usual", "tuned"):
                for name in program["uses"].get(role, []):
                    files.setdefault(name, set()).add(program["file"])
    return files


def variant_rows(listed):
    """What each variant is on the family: "compiled", or the rule by which it is not.

    The rules are the program's own: `applies` of the variant, and whether it calls a library."""
    rows = {}
    for variant in listed["variants"]:
        name = f"{variant['op']} {variant['variant']}"
        if variant["library"]:
            rows[name] = "library"
        elif variant["applies"] == 0:
            rows[name] = "does not apply"
        elif variant["fits"] == 0:
            rows[name] = "its usual parameters never fit"
        else:
            rows[name] = "compiled"
    return rows


def check_family(listed, sources, files_of):
    """Complaints about what is missing in one family's list."""
    rows = variant_rows(listed)
    usual = {name for p in listed["programs"] for name in p["uses"].get("usual", [])}
    present = {p["file"] for p in listed["programs"]}
    for file in list(present):
        present.update(sources.get(file, {"includes": []})["includes"])
    if any("philox4x32" in p["source"] for p in listed["programs"] if p["file"] == GENERATED):
        present.add("philox")
    for name, state in rows.items():
        if state == "its usual parameters never fit":
            yield f"{name} applies, but its usual parameters never fit"
        elif state == "compiled" and name not in usual:
            yield f"{name} applies, but no program of it is listed"
    for file in listed["files"]:
        users = {name for name, files in files_of.items() if _reaches(files, file, sources)}
        excluded = users and all(rows[name] == "does not apply" for name in users)
        if file not in present and not excluded:
            yield f"cl/{file}.cl is in no program"


def _reaches(files, file, sources):
    return file in files or any(file in sources.get(f, {"includes": []})["includes"] for f in files)


def check_lists(lists, folder):
    """Complaints about all families' lists together: every file, kernel and variant somewhere."""
    sources, complaints = sources_of(folder), []
    files_of = _files_of_variants(lists)
    for family, listed in lists.items():
        complaints += [f"{family}: {text}" for text in check_family(listed, sources, files_of)]
    launched = {
        (p["file"], kernel)
        for listed in lists.values()
        for p in listed["programs"]
        for kernel in p["kernels"]
    }
    for file, holds in sources.items():
        missing = [k for k in holds["kernels"] if (file, k) not in launched]
        complaints += [f"kernel {k} of cl/{file}.cl is launched on no family" for k in missing]
    known = {name for listed in lists.values() for name in variant_rows(listed)}
    for name in sorted(known):
        states = {variant_rows(listed)[name] for listed in lists.values()}
        if not states & {"compiled", "library"}:
            complaints.append(f"{name} is compiled for no family")
    for number, fits in enumerate(zip(*(listed["records"] for listed in lists.values())), 1):
        if not any(fits):
            complaints.append(f"record {number} of those shipped fits no family")
    return complaints
