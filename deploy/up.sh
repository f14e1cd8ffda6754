#!/bin/bash
# Brings a whole platform up on this machine:  ./deploy/up.sh [--yes] [--json] [--demo|--no-demo] [option of `platform up`]…
#   --yes       install what is missing without asking; it confirms no change of database, subnet or chain
#   --json      progress on stderr, one JSON object as the last line of stdout
#   --demo      run the demonstration though challenges are there; --no-demo: do not run it
#   --down      remove what a former run made; --purge its volumes and secrets too: it asks for the installation's name, or
#               takes --yes --purge=NAME
# What options choose is kept in /etc/platform/platform.toml: without options nothing that was chosen changes.
# Installs: Debian packages (git, busybox-static, ca-certificates, iproute2, iptables, procps, runc, tini, util-linux),
# Bun and the locked npm dependencies inside this folder, and Docker Engine 26.1 under /opt/platform where no engine that is
# new enough answers, its client linked to /usr/local/bin/docker. Everything else it starts runs from dist/, which it builds
# when the sources changed; the operator's command is linked to /usr/local/bin/platform.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
engine_here=$PWD/deploy
# shellcheck source=deploy/engine.sh
. deploy/engine.sh
# shellcheck source=deploy/toolchain.sh
. deploy/toolchain.sh

started=$SECONDS
yes='' json='' down='' demo=if-new
pass=()
for option; do
  case $option in
  -h | --help) sed -n '2,/^set /s/^# \{0,1\}//p' "$0"; exit 0 ;;
  --yes) yes=1 ;;
  --json) json=1 ;;
  --down) down=1 ;;
  --demo) demo=always; pass+=(--demo) ;;
  --no-demo) demo='' ;;
  *) pass+=("$option") ;;
  esac
done

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
fail() { printf 'up.sh: %s\n' "$*" >&2; exit 1; }
[ "$(id -u)" = 0 ] || fail "must be run as root"

platform() { "$PWD/dist/platform-platform" "$@"; }
command_link=/usr/local/bin/platform

if [ -n "$down" ]; then
  [ -x dist/platform-platform ] || fail "nothing was built here: dist/platform-platform is missing"
  platform down ${yes:+--yes} "${pass[@]}"
  [ "$(readlink "$command_link")" != "$PWD/dist/platform-platform" ] || rm "$command_link"
  exit
fi

# Whether an engine that is there can be used; 0 yes, 1 there is none.
engine_there() { engine_seen=$(engine_answers || docker version --format '{{.Server.Version}}' 2>/dev/null) && [ -n "$engine_seen" ]; }

confirm() {
  [ -z "$yes" ] || return 0
  local answer
  { : </dev/tty; } 2>/dev/null || fail "there is no terminal to ask: run with --yes"
  printf '%s [y/N] ' "$1" >&2
  read -r answer </dev/tty
  case $answer in y | Y | yes) ;; *) fail "nothing was changed" ;; esac
}

if ! engine_there; then
  confirm "Install Debian packages, Bun (in this folder) and Docker Engine 26.1 (under /opt/platform), and start it?"
fi
say "Installing what is missing"
engine_install git busybox-static ca-certificates iproute2 iptables procps runc tini util-linux
toolchain_ready
say "Building (nothing to do when the sources did not change)"
bun run deploy/release.ts
say "Starting the Docker Engine (nothing to do when one answers)"
engine_start

platform up "${pass[@]}" >&2
if [ -L "$command_link" ] || [ ! -e "$command_link" ]; then
  ln -sfn "$PWD/dist/platform-platform" "$command_link"
else
  say "left alone: $command_link, which is not ours; the command is dist/platform-platform"
fi
if [ -n "$demo" ]; then
  show=(--started-seconds-ago "$((SECONDS - started))")
  [ "$demo" != if-new ] || show+=(--only-if-new)
  platform demo ${json:+--json} "${show[@]}"
fi
say "Up after $((SECONDS - started)) s"
