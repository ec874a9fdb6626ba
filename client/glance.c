#include "client/glance.h"

#include "client/clock.h"
#include "client/field.h"
#include "client/job.h"
#include "client/words.h"
#include "proto/json_in.h"
#include "proto/json_out.h"
#include "proto/utf8.h"

#include <inttypes.h>
#include <stdio.h>

/* Jobs that say nothing are looked at less and less often. */
#define GLANCE_VAIN_MAX 4

int glance_fd(const struct glance *glance)
{
	return glance->stream ? reeve_stream_fd(glance->stream) : -1;
}

void glance_fini(struct glance *glance)
{
	reeve_stream_close(TAKE(glance->stream));
}

/* Of these jobs, or of this group if @count is 0; who refuses is asked now and
 * then. What is shown are parts, and whether a single one runs. */
static void listen(struct glance *glance, struct reeve *r, const int64_t *ids,
		   size_t count, int64_t group)
{
	struct json_out out = {0};

	glance->tried = true;
	json_out_object(&out);
	json_out_member_raw(&out, "kinds",
			    SLICE("[\"progress\",\"started\",\"retrying\"]"));
	if (count) {
		json_out_key(&out, "jobs");
		json_out_array(&out);
		for (size_t i = 0; i < count; i++)
			json_out_int(&out, ids[i]);
		json_out_array_end(&out);
	} else {
		json_out_member_int(&out, "group", group);
	}
	json_out_object_end(&out);
	json_out_byte(&out, '\0');
	if (!json_out_ok(&out) ||
	    reeve_stream_open(r, "org.reeve.events.Subscribe", out.p,
			      &glance->stream) != 0)
		glance->stream = NULL;
	json_out_fini(&out);
}

/* The first reply has no events: what was before it is worth one look. */
static void hear(struct glance *glance)
{
	const char *reply;
	int result;

	while ((result = reeve_stream_next(glance->stream, 0, &reply)) == 0)
		glance->news = true;
	if (result != REEVE_E_TIMEOUT && result != REEVE_E_INTERRUPTED)
		glance_fini(glance);
}

static bool is_time(struct glance *glance, const struct progress *progress,
		    const int64_t *ids, size_t count, int64_t group,
		    int64_t now_ms)
{
	if (!progress_wanted(progress))
		return false;
	if (glance->stream)
		hear(glance);
	if (now_ms < glance->next_ms || (glance->stream && !glance->news))
		return false;
	if (!glance->tried)
		listen(glance, progress->tool->r, ids, count, group);
	glance->news = false;
	glance->next_ms = now_ms + GLANCE_MS;
	return true;
}

static void count_vain(struct glance *glance, bool vain, int64_t now_ms)
{
	if (glance->stream) {
		glance->next_ms = now_ms + GLANCE_LEAST_MS;
		return;
	}
	glance->vain = !vain				    ? 0
		       : glance->vain < GLANCE_VAIN_MAX * 4 ? glance->vain + 1
							    : glance->vain;
	glance->next_ms = now_ms + GLANCE_MS * (1 + glance->vain / 4);
}

static void take(struct progress *progress, const struct reeve_job *job,
		 int64_t now_ms)
{
	int64_t ran_ms = words_time_ms(job, clock_wall_ms());
	size_t n = utf8_cut(slice_of(job->note), PROGRESS_NOTE_BYTES - 1);

	if (progress->fraction != job->progress || !progress->told_ms ||
	    strncmp(progress->note, job->note, n) != 0 || progress->note[n])
		progress->told_ms = now_ms;
	progress->fraction = job->progress;
	memcpy(progress->note, job->note, n);
	progress->note[n] = '\0';
	snprintf(progress->state, sizeof(progress->state), "%s",
		 words_state(job->state));
	progress->since_ms = 0;
	if (job->state == REEVE_RUNNING && ran_ms >= 0 && ran_ms < now_ms)
		progress->since_ms = now_ms - ran_ms;
}

bool glance_job(struct glance *glance, struct progress *progress, int64_t id,
		int64_t now_ms)
{
	AUTO(reeve_job_free) struct reeve_job *job = NULL;
	char params[48];
	const char *reply;
	struct json_iter iter;
	struct slice item;

	if (!is_time(glance, progress, &id, 1, 0, now_ms))
		return progress->fraction >= 0 || progress->note[0];
	snprintf(params, sizeof(params), "{\"ids\":[%" PRId64 "]}", id);
	if (reeve_call(progress->tool->r, "org.reeve.jobs.Get", params,
		       &reply) == 0) {
		iter = json_enter(field_list(slice_of(reply), "jobs"));
		if (json_item(&iter, &item) && job_decode(item, &job) == 0)
			take(progress, job, now_ms);
	}
	count_vain(glance, progress->fraction < 0 && !progress->note[0],
		   now_ms);
	return progress->fraction >= 0 || progress->note[0];
}

static double float_of(struct slice object, const char *name)
{
	struct slice value;
	double number;

	if (!json_find(object, name, &value) || json_float(value, &number) ||
	    !(number >= 0 && number <= 1))
		return 0;
	return number;
}

/* Return: false: no memory. */
static bool write_running(struct json_out *out, const int64_t *ids,
			  size_t count)
{
	json_out_object(out);
	json_out_key(out, "filter");
	json_out_object(out);
	json_out_key(out, "ids");
	json_out_array(out);
	for (size_t i = 0; i < count; i++)
		json_out_int(out, ids[i]);
	json_out_array_end(out);
	json_out_key(out, "states");
	json_out_array(out);
	json_out_string(out, SLICE("running"));
	json_out_array_end(out);
	json_out_object_end(out);
	json_out_member_int(out, "limit", GLANCE_JOBS);
	json_out_object_end(out);
	json_out_byte(out, '\0');
	return json_out_ok(out);
}

void glance_jobs(struct glance *glance, struct progress *progress,
		 const int64_t *ids, size_t count, int64_t now_ms)
{
	struct json_out out = {0};
	const char *reply;
	struct json_iter iter;
	struct slice item;

	if (count > GLANCE_JOBS ||
	    !is_time(glance, progress, ids, count, 0, now_ms))
		return;
	if (write_running(&out, ids, count) &&
	    reeve_call(progress->tool->r, "org.reeve.jobs.List", out.p,
		       &reply) == 0) {
		progress->part = 0;
		iter = json_enter(field_list(slice_of(reply), "jobs"));
		while (json_item(&iter, &item))
			progress->part += float_of(item, "progress");
		if (!glance->looked)
			progress->before = (double)progress->done +
					   progress->part;
		glance->looked = true;
	}
	json_out_fini(&out);
	count_vain(glance, progress->part <= 0, now_ms);
}

double glance_part(struct slice group)
{
	struct slice counts = field_object(group, "counts");
	struct json_iter iter = json_enter(counts);
	int64_t running = field_int(counts, "running");
	int64_t ended = field_int(counts, "succeeded") +
			field_int(counts, "failed") +
			field_int(counts, "cancelled");
	int64_t all = 0, n, total = field_int(group, "total");
	struct slice key, value;
	double part;

	while (json_member(&iter, &key, &value))
		all += json_int(value, &n) == 0 ? n : 0;
	if (!field_bool(group, "closed") && total > all)
		all = total;
	part = float_of(group, "progress") * (double)all - (double)ended;
	if (part > (double)running)
		part = (double)running;
	return part > 0 ? part : 0;
}

void glance_group(struct glance *glance, struct progress *progress,
		  int64_t group, int64_t now_ms)
{
	char params[48];
	const char *reply;

	if (!group || !is_time(glance, progress, NULL, 0, group, now_ms))
		return;
	snprintf(params, sizeof(params), "{\"group\":%" PRId64 "}", group);
	if (reeve_call(progress->tool->r, "org.reeve.jobs.GetGroup", params,
		       &reply) == 0)
		progress->part =
			glance_part(field_object(slice_of(reply), "group"));
	count_vain(glance, progress->part <= 0, now_ms);
}
