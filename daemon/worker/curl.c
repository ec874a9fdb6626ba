#include "daemon/worker/curl.h"

#include <dlfcn.h>
#include <stdio.h>

/* Of the first library that is there: built for OpenSSL, for GnuTLS. */
static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4"};

#define SYMBOL(name)                                                           \
	{                                                                      \
		"curl_" #name, offsetof(struct curl, name)                     \
	}
static const struct {
	const char *name;
	size_t at;
} symbols[] = {
	SYMBOL(global_init),
	SYMBOL(easy_init),
	SYMBOL(easy_cleanup),
	SYMBOL(easy_setopt),
	SYMBOL(easy_getinfo),
	SYMBOL(easy_strerror),
	SYMBOL(easy_header),
	SYMBOL(multi_init),
	SYMBOL(multi_cleanup),
	SYMBOL(multi_setopt),
	SYMBOL(multi_assign),
	SYMBOL(multi_add_handle),
	SYMBOL(multi_remove_handle),
	SYMBOL(multi_socket_action),
	SYMBOL(multi_info_read),
	SYMBOL(slist_append),
	SYMBOL(slist_free_all),
	SYMBOL(url),
	SYMBOL(url_cleanup),
	SYMBOL(url_get),
	SYMBOL(url_set),
	SYMBOL(free),
};
_Static_assert(sizeof(struct curl) == ARRAY_COUNT(symbols) * sizeof(void *),
	       "one for each");

static int missing(char ret_why[CURL_WHY_BYTES], const char *why)
{
	snprintf(ret_why, CURL_WHY_BYTES, "%s", why ? why : "unknown");
	return CURL_E_MISSING;
}

int curl_load(struct curl *ret, char ret_why[CURL_WHY_BYTES])
{
	void *library = NULL;

	for (size_t i = 0; !library && i < ARRAY_COUNT(names); i++)
		library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return missing(ret_why, dlerror());
	for (size_t i = 0; i < ARRAY_COUNT(symbols); i++) {
		void *found = dlsym(library, symbols[i].name);

		if (!found)
			return missing(ret_why, dlerror());
		memcpy((char *)ret + symbols[i].at, &found, sizeof(found));
	}
	if (ret->global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return missing(ret_why, "libcurl cannot begin");
	return 0;
}
