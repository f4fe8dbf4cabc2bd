"""The tables of docs/vendors.md: the same text for the same results."""

import os

import programs
from programs import Failed

BEGIN, END = "<!-- compile-matrix: begin -->", "<!-- compile-matrix: end -->"


def put(path, text):
    """Puts the text between the marks of a file."""
    try:
        with open(path, encoding="utf-8") as file:
            old = file.read()
    except OSError as why:
        raise Failed(f"{path}: {why.strerror}") from None
    if BEGIN not in old or END not in old:
        raise Failed(f"{path} has no lines {BEGIN} and {END}")
    new = old[: old.index(BEGIN)] + BEGIN + "\n\n" + text + "\n" + old[old.index(END) :]
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(new)
    os.replace(path + ".new", path)


def table(head, rows):
    """A table in Markdown.

    >>> print(table(["a", "b"], [["1", "2"]]))
    | a | b |
    |---|---|
    | 1 | 2 |
    """
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines).replace("| --- ", "|---").replace(
        "|--- |", "|---|"
    )


def span(values, unit=""):
    """The least and the most of some numbers.

    >>> span([3, 1, 2]), span([4, 4]), span([]), span([0.254, 0.5], "%")
    ('1–3', '4', '', '25–50 %')
    """
    if not values:
        return ""
    if unit == "%":
        values, unit = [round(100 * value) for value in values], " %"
    low, high = min(values), max(values)
    return f"{low}{unit}" if low == high else f"{low}–{high}{unit}"


def kernel_label(unit, name):
    """What a kernel is called in the tables: those of generated programs by their kind."""
    if unit.file == programs.GENERATED:
        return "generated " + " and ".join(unit.kernels[name]["kinds"])
    return name if name == unit.file else f"{unit.file} {name}"


class Report:
    """What was found, for people."""

    def __init__(self, families, lists, chosen, skipped, rows):
        self.families, self.lists = families, lists
        self.chosen, self.skipped, self.rows = chosen, skipped, rows

    def summary(self):
        """One line a family."""
        lines = []
        for family, compiler in self.chosen:
            rows = [row for row in self.rows if row["family"] == family["name"]]
            kernels = sum(len(row["unit"].kernels) for row in rows)
            lines.append(
                f"{family['name']}: {len(rows)} compilations, {kernels} kernels ({compiler.version()})"
            )
        return "\n".join(lines)

    def markdown(self):
        """All tables."""
        parts = [self._families()]
        for vendor in dict.fromkeys(compiler.vendor for _, compiler in self.chosen):
            parts.append(self._vendor(vendor))
        parts.append(self._coverage())
        return "\n\n".join(parts) + "\n"

    def _families(self):
        compiler_of = {family["name"]: compiler for family, compiler in self.chosen}
        why_not = {family["name"]: why for family, why in self.skipped}
        rows = []
        for family in self.families:
            name, limits = family["name"], family["limits"]
            own = [row for row in self.rows if row["family"] == name]
            kernels = sum(len(row["unit"].kernels) for row in own)
            if name in compiler_of:
                with_ = compiler_of[name].version()
            else:
                with_ = "skipped: " + why_not.get(name, "not asked for")
            rows.append(
                [
                    f"`{name}`",
                    family["title"],
                    f"{limits['local_bytes'] >> 10} KiB",
                    str(limits["max_work_group"]),
                    with_,
                    str(len(own)),
                    str(kernels),
                    family["source"],
                ]
            )
        head = "family,devices,local memory,work-group,compiler,compilations,kernels,limits from"
        return "### Families\n\n" + table(head.split(","), rows)

    def _vendor(self, vendor):
        families = [f for f, compiler in self.chosen if compiler.vendor == vendor]
        found = {}
        for row in self.rows:
            for name, figures in row["result"]["kernels"].items():
                if name in row["unit"].kernels:
                    label = kernel_label(row["unit"], name)
                    found.setdefault(label, {}).setdefault(row["family"], []).append(figures)
        names = [family["name"] for family in families]
        rows = [
            [label, *(self._cell(of.get(name, [])) for name in names)]
            for label, of in sorted(found.items())
            if any(name in of for name in names)
        ]
        return f"### {vendor}\n\n" + table(["kernel", *(f"`{n}`" for n in names)], rows)

    @staticmethod
    def _cell(all_figures):
        if not all_figures:
            return "–"
        parts = [f"{len(all_figures)}×"]

        def of(key):
            return [figures[key] for figures in all_figures if key in figures]

        if of("simd"):
            parts.append(f"SIMD {span(of('simd'))}")
        elif of("registers"):
            parts.append(f"{span(of('registers'))} reg")
        if any(of("local")):
            parts.append(f"{span(of('local'))} B")
        if any(of("spilled")) or any(of("scratch")):
            parts.append(f"**spills {span(of('scratch'))} B**")
        if of("occupancy"):
            parts.append(span(of("occupancy"), "%"))
        return ", ".join(parts)

    def _coverage(self):
        names = [family["name"] for family, _ in self.chosen]
        states = {name: programs.variant_rows(self.lists[name]) for name in names}
        made = {}
        for row in self.rows:
            if not row["result"]["error"]:
                for variant in row["unit"].uses.get("usual", []) + row["unit"].uses.get("tuned", []):
                    key = (variant, row["family"])
                    made[key] = made.get(key, 0) + 1
        rows = []
        for variant in dict.fromkeys(v for name in names for v in states[name]):
            cells = []
            for name in names:
                state = states[name][variant]
                cells.append(
                    str(made.get((variant, name), 0))
                    if state == "compiled"
                    else {"does not apply": "–", "library": "CLBlast"}.get(state, state)
                )
            rows.append([variant, *cells])
        return (
            "### Variants\n\nPrograms of each variant over the cases of its op; – where the variant says"
            " itself that it does not apply to such a device.\n\n"
            + table(["variant", *(f"`{n}`" for n in names)], rows)
        )
