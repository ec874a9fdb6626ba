#include "daemon/supervisor/orphans.h"

#include "daemon/supervisor/reap.h"

#include <errno.h>
#include <signal.h>

/* More below one kept process than this are not looked at. */
#define TREE_MAX 16384

static bool contains(const pid_t *list, size_t count, pid_t pid)
{
	for (size_t i = 0; i < count; i++)
		if (list[i] == pid)
			return true;
	return false;
}

static int append(pid_t **list, size_t *count, size_t *room, pid_t pid)
{
	if (*count == *room) {
		size_t more = *room ? 2 * *room : 16;
		pid_t *grown = reallocarray(*list, more, sizeof(**list));

		if (!grown)
			return -ENOMEM;
		*list = grown;
		*room = more;
	}
	(*list)[(*count)++] = pid;
	return 0;
}

static int note_session(struct orphans *orphans, pid_t pid)
{
	pid_t session = reap_session(pid);

	if (session <= 0 ||
	    contains(orphans->sessions, orphans->session_count, session))
		return 0;
	return append(&orphans->sessions, &orphans->session_count,
		      &orphans->session_room, session);
}

/* The sessions of a process and of all below it, one layer after the other. */
static int note_tree(struct orphans *orphans, pid_t root)
{
	pid_t *queue = NULL;
	size_t count = 0, room = 0;
	int r;

	r = append(&queue, &count, &room, root);
	for (size_t at = 0; !r && at < count; at++) {
		pid_t *children = NULL;
		size_t child_count = 0;

		r = note_session(orphans, queue[at]);
		if (!r)
			r = reap_children(queue[at], &children, &child_count);
		for (size_t i = 0; !r && i < child_count && count < TREE_MAX;
		     i++)
			r = append(&queue, &count, &room, children[i]);
		free(children);
	}
	free(queue);
	return r;
}

static int keep(struct orphans *orphans, pid_t pid)
{
	int r;

	r = append(&orphans->kept, &orphans->kept_count, &orphans->kept_room,
		   pid);
	return r ? r : note_tree(orphans, pid);
}

static bool is_kept(struct orphans *orphans, const struct orphans_ask *ask,
		    pid_t pid, bool spare)
{
	if (spare || ask->is_marked(ask->context, pid))
		return true;
	return orphans->session_count > 0 &&
	       contains(orphans->sessions, orphans->session_count,
			reap_session(pid));
}

int orphans_hunt(struct orphans *orphans, const struct orphans_ask *ask,
		 bool spare, size_t *ret_count)
{
	pid_t *children = NULL;
	size_t count = 0, ended = 0;
	int r;

	r = reap_children(0, &children, &count);
	for (size_t i = 0; !r && i < count; i++) {
		pid_t pid = children[i];

		if (ask->is_known(ask->context, pid) ||
		    contains(orphans->kept, orphans->kept_count, pid))
			continue;
		if (is_kept(orphans, ask, pid, spare)) {
			r = keep(orphans, pid);
			continue;
		}
		ended++;
		r = reap_signal(pid, SIGKILL);
		if (r == -ESRCH)
			r = 0; /* it has ended by itself */
	}
	free(children);
	if (orphans->kept_count == 0)
		orphans->session_count = 0;
	if (!r)
		*ret_count = ended;
	return r;
}

int orphans_spare(struct orphans *orphans, const struct orphans_ask *ask)
{
	size_t none;

	return orphans_hunt(orphans, ask, true, &none);
}

bool orphans_reaped(struct orphans *orphans, pid_t pid)
{
	for (size_t i = 0; i < orphans->kept_count; i++) {
		if (orphans->kept[i] != pid)
			continue;
		orphans->kept[i] = orphans->kept[--orphans->kept_count];
		return true;
	}
	return false;
}

void orphans_fini(struct orphans *orphans)
{
	free(orphans->kept);
	free(orphans->sessions);
	*orphans = (struct orphans){0};
}
