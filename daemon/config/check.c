#include "daemon/config/check.h"

#include "daemon/config/report.h"

#include <stdio.h>

static void tell_list(const struct settings *settings,
		      const struct settings_problem *list, size_t count,
		      const char *word)
{
	char text[CONFIG_PATH_BYTES + 512];
	size_t kept = count < SETTINGS_PROBLEMS_MAX ? count
						    : SETTINGS_PROBLEMS_MAX;

	for (size_t i = 0; i < kept; i++) {
		settings_problem_text(settings, &list[i], text, sizeof(text));
		fprintf(stderr, "reeved: %s%s\n", word, text);
	}
	if (count > kept)
		fprintf(stderr, "reeved: %sand %zu more\n", word, count - kept);
}

void check_problems(const struct settings *settings)
{
	tell_list(settings, settings->problems, settings->problem_count, "");
}

static void tell_json(const struct settings *settings)
{
	struct json_out out = {0};
	bool ok = settings->problem_count == 0;

	json_out_object(&out);
	json_out_member_int(&out, "v", 1);
	json_out_member_bool(&out, "ok", ok);
	report_problems(&out, settings);
	report_warnings(&out, settings);
	/* With problems the values are no configuration. */
	if (ok)
		report_settings(&out,
				&(struct report_force){settings, settings});
	json_out_object_end(&out);
	if (json_out_ok(&out))
		printf("%.*s\n", (int)out.n, out.p);
	json_out_fini(&out);
}

bool check_tell(const struct settings *settings)
{
	if (settings->task == SETTINGS_CHECK_JSON) {
		tell_json(settings);
		return settings->problem_count == 0;
	}
	check_problems(settings);
	tell_list(settings, settings->warnings, settings->warning_count,
		  "warning: ");
	if (settings->problem_count)
		return false;
	printf("the configuration is good: ");
	if (settings->file_count == 0)
		printf("there is no file, the defaults hold\n");
	else
		printf("%zu %s\n", settings->file_count,
		       settings->file_count == 1 ? "file" : "files");
	for (size_t i = 0; i < settings->file_count; i++)
		printf("  %s\n", settings->files[i]);
	return true;
}
