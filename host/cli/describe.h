/* What a model is: its layers, tensors, cost and memory, as a table or as JSON. */
#ifndef GCL_CLI_DESCRIBE_H
#define GCL_CLI_DESCRIBE_H

#include <stdio.h>

#include "models/model.h"
#include "train/train.h"

/* train --dry-run, and train -v before it begins: the layer table, memory, facts of the data, and the
 * time of a step, measured on the device without leaving anything behind; as JSON it goes to standard
 * output. Not for a replay. */
int gcl_describe_training(FILE *out, gcl_config *config, const gcl_train_request *request, int json,
                          gcl_error *err);

#endif
