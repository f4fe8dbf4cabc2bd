/* The tuner's side of the worker. */
#include "autotune/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"

extern char **environ;

struct gcl_worker {
    const char *program, *device;
    pid_t process; /* 0: none */
    int socket;
    gcl_text heard; /* bytes behind the last whole line */
};

gcl_worker *gcl_worker_new(const char *program, const char *device)
{
    gcl_worker *w = gcl_alloc(sizeof *w);
    *w = (gcl_worker){.program = program, .device = device, .socket = -1};
    return w;
}

/* Ends and forgets the process. Returns its wait status. */
static int end(gcl_worker *w, int signal)
{
    int status = 0;
    if (w->process == 0)
        return 0;
    close(w->socket); /* which a healthy one takes as the end */
    if (signal != 0)
        kill(w->process, signal);
    while (waitpid(w->process, &status, 0) < 0 && errno == EINTR)
        ;
    w->process = 0;
    w->socket = -1;
    gcl_text_free(&w->heard);
    w->heard = (gcl_text){0};
    return status;
}

void gcl_worker_free(gcl_worker *w)
{
    if (w == NULL)
        return;
    end(w, SIGKILL);
    free(w);
}

/* ---- starting ------------------------------------------------------------------------------------- */

static int spawn(gcl_worker *w, int its_end)
{
    char *words[] = {(char *)w->program, GCL_WORKER_WORD, "--device",
                     w->device != NULL ? (char *)w->device : "auto", NULL};
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, its_end, 0);
    if (gcl_log_level > 0)
        posix_spawn_file_actions_adddup2(&files, 2, 1);
    else
        posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    if (gcl_log_level <= 0)
        posix_spawn_file_actions_adddup2(&files, 1, 2);
    int reason = posix_spawnp(&w->process, w->program, &files, NULL, words, environ);
    posix_spawn_file_actions_destroy(&files);
    if (reason != 0)
        w->process = 0;
    return reason;
}

static int start(gcl_worker *w, gcl_error *err)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
        return gcl_fail(err, GCL_FAILED, "the tuner's worker: no socket: %s", strerror(errno));
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC); /* its copy as standard input stays open */
    int reason = spawn(w, ends[1]);
    close(ends[1]);
    w->socket = ends[0];
    if (reason == 0)
        return 0;
    close(ends[0]);
    return gcl_fail(err, GCL_FAILED, "the tuner's worker: cannot start %s: %s", w->program,
                    strerror(reason));
}

/* ---- asking --------------------------------------------------------------------------------------- */

/* 0, or -1: nobody listens. */
static int send_all(gcl_worker *w, const char *text, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(w->socket, text, n, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return -1;
        text += sent;
        n -= (size_t)sent;
    }
    return 0;
}

/* Waits for bytes until `deadline`: 1 some came, 0 none in time, -1 the worker is gone. */
static int hear(gcl_worker *w, double deadline)
{
    char part[4096];
    for (;;) {
        double left = deadline - gcl_seconds();
        struct pollfd wait = {.fd = w->socket, .events = POLLIN};
        int ready = left > 0 ? poll(&wait, 1, left < 1e5 ? (int)(1e3 * left) + 1 : 100000000) : 0;
        if (ready == 0 && left <= 0)
            return 0;
        if (ready <= 0)
            continue; /* a signal that was handled, or not quite the time */
        ssize_t n = recv(w->socket, part, sizeof part, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        gcl_text_add_bytes(&w->heard, part, (size_t)n);
        return 1;
    }
}

/* Takes the first whole line out of what was heard; NULL if there is none yet. */
static char *take_line(gcl_worker *w)
{
    char *end_of_line = w->heard.text ? memchr(w->heard.text, '\n', w->heard.length) : NULL;
    if (end_of_line == NULL)
        return NULL;
    size_t n = (size_t)(end_of_line - w->heard.text);
    char *line = gcl_alloc(n + 1);
    gcl_text rest = {0};
    memcpy(line, w->heard.text, n);
    gcl_text_add_bytes(&rest, end_of_line + 1, w->heard.length - n - 1);
    gcl_text_free(&w->heard);
    w->heard = rest;
    return line;
}

/* 1 and the answer when it is there. */
static int take_answer(gcl_worker *w, json_t **answer)
{
    char *line = take_line(w);
    if (line == NULL)
        return 0;
    *answer = json_loads(line, 0, NULL);
    free(line);
    return *answer != NULL;
}

/* Its socket has closed: how did it end? */
static gcl_worker_end gone(gcl_worker *w, gcl_error *err)
{
    int status = end(w, 0), signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    gcl_verbose("the tuner's worker ended: %s %d", signal ? "signal" : "status",
                signal ? signal : WEXITSTATUS(status));
    if (signal == SIGALRM)
        return GCL_WORKER_HUNG;
    if (signal != SIGINT && signal != SIGTERM && signal != SIGHUP)
        return GCL_WORKER_CRASHED;
    gcl_fail(err, GCL_FAILED, "tuning: somebody ended the worker (signal %d)", signal);
    return GCL_WORKER_FAILED;
}

gcl_worker_end gcl_worker_ask(gcl_worker *w, const json_t *question, double seconds,
                              json_t **answer, gcl_error *err)
{
    *answer = NULL;
    if (w->process == 0 && start(w, err) != 0)
        return GCL_WORKER_FAILED;
    char *text = json_dumps(question, JSON_COMPACT);
    int sent = send_all(w, text, strlen(text)) == 0 && send_all(w, "\n", 1) == 0;
    free(text);
    for (double deadline = gcl_seconds() + seconds; sent;) {
        if (take_answer(w, answer))
            return GCL_WORKER_ANSWERED;
        int heard = hear(w, deadline);
        if (heard == 0) {
            end(w, SIGKILL);
            return GCL_WORKER_HUNG;
        }
        sent = heard > 0;
    }
    return gone(w, err);
}
