#include "client/request_args.h"

#include "client/say.h"
#include "proto/json_in.h"
#include "proto/json_out.h"
#include "proto/limits.h"

#include <errno.h>
#include <stdio.h>

#define NAME_BYTES 120 /* a longer URL names no job */
#define HTTP_LIKE "Like: reeve submit --http POST https://example.org/hook"

void request_args_fini(struct request_args *request)
{
	while (request->word_count > 0)
		free(request->words[--request->word_count]);
	free(TAKE(request->name));
}

/* A member of the arguments, which is freed in the end. */
static int add(struct tool *tool, struct request_args *request,
	       struct job_args *job, struct json_out *word)
{
	json_out_byte(word, '\0');
	if (!json_out_ok(word) || !args_add(&job->handler.args, word->p)) {
		json_out_fini(word);
		return say_memory(tool);
	}
	request->words[request->word_count++] = TAKE(word->p);
	return 0;
}

static int add_text(struct tool *tool, struct request_args *request,
		    struct job_args *job, const char *name, const char *text)
{
	struct json_out word = {0};

	json_out_append(&word, slice_of(name));
	json_out_append(&word, SLICE("="));
	json_out_append(&word, slice_of(text));
	return add(tool, request, job, &word);
}

/* "Name: value" */
static int write_header(struct tool *tool, struct json_out *out,
			const char *header)
{
	size_t n = strcspn(header, ":");
	const char *value = header + n;

	if (n == 0 || !*value || !json_utf8(slice_of(header)))
		return say_usage(tool, "Like: --header 'Accept: text/plain'",
				 "--header takes 'NAME: VALUE', not '%s'",
				 header);
	value++;
	value += strspn(value, " \t");
	json_out_key_slice(out, (struct slice){header, n});
	json_out_string(out, slice_of(value));
	return 0;
}

static int add_headers(struct tool *tool, struct request_args *request,
		       struct job_args *job)
{
	struct json_out object = {0}, word = {0};
	int result = 0;

	if (request->headers.count == 0)
		return 0;
	json_out_object(&object);
	for (size_t i = 0; result == 0 && i < request->headers.count; i++)
		result = write_header(tool, &object, request->headers.items[i]);
	json_out_object_end(&object);
	if (result == 0) {
		json_out_append(&word, SLICE("headers:="));
		json_out_append(&word, json_out_slice(&object));
		result = json_out_ok(&object) ? add(tool, request, job, &word)
					      : say_memory(tool);
	}
	json_out_fini(&object);
	return result;
}

/* All of a file, as far as a job can be given so much. */
static int read_file(struct tool *tool, const char *name, struct json_out *out)
{
	FILE *file = strcmp(name, "-") == 0 ? stdin : fopen(name, "re");
	char buffer[16384];
	int result = 0;
	size_t n;

	if (!file)
		return say_fail(tool, EXIT_FAILED,
				"Check the spelling and the rights",
				"cannot open %s: %s", name, strerror(errno));
	while (result == 0 &&
	       (n = fread(buffer, 1, sizeof(buffer), file)) > 0) {
		json_out_append(out, (struct slice){buffer, n});
		if (out->n > LIMIT_SPEC_BYTES)
			result = say_fail(tool, EXIT_REFUSED,
					  "Let a command send it: reeve submit "
					  "curl --data-binary @FILE URL",
					  "%s holds more than the %d bytes "
					  "that a job can be given",
					  name, LIMIT_SPEC_BYTES);
	}
	if (result == 0 && ferror(file))
		result = say_fail(tool, EXIT_FAILED, "Is it a file?",
				  "cannot read %s: %s", name, strerror(errno));
	if (file != stdin)
		fclose(file);
	if (result == 0 && !json_out_ok(out))
		result = say_memory(tool);
	return result;
}

/* Bytes that are no text, and a text that is no word, go another way. */
static int add_bytes(struct tool *tool, struct request_args *request,
		     struct job_args *job, struct slice body)
{
	struct json_out word = {0};

	if (json_utf8(body) && !memchr(body.p, '\0', body.n)) {
		json_out_append(&word, SLICE("body="));
		json_out_append(&word, body);
	} else {
		json_out_append(&word, SLICE("body64:="));
		json_out_base64(&word, body);
	}
	return add(tool, request, job, &word);
}

static int add_body(struct tool *tool, struct request_args *request,
		    struct job_args *job)
{
	struct json_out bytes = {0};
	int result;

	if (!request->body)
		return 0;
	if (request->body[0] != '@')
		return add_bytes(tool, request, job, slice_of(request->body));
	result = read_file(tool, request->body + 1, &bytes);
	if (result == 0)
		result = add_bytes(tool, request, job,
				   bytes.p ? json_out_slice(&bytes)
					   : SLICE(""));
	json_out_fini(&bytes);
	return result;
}

int request_args_name(const char *method, const char *url, char **ret)
{
	const char *host = strstr(url, "://") + 3;
	size_t authority = strcspn(host, "/?#"), n;
	const char *at = memrchr(host, '@', authority);
	int scheme = (int)(host - url);

	*ret = NULL;
	if (at)
		host = at + 1;
	n = strcspn(host, "?#");
	if (n > NAME_BYTES || !json_utf8((struct slice){host, n}))
		return 0;
	if (asprintf(ret, "%s %.*s%.*s", method, scheme, url, (int)n, host) >=
	    0)
		return 0;
	*ret = NULL;
	return -ENOMEM;
}

static int make_name(struct tool *tool, struct request_args *request,
		     struct job_args *job, const char *url)
{
	if (job->name)
		return 0;
	if (request_args_name(request->method, url, &request->name) != 0)
		return say_memory(tool);
	job->name = request->name;
	return 0;
}

static int check(struct tool *tool, const struct request_args *request,
		 const struct job_args *job, int argc, char **argv)
{
	if (strstr(request->method, "://"))
		return say_usage(tool, HTTP_LIKE,
				 "--http takes the method, and the URL comes "
				 "behind it");
	if (job->handler.handler || job->handler.file)
		return say_usage(tool, "Leave it out",
				 "--http calls the handler http, and makes "
				 "its arguments");
	if (argc == 0)
		return say_usage(tool, HTTP_LIKE, "--http needs a URL");
	if (argc > 1)
		return say_usage(tool, HTTP_LIKE,
				 "--http takes one URL, and '%s' is one word "
				 "too many",
				 argv[1]);
	if (strncmp(argv[0], "http://", 7) != 0 &&
	    strncmp(argv[0], "https://", 8) != 0)
		return say_usage(tool, HTTP_LIKE,
				 "'%s' begins with neither http:// nor "
				 "https://",
				 argv[0]);
	return 0;
}

int request_args_read(struct tool *tool, struct request_args *request,
		      struct job_args *job, int argc, char **argv)
{
	int result;

	if (!request->method) {
		if (request->headers.count > 0 || request->body ||
		    request->secret)
			return say_usage(tool, HTTP_LIKE,
					 "--header, --body and --secret are "
					 "for --http");
		return 0;
	}
	result = check(tool, request, job, argc, argv);
	if (result == 0)
		result = add_text(tool, request, job, "url", argv[0]);
	if (result == 0)
		result = add_text(tool, request, job, "method",
				  request->method);
	if (result == 0)
		result = add_headers(tool, request, job);
	if (result == 0)
		result = add_body(tool, request, job);
	if (result == 0 && request->secret)
		result = add_text(tool, request, job, "secret",
				  request->secret);
	if (result == 0)
		result = make_name(tool, request, job, argv[0]);
	job->handler.handler = "http";
	return result;
}
