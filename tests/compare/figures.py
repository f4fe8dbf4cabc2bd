"""What compare computes from its measurements: medians, means, classes of layers, thresholds."""

import math


def median(values):
    """
    >>> median([3, 1, 2]), median([4, 1, 2, 3])
    (2, 2.5)
    """
    values = sorted(values)
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2


def geometric_mean(values):
    """
    >>> geometric_mean([1, 4]), geometric_mean([2.5])
    (2.0, 2.5)
    >>> math.isnan(geometric_mean([]))
    True
    """
    values = list(values)
    if not values:
        return math.nan
    return math.exp(math.fsum(math.log(v) for v in values) / len(values))


def paired_ratio(ours, theirs):
    """The median of theirs over ours, each of theirs beside the mean of ours before and after it.

    Runs take turns: ours, theirs, ours, theirs, ours. What else the machine does meets neighbours
    alike.

    >>> paired_ratio([1, 1, 4], [3, 5])
    2.5
    """
    assert len(ours) == len(theirs) + 1
    return median(2 * b / (ours[i] + ours[i + 1]) for i, b in enumerate(theirs))


def share_of_cores(times, threads):
    """The median share of the cores that a measured program had, of pairs (ms, cpu_ms): below 0.8
    something else was running.

    >>> share_of_cores([(10, 20), (10, 5), (10, 16)], 2)
    0.8
    """
    return median(cpu_ms / (ms * threads) for ms, cpu_ms in times)


# Classes of layers, in the order of the table, with the least ratio of speeds that is wanted of each.
CLASSES = {
    "3x3 s1, 64 channels or more": 2.0,
    "5x5": 2.0,
    "4x4 s2": 1.5,
    "4x4 s2 transposed": 3.0,
    "1x1": 0.8,
    "depthwise": 0.8,
    "other": 0.8,
}
LEAST_MEAN = 1.7  # of all layers and directions
LEAST = 0.8  # of any


def class_of(layer):
    """The class of a layer: {"kind", "input": [N,H,W,C], "filter": [R,S,C,K], "stride"}.

    >>> def layer(kind, r, s, c, k, stride):
    ...     return {"kind": kind, "input": [1, 8, 8, c], "filter": [r, s, c, k], "stride": stride}
    >>> class_of(layer("conv", 3, 3, 64, 128, 1)), class_of(layer("conv", 3, 3, 32, 128, 1))
    ('3x3 s1, 64 channels or more', 'other')
    >>> class_of(layer("conv", 5, 5, 8, 8, 1)), class_of(layer("conv", 1, 1, 64, 64, 2))
    ('5x5', '1x1')
    >>> class_of(layer("conv", 4, 4, 3, 64, 2)), class_of(layer("transposed", 4, 4, 64, 64, 2))
    ('4x4 s2', '4x4 s2 transposed')
    >>> class_of(layer("transposed", 2, 2, 64, 64, 2)), class_of(layer("depthwise", 5, 5, 1, 64, 1))
    ('other', 'depthwise')
    """
    r, s, c, k = layer["filter"]
    stride = layer["stride"]
    if layer["kind"] == "depthwise":
        return "depthwise"
    if layer["kind"] == "transposed":
        return "4x4 s2 transposed" if (r, s, stride) == (4, 4, 2) else "other"
    if (r, s) == (1, 1):
        return "1x1"
    if (r, s, stride) == (3, 3, 1) and min(c, k) >= 64:
        return "3x3 s1, 64 channels or more"
    if (r, s) == (5, 5):
        return "5x5"
    if (r, s, stride) == (4, 4, 2):
        return "4x4 s2"
    return "other"


def gflop(layer):
    """Of one direction: 2 for each product and sum, those with zeros outside the picture included.

    >>> gflop({"kind": "conv", "input": [2, 9, 9, 10], "filter": [3, 3, 10, 50], "stride": 2, "pad": 1})
    0.00045
    >>> gflop({"kind": "transposed", "input": [1, 10, 10, 8], "filter": [2, 2, 5, 8], "stride": 2,
    ...        "pad": 0})
    3.2e-05
    """
    n, h, w, c = layer["input"]
    r, s, inner, k = layer["filter"]
    stride, pad = layer["stride"], layer["pad"]
    if layer["kind"] == "transposed":
        return 2e-9 * n * h * w * c * r * s * inner
    p, q = (h + 2 * pad - r) // stride + 1, (w + 2 * pad - s) // stride + 1
    return 2e-9 * n * p * q * k * r * s * inner


def describe(layer):
    """A layer in a few words.

    >>> describe({"kind": "transposed", "input": [1, 8, 8, 64], "filter": [4, 4, 32, 64], "stride": 2,
    ...           "pad": 1, "out_pad": 0})
    '4x4 s2 p1 transposed 64→32 @8x8, N=1'
    """
    n, h, w, c = layer["input"]
    r, s, inner, k = layer["filter"]
    kind = "" if layer["kind"] == "conv" else " " + layer["kind"]
    out = inner if layer["kind"] == "transposed" else k
    return f"{r}x{s} s{layer['stride']} p{layer['pad']}{kind} {c}→{out} @{h}x{w}, N={n}" + (
        f", out_pad {layer['out_pad']}" if layer.get("out_pad") else ""
    )
