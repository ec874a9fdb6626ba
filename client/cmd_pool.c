/* reeve pool ls, show, scale, reload, drain, resume. */

#include "client/command.h"
#include "client/field.h"
#include "client/say.h"
#include "client/served.h"
#include "client/staff_list.h"
#include "client/suggest.h"
#include "proto/json_in.h"
#include "proto/json_out.h"

#include <inttypes.h>
#include <stdio.h>

#define POOL_WORKERS_MOST 4096

/* ---- show ---- */

static bool find(struct arena *arena, const char *reply, const char *member,
		 const char *key, const char *name, struct slice *ret)
{
	struct json_iter iter = json_enter(field_list(slice_of(reply), member));

	while (json_item(&iter, ret)) {
		if (strcmp(field_text(arena, *ret, key), name) == 0)
			return true;
	}
	return false;
}

static void print_pool(const struct tool *tool, struct arena *arena,
		       struct slice pool)
{
	const char *state = field_text(arena, pool, "state");
	const char *reason = field_text(arena, pool, "reason");

	printf("pool %s%s%s\n", render_begin(&tool->out, RENDER_BLUE),
	       field_text(arena, pool, "name"), render_end(&tool->out));
	printf("  state      %s%s%s%s%s\n",
	       render_begin(&tool->out, staff_colour(state)), state,
	       render_end(&tool->out), reason[0] ? ": " : "", reason);
	printf("  kind       %s\n", field_text(arena, pool, "kind"));
	printf("  handlers   %s\n", staff_handlers(arena, pool));
	printf("  workers    %" PRId64 " serve, %" PRId64 " busy; %" PRId64
	       " wanted of %" PRId64 "..%" PRId64 "\n",
	       field_int(pool, "workers"), field_int(pool, "busy"),
	       field_int(pool, "wanted"), field_int(pool, "min"),
	       field_int(pool, "max"));
	printf("  waiting    %" PRId64 " %s\n", field_int(pool, "waiting"),
	       field_int(pool, "waiting") == 1 ? "job" : "jobs");
}

/* Its workers: a line each, or, as JSON, the items with commas. */
static int print_workers(struct tool *tool, struct arena *arena,
			 const char *name)
{
	struct json_iter iter;
	struct slice worker;
	const char *reply, *before = "";

	if (reeve_call(tool->r, "org.reeve.admin.Workers", NULL, &reply) != 0)
		return say_error(tool);
	iter = json_enter(field_list(slice_of(reply), "workers"));
	while (json_item(&iter, &worker)) {
		const char *state = field_text(arena, worker, "state");

		if (strcmp(field_text(arena, worker, "pool"), name) != 0)
			continue;
		if (tool->json) {
			printf("%s%.*s", before, (int)worker.n, worker.p);
			before = ",";
			continue;
		}
		printf("  %s/%-4" PRId64 " pid %" PRId64 "  %s%s%s", name,
		       field_int(worker, "slot"), field_int(worker, "pid"),
		       render_begin(&tool->out, staff_colour(state)), state,
		       render_end(&tool->out));
		if (field_int(worker, "job"))
			printf(" with job %" PRId64 ", %" PRId64 " behind it",
			       field_int(worker, "job"),
			       field_int(worker, "queued"));
		printf("; %" PRId64 " done\n", field_int(worker, "jobs_done"));
	}
	return 0;
}

static int show(struct tool *tool, const char *name)
{
	struct arena arena = {0};
	struct slice pool;
	const char *reply;
	int result = 0;

	if (reeve_call(tool->r, "org.reeve.admin.Pools", NULL, &reply) != 0)
		return say_error(tool);
	if (!find(&arena, reply, "pools", "name", name, &pool)) {
		arena_fini(&arena);
		return served_missing(tool, SERVED_POOL, name);
	}
	if (tool->json)
		printf("{\"v\":1,\"pool\":%.*s,\"workers\":[", (int)pool.n,
		       pool.p);
	else
		print_pool(tool, &arena, pool);
	result = print_workers(tool, &arena, name);
	if (result == 0 && tool->json)
		printf("]}\n");
	arena_fini(&arena);
	return result;
}

/* ---- What changes one ---- */

static int call(struct tool *tool, const char *method, struct json_out *out,
		const char *name, int64_t *ret_count)
{
	const char *reply;
	int result = 0;

	json_out_object_end(out);
	json_out_byte(out, '\0');
	if (!json_out_ok(out))
		result = say_memory(tool);
	else if (reeve_call(tool->r, method, out->p, &reply) != 0)
		result = served_fail(tool, name);
	else
		*ret_count = field_int(slice_of(reply), "count");
	json_out_fini(out);
	return result;
}

static struct json_out begin(const char *name)
{
	struct json_out out = {0};

	json_out_object(&out);
	json_out_member_text(&out, "pool", name);
	return out;
}

static bool read_bound(const char *text, size_t n, int64_t least, int64_t *ret)
{
	char digits[16];

	if (n == 0)
		return true;
	if (n >= sizeof(digits))
		return false;
	snprintf(digits, sizeof(digits), "%.*s", (int)n, text);
	return args_int(digits, ret) && *ret >= least &&
	       *ret <= POOL_WORKERS_MOST;
}

/* "4", "2..8", "2..", "..8"; -1: not given. As in the configuration. */
static int read_size(struct tool *tool, const char *text, int64_t *min,
		     int64_t *max)
{
	const char *dots = strstr(text, "..");
	bool good;

	*min = *max = -1;
	if (dots)
		good = read_bound(text, (size_t)(dots - text), 0, min) &&
		       read_bound(dots + 2, strlen(dots + 2), 1, max);
	else
		good = read_bound(text, strlen(text), 1, max);
	if (!dots)
		*min = *max;
	if (!good || (*min < 0 && *max < 0) || (*max >= 0 && *min > *max))
		return say_usage(tool,
				 "Like: reeve pool scale img 4, or 2..8, ..8, "
				 "2..",
				 "'%s' is no number of workers (1 to %d; the "
				 "least may be 0: 0..4)",
				 text, POOL_WORKERS_MOST);
	return 0;
}

/* "4 workers", "2 to 8 workers", "at least 2 workers". */
static void print_size(const char *name, int64_t min, int64_t max)
{
	const char *many = max == 1 || (max < 0 && min == 1) ? "" : "s";

	printf("%s is to have ", name);
	if (max < 0)
		printf("at least %" PRId64, min);
	else if (min < 0)
		printf("at most %" PRId64, max);
	else if (min == max)
		printf("%" PRId64, max);
	else
		printf("%" PRId64 " to %" PRId64, min, max);
	printf(" worker%s, until the configuration says another number or the "
	       "daemon starts anew\n",
	       many);
}

/* Those are as the file says, and the file says it at the start. */
static int refuse_exec(struct tool *tool)
{
	return say_usage(tool,
			 "How many there are: pools.exec.workers in the "
			 "configuration, from the next start on. What is to "
			 "wait: reeve queue pause",
			 "pool exec runs commands: it is not scaled, reloaded "
			 "or drained");
}

static int scale(struct tool *tool, const char *name, const char *size)
{
	struct json_out out;
	int64_t min, max, count;
	int result;

	if (!size)
		return say_usage(tool, "Like: reeve pool scale img 2..8",
				 "how many workers?");
	result = read_size(tool, size, &min, &max);
	if (result != 0)
		return result;
	out = begin(name);
	if (min >= 0)
		json_out_member_int(&out, "min", min);
	if (max >= 0)
		json_out_member_int(&out, "max", max);
	result = call(tool, "org.reeve.admin.Resize", &out, name, &count);
	if (result == 0 && tool->json)
		printf("{\"v\":1}\n");
	else if (result == 0)
		print_size(name, min, max);
	return result;
}

static int reload(struct tool *tool, const char *name)
{
	struct json_out out = begin(name);
	int64_t count = 0;
	int result = call(tool, "org.reeve.admin.Recycle", &out, name, &count);

	if (result == 0 && tool->json)
		printf("{\"v\":1,\"count\":%" PRId64 "}\n", count);
	else if (result == 0)
		printf("%s: %" PRId64
		       " worker%s, each replaced when another one serves\n",
		       name, count, count == 1 ? "" : "s");
	return result;
}

static int drain(struct tool *tool, const char *name, bool enable)
{
	struct json_out out = begin(name);
	int64_t count;
	int result;

	json_out_member_bool(&out, "enable", enable);
	result = call(tool, "org.reeve.admin.DrainPool", &out, name, &count);
	if (result == 0 && tool->json)
		printf("{\"v\":1}\n");
	else if (result == 0)
		printf("%s %s\n", name,
		       enable ? "starts nothing more; what its workers have "
				"they finish"
			      : "goes on");
	return result;
}

/* ---- Which of them ---- */

static const char *const verbs[] = {"ls",     "show",  "scale",
				    "reload", "drain", "resume"};

static int unknown(const struct tool *tool, const char *verb)
{
	struct suggest suggest;
	char hint[96] = "They are ls, show, scale, reload, drain, resume";

	suggest_init(&suggest, verb, strlen(verb));
	for (size_t i = 0; i < ARRAY_COUNT(verbs); i++)
		suggest_try(&suggest, verbs[i]);
	if (suggest.best)
		snprintf(hint, sizeof(hint), "Did you mean: reeve pool %s?",
			 suggest.best);
	return say_usage(tool, hint, "there is no command 'pool %s'", verb);
}

static int run(struct tool *tool, void *options, int argc, char **argv)
{
	const char *verb = argc > 0 ? argv[0] : "ls";
	const char *name = argc > 1 ? argv[1] : NULL;
	int most = 2, result;
	size_t i = 0;

	while (i < ARRAY_COUNT(verbs) && strcmp(verb, verbs[i]) != 0)
		i++;
	if (i == ARRAY_COUNT(verbs))
		return unknown(tool, verb);
	if (strcmp(verb, "ls") == 0)
		most = 1;
	else if (strcmp(verb, "scale") == 0)
		most = 3;
	if (argc > most)
		return say_usage(tool, "See: reeve help pool",
				 "'%s' is one word too many", argv[most]);
	if (most == 1)
		return staff_list(tool, options, &staff_pools);
	if (!name)
		return say_usage(tool, "Which there are: reeve pool ls",
				 "which pool?");
	result = tool_connect(tool);
	if (result != 0)
		return result;
	if (strcmp(verb, "show") == 0)
		return show(tool, name);
	if (strcmp(name, "exec") == 0)
		return refuse_exec(tool);
	if (strcmp(verb, "scale") == 0)
		return scale(tool, name, argv[2]);
	if (strcmp(verb, "reload") == 0)
		return reload(tool, name);
	return drain(tool, name, strcmp(verb, "drain") == 0);
}

const struct command command_pool = {
	.name = "pool",
	.group = "Workers",
	.synopsis = "ls|show|scale|reload|drain|resume [FLAG]... [POOL "
		    "[N|MIN..MAX]]",
	.list_flags = true,
	.options_bytes = sizeof(struct table_args),
	.summary = "List the pools of workers, size, renew and stop them.",
	.text = "  reeve pool ls\n"
		"  reeve pool show img\n"
		"  reeve pool scale img 2..8\n"
		"  reeve pool reload img\n",
	.run = run,
};
