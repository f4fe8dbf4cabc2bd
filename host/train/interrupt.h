/* SIGINT and SIGTERM during training: the first asks for an end after the step, the second ends the
 * process at once (everything on disk is whole at any moment). */
#ifndef GCL_TRAIN_INTERRUPT_H
#define GCL_TRAIN_INTERRUPT_H

void gcl_interrupt_watch(void);   /* from now on */
void gcl_interrupt_restore(void); /* as it was before */
int gcl_interrupt_signal(void);   /* the signal that came, or 0 */

#endif
