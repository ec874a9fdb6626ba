#pragma once

/*
 * Curl: libcurl, loaded by the one process that needs it. Linked to, it and the
 * forty libraries that come with it would be mapped into every worker, and
 * each would take ten times as long to begin.
 */

#include <curl/curl.h>

#include "proto/base.h"

struct curl {
	CURLcode (*global_init)(long flags);
	CURL *(*easy_init)(void);
	void (*easy_cleanup)(CURL *easy);
	CURLcode (*easy_setopt)(CURL *easy, CURLoption option, ...);
	CURLcode (*easy_getinfo)(CURL *easy, CURLINFO info, ...);
	const char *(*easy_strerror)(CURLcode code);
	CURLHcode (*easy_header)(CURL *easy, const char *name, size_t index,
				 unsigned int origin, int request,
				 struct curl_header **ret);
	CURLM *(*multi_init)(void);
	CURLMcode (*multi_cleanup)(CURLM *multi);
	CURLMcode (*multi_setopt)(CURLM *multi, CURLMoption option, ...);
	CURLMcode (*multi_assign)(CURLM *multi, curl_socket_t fd, void *what);
	CURLMcode (*multi_add_handle)(CURLM *multi, CURL *easy);
	CURLMcode (*multi_remove_handle)(CURLM *multi, CURL *easy);
	CURLMcode (*multi_socket_action)(CURLM *multi, curl_socket_t fd,
					 int what, int *ret_running);
	CURLMsg *(*multi_info_read)(CURLM *multi, int *ret_left);
	struct curl_slist *(*slist_append)(struct curl_slist *list,
					   const char *text);
	void (*slist_free_all)(struct curl_slist *list);
	CURLU *(*url)(void);
	void (*url_cleanup)(CURLU *url);
	CURLUcode (*url_get)(const CURLU *url, CURLUPart part, char **ret,
			     unsigned int flags);
	CURLUcode (*url_set)(CURLU *url, CURLUPart part, const char *text,
			     unsigned int flags);
	void (*free)(void *text);
};

enum {
	CURL_E_MISSING = 1, /* it is not there, or too old: @ret_why */
};

/** curl_load() - once in a process; 0 or CURL_E_MISSING */
#define CURL_WHY_BYTES 256
must_check int curl_load(struct curl *ret, char ret_why[CURL_WHY_BYTES]);
