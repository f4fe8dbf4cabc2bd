/* The program on a terminal of our own making: a pseudo-terminal of so many columns and rows, which may
 * answer questions about itself as a terminal does. Include it first: it asks for X/Open's functions. */
#ifndef TESTS_PTY_TEST_H
#define TESTS_PTY_TEST_H

#define _XOPEN_SOURCE 700

#include "program_test.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>

typedef struct screen {
    int columns, rows, width, height; /* in characters; in pixels, or 0 */
    const char *variables;            /* "TERM=xterm LANG=C" */
    const char *answer;               /* to a DA1 question; NULL: none */
} screen;

/* The other side, whose session has it as controlling terminal once it opens it. setsid(1) starts that
 * session, since no test may fork. */
static inline pid_t start_on(const char *terminal, const screen *s, const char *arguments)
{
    gcl_text line = {0};
    pid_t child;
    gcl_text_add(
        &line,
        "exec setsid sh -c \"exec <%s >%s 2>&1; cd '%s'; "
        "exec env -u NO_COLOR -u COLORTERM -u LC_ALL -u LC_CTYPE %s '%s' --device '%s' %s\"",
        terminal, terminal, scratch, s->variables, program, test_device(), arguments);
    char *words[] = {"sh", "-c", line.text, NULL};
    ck_assert_int_eq(posix_spawnp(&child, "sh", NULL, NULL, words, environ), 0);
    gcl_text_free(&line);
    return child;
}

/* Runs `ganocl --device D ARGUMENTS` there; all that it wrote, free() it. *status: as finish_program's. */
static inline char *run_on(const screen *s, const char *arguments, int *status)
{
    static const char question[] = "\033[c";
    struct winsize size = {(unsigned short)s->rows, (unsigned short)s->columns,
                           (unsigned short)s->width, (unsigned short)s->height};
    gcl_text all = {0};
    char piece[4096];
    ssize_t n;
    int ours = posix_openpt(O_RDWR | O_NOCTTY);
    ck_assert(ours >= 0 && grantpt(ours) == 0 && unlockpt(ours) == 0);
    const char *terminal = ptsname(ours);
    int theirs = open(terminal, O_RDWR | O_NOCTTY); /* keeps it while nobody else has it open */
    ck_assert_int_eq(ioctl(ours, TIOCSWINSZ, &size), 0);
    gcl_text_add(&all, "%s", "");
    started = start_on(terminal, s, arguments);
    fcntl(ours, F_SETFL, O_NONBLOCK);
    for (int ended = 0;;) {
        n = read(ours, piece, sizeof piece - 1);
        if (n > 0) {
            piece[n] = 0;
            gcl_text_add_bytes(&all, piece, (size_t)n);
            if (s->answer != NULL && strstr(piece, question) != NULL)
                ck_assert_int_gt(write(ours, s->answer, strlen(s->answer)), 0);
            continue;
        }
        if (ended)
            break;
        poll(&(struct pollfd){.fd = ours, .events = POLLIN}, 1, 10);
        ended = waitpid(started, status, WNOHANG) == started;
    }
    started = 0;
    *status = WIFEXITED(*status) ? WEXITSTATUS(*status) : 128 + WTERMSIG(*status);
    close(theirs);
    close(ours);
    return all.text;
}

#endif
