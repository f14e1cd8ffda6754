#!/bin/bash
# Runs the project's tests:  ./test/run.sh [check|unit|contract|integration|swarm|chain|browser|simulation]… [PART]… [bench SUBJECT]
# PART is a part of a test file's path: `unit broker/pace` for files of one suite, `broker-pace` for files of every suite.
# Without names it runs everything but the benches. It installs what is missing. The last line is "N passed, N failed, N skipped".
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
engine_here=$PWD/deploy
# shellcheck source=deploy/engine.sh
. deploy/engine.sh
# shellcheck source=deploy/toolchain.sh
. deploy/toolchain.sh

case "${1:-}" in -h | --help)
  sed -n '2,4s/^# //p' "${BASH_SOURCE[0]}"
  exit 0
  ;;
esac

wants() {
  local name
  [ "${#asked[@]}" -gt 0 ] || return 0
  for name; do [[ " ${asked[*]} " != *" $name "* ]] || return 0; done
  return 1
}

# suites_with PART: prints the suites that have a test file with that part in its path.
suites_with() { find test -name '*.test.ts*' | grep -Ei "${1//[^A-Za-z0-9]/[^A-Za-z0-9]+}" | cut -d/ -f2 | sort -u; }

asked=("$@")
case "${1:-check}" in
check | unit | contract | integration | swarm | chain | browser | simulation | bench) ;;
*) for part; do mapfile -O "${#asked[@]}" -t asked < <(suites_with "$part"); done ;;
esac
packages=(git)
command -v node >/dev/null && command -v npm >/dev/null || packages+=(nodejs npm)
if wants unit; then packages+=(busybox-static); fi
if wants swarm integration chain contract browser bench; then packages+=(busybox-static ca-certificates iproute2 iptables procps runc tini util-linux); fi
if wants browser; then packages+=(chromium); fi
if [ "$(id -u)" = 0 ]; then
  engine_install "${packages[@]}"
else
  echo "not root: Debian packages are taken as they are, and tests that need a lab will fail and say so" >&2
fi
toolchain_ready
exec bun run test/suites.ts "$@"
