#include "io/checkpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static const char format_name[] = "ganocl checkpoint 1";

/* ---- variables on the host ------------------------------------------------------------------------ */

/* Host copies of the store's variables, each fetched once however many tensors lie in it. */
typedef struct copy {
    const char *name;
    float *values;
    int64_t n;
} copy;

typedef struct copies {
    gcl_store *store;
    copy *items;
    int n, cap;
} copies;

static void copies_free(copies *c)
{
    for (int i = 0; i < c->n; i++)
        free(c->items[i].values);
    free(c->items);
}

static copy *copies_of(copies *c, const gcl_tensor *tensor, gcl_error *err)
{
    for (int i = 0; i < c->n; i++)
        if (strcmp(c->items[i].name, tensor->variable) == 0)
            return &c->items[i];
    copy item = {.name = tensor->variable};
    uint64_t first;
    if (gcl_store_find(c->store, item.name, &first, &item.n) == NULL) {
        gcl_fail(err, GCL_FAILED, "%s: its variable %s is not on the device", tensor->name,
                 tensor->variable);
        return NULL;
    }
    item.values = gcl_try_alloc((size_t)item.n * sizeof(float), item.name, err);
    if (item.values == NULL)
        return NULL;
    if (gcl_store_read(c->store, item.name, item.values, item.n, err) != 0) {
        free(item.values);
        return NULL;
    }
    GCL_GROW(c->items, c->n, c->cap);
    c->items[c->n] = item;
    return &c->items[c->n++];
}

/* The tensor's elements in its variable's copy. NULL with the error set on failure. */
static float *copies_place(copies *c, const gcl_tensor *tensor, gcl_error *err)
{
    copy *item = copies_of(c, tensor, err);
    if (item == NULL)
        return NULL;
    if (tensor->first + gcl_tensor_count(tensor) > item->n) {
        gcl_fail(err, GCL_FAILED, "%s: lies outside of its variable %s", tensor->name, item->name);
        return NULL;
    }
    return item->values + tensor->first;
}

static int copies_write(copies *c, gcl_error *err)
{
    for (int i = 0; i < c->n; i++)
        if (gcl_store_write(c->store, c->items[i].name, c->items[i].values, c->items[i].n, err) !=
            0)
            return -1;
    return 0;
}

/* ---- saving --------------------------------------------------------------------------------------- */

static void write_facts(gcl_writer *writer, const gcl_checkpoint_facts *facts)
{
    char text[32];
    gcl_writer_meta(writer, "format", format_name);
    gcl_writer_meta(writer, "model", facts->model);
    gcl_writer_meta(writer, "settings", facts->settings);
    snprintf(text, sizeof text, "%lld", (long long)facts->step);
    gcl_writer_meta(writer, "step", text);
    snprintf(text, sizeof text, "%lld", (long long)facts->images);
    gcl_writer_meta(writer, "images", text);
    snprintf(text, sizeof text, "%llu", (unsigned long long)facts->seed);
    gcl_writer_meta(writer, "seed", text);
    snprintf(text, sizeof text, "%d", facts->batch);
    gcl_writer_meta(writer, "batch", text);
}

static int write_tensor(gcl_writer *writer, copies *c, const gcl_tensor *tensor, gcl_error *err)
{
    const float *memory = copies_place(c, tensor, err);
    size_t bytes = (size_t)gcl_tensor_count(tensor) * sizeof(float);
    float *values = memory == NULL ? NULL : gcl_try_alloc(bytes, tensor->name, err);
    if (values == NULL)
        return -1;
    gcl_tensor_to_file(tensor, memory, values);
    int result = gcl_writer_data(writer, values, bytes, err);
    free(values);
    return result;
}

int gcl_checkpoint_save(const char *path, const gcl_nn *nn, gcl_store *store,
                        const gcl_checkpoint_facts *facts, gcl_error *err)
{
    gcl_writer *writer = gcl_writer_new();
    copies c = {.store = store};
    write_facts(writer, facts);
    for (int i = 0; i < gcl_nn_tensors(nn); i++) {
        const gcl_tensor *tensor = gcl_nn_tensor(nn, i);
        int64_t dims[4];
        for (int d = 0; d < tensor->n_dims; d++)
            dims[d] = tensor->dims[d];
        gcl_writer_declare(writer, tensor->name, GCL_FILE_F32, dims, tensor->n_dims);
    }
    int result = gcl_writer_begin(writer, path, err);
    for (int i = 0; result == 0 && i < gcl_nn_tensors(nn); i++)
        result = write_tensor(writer, &c, gcl_nn_tensor(nn, i), err);
    copies_free(&c);
    if (result == 0)
        return gcl_writer_commit(writer, err);
    gcl_writer_abandon(writer);
    return -1;
}

/* ---- loading -------------------------------------------------------------------------------------- */

static int read_number(const gcl_safetensors *file, const char *key, int64_t *value, gcl_error *err)
{
    const char *text = gcl_safetensors_meta(file, key);
    char *end = NULL;
    *value = text != NULL ? strtoll(text, &end, 10) : 0;
    if (text == NULL || end == text || *end != 0 || *value < 0)
        return gcl_fail(err, GCL_DATA, "%s: is a damaged checkpoint: __metadata__ %s is %s",
                        gcl_safetensors_path(file), key, text != NULL ? text : "missing");
    return 0;
}

int gcl_checkpoint_read_facts(const gcl_safetensors *file, gcl_checkpoint_facts *facts,
                              gcl_error *err)
{
    const char *path = gcl_safetensors_path(file), *format = gcl_safetensors_meta(file, "format");
    memset(facts, 0, sizeof *facts);
    if (format == NULL)
        return gcl_fail(err, GCL_DATA,
                        "%s: is not a checkpoint of ganocl (weights alone: train --init)", path);
    if (strcmp(format, format_name) != 0)
        return gcl_fail(err, GCL_DATA, "%s: is a '%s', this ganocl reads '%s'", path, format,
                        format_name);
    int64_t batch = 0;
    const char *seed = gcl_safetensors_meta(file, "seed");
    facts->model = gcl_safetensors_meta(file, "model");
    facts->settings = gcl_safetensors_meta(file, "settings");
    if (facts->model == NULL || facts->settings == NULL || seed == NULL)
        return gcl_fail(err, GCL_DATA, "%s: is a damaged checkpoint: __metadata__ %s is missing",
                        path,
                        facts->model == NULL ? "model"
                        : seed == NULL       ? "seed"
                                             : "settings");
    if (read_number(file, "step", &facts->step, err) != 0 ||
        read_number(file, "images", &facts->images, err) != 0 ||
        read_number(file, "batch", &batch, err) != 0)
        return -1;
    facts->seed = strtoull(seed, NULL, 10);
    facts->batch = (int)batch;
    return 0;
}

/* " (a checkpoint of dcgan:small)", if the file says so: for messages. */
static const char *origin(const gcl_safetensors *file)
{
    static char text[160];
    const char *model = gcl_safetensors_meta(file, "model");
    text[0] = 0;
    if (model != NULL)
        snprintf(text, sizeof text, " (a checkpoint of %s)", model);
    return text;
}

static int is_weight(const gcl_tensor *tensor)
{
    return tensor->role == GCL_ROLE_PARAMETER || tensor->role == GCL_ROLE_BUFFER;
}

static int check_tensor(const gcl_safetensors *file, const gcl_tensor *tensor, gcl_load what,
                        gcl_error *err)
{
    const char *path = gcl_safetensors_path(file);
    const gcl_entry *entry = gcl_safetensors_find(file, tensor->name);
    if (entry == NULL) {
        if (what != GCL_LOAD_ALL && !is_weight(tensor))
            return 0;
        return gcl_fail(err, GCL_DATA, "%s%s: has no tensor %s, which the model needs", path,
                        origin(file), tensor->name);
    }
    int64_t dims[4];
    int same = entry->n_dims == tensor->n_dims;
    for (int d = 0; d < tensor->n_dims; d++) {
        dims[d] = tensor->dims[d];
        same = same && entry->dims[d] == dims[d];
    }
    if (!same)
        return gcl_fail(err, GCL_DATA, "%s%s: %s: is %s, the model wants %s", path, origin(file),
                        tensor->name, gcl_dims_text(entry->dims, entry->n_dims),
                        gcl_dims_text(dims, tensor->n_dims));
    if (entry->dtype != GCL_FILE_F32 && entry->dtype != GCL_FILE_F64)
        return gcl_fail(err, GCL_DATA, "%s: %s: is of type %s, the model wants F32", path,
                        tensor->name, gcl_file_dtype_name(entry->dtype));
    return 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names the first tensor of the file that the model does not have. */
static int check_foreign(const gcl_safetensors *file, const gcl_nn *nn, gcl_error *err)
{
    int n = gcl_nn_tensors(nn), result = 0;
    const char **names = gcl_alloc(((size_t)n + 1) * sizeof *names);
    for (int i = 0; i < n; i++)
        names[i] = gcl_nn_tensor(nn, i)->name;
    qsort(names, (size_t)n, sizeof *names, compare_names);
    for (int i = 0; i < gcl_safetensors_count(file) && result == 0; i++) {
        const char *name = gcl_safetensors_at(file, i)->name;
        if (bsearch(&name, names, (size_t)n, sizeof *names, compare_names) == NULL)
            result =
                gcl_fail(err, GCL_DATA, "%s%s: has a tensor %s %s, which the model does not have",
                         gcl_safetensors_path(file), origin(file), name,
                         gcl_dims_text(gcl_safetensors_at(file, i)->dims,
                                       gcl_safetensors_at(file, i)->n_dims));
    }
    free(names);
    return result;
}

/* Recorded weights hold them, a checkpoint of weights alone need not. */
static int is_extra(const gcl_tensor *tensor) { return tensor->role == GCL_ROLE_EXTRA; }

static int load_tensor(const gcl_safetensors *file, copies *c, const gcl_tensor *tensor,
                       gcl_load what, gcl_error *err)
{
    const gcl_entry *entry = gcl_safetensors_find(file, tensor->name);
    uint64_t first;
    int64_t n;
    if (entry == NULL || (what != GCL_LOAD_ALL && !is_weight(tensor) && !is_extra(tensor)))
        return 0;
    /* A network that is used in part has tensors that its plan does not need. */
    if (what == GCL_LOAD_PART && gcl_store_find(c->store, tensor->variable, &first, &n) == NULL)
        return 0;
    float *memory = copies_place(c, tensor, err);
    float *values = memory == NULL
                        ? NULL
                        : gcl_try_alloc((size_t)entry->count * sizeof(float), tensor->name, err);
    if (values == NULL)
        return -1;
    gcl_entry_floats(entry, values);
    gcl_tensor_from_file(tensor, values, memory);
    free(values);
    return 0;
}

int gcl_checkpoint_load(const gcl_safetensors *file, const gcl_nn *nn, gcl_store *store,
                        gcl_load what, gcl_error *err)
{
    for (int i = 0; i < gcl_nn_tensors(nn); i++)
        if (check_tensor(file, gcl_nn_tensor(nn, i), what, err) != 0)
            return -1;
    if (what != GCL_LOAD_PART && check_foreign(file, nn, err) != 0)
        return -1;
    copies c = {.store = store};
    int result = 0;
    for (int i = 0; i < gcl_nn_tensors(nn) && result == 0; i++)
        result = load_tensor(file, &c, gcl_nn_tensor(nn, i), what, err);
    if (result == 0)
        result = copies_write(&c, err);
    copies_free(&c);
    return result;
}

int gcl_checkpoint_initialise(const gcl_nn *nn, gcl_store *store, uint64_t seed, gcl_error *err)
{
    copies c = {.store = store};
    int result = 0;
    for (int i = 0; i < gcl_nn_tensors(nn) && result == 0; i++) {
        float *memory = copies_place(&c, gcl_nn_tensor(nn, i), err);
        if (memory == NULL)
            result = -1;
        else
            gcl_tensor_initialise(gcl_nn_tensor(nn, i), seed, memory);
    }
    if (result == 0)
        result = copies_write(&c, err);
    copies_free(&c);
    return result;
}
