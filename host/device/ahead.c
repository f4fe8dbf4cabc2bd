#include "device/ahead.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "device/internal.h"

extern char **environ;

enum {
    LEAST_NEW =
        8, /* kernels of programs that were never built here, for which a helper is worth it */
    MOST_HELPERS = 3,
    MOST_ARGS = 64
};

typedef struct task {
    gcl_program *program;
    const char *kernel;
    gcl_kernel_arg *args;
    int n_args;
    gcl_launch_shape shape;
} task;

struct gcl_ahead {
    gcl_device *dev;
    task *tasks;
    int n, capacity;
};

static const char *self; /* NULL: not enabled */

void gcl_ahead_enable(const char *program) { self = program; }

/* ---- what is to come ------------------------------------------------------------------------------ */

/* How many at once: one fewer than cores, or what the environment allows. */
static int most_helpers(void)
{
    const char *wanted = getenv("GANOCL_HELPERS");
    long n = wanted != NULL && *wanted != 0 ? strtol(wanted, NULL, 10)
                                            : sysconf(_SC_NPROCESSORS_ONLN) - 1;
    return n < 0 ? 0 : n < MOST_HELPERS ? (int)n : MOST_HELPERS;
}

static int helpers_of(const gcl_device *dev)
{
    gcl_text folder = {0};
    int cache = gcl_cache_folder(&folder);
    gcl_text_free(&folder);
    if (self == NULL || !cache || dev->n_helpers >= MOST_HELPERS)
        return 0;
    return most_helpers();
}

gcl_ahead *gcl_ahead_new(gcl_device *dev)
{
    if (helpers_of(dev) < 1)
        return NULL;
    gcl_ahead *ahead = gcl_alloc(sizeof *ahead);
    ahead->dev = dev;
    return ahead;
}

static int same_code(const task *t, const gcl_program *program, const char *kernel,
                     const gcl_launch_shape *shape)
{
    return t->program == program && strcmp(t->kernel, kernel) == 0 &&
           memcmp(t->shape.local, shape->local, sizeof shape->local) == 0 &&
           (t->shape.first != 0) == (shape->first != 0);
}

void gcl_ahead_add(gcl_ahead *ahead, gcl_program *program, const char *kernel,
                   const gcl_kernel_arg *args, int n_args, const gcl_launch_shape *shape)
{
    if (ahead == NULL || program->program != NULL || n_args > MOST_ARGS)
        return;
    for (int i = 0; i < ahead->n; i++)
        if (same_code(&ahead->tasks[i], program, kernel, shape))
            return;
    GCL_GROW(ahead->tasks, ahead->n, ahead->capacity);
    task *t = &ahead->tasks[ahead->n++];
    *t = (task){.program = program, .kernel = kernel, .n_args = n_args, .shape = *shape};
    t->args = gcl_alloc((size_t)(n_args + 1) * sizeof *args);
    memcpy(t->args, args, (size_t)n_args * sizeof *args);
}

/* ---- the file of launches: numbers of 8 bytes, texts with their length before them ------------------ */

static void put(FILE *file, uint64_t number) { fwrite(&number, sizeof number, 1, file); }

static void put_text(FILE *file, const char *text)
{
    size_t n = strlen(text) + 1;
    put(file, n);
    fwrite(text, 1, n, file);
}

/* Programs that tasks name are numbered as they come; a new one is written whole. */
static void put_program(FILE *file, const gcl_ahead *ahead, int i)
{
    const gcl_program *program = ahead->tasks[i].program;
    for (int j = 0; j < i; j++)
        if (ahead->tasks[j].program == program) {
            put(file, (uint64_t)j);
            return;
        }
    put(file, (uint64_t)i);
    put_text(file, program->name);
    put_text(file, program->source);
    put_text(file, program->options);
}

static void put_argument(FILE *file, const gcl_kernel_arg *arg)
{
    put(file, (uint64_t)arg->kind);
    put(file, arg->kind == GCL_KERNEL_BUFFER ? (uintptr_t)arg->buffer : arg->value);
    put(file, arg->kind == GCL_KERNEL_BUFFER ? arg->buffer->bytes : 0);
}

static int write_tasks(FILE *file, const gcl_ahead *ahead)
{
    put(file, (uint64_t)getpid());
    put(file, (uint64_t)ahead->n);
    for (int i = 0; i < ahead->n; i++) {
        const task *t = &ahead->tasks[i];
        put_program(file, ahead, i);
        put_text(file, t->kernel);
        put(file, t->shape.first);
        for (int d = 0; d < 3; d++) {
            put(file, t->shape.global[d]);
            put(file, t->shape.local[d]);
        }
        put(file, (uint64_t)t->n_args);
        for (int a = 0; a < t->n_args; a++)
            put_argument(file, &t->args[a]);
    }
    return fflush(file) == 0 && !ferror(file) ? 0 : -1;
}

/* ---- starting and ending helpers -------------------------------------------------------------------- */

static void start_helper(gcl_device *dev, FILE *tasks, int share, int of)
{
    char device[16], shares[16], all[16];
    snprintf(device, sizeof device, "%d", dev->number);
    snprintf(shares, sizeof shares, "%d", share);
    snprintf(all, sizeof all, "%d", of);
    char *words[] = {(char *)self, GCL_AHEAD_WORD, device, shares, all, NULL};
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, fileno(tasks), 0);
    posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&files, 1, 2);
    pid_t process;
    if (posix_spawn(&process, self, &files, NULL, words, environ) == 0)
        dev->helpers[dev->n_helpers++] = process;
    posix_spawn_file_actions_destroy(&files);
}

static int count_of(const gcl_ahead *ahead, gcl_cache_state state)
{
    int n = 0;
    for (int i = 0; i < ahead->n; i++)
        n += gcl_cache_find(ahead->tasks[i].program->key) == state;
    return n;
}

/* How many are worth it: all for new kernels, one for binaries that are not there yet. */
static int count_helpers(const gcl_ahead *ahead, int new)
{
    int most = helpers_of(ahead->dev);
    if (new < LEAST_NEW && most > 1)
        most = 1;
    return new >= LEAST_NEW || count_of(ahead, GCL_CACHE_NOTE) >= LEAST_NEW ? most : 0;
}

void gcl_ahead_go(gcl_ahead *ahead)
{
    if (ahead == NULL)
        return;
    gcl_device *dev = ahead->dev;
    gcl_ahead_reap(dev);
    int new = count_of(ahead, GCL_CACHE_NOTHING), helpers = count_helpers(ahead, new);
    FILE *tasks = helpers > 0 ? tmpfile() : NULL;
    if (tasks != NULL && write_tasks(tasks, ahead) == 0) {
        gcl_verbose("%d kernels are new to this device: %d helper%s compile%s from the last on",
                    new, helpers, helpers > 1 ? "s" : "", helpers > 1 ? "" : "s");
        dev->helpers =
            gcl_realloc(dev->helpers, (size_t)(dev->n_helpers + helpers) * sizeof *dev->helpers);
        for (int i = 0; i < helpers; i++)
            start_helper(dev, tasks, i, helpers);
    }
    if (tasks != NULL)
        fclose(tasks);
    for (int i = 0; i < ahead->n; i++)
        free(ahead->tasks[i].args);
    free(ahead->tasks);
    free(ahead);
}

void gcl_ahead_reap(gcl_device *dev)
{
    for (int i = 0; i < dev->n_helpers;)
        if (waitpid(dev->helpers[i], NULL, WNOHANG) != 0)
            dev->helpers[i] = dev->helpers[--dev->n_helpers];
        else
            i++;
}

void gcl_ahead_end(gcl_device *dev)
{
    for (int i = 0; i < dev->n_helpers; i++)
        kill(dev->helpers[i], SIGKILL);
    for (int i = 0; i < dev->n_helpers; i++)
        while (waitpid(dev->helpers[i], NULL, 0) < 0 && errno == EINTR)
            ;
    free(dev->helpers);
    dev->helpers = NULL;
    dev->n_helpers = 0;
}

/* ---- the helper ------------------------------------------------------------------------------------- */

/* A buffer of the process that wrote the file; made here when first needed, never filled. */
typedef struct twin {
    uint64_t name, bytes;
    gcl_buffer buffer;
} twin;

typedef struct helper {
    gcl_device *dev;
    char *text; /* the file */
    size_t bytes, at;
    int broken; /* the file ended early */
    task *tasks;
    int n;
    twin *twins;
    int n_twins, cap_twins;
} helper;

static uint64_t take(helper *h)
{
    uint64_t number = 0;
    h->broken |= h->bytes - h->at < sizeof number;
    if (h->broken)
        return 0;
    memcpy(&number, h->text + h->at, sizeof number);
    h->at += sizeof number;
    return number;
}

static const char *take_text(helper *h)
{
    uint64_t n = take(h);
    h->broken |= n == 0 || h->bytes - h->at < n || h->text[h->at + n - 1] != 0;
    if (h->broken)
        return "";
    h->at += n;
    return h->text + h->at - n;
}

static gcl_program *take_program(helper *h, int i)
{
    uint64_t number = take(h);
    if (number < (uint64_t)i)
        return h->tasks[number].program;
    const char *name = take_text(h), *source = take_text(h), *options = take_text(h);
    return gcl_program_want(h->dev, name, source, options);
}

static int find_twin(helper *h, uint64_t name, uint64_t bytes)
{
    for (int i = 0; i < h->n_twins; i++)
        if (h->twins[i].name == name)
            return i;
    GCL_GROW(h->twins, h->n_twins, h->cap_twins);
    h->twins[h->n_twins] = (twin){.name = name, .bytes = bytes};
    return h->n_twins++;
}

static void take_task(helper *h, int i)
{
    task *t = &h->tasks[i];
    t->program = take_program(h, i);
    t->kernel = take_text(h);
    t->shape.first = (size_t)take(h);
    for (int d = 0; d < 3; d++) {
        t->shape.global[d] = (size_t)take(h);
        t->shape.local[d] = (size_t)take(h);
    }
    uint64_t n = take(h);
    h->broken |= n > MOST_ARGS;
    t->n_args = h->broken ? 0 : (int)n;
    t->args = gcl_alloc((size_t)(t->n_args + 1) * sizeof *t->args);
    for (int a = 0; a < t->n_args; a++) {
        uint64_t kind = take(h), value = take(h), bytes = take(h);
        t->args[a] = (gcl_kernel_arg){.kind = (gcl_kernel_arg_kind)kind, .value = value};
        if (kind == GCL_KERNEL_BUFFER)
            t->args[a].value = (uint64_t)find_twin(h, value, bytes);
    }
}

/* All of standard input; read by position, since helpers share the file. */
static void read_file(helper *h)
{
    char part[65536];
    gcl_text all = {0};
    for (ssize_t n; (n = pread(0, part, sizeof part, (off_t)all.length)) > 0;)
        gcl_text_add_bytes(&all, part, (size_t)n);
    h->text = all.text;
    h->bytes = all.length;
}

static int set_argument(helper *h, gcl_kernel *kernel, int index, gcl_kernel_arg arg,
                        gcl_error *err)
{
    if (arg.kind == GCL_KERNEL_BUFFER) {
        twin *t = &h->twins[arg.value];
        cl_int status = CL_SUCCESS;
        if (t->buffer.mem == NULL)
            t->buffer.mem =
                clCreateBuffer(h->dev->context, CL_MEM_READ_WRITE, (size_t)t->bytes, NULL, &status);
        if (t->buffer.mem == NULL)
            return gcl_cl_fail(err, status, "compiling ahead: no buffer of %llu bytes",
                               (unsigned long long)t->bytes);
        arg.buffer = &t->buffer;
    }
    return gcl_kernel_set(kernel, index, &arg, err);
}

/* One group of work-items, or all of them where the driver chooses the groups. */
static int launch_one(helper *h, const task *t, gcl_error *err)
{
    gcl_kernel *kernel = gcl_kernel_new(t->program, t->kernel, err);
    const size_t *local = t->shape.local;
    int status = kernel != NULL ? 0 : -1;
    for (int a = 0; a < t->n_args && status == 0; a++)
        status = set_argument(h, kernel, a, t->args[a], err);
    if (status == 0) {
        gcl_kernel_set_first(kernel, t->shape.first);
        status = gcl_kernel_launch(kernel, local[0] != 0 ? local : t->shape.global, local, err);
    }
    if (status == 0)
        status = gcl_device_finish(h->dev, err);
    gcl_kernel_free(kernel);
    return status;
}

static int do_task(helper *h, const task *t, gcl_error *err)
{
    if (h->dev->limits.is_cpu)
        return launch_one(h, t, err);
    if (gcl_program_build(t->program, err) != 0)
        return -1;
    gcl_device_save_programs(h->dev, 60);
    return 0;
}

static void save_binaries(helper *h, pid_t master)
{
    if (!gcl_cache_writable())
        return;
    setpriority(PRIO_PROCESS, 0, 10);
    for (int i = 0; i < h->n && getppid() == master; i++) {
        gcl_program *program = h->tasks[i].program;
        gcl_error unheard = {0};
        if (gcl_cache_find(program->key) != GCL_CACHE_BINARY &&
            gcl_program_build(program, &unheard) == 0)
            gcl_program_save(program);
    }
}

static int serve(helper *h, int share, int of, gcl_error *err)
{
    int done = 0;
    pid_t master = (pid_t)take(h);
    uint64_t n = take(h);
    if (n > h->bytes)
        return gcl_fail(err, GCL_USAGE,
                        "compiling ahead: standard input is not a list of launches");
    h->tasks = gcl_alloc((size_t)(n + 1) * sizeof *h->tasks);
    for (h->n = 0; (uint64_t)h->n < n && !h->broken; h->n++)
        take_task(h, h->n);
    if (h->broken)
        return gcl_fail(err, GCL_USAGE, "compiling ahead: the list of launches ends early");
    int *new = gcl_alloc((size_t)(n + 1) * sizeof *new);
    for (int i = 0; i < h->n; i++)
        new[i] = gcl_cache_find(h->tasks[i].program->key) == GCL_CACHE_NOTHING;
    for (int i = h->n - 1 - share; i >= 0 && getppid() == master; i -= of) {
        gcl_error unheard = {0};
        done += new[i] && do_task(h, &h->tasks[i], &unheard) == 0;
    }
    free(new);
    if (share == 0)
        save_binaries(h, master);
    return done;
}

int gcl_ahead_serve(const char *device, int share, int of, gcl_error *err)
{
    helper h = {.dev = gcl_device_open(device, GCL_DEVICE_PASSING, err)};
    if (h.dev == NULL)
        return -1;
    read_file(&h);
    int done = serve(&h, share, of, err);
    for (int i = 0; i < h.n; i++)
        free(h.tasks[i].args);
    for (int i = 0; i < h.n_twins; i++)
        if (h.twins[i].buffer.mem != NULL)
            clReleaseMemObject(h.twins[i].buffer.mem);
    free(h.tasks);
    free(h.twins);
    gcl_device_close(h.dev);
    free(h.text);
    return done;
}
