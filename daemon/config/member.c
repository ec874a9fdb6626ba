#include "daemon/config/member.h"

#include "proto/json_in.h"

int64_t member_int(struct slice object, const char *name, int64_t min,
		   int64_t max, bool *bad)
{
	struct slice value;
	int64_t n;

	if (!json_find(object, name, &value) || json_int(value, &n) ||
	    n < min || n > max) {
		*bad = true;
		return min;
	}
	return n;
}

int member_text(struct arena *arena, struct slice object, const char *name,
		char *ret, size_t size)
{
	struct slice value, text;
	int r = json_find(object, name, &value)
			? json_string(arena, value, &text)
			: MEMBER_E_FORM;

	if (r)
		return r < 0 ? r : MEMBER_E_FORM;
	if (!text.n || text.n >= size || memchr(text.p, 0, text.n))
		return MEMBER_E_FORM;
	memcpy(ret, text.p, text.n);
	ret[text.n] = '\0';
	return 0;
}
