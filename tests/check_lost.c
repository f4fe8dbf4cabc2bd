/* A device that fails: tests/shim.c lets the Nth OpenCL call of a short training fail, once or from
 * then on. Each must end with the documented exit status and a line that says why, or recover; never
 * hang, crash or do something else without a word. What was saved is whole, and going on from it ends
 * in the bytes of a training that met no fault.
 *
 * GANOCL_TEST_THOROUGH=1 tries every N instead of some of each kind of call: an hour or two.
 * GANOCL_TEST_CALLS=FIRST-LAST tries those: the same in parts. */
#include <limits.h>

#include "shim_test.h"

enum { MOST_CALLS = 200000, MOST_SECONDS = 120 };

#define TRAIN                                                                                      \
    "-q train --model dcgan:tiny --set size=16 --set base=2 --set wide=2 --set dense=2 "           \
    "--set latent=4 --set down_layers=2 --batch 2 --steps 4 --set train.checkpoint_every=2 "       \
    "--set train.events=false --out "

typedef struct fault {
    const char *name;
    int status;
    int lost; /* every later call fails too */
} fault;

static const fault faults[] = {
    {"CL_OUT_OF_RESOURCES", -5, 0},
    {"CL_MEM_OBJECT_ALLOCATION_FAILURE", -4, 0},
    {"CL_DEVICE_NOT_AVAILABLE", -2, 1},
    {"CL_BUILD_PROGRAM_FAILURE", -11, 0},
};

static char **calls; /* of a training without fault, in order */
static int n_calls;

static void load_fault(const fault *f, long number)
{
    char text[40];
    load_shim();
    snprintf(text, sizeof text, "%ld%s", number, f->lost ? "+" : "");
    setenv("OCLSHIM_FAIL", text, 1);
    snprintf(text, sizeof text, "%d", f->status);
    setenv("OCLSHIM_STATUS", text, 1);
    setenv("OCLSHIM_CALLS", in_scratch("failed"), 1);
}

/* As finish_program, but -1 where it hangs. */
static int finish_in_time(pid_t child)
{
    int status;
    for (int i = 0; i < 100 * MOST_SECONDS; i++) {
        if (waitpid(child, &status, WNOHANG) == child) {
            started = 0;
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
        pause_ms(10);
    }
    end_program();
    return -1;
}

/* ---- a training without fault ---------------------------------------------------------------------- */

static void read_calls(void)
{
    size_t n;
    char *text = get_file(in_scratch("calls"), &n);
    calls = gcl_alloc(MOST_CALLS * sizeof *calls);
    for (char *name = strtok(text, "\n"); name != NULL && n_calls < MOST_CALLS;
         name = strtok(NULL, "\n"))
        calls[n_calls++] = name;
}

START_TEST(the_shim_alone_changes_nothing)
{
    ck_exits(0, TRAIN "straight");
    load_shim();
    setenv("OCLSHIM_CALLS", in_scratch("calls"), 1);
    ck_exits(0, TRAIN "counted");
    unload_shim();
    ck_assert(same_files(in_scratch("straight/checkpoints/step-0000004.safetensors"),
                         in_scratch("counted/checkpoints/step-0000004.safetensors")));
    read_calls();
    ck_assert_int_gt(n_calls, 100);
}
END_TEST

/* ---- one with a fault ------------------------------------------------------------------------------- */

/* The last line that it said. */
static const char *last_line(void)
{
    char *text = said("err"), *end = text + strlen(text);
    while (end > text && end[-1] == '\n')
        *--end = 0;
    char *line = strrchr(text, '\n');
    return line != NULL ? line + 1 : text;
}

/* What is wrong with how it ended; NULL: nothing. */
static const char *fault_in_end(int status, const fault *f)
{
    const char *line = last_line();
    int saved = exists(in_scratch("run/checkpoints/step-0000002.safetensors"));
    if (status == -1)
        return "hangs";
    if (status == 0)
        return NULL;
    if (status != GCL_DEVICE && status != GCL_MEMORY)
        return "has another exit status";
    if (strncmp(line, "ganocl: ", 8) != 0 || strstr(line, f->name) == NULL)
        return "does not say why";
    if (saved && strstr(line, "train --resume run") == NULL)
        return "does not say how to go on";
    return NULL;
}

/* What was saved is what a training without fault saves, byte for byte. */
static int is_spoilt(void)
{
    static const char *const names[] = {"checkpoints/step-0000002.safetensors",
                                        "checkpoints/step-0000004.safetensors"};
    int spoilt = 0;
    for (int i = 0; i < COUNT(names); i++) {
        char saved[80], right[80];
        snprintf(saved, sizeof saved, "run/%s", names[i]);
        snprintf(right, sizeof right, "straight/%s", names[i]);
        spoilt |= exists(in_scratch(saved)) && !same_files(in_scratch(saved), in_scratch(right));
    }
    return spoilt;
}

static void add_names(gcl_text *text, const char *folder)
{
    struct dirent **entries;
    int n = scandir(in_scratch(folder), &entries, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        gcl_text_add(text, "%s ", entries[i]->d_name);
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
}

/* Where the run stands: all that going on depends on, once its checkpoints are known to be right. */
static char *state_of_run(void)
{
    gcl_text text = {0};
    add_names(&text, "run");
    add_names(&text, "run/checkpoints");
    add_names(&text, "run/samples");
    gcl_text_add(&text, "%ld ", lines_in(in_scratch("run/log.jsonl")));
    if (exists(in_scratch("run/checkpoints/latest"))) {
        size_t n;
        char *latest = get_file(in_scratch("run/checkpoints/latest"), &n);
        gcl_text_add(&text, "%s", latest);
        free(latest);
    }
    return text.text;
}

/* Whether no run went on from this state yet. */
static int is_new_state(void)
{
    static char *states[100];
    static int n_states;
    char *state = state_of_run();
    for (int i = 0; i < n_states; i++)
        if (strcmp(states[i], state) == 0) {
            free(state);
            return 0;
        }
    if (n_states < COUNT(states))
        states[n_states++] = state;
    else
        free(state);
    return 1;
}

/* Goes on where there is a run; where there is none yet, there is nothing to spoil. */
static const char *fault_in_going_on(int status)
{
    if (!exists(in_scratch("run/options.json")))
        return status == 0 ? "leaves no run" : NULL;
    if (is_spoilt())
        return "saves other bytes";
    if (!is_new_state())
        return NULL;
    if (finish_in_time(start_program("-q train --resume run")) != 0)
        return "cannot go on";
    return !exists(in_scratch("run/checkpoints/step-0000004.safetensors")) || is_spoilt()
               ? "goes on to other bytes"
               : NULL;
}

/* How trainings ended, in numbers. */
typedef struct ends {
    int tried, untouched, recovered, on_device, on_memory, wrong;
} ends;

static void count_end(ends *all, int status)
{
    all->tried++;
    if (!exists(in_scratch("failed")))
        all->untouched++; /* it made fewer calls than the counted one: threads share them */
    else if (status == 0)
        all->recovered++;
    else
        *(status == GCL_DEVICE ? &all->on_device : &all->on_memory) += 1;
}

/* Call `number` fails. */
static void try_fault(const fault *f, long number, ends *all)
{
    remove_tree(in_scratch("run"));
    remove(in_scratch("failed"));
    load_fault(f, number);
    int status = finish_in_time(start_program(TRAIN "run"));
    unload_shim();
    const char *wrong = fault_in_end(status, f);
    char *end = gcl_strdup(last_line());
    if (wrong == NULL)
        wrong = fault_in_going_on(status);
    if (wrong == NULL)
        count_end(all, status);
    else {
        all->wrong++;
        printf("call %ld (%s), %s%s: %s: status %d: %s\n", number, calls[number - 1], f->name,
               f->lost ? " from then on" : "", wrong, status, end);
    }
    free(end);
}

/* How often the call occurs up to its place `at`, and in all. */
static void count_like(int at, int *before, int *all)
{
    *before = *all = 0;
    for (int i = 0; i < n_calls; i++) {
        int same = strcmp(calls[i], calls[at]) == 0;
        *all += same;
        *before += same && i < at;
    }
}

/* Of every kind of call one, which is the first, the middle or the last of its kind by turns. */
static int is_chosen(int at, int turn)
{
    int before, all;
    count_like(at, &before, &all);
    int wanted[] = {0, all / 2, all - 1};
    int kind = 0;
    for (const char *c = calls[at]; *c != 0; c++)
        kind += *c;
    return before == wanted[(kind + turn) % 3];
}

/* Whether such a fault belongs to such a call at all. */
static int is_possible(const fault *f, const char *call)
{
    switch (f->status) {
    case -11: return strcmp(call, "clBuildProgram") == 0;
    case -4: return strstr(call, "Enqueue") != NULL || strcmp(call, "clCreateBuffer") == 0;
    default: return 1;
    }
}

static int is_wanted(int at, int turn)
{
    int first = 1, last = INT_MAX;
    const char *range = getenv("GANOCL_TEST_CALLS");
    if (range != NULL)
        ck_assert_int_eq(sscanf(range, "%d-%d", &first, &last), 2);
    return at + 1 >= first && at + 1 <= last &&
           (range != NULL || getenv("GANOCL_TEST_THOROUGH") != NULL || is_chosen(at, turn));
}

START_TEST(a_fault_is_said_and_does_no_harm)
{
    const fault *f = &faults[_i];
    ends all = {0};
    for (int at = 0; at < n_calls; at++)
        if (is_possible(f, calls[at]) && is_wanted(at, _i))
            try_fault(f, at + 1, &all);
    printf("%s%s: %d of %d calls: %d end in status %d, %d in %d, %d recover, %d are not reached, "
           "%d go wrong\n",
           f->name, f->lost ? " from then on" : "", all.tried + all.wrong, n_calls, all.on_device,
           GCL_DEVICE, all.on_memory, GCL_MEMORY, all.recovered, all.untouched, all.wrong);
    ck_assert_int_eq(all.wrong, 0);
    ck_assert(all.on_device + all.on_memory > 0 || getenv("GANOCL_TEST_CALLS") != NULL);
    ck_assert_int_le(all.untouched, all.tried / 10);
}
END_TEST

int main(void)
{
    find_program();
    make_scratch("lost");
    setvbuf(stdout, NULL, _IOLBF, 0);
    TCase *tests = tcase_create("lost"); /* in this order: the first counts the calls */
    tcase_add_test(tests, the_shim_alone_changes_nothing);
    tcase_add_loop_test(tests, a_fault_is_said_and_does_no_harm, 0, COUNT(faults));
    return run_tests("lost", tests);
}
