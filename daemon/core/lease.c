#include "daemon/core/lease.h"

static int64_t until(int64_t now_ns, int64_t ttl_ns)
{
	require(ttl_ns > 0 && ttl_ns <= LEASE_MAX_NS);
	return now_ns + ttl_ns;
}

static bool holds(const struct lease *lease, int64_t token, int64_t now_ns)
{
	return token && lease->token == token && now_ns < lease->deadline_ns;
}

void lease_take(struct lease *lease, int64_t token, int64_t now_ns,
		int64_t ttl_ns)
{
	require(token && !lease->token);
	*lease = (struct lease){
		.token = token,
		.deadline_ns = until(now_ns, ttl_ns),
	};
}

int lease_extend(struct lease *lease, int64_t token, int64_t now_ns,
		 int64_t ttl_ns)
{
	if (!holds(lease, token, now_ns))
		return LEASE_E_LOST;
	lease->deadline_ns = until(now_ns, ttl_ns);
	return 0;
}

int lease_settle(struct lease *lease, int64_t token, int64_t now_ns)
{
	if (!holds(lease, token, now_ns))
		return LEASE_E_LOST;
	*lease = (struct lease){0};
	return 0;
}

bool lease_expire(struct lease *lease, int64_t now_ns)
{
	if (!lease->token || now_ns < lease->deadline_ns)
		return false;
	*lease = (struct lease){0};
	return true;
}

void lease_adopt(struct lease *lease, int64_t token, int64_t now_ns)
{
	lease_take(lease, token, now_ns, LEASE_DEFAULT_NS);
}
