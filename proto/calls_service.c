#include "proto/calls_service.h"

#include "proto/calls.h"
#include "proto/table.h"

static const struct schema_field get_info_out_fields[] = {
	OUT_REQ(vendor, STRING),
	OUT_REQ(product, STRING),
	OUT_REQ(version, STRING),
	OUT_REQ(url, STRING),
	OUT_REQ(interfaces, LIST, .item = SCHEMA_STRING),
};
static const struct schema_type get_info_out_type =
	FIELDS_TYPE(NULL, get_info_out_fields);

static const struct schema_field get_interface_description_in_fields[] = {
	IN_REQ(CALL_GET_INTERFACE_DESCRIPTION, call_get_interface_description,
	       interface, STRING, .max = LIMIT_NAME_BYTES),
};
static const struct schema_type get_interface_description_in_type =
	FIELDS_TYPE(NULL, get_interface_description_in_fields);

static const struct schema_field get_interface_description_out_fields[] = {
	OUT_REQ(description, STRING),
};
static const struct schema_type get_interface_description_out_type =
	FIELDS_TYPE(NULL, get_interface_description_out_fields);

static const struct schema_method methods[] = {
	{"org.varlink.service", "GetInfo", NULL, &get_info_out_type, true},
	{"org.varlink.service", "GetInterfaceDescription",
	 &get_interface_description_in_type,
	 &get_interface_description_out_type, true},
};

static const struct schema_field interface_not_found_error_fields[] = {
	OUT_REQ(interface, STRING),
};
static const struct schema_type interface_not_found_error_type =
	FIELDS_TYPE("InterfaceNotFound", interface_not_found_error_fields);

static const struct schema_field method_not_found_error_fields[] = {
	OUT_REQ(method, STRING),
};
static const struct schema_type method_not_found_error_type =
	FIELDS_TYPE("MethodNotFound", method_not_found_error_fields);

static const struct schema_field method_not_implemented_error_fields[] = {
	OUT_REQ(method, STRING),
};
static const struct schema_type method_not_implemented_error_type = FIELDS_TYPE(
	"MethodNotImplemented", method_not_implemented_error_fields);

static const struct schema_field invalid_parameter_error_fields[] = {
	OUT_REQ(parameter, STRING),
};
static const struct schema_type invalid_parameter_error_type =
	FIELDS_TYPE("InvalidParameter", invalid_parameter_error_fields);

static const struct schema_type permission_denied_error_type = {
	.name = "PermissionDenied"};

static const struct schema_type expected_more_error_type = {
	.name = "ExpectedMore"};

static const struct schema_type *const errors[] = {
	&interface_not_found_error_type,    &method_not_found_error_type,
	&method_not_implemented_error_type, &invalid_parameter_error_type,
	&permission_denied_error_type,	    &expected_more_error_type,
};

const struct schema_interface calls_service = {
	.name = "org.varlink.service",
	.text = idl_org_varlink_service,
	.methods = methods,
	.method_count = ARRAY_COUNT(methods),
	.errors = errors,
	.error_count = ARRAY_COUNT(errors),

};
