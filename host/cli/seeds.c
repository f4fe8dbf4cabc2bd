#include "cli/seeds.h"

#include <errno.h>
#include <stdlib.h>

#include "base/memory.h"

void gcl_seeds_range(gcl_seeds *seeds, uint64_t first, int count)
{
    for (int i = 0; i < count; i++) {
        GCL_GROW(seeds->of, seeds->n, seeds->capacity);
        seeds->of[seeds->n++] = first + (unsigned)i;
    }
}

void gcl_seeds_free(gcl_seeds *seeds)
{
    free(seeds->of);
    *seeds = (gcl_seeds){0};
}

/* Reads a number below 2^64 and leaves *text behind it; 0 where there is none. */
static int number(const char **text, uint64_t *value)
{
    char *end;
    if (**text < '0' || **text > '9')
        return 0;
    errno = 0;
    *value = strtoull(*text, &end, 10);
    *text = end;
    return errno == 0;
}

/* "A" or "A-B", *text left behind it. */
static int range(const char **text, uint64_t *first, uint64_t *last)
{
    if (!number(text, first))
        return 0;
    *last = *first;
    if (**text != '-')
        return 1;
    (*text)++;
    return number(text, last);
}

int gcl_seeds_parse(gcl_seeds *seeds, const char *text, int most, gcl_error *err)
{
    const char *at = text;
    uint64_t first, last;
    for (;;) {
        if (!range(&at, &first, &last) || (*at != ',' && *at != 0))
            return gcl_fail(err, GCL_USAGE,
                            "--seeds '%s': is not A-B or a list of numbers below 2^64 (as 0-35, or "
                            "1,5,9-12)",
                            text);
        if (last < first)
            return gcl_fail(err, GCL_USAGE, "--seeds %s: %llu-%llu goes backwards (as %llu-%llu)",
                            text, (unsigned long long)first, (unsigned long long)last,
                            (unsigned long long)last, (unsigned long long)first);
        if (last - first >= (uint64_t)(most - seeds->n))
            return gcl_fail(err, GCL_USAGE, "--seeds %s: are more than %d", text, most);
        gcl_seeds_range(seeds, first, (int)(last - first) + 1);
        if (*at++ == 0)
            return 0;
    }
}
