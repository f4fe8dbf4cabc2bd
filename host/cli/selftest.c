#include "cli/selftest.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "cli/commands.h"
#include "models/model.h"
#include "ops/ops.h"

enum { MAX_NAMES = 40 };

/* ---- what the parts share --------------------------------------------------------------------------- */

int gcl_selftest_wants(const gcl_selftest *s, const char *part, const char *name)
{
    const char *word = s->only;
    if (word == NULL)
        return 1;
    for (; *word != 0; word += strspn(word, ",")) {
        size_t n = strcspn(word, ",");
        if ((strlen(part) == n && strncmp(word, part, n) == 0) ||
            (strlen(name) == n && strncmp(word, name, n) == 0))
            return 1;
        word += n;
    }
    return 0;
}

void gcl_selftest_say(gcl_selftest *s, int good, const char *what, const char *detail)
{
    s->passed += good != 0;
    s->failed += good == 0;
    json_array_append_new(s->lines,
                          json_pack("{s:b, s:s, s:s}", "ok", good, "what", what, "detail", detail));
    if (s->print)
        printf("%-6s %-28s %s\n", good ? "ok" : "FAILED", what, detail);
    fflush(stdout);
}

json_t *gcl_selftest_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

/* ---- the command ------------------------------------------------------------------------------------ */

static int is_known(const char *name)
{
    if (strcmp(name, "ops") == 0 || strcmp(name, "replays") == 0 || gcl_selftest_has_replay(name))
        return 1;
    for (int i = 0; gcl_ops[i] != NULL; i++)
        if (strcmp(gcl_ops[i]->name, name) == 0)
            return 1;
    return 0;
}

static int fail_unknown(const char *name, gcl_error *err)
{
    const char *names[MAX_NAMES] = {"ops", "replays"};
    for (int i = 0; gcl_ops[i] != NULL && i + 3 < MAX_NAMES; i++)
        names[i + 2] = gcl_ops[i]->name;
    const char *near = gcl_nearest(name, names);
    return gcl_fail(
        err, GCL_USAGE,
        "--only %s: is neither ops nor replays, an op or a recording that came with the "
        "program%s%s%s",
        name, near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
        near != NULL ? "'?" : "");
}

static int check_only(const char *only, gcl_error *err)
{
    char name[80];
    for (const char *word = only; word != NULL && *word != 0; word += strspn(word, ",")) {
        size_t n = strcspn(word, ",");
        snprintf(name, sizeof name, "%.*s", (int)n, word);
        if (!is_known(name))
            return fail_unknown(name, err);
        word += n;
    }
    return 0;
}

static int try_all(gcl_selftest *s, const gcl_options *options, gcl_error *err)
{
    for (int i = 0; i < options->n_arguments; i++)
        if (gcl_selftest_replays(s, options->arguments[i], err) != 0)
            return -1;
    if (options->n_arguments > 0)
        return 0;
    return gcl_selftest_ops(s, err) == 0 ? gcl_selftest_replays(s, NULL, err) : -1;
}

static void print_json(const gcl_selftest *s, double seconds)
{
    const gcl_limits *limits = gcl_device_limits(s->dev);
    json_t *whole = json_pack("{s:s, s:s, s:s, s:b, s:f, s:i, s:i, s:O, s:O, s:O}", "device",
                              limits->name, "platform", limits->platform, "driver", limits->driver,
                              "quick", s->quick, "seconds", seconds, "passed", s->passed, "failed",
                              s->failed, "ops", s->ops, "replays", s->replays, "lines", s->lines);
    json_dumpf(whole, stdout, JSON_INDENT(1));
    printf("\n");
    json_decref(whole);
}

static int test_device(gcl_selftest *s, const gcl_options *options, gcl_error *err)
{
    double start = gcl_seconds();
    if (s->print)
        printf("device %d: %s\n", gcl_device_number(s->dev), gcl_device_limits(s->dev)->name);
    int result = try_all(s, options, err);
    if (options->json)
        print_json(s, gcl_seconds() - start);
    else
        printf("%d passed, %d failed\n", s->passed, s->failed);
    if (result == 0 && s->failed > 0)
        result = gcl_fail(err, GCL_FAILED, "selftest: %d of %d checks failed on %s", s->failed,
                          s->failed + s->passed, gcl_device_limits(s->dev)->name);
    return result;
}

int gcl_command_selftest(const gcl_options *options, gcl_error *err)
{
    gcl_selftest s = {.only = options->only, .quick = options->quick, .print = !options->json};
    if (check_only(options->only, err) != 0)
        return -1;
    if ((s.dev = gcl_device_open(options->device, 0, err)) == NULL)
        return -1;
    s.lines = json_array();
    s.ops = json_array();
    s.replays = json_array();
    int result = test_device(&s, options, err);
    json_decref(s.lines);
    json_decref(s.ops);
    json_decref(s.replays);
    gcl_device_close(s.dev);
    return result;
}
