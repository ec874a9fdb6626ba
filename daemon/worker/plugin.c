#include "daemon/worker/plugin.h"

#include <dlfcn.h>
#include <stdio.h>

static int refuse(char ret_why[PLUGIN_WHY_BYTES], const char *why)
{
	/* What the dynamic linker says begins with the path: it may be cut. */
	snprintf(ret_why, PLUGIN_WHY_BYTES, "%s", why);
	return PLUGIN_E_REFUSED;
}

static int list_handlers(struct plugin *plugin, char ret_why[PLUGIN_WHY_BYTES])
{
	const struct reeve_handler *at = plugin->copy.handlers;

	for (; at && at->name; at++) {
		if (!at->handle || !at->name[0])
			return refuse(ret_why, "a handler of the plugin has no "
					       "name, or no function");
		if (plugin->handler_count == PLUGIN_HANDLERS_MAX)
			return refuse(ret_why, "the plugin has more than 256 "
					       "handlers");
		plugin->names[plugin->handler_count++] = at->name;
	}
	plugin->names[plugin->handler_count] = NULL;
	if (!plugin->handler_count)
		return refuse(ret_why, "the plugin has no handler");
	return 0;
}

int plugin_load(struct plugin *ret, const char *path,
		char ret_why[PLUGIN_WHY_BYTES])
{
	const struct reeve_plugin *found;
	void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	*ret = (struct plugin){0};
	if (!object)
		return refuse(ret_why, dlerror());
	found = dlsym(object, "reeve_plugin");
	if (!found)
		return refuse(ret_why, "it is no plugin: it has no symbol "
				       "reeve_plugin");
	if (found->abi != REEVE_PLUGIN_ABI) {
		snprintf(ret_why, PLUGIN_WHY_BYTES,
			 "the plugin was built for version %u of the plugin "
			 "interface, this daemon has version %d",
			 found->abi, REEVE_PLUGIN_ABI);
		return PLUGIN_E_REFUSED;
	}
	/* Members are only added: a shorter one is older, a longer one newer,
	 * and both are understood. */
	if (found->bytes < offsetof(struct reeve_plugin, preload))
		return refuse(ret_why, "the plugin says a size that no version "
				       "of its interface has");
	ret->plugin = found;
	memcpy(&ret->copy, found,
	       found->bytes < sizeof(ret->copy) ? found->bytes
						: sizeof(ret->copy));
	return list_handlers(ret, ret_why);
}

/* "preload failed: " and what the plugin wrote, or else its number. */
static int failed(char ret_why[PLUGIN_WHY_BYTES], const char *what, int r,
		  const char *text)
{
	if (text[0])
		snprintf(ret_why, PLUGIN_WHY_BYTES, "%s failed: %s", what,
			 text);
	else
		snprintf(ret_why, PLUGIN_WHY_BYTES, "%s failed: it returned %d",
			 what, r);
	return PLUGIN_E_REFUSED;
}

int plugin_preload(const struct plugin *plugin, char **argv,
		   char ret_why[PLUGIN_WHY_BYTES])
{
	char text[PLUGIN_WHY_BYTES] = "";
	struct reeve_why why = {text, sizeof(text)};
	int argc = 0, r;

	if (!plugin->copy.preload)
		return 0;
	while (argv[argc])
		argc++;
	r = plugin->copy.preload(argc, argv, &why);
	text[sizeof(text) - 1] = '\0';
	return r ? failed(ret_why, "preload", r, text) : 0;
}

int plugin_init(const struct plugin *plugin, void **ret_data,
		char ret_why[PLUGIN_WHY_BYTES])
{
	char text[PLUGIN_WHY_BYTES] = "";
	struct reeve_why why = {text, sizeof(text)};
	void *data = NULL;
	int r;

	if (plugin->copy.init) {
		r = plugin->copy.init(&data, &why);
		text[sizeof(text) - 1] = '\0';
		if (r)
			return failed(ret_why, "init", r, text);
	}
	*ret_data = data;
	return 0;
}

const struct reeve_handler *plugin_find(const struct plugin *plugin,
					struct slice name)
{
	for (size_t i = 0; i < plugin->handler_count; i++) {
		if (slice_is(name, plugin->names[i]))
			return &plugin->copy.handlers[i];
	}
	return NULL;
}
