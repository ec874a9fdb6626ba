#include "daemon/config/callbacks_read.h"

#include "daemon/config/callback_rule.h"
#include "proto/json_in.h"

#include <errno.h>
#include <stdio.h>

static void tell(const struct tree *tree, const struct document_hooks *hooks,
		 struct document_place list, int index,
		 const struct callback_rule_fault *fault)
{
	const struct tree_place *place;
	char path[TREE_PATH_BYTES];

	snprintf(path, sizeof(path), "[%d]%s%s", index,
		 fault->path[0] ? "." : "", fault->path);
	place = tree_find(tree, path);
	if (place)
		list = (struct document_place){place->line, place->column};
	hooks->problem(hooks->context, list, fault->message);
}

static int check(struct slice item, bool has_on,
		 size_t counts[CALLBACK_WHEN_COUNT],
		 struct callback_rule_fault *fault)
{
	struct json_out spec = {0};
	unsigned whens;
	int r = callback_rule(item, has_on, "/", &spec, &whens, fault);

	json_out_fini(&spec);
	/* Without `on` all are of one list. */
	for (size_t i = 0; r == 0 && i < CALLBACK_WHEN_COUNT; i++) {
		if (has_on && !(whens & 1u << i))
			continue;
		if (++counts[i] <= LIMIT_CALLBACKS)
			continue;
		*fault = (struct callback_rule_fault){.path = ""};
		snprintf(fault->message, sizeof(fault->message),
			 "there are more than %d callbacks of one end",
			 LIMIT_CALLBACKS);
		r = CALLBACK_RULE_E_BAD;
	}
	return r;
}

int callbacks_read(const struct tree *tree, bool has_on,
		   const struct document_hooks *hooks,
		   struct document_place list, char *items[CALLBACKS_READ_MAX])
{
	size_t counts[CALLBACK_WHEN_COUNT] = {0};
	struct json_iter iter;
	struct slice item;
	int n = 0, r = 0, index = 0;
	bool good = true;

	if (tree->fault) {
		hooks->problem(
			hooks->context,
			(struct document_place){tree->line, tree->column},
			tree->fault);
		return CALLBACKS_READ_E_BAD;
	}
	if (!json_out_ok(&tree->out))
		return -ENOMEM;
	iter = json_enter(json_out_slice(&tree->out));
	for (; r >= 0 && json_item(&iter, &item); index++) {
		struct callback_rule_fault fault = {.path = ""};

		r = check(item, has_on, counts, &fault);
		if (r > 0) {
			tell(tree, hooks, list, index, &fault);
			good = false;
			continue;
		}
		if (r == 0 && n < CALLBACKS_READ_MAX) {
			items[n] = strndup(item.p, item.n);
			r = items[n] ? 0 : -ENOMEM;
			n += r == 0;
		}
	}
	if (r >= 0 && good)
		return n;
	while (n > 0)
		free(items[--n]);
	return r < 0 ? r : CALLBACKS_READ_E_BAD;
}
