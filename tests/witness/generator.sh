#!/bin/bash
#
# Somebody else's parser reads our interface files: varlink-go's generator
# (Debian: varlink-go). With golang-go and golang-github-varlink-go-dev what it
# made is compiled too.
#
# generator.sh FILE.varlink...

set -u
number=0 failed=0
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT

result() # OUTCOME TEXT
{
	number=$((number + 1))
	[ "$1" = ok ] || failed=1
	echo "$1 $number - $2"
}

for file; do
	name=$(basename "$file" .varlink)
	if ! command -v varlink-go-interface-generator >/dev/null; then
		result ok "varlink-go reads $name # SKIP no varlink-go-interface-generator"
		continue
	fi
	package=$folder/src/${name//./}
	mkdir -p "$package"
	cp "$file" "$package/"
	if (cd "$package" && varlink-go-interface-generator "$name.varlink" &&
		ls ./*.go) >"$folder/log" 2>&1; then
		result ok "varlink-go reads $name"
	else
		sed 's/^/# /' "$folder/log"
		result 'not ok' "varlink-go reads $name"
	fi
	if ! command -v go >/dev/null || ! [ -d /usr/share/gocode/src/github.com/varlink/go ]; then
		result ok "Go compiles $name # SKIP no golang-github-varlink-go-dev"
		continue
	fi
	if (cd "$package" && GO111MODULE=off GOFLAGS= GOPATH=$folder:/usr/share/gocode \
		GOCACHE=$folder/cache go build .) >"$folder/log" 2>&1; then
		result ok "Go compiles $name"
	else
		sed 's/^/# /' "$folder/log"
		result 'not ok' "Go compiles $name"
	fi
done
echo "1..$number"
exit $failed
