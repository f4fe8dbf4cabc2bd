#include "datasets/loader.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/philox.h"

/* A stream of random bits for each round of the shuffle; the numbers only have to differ from those
 * of datasets/item.c and those that models draw from with the same seed. */
enum { STREAM_SHUFFLE = 0x5F0FF1E };

/* Workers take items one by one, in order, so that even a single batch is made by all of them.
 * Number `item` of the endless sequence (0 is the first of first_step's batch) goes to slot
 * (item / batch) mod ring; it may be begun once the batch that had the slot before was consumed. */
struct gcl_loader {
    gcl_dataset *dataset;
    gcl_loader_options options;
    size_t count, bytes[2]; /* of the fields of an item */
    uint8_t *slots[2];      /* [ring, batch, bytes of the field] */
    pthread_t *threads;
    int n_threads;

    pthread_mutex_t lock;           /* guards what follows */
    pthread_cond_t room, ready;     /* a slot became free; a batch was finished, or all is over */
    int *done;                      /* [ring]: items finished of the batch in each slot */
    uint64_t next_item, n_consumed; /* items begun, batches given out */
    bool stop;
    gcl_error failure;

    double waited;
};

static size_t modular_round(uint64_t seed, uint64_t epoch, uint32_t round, size_t half, size_t n)
{
    /* The epoch's high half goes into the stream; epochs beyond 2^32 do not happen. */
    return gcl_philox_below(seed, (uint32_t)epoch, STREAM_SHUFFLE + round, half, (uint32_t)n);
}

size_t gcl_loader_shuffle(uint64_t seed, uint64_t epoch, size_t n, size_t p)
{
    size_t a = (size_t)ceil(sqrt((double)n)), b = (n + a - 1) / a;
    do {
        size_t l = p / b, r = p % b;
        for (uint32_t round = 0; round < 8; round += 2) {
            l = (l + modular_round(seed, epoch, round, r, a)) % a;
            r = (r + modular_round(seed, epoch, round + 1, l, b)) % b;
        }
        p = l * b + r;
    } while (p >= n);
    return p;
}

static bool stopping(gcl_loader *loader)
{
    pthread_mutex_lock(&loader->lock);
    bool stop = loader->stop;
    pthread_mutex_unlock(&loader->lock);
    return stop;
}

/* The item of one place in the sequence. A place whose item cannot be read takes the next readable
 * one of its epoch, wrapping around; what is drawn for it stays its own. */
static int make_item(gcl_loader *loader, uint64_t place, void *const fields[2], gcl_error *err)
{
    const gcl_loader_options *o = &loader->options;
    gcl_draw draw = {.seed = o->seed,
                     .epoch = place / loader->count,
                     .position = (size_t)(place % loader->count),
                     .flip = o->flip,
                     .cut = true};
    for (size_t tried = 0; tried < loader->count && !stopping(loader); tried++) {
        size_t p = (draw.position + tried) % loader->count;
        size_t index = o->shuffle ? gcl_loader_shuffle(o->seed, draw.epoch, loader->count, p) : p;
        gcl_error reason = {0};
        if (gcl_dataset_read(loader->dataset, index, &draw, fields, &reason) == 0)
            return 0;
        if (reason.code != GCL_DATA)
            return gcl_fail(err, reason.code, "%s", reason.text);
    }
    return gcl_fail(err, GCL_DATA,
                    "%s: none of its %zu pictures can be read; the warnings above say why",
                    gcl_dataset_name(loader->dataset), loader->count);
}

/* Waits until there is something to make. False: the loader is at its end. */
static bool take_item(gcl_loader *loader, uint64_t *item)
{
    const gcl_loader_options *o = &loader->options;
    pthread_mutex_lock(&loader->lock);
    while (!loader->stop &&
           loader->next_item / (uint64_t)o->batch >= loader->n_consumed + (uint64_t)o->ring)
        pthread_cond_wait(&loader->room, &loader->lock);
    bool go_on = !loader->stop;
    if (go_on)
        *item = loader->next_item++;
    pthread_mutex_unlock(&loader->lock);
    return go_on;
}

static void finish_item(gcl_loader *loader, size_t slot, const gcl_error *err)
{
    pthread_mutex_lock(&loader->lock);
    if (err->code != 0) {
        gcl_fail(&loader->failure, err->code, "%s", err->text);
        loader->stop = true;
        pthread_cond_broadcast(&loader->room);
        pthread_cond_signal(&loader->ready);
    } else if (++loader->done[slot] == loader->options.batch) {
        pthread_cond_signal(&loader->ready);
    }
    pthread_mutex_unlock(&loader->lock);
}

/* Where field i of place `at` of the batch in `slot` lies. */
static uint8_t *field_at(const gcl_loader *loader, int i, size_t slot, size_t at)
{
    return loader->slots[i] + (slot * (size_t)loader->options.batch + at) * loader->bytes[i];
}

static void *work(void *argument)
{
    gcl_loader *loader = argument;
    uint64_t batch = (uint64_t)loader->options.batch, item;
    while (take_item(loader, &item)) {
        size_t slot = (size_t)(item / batch % (uint64_t)loader->options.ring);
        size_t at = (size_t)(item % batch);
        void *const fields[2] = {field_at(loader, 0, slot, at), field_at(loader, 1, slot, at)};
        gcl_error err = {0};
        make_item(loader, loader->options.first_step * batch + item, fields, &err);
        finish_item(loader, slot, &err);
    }
    return NULL;
}

/* Signals are for the main thread: the workers are started with all of them blocked. */
static int start_threads(gcl_loader *loader, gcl_error *err)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (int i = 0; i < loader->options.threads; i++)
        if (pthread_create(&loader->threads[loader->n_threads], NULL, work, loader) == 0)
            loader->n_threads++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (loader->n_threads == 0)
        return gcl_fail(err, GCL_MEMORY, "the system lets no loader thread start");
    return 0;
}

static int check_options(const gcl_loader_options *options, gcl_error *err)
{
    if (options->batch < 1)
        return gcl_fail(err, GCL_USAGE, "batch: %d is not at least 1", options->batch);
    if (options->threads < 0 || options->threads > 1024)
        return gcl_fail(err, GCL_USAGE, "threads: %d is not 0 to 1024", options->threads);
    if (options->ring < 0)
        return gcl_fail(err, GCL_USAGE, "data.ring: %d is not at least 0", options->ring);
    return 0;
}

static int allocate_slots(gcl_loader *loader, gcl_error *err)
{
    size_t places = (size_t)loader->options.ring * (size_t)loader->options.batch;
    for (int i = 0; i < 2; i++) {
        loader->bytes[i] = gcl_dataset_field_bytes(loader->dataset, i);
        loader->slots[i] = gcl_try_alloc(places * loader->bytes[i], "ring of batches", err);
        if (loader->slots[i] == NULL)
            return -1;
    }
    return 0;
}

gcl_loader *gcl_loader_new(gcl_dataset *dataset, const gcl_loader_options *options, gcl_error *err)
{
    if (check_options(options, err) != 0)
        return NULL;
    gcl_loader *loader = gcl_alloc(sizeof *loader);
    loader->dataset = dataset;
    loader->options = *options;
    loader->options.threads = options->threads > 0 ? options->threads : 1;
    loader->options.ring = options->ring > 0 ? options->ring : 4;
    loader->count = gcl_dataset_count(dataset);
    loader->done = gcl_alloc((size_t)loader->options.ring * sizeof *loader->done);
    loader->threads = gcl_alloc((size_t)loader->options.threads * sizeof *loader->threads);
    pthread_mutex_init(&loader->lock, NULL);
    pthread_cond_init(&loader->room, NULL);
    pthread_cond_init(&loader->ready, NULL);
    if (allocate_slots(loader, err) != 0 || start_threads(loader, err) != 0) {
        gcl_loader_free(loader);
        return NULL;
    }
    return loader;
}

void gcl_loader_free(gcl_loader *loader)
{
    if (loader == NULL)
        return;
    pthread_mutex_lock(&loader->lock);
    loader->stop = true;
    pthread_cond_broadcast(&loader->room);
    pthread_mutex_unlock(&loader->lock);
    for (int i = 0; i < loader->n_threads; i++)
        pthread_join(loader->threads[i], NULL);
    pthread_cond_destroy(&loader->ready);
    pthread_cond_destroy(&loader->room);
    pthread_mutex_destroy(&loader->lock);
    free(loader->slots[0]);
    free(loader->slots[1]);
    free(loader->threads);
    free(loader->done);
    free(loader);
}

/* Waits for the batch in `slot`; -1 when there will be none. */
static int wait_for(gcl_loader *loader, size_t slot, gcl_error *err)
{
    double before = gcl_seconds();
    pthread_mutex_lock(&loader->lock);
    while (loader->failure.code == 0 && loader->done[slot] < loader->options.batch)
        pthread_cond_wait(&loader->ready, &loader->lock);
    gcl_error failure = loader->failure;
    pthread_mutex_unlock(&loader->lock);
    loader->waited += gcl_seconds() - before;
    return failure.code == 0 ? 0 : gcl_fail(err, failure.code, "%s", failure.text);
}

int gcl_loader_next(gcl_loader *loader, void *const fields[2], gcl_error *err)
{
    /* Only this function changes n_consumed, so it may be read here without the lock. */
    size_t slot = (size_t)(loader->n_consumed % (uint64_t)loader->options.ring);
    if (wait_for(loader, slot, err) != 0)
        return -1;
    for (int i = 0; i < 2; i++)
        if (fields[i] != NULL && loader->bytes[i] > 0)
            memcpy(fields[i], field_at(loader, i, slot, 0),
                   (size_t)loader->options.batch * loader->bytes[i]);
    pthread_mutex_lock(&loader->lock);
    loader->done[slot] = 0;
    loader->n_consumed++;
    pthread_cond_broadcast(&loader->room);
    pthread_mutex_unlock(&loader->lock);
    return 0;
}

double gcl_loader_waited_seconds(const gcl_loader *loader) { return loader->waited; }

size_t gcl_loader_skipped(gcl_loader *loader) { return gcl_dataset_unreadable(loader->dataset); }
