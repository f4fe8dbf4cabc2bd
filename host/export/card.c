#include "export/card.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "io/file.h"
#include "report/facts.h"

enum { MOST_LOG = 1 << 28 };

/* ---- what the run's folder tells ------------------------------------------------------------------ */

/* What the report knows of the run, or NULL. json_decref() it. */
static json_t *run_facts(const char *folder)
{
    gcl_facts facts;
    gcl_text text = {0};
    if (folder == NULL)
        return NULL;
    gcl_facts_read(&facts, folder);
    gcl_facts_json(&facts, &text);
    gcl_facts_free(&facts);
    json_t *object = json_loads(text.text, 0, NULL);
    gcl_text_free(&text);
    return object;
}

static const char *text_at(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* The newest of two lines of a log, as objects, that has an evaluation up to a step. Takes both. */
static json_t *newer(json_t *known, json_t *line, int64_t step)
{
    int fits = json_is_object(json_object_get(line, "eval")) &&
               json_integer_value(json_object_get(line, "step")) <= step;
    json_decref(fits ? known : line);
    return fits ? line : known;
}

/* The line of log.jsonl with the last evaluation that this checkpoint has behind it, or NULL. */
static json_t *last_evaluation(const char *folder, int64_t step)
{
    gcl_text path = {0};
    uint8_t *bytes = NULL;
    size_t n = 0;
    json_t *found = NULL;
    gcl_error none = {0};
    gcl_text_add(&path, "%s/log.jsonl", folder);
    if (gcl_file_read(path.text, MOST_LOG, &bytes, &n, &none) == 0) {
        char *rest = NULL;
        bytes[n] = 0;
        for (char *line = strtok_r((char *)bytes, "\n", &rest); line != NULL;
             line = strtok_r(NULL, "\n", &rest))
            if (strstr(line, "\"eval\"") != NULL)
                found = newer(found, json_loads(line, 0, NULL), step);
    }
    free(bytes);
    gcl_text_free(&path);
    return found;
}

/* ---- parts ---------------------------------------------------------------------------------------- */

static void add_head(const gcl_card *card, const json_t *run, gcl_text *out)
{
    const gcl_export_facts *facts = card->facts;
    const char *data = text_at(json_object_get(run, "options"), "data");
    gcl_text_add(out, "# %s, %s\n\n%s.\n\n", facts->model, card->x->what,
                 card->x->model->system->help);
    if (card->sample != NULL)
        gcl_text_add(out, "![%s](sample.png)\n\n*%s*\n\n", card->sample, card->sample);
    gcl_text_add(out, "| | |\n|---|---|\n");
    gcl_text_add(out, "| file | `%s` |\n", card->file);
    gcl_text_add(out, "| made by | ganocl %s |\n", facts->version);
    gcl_text_add(out, "| steps of training | %lld (%lld pictures) |\n", (long long)facts->step,
                 (long long)facts->images);
    if (run != NULL)
        gcl_text_add(out, "| trained on | %s |\n", data != NULL ? data : "built-in pictures");
    gcl_text_add(out, "| weights | %s |\n",
                 card->x->averaged ? "averaged over the steps of training" : "as trained");
    if (facts->readjusted > 0)
        gcl_text_add(out,
                     "| running statistics | readjusted to these weights over %d batches at "
                     "temperature %g |\n",
                     facts->readjusted, facts->temperature);
    gcl_text_add(out, "| licence | *to be filled in by whoever shares this model* |\n\n");
}

/* A table of the pairs [["name", value], ...]. */
static void add_scores(const json_t *run, gcl_text *out)
{
    const json_t *scores = json_object_get(run, "scores");
    if (json_array_size(scores) == 0)
        return;
    gcl_text_add(out, "## Scores\n\nOf `ganocl evaluate`:\n\n| | |\n|---|---|\n");
    for (size_t i = 0; i < json_array_size(scores); i++) {
        const json_t *pair = json_array_get(scores, i), *value = json_array_get(pair, 1);
        const char *name = json_string_value(json_array_get(pair, 0));
        if (json_is_number(value))
            gcl_text_add(out, "| %s | %g |\n", name, json_number_value(value));
        else
            gcl_text_add(out, "| %s | %s |\n", name, json_string_value(value));
    }
    gcl_text_add(out, "\n");
}

static void add_evaluation(const gcl_card *card, gcl_text *out)
{
    const char *key;
    json_t *value;
    json_t *line = card->folder != NULL ? last_evaluation(card->folder, card->facts->step) : NULL;
    if (line == NULL)
        return;
    gcl_text_add(out, "## Evaluation\n\nAt step %lld, while it was trained:\n\n| | |\n|---|---|\n",
                 (long long)json_integer_value(json_object_get(line, "step")));
    json_object_foreach(json_object_get(line, "eval"), key, value)
    {
        if (json_is_number(value))
            gcl_text_add(out, "| %s | %g |\n", key, json_number_value(value));
    }
    gcl_text_add(out, "\n");
    json_decref(line);
}

static void add_classes(const json_t *run, gcl_text *out)
{
    const json_t *classes = json_object_get(run, "classes");
    if (json_array_size(classes) == 0)
        return;
    gcl_text_add(out, "## Classes\n\n");
    for (size_t i = 0; i < json_array_size(classes); i++)
        gcl_text_add(out, "%zu. %s\n", i, json_string_value(json_array_get(classes, i)));
    gcl_text_add(out, "\n");
}

/* Text in a cell of a table: a bar would end the cell. */
static void add_cell(gcl_text *out, const char *text)
{
    gcl_text_add(out, " ");
    for (; *text != 0; text++)
        gcl_text_add(out, *text == '|' ? "\\%c" : "%c", *text);
    gcl_text_add(out, " |");
}

/* Values that differ from the preset's are marked. */
static void add_settings(const gcl_card *card, gcl_text *out)
{
    const gcl_model *model = card->x->model;
    gcl_model preset;
    char value[256], usual[256];
    int known = gcl_model_open(&preset, card->facts->model, NULL, 0, NULL) == 0;
    gcl_text_add(out, "## Settings\n\nBold ones differ from the preset's.\n\n"
                      "| key | value | |\n|---|---|---|\n");
    for (int i = 0; model->system->settings[i].key != NULL; i++) {
        const gcl_setting *setting = &model->system->settings[i];
        gcl_model_value_text(model, i, value, sizeof value);
        if (known)
            gcl_model_value_text(&preset, i, usual, sizeof usual);
        const char *mark = known && strcmp(value, usual) != 0 ? "**" : "";
        gcl_text_add(out, "| %s | %s%s%s |", setting->key, mark, value, mark);
        add_cell(out, setting->help);
        gcl_text_add(out, "\n");
    }
    gcl_text_add(out, "\n");
}

/* ---- how to use it -------------------------------------------------------------------------------- */

static void add_onnx_use(gcl_text *out)
{
    gcl_text_add(out, "## Use\n\nInputs and outputs are float32, `[N, channels, height, width]` or "
                      "`[N, length]`, "
                      "N any number; what each of them is stands in the file:\n\n"
                      "```python\n"
                      "import onnxruntime\n\n"
                      "session = onnxruntime.InferenceSession(\"model.onnx\")\n"
                      "for port in session.get_inputs() + session.get_outputs():\n"
                      "    print(port.name, port.shape)\n"
                      "results = session.run(None, {...})      # a numpy array for each input\n"
                      "```\n\n"
                      "An input that has a usual value (`temperature`) need not be given.\n\n");
}

static void add_weights_use(const gcl_card *card, gcl_text *out)
{
    const char *first = card->x->model->system->networks(card->x->model)[0];
    gcl_text_add(
        out,
        "## Use\n\nTensors have PyTorch's layout; their names are those of the modules, after "
        "the network's:\n\n"
        "```python\n"
        "from safetensors.torch import load_file\n\n"
        "weights = load_file(\"model.safetensors\")\n"
        "network = \"%s.\"\n"
        "module.load_state_dict({name[len(network):]: tensor\n"
        "                        for name, tensor in weights.items()\n"
        "                        if name.startswith(network)})\n"
        "```\n\n"
        "`module` is your own nn.Module with layers of these names; `ganocl describe %s` lists "
        "them, and `ganocl forward %s --weights model.safetensors` says what it has to give.\n\n",
        first, card->facts->model, card->facts->model);
}

char *gcl_card_text(const gcl_card *card)
{
    gcl_text out = {0};
    json_t *run = run_facts(card->folder);
    add_head(card, run, &out);
    if (strstr(card->file, ".onnx") != NULL)
        add_onnx_use(&out);
    else
        add_weights_use(card, &out);
    add_scores(run, &out);
    add_evaluation(card, &out);
    add_classes(run, &out);
    add_settings(card, &out);
    json_decref(run);
    return out.text;
}
