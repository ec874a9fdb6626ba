#!/bin/bash
# Boots a real systemd in a container, with reeve installed, and runs
# systemd_inside.sh there. As root; needs mmdebstrap and systemd-nspawn.
#
#	systemd.sh BUILD
#
# The tree is made once a build folder (250 MB, a minute) and used again, until
# it needs other packages.
# covers: daemon/supervisor/start daemon/supervisor/notify daemon/supervisor/listen
set -u
here=$(cd "$(dirname "$0")" && pwd)
build=${1:?BUILD: a configured and compiled build folder}
skip()
{
	echo "1..0 # SKIP $*"
	exit 0
}
[ "$(id -u)" = 0 ] || skip 'only root can boot a container'
for tool in mmdebstrap systemd-nspawn; do
	command -v $tool >/dev/null || skip "$tool is not installed"
done

build=$(cd "$build" && pwd) || exit 1
tree=$build/systemd-tree
packages=systemd,systemd-sysv,dbus,procps,socat,libpam-systemd
packages+=,dbus-user-session,libevent-core-2.1-7,libsqlite3-0,libmd0,libyaml-0-2
if [ "$(cat "$tree.made" 2>/dev/null)" != "$packages" ]; then
	rm -rf "$tree"
	# The container's packages come the way this machine's do.
	apt-config dump | grep -E '^Acquire::(http|https|Retries)' \
		>"$build/systemd-apt.conf"
	mmdebstrap --quiet --variant=minbase --include=$packages \
		--aptopt="$build/systemd-apt.conf" bookworm "$tree" \
		>"$build/systemd-tree.log" 2>&1 || {
		tail -n 5 "$build/systemd-tree.log" | sed 's/^/# /'
		skip 'no Debian tree could be made'
	}
	echo "$packages" >"$tree.made"
fi

# The install goes over the tree: what an earlier build left would be served.
rm -rf "$tree/usr/local"
mkdir -p "$tree/usr/local"
DESTDIR=$tree meson install -C "$build" --quiet >"$build/systemd-install.log" \
	2>&1 || {
	tail -n 5 "$build/systemd-install.log"
	exit 1
}
cp "$here/systemd_inside.sh" "$tree/usr/local/bin/reeve-inside"
cat >"$tree/etc/systemd/system/reeve-test.service" <<'UNIT'
[Unit]
After=multi-user.target dbus.service systemd-logind.service
[Service]
Type=simple
ExecStart=/bin/sh -c '/usr/local/bin/reeve-inside >/results/tap 2>/results/err; systemctl exit 0'
UNIT
cat >"$tree/etc/systemd/system/reeve-test.target" <<'UNIT'
[Unit]
Requires=multi-user.target reeve-test.service
AllowIsolate=yes
UNIT

# A place of our own in the hierarchies that nspawn would use the root of.
results=$(mktemp -d) || exit 1
scopes=()
while read -r _ mount type options _; do
	case $type,$options in
	cgroup2,* | cgroup,*name=systemd*) scopes+=("$mount/reeve-boot.$$") ;;
	esac
done </proc/self/mounts
clean()
{
	rm -rf "$results"
	for scope in "${scopes[@]}"; do
		[ -d "$scope" ] || continue
		find "$scope" -depth -type d -exec rmdir {} \; 2>/dev/null
	done
}
trap clean EXIT
mkdir "${scopes[@]}"
(
	for scope in "${scopes[@]}"; do
		echo $BASHPID >"$scope/cgroup.procs"
	done
	timeout "${REEVE_BOOT_SECONDS:-180}" systemd-nspawn -q -D "$tree" --volatile=overlay --boot \
		--register=no --keep-unit --private-network \
		--machine=reeve$$ --bind="$results":/results \
		systemd.unit=reeve-test.target systemd.show_status=no \
		</dev/null >"$results/console" 2>&1
)
if ! grep -q '^1\.\.' "$results/tap" 2>/dev/null; then
	echo 'not ok 1 - the container ran to its end'
	tail -n 30 "$results/tap" "$results/console" "$results/err" 2>/dev/null | sed 's/^/# /'
	echo '1..1'
	exit 1
fi
cat "$results/tap"
! grep -q '^not ok' "$results/tap"
