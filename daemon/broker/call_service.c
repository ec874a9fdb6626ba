/* org.varlink.service: what a stranger can find out by asking. */

#include "daemon/broker/methods.h"
#include "proto/calls.h"
#include "proto/calls_service.h"

void call_get_info(struct call *call, void *params)
{
	struct json_out *out = call_reply(call, false);

	(void)params;
	json_out_member_text(out, "vendor", "reeve");
	json_out_member_text(out, "product", "reeved");
	json_out_member_text(out, "version", REEVE_VERSION);
	json_out_member_text(out, "url", "");
	json_out_key(out, "interfaces");
	json_out_array(out);
	for (size_t i = 0; calls_interfaces[i]; i++)
		json_out_string(out, slice_of(calls_interfaces[i]->name));
	json_out_array_end(out);
	call_reply_end(call);
}

void call_get_interface_description(struct call *call, void *params)
{
	struct call_get_interface_description *p = params;
	const struct schema_interface *interface =
		calls_interface(p->interface);
	struct json_out *out;

	if (!interface) {
		out = call_error(call, "org.varlink.service.InterfaceNotFound");
		json_out_member_string(out, "interface", p->interface);
		call_error_end(call, "no such interface",
			       "org.varlink.service.GetInfo lists them");
		return;
	}
	out = call_reply(call, false);
	json_out_member_text(out, "description", interface->text);
	call_reply_end(call);
}
