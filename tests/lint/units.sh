#!/bin/bash
# The unit files: do they parse, and is the service as closed as we say?
#
#	units.sh SERVICE SYSTEMD-FOLDER
# covers: systemd/reeved.service systemd/hardened systemd/strict
set -u
service=$1
folder=$2
n=0 failed=0

# check NAME COMMAND...: one line of TAP, with what the command said below.
check()
{
	local name=$1 said
	shift
	n=$((n + 1))
	if said=$("$@" 2>&1); then
		echo "ok $n - $name"
	else
		failed=1
		echo "not ok $n - $name"
		printf '%s\n' "$said" | tail -n 3 | sed 's/^/# /'
	fi
}

# exposure THRESHOLD DROP-IN...: in tenths, as systemd-analyze takes it.
exposure()
{
	local threshold=$1
	shift
	cat "$service" "$@" >"$scratch/reeved.service" &&
		systemd-analyze security --offline=true --no-pager \
			--threshold="$threshold" "$scratch/reeved.service"
}

# The programs are not installed yet: they are the only things to be missing.
verify()
{
	local said
	sed -E "s,^(ExecStart|ExecReload)=[^ ]*,\1=$(command -v true)," "$1" \
		>"$scratch/reeved.service" || return 1
	cp "$2" "$scratch/reeved.socket" || return 1
	said=$(systemd-analyze verify --man=no "$scratch/reeved.service" \
		"$scratch/reeved.socket" 2>&1 | grep reeved)
	printf '%s\n' "$said"
	[ -z "$said" ]
}

if ! command -v systemd-analyze >/dev/null; then
	echo '1..0 # SKIP no systemd-analyze on this machine'
	exit 0
fi
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
check 'the system units parse' verify "$service" "$folder/reeved.socket"
check "the user's units parse" verify "${service%.service}-user.service" \
	"$folder/reeved-user.socket"
check 'the service scores at most 6.7' exposure 67
check 'hardened it scores at most 4.5' exposure 45 "$folder/hardened.conf"
check 'strict it scores at most 1.0' exposure 10 "$folder/strict.conf"
echo "1..$n"
exit $failed
