#include "base/terminal.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/log.h"

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value != NULL ? value : "";
}

/* The name alone decides, since a locale that is not installed says as much about the terminal. */
static int locale_is_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    const char *value = "";
    for (int i = 0; i < 3 && value[0] == 0; i++)
        value = variable(names[i]);
    const char *dot = strchr(value, '.');
    return dot != NULL && (strncasecmp(dot, ".utf-8", 6) == 0 || strncasecmp(dot, ".utf8", 5) == 0);
}

static int count_colours(void)
{
    const char *how = variable("COLORTERM");
    return strcmp(how, "truecolor") == 0 || strcmp(how, "24bit") == 0 ? 1 << 24 : 256;
}

static int positive(const char *name, int otherwise)
{
    long value = strtol(variable(name), NULL, 10);
    return value > 0 && value < 10000 ? (int)value : otherwise;
}

gcl_terminal gcl_terminal_look(void)
{
    struct winsize size = {0};
    const char *kind = variable("TERM");
    gcl_terminal terminal = {.utf8 = locale_is_utf8(), .depth = count_colours()};
    terminal.live = isatty(STDERR_FILENO) && kind[0] != 0 && strcmp(kind, "dumb") != 0;
    if (terminal.live && variable("NO_COLOR")[0] == 0)
        terminal.colours = terminal.depth;
    ioctl(STDERR_FILENO, TIOCGWINSZ, &size);
    terminal.columns = size.ws_col > 0 ? size.ws_col : positive("COLUMNS", 80);
    terminal.rows = size.ws_row > 0 ? size.ws_row : positive("LINES", 24);
    terminal.width = size.ws_xpixel;
    terminal.height = size.ws_ypixel;
    return terminal;
}

/* ---- asking --------------------------------------------------------------------------------------- */

/* Reads until the answer's last letter or the end of the time. */
static void read_answer(char *answer, size_t size, double seconds)
{
    double end = gcl_seconds() + seconds;
    size_t n = 0;
    while (n + 1 < size && memchr(answer, 'c', n) == NULL) {
        struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
        double left = end - gcl_seconds();
        if (left <= 0 || poll(&input, 1, (int)(1e3 * left) + 1) <= 0)
            break;
        ssize_t more = read(STDIN_FILENO, answer + n, size - 1 - n);
        if (more <= 0)
            break;
        n += (size_t)more;
    }
    answer[n] = 0;
}

/* "ESC [ ? 62 ; 4 ; 22 c": attribute 4 is sixel. The first number is the terminal's kind. */
static int tells_sixel(const char *answer)
{
    const char *at = strstr(answer, "\033[?");
    if (at == NULL || strchr(at, 'c') == NULL)
        return 0;
    for (at = strchr(at, ';'); at != NULL; at = strchr(at + 1, ';'))
        if (strtol(at + 1, NULL, 10) == 4)
            return 1;
    return 0;
}

int gcl_terminal_has_sixel(double seconds)
{
    static const char question[] = "\033[c";
    struct termios usual, raw;
    char answer[128] = "";
    if (!isatty(STDIN_FILENO) || !gcl_terminal_look().live ||
        tcgetpgrp(STDIN_FILENO) != getpgrp() || tcgetattr(STDIN_FILENO, &usual) != 0)
        return 0;
    raw = usual;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) != 0)
        return 0;
    if (write(STDERR_FILENO, question, sizeof question - 1) == (ssize_t)sizeof question - 1)
        read_answer(answer, sizeof answer, seconds);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &usual);
    return tells_sixel(answer);
}

/* ---- texts ---------------------------------------------------------------------------------------- */

int gcl_text_columns(const char *text, int n)
{
    int columns = 0;
    for (int i = 0; i < n; i++)
        columns += ((unsigned char)text[i] & 0xc0) != 0x80;
    return columns;
}
