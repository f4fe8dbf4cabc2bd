#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void out_of_memory(size_t bytes)
{
    fprintf(stderr, "ganocl: out of host memory (%zu bytes wanted); use a smaller batch\n", bytes);
    exit(GCL_MEMORY);
}

void *gcl_alloc(size_t bytes)
{
    void *pointer = calloc(1, bytes ? bytes : 1);
    if (pointer == NULL)
        out_of_memory(bytes);
    return pointer;
}

void *gcl_realloc(void *pointer, size_t bytes)
{
    pointer = realloc(pointer, bytes ? bytes : 1);
    if (pointer == NULL)
        out_of_memory(bytes);
    return pointer;
}

void *gcl_try_alloc(size_t bytes, const char *what, gcl_error *err)
{
    void *pointer = NULL;
    if (posix_memalign(&pointer, 64, bytes ? bytes : 1) != 0) {
        gcl_fail(err, GCL_MEMORY, "%s: out of host memory (%zu bytes wanted)", what, bytes);
        return NULL;
    }
    memset(pointer, 0, bytes);
    return pointer;
}

char *gcl_strdup(const char *text)
{
    size_t bytes = strlen(text) + 1;
    return memcpy(gcl_alloc(bytes), text, bytes);
}

typedef struct block {
    struct block *next;
    size_t used, size;
} block;

struct gcl_arena {
    block *blocks;
};

enum { BLOCK_BYTES = 64 * 1024, HEAD_BYTES = (sizeof(block) + 15) / 16 * 16 };

gcl_arena *gcl_arena_new(void) { return gcl_alloc(sizeof(gcl_arena)); }

void gcl_arena_free(gcl_arena *arena)
{
    if (arena == NULL)
        return;
    for (block *b = arena->blocks; b != NULL;) {
        block *next = b->next;
        free(b);
        b = next;
    }
    free(arena);
}

void *gcl_arena_alloc(gcl_arena *arena, size_t bytes)
{
    bytes = (bytes + 15) / 16 * 16;
    block *b = arena->blocks;
    if (b == NULL || b->size - b->used < bytes) {
        size_t size = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
        b = gcl_alloc(HEAD_BYTES + size);
        b->size = size;
        b->next = arena->blocks;
        arena->blocks = b;
    }
    void *pointer = (char *)b + HEAD_BYTES + b->used;
    b->used += bytes;
    return pointer;
}

char *gcl_arena_printf(gcl_arena *arena, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = gcl_arena_alloc(arena, (size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

void gcl_text_add_bytes(gcl_text *text, const char *bytes, size_t n)
{
    if (text->length + n + 1 > text->capacity) {
        text->capacity = 2 * (text->length + n + 1);
        text->text = gcl_realloc(text->text, text->capacity);
    }
    memcpy(text->text + text->length, bytes, n);
    text->length += n;
    text->text[text->length] = 0;
}

void gcl_text_add(gcl_text *text, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int n = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (text->length + (size_t)n + 1 > text->capacity) {
        text->capacity = 2 * (text->length + (size_t)n + 1);
        text->text = gcl_realloc(text->text, text->capacity);
    }
    vsnprintf(text->text + text->length, (size_t)n + 1, format, again);
    va_end(again);
    text->length += (size_t)n;
}

void gcl_text_free(gcl_text *text)
{
    free(text->text);
    *text = (gcl_text){0};
}
