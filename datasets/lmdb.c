/* LMDB as NVAE keeps its sets in: train.lmdb/ and validation.lmdb/ in a folder (or one such environment
 * by itself), keys "0", "1", ... in ASCII, each value the bytes of a JPEG or PNG (its CelebA 64) or the
 * pixels of a square, [side, side, 3] (CelebA-HQ, FFHQ, ImageNet 32). Values are decoded where the
 * library has mapped them.
 *
 * A data file begins with a page whose header has 16 bytes; then comes 0xBEEFC0DE in the order of the
 * machine that wrote it. */
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "datasets/format.h"

enum { MAGIC_AT = 16, PARTS = 2, PAGES = 2 * 4096 };
static const uint32_t magic = 0xBEEFC0DE;
static const char *const part_names[PARTS] = {"train.lmdb", "validation.lmdb"};

typedef struct environment {
    char *path; /* of the folder or file that was opened */
    MDB_env *env;
    MDB_dbi table;
    size_t n;
    const char *prefix; /* of its items' names */
} environment;

typedef struct store {
    environment parts[PARTS];
    int n_parts;
} store;

/* ---- finding ------------------------------------------------------------------------------------ */

static char *joined(const char *folder, const char *name)
{
    gcl_text path = {0};
    gcl_text_add(&path, "%s/%s", folder, name);
    return path.text;
}

static bool is_data_file(const char *path)
{
    uint8_t head[MAGIC_AT + sizeof magic];
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool found = fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
                 read(fd, head, sizeof head) == (ssize_t)sizeof head &&
                 memcmp(head + MAGIC_AT, &magic, sizeof magic) == 0;
    if (fd >= 0)
        close(fd);
    return found;
}

/* The data file of an environment, which is a folder or the file itself; NULL when it is none. */
static char *data_file(const char *path)
{
    char *inside = joined(path, "data.mdb");
    if (is_data_file(inside))
        return inside;
    free(inside);
    return is_data_file(path) ? gcl_strdup(path) : NULL;
}

static bool is_environment(const char *path)
{
    char *file = data_file(path);
    free(file);
    return file != NULL;
}

static bool has_part(const char *spec, int part)
{
    char *path = joined(spec, part_names[part]);
    bool found = is_environment(path);
    free(path);
    return found;
}

static bool lmdb_recognise(const char *spec)
{
    return is_environment(spec) || has_part(spec, 0) || has_part(spec, 1);
}

/* ---- opening ------------------------------------------------------------------------------------ */

static int fail(const environment *e, int code, gcl_error *err)
{
    return gcl_fail(err, code == ENOMEM ? GCL_MEMORY : GCL_DATA,
                    "%s: is a damaged LMDB, or cannot be read: %s", e->path, mdb_strerror(code));
}

/* The library would touch pages that a shortened file does not have. */
static int check_length(const environment *e, const char *file, gcl_error *err)
{
    MDB_envinfo info;
    MDB_stat facts;
    struct stat status;
    int code = mdb_env_info(e->env, &info);
    if (code == 0)
        code = mdb_env_stat(e->env, &facts);
    if (code != 0)
        return fail(e, code, err);
    if (stat(file, &status) != 0)
        return gcl_fail(err, GCL_DATA, "%s: %s", file, strerror(errno));
    uintmax_t wanted = ((uintmax_t)info.me_last_pgno + 1) * facts.ms_psize;
    if ((uintmax_t)status.st_size < wanted)
        return gcl_fail(err, GCL_DATA,
                        "%s: is cut short: it has %jd bytes of the %ju it tells of; copy it again",
                        file, (intmax_t)status.st_size, wanted);
    return 0;
}

static int open_table(environment *e, gcl_error *err)
{
    MDB_txn *look = NULL;
    MDB_stat facts;
    MDB_val key = {1, (void *)(uintptr_t) "0"}, value;
    int code = mdb_txn_begin(e->env, NULL, MDB_RDONLY, &look);
    if (code == 0)
        code = mdb_dbi_open(look, NULL, 0, &e->table);
    if (code == 0)
        code = mdb_stat(look, e->table, &facts);
    int first = code == 0 ? mdb_get(look, e->table, &key, &value) : 0;
    if (code != 0 && look != NULL)
        mdb_txn_abort(look);
    if (code != 0 || (code = mdb_txn_commit(look)) != 0)
        return fail(e, code, err);
    e->n = facts.ms_entries;
    if (first != 0)
        return gcl_fail(err, GCL_DATA,
                        "%s: an LMDB of %zu values without the key \"0\"; its keys must be the "
                        "numbers 0, 1, ... in ASCII, as NVAE's are",
                        e->path, e->n);
    return 0;
}

/* Opened without locks, for reading only, so that a medium that cannot be written will do. */
static int open_environment(environment *e, gcl_error *err)
{
    char *file = data_file(e->path);
    struct stat status;
    if (file == NULL)
        return gcl_fail(err, GCL_DATA, "%s: is no LMDB (it has no data.mdb of that kind)", e->path);
    if (stat(file, &status) == 0 && status.st_size < PAGES) {
        free(file);
        return gcl_fail(err, GCL_DATA, "%s: is cut short: it has %jd bytes", e->path,
                        (intmax_t)status.st_size);
    }
    unsigned flags = MDB_RDONLY | MDB_NOLOCK | (strcmp(file, e->path) == 0 ? MDB_NOSUBDIR : 0);
    int code = mdb_env_create(&e->env);
    if (code == 0)
        code = mdb_env_open(e->env, e->path, flags, 0644);
    int result = code != 0 ? fail(e, code, err) : check_length(e, file, err);
    free(file);
    return result == 0 ? open_table(e, err) : -1;
}

/* The environments of the split that is wanted, train before validation. */
static void choose_parts(gcl_dataset *dataset, store *s, const char *spec)
{
    enum gcl_split split = dataset->options.split;
    if (is_environment(spec)) {
        s->parts[s->n_parts++] = (environment){.path = gcl_strdup(spec), .prefix = ""};
        return;
    }
    dataset->is_split = has_part(spec, 0) && has_part(spec, 1);
    for (int k = 0; k < PARTS; k++)
        if (has_part(spec, k) &&
            (!dataset->is_split || split == GCL_SPLIT_ALL || (split == GCL_SPLIT_TEST) == (k == 1)))
            s->parts[s->n_parts++] =
                (environment){.path = joined(spec, part_names[k]), .prefix = k == 1 ? "test/" : ""};
}

static int lmdb_open(gcl_dataset *dataset, const char *spec, gcl_error *err)
{
    store *s = gcl_alloc(sizeof *s);
    dataset->state = s;
    dataset->name = gcl_dataset_last_part(spec);
    choose_parts(dataset, s, spec);
    for (int k = 0; k < s->n_parts; k++) {
        if (open_environment(&s->parts[k], err) != 0)
            return -1;
        dataset->n_items += s->parts[k].n;
    }
    if (s->n_parts == 0)
        return gcl_fail(err, GCL_DATA,
                        "%s: is no LMDB: neither data.mdb nor train.lmdb/ or validation.lmdb/ is "
                        "there",
                        spec);
    gcl_text facts = {0};
    gcl_text_add(&facts, "%s: %zu pictures (LMDB)", spec, dataset->n_items);
    if (dataset->is_split && s->n_parts == 1)
        gcl_text_add(&facts, ", its %s part",
                     dataset->options.split == GCL_SPLIT_TEST ? "test" : "train");
    dataset->facts = facts.text;
    return 0;
}

static void lmdb_close(gcl_dataset *dataset)
{
    store *s = dataset->state;
    for (int k = 0; s != NULL && k < s->n_parts; k++) {
        if (s->parts[k].env != NULL)
            mdb_env_close(s->parts[k].env);
        free(s->parts[k].path);
    }
    free(s);
}

/* ---- items -------------------------------------------------------------------------------------- */

static const environment *find_item(const gcl_dataset *dataset, size_t *index)
{
    const store *s = dataset->state;
    const environment *e = s->parts;
    while (*index >= e->n) {
        *index -= e->n;
        e++;
    }
    return e;
}

/* Pixels of a square as they are, if there is a square of so many bytes. */
static int set_square(gcl_item *item, const uint8_t *bytes, size_t n, gcl_error *err)
{
    int side = (int)(sqrt((double)n / 3) + 0.5);
    gcl_image square;
    if (n == 0 || (size_t)side * (size_t)side * 3 != n)
        return 1;
    if (gcl_image_new(&square, side, side, 3, err) != 0)
        return -1;
    memcpy(square.pixels, bytes, n);
    gcl_item_set(item, 0, &square);
    return 0;
}

/* What is done with a value while it is mapped. */
typedef int use(const gcl_dataset *dataset, const char *name, MDB_val value, void *context,
                gcl_error *err);

static int with_value(const gcl_dataset *dataset, size_t index, use *work, void *context,
                      gcl_error *err)
{
    char digits[24], name[64];
    const environment *e = find_item(dataset, &index);
    MDB_txn *look = NULL;
    MDB_val value;
    int result, code = mdb_txn_begin(e->env, NULL, MDB_RDONLY, &look);
    if (code != 0)
        return fail(e, code, err);
    snprintf(digits, sizeof digits, "%zu", index);
    snprintf(name, sizeof name, "%s%s", e->prefix, digits);
    code = mdb_get(look, e->table, &(MDB_val){strlen(digits), digits}, &value);
    if (code == 0)
        result = work(dataset, name, value, context, err);
    else
        result = gcl_fail(err, GCL_DATA, "%s: key \"%s\": %s", e->path, digits, mdb_strerror(code));
    mdb_txn_abort(look);
    return result;
}

typedef struct request {
    int side;
    gcl_item *item;
} request;

/* Pixels may by chance begin as a JPEG does; then they cannot be decoded as one. */
static int decode(const gcl_dataset *dataset, const char *name, MDB_val value, void *context,
                  gcl_error *err)
{
    const request *r = context;
    gcl_error reason = {0};
    if (gcl_item_decode(r->item, 0, &dataset->options, r->side, value.mv_data, value.mv_size, name,
                        &reason) == 0)
        return 0;
    int result =
        reason.code == GCL_DATA ? set_square(r->item, value.mv_data, value.mv_size, err) : 1;
    return result <= 0 ? result : gcl_fail(err, reason.code, "%s", reason.text);
}

static int lmdb_load(const gcl_dataset *dataset, size_t index, int side, gcl_item *item,
                     gcl_error *err)
{
    return with_value(dataset, index, decode, &(request){side, item}, err);
}

/* The bytes of a value that is a file; nothing of pixels. */
static int copy_file(const gcl_dataset *dataset, const char *name, MDB_val value, void *context,
                     gcl_error *err)
{
    gcl_item_files *files = context;
    gcl_item item = {0};
    (void)err;
    if (gcl_item_decode(&item, 0, &dataset->options, 0, value.mv_data, value.mv_size, name, NULL) ==
        0) {
        files->n[0] = value.mv_size;
        files->bytes[0] = gcl_alloc(value.mv_size);
        memcpy(files->bytes[0], value.mv_data, value.mv_size);
    }
    gcl_item_free(&item);
    return 0;
}

static int lmdb_files(const gcl_dataset *dataset, size_t index, gcl_item_files *files,
                      gcl_error *err)
{
    return with_value(dataset, index, copy_file, files, err);
}

static void lmdb_item_name(const gcl_dataset *dataset, size_t index, gcl_text *name)
{
    const environment *e = find_item(dataset, &index);
    gcl_text_add(name, "%s%zu", e->prefix, index);
}

const gcl_dataset_format gcl_format_lmdb = {
    .name = "lmdb",
    .line =
        "lmdb: LMDB as NVAE writes it: train.lmdb/ and validation.lmdb/, keys 0, 1, ..., values "
        "JPEG, PNG or the pixels of a square",
    .is = "is an LMDB of pictures",
    .kinds = 1 << GCL_WANT_PICTURES,
    .recognise = lmdb_recognise,
    .open = lmdb_open,
    .close = lmdb_close,
    .load = lmdb_load,
    .files = lmdb_files,
    .item_name = lmdb_item_name,
};
