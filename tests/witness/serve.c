/*
 * The smallest server that proto/ can make: org.varlink.certification and
 * org.varlink.service on a Unix socket, one connection after the other, until
 * standard input ends. So a foreign client can judge framing, reader, writer
 * and tables without the daemon.
 */

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "proto/calls_service.h"
#include "proto/certification.h"
#include "proto/frame.h"
#include "proto/json_in.h"

static struct certification certification;

static void end_reply(struct json_out *out, char terminator, bool continues)
{
	json_out_object_end(out);
	if (continues)
		json_out_member_bool(out, "continues", true);
	json_out_object_end(out);
	json_out_byte(out, terminator);
}

static void begin_reply(struct json_out *out, const char *error)
{
	json_out_object(out);
	if (error)
		json_out_member_text(out, "error", error);
	json_out_key(out, "parameters");
	json_out_object(out);
}

static void certify(const struct schema_method *method,
		    const struct call_envelope *call, char terminator,
		    struct arena *arena, struct json_out *out)
{
	struct call_certification params = {0};
	struct schema_fault fault;
	unsigned replies = 0;
	int r = 0;

	if (method->in)
		r = schema_decode(method->in, arena, call->parameters, "",
				  &params, &fault);
	if (r == 0)
		r = certification_check(&certification, method, &params,
					call->more, call->oneway, &replies);
	if (r) {
		begin_reply(out,
			    "org.varlink.certification.CertificationError");
		certification_write_wrong(method, out);
		end_reply(out, terminator, false);
		return;
	}
	for (unsigned i = 0; i < replies && !call->oneway; i++) {
		begin_reply(out, NULL);
		certification_write(&certification, method, i, out);
		end_reply(out, terminator, i + 1 < replies);
	}
}

static void describe(const struct schema_method *method,
		     const struct call_envelope *call, char terminator,
		     struct arena *arena, struct json_out *out)
{
	struct call_get_interface_description params = {0};
	const struct schema_interface *interface = NULL;
	struct schema_fault fault;

	if (method->in && schema_decode(method->in, arena, call->parameters, "",
					&params, &fault) == 0)
		interface = calls_interface(params.interface);
	if (method->in && !interface) {
		begin_reply(out, "org.varlink.service.InterfaceNotFound");
		json_out_member_string(out, "interface", params.interface);
	} else if (interface) {
		begin_reply(out, NULL);
		json_out_member_text(out, "description", interface->text);
	} else {
		begin_reply(out, NULL);
		json_out_member_text(out, "vendor", "reeve");
		json_out_member_text(out, "product", "witness");
		json_out_member_text(out, "version", REEVE_VERSION);
		json_out_member_text(out, "url", "");
		json_out_key(out, "interfaces");
		json_out_array(out);
		for (size_t i = 0; calls_interfaces[i]; i++)
			json_out_string(out,
					slice_of(calls_interfaces[i]->name));
		json_out_array_end(out);
	}
	end_reply(out, terminator, false);
}

/* false: not a call; the connection ends. */
static bool answer(struct slice message, char terminator, struct json_out *out)
{
	struct call_envelope call = {0};
	const struct schema_method *method;
	struct schema_fault fault;
	struct json_fault bad;
	struct arena arena = {0};
	bool good;

	good = json_check(message, &bad) == 0 &&
	       schema_decode(&call_envelope_type, &arena, json_trim(message),
			     "", &call, &fault) == 0;
	if (good && calls_find(call.method, &method)) {
		begin_reply(out, "org.varlink.service.MethodNotFound");
		json_out_member_string(out, "method", call.method);
		end_reply(out, terminator, false);
	} else if (good && strstr(method->interface, "certification")) {
		certify(method, &call, terminator, &arena, out);
	} else if (good) {
		describe(method, &call, terminator, &arena, out);
	}
	arena_fini(&arena);
	return good;
}

static void serve(int fd)
{
	static char buffer[1 << 20];
	struct json_out out = {0};
	struct frame frame;
	size_t have = 0;
	ssize_t n;

	frame_init(&frame, FRAME_UNKNOWN, sizeof(buffer) - 1);
	while ((n = read(fd, buffer + have, sizeof(buffer) - have)) > 0) {
		struct slice message;
		size_t start = 0, consumed;
		int r;

		have += (size_t)n;
		for (;;) {
			r = frame_next(
				&frame,
				(struct slice){buffer + start, have - start},
				&message, &consumed);
			start += consumed;
			if (r ||
			    !answer(message, frame_terminator(&frame), &out))
				break;
		}
		memmove(buffer, buffer + start, have - start);
		have -= start;
		if (write(fd, out.p, out.n) != (ssize_t)out.n)
			break;
		json_out_reset(&out);
		if (r != FRAME_E_MORE)
			break;
	}
	json_out_fini(&out);
}

int main(int argc, char **argv)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct pollfd fds[2] = {{.fd = 0, .events = POLLIN},
				{.events = POLLIN}};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (argc < 2 || strlen(argv[1]) >= sizeof(address.sun_path) || fd < 0)
		return 2;
	memcpy(address.sun_path, argv[1], strlen(argv[1]));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(fd, 8))
		return 1;
	puts("ready");
	fflush(stdout);
	fds[1].fd = fd;
	while (poll(fds, 2, -1) > 0 && !fds[0].revents) {
		int connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

		if (connection < 0)
			continue;
		serve(connection);
		close(connection);
	}
	return 0;
}
