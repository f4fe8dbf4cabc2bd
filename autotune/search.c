#include "autotune/search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/philox.h"
#include "plan/single.h"

/* Random points behind one draw; and how often a draw that found nothing new is repeated. */
enum { POINTS = 64, ATTEMPTS = 4 };

/* Expected to be that much slower than the best: a variant's usual values are not even tried. */
#define HOPELESS 3.0

/* ---- effects -------------------------------------------------------------------------------------- */

/* Of a variant (param -1) or of a value of one of its parameters: the mean of log(measured /
 * expected), for values less what the variant's own effect tells. */
struct gcl_effect {
    const gcl_variant *variant;
    int param, value;
    double sum;
    int n;
};

void gcl_effects_free(gcl_effects *effects)
{
    free(effects->all);
    *effects = (gcl_effects){0};
}

static struct gcl_effect *find_effect(const gcl_effects *effects, const gcl_variant *variant,
                                      int param, int value)
{
    for (int i = 0; i < effects->n; i++) {
        struct gcl_effect *e = &effects->all[i];
        if (e->variant == variant && e->param == param && e->value == value)
            return e;
    }
    return NULL;
}

/* Few measurements say little: as if one more had shown no effect. */
static double effect_of(const gcl_effects *effects, const gcl_variant *variant, int param,
                        int value)
{
    const struct gcl_effect *e = find_effect(effects, variant, param, value);
    return e != NULL ? e->sum / (e->n + 1) : 0;
}

static void add_effect(gcl_effects *effects, const gcl_variant *variant, int param, int value,
                       double amount)
{
    struct gcl_effect *e = find_effect(effects, variant, param, value);
    if (e == NULL) {
        GCL_GROW(effects->all, effects->n, effects->cap);
        e = &effects->all[effects->n++];
        *e = (struct gcl_effect){.variant = variant, .param = param, .value = value};
    }
    e->sum += amount;
    e->n++;
}

static double log_effect(const gcl_effects *effects, const gcl_choice *c)
{
    double sum = effect_of(effects, c->variant, -1, 0);
    for (int i = 0; i < c->variant->n_params; i++)
        sum += effect_of(effects, c->variant, i, c->values[i]);
    return sum;
}

static void learn(gcl_effects *effects, const gcl_choice *c, double log_ratio)
{
    double rest = log_ratio - log_effect(effects, c);
    add_effect(effects, c->variant, -1, 0, log_ratio);
    for (int i = 0; i < c->variant->n_params; i++)
        add_effect(effects, c->variant, i, c->values[i], rest);
}

/* ---- the search ----------------------------------------------------------------------------------- */

typedef struct tried {
    gcl_choice choice;
    double us;
} tried;

struct gcl_search {
    const gcl_node *node;
    const gcl_limits *limits;
    const gcl_peak *peak;
    gcl_effects *effects;
    uint64_t most_scratch;
    gcl_recipe *recipe; /* room for one */
    tried *tried;
    int n, cap;
    int usual_next; /* variant whose usual values are next */
    int turn;       /* every third one is a draw */
    int step_param, step_up;
    uint64_t draws; /* random numbers used */
};

gcl_search *gcl_search_new(const gcl_node *node, const gcl_limits *limits, const gcl_peak *peak,
                           uint64_t most_scratch, gcl_effects *effects)
{
    gcl_search *s = gcl_alloc(sizeof *s);
    *s = (gcl_search){.node = node,
                      .limits = limits,
                      .peak = peak,
                      .effects = effects,
                      .most_scratch = most_scratch,
                      .recipe = gcl_alloc(sizeof *s->recipe)};
    return s;
}

void gcl_search_free(gcl_search *s)
{
    if (s == NULL)
        return;
    free(s->recipe);
    free(s->tried);
    free(s);
}

static const tried *find(const gcl_search *s, const gcl_choice *choice)
{
    for (int i = 0; i < s->n; i++)
        if (gcl_choice_equal(&s->tried[i].choice, choice))
            return &s->tried[i];
    return NULL;
}

int gcl_search_known(const gcl_search *s, const gcl_choice *choice)
{
    return find(s, choice) != NULL;
}

double gcl_search_us(const gcl_search *s, const gcl_choice *choice)
{
    const tried *t = find(s, choice);
    return t != NULL ? t->us : (double)INFINITY;
}

const gcl_choice *gcl_search_best(const gcl_search *s, double *us)
{
    const tried *best = NULL;
    for (int i = 0; i < s->n; i++)
        if (isfinite(s->tried[i].us) && (best == NULL || s->tried[i].us < best->us))
            best = &s->tried[i];
    if (best != NULL && us != NULL)
        *us = best->us;
    return best != NULL ? &best->choice : NULL;
}

/* 1, with its recipe at hand, if it can be tried. */
static int fits(gcl_search *s, const gcl_choice *choice)
{
    return gcl_choice_recipe(choice, s->node, s->limits, s->recipe) == 0 &&
           (uint64_t)s->recipe->scratch_floats * sizeof(float) <= s->most_scratch;
}

void gcl_search_tell(gcl_search *s, const gcl_choice *choice, double us)
{
    double best;
    gcl_choice told = *choice; /* a copy: it may be one of those that move now */
    if (gcl_search_best(s, &best) == NULL || us < best) /* steps start anew from a new best */
        s->step_param = s->step_up = 0;
    GCL_GROW(s->tried, s->n, s->cap);
    s->tried[s->n++] = (tried){told, us};
    if (isfinite(us) && us > 0 && fits(s, &told))
        learn(s->effects, &told, log(us / gcl_model_us(s->recipe, s->limits, s->peak)));
}

/* ---- candidates ----------------------------------------------------------------------------------- */

static double expected_us(const gcl_search *s, const gcl_choice *choice)
{
    return gcl_model_us(s->recipe, s->limits, s->peak) * exp(log_effect(s->effects, choice));
}

/* A variant that was slow for several other workloads. Its recipe is at hand. */
static int is_hopeless(const gcl_search *s, const gcl_choice *choice)
{
    const struct gcl_effect *e = find_effect(s->effects, choice->variant, -1, 0);
    double best;
    return e != NULL && e->n >= 2 && gcl_search_best(s, &best) != NULL &&
           expected_us(s, choice) > HOPELESS * best;
}

static int propose_usual(gcl_search *s, gcl_choice *choice)
{
    const gcl_op *op = s->node->op;
    while (s->usual_next < op->n_variants) {
        const gcl_variant *v = op->variants[s->usual_next++];
        if (!v->applies(s->node, s->limits))
            continue;
        *choice = gcl_choice_of(v, s->node, s->limits);
        if (!gcl_search_known(s, choice) && fits(s, choice) && !is_hopeless(s, choice))
            return 1;
    }
    return 0;
}

static uint32_t below(gcl_search *s, int n)
{
    return gcl_philox_below(0, 0, 0x74756e65, s->draws++, (uint32_t)n);
}

/* The best choice told of a variant, else its usual one. */
static gcl_choice centre_of(const gcl_search *s, const gcl_variant *variant)
{
    const tried *best = NULL;
    for (int i = 0; i < s->n; i++)
        if (s->tried[i].choice.variant == variant && isfinite(s->tried[i].us) &&
            (best == NULL || s->tried[i].us < best->us))
            best = &s->tried[i];
    return best != NULL ? best->choice : gcl_choice_of(variant, s->node, s->limits);
}

/* Each parameter stays at the centre or goes anywhere, as likely. */
static gcl_choice random_point(gcl_search *s, const gcl_variant *variant)
{
    gcl_choice c = centre_of(s, variant);
    for (int i = 0; i < variant->n_params; i++)
        if (below(s, 2) == 0)
            c.values[i] = variant->params[i].values[below(s, variant->params[i].n_values)];
    return c;
}

/* A variant with something to change that applies; NULL if the random pick is none. */
static const gcl_variant *random_variant(gcl_search *s)
{
    const gcl_variant *v = s->node->op->variants[below(s, s->node->op->n_variants)];
    return v->n_params > 0 && v->applies(s->node, s->limits) ? v : NULL;
}

static int propose_draw(gcl_search *s, gcl_choice *choice)
{
    double least = INFINITY;
    for (int attempt = 0; attempt < ATTEMPTS && !isfinite(least); attempt++) {
        for (int i = 0; i < POINTS; i++) {
            const gcl_variant *variant = random_variant(s);
            if (variant == NULL)
                continue;
            gcl_choice point = random_point(s, variant);
            if (gcl_search_known(s, &point) || !fits(s, &point))
                continue;
            double expected = expected_us(s, &point);
            if (expected < least) {
                least = expected;
                *choice = point;
            }
        }
    }
    return isfinite(least);
}

/* The next larger (or smaller) value that a parameter lists; 0 if there is none. */
static int neighbour(const gcl_param *param, int value, int up, int *next)
{
    int found = 0;
    for (int i = 0; i < param->n_values; i++) {
        int v = param->values[i];
        if ((up ? v > value : v < value) && (!found || (up ? v < *next : v > *next))) {
            *next = v;
            found = 1;
        }
    }
    return found;
}

/* One parameter of the best to the side, each in turn, up and down. */
static int propose_step(gcl_search *s, gcl_choice *choice)
{
    const gcl_choice *best = gcl_search_best(s, NULL);
    while (best != NULL && s->step_param < best->variant->n_params) {
        int i = s->step_param, up = s->step_up;
        s->step_up = !up;
        s->step_param += up;
        *choice = *best;
        if (neighbour(&best->variant->params[i], best->values[i], up, &choice->values[i]) &&
            !gcl_search_known(s, choice) && fits(s, choice))
            return 1;
    }
    return 0;
}

int gcl_search_next(gcl_search *s, gcl_choice *choice)
{
    if (propose_usual(s, choice))
        return 1;
    if (s->turn++ % 3 == 2) /* steps find more: usual values are mostly good ones */
        return propose_draw(s, choice) || propose_step(s, choice);
    return propose_step(s, choice) || propose_draw(s, choice);
}
