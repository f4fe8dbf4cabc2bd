#include "cli/complete.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cli/commands.h"
#include "models/model.h"
#include "train/settings.h"

/* The line so far: words[n] is the unfinished one. */
typedef struct line {
    const char *const *words;
    int n;
    const gcl_command *command; /* NULL: not named yet */
    const char *model;          /* the value of --model, or a word that names a system; or NULL */
    int n_arguments;            /* words of the command that are finished */
} line;

/* What candidates must begin with, and what stands before it in the same word ("--model="). */
typedef struct wanted {
    const char *start;
    const char *before;
    int n_before;
} wanted;

static void offer(const wanted *w, const char *text, const char *about)
{
    if (strncmp(text, w->start, strlen(w->start)) != 0)
        return;
    printf("%.*s%s", w->n_before, w->before, text);
    if (about != NULL)
        printf("\t%s", about);
    printf("\n");
}

/* Each of the words between the separators. */
static void offer_words(const wanted *w, const char *words, const char *separators)
{
    for (const char *at = words; *at != 0;) {
        int n = (int)strcspn(at, separators);
        gcl_text word = {0};
        gcl_text_add(&word, "%.*s", n, at);
        offer(w, word.text, NULL);
        gcl_text_free(&word);
        at += n + (at[n] != 0);
    }
}

/* ---- models and settings ---------------------------------------------------------------------------- */

static void offer_models(const wanted *w)
{
    for (int i = 0; gcl_systems[i] != NULL; i++) {
        offer(w, gcl_systems[i]->name, gcl_systems[i]->help);
        for (const gcl_preset *p = gcl_systems[i]->presets; p->name != NULL; p++) {
            gcl_text name = {0};
            gcl_text_add(&name, "%s:%s", gcl_systems[i]->name, p->name);
            offer(w, name.text, p->help);
            gcl_text_free(&name);
        }
    }
}

static int is_of(const gcl_system *system, const char *model)
{
    size_t n = strlen(system->name);
    return strncmp(model, system->name, n) == 0 && (model[n] == 0 || model[n] == ':');
}

/* 1 where the settings of this system may be meant: those of the model named, of any where none is. */
static int is_meant(const line *l, const gcl_system *system)
{
    if (l->model == NULL)
        return 1;
    return is_of(system, l->model);
}

static void offer_key(const wanted *w, const char *key, const char *about)
{
    gcl_text text = {0};
    gcl_text_add(&text, "%s=", key);
    offer(w, text.text, about);
    gcl_text_free(&text);
}

/* A key that several systems share is offered once. */
static int came_before(const line *l, int system, const char *key)
{
    for (int i = 0; i < system; i++)
        for (const gcl_setting *s = gcl_systems[i]->settings; s->key != NULL; s++)
            if (is_meant(l, gcl_systems[i]) && strcmp(s->key, key) == 0)
                return 1;
    return 0;
}

static void offer_keys(const line *l, const wanted *w)
{
    for (int key = 0; key < GCL_SETTINGS; key++)
        offer_key(w, gcl_settings_name((gcl_settings_key)key),
                  gcl_settings_help((gcl_settings_key)key));
    for (int i = 0; gcl_systems[i] != NULL; i++)
        for (const gcl_setting *s = gcl_systems[i]->settings; s->key != NULL; s++)
            if (is_meant(l, gcl_systems[i]) && !came_before(l, i, s->key))
                offer_key(w, s->key, s->help);
}

/* The words that a setting may be: "optimiser" -> rmsprop, adam. */
static void offer_setting(const line *l, const wanted *w, const char *key)
{
    for (int k = 0; k < GCL_SETTINGS; k++)
        if (strcmp(gcl_settings_name((gcl_settings_key)k), key) == 0 &&
            gcl_settings_words((gcl_settings_key)k) != NULL)
            offer_words(w, gcl_settings_words((gcl_settings_key)k), "|");
    for (int i = 0; gcl_systems[i] != NULL; i++)
        for (const gcl_setting *s = gcl_systems[i]->settings; s->key != NULL; s++) {
            if (!is_meant(l, gcl_systems[i]) || came_before(l, i, s->key) ||
                strcmp(s->key, key) != 0)
                continue;
            if (s->kind == GCL_SETTING_BOOL)
                offer_words(w, "false true", " ");
            if (s->kind == GCL_SETTING_CHOICE || s->kind == GCL_SETTING_WORDS)
                offer_words(w, s->choices, " ");
        }
}

static void offer_change(const line *l, const wanted *w)
{
    const char *equals = strchr(w->start, '=');
    if (equals == NULL) {
        offer_keys(l, w);
        return;
    }
    gcl_text key = {0}, before = {0};
    gcl_text_add(&key, "%.*s", (int)(equals - w->start), w->start);
    gcl_text_add(&before, "%.*s%s=", w->n_before, w->before, key.text);
    wanted value = {equals + 1, before.text, (int)before.length};
    offer_setting(l, &value, key.text);
    gcl_text_free(&key);
    gcl_text_free(&before);
}

/* ---- values and arguments ---------------------------------------------------------------------------- */

/* Of "edges|grey|blur", "[blocks|off]" or "best|latest|STEP" those that are words, in small letters. */
static void offer_choices(const wanted *w, const char *value)
{
    for (const char *at = value + (*value == '['); strcspn(at, "|]") > 0;) {
        size_t n = strcspn(at, "|]");
        gcl_text word = {0};
        gcl_text_add_bytes(&word, at, n);
        if (strspn(word.text, "abcdefghijklmnopqrstuvwxyz0123456789-") == n)
            offer(w, word.text, NULL);
        gcl_text_free(&word);
        at += n + (at[n] != 0);
    }
}

/* By how help calls the value. What is a name of none of these, a number say, has no candidates. */
static void offer_value(const line *l, const wanted *w, const char *value)
{
    if (strcmp(value, "KEY=VALUE") == 0)
        offer_change(l, w);
    else if (strstr(value, "SYSTEM") != NULL || strstr(value, "MODEL") != NULL)
        offer_models(w);
    else if (strstr(value, "|auto") != NULL)
        offer(w, "auto", "the fastest device");
    else if (strchr(value, '|') != NULL)
        offer_choices(w, value);
    if (strstr(value, "builtin:") != NULL)
        offer(w, "builtin:faces", "drawn by the program itself");
    if (strstr(value, "FILE") != NULL || strstr(value, "PATH") != NULL ||
        strstr(value, "RUN") != NULL)
        printf(":files\n");
    else if (strstr(value, "DIR") != NULL || strstr(value, "FOLDER") != NULL)
        printf(":folders\n");
}

static void offer_commands(const wanted *w)
{
    for (const gcl_command *c = gcl_commands; c->name != NULL; c++)
        if (c->help != NULL)
            offer(w, c->name, c->help);
}

/* "info|check|pair [PATH]": the first word of it for the command's first argument, else the last. */
static void offer_argument(const line *l, const wanted *w)
{
    const char *all = l->command->arguments, *space = strchr(all, ' ');
    if (strcmp(all, "[COMMAND]") == 0) {
        offer_commands(w);
        return;
    }
    if (l->command->most >= 0 && l->n_arguments >= l->command->most)
        return;
    gcl_text word = {0};
    if (space != NULL && l->n_arguments == 0)
        gcl_text_add(&word, "%.*s", (int)(space - all), all);
    else
        gcl_text_add(&word, "%s", space != NULL ? space + 1 : all);
    offer_value(l, w, word.text);
    gcl_text_free(&word);
}

/* ---- options ----------------------------------------------------------------------------------------- */

static int find_in(const gcl_command *command, const char *name, size_t n, gcl_option_row *row)
{
    for (int at = 0; gcl_option_next(command, &at, row);)
        if (strlen(row->name) == n && strncmp(row->name, name, n) == 0)
            return 1;
    return 0;
}

/* The option that a word "--NAME" or "--NAME=..." is. */
static int find_option(const line *l, const char *word, gcl_option_row *row)
{
    if (strncmp(word, "--", 2) != 0)
        return 0;
    size_t n = strcspn(word + 2, "=");
    return find_in(NULL, word + 2, n, row) ||
           (l->command != NULL && find_in(l->command, word + 2, n, row));
}

static void offer_options(const gcl_command *command, const wanted *w)
{
    gcl_option_row row;
    for (int at = 0; gcl_option_next(command, &at, &row);) {
        gcl_text name = {0};
        gcl_text_add(&name, "--%s", row.name);
        offer(w, name.text, row.help);
        gcl_text_free(&name);
    }
}

/* ---- the line ---------------------------------------------------------------------------------------- */

static const gcl_command *command_named(const char *word)
{
    for (const gcl_command *c = gcl_commands; c->name != NULL; c++)
        if (c->help != NULL && strcmp(c->name, word) == 0)
            return c;
    return NULL;
}

static void take_word(line *l, const char *word)
{
    if (l->command == NULL) {
        l->command = command_named(word);
        return;
    }
    l->n_arguments++;
    for (int i = 0; gcl_systems[i] != NULL; i++)
        if (is_of(gcl_systems[i], word))
            l->model = word;
}

/* Reads the finished words. Returns 1, with the option, if the last one of them waits for a value. */
static int read_line(line *l, gcl_option_row *row)
{
    for (int i = 0; i < l->n; i++) {
        const char *word = l->words[i], *equals = strchr(word, '=');
        if (word[0] != '-') {
            take_word(l, word);
            continue;
        }
        if (!find_option(l, word, row) || row->value == NULL)
            continue;
        if (equals == NULL && row->may_lack && i + 1 < l->n && l->words[i + 1][0] == '-')
            continue;
        if (equals == NULL && ++i == l->n)
            return 1;
        if (strcmp(row->name, "model") == 0)
            l->model = equals != NULL ? equals + 1 : l->words[i];
    }
    return 0;
}

static void complete(line *l)
{
    gcl_option_row row;
    const char *last = l->words[l->n], *equals = strchr(last, '=');
    wanted w = {last, "", 0};
    if (read_line(l, &row) && !(row.may_lack && last[0] == '-')) {
        offer_value(l, &w, row.value);
    } else if (last[0] == '-' && equals != NULL) {
        w = (wanted){equals + 1, last, (int)(equals + 1 - last)};
        if (find_option(l, last, &row) && row.value != NULL)
            offer_value(l, &w, row.value);
    } else if (last[0] == '-') {
        offer_options(l->command, &w);
        if (l->command != NULL)
            offer_options(NULL, &w);
    } else if (l->command == NULL) {
        offer_commands(&w);
    } else {
        offer_argument(l, &w);
    }
}

int gcl_command_complete(const gcl_options *options, gcl_error *err)
{
    static const char *const nothing[] = {""};
    (void)err;
    line l = {.words = nothing};
    if (options->n_arguments > 0)
        l = (line){.words = options->arguments, .n = options->n_arguments - 1};
    complete(&l);
    return 0;
}
