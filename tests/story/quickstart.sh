#!/bin/bash
# The first command of the README, as a user without a daemon would give it.
# TAP on stdout. The build folder is the one that tests/run has just made.
set -u
cd "$(dirname "$0")/../.." || exit 1
place=$(mktemp -d) || exit 1
export HOME=$place/home XDG_RUNTIME_DIR=$place/run
unset REEVE_SOCKET REEVE_RUNTIME_DIR REEVE_STATE_DIR REEVE_AUTOSTART
mkdir -m 700 "$HOME" "$XDG_RUNTIME_DIR"
reeve=build-release/client/reeve
n=0

clean()
{
	$reeve --no-autostart daemon stop --kill >/dev/null 2>&1
	rm -rf "$place"
}
trap clean EXIT

check()
{
	local name=$1
	shift
	n=$((n + 1))
	if "$@" >"$place/said" 2>&1; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
		cat "$place/out" "$place/said" | tail -n 20 | sed 's/^/# /'
	fi
}

begins()
{
	etc/quickstart >"$place/out" 2>&1 </dev/null
}

has()
{
	grep -Eq "$1" "$place/out"
}

check 'it comes to its end' begins
check 'every file was compressed' has '^[1-9][0-9]* succeeded, 0 failed in '
check 'space was saved' has '^[0-9.]+ MB became [0-9.]+ MB: [1-9][0-9]* % saved$'
check 'the slowest job is named' has '^slowest: job [0-9]+, [0-9]+ ms: gzip'
check 'a failing job is explained' has 'failed: exited with code'
check 'the daemon that is left can be used' $reeve --no-autostart run true
check 'a second time it works as well' begins
echo "1..$n"
