/* What the model makes of given pictures: source, target and result side by side, or a picture and
 * its reconstruction, with scores and over the run. `kind` is "made" or "again" (the sheet), `parts`
 * the names of a tuple's cells, the last being what the model made. */

const scoreNames = [["L1", 3, ""], ["PSNR", 1, " dB"], ["SSIM", 3, ""], ["GMSD", 3, ""]];
const scoreText = (s, k) =>
    scoreNames[k][0] + " " + s[k].toFixed(scoreNames[k][1]) + scoreNames[k][2];

function meanScores(scores) {
    const own = scores.filter((s) => s);
    return own.length ?
        scoreNames.map((_, k) => own.reduce((sum, s) => sum + s[k], 0) / own.length) :
        null;
}

/* How many tuples a sheet has; the scores say which of them are only empty places. */
function tupleCount(picture, columns, size) {
    const rows = Math.round((picture.height / picture.width) * columns);
    return rows * Math.floor(columns / size);
}

function tupleCard(parts, other) {
    const cell = (name) =>
        el("div", null, el("canvas", {role: "img", "aria-label": name}), el("span", null, name));
    const cells = parts.map(cell), extra = cell("");
    extra.hidden = !other;
    const scores = el("p", {class: "scores"});
    return {
        element: el("div", {class: "tuple"}, el("div", {class: "cells"}, cells, extra), scores),
        cells,
        extra,
        scores
    };
}

function tuplesSection(data, kind, parts, texts) {
    const {columns, found, unreadable, sheets: all} = data.pictures;
    const sheets = all.filter((sheet) => sheet[kind]);
    const size = parts.length, end = sheets.length - 1, newest = sheets[end][kind];
    const cards =
        Array.from({length: tupleCount(newest, columns, size)}, () => tupleCard(parts, false));
    const list = el(
        "div", {class: "tuples" + (size < 3 ? " narrow" : "")}, cards.map((card) => card.element));
    const means = el("p", {class: "means"}), caption = el("p", {style: {margin: "0"}});
    const canvasOf = (cell) => cell.firstChild;
    const cellOf = (i, part) => i * size + part;

    const show = (k) => {
        const picture = sheets[k][kind], scores = picture.scores;
        caption.replaceChildren("Made at ", el("b", null, "step " + whole(sheets[k].step)));
        cards.forEach((card, i) => {
            card.element.hidden = scores.length > 0 && !scores[i];
            card.cells.forEach(
                (cell, part) => drawCell(canvasOf(cell), picture, columns, cellOf(i, part)));
            card.scores.replaceChildren(...(
                scores[i] ? scoreNames.map((_, n) => el("span", null, scoreText(scores[i], n))) :
                            []));
        });
        const mean = meanScores(scores);
        means.replaceChildren(
            ...(mean ?
                    [
                        "On average ",
                        ...mean.map((_, n) => el("span", null, n ? " · " : "", scoreText(mean, n)))
                    ] :
                    []));
    };
    const showOther = (k) => {
        const picture = sheets[k][kind];
        cards.forEach((card, i) => {
            drawCell(canvasOf(card.extra), picture, columns, cellOf(i, size - 1));
            card.extra.lastChild.textContent = "step " + whole(sheets[k].step);
        });
    };
    const main = player(sheets.map((sheet) => sheet.step), "step", show, end);
    const section = el(
        "section", {id: kind === "again" ? "reconstructions" : "pictures"},
        el("h2", null, texts.title),
        el("p", {class: "lead"},
           texts.lead +
               (found > all.length + unreadable ?
                    ` ${sheets.length} of ${whole(found)} sheets are here, spread over the run.` :
                    "")),
        caption, el("div", {style: {maxWidth: "620px"}}, main.element));
    if (end > 0) {
        const second = el("div", {hidden: true, style: {maxWidth: "620px"}});
        const check = el("input", {
            type: "checkbox",
            onchange: () => {
                second.hidden = !check.checked;
                list.classList.toggle("wide", check.checked && size > 2);
                cards.forEach((card) => (card.extra.hidden = !check.checked));
                if (!second.firstChild)
                    second.append(
                        player(sheets.map((s) => s.step), "the other step", showOther, 0).element);
            }
        });
        section.append(
            el("div", {class: "controls", style: {margin: "4px 0 0"}},
               el("label", null, check, "Beside another step")),
            second);
    }
    section.append(means, list);
    if (kind === "made" && data.pictures.reals)
        section.append(el(
            "details", null, el("summary", null, "More of the pairs that it learns from"),
            el("div", {class: "reals"},
               el("img",
                  {src: data.pictures.reals.uri, alt: "pairs of the data set", loading: "lazy"}))));
    return section;
}
