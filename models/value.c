#include "models/value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORD = 60 };

/* ---- words --------------------------------------------------------------------------------------- */

/* Word number `index` of "one two three" into `word`; 0 if there is none. */
static int word_at(const char *words, int index, char *word, size_t size)
{
    for (; index > 0 && words != NULL; index--) {
        words = strchr(words, ' ');
        words += words != NULL;
    }
    if (words == NULL)
        return 0;
    snprintf(word, size, "%.*s", (int)strcspn(words, " "), words);
    return 1;
}

int gcl_word_index(const char *words, const char *word)
{
    char other[WORD];
    for (int i = 0; word_at(words, i, other, sizeof other); i++)
        if (strcmp(other, word) == 0)
            return i;
    return -1;
}

/* ---- from text ----------------------------------------------------------------------------------- */

static int is_whole(const gcl_setting *setting)
{
    return setting->kind == GCL_SETTING_INT || setting->kind == GCL_SETTING_INTS;
}

static int parse_number(const gcl_setting *setting, const char *text, double *value, gcl_error *err)
{
    char *end;
    double number = strtod(text, &end);
    if (end == text || *end != 0 || !isfinite(number) ||
        (is_whole(setting) && number != floor(number)))
        return gcl_fail(err, GCL_USAGE, "%s=%s: %s is wanted", setting->key, text,
                        is_whole(setting) ? "a whole number" : "a number");
    if (number < setting->low || number > setting->high)
        return gcl_fail(err, GCL_USAGE, "%s=%s: allowed is %g to %g", setting->key, text,
                        setting->low, setting->high);
    *value = number;
    return 0;
}

static int parse_bool(const gcl_setting *setting, const char *text, double *value, gcl_error *err)
{
    static const char words[] = "false true False True 0 1 no yes off on";
    int i = gcl_word_index(words, text);
    if (i < 0)
        return gcl_fail(err, GCL_USAGE, "%s=%s: true or false is wanted", setting->key, text);
    *value = i % 2;
    return 0;
}

static int parse_choice(const gcl_setting *setting, const char *text, double *value, gcl_error *err)
{
    int i = gcl_word_index(setting->choices, text);
    if (i < 0)
        return gcl_fail(err, GCL_USAGE, "%s=%s: one of these is wanted: %s", setting->key, text,
                        setting->choices);
    *value = i;
    return 0;
}

/* The next item of "(3, 4, 6)" or "3,4,6" into `item`; 0 at the end. Brackets and spaces mean
 * nothing. */
static int next_item(const char **text, char item[WORD])
{
    static const char between[] = " ,()[]";
    *text += strspn(*text, between);
    int length = (int)strcspn(*text, between);
    snprintf(item, WORD, "%.*s", length, *text);
    *text += length;
    return length > 0;
}

static int parse_list(const gcl_setting *setting, const char *text, gcl_value *value,
                      gcl_error *err)
{
    gcl_value list = {0};
    char item[WORD];
    for (const char *rest = text; next_item(&rest, item);) {
        if (list.n < setting->most && parse_number(setting, item, &list.items[list.n], err) != 0)
            return -1;
        list.n++;
    }
    if (list.n >= setting->fewest && list.n <= setting->most) {
        *value = list;
        return 0;
    }
    if (setting->fewest == setting->most)
        return gcl_fail(err, GCL_USAGE, "%s=%s: %d numbers are wanted, as %s=%s", setting->key,
                        text, setting->most, setting->key, setting->initial_items);
    return gcl_fail(err, GCL_USAGE, "%s=%s: %d to %d numbers are wanted, as %s=%s", setting->key,
                    text, setting->fewest, setting->most, setting->key, setting->initial_items);
}

static int parse_weights(const gcl_setting *setting, const char *text, gcl_value *value,
                         gcl_error *err)
{
    char item[WORD];
    for (const char *rest = text; next_item(&rest, item);) {
        char *colon = strchr(item, ':');
        if (colon != NULL)
            *colon = 0;
        int i = gcl_word_index(setting->choices, item);
        if (colon == NULL || i < 0)
            return gcl_fail(err, GCL_USAGE, "%s=%s: WORD:NUMBER,... is wanted, the words being %s",
                            setting->key, text, setting->choices);
        if (parse_number(setting, colon + 1, &value->items[i], err) != 0)
            return -1;
    }
    return 0;
}

/* What was chosen before counts no more. */
static int parse_words(const gcl_setting *setting, const char *text, gcl_value *value,
                       gcl_error *err)
{
    char item[WORD];
    gcl_value chosen = {.n = value->n};
    for (const char *rest = text; next_item(&rest, item) && strcmp(text, "none") != 0;) {
        int i = gcl_word_index(setting->choices, item);
        if (i < 0)
            return gcl_fail(err, GCL_USAGE,
                            "%s=%s: WORD,... is wanted, the words being %s; or none", setting->key,
                            text, setting->choices);
        chosen.items[i] = 1;
    }
    *value = chosen;
    return 0;
}

int gcl_value_parse(const gcl_setting *setting, const char *text, gcl_value *value, gcl_error *err)
{
    switch (setting->kind) {
    case GCL_SETTING_BOOL: return parse_bool(setting, text, &value->number, err);
    case GCL_SETTING_CHOICE: return parse_choice(setting, text, &value->number, err);
    case GCL_SETTING_INTS:
    case GCL_SETTING_REALS: return parse_list(setting, text, value, err);
    case GCL_SETTING_WEIGHTS: return parse_weights(setting, text, value, err);
    case GCL_SETTING_WORDS: return parse_words(setting, text, value, err);
    case GCL_SETTING_INT:
    case GCL_SETTING_REAL: break;
    }
    return parse_number(setting, text, &value->number, err);
}

void gcl_value_reset(const gcl_setting *setting, gcl_value *value)
{
    char word[WORD];
    *value = (gcl_value){.number = setting->initial};
    if (setting->kind == GCL_SETTING_WEIGHTS || setting->kind == GCL_SETTING_WORDS)
        while (word_at(setting->choices, value->n, word, sizeof word))
            value->n++;
    if (setting->initial_items != NULL)
        gcl_value_parse(setting, setting->initial_items, value, NULL);
}

/* ---- to text ------------------------------------------------------------------------------------- */

/* The fewest digits that give a number back: "0.0002", "128". */
static void number_text(double number, char *text, size_t size)
{
    if (number == floor(number) && fabs(number) < 1e6) {
        snprintf(text, size, "%.0f", number);
        return;
    }
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, size, "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            return;
    }
}

static void words_text(const gcl_setting *setting, const gcl_value *value, char *text, size_t size)
{
    char word[WORD];
    size_t length = 0;
    snprintf(text, size, "none");
    for (int i = 0; i < value->n && length < size; i++)
        if (value->items[i] != 0 && word_at(setting->choices, i, word, sizeof word))
            length +=
                (size_t)snprintf(text + length, size - length, "%s%s", length > 0 ? "," : "", word);
}

void gcl_value_text(const gcl_setting *setting, const gcl_value *value, char *text, size_t size)
{
    size_t length = 0;
    if (setting->kind == GCL_SETTING_BOOL) {
        snprintf(text, size, "%s", value->number != 0 ? "true" : "false");
        return;
    }
    if (setting->kind == GCL_SETTING_CHOICE) {
        word_at(setting->choices, (int)value->number, text, size);
        return;
    }
    if (setting->kind == GCL_SETTING_INT || setting->kind == GCL_SETTING_REAL) {
        number_text(value->number, text, size);
        return;
    }
    if (setting->kind == GCL_SETTING_WORDS) {
        words_text(setting, value, text, size);
        return;
    }
    text[0] = 0;
    for (int i = 0; i < value->n && length < size; i++) {
        char word[WORD] = "", number[WORD];
        number_text(value->items[i], number, sizeof number);
        if (setting->kind == GCL_SETTING_WEIGHTS)
            word_at(setting->choices, i, word, sizeof word);
        length += (size_t)snprintf(text + length, size - length, "%s%s%s%s", i > 0 ? "," : "", word,
                                   word[0] != 0 ? ":" : "", number);
    }
}
