/* Which curves a run has, and on which chart each belongs. */

const colors = Array.from({length: 8}, (_, i) => `var(--c${i})`);
const ramp = (i, n) =>
    `hsl(${Math.round(205 + (n > 1 ? (i / (n - 1)) * 165 : 0))} 62% var(--ramp-light))`;

/* What the names of the log mean. */
const meanings = {
    d_loss: "the discriminator's loss",
    d_real: "the discriminator on real pictures",
    d_fake: "the discriminator on made pictures",
    d_penalty: "penalty on the discriminator's gradient",
    disc: "the discriminator's loss",
    disc_real: "the discriminator on real pictures",
    disc_fake: "the discriminator on made pictures",
    g_loss: "the generator's loss",
    g_gan: "how far the generator is from deceiving the discriminator",
    g_l1: "mean difference from the target",
    gen_total: "the generator's loss",
    gen_gan: "how far the generator is from deceiving the discriminator",
    gen_l1: "mean difference from the target",
    loss: "what is minimised",
    recon: "reconstruction, in nats",
    kl: "all groups' KL divergence, in nats",
    kl_balanced: "the same as it is weighted in the loss",
    spectral: "spectral regularisation",
    bn_gamma: "sum of batch norm's largest scales",
    beta: "weight of the KL divergence",
    lam: "weight of the regularisation",
    active: "units with a KL divergence that matters",
};

/* The discriminator's loss and what the generator makes of it, by the names of the systems. */
const rivals = [["d_loss", "g_gan"], ["d_loss", "g_loss"], ["disc", "gen_gan"]];

function curveOf(curve, color, on, name) {
    return {...curve, name: name || curve.name, about: meanings[curve.name], color, on};
}

/* log 2 is the loss of a guess. Where D's loss is the sum of its two halves, its own guess is at
 * twice that. */
function balances(byName, d) {
    const real = byName.get("d_real") || byName.get("disc_real"),
          fake = byName.get("d_fake") || byName.get("disc_fake");
    const marks = [{y: Math.LN2, label: "log 2"}];
    if (!real || !fake) return marks;
    const ratios = d.mean.map((v, i) => v / (real.mean[i] + fake.mean[i]))
                       .filter(isNumber)
                       .sort((a, b) => a - b);
    const ratio = ratios[ratios.length >> 1];
    if (ratio > 0.9 && ratio < 1.1) {
        marks[0].label = "log 2: G's guess";
        marks.push({y: 2 * Math.LN2, label: "2 log 2: D's guess"});
    }
    return marks;
}

/* Those named first have the first colours, the others what is left. */
function colored(curves, first) {
    let next = first.length;
    return curves.map((curve) => {
        const own = first.indexOf(curve.name);
        return curveOf(curve, colors[(own >= 0 ? own : next++) % 8], true);
    });
}

/* Charts of the group "losses": rivals, families ("kl.0", "kl.1"), counts, schedules, the rest. */
function lossCharts(curves, axis, rates) {
    const byName = new Map(curves.map((curve) => [curve.name, curve]));
    const charts = [], families = new Map(), rest = [];
    const rival = rivals.find(([d, g]) => byName.has(d) && byName.has(g));
    const special = {active: [], schedule: [], norms: []};
    for (const curve of curves) {
        const [, family] = curve.name.match(/^(.+)\.\d+$/) || [];
        if (family) families.set(family, (families.get(family) || []).concat(curve));
        else if (curve.name === "active") special.active.push(curve);
        else if (["beta", "lam"].includes(curve.name)) special.schedule.push(curve);
        else if (["spectral", "bn_gamma"].includes(curve.name)) special.norms.push(curve);
        else if (curve.name !== "lr" || !rates) rest.push(curve);
    }
    if (rival) {
        const [d, g] = rival.map((name) => byName.get(name));
        const marks = balances(byName, d);
        charts.push({
            title: "Discriminator against generator",
            axis,
            log: true,
            marks,
            why:
                "Neither should win for good: a discriminator at zero has nothing left to teach.",
            curves: [
                curveOf(d, colors[0], true, "D  " + d.name),
                curveOf(g, colors[1], true, "G  " + g.name)
            ]
        });
    }
    if (rest.length > (rival ? 2 : 0))
        charts.push({
            title: rest.length > 1 ? "Every loss" : "Loss",
            axis,
            log: true,
            curves: colored(rest, rival || [])
        });
    const extra = (list, title, why, zero, smooth) => {
        if (list.length)
            charts.push({
                title,
                why,
                axis,
                log: !zero,
                zero,
                smooth,
                curves: list.map((c, i) => curveOf(c, colors[i + 2], true))
            });
    };
    extra(
        special.active, "Active units", "Latent units that say something of the picture.", true,
        false);
    for (const [family, members] of families) {
        const kl = family === "kl";
        charts.push({
            title: kl              ? "KL divergence of each group" :
                family === "gamma" ? "Balancing weight of each group" :
                                     family,
            why: kl ? "In nats. Group 0 is the coarsest; a group at zero carries nothing." : null,
            axis,
            log: true,
            zero: true,
            bars: kl,
            curves: members.map((curve, i) => curveOf(curve, ramp(i, members.length), true))
        });
    }
    extra(special.norms, "Regularisation");
    extra(special.schedule, "Schedules", null, true, false);
    return charts;
}

/* Scores of the pictures on the sheets of samples, over the sheets that are in this page. */
function scoreCharts(sheets) {
    const scored = sheets.filter((sheet) => sheet.made && sheet.made.scores.some((s) => s));
    if (scored.length < 2) return [];
    const mean = (sheet, k) => {
        const own = sheet.made.scores.filter((s) => s);
        return own.reduce((sum, s) => sum + s[k], 0) / own.length;
    };
    const axis = {step: scored.map((sheet) => sheet.step)};
    const one = (k, name, about, color) =>
        ({name, about, color, on: true, mean: scored.map((s) => mean(s, k)), bad: []});
    return [
        {
            title: "Likeness of the shown pictures",
            why: "SSIM: 1 is the target itself. L1 and GMSD: 0 is.",
            axis,
            zero: true,
            smooth: false,
            curves: [
                one(2, "SSIM", "structural similarity", colors[2]),
                one(0, "L1", "mean difference of values in 0 to 1", colors[1]),
                one(3, "GMSD", "deviation of the gradients' similarity", colors[3])
            ]
        },
        {
            title: "PSNR of the shown pictures",
            why: "In decibels; more is nearer.",
            axis,
            smooth: false,
            curves: [one(1, "PSNR", "peak signal to noise ratio", colors[0])]
        },
    ];
}

/* The newest value of each curve of a chart as bars, on a card of its own. */
function bars(spec) {
    const values = spec.curves.map((curve) => lastNumber(curve.mean) || 0),
          most = Math.max(...values, 1e-9);
    return el(
        "div", {class: "card"}, el("h3", null, "KL divergence now"),
        el("div", {class: "bars"},
           spec.curves.map(
               (curve, i) =>
                   [el("div", null, "group " + curve.name.replace(/^.*\./, "")),
                    el("div", {class: "bar"}, el("div", {
                           style: {
                               width: Math.max(0, (values[i] / most) * 100) + "%",
                               background: curve.color
                           }
                       })),
                    el("div", null, number(values[i]))])));
}

function allCharts(data) {
    const {groups, ...axis} = data.log.curves;
    const group = (name) => (groups.find((g) => g.name === name) || {curves: []}).curves;
    const charts = lossCharts(group("losses"), axis, group("lr").length)
                       .concat(evaluationCharts(data), scoreCharts(data.pictures.sheets));
    const known = ["losses", "lr", "images_per_s", "device_bytes"];
    for (const g of groups)
        if (!known.includes(g.name))
            charts.push({title: g.name, axis, log: true, curves: colored(g.curves, [])});
    if (group("images_per_s").length)
        charts.push({
            title: "Throughput",
            why: "Pictures a second.",
            axis,
            zero: true,
            curves: [{...curveOf(group("images_per_s")[0], colors[5], true), name: "pictures/s"}]
        });
    if (group("lr").length)
        charts.push({
            title: "Learning rate",
            axis,
            zero: true,
            log: true,
            smooth: false,
            curves: colored(
                group("lr"), ["D", "G"].filter((name) => group("lr").some((c) => c.name === name)))
        });
    const memory = group("device_bytes")[0];
    if (memory && Math.max(...memory.mean) > 1.01 * Math.min(...memory.mean))
        charts.push({
            title: "Device memory",
            axis,
            zero: true,
            smooth: false,
            format: bytes,
            curves: [{...curveOf(memory, colors[7], true), name: "memory"}]
        });
    return charts;
}

function curvesSection(data) {
    const {lines, curves} = data.log;
    const section = el("section", {id: "curves"}, el("h2", null, "Curves"));
    if (!lines)
        return section.append(el("p", {class: "lead"}, "No step has been logged yet.")), section;
    const view = {smooth: 2, raw: true, time: false, listeners: []};
    const changed = () => view.listeners.forEach((redraw) => redraw());
    const check = (name, key) =>
        el("label", null, el("input", {
               type: "checkbox",
               checked: view[key],
               onchange: (event) => {
                   view[key] = event.target.checked;
                   changed();
               }
           }),
           name);
    const shown = el("output", {style: {minWidth: "3.2em"}}, view.smooth + " %");
    const smooth =
        el("label", null, "Smoothing", el("input", {
               id: "smoothing",
               type: "range",
               min: 0,
               max: 10,
               step: 0.5,
               value: view.smooth,
               oninput: (event) => {
                   view.smooth = Number(event.target.value);
                   shown.textContent = view.smooth + " %";
                   changed();
               }
           }),
           shown);
    const choice = (name, time) =>
        el("label", null, el("input", {
               type: "radio",
               name: "axis",
               checked: view.time === time,
               onchange: () => {
                   view.time = time;
                   changed();
               }
           }),
           name);
    const each = curves.lines_a_point;
    const thinned = each > 1 ? ` Each point stands for ${each} lines of the log; the pale bands ` +
            "reach from their least to their greatest value." : "";
    section.append(
        el("p", {class: "lead"},
           plural(lines, "line", "lines") + " of log.jsonl." + thinned +
               " Point at a chart, or move through it with the arrow keys, to read its values."),
        el("div", {class: "controls"},
           el("div", {class: "choice", role: "radiogroup", "aria-label": "horizontal axis"},
              choice("Steps", false), choice("Time", true)),
           smooth, check("Raw values", "raw")));
    const list = el("div", {class: "charts"});
    for (const spec of allCharts(data)) {
        list.append(chart(spec, spec.axis.seconds ? view : sharedWithoutTime(view)));
        if (spec.bars) list.append(bars(spec));
    }
    section.append(list);
    return section;
}

/* For charts that have no times. */
function sharedWithoutTime(view) {
    return new Proxy(view, {get: (own, key) => (key === "time" ? false : own[key])});
}
