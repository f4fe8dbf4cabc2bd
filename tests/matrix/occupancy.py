"""How much of a multiprocessor a kernel can fill: resident threads as a part of the most there can be.

An estimate from published limits (families.json names their source): registers, local memory and
work-group size; it knows nothing of barriers, waits or memory. "Threads" are AMD's waves, NVIDIA's
warps and Intel's hardware threads; a multiprocessor is AMD's compute unit (RDNA: work-group processor),
NVIDIA's SM, Intel's Xe core or subslice.
"""


def round_up(n, step):
    """n or the next multiple of step.

    >>> round_up(5, 4), round_up(8, 4), round_up(0, 4)
    (8, 8, 0)
    """
    return -(-n // step) * step


def local_allocated(local, o):
    """Bytes of local memory that a group takes of its multiprocessor.

    >>> local_allocated(1000, {"local_granule": 512}), local_allocated(0, {"local_granule": 512})
    (1024, 0)
    >>> local_allocated(5000, {"local_granule": 1024, "local_power_of_two": True})
    8192
    >>> local_allocated(0, {"local_granule": 128, "local_reserved": 1024})
    1024
    """
    bytes_ = round_up(local, o["local_granule"])
    if o.get("local_power_of_two") and bytes_ > 0:
        bytes_ = 1 << (bytes_ - 1).bit_length()
    return bytes_ + o.get("local_reserved", 0)


def groups_by_local(local, o):
    """How many groups its local memory allows; a large number where it needs none.

    >>> groups_by_local(16896, {"local_granule": 512, "local_bytes": 65536})
    3
    """
    taken = local_allocated(local, o)
    return o["local_bytes"] // taken if taken > 0 else 1 << 30


def _amd(kernel, items, o):
    simds, waves = o["simds"], o["waves"]
    taken = round_up(max(kernel["registers"], 1), o["granule"])
    waves = min(waves, o["registers"] // taken)
    if "scalars" in o:
        waves = min(waves, o["scalars"] // round_up(max(kernel["scalar"], 1), o["scalar_granule"]))
    of_group = -(-items // o["wave"])
    groups = min(groups_by_local(kernel["local"], o), waves * simds // of_group)
    return min(groups * of_group, waves * simds) / (o["waves"] * simds)


def _nvidia(kernel, items, o):
    of_group = -(-items // o["warp"])
    taken = round_up(max(kernel["registers"], 1) * o["warp"], o["granule"])
    warps = o["registers"] // taken // 4 * 4  # four partitions share the registers
    groups = min(
        o["groups"],
        min(warps, o["warps"]) // of_group,
        groups_by_local(kernel["local"], o),
    )
    return groups * of_group / o["warps"]


def _intel(kernel, items, o):
    slots = o["units"] * o["threads"]
    of_group = -(-items // kernel["simd"])
    return min(slots // of_group, groups_by_local(kernel["local"], o)) * of_group / slots


KINDS = {"amd": _amd, "nvidia": _nvidia, "intel": _intel}


def occupancy(kernel, items, limits):
    """From 0 (not even one group fits) to 1, for groups of `items` work-items; None if figures lack.

    >>> sm = {"kind": "nvidia", "warp": 32, "warps": 64, "groups": 32, "registers": 65536,
    ...       "granule": 256, "local_bytes": 167936, "local_granule": 128, "local_reserved": 1024}
    >>> occupancy({"registers": 128, "local": 0}, 256, sm)
    0.25
    >>> simd = {"kind": "amd", "simds": 4, "waves": 16, "wave": 32, "registers": 1024, "granule": 16,
    ...         "local_bytes": 131072, "local_granule": 512}
    >>> occupancy({"registers": 111, "scalar": 58, "local": 16896}, 256, simd)
    0.5
    >>> xe = {"kind": "intel", "units": 16, "threads": 8, "local_bytes": 131072, "local_granule": 1024}
    >>> occupancy({"simd": 8, "local": 16896}, 256, xe)
    1.0
    """
    needed = {"amd": "registers", "nvidia": "registers", "intel": "simd"}
    if limits is None or needed[limits["kind"]] not in kernel:
        return None
    return KINDS[limits["kind"]](kernel, items, limits)
