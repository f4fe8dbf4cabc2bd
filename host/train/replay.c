#include "train/replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "io/safetensors.h"

struct gcl_replay {
    gcl_safetensors *file;
    int64_t steps;
    int batch;
};

/* "step.12.mask_d" -> 12, and where "mask_d" begins; -1 for another name. */
static int64_t step_of(const char *name, const char **tail)
{
    char *end;
    if (strncmp(name, "step.", 5) != 0)
        return -1;
    long long step = strtoll(name + 5, &end, 10);
    if (end == name + 5 || *end != '.' || step < 0)
        return -1;
    *tail = end + 1;
    return step;
}

gcl_replay *gcl_replay_open(const char *path, gcl_error *err)
{
    gcl_safetensors *file = gcl_safetensors_open(path, err);
    if (file == NULL)
        return NULL;
    gcl_replay *replay = gcl_alloc(sizeof *replay);
    replay->file = file;
    for (int i = 0; i < gcl_safetensors_count(file); i++) {
        const gcl_entry *entry = gcl_safetensors_at(file, i);
        const char *tail;
        int64_t step = step_of(entry->name, &tail);
        if (step + 1 > replay->steps)
            replay->steps = step + 1;
        if (step == 0 && entry->n_dims == 4 && entry->dtype == GCL_FILE_U8 && replay->batch == 0)
            replay->batch = (int)entry->dims[0];
    }
    if (replay->steps > 0)
        return replay;
    gcl_fail(err, GCL_DATA, "%s: is no recording: it has no tensor named step.0.NAME", path);
    gcl_replay_close(replay);
    return NULL;
}

void gcl_replay_close(gcl_replay *replay)
{
    if (replay == NULL)
        return;
    gcl_safetensors_close(replay->file);
    free(replay);
}

int64_t gcl_replay_steps(const gcl_replay *replay) { return replay->steps; }

int gcl_replay_batch(const gcl_replay *replay) { return replay->batch; }

static const gcl_entry *find(const gcl_replay *replay, int64_t step, const char *name)
{
    char full[200];
    snprintf(full, sizeof full, "step.%lld.%s", (long long)step, name);
    return gcl_safetensors_find(replay->file, full);
}

/* What a recording has to hold for a node: an element type and a number of elements. */
static int check_entry(const gcl_replay *replay, int64_t step, const char *name, const char *what,
                       gcl_file_dtype dtype, int64_t count, gcl_error *err)
{
    const char *path = gcl_safetensors_path(replay->file);
    const gcl_entry *entry = find(replay, step, name);
    if (entry == NULL)
        return gcl_fail(err, GCL_DATA, "%s: has no tensor step.%lld.%s, but the model takes %s",
                        path, (long long)step, name, what);
    if (entry->dtype != dtype || entry->count != count)
        return gcl_fail(err, GCL_DATA, "%s: %s: is %s %s, but %s of %lld elements are wanted (%s)",
                        path, entry->name, gcl_file_dtype_name(entry->dtype),
                        gcl_dims_text(entry->dims, entry->n_dims), gcl_file_dtype_name(dtype),
                        (long long)count, what);
    return 0;
}

static int check_data(const gcl_replay *replay, int64_t step, const gcl_node *node, gcl_error *err)
{
    int64_t dims[4] = {node->shape.d[0], node->shape.d[3], node->shape.d[1], node->shape.d[2]};
    if (node->dtype == GCL_U32)
        return check_entry(replay, step, node->name, "class numbers", GCL_FILE_I32, dims[0], err);
    if (check_entry(replay, step, node->name, "pictures", GCL_FILE_U8, gcl_shape_count(node->shape),
                    err) != 0)
        return -1;
    const gcl_entry *entry = find(replay, step, node->name);
    if (entry->n_dims == 4 && memcmp(entry->dims, dims, sizeof dims) != 0)
        return gcl_fail(err, GCL_DATA, "%s: %s: is %s, the model takes pictures %s",
                        gcl_safetensors_path(replay->file), entry->name,
                        gcl_dims_text(entry->dims, 4), gcl_dims_text(dims, 4));
    return 0;
}

static int check_noise(const gcl_replay *replay, int64_t step, const gcl_noise *noise,
                       gcl_error *err)
{
    int64_t count = gcl_shape_count(noise->shape);
    if (noise->kind == GCL_NOISE_KEEP)
        return check_entry(replay, step, noise->name, "a keep mask, one bit an element",
                           GCL_FILE_U8, (count + 7) / 8, err);
    return check_entry(replay, step, noise->name, "random values", GCL_FILE_F32, count, err);
}

static int is_used(const gcl_nn *nn, const char *name)
{
    for (int i = 0; i < gcl_nn_data(nn); i++)
        if (strcmp(gcl_nn_data_at(nn, i)->name, name) == 0)
            return 1;
    for (int i = 0; i < gcl_nn_noises(nn); i++)
        if (strcmp(gcl_nn_noise_at(nn, i)->name, name) == 0)
            return 1;
    return 0;
}

static void warn_unused(const gcl_replay *replay, const gcl_nn *nn)
{
    for (int i = 0; i < gcl_safetensors_count(replay->file); i++) {
        const char *name = gcl_safetensors_at(replay->file, i)->name, *tail;
        if (step_of(name, &tail) == 0 && !is_used(nn, tail))
            gcl_warn("%s: %s is not used by this model with these settings",
                     gcl_safetensors_path(replay->file), name);
    }
}

int gcl_replay_check(const gcl_replay *replay, const gcl_nn *nn, gcl_error *err)
{
    for (int64_t step = 0; step < replay->steps; step++) {
        for (int i = 0; i < gcl_nn_data(nn); i++)
            if (check_data(replay, step, gcl_nn_data_at(nn, i), err) != 0)
                return -1;
        for (int i = 0; i < gcl_nn_noises(nn); i++)
            if (check_noise(replay, step, gcl_nn_noise_at(nn, i), err) != 0)
                return -1;
    }
    warn_unused(replay, nn);
    return 0;
}

/* Index in the recording's [N,C,H,W] of each element of our [N,H,W,C] in turn. */
typedef struct walk {
    int h, w, c;
    int64_t plane, picture, at;
    int y, x, k, n;
} walk;

static walk walk_start(gcl_shape shape)
{
    walk i = {.h = shape.d[1], .w = shape.d[2], .c = shape.d[3]};
    i.plane = (int64_t)i.h * i.w;
    i.picture = i.plane * i.c;
    return i;
}

static int64_t walk_next(walk *i)
{
    int64_t at = i->n * i->picture + i->k * i->plane + (int64_t)i->y * i->w + i->x;
    if (++i->k == i->c) {
        i->k = 0;
        if (++i->x == i->w) {
            i->x = 0;
            if (++i->y == i->h) {
                i->y = 0;
                i->n++;
            }
        }
    }
    return at;
}

static void fill_data(const gcl_entry *entry, const gcl_node *node, unsigned char *to)
{
    walk i = walk_start(node->shape);
    if (node->dtype == GCL_U32) {
        memcpy(to, entry->data, (size_t)entry->count * 4);
        return;
    }
    for (int64_t n = 0; n < entry->count; n++)
        to[n] = entry->data[walk_next(&i)];
}

static void fill_noise(const gcl_entry *entry, const gcl_noise *noise, unsigned char *to)
{
    walk i = walk_start(noise->shape);
    int64_t count = gcl_shape_count(noise->shape);
    for (int64_t n = 0; n < count; n++) {
        int64_t from = walk_next(&i);
        if (noise->kind == GCL_NOISE_KEEP) {
            float keep = (float)(entry->data[from >> 3] >> (from & 7) & 1);
            memcpy(to + n * 4, &keep, 4);
        } else {
            memcpy(to + n * 4, entry->data + from * 4, 4);
        }
    }
}

void gcl_replay_fill(const gcl_replay *replay, const gcl_nn *nn, const gcl_plan *plan,
                     unsigned char *stage, int64_t step)
{
    for (int i = 0; i < gcl_nn_data(nn); i++) {
        const gcl_node *node = gcl_nn_data_at(nn, i);
        int64_t at = gcl_plan_offset(plan, node);
        if (at >= 0)
            fill_data(find(replay, step, node->name), node, stage + at);
    }
    for (int i = 0; i < gcl_nn_noises(nn); i++) {
        const gcl_noise *noise = gcl_nn_noise_at(nn, i);
        int64_t at = noise->input != NULL ? gcl_plan_offset(plan, noise->input) : -1;
        if (at >= 0)
            fill_noise(find(replay, step, noise->name), noise, stage + at);
    }
}
