/* The top of the page: what this is, where it stands, and what went wrong. */

function progressTile(data, step) {
    const limit = Number((data.run.options || {}).steps);
    const done = isNumber(limit) && limit > 0 ? Math.min(1, step / limit) : null;
    return tile("Steps", whole(step), done === null ? null : [
        "of " + whole(limit),
        el("div", {class: "progress"}, el("div", {style: {width: done * 100 + "%"}}))
    ]);
}

const tile = (name, value, small) =>
    el("div", null, el("dt", null, name),
       el("dd", null, value, small ? el("small", null, small) : null));

const short = (v) => (isNumber(v) ? number(Number(v.toPrecision(3))) : "–");

/* The newest values that say most: D and G, or the loss. */
function lossTile(groups) {
    const curves = (groups.find((g) => g.name === "losses") || {curves: []}).curves;
    const newest = (name) => {
        const curve = curves.find((c) => c.name === name);
        return curve ? lastNumber(curve.mean) : null;
    };
    const rival =
        rivals.find((names) => names.every((name) => curves.some((c) => c.name === name)));
    if (rival)
        return tile(
            "D and G", short(newest(rival[0])) + " · " + short(newest(rival[1])), "newest losses");
    return newest("loss") !== null ? tile("Loss", number(newest("loss")), "newest") : null;
}

function tiles(data) {
    const {last: now, most_bytes: most, curves} = data.log;
    if (!now) return null;
    const speed = (curves.groups.find((g) => g.name === "images_per_s") || {curves: []}).curves[0];
    const rate = speed ? lastNumber(speed.mean) : null;
    return el(
        "dl", {class: "tiles"}, progressTile(data, now.step + 1),
        tile("Pictures seen", whole(now.images)), tile("Time trained", duration(now.seconds)),
        rate === null ? null : tile("Speed", number(rate), "pictures a second"),
        now.device_bytes ? tile(
                               "Device memory", bytes(now.device_bytes),
                               most > 1.01 * now.device_bytes ? "at most " + bytes(most) : null) :
                           null,
        lossTile(curves.groups));
}

function notes(data) {
    const list = [], {last: now, curves} = data.log;
    const lost = curves.groups.flatMap((g) => g.curves)
                     .reduce((sum, curve) => sum + curve.bad.reduce((s, [, n]) => s + n, 0), 0);
    if (!data.run.options)
        list.push("options.json is missing or damaged, so the settings are not known here.");
    else if (!data.run.help)
        list.push("This version does not know all that options.json says; it is shown as it is.");
    if (now && now.dropped > 0)
        list.push(
            plural(now.dropped, "update was", "updates were") +
            " dropped because a loss or gradient was not finite.");
    else if (lost)
        list.push(
            plural(lost, "logged value is", "logged values are") +
            " not finite; crosses mark the places.");
    const leftOut = (n, what) => {
        if (n)
            list.push(
                plural(n, what, what + "s") + (what === "line" ? " of log.jsonl" : "") +
                " could not be read and " + (n === 1 ? "is" : "are") + " left out.");
    };
    leftOut(data.log.damaged, "line");
    leftOut(data.pictures.unreadable, "picture");
    return list.map((text) => el("p", {class: "note"}, text));
}

function header(data) {
    const options = data.run.options || {}, help = data.run.help || {};
    const about = [
        options.model, help.system ? help.system.replace(/^[\w-]+: /, "") : null
    ].filter((t) => t).join(": ");
    const links = [
        ["pictures", "Pictures"], ["curves", "Curves"], ["next", "Go on"],
        ["facts", "Settings and device"]
    ];
    return el(
        "header", null, el("p", {class: "eyebrow"}, "ganocl training report"),
        el("h1", null, data.run.name), about ? el("p", {class: "subtitle"}, about) : null,
        data.run.options ? el("p", {class: "subtitle", style: {margin: "0"}},
                              "Trained on " + (options.data || "the built-in pictures")) :
                           null,
        tiles(data), notes(data),
        el("nav", {"aria-label": "sections"},
           links.map(([id, name]) => el("a", {href: "#" + id}, name))));
}
