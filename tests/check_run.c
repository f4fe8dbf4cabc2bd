/* What surrounds training, without a device: the command line, configurations, the run folder, the
 * log. */
#include "files_test.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <sys/wait.h>

#include "cli/options.h"
#include "train/config.h"
#include "train/journal.h"
#include "train/loop.h"
#include "train/run.h"

/* ---- the command line ---- */

enum { MAX_WORDS = 24 };

/* Splits at blanks; the words stay until the next call. */
static const gcl_command *parse(gcl_options *options, const char *line)
{
    static char copy[400];
    static char *words[MAX_WORDS];
    int n = 1;
    snprintf(copy, sizeof copy, "%s", line);
    memset(options, 0, sizeof *options);
    words[0] = "ganocl";
    for (char *word = strtok(copy, " "); word != NULL && n < MAX_WORDS; word = strtok(NULL, " "))
        words[n++] = word;
    return gcl_options_parse(options, n, words, &err);
}

static const struct {
    const char *line, *says;
} wrong_lines[] = {
    {"trian", "unknown command 'trian'; did you mean 'train'?"},
    {"--device 1 smaple x", "unknown command 'smaple'; did you mean 'sample'?"},
    {"train --stpes 3", "unknown option --stpes; did you mean --steps?"},
    {"train --steps", "--steps needs a value: --steps N"},
    {"train --steps three", "--steps: 'three' is not a whole number"},
    {"train --steps 3x", "'3x' is not a whole number"},
    {"train --steps 0", "--steps: 0 is out of range"},
    {"train --steps -4", "--steps: -4 is out of range"},
    {"train --minutes 0", "--minutes: 0 is out of range (above 0)"},
    {"train --minutes nan", "'nan' is not a number"},
    {"train --seed -1", "--seed: '-1' is not a whole number below 2^64"},
    {"train --seed 18446744073709551616", "--seed: '18446744073709551616'"},
    {"train --dry-run=yes", "--dry-run takes no value"},
    {"train --count 3", "--count is not an option of train, but of: sample"},
    {"train extra", "train: 'extra' is too much"},
    {"sample", "sample: RUN is missing"},
    {"train extra", "(usage: ganocl train [options])"},
    {"train --threads 1025", "--threads: 1025 is out of range (1 to 1024)"},
    {"describe dcgan --batch 1099511627776", "out of range (1 to 1048576)"},
    {"train --accumulate 4097", "out of range (1 to 4096)"},
    {"-x devices", "unknown option -x"},
};

START_TEST(wrong_lines_are_refused)
{
    gcl_options options;
    ck_refused(parse(&options, wrong_lines[_i].line), GCL_USAGE, wrong_lines[_i].says);
    gcl_options_free(&options);
}
END_TEST

START_TEST(lines_are_understood)
{
    gcl_options options;
    const gcl_command *command = parse(
        &options, "--device Por --set a=1 train --set b=2 --resume --batch=8 -qv --seed 0x10");
    ck_have(command);
    ck_assert_str_eq(command->name, "train");
    ck_assert_str_eq(options.device, "Por");
    ck_assert_str_eq(options.resume, "");
    ck_assert_int_eq(options.n_set, 2);
    ck_assert_str_eq(options.set[1], "b=2");
    ck_assert(options.batch == 8 && options.quiet && options.verbose && options.seed == 16);
    ck_assert(gcl_options_given(&options, "seed") && !gcl_options_given(&options, "steps"));
    gcl_options_free(&options);

    command = parse(&options, "train --resume runs/x --minutes 1.5");
    ck_assert_str_eq(options.resume, "runs/x");
    ck_assert(options.minutes == 1.5);
    gcl_options_free(&options);

    command = parse(&options, "bench a b -- --c");
    ck_assert_str_eq(command->name, "bench");
    ck_assert_int_eq(options.n_arguments, 3);
    ck_assert_str_eq(options.arguments[2], "--c");
    gcl_options_free(&options);
}
END_TEST

/* ---- configurations ---- */

static gcl_config read_config(const char *text)
{
    gcl_config config;
    put_file(in_scratch("config.json"), text, strlen(text));
    gcl_config_start(&config);
    if (gcl_config_read(&config, in_scratch("config.json"), &err) == 0)
        gcl_config_finish(&config, &err);
    return config;
}

START_TEST(a_recordings_description_is_a_configuration)
{
    gcl_config config = read_config(
        "{\"system\": \"dcgan\", \"preset\": \"tiny\", \"steps\": 20, \"batch_size\": 2,"
        " \"temperature\": 0.7, \"config\": {\"base\": 8, \"legacy\": true,"
        " \"lr\": 2e-05, \"preset\": \"tiny-bn\"}, \"batch\": {\"x\": 1},"
        " \"noise\": {\"z\": 2}}");
    ck_assert_msg(err.code == 0, "%s", err.text);
    ck_assert_str_eq(config.model.preset->name, "tiny-bn");
    ck_assert_int_eq(gcl_model_int(&config.model, "base"), 8);
    ck_assert_int_eq(gcl_model_int(&config.model, "legacy"), 1);
    ck_assert(gcl_model_real(&config.model, "lr") == 2e-5);
    ck_assert_int_eq(config.batch, 2);
    ck_assert_int_eq(config.steps, 20);
    gcl_config_free(&config);
}
END_TEST

static const struct {
    const char *text;
    int code;
    const char *says;
} wrong_configs[] = {
    {"{\"model\": \"dcgan:tiny\"", GCL_DATA, "config.json:1: is not valid JSON"},
    {"[]", GCL_DATA, "is not a JSON object"},
    {"{\"model\": 3}", GCL_USAGE, "\"model\" is not a text"},
    {"{\"model\": \"dcgan:tinny\"}", GCL_USAGE, "did you mean tiny?"},
    {"{\"model\": \"dcgn\"}", GCL_USAGE, "did you mean dcgan?"},
    {"{\"steps\": -1}", GCL_USAGE, "\"steps\" is not a whole number"},
    {"{\"minutes\": \"ten\"}", GCL_USAGE, "\"minutes\" is not a number"},
    {"{\"settings\": 3}", GCL_USAGE, "\"settings\" is not an object"},
    {"{\"settings\": {\"lr\": [[1]]}}", GCL_USAGE, "\"lr\" is not a number, a word"},
    {"{\"latant\": 3}", GCL_USAGE, "latent"},
    {"{\"settings\": {\"train.log_evry\": 3}}", GCL_USAGE, "nearest: train.log_every"},
    {"{\"settings\": {\"train.log_every\": 0}}", GCL_USAGE, "out of range (1 to"},
    {"{\"settings\": {\"train.log_every\": 1.5}}", GCL_USAGE, "'1.5' is not a whole number"},
    {"{\"settings\": {\"data.crop\": \"middle\"}}", GCL_USAGE, "is none of centre|fit|stretch"},
    {"{\"settings\": {\"plan.variant\": \"fast\"}}", GCL_USAGE, "no op has such a variant"},
    {"{\"settings\": {\"data.box\": \"1,2,3\"}}", GCL_USAGE, "is not x,y,width,height"},
};

START_TEST(wrong_configurations_are_refused)
{
    gcl_config config = read_config(wrong_configs[_i].text);
    ck_refused(err.code == 0, wrong_configs[_i].code, wrong_configs[_i].says);
    gcl_config_free(&config);
}
END_TEST

START_TEST(options_json_gives_itself_back)
{
    gcl_limits limits = {.platform = "P \"quoted\"", .name = "D", .driver = "1"};
    gcl_config config;
    gcl_config_start(&config);
    config.model_name = "dcgan:small";
    config.data = "a \"b\"\\c";
    config.seed = UINT64_C(0xfedcba9876543210);
    config.batch = 3;
    config.minutes = 0.1;
    gcl_config_set(&config, "lr=0.1234567890123456");
    gcl_config_set(&config, "optimiser=adam");
    gcl_config_set(&config, "data.box=1,2,3.5,4");
    ck_ok(gcl_config_finish(&config, &err));
    char *first = gcl_config_json(&config, &limits);
    gcl_config again = read_config(first);
    ck_assert_msg(err.code == 0, "%s", err.text);
    char *second = gcl_config_json(&again, &limits);
    ck_assert_str_eq(first, second);
    ck_assert(again.seed == config.seed && again.settings.box.width == 3.5);
    ck_assert(memcmp(again.model.values, config.model.values, sizeof config.model.values) == 0);
    free(first);
    free(second);
    gcl_config_free(&config);
    gcl_config_free(&again);
}
END_TEST

/* ---- the log ---- */

static gcl_journal *open_log(int64_t first, double *seconds, int64_t *dropped)
{
    gcl_journal *journal = gcl_journal_open(in_scratch("log.jsonl"), first, seconds, dropped, &err);
    ck_have(journal);
    return journal;
}

static void log_steps(int64_t first, int64_t last)
{
    double seconds;
    int64_t dropped;
    gcl_journal *journal = open_log(first, &seconds, &dropped);
    for (int64_t step = first; step <= last; step++) {
        gcl_named_value losses[] = {{"d_loss", step == 2 ? NAN : 0.5}, {"g_loss", 0.1f}};
        gcl_named_value rate = {"G", 1e-4};
        double data_wait = 0.0125;
        gcl_journal_line line = {.step = step,
                                 .images = 2 * (step + 1),
                                 .seconds = 10.0 * step,
                                 .n_losses = 2,
                                 .losses = losses,
                                 .n_rates = 1,
                                 .rates = &rate,
                                 .images_per_s = 3.5,
                                 .data_wait = step == 1 ? &data_wait : NULL,
                                 .device_bytes = 7,
                                 .dropped = step >= 2};
        ck_ok(gcl_journal_write(journal, &line, &err));
    }
    ck_ok(gcl_journal_sync(journal, &err));
    gcl_journal_close(journal);
}

START_TEST(the_log_goes_on_without_a_seam)
{
    double seconds;
    int64_t dropped;
    size_t n, m;
    log_steps(0, 9);
    char *whole = get_file(in_scratch("log.jsonl"), &n);
    ck_assert(strncmp(whole,
                      "{\"step\": 0, \"images\": 2, \"seconds\": 0.000, \"losses\": {\"d_loss\": "
                      "0.5, \"g_loss\": 0.100000001}, \"lr\": {\"G\": 0.0001}, "
                      "\"images_per_s\": 3.5, \"device_bytes\": 7}\n",
                      150) == 0);
    ck_assert_ptr_nonnull(strstr(whole, "\"d_loss\": null"));
    ck_assert_ptr_nonnull(strstr(whole, "\"images_per_s\": 3.5, \"data_wait\": 0.0125, "
                                        "\"device_bytes\": 7}\n{\"step\": 2,"));

    /* Cut in the middle of a line, then taken up again at step 6. */
    put_file(in_scratch("log.jsonl"), whole, n - 20);
    gcl_journal_close(open_log(6, &seconds, &dropped));
    ck_assert(seconds == 50 && dropped == 1);
    log_steps(6, 9);
    char *again = get_file(in_scratch("log.jsonl"), &m);
    ck_assert_str_eq(whole, again);
    free(again);

    gcl_journal_close(open_log(0, &seconds, &dropped));
    again = get_file(in_scratch("log.jsonl"), &m);
    ck_assert(m == 0 && seconds == 0 && dropped == 0);
    free(again);
    free(whole);
}
END_TEST

START_TEST(a_log_on_a_full_disk_is_said)
{
    double seconds;
    int64_t dropped;
    ck_assert_int_eq(symlink("/dev/full", in_scratch("full.jsonl")), 0);
    gcl_journal *journal = gcl_journal_open(in_scratch("full.jsonl"), 0, &seconds, &dropped, &err);
    if (journal == NULL) { /* a device is no file: that may be said at once */
        ck_assert(err.code == GCL_DATA || err.code == GCL_DISK);
        return;
    }
    ck_refused(gcl_journal_write(journal, &(gcl_journal_line){.step = 0}, &err) == 0, GCL_DISK,
               "No space left");
    gcl_journal_close(journal);
}
END_TEST

/* ---- the run folder ---- */

START_TEST(runs_are_numbered)
{
    gcl_run run, other;
    char here[400];
    ck_assert_ptr_nonnull(getcwd(here, sizeof here));
    ck_assert_int_eq(chdir(scratch), 0);
    start_test();
    ck_refused(gcl_run_find("", &err), GCL_DATA, "there is no run under runs/");
    start_test();
    ck_ok(gcl_run_create(&run, NULL, "dcgan-tiny-faces", &err));
    ck_assert_str_eq(run.folder, "runs/00001-dcgan-tiny-faces");
    ck_assert(exists("runs/00001-dcgan-tiny-faces/lock"));
    ck_assert_int_eq(mkdir("runs/00041-x", 0777), 0);
    ck_ok(gcl_run_create(&other, NULL, "a", &err));
    ck_assert_str_eq(other.folder, "runs/00042-a");
    char *newest = gcl_run_find("", &err);
    ck_assert_str_eq(newest, "runs/00042-a");
    free(newest);
    gcl_run_close(&run);
    gcl_run_close(&other);
    ck_assert(!exists("runs/00001-dcgan-tiny-faces/lock"));
    ck_assert_int_eq(chdir(here), 0);
}
END_TEST

START_TEST(a_folder_holds_one_run)
{
    gcl_run run;
    const char *folder = in_scratch("one-run");
    ck_ok(gcl_run_create(&run, folder, "x", &err));
    gcl_run_close(&run);
    ck_refused(gcl_run_open(&run, folder, &err) == 0, GCL_DATA, "has no options.json");
    put_file(in_scratch("one-run/options.json"), "{}", 2);
    start_test();
    ck_refused(gcl_run_create(&run, folder, "x", &err) == 0, GCL_USAGE, "--resume ");
    ck_assert(!exists(in_scratch("one-run/lock")));
    start_test();
    ck_ok(gcl_run_open(&run, folder, &err));
    gcl_run_close(&run);
    ck_refused(gcl_run_checkpoint(folder, NULL, &err), GCL_DATA, "has no checkpoint yet");
    start_test();
    ck_refused(gcl_run_checkpoint("no/such/run", NULL, &err), GCL_DATA,
               "no such run folder or checkpoint");
    put_file(in_scratch("one-run/checkpoints/step-0000007.safetensors"), "x", 1);
    start_test();
    char *path = gcl_run_checkpoint(folder, NULL, &err);
    ck_have(path);
    char *back = gcl_run_find(path, &err);
    ck_assert_str_eq(back, folder);
    free(back);
    free(path);
}
END_TEST

/* The holder is another process: locks of one process do not exclude itself. */
START_TEST(a_second_trainer_is_refused)
{
    gcl_run run;
    int ready[2];
    char signal_byte;
    const char *folder = in_scratch("locked");
    ck_assert_int_eq(pipe(ready), 0);
    pid_t holder = fork();
    if (holder == 0) {
        int made = gcl_run_create(&run, folder, "x", &err) == 0;
        ck_assert_int_eq(write(ready[1], made ? "y" : "n", 1), 1);
        pause();
        _exit(0);
    }
    ck_assert_int_eq(read(ready[0], &signal_byte, 1), 1);
    ck_assert_int_eq(signal_byte, 'y');
    put_file(in_scratch("locked/options.json"), "{}", 2);
    char says[80];
    snprintf(says, sizeof says, "process %ld on ", (long)holder);
    ck_refused(gcl_run_open(&run, folder, &err) == 0, GCL_USAGE, says);

    /* Killed, it leaves its lock file, which then is no obstacle. */
    kill(holder, SIGKILL);
    waitpid(holder, NULL, 0);
    ck_assert(exists(in_scratch("locked/lock")));
    start_test();
    ck_ok(gcl_run_open(&run, folder, &err));
    size_t n;
    char *text = get_file(in_scratch("locked/lock"), &n);
    ck_assert_int_eq(atol(text), (long)getpid());
    free(text);
    gcl_run_close(&run);
    close(ready[0]);
    close(ready[1]);
}
END_TEST

START_TEST(grids_come_early_and_then_seldom)
{
    static const int64_t due[] = {0, 50, 100, 200, 1000, 1500, 20000};
    static const int64_t not_due[] = {1, 49, 150, 1050, 1100, 20100};
    for (size_t i = 0; i < sizeof due / sizeof *due; i++)
        ck_assert_msg(gcl_loop_sample_due(due[i], 0), "%lld", (long long)due[i]);
    for (size_t i = 0; i < sizeof not_due / sizeof *not_due; i++)
        ck_assert_msg(!gcl_loop_sample_due(not_due[i], 0), "%lld", (long long)not_due[i]);
    ck_assert(gcl_loop_sample_due(14, 7) && !gcl_loop_sample_due(100, 7));
}
END_TEST


int main(void)
{
    make_scratch("run");
    TCase *tests = tcase_create("run");
    tcase_add_loop_test(tests, wrong_lines_are_refused, 0, COUNT(wrong_lines));
    tcase_add_test(tests, lines_are_understood);
    tcase_add_test(tests, a_recordings_description_is_a_configuration);
    tcase_add_loop_test(tests, wrong_configurations_are_refused, 0, COUNT(wrong_configs));
    tcase_add_test(tests, options_json_gives_itself_back);
    tcase_add_test(tests, the_log_goes_on_without_a_seam);
    tcase_add_test(tests, a_log_on_a_full_disk_is_said);
    tcase_add_test(tests, runs_are_numbered);
    tcase_add_test(tests, a_folder_holds_one_run);
    tcase_add_test(tests, a_second_trainer_is_refused);
    tcase_add_test(tests, grids_come_early_and_then_seldom);
    return run_in_scratch("run", tests, NULL);
}
