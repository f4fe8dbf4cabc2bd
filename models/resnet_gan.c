/* A ResNet-50-like discriminator or classifier, and the generator that mirrors it.
 *
 * Bottleneck blocks with the stride on the 3x3 convolution (as torchvision's ResNet-50 v1.5), two stem
 * convolutions instead of one and a pool, LeakyReLU, dropout after every block, and at the end a mean
 * over all pixels and a dense layer. The generator runs the same table backwards with transposed
 * convolutions. Two modes: `gan` (one output: the logit; non-saturating loss, Adam) and `classifier`
 * (softmax, SGD with momentum and weight decay). */
#include <stdio.h>

#include "models/gan.h"
#include "models/systems.h"
#include "nn/layers.h"
#include "nn/losses.h"
#include "nn/schedule.h"

/* ---- settings ------------------------------------------------------------------------------------ */

/* clang-format off */
static const gcl_setting settings[] = {
    {GCL_INT("size", 128, 16, 1024), .help = "side of the pictures, a multiple of 16"},
    {GCL_INT("width", 64, 1, 1024), .help = "channels of the stem; stages have 1, 2, 4, 8 times that"},
    {GCL_INTS("blocks", "3,4,6,3", 4, 4, 1, 64), .help = "residual blocks of each stage, the first of which resamples"},
    {GCL_INT("in_channels", 3, 1, 3), .help = "of the pictures: 1 or 3"},
    {GCL_INT("num_outputs", 1, 1, 100000), .help = "1: a logit (gan); else the classes (classifier)"},
    {GCL_INT("latent", 128, 1, 4096), .help = "length of a latent vector"},
    {GCL_BOOL("conv_bias", 0), .help = "convolutions have a bias although batch norm follows"},
    {GCL_REAL("slope", 0.2, 0, 1), .help = "LeakyReLU's slope below 0"},
    {GCL_REAL("dropout", 0.1, 0, 0.99), .help = "share that is dropped after each block of D"},
    {GCL_CHOICE("stem", 0, "full light"), .help = "second stem convolution: full: 8x8, light: 4x4"},
    {GCL_CHOICE("big_up", 0, "4x4s2p1 2x2s2"), .help = "up-sampling convolution of G's blocks"},
    {GCL_CHOICE("shortcut_up", 0, "2x2s2 3x3s2p1op1"), .help = "and of their shortcuts"},
    {GCL_CHOICE("mode", 0, "gan classifier"), .help = "what is trained"},
    {GCL_REAL("real_label", 1, 0, 1), .help = "D's target for real pictures"},
    {GCL_REAL("lr", 2e-4, 0, 10), .help = "learning rate"},
    {GCL_REALS("betas", "0.5,0.999", 2, 2, 0, 0.999999), .help = "Adam: shares of the old mean and mean square"},
    {GCL_REAL("eps", 1e-8, 0, 1), .help = "Adam: added to the root"},
    {GCL_REAL("momentum", 0.9, 0, 0.9999), .help = "SGD (classifier)"},
    {GCL_REAL("weight_decay", 1e-4, 0, 1), .help = "SGD (classifier): added to the gradient times the weights"},
    /* Beyond the reference. */
    {GCL_INT("cosine_steps", 0, 0, 1e9), .help = "the learning rate falls to 0 by a cosine over so many steps; 0: constant", .beyond = 1},
    {GCL_INT("warmup_steps", 0, 0, 1e9), .help = "and first rises from 0 over so many", .beyond = 1},
    GCL_AUGMENT_SETTING,
    GCL_GAN_SETTINGS,
    {.key = NULL},
};

#define CLASSIFIER "mode=classifier lr=0.1 "
static const gcl_preset presets[] = {
    {"small",                "width=16 blocks=2,2,2,2", 16, "128x128, a quarter as wide"},
    {"resnet128",            "", 16, "ResNet-50 at 128x128 and its mirror"},
    {"resnet128-classifier", CLASSIFIER "num_outputs=1000", 32, "1000 classes"},
    {"small-classifier",     CLASSIFIER "width=8 size=32 blocks=2,2,2,2 num_outputs=10", 32, "32x32, 10 classes"},
    {"tiny",                 "width=4 size=32 blocks=2,1,1,2 latent=16", 16, "for tests"},
    {"tiny-classifier",      CLASSIFIER "width=8 size=32 blocks=2,1,1,1 num_outputs=10", 16, "for tests"},
    {NULL, NULL, 0, NULL},
};
/* clang-format on */

enum { STAGES = 4, MOST_BLOCKS = 4 * 64 };

typedef struct builder {
    gcl_nn *nn;
    const gcl_model *model;
    int size, width, blocks[STAGES], in_channels, num_outputs, latent, bias;
    double slope, dropout;
} builder;

static int is_gan(const gcl_model *model) { return gcl_model_is(model, "mode", "gan"); }

static builder builder_of(gcl_nn *nn, const gcl_model *model)
{
    builder b = {.nn = nn,
                 .model = model,
                 .size = gcl_model_int(model, "size"),
                 .width = gcl_model_int(model, "width"),
                 .in_channels = gcl_model_int(model, "in_channels"),
                 .num_outputs = gcl_model_int(model, "num_outputs"),
                 .latent = gcl_model_int(model, "latent"),
                 .bias = gcl_model_int(model, "conv_bias"),
                 .slope = gcl_model_real(model, "slope"),
                 .dropout = gcl_model_real(model, "dropout")};
    for (int i = 0; i < STAGES; i++)
        b.blocks[i] = (int)gcl_model_items(model, "blocks", NULL)[i];
    if (nn != NULL && is_gan(model))
        gcl_nn_set_init(nn,
                        (gcl_policy){.kind = GCL_POLICY_GAUSSIAN, .std = 0.02, .gamma_std = 0.02});
    else if (nn != NULL)
        gcl_nn_set_init(nn, (gcl_policy){.kind = GCL_POLICY_HE});
    return b;
}

static int check(const gcl_model *model, gcl_error *err)
{
    builder b = builder_of(NULL, model);
    if (b.size % 16 != 0)
        return gcl_fail(err, GCL_USAGE, "size=%d: the side must be a multiple of 16, such as %d",
                        b.size, b.size - b.size % 16);
    if (b.in_channels == 2)
        return gcl_fail(err, GCL_USAGE, "in_channels=2: pictures have 1 or 3 channels");
    if (is_gan(model) && b.num_outputs != 1)
        return gcl_fail(err, GCL_USAGE,
                        "num_outputs=%d: with mode=gan the output is one logit; for classes set "
                        "mode=classifier",
                        b.num_outputs);
    if (!is_gan(model) && b.num_outputs < 2)
        return gcl_fail(err, GCL_USAGE, "num_outputs=1: mode=classifier wants 2 classes or more");
    gcl_augment what = gcl_gan_augment(model, -1, 1);
    if (!is_gan(model) && (what.flip || what.shift || what.colour || what.cutout))
        return gcl_fail(err, GCL_USAGE,
                        "augment: only with mode=gan (here data.flip=true mirrors)");
    if (gcl_model_int(model, "cosine_steps") > 0 &&
        gcl_model_int(model, "warmup_steps") >= gcl_model_int(model, "cosine_steps"))
        return gcl_fail(err, GCL_USAGE, "warmup_steps=%d: must be fewer than cosine_steps=%d",
                        gcl_model_int(model, "warmup_steps"), gcl_model_int(model, "cosine_steps"));
    return 0;
}

/* ---- layers ---------------------------------------------------------------------------------------- */

#define AT         gcl_graph_at(gcl_nn_graph(b->nn), "models/resnet_gan.c", __LINE__)
#define ACT(x)     gcl_leaky_relu(x, b->slope)
#define CONV(...)  (AT, conv(b, __VA_ARGS__))
#define UP(...)    (AT, up(b, __VA_ARGS__))
#define BLOCK(...) (AT, block(b, __VA_ARGS__))
#define K(kernel)  kernel
#define S(stride)  stride
#define P(padding) padding

static gcl_node *norm(builder *b, gcl_node *x)
{
    return gcl_layer_batch_norm(b->nn, "bn", x, 1e-5, 0.1);
}

/* Batch norm of a convolution. */
static gcl_node *conv(builder *b, const char *name, gcl_node *x, int channels, int kernel,
                      int stride, int pad)
{
    gcl_nn_push(b->nn, "%s", name);
    x = norm(b, gcl_layer_conv(b->nn, "conv", x, channels, kernel, stride, pad, b->bias));
    gcl_nn_pop(b->nn);
    return x;
}

/* Batch norm of a transposed convolution. */
static gcl_node *up(builder *b, const char *name, gcl_node *x, int channels, int kernel, int stride,
                    int pad, int out_pad)
{
    gcl_nn_push(b->nn, "%s", name);
    x = gcl_layer_conv_transpose(b->nn, "conv", x, channels, kernel, stride, pad, out_pad, b->bias);
    x = norm(b, x);
    gcl_nn_pop(b->nn);
    return x;
}

typedef enum resampling { SAME, DOWN, DOUBLE } resampling;

static gcl_node *middle(builder *b, gcl_node *y, int width, resampling how)
{
    if (how == DOUBLE && gcl_model_is(b->model, "big_up", "2x2s2"))
        return UP("conv2", y, width, K(2), S(2), P(0), 0);
    if (how == DOUBLE)
        return UP("conv2", y, width, K(4), S(2), P(1), 0);
    return CONV("conv2", y, width, K(3), S(how == DOWN ? 2 : 1), P(1));
}

static gcl_node *shortcut(builder *b, gcl_node *x, int channels, resampling how)
{
    if (how == DOUBLE && gcl_model_is(b->model, "shortcut_up", "3x3s2p1op1"))
        return UP("shortcut", x, channels, K(3), S(2), P(1), 1);
    if (how == DOUBLE)
        return UP("shortcut", x, channels, K(2), S(2), P(0), 0);
    if (how == DOWN || x->shape.d[3] != channels)
        return CONV("shortcut", x, channels, K(1), S(how == DOWN ? 2 : 1), P(0));
    return x;
}

/* act(conv3(act(conv2(act(conv1 x)))) + shortcut x), then dropout. conv1 to `width` channels, conv3 to
 * `channels`. A region: its inside may be computed again in the backward pass. */
static gcl_node *block(builder *b, const char *name, gcl_node *x, int width, int channels,
                       resampling how, gcl_node *mask)
{
    gcl_graph *g = gcl_nn_graph(b->nn);
    gcl_nn_push(b->nn, "%s", name);
    gcl_region_begin(g);
    gcl_node *y = ACT(CONV("conv1", x, width, K(1), S(1), P(0)));
    y = ACT(middle(b, y, width, how));
    y = CONV("conv3", y, channels, K(1), S(1), P(0));
    y = ACT(gcl_add(y, shortcut(b, x, channels, how)));
    gcl_region_end(g);
    if (mask != NULL)
        y = gcl_layer_dropout(b->nn, y, mask, 1 - b->dropout);
    gcl_nn_pop(b->nn);
    return y;
}

/* ---- the two networks; beside each layer what it gives in resnet128 ----------------------------------- */

static const char *block_name(char name[32], int stage, int i)
{
    snprintf(name, 32, "stages.%d.%d", stage, i);
    return name;
}

/* Dropout masks of D's blocks in order of execution, NULL where nothing is dropped. */
typedef struct masks {
    gcl_node *of[MOST_BLOCKS];
} masks;

/* Pictures [N,size,size,in_channels] -> logits or class scores [N,1,1,num_outputs]. */
static gcl_node *discriminator(builder *b, gcl_node *x, const masks *kept)
{
    gcl_network *D = gcl_network_new(b->nn, "D");
    int w = b->width, light = gcl_model_is(b->model, "stem", "light"), n = 0;
    char name[32];
    gcl_network_enter(D);
    x = ACT(CONV("stem_a", x, w, K(7), S(1), P(3)));                             /* 128x128x64 */
    x = ACT(CONV("stem_b", x, 2 * w, K(light ? 4 : 8), S(2), P(light ? 1 : 3))); /* 64x64x128 */
    for (int stage = 0; stage < STAGES; stage++, w *= 2)                         /* 64x64x256 */
        for (int i = 0; i < b->blocks[stage]; i++, n++)                          /* ..8x8x2048 */
            x = BLOCK(block_name(name, stage, i), x, w, 4 * w, stage > 0 && i == 0 ? DOWN : SAME,
                      kept->of[n]);
    x = gcl_mean_over(x, GCL_AXIS_H | GCL_AXIS_W);
    x = (AT, gcl_layer_dense(b->nn, "head", x, 1, 1, b->num_outputs));
    gcl_network_leave(D);
    return x;
}

/* Latents [N,1,1,latent] -> pictures [N,size,size,in_channels] in (-1, 1). */
static gcl_node *generator(builder *b, gcl_node *x)
{
    gcl_network *G = gcl_network_new(b->nn, "G");
    int w = b->width, light = gcl_model_is(b->model, "stem", "light");
    char name[32];
    gcl_network_enter(G);
    x = ACT(UP("entry", x, 32 * w, K(b->size / 16), S(1), P(0), 0)); /* 8x8x2048 */
    for (int i = 0; i < STAGES; i++) {
        int stage = STAGES - 1 - i, width = w << stage, last = b->blocks[stage] - 1;
        for (int k = 0; k < last; k++)
            x = BLOCK(block_name(name, i, k), x, width, 4 * width, SAME, NULL); /* 8x8x2048 */
        x = BLOCK(block_name(name, i, last), x, width, 2 * width, stage > 0 ? DOUBLE : SAME,
                  NULL); /* 16x16x1024 */
    }
    x = ACT(UP("stem_b", x, w, K(light ? 4 : 8), S(2), P(light ? 1 : 3), 0)); /* 128x128x64 */
    x = (AT, gcl_tanh(gcl_layer_conv(b->nn, "out", x, b->in_channels, K(7), S(1), P(3), GCL_BIAS)));
    gcl_network_leave(G);
    return x;
}

/* ---- a training step ------------------------------------------------------------------------------- */

/* Noise PREFIX.0, PREFIX.1 ... for n pictures. */
static masks draw_masks(builder *b, const char *prefix, int n)
{
    masks drawn = {{NULL}};
    int k = 0;
    if (b->dropout == 0 || !gcl_nn_training(b->nn))
        return drawn;
    for (int stage = 0; stage < STAGES; stage++) {
        int side = b->size / 2 >> stage, channels = 4 * b->width << stage;
        for (int i = 0; i < b->blocks[stage]; i++, k++) {
            char name[40];
            snprintf(name, sizeof name, "%s.%d", prefix, k);
            drawn.of[k] = gcl_nn_noise(b->nn, name, GCL_NOISE_KEEP,
                                       gcl_shape_of(n, side, side, channels), 1 - b->dropout, 0);
        }
    }
    return drawn;
}

static masks rows_of_masks(const masks *all, int first, int n)
{
    masks part = {{NULL}};
    for (int i = 0; i < MOST_BLOCKS; i++)
        if (all->of[i] != NULL)
            part.of[i] = gcl_rows(all->of[i], first, n);
    return part;
}

static gcl_node *latents(builder *b, const char *name, int n)
{
    return gcl_nn_noise(b->nn, name, GCL_NOISE_NORMAL, gcl_shape_of(n, 1, 1, b->latent), 0, 1);
}

static gcl_node *pictures(builder *b, int n)
{
    gcl_shape shape = gcl_shape_of(n, b->size, b->size, b->in_channels);
    return (AT, gcl_nn_pictures(b->nn, "x", shape, -1, 1));
}

static gcl_optimiser adam(const gcl_model *model)
{
    const double *betas = gcl_model_items(model, "betas", NULL);
    return (gcl_optimiser){.kind = GCL_ADAM,
                           .learning_rate = gcl_model_real(model, "lr"),
                           .beta1 = betas[0],
                           .beta2 = betas[1],
                           .eps = gcl_model_real(model, "eps")};
}

static gcl_optimiser sgd(const gcl_model *model)
{
    return (gcl_optimiser){.kind = GCL_SGD,
                           .learning_rate = gcl_model_real(model, "lr"),
                           .momentum = gcl_model_real(model, "momentum"),
                           .weight_decay = gcl_model_real(model, "weight_decay")};
}

static gcl_node *target(builder *b, double value)
{
    return gcl_constant(gcl_nn_graph(b->nn), value);
}

static gcl_node *sum_up(gcl_node *sum, gcl_node *more)
{
    return sum != NULL ? gcl_add(sum, more) : more;
}

/* D as the penalties of models/gan.h see it: nothing is dropped. */
static gcl_node *critic(void *context, gcl_node *x)
{
    static const masks none;
    return discriminator(context, x, &none);
}

/* Real and fake pictures are batches of their own, so that their statistics do not mix. */
static void train_discriminator(builder *b, const gcl_batch *batch, gcl_step *out)
{
    int n = batch->size, total = n * batch->parts;
    gcl_node *x = pictures(b, total), *z = latents(b, "z_d", total);
    masks real_masks = draw_masks(b, "mask_real", total);
    masks fake_masks = draw_masks(b, "mask_fake", total);
    gcl_augment what = gcl_gan_augment(b->model, -1, 1);
    gcl_augment_draws augment_real = gcl_augment_draw(b->nn, &what, "augment_real", total);
    gcl_augment_draws augment_fake = gcl_augment_draw(b->nn, &what, "augment_fake", total);
    gcl_node *d_real = NULL, *d_fake = NULL, *penalties = NULL;
    gcl_network *D = gcl_network_new(b->nn, "D");
    gcl_optimiser optimiser = adam(b->model);
    for (int part = 0; part < batch->parts; part++) {
        int first = part * n;
        masks of_real = rows_of_masks(&real_masks, first, n);
        masks of_fake = rows_of_masks(&fake_masks, first, n);
        gcl_node *reals = gcl_rows(x, first, n), *fakes = generator(b, gcl_rows(z, first, n));
        reals = gcl_augmented(reals, &augment_real, first);
        fakes = gcl_augmented(fakes, &augment_fake, first);
        gcl_node *real = gcl_loss_bce_logits(discriminator(b, reals, &of_real),
                                             target(b, gcl_model_real(b->model, "real_label")), 0);
        gcl_node *fake = gcl_loss_bce_logits(discriminator(b, fakes, &of_fake), target(b, 0), 0);
        char between[32];
        snprintf(between, sizeof between, "between.%d", part);
        gcl_node *penalty = gcl_gan_penalty(b->nn, b->model, critic, b, reals, fakes, between);
        gcl_network_gather(D, gcl_gan_penalised(gcl_add(real, fake), penalty));
        d_real = sum_up(d_real, real);
        d_fake = sum_up(d_fake, fake);
        penalties = penalty != NULL ? sum_up(penalties, penalty) : NULL;
    }
    d_real = gcl_scale(d_real, 1.0 / batch->parts);
    d_fake = gcl_scale(d_fake, 1.0 / batch->parts);
    gcl_step_loss(out, "d_loss", gcl_add(d_real, d_fake));
    gcl_step_loss(out, "d_real", d_real);
    gcl_step_loss(out, "d_fake", d_fake);
    if (penalties != NULL)
        gcl_step_loss(out, "d_penalty", gcl_scale(penalties, 1.0 / batch->parts));
    gcl_step_guard(out, "D", (AT, gcl_network_update(D, &optimiser)));
}

static void train_generator(builder *b, const gcl_batch *batch, gcl_step *out)
{
    int n = batch->size, total = n * batch->parts;
    gcl_node *z = latents(b, "z_g", total), *g_loss = NULL;
    masks gen_masks = draw_masks(b, "mask_gen", total);
    gcl_augment what = gcl_gan_augment(b->model, -1, 1);
    gcl_augment_draws augment_g = gcl_augment_draw(b->nn, &what, "augment_g", total);
    gcl_network *G = gcl_network_new(b->nn, "G");
    gcl_optimiser optimiser = adam(b->model);
    for (int part = 0; part < batch->parts; part++) {
        masks of_gen = rows_of_masks(&gen_masks, part * n, n);
        gcl_node *fakes = generator(b, gcl_rows(z, part * n, n));
        fakes = gcl_augmented(fakes, &augment_g, part * n);
        gcl_node *loss = gcl_loss_bce_logits(discriminator(b, fakes, &of_gen), target(b, 1), 0);
        gcl_network_gather(G, loss);
        g_loss = sum_up(g_loss, loss);
    }
    gcl_step_loss(out, "g_loss", gcl_scale(g_loss, 1.0 / batch->parts));
    gcl_step_guard(out, "G", (AT, gcl_network_update(G, &optimiser)));
    gcl_gan_average(b->nn, b->model, "G");
}

static void train_classifier(builder *b, const gcl_batch *batch, gcl_step *out)
{
    int n = batch->size, total = n * batch->parts;
    gcl_node *x = pictures(b, total), *labels = gcl_nn_labels(b->nn, "label", total), *loss = NULL;
    masks drawn = draw_masks(b, "mask", total);
    gcl_network *D = gcl_network_new(b->nn, "D");
    gcl_optimiser optimiser = sgd(b->model);
    for (int part = 0; part < batch->parts; part++) {
        int first = part * n;
        masks of_part = rows_of_masks(&drawn, first, n);
        gcl_node *scores = discriminator(b, gcl_rows(x, first, n), &of_part);
        gcl_node *of = gcl_loss_softmax(scores, gcl_rows(labels, first, n));
        gcl_network_gather(D, of);
        loss = sum_up(loss, of);
    }
    gcl_step_loss(out, "loss", gcl_scale(loss, 1.0 / batch->parts));
    gcl_step_guard(out, "D", (AT, gcl_network_update(D, &optimiser)));
}

static void step(gcl_nn *nn, const gcl_model *model, const gcl_batch *batch, gcl_step *out)
{
    builder b = builder_of(nn, model);
    if (is_gan(model)) {
        train_discriminator(&b, batch, out);
        train_generator(&b, batch, out);
    } else {
        train_classifier(&b, batch, out);
    }
}

/* Every network's rate: warm-up, then a cosine, where the settings want them. */
static double schedule(const gcl_model *model, const char *scalar, int64_t step)
{
    int warmup = gcl_model_int(model, "warmup_steps"), all = gcl_model_int(model, "cosine_steps");
    (void)scalar;
    if (step < warmup)
        return (double)(step + 1) / warmup;
    return all > 0 ? gcl_schedule_cosine(step - warmup, all - warmup, 1, 0) : 1;
}

static void data(const gcl_model *model, gcl_wanted *wanted)
{
    *wanted = (gcl_wanted){.kind = is_gan(model) ? GCL_WANT_PICTURES : GCL_WANT_LABELLED,
                           .size = gcl_model_int(model, "size"),
                           .channels = gcl_model_int(model, "in_channels"),
                           .classes = is_gan(model) ? 0 : gcl_model_int(model, "num_outputs"),
                           .levels = 256};
}

/* ---- the row ----------------------------------------------------------------------------------------- */

static gcl_shape latent(const gcl_model *model, int count)
{
    return gcl_shape_of(count, 1, 1, gcl_model_int(model, "latent"));
}

static gcl_node *generate(gcl_nn *nn, const gcl_model *model, gcl_node *z)
{
    builder b = builder_of(nn, model);
    return generator(&b, z);
}

static gcl_node *classify(gcl_nn *nn, const gcl_model *model, gcl_node *x)
{
    builder b = builder_of(nn, model);
    masks drawn = draw_masks(&b, "mask", x->shape.d[0]);
    return discriminator(&b, x, &drawn);
}

static gcl_node *judge(gcl_nn *nn, const gcl_model *model, gcl_node *x)
{
    builder b = builder_of(nn, model);
    return critic(&b, x);
}

static const char *lacks(const gcl_model *model, gcl_task task)
{
    if (task == GCL_TASK_JUDGE && !is_gan(model))
        return "has no discriminator with mode=classifier";
    if (task == GCL_TASK_GENERATE && !is_gan(model))
        return "has no generator with mode=classifier";
    if (task == GCL_TASK_CLASSIFY && is_gan(model))
        return "has no classes with mode=gan";
    return NULL;
}

static void pass(gcl_nn *nn, const gcl_model *model, const char *name, int count, gcl_ports *ports)
{
    builder b = builder_of(nn, model);
    if (name[0] == 'G') {
        gcl_node *z = gcl_port_in(ports, nn, "z", latent(model, count));
        gcl_port_out(ports, "G", generator(&b, z));
    } else {
        gcl_shape shape = gcl_shape_of(count, b.size, b.size, b.in_channels);
        gcl_node *x = gcl_port_in(ports, nn, "x", shape);
        masks drawn = draw_masks(&b, is_gan(model) ? "mask_real" : "mask", count);
        gcl_port_out(ports, "D", discriminator(&b, x, &drawn));
    }
}

static const char *const *networks(const gcl_model *model)
{
    static const char *const both[] = {"D", "G", NULL}, *const one[] = {"D", NULL};
    return is_gan(model) ? both : one;
}

const gcl_system gcl_resnet_gan = {
    .name = "resnet_gan",
    .help = "ResNet-50-like discriminator with its mirror generator, or a classifier",
    .settings = settings,
    .presets = presets,
    .networks = networks,
    .check = check,
    .data = data,
    .step = step,
    .schedule = schedule,
    .passes = networks,
    .pass = pass,
    .lacks = lacks,
    .latent = latent,
    .generate = generate,
    .control_scale = 1,
    .classify = classify,
    .judge = judge,
    .picture_low = -1,
    .picture_high = 1,
};
