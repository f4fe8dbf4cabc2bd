/* The hidden command that a helper of gcl_ahead_go is started with. */
#include "cli/commands.h"
#include "device/ahead.h"

int gcl_command_compile_ahead(const gcl_options *options, gcl_error *err)
{
    int64_t share, of;
    const char *const *words = (const char *const *)options->arguments;
    if (gcl_parse_whole(words[1], GCL_AHEAD_WORD, 0, 1024, &share, err) != 0 ||
        gcl_parse_whole(words[2], GCL_AHEAD_WORD, share + 1, 1025, &of, err) != 0)
        return -1;
    return gcl_ahead_serve(words[0], (int)share, (int)of, err) < 0 ? -1 : 0;
}
