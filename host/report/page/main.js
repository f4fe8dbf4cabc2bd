/* The page: its facts are the JSON in #data (host/report/report.c). */

function pictureSections(data) {
    const {sheets} = data.pictures, can = (task) => data.run.can.includes(task);
    const has = (kind) => sheets.some((sheet) => sheet[kind]), list = [];
    if (can("translate") && has("made"))
        list.push(tuplesSection(data, "made", ["input", "target", "made"], {
            title: "Input, target, and what it makes",
            lead: "The same pictures all run long, from those that it learns from."
        }));
    else if (has("made")) list.push(samplesSection(data));
    else
        list.push(realsSection(
            data,
            can("generate") || can("translate") ? "No samples yet: what it learns from" :
                                                  "What it learns from"));
    if (has("again"))
        list.push(tuplesSection(data, "again", ["picture", "reconstruction"], {
            title: "Through the model and back",
            lead: "A picture, and what is left of it after its way through the latent variables."
        }));
    return list;
}

function footer(data) {
    const written = new Date(data.written);
    return el(
        "footer", null,
        "Written on " + written.toLocaleString("en-GB", {dateStyle: "long", timeStyle: "short"}) +
            " by " + data.program +
            ". The page is one file and loads nothing; while the run trains it is renewed with the " +
            "samples, so reload it to see more.");
}

const data = JSON.parse(document.getElementById("data").textContent);
document.getElementById("page").replaceChildren(
    header(data), ...pictureSections(data), curvesSection(data), nextSection(data),
    factsSection(data), footer(data));
