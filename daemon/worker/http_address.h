#pragma once

/*
 * HTTP address: which addresses a request may not be sent to when private ones
 * are not allowed. Asked about the address that is connected to, so that no
 * name, no redirect and no answer of a name server leads around it.
 */

#include <sys/socket.h>

#include "proto/base.h"

/**
 * http_address_private() - is it none of the public internet?
 * @address:	as connect() takes it; whatever is no IP address is private
 *
 * An IPv4 address inside of an IPv6 one (mapped, compatible, NAT64, 6to4) is
 * judged as what it leads to.
 *
 * Return: what it is, in words; NULL: a public one.
 */
const char *http_address_private(const struct sockaddr *address,
				 socklen_t bytes);

/** http_address_text() - the same of "127.0.0.1" or "::1"; others are private */
const char *http_address_text(const char *text);
