/* org.varlink.certification, so that foreign clients can judge this server. */

#include "daemon/broker/methods.h"
#include "daemon/broker/state.h"
#include "proto/certification.h"
#include "proto/limits.h"

/* One of the tests of a client; what it says must be what we told it before. */
static void run(struct call *call, void *params)
{
	struct certification *certification = &call->broker->certification;
	unsigned replies = 0;

	if (certification_check(certification, call->schema, params, call->more,
				call->oneway, &replies)) {
		certification_write_wrong(
			call->schema,
			call_error(call, "org.varlink.certification."
					 "CertificationError"));
		call_error_end(call, "not what the test expects", NULL);
		return;
	}
	for (unsigned i = 0; i < replies; i++) {
		certification_write(certification, call->schema, i,
				    call_reply(call, i + 1 < replies));
		call_reply_end(call);
	}
}

const struct call_method *call_certification_method(struct slice name)
{
	static const struct call_method method = {
		.kind = CALL_ALONE,
		.params_bytes = sizeof(struct call_certification),
		.streams = true,
		.run = run,
	};
	const struct schema_method *schema;

	if (calls_find(name, &schema) ||
	    strcmp(schema->interface, calls_certification.name) != 0)
		return NULL;
	return &method;
}
