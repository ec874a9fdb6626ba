#!/bin/bash
#
# Somebody else's client certifies a server: varlink-go-certification (Debian:
# varlink-go) goes through org.varlink.certification, which only builds with
# test hooks serve.
#
# certification.sh SOCKET               a server that runs already
# certification.sh --serve PROGRAM      start PROGRAM SOCKET, ended by its stdin

set -u
name='varlink-go certifies'
if ! command -v varlink-go-certification >/dev/null; then
	echo "ok 1 - $name # SKIP no varlink-go-certification"
	echo 1..1
	exit 0
fi
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT

socket=$1
if [ "$1" = --serve ]; then
	socket=$folder/socket
	coproc "$2" "$socket"
	pid=$COPROC_PID
	if ! read -r -t 10 line <&"${COPROC[0]}"; then
		echo "not ok 1 - $name"
		echo 1..1
		exit 1
	fi
fi
# The client's exit status is 0 whatever happens: its words count.
timeout 100 varlink-go-certification -client -varlink "unix:$socket" \
	>"$folder/log" 2>&1
outcome='not ok'
grep -q "^End: 'true'\$" "$folder/log" && ! grep -q failed "$folder/log" &&
	outcome=ok
sed 's/^/# /' "$folder/log"
echo "$outcome 1 - $name"
echo 1..1
if [ "$1" = --serve ]; then
	eval "exec ${COPROC[1]}>&-"
	wait "$pid"
fi
[ "$outcome" = ok ]
