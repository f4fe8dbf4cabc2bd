#include "report/curves.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "report/text.h"

enum { NAME = 48 };

typedef struct cell {
    double least, most, sum;
    uint32_t n, bad; /* finite values, others */
} cell;

typedef struct curve {
    char group[NAME], name[NAME];
    cell cells[GCL_CURVES_POINTS];
} curve;

typedef struct place {
    double step, until, images, seconds;
} place;

struct gcl_curves {
    int n_points, lines_a_point, held; /* held: lines in the last point */
    place places[GCL_CURVES_POINTS];
    int n_curves;
    curve *curves[GCL_CURVES_MOST];
};

gcl_curves *gcl_curves_new(void)
{
    gcl_curves *c = gcl_alloc(sizeof *c);
    c->lines_a_point = 1;
    return c;
}

void gcl_curves_free(gcl_curves *c)
{
    if (c == NULL)
        return;
    for (int i = 0; i < c->n_curves; i++)
        free(c->curves[i]);
    free(c);
}

/* ---- merging -------------------------------------------------------------------------------------- */

static cell merged(const cell *a, const cell *b)
{
    cell sum = {.n = a->n + b->n, .bad = a->bad + b->bad, .sum = a->sum + b->sum};
    const cell *first = a->n > 0 ? a : b, *second = b->n > 0 ? b : a;
    sum.least = fmin(first->least, second->least);
    sum.most = fmax(first->most, second->most);
    return sum;
}

static void merge_pairs(gcl_curves *c)
{
    int half = GCL_CURVES_POINTS / 2;
    for (int i = 0; i < half; i++) {
        place *a = &c->places[2 * i], *b = a + 1;
        c->places[i] = (place){a->step, b->until, b->images, b->seconds};
        for (int k = 0; k < c->n_curves; k++) {
            cell *cells = c->curves[k]->cells;
            cells[i] = merged(&cells[2 * i], &cells[2 * i + 1]);
        }
    }
    for (int k = 0; k < c->n_curves; k++)
        memset(c->curves[k]->cells + half, 0, (size_t)half * sizeof(cell));
    c->n_points = half;
    c->lines_a_point *= 2;
    c->held = c->lines_a_point;
}

/* ---- adding --------------------------------------------------------------------------------------- */

void gcl_curves_line(gcl_curves *c, double step, double images, double seconds)
{
    if (c->n_points == GCL_CURVES_POINTS && c->held == c->lines_a_point)
        merge_pairs(c);
    if (c->n_points == 0 || c->held == c->lines_a_point) {
        c->places[c->n_points++].step = step;
        c->held = 0;
    }
    c->held++;
    place *last = &c->places[c->n_points - 1];
    *last = (place){last->step, step, images, seconds};
}

static curve *find(gcl_curves *c, const char *group, const char *name)
{
    for (int i = 0; i < c->n_curves; i++)
        if (strcmp(c->curves[i]->name, name) == 0 && strcmp(c->curves[i]->group, group) == 0)
            return c->curves[i];
    if (c->n_curves == GCL_CURVES_MOST || strlen(name) >= NAME || strlen(group) >= NAME)
        return NULL;
    curve *made = c->curves[c->n_curves++] = gcl_alloc(sizeof *made);
    strcpy(made->group, group);
    strcpy(made->name, name);
    return made;
}

void gcl_curves_value(gcl_curves *c, const char *group, const char *name, double value)
{
    curve *own = c->n_points > 0 ? find(c, group, name) : NULL;
    if (own == NULL)
        return;
    cell one = {value, value, value, 1, 0}, none = {.bad = 1};
    cell *at = &own->cells[c->n_points - 1];
    *at = merged(at, isfinite(value) ? &one : &none);
}

/* ---- JSON ----------------------------------------------------------------------------------------- */

static double step_of(const place *p) { return p->step; }
static double until_of(const place *p) { return p->until; }
static double images_of(const place *p) { return p->images; }
static double seconds_of(const place *p) { return p->seconds; }

static void add_places(const gcl_curves *c, gcl_text *out, const char *name,
                       double (*of)(const place *))
{
    gcl_text_add(out, ",\"%s\":[", name);
    for (int i = 0; i < c->n_points; i++) {
        double value = of(&c->places[i]);
        gcl_text_add(out, "%s", i > 0 ? "," : "");
        gcl_text_add(out, isfinite(value) ? "%.12g" : "null", value);
    }
    gcl_text_add(out, "]");
}

static double mean_of(const cell *at) { return at->n > 0 ? at->sum / at->n : NAN; }
static double least_of(const cell *at) { return at->n > 0 ? at->least : NAN; }
static double most_of(const cell *at) { return at->n > 0 ? at->most : NAN; }

static void add_cells(const gcl_curves *c, const curve *own, gcl_text *out, const char *name,
                      double (*of)(const cell *))
{
    gcl_text_add(out, ",\"%s\":[", name);
    for (int i = 0; i < c->n_points; i++) {
        if (i > 0)
            gcl_text_add(out, ",");
        gcl_page_number(out, of(&own->cells[i]));
    }
    gcl_text_add(out, "]");
}

static void add_curve(const gcl_curves *c, const curve *own, gcl_text *out)
{
    const char *between = "";
    gcl_text_add(out, "{\"name\":");
    gcl_page_string(out, own->name);
    add_cells(c, own, out, "mean", mean_of);
    if (c->lines_a_point > 1) {
        add_cells(c, own, out, "least", least_of);
        add_cells(c, own, out, "most", most_of);
    }
    gcl_text_add(out, ",\"bad\":[");
    for (int i = 0; i < c->n_points; i++) {
        if (own->cells[i].bad == 0)
            continue;
        gcl_text_add(out, "%s[%d,%u]", between, i, own->cells[i].bad);
        between = ",";
    }
    gcl_text_add(out, "]}");
}

/* 1 where curve i is the first of its group. */
static int is_first(const gcl_curves *c, int i)
{
    for (int k = 0; k < i; k++)
        if (strcmp(c->curves[k]->group, c->curves[i]->group) == 0)
            return 0;
    return 1;
}

static void add_group(const gcl_curves *c, const char *group, gcl_text *out)
{
    const char *between = "";
    gcl_text_add(out, "{\"name\":");
    gcl_page_string(out, group);
    gcl_text_add(out, ",\"curves\":[");
    for (int i = 0; i < c->n_curves; i++) {
        if (strcmp(c->curves[i]->group, group) != 0)
            continue;
        gcl_text_add(out, "%s\n", between);
        add_curve(c, c->curves[i], out);
        between = ",";
    }
    gcl_text_add(out, "]}");
}

void gcl_curves_json(const gcl_curves *c, gcl_text *out)
{
    const char *between = "";
    gcl_text_add(out, "{\"lines_a_point\":%d", c->lines_a_point);
    add_places(c, out, "step", step_of);
    add_places(c, out, "until", until_of);
    add_places(c, out, "images", images_of);
    add_places(c, out, "seconds", seconds_of);
    gcl_text_add(out, ",\"groups\":[");
    for (int i = 0; i < c->n_curves; i++) {
        if (!is_first(c, i))
            continue;
        gcl_text_add(out, "%s", between);
        add_group(c, c->curves[i]->group, out);
        between = ",";
    }
    gcl_text_add(out, "]}");
}
