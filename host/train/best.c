#include "train/best.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/atomic.h"
#include "io/checkpoint.h"
#include "io/file.h"

static int has_checkpoint(const char *folder, int64_t step)
{
    char *path = gcl_checkpoint_path(folder, step);
    int kind = gcl_path_kind(path);
    free(path);
    return kind == 1;
}

/* null is a value that was not finite. */
static void recall_values(const gcl_best *best, const json_t *line, gcl_measured *values)
{
    values->n = 0;
    for (const gcl_metric *m = best->all; m->name != NULL && values->n < GCL_MEASURED; m++) {
        const json_t *value = json_object_get(line, m->name);
        if (value != NULL)
            values->values[values->n++] =
                (gcl_named_value){m->name, json_is_number(value) ? json_number_value(value) : NAN};
    }
}

static void recall_line(gcl_best *best, const char *text, const char *folder, int64_t *evaluated,
                        gcl_measured *values)
{
    if (strstr(text, "\"eval\"") == NULL) /* a log has far more lines of losses */
        return;
    json_t *line = json_loads(text, 0, NULL);
    const json_t *eval = json_object_get(line, "eval"), *step = json_object_get(line, "step");
    if (json_is_object(eval) && json_is_integer(step)) {
        *evaluated = json_integer_value(step);
        recall_values(best, eval, values);
        if (has_checkpoint(folder, *evaluated))
            gcl_best_takes(best, *evaluated, values);
    }
    json_decref(line);
}

int gcl_best_recall(gcl_best *best, const char *log, const char *folder, int64_t *evaluated,
                    gcl_measured *values, gcl_error *err)
{
    uint8_t *text = NULL;
    size_t n = 0;
    *evaluated = best->step = -1;
    best->value = NAN;
    values->n = 0;
    if (gcl_path_kind(log) != 0 && gcl_file_read(log, SIZE_MAX - 1, &text, &n, err) != 0)
        return -1;
    if (text != NULL)
        text[n] = 0;
    for (char *line = (char *)text, *end; line != NULL && (end = strchr(line, '\n')) != NULL;
         line = end + 1) {
        *end = 0;
        recall_line(best, line, folder, evaluated, values);
    }
    free(text);
    return best->metric != NULL ? gcl_checkpoint_mark_best(folder, best->step, err) : 0;
}

int gcl_best_takes(gcl_best *best, int64_t step, const gcl_measured *values)
{
    for (int i = 0; i < values->n && best->metric != NULL; i++) {
        double value = values->values[i].value;
        if (strcmp(values->values[i].name, best->metric->name) != 0 ||
            !gcl_metric_improves(best->metric, value, best->value))
            continue;
        best->step = step;
        best->value = value;
        return 1;
    }
    return 0;
}
