/* Axes: from values to places, ticks on round numbers; and the smoothing of curves. */

function linearTicks(low, high, wanted) {
    const rough = (high - low) / Math.max(1, wanted), unit = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((f) => f * unit).find((s) => s >= rough * 0.999);
    const ticks = [];
    for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++)
        ticks.push(Number((i * step).toPrecision(12)));
    return ticks;
}

/* Decades; with few of them also 2 and 5 times, with very few round numbers as on a linear axis. */
function logTicks(low, high, wanted) {
    const from = Math.floor(Math.log10(low)), to = Math.ceil(Math.log10(high));
    const decades = Math.log10(high / low);
    if (decades < 1) return linearTicks(low, high, wanted);
    const every = Math.max(1, Math.round(decades / wanted)),
          factors = decades < 3 ? [1, 2, 5] : [1];
    const ticks = [];
    for (let e = from; e <= to; e += every)
        for (const f of factors) {
            const v = f * 10 ** e;
            if (v >= low * 0.999 && v <= high * 1.001) ticks.push(v);
        }
    return ticks;
}

/* Seconds on round minutes, hours or days. */
function timeTicks(low, high, wanted) {
    const units = [
        1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 10800, 21600, 43200, 86400
    ];
    const rough = (high - low) / wanted;
    const step = units.find((s) => s >= rough);
    if (!step) return linearTicks(low / 86400, high / 86400, wanted).map((d) => d * 86400);
    const ticks = [];
    for (let v = Math.ceil(low / step) * step; v <= high; v += step) ticks.push(v);
    return ticks;
}

/* The same range, or one around its only value. */
function widened(low, high, log) {
    if (high > low) return [low, high];
    const about = Math.abs(low) || 1;
    return log ? [low / 2, low * 2] : [low - about * 0.1, low + about * 0.1];
}

/* An axis over [low, high] on places [from, to]. */
function axis(low, high, from, to, log) {
    [low, high] = widened(low, high, log);
    const f = log ? Math.log : (v) => v;
    const a = f(low), scale = (to - from) / (f(high) - a);
    return {low, high, at: (v) => from + (f(v) - a) * scale};
}

/* The range of all values, a little larger; on a log axis of the positive ones. NULL: none. */
function rangeOf(lists, log, withZero) {
    let low = Infinity, high = -Infinity;
    for (const list of lists)
        for (const v of list)
            if (isNumber(v) && (!log || v > 0)) {
                if (v < low) low = v;
                if (v > high) high = v;
            }
    if (high < low) return null;
    if (withZero && !log) low = Math.min(low, 0);
    [low, high] = widened(low, high, log);
    if (log) return [low / (high / low) ** 0.03, high * (high / low) ** 0.03];
    const room = (high - low) * 0.04;
    return [withZero && low === 0 ? 0 : low - room, high + room];
}

/* Gaussian mean around each point, of deviation `sigma` points; what is no number has no weight. */
function smoothed(values, sigma) {
    if (!(sigma > 0.1)) return values;
    const reach = Math.ceil(3 * sigma), weights = [];
    for (let d = 0; d <= reach; d++) weights.push(Math.exp((-0.5 * d * d) / (sigma * sigma)));
    return values.map((own, i) => {
        if (!isNumber(own)) return own;
        let sum = 0, all = 0;
        for (let k = Math.max(0, i - reach); k <= Math.min(values.length - 1, i + reach); k++) {
            if (!isNumber(values[k])) continue;
            sum += values[k] * weights[Math.abs(k - i)];
            all += weights[Math.abs(k - i)];
        }
        return sum / all;
    });
}
