"""How a run's page looks and works, in a headless Chromium: scripts/check-report starts this.

    report_page.py GANOCL CHROMIUM [SHOTS]        SHOTS: a folder for pictures of the pages

Runs of every kind are made up, `ganocl report` writes their pages, and each is opened narrow and wide,
light and dark: nothing may be said on the console or asked of the network, nothing may stick out, and
slider, keys, switches and readout have to work.
"""

import json
import math
import os
import struct
import subprocess
import sys
import tempfile
import zlib

from browser import Browser

SIZES = ((400, False), (1600, True), (1600, False), (400, True))
failures = []


def check(holds, *what):
    if not holds:
        failures.append(" ".join(str(part) for part in what))
        print("check-report: FAILED:", failures[-1])


# ---- runs that never were ----


def png(path, width, height, shade):
    rows = b"".join(
        b"\0" + bytes(shade(x, y, c) & 255 for x in range(width) for c in range(3))
        for y in range(height)
    )

    def chunk(kind, body):
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    with open(path, "wb") as file:
        file.write(
            b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows))
            + chunk(b"IEND", b"")
        )


def make_run(folder, name, model, lines=(), steps=(), again=False, reals=True, options=None):
    run = os.path.join(folder, name)
    os.makedirs(os.path.join(run, "samples"))
    os.makedirs(os.path.join(run, "checkpoints"))
    known = {
        "model": model,
        "data": "<pictures> & co",
        "seed": 7,
        "batch": 4,
        "steps": 5000,
        "settings": {"train.log_every": "5"},
        "choices": [
            {
                "op": "conv",
                "in": [[4, 30, 30, 12], [4, 4, 12, 12]],
                "out": [4, 14, 14, 12],
                "variant": "vec_taps",
                "values": {"v": 16, "mr": 8},
                "from": 0,
            }
        ],
        "made_on": {"platform": "A platform", "device": "A device <1>", "driver": "3"},
    }
    with open(os.path.join(run, "options.json"), "w", encoding="utf-8") as file:
        file.write(options if options is not None else json.dumps(known))
    with open(os.path.join(run, "log.jsonl"), "w", encoding="utf-8") as file:
        file.writelines(
            (line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines
        )
    for i, step in enumerate(steps):
        for ending in ("", "-reconstructed") if again else ("",):
            png(
                os.path.join(run, "samples", f"{step:06d}{ending}.png"),
                96,
                96 if not ending else 64,
                lambda x, y, c, i=i: x * 2 + y * (c + 1) + 31 * i,
            )
    if reals:
        png(os.path.join(run, "reals.png"), 96, 96, lambda x, y, c: x * y + 40 * c)
    return run


def line(i, losses):
    return {
        "step": 5 * i,
        "images": 20 * i + 4,
        "seconds": 1.5 * i,
        "losses": losses,
        "lr": {"G": 1e-4, "D": 1e-4},
        "images_per_s": 13 + math.sin(i),
        "device_bytes": 123456789,
    }


def gan(i):
    d = None if i in (40, 41) else 1.3 + 0.3 * math.sin(i / 9)
    return line(
        i,
        {
            "d_loss": d,
            "d_real": d and d / 2,
            "d_fake": d and d / 2,
            "g_loss": 1 + 0.4 * math.cos(i / 7),
        },
    )


def vae(i):
    groups = {f"kl.{k}": 10 / (k + 1) + math.exp(-i / 30) for k in range(12)}
    return line(
        i,
        {
            "loss": 90 + 400 / (i + 1),
            "recon": 60,
            "kl": 30,
            "beta": min(1, i / 60),
            "active": 12 - i // 30,
            **groups,
        },
    )


def pair(i):
    return line(
        i,
        {
            "disc": 1.2,
            "disc_real": 0.7,
            "disc_fake": 0.5,
            "gen_total": 20 + 60 / (i + 1),
            "gen_gan": 1.5,
            "gen_l1": 0.2,
        },
    )


def evaluated(lines, values):
    """The lines with an evaluation every 50 steps, before the line of the update of that number."""
    for one in lines:
        if one["step"] > 0 and one["step"] % 50 == 0:
            times = {"images": one["images"] - 4, "seconds": one["seconds"] - 0.5}
            yield {"step": one["step"], **times, "eval": values(one["step"]), "eval_seconds": 0.4}
        yield one


def of_gan(step):
    return {
        "swd": 20 + abs(step - 700) / 50,
        "pairwise_ssim": 0.3,
        "pairwise_ssim_real": 0.2,
        "d_accuracy_real": 0.8,
        "d_accuracy_fake": 0.7,
        "d_accuracy_train": 0.9,
        "later": step,
    }


def of_pair(step):
    far = abs(step - 300) / 1000
    return {"l1": 0.1 + far, "psnr": 20 - far, "ssim": 0.8 - far, "gmsd": 0.2}


def mark_best(run, step):
    for name, said in (("best", f"step-{step:07d}.safetensors\n"), (f"step-{step:07d}.safetensors", "x")):
        with open(os.path.join(run, "checkpoints", name), "w", encoding="utf-8") as file:
            file.write(said)


STEPS = (0, 50, 100, 200, 300, 400, 500)


def make_runs(folder):
    """name: (checks, sizes)"""
    make_run(folder, "<b>&amp; 'run'", "dcgan:small", evaluated(map(gan, range(200)), of_gan), STEPS)
    make_run(folder, "vae", "nvae:small", map(vae, range(200)), STEPS, again=True)
    pairs = make_run(
        folder, "pairs", "pix2pix:small", evaluated(map(pair, range(120)), of_pair), STEPS
    )
    mark_best(pairs, 300)
    make_run(folder, "long", "dcgan:small", map(gan, range(3000)), range(0, 30000, 500))
    make_run(folder, "bare", "nvae:small", reals=False)
    make_run(folder, "one", "dcgan:small", [gan(0)], (0,))
    make_run(
        folder,
        "lost",
        "dcgan:small",
        [line(i, {"d_loss": None, "g_loss": None}) for i in range(30)],
        (0,),
    )
    damaged = make_run(
        folder, "damaged", "", [gan(0), '{"step": 5, "los', gan(2)], (0, 50), options='{"model": <'
    )
    with open(os.path.join(damaged, "samples", "000050.png"), "w", encoding="utf-8") as file:
        file.write("torn")
    make_run(
        folder,
        "classifier",
        "resnet_gan:small-classifier",
        (line(i, {"loss": 3 / (i + 1)}) for i in range(50)),
    )
    return {
        "<b>&amp; 'run'": (check_samples, 4),
        "vae": (check_vae, 2),
        "pairs": (check_pairs, 2),
        "long": (check_long, 1),
        "bare": (check_bare, 1),
        "one": (check_one, 2),
        "lost": (check_lost, 1),
        "damaged": (check_damaged, 1),
        "classifier": (check_classifier, 1),
    }


# ---- what holds for every page ----

STICKING_OUT = """[...document.querySelectorAll('main *')].filter((e) => {
    const box = e.getBoundingClientRect();
    return box.width > 0 && box.right > document.documentElement.clientWidth + 1
        && !e.closest('.strip, .scroll, .command, details:not([open])');
}).map((e) => e.tagName + '.' + (e.getAttribute('class') || '')).join(' ')"""

TOO_SMALL = """[...document.querySelectorAll('main *')].filter((e) => e.offsetParent !== null
    && [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())
    && parseFloat(getComputedStyle(e).fontSize) < 12).map((e) => e.textContent.slice(0, 30)).join('|')"""

# Contrast (WCAG 2.1) of text on the nearest ground that is not transparent.
PALE = """(() => {
    const channels = (c) => c.match(/[\\d.]+/g).map(Number);
    const light = (c) => channels(c).slice(0, 3).map((v) => v / 255)
        .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const ground = (e) => { for (; e; e = e.parentElement) {
        const c = getComputedStyle(e).backgroundColor, parts = channels(c);
        if (parts.length < 4 || parts[3] > 0.9) return c; } return 'rgb(255,255,255)'; };
    return [...document.querySelectorAll('main *')].filter((e) => e.offsetParent !== null
        && [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())).filter((e) => {
        const a = light(getComputedStyle(e).color), b = light(ground(e));
        return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5;
    }).map((e) => e.tagName + ':' + e.textContent.slice(0, 30)).join('|'); })()"""


def check_every(page, name, width, dark):
    where = f"{name} at {width} px, {'dark' if dark else 'light'}:"
    check(
        page.value("document.querySelector('h1').textContent") == name,
        where,
        "the title is not the name",
    )
    check(
        page.value("document.title").startswith(name), where, "the window's title is not the name"
    )
    check(
        page.value("document.documentElement.scrollWidth") <= width, where, "wider than the window"
    )
    check(page.value(STICKING_OUT) == "", where, "sticks out:", page.value(STICKING_OUT))
    check(page.value(TOO_SMALL) == "", where, "too small to read:", page.value(TOO_SMALL))
    check(page.value(PALE) == "", where, "too pale to read:", page.value(PALE))
    paper = page.value("getComputedStyle(document.documentElement).backgroundColor")
    check((sum(map(int, paper[4:-1].split(", "))) < 200) == dark, where, "the paper is", paper)
    check(
        "ganocl train --resume" in page.value("document.getElementById('next').textContent"),
        where,
        "not how to go on",
    )
    check(
        not page.value(
            "/undefined|NaN|null|\\[object/.test(document.querySelector('main').textContent)"
        ),
        where,
        "leftovers in the text",
    )


def text(page, selector):
    return page.value(f"(document.querySelector({json.dumps(selector)}) || {{}}).textContent || ''")


def count(page, selector):
    return page.value(f"document.querySelectorAll({json.dumps(selector)}).length")


def middle(page, selector):
    """The place of an element's middle in the window, scrolled into view."""
    return page.value(f"""(() => {{ const e = document.querySelector({json.dumps(selector)});
        e.scrollIntoView({{block: 'center'}}); const b = e.getBoundingClientRect();
        return [b.left + b.width / 2, b.top + b.height / 2]; }})()""")


def click(page, selector):
    page.point(*middle(page, selector), click=True)


# ---- what each kind of run has ----


def check_slider(page, name, caption, shown):
    """Keys on the first slider: `caption` follows, and what `shown` gives is another picture."""
    page.value("document.querySelector('.player input').focus()")
    page.press("Home")
    first = page.value(shown)
    check("step 0" in text(page, caption), name, "Home:", text(page, caption))
    page.press("ArrowRight")
    check("step 50" in text(page, caption), name, "ArrowRight:", text(page, caption))
    page.until(f"({shown}) !== {json.dumps(first)}", 20)
    page.press("End")
    check("step 500" in text(page, caption), name, "End:", text(page, caption))
    check(
        page.value("document.querySelector('.player input').getAttribute('aria-valuetext')")
        == "step 500",
        name,
        "aria-valuetext",
    )


def check_samples(page, name):
    check_slider(page, name, "figcaption", "document.querySelector('.sheet img').src")
    check(count(page, ".pair img") == 2, name, "no reals beside the samples")
    page.value("document.querySelector('.choice input[value=step]').click()")
    check(count(page, ".pair .player") == 2, name, "no second slider")
    check(
        "step 0" in page.value("document.querySelectorAll('figcaption')[1].textContent"),
        name,
        "the other is not the first",
    )
    page.value("document.querySelectorAll('.player input')[1].focus()")
    page.press("ArrowRight")
    check(
        "step 50" in page.value("document.querySelectorAll('figcaption')[1].textContent"),
        name,
        "the other does not move",
    )
    check("step 500" in text(page, "figcaption"), name, "one slider moves both")
    click(page, ".strip button:nth-child(3)")
    check("step 100" in text(page, "figcaption"), name, "the strip does not lead to its step")
    check(count(page, ".strip [aria-current=true]") == 1, name, "the strip does not mark the step")
    before = page.value("document.querySelector('.picked').style.cssText")
    click(page, ".sheet.pickable img")
    check(
        page.value("document.querySelector('.picked').style.cssText") != before,
        name,
        "a click picks nothing",
    )
    page.value("document.querySelector('.player button').click()")
    page.until("document.querySelector('.player button').getAttribute('aria-label') === 'play'", 30)
    check("step 500" in text(page, "figcaption"), name, "playing does not end at the end")
    check("log 2" in text(page, ".charts"), name, "no line at log 2")
    check("2 log 2" in text(page, ".charts"), name, "no line at 2 log 2, though D's loss is a sum")
    check(
        "not finite" in text(page, "header"), name, "nothing said of the values that are not finite"
    )
    check(count(page, ".chart .lost") > 0, name, "nothing marks the values that are not finite")
    said = text(page, ".charts")
    for part in ("Distance from real pictures", "best: 20 at step 700", "trained on", "later"):
        check(part in said, name, "evaluations: lacks", part)
    check(count(page, ".chart .best") == 1, name, "not one best value")
    check("left out" not in text(page, "header"), name, "evaluations are taken for damage")
    check_chart(page, name)


def check_chart(page, name):
    chart = ".chart:first-child"
    lines = count(page, chart + " .smooth")
    check(lines >= 2, name, "curves are missing:", lines)
    click(page, chart + " .legend button:nth-child(2)")
    check(count(page, chart + " .smooth") == lines - 1, name, "the legend switches nothing off")
    click(page, chart + " .legend button:nth-child(2)")
    check(count(page, chart + " .smooth") == lines, name, "the legend switches nothing on")
    before = page.value(f"document.querySelector('{chart} .smooth').getAttribute('d')")
    click(page, chart + " .head input")
    logarithmic = page.value(f"document.querySelector('{chart} .smooth').getAttribute('d')")
    check(logarithmic != before, name, "log scale changes nothing")
    page.value("document.getElementById('smoothing').focus()")
    page.press("Home")
    check(
        page.value(f"document.querySelector('{chart} .smooth').getAttribute('d')") != logarithmic,
        name,
        "smoothing changes nothing",
    )
    x, y = middle(page, chart + " svg")
    page.point(x, y)
    said = text(page, chart + " .readout")
    check("step " in said and "d_loss" in said, name, "the readout says:", said)
    page.value(f"document.querySelector('{chart} svg').focus()")
    page.press("End")
    at_end = text(page, chart + " .readout")
    page.press("ArrowLeft")
    check(at_end != text(page, chart + " .readout") != said, name, "keys do not move the readout")
    page.press("Escape")
    check(
        page.value(f"document.querySelector('{chart} .readout').hidden"),
        name,
        "Escape does not close the readout",
    )
    click(page, "#curves .choice label:nth-child(2)")
    check(
        "min" in page.value(f"document.querySelector('{chart} svg').textContent"),
        name,
        "no times on the axis",
    )


FIRST_CANVAS = "document.querySelector('.tuple canvas').toDataURL()"


def check_vae(page, name):
    said = text(page, ".charts")
    for part in ("KL divergence of each group", "KL divergence now", "Active units", "group 11"):
        check(part in said, name, "lacks", part)
    check(count(page, ".bars .bar") == 12, name, "not a bar for each group")
    check(count(page, "#reconstructions .tuple") == 12, name, "not 12 pairs")
    page.until("document.querySelector('#reconstructions canvas').width === 16", 30)


def check_pairs(page, name):
    page.until("document.querySelector('.tuple canvas').width === 16", 30)
    check_slider(page, name, "#pictures", FIRST_CANVAS)
    check(count(page, ".tuple") == 12, name, "not 12 triples")
    check("SSIM" in text(page, ".tuple .scores"), name, "no scores by picture")
    check("On average" in text(page, ".means"), name, "no mean scores")
    for part in ("best: 0.1 at step 300", "best: 20 at step 300", "best: 0.2 at step 50"):
        check(part in text(page, ".charts"), name, "evaluations: lacks", part)
    check(
        "ganocl translate pairs --in PICTURES --out MADE --checkpoint best" in text(page, "#next")
        and "step 300, the best" in text(page, "#facts"),
        name,
        "the best checkpoint is not offered",
    )
    check("Likeness of the shown pictures" in text(page, ".charts"), name, "no scores over the run")
    page.value("document.querySelector('#pictures .controls input').click()")
    page.settle()
    check(
        page.value("document.querySelectorAll('.player')[1].offsetParent !== null"),
        name,
        "no second slider",
    )
    check(
        page.value("document.querySelector('.tuple').querySelectorAll('canvas').length") == 4,
        name,
        "no fourth cell",
    )


def check_long(page, name):
    check("lines of the log" in text(page, "#curves"), name, "nothing said of the thinning")
    check(count(page, ".chart .band") > 0, name, "no bands of extremes")
    check(
        page.value("document.querySelector('.player input').max") == "15",
        name,
        "not the chosen sheets",
    )
    check(
        "16 of 60 sheets" in text(page, "#pictures"),
        name,
        "nothing said of the choice:",
        text(page, "#pictures .lead"),
    )


def check_bare(page, name):
    check(
        "No step has been logged yet" in text(page, "#curves"),
        name,
        "does not say that there is no log",
    )
    check(
        "no pictures yet" in text(page, "#pictures"),
        name,
        "does not say that there are no pictures",
    )


def check_one(page, name):
    check(count(page, ".chart circle") > 0, name, "a single value is not drawn")
    check(count(page, ".pair img") == 2, name, "no samples")


def check_lost(page, name):
    check("No finite value yet" in text(page, ".chart"), name, "an empty chart does not say why")


def check_damaged(page, name):
    said = text(page, "main")
    for part in (
        "options.json is missing or damaged",
        "1 line of log.jsonl could not be read",
        "1 picture could not be read",
    ):
        check(part in said, name, "lacks:", part)


def check_classifier(page, name):
    check("What it learns from" in text(page, "#pictures"), name, "no pictures")
    check(count(page, ".chart .smooth") > 0, name, "no curve")


# ---- all of it ----


def main(program, chromium, shots=None):
    if shots:
        os.makedirs(shots, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="ganocl-pages-") as folder, Browser(
        chromium
    ) as browser:
        runs = make_runs(folder)
        for turn, (name, (own, n_sizes)) in enumerate(runs.items()):
            subprocess.run(
                [program, "-q", "report", name], cwd=folder, check=True, stdout=subprocess.DEVNULL
            )
            for size in range(n_sizes):
                width, dark = SIZES[(turn + size) % 4]
                url = "file://" + "".join(
                    "%%%02x" % b if b < 48 and b not in b"/-." or b in b"<>&%#?" else chr(b)
                    for b in os.path.join(folder, name, "report.html").encode()
                )
                page = browser.open(url, width, 900, dark)
                page.settle()
                if shots:
                    page.screenshot(
                        os.path.join(shots, f"{turn}-{width}-{'dark' if dark else 'light'}.png")
                    )
                check_every(page, name, width, dark)
                own(page, name)
                check(not page.problems, name, "said:", page.problems)
                page.close()
    print("check-report: %d pages, %d failures" % (sum(n for _, n in runs.values()), len(failures)))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
