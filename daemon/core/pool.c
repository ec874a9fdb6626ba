#include "daemon/core/pool.h"

#include "daemon/core/mix.h"

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t most(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Two times of idle_ns are remembered by their highest need. */
static void remember(struct pool_size *size, int64_t idle_ns, uint64_t need,
		     int64_t now_ns)
{
	if (now_ns >= size->turn_ns) {
		/* Nobody looked for a whole time: then nothing was needed. */
		bool gap = now_ns - size->turn_ns >= idle_ns;

		size->need_before = gap ? 0 : size->need;
		size->need = 0;
		size->turn_ns = now_ns + idle_ns;
	}
	size->need = most(size->need, need);
}

bool pool_wanted(struct pool_size *size, const struct pool_rule *rule,
		 const struct pool_load *load, int64_t now_ns)
{
	uint64_t need = load->busy + load->open;
	uint64_t births = most(load->serving, POOL_BIRTHS_MIN);
	uint64_t wanted = size->wanted;

	require(rule->min <= rule->max && rule->max >= 1);
	remember(size, rule->idle_ns, need, now_ns);
	if (need > wanted)
		wanted = most(wanted, least(need, load->serving + births));
	else
		wanted = least(wanted, most(size->need, size->need_before));
	wanted = most(rule->min, least(wanted, rule->max));
	if (wanted == size->wanted)
		return false;
	size->wanted = (uint32_t)wanted;
	return true;
}

uint32_t pool_excess(const struct pool_size *size, const struct pool_load *load)
{
	uint32_t stay = load->serving - load->retiring;

	require(load->retiring <= load->serving);
	return stay > size->wanted ? stay - size->wanted : 0;
}

uint32_t pool_leavers(const struct pool_size *size,
		      const struct pool_load *load)
{
	uint32_t spare = load->serving > size->wanted
				 ? load->serving - size->wanted
				 : 0;

	return (uint32_t)least(spare, load->retiring);
}

uint32_t pool_retire_room(const struct pool_size *size,
			  const struct pool_load *load)
{
	uint32_t room = 1 + size->wanted / 4;

	return room > load->retiring ? room - load->retiring : 0;
}

/* Its own limit: up to the jitter's part less. */
static bool is_over(int64_t value, int64_t limit, double part)
{
	return limit > 0 && (double)value >= (double)limit * part;
}

enum pool_wear pool_worn(const struct pool_rule *rule, int64_t jobs,
			 int64_t age_ns, int64_t kib, uint64_t seed)
{
	double part = 1 - rule->jitter * mix_share(seed);

	if (is_over(jobs, rule->retire_jobs, part))
		return POOL_WORN_JOBS;
	if (is_over(age_ns, rule->retire_age_ns, part))
		return POOL_WORN_AGE;
	if (is_over(kib, rule->retire_kib, part))
		return POOL_WORN_MEMORY;
	return POOL_FRESH;
}
