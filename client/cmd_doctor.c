/* reeve doctor: what is amiss, and how to mend it. Works without a daemon. */

#include "client/command.h"
#include "client/doctor.h"
#include "proto/json_out.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define DOCTOR_SECONDS 10 /* for a daemon that does not answer */

static const char *const grades[] = {
	[DOCTOR_OK] = "ok",
	[DOCTOR_WARN] = "warn",
	[DOCTOR_FAIL] = "fail",
};

static void print_json(struct doctor *doctor, enum doctor_grade grade,
		       const char *name, const char *message, const char *fix)
{
	struct json_out out = {0};

	json_out_object(&out);
	json_out_member_text(&out, "name", name);
	json_out_member_text(&out, "status", grades[grade]);
	json_out_member_text(&out, "message", message);
	if (fix)
		json_out_member_text(&out, "fix", fix);
	json_out_object_end(&out);
	json_out_byte(&out, '\0');
	printf("%s%s", doctor->any ? "," : "", json_out_ok(&out) ? out.p : "");
	json_out_fini(&out);
}

static void print_line(const struct screen *screen, enum doctor_grade grade,
		       const char *name, const char *message, const char *fix)
{
	static const char *const glyphs[] = {"\u2713", "!", "\u2717"};
	static const char *const ascii[] = {"+", "!", "x"};
	static const enum render_colour colours[] = {RENDER_GREEN,
						     RENDER_YELLOW, RENDER_RED};

	if (!screen->terminal) {
		printf("%s\t%s\t%s\t%s\n", grades[grade], name, message,
		       fix ? fix : "");
		return;
	}
	printf("%s%s%s %-9s %s\n", render_begin(screen, colours[grade]),
	       (screen->unicode ? glyphs : ascii)[grade], render_end(screen),
	       name, message);
	if (fix)
		printf("            %s\n", fix);
}

void doctor_find(struct doctor *doctor, enum doctor_grade grade,
		 const char *name, const char *fix, const char *format, ...)
{
	char message[DOCTOR_TEXT_BYTES * 2];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	doctor->failures += grade == DOCTOR_FAIL;
	doctor->warnings += grade == DOCTOR_WARN;
	if (doctor->tool->json)
		print_json(doctor, grade, name, message, fix);
	else
		print_line(&doctor->tool->out, grade, name, message, fix);
	doctor->any = true;
}

static int run(struct tool *tool, void *options, int argc, char **argv)
{
	struct doctor doctor = {.tool = tool};

	(void)options;
	(void)argc;
	(void)argv;
	alarm(DOCTOR_SECONDS);
	if (tool->json)
		printf("{\"v\":1,\"checks\":[");
	doctor_config(&doctor);
	doctor_socket(&doctor);
	doctor_daemon(&doctor);
	doctor_state(&doctor);
	doctor_leftover(&doctor);
	doctor_kernel(&doctor);
	doctor_cgroups(&doctor);
	doctor_limits(&doctor);
	doctor_clock(&doctor);
	if (tool->json)
		printf("],\"ok\":%s}\n", doctor.failures ? "false" : "true");
	else if (tool->out.terminal)
		printf("%d failed, %d to be looked at\n", doctor.failures,
		       doctor.warnings);
	return doctor.failures ? EXIT_FAILED : EXIT_FINE;
}

const struct command command_doctor = {
	.name = "doctor",
	.group = "System",
	.synopsis = "",
	.summary = "Look for what is amiss, and say how to mend it.",
	.run = run,
};
