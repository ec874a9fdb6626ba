/*
 * The packed column of a row, as a damaged database may hold it: refused, or
 * the same numbers when it is packed anew.
 */

#include "daemon/store/sqlite_pack.h"
#include "tests/fuzz/fuzz.h"

static void try_as(struct slice packed, size_t count)
{
	int64_t fields[REST_OF_DONE], again[REST_OF_DONE];
	unsigned char bytes[REST_BYTES_MAX];
	struct slice anew;

	if (!rest_unpack(packed, fields, count))
		return;
	anew = rest_pack(fields, count, bytes);
	/* Packed no longer than it was. */
	require(anew.n <= packed.n && anew.n <= sizeof(bytes));
	require(rest_unpack(anew, again, count));
	require(memcmp(fields, again, count * sizeof(*fields)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice packed = {(const char *)data, size};

	if (size > FUZZ_BYTES_MAX)
		return 0;
	try_as(packed, REST_OF_LIVE);
	try_as(packed, REST_OF_DONE);
	return 0;
}
