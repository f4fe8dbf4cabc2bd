/* A residual double-convolution U-Net with a discriminator of the same make.
 *
 * After an implementation for grey-scale pictures: blocks of two 3x3 convolutions whose input, fitted
 * to the output's channels and size, is added to the result; average pools; the part that is handed
 * over from the way down passes a batch norm, whether or not there are others. G's loss is a weighted
 * sum of D's verdict, L1, total variation, SSIM and GMSD.
 *
 * Without padding every 3x3 convolution takes a pixel off each edge, and the target is cut to the
 * middle that is left. The original's first LeakyReLU works in place, so that its residual is
 * activated too: residual_src=activated. */
#include <stdio.h>

#include "models/gan.h"
#include "models/paired.h"
#include "models/systems.h"
#include "models/unet_size.h"
#include "nn/layers.h"
#include "nn/losses.h"
#include "ops/ops.h"

enum { MOST_LEVELS = 8, MOST_WEIGHTS = 1 << 30 };

/* ---- settings ------------------------------------------------------------------------------------ */

/* Terms of G's loss. */
enum { GAN, L1, TV, SSIM, GMSD, N_TERMS };
static const char *const terms[N_TERMS] = {"gan", "l1", "tv", "ssim", "gmsd"};

/* clang-format off */
static const gcl_setting settings[] = {
    {GCL_INT("size", 256, 8, 4096), .help = "side of the pictures, a multiple of 2^n_levels"},
    {GCL_INT("in_channels", 1, 1, 3), .help = "of sources: 1 or 3"},
    {GCL_INT("out_channels", 1, 1, 3), .help = "of targets: 1 or 3"},
    {GCL_INT("n_levels", 4, 1, MOST_LEVELS), .help = "halvings in G; D has as many and two more"},
    {GCL_INT("n_channels", 512, 4, 8192), .also = "Latent_dim latent_dim", .help = "channels at the deepest level, a multiple of 2^n_levels"},
    {GCL_BOOL("padding", 1), .help = "convolutions of G keep the size; false: the output is smaller"},
    {GCL_BOOL("d_padding", 1), .help = "the same of D"},
    {GCL_BOOL("batch_norm", 0), .help = "before the activations"},
    {GCL_CHOICE("up_mode", 0, "upsample upconv pixelshuffle"), .help = "doubling: bilinear, 2x2 transposed convolution, 3x3 convolution and shuffle"},
    {GCL_CHOICE("residual_src", 0, "input activated"), .help = "what blocks add: their input, or LeakyReLU of it (without batch norm)"},
    {GCL_BOOL("cond_d", 0), .help = "D sees the source too"},
    {GCL_REAL("dropout", 0.5, 0, 0.99), .help = "share of D's last features that is dropped"},
    {GCL_REAL("slope", 0.1, 0, 1), .help = "LeakyReLU's slope below 0"},
    {GCL_WEIGHTS("loss", "gan l1 tv ssim gmsd", "gan:1,l1:100,tv:0,ssim:0,gmsd:0", 1e6), .help = "weights of the terms of G's loss; 0: not computed"},
    {GCL_REAL("lr", 2e-4, 0, 1), .help = "learning rate of G and D"},
    {GCL_REALS("betas", "0.5,0.999", 2, 2, 0, 0.999999), .help = "Adam: shares of the old mean and mean square"},
    {GCL_REAL("eps", 1e-8, 0, 1), .help = "Adam: added to the root"},
    /* Beyond the reference. */
    GCL_JITTER(0),
    GCL_GAN_SETTINGS,
    {.key = NULL},
};

static const gcl_preset presets[] = {
    {"colour",       "n_levels=3 n_channels=64 size=128 in_channels=3 out_channels=3 batch_norm=true lr=0.001", 4,
                     "128x128, colour, for a CPU; batch norm keeps it from black where pictures are mostly black"},
    {"small",        "n_levels=3 n_channels=64 size=64", 8, "64x64, few channels, for a CPU"},
    {"l4n512",       "", 8, "256x256, grey to grey"},
    {"l4n512-upconv", "up_mode=upconv", 8, "with transposed convolutions"},
    {"l4n512-pixelshuffle", "up_mode=pixelshuffle", 8, "with convolutions and pixel shuffle"},
    {"default",      "n_levels=5 n_channels=64", 8, "the implementation's own defaults: deep and narrow"},
    {"l4n256-rgb",   "n_channels=256 in_channels=3 out_channels=3", 8, "256x256, colour, half as wide"},
    {"tiny",         "n_levels=2 n_channels=32 size=32", 2, "for tests"},
    {"tiny-all",     "n_levels=2 n_channels=16 size=48 loss=gan:1,l1:50,tv:2,ssim:10,gmsd:20", 2, "for tests: all terms"},
    {NULL, NULL, 0, NULL},
};
/* clang-format on */

typedef struct builder {
    gcl_nn *nn;
    const gcl_model *model;
    int size, in_channels, out_channels, channels, batch_norm;
    double slope, dropout;
    gcl_unet_form form;
} builder;

static builder builder_of(gcl_nn *nn, const gcl_model *m)
{
    if (nn != NULL)
        gcl_nn_set_init(nn, (gcl_policy){.kind = GCL_POLICY_PYTORCH});
    return (builder){.nn = nn,
                     .model = m,
                     .size = gcl_model_int(m, "size"),
                     .in_channels = gcl_model_int(m, "in_channels"),
                     .out_channels = gcl_model_int(m, "out_channels"),
                     .channels = gcl_model_int(m, "n_channels"),
                     .batch_norm = gcl_model_int(m, "batch_norm"),
                     .slope = gcl_model_real(m, "slope"),
                     .dropout = gcl_model_real(m, "dropout"),
                     .form = {.levels = gcl_model_int(m, "n_levels"),
                              .padding = gcl_model_int(m, "padding"),
                              .d_padding = gcl_model_int(m, "d_padding"),
                              .least_output = gcl_model_weight(m, "loss", "ssim") ? 11 : 1}};
}

/* Channels at a level: 0 is the picture's size. */
static int width(const builder *b, int level) { return b->channels >> (b->form.levels - level); }

static double weight_of(const gcl_model *model, const char *term)
{
    return gcl_model_weight(model, "loss", term);
}

/* Elements of D's last feature map. */
static double features(const builder *b)
{
    double side = gcl_unet_features(&b->form, b->size);
    return b->channels * side * side;
}

static int check(const gcl_model *model, gcl_error *err)
{
    builder b = builder_of(NULL, model);
    int step = 1 << b.form.levels, less = b.channels - b.channels % step;
    if (gcl_pairs_check(model, err) != 0)
        return -1;
    if (b.channels % step != 0 || b.channels < 2 * step)
        return gcl_fail(err, GCL_USAGE,
                        "n_channels=%d: with n_levels=%d a multiple of %d and at least %d is "
                        "wanted, such as %d",
                        b.channels, b.form.levels, step, 2 * step,
                        less < 2 * step ? 2 * step : less);
    if (gcl_unet_check_size(&b.form, b.size, err) != 0)
        return -1;
    if (features(&b) * features(&b) / 2 > MOST_WEIGHTS)
        return gcl_fail(err, GCL_USAGE,
                        "size=%d: D's dense layer would have %.3g weights: take fewer n_channels, "
                        "or more n_levels",
                        b.size, features(&b) * features(&b) / 2);
    for (int i = 0; i < N_TERMS; i++)
        if (weight_of(model, terms[i]) != 0)
            return 0;
    return gcl_fail(err, GCL_USAGE, "loss: all weights are 0: G has nothing to learn");
}

/* ---- layers --------------------------------------------------------------------------------------- */

#define AT         gcl_graph_at(gcl_nn_graph(b->nn), "models/unet_gan.c", __LINE__)
#define CONV3(...) (AT, gcl_layer_conv(b->nn, __VA_ARGS__))
#define K(kernel)  kernel
#define S(stride)  stride
#define P(padding) padding

static gcl_node *batch_norm(builder *b, const char *name, gcl_node *x)
{
    return gcl_layer_batch_norm(b->nn, name, x, 1e-5, 0.1);
}

/* LeakyReLU(batch norm, if there is to be one). What batch norm follows has no bias of its own. */
static gcl_node *activate(builder *b, const char *norm, gcl_node *x)
{
    return gcl_leaky_relu(b->batch_norm ? batch_norm(b, norm, x) : x, b->slope);
}

/* Pictures -> the first `channels` features. */
static gcl_node *first_at(builder *b, gcl_node *x, int channels, int pad)
{
    gcl_nn_push(b->nn, "first");
    x = CONV3("conv1", x, channels / 2, K(3), S(1), P(pad), GCL_BIAS);
    x = gcl_leaky_relu(x, b->slope);
    x = CONV3("conv2", x, channels, K(3), S(1), P(pad), !b->batch_norm);
    gcl_nn_pop(b->nn);
    return x;
}

/* Twice (activation, convolution) in a region of its own; stride 1: + x, as far as it fits. */
static gcl_node *block_at(builder *b, const char *name, gcl_node *x, int channels, int stride,
                          int pad)
{
    int middle = (x->shape.d[3] + channels) / 2, bias = !b->batch_norm;
    int activated = !b->batch_norm && gcl_model_is(b->model, "residual_src", "activated");
    gcl_nn_push(b->nn, "%s", name);
    gcl_region_begin(gcl_nn_graph(b->nn));
    gcl_node *a = activate(b, "bn1", x);
    gcl_node *y = CONV3("conv1", a, middle, K(3), S(stride), P(pad), bias);
    y = activate(b, "bn2", y);
    y = CONV3("conv2", y, channels, K(3), S(stride), P(pad), bias);
    if (stride == 1) {
        x = gcl_fit_channels(activated ? a : x, channels);
        y = gcl_add(y, gcl_center_crop(x, y->shape.d[1], y->shape.d[2]));
    }
    gcl_region_end(gcl_nn_graph(b->nn));
    gcl_nn_pop(b->nn);
    return y;
}

/* Twice the size, by one of three ways. */
static gcl_node *enlarge(builder *b, gcl_node *x)
{
    int channels = x->shape.d[3];
    if (gcl_model_is(b->model, "up_mode", "upconv"))
        return (AT,
                gcl_layer_conv_transpose(b->nn, "up", x, channels, K(2), S(2), P(0), 0, GCL_BIAS));
    if (gcl_model_is(b->model, "up_mode", "pixelshuffle"))
        return (AT, gcl_layer_conv_shuffle(b->nn, "up", x, channels));
    return (AT, gcl_bilinear(x, 0));
}

/* block(x enlarged, beside it the normalised middle of `skip`). */
static gcl_node *up_at(builder *b, const char *name, gcl_node *x, gcl_node *skip, int channels)
{
    gcl_nn_push(b->nn, "%s", name);
    x = enlarge(b, x);
    skip = gcl_center_crop(skip, x->shape.d[1], x->shape.d[2]);
    skip = (AT, batch_norm(b, "skip_bn", skip));
    x = (AT, gcl_concat((gcl_node *[]){x, skip}, 2));
    x = block_at(b, "block", x, channels, S(1), P(b->form.padding));
    gcl_nn_pop(b->nn);
    return x;
}

/* Features -> pictures with values in (-1, 1). */
static gcl_node *last_at(builder *b, gcl_node *x, int channels)
{
    gcl_nn_push(b->nn, "last");
    x = CONV3("conv1", x, x->shape.d[3] / 2, K(3), S(1), P(1), !b->batch_norm);
    x = activate(b, "bn", x);
    x = CONV3("conv2", x, channels, K(3), S(1), P(1), GCL_BIAS);
    gcl_nn_pop(b->nn);
    return gcl_tanh(x);
}

/* ---- the two networks ------------------------------------------------------------------------------ */

static const char *const down[MOST_LEVELS] = {"down.0", "down.1", "down.2", "down.3",
                                              "down.4", "down.5", "down.6", "down.7"};
static const char *const up[MOST_LEVELS] = {"up.0", "up.1", "up.2", "up.3",
                                            "up.4", "up.5", "up.6", "up.7"};

/* Sources [N,size,size,in_channels] -> pictures [N,s,s,out_channels] with values in (-1, 1),
 * s = gcl_unet_output(size). In l4n512:
 *     first    256x256x32
 *     down     0: 256x256x64   1: 128x128x128   2: 64x64x256     3: 32x32x512, each halved behind it
 *     center   16x16x512
 *     up       0: 32x32x256    1: 64x64x128     2: 128x128x64    3: 256x256x32
 *     last     256x256x1 */
static gcl_node *generator(builder *b, gcl_node *x)
{
    int levels = b->form.levels, pad = b->form.padding;
    gcl_node *skips[MOST_LEVELS];
    gcl_network *G = gcl_network_new(b->nn, "G");
    gcl_network_enter(G);
    x = first_at(b, x, width(b, 0), P(pad));
    for (int i = 0; i < levels; i++) {
        skips[i] = block_at(b, down[i], x, width(b, i + 1), S(1), P(pad));
        x = gcl_avg_pool(skips[i], 2);
    }
    x = block_at(b, "center", x, width(b, levels), S(1), P(pad));
    for (int i = 0; i < levels; i++)
        x = up_at(b, up[i], x, skips[levels - 1 - i], width(b, levels - 1 - i));
    x = last_at(b, x, b->out_channels);
    gcl_network_leave(G);
    return x;
}

/* Pictures [N,s,s,out_channels], and with cond_d the middle of their sources -> logits [N,1,1,1]:
 * high for what looks real. `mask` keeps features in training, NULL keeps all. In l4n512:
 *     first    256x256x32
 *     down     0: 256x256x64   1: 128x128x128   2: 64x64x256     3: 32x32x512, each halved behind it
 *     center   4x4x512, in two strides of 2
 *     fc1      4096
 *     fc2      1 */
static gcl_node *discriminator(builder *b, gcl_node *source, gcl_node *x, gcl_node *mask)
{
    int pad = b->form.d_padding, levels = b->form.levels;
    gcl_network *D = gcl_network_new(b->nn, "D");
    gcl_network_enter(D);
    if (source != NULL)
        x = (AT, gcl_concat((gcl_node *[]){source, x}, 2));
    x = first_at(b, x, width(b, 0), P(pad));
    for (int i = 0; i < levels; i++)
        x = gcl_avg_pool(block_at(b, down[i], x, width(b, i + 1), S(1), P(pad)), 2);
    x = block_at(b, "center", x, width(b, levels), S(2), P(pad));
    x = (AT, gcl_layer_dense(b->nn, "fc1", x, 1, 1, (int)features(b) / 2));
    x = gcl_leaky_relu(x, b->slope);
    if (mask != NULL)
        x = gcl_layer_dropout(b->nn, x, mask, 1 - b->dropout);
    x = (AT, gcl_layer_dense(b->nn, "fc2", x, 1, 1, 1));
    gcl_network_leave(D);
    return x;
}

/* ---- a training step ------------------------------------------------------------------------------- */

/* Which of D's last features are kept for n pictures. NULL: all are. */
static gcl_node *draw_mask(builder *b, const char *name, int n)
{
    if (b->dropout == 0 || !gcl_nn_training(b->nn))
        return NULL;
    return gcl_nn_noise(b->nn, name, GCL_NOISE_KEEP, gcl_shape_of(n, 1, 1, (int)features(b) / 2),
                        1 - b->dropout, 0);
}

/* The middle of pictures that G's output shows. */
static gcl_node *middle_of(const builder *b, gcl_node *x)
{
    int side = gcl_unet_output(&b->form, x->shape.d[1]);
    return gcl_center_crop(x, side, side);
}

/* What D sees of the sources: NULL if nothing. */
static gcl_node *condition(const builder *b, gcl_node *source)
{
    return gcl_model_int(b->model, "cond_d") ? middle_of(b, source) : NULL;
}

enum { MASK_REAL, MASK_FAKE, MASK_GEN, MASKS };

/* What one part of a step is given and draws. `target` is what G's output is compared with, `beside`
 * what D sees of the source. */
typedef struct part {
    gcl_node *source, *target, *beside, *masks[MASKS];
    int number;
} part;

/* A whole step. */
typedef struct work {
    builder *b;
    gcl_pairs pairs;
    gcl_node *masks[MASKS];
} work;

static part part_of(const work *w, int number)
{
    part p = {.source = gcl_pairs_rows(&w->pairs, w->pairs.source, number), .number = number};
    p.target = middle_of(w->b, gcl_pairs_rows(&w->pairs, w->pairs.target, number));
    p.beside = condition(w->b, p.source);
    for (int i = 0; i < MASKS; i++)
        p.masks[i] = gcl_pairs_rows(&w->pairs, w->masks[i], number);
    return p;
}

/* D as the penalties of models/gan.h see it: a judge of pictures of given sources, nothing dropped. */
typedef struct judge {
    builder *b;
    gcl_node *beside;
} judge;

static gcl_node *critic(void *context, gcl_node *picture)
{
    judge *it = context;
    return discriminator(it->b, it->beside, picture, NULL);
}

/* Gathers (BCE(D(target), 1) + BCE(D(fake), 0)) / 2. */
static void learn_to_tell(work *w, const part *p, gcl_node *fake)
{
    builder *b = w->b;
    gcl_node *of_real = discriminator(b, p->beside, p->target, p->masks[MASK_REAL]);
    gcl_node *d_real = gcl_pairs_cross_entropy(of_real, 1);
    gcl_node *of_fake = discriminator(b, p->beside, fake, p->masks[MASK_FAKE]);
    gcl_node *d_fake = gcl_pairs_cross_entropy(of_fake, 0);
    gcl_node *loss = gcl_scale(gcl_add(d_real, d_fake), 0.5);
    char between[32];
    snprintf(between, sizeof between, "between.%d", p->number);
    gcl_node *penalty =
        gcl_gan_penalty(b->nn, b->model, critic, &(judge){b, p->beside}, p->target, fake, between);
    gcl_pairs_note(&w->pairs, "d_loss", loss);
    gcl_pairs_note(&w->pairs, "d_real", d_real);
    gcl_pairs_note(&w->pairs, "d_fake", d_fake);
    if (penalty != NULL)
        gcl_pairs_note(&w->pairs, "d_penalty", penalty);
    gcl_network_gather(gcl_network_new(b->nn, "D"), gcl_gan_penalised(loss, penalty));
}

/* A term of G's loss. */
static gcl_node *term_of(builder *b, const part *p, gcl_node *fake, int term)
{
    gcl_node *ours = gcl_unit_range(fake), *wanted = gcl_unit_range(p->target);
    switch (term) {
    case GAN:
        return gcl_pairs_cross_entropy(discriminator(b, p->beside, fake, p->masks[MASK_GEN]), 1);
    case L1: return gcl_loss_l1(fake, p->target);
    case TV: return gcl_loss_tv(fake);
    case SSIM: return gcl_loss_ssim(ours, wanted);
    default: return gcl_loss_gmsd(ours, wanted);
    }
}

/* Gathers the weighted sum of the terms that have a weight. */
static void learn_to_make(work *w, const part *p, gcl_node *fake)
{
    static const char *const names[N_TERMS] = {"g_gan", "g_l1", "g_tv", "g_ssim", "g_gmsd"};
    gcl_node *sum = NULL;
    for (int i = 0; i < N_TERMS; i++) {
        double weight = weight_of(w->b->model, terms[i]);
        if (weight == 0)
            continue;
        gcl_node *term = term_of(w->b, p, fake, i), *weighted = gcl_scale(term, weight);
        gcl_pairs_note(&w->pairs, names[i], term);
        sum = sum != NULL ? gcl_add(sum, weighted) : weighted;
    }
    gcl_pairs_note(&w->pairs, "g_loss", sum);
    gcl_network_gather(gcl_network_new(w->b->nn, "G"), sum);
}

static gcl_node *update(builder *b, const char *network)
{
    gcl_optimiser adam = gcl_pairs_adam(b->model, GCL_ADAM);
    return (AT, gcl_network_update(gcl_network_new(b->nn, network), &adam));
}

/* D learns first, then G from the new D. With several parts G makes each part's pictures twice (a
 * detached source makes them nodes of their own): its activations are then those of one part, and do
 * not wait for D's update. */
static void train(work *w, gcl_step *out)
{
    gcl_node *fake = NULL;
    for (int i = 0; i < w->pairs.parts; i++) {
        part p = part_of(w, i);
        fake = generator(w->b, w->pairs.parts > 1 ? gcl_detach(p.source) : p.source);
        learn_to_tell(w, &p, gcl_detach(fake));
    }
    gcl_step_guard(out, "D", update(w->b, "D"));
    for (int i = 0; i < w->pairs.parts; i++) {
        part p = part_of(w, i);
        if (w->pairs.parts > 1)
            fake = generator(w->b, p.source);
        learn_to_make(w, &p, fake);
    }
    gcl_step_guard(out, "G", update(w->b, "G"));
}

static void step(gcl_nn *nn, const gcl_model *model, const gcl_batch *batch, gcl_step *out)
{
    static const char *const names[MASKS] = {"mask_real", "mask_fake", "mask_gen"};
    builder built = builder_of(nn, model), *b = &built;
    work w = {.b = b, .pairs = (AT, gcl_pairs_inputs(nn, model, batch))};
    for (int i = 0; i < MASKS; i++)
        w.masks[i] = draw_mask(b, names[i], batch->size * batch->parts);
    train(&w, out);
    gcl_gan_average(nn, model, "G");
    gcl_pairs_report(&w.pairs, out);
}

/* ---- the row ----------------------------------------------------------------------------------------- */

static gcl_node *translate(gcl_nn *nn, const gcl_model *model, gcl_node *source)
{
    builder b = builder_of(nn, model);
    return generator(&b, source);
}

static void pass(gcl_nn *nn, const gcl_model *model, const char *name, int count, gcl_ports *ports)
{
    builder b = builder_of(nn, model);
    gcl_shape in = gcl_shape_of(count, b.size, b.size, b.in_channels);
    gcl_shape picture = gcl_shape_of(count, b.size, b.size, b.out_channels);
    gcl_node *source = gcl_port_in(ports, nn, "source", in);
    if (name[0] == 'G') {
        gcl_port_out(ports, "G", generator(&b, source));
    } else {
        gcl_node *target = gcl_port_in(ports, nn, "target", picture);
        gcl_node *mask = draw_mask(&b, "mask_real", count);
        gcl_port_out(ports, "D",
                     discriminator(&b, condition(&b, source), middle_of(&b, target), mask));
    }
}

const gcl_system gcl_unet_gan = {
    .name = "unet_gan",
    .help = "U-Net GAN: pictures from pictures, by a residual U-Net and its discriminator",
    .settings = settings,
    .presets = presets,
    .networks = gcl_gan_networks,
    .check = check,
    .data = gcl_pairs_data,
    .step = step,
    .passes = gcl_gan_networks,
    .pass = pass,
    .translate = translate,
    .picture_low = -1,
    .picture_high = 1,
};
