/* Host memory: checked allocation, a bump arena, growing arrays and strings.
 *
 *     gcl_arena *arena = gcl_arena_new();
 *     node *n = gcl_arena_alloc(arena, sizeof *n);       zeroed, freed with the arena
 *     gcl_arena_free(arena);
 *
 * Small host allocations do not fail in practice; when one does, the process says so and ends with
 * exit code 5. Large, data-sized ones (pictures, tensors) go through gcl_try_alloc and are
 * reported by their caller. */
#ifndef GCL_BASE_MEMORY_H
#define GCL_BASE_MEMORY_H

#include <stdarg.h>
#include <stddef.h>

#include "base/error.h"

void *gcl_alloc(size_t bytes); /* zeroed; ends the process when out of memory */
void *gcl_realloc(void *pointer, size_t bytes);
void *gcl_try_alloc(size_t bytes, const char *what, gcl_error *err); /* zeroed, 64-byte aligned */
char *gcl_strdup(const char *text);

typedef struct gcl_arena gcl_arena;
gcl_arena *gcl_arena_new(void);
void gcl_arena_free(gcl_arena *arena);                 /* NULL is fine */
void *gcl_arena_alloc(gcl_arena *arena, size_t bytes); /* zeroed, 16-byte aligned */
char *gcl_arena_printf(gcl_arena *arena, const char *format, ...) GCL_PRINTF(2, 3);

/* Makes room for one more element in a growing array `items` with `n` used and `cap` allocated. */
#define GCL_GROW(items, n, cap)                                                                    \
    ((n) < (cap) ? (void)0                                                                         \
                 : (void)((cap) = (cap) ? 2 * (cap) : 16,                                          \
                          (items) = gcl_realloc((items), (size_t)(cap) * sizeof *(items))))

/* A string that grows: text is always terminated, and free()d by gcl_text_free. */
typedef struct gcl_text {
    char *text;
    size_t length, capacity;
} gcl_text;
void gcl_text_add(gcl_text *text, const char *format, ...) GCL_PRINTF(2, 3);
void gcl_text_add_bytes(gcl_text *text, const char *bytes, size_t n);
void gcl_text_free(gcl_text *text);

#endif
