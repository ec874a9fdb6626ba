#include "client/stamp.h"

#include <stdio.h>
#include <time.h>

const char *stamp_local(int64_t utc_ms, char buffer[STAMP_BYTES])
{
	time_t seconds = (time_t)(utc_ms / 1000);
	struct tm parts;

	if (utc_ms <= 0 || !localtime_r(&seconds, &parts) ||
	    strftime(buffer, STAMP_BYTES, "%Y-%m-%d %H:%M:%S", &parts) == 0)
		snprintf(buffer, STAMP_BYTES, "-");
	return buffer;
}

const char *stamp_zoned(int64_t utc_ms, char buffer[STAMP_BYTES])
{
	time_t seconds = (time_t)(utc_ms / 1000);
	struct tm parts;

	if (utc_ms <= 0 || !localtime_r(&seconds, &parts) ||
	    strftime(buffer, STAMP_BYTES, "%Y-%m-%d %H:%M:%S %Z", &parts) == 0)
		snprintf(buffer, STAMP_BYTES, "-");
	return buffer;
}

const char *stamp_utc(int64_t utc_ms, char buffer[STAMP_BYTES])
{
	time_t seconds = (time_t)(utc_ms / 1000);
	struct tm parts;

	if (utc_ms <= 0 || !gmtime_r(&seconds, &parts) ||
	    strftime(buffer, STAMP_BYTES, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
		snprintf(buffer, STAMP_BYTES, "-");
	return buffer;
}
