/* DCGAN: a convolution-heavy generator and a discriminator without padding.
 *
 * After a widely copied Keras notebook (reference sizes: 128x128 pictures, base 256, wide 512):
 * dense layer, 5x5 convolution, three doublings by transposed 4x4 convolutions, two 5x5 and a final
 * 7x7 convolution; LeakyReLU 0.3 everywhere, Glorot-uniform weights. The notebook has no batch
 * normalisation although its text claims it: both forms are presets.
 *
 * `standard` is the text's form, made to learn within minutes. Where a layer is followed by batch norm
 * the size of its weights is without effect, but a step of the optimiser turns small weights further:
 * from N(0, 0.005) and with Adam at 2e-4 (D 1e-4) shapes appear after some 300 steps, where Glorot's
 * weights with RMSprop at 1e-4 still show noise after as many. The last layer starts near 0, that is
 * with grey pictures, since its noise would have to be unlearnt first; running statistics follow
 * faster, so that early sample grids show what was learnt. Enlarging layers start as an enlargement by
 * nearest neighbours with a filter behind it (all phases of a transposed convolution alike, as ICNR
 * makes a pixel shuffle's, arXiv:1707.02937): with independent phases every picture of the first
 * thousand steps has a grid of 8 pixels on it. At such rates who wins depends on the pictures: of faces
 * D soon knows all, of small objects on black it learns so little that G turns about, every picture red
 * at one step and blue a hundred later. So D's pace follows its loss (`balance`), rates fall once there
 * are shapes (`half_at`: without it objects fade from step 600 on, with it later and less), and samples
 * come from an average of G. */
#include <math.h>
#include <stdio.h>

#include "models/gan.h"
#include "models/systems.h"
#include "nn/layers.h"
#include "nn/losses.h"
#include "nn/schedule.h"

/* ---- settings ------------------------------------------------------------------------------------ */

/* clang-format off */
static const gcl_setting settings[] = {
    {GCL_INT("size", 128, 16, 1024), .help = "side of the pictures, a multiple of 8"},
    {GCL_INT("base", 256, 1, 4096), .help = "channels while up-sampling, and of D"},
    {GCL_INT("wide", 512, 1, 4096), .help = "channels of the two 5x5 layers at full size"},
    {GCL_INT("dense", 128, 1, 4096), .help = "channels of the reshaped dense output"},
    {GCL_INT("latent", 32, 1, 4096), .help = "length of a latent vector"},
    {GCL_REAL("slope", 0.3, 0, 1), .help = "LeakyReLU's slope below 0"},
    {GCL_BOOL("batch_norm", 0), .help = "in G after layers 2-7, in D after layers 2-5"},
    {GCL_REAL("bn_eps", 1e-3, 1e-12, 1), .help = "added to batch norm's variance"},
    {GCL_REAL("bn_momentum", 0.01, 0, 1), .help = "share of the new value in running statistics"},
    {GCL_REAL("dropout", 0.4, 0, 0.99), .help = "share of D's features that is dropped"},
    {GCL_INT("down_layers", 4, 0, 8), .help = "halvings in D"},
    {GCL_REAL("label_noise", 0.05, 0, 1), .help = "targets move by up to this"},
    {GCL_BOOL("legacy", 0), .help = "the notebook's pictures in [0,1] and targets above 1"},
    {GCL_REAL("lr", 1e-4, 0, 1), .help = "learning rate of G and D"},
    {GCL_REAL("rho", 0.9, 0, 1), .help = "RMSprop: share of the old mean square"},
    {GCL_REAL("eps", 1e-7, 0, 1), .help = "added to the root in the optimiser"},
    {GCL_REAL("clip", 1, 0, 1e9), .help = "gradient elements are clipped to this; 0: never"},
    {GCL_REAL("decay", 1e-8, 0, 1), .help = "RMSprop: rate / (1 + decay * step)"},
    /* Beyond the reference. */
    {GCL_REAL("g_rate", 1, 0, 100), .help = "G's learning rate as a multiple of lr", .beyond = 1},
    {GCL_REAL("d_rate", 1, 0, 100), .help = "D's learning rate as a multiple of lr", .beyond = 1},
    {GCL_REAL("balance", 0, 0, 10), .help = "D's rate is multiplied by (D's loss / this)^2, within 1/4 and 4; 0: not", .beyond = 1},
    {GCL_INT("half_at", 0, 0, 1e9), .help = "rates are halved after so many steps, a third after twice as many, and then stay at a quarter; 0: constant", .beyond = 1},
    {GCL_REAL("init_std", 0, 0, 10), .help = "weights start as N(0, this); 0: Glorot uniform", .beyond = 1},
    {GCL_REAL("out_std", 0, 0, 10), .help = "the same of G's last layer; 0: as the others", .beyond = 1},
    {GCL_BOOL("smooth", 0), .help = "G's enlarging layers start as nearest neighbours, then a filter", .beyond = 1},
    {GCL_CHOICE("optimiser", 0, "rmsprop adam adam_keras"), .help = "of G and D", .beyond = 1},
    {GCL_REAL("beta1", 0.5, 0, 0.9999), .help = "Adam: share of the old mean", .beyond = 1},
    {GCL_REAL("beta2", 0.999, 0, 0.999999), .help = "Adam: share of the old mean square", .beyond = 1},
    GCL_AUGMENT_SETTING,
    GCL_GAN_SETTINGS,
    {.key = NULL},
};

static const gcl_preset presets[] = {
    {"standard",       "base=64 wide=32 batch_norm=true bn_momentum=0.1 optimiser=adam g_rate=2 "
                       "init_std=0.005 out_std=0.001 smooth=true balance=0.45 half_at=300 ema=0.99", 16, "128x128 with batch norm, widths for a CPU"},
    {"dcgan128",       "",                                16, "the notebook: no batch norm"},
    {"dcgan128-bn",    "batch_norm=true",                 16, "the notebook's text: with batch norm"},
    {"dcgan128-light", "wide=256",                        16, "half as wide at full size"},
    {"small",          "size=64 base=64 wide=64 dense=32", 16, "64x64"},
    {"small16",        "base=16 wide=32 dense=8",         16, "128x128, few channels"},
    {"tiny",           "size=64 base=12 wide=20 dense=6", 16, "for tests"},
    {"tiny-bn",        "size=64 base=12 wide=20 dense=6 batch_norm=true", 16, "for tests, batch norm"},
    {NULL, NULL, 0, NULL},
};
/* clang-format on */

typedef struct config {
    int size, base, wide, dense, latent, batch_norm, down_layers, legacy, smooth;
    double slope, bn_eps, bn_momentum, dropout, label_noise, g_rate, d_rate, balance, init_std,
        out_std;
    gcl_optimiser optimiser;
} config;

static gcl_optimiser optimiser_of(const gcl_model *m)
{
    static const gcl_optimiser_kind kinds[] = {GCL_RMSPROP, GCL_ADAM, GCL_ADAM_KERAS};
    return (gcl_optimiser){.kind = kinds[gcl_model_int(m, "optimiser")],
                           .learning_rate = gcl_model_real(m, "lr"),
                           .beta1 = gcl_model_real(m, "beta1"),
                           .beta2 = gcl_model_real(m, "beta2"),
                           .rho = gcl_model_real(m, "rho"),
                           .decay = gcl_model_real(m, "decay"),
                           .eps = gcl_model_real(m, "eps"),
                           .clip = gcl_model_real(m, "clip")};
}

static config config_of(const gcl_model *m)
{
    return (config){.size = gcl_model_int(m, "size"),
                    .base = gcl_model_int(m, "base"),
                    .wide = gcl_model_int(m, "wide"),
                    .dense = gcl_model_int(m, "dense"),
                    .latent = gcl_model_int(m, "latent"),
                    .batch_norm = gcl_model_int(m, "batch_norm"),
                    .down_layers = gcl_model_int(m, "down_layers"),
                    .legacy = gcl_model_int(m, "legacy"),
                    .slope = gcl_model_real(m, "slope"),
                    .bn_eps = gcl_model_real(m, "bn_eps"),
                    .bn_momentum = gcl_model_real(m, "bn_momentum"),
                    .dropout = gcl_model_real(m, "dropout"),
                    .label_noise = gcl_model_real(m, "label_noise"),
                    .smooth = gcl_model_int(m, "smooth"),
                    .init_std = gcl_model_real(m, "init_std"),
                    .out_std = gcl_model_real(m, "out_std"),
                    .g_rate = gcl_model_real(m, "g_rate"),
                    .d_rate = gcl_model_real(m, "d_rate"),
                    .balance = gcl_model_real(m, "balance"),
                    .optimiser = optimiser_of(m)};
}

/* Side of D's last feature map; below 1 if nothing is left of the picture. */
static int feature_side(const config *c)
{
    int side = c->size - 2;
    for (int i = 0; i < c->down_layers; i++)
        side = side < 4 ? 0 : (side - 4) / 2 + 1;
    return side;
}

static int check(const gcl_model *model, gcl_error *err)
{
    config c = config_of(model);
    if (c.size % 8 != 0)
        return gcl_fail(err, GCL_USAGE, "size=%d: the side must be a multiple of 8, such as %d",
                        c.size, c.size - c.size % 8);
    if (feature_side(&c) < 1)
        return gcl_fail(err, GCL_USAGE,
                        "down_layers=%d leave nothing of a picture with size=%d: take fewer, or a "
                        "larger size",
                        c.down_layers, c.size);
    return 0;
}

/* ---- layers: each is a line of the tables below, which errors name ---------------------------------- */

typedef struct builder {
    gcl_nn *nn;
    const gcl_model *model;
    config c;
} builder;

/* Weights start as N(0, std), or as Glorot's uniform for std = 0. */
static void set_init(gcl_nn *nn, double std, int smooth)
{
    gcl_policy_kind kind = std > 0 ? GCL_POLICY_GAUSSIAN : GCL_POLICY_GLOROT;
    gcl_nn_set_init(nn, (gcl_policy){.kind = kind, .std = std, .smooth = smooth});
}

static builder builder_of(gcl_nn *nn, const gcl_model *model)
{
    builder b = {nn, model, config_of(model)};
    set_init(nn, b.c.init_std, b.c.smooth);
    return b;
}

enum { PLAIN, NORM, UP = 2 }; /* NORM: batch norm if the settings want it; UP: transposed */

/* LeakyReLU(batch norm(convolution)). Batch norm has a bias of its own, so the convolution before it
 * has none. */
static gcl_node *conv_at(builder *b, const char *name, gcl_node *x, int channels, int kernel,
                         int stride, int pad, int kind)
{
    int norm = (kind & NORM) && b->c.batch_norm;
    gcl_nn_push(b->nn, "%s", name);
    if (kind & UP)
        x = gcl_layer_conv_transpose(b->nn, "conv", x, channels, kernel, stride, pad, 0, !norm);
    else
        x = gcl_layer_conv(b->nn, "conv", x, channels, kernel, stride, pad, !norm);
    if (norm)
        x = gcl_layer_batch_norm(b->nn, "bn", x, b->c.bn_eps, b->c.bn_momentum);
    x = gcl_leaky_relu(x, b->c.slope);
    gcl_nn_pop(b->nn);
    return x;
}

#define AT           gcl_graph_at(gcl_nn_graph(b->nn), "models/dcgan.c", __LINE__)
#define CONV(...)    (AT, conv_at(b, __VA_ARGS__))
#define DENSE(...)   (AT, gcl_layer_dense(b->nn, __VA_ARGS__))
#define FINAL(...)   (AT, gcl_tanh(gcl_layer_conv(b->nn, __VA_ARGS__, 1)))
#define DROPOUT(...) (AT, gcl_layer_dropout(b->nn, __VA_ARGS__))
#define K(kernel)    kernel
#define S(stride)    stride
#define P(padding)   padding

/* ---- the two networks; beside each layer what it gives in dcgan128 ---------------------------------- */

/* Latents [N,1,1,latent] -> pictures [N,size,size,3] with values in (-1, 1). */
static gcl_node *generator(builder *b, gcl_node *h)
{
    const config *c = &b->c;
    gcl_network *G = gcl_network_new(b->nn, "G");
    int side = c->size / 8;
    gcl_network_enter(G);
    h = DENSE("dense", h, side, side, c->dense); /*  16x16x128  */
    h = gcl_leaky_relu(h, c->slope);
    h = CONV("conv1", h, c->base, K(5), S(1), P(2), NORM);    /*  16x16x256  */
    h = CONV("up1", h, c->base, K(4), S(2), P(1), NORM | UP); /*  32x32x256  */
    h = CONV("up2", h, c->base, K(4), S(2), P(1), NORM | UP); /*  64x64x256  */
    h = CONV("up3", h, c->base, K(4), S(2), P(1), NORM | UP); /* 128x128x256 */
    h = CONV("conv2", h, c->wide, K(5), S(1), P(2), NORM);    /* 128x128x512 */
    h = CONV("conv3", h, c->wide, K(5), S(1), P(2), NORM);    /* 128x128x512 */
    if (c->out_std > 0) /* nearly grey at first: what grows then is what D asked for, not texture */
        set_init(b->nn, c->out_std, c->smooth);
    h = FINAL("out", h, 3, K(7), S(1), P(3)); /* 128x128x3   */
    set_init(b->nn, c->init_std, c->smooth);
    gcl_network_leave(G);
    return h;
}

/* Pictures [N,size,size,3] -> logits [N,1,1,1]: high for what looks made by G. `mask` keeps features
 * in training, NULL keeps all. */
static gcl_node *discriminator(builder *b, gcl_node *h, gcl_node *mask)
{
    const config *c = &b->c;
    static const char *const down[] = {"down.0", "down.1", "down.2", "down.3",
                                       "down.4", "down.5", "down.6", "down.7"};
    gcl_network *D = gcl_network_new(b->nn, "D");
    gcl_network_enter(D);
    h = CONV("conv", h, c->base, K(3), S(1), P(0), PLAIN); /* 126x126x256 */
    for (int i = 0; i < c->down_layers; i++)
        h = CONV(down[i], h, c->base, K(4), S(2), P(0), NORM); /* 62, 30, 14, 6x6x256 */
    if (mask != NULL)
        h = DROPOUT(h, mask, 1 - c->dropout);
    h = DENSE("head", h, 1, 1, 1); /* 1x1x1       */
    gcl_network_leave(D);
    return h;
}

/* ---- a training step ------------------------------------------------------------------------------- */

static gcl_node *latents(builder *b, const char *name, int n)
{
    return gcl_nn_noise(b->nn, name, GCL_NOISE_NORMAL, gcl_shape_of(n, 1, 1, b->c.latent), 0, 1);
}

/* Which of D's features are kept for n pictures. NULL if all are. */
static gcl_node *feature_mask(builder *b, const char *name, int n)
{
    const config *c = &b->c;
    int side = feature_side(c);
    if (c->dropout == 0 || !gcl_nn_training(b->nn))
        return NULL;
    return gcl_nn_noise(b->nn, name, GCL_NOISE_KEEP, gcl_shape_of(n, side, side, c->base),
                        1 - c->dropout, 0);
}

/* gcl_rows, NULL of NULL. */
static gcl_node *rows(gcl_node *x, int first, int n)
{
    return x != NULL ? gcl_rows(x, first, n) : NULL;
}

/* gcl_stack, NULL of NULL. */
static gcl_node *stack(gcl_node *a, gcl_node *b) { return a != NULL ? gcl_stack(a, b) : NULL; }

/* What a step draws or is given, for all its pictures. D's is for the fakes, then for the reals. */
typedef struct draws {
    gcl_node *reals, *z_d, *z_g, *mask_d, *mask_g, *label_noise;
    gcl_augment_draws augment_real, augment_fake, augment_g;
    int size, total; /* pictures in a part and in all */
    double limit;    /* of logits, 0: none */
} draws;

static gcl_augment augmentation(const builder *b)
{
    return gcl_gan_augment(b->model, b->c.legacy ? 0 : -1, 1);
}

static void draw_for_discriminator(builder *b, draws *d)
{
    const config *c = &b->c;
    gcl_shape picture = gcl_shape_of(d->total, c->size, c->size, 3);
    d->reals = (AT, gcl_nn_pictures(b->nn, "x", picture, c->legacy ? 0 : -1, 1));
    d->z_d = latents(b, "z_d", d->total);
    d->mask_d = feature_mask(b, "mask_d", 2 * d->total);
    d->label_noise = gcl_nn_noise(b->nn, "label_noise", GCL_NOISE_UNIFORM,
                                  gcl_shape_of(2 * d->total, 1, 1, 1), 0, c->label_noise);
    gcl_augment what = augmentation(b);
    d->augment_real = gcl_augment_draw(b->nn, &what, "augment_real", d->total);
    d->augment_fake = gcl_augment_draw(b->nn, &what, "augment_fake", d->total);
}

static void draw_for_generator(builder *b, draws *d)
{
    d->z_g = latents(b, "z_g", d->total);
    d->mask_g = feature_mask(b, "mask_g", d->total);
    gcl_augment what = augmentation(b);
    d->augment_g = gcl_augment_draw(b->nn, &what, "augment_g", d->total);
}

/* D as the penalties of models/gan.h see it: nothing is dropped. */
static gcl_node *critic(void *context, gcl_node *pictures)
{
    return discriminator(context, pictures, NULL);
}

/* D's loss on a part: fakes have the target 1 (less the noise n), reals 0 (plus the noise), fakes
 * first. Batch norm must not mix the statistics of the two, so they are batches of their own then. */
static gcl_node *discriminator_loss(builder *b, const draws *d, int part)
{
    const config *c = &b->c;
    int n = d->size, first = part * n;
    gcl_node *fakes = generator(b, rows(d->z_d, first, n)), *reals = rows(d->reals, first, n);
    fakes = gcl_augmented(fakes, &d->augment_fake, first);
    reals = gcl_augmented(reals, &d->augment_real, first);
    gcl_node *fake_mask = rows(d->mask_d, first, n), *logits;
    gcl_node *real_mask = rows(d->mask_d, d->total + first, n);
    if (c->batch_norm) { /* one after the other: each moves the running statistics */
        gcl_node *of_fakes = discriminator(b, fakes, fake_mask);
        gcl_node *of_reals = discriminator(b, reals, real_mask);
        logits = stack(of_fakes, of_reals);
    } else {
        gcl_node *mask = n == d->total ? d->mask_d : stack(fake_mask, real_mask);
        logits = discriminator(b, stack(fakes, reals), mask);
    }
    gcl_node *fake_noise = rows(d->label_noise, first, n);
    gcl_node *real_noise = rows(d->label_noise, d->total + first, n);
    gcl_node *fake_target = gcl_shift(c->legacy ? fake_noise : gcl_neg(fake_noise), 1);
    gcl_node *loss = gcl_loss_bce_logits(logits, stack(fake_target, real_noise), d->limit);
    char between[32];
    snprintf(between, sizeof between, "between.%d", part);
    return gcl_gan_penalised(loss,
                             gcl_gan_penalty(b->nn, b->model, critic, b, reals, fakes, between));
}

/* G wants the target 0 ("real"). */
static gcl_node *generator_loss(builder *b, const draws *d, int part)
{
    int n = d->size, first = part * n;
    gcl_node *fakes = generator(b, rows(d->z_g, first, n));
    fakes = gcl_augmented(fakes, &d->augment_g, first);
    gcl_node *logits = discriminator(b, fakes, rows(d->mask_g, first, n));
    return gcl_loss_bce_logits(logits, gcl_constant(gcl_nn_graph(b->nn), 0), d->limit);
}

/* D's pace by its loss: it waits while it tells reals and fakes apart too well for G to learn from it,
 * and hurries while G leads it about. */
static gcl_node *pace_of(const config *c, gcl_node *loss)
{
    if (c->balance == 0)
        return NULL;
    return gcl_clamp(gcl_square(gcl_scale(loss, 1 / c->balance)), 0.25, 4);
}

/* One update of a network by the mean of its loss over the parts; paced: at the pace of that loss. */
static void train(builder *b, const char *network, const char *loss_name, double rate, int paced,
                  gcl_node *(*loss_of)(builder *b, const draws *d, int part), const draws *d,
                  gcl_step *out)
{
    gcl_network *net = gcl_network_new(b->nn, network);
    gcl_optimiser optimiser = b->c.optimiser;
    gcl_node *sum = NULL;
    int parts = d->total / d->size;
    for (int part = 0; part < parts; part++) {
        gcl_node *loss = loss_of(b, d, part);
        gcl_network_gather(net, loss);
        sum = sum == NULL ? loss : gcl_add(sum, loss);
    }
    gcl_node *mean = gcl_scale(sum, 1.0 / parts);
    optimiser.learning_rate *= rate;
    optimiser.pace = paced ? pace_of(&b->c, mean) : NULL;
    gcl_step_loss(out, loss_name, mean);
    gcl_step_guard(out, network, (AT, gcl_network_update(net, &optimiser)));
}

/* D learns to tell, then G learns to fool the new D. */
static void step(gcl_nn *nn, const gcl_model *model, const gcl_batch *batch, gcl_step *out)
{
    builder made = builder_of(nn, model), *b = &made;
    draws d = {.size = batch->size, .total = batch->size * batch->parts};
    /* Where Keras clips probabilities to [1e-7, 1 - 1e-7]; targets above 1 need it. */
    d.limit = b->c.legacy ? log((1 - 1e-7) / 1e-7) : 0;
    draw_for_discriminator(b, &d);
    train(b, "D", "d_loss", b->c.d_rate, 1, discriminator_loss, &d, out);
    draw_for_generator(b, &d);
    train(b, "G", "g_loss", b->c.g_rate, 0, generator_loss, &d, out);
    gcl_gan_average(nn, model, "G");
}

static void data(const gcl_model *model, gcl_wanted *wanted)
{
    *wanted = (gcl_wanted){.kind = GCL_WANT_PICTURES,
                           .size = gcl_model_int(model, "size"),
                           .channels = 3,
                           .levels = 256};
}

static double schedule(const gcl_model *model, const char *scalar, int64_t step)
{
    double half_at = gcl_model_int(model, "half_at");
    (void)scalar;
    return half_at > 0 ? fmax(gcl_schedule_inverse_time(step, 1, 1 / half_at), 0.25) : 1;
}

/* ---- the row ----------------------------------------------------------------------------------------- */

static gcl_shape latent(const gcl_model *model, int count)
{
    return gcl_shape_of(count, 1, 1, gcl_model_int(model, "latent"));
}

/* The notebook's form is trained on pictures in [0, 1]: what lies below is black. */
static gcl_node *generate(gcl_nn *nn, const gcl_model *model, gcl_node *z)
{
    builder b = builder_of(nn, model);
    gcl_node *pictures = generator(&b, z);
    return b.c.legacy ? gcl_shift(gcl_scale(gcl_relu(pictures), 2), -1) : pictures;
}

/* D's logits are those of "made by G", and in the notebook's form of pictures in [0, 1]. */
static gcl_node *judge(gcl_nn *nn, const gcl_model *model, gcl_node *x)
{
    builder b = builder_of(nn, model);
    return gcl_neg(discriminator(&b, b.c.legacy ? gcl_scale(gcl_shift(x, 1), 0.5) : x, NULL));
}

static void pass(gcl_nn *nn, const gcl_model *model, const char *name, int count, gcl_ports *ports)
{
    builder b = builder_of(nn, model);
    if (name[0] == 'G') {
        gcl_node *z = gcl_port_in(ports, nn, "z", latent(model, count));
        gcl_port_out(ports, "G", generator(&b, z));
    } else {
        gcl_shape shape = gcl_shape_of(count, b.c.size, b.c.size, 3);
        gcl_node *x = gcl_port_in(ports, nn, "x", shape);
        gcl_port_out(ports, "D", discriminator(&b, x, feature_mask(&b, "mask_g", count)));
    }
}

const gcl_system gcl_dcgan = {
    .name = "dcgan",
    .help = "DCGAN: pictures from latent vectors, by a generator and a discriminator",
    .settings = settings,
    .presets = presets,
    .networks = gcl_gan_networks,
    .check = check,
    .data = data,
    .step = step,
    .schedule = schedule,
    .passes = gcl_gan_networks,
    .pass = pass,
    .latent = latent,
    .generate = generate,
    .control_scale = 0.5,
    .judge = judge,
    .picture_low = -1,
    .picture_high = 1,
};
