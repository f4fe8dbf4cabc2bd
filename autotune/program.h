/* Where this program itself lies: it starts itself anew as the tuner's worker, and finds the shipped
 * records from there. */
#ifndef GCL_AUTOTUNE_PROGRAM_H
#define GCL_AUTOTUNE_PROGRAM_H

/* Its file, malloc'ed; "ganocl", to be searched for, where the system does not tell. */
char *gcl_program_path(void);

#endif
