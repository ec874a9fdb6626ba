#include "daemon/store/sqlite_pack.h"

#include "daemon/store/sqlite_varint.h"

_Static_assert(REST_BYTES_MAX == REST_OF_DONE * VARINT_BYTES_MAX,
	       "each field in its longest form");

struct slice rest_pack(const int64_t *fields, size_t count, unsigned char *to)
{
	size_t n = 0;

	require(count <= REST_OF_DONE);
	while (count && !fields[count - 1])
		count--;
	for (size_t i = 0; i < count; i++)
		n += varint_put(to + n, zigzag(fields[i], 0));
	return (struct slice){(const char *)to, n};
}

bool rest_unpack(struct slice packed, int64_t *fields, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t step = 0;

		if (packed.n && !varint_get(&packed, &step))
			return false;
		fields[i] = zagzig(step, 0);
	}
	return !packed.n;
}
