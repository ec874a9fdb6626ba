#include "client/pattern.h"

#include "proto/json_out.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

void pattern_init(struct pattern *pattern, const char *const *argv,
		  const char *shell)
{
	*pattern = (struct pattern){.argv = argv, .shell = shell};
	if (shell)
		pattern->has_item = strstr(shell, "{}") != NULL;
	for (size_t i = 0; !shell && argv[i]; i++)
		pattern->has_item |= strstr(argv[i], "{}") != NULL;
}

static void add(struct json_out *out, const char *text, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		json_out_byte(out, text[i]);
}

/* What no shell looks at stays as it is: so it works in $((...)), too. */
static bool is_plain(const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_@%+:,./-";

	return text[0] && strspn(text, plain) == strlen(text);
}

static void add_quoted(struct json_out *out, const char *text)
{
	if (is_plain(text)) {
		add(out, text, strlen(text));
		return;
	}
	json_out_byte(out, '\'');
	for (; *text; text++) {
		if (*text == '\'')
			add(out, "'\\''", 4);
		else
			json_out_byte(out, *text);
	}
	json_out_byte(out, '\'');
}

static void add_item(struct json_out *out, const char *item, bool quoted)
{
	if (quoted)
		add_quoted(out, item);
	else
		add(out, item, strlen(item));
}

/* @text with its places filled, into the arena. */
static int fill(struct arena *arena, const char *text, const char *item,
		int64_t number, bool quoted, bool append, const char **ret)
{
	struct json_out out = {0};
	struct slice copy;
	char digits[24];
	int result = -ENOMEM;

	snprintf(digits, sizeof(digits), "%" PRId64, number);
	while (*text) {
		if (strncmp(text, "{}", 2) == 0) {
			add_item(&out, item, quoted);
			text += 2;
		} else if (strncmp(text, "{#}", 3) == 0) {
			add(&out, digits, strlen(digits));
			text += 3;
		} else {
			json_out_byte(&out, *text++);
		}
	}
	if (append) {
		json_out_byte(&out, ' ');
		add_item(&out, item, quoted);
	}
	if (json_out_ok(&out))
		result = arena_copy(arena, json_out_slice(&out), &copy);
	json_out_fini(&out);
	if (result == 0)
		*ret = copy.p;
	return result;
}

int pattern_fill(const struct pattern *pattern, struct arena *arena,
		 const char *item, int64_t number, struct reeve_spec *ret)
{
	const char **argv;
	size_t count = 0;

	*ret = (struct reeve_spec){0};
	if (pattern->shell)
		return fill(arena, pattern->shell, item, number, true,
			    !pattern->has_item, &ret->shell);

	while (pattern->argv[count])
		count++;
	argv = arena_array(arena, count + 2, sizeof(*argv));
	if (!argv)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		int result = fill(arena, pattern->argv[i], item, number, false,
				  false, &argv[i]);

		if (result != 0)
			return result;
	}
	if (!pattern->has_item)
		argv[count] = item;
	ret->argv = argv;
	return 0;
}
