/* What may stand where the cursor is, for the shells' completion.
 *
 *     ganocl complete -- train --model dcgan:s       the words behind "ganocl", the last one unfinished
 *
 * prints a candidate a line, with a tab and what it is behind it where that helps. A line ":files" or
 * ":folders" asks the shell for paths. The scripts of `ganocl completion` start this. */
#ifndef GCL_CLI_COMPLETE_H
#define GCL_CLI_COMPLETE_H

#define GCL_COMPLETE_WORD "complete"

#endif
