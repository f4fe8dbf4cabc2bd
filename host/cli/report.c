#include <stdio.h>
#include <stdlib.h>

#include "cli/commands.h"
#include "report/report.h"
#include "train/run.h"

int gcl_command_report(const gcl_options *options, gcl_error *err)
{
    char *folder = gcl_run_find(options->arguments[0], err);
    if (folder == NULL)
        return -1;
    gcl_report *report = gcl_report_new(folder);
    int result = gcl_report_write(report, err);
    if (result == 0)
        printf("%s/report.html\n", folder);
    gcl_report_free(report);
    free(folder);
    return result;
}
