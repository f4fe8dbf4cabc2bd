/* One trainer a run folder: who is refused, what a process that is gone leaves behind, and that a run
 * can be read while it trains. */
#include "program_test.h"

#include <time.h>

#include "train/lock.h"

#define TRAIN "-q train --model dcgan:tiny --batch 2 --set train.log_every=1 "

static char host[256], boot[64] = "-";

static void know_this_machine(void)
{
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "r");
    if (gethostname(host, sizeof host - 1) != 0)
        exit(1);
    if (file != NULL && fscanf(file, "%63s", boot) != 1)
        snprintf(boot, sizeof boot, "-");
    if (file != NULL)
        fclose(file);
}

static const char *new_folder(const char *name)
{
    const char *folder = in_scratch(name);
    ck_assert_int_eq(mkdir(folder, 0777), 0);
    return folder;
}

/* ---- what is left behind --------------------------------------------------------------------------- */

static const struct {
    int here, this_start; /* whether host and boot are those of this machine */
    const char *whole;    /* or the text as it is */
    const char *refused;  /* NULL: recovered */
} left[] = {
    {1, 1, NULL, NULL}, /* killed */
    {1, 0, NULL, NULL}, /* the machine was started anew */
    {0, 1, NULL, NULL}, /* a container of this machine */
    {0, 0, NULL, "process 4711 on elsewhere may be training there; if it is not, remove "},
    {0, 0, "", NULL},     /* killed before it could write */
    {0, 0, "4711", NULL}, /* or while it did */
    {0, 0, "nothing that this program writes\n", NULL},
};

START_TEST(what_is_left_behind_is_recovered_here_only)
{
    char text[400], name[20];
    snprintf(name, sizeof name, "left%d", _i);
    const char *folder = new_folder(name);
    snprintf(text, sizeof text, "4711 %s %s\n", left[_i].here ? host : "elsewhere",
             left[_i].this_start ? boot : "0f0e0d0c-no-such-start");
    if (left[_i].whole != NULL)
        snprintf(text, sizeof text, "%s", left[_i].whole);
    gcl_text path = {0};
    gcl_text_add(&path, "%s/lock", folder);
    put_file(path.text, text, strlen(text));

    int lock = gcl_lock_take(folder, &err);
    if (left[_i].refused != NULL)
        ck_refused(lock >= 0, GCL_USAGE, left[_i].refused); /* and it stays as it is */
    else
        snprintf(text, sizeof text, "%ld %s %s\n", (long)getpid(), host, boot);
    ck_assert_msg(left[_i].refused != NULL || lock >= 0, "%s", err.text);
    size_t n;
    start_test();
    char *now = get_file(path.text, &n);
    ck_assert_str_eq(now, text);
    free(now);
    gcl_lock_release(folder, lock);
    ck_assert_int_eq(exists(path.text), left[_i].refused != NULL);
    gcl_text_free(&path);
}
END_TEST

/* A folder that cannot hold a lock says so, as a matter of the disk. */
START_TEST(a_lock_needs_a_folder)
{
    ck_refused(gcl_lock_take(in_scratch("no/such/folder"), &err) >= 0, GCL_DISK,
               "lock: cannot be made: No such file or directory");
}
END_TEST

/* ---- processes ------------------------------------------------------------------------------------- */

static void ck_refused_line(const char *says)
{
    ck_said(says);
    const char *text = said("err");
    ck_assert_msg(strchr(text, '\n') == text + strlen(text) - 1, "not one line: %s", text);
}

/* Refused while it trains, read while it trains, killed, taken over. */
START_TEST(a_second_process_may_read_but_not_train)
{
    char says[400];
    pid_t trainer = start_program(TRAIN "--set train.checkpoint_every=2 --out busy");
    wait_for_lines(in_scratch("busy/log.jsonl"), 5);
    snprintf(says, sizeof says, "ganocl: busy: process %ld on %s is training there; stop it first",
             (long)trainer, host);
    ck_exits(2, "-q train --resume busy");
    ck_refused_line(says);
    ck_exits(2, TRAIN "--out busy");
    ck_refused_line(says);

    ck_exits(0, "-q sample busy --count 4 --out seen.png");
    ck_exits(0, "-q evaluate busy --data builtin:faces --count 16");
    json_decref(json_said());
    ck_exits(0, "-q report busy");
    long so_far = lines_in(in_scratch("busy/log.jsonl"));
    ck_assert_int_eq(kill(trainer, 0), 0);
    wait_for_lines(in_scratch("busy/log.jsonl"), so_far + 3); /* it never noticed */

    kill(trainer, SIGKILL);
    ck_assert_int_eq(finish_program(trainer), 128 + SIGKILL);
    ck_assert(exists(in_scratch("busy/lock")));
    ck_exits(0, "-q train --resume busy --steps %ld", lines_in(in_scratch("busy/log.jsonl")) + 5);
    ck_assert(!exists(in_scratch("busy/lock")));
}
END_TEST

/* Three at the same moment: one trains, whichever it is, and the run is as if it had been alone. */
START_TEST(of_several_at_once_one_trains)
{
    gcl_text line = {0};
    gcl_text_add(&line,
                 "cd '%s' && for i in 1 2 3; do { '%s' --device '%s' " TRAIN
                 "--steps 8 --out race >/dev/null 2>err$i; echo $? >status$i; } & done; wait",
                 scratch, program, test_device());
    ck_assert_int_eq(system(line.text), 0);
    gcl_text_free(&line);
    int won = 0;
    for (int i = 1; i <= 3; i++) {
        char name[20];
        size_t n;
        snprintf(name, sizeof name, "status%d", i);
        char *status = get_file(in_scratch(name), &n);
        ck_assert_msg(atoi(status) == 0 || atoi(status) == 2, "%s", status);
        won += atoi(status) == 0;
        free(status);
    }
    ck_assert_int_eq(won, 1);
    ck_assert_int_eq(lines_in(in_scratch("race/log.jsonl")), 8);
    ck_exits(0, TRAIN "--steps 8 --out alone");
    ck_assert(same_files(in_scratch("race/checkpoints/step-0000008.safetensors"),
                         in_scratch("alone/checkpoints/step-0000008.safetensors")));
}
END_TEST

int main(void)
{
    find_program();
    make_scratch("lock");
    know_this_machine();
    TCase *tests = tcase_create("lock");
    tcase_add_loop_test(tests, what_is_left_behind_is_recovered_here_only, 0,
                        (int)(sizeof left / sizeof *left));
    tcase_add_test(tests, a_lock_needs_a_folder);
    tcase_add_test(tests, a_second_process_may_read_but_not_train);
    tcase_add_test(tests, of_several_at_once_one_trains);
    return run_tests("lock", tests);
}
