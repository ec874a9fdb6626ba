#pragma once

/*
 * Table extra: what few jobs have, so that the others do not pay for it. Which
 * of it a job has is in its flags (FLAGS_EXTRA). And table uniq, the words of
 * live jobs, which are taken and freed with it.
 */

#include "daemon/store/sqlite_txn.h"

struct extra {
	struct slice retry, word; /* in the batch's arena */
	int64_t tries, losses;	  /* 0: never raised */
};

/** extra_flags() - of an entry */
uint32_t extra_flags(const struct store_entry *entry);

/** extra_put() - write it, also over what was there before */
must_check int extra_put(struct txn *txn, int64_t id,
			 const struct store_entry *entry);

/** extra_get() - all zero when the job has none */
must_check int extra_get(struct txn *txn, int64_t id, struct extra *ret);

/** extra_end() - the job is over: its word is free, its time until purge runs */
must_check int extra_end(struct txn *txn, const struct live *live);

/** word_holder() - the live job of this uid that has the word; 0: none */
must_check int word_holder(struct txn *txn, uint32_t uid, struct slice word,
			   int64_t *ret_id);

/** word_take() - @ret_taken false: another live job has it */
must_check int word_take(struct txn *txn, uint32_t uid, struct slice word,
			 int64_t id, bool *ret_taken);
/** word_free() - if it is this job's */
must_check int word_free(struct txn *txn, uint32_t uid, int64_t id);

/** retry_tries() - max_attempts of an entry: its rule's, if it has one */
must_check int retry_tries(struct txn *txn, const struct store_entry *entry,
			   uint32_t *ret);

/**
 * retry_decide() - what the job's rule says of a failed attempt
 * @live:	running, with FLAG_RETRY; facts.final and facts.backoff_ms are
 *		set
 */
must_check int retry_decide(struct txn *txn, struct live *live,
			    const struct store_outcome *outcome);
