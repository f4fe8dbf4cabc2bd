#include "autotune/fingerprint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
#include "device/device.h"

static void add_text(gcl_sha256 *sum, const char *text)
{
    gcl_sha256_add(sum, text, strlen(text) + 1);
}

static void finish(gcl_sha256 *sum, char text[GCL_FINGERPRINT])
{
    uint8_t digest[GCL_SHA256_BYTES];
    char hex[GCL_SHA256_HEX];
    gcl_sha256_end(sum, digest);
    gcl_sha256_hex(digest, hex);
    memcpy(text, hex, GCL_FINGERPRINT - 1);
    text[GCL_FINGERPRINT - 1] = 0;
}

/* The end of the comment that begins here, or `at` itself. */
static const char *skip_comment(const char *at)
{
    if (at[0] == '/' && at[1] == '/')
        return at + strcspn(at, "\n");
    if (at[0] != '/' || at[1] != '*')
        return at;
    const char *end = strstr(at + 2, "*/");
    return end != NULL ? end + 2 : at + strlen(at);
}

/* A kernel file's text with each comment and stretch of blanks as one blank; to be freed. */
static char *essence(const char *text)
{
    char *out = gcl_alloc(strlen(text) + 1), *to = out;
    while (*text != 0) {
        const char *next = skip_comment(text);
        int blank = next > text || *text == ' ' || *text == '\t' || *text == '\n';
        char c = *text == '\n' ? '\n' : ' ';
        if (!blank)
            *to++ = *text;
        else if (to > out && to[-1] == ' ')
            to[-1] = c == '\n' ? '\n' : to[-1];
        else if (to > out && to[-1] != '\n')
            *to++ = c;
        text = next > text ? next : text + 1;
    }
    *to = 0;
    return out;
}

/* Of one kernel file; those asked for before are remembered by the address of their text, which lives
 * as long as the process. */
static void add_file(gcl_sha256 *sum, const char *file)
{
    enum { MOST = 64 };
    static struct {
        const char *text;
        uint8_t digest[GCL_SHA256_BYTES];
    } known[MOST];
    static int n;
    gcl_error none = {0};
    const char *text = gcl_kernel_source(file, &none);
    int i = 0;
    if (text == NULL)
        return;
    while (i < n && known[i].text != text)
        i++;
    if (i == MOST)
        i = n = 0;
    if (i == n) {
        gcl_sha256 own;
        char *bare = essence(text);
        gcl_sha256_start(&own);
        add_text(&own, bare);
        gcl_sha256_end(&own, known[i].digest);
        known[i].text = text;
        n = i + 1;
        free(bare);
    }
    gcl_sha256_add(sum, known[i].digest, GCL_SHA256_BYTES);
}

void gcl_fingerprint_programs(const gcl_choice *choice, const gcl_node *node,
                              const gcl_limits *limits, char text[GCL_FINGERPRINT])
{
    gcl_recipe *recipe = gcl_alloc(sizeof *recipe);
    text[0] = 0;
    if (gcl_choice_recipe(choice, node, limits, recipe) == 0) {
        gcl_sha256 sum;
        gcl_sha256_start(&sum);
        if (recipe->clblast.use)
            add_text(&sum, "CLBlast");
        for (int i = 0; i < recipe->n_launches; i++) {
            add_file(&sum, recipe->launch[i].file);
            add_text(&sum, recipe->launch[i].kernel);
            add_text(&sum, recipe->launch[i].defines);
        }
        finish(&sum, text);
    }
    free(recipe);
}

void gcl_fingerprint_space(const gcl_op *op, char text[GCL_FINGERPRINT])
{
    gcl_sha256 sum;
    gcl_sha256_start(&sum);
    for (int i = 0; i < op->n_variants; i++) {
        const gcl_variant *v = op->variants[i];
        add_text(&sum, v->name);
        for (int k = 0; k < v->n_params; k++) {
            add_text(&sum, v->params[k].name);
            gcl_sha256_add(&sum, v->params[k].values,
                           (size_t)v->params[k].n_values * sizeof v->params[k].values[0]);
        }
    }
    finish(&sum, text);
}
