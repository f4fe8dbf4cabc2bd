/* The manual page, made of the tables that parse the command line: `ganocl help --man | man -l -`. */
#ifndef GCL_CLI_MAN_H
#define GCL_CLI_MAN_H

#include <stdio.h>

void gcl_man_print(FILE *out); /* roff with the man macros */

#endif
