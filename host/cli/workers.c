#include "cli/workers.h"

#include <pthread.h>

#include "base/log.h"
#include "base/memory.h"
#include "train/train.h"

enum { MAX_THREADS = 256 };
#define SECONDS_BETWEEN 5.0

typedef struct crew {
    size_t n, next;
    const char *what;
    int (*work)(void *context, size_t i);
    void *context;
    double said;
    pthread_mutex_t lock;
} crew;

/* The next number; n when there is none. */
static size_t take(crew *c, int stop)
{
    pthread_mutex_lock(&c->lock);
    if (stop)
        c->next = c->n;
    size_t i = c->next < c->n ? c->next++ : c->n;
    double now = gcl_seconds();
    if (i < c->n && now - c->said > SECONDS_BETWEEN) {
        gcl_say("%zu of %zu %s", i, c->n, c->what);
        c->said = now;
    }
    pthread_mutex_unlock(&c->lock);
    return i;
}

static void *run(void *argument)
{
    crew *c = argument;
    for (size_t i = take(c, 0); i < c->n;)
        i = take(c, c->work(c->context, i) != 0);
    return NULL;
}

void gcl_workers_run(size_t n, int threads, const char *what, int (*work)(void *context, size_t i),
                     void *context)
{
    crew c = {.n = n, .what = what, .work = work, .context = context, .said = gcl_seconds()};
    pthread_t others[MAX_THREADS];
    int n_others = 0, wanted = gcl_train_threads(threads);
    pthread_mutex_init(&c.lock, NULL);
    while (n_others < wanted - 1 && n_others < MAX_THREADS &&
           pthread_create(&others[n_others], NULL, run, &c) == 0)
        n_others++;
    run(&c);
    for (int i = 0; i < n_others; i++)
        pthread_join(others[i], NULL);
    pthread_mutex_destroy(&c.lock);
}
