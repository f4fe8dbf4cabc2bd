/* Training as a whole, on a device: recorded runs, and the built program in processes of its own:
 * killed, stopped, disturbed, misused.
 *
 * GANOCL names the program (./ganocl if unset); GANOCL_TEST_DEVICE the device ("1" if unset). Nothing
 * forks: PoCL hangs in a child of a process that has a device. */
#include "program_test.h"

#include <time.h>

#include "device/device.h"
#include "io/checkpoint.h"
#include "train/conform.h"

static const char *golden(const char *path)
{
    static char paths[4][800];
    static int turn;
    char *full = paths[turn++ & 3];
    snprintf(full, sizeof paths[0], "%s/tests/golden/%s", source_folder(), path);
    return full;
}

/* ---- recorded runs ---- */

static const char *const recordings[] = {
    "dcgan-tiny-bn",
    "dcgan-tiny-drop",
    "nvae-tiny",
    "nvae-tiny-flow",
    "nvae-tiny-normal",
    "pix2pix-tiny-tf",
    "resnet_gan-tiny-alt",
    "resnet_gan-tiny-classifier-drop",
    "unet_gan-tiny-nopad-bn",
    "unet_gan-tiny-pixelshuffle-nopad",
};

START_TEST(recorded_runs_are_repeated)
{
    gcl_conform report;
    gcl_device *dev = gcl_device_open(test_device(), 0, &err);
    ck_have(dev);
    ck_ok(gcl_conform_run(dev, golden(recordings[_i]), &report, &err));
    for (int i = 0; i < GCL_CONFORM_KINDS; i++) {
        const gcl_conform_part *part = &report.part[i];
        printf("%-18s %-10s %3d compared, nearest to its limit: %s, %.1e (%.0f %% of it)\n",
               recordings[_i], gcl_conform_name((gcl_conform_kind)i), part->compared, part->what,
               part->deviation, 100 * part->worst);
    }
    ck_assert(gcl_conform_good(&report));
    ck_assert(report.n_steps == 20 && report.n_losses > 0);
    gcl_conform_free(&report);
    gcl_device_close(dev);
}
END_TEST

/* The same through the command line: losses to log.jsonl, the last state to a checkpoint. */
START_TEST(a_replay_writes_losses_and_a_checkpoint)
{
    size_t n;
    ck_exits(
        0, "-q train --config '%s' --init '%s' --replay '%s' --set train.log_every=1 --out replay",
        golden("dcgan-tiny-drop/meta.json"), golden("dcgan-tiny-drop/weights.safetensors"),
        golden("dcgan-tiny-drop/replay.safetensors"));
    ck_assert_int_eq(lines_in(in_scratch("replay/log.jsonl")), 20);
    char *log = get_file(in_scratch("replay/log.jsonl"), &n), *line = log;
    FILE *losses = fopen(golden("dcgan-tiny-drop/losses.jsonl"), "r");
    for (int step = 0; step < 20; step++, line = strchr(line, '\n') + 1) {
        json_t *ours = json_loads(line, JSON_DISABLE_EOF_CHECK, NULL);
        json_t *right = json_loadf(losses, JSON_DISABLE_EOF_CHECK, NULL);
        double got = json_number_value(json_object_get(json_object_get(ours, "losses"), "d_loss"));
        ck_assert_int_eq(json_integer_value(json_object_get(ours, "step")), step);
        ck_assert_double_eq_tol(got, json_number_value(json_object_get(right, "d_loss")), 1e-4);
        json_decref(ours);
        json_decref(right);
    }
    fclose(losses);
    free(log);
    gcl_safetensors *file =
        gcl_safetensors_open(in_scratch("replay/checkpoints/step-0000020.safetensors"), &err);
    ck_have(file);
    ck_assert_ptr_nonnull(gcl_safetensors_find(file, "G.conv1.conv.weight"));
    ck_assert_str_eq(gcl_safetensors_meta(file, "step"), "20");
    gcl_safetensors_close(file);
}
END_TEST

START_TEST(forward_is_the_networks_output)
{
    size_t n;
    ck_exits(0,
             "forward dcgan:tiny --set dropout=0 --network D --weights '%s' --in '%s:in.x' "
             "--out y.safetensors",
             golden("dcgan-tiny-drop/weights.safetensors"),
             golden("dcgan-tiny-drop/forward.safetensors"));
    gcl_safetensors *ours = gcl_safetensors_open(in_scratch("y.safetensors"), &err);
    gcl_safetensors *right =
        gcl_safetensors_open(golden("dcgan-tiny-drop/forward.safetensors"), &err);
    ck_have(ours);
    ck_have(right);
    float got[2], wanted[2];
    ck_assert_int_eq(gcl_safetensors_find(ours, "out")->count, 2);
    gcl_entry_floats(gcl_safetensors_find(ours, "out"), got);
    gcl_entry_floats(gcl_safetensors_find(right, "eval.D"), wanted);
    for (n = 0; n < 2; n++)
        ck_assert_float_eq_tol(got[n], wanted[n], 2e-6f);
    gcl_safetensors_close(ours);
    gcl_safetensors_close(right);
    ck_exits(3, "forward dcgan:tiny --network G --weights '%s' --in '%s:in.x' --out y.safetensors",
             golden("dcgan-tiny-drop/weights.safetensors"),
             golden("dcgan-tiny-drop/forward.safetensors"));
    ck_said("network G takes [2,32]");
    ck_exits(2, "forward dcgan:tiny --network E --weights a --in b --out c");
    ck_said("no such network (G, D)");
}
END_TEST

/* ---- the same bytes, whatever happens ---- */

#define TINY "-q train --model dcgan:tiny --batch 2 --steps 40 --set train.log_every=1 "

static const char last_of[] = "checkpoints/step-0000040.safetensors";

static void ck_same_end(const char *a, const char *b)
{
    char x[300], y[300];
    snprintf(x, sizeof x, "%s/%s/%s", scratch, a, last_of);
    snprintf(y, sizeof y, "%s/%s/%s", scratch, b, last_of);
    ck_assert_msg(same_files(x, y), "%s and %s differ", x, y);
}

START_TEST(equal_runs_are_equal_bytes)
{
    ck_exits(0, TINY "--out first");
    ck_exits(0, TINY "--out second --set train.sample_every=7 --threads 3");
    ck_same_end("first", "second");
    ck_assert(same_files(in_scratch("first/samples/000000.png"),
                         in_scratch("second/samples/000000.png")));
    ck_assert(same_files(in_scratch("first/reals.png"), in_scratch("second/reals.png")));
    ck_exits(0, TINY "--out other --seed 1");
    ck_assert(!same_files(in_scratch("first/checkpoints/step-0000040.safetensors"),
                          in_scratch("other/checkpoints/step-0000040.safetensors")));
}
END_TEST

/* Killed a few times, at moments that differ, each time resumed. */
START_TEST(a_killed_run_ends_as_one_that_was_not)
{
    ck_assert(exists(in_scratch("first/log.jsonl")));
    pid_t child = start_program(TINY "--out killed --set train.checkpoint_every=3");
    wait_for_lines(in_scratch("killed/log.jsonl"), 4);
    kill(child, SIGKILL);
    ck_assert_int_eq(finish_program(child), 128 + SIGKILL);
    for (int i = 0; i < 3; i++) {
        child = start_program("-q train --resume killed");
        pause_ms(350 + 200 * i);
        kill(child, SIGKILL);
        finish_program(child);
    }
    ck_exits(0, "-q train --resume killed");
    ck_same_end("first", "killed");
    ck_assert_int_eq(lines_in(in_scratch("killed/log.jsonl")), 40);
    ck_assert(!exists(in_scratch("killed/lock")));
    ck_exits(0, "train --resume killed");
    ck_said("already is at step 40");
}
END_TEST

/* Killed before its first checkpoint, a run starts over; what was no run yet stays none. */
START_TEST(a_run_without_checkpoint_starts_over)
{
    pid_t child = start_program(TINY "--out early --set train.checkpoint_every=1000");
    wait_for_lines(in_scratch("early/log.jsonl"), 2);
    kill(child, SIGKILL);
    finish_program(child);
    ck_exits(0, "-q train --resume early");
    ck_same_end("first", "early");
}
END_TEST

START_TEST(a_run_can_be_made_longer)
{
    ck_exits(0, "-q train --model dcgan:tiny --batch 2 --steps 15 --out longer");
    ck_exits(0, "-q train --resume longer --steps 40 --set train.log_every=5");
    ck_same_end("first", "longer");
    ck_exits(2, "train --resume longer --batch 3");
    ck_said("--batch does not go with --resume");
    ck_exits(2, "train --resume longer --set lr=1e-3");
    ck_said("only train.* and eval.* may change");
    ck_exits(0, "-q train --config longer/options.json --out again --steps 40");
    ck_same_end("first", "again");
}
END_TEST

/* ---- stopping and locking ---- */

START_TEST(a_signal_saves_and_ends)
{
    int number = _i == 0 ? SIGINT : SIGTERM;
    const char *name = _i == 0 ? "int" : "term";
    char log[300];
    pid_t child =
        start_program("train --model dcgan:tiny --batch 2 --set train.log_every=1 --out %s", name);
    snprintf(log, sizeof log, "%s/%s/log.jsonl", scratch, name);
    wait_for_lines(log, 2);
    kill(child, number);
    ck_assert_int_eq(finish_program(child), 128 + number);
    ck_said("waiting for data: ");
    ck_said("stopped and saved at step");
    long made = lines_in(log);
    ck_exits(0, "-q train --resume %s --steps %ld", name, made + 2);
    ck_assert_int_eq(lines_in(log), made + 2);
}
END_TEST

START_TEST(a_run_has_one_trainer)
{
    char says[80];
    pid_t child =
        start_program("train --model dcgan:tiny --batch 2 --set train.log_every=1 --out busy");
    wait_for_lines(in_scratch("busy/log.jsonl"), 1);
    snprintf(says, sizeof says, "busy: process %ld on ", (long)child);
    ck_exits(2, "train --resume busy");
    ck_said(says);
    ck_exits(2, "train --model dcgan:tiny --out busy");
    ck_said(says);
    kill(child, SIGTERM);
    finish_program(child);
    ck_exits(2, "train --model dcgan:tiny --out busy");
    ck_said("busy: already holds a run");
}
END_TEST

/* ---- numbers that are none ---- */

/* Copies a safetensors file with the first float of the named tensor replaced by NaN. */
static void poison(const char *from, const char *to, const char *name)
{
    size_t n;
    char *bytes = get_file(from, &n);
    gcl_safetensors *file = gcl_safetensors_open(from, &err);
    ck_have(file);
    const gcl_entry *first = gcl_safetensors_at(file, 0), *entry = gcl_safetensors_find(file, name);
    uint64_t header = 0;
    for (int i = 7; i >= 0; i--)
        header = header << 8 | (unsigned char)bytes[i];
    memcpy(bytes + 8 + header + (entry->data - first->data), &(float){0.0f / 0.0f}, 4);
    put_file(to, bytes, n);
    gcl_safetensors_close(file);
    free(bytes);
}

/* One bad draw costs one update and nothing else. */
START_TEST(a_bad_step_is_dropped)
{
    poison(golden("dcgan-tiny-drop/replay.safetensors"), in_scratch("bad.safetensors"),
           "step.3.z_d");
    ck_exits(0,
             "train --config '%s' --init '%s' --replay bad.safetensors --out bad --set "
             "train.log_every=1",
             golden("dcgan-tiny-drop/meta.json"), golden("dcgan-tiny-drop/weights.safetensors"));
    ck_said("step 3: a loss or gradient of D is not finite; its update was dropped");
    size_t n;
    char *log = get_file(in_scratch("bad/log.jsonl"), &n);
    ck_assert_ptr_nonnull(strstr(log, "\"losses\": {\"d_loss\": null, \"g_loss\": 0."));
    ck_assert_ptr_nonnull(strstr(log, "\"dropped\": 1}"));
    free(log);
    gcl_safetensors *file =
        gcl_safetensors_open(in_scratch("bad/checkpoints/step-0000020.safetensors"), &err);
    ck_have(file);
    for (int i = 0; i < gcl_safetensors_count(file); i++) {
        const gcl_entry *entry = gcl_safetensors_at(file, i);
        float *values = gcl_alloc((size_t)entry->count * sizeof *values);
        gcl_entry_floats(entry, values);
        for (int64_t k = 0; k < entry->count; k++)
            ck_assert_msg(values[k] - values[k] == 0, "%s", entry->name);
        free(values);
    }
    gcl_safetensors_close(file);
}
END_TEST

START_TEST(a_diverged_run_ends_with_its_last_good_checkpoint)
{
    poison(golden("dcgan-tiny-drop/weights.safetensors"), in_scratch("nan.safetensors"),
           "G.out.bias");
    ck_exits(6, "train --model dcgan:tiny --batch 2 --init nan.safetensors --steps 100 --out nan");
    ck_said("training diverged: the updates of steps 0 to 19 were all dropped");
    ck_said("last good checkpoint: nan/checkpoints/step-0000000.safetensors");
}
END_TEST

/* ---- mistakes ---- */

static const struct {
    int status;
    const char *line, *says;
} mistakes[] = {
    {2, "", "no command was given"},
    {2, "trian", "did you mean 'train'?"},
    {2, "train --model dcgan:tinny", "did you mean tiny?"},
    {2, "train --set latant=3", "did you mean latent?"},
    {2, "train --set lr", "lr"},
    {2, "train --set size=60", "multiple of 8"},
    {2, "train --model dcgan:tiny --out first", "first: already holds a run"},
    {2, "sample first --grid 6", "--grid '6': is not COLUMNSxROWS"},
    {2, "sample first --seeds 5-3", "--seeds 5-3"},
    {2, "sample first --seeds x", "is not A-B"},
    {2, "sample first --grid 2x2 --count 5", "has no room for 5 pictures"},
    {3, "sample no/such/run", "no such run folder or checkpoint"},
    {3, "train --data no/such/folder", "no/such/folder"},
    {3, "train --resume no/such/run", "there is no such run"},
    {3, "train --model dcgan:tiny --init no.safetensors", "no.safetensors: cannot be opened"},
    {3, "train --model dcgan:tiny --replay first/checkpoints/step-0000040.safetensors",
     "is no recording"},
    {3, "train --model dcgan:small --init first/checkpoints/step-0000040.safetensors",
     "(a checkpoint of dcgan:tiny)"},
    {3, "train --model dcgan:tiny-bn --init first/checkpoints/step-0000040.safetensors",
     "has no tensor G.conv1.bn.weight"},
    {4, "--device 99 train", " 1  "},
    {4, "--device 99 sample first", " 1  "},
    {4, "--device nosuchdevice bench", "nosuchdevice"},
    {5, "describe dcgan:tiny --batch 1000000", "would fit"},
    {7, "train --model dcgan:tiny --out /proc/nowhere/run", "/proc/nowhere"},
};

START_TEST(mistakes_are_said_in_a_line)
{
    /* The option that names the device is given first, and the last one counts. */
    ck_exits(mistakes[_i].status, "%s", mistakes[_i].line);
    ck_said(mistakes[_i].says);
    const char *text = said("err"), *line = strstr(text, "ganocl: ");
    ck_assert_msg(line != NULL, "%s", text);
    ck_assert_int_eq(files_in(in_scratch("runs")), 0);
}
END_TEST

/* A file may not grow beyond 1 MB here, which is enough for what compilers of kernels write on the
 * way (a checkpoint with so many latents has more): as if the disk were full. The event file, which
 * pictures fill too, has a test of its own in check_events. */
START_TEST(a_full_disk_ends_with_7)
{
    char line[1200];
    snprintf(line, sizeof line,
             "cd '%s' && trap '' XFSZ && ulimit -f 2000 && '%s' --device '%s' -q train --model "
             "dcgan:tiny --set latent=2000 --set train.events=false "
             "--batch 2 --steps 3 --out full >out 2>err",
             scratch, program, test_device());
    int status = system(line);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 7, "%d %s", status, said("err"));
    ck_said("free space or choose another folder");
    ck_assert(!exists(in_scratch("full/checkpoints/step-0000003.safetensors")));
    ck_exits(0, "-q train --resume full");
    ck_assert(exists(in_scratch("full/checkpoints/step-0000003.safetensors")));
}
END_TEST

/* ---- the other commands ---- */

START_TEST(samples_are_functions_of_their_seeds)
{
    ck_exits(0, "sample first --seeds 3-5 --out pictures");
    ck_assert_int_eq(files_in(in_scratch("pictures")), 3);
    ck_exits(0,
             "sample first/checkpoints/step-0000040.safetensors --seed 4 --count 1 --out four.png");
    ck_assert(same_files(in_scratch("pictures/seed00004.png"), in_scratch("four.png")));
    ck_assert(!same_files(in_scratch("pictures/seed00003.png"), in_scratch("four.png")));
    ck_exits(0, "sample first --temperature 0.5 --seed 4 --count 1 --out half.png");
    ck_assert(!same_files(in_scratch("half.png"), in_scratch("four.png")));
    ck_exits(0, "sample first --grid 4x2");
    ck_assert(exists(in_scratch("first/sample-0-7.png")));
}
END_TEST

START_TEST(tables_are_json_too)
{
    ck_exits(0, "describe dcgan:tiny --batch 4 --json");
    json_t *whole = json_said(), *step = json_object_get(whole, "step");
    json_t *G = json_array_get(json_object_get(whole, "networks"), 0);
    ck_assert_int_eq(json_integer_value(json_object_get(G, "parameters")), 40415);
    ck_assert_int_eq(json_array_size(json_object_get(G, "tensors")), 16);
    ck_assert_int_eq(json_integer_value(json_object_get(step, "batch")), 4);
    ck_assert(json_integer_value(json_object_get(step, "peak_bytes")) > 1000000);
    json_decref(whole);

    ck_exits(0, "bench dcgan:tiny --batch 2 --steps 2 --json");
    whole = json_said();
    json_t *system = json_array_get(json_object_get(whole, "systems"), 0);
    ck_assert(json_number_value(json_object_get(whole, "peak_gflops")) > 0);
    ck_assert(json_number_value(json_object_get(system, "step_ms")) > 0);
    json_t *launch = json_array_get(json_object_get(system, "launches"), 0);
    ck_assert(json_is_string(json_object_get(launch, "label")));
    ck_assert(json_number_value(json_object_get(launch, "us")) > 0);
    json_decref(whole);

    ck_exits(0, "devices --json");
    whole = json_said();
    ck_assert_int_eq(json_integer_value(json_object_get(json_array_get(whole, 0), "number")), 1);
    json_decref(whole);
}
END_TEST

START_TEST(a_dry_run_leaves_nothing)
{
    int before = files_in(scratch);
    ck_exits(0, "train --model dcgan:tiny --batch 2 --dry-run");
    ck_assert_ptr_nonnull(strstr(said("out"), "time a step: "));
    ck_assert_ptr_nonnull(strstr(said("out"), "G.conv3.conv"));
    ck_assert_int_eq(files_in(scratch), before);
}
END_TEST

int main(void)
{
    find_program();
    make_scratch("train");
    TCase *tests =
        tcase_create("train"); /* in this order: later tests compare with the run "first" */
    tcase_add_test(tests, equal_runs_are_equal_bytes);
    tcase_add_loop_test(tests, mistakes_are_said_in_a_line, 0, COUNT(mistakes));
    tcase_add_test(tests, a_killed_run_ends_as_one_that_was_not);
    tcase_add_test(tests, a_run_without_checkpoint_starts_over);
    tcase_add_test(tests, a_run_can_be_made_longer);
    tcase_add_loop_test(tests, a_signal_saves_and_ends, 0, 2);
    tcase_add_test(tests, a_run_has_one_trainer);
    tcase_add_test(tests, a_replay_writes_losses_and_a_checkpoint);
    tcase_add_test(tests, forward_is_the_networks_output);
    tcase_add_test(tests, a_bad_step_is_dropped);
    tcase_add_test(tests, a_diverged_run_ends_with_its_last_good_checkpoint);
    tcase_add_test(tests, a_full_disk_ends_with_7);
    tcase_add_test(tests, samples_are_functions_of_their_seeds);
    tcase_add_test(tests, tables_are_json_too);
    tcase_add_test(tests, a_dry_run_leaves_nothing);
    tcase_add_loop_test(tests, recorded_runs_are_repeated, 0, COUNT(recordings));
    return run_tests("train", tests);
}
