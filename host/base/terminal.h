/* What standard error is: a terminal, how large, and what it can show. */
#ifndef GCL_BASE_TERMINAL_H
#define GCL_BASE_TERMINAL_H

typedef struct gcl_terminal {
    int live;          /* 1: a terminal whose lines can be written again (not TERM=dumb) */
    int utf8;          /* 1: the locale's characters are UTF-8 */
    int depth;         /* 2^24 colours if COLORTERM says so, else 256 */
    int colours;       /* the same; 0: there are none, or none are wanted (NO_COLOR) */
    int columns, rows; /* in characters; 80 x 24 if it does not say */
    int width, height; /* in pixels; 0 if it does not say */
} gcl_terminal;

/* As it is now: people resize windows. COLUMNS and LINES count where the terminal does not say. */
gcl_terminal gcl_terminal_look(void);

/* Asks the terminal for its device attributes (DA1) and waits for at most `seconds`: 1 if it shows sixel
 * pictures. 0 without asking unless standard input and error are terminals and this process is in their
 * foreground. What is typed meanwhile is lost. */
int gcl_terminal_has_sixel(double seconds);

/* The columns that the first n bytes of a UTF-8 text take, a character each. */
int gcl_text_columns(const char *text, int n);

#endif
