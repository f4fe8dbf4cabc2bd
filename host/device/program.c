/* Programs: the table of those that are built, building from the cache or from source, saving, and
 * what is said when a build fails. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "device/internal.h"

/* A binary that takes so many times as long as the build is not worth it, where many wait. */
#define DEAR_TIMES 3
enum { MANY_UNSAVED = 8 };

/* The length goes first, so that no two lists of texts run together to the same bytes. */
static void add_text(gcl_sha256 *sum, const char *text)
{
    uint64_t bytes = strlen(text);
    gcl_sha256_add(sum, &bytes, sizeof bytes);
    gcl_sha256_add(sum, text, bytes);
}

static void make_key(const gcl_device *dev, const char *source, const char *options,
                     uint8_t key[GCL_SHA256_BYTES])
{
    gcl_sha256 sum;
    const gcl_limits *l = &dev->limits;
    gcl_sha256_start(&sum);
    add_text(&sum, source);
    add_text(&sum, options);
    add_text(&sum, l->platform);
    add_text(&sum, dev->platform_version);
    add_text(&sum, l->vendor);
    add_text(&sum, l->name);
    add_text(&sum, l->driver);
    add_text(&sum, l->version);
    gcl_sha256_end(&sum, key);
}

/* The driver's words about a build, empty if it has none; to be freed. */
static char *build_log(const gcl_device *dev, cl_program program)
{
    size_t bytes = 0;
    if (clGetProgramBuildInfo(program, dev->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &bytes) !=
        CL_SUCCESS)
        bytes = 0;
    char *text = gcl_alloc(bytes + 1);
    if (bytes > 0 && clGetProgramBuildInfo(program, dev->id, CL_PROGRAM_BUILD_LOG, bytes, text,
                                           NULL) != CL_SUCCESS)
        text[0] = 0;
    return text;
}

/* After "FILE:LINE:COLUMN:" or "line LINE:" in a line of a log: the rest, and LINE; else NULL. */
static const char *after_location(const char *text, const char *end, long *line)
{
    for (const char *at = text; at < end; at++) {
        int n = 0, named = strncmp(at, "line ", 5) == 0;
        if (named && sscanf(at + 5, "%9ld:%n", line, &n) == 1 && n > 0)
            return at + 5 + n;
        if (*at == ':' && isdigit((unsigned char)at[1]) &&
            sscanf(at, ":%9ld:%*9d:%n", line, &n) == 1 && n > 0)
            return at + n;
    }
    return NULL;
}

static const char *end_of_line(const char *text) { return text + strcspn(text, "\n"); }

static int mentions_error(const char *text, const char *end)
{
    for (; end - text >= 5; text++)
        if (strncmp(text, "error", 5) == 0 || strncmp(text, "Error", 5) == 0 ||
            strncmp(text, "ERROR", 5) == 0)
            return 1;
    return 0;
}

/* The first line of a log that speaks of an error, one with a place in the source if there is any;
 * else the first that is not blank; NULL if all are. */
static const char *find_error(const char *log)
{
    const char *error = NULL, *first = NULL;
    for (const char *text = log; *text != 0;) {
        const char *end = end_of_line(text);
        long line;
        if (mentions_error(text, end)) {
            if (after_location(text, end, &line) != NULL)
                return text;
            error = error != NULL ? error : text;
        }
        if (first == NULL && text + strspn(text, " \t\r") < end)
            first = text;
        text = *end != 0 ? end + 1 : end;
    }
    return error != NULL ? error : first;
}

static const char *skip_heads(const char *text)
{
    static const char *const heads[] = {" ", "\t", "fatal error:", "error:", "Error:"};
    for (size_t i = 0; i < sizeof heads / sizeof *heads;) {
        size_t n = strlen(heads[i]);
        int found = strncmp(text, heads[i], n) == 0;
        text += found ? n : 0;
        i = found ? 0 : i + 1;
    }
    return text;
}

/* From one line of a log to the compiler's words, without "error:"; a line that only announces the
 * next one is joined with it. */
static void copy_words(char *to, size_t size, const char *from)
{
    from = skip_heads(from);
    const char *end = end_of_line(from), *last = end;
    while (last > from && isspace((unsigned char)last[-1]))
        last--;
    if (last > from && last[-1] == ':' && *end != 0)
        end = end_of_line(end + 1);
    size_t n = 0;
    for (; from < end && n + 1 < size; from++)
        to[n++] = isspace((unsigned char)*from) ? ' ' : *from;
    while (n > 0 && to[n - 1] == ' ')
        n--;
    to[n] = 0;
}

/* Line `number` (from 1) of the source without its indentation; empty if there is none. */
static void copy_source_line(char *to, size_t size, const char *source, long number)
{
    for (; number > 1 && *source != 0; number--) {
        source = end_of_line(source);
        source += *source != 0;
    }
    source += strspn(source, " \t");
    size_t n = strcspn(source, "\r\n");
    n = number < 1 ? 0 : n < size ? n : size - 1;
    memcpy(to, source, n);
    to[n] = 0;
}

static void build_failed(const gcl_device *dev, cl_program program, const char *name,
                         const char *source, const char *options, cl_int status, gcl_error *err)
{
    char words[300] = "no reason given", line[240] = "";
    char *log = build_log(dev, program);
    long number = 0;
    gcl_verbose("kernel file %s, options \"%s\": the compiler says\n%s", name, options, log);
    const char *error = find_error(log), *rest = NULL;
    if (error != NULL) {
        rest = after_location(error, end_of_line(error), &number);
        copy_words(words, sizeof words, rest != NULL ? rest : error);
    }
    if (rest != NULL)
        copy_source_line(line, sizeof line, source, number);
    if (line[0] != 0)
        gcl_fail(err, GCL_DEVICE, "kernel file %.100s, line %ld: %s: %s", name, number, words,
                 line);
    else
        gcl_cl_fail(err, status, "kernel file %.100s does not build with options \"%.200s\": %s",
                    name, options, words);
    free(log);
}

static cl_program build_source(const gcl_device *dev, const char *name, const char *source,
                               const char *options, gcl_error *err)
{
    cl_int status;
    cl_program program = clCreateProgramWithSource(dev->context, 1, &source, NULL, &status);
    if (program == NULL) {
        gcl_cl_fail(err, status, "kernel file %.100s: cannot make a program", name);
        return NULL;
    }
    status = clBuildProgram(program, 1, &dev->id, options, NULL, NULL);
    if (status != CL_SUCCESS) {
        build_failed(dev, program, name, source, options, status, err);
        clReleaseProgram(program);
        return NULL;
    }
    char *log = build_log(dev, program);
    if (log[strspn(log, " \t\r\n")] != 0)
        gcl_verbose("kernel file %s: the compiler says\n%s", name, log);
    free(log);
    return program;
}

/* The program from the cache; NULL if it is not there or the driver does not take it. *known: the
 * cache knows of it. */
static cl_program build_cached(const gcl_device *dev, const uint8_t key[GCL_SHA256_BYTES],
                               const char *name, const char *options, int *known)
{
    size_t bytes;
    unsigned char *binary;
    *known = gcl_cache_load(key, &binary, &bytes);
    if (binary == NULL)
        return NULL;
    cl_int status, binary_status = CL_SUCCESS;
    cl_program program =
        clCreateProgramWithBinary(dev->context, 1, &dev->id, &bytes,
                                  (const unsigned char **)&binary, &binary_status, &status);
    free(binary);
    if (program != NULL) {
        status = binary_status;
        if (status == CL_SUCCESS)
            status = clBuildProgram(program, 1, &dev->id, options, NULL, NULL);
        if (status == CL_SUCCESS)
            return program;
        clReleaseProgram(program);
    }
    *known = 0; /* to be written anew */
    gcl_verbose("kernel file %s: the driver refuses the cached binary: %s (%d)", name,
                gcl_cl_name(status), (int)status);
    return NULL;
}

static gcl_program *find_program(gcl_device *dev, const uint8_t key[GCL_SHA256_BYTES])
{
    for (gcl_program *program = dev->programs; program != NULL; program = program->next)
        if (memcmp(program->key, key, GCL_SHA256_BYTES) == 0)
            return program;
    return NULL;
}

gcl_program *gcl_program_want(gcl_device *dev, const char *name, const char *source,
                              const char *options)
{
    uint8_t key[GCL_SHA256_BYTES];
    options = options != NULL ? options : "";
    make_key(dev, source, options, key);
    gcl_program *program = find_program(dev, key);
    if (program != NULL)
        return program;
    program = gcl_alloc(sizeof *program);
    *program = (gcl_program){.next = dev->programs,
                             .dev = dev,
                             .name = gcl_strdup(name),
                             .source = gcl_strdup(source),
                             .options = gcl_strdup(options)};
    memcpy(program->key, key, sizeof key);
    dev->programs = program;
    return program;
}

static void forget_text(gcl_program *program)
{
    free(program->source);
    free(program->options);
    program->source = program->options = NULL;
}

int gcl_program_build(gcl_program *p, gcl_error *err)
{
    if (p->program != NULL)
        return 0;
    double start = gcl_seconds();
    p->program = build_cached(p->dev, p->key, p->name, p->options, &p->known);
    p->cached = p->program != NULL;
    p->saved = p->known;
    if (!p->cached)
        p->program = build_source(p->dev, p->name, p->source, p->options, err);
    if (p->program == NULL)
        return -1;
    p->build_seconds = gcl_seconds() - start;
    gcl_verbose("kernel file %s: %s in %.0f ms", p->name, p->cached ? "from the cache" : "built",
                1e3 * p->build_seconds);
    forget_text(p);
    return 0;
}

gcl_program *gcl_program_get(gcl_device *dev, const char *name, const char *source,
                             const char *options, gcl_error *err)
{
    gcl_program *program = gcl_program_want(dev, name, source, options);
    return gcl_program_build(program, err) == 0 ? program : NULL;
}

void gcl_program_free(gcl_program *program)
{
    if (program->program != NULL)
        clReleaseProgram(program->program);
    forget_text(program);
    free(program->name);
    free(program);
}

const char *gcl_program_name(const gcl_program *program) { return program->name; }
const char *gcl_program_source(const gcl_program *program) { return program->source; }
const char *gcl_program_options(const gcl_program *program) { return program->options; }

int gcl_program_cached(const gcl_program *program) { return program->cached; }

void gcl_program_save(gcl_program *program)
{
    size_t bytes = 0;
    program->saved = 1; /* one attempt: what failed now would fail again */
    cl_int status =
        clGetProgramInfo(program->program, CL_PROGRAM_BINARY_SIZES, sizeof bytes, &bytes, NULL);
    if (status != CL_SUCCESS || bytes == 0) {
        gcl_verbose("kernel file %s: the driver gives no binary: %s (%d)", program->name,
                    gcl_cl_name(status), (int)status);
        return;
    }
    unsigned char *binary = gcl_alloc(bytes);
    status = clGetProgramInfo(program->program, CL_PROGRAM_BINARIES, sizeof binary, &binary, NULL);
    if (status == CL_SUCCESS)
        gcl_cache_store(program->key, binary, bytes);
    free(binary);
}

/* The one that was built soonest of those that are not saved; NULL if there is none. */
static gcl_program *next_to_save(const gcl_device *dev)
{
    gcl_program *next = NULL;
    for (gcl_program *p = dev->programs; p != NULL; p = p->next)
        if (p->program != NULL && !p->saved &&
            (next == NULL || p->build_seconds < next->build_seconds))
            next = p;
    return next;
}

static int count_unsaved(const gcl_device *dev)
{
    int n = 0;
    for (const gcl_program *p = dev->programs; p != NULL; p = p->next)
        n += p->program != NULL && !p->saved;
    return n;
}

int gcl_device_save_programs(gcl_device *dev, double seconds)
{
    double end = gcl_seconds() + seconds;
    gcl_program *program = next_to_save(dev);
    if (program == NULL || !gcl_cache_writable())
        return 0;
    for (; program != NULL && (dev->dear || gcl_seconds() < end); program = next_to_save(dev)) {
        double start = gcl_seconds();
        if (dev->dear) {
            if (gcl_cache_find(program->key) == GCL_CACHE_NOTHING)
                gcl_cache_store(program->key, NULL, 0);
            program->saved = 1;
            continue;
        }
        gcl_program_save(program);
        dev->dear = count_unsaved(dev) >= MANY_UNSAVED &&
                    gcl_seconds() - start > DEAR_TIMES * program->build_seconds;
    }
    return count_unsaved(dev);
}
