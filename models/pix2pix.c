/* pix2pix: pictures from pictures, by a U-Net and a discriminator of patches (arXiv:1611.07004).
 *
 * G halves a source `depth` times and doubles it as often; each doubling is given what the halving of
 * that size made. D sees source and picture together and has a logit for every patch. G's loss is D's
 * verdict + l1_weight * mean |target - G|.
 *
 * Two arrangements are about, and both are here. TensorFlow's tutorial (variant=tf): activations
 * behind each layer, slope 0.3, batch norm and Adam as in Keras, both networks updated at once. The
 * authors' (variant=original): activations before each layer, so that what is handed over is not yet
 * activated, slope 0.2, D updated first, by half its loss. The tutorial also has batch norm at a
 * bottleneck of one pixel (bottleneck_bn): with one picture a step it passes on its bias alone.
 *
 * Dropout and batch statistics stay on in use: they are the only source of chance. */
#include <stdio.h>

#include "models/gan.h"
#include "models/paired.h"
#include "models/systems.h"
#include "nn/layers.h"
#include "nn/losses.h"
#include "nn/schedule.h"
#include "ops/ops.h"

enum { MOST_DEPTH = 12 };

/* ---- settings ------------------------------------------------------------------------------------ */

/* clang-format off */
static const gcl_setting settings[] = {
    {GCL_INT("size", 256, 4, 4096), .help = "side of the pictures, a multiple of 2^depth"},
    {GCL_INT("in_channels", 3, 1, 3), .help = "of sources: 1 or 3"},
    {GCL_INT("out_channels", 3, 1, 3), .help = "of targets: 1 or 3"},
    {GCL_INT("ngf", 64, 1, 1024), .help = "channels of G's first layer"},
    {GCL_INT("ndf", 64, 1, 1024), .help = "channels of D's first layer"},
    {GCL_INT("depth", 8, 2, MOST_DEPTH), .help = "halvings in G"},
    {GCL_INT("max_mult", 8, 1, 64), .help = "channels double with each halving up to ngf times this"},
    {GCL_INT("d_layers", 3, 0, 5), .help = "halvings in D: patches of 16, 34, 70, 142, 286 pixels for 1 to 5; 0: single pixels"},
    {GCL_CHOICE("variant", 0, "tf original"), .help = "activations behind layers (tf) or before them (original)"},
    {GCL_REAL("slope", 0.3, 0, 1), .help = "LeakyReLU's slope below 0"},
    {GCL_REAL("bn_eps", 1e-3, 1e-12, 1), .help = "added to batch norm's variance"},
    {GCL_REAL("bn_momentum", 0.01, 0, 1), .help = "share of the new value in running statistics"},
    {GCL_REAL("bn_gamma_std", 0, 0, 1), .help = "batch norm's scales start as N(1, this)"},
    {GCL_BOOL("bottleneck_bn", 0), .help = "batch norm after the last halving too"},
    {GCL_REAL("dropout", 0.5, 0, 0.99), .help = "share that is dropped after G's first doublings"},
    {GCL_INT("dropout_layers", 3, 0, MOST_DEPTH), .help = "how many doublings have dropout"},
    {GCL_CHOICE("update_order", 0, "simultaneous d_first"), .help = "both by the same weights, or G by the new D"},
    {GCL_REAL("d_loss_scale", 1, 0, 100), .help = "factor of D's loss"},
    {GCL_REAL("l1_weight", 100, 0, 1e6), .help = "factor of mean |target - G| in G's loss"},
    {GCL_CHOICE("adam_form", 0, "keras torch"), .help = "eps added to the plain root, or to the corrected one"},
    {GCL_REAL("lr", 2e-4, 0, 1), .help = "learning rate of G and D"},
    {GCL_REALS("betas", "0.5,0.999", 2, 2, 0, 0.999999), .help = "Adam: shares of the old mean and mean square"},
    {GCL_REAL("eps", 1e-7, 0, 1), .help = "Adam: added to the root"},
    /* Beyond the reference. */
    GCL_JITTER(1),
    {GCL_INT("decay_from", 0, 0, 1e9), .help = "step from which the learning rate falls", .beyond = 1},
    {GCL_INT("decay_steps", 0, 0, 1e9), .help = "steps in which it falls to 0 in a line; 0: it never falls", .beyond = 1},
    {GCL_BOOL("stochastic", 1), .help = "translations with dropout and batch statistics, as in training", .beyond = 1},
    GCL_GAN_SETTINGS,
    {.key = NULL},
};

#define ORIGINAL "variant=original slope=0.2 bn_eps=1e-5 bn_momentum=0.1 bn_gamma_std=0.02 " \
                 "update_order=d_first d_loss_scale=0.5 adam_form=torch eps=1e-8 "
static const gcl_preset presets[] = {
    {"small",              "size=128 ngf=32 ndf=32 depth=7 bottleneck_bn=true", 4, "128x128, half as wide, for a CPU"},
    {"small64",            "size=64 ngf=16 ndf=16 depth=6 bottleneck_bn=true", 4, "64x64, a quarter as wide"},
    {"pix2pix256",         "", 1, "the paper's networks as in TensorFlow's tutorial"},
    {"pix2pix256-tf",      "bottleneck_bn=true", 1, "the same with the tutorial's batch norm at the bottleneck"},
    {"pix2pix256-original", ORIGINAL, 1, "as the authors published it"},
    {"pix2pix128-original", ORIGINAL "size=128 depth=7", 1, "the authors' network for 128x128"},
    {"tiny",               "size=64 ngf=4 ndf=6 depth=6", 1, "for tests"},
    {"tiny-tf",            "size=64 ngf=4 ndf=6 depth=6 bottleneck_bn=true", 1, "for tests"},
    {"tiny-original",      ORIGINAL "size=64 ngf=4 ndf=6 depth=6", 1, "for tests"},
    {NULL, NULL, 0, NULL},
};
/* clang-format on */

typedef struct builder {
    gcl_nn *nn;
    const gcl_model *model;
    int size, in_channels, out_channels, ngf, ndf, depth, max_mult, d_layers, original;
    double slope, bn_eps, bn_momentum, dropout;
} builder;

static builder builder_of(gcl_nn *nn, const gcl_model *m)
{
    if (nn != NULL)
        gcl_nn_set_init(nn, (gcl_policy){.kind = GCL_POLICY_GAUSSIAN,
                                         .std = 0.02,
                                         .gamma_std = gcl_model_real(m, "bn_gamma_std")});
    return (builder){.nn = nn,
                     .model = m,
                     .size = gcl_model_int(m, "size"),
                     .in_channels = gcl_model_int(m, "in_channels"),
                     .out_channels = gcl_model_int(m, "out_channels"),
                     .ngf = gcl_model_int(m, "ngf"),
                     .ndf = gcl_model_int(m, "ndf"),
                     .depth = gcl_model_int(m, "depth"),
                     .max_mult = gcl_model_int(m, "max_mult"),
                     .d_layers = gcl_model_int(m, "d_layers"),
                     .original = gcl_model_is(m, "variant", "original"),
                     .slope = gcl_model_real(m, "slope"),
                     .bn_eps = gcl_model_real(m, "bn_eps"),
                     .bn_momentum = gcl_model_real(m, "bn_momentum"),
                     .dropout = gcl_model_real(m, "dropout")};
}

static int check(const gcl_model *model, gcl_error *err)
{
    builder b = builder_of(NULL, model);
    int step = 1 << b.depth, below = b.size - b.size % step, most = 0;
    while (b.size >> (most + 1) > 0)
        most++;
    if (gcl_pairs_check(model, err) != 0)
        return -1;
    if (b.depth > most)
        return gcl_fail(err, GCL_USAGE,
                        "depth=%d: a picture with size=%d can be halved %d times, not more",
                        b.depth, b.size, most);
    if (b.size % step != 0)
        return gcl_fail(
            err, GCL_USAGE,
            "size=%d: with depth=%d the side must be a multiple of %d, such as %d or %d", b.size,
            b.depth, step, below, below + step);
    if (b.d_layers > 0 && b.size >> b.d_layers < 3)
        return gcl_fail(err, GCL_USAGE,
                        "d_layers=%d leave D nothing of a picture with size=%d: take fewer, or a "
                        "larger size",
                        b.d_layers, b.size);
    return 0;
}

/* ---- layers --------------------------------------------------------------------------------------- */

#define AT         gcl_graph_at(gcl_nn_graph(b->nn), "models/pix2pix.c", __LINE__)
#define K(kernel)  kernel
#define S(stride)  stride
#define P(padding) padding

static gcl_node *batch_norm(builder *b, gcl_node *x)
{
    return gcl_layer_batch_norm(b->nn, "bn", x, b->bn_eps, b->bn_momentum);
}

/* Half the size: `channels` features of x. Batch norm has a bias, so convolutions have none. */
static gcl_node *halve(builder *b, int i, gcl_node *x, int channels, int norm)
{
    gcl_nn_push(b->nn, "down.%d", i);
    if (b->original && i > 0)
        x = gcl_leaky_relu(x, b->slope);
    x = (AT, gcl_layer_conv(b->nn, "conv", x, channels, K(4), S(2), P(1), GCL_NO_BIAS));
    if (norm)
        x = batch_norm(b, x);
    if (!b->original)
        x = gcl_leaky_relu(x, b->slope);
    gcl_nn_pop(b->nn);
    return x;
}

/* Twice the size: as many features of x as `skip` has, and behind them `skip`. */
static gcl_node *twice(builder *b, int i, gcl_node *x, gcl_node *mask, gcl_node *skip)
{
    int channels = skip->shape.d[3];
    gcl_nn_push(b->nn, "up.%d", i);
    if (b->original)
        x = gcl_relu(x);
    x = (AT,
         gcl_layer_conv_transpose(b->nn, "conv", x, channels, K(4), S(2), P(1), 0, GCL_NO_BIAS));
    x = batch_norm(b, x);
    if (mask != NULL)
        x = gcl_layer_dropout(b->nn, x, mask, 1 - b->dropout);
    if (!b->original)
        x = gcl_relu(x);
    gcl_nn_pop(b->nn);
    return (AT, gcl_concat((gcl_node *[]){x, skip}, 2));
}

/* A layer of D: convolution, batch norm or bias or neither, LeakyReLU. */
enum { PLAIN, BIAS, NORM };
static gcl_node *judge(builder *b, const char *name, gcl_node *x, int channels, int kernel,
                       int stride, int pad, int kind)
{
    gcl_nn_push(b->nn, "%s", name);
    x = (AT, gcl_layer_conv(b->nn, "conv", x, channels, kernel, stride, pad, kind == BIAS));
    if (kind == NORM)
        x = batch_norm(b, x);
    gcl_nn_pop(b->nn);
    return gcl_leaky_relu(x, b->slope);
}

/* ---- the two networks ------------------------------------------------------------------------------ */

static int times(int i, int most) { return 1 << i < most ? 1 << i : most; } /* 1 2 4 8 8 8 ... */

/* Channels of G at size / 2^(level+1). */
static int width(const builder *b, int level) { return b->ngf * times(level, b->max_mult); }

/* Which features of G's first doublings are kept, at [i]; NULL: all of them. */
typedef struct masks {
    gcl_node *of[MOST_DEPTH];
} masks;

/* Sources [N,size,size,in_channels] -> pictures [N,size,size,out_channels] with values in (-1, 1).
 * Layer i and its output in pix2pix256 (what `twice` gives is half skip):
 *     halve   0: 128x128x64  1: 64x64x128  2: 32x32x256  3: 16x16x512  4: 8x8x512  5: 4x4x512
 *             6: 2x2x512     7: 1x1x512
 *     twice   0: 2x2x1024    1: 4x4x1024   2: 8x8x1024   3: 16x16x1024
 *             4: 32x32x512   5: 64x64x256  6: 128x128x128
 *     out     256x256x3 */
static gcl_node *generator(builder *b, gcl_node *x, const masks *keep)
{
    int deepest = b->depth - 1, norm_there = gcl_model_int(b->model, "bottleneck_bn");
    gcl_node *skips[MOST_DEPTH];
    gcl_network *G = gcl_network_new(b->nn, "G");
    gcl_network_enter(G);
    for (int i = 0; i <= deepest; i++)
        skips[i] = x = halve(b, i, x, width(b, i), i < deepest ? i > 0 : norm_there);
    for (int i = 0; i < deepest; i++)
        x = twice(b, i, x, keep->of[i], skips[deepest - 1 - i]);
    if (b->original)
        x = gcl_relu(x);
    x = (AT,
         gcl_layer_conv_transpose(b->nn, "out", x, b->out_channels, K(4), S(2), P(1), 0, GCL_BIAS));
    gcl_network_leave(G);
    return gcl_tanh(x);
}

/* Sources and pictures [N,size,size,...] -> a logit for each patch: high for what belongs together.
 * Beside each layer its output for size=256; with d_layers=0 all layers are 1x1 (PixelGAN). */
static gcl_node *discriminator(builder *b, gcl_node *source, gcl_node *picture)
{
    static const char *const down[] = {"down.0", "down.1", "down.2", "down.3", "down.4"};
    int pixels = b->d_layers == 0, n = pixels ? 1 : b->d_layers;
    int k = pixels ? 1 : 4, s = pixels ? 1 : 2, p = pixels ? 0 : 1, ndf = b->ndf;
    gcl_network *D = gcl_network_new(b->nn, "D");
    gcl_network_enter(D);
    gcl_node *x = (AT, gcl_concat((gcl_node *[]){source, picture}, 2));          /* 256x256x6   */
    x = judge(b, down[0], x, ndf, K(k), S(s), P(p), b->original ? BIAS : PLAIN); /* 128x128x64  */
    for (int i = 1; i < n; i++)
        x = judge(b, down[i], x, ndf * times(i, 8), K(k), S(s), P(p), NORM);  /* 64, 32x32x256 */
    x = judge(b, "mid", x, ndf * times(n, 8), K(k), S(1), P(p), NORM);        /* 31x31x512   */
    x = (AT, gcl_layer_conv(b->nn, "out", x, 1, K(k), S(1), P(p), GCL_BIAS)); /* 30x30x1     */
    gcl_network_leave(D);
    return x;
}

/* ---- a training step ------------------------------------------------------------------------------- */

static masks draw_masks(builder *b, int n)
{
    masks drawn = {{NULL}};
    int layers = gcl_model_int(b->model, "dropout_layers");
    if (b->dropout == 0 || !gcl_nn_training(b->nn))
        return drawn;
    for (int i = 0; i < layers && i < b->depth - 1; i++) {
        char name[32];
        int side = b->size >> (b->depth - 1 - i), channels = width(b, b->depth - 2 - i);
        snprintf(name, sizeof name, "mask.%d", i);
        drawn.of[i] = gcl_nn_noise(b->nn, name, GCL_NOISE_KEEP,
                                   gcl_shape_of(n, side, side, channels), 1 - b->dropout, 0);
    }
    return drawn;
}

/* What one part of a step is given and draws. */
typedef struct part {
    gcl_node *source, *target;
    masks keep;
    int number;
} part;

/* A whole step. */
typedef struct work {
    builder *b;
    gcl_pairs pairs;
    masks keep;
} work;

static part part_of(const work *w, int number)
{
    part p = {.source = gcl_pairs_rows(&w->pairs, w->pairs.source, number), .number = number};
    p.target = gcl_pairs_rows(&w->pairs, w->pairs.target, number);
    for (int i = 0; i < MOST_DEPTH; i++)
        p.keep.of[i] = gcl_pairs_rows(&w->pairs, w->keep.of[i], number);
    return p;
}

/* D as the penalties of models/gan.h see it: a judge of pictures that belong to given sources. */
typedef struct beside {
    builder *b;
    gcl_node *source;
} beside;

static gcl_node *critic(void *context, gcl_node *picture)
{
    beside *it = context;
    return discriminator(it->b, it->source, picture);
}

/* Gathers d_loss_scale * (BCE(D(target), 1) + BCE(D(fake), 0)). Returns D(fake). */
static gcl_node *learn_to_tell(work *w, const part *p, gcl_node *fake)
{
    builder *b = w->b;
    gcl_node *of_real = discriminator(b, p->source, p->target);
    gcl_node *of_fake = discriminator(b, p->source, fake);
    gcl_node *d_real = gcl_pairs_cross_entropy(of_real, 1);
    gcl_node *d_fake = gcl_pairs_cross_entropy(of_fake, 0);
    gcl_node *loss = gcl_scale(gcl_add(d_real, d_fake), gcl_model_real(b->model, "d_loss_scale"));
    char between[32];
    snprintf(between, sizeof between, "between.%d", p->number);
    gcl_node *penalty =
        gcl_gan_penalty(b->nn, b->model, critic, &(beside){b, p->source}, p->target, fake, between);
    gcl_pairs_note(&w->pairs, "disc", loss);
    gcl_pairs_note(&w->pairs, "disc_real", d_real);
    gcl_pairs_note(&w->pairs, "disc_fake", d_fake);
    if (penalty != NULL)
        gcl_pairs_note(&w->pairs, "d_penalty", penalty);
    gcl_network_gather(gcl_network_new(b->nn, "D"), gcl_gan_penalised(loss, penalty));
    return of_fake;
}

/* Gathers BCE(D(fake), 1) + l1_weight * mean |target - fake|. */
static void learn_to_make(work *w, const part *p, gcl_node *fake, gcl_node *of_fake)
{
    builder *b = w->b;
    gcl_node *gan = gcl_pairs_cross_entropy(of_fake, 1), *l1 = gcl_loss_l1(p->target, fake);
    gcl_node *loss = gcl_add(gan, gcl_scale(l1, gcl_model_real(b->model, "l1_weight")));
    gcl_pairs_note(&w->pairs, "gen_total", loss);
    gcl_pairs_note(&w->pairs, "gen_gan", gan);
    gcl_pairs_note(&w->pairs, "gen_l1", l1);
    gcl_network_gather(gcl_network_new(b->nn, "G"), loss);
}

static gcl_node *update(builder *b, const char *network)
{
    int torch = gcl_model_is(b->model, "adam_form", "torch");
    gcl_optimiser adam = gcl_pairs_adam(b->model, torch ? GCL_ADAM : GCL_ADAM_KERAS);
    return (AT, gcl_network_update(gcl_network_new(b->nn, network), &adam));
}

/* One pass of each network serves both gradients; then both are updated. */
static void train_together(work *w, gcl_step *out)
{
    for (int i = 0; i < w->pairs.parts; i++) {
        part p = part_of(w, i);
        gcl_node *fake = generator(w->b, p.source, &p.keep);
        gcl_node *of_fake = learn_to_tell(w, &p, fake);
        learn_to_make(w, &p, fake, of_fake);
    }
    gcl_step_guard(out, "G", update(w->b, "G"));
    gcl_step_guard(out, "D", update(w->b, "D"));
}

/* D learns first, then G from the new D. With several parts G makes each part's pictures twice (a
 * detached source makes them nodes of their own): its activations are then those of one part, and do
 * not wait for D's update. */
static void train_in_turn(work *w, gcl_step *out)
{
    gcl_node *fake = NULL;
    for (int i = 0; i < w->pairs.parts; i++) {
        part p = part_of(w, i);
        fake = generator(w->b, w->pairs.parts > 1 ? gcl_detach(p.source) : p.source, &p.keep);
        learn_to_tell(w, &p, gcl_detach(fake));
    }
    gcl_step_guard(out, "D", update(w->b, "D"));
    for (int i = 0; i < w->pairs.parts; i++) {
        part p = part_of(w, i);
        if (w->pairs.parts > 1)
            fake = generator(w->b, p.source, &p.keep);
        gcl_node *of_fake = discriminator(w->b, p.source, fake);
        learn_to_make(w, &p, fake, of_fake);
    }
    gcl_step_guard(out, "G", update(w->b, "G"));
}

static void step(gcl_nn *nn, const gcl_model *model, const gcl_batch *batch, gcl_step *out)
{
    builder built = builder_of(nn, model), *b = &built;
    work w = {.b = b, .pairs = (AT, gcl_pairs_inputs(nn, model, batch))};
    w.keep = draw_masks(b, batch->size * batch->parts);
    if (gcl_model_is(model, "update_order", "d_first"))
        train_in_turn(&w, out);
    else
        train_together(&w, out);
    gcl_gan_average(nn, model, "G");
    gcl_pairs_report(&w.pairs, out);
}

/* Both networks' rate: constant, then falling to 0 where the settings want it. */
static double schedule(const gcl_model *model, const char *scalar, int64_t step)
{
    int64_t from = gcl_model_int(model, "decay_from"), steps = gcl_model_int(model, "decay_steps");
    (void)scalar;
    return steps > 0 ? gcl_schedule_linear_decay(step, from, steps, 1) : 1;
}

/* ---- the row ----------------------------------------------------------------------------------------- */

static gcl_node *translate(gcl_nn *nn, const gcl_model *model, gcl_node *source)
{
    builder b = builder_of(nn, model);
    if (!gcl_model_int(model, "stochastic"))
        gcl_nn_set_training(nn, 0);
    masks keep = draw_masks(&b, source->shape.d[0]);
    return generator(&b, source, &keep);
}

static void pass(gcl_nn *nn, const gcl_model *model, const char *name, int count, gcl_ports *ports)
{
    builder b = builder_of(nn, model);
    gcl_shape in = gcl_shape_of(count, b.size, b.size, b.in_channels);
    gcl_shape picture = gcl_shape_of(count, b.size, b.size, b.out_channels);
    gcl_node *source = gcl_port_in(ports, nn, "source", in);
    if (name[0] == 'G') {
        masks keep = draw_masks(&b, count);
        gcl_port_out(ports, "G", generator(&b, source, &keep));
    } else {
        gcl_node *target = gcl_port_in(ports, nn, "target", picture);
        gcl_port_out(ports, "D", discriminator(&b, source, target));
    }
}

const gcl_system gcl_pix2pix = {
    .name = "pix2pix",
    .help = "pix2pix: pictures from pictures, by a U-Net and a discriminator of patches",
    .settings = settings,
    .presets = presets,
    .networks = gcl_gan_networks,
    .check = check,
    .data = gcl_pairs_data,
    .step = step,
    .schedule = schedule,
    .passes = gcl_gan_networks,
    .pass = pass,
    .translate = translate,
    .translate_in_training = 1,
    .picture_low = -1,
    .picture_high = 1,
};
