/* Elements and numbers. Texts only ever become text nodes, never markup. */

function fill(element, attributes, children) {
    for (const [key, value] of Object.entries(attributes || {})) {
        if (value === null || value === undefined || value === false) continue;
        if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
        else if (key === "style") Object.assign(element.style, value);
        else element.setAttribute(key, value === true ? "" : value);
    }
    element.append(...children.flat(3).filter((child) => child !== null && child !== undefined));
    return element;
}

const el = (tag, attributes, ...children) =>
    fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes, ...children) =>
    fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

const isNumber = (v) => typeof v === "number" && Number.isFinite(v);
const last = (array) => array[array.length - 1];

function lastNumber(values) {
    for (let i = values.length - 1; i >= 0; i--)
        if (isNumber(values[i])) return values[i];
    return null;
}

/* ---- numbers as people read them ---- */

const whole = (v) => (isNumber(v) ? v.toLocaleString("en-GB", {maximumFractionDigits: 0}) : "–");

function power(v) {
    const exponent = Math.floor(Math.log10(Math.abs(v)));
    const mantissa = Number((v / 10 ** exponent).toPrecision(3));
    const raised =
        String(exponent).replace(/./g, (c) => "⁰¹²³⁴⁵⁶⁷⁸⁹"["0123456789".indexOf(c)] || "⁻");
    return mantissa === 1 ? "10" + raised : mantissa + " × 10" + raised;
}

/* Four significant digits; thousands apart; powers of ten for the very small and the very large. */
function number(v) {
    if (!isNumber(v)) return "–";
    const size = Math.abs(v);
    if (size !== 0 && (size < 1e-5 || size >= 1e9)) return power(v);
    if (size >= 1000) return whole(v);
    return v.toLocaleString("en-GB", {maximumSignificantDigits: 4}).replace("-", "−");
}

function bytes(v) {
    if (!isNumber(v)) return "–";
    const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let i = 0;
    while (v >= 1024 && i < units.length - 1) (v /= 1024), i++;
    return Number(v.toPrecision(3)) + " " + units[i];
}

function duration(seconds) {
    if (!isNumber(seconds)) return "–";
    if (seconds < 60) return Number(seconds.toPrecision(2)) + " s";
    const s = Math.round(seconds), m = Math.floor(s / 60), h = Math.floor(m / 60),
          d = Math.floor(h / 24);
    if (d > 0) return d + " d " + (h % 24) + " h";
    if (h > 0) return h + " h " + (m % 60) + " min";
    return m + " min" + (s % 60 ? " " + (s % 60) + " s" : "");
}

const plural = (n, one, many) => whole(n) + " " + (n === 1 ? one : many);

/* A word of a shell's command line. */
const quoted = (word) =>
    (/^[\w@%+=:,./-]+$/.test(word) ? word : "'" + word.replace(/'/g, "'\\''") + "'");
