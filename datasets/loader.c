#include "datasets/loader.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/philox.h"

/* Streams of random bits; the numbers only have to differ from each other and from those that
 * models draw from with the same seed. */
enum { STREAM_SHUFFLE = 0x5F0FF1E, STREAM_FLIP = 0x5F11B };

/* Workers take pictures one by one, in order, so that even a single batch is made by all of them.
 * Picture `item` of the endless sequence (0 is the first of first_step's batch) goes to slot
 * (item / batch) mod ring; it may be begun once the batch that had the slot before was consumed. */
struct gcl_loader {
    gcl_dataset *dataset;
    gcl_loader_options options;
    size_t count, picture_bytes, batch_bytes;
    uint8_t *slots; /* [ring, batch, size, size, channels] */
    pthread_t *threads;
    int n_threads;

    pthread_mutex_t lock;           /* guards what follows */
    pthread_cond_t room, ready;     /* a slot became free; a batch was finished, or all is over */
    int *done;                      /* [ring]: pictures finished of the batch in each slot */
    uint64_t next_item, n_consumed; /* pictures begun, batches given out */
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

static bool should_flip(const gcl_loader *loader, uint64_t epoch, size_t position)
{
    return loader->options.flip &&
           gcl_philox_bits(loader->options.seed, (uint32_t)epoch, STREAM_FLIP, position) >> 31;
}

static bool stopping(gcl_loader *loader)
{
    pthread_mutex_lock(&loader->lock);
    bool stop = loader->stop;
    pthread_mutex_unlock(&loader->lock);
    return stop;
}

/* The picture of one place in the sequence. A place whose picture cannot be read takes the next
 * readable one of its epoch, wrapping around; its flip stays its own. */
static int make_picture(gcl_loader *loader, uint64_t place, uint8_t *bytes, gcl_error *err)
{
    const gcl_loader_options *o = &loader->options;
    uint64_t epoch = place / loader->count;
    size_t position = (size_t)(place % loader->count);
    for (size_t tried = 0; tried < loader->count && !stopping(loader); tried++) {
        size_t p = (position + tried) % loader->count;
        size_t index = o->shuffle ? gcl_loader_shuffle(o->seed, epoch, loader->count, p) : p;
        gcl_error reason = {0};
        if (gcl_dataset_read(loader->dataset, index, bytes, &reason) == 0) {
            const gcl_dataset_options *d = gcl_dataset_get_options(loader->dataset);
            if (should_flip(loader, epoch, position))
                gcl_flip_horizontal(bytes, d->size, d->size, d->channels);
            return 0;
        }
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

static void *work(void *argument)
{
    gcl_loader *loader = argument;
    uint64_t batch = (uint64_t)loader->options.batch, item;
    while (take_item(loader, &item)) {
        size_t slot = (size_t)(item / batch % (uint64_t)loader->options.ring);
        uint8_t *bytes = loader->slots + slot * loader->batch_bytes +
                         (size_t)(item % batch) * loader->picture_bytes;
        gcl_error err = {0};
        make_picture(loader, loader->options.first_step * batch + item, bytes, &err);
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

gcl_loader *gcl_loader_new(gcl_dataset *dataset, const gcl_loader_options *options, gcl_error *err)
{
    if (check_options(options, err) != 0)
        return NULL;
    const gcl_dataset_options *d = gcl_dataset_get_options(dataset);
    gcl_loader *loader = gcl_alloc(sizeof *loader);
    loader->dataset = dataset;
    loader->options = *options;
    loader->options.threads = options->threads > 0 ? options->threads : 1;
    loader->options.ring = options->ring > 0 ? options->ring : 4;
    loader->count = gcl_dataset_count(dataset);
    loader->picture_bytes = (size_t)d->size * (size_t)d->size * (size_t)d->channels;
    loader->batch_bytes = loader->picture_bytes * (size_t)options->batch;
    loader->done = gcl_alloc((size_t)loader->options.ring * sizeof *loader->done);
    loader->threads = gcl_alloc((size_t)loader->options.threads * sizeof *loader->threads);
    pthread_mutex_init(&loader->lock, NULL);
    pthread_cond_init(&loader->room, NULL);
    pthread_cond_init(&loader->ready, NULL);
    loader->slots =
        gcl_try_alloc(loader->batch_bytes * (size_t)loader->options.ring, "ring of batches", err);
    if (loader->slots == NULL || start_threads(loader, err) != 0) {
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
    free(loader->slots);
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

int gcl_loader_next(gcl_loader *loader, uint8_t *batch_nhwc, gcl_error *err)
{
    /* Only this function changes n_consumed, so it may be read here without the lock. */
    size_t slot = (size_t)(loader->n_consumed % (uint64_t)loader->options.ring);
    if (wait_for(loader, slot, err) != 0)
        return -1;
    memcpy(batch_nhwc, loader->slots + slot * loader->batch_bytes, loader->batch_bytes);
    pthread_mutex_lock(&loader->lock);
    loader->done[slot] = 0;
    loader->n_consumed++;
    pthread_cond_broadcast(&loader->room);
    pthread_mutex_unlock(&loader->lock);
    return 0;
}

double gcl_loader_waited_seconds(const gcl_loader *loader) { return loader->waited; }

size_t gcl_loader_skipped(gcl_loader *loader) { return gcl_dataset_unreadable(loader->dataset); }
