#!/bin/bash
# Starts a whole platform on this machine:  ./deploy/up.sh [--yes] [--json] [--demo|--no-demo] [option of `platform up`]…
#   --yes       install what is missing without asking; it does not confirm a change of database, subnet or chain
#   --json      print one JSON object as the last line of stdout; progress goes to stderr
#   --demo      run the demonstration even if the registry holds challenges; --no-demo: do not run it
#   --down      remove what a former run made, but keep volumes, choices and secrets; with --purge remove these too.
#               --purge asks for the installation's name; --yes --purge=NAME does not ask
# The choices that options make are kept in /etc/platform/platform.toml. Without options they stay as they are.
# Installs Debian packages: git, busybox-static, ca-certificates, iproute2, iptables, procps, runc, tini, util-linux.
# Installs Bun and the locked npm dependencies inside this folder. If no engine that is new enough answers, it installs Docker
# Engine 26.1 under /opt/platform and links its client to /usr/local/bin/docker. It builds the platform into dist/ if the
# sources changed, and links the operator's command to /usr/local/bin/platform.
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

# Whether an engine answers, of the platform or of the machine.
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
