#!/bin/bash
# Runs as root in the container that systemd.sh boots: TAP on stdout.
set -u
export LC_ALL=C REEVE_SOCKET=/run/reeve/reeve.sock
PATH=/usr/local/bin:$PATH
n=0

# check NAME COMMAND...: one line of TAP, with what was said if it failed.
check()
{
	local name=$1 said
	shift
	n=$((n + 1))
	if said=$(limited "$@" 2>&1); then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
		printf '%s\n' "$said" | tail -n 20 | sed 's/^/# /'
		timeout 5 systemctl status reeved --no-pager -n 8 2>&1 | sed 's/^/# /'
	fi
}

# What hangs is a failure of that check, not of all.
limited()
{
	"$@" &
	local pid=$! end=$((SECONDS + 40))
	while kill -0 $pid 2>/dev/null; do
		if [ $SECONDS -ge $end ]; then
			kill $pid
			echo 'it takes too long'
			return 1
		fi
		sleep 0.02
	done
	wait $pid
}

# eventually SECONDS COMMAND...
eventually()
{
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.05
	done
}

has_grace()
{
	reeve config show 2>/dev/null | grep -q "^defaults.grace.*$1.*$2"
}

reloads()
{
	mkdir -p /etc/reeve
	echo 'defaults: { grace: 7s }' >/etc/reeve/reeve.yaml
	systemctl reload reeved && eventually 10 has_grace 7s reeve.yaml ||
		{ reeve config show; return 1; }
	rm /etc/reeve/reeve.yaml
	systemctl reload reeved && eventually 10 has_grace 10s default
}

refused_reload()
{
	local before result
	before=$(main_pid)
	echo 'defaults: { grcae: 7s }' >/etc/reeve/reeve.yaml
	systemctl reload reeved
	result=$?
	rm /etc/reeve/reeve.yaml
	[ $result != 0 ] || { echo 'systemctl took it for a success'; return 1; }
	eventually 5 sh -c 'journalctl -u reeved -o cat | grep grcae' || return 1
	has_grace 10s default && [ "$(main_pid)" = "$before" ] &&
		systemctl is-active reeved && systemctl reload reeved
}

main_pid()
{
	systemctl show -P MainPID reeved
}

is_new_main()
{
	local pid
	pid=$(main_pid)
	[ "$pid" != 0 ] && [ "$pid" != "$1" ] && reeve ping >/dev/null 2>&1
}

is_ended()	# JOB
{
	reeve show --json "$1" | grep -Eq '"state": ?"(succeeded|failed|cancelled)"'
}

activated()
{
	systemctl is-active reeved.service && return 1
	[ "$(reeve run -- echo hello)" = hello ] &&
		systemctl is-active reeved.service
}

status_text()
{
	systemctl show -P StatusText reeved | grep -q '^serving' &&
		[ "$(systemctl show -P Type reeved)" = notify ]
}

is_service_user()
{
	[ "$(reeve run -- id -un)" = reeve ]
}

others_refused()
{
	! setpriv --reuid 65000 --clear-groups reeve ping
}

# The daemon may be protected when memory ends; what it runs is not.
oom_scores()
{
	echo "daemon: $(cat "/proc/$(main_pid)/oom_score_adj")"
	echo "job: $(reeve run -- cat /proc/self/oom_score_adj)"
	[ "$(reeve run -- cat /proc/self/oom_score_adj)" = 0 ]
}

in_unit_cgroup()
{
	reeve run -- cat /proc/self/cgroup
	journalctl -u reeved -o cat | grep cgroups | tail -n 1
	reeve run -- cat /proc/self/cgroup | grep -q '/reeved.service/job/' &&
		! grep -q . /sys/fs/cgroup/unified/system.slice/reeved.service/cgroup.procs
}

# A job that is running while something happens, and what became of it.
begin_job()
{
	job=$(reeve submit -- sh -c 'echo began; while [ -e /tmp/gate ]; do sleep 0.05; done; echo ended')
	eventually 10 sh -c "reeve logs $job 2>/dev/null | grep -q began"
}

job_is_whole()
{
	rm -f /tmp/gate
	eventually 20 is_ended "$job" || return 1
	reeve show --json "$job"
	reeve show --json "$job" | grep -Eq '"state": ?"succeeded"' &&
		reeve show --json "$job" | grep -Eq '"attempt": ?1[,}]' &&
		[ "$(reeve logs "$job" | tr '\n' ' ')" = 'began ended ' ]
}

survives()	# COMMAND...: while a job runs
{
	local before
	touch /tmp/gate
	begin_job || return 1
	before=$(main_pid)
	"$@" || return 1
	eventually 20 is_new_main "$before" || return 1
	job_is_whole
}

killed()
{
	kill -9 "$(main_pid)"
}

# Connects all the time: none may be refused while the daemon is replaced.
restart_under_connects()
{
	local i
	rm -f /tmp/refused
	( while [ ! -e /tmp/enough ]; do
		socat -u OPEN:/dev/null UNIX-CONNECT:$REEVE_SOCKET ||
			echo refused >>/tmp/refused
	done ) 2>/dev/null &
	for i in 1 2 3; do
		systemctl restart reeved || return 1
	done
	reeve ping || return 1
	touch /tmp/enough
	wait
	[ ! -e /tmp/refused ]
}

stuck_is_replaced()
{
	local before
	mkdir -p /run/systemd/system/reeved.service.d
	printf '[Service]\nWatchdogSec=2\nTimeoutAbortSec=1\n' \
		>/run/systemd/system/reeved.service.d/watchdog.conf
	systemctl daemon-reload && systemctl restart reeved || return 1
	sleep 3
	before=$(main_pid)
	[ "$(systemctl show -P NRestarts reeved)" = 0 ] || return 1
	kill -STOP "$before"
	eventually 15 is_new_main "$before"
}

stop_leaves_jobs()
{
	touch /tmp/gate
	begin_job || return 1
	systemctl stop reeved.service || return 1
	[ "$(systemctl show -P Result reeved)" = success ] || return 1
	# The socket is still the manager's; the next client starts a daemon.
	[ -S $REEVE_SOCKET ] && job_is_whole
}

is_inactive()
{
	[ "$(systemctl show -P ActiveState reeved.service)" = inactive ]
}

# What was asked for is no failure to be mended: the next client starts one.
stop_by_tool_holds()
{
	reeve ping && reeve daemon stop || return 1
	eventually 10 is_inactive && sleep 1 && is_inactive || return 1
	reeve ping && ! is_inactive
}

with_drop_in()
{
	mkdir -p /run/systemd/system/reeved.service.d
	cp "/usr/local/share/doc/reeve/systemd/$1.conf" \
		/run/systemd/system/reeved.service.d/ || return 1
	systemctl daemon-reload && systemctl restart reeved || return 1
	[ "$(reeve run -- echo "$1")" = "$1" ] && in_unit_cgroup
}

second_is_refused()
{
	local said
	said=$(runuser -u reeve -- reeved --state-dir /var/lib/reeve \
		--runtime-dir /run/reeved 2>&1)
	[ $? = 100 ] && [[ $said == *"another reeved (pid $(main_pid))"* ]]
}

nothing_left()
{
	systemctl stop reeved.service reeved.socket || return 1
	eventually 5 sh -c '! pgrep reeved'
}

as_ann()
{
	runuser -u ann -- env -u REEVE_SOCKET -u XDG_RUNTIME_DIR "$@"
}

# The machine's daemon is not for her, and in nobody's way.
others_have_their_own()
{
	useradd -m ann || return 1
	[ "$(as_ann reeve run -- id -un)" = ann ] &&
		[ "$(reeve run -- id -un)" = reeve ] &&
		as_ann reeve daemon stop
}

user_daemon()
{
	systemctl --global enable reeved.socket || return 1
	loginctl enable-linger ann || return 1
	eventually 15 test -S "/run/user/$(id -u ann)/reeve/reeve.sock" ||
		return 1
	runuser -u ann -- env -u REEVE_SOCKET \
		XDG_RUNTIME_DIR="/run/user/$(id -u ann)" \
		reeve run -- cat /proc/self/cgroup >/tmp/ann
	cat /tmp/ann
	grep -Eq '/app.slice/reeved.service/(reeve-[^/]*/)?job/' /tmp/ann
}

ldconfig
systemd-sysusers && systemd-tmpfiles --create 2>/dev/null
systemctl daemon-reload
check 'the socket unit starts' systemctl start reeved.socket
check 'the first client starts the daemon' activated
check 'it told that it serves' status_text
check 'jobs run as the service user' is_service_user
check 'another user is refused' others_refused
check 'another user has a daemon beside it' others_have_their_own
check "jobs have cgroups in the unit's own" in_unit_cgroup
check 'jobs are not protected from the lack of memory' oom_scores
check 'a reload takes what /etc/reeve says' reloads
check 'a refused reload fails, is told why, and changes nothing' refused_reload
check 'a second daemon is refused with the pid' second_is_refused
check 'a job survives kill -9 of the daemon' survives killed
check 'a job survives a restart' survives systemctl restart reeved
check 'no connection is refused while it restarts' restart_under_connects
check 'a stuck daemon is replaced by the watchdog' stuck_is_replaced
check 'a stop leaves running jobs alone' stop_leaves_jobs
check 'a stop by the tool holds until the next client' stop_by_tool_holds
check 'it works hardened' with_drop_in hardened
check 'it works in the strict form' with_drop_in strict
check 'nothing is left after a stop' nothing_left
check 'a user has a daemon of his own' user_daemon
# What is left of it would make the shutdown wait.
systemctl stop "user@$(id -u ann).service"
echo "1..$n"
