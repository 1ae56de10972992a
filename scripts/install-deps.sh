#!/usr/bin/env bash
# Installs what building, testing or benchmarking Mainstay needs on Debian or Ubuntu.
#
#   scripts/install-deps.sh --run    checks Go, Node and npm; installs nothing
#   scripts/install-deps.sh --test   and installs what the tests run against
#   scripts/install-deps.sh --bench  and installs what the benchmarks compare with
#
# It can be run again at any time. When everything is there it changes nothing and
# asks no package server. Services that come with a package are not started: the
# tests start their own, on loopback and free ports.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() { printf 'install-deps: %s\n' "$*" >&2; exit 1; }

# at_least HAVE WANT: whether version HAVE is WANT or newer.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

check_toolchains() {
  local want have
  want="$(awk '$1 == "go" { print $2; exit }' go.mod)"
  command -v go >/dev/null || fail "Go is not installed. Install Go $want or newer and put it on the PATH."
  # An older Go that may fetch the version named in go.mod answers with that one.
  have="$(go env GOVERSION 2>/dev/null || (cd / && GOTOOLCHAIN=local go env GOVERSION))"
  have="${have#go}"
  at_least "${have%%[- ]*}" "$want" || fail "Go $have is too old. Mainstay needs Go $want or newer."

  want=20.19.0
  command -v node >/dev/null || fail "Node.js is not installed. Install Node.js $want or newer; it builds the web interface."
  have="$(node --version)"
  at_least "${have#v}" "$want" || fail "Node.js ${have#v} is too old. The web interface needs Node.js $want or newer to build."
  command -v npm >/dev/null || fail "npm is not installed. Install the npm that belongs to your Node.js."
}

# package, a command or file that it brings: a command found by any name means
# that the package, or another build of the same program, is there.
TEST_PACKAGES="
gcc                        gcc
libc6-dev                  /usr/include/stdlib.h
chromium                   chromium
postgresql                 /usr/lib/postgresql/*/bin/initdb
nginx-light                nginx
redis-server               redis-server
mariadb-server             mariadbd
prometheus                 promtool
prometheus-node-exporter   prometheus-node-exporter
zabbix-sender              zabbix_sender
exim4-daemon-light         exim4
monitoring-plugins-basic   /usr/lib/nagios/plugins/check_tcp
monitoring-plugins-standard /usr/lib/nagios/plugins/check_pgsql
openssl                    openssl
snmpd                      snmpd
tshark                     tshark
snmp                       snmptrap
lldpd                      lldpd
mosquitto-clients          mosquitto_pub
iproute2                   bridge
softflowd                  softflowd
"
BENCH_PACKAGES="
fping                      fping
icinga2-bin                icinga2
prometheus-blackbox-exporter prometheus-blackbox-exporter
prometheus-snmp-exporter   prometheus-snmp-exporter
snmp                       snmpbulkwalk
nfdump                     nfcapd
"

# present tells whether a command or a file pattern exists.
present() {
  case "$1" in
    /*) compgen -G "$1" >/dev/null ;;
    *) PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null ;;
  esac
}

# missing prints the packages of a list whose command or file is not there.
missing() {
  local package probe
  while read -r package probe; do
    if [ -n "$package" ] && ! present "$probe"; then echo "$package"; fi
  done <<<"$1"
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

POLICY=/usr/sbin/policy-rc.d
POLICY_KEPT=""

# hold_services makes package scripts leave services alone until release_services.
hold_services() {
  if [ -e "$POLICY" ]; then
    POLICY_KEPT="$(mktemp)"
    as_root cp -p "$POLICY" "$POLICY_KEPT"
  fi
  trap release_services EXIT
  printf '#!/bin/sh\nexit 101\n' | as_root tee "$POLICY" >/dev/null
  as_root chmod 755 "$POLICY"
}

release_services() {
  if [ -n "$POLICY_KEPT" ]; then
    as_root cp -p "$POLICY_KEPT" "$POLICY"
    as_root rm -f "$POLICY_KEPT"
  else
    as_root rm -f "$POLICY"
  fi
}

install_packages() {
  [ $# -gt 0 ] || return 0
  command -v apt-get >/dev/null || fail "these are missing and there is no apt-get to install them: $*. Install them by hand."
  if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
    fail "these packages are missing: $*. Run this script as root, or install sudo."
  fi
  printf 'install-deps: installing %s\n' "$*"
  hold_services
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

case "${1:-}" in
  --run) check_toolchains ;;
  --test)
    check_toolchains
    # shellcheck disable=SC2046 # one word per package is meant
    install_packages $(missing "$TEST_PACKAGES")
    ;;
  --bench)
    check_toolchains
    # shellcheck disable=SC2046 # one word per package is meant
    install_packages $(missing "$TEST_PACKAGES$BENCH_PACKAGES")
    ;;
  *) fail "say what for: --run, --test or --bench" ;;
esac
