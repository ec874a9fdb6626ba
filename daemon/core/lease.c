#include "daemon/core/lease.h"

static int64_t until(const struct lease *lease, int64_t now_ns, int64_t ttl_ns)
{
	int64_t deadline_ns = now_ns + ttl_ns;

	require(ttl_ns > 0 && ttl_ns <= LEASE_LONGEST_NS);
	return lease->limit_ns && lease->limit_ns < deadline_ns
		       ? lease->limit_ns
		       : deadline_ns;
}

void lease_take(struct lease *lease, int64_t token, int64_t now_ns,
		int64_t ttl_ns, int64_t limit_ns)
{
	require(token && !lease->token);
	*lease = (struct lease){.token = token, .limit_ns = limit_ns};
	lease->deadline_ns = until(lease, now_ns, ttl_ns);
}

int lease_look(const struct lease *lease, int64_t token, int64_t now_ns)
{
	bool holds = token && lease->token == token && !lease->ending &&
		     now_ns < lease->deadline_ns;

	return holds ? 0 : LEASE_E_LOST;
}

int lease_extend(struct lease *lease, int64_t token, int64_t now_ns,
		 int64_t ttl_ns)
{
	if (lease_look(lease, token, now_ns))
		return LEASE_E_LOST;
	if (!lease->cancelled)
		lease->deadline_ns = until(lease, now_ns, ttl_ns);
	return 0;
}

int lease_end(struct lease *lease, int64_t token, int64_t now_ns)
{
	if (lease_look(lease, token, now_ns))
		return LEASE_E_LOST;
	lease->ending = true;
	return 0;
}

bool lease_expire(struct lease *lease, int64_t now_ns)
{
	if (!lease->token || lease->ending || now_ns < lease->deadline_ns)
		return false;
	lease->ending = true;
	return true;
}

bool lease_timed_out(const struct lease *lease)
{
	return lease->limit_ns && lease->deadline_ns >= lease->limit_ns;
}

void lease_refused(struct lease *lease)
{
	require(lease->token);
	lease->ending = false;
}

void lease_adopt(struct lease *lease, int64_t token, int64_t now_ns,
		 int64_t limit_ns)
{
	lease_take(lease, token, now_ns, LEASE_DEFAULT_NS, limit_ns);
}
