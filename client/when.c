#include "client/when.h"

#include "client/args.h"
#include "client/duration.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define DAY_MS (24 * 3600 * INT64_C(1000))
#define EPOCH_MAX_S (INT64_C(1) << 40)

/* A time of day that was read. */
struct hour {
	int hour, minute, second;
};

/* Digits, @least to @most of them; false: there are none, or more. */
static bool take_number(const char **at, int least, int most, int *ret)
{
	int n = 0, value = 0;

	for (; isdigit((unsigned char)**at) && n < most; n++)
		value = value * 10 + (*(*at)++ - '0');
	if (n < least || isdigit((unsigned char)**at))
		return false;
	*ret = value;
	return true;
}

static bool take_char(const char **at, char c)
{
	if (**at != c)
		return false;
	(*at)++;
	return true;
}

/* H:MM or H:MM:SS, or a word for it. */
static bool take_hour(const char **at, struct hour *ret)
{
	struct hour hour = {0};

	if (strncasecmp(*at, "noon", 4) == 0) {
		*at += 4;
		*ret = (struct hour){12, 0, 0};
		return true;
	}
	if (strncasecmp(*at, "midnight", 8) == 0) {
		*at += 8;
		*ret = hour;
		return true;
	}
	if (!take_number(at, 1, 2, &hour.hour) || !take_char(at, ':') ||
	    !take_number(at, 2, 2, &hour.minute))
		return false;
	if (take_char(at, ':') && !take_number(at, 2, 2, &hour.second))
		return false;
	if (hour.hour > 23 || hour.minute > 59 || hour.second > 59)
		return false;
	*ret = hour;
	return true;
}

/* The local moment; days beyond the month's end are the next month's. */
static int64_t local_ms(const struct tm *day, int days, struct hour hour)
{
	struct tm tm = {
		.tm_year = day->tm_year,
		.tm_mon = day->tm_mon,
		.tm_mday = day->tm_mday + days,
		.tm_hour = hour.hour,
		.tm_min = hour.minute,
		.tm_sec = hour.second,
		.tm_isdst = -1,
	};

	return (int64_t)mktime(&tm) * 1000;
}

/* Behind a day: nothing, or one space and a time. */
static bool take_rest(const char *at, struct hour *ret, bool *ret_given)
{
	*ret = (struct hour){0};
	*ret_given = false;
	if (!*at)
		return true;
	if (!take_char(&at, ' ') || !take_hour(&at, ret))
		return false;
	*ret_given = true;
	return !*at;
}

static bool take_word(const char **at, const char *word)
{
	size_t n = strlen(word);

	if (strncasecmp(*at, word, n) != 0 || isalpha((unsigned char)(*at)[n]))
		return false;
	*at += n;
	return true;
}

/* Whole or by its first three letters; -1: it is none. */
static int take_weekday(const char **at)
{
	static const char *const days[] = {"sunday",	"monday",   "tuesday",
					   "wednesday", "thursday", "friday",
					   "saturday"};

	for (int i = 0; i < 7; i++) {
		char brief[4] = {days[i][0], days[i][1], days[i][2], 0};

		if (take_word(at, days[i]) || take_word(at, brief))
			return i;
	}
	return -1;
}

static bool parse_words(const char *at, const struct tm *today, int64_t now_ms,
			int64_t *ret)
{
	struct hour hour;
	bool given;
	int weekday, days;

	if (take_word(&at, "today")) {
		if (!take_rest(at, &hour, &given) || !given)
			return false;
		*ret = local_ms(today, 0, hour);
		return true;
	}
	if (take_word(&at, "tomorrow")) {
		if (!take_rest(at, &hour, &given))
			return false;
		*ret = local_ms(today, 1, hour);
		return true;
	}
	weekday = take_weekday(&at);
	if (weekday < 0 || !take_rest(at, &hour, &given))
		return false;
	days = (weekday - today->tm_wday + 7) % 7;
	*ret = local_ms(today, days, hour);
	if (*ret <= now_ms)
		*ret = local_ms(today, days + 7, hour);
	return true;
}

static bool parse_hour(const char *at, const struct tm *today, int64_t now_ms,
		       int64_t *ret)
{
	struct hour hour;

	if (!take_hour(&at, &hour) || *at)
		return false;
	*ret = local_ms(today, 0, hour);
	if (*ret <= now_ms)
		*ret = local_ms(today, 1, hour);
	return true;
}

/* "Z", "+02:00", "-0530"; @ret_given false: local. */
static bool take_zone(const char **at, int *ret_minutes, bool *ret_given)
{
	int hours, minutes, sign = **at == '-' ? -1 : 1;

	*ret_given = **at != 0;
	*ret_minutes = 0;
	if (!**at || take_char(at, 'Z') || take_char(at, 'z'))
		return !**at;
	if (!take_char(at, '+') && !take_char(at, '-'))
		return false;
	if (!isdigit((unsigned char)(*at)[0]) ||
	    !isdigit((unsigned char)(*at)[1]))
		return false;
	hours = ((*at)[0] - '0') * 10 + (*at)[1] - '0';
	*at += 2;
	(void)take_char(at, ':');
	if (!take_number(at, 2, 2, &minutes) || hours > 14 || minutes > 59)
		return false;
	*ret_minutes = sign * (hours * 60 + minutes);
	return !**at;
}

static bool parse_date(const char *at, int64_t *ret)
{
	struct tm day = {0}, check;
	struct hour hour = {0};
	int minutes = 0;
	bool zone = false;
	time_t time;

	if (!take_number(&at, 4, 4, &day.tm_year) || !take_char(&at, '-') ||
	    !take_number(&at, 2, 2, &day.tm_mon) || !take_char(&at, '-') ||
	    !take_number(&at, 2, 2, &day.tm_mday))
		return false;
	day.tm_year -= 1900;
	day.tm_mon--;
	check = day;
	/* The 31st of a shorter month is no day. */
	time = timegm(&check);
	if (time < 0 || check.tm_mday != day.tm_mday ||
	    check.tm_mon != day.tm_mon)
		return false;
	if (*at) {
		if ((!take_char(&at, 'T') && !take_char(&at, 't') &&
		     !take_char(&at, ' ')) ||
		    !take_hour(&at, &hour) || !take_zone(&at, &minutes, &zone))
			return false;
	}
	if (!zone) {
		*ret = local_ms(&day, 0, hour);
		return true;
	}
	*ret = ((int64_t)time + hour.hour * 3600 + hour.minute * 60 +
		hour.second - (int64_t)minutes * 60) *
	       1000;
	return true;
}

bool when_parse(const char *text, int64_t now_ms, int64_t *ret_ms)
{
	time_t now = (time_t)(now_ms / 1000);
	struct tm today;
	int64_t n;

	if (text[0] == '+') {
		if (!duration_parse(text + 1, &n))
			return false;
		*ret_ms = now_ms + n;
		return true;
	}
	if (text[0] == '@') {
		if (!args_int(text + 1, &n) || n < 0 || n > EPOCH_MAX_S)
			return false;
		*ret_ms = n * 1000;
		return true;
	}
	if (!localtime_r(&now, &today))
		return false;
	return parse_date(text, ret_ms) ||
	       parse_hour(text, &today, now_ms, ret_ms) ||
	       parse_words(text, &today, now_ms, ret_ms);
}

/* A time of day or a day of the week is the last one, not the next. */
bool when_since(const char *text, int64_t now_ms, int64_t *ret_ms)
{
	int64_t ago_ms;

	if (duration_parse(text, &ago_ms)) {
		*ret_ms = now_ms > ago_ms ? now_ms - ago_ms : 0;
		return true;
	}
	if (text[0] == '+' || strncmp(text, "tomorrow", 8) == 0 ||
	    !when_parse(text, now_ms, ret_ms))
		return false;
	if (*ret_ms > now_ms)
		*ret_ms -= *ret_ms - now_ms <= DAY_MS ? DAY_MS : 7 * DAY_MS;
	return *ret_ms <= now_ms && *ret_ms >= 0;
}
