#include "proto/json_depth.h"

bool json_is_deeper(struct slice checked, size_t depth)
{
	bool inside = false;
	size_t now = 0;

	/* Each level has two brackets. */
	if (checked.n < 2 * depth + 2)
		return false;
	for (size_t i = 0; i < checked.n; i++) {
		char c = checked.p[i];

		if (inside && c == '\\')
			i++;
		else if (c == '"')
			inside = !inside;
		else if (!inside && (c == '[' || c == '{'))
			now++;
		else if (!inside && (c == ']' || c == '}'))
			now--;
		if (now > depth)
			return true;
	}
	return false;
}
