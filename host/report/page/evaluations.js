/* What evaluations measured while it trained: charts of their own, the best value marked. */

/* Charts by the names of host/train/metrics.h. better: 1 where more is, -1 where less is; it is meant
 * for the first name alone. */
const measures = [
    {
        names: ["swd"],
        better: -1,
        title: "Distance from real pictures",
        why: "Sliced Wasserstein distance of generated pictures; 0 is as varied and as detailed."
    },
    {
        names: ["pairwise_ssim", "pairwise_ssim_real"],
        better: 0,
        title: "How alike the pictures are",
        why: "Mean SSIM of pairs: far above that of real pictures, the generator repeats itself."
    },
    {
        names: ["d_accuracy_real", "d_accuracy_fake", "d_accuracy_train"],
        better: 0,
        zero: true,
        title: "The discriminator's accuracy",
        why: "One half is a guess. Better on what it was trained on than on other real " +
            "pictures: it knows them by heart."
    },
    {
        names: ["l1"],
        better: -1,
        title: "L1",
        why: "Mean difference from the target, of values 0 to 1."
    },
    {
        names: ["psnr"],
        better: 1,
        title: "PSNR",
        why: "In decibels; more is nearer to the target."
    },
    {
        names: ["ssim"],
        better: 1,
        title: "SSIM",
        why: "Structural similarity; 1 is the target."
    },
    {
        names: ["gmsd"],
        better: -1,
        title: "GMSD",
        why: "Deviation of the gradients' similarity; 0 is the target."
    },
    {
        names: ["nelbo", "reconstruction", "kl"],
        better: -1,
        title: "Negative ELBO",
        why: "In nats a picture: what describing it costs at most, and its two parts."
    },
    {
        names: ["bits_per_dim"],
        better: -1,
        title: "Bits a dimension",
        why: "The negative ELBO for each number of a picture."
    },
    {
        names: ["active_units"],
        better: 0,
        zero: true,
        title: "Active units on these pictures",
        why: "Latent units that say something of the picture."
    },
    {
        names: ["top1", "top5"],
        better: 1,
        title: "Accuracy",
        why: "Share of pictures whose class is the likeliest, or among the five likeliest."
    },
    {
        names: ["cross_entropy"],
        better: -1,
        title: "Cross-entropy",
        why: "In nats; a guess among n classes has log n."
    },
];

const measureNames = {
    pairwise_ssim: "generated",
    pairwise_ssim_real: "real",
    d_accuracy_real: "real",
    d_accuracy_fake: "generated",
    d_accuracy_train: "trained on",
    top1: "top 1",
    top5: "top 5",
};

/* {i, y, label} of the best point of a curve; NULL: it has none. */
function bestPoint(curve, better, axis) {
    const values = (better > 0 ? curve.most : curve.least) || curve.mean;
    let at = -1;
    values.forEach((v, i) => {
        if (isNumber(v) && (at < 0 || better * (v - values[at]) > 0)) at = i;
    });
    if (at < 0 || !better) return null;
    return {
        i: at,
        y: values[at],
        curve,
        label: "best: " + number(values[at]) + " at step " + whole(axis.step[at])
    };
}

/* Charts of the group "eval"; a measure that this page does not know has one of its own. */
function evaluationCharts(data) {
    if (!data.log.evaluations) return [];
    const {groups, ...axis} = data.log.evaluations, charts = [];
    const all = groups.flatMap((group) => group.curves);
    const known = measures.flatMap((measure) => measure.names);
    const others = all.filter((curve) => !known.includes(curve.name))
                       .map((curve) => ({names: [curve.name], better: 0, title: curve.name}));
    for (const measure of measures.concat(others)) {
        const curves = measure.names.map((name) => all.find((curve) => curve.name === name))
                           .filter((curve) => curve)
                           .map((curve, i) => curveOf(
                                    curve, colors[(i + 2) % 8], true,
                                    measureNames[curve.name] || curve.name));
        if (!curves.length) continue;
        charts.push({
            title: measure.title,
            why: measure.why,
            axis,
            zero: measure.zero,
            smooth: false,
            best: bestPoint(curves[0], measure.better, axis),
            curves
        });
    }
    return charts;
}
