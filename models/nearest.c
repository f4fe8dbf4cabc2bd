/* What a mistyped word was meant to be. */
#include <stdlib.h>
#include <string.h>

#include "models/model.h"

static int least(int a, int b) { return a < b ? a : b; }

/* Levenshtein's distance: insertions, deletions and replacements from one word to the other. */
static int edit_distance(const char *a, const char *b)
{
    int n = (int)strlen(b);
    int *row = gcl_alloc(((size_t)n + 1) * sizeof *row);
    for (int j = 0; j <= n; j++)
        row[j] = j;
    for (int i = 1; a[i - 1]; i++) {
        int corner = row[0];
        row[0] = i;
        for (int j = 1; j <= n; j++) {
            int above = row[j];
            int replaced = corner + (a[i - 1] != b[j - 1]);
            row[j] = least(replaced, 1 + least(above, row[j - 1]));
            corner = above;
        }
    }
    int distance = row[n];
    free(row);
    return distance;
}

const char *gcl_nearest(const char *word, const char *const *names)
{
    /* More than half of the word wrong is no slip of the keys. */
    int best = (int)strlen(word) / 2 + 1;
    const char *nearest = NULL;
    for (; *names != NULL; names++) {
        int distance = edit_distance(word, *names);
        if (distance < best) {
            best = distance;
            nearest = *names;
        }
    }
    return nearest;
}
