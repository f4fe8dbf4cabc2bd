/* Errors: one line of text and the exit code it leads to.
 *
 *     gcl_error err = {0};
 *     if (gcl_thing_do(thing, &err) != 0) { ...err.text...; }
 *
 * A function that can fail takes a gcl_error last and returns 0 / -1 or a pointer / NULL. The first
 * error is kept; later ones do not overwrite it. Only main.c turns a code into an exit. The text is
 * one line that says what, where and what to do. */
#ifndef GCL_BASE_ERROR_H
#define GCL_BASE_ERROR_H

enum gcl_code {
    GCL_OK = 0,
    GCL_FAILED = 1, /* a check of ours did not hold (selftest, verify) */
    GCL_USAGE = 2,
    GCL_DATA = 3,
    GCL_DEVICE = 4,
    GCL_MEMORY = 5, /* host or device memory */
    GCL_DIVERGED = 6,
    GCL_DISK = 7
};

typedef struct gcl_error {
    int code; /* enum gcl_code; 0 while nothing went wrong */
    char text[1000];
} gcl_error;

#if defined(__GNUC__)
#define GCL_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define GCL_PRINTF(text, first)
#endif

/* Records the error unless one is recorded already. Returns -1, so that a caller can write
 * `return gcl_fail(err, GCL_DATA, "...")`. `err` may be NULL. */
int gcl_fail(gcl_error *err, int code, const char *format, ...) GCL_PRINTF(3, 4);

#endif
