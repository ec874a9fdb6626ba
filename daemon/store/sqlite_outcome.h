#pragma once

/* Words on attempts, for the phases that hear of them (sqlite_outcome.c). */

#include "daemon/store/sqlite_txn.h"

/**
 * txn_ends() - is the job over with this word on its attempt?
 *
 * Return: false also when only its rule can say.
 */
bool txn_ends(const struct txn *txn, const struct live *live,
	      const struct store_outcome *outcome);
/** txn_take() - @live as it is stored; a word that means nothing is ignored */
must_check int txn_take(struct txn *txn, struct live *live,
			struct store_outcome *outcome);
