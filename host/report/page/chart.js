/* One chart: curves over the steps or the time, a legend that switches them, a readout under the
 * pointer.
 *
 * spec: {title, why, curves: [{name, about, color, mean, least, most, bad, on}],
 *        axis: {step, until, seconds}, marks: [{y, label}], best: {i, y, curve, label}, format, zero (the axis begins there),
 *        log (may be logarithmic), smooth (false: never)}
 * view: what all charts share: {smooth, raw, time, listeners}. */

/* A chart begins logarithmic when its curves reach over more than the first factor, or when peaks
 * stand higher than the second times what 19 of 20 values stay below. */
const farApart = 40, highPeak = 4;

const drawnValues = (curve, spec, view) => spec.smooth === false ?
    curve.mean :
    smoothed(curve.mean, (view.smooth / 100) * curve.mean.length);

function beginsLogarithmic(spec, view) {
    if (!spec.log || spec.zero) return false;
    const curves = spec.curves.filter((curve) => curve.on);
    const range = rangeOf(curves.map((curve) => drawnValues(curve, spec, view)), true, false);
    const values = curves.flatMap((curve) => curve.mean).filter(isNumber).sort((a, b) => a - b);
    if (!range || !(values[0] > 0)) return false;
    return range[1] / range[0] > farApart ||
        last(values) > highPeak * values[Math.floor(values.length * 0.95)];
}

function chart(spec, view) {
    const plot = el("div", {class: "plot"});
    const legend = el("div", {class: "legend"});
    const state = {spec, view, plot, chosen: -1, drawn: null, log: beginsLogarithmic(spec, view)};
    const format = spec.format || number;

    const redraw = () => drawChart(state);
    const logarithmic =
        el("label", null, el("input", {
               type: "checkbox",
               checked: state.log,
               "aria-label": "log scale: " + spec.title,
               onchange: (event) => {
                   state.log = event.target.checked;
                   redraw();
               }
           }),
           "log scale");
    const card =
        el("div", {class: "card chart"},
           el("div", {class: "head"}, el("h3", null, spec.title), spec.log ? logarithmic : null),
           spec.why ? el("p", {class: "why"}, spec.why) : null, plot, legend);
    for (const curve of spec.curves) {
        const button =
            el("button", {
                type: "button",
                "aria-pressed": String(curve.on),
                title: curve.about || null,
                onclick: () => {
                    curve.on = !curve.on;
                    button.setAttribute("aria-pressed", String(curve.on));
                    redraw();
                },
            },
               el("span", {class: "swatch", style: {background: curve.color}}), curve.name,
               el("span", {class: "now"}, format(lastNumber(curve.mean))));
        curve.button = button;
        legend.append(button);
    }
    if (spec.curves.length > 5) {
        const all = (on) => () => {
            for (const curve of spec.curves)
                (curve.on = on), curve.button.setAttribute("aria-pressed", String(on));
            redraw();
        };
        legend.append(
            el("button", {type: "button", class: "plain", onclick: all(true)}, "all"),
            el("button", {type: "button", class: "plain", onclick: all(false)}, "none"));
    }
    view.listeners.push(redraw);
    new ResizeObserver(redraw).observe(plot);
    return card;
}

/* ---- drawing ---- */

function drawChart(state) {
    const {spec, view, plot} = state;
    const width = Math.floor(plot.clientWidth);
    if (width < 40) return;
    const height = Math.round(Math.min(340, Math.max(210, width * 0.46)));
    const {log} = state;
    const xs = view.time ? spec.axis.seconds : spec.axis.step;
    const on = spec.curves.filter((curve) => curve.on);
    const drawn = on.map((curve) => ({curve, smooth: drawnValues(curve, spec, view)}));
    const lists = drawn.flatMap(
        ({curve, smooth}) =>
            view.raw ? [curve.least || curve.mean, curve.most || curve.mean] : [smooth]);
    const marks = on.length ? (spec.marks || []).map((mark) => [mark.y]) : [];
    const range = rangeOf(lists, log, false) && rangeOf(lists.concat(marks), log, spec.zero);
    const frame = {width, height, top: 10, bottom: height - 26, right: width - 10};

    if (!range) {
        plot.replaceChildren(
            el("p", {class: "quiet"},
               on.length ? "No finite value yet." : "Every curve is switched off."));
        state.drawn = null;
        return;
    }
    const format = spec.format || number;
    const unit = format === bytes ? 1024 ** Math.floor(Math.log(range[1]) / Math.log(1024)) : 1;
    const ticks = (log ? logTicks : linearTicks)(range[0] / unit, range[1] / unit, height / 60)
                      .map((t) => t * unit);
    frame.left = 14 + Math.max(...ticks.map((t) => format(t).length)) * 7;
    const x = axis(xs[0], last(xs), frame.left, frame.right, false);
    const y = axis(range[0], range[1], frame.bottom, frame.top, log);
    const root = svg("svg", {
        viewBox: `0 0 ${width} ${height}`,
        height,
        role: "img",
        tabindex: "0",
        "aria-label": spec.title + ": " +
            on.map((curve) => curve.name + " " + format(lastNumber(curve.mean))).join(", ") +
            ". Arrow keys read the values.",
    });
    drawAxes(root, spec, view, frame, x, y, ticks, format);
    for (const one of drawn) drawCurve(root, one.curve, one.smooth, xs, x, y, log, view);
    drawLost(root, on, xs, x, frame);
    drawMarkNames(root, spec, frame, y);
    if (spec.best && spec.best.curve.on) drawBest(root, spec.best, xs, x, y, frame);
    const cursor = svg("g", {visibility: "hidden"});
    root.append(cursor);
    state.drawn = {drawn, xs, x, y, log, frame, cursor, format};
    state.readout = el("div", {class: "readout", hidden: true, "aria-live": "polite"});
    plot.replaceChildren(root, state.readout);
    listen(state, root);
}

function drawAxes(root, spec, view, frame, x, y, ticks, format) {
    for (const tick of ticks) {
        const at = Math.round(y.at(tick)) + 0.5;
        root.append(
            svg("line", {class: "grid", x1: frame.left, x2: frame.right, y1: at, y2: at}),
            svg("text", {x: frame.left - 8, y: at + 4, "text-anchor": "end"}, format(tick)));
    }
    const wanted = Math.max(2, (frame.right - frame.left) / 110);
    const xTicks = (view.time ? timeTicks : linearTicks)(x.low, x.high, wanted)
                       .filter((t) => view.time || Number.isInteger(t));
    for (const tick of xTicks) {
        const at = Math.round(x.at(tick)) + 0.5;
        const anchor = at > frame.right - 30 ? "end" : at < frame.left + 12 ? "start" : "middle";
        root.append(
            svg("line", {class: "base", x1: at, x2: at, y1: frame.bottom, y2: frame.bottom + 4}),
            svg("text", {x: at, y: frame.bottom + 19, "text-anchor": anchor},
                view.time ? duration(tick) : whole(tick)));
    }
    root.append(svg("line", {
        class: "base",
        x1: frame.left,
        x2: frame.right,
        y1: frame.bottom + 0.5,
        y2: frame.bottom + 0.5
    }));
    for (const mark of spec.marks || [])
        root.append(svg(
            "line",
            {class: "mark", x1: frame.left, x2: frame.right, y1: y.at(mark.y), y2: y.at(mark.y)}));
}

/* Above the curves, so that they stay readable. */
function drawMarkNames(root, spec, frame, y) {
    for (const mark of spec.marks || [])
        root.append(
            svg("text",
                {class: "marked", x: frame.right - 4, y: y.at(mark.y) - 6, "text-anchor": "end"},
                mark.label));
}

/* A ring around the best point; its label keeps inside the frame and off the curve's side. */
function drawBest(root, best, xs, x, y, frame) {
    const at = x.at(xs[best.i]), up = y.at(best.y);
    const anchor = at > (frame.left + frame.right) / 2 ? "end" : "start";
    root.append(
        svg("circle", {class: "best", cx: at, cy: up, r: 6}),
        svg("text", {
            class: "marked",
            x: anchor === "end" ? at - 11 : at + 11,
            y: Math.min(frame.bottom - 6, Math.max(frame.top + 12, up + 4)),
            "text-anchor": anchor
        },
            best.label));
}

/* The points of a curve in runs: a lost point ends one, a point that has no value does not. */
function runsOf(curve, values, xs, x, y, log) {
    const lost =
        new Set((curve.bad || []).filter(([i]) => !isNumber(curve.mean[i])).map(([i]) => i));
    const runs = [[]];
    values.forEach((v, i) => {
        if (lost.has(i) || (log && v <= 0)) runs.push([]);
        else if (isNumber(v)) last(runs).push([x.at(xs[i]), y.at(v), i]);
    });
    return runs.filter((run) => run.length > 0);
}

const path = (points) => "M" + points.map(([a, b]) => a.toFixed(1) + " " + b.toFixed(1)).join("L");

function drawCurve(root, curve, smooth, xs, x, y, log, view) {
    const color = {style: {stroke: curve.color}};
    if (view.raw && curve.least) {
        const high = runsOf(curve, curve.most, xs, x, y, log);
        const low =
            runsOf(curve, curve.least.map((v) => (log && v <= 0 ? y.low : v)), xs, x, y, log);
        high.forEach((run, i) => {
            if (low[i])
                root.append(svg("path", {
                    class: "band",
                    d: path(run.concat(low[i].slice().reverse())) + "Z",
                    style: {fill: curve.color}
                }));
        });
    }
    if (view.raw)
        for (const run of runsOf(curve, curve.mean, xs, x, y, log))
            root.append(svg("path", {class: "raw", d: path(run), ...color}));
    for (const run of runsOf(curve, smooth, xs, x, y, log)) {
        if (run.length > 1) root.append(svg("path", {class: "smooth", d: path(run), ...color}));
        else
            root.append(
                svg("circle", {cx: run[0][0], cy: run[0][1], r: 3.5, style: {fill: curve.color}}));
    }
}

/* A tick at the foot for every point where a value was not finite. */
function drawLost(root, on, xs, x, frame) {
    const places = new Set(on.flatMap((curve) => (curve.bad || []).map(([i]) => i)));
    for (const i of places) {
        const at = x.at(xs[i]);
        root.append(
            svg("path", {class: "lost", d: `M${at - 3} ${frame.bottom - 8}l6 6m0 -6l-6 6`}));
    }
}

/* ---- the readout ---- */

function nearest(xs, wanted) {
    let low = 0, high = xs.length - 1;
    while (high - low > 1) {
        const middle = (low + high) >> 1;
        if (xs[middle] < wanted) low = middle;
        else high = middle;
    }
    return wanted - xs[low] < xs[high] - wanted ? low : high;
}

function showValues(state, i) {
    const {spec, readout} = state, {drawn, xs, x, y, log, frame, cursor, format} = state.drawn;
    const at = x.at(xs[i]), step = spec.axis.step[i], until = (spec.axis.until || [])[i];
    state.chosen = i;
    cursor.replaceChildren(
        svg("line", {class: "cursor", x1: at, x2: at, y1: frame.top, y2: frame.bottom}));
    const rows = [];
    for (const {curve, smooth} of drawn) {
        const bad = (curve.bad || []).find(([k]) => k === i);
        const value = smooth[i];
        if (!bad && !isNumber(value)) continue;
        if (isNumber(value) && !(log && value <= 0))
            cursor.append(
                svg("circle", {cx: at, cy: y.at(value), r: 3.5, style: {fill: curve.color}}));
        const span = curve.least && curve.least[i] !== curve.most[i] ?
            el("small", null, " " + format(curve.least[i]) + " to " + format(curve.most[i])) :
            null;
        rows.push(el(
            "tr", null,
            el("td", null, el("span", {class: "swatch", style: {background: curve.color}}),
               curve.name),
            el("td", null, isNumber(curve.mean[i]) ? format(curve.mean[i]) : "not finite", span)));
    }
    const steps = until > step ? whole(step) + " to " + whole(until) : whole(step);
    const time = spec.axis.seconds ? " · " + duration(spec.axis.seconds[i]) : "";
    readout.replaceChildren(
        el("div", null, "step " + steps, el("span", {class: "quiet"}, time)),
        el("table", null, el("tbody", null, rows)));
    cursor.setAttribute("visibility", "visible");
    readout.hidden = false;
    const room = readout.offsetWidth + 14;
    readout.style.left = (at + room > frame.width ? Math.max(0, at - room) : at + 14) + "px";
}

function hideValues(state) {
    if (!state.drawn) return;
    state.chosen = -1;
    state.readout.hidden = true;
    state.drawn.cursor.setAttribute("visibility", "hidden");
}

function listen(state, root) {
    const follow = (event) => {
        const {xs, x, frame} = state.drawn, box = root.getBoundingClientRect();
        const place = ((event.clientX - box.left) / box.width) * frame.width;
        const share = (place - frame.left) / Math.max(1, frame.right - frame.left);
        showValues(state, nearest(xs, x.low + share * (x.high - x.low)));
    };
    root.addEventListener("pointermove", follow);
    root.addEventListener("pointerdown", follow);
    root.addEventListener("pointerleave", () => hideValues(state));
    root.addEventListener("blur", () => hideValues(state));
    root.addEventListener("keydown", (event) => {
        const end = state.drawn.xs.length - 1, now = state.chosen < 0 ? end : state.chosen;
        const far = event.shiftKey ? 10 : 1;
        const to = {ArrowLeft: now - far, ArrowRight: now + far, Home: 0, End: end}[event.key];
        if (event.key === "Escape") hideValues(state);
        if (to === undefined) return;
        event.preventDefault();
        showValues(state, Math.min(end, Math.max(0, to)));
    });
}
