#include "daemon/config/check.h"

#include "daemon/config/report.h"

#include <stdio.h>

void check_problems(const struct settings *settings)
{
	char text[CONFIG_PATH_BYTES + 512];
	size_t kept = settings->problem_count;

	if (kept > SETTINGS_PROBLEMS_MAX)
		kept = SETTINGS_PROBLEMS_MAX;
	for (size_t i = 0; i < kept; i++) {
		settings_problem_text(settings, &settings->problems[i], text,
				      sizeof(text));
		fprintf(stderr, "reeved: %s\n", text);
	}
	if (settings->problem_count > kept)
		fprintf(stderr, "reeved: and %zu more problems\n",
			settings->problem_count - kept);
}

static void tell_json(const struct settings *settings)
{
	struct json_out out = {0};
	bool ok = settings->problem_count == 0;

	json_out_object(&out);
	json_out_member_int(&out, "v", 1);
	json_out_member_bool(&out, "ok", ok);
	report_problems(&out, settings);
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
