/* NVAE's cells (arXiv:2007.03898, section 3.1.1 and figure 3).
 *
 * The encoder's is two 3x3 convolutions, the decoder's a wide depthwise 5x5 one between two of 1x1:
 * a large view at few multiplications. Both begin with batch norm and swish and end with squeeze and
 * excitation. The inner values of a cell need not be kept for the backward pass: a cell is a region. */
#include <math.h>

#include "models/nvae.h"
#include "nn/layers.h"
#include "ops/ops.h"

#define AT             gcl_graph_at(gcl_nn_graph(vae->nn), "models/nvae_cells.c", __LINE__)
#define NORM(name, x)  (AT, gcl_layer_batch_norm(vae->nn, name, x, 1e-5, 0.05))
#define SWISH(x)       gcl_swish(x)
#define ELU(x)         gcl_elu(x)
#define WN_CONV(...)   (AT, gcl_layer_wn_conv(vae->nn, __VA_ARGS__, GCL_BIAS))
#define CONV1x1(...)   (AT, gcl_layer_conv(vae->nn, __VA_ARGS__, K(1), S(1), P(0), GCL_NO_BIAS))
#define DEPTHWISE(...) (AT, gcl_layer_depthwise(vae->nn, __VA_ARGS__, GCL_NO_BIAS))
#define MASKED(...)    (AT, gcl_layer_masked_conv(vae->nn, __VA_ARGS__))
#define K(kernel)      kernel
#define S(stride)      stride
#define P(padding)     padding

/* What is built until `leave` lies below "list.i" and is a region. */
static void enter(gcl_nvae_builder *vae, const char *list, int i)
{
    gcl_nn_push(vae->nn, "%s.%d", list, i);
    gcl_region_begin(gcl_nn_graph(vae->nn));
}

static gcl_node *leave(gcl_nvae_builder *vae, gcl_node *y)
{
    gcl_region_end(gcl_nn_graph(vae->nn));
    gcl_nn_pop(vae->nn);
    return y;
}

static gcl_node *squeeze_excite(gcl_nvae_builder *vae, gcl_node *y)
{
    return vae->se ? (AT, gcl_layer_squeeze_excite(vae->nn, "se", y)) : y;
}

/* skip(x) + 0.1 y */
static gcl_node *residual(gcl_node *skip, gcl_node *y) { return gcl_add(skip, gcl_scale(y, 0.1)); }

/* ---- residual cells; beside each layer its channels for an input with c --------------------------- */

gcl_node *gcl_nvae_encoder_cell(gcl_nvae_builder *vae, const char *list, int i, gcl_node *x,
                                gcl_nvae_resize resize)
{
    int down = resize == GCL_NVAE_DOWN, c = x->shape.d[3] * (down ? 2 : 1);
    enter(vae, list, i);
    gcl_node *y = SWISH(NORM("bn1", x));                     /* c          */
    y = WN_CONV("conv1", y, c, K(3), S(down ? 2 : 1), P(1)); /* c or 2c    */
    y = SWISH(NORM("bn2", y));                               /* the same   */
    y = WN_CONV("conv2", y, c, K(3), S(1), P(1));            /* the same   */
    y = squeeze_excite(vae, y);
    if (down)
        x = (AT, gcl_layer_factorized_reduce(vae->nn, "skip", x, c));
    return leave(vae, residual(x, y));
}

/* Twice the size by bilinear interpolation, then 1x1 to fit the channels. */
static gcl_node *up_skip(gcl_nvae_builder *vae, gcl_node *x, int channels)
{
    gcl_nn_push(vae->nn, "skip");
    x = (AT, gcl_bilinear(x, 1));
    x = (AT, gcl_layer_wn_conv(vae->nn, "conv", x, channels, K(1), S(1), P(0), GCL_NO_BIAS));
    gcl_nn_pop(vae->nn);
    return x;
}

gcl_node *gcl_nvae_decoder_cell(gcl_nvae_builder *vae, const char *list, int i, gcl_node *x,
                                int expand, gcl_nvae_resize resize)
{
    int up = resize == GCL_NVAE_UP, c = x->shape.d[3], hidden = expand * c, out = up ? c / 2 : c;
    enter(vae, list, i);
    gcl_node *y = NORM("bn0", up ? gcl_upsample_nearest(x, 2) : x); /* c          */
    y = CONV1x1("expand", y, hidden);                               /* expand * c */
    y = SWISH(NORM("bn1", y));                                      /* the same   */
    y = DEPTHWISE("depthwise", y, K(5), P(2));                      /* the same   */
    y = SWISH(NORM("bn2", y));                                      /* the same   */
    y = CONV1x1("project", y, out);                                 /* c or c / 2 */
    y = squeeze_excite(vae, NORM("bn3", y));
    if (up)
        x = up_skip(vae, x, out);
    return leave(vae, residual(x, y));
}

/* ---- where the two ways through the network meet ---------------------------------------------------- */

gcl_node *gcl_nvae_encoder_combiner(gcl_nvae_builder *vae, const char *list, int i,
                                    gcl_node *feature, gcl_node *state)
{
    enter(vae, list, i);
    gcl_node *y = WN_CONV("conv", state, feature->shape.d[3], K(1), S(1), P(0));
    return leave(vae, gcl_add(feature, y));
}

gcl_node *gcl_nvae_decoder_combiner(gcl_nvae_builder *vae, const char *list, int i, gcl_node *state,
                                    gcl_node *z)
{
    enter(vae, list, i);
    gcl_node *both = (AT, gcl_concat((gcl_node *[]){state, z}, 2));
    return leave(vae, WN_CONV("conv", both, state->shape.d[3], K(1), S(1), P(0)));
}

/* ---- flows -------------------------------------------------------------------------------------------- */

static gcl_node *flow_cell(gcl_nvae_builder *vae, const char *name, gcl_node *z, int mirror)
{
    const gcl_masking first = {.strict = 1, .mirror = mirror}, last = {.mirror = mirror};
    const gcl_masking middle = {.depthwise = 1, .mirror = mirror};
    int c = z->shape.d[3], hidden = 6 * c;
    gcl_nn_push(vae->nn, "%s", name);
    gcl_node *m = ELU(MASKED("conv1", z, hidden, K(3), &first, GCL_NO_BIAS, 0));
    m = ELU(MASKED("conv2", m, hidden, K(5), &middle, GCL_NO_BIAS, 0));
    m = MASKED("conv3", ELU(m), c, K(1), &last, GCL_BIAS, log(0.1)); /* starts small */
    gcl_nn_pop(vae->nn);
    return gcl_sub(z, m);
}

gcl_node *gcl_nvae_flow_pair(gcl_nvae_builder *vae, const char *list, int i, gcl_node *z)
{
    enter(vae, list, i);
    z = flow_cell(vae, "raster", z, 0);
    return leave(vae, flow_cell(vae, "mirrored", z, 1));
}
