"""What is wrong with a compiled program: the rules of the matrix."""

ROLES = ("usual", "chosen", "tuned", "plan", "pass", "peak")
DRIVERS_CHOICE = 256  # work-items of a group where the driver chooses; as clang assumes for AMD


def items_of(group, limits):
    """Work-items of a group.

    >>> items_of("32x8x1", {"max_work_group": 256}), items_of("driver", {"max_work_group": 64})
    (256, 64)
    """
    if group == "driver":
        return min(DRIVERS_CHOICE, limits["max_work_group"])
    x, y, z = (int(size) for size in group.split("x"))
    return x * y * z


def largest_group(groups, limits):
    """Work-items of the largest of these groups.

    >>> largest_group(["16x1x1", "64x1x1"], {"max_work_group": 256})
    64
    """
    return max(items_of(group, limits) for group in groups)


def judge_kernel(figures, items, family):
    """Complaints about a kernel.

    >>> family = {"limits": {"local_bytes": 32768, "max_work_group": 256},
    ...           "occupancy": {"most_registers": 255}}
    >>> list(judge_kernel({"registers": 40, "spilled": 0, "scratch": 0, "local": 99}, 256, family))
    []
    >>> list(judge_kernel({"spilled": 8, "scratch": 8, "local": 40000}, 512, family))[1:]
    ['40000 bytes of local memory, of 32768', '512 work-items a group, of 256']
    """
    limits = family["limits"]
    if figures.get("spilled", 0) > 0 or figures.get("scratch", 0) > 0:
        yield f"spills: {figures.get('spilled', 0)}, {figures['scratch']} bytes of scratch"
    if figures.get("local", 0) > limits["local_bytes"]:
        yield f"{figures['local']} bytes of local memory, of {limits['local_bytes']}"
    if items > limits["max_work_group"]:
        yield f"{items} work-items a group, of {limits['max_work_group']}"
    most = family.get("occupancy", {}).get("most_registers")
    if most and figures.get("registers", 0) > most:
        yield f"{figures['registers']} registers, of {most}"
    if figures.get("occupancy") == 0:
        yield "not one group fits on a multiprocessor"
    if figures.get("calls"):
        yield "calls a function that is not there"


def judge_row(row, family):
    """Complaints about a unit."""
    unit, result = row["unit"], row["result"]
    if result["error"]:
        yield "does not compile: " + result["error"].splitlines()[0]
        return
    for text in result["warnings"]:
        yield text
    for name, kernel in unit.kernels.items():
        if name not in result["kernels"]:
            yield f"{name}: the compiler made no such kernel"
            continue
        items = largest_group(kernel["groups"], family["limits"])
        for text in judge_kernel(result["kernels"][name], items, family):
            yield f"{name}: {text}"


def judge(rows, families):
    """Complaints about all of them, headed by family, file and options."""
    for row in rows:
        unit = row["unit"]
        roles = ", ".join(role for role in ROLES if role in unit.uses)
        options = unit.options.replace("-cl-std=CL1.2", "").strip()
        for text in judge_row(row, families[row["family"]]):
            yield f"{row['family']} {unit.file} {options} ({roles}): {text}"
