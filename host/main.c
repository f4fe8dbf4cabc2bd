/* Finds the command, runs it, turns its error into one line and an exit status. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "autotune/program.h"
#include "base/live.h"
#include "base/log.h"
#include "cli/commands.h"
#include "device/ahead.h"

static int run(gcl_options *options, const gcl_command *command, gcl_error *err)
{
    if (options->version)
        return gcl_command_version(options, err);
    if (options->help || command == NULL) {
        gcl_options_help(options->help ? stdout : stderr, command);
        return options->help ? 0 : gcl_fail(err, GCL_USAGE, "no command was given");
    }
    return command->run(options, err);
}

int main(int argc, char **argv)
{
    gcl_options options = {0};
    gcl_error err = {0};
    char *self = gcl_program_path();
    gcl_ahead_enable(self);
    signal(SIGPIPE, SIG_IGN); /* a reader that closes early is no reason to lose a checkpoint */
    signal(SIGXFSZ, SIG_IGN); /* a file above the user's limit is a full disk, said as one */
    const gcl_command *command = gcl_options_parse(&options, argc, argv, &err);
    gcl_log_level = options.quiet ? -1 : options.verbose;
    int status = err.code != GCL_OK ? -1 : run(&options, command, &err);
    if (fflush(stdout) != 0 && errno != EPIPE && status == 0)
        status = gcl_fail(&err, GCL_DISK, "standard output: cannot be written");
    if (status < 0) {
        gcl_live_clear();
        fprintf(stderr, "ganocl: %s\n", err.text);
        status = err.code;
    }
    gcl_options_free(&options);
    free(self);
    return status;
}
