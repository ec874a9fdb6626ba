/* Contexts: interned by the SHA-256 of their text, counted by their jobs. */

#include "daemon/store/sqlite_txn.h"

#include <errno.h>
#include <sha2.h>

static int has(struct sql *sql, int64_t id, bool *ret_found)
{
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(sql, SQL_CONTEXT_HAS, &error);

	if (!stmt)
		return error;
	SQL_INTS(stmt, id);
	error = sql_row(sql, stmt, ret_found);
	if (!error && *ret_found)
		sql_done(stmt);
	return error;
}

static int find(struct sql *sql, struct slice hash, int64_t *ret_id)
{
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(sql, SQL_CONTEXT_FIND, &error);
	bool found;

	if (!stmt)
		return error;
	sql_bind_blob(stmt, 1, hash);
	error = sql_row(sql, stmt, &found);
	if (error || !found)
		return error;
	*ret_id = sql_int(stmt, 0);
	sql_done(stmt);
	return 0;
}

int txn_context(struct txn *txn, struct slice text, int64_t *ret_id)
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	struct slice hash = {(const char *)digest, sizeof(digest)};
	struct sqlite3_stmt *stmt;
	struct tally_entry *entry;
	SHA2_CTX sha;
	int error;

	SHA256Init(&sha);
	SHA256Update(&sha, (const uint8_t *)text.p, text.n);
	SHA256Final(digest, &sha);
	*ret_id = 0;
	error = find(txn->sql, hash, ret_id);
	if (error || *ret_id)
		return error;

	stmt = sql_use(txn->sql, SQL_CONTEXT_ADD, &error);
	if (!stmt)
		return error;
	*ret_id = txn->next.context++;
	SQL_INTS(stmt, *ret_id);
	sql_bind_blob(stmt, 2, hash);
	sql_bind_text(stmt, 3, text);
	error = sql_run(txn->sql, stmt);
	if (!error && tally_at(&txn->store->contexts, *ret_id, &entry))
		error = -ENOMEM;
	return error;
}

/* A number that the caller remembers may be gone: purged with its last job. */
int txn_contexts(struct txn *txn)
{
	struct store_batch *batch = txn->batch;
	int error = 0;

	txn->contexts = arena_array(txn->arena, batch->context_count,
				    sizeof(*txn->contexts));
	if (!txn->contexts)
		return -ENOMEM;
	for (size_t i = 0; !error && i < batch->context_count; i++) {
		const struct store_context *context = &batch->contexts[i];
		bool found = false;

		if (context->id)
			error = has(txn->sql, context->id, &found);
		if (!error && found)
			txn->contexts[i] = context->id;
		else if (!error)
			error = txn_context(txn, context->text,
					    &txn->contexts[i]);
	}
	return error;
}
