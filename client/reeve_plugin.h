#pragma once

/*
 * Handlers in C: a shared object with functions that the daemon's workers call.
 *
 *	static int thumb(struct reeve_task *task)
 *	{
 *		return reeve_result(task, task->args, task->args_bytes);
 *	}
 *
 *	static const struct reeve_handler handlers[] = {
 *		{"thumb", thumb},
 *		{0},
 *	};
 *
 *	REEVE_PLUGIN = {REEVE_PLUGIN_HEAD, .handlers = handlers};
 *
 * The daemon loads it once, in the template process of its pool, and calls
 * preload() there; each worker is forked from it, shares its memory until
 * somebody writes to it, calls init() once and then runs one job at a time.
 * handle(), init() and fini() of a worker are called in one thread, its main
 * one. reeve-worker(7) has the rest.
 *
 * This file needs nothing but the C library, and is C++ as well; exceptions
 * must not leave a function that the worker calls. A plugin is linked to
 * nothing of reeve: what it needs is handed to it. It may use libreeve, with
 * handles that were made in the worker, not in preload().
 */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Another number, and the worker refuses the plugin; members are only added. */
#define REEVE_PLUGIN_ABI 1

struct reeve_task;

/*
 * What a task can be asked to do; use the functions below. Texts and bytes that
 * go in are copied before the call returns, and stay the caller's. Calls are
 * for the task that was handed to handle(), while it runs, in any one thread at
 * a time; cancelled() from any thread.
 */
struct reeve_task_calls {
	uint32_t
		bytes; /* sizeof of the worker's: what lies behind is not there */
	int (*result)(struct reeve_task *task, const char *json, size_t bytes);
	void (*fail)(struct reeve_task *task, const char *type,
		     const char *message, const char *trace);
	void (*retry)(struct reeve_task *task, int again, int64_t pause_ms);
	void (*progress)(struct reeve_task *task, double fraction,
			 const char *note);
	int (*cancelled)(const struct reeve_task *task);
	void (*log)(struct reeve_task *task, const char *text);
};

/* One attempt of a job. All of it is the worker's, and holds until handle()
 * returns. */
struct reeve_task {
	uint32_t bytes;	  /* sizeof of the worker's */
	uint32_t attempt; /* from 1 */
	int64_t job;
	const char *handler;
	const char *queue;
	const char *args;  /* JSON, checked, UTF-8; a NUL lies behind it */
	size_t args_bytes; /* without that NUL */
	void *data;	   /* what init() left */
	const struct reeve_task_calls *calls;
};

struct reeve_handler {
	const char *name; /* NULL: the end of the list */
	/* 0: done, with the result that was set, or null. Else it failed: as
	 * reeve_fail() said, or with type HandlerFailed. */
	int (*handle)(struct reeve_task *task);
};

/* Where to say why: a text for people, NUL behind it. */
struct reeve_why {
	char *text;   /* the worker's */
	size_t bytes; /* room, with the NUL */
};

/* The plugin's own, for as long as it is loaded: it never is unloaded. */
struct reeve_plugin {
	uint32_t abi;	/* REEVE_PLUGIN_ABI */
	uint32_t bytes; /* sizeof(struct reeve_plugin) */
	const struct reeve_handler *handlers;
	/*
	 * Each of these may be NULL, and returns 0 if it went well.
	 *
	 * preload: once, in the template. argv[0] is the plugin, then come the
	 * arguments of the configuration; argv[argc] is NULL. It must leave no
	 * thread behind: the template forks.
	 */
	int (*preload)(int argc, char **argv, struct reeve_why *why);
	/* init: in each worker, before its first job. *data is the plugin's. */
	int (*init)(void **data, struct reeve_why *why);
	/* fini: in each worker that leaves in peace, behind its last job. */
	void (*fini)(void *data);
};

#define REEVE_PLUGIN_HEAD                                                      \
	REEVE_PLUGIN_ABI, (uint32_t)sizeof(struct reeve_plugin)

/* The one symbol that is looked for. */
extern __attribute__((visibility("default")))
const struct reeve_plugin reeve_plugin;
#define REEVE_PLUGIN const struct reeve_plugin reeve_plugin

/**
 * reeve_result() - what the job yields, as JSON
 * @json:	one value; the last call counts; copied
 *
 * Return: 0; -1 if it is not JSON, too long, or there is no memory: then the
 *         job fails with ResultNotJSON, ResultTooLarge or MemoryError, unless
 *         a later call sets a good one.
 */
static inline int reeve_result(struct reeve_task *task, const char *json,
			       size_t bytes)
{
	return task->calls->result(task, json, bytes);
}

/**
 * reeve_fail() - the job failed, whatever handle() returns
 * @type:	a word for programs, at most 256 bytes: "NoSuchFile"
 * @message:	a sentence for people, at most 4 KiB; NULL: none
 * @trace:	where, at most 16 KiB; NULL: none
 *
 * Copied, longer ones are cut.
 *
 * Return: -1, so that a handler can return it.
 */
static inline int reeve_fail(struct reeve_task *task, const char *type,
			     const char *message, const char *trace)
{
	task->calls->fail(task, type, message, trace);
	return -1;
}

/** reeve_give_up() - if it fails, it is not tried again */
static inline void reeve_give_up(struct reeve_task *task)
{
	task->calls->retry(task, 0, -1);
}

/** reeve_retry_after() - if it fails and is tried again, then after this pause */
static inline void reeve_retry_after(struct reeve_task *task, int64_t pause_ms)
{
	task->calls->retry(task, 1, pause_ms);
}

/**
 * reeve_progress() - how far it is
 * @fraction:	0 to 1; negative: as it was
 * @note:	a few words, copied; NULL: none
 *
 * At most ten a second go on, the newest wins: call it as often as you like.
 */
static inline void reeve_progress(struct reeve_task *task, double fraction,
				  const char *note)
{
	task->calls->progress(task, fraction, note);
}

/**
 * reeve_cancelled() - should it stop? Cheap: ask in every loop.
 *
 * Return: 0: go on; 1: somebody cancelled it; 2: its time is over. Whoever
 *         stops for it returns reeve_fail(task, "Cancelled", ...); who does not
 *         stop within the grace is killed, with its worker.
 */
static inline int reeve_cancelled(const struct reeve_task *task)
{
	return task->calls->cancelled(task);
}

/** reeve_log() - a line for the job's output (`reeve logs`); 4 KiB a job */
static inline void reeve_log(struct reeve_task *task, const char *text)
{
	task->calls->log(task, text);
}

#ifdef __cplusplus
}
#endif
