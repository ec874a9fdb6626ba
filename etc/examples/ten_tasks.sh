#!/bin/sh
# Ten tasks, three at a time; those with n > 5 fail; callbacks print.
#
# What tutorials of multiprocessing show, with commands for functions. The
# callbacks are jobs of the daemon, which knows no terminal of ours: what they
# print goes through a file.
set -eu

case ${1-} in
task)
	sleep 0.1
	if [ "$2" -gt 5 ]; then
		echo "task $2: ValueError: $2 is more than 5" >&2
		exit 1
	fi
	echo "task $2: $(($2 * $2))"
	;;
done)
	reeve logs "$REEVE_OF_JOB" >>"$TEN_TASKS"
	;;
failed)
	echo "$(reeve logs "$REEVE_OF_JOB" 2>&1) ($REEVE_OF_CAUSE" \
		"$REEVE_OF_EXIT_CODE)" >>"$TEN_TASKS"
	;;
all)
	echo "$REEVE_OF_SUCCEEDED succeeded, $REEVE_OF_FAILED failed" \
		>"$TEN_TASKS.all"
	;;
*)
	me=$(realpath "$0")
	TEN_TASKS=$(mktemp)
	export TEN_TASKS
	# It fails, as some of its jobs do.
	reeve --quiet map -j3 --no-output --on-success "'$me' done" \
		--on-failure "'$me' failed" --on-all-done "'$me' all" \
		-- "$me" task {} ::: 1 2 3 4 5 6 7 8 9 10 2>/dev/null || true
	# Then its callbacks wait, run, or have ended.
	for job in $(reeve ls -o ids unfinished queue=callbacks); do
		reeve --quiet wait "$job" >/dev/null
	done
	cat "$TEN_TASKS" "$TEN_TASKS.all"
	rm -f "$TEN_TASKS" "$TEN_TASKS.all"
	;;
esac
