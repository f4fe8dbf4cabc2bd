/* Recorded losses and distributions, as graphs. */
#include <check.h>
#include <stdlib.h>

#include "golden_ops.h"
#include "nn/distributions.h"
#include "nn/losses.h"

/* ---- losses ----------------------------------------------------------------------------------- */

static void bce_logits(trial *t)
{
    layout l = golden_entry(t, "in.z")->n_dims == 4 ? IMAGE : ROWS;
    gcl_node *z = golden_operand(t, "z", l);
    gcl_node *target = golden_has_operand(t, "target")
                           ? golden_operand(t, "target", l)
                           : gcl_constant(t->graph, golden_number(t, "target"));
    const json_t *limit = json_object_get(t->attrs, "limit");
    golden_differentiated(t, "loss", ROWS,
                          gcl_loss_bce_logits(z, target, limit ? json_number_value(limit) : 0));
}

static void softmax_ce(trial *t)
{
    gcl_node *z = golden_operand(t, "z", ROWS), *labels = golden_labels(t, "label");
    golden_differentiated(t, "loss", ROWS, gcl_loss_softmax(z, labels));
}

static void l1(trial *t)
{
    gcl_node *a = golden_operand(t, "a", IMAGE), *b = golden_operand(t, "b", IMAGE);
    golden_differentiated(t, "loss", ROWS, gcl_loss_l1(a, b));
}

static void tv(trial *t)
{
    golden_differentiated(t, "loss", ROWS, gcl_loss_tv(golden_operand(t, "x", IMAGE)));
}

static void ssim_loss(trial *t)
{
    gcl_node *x = golden_operand(t, "x", IMAGE), *y = golden_operand(t, "y", IMAGE);
    golden_differentiated(t, "loss", ROWS, gcl_loss_ssim(x, y));
}

static void gmsd_loss(trial *t)
{
    ck_assert_double_eq(golden_number(t, "eps"), 1e-12);
    gcl_node *x = golden_operand(t, "x", IMAGE), *y = golden_operand(t, "y", IMAGE);
    golden_differentiated(t, "loss", ROWS, gcl_loss_gmsd(x, y));
}

/* ---- softmax ------------------------------------------------------------------------------------ */

static layout along_channels(const trial *t)
{
    ck_assert_int_eq(golden_integer(t, "axis"), 1);
    return golden_entry(t, "in.x")->n_dims == 3 ? LINE : ROWS;
}

static void logsumexp(trial *t)
{
    gcl_node *x = golden_operand(t, "x", along_channels(t));
    golden_differentiated(t, "y", ROWS, gcl_logsumexp(x, GCL_AXIS_C));
}

static void log_softmax(trial *t)
{
    layout l = along_channels(t);
    gcl_node *x = golden_operand(t, "x", l);
    golden_differentiated(t, "y", l, gcl_sub(x, gcl_logsumexp(x, GCL_AXIS_C)));
}

static void softmax(trial *t)
{
    layout l = along_channels(t);
    gcl_node *x = golden_operand(t, "x", l);
    golden_differentiated(t, "y", l, gcl_exp(gcl_sub(x, gcl_logsumexp(x, GCL_AXIS_C))));
}

/* ---- distributions ------------------------------------------------------------------------------- */

static gcl_normal normal(trial *t, const char *mean, const char *log_sigma, double temperature)
{
    gcl_node *m = golden_operand(t, mean, IMAGE), *s = golden_operand(t, log_sigma, IMAGE);
    return gcl_normal_of(m, s, temperature);
}

static void normal_kl(trial *t)
{
    gcl_normal q = normal(t, "mu_q", "ls_q", 1), p = normal(t, "mu_p", "ls_p", 1);
    golden_differentiated(t, "kl", IMAGE, gcl_normal_kl(&q, &p));
}

static void normal_kl_residual(trial *t)
{
    gcl_node *mean = golden_operand(t, "mu_p", IMAGE),
             *log_sigma = golden_operand(t, "ls_p", IMAGE);
    gcl_node *dmean = golden_operand(t, "dmu", IMAGE), *dlog = golden_operand(t, "dls", IMAGE);
    gcl_normal p = gcl_normal_of(mean, log_sigma, 1);
    gcl_normal q =
        gcl_normal_of(gcl_normal_residual(mean, dmean), gcl_normal_residual(log_sigma, dlog), 1);
    golden_differentiated(t, "kl", IMAGE, gcl_normal_kl(&q, &p));
}

static void normal_sample(trial *t)
{
    const json_t *temperature = json_object_get(t->attrs, "temperature");
    gcl_normal p = normal(t, "mu", "ls", temperature ? json_number_value(temperature) : 1);
    golden_differentiated(t, "z", IMAGE, gcl_normal_sample(&p, golden_operand(t, "eps", IMAGE)));
}

static void normal_log_prob(trial *t)
{
    gcl_normal p = normal(t, "mu", "ls", 1);
    golden_differentiated(t, "log_p", IMAGE,
                          gcl_normal_log_prob(&p, golden_operand(t, "z", IMAGE)));
}

static void bernoulli_nll(trial *t)
{
    gcl_node *logits = golden_operand(t, "logits", IMAGE), *x = golden_operand(t, "x", IMAGE);
    golden_differentiated(t, "nll", ROWS, gcl_bernoulli_nll(logits, x, golden_integer(t, "crop")));
}

static void dmol_log_prob(trial *t)
{
    gcl_node *params = golden_operand(t, "params", IMAGE), *x = golden_operand(t, "x", IMAGE);
    gcl_mixture p =
        gcl_mixture_of(params, golden_integer(t, "mixtures"), golden_integer(t, "bits"));
    golden_differentiated(t, "log_p", PIXELS, gcl_mixture_log_prob(&p, x));
}

static void dmol_sample(trial *t)
{
    gcl_node *params = golden_operand(t, "params", IMAGE);
    gcl_node *u_mix = golden_operand(t, "u_mix", IMAGE);
    gcl_node *u_logistic = golden_operand(t, "u_logistic", IMAGE);
    gcl_mixture p = gcl_mixture_of(params, golden_integer(t, "mixtures"), 8);
    golden_differentiated(
        t, "x", IMAGE, gcl_mixture_sample(&p, u_mix, u_logistic, golden_number(t, "temperature")));
}

static void dmol_mean(trial *t)
{
    gcl_node *params = golden_operand(t, "params", IMAGE);
    gcl_mixture p = gcl_mixture_of(params, golden_integer(t, "mixtures"), 8);
    golden_differentiated(t, "x", IMAGE, gcl_mixture_mean(&p));
}

static void kl_balance(trial *t)
{
    int groups[8], n = 0;
    size_t i;
    const json_t *value;
    json_array_foreach(json_object_get(t->attrs, "groups"), i, value)
    {
        ck_assert_int_lt(n, 8);
        groups[n++] = (int)json_integer_value(value);
    }
    gcl_node *kl = golden_operand(t, "kl", ROWS);
    golden_differentiated(t, "gamma", ROWS, gcl_kl_balance(kl, groups, n));
}

const golden_op golden_losses[] = {
    {"bce_logits", bce_logits},
    {"softmax_ce", softmax_ce},
    {"l1", l1},
    {"tv", tv},
    {"ssim_loss", ssim_loss},
    {"gmsd_loss", gmsd_loss},
    {"logsumexp", logsumexp},
    {"log_softmax", log_softmax},
    {"softmax", softmax},
    {"normal_kl", normal_kl},
    {"normal_kl_residual", normal_kl_residual},
    {"normal_sample", normal_sample},
    {"normal_log_prob", normal_log_prob},
    {"bernoulli_nll", bernoulli_nll},
    {"dmol_log_prob", dmol_log_prob},
    {"dmol_sample", dmol_sample},
    {"dmol_mean", dmol_mean},
    {"kl_balance", kl_balance},
    {NULL, NULL},
};
