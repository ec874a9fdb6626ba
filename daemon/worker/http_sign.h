#pragma once

/*
 * HTTP signature: how a receiver knows that a request is ours and fresh.
 * HMAC-SHA256 (RFC 2104) of "TIME.BODY", with a secret that both have.
 */

#include "proto/base.h"

#define HTTP_SIGN_SECRET_BYTES 4096
#define HTTP_SIGN_BYTES 96

/** http_sign_hmac() - the 32 bytes of @parts, one behind the other */
void http_sign_hmac(struct slice secret, const struct slice *parts,
		    size_t count, uint8_t ret[32]);

/** http_sign() - the header's value: "t=UNIX,v1=HEX" */
void http_sign(struct slice secret, int64_t now_s, struct slice body,
	       char ret[HTTP_SIGN_BYTES]);

enum {
	HTTP_SIGN_E_FORM = 1, /* empty, or too long */
};

/**
 * http_sign_secret() - read it from its file, without newlines at its end
 * @room:	for the bytes that @ret is of; wipe it behind its use
 *
 * Return: 0, HTTP_SIGN_E_FORM or negative errno.
 */
must_check int http_sign_secret(const char *path,
				char room[HTTP_SIGN_SECRET_BYTES + 2],
				struct slice *ret);
