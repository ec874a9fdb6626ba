#include "proto/calls.h"

#include "proto/table.h"

enum {
	CALL_ENVELOPE_method,
	CALL_ENVELOPE_parameters,
	CALL_ENVELOPE_more,
	CALL_ENVELOPE_oneway,
	CALL_ENVELOPE_upgrade
};
static const struct schema_field envelope_fields[] = {
	IN_REQ(CALL_ENVELOPE, call_envelope, method, STRING),
	IN_OPT(CALL_ENVELOPE, call_envelope, parameters, OBJECT),
	IN_OPT(CALL_ENVELOPE, call_envelope, more, BOOL),
	IN_OPT(CALL_ENVELOPE, call_envelope, oneway, BOOL),
	IN_OPT(CALL_ENVELOPE, call_envelope, upgrade, BOOL),
};
const struct schema_type call_envelope_type = FIELDS_TYPE(NULL,
							  envelope_fields);

const struct schema_interface *const calls_interfaces[] = {
	&calls_service,
	&calls_admin,
	&calls_jobs,
	&calls_queues,
	&calls_consume,
	&calls_events,
#ifdef REEVE_TEST_HOOKS
	&calls_certification,
#endif
	NULL,
};

/* "org.reeve.jobs.Submit" at its last dot. */
static bool split(struct slice name, struct slice *ret_interface,
		  struct slice *ret_member)
{
	const char *dot = name.n ? memrchr(name.p, '.', name.n) : NULL;

	if (!dot)
		return false;
	ret_interface->p = name.p;
	ret_interface->n = (size_t)(dot - name.p);
	ret_member->p = dot + 1;
	ret_member->n = name.n - ret_interface->n - 1;
	return true;
}

const struct schema_interface *calls_interface(struct slice name)
{
	for (size_t i = 0; calls_interfaces[i]; i++) {
		if (slice_is(name, calls_interfaces[i]->name))
			return calls_interfaces[i];
	}
	return NULL;
}

int calls_find(struct slice name, const struct schema_method **ret)
{
	const struct schema_interface *interface;
	struct slice of, member;

	if (!split(name, &of, &member))
		return CALLS_E_NO_INTERFACE;
	interface = calls_interface(of);
	if (!interface)
		return CALLS_E_NO_INTERFACE;
	for (size_t i = 0; i < interface->method_count; i++) {
		if (slice_is(member, interface->methods[i].name)) {
			*ret = &interface->methods[i];
			return 0;
		}
	}
	return CALLS_E_NO_METHOD;
}

const struct schema_type *calls_error(struct slice name)
{
	const struct schema_interface *interface;
	struct slice of, member;

	if (!split(name, &of, &member))
		return NULL;
	interface = calls_interface(of);
	for (size_t i = 0; interface && i < interface->error_count; i++) {
		if (slice_is(member, interface->errors[i]->name))
			return interface->errors[i];
	}
	return NULL;
}
