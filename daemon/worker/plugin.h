#pragma once

/*
 * Plugin: a shared object with handlers in C (client/reeve_plugin.h), loaded
 * once in the template and never unloaded. The owner of dlopen().
 */

#include "client/reeve_plugin.h"
#include "proto/base.h"

#define PLUGIN_HANDLERS_MAX 256
#define PLUGIN_WHY_BYTES 152

struct plugin {
	const struct reeve_plugin *plugin; /* its own, from its own memory */
	struct reeve_plugin copy;	   /* as far as this build knows it */
	const char *names[PLUGIN_HANDLERS_MAX + 1]; /* NULL behind */
	size_t handler_count;
};

enum {
	PLUGIN_E_REFUSED = 1, /* the text says why */
};

/**
 * plugin_load() - open it and look whether it is one of ours
 * @path:	a path, or a name that the dynamic linker searches
 * @ret_why:	terminated
 *
 * Return: 0 or PLUGIN_E_REFUSED.
 */
must_check int plugin_load(struct plugin *ret, const char *path,
			   char ret_why[PLUGIN_WHY_BYTES]);

/**
 * plugin_preload() - let it load what its workers share
 * @argv:	its path and its arguments, NULL behind
 *
 * Return: 0 or PLUGIN_E_REFUSED.
 */
must_check int plugin_preload(const struct plugin *plugin, char **argv,
			      char ret_why[PLUGIN_WHY_BYTES]);

/** plugin_init() - in a worker; 0 or PLUGIN_E_REFUSED */
must_check int plugin_init(const struct plugin *plugin, void **ret_data,
			   char ret_why[PLUGIN_WHY_BYTES]);

/** plugin_find() - the handler of that name; NULL: it has none */
const struct reeve_handler *plugin_find(const struct plugin *plugin,
					struct slice name);
