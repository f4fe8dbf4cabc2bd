/* How to go on, and everything that the run was made with. */

const command = (text) => el("div", {class: "command", tabindex: "0"}, el("code", null, text));

function resumeText(data) {
    const {checkpoints} = data.run, {last: now} = data.log;
    if (!checkpoints.length) return "There is no checkpoint yet: it would begin again.";
    const step = last(checkpoints).step, behind = now ? now.step + 1 - step : 0;
    return "From the newest checkpoint, step " + whole(step) +
        (behind > 0 ? " (" + plural(behind, "step", "steps") + " before the last one logged)" :
                      "") +
        ", as if it had never stopped.";
}

function nextSection(data) {
    const run = data.run, folder = quoted(run.folder), steps = Number((run.options || {}).steps);
    const finished = steps > 0 && data.log.last && data.log.last.step + 1 >= steps;
    const usable = run.n_checkpoints > 0, can = (task) => usable && run.can.includes(task),
          list = [];
    const add = (text, line) =>
        list.push(el("div", null, el("p", {style: {margin: "0"}}, text), command(line)));
    add((finished ? "Train on, beyond its " + whole(steps) + " steps. " : "Train on. ") +
            resumeText(data),
        "ganocl train --resume " + folder + (finished ? " --steps " + 2 * steps : ""));
    const best = isNumber(run.best) ? " --checkpoint best" : "";
    const which = best ? ` With its best weights, of step ${whole(run.best)}.` : "";
    if (can("generate")) add("Make new pictures." + which, "ganocl sample " + folder + best);
    if (can("translate"))
        add("Translate a folder of pictures." + which,
            `ganocl translate ${folder} --in PICTURES --out MADE` + best);
    if (can("reconstruct"))
        add("Send pictures through it and back." + which,
            `ganocl reconstruct ${folder} --data PICTURES` + best);
    if (can("classify"))
        add("Classify pictures." + which, `ganocl classify ${folder} --data PICTURES` + best);
    if (usable && run.can.length)
        add("Score it; the next report shows the scores.",
            `ganocl evaluate ${folder} --data PICTURES > ${quoted(run.folder + "/scores.json")}`);
    add("The same training in a new folder.",
        `ganocl train --config ${quoted(run.folder + "/options.json")} --out NEW`);
    add("Write this page again.", "ganocl report " + folder);
    return el(
        "section", {id: "next"}, el("h2", null, "Go on"), el("div", {class: "commands"}, list));
}

const factList = (rows) =>
    el("dl", {class: "facts"},
       rows.filter(([, v]) => v !== null && v !== undefined && v !== "")
           .map(([key, value]) => [el("dt", null, key), el("dd", null, String(value))]));

function runCard(data) {
    const options = data.run.options || {}, help = data.run.help || {};
    const names = {
        model: "Model",
        data: "Data",
        seed: "Seed",
        batch: "Batch",
        accumulate: "Batches a step",
        steps: "Steps at most",
        epochs: "Epochs at most",
        minutes: "Minutes at most",
        init: "Begun from",
        replay: "Replay of",
        learnt: "Tuner done at step"
    };
    const rows = Object.entries(options).map(([key, value]) => [names[key] || key, value]);
    if (!rows.length) return null;
    if (help.preset) rows.splice(1, 0, ["Preset", help.preset]);
    return el("div", {class: "card"}, el("h3", null, "Run"), factList(rows));
}

function deviceCard(data) {
    const {made_on: made} = data.run, {last: now, most_bytes: most} = data.log;
    return el("div", {class: "card"}, el("h3", null, "Device and program"), factList([
                  ["Device", made.device], ["Platform", made.platform], ["Driver", made.driver],
                  ["Memory in use", now && now.device_bytes ? bytes(now.device_bytes) : null],
                  ["Memory at most", most > 0 ? bytes(most) : null], ["Page by", data.program]
              ]));
}

function settingsTable(settings, withHelp) {
    const row = (s) =>
        el("tr", {class: s.usual !== null && s.value !== s.usual ? "changed" : ""},
           el("td", null, s.key), el("td", null, s.value === "" ? "–" : s.value),
           el("td", {class: "quiet"},
              s.usual === null   ? "" :
                  s.usual === "" ? "–" :
                                   s.usual),
           withHelp ? el("td", {class: "help"}, s.help || "") : null);
    return el(
        "div", {class: "scroll"},
        el("table", null,
           el("thead", null,
              el("tr", null, ["setting", "value", "usual"].map((t) => el("th", null, t)),
                 withHelp ? el("th", {class: "help"}, "meaning") : null)),
           el("tbody", null, settings.map(row))));
}

function settingsCards(data) {
    const all = data.run.settings,
          changed = all.filter((s) => s.usual !== null && s.value !== s.usual);
    if (!all.length) return [];
    const own = all.filter((s) => !/^(train|eval|data|plan)\./.test(s.key)),
          rest = all.filter((s) => /^(train|eval|data|plan)\./.test(s.key));
    return [el(
        "div", {class: "card", style: {marginTop: "16px"}}, el("h3", null, "Settings"),
        changed.length ?
            [
                el("p", {class: "quiet", style: {margin: "6px 0 0"}}, "Changed from the preset:"),
                settingsTable(changed, true)
            ] :
            el("p", {class: "quiet", style: {margin: "6px 0 0"}}, "All as in the preset."),
        el("details", null, el("summary", null, `All ${own.length} settings of the model`),
           settingsTable(own, true)),
        rest.length ?
            el("details", null,
               el("summary", null, `All ${rest.length} settings of training, evaluation, data and plan`),
               settingsTable(rest, false)) :
            null)];
}

/* The tuner's choices: which kernel each shape of an operation runs on. */
function choicesCard(data) {
    const {choices, n_choices: n} = data.run;
    const shapes = (text) =>
        (text ? text.replace(/^\[\[/, "[")
                    .replace(/\]\]$/, "]")
                    .replace(/\],\[/g, "] [")
                    .replace(/,/g, " × ") :
                "");
    const values = (text) =>
        (text ? text.replace(/[{}"]/g, "").replace(/:/g, " ").replace(/,/g, ", ") : "");
    const row = (c) =>
        el("tr", null, el("td", null, c.op), el("td", null, shapes(c.in)),
           el("td", null, shapes(c.out)), el("td", null, c.variant),
           el("td", null, values(c.values)), el("td", null, c.from || ""));
    if (!data.run.options) return null;
    if (!n)
        return el(
            "div", {class: "card", style: {marginTop: "16px"}}, el("h3", null, "Kernels"),
            el("p", {class: "quiet", style: {margin: "6px 0 0"}},
               "The usual ones: the tuner has chosen none for this run."));
    return el(
        "div", {class: "card", style: {marginTop: "16px"}}, el("h3", null, "Kernels"),
        el("details", {style: {marginTop: "4px"}},
           el("summary", null, plural(n, "choice", "choices") + " of the tuner"),
           el("div", {class: "scroll"},
              el("table", null,
                 el("thead", null,
                    el("tr", null,
                       ["operation", "inputs", "output", "variant", "values", "from step"].map(
                           (t) => el("th", null, t)))),
                 el("tbody", null, choices.map(row)))),
           n > choices.length ? el("p", {class: "quiet"}, `The first ${choices.length} of them.`) :
                                null));
}

function checkpointsCard(data) {
    const {checkpoints, n_checkpoints: n} = data.run;
    if (!n) return null;
    const name = (c) => "step " + whole(c.step) + (c.step === data.run.best ? ", the best" : "");
    const rows = checkpoints.map((c) => [name(c), bytes(c.bytes)]).reverse();
    return el(
        "div", {class: "card"}, el("h3", null, plural(n, "checkpoint", "checkpoints")),
        factList(rows));
}

function scoresCard(data) {
    const {scores} = data.run;
    if (!scores.length) return null;
    return el(
        "div", {class: "card"}, el("h3", null, "Scores"),
        factList(scores.map(
            ([key,
              v]) => [key.replace(/\./g, " ").replace(/_/g, " "), isNumber(v) ? number(v) : v])));
}

function classesCard(data) {
    const {classes, n_classes: n} = data.run;
    if (!n) return null;
    return el(
        "div", {class: "card"}, el("h3", null, plural(n, "class", "classes")),
        el("p", {class: "quiet", style: {margin: "8px 0 0"}},
           classes.join(", ") + (n > classes.length ? ", …" : "")));
}

function factsSection(data) {
    return el(
        "section", {id: "facts"}, el("h2", null, "Settings and device"),
        el("div", {class: "columns", style: {marginTop: "12px"}}, runCard(data), deviceCard(data),
           scoresCard(data), checkpointsCard(data), classesCard(data)),
        settingsCards(data), choicesCard(data));
}
