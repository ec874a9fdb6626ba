#pragma once

/*
 * Birth: makes the processes of a pool: its workers, each in a slot, and its
 * template.
 *
 *	command, lines		our role `worker`; who it is comes by a pipe
 *	worker			the program, in its cgroup folder; who it is is
 *				in its environment
 *	plugin, or with preload	a fork of the template, which is asked for it
 */

#include "daemon/supervisor/cgroup_tree.h"
#include "daemon/supervisor/pool.h"

struct birth {
	const struct config *config;
	const struct cgroup_tree *tree;
	char *const *flags;  /* of the roles, not owned */
	const char *program; /* for spawn_role() */
	uint64_t nofile;     /* soft limit for jobs and programs */
};

/**
 * birth_worker() - make the worker of an empty slot, or ask for it
 * @number:	of the worker
 *
 * What the machine refuses is logged and tried again a second later. Without
 * a pid it is to be born when its template says so.
 *
 * Return: the worker, or NULL.
 */
struct pool_worker *birth_worker(const struct birth *birth, struct pool *pool,
				 int slot, int64_t number, int64_t now_ns);

/** birth_template() - start `next` of a pool; false: the machine refused it */
bool birth_template(const struct birth *birth, struct pool *pool,
		    int64_t now_ns);

/**
 * birth_adopt() - a template says that @worker lives as @pid
 *
 * It is moved into its cgroup folder.
 */
void birth_adopt(const struct birth *birth, struct pool_worker *worker,
		 pid_t pid);
