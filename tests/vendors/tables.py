"""What came of it: a table for the terminal, and a page in Markdown."""

BAD = ("failed", "crashed", "late")


def counted(record):
    checks = record["checks"]
    passed = sum(check["passed"] for check in checks)
    failed = sum(max(check["failed"], 1) for check in checks if check["status"] in BAD)
    return passed, failed, sum(check["status"] == "skipped" for check in checks)


def disagreements(record):
    return [a for a in record["agreement"] if not a["good"]]


def is_good(record):
    return counted(record)[1] == 0 and not disagreements(record) and counted(record)[0] > 0


def worst_by_op(record):
    """The largest error over an op's variants, and of which; None where nothing was measured."""
    worst = {}
    for line in record["ops"]:
        error = line["worst"]
        known = worst.setdefault(line["op"], (None, ""))
        if error is not None and (known[0] is None or error > known[0]):
            worst[line["op"]] = (error, line["variant"])
    return worst


def left_out_variants(record):
    """Variants that apply to none of the cases here."""
    return [f"{line['op']} {line['variant']}" for line in record["ops"]
            if line["cases"] == 0 and line["left_out"] == 0]


def worst_share(record):
    """How near the replays came to what is allowed against the recording: share and where."""
    parts = [(part["share"], replay["name"], part["what"]) for replay in record["replays"]
             for part in replay["parts"] if part["share"] is not None]
    return max(parts, default=None)


def worst_agreement(record):
    return max(record["agreement"], key=lambda a: a["deviation"], default=None)


def name_of(record):
    small = ", small" if record["small_limits"] else ""
    return f"{record['device']['platform']}: {record['device']['name']}{small}"


def rows_of(record):
    passed, failed, skipped = counted(record)
    share, agreement = worst_share(record), worst_agreement(record)
    yield "driver", record["device"]["driver"]
    yield "run", "bounded" if record["quick"] else "whole"
    yield "checks", f"{passed} passed, {failed} failed, {skipped} skipped"
    for op, (error, variant) in worst_by_op(record).items():
        yield op, "-" if error is None else "0" if error == 0 else f"{error:.1e} ({variant})"
    yield ("replays beside the recording",
           "-" if share is None else f"{100 * share[0]:.0f} % of what is allowed ({share[1]})")
    yield ("losses beside the first device",
           "-" if agreement is None else f"{agreement['deviation']:.1e} ({agreement['replay']})")
    yield ("replays, each in so many processes to the same bits",
           ", ".join(f"{replay['name']} {replay['runs']}" for replay in record["replays"]) or "-")
    for check in record["checks"]:
        if check["part"] == "moved" and check["why"]:
            yield f"checkpoint moved here: {check['name']}", check["why"]


def columns(records):
    """Names of rows in order, and a row's text by record."""
    texts = [dict(rows_of(record)) for record in records]
    names = list(dict.fromkeys(name for text in texts for name in text))
    return names, texts


def show(records, missing, say):
    names, texts = columns(records)
    for record, text in zip(records, texts):
        say(name_of(record))
        for name in names:
            if name in text:
                say(f"    {name:32s} {text[name]}")
        for check in record["checks"]:
            if check["status"] != "passed":
                say(f"    {check['status']:8s} {check['part']} {check['name']}: {check['why']}")
        for a in disagreements(record):
            say(f"    differs  {a['replay']}: {a['loss']} of step {a['step']} is "
                f"{a['deviation']:.1e} from that of {a['with']}")
    for name, why in missing:
        say(f"{name}: skipped: {why}")


def cell(text):
    return text.replace("|", "\\|").replace("\n", " ")


PAGE = """# The same on every device

What `scripts/check-vendors --render` made of the device suite's figures. An op's is the largest error of an
element of its results, as a part of the sum of its terms' magnitudes, over all variants and cases. Replays of
20 recorded training steps are set beside their recordings, and each loss of each step beside that of the
first device (relative, 1e-3 allowed). Where a checkpoint was moved, two steps on one device and two on another
are set beside four on the first. A bounded run (`--quick`) has the small cases, and leaves other parameters
than the usual ones, tuner and resuming to the whole one.
"""


def markdown(records):
    """The page: a column for each device, and below what is not as it should be."""
    names, texts = columns(records)
    lines = [PAGE, "| | " + " | ".join(cell(name_of(record)) for record in records) + " |",
             "|---" * (len(records) + 1) + "|"]
    for name in names:
        lines.append(f"| {name} | " + " | ".join(cell(t.get(name, "-")) for t in texts) + " |")
    for record in records:
        out = left_out_variants(record)
        if out:
            lines += ["", f"Variants that do not apply on {name_of(record)}: {', '.join(out)}."]
        for check in record["checks"]:
            if check["status"] in BAD:
                lines += ["", f"{name_of(record)}: {check['name']} {check['status']}: "
                          f"{cell(check['why'])}"]
    return "\n".join(lines) + "\n"
