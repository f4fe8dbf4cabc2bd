/* A table from names to numbers, and streams of random numbers from names. */
#include <stdlib.h>
#include <string.h>

#include "nn/internal.h"

static uint32_t mix(uint32_t hash, const char *text)
{
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 16777619u;
    return hash;
}

uint32_t gcl_names_stream(const char *domain, const char *name)
{
    return mix(mix(2166136261u, domain), name);
}

/* The slot that holds the name, or the free one where it would go. */
static int place(const gcl_names *names, const char *name)
{
    int mask = names->size - 1;
    int i = (int)(mix(2166136261u, name) & (uint32_t)mask);
    while (names->slots[i].name != NULL && strcmp(names->slots[i].name, name) != 0)
        i = (i + 1) & mask;
    return i;
}

int gcl_names_find(const gcl_names *names, const char *name)
{
    if (names->n == 0)
        return -1;
    int i = place(names, name);
    return names->slots[i].name != NULL ? names->slots[i].index : -1;
}

static void grow(gcl_names *names)
{
    gcl_names larger = {.size = names->size > 0 ? 2 * names->size : 64};
    larger.slots = gcl_alloc((size_t)larger.size * sizeof *larger.slots);
    for (int i = 0; i < names->size; i++)
        if (names->slots[i].name != NULL)
            gcl_names_put(&larger, names->slots[i].name, names->slots[i].index);
    free(names->slots);
    *names = larger;
}

void gcl_names_put(gcl_names *names, const char *name, int index)
{
    if (2 * names->n >= names->size)
        grow(names);
    int i = place(names, name);
    names->n += names->slots[i].name == NULL;
    names->slots[i].name = name;
    names->slots[i].index = index;
}

void gcl_names_free(gcl_names *names)
{
    free(names->slots);
    *names = (gcl_names){0};
}
