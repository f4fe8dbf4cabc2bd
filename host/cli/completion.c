/* The scripts that make shells ask `ganocl complete`. */
#include <string.h>

#include "cli/commands.h"
#include "cli/complete.h"

/* readline breaks words at = and : too, so they are put together again, and what a candidate has before
 * the last break is taken off. */
static const char bash[] =
    "# bash completion of ganocl, written by `ganocl completion bash`.\n"
    "_ganocl()\n"
    "{\n"
    "    local -a words=()\n"
    "    local i part glue=1 before line candidate path\n"
    "    for ((i = 1; i <= COMP_CWORD; i++)); do\n"
    "        part=${COMP_WORDS[i]}\n"
    "        if [[ $glue == 0 || ($part == [=:]* && ${#words[@]} -gt 0) ]]; then\n"
    "            words[${#words[@]} - 1]+=$part\n"
    "        else\n"
    "            words+=(\"$part\")\n"
    "        fi\n"
    "        glue=1\n"
    "        [[ $part == [=:] ]] && glue=0\n"
    "    done\n"
    "    local last=${words[${#words[@]} - 1]}\n"
    "    before=${last%\"${last##*[=:]}\"}\n"
    "    COMPREPLY=()\n"
    "    while IFS= read -r line; do\n"
    "        candidate=${line%%$'\\t'*}\n"
    "        case $candidate in\n"
    "        :files | :folders)\n"
    "            local flag=-f\n"
    "            [[ $candidate == :folders ]] && flag=-d\n"
    "            compopt -o filenames 2>/dev/null\n"
    "            while IFS= read -r path; do\n"
    "                COMPREPLY+=(\"$path\")\n"
    "            done < <(compgen $flag -- \"${last#\"$before\"}\")\n"
    "            ;;\n"
    "        *)\n"
    "            [[ $candidate == *= ]] && compopt -o nospace 2>/dev/null\n"
    "            COMPREPLY+=(\"${candidate#\"$before\"}\")\n"
    "            ;;\n"
    "        esac\n"
    "    done < <(\"${COMP_WORDS[0]/#\\~/$HOME}\" " GCL_COMPLETE_WORD
    " -- \"${words[@]}\" 2>/dev/null)\n"
    "}\n"
    "complete -F _ganocl ganocl\n";

static const char zsh[] =
    "#compdef ganocl\n"
    "# zsh completion of ganocl, written by `ganocl completion zsh`.\n"
    "_ganocl()\n"
    "{\n"
    "    local line word about\n"
    "    local -a plain keys\n"
    "    for line in ${(f)\"$(${(Q)words[1]} " GCL_COMPLETE_WORD
    " -- \"${(@Q)words[2,CURRENT]}\" 2>/dev/null)\"}; do\n"
    "        word=${line%%$'\\t'*}\n"
    "        about=${line#*$'\\t'}\n"
    "        case $word in\n"
    "        :files) [[ $PREFIX == --*=* ]] && compset -P '*='; _files ;;\n"
    "        :folders) [[ $PREFIX == --*=* ]] && compset -P '*='; _files -/ ;;\n"
    "        *=) keys+=(\"${word//:/\\\\:}:$about\") ;;\n"
    "        *) plain+=(\"${word//:/\\\\:}:$about\") ;;\n"
    "        esac\n"
    "    done\n"
    "    (( $#keys )) && _describe -t settings setting keys -S ''\n"
    "    (( $#plain )) && _describe -t words ganocl plain\n"
    "    return 0\n"
    "}\n"
    "if [[ $funcstack[1] == _ganocl ]]; then\n"
    "    _ganocl \"$@\"\n"
    "else\n"
    "    compdef _ganocl ganocl\n"
    "fi\n";

static const char fish[] =
    "# fish completion of ganocl, written by `ganocl completion fish`.\n"
    "function __ganocl_complete\n"
    "    set -l words (commandline -opc)\n"
    "    set -l last (commandline -ct)\n"
    "    for line in ($words[1] " GCL_COMPLETE_WORD " -- $words[2..-1] $last 2>/dev/null)\n"
    "        switch $line\n"
    "            case :files\n"
    "                __fish_complete_path $last\n"
    "            case :folders\n"
    "                __fish_complete_directories $last\n"
    "            case '*'\n"
    "                echo $line\n"
    "        end\n"
    "    end\n"
    "end\n"
    "complete -c ganocl -f -a '(__ganocl_complete)'\n";

int gcl_command_completion(const gcl_options *options, gcl_error *err)
{
    static const struct {
        const char *name, *script;
    } shells[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};
    const char *wanted = options->arguments[0];
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++) {
        if (strcmp(shells[i].name, wanted) != 0)
            continue;
        fputs(shells[i].script, stdout);
        return 0;
    }
    return gcl_fail(err, GCL_USAGE, "completion: '%s' is none of bash, zsh, fish", wanted);
}
