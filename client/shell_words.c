#include "client/shell_words.h"

#include <errno.h>

struct splitter {
	const char *at;	 /* of the text */
	const char *bad; /* of the text, when something is wrong */
	char *end;	 /* of the words so far */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

/* A shell would put something else for it. */
static bool is_expansion(const char *at)
{
	if (*at == '`')
		return true;
	return *at == '$' && at[1] && !is_blank(at[1]) && at[1] != '"' &&
	       at[1] != '\'';
}

static int take_single(struct splitter *splitter)
{
	const char *open = splitter->at++;
	size_t n = strcspn(splitter->at, "'");

	if (!splitter->at[n]) {
		splitter->bad = open;
		return SHELL_WORDS_E_QUOTE;
	}
	memcpy(splitter->end, splitter->at, n);
	splitter->end += n;
	splitter->at += n + 1;
	return 0;
}

static int take_double(struct splitter *splitter)
{
	const char *open = splitter->at++;

	while (*splitter->at && *splitter->at != '"') {
		const char *at = splitter->at;

		if (*at == '\\' && at[1] && strchr("$`\"\\\n", at[1])) {
			if (at[1] != '\n')
				*splitter->end++ = at[1];
			splitter->at += 2;
			continue;
		}
		if (is_expansion(at)) {
			splitter->bad = at;
			return SHELL_WORDS_E_SHELL;
		}
		*splitter->end++ = *splitter->at++;
	}
	if (!*splitter->at) {
		splitter->bad = open;
		return SHELL_WORDS_E_QUOTE;
	}
	splitter->at++;
	return 0;
}

static int take_backslash(struct splitter *splitter)
{
	if (!splitter->at[1]) {
		splitter->bad = splitter->at;
		return SHELL_WORDS_E_BACKSLASH;
	}
	if (splitter->at[1] != '\n')
		*splitter->end++ = splitter->at[1];
	splitter->at += 2;
	return 0;
}

/* One word, up to the blank behind it. */
static int take_word(struct splitter *splitter)
{
	int result = 0;

	while (result == 0 && *splitter->at && !is_blank(*splitter->at)) {
		char c = *splitter->at;

		if (c == '\'') {
			result = take_single(splitter);
		} else if (c == '"') {
			result = take_double(splitter);
		} else if (c == '\\') {
			result = take_backslash(splitter);
		} else if (strchr("|&;<>()", c) || is_expansion(splitter->at)) {
			splitter->bad = splitter->at;
			result = SHELL_WORDS_E_SHELL;
		} else {
			*splitter->end++ = c;
			splitter->at++;
		}
	}
	*splitter->end++ = '\0';
	return result;
}

/* A backslash before a newline is nothing, between words too. */
static void skip_blanks(struct splitter *splitter)
{
	for (;;) {
		if (is_blank(*splitter->at))
			splitter->at++;
		else if (splitter->at[0] == '\\' && splitter->at[1] == '\n')
			splitter->at += 2;
		else
			return;
	}
}

int shell_words(const char *text, char ***ret, const char **ret_at)
{
	size_t n = strlen(text), count = 0;
	/* Between two words there is at least one blank. */
	size_t most = n / 2 + 2;
	char **words = malloc(most * sizeof(*words) + n + 1);
	struct splitter splitter = {.at = text};
	int result = 0;

	if (!words)
		return -ENOMEM;
	splitter.end = (char *)(words + most);
	for (skip_blanks(&splitter); result == 0 && *splitter.at;
	     skip_blanks(&splitter)) {
		words[count++] = splitter.end;
		result = take_word(&splitter);
	}
	words[count] = NULL;
	if (result == 0 && count == 0) {
		splitter.bad = text;
		result = SHELL_WORDS_E_EMPTY;
	}
	if (result != 0) {
		*ret_at = splitter.bad;
		free(words);
		return result;
	}
	*ret = words;
	return 0;
}
