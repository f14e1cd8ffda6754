#!/bin/bash
# Runs the project's tests:  ./test/run.sh [check|unit|contract|integration|swarm|chain|browser|simulation]… [bench SUBJECT]
# Without names all but the benches. Installs what is missing. The last line is "N passed, N failed, N skipped".
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
engine_here=$PWD/deploy
# shellcheck source=deploy/engine.sh
. deploy/engine.sh
# shellcheck source=deploy/toolchain.sh
. deploy/toolchain.sh

case "${1:-}" in -h | --help)
  sed -n '2,3s/^# //p' "${BASH_SOURCE[0]}"
  exit 0
  ;;
esac

wants() {
  local name
  [ "$#" -gt 0 ] || return 1
  [ "${#asked[@]}" -gt 0 ] || return 0
  for name; do [[ " ${asked[*]} " != *" $name "* ]] || return 0; done
  return 1
}

asked=("$@")
packages=(git)
command -v node >/dev/null && command -v npm >/dev/null || packages+=(nodejs npm)
if wants swarm integration chain contract browser bench; then packages+=(busybox-static ca-certificates iproute2 iptables procps runc tini util-linux); fi
if wants browser; then packages+=(chromium); fi
if [ "$(id -u)" = 0 ]; then
  engine_install "${packages[@]}"
else
  echo "not root: Debian packages are taken as they are, and tests that need a lab will fail and say so" >&2
fi
toolchain_ready
exec bun run test/suites.ts "$@"
