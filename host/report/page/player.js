/* A slider over steps with a button that plays. It moves by the keyboard as every slider does.
 * `onmove(i)` is called for each new place, and at once for the first. */

function player(steps, label, onmove, first) {
    const end = steps.length - 1;
    let timer = null;
    const range = el("input", {
        type: "range",
        min: 0,
        max: end,
        step: 1,
        value: first,
        "aria-label": label,
        disabled: end < 1
    });
    const play =
        el("button",
           {type: "button", "aria-label": "play", onclick: () => (timer ? stop() : start())}, "▶");
    const go = (i) => {
        range.value = String(i);
        range.setAttribute("aria-valuetext", "step " + whole(steps[i]));
        onmove(i);
    };
    const stop = () => {
        clearInterval(timer);
        timer = null;
        play.textContent = "▶";
        play.setAttribute("aria-label", "play");
    };
    const start = () => {
        if (Number(range.value) === end) go(0);
        play.textContent = "❚❚";
        play.setAttribute("aria-label", "pause");
        timer = setInterval(() => {
            go(Number(range.value) + 1);
            if (Number(range.value) === end) stop();
        }, 450);
    };
    range.addEventListener("input", () => {
        stop();
        go(Number(range.value));
    });
    go(first);
    return {
        element: el("div", {class: "player", hidden: end < 1}, play, range),
        go: (i) => {
            stop();
            go(i);
        }
    };
}

/* The picture as an <img> that is decoded once, and a part of it on a canvas. */
function decoded(picture) {
    if (!picture.image) {
        picture.image = new Image();
        picture.image.src = picture.uri;
        picture.ready = picture.image.decode().catch(() => null);
    }
    return picture;
}

/* Draws cell number `cell` of a sheet with `columns` square cells a row. */
function drawCell(canvas, picture, columns, cell) {
    decoded(picture);
    canvas.wanted = picture;
    picture.ready.then(() => {
        if (canvas.wanted !== picture || !picture.image.naturalWidth) return;
        const side = picture.image.naturalWidth / columns;
        canvas.width = canvas.height = Math.max(1, Math.round(side));
        canvas.classList.toggle("pixels", picture.width / columns < 100);
        canvas.getContext("2d").drawImage(
            picture.image, (cell % columns) * side, Math.floor(cell / columns) * side, side, side,
            0, 0, canvas.width, canvas.height);
    });
}
