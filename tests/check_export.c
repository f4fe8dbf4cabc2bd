/* Exported models: the ONNX file of every system is read back by protobuf-c and has to be a sound graph whose
 * weights are those of the safetensors file; what cannot be exported is named; the command makes its folder
 * whole or not at all. That the models compute the right thing is shown by scripts/check-export. */
#include "program_test.h"

#include "device/device.h"
#include "export/export.h"
#include "export/lower.h"
#include "export/model.h"
#include "io/checkpoint.h"
#include "onnx_test.h"
#include "ops/ops.h"

static gcl_device *dev;

/* ---- the models ----------------------------------------------------------------------------------- */

static const struct exported {
    const char *name, *settings[3]; /* KEY=VALUE, up to NULL */
    const char *network;            /* or NULL */
    const char *inputs, *outputs;   /* with spaces between */
    const char *without;            /* operators that would be needless */
} exported[] = {
    {"dcgan:tiny", {NULL}, NULL, "z", "pictures", "Transpose"},
    {"dcgan:standard", {NULL}, NULL, "z", "pictures", "Transpose Mul"},
    {"dcgan:tiny-bn", {NULL}, "D", "x", "D", "Transpose Mul"},
    {"resnet_gan:tiny", {NULL}, NULL, "z", "pictures", "Transpose Mul"},
    {"resnet_gan:small", {NULL}, "D", "x", "D", "Transpose Mul"},
    {"resnet_gan:tiny-classifier", {NULL}, NULL, "x", "scores", "Transpose Mul"},
    {"nvae:tiny", {NULL}, NULL, "z.0 z.1 z.2 temperature", "pictures", "Transpose"},
    {"nvae:tiny-rgb", {NULL}, NULL, "z.0 z.1 temperature", "pictures", "Transpose"},
    {"nvae:tiny-rgb",
     {"pixels=draw"},
     NULL,
     "z.0 z.1 u_mix u_logistic temperature",
     "pictures",
     "Transpose"},
    {"nvae:tiny-flow", {NULL}, "vae", "x eps.0 eps.1", "logits recon kl log_q log_p", "Transpose"},
    {"pix2pix:tiny", {NULL}, NULL, "source mask.0 mask.1 mask.2", "pictures", "Transpose"},
    {"pix2pix:tiny", {"stochastic=false"}, NULL, "source", "pictures", "Transpose Mul"},
    {"pix2pix:tiny-original", {NULL}, "D", "source target", "D", "Transpose"},
    {"unet_gan:tiny", {NULL}, NULL, "source", "pictures", "Transpose"},
    {"unet_gan:colour", {"up_mode=pixelshuffle"}, NULL, "source", "pictures", "Transpose"},
    {"unet_gan:tiny", {"size=96", "padding=false"}, "D", "target", "D", "Transpose"},
};
enum { EXPORTED = sizeof exported / sizeof *exported };

/* A model with fresh weights, on the device: what is exported. */
typedef struct fresh {
    gcl_model model;
    gcl_network_export x;
    gcl_store *store;
    gcl_export_facts facts;
} fresh;

static void make_fresh(fresh *f, const struct exported *row)
{
    int n = 0;
    while (n < 3 && row->settings[n] != NULL)
        n++;
    ck_ok(gcl_model_open(&f->model, row->name, row->settings, n, &err));
    ck_ok(gcl_network_export_build(&f->x, &f->model, row->network, &err));
    f->store = gcl_store_new(dev);
    ck_ok(gcl_export_need(&f->x, f->store, &err));
    ck_ok(gcl_checkpoint_initialise(f->x.nn, f->store, 3, &err));
    f->facts = (gcl_export_facts){.version = "0", .model = row->name, .settings = "{}", .step = 7};
    f->facts.temperature = 0.7;
}

static void free_fresh(fresh *f)
{
    gcl_network_export_free(&f->x);
    gcl_store_free(f->store);
}

static void ck_names(Onnx__ValueInfoProto *const *infos, size_t n, const char *wanted)
{
    gcl_text names = {0};
    for (size_t i = 0; i < n; i++) {
        gcl_text_add(&names, "%s%s", i > 0 ? " " : "", infos[i]->name);
        ck_assert_msg(infos[i]->doc_string != NULL && infos[i]->doc_string[0] != 0,
                      "%s is not explained", infos[i]->name);
    }
    ck_assert_str_eq(names.text, wanted);
    gcl_text_free(&names);
}

static void ck_without(const char *ops)
{
    for (size_t i = 0; i < graph->n_node; i++)
        ck_assert_msg(strstr(ops, graph->node[i]->op_type) == NULL, "%s is needless",
                      graph->node[i]->name);
}

START_TEST(files_are_sound_graphs)
{
    const struct exported *row = &exported[_i];
    fresh f;
    make_fresh(&f, row);
    ck_ok(gcl_export_onnx(&f.x, f.store, &f.facts, in_scratch("model.onnx"), &err));
    free_fresh(&f);
    read_model(in_scratch("model.onnx"));
    ck_assert_int_eq(model->ir_version, GCL_ONNX_IR);
    ck_assert_uint_eq(model->n_opset_import, 1);
    ck_assert_int_eq(model->opset_import[0]->version, GCL_ONNX_OPSET);
    ck_names(graph->input, graph->n_input, row->inputs);
    ck_names(graph->output, graph->n_output, row->outputs);
    ck_assert_int_eq(strncmp(row->name, meta("system"), strlen(meta("system"))), 0);
    ck_assert_str_eq(meta("step"), "7");
    ck_assert_str_eq(meta("settings"), "{}");
    ck_order();
    ck_initialisers();
    ck_shapes();
    ck_without(row->without);
    forget_model();
}
END_TEST

/* Both formats hold the same numbers in the same layout; the ONNX file those of computed filters beside. */
START_TEST(both_formats_have_the_same_weights)
{
    const struct exported *row = &exported[_i];
    int same = 0;
    fresh f;
    make_fresh(&f, row);
    ck_ok(gcl_export_onnx(&f.x, f.store, &f.facts, in_scratch("model.onnx"), &err));
    ck_ok(gcl_export_weights(&f.x, f.store, NULL, &f.facts, in_scratch("model.safetensors"), &err));
    free_fresh(&f);
    read_model(in_scratch("model.onnx"));
    gcl_safetensors *file = gcl_safetensors_open(in_scratch("model.safetensors"), &err);
    ck_have(file);
    ck_assert_str_eq(gcl_safetensors_meta(file, "model"), row->name);
    for (int i = 0; i < gcl_safetensors_count(file); i++) {
        const gcl_entry *entry = gcl_safetensors_at(file, i);
        const Onnx__TensorProto *tensor = initialiser(entry->name);
        int bias = strstr(entry->name, ".bias") != NULL; /* [C], or [C,1,1] to be added to images */
        if (tensor == NULL) /* a factor of a filter that was computed: "x.weight", "x.log_gain" */
            continue;
        ck_assert_uint_eq(tensor->raw_data.len, entry->bytes);
        if (strstr(row->name, "nvae") != NULL && entry->n_dims == 4 &&
            memcmp(tensor->raw_data.data, entry->data, entry->bytes) != 0)
            continue; /* weight norm: the product has the factor's name */
        ck_assert_msg(memcmp(tensor->raw_data.data, entry->data, entry->bytes) == 0, "%s differs",
                      entry->name);
        for (int d = 0; !bias && d < entry->n_dims; d++)
            ck_assert_int_eq(tensor->dims[d], entry->dims[d]);
        same++;
    }
    ck_assert_int_ge(same, 4);
    gcl_safetensors_close(file);
    forget_model();
}
END_TEST

/* ---- what cannot be exported ---------------------------------------------------------------------- */

START_TEST(pointwise_operations_are_all_known)
{
#define GCL_POINTWISE_1(name, ...) ck_assert_msg(gcl_lower_knows(#name), "%s", #name);
#define GCL_POINTWISE_2(name, ...) GCL_POINTWISE_1(name)
#define GCL_POINTWISE_3(name, ...) GCL_POINTWISE_1(name)
#include "graph/pointwise.def"
    ck_assert(!gcl_lower_knows("tangent"));
}
END_TEST

/* A graph of two operations in a scope of the name "net/twist". */
static void build_twist(gcl_network_export *x, const gcl_model *of, int which)
{
    *x = (gcl_network_export){.model = of, .what = "twist", .task = -1, .n_outputs = 1};
    x->graph = gcl_graph_new();
    x->nn = gcl_nn_new(x->graph, &(gcl_nn_options){0});
    gcl_node *in = gcl_input(x->graph, "x", GCL_F32, gcl_shape_of(1, 4, 4, 3));
    gcl_scope_push(x->graph, "net/twist");
    x->outputs[0] = which == 0   ? gcl_pixel_unshuffle(in, 2)
                    : which == 1 ? gcl_conv(in, gcl_reshape(in, gcl_shape_of(1, 2, 3, 8)), 1, 0)
                                 : gcl_shift(gcl_constant(x->graph, 1), 2);
    gcl_scope_pop(x->graph);
    x->output_names[0] = "y";
}

START_TEST(what_has_no_form_is_named)
{
    static const char *const said[] = {"net/twist: pixel_unshuffle [1,2,2,12] has no form",
                                       "depend on the input", "does not depend on any input"};
    gcl_network_export x;
    gcl_model of;
    gcl_store *store = gcl_store_new(dev);
    ck_ok(gcl_model_open(&of, "dcgan:tiny", NULL, 0, &err));
    build_twist(&x, &of, _i);
    ck_assert_ptr_null(gcl_graph_error(x.graph));
    gcl_export_facts facts = {.version = "0", .model = "dcgan:tiny", .settings = "{}"};
    ck_refused(gcl_export_onnx(&x, store, &facts, in_scratch("never.onnx"), &err) == 0, GCL_USAGE,
               said[_i]);
    ck_assert(!exists(in_scratch("never.onnx")));
    gcl_network_export_free(&x);
    gcl_store_free(store);
}
END_TEST

/* A flattened picture that meets no dense layer is brought into our order, and back. */
START_TEST(views_keep_the_order_of_elements)
{
    gcl_network_export x = {.what = "views", .task = -1, .n_outputs = 2};
    gcl_model of;
    gcl_store *store = gcl_store_new(dev);
    ck_ok(gcl_model_open(&of, "dcgan:tiny", NULL, 0, &err));
    x.model = &of;
    x.graph = gcl_graph_new();
    x.nn = gcl_nn_new(x.graph, &(gcl_nn_options){0});
    gcl_node *in = gcl_input(x.graph, "x", GCL_F32, gcl_shape_of(1, 4, 2, 3));
    x.outputs[0] = gcl_relu(gcl_reshape(in, gcl_shape_of(1, 1, 1, 24)));
    x.outputs[1] = gcl_view(in, 6, gcl_shape_of(1, 2, 2, 3));
    x.output_names[0] = "flat", x.output_names[1] = "rows";
    gcl_export_facts facts = {.version = "0", .model = "dcgan:tiny", .settings = "{}"};
    ck_ok(gcl_export_onnx(&x, store, &facts, in_scratch("views.onnx"), &err));
    gcl_network_export_free(&x);
    gcl_store_free(store);
    read_model(in_scratch("views.onnx"));
    static const char *const wanted[] = {"Transpose", "Flatten", "Relu", "Slice"};
    int found = 0;
    for (size_t i = 0; i < graph->n_node; i++)
        for (int k = 0; k < 4; k++)
            found |= (strcmp(graph->node[i]->op_type, wanted[k]) == 0) << k;
    ck_assert_int_eq(found, 15);
    ck_assert_uint_eq(graph->n_node, 4);
    ck_order();
    forget_model();
}
END_TEST

/* ---- the command ---------------------------------------------------------------------------------- */

START_TEST(the_command_makes_a_folder_that_explains_itself)
{
    static const char line[] = "\n{\"step\": 2, \"eval\": {\"likeness\": 0.625}}\n"
                               "{\"step\": 3, \"eval\": {\"likeness\": 0.5}}\n";
    ck_exits(0, "-q train --model dcgan:tiny --batch 2 --steps 2 --set ema=0.9 --out run");
    put_file(in_scratch("run/log.jsonl"), line, sizeof line - 1);
    ck_exits(0, "export run --to onnx");
    ck_assert_int_eq(files_in(in_scratch("run/onnx")), 4);
    ck_assert(exists(in_scratch("run/onnx/sample.png")) &&
              exists(in_scratch("run/onnx/options.json")));
    size_t n;
    char *card = get_file(in_scratch("run/onnx/README.md"), &n);
    ck_assert_ptr_nonnull(strstr(card, "dcgan:tiny"));
    ck_assert_ptr_nonnull(strstr(card, "| ema | **0.9** |"));
    ck_assert_ptr_nonnull(strstr(card, "averaged over the steps"));
    ck_assert_ptr_nonnull(strstr(card, "| likeness | 0.625 |"));
    free(card);
    read_model(in_scratch("run/onnx/model.onnx"));
    ck_assert_str_eq(meta("weights"), "averaged");
    ck_assert_ptr_nonnull(initialiser("G.dense.weight"));
    forget_model();
}
END_TEST

/* A second time it would write over something; and nothing is left of what failed. */
START_TEST(the_command_writes_over_no_folder)
{
    ck_exits(2, "export run --to onnx");
    ck_said("not empty");
    ck_exits(2, "export run --to onnx --network F --out no");
    ck_said("--network F");
    ck_exits(2, "export run --to pytorch --out no");
    ck_exits(2, "export run --out no");
    ck_exits(2, "export run --to onnx --all --out no");
    ck_exits(7, "export run --to onnx --out /proc/no/such");
    ck_assert(!exists(in_scratch("no")));
    ck_assert_int_eq(mkdir(in_scratch("empty"), 0777), 0);
    ck_exits(0,
             "export run/checkpoints/step-0000002.safetensors --to safetensors --all --out empty/");
    ck_assert_int_eq(files_in(in_scratch("empty")), 4);
    gcl_safetensors *all = gcl_safetensors_open(in_scratch("empty/model.safetensors"), &err);
    ck_have(all);
    ck_assert(gcl_safetensors_find(all, "G.dense.weight") &&
              gcl_safetensors_find(all, "D.head.bias"));
    gcl_safetensors_close(all);
}
END_TEST

int main(void)
{
    make_scratch("export");
    find_program();
    dev = gcl_device_open(test_device(), 0, &err);
    if (dev == NULL) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    TCase *tests = tcase_create("export");
    tcase_add_loop_test(tests, files_are_sound_graphs, 0, EXPORTED);
    tcase_add_loop_test(tests, both_formats_have_the_same_weights, 0, EXPORTED);
    tcase_add_test(tests, pointwise_operations_are_all_known);
    tcase_add_loop_test(tests, what_has_no_form_is_named, 0, 3);
    tcase_add_test(tests, views_keep_the_order_of_elements);
    tcase_add_test(tests, the_command_makes_a_folder_that_explains_itself);
    tcase_add_test(tests, the_command_writes_over_no_folder);
    int failed = run_tests("export", tests);
    gcl_device_close(dev);
    return failed;
}
