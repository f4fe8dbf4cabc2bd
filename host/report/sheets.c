#include "report/sheets.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "io/file.h"
#include "report/cells.h"
#include "report/picture.h"
#include "report/text.h"

/* Either kind of sheet of a step: PREFIX.png and PREFIX-reconstructed.png. */
enum { MADE, AGAIN, KINDS };
static const char *const endings[KINDS] = {".png", "-reconstructed.png"};

typedef struct file_mark {
    struct timespec changed;
    off_t bytes;
} file_mark;

/* A picture with what its file was when it was read. */
typedef struct embedded {
    char *path;
    file_mark mark;
    gcl_picture picture; /* uri NULL: unreadable */
    gcl_cells cells;
    int wanted; /* in this reading */
} embedded;

typedef struct sheet {
    int64_t step;
    const embedded *of[KINDS]; /* NULL: none */
} sheet;

struct gcl_sheets {
    char *folder;
    int found, unreadable;
    embedded **kept;
    int n_kept, cap_kept;
    const embedded *reals;
    int n_chosen;
    sheet chosen[GCL_SHEETS_MOST];
};

gcl_sheets *gcl_sheets_new(const char *folder)
{
    gcl_sheets *s = gcl_alloc(sizeof *s);
    s->folder = gcl_strdup(folder);
    return s;
}

static void free_embedded(embedded *e)
{
    gcl_picture_free(&e->picture);
    free(e->path);
    free(e);
}

void gcl_sheets_free(gcl_sheets *s)
{
    if (s == NULL)
        return;
    for (int i = 0; i < s->n_kept; i++)
        free_embedded(s->kept[i]);
    free(s->kept);
    free(s->folder);
    free(s);
}

/* ---- which ---------------------------------------------------------------------------------------- */

int gcl_sheets_choose(int n, int most, int *chosen)
{
    int k = 1, m = 0;
    while ((n + k - 1) / k + ((n - 1) % k != 0) > most)
        k *= 2;
    for (int i = 0; i < n; i += k)
        chosen[m++] = i;
    if (n > 0 && chosen[m - 1] != n - 1)
        chosen[m++] = n - 1;
    return m;
}

/* The step in "000500.png" or "000500-reconstructed.png", or -1. */
static int64_t step_of(const char *name)
{
    size_t digits = strspn(name, "0123456789");
    int is_sheet =
        strcmp(name + digits, endings[MADE]) == 0 || strcmp(name + digits, endings[AGAIN]) == 0;
    return digits > 0 && digits < 16 && is_sheet ? strtoll(name, NULL, 10) : -1;
}

/* ---- reading -------------------------------------------------------------------------------------- */

static int same_mark(const file_mark *a, const file_mark *b)
{
    return a->bytes == b->bytes && a->changed.tv_sec == b->changed.tv_sec &&
           a->changed.tv_nsec == b->changed.tv_nsec;
}

static embedded *find(const gcl_sheets *s, const char *path)
{
    for (int i = 0; i < s->n_kept; i++)
        if (strcmp(s->kept[i]->path, path) == 0)
            return s->kept[i];
    return NULL;
}

static void read_picture(embedded *e, int translates, int padded)
{
    gcl_picture_free(&e->picture);
    e->cells = (gcl_cells){0};
    if (gcl_picture_read(&e->picture, e->path, NULL) != 0)
        return;
    if (translates)
        gcl_cells_score(&e->cells, &e->picture.pixels, GCL_SHEETS_COLUMNS, padded);
    gcl_picture_encode(&e->picture, NULL);
}

/* The picture in the file, from before if it has not changed; NULL if there is none to be had. */
static const embedded *take(gcl_sheets *s, const char *path, int translates, int padded)
{
    struct stat facts;
    if (stat(path, &facts) != 0)
        return NULL;
    file_mark mark = {facts.st_mtim, facts.st_size};
    embedded *e = find(s, path);
    if (e == NULL) {
        e = gcl_alloc(sizeof *e);
        e->path = gcl_strdup(path);
        GCL_GROW(s->kept, s->n_kept, s->cap_kept);
        s->kept[s->n_kept++] = e;
    }
    if (e->picture.uri == NULL || !same_mark(&e->mark, &mark))
        read_picture(e, translates, padded);
    e->mark = mark;
    e->wanted = 1;
    s->unreadable += e->picture.uri == NULL;
    return e->picture.uri != NULL ? e : NULL;
}

static void forget_unwanted(gcl_sheets *s)
{
    int n = 0;
    for (int i = 0; i < s->n_kept; i++) {
        if (s->kept[i]->wanted)
            s->kept[n++] = s->kept[i];
        else
            free_embedded(s->kept[i]);
    }
    s->n_kept = n;
}

static void take_sheet(gcl_sheets *s, int64_t step, int translates, int padded)
{
    sheet *to = &s->chosen[s->n_chosen];
    *to = (sheet){.step = step};
    for (int kind = 0; kind < KINDS; kind++) {
        gcl_text path = {0};
        gcl_text_add(&path, "%s/samples/%06lld%s", s->folder, (long long)step, endings[kind]);
        to->of[kind] = take(s, path.text, translates && kind == MADE, padded);
        gcl_text_free(&path);
    }
    s->n_chosen += to->of[MADE] != NULL || to->of[AGAIN] != NULL;
}

void gcl_sheets_read(gcl_sheets *s, int translates, int padded)
{
    gcl_text path = {0};
    int chosen[GCL_SHEETS_MOST], n = 0;
    for (int i = 0; i < s->n_kept; i++)
        s->kept[i]->wanted = 0;
    s->n_chosen = s->unreadable = 0;
    gcl_text_add(&path, "%s/samples", s->folder);
    int64_t *steps = gcl_file_steps(path.text, step_of, &s->found);
    n = gcl_sheets_choose(s->found, GCL_SHEETS_MOST, chosen);
    for (int i = 0; i < n; i++)
        take_sheet(s, steps[chosen[i]], translates, padded);
    free(steps);
    path.length = 0;
    gcl_text_add(&path, "%s/reals.png", s->folder);
    s->reals = take(s, path.text, 0, padded);
    gcl_text_free(&path);
    forget_unwanted(s);
}

/* ---- writing -------------------------------------------------------------------------------------- */

static void add_picture(gcl_text *out, const embedded *e)
{
    if (e == NULL) {
        gcl_text_add(out, "null");
        return;
    }
    gcl_text_add(out, "{\"width\":%d,\"height\":%d,\"scores\":", e->picture.width,
                 e->picture.height);
    gcl_cells_json(&e->cells, out);
    gcl_text_add(out, ",\"uri\":\"");
    gcl_text_add_bytes(out, e->picture.uri, e->picture.uri_length);
    gcl_text_add(out, "\"}");
}

/* Hands over what was composed, so that no more than a picture or two is held. */
static int pass_on(gcl_text *text, gcl_atomic *file, gcl_error *err)
{
    int result = gcl_atomic_write(file, text->text, text->length, err);
    text->length = 0;
    return result;
}

int gcl_sheets_write(const gcl_sheets *s, gcl_atomic *file, gcl_error *err)
{
    gcl_text out = {0};
    gcl_text_add(&out,
                 "{\"columns\":%d,\"found\":%d,\"unreadable\":%d,\"reals\":", GCL_SHEETS_COLUMNS,
                 s->found, s->unreadable);
    add_picture(&out, s->reals);
    gcl_text_add(&out, ",\n\"sheets\":[");
    int result = pass_on(&out, file, err);
    for (int i = 0; i < s->n_chosen && result == 0; i++) {
        gcl_text_add(&out, "%s\n{\"step\":%lld,\"made\":", i > 0 ? "," : "",
                     (long long)s->chosen[i].step);
        add_picture(&out, s->chosen[i].of[MADE]);
        gcl_text_add(&out, ",\"again\":");
        add_picture(&out, s->chosen[i].of[AGAIN]);
        gcl_text_add(&out, "}");
        result = pass_on(&out, file, err);
    }
    if (result == 0) {
        gcl_text_add(&out, "]}");
        result = pass_on(&out, file, err);
    }
    gcl_text_free(&out);
    return result;
}
