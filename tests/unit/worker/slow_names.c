/* A name server that takes its time and then knows nobody: names below .slow. */
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <time.h>

int getaddrinfo(const char *restrict node, const char *restrict service,
		const struct addrinfo *restrict hints,
		struct addrinfo **restrict ret)
{
	int (*next)(const char *, const char *, const struct addrinfo *,
		    struct addrinfo **);
	void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");
	size_t n = node ? strlen(node) : 0;

	if (n > 5 && strcmp(node + n - 5, ".slow") == 0) {
		nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
		return EAI_NONAME;
	}
	memcpy(&next, &symbol, sizeof(next));
	return next(node, service, hints, ret);
}
