#!/usr/bin/env bash
# Runs a command with a throw-away PostgreSQL server on a socket in a temporary
# directory; MAINSTAY_TEST_POSTGRES holds its address. Nothing is left behind.
set -euo pipefail

bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1 || true)
if [ -z "$bin" ]; then
	echo "PostgreSQL is not installed; run scripts/install-deps.sh --test" >&2
	exit 1
fi
dir=$(mktemp -d "${TMPDIR:-/tmp}/mainstay-pg.XXXXXX")
run=()
if [ "$(id -u)" = 0 ]; then
	# PostgreSQL refuses to run as root.
	chown postgres "$dir"
	run=(setpriv --reuid=postgres --regid=postgres --clear-groups)
fi
stop() {
	"${run[@]}" "$bin/pg_ctl" -D "$dir/data" -m immediate -s stop >/dev/null 2>&1 || true
	rm -rf "$dir"
}
trap stop EXIT
"${run[@]}" "$bin/initdb" -D "$dir/data" -A trust -U postgres -E UTF8 --locale=C.UTF-8 -N >/dev/null
"${run[@]}" "$bin/pg_ctl" -D "$dir/data" -s -w -l "$dir/log" \
	-o "-c listen_addresses='' -c unix_socket_directories='$dir' -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=200 -c shared_buffers=64MB" start
export MAINSTAY_TEST_POSTGRES="postgres:///postgres?host=$dir&user=postgres&sslmode=disable"
"$@"
