/*
 * reeve completion: scripts for shells. They ask the hidden `reeve complete`
 * for what could come next; it knows from the tables that parse the flags, and
 * from the daemon, if there is one: it never starts one.
 */

#include "client/complete.h"

#include "client/command.h"
#include "client/say.h"

#include <stdio.h>

/* clang-format off */
static const char bash_script[] =
	"# bash completion for reeve\n"
	"_reeve()\n"
	"{\n"
	"\tlocal word line i glue= cur strip words=()\n"
	"\tCOMPREPLY=()\n"
	"\t# bash takes words apart at = and :, reeve does not.\n"
	"\tfor ((i = 1; i <= COMP_CWORD; i++)); do\n"
	"\t\tword=${COMP_WORDS[i]}\n"
	"\t\tif ((${#words[@]})) && [[ $glue || $word == [=:]* ]]; then\n"
	"\t\t\twords[${#words[@]}-1]+=$word\n"
	"\t\telse\n"
	"\t\t\twords+=(\"$word\")\n"
	"\t\tfi\n"
	"\t\tglue=\n"
	"\t\t[[ $word == *[=:] ]] && glue=yes\n"
	"\tdone\n"
	"\tcur=${words[${#words[@]}-1]}\n"
	"\tstrip=${cur%\"${cur##*[=:]}\"}\n"
	"\twhile IFS= read -r line; do\n"
	"\t\tcase $line in\n"
	"\t\t:file) COMPREPLY+=($(compgen -f -- \"${cur#\"$strip\"}\"))\n"
	"\t\t\tcompopt -o filenames 2>/dev/null ;;\n"
	"\t\t:command) COMPREPLY+=($(compgen -c -- \"$cur\")) ;;\n"
	"\t\t*) line=${line%%$'\\t'*}\n"
	"\t\t\t[[ $line == *[=:] ]] && compopt -o nospace 2>/dev/null\n"
	"\t\t\tCOMPREPLY+=(\"${line#\"$strip\"}\") ;;\n"
	"\t\tesac\n"
	"\tdone < <(\"${COMP_WORDS[0]}\" complete -- \"${words[@]}\" 2>/dev/null)\n"
	"}\n"
	"complete -F _reeve reeve\n";

static const char zsh_script[] =
	"#compdef reeve\n"
	"_reeve()\n"
	"{\n"
	"\tlocal line\n"
	"\tlocal -a lines open closed\n"
	"\tlines=(\"${(@f)$(${words[1]} complete -- "
	"\"${(@)words[2,CURRENT]}\" 2>/dev/null)}\")\n"
	"\tfor line in $lines; do\n"
	"\t\tcase $line in\n"
	"\t\t:file) _files ;;\n"
	"\t\t:command) _command_names -e ;;\n"
	"\t\t*[=:]$'\\t'*) open+=(\"${${line%%$'\\t'*}//:/\\\\:}:"
	"${line#*$'\\t'}\") ;;\n"
	"\t\t*) closed+=(\"${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}\") ;;\n"
	"\t\tesac\n"
	"\tdone\n"
	"\t(($#open)) && _describe -V reeve open -S ''\n"
	"\t(($#closed)) && _describe -V reeve closed\n"
	"}\n"
	"if [ \"$funcstack[1]\" = _reeve ]; then\n"
	"\t_reeve \"$@\"\n"
	"else\n"
	"\tcompdef _reeve reeve\n"
	"fi\n";

static const char fish_script[] =
	"# fish completion for reeve\n"
	"function __reeve_complete\n"
	"\tset -l words (commandline -opc) (commandline -ct)\n"
	"\tfor line in ($words[1] complete -- $words[2..-1] 2>/dev/null)\n"
	"\t\tswitch $line\n"
	"\t\t\tcase :file\n"
	"\t\t\t\t__fish_complete_path (commandline -ct)\n"
	"\t\t\tcase :command\n"
	"\t\t\t\tcomplete -C (commandline -ct)\n"
	"\t\t\tcase '*'\n"
	"\t\t\t\tprintf '%s\\n' $line\n"
	"\t\tend\n"
	"\tend\n"
	"end\n"
	"complete -c reeve -f -k -a '(__reeve_complete)'\n";
/* clang-format on */

static int run_completion(struct tool *tool, void *options, int argc,
			  char **argv)
{
	static const struct {
		const char *shell, *script;
	} scripts[] = {
		{"bash", bash_script},
		{"zsh", zsh_script},
		{"fish", fish_script},
	};

	(void)options;
	for (size_t i = 0; argc == 1 && i < ARRAY_COUNT(scripts); i++) {
		if (strcmp(argv[0], scripts[i].shell) == 0) {
			fputs(scripts[i].script, stdout);
			return 0;
		}
	}
	return say_usage(tool, "Like: eval \"$(reeve completion bash)\"",
			 "completion takes one of bash, zsh and fish");
}

static int run_complete(struct tool *tool, void *options, int argc, char **argv)
{
	(void)options;
	complete_print(tool, argc, argv);
	return 0;
}

const struct command command_completion = {
	.name = "completion",
	.group = "System",
	.synopsis = "bash|zsh|fish",
	.summary = "Print a script that lets a shell complete words.",
	.text = "  eval \"$(reeve completion bash)\"       in ~/.bashrc\n"
		"  reeve completion fish >~/.config/fish/completions/"
		"reeve.fish\n",
	.run = run_completion,
};

/* Not in the help: for those scripts. */
const struct command command_complete = {
	.name = "complete",
	.synopsis = "-- WORD...",
	.summary = "What could the last word be?",
	.stop_early = true,
	.run = run_complete,
};
