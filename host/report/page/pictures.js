/* The sheets of samples over the run: one beside another or beside what is learnt from, and
 * one place of the sheet through the whole run. */

function sheetFigure(title, sheets, first, onmove, onpick) {
    const caption = el("figcaption"), image = el("img", {alt: ""}),
          picked = el("div", {class: "picked", hidden: true});
    const box = el("div", {class: "sheet" + (onpick ? " pickable" : "")}, image, picked);
    const show = (i) => {
        const {made, step} = sheets[i];
        image.src = made.uri;
        image.width = made.width;
        image.height = made.height;
        image.alt = "samples at step " + step;
        image.classList.toggle("pixels", made.width < 400);
        caption.replaceChildren(title, el("b", null, "step " + whole(step)));
        if (onmove) onmove(i);
    };
    const control = player(sheets.map((sheet) => sheet.step), title + "step", show, first);
    if (onpick) image.addEventListener("click", onpick);
    return {
        element: el("figure", null, caption, box, control.element),
        image,
        picked,
        go: control.go
    };
}

function realsFigure(reals) {
    return el(
        "figure", null,
        el("figcaption", null, el("b", null, "Real pictures"),
           el("span", {class: "quiet"}, "what it learns from")),
        el("div", {class: "sheet"}, el("img", {
               src: reals.uri,
               alt: "real pictures",
               width: reals.width,
               height: reals.height,
               class: reals.width < 400 ? "pixels" : ""
           })));
}

/* A strip of the same cell at every step; returns {element, pick(cell), mark(i)}. */
function cellStrip(sheets, columns, go) {
    const buttons = sheets.map((sheet, i) => {
        const canvas = el("canvas", {"aria-hidden": "true"});
        const button =
            el("button", {type: "button", onclick: () => go(i), "aria-label": "step " + sheet.step},
               canvas, whole(sheet.step));
        button.canvas = canvas;
        return button;
    });
    const element = el("div", {class: "strip", tabindex: "-1"}, buttons);
    const mark = (i) => {
        buttons.forEach(
            (button, k) =>
                (k === i ? button.setAttribute("aria-current", "true") :
                           button.removeAttribute("aria-current")));
        const {offsetLeft, offsetWidth} = buttons[i];
        if (offsetLeft < element.scrollLeft ||
            offsetLeft + offsetWidth > element.scrollLeft + element.clientWidth)
            element.scrollLeft = offsetLeft - element.clientWidth / 2;
    };
    const pick = (cell) =>
        buttons.forEach((button, i) => drawCell(button.canvas, sheets[i].made, columns, cell));
    return {element, pick, mark};
}

function showPicked(figure, sheet, columns, cell) {
    const rows = Math.max(1, Math.round((sheet.height / sheet.width) * columns));
    figure.picked.hidden = false;
    Object.assign(figure.picked.style, {
        left: ((cell % columns) * 100) / columns + "%",
        top: (Math.floor(cell / columns) * 100) / rows + "%",
        width: 100 / columns + "%",
        height: 100 / rows + "%"
    });
}

function besideChoice(options, chosen, onchoose) {
    return el(
        "div", {class: "controls"}, el("span", null, "Beside it"),
        el("div", {class: "choice", role: "radiogroup", "aria-label": "beside it"},
           options.map(
               ([value, name]) =>
                   el("label", null, el("input", {
                          type: "radio",
                          name: "beside",
                          value,
                          checked: value === chosen,
                          onchange: () => onchoose(value)
                      }),
                      name))));
}

function samplesSection(data) {
    const {columns, found, unreadable, reals} = data.pictures;
    const sheets = data.pictures.sheets.filter((sheet) => sheet.made);
    const section = el("section", {id: "pictures"}, el("h2", null, "Pictures over the run"));
    const of = found > sheets.length + unreadable ?
        ` ${sheets.length} of ${whole(found)} sheets are here, spread over the run.` :
        "";
    section.append(el("p", {class: "lead"}, "Every sheet shows the same latent vectors." + of));
    const end = sheets.length - 1;
    const strip = cellStrip(sheets, columns, (i) => main.go(i));
    let cell = 0, main = null;
    const choose = (value) => {
        cell = value;
        strip.pick(cell);
        showPicked(main, sheets[0].made, columns, cell);
    };
    main = sheetFigure("Made at ", sheets, end, (i) => strip.mark(i), (event) => {
        const box = main.image.getBoundingClientRect(),
              rows = Math.round((box.height / box.width) * columns);
        const column = Math.floor(((event.clientX - box.left) / box.width) * columns);
        const row = Math.floor(((event.clientY - box.top) / box.height) * rows);
        choose(
            Math.min(columns - 1, Math.max(0, column)) +
            columns * Math.min(rows - 1, Math.max(0, row)));
    });
    const other = end > 0 ? sheetFigure("Made at ", sheets, 0) : null;
    const pair = el("div", {class: "pair"});
    const beside = (value) => {
        const second = value === "reals" ? realsFigure(reals) :
            value === "step"             ? other.element :
                                           null;
        pair.replaceChildren(main.element, ...(second ? [second] : []));
        pair.classList.toggle("single", !second);
    };
    const options = [
        reals ? ["reals", "Real pictures"] : null, other ? ["step", "Another step"] : null,
        ["nothing", "Nothing"]
    ].filter((o) => o);
    beside(options[0][0]);
    if (options.length > 1) section.append(besideChoice(options, options[0][0], beside));
    section.append(pair);
    if (end > 0)
        section.append(
            el("h3", {style: {marginTop: "28px"}}, "One of them, step by step"),
            el("p", {class: "quiet", style: {margin: 0}},
               "Click a picture of the sheet to follow it."),
            strip.element);
    choose(0);
    requestAnimationFrame(() => strip.mark(end));
    return section;
}

/* Before the first samples, and for models that make none. */
function realsSection(data, title) {
    const {reals} = data.pictures;
    return el(
        "section", {id: "pictures"}, el("h2", null, title),
        reals ? el("div", {class: "reals"}, el("img", {
                       src: reals.uri,
                       alt: "real pictures",
                       class: reals.width < 400 ? "pixels" : ""
                   })) :
                el("p", {class: "lead"}, "The run folder has no pictures yet."));
}
