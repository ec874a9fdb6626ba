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

/* The 31st of a shorter month is no day. */
static bool day_exists(int year, int month, int mday)
{
	struct tm day = {.tm_year = year, .tm_mon = month, .tm_mday = mday};

	return timegm(&day) >= 0 && day.tm_mday == mday && day.tm_mon == month;
}

/* "1 hour", "5min", "2h30m" */
static bool take_later(const char *text, int64_t *ret_ms)
{
	static const struct {
		const char *word;
		const char *unit;
	} units[] = {
		{"second", "s"}, {"sec", "s"}, {"minute", "m"}, {"min", "m"},
		{"hour", "h"},	 {"hr", "h"},  {"day", "d"},	{"week", "w"},
	};
	char brief[32];
	size_t n;

	while (*text == ' ')
		text++;
	if (duration_parse(text, ret_ms))
		return true;
	n = strspn(text, "0123456789.");
	for (size_t i = 0; n > 0 && i < sizeof(units) / sizeof(units[0]); i++) {
		const char *at = text + n + strspn(text + n, " ");
		size_t bytes = strlen(units[i].word);

		if (strncasecmp(at, units[i].word, bytes) != 0)
			continue;
		at += bytes;
		at += *at == 's';
		if (*at || n > sizeof(brief) - 2)
			continue;
		memcpy(brief, text, n);
		brief[n] = units[i].unit[0];
		brief[n + 1] = '\0';
		return duration_parse(brief, ret_ms);
	}
	return false;
}

static bool take_char(const char **at, char c)
{
	if (**at != c)
		return false;
	(*at)++;
	return true;
}

static void take_blanks(const char **at)
{
	while (**at == ' ')
		(*at)++;
}

static bool take_word(const char **at, const char *word)
{
	size_t n = strlen(word);

	if (strncasecmp(*at, word, n) != 0 || isalpha((unsigned char)(*at)[n]))
		return false;
	*at += n;
	return true;
}

/* "am" or "pm" behind an hour of 1 to 12; false: neither, or another hour. */
static bool take_half(const char **at, struct hour *hour)
{
	const char *back = *at;
	bool after_noon;

	take_blanks(at);
	after_noon = take_word(at, "pm");
	if ((!after_noon && !take_word(at, "am")) || hour->hour < 1 ||
	    hour->hour > 12) {
		*at = back;
		return false;
	}
	hour->hour = hour->hour % 12 + (after_noon ? 12 : 0);
	return true;
}

/* H:MM or H:MM:SS, 9am or 9:30 pm, or a word for it. */
static bool take_hour(const char **at, struct hour *ret)
{
	const char *back = *at;
	struct hour hour = {0};
	bool minutes;

	if (take_word(at, "noon")) {
		*ret = (struct hour){12, 0, 0};
		return true;
	}
	if (take_word(at, "midnight")) {
		*ret = hour;
		return true;
	}
	if (!take_number(at, 1, 2, &hour.hour))
		goto none;
	minutes = take_char(at, ':');
	if (minutes && !take_number(at, 2, 2, &hour.minute))
		goto none;
	if (minutes && take_char(at, ':') &&
	    !take_number(at, 2, 2, &hour.second))
		goto none;
	if (!take_half(at, &hour) && !minutes)
		goto none;
	if (hour.hour > 23 || hour.minute > 59 || hour.second > 59)
		goto none;
	*ret = hour;
	return true;
none:
	*at = back;
	return false;
}

/* The local moment, if it is told apart by whether it is summer. */
static bool moment(struct tm tm, int summer, int64_t *ret_ms)
{
	struct tm back;
	time_t time;

	tm.tm_isdst = summer;
	time = mktime(&tm);
	*ret_ms = (int64_t)time * 1000;
	return localtime_r(&time, &back) && back.tm_isdst == summer;
}

/* The local moment; days beyond the month's end are the next month's. */
static void local(const struct tm *day, int days, struct hour hour,
		  struct when *ret)
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
	struct tm plain = tm;
	int64_t winter_ms;
	bool twice;

	*ret = (struct when){.ms = (int64_t)mktime(&plain) * 1000};
	if (plain.tm_hour != hour.hour || plain.tm_min != hour.minute)
		ret->odd = WHEN_SKIPPED;
	/* The first of two is meant, wherever mktime() would go. */
	twice = moment(tm, 0, &winter_ms) && moment(tm, 1, &ret->ms);
	if (twice && ret->odd == WHEN_PLAIN && winter_ms != ret->ms) {
		ret->odd = WHEN_TWICE;
		return;
	}
	ret->ms = (int64_t)mktime(&tm) * 1000;
}

/* Whole or by its first three letters; -1: it is none. */
static int take_one_of(const char **at, const char *const *words, int count)
{
	for (int i = 0; i < count; i++) {
		char brief[4] = {words[i][0], words[i][1], words[i][2], 0};

		if (take_word(at, words[i]) || take_word(at, brief))
			return i;
	}
	return -1;
}

static int take_weekday(const char **at)
{
	static const char *const days[] = {"sunday",	"monday",   "tuesday",
					   "wednesday", "thursday", "friday",
					   "saturday"};

	return take_one_of(at, days, 7);
}

static int take_month(const char **at)
{
	static const char *const months[] = {"january", "february", "march",
					     "april",	"may",	    "june",
					     "july",	"august",   "september",
					     "october", "november", "december"};

	return take_one_of(at, months, 12);
}

/* A day by its name, and when it is to be another if it is over. */
struct day {
	struct tm date;
	int days;	/* behind it */
	int days_later; /* 0: this one, over or not */
	int years_later;
	bool needs_hour; /* "today" alone begins in the past */
};

/* "dec 24", "24 december", "dec 24 2027" */
static bool take_date(const char **at, const struct tm *today, struct day *ret)
{
	int month = take_month(at), mday, year;
	const char *back;

	ret->date = *today;
	ret->years_later = 1;
	take_blanks(at);
	if (!take_number(at, 1, 2, &mday))
		return false;
	take_blanks(at);
	if (month < 0)
		month = take_month(at);
	if (month < 0)
		return false;
	back = *at;
	take_blanks(at);
	if (take_number(at, 4, 4, &year)) {
		ret->date.tm_year = year - 1900;
		ret->years_later = 0;
	} else {
		*at = back;
	}
	ret->date.tm_mon = month;
	ret->date.tm_mday = mday;
	return day_exists(ret->date.tm_year, month, mday);
}

static bool take_day(const char **at, const struct tm *today, struct day *ret)
{
	const char *back = *at;
	bool next;
	int weekday;

	*ret = (struct day){.date = *today};
	if (take_word(at, "today")) {
		ret->needs_hour = true;
		return true;
	}
	ret->days = 1;
	if (take_word(at, "tomorrow"))
		return true;
	next = take_word(at, "next");
	take_blanks(at);
	weekday = take_weekday(at);
	if (weekday >= 0) {
		ret->days = (weekday - today->tm_wday + 7) % 7;
		if (next && ret->days == 0)
			ret->days = 7;
		ret->days_later = 7;
		return true;
	}
	*at = back;
	ret->days = 0;
	return !next && take_date(at, today, ret);
}

/* A day with an hour on either side of it, in any number of blanks. */
static bool parse_words(const char *at, const struct tm *today, int64_t now_ms,
			struct when *ret)
{
	struct hour hour = {0};
	struct day day;
	bool given = take_hour(&at, &hour);

	take_blanks(&at);
	if (given && !*at)
		day = (struct day){.date = *today, .days_later = 1};
	else if (!take_day(&at, today, &day))
		return false;
	if (*at && !given) {
		if (!take_char(&at, ' '))
			return false;
		take_blanks(&at);
		if (take_word(&at, "at"))
			take_blanks(&at);
		given = take_hour(&at, &hour);
		if (!given)
			return false;
	}
	if (*at || (day.needs_hour && !given))
		return false;
	local(&day.date, day.days, hour, ret);
	if (ret->ms > now_ms || (!day.days_later && !day.years_later))
		return true;
	day.date.tm_year += day.years_later;
	if (!day_exists(day.date.tm_year, day.date.tm_mon, day.date.tm_mday))
		return false;
	local(&day.date, day.days + day.days_later, hour, ret);
	return true;
}

/* "now", "now + 1 hour" */
static bool parse_now(const char *at, int64_t now_ms, struct when *ret)
{
	int64_t later_ms = 0;

	if (!take_word(&at, "now"))
		return false;
	take_blanks(&at);
	if (*at && (!take_char(&at, '+') || !take_later(at, &later_ms)))
		return false;
	*ret = (struct when){.ms = now_ms + later_ms};
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

static bool parse_date(const char *at, struct when *ret)
{
	struct tm day = {0};
	struct hour hour = {0};
	int minutes = 0;
	bool zone = false;

	if (!take_number(&at, 4, 4, &day.tm_year) || !take_char(&at, '-') ||
	    !take_number(&at, 2, 2, &day.tm_mon) || !take_char(&at, '-') ||
	    !take_number(&at, 2, 2, &day.tm_mday))
		return false;
	day.tm_year -= 1900;
	day.tm_mon--;
	if (!day_exists(day.tm_year, day.tm_mon, day.tm_mday))
		return false;
	if (*at) {
		if ((!take_char(&at, 'T') && !take_char(&at, 't') &&
		     !take_char(&at, ' ')) ||
		    !take_hour(&at, &hour) || !take_zone(&at, &minutes, &zone))
			return false;
	}
	if (!zone) {
		local(&day, 0, hour, ret);
		return true;
	}
	*ret = (struct when){
		.ms = ((int64_t)timegm(&day) + hour.hour * 3600 +
		       hour.minute * 60 + hour.second - (int64_t)minutes * 60) *
		      1000,
	};
	return true;
}

bool when_read(const char *text, int64_t now_ms, struct when *ret)
{
	time_t now = (time_t)(now_ms / 1000);
	struct tm today;
	int64_t n;

	*ret = (struct when){0};
	if (text[0] == '+') {
		if (!take_later(text + 1, &n))
			return false;
		ret->ms = now_ms + n;
		return true;
	}
	if (text[0] == '@') {
		if (!args_int(text + 1, &n) || n < 0 || n > EPOCH_MAX_S)
			return false;
		ret->ms = n * 1000;
		return true;
	}
	if (!localtime_r(&now, &today))
		return false;
	return parse_date(text, ret) || parse_now(text, now_ms, ret) ||
	       parse_words(text, &today, now_ms, ret);
}

bool when_parse(const char *text, int64_t now_ms, int64_t *ret_ms)
{
	struct when when;

	if (!when_read(text, now_ms, &when))
		return false;
	*ret_ms = when.ms;
	return true;
}

const char *when_why(const char *text)
{
	int64_t n;
	int year, month, mday;
	const char *at = text;

	if (take_later(text, &n))
		return text[strspn(text, "0123456789")]
			       ? "that is how long, not when"
			       : "it may be an hour, a day or a number of "
				 "seconds";
	if (take_number(&at, 4, 4, &year) && take_char(&at, '-') &&
	    take_number(&at, 2, 2, &month) && take_char(&at, '-') &&
	    take_number(&at, 2, 2, &mday) &&
	    !day_exists(year - 1900, month - 1, mday))
		return "there is no such day";
	for (at = strchr(text, ':'); at; at = strchr(at + 1, ':')) {
		const char *from = at;
		int value;

		while (from > text && isdigit((unsigned char)from[-1]))
			from--;
		if (take_number(&from, 1, 2, &value) && value > 23)
			return "a day has the hours 0:00 to 23:59";
		from = at + 1;
		if (take_number(&from, 1, 2, &value) && value > 59)
			return "an hour has the minutes 00 to 59";
	}
	if (strcasecmp(text, "today") == 0)
		return "today has begun: at what time?";
	return "it is none of the ways to say when";
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
