/* ganocl dataset pair: A|B pictures from pictures. B is the picture, cut and resized; A is derived
 * from it: its edges, its grey, or a blurred copy. */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "cli/dataset.h"
#include "cli/workers.h"
#include "datasets/item.h"
#include "io/atomic.h"
#include "io/edges.h"

enum { EDGES, GREY, BLUR };

typedef struct pairing {
    gcl_dataset *dataset;
    const char *out;
    int kind, side; /* side 0: each picture's own */
    pthread_mutex_t lock;
    size_t n_written, n_skipped;
    gcl_error failure;
} pairing;

static int parse_kind(const char *text, int *kind, gcl_error *err)
{
    static const char *const names[] = {"edges", "grey", "blur"};
    for (*kind = EDGES; *kind <= BLUR; ++*kind)
        if (text == NULL || strcmp(text, names[*kind]) == 0)
            return 0;
    return gcl_fail(err, GCL_USAGE, "--kind %s: there are edges, grey and blur", text);
}

/* The side of the square that a picture of this size becomes. */
static int own_side(const gcl_dataset_options *options, const gcl_image *picture)
{
    gcl_box box = gcl_item_crop(options, picture->width, picture->height);
    bool whole = options->crop != GCL_CROP_CENTRE;
    return (int)(whole ? fmax(box.width, box.height) : fmin(box.width, box.height));
}

static int derive(gcl_image *derived, const gcl_image *picture, int kind, gcl_error *err)
{
    if (kind == EDGES)
        return gcl_edges(derived, picture, err);
    if (kind == BLUR)
        return gcl_blur(derived, picture, fmax(1, picture->width / 40.0), err);
    if (gcl_image_cut(derived, picture, 0, 0, picture->width, picture->height, err) != 0)
        return -1;
    return gcl_image_set_channels(derived, 1, err);
}

/* Item `index` as an A|B picture. */
static int make_pair(const pairing *p, size_t index, gcl_image *pair, gcl_error *err)
{
    const gcl_dataset_options *o = gcl_dataset_get_options(p->dataset);
    gcl_item item = {0};
    gcl_image pictures[2], derived = {0}, square = {0};
    if (gcl_dataset_originals(p->dataset, index, pictures, err) != 0)
        return -1;
    gcl_item_set(&item, 0, &pictures[0]);
    const gcl_image *whole = &item.pictures[0].image;
    int side = p->side > 0 ? p->side : own_side(o, whole);
    int result = gcl_item_fit(&item, 0, o, side, whole->channels, &square, err);
    if (result == 0)
        result = derive(&derived, &square, p->kind, err);
    if (result == 0)
        result = gcl_image_join(pair, &derived, &square, err);
    gcl_item_free(&item);
    gcl_image_free(&square);
    gcl_image_free(&derived);
    return result;
}

/* OUT/NAME.png for the item's name, its folders kept. Where two names differ in their extension
 * only, the second keeps it: a.png, a.png.png. */
static char *output_path(const pairing *p, size_t index)
{
    char *name = gcl_dataset_item_name(p->dataset, index);
    char *before = index > 0 ? gcl_dataset_item_name(p->dataset, index - 1) : NULL;
    char *dot = strrchr(name, '.');
    size_t n = dot != NULL && strchr(dot, '/') == NULL ? (size_t)(dot - name) : strlen(name);
    gcl_text path = {0};
    if (before != NULL && strncmp(before, name, n) == 0 && (before[n] == '.' || before[n] == 0))
        n = strlen(name);
    gcl_text_add(&path, "%s/", p->out);
    gcl_text_add_bytes(&path, name, n);
    gcl_text_add(&path, ".png");
    free(before);
    free(name);
    return path.text;
}

static int write_pair(const pairing *p, size_t index, const gcl_image *pair, gcl_error *err)
{
    char *path = output_path(p, index), *slash = strrchr(path, '/');
    *slash = 0;
    int result = gcl_folder_make(path, err);
    *slash = '/';
    if (result == 0)
        result = gcl_image_write_png(path, pair, err);
    free(path);
    return result;
}

/* A picture that cannot be read is skipped; anything else ends the work. */
static int pair_one(void *context, size_t index)
{
    pairing *p = context;
    gcl_error err = {0};
    gcl_image pair = {0};
    int result = make_pair(p, index, &pair, &err);
    if (result == 0)
        result = write_pair(p, index, &pair, &err);
    gcl_image_free(&pair);
    bool skipped = result != 0 && err.code == GCL_DATA;
    if (skipped)
        gcl_warn("%s; skipped", err.text);
    pthread_mutex_lock(&p->lock);
    p->n_written += result == 0;
    p->n_skipped += skipped;
    if (result != 0 && !skipped)
        gcl_fail(&p->failure, err.code, "%s", err.text);
    pthread_mutex_unlock(&p->lock);
    return result != 0 && !skipped ? -1 : 0;
}

static int pair_all(pairing *p, const gcl_options *options, gcl_error *err)
{
    pthread_mutex_init(&p->lock, NULL);
    gcl_workers_run(gcl_dataset_count(p->dataset), (int)options->threads, "pictures", pair_one, p);
    pthread_mutex_destroy(&p->lock);
    if (p->failure.code != 0)
        return gcl_fail(err, p->failure.code, "%s", p->failure.text);
    if (p->n_written == 0)
        return gcl_fail(err, GCL_DATA, "%s: no picture can be read; the warnings above say why",
                        options->in);
    printf("%s: %zu A|B pictures", p->out, p->n_written);
    if (p->n_skipped > 0)
        printf(", %zu unreadable ones skipped", p->n_skipped);
    printf("; train on them: ganocl train --model pix2pix --data %s\n", p->out);
    return 0;
}

int gcl_dataset_command_pair(const gcl_options *options, gcl_error *err)
{
    pairing p = {.out = options->out, .side = (int)options->size};
    if (options->in == NULL || options->out == NULL)
        return gcl_fail(err, GCL_USAGE, "dataset pair: --in DIR and --out DIR are needed");
    if (parse_kind(options->kind, &p.kind, err) != 0 || gcl_folder_make(p.out, err) != 0)
        return -1;
    p.dataset = gcl_dataset_look(options, options->in, GCL_WANT_PICTURES, err);
    if (p.dataset == NULL)
        return -1;
    int result = pair_all(&p, options, err);
    gcl_dataset_close(p.dataset);
    return result;
}
