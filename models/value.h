/* Values of settings as text, and back. See models/model.h for the kinds. */
#ifndef GCL_MODELS_VALUE_H
#define GCL_MODELS_VALUE_H

#include "models/model.h"

/* What the base preset has. */
void gcl_value_reset(const gcl_setting *setting, gcl_value *value);
/* Reads the text after KEY=. Of weights only those named change. Errors: GCL_USAGE. */
int gcl_value_parse(const gcl_setting *setting, const char *text, gcl_value *value, gcl_error *err);
/* The text that gcl_value_parse reads back exactly. */
void gcl_value_text(const gcl_setting *setting, const gcl_value *value, char *text, size_t size);
/* The index of a word, or -1. */
int gcl_word_index(const char *words, const char *word);

#endif
