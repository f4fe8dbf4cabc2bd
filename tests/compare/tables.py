"""What compare shows to people."""

import sys

from figures import describe
from layers import is_short

LEAST_SHARE = 0.8  # of the cores, in a measurement that was not disturbed


def mb(n):
    return f"{n / 1e6:,.0f}"


def tell_step(row):
    """While it runs: a line for each mode."""
    for m in row["modes"]:
        print(
            f"  {m['mode']}: {row['images_per_s']:.3g} to {m['images_per_s']:.3g} images/s, ratio"
            f" {m['ratio']:.2f} (CPU {m['cpu_ratio']:.2f}), memory {m['memory_ratio']:.2f}",
            file=sys.stderr,
            flush=True,
        )


def tell_layer(r, i, n, text):
    print(
        f"  {i}/{n} {text}, {r['direction']}: {r['gflops']:.0f} to {r['torch_gflops']:.0f} GFLOP/s,"
        f" {r['ratio']:.2f} (CPU {r['cpu_ratio']:.2f}) {r['variants']}",
        file=sys.stderr,
        flush=True,
    )


def heading(facts):
    cores = f"{facts['threads']} core{'s' if facts['threads'] > 1 else ''}"
    print(f"{facts['cpu']}, {cores}, PyTorch {', '.join(facts['torch'])}")
    print(f"ganocl had {100 * facts['share_of_cores']:.0f} % of the cores in its measurements.")
    if facts["share_of_cores"] < LEAST_SHARE:
        print(
            "Something else was running: ratios by the clock are not to be trusted, and PyTorch's"
            " threads, which\nwait awake for each other, suffer more. --threads 1 and the CPU column"
            " say more."
        )
    print()


def print_table(head, rows):
    """As Markdown, columns aligned; the first one to the left."""
    cells = [head, *rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    for i, row in enumerate(cells):
        padded = [c.rjust(w) if k else c.ljust(w) for k, (c, w) in enumerate(zip(row, widths))]
        print("| " + " | ".join(padded) + " |")
        if i == 0:
            print(
                "|"
                + "|".join("-" * (w + 1) + (":" if k else "-") for k, w in enumerate(widths))
                + "|"
            )


def print_steps(facts):
    heading(facts)
    head = [
        "step",
        "ganocl images/s",
        "PyTorch",
        "best mode",
        "ratio",
        "CPU",
        "MB",
        "PyTorch MB",
        "ratio",
    ]
    rows = []
    for r in facts["rows"]:
        best = next(m for m in r["modes"] if m["mode"] == r["best"])
        least = min(m["peak_bytes"] for m in r["modes"])
        rows.append(
            [
                r["row"],
                f"{r['images_per_s']:.3g}",
                f"{best['images_per_s']:.3g}",
                r["best"],
                f"{r['ratio']:.2f}",
                f"{r['cpu_ratio']:.2f}",
                mb(r["peak_bytes"]),
                mb(least),
                f"{r['memory_ratio']:.2f}",
            ]
        )
    mean = [
        f"{facts[k]:.2f}" for k in ("geometric_mean", "cpu_geometric_mean", "memory_geometric_mean")
    ]
    rows.append(["geometric mean", "", "", "", mean[0], mean[1], "", "", mean[2]])
    print_table(head, rows)
    for r in facts["rows"]:
        for mode, why in r["failed"].items():
            print(f"{r['row']}: {mode}: {why}")


def summary_row(name, facts):
    means = [facts[k] for k in ("geometric_mean", "cpu_geometric_mean", "best_geometric_mean")]
    return [
        name,
        str(facts["n"]),
        *(f"{mean:.2f}" for mean in means),
        f"{facts['least']:.2f}",
        f"{facts['wanted']:.1f}",
    ]


def layer_row(r):
    return [
        describe(r["layer"]),
        r["direction"],
        r["variants"],
        f"{r['gflops']:.0f}",
        f"{r['torch_gflops']:.0f}",
        f"{r['ratio']:.2f}",
        f"{r['cpu_ratio']:.2f}",
        f"{r['best_ratio']:.2f}",
        r["row"],
    ]


def print_layers(facts):
    """Means by class, then the layers that fall short, the worst first."""
    heading(facts)
    whole = facts["summary"]
    head = ["class", "n", "mean ratio", "CPU", "best", "least", "wanted"]
    rows = [summary_row(name, c) for name, c in whole["classes"].items()]
    print_table(head, [summary_row("all", whole), *rows])
    short = sorted((r for r in facts["layers"] if is_short(r)), key=lambda r: r["ratio"])
    print(f"\nBelow what is wanted, {len(short)} of {whole['n']}:\n")
    head = ["layer", "direction", "variant", "GFLOP/s", "PyTorch", "ratio", "CPU", "best", "of"]
    print_table(head, [layer_row(r) for r in short])
