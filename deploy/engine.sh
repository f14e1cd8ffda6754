#!/bin/sh
# Manages the platform's own Docker Engine, unpacked from Debian's packages beside what the machine has installed.
#
# Debian 12's docker.io is 20.10, too old for the platform. Debian 13's is 26.1 and runs on Debian 12 unchanged.
# Source this file to use its functions engine_*, or call it:
#
#   engine.sh fetch [SUITE]      unpack the engine of Debian SUITE (default trixie) and print its folder
#   engine.sh package SUITE NAME unpack one more package of that suite; SUITE "own" is the machine's own Debian
#   engine.sh start [OPTION...]  start it with OPTIONs for dockerd, by systemd or directly, and wait until it answers
#   engine.sh stop               stop the engine that start started
#   engine.sh version            print the versions of its parts
#
# Environment: ENGINE_PREFIX (/opt/platform/engine), ENGINE_SUITE (trixie), ENGINE_SOCKET (/run/docker.sock),
# ENGINE_DATA (/var/lib/docker, or /var/lib/platform-docker if the former holds another engine's data),
# ENGINE_COMMAND (/usr/local/bin/docker; it becomes a link to the engine's client if the machine has no docker command).

engine_here=${engine_here:-$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)}
: "${ENGINE_PREFIX:=/opt/platform/engine}" "${ENGINE_SUITE:=trixie}"
: "${ENGINE_SOCKET:=/run/docker.sock}" "${ENGINE_DATA:=}" "${ENGINE_COMMAND:=/usr/local/bin/docker}"
ENGINE_RUN=/run/platform-docker
ENGINE_ETC=/etc/platform/engine
ENGINE_START_SECONDS=60
ENGINE_API_OLDEST=45 # the minor number of API version 1.45, which Docker Engine 26.1 has

engine_say() { printf '%s\n' "$*" >&2; }
engine_fail() { engine_say "engine: $*"; return 1; }

engine_need_root() { [ "$(id -u)" = 0 ] || engine_fail "must be run as root"; }

# engine_apt ARGUMENT...: apt-get, with its output shown only if it fails.
engine_apt() {
  if engine_said=$(DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@" 2>&1); then return 0; fi
  engine_say "$engine_said"
  return 1
}

# Updates the machine's own package lists. Errors are ignored: a broken source of a third party does not concern us.
engine_refresh() { engine_apt update 2>/dev/null || :; }

# engine_install NAME...: installs those Debian packages that are missing, from the machine's own release.
engine_install() {
  engine_missing=
  for engine_name; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$engine_name" 2>/dev/null)" = installed ] || engine_missing="$engine_missing $engine_name"
  done
  [ -n "$engine_missing" ] || return 0
  engine_say "installing:$engine_missing"
  # shellcheck disable=SC2086 # a list of package names
  engine_apt install -y --no-install-recommends $engine_missing 2>/dev/null ||
    { engine_refresh && engine_apt install -y --no-install-recommends $engine_missing; } ||
    engine_fail "apt-get could not install:$engine_missing"
}

# Installs the packages that the unpacked engine needs. docker-init is a link to tini-static, a program of tini.
engine_helpers() { engine_install ca-certificates iproute2 iptables procps runc tini util-linux; }

# Prints the URI of the machine's Debian mirror, and FILE:ENTRY of the apt source that names it.
engine_mirror() {
  # shellcheck source=/dev/null
  engine_codename=$(. /etc/os-release && printf %s "${VERSION_CODENAME:-}")
  # shellcheck disable=SC2016 # apt's variables, not ours
  apt-get indextargets --no-release-info --format '$(REPO_URI) $(RELEASE) $(COMPONENT) $(SOURCESENTRY)' 'Identifier: Packages' |
    awk -v want="$engine_codename" '$3 == "main" && ($2 == want || $2 == "stable" || $2 == "oldstable") { print $1, $4; exit }'
}

# engine_signed_by FILE:ENTRY: prints the keyring file of that apt source; nothing if apt's trusted keys sign it.
engine_signed_by() {
  sed -n -e 's/^[Ss]igned-[Bb]y:[[:space:]]*\(\/.*\)$/\1/p' -e 's/^deb .*\[.*signed-by=\(\/[^] ]*\).*/\1/p' "${1%:*}" 2>/dev/null | head -n 1
}

# engine_source SUITE KEYRING: makes a separate apt for that suite in $engine_apt_dir. The machine's own lists do not change.
engine_source() {
  mkdir -p "$engine_apt_dir/lists/partial" "$engine_apt_dir/cache/archives/partial"
  {
    printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\n' "$engine_uri" "$1"
    [ -z "$2" ] || printf 'Signed-By: %s\n' "$2"
  } >"$engine_apt_dir/suite.sources"
}

engine_suite_apt() {
  engine_apt -o Dir::Etc::SourceParts=/dev/null -o Dir::Etc::SourceList="$engine_apt_dir/suite.sources" \
    -o Dir::State::Lists="$engine_apt_dir/lists" -o Dir::Cache="$engine_apt_dir/cache" -o APT::Sandbox::User=root \
    -o Acquire::Languages=none -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false \
    -o APT::Update::Error-Mode=any "$@"
}

# engine_update SUITE: fetches that suite's package lists and checks their signatures. If the keyring is too old for the
# suite, it uses the newest keyring from the machine's own checked sources. The machine's keyring does not change.
engine_update() {
  engine_found=$(engine_mirror)
  [ -n "$engine_found" ] || engine_fail "no Debian mirror in this machine's apt sources" || return 1
  engine_uri=${engine_found%% *}
  engine_keyring=$(engine_signed_by "${engine_found#* }")
  engine_source "$1" "$engine_keyring"
  engine_suite_apt update && return 0
  engine_say "the lists of $1 did not verify: trying the newest debian-archive-keyring of this machine's own sources"
  engine_refresh
  (cd "$engine_apt_dir" && engine_apt -o APT::Sandbox::User=root download debian-archive-keyring && dpkg -x debian-archive-keyring_*.deb keyring) || return 1
  engine_source "$1" "$engine_apt_dir/keyring/usr/share/keyrings/debian-archive-keyring.gpg"
  engine_suite_apt update || engine_fail "the package lists of Debian $1 could not be fetched or verified from $engine_uri"
}

# engine_unpack SUITE TARGET NAME...: unpacks packages into the folder TARGET. If one fails, TARGET does not change.
engine_unpack() {
  engine_suite=$1 engine_target=$2
  shift 2
  mkdir -p "$(dirname -- "$engine_target")"
  engine_apt_dir=$(mktemp -d "$engine_target.XXXXXX") || return 1
  (
    trap 'rm -rf "$engine_apt_dir"' EXIT
    trap 'exit 1' HUP INT TERM
    if [ "$engine_suite" = own ]; then
      cd "$engine_apt_dir" || exit 1
      engine_apt -o APT::Sandbox::User=root download "$@" 2>/dev/null ||
        { engine_refresh && engine_apt -o APT::Sandbox::User=root download "$@"; } || exit 1
    else
      engine_update "$engine_suite" || exit 1
      cd "$engine_apt_dir" || exit 1
      # shellcheck disable=SC2046 # a list of package names
      engine_suite_apt download $(printf "%s/$engine_suite " "$@") || exit 1
    fi
    mkdir root
    for engine_deb in ./*.deb; do
      case $engine_deb in ./debian-archive-keyring_*) continue ;; esac
      dpkg -x "$engine_deb" root || exit 1
      # shellcheck disable=SC2016 # dpkg's variables, not ours
      dpkg-deb -W --showformat='${Package} ${Version}\n' "$engine_deb" >>root/packages || exit 1
    done
    [ ! -L root/usr/bin/docker-init ] || ln -sfn /usr/bin/tini-static root/usr/bin/docker-init
    chmod 755 root
    rm -rf "$engine_target" && mv -T root "$engine_target"
  )
}

# engine_locked NAME COMMAND...: runs the command while it holds the lock NAME in the prefix.
engine_locked() {
  engine_lock=$1
  shift
  mkdir -p "$ENGINE_PREFIX" || return 1
  (flock -w 600 9 || exit 1; "$@") 9>"$ENGINE_PREFIX/.lock-$engine_lock"
}

engine_fetch_locked() {
  [ -f "$ENGINE_PREFIX/$1/packages" ] && return 0
  engine_helpers || return 1
  engine_say "unpacking Docker Engine of Debian $1 into $ENGINE_PREFIX/$1"
  # Until Debian 12 the package docker.io contains the client.
  case $1 in bullseye | bookworm) engine_cli= ;; *) engine_cli=docker-cli ;; esac
  engine_unpack "$1" "$ENGINE_PREFIX/$1" docker.io containerd $engine_cli
}

# engine_fetch [SUITE]: unpacks the engine if it is missing, and prints the folder that holds usr/sbin/dockerd.
engine_fetch() {
  engine_need_root || return 1
  engine_want=${1:-$ENGINE_SUITE}
  [ -x /usr/bin/tini-static ] && [ -f "$ENGINE_PREFIX/$engine_want/packages" ] ||
    engine_locked "$engine_want" engine_fetch_locked "$engine_want" || engine_fail "could not get Docker Engine of Debian $engine_want" || return 1
  engine_helpers || return 1
  printf '%s\n' "$ENGINE_PREFIX/$engine_want"
}

engine_package_locked() {
  [ -f "$ENGINE_PREFIX/$2-$1/packages" ] && return 0
  engine_say "unpacking $2 of Debian $1 into $ENGINE_PREFIX/$2-$1"
  engine_unpack "$1" "$ENGINE_PREFIX/$2-$1" "$2"
}

engine_package() {
  engine_need_root || return 1
  engine_locked "$2-$1" engine_package_locked "$1" "$2" || engine_fail "could not get the package $2 of Debian $1" || return 1
  printf '%s\n' "$ENGINE_PREFIX/$2-$1"
}

engine_path() { printf '%s\n' "$ENGINE_PREFIX/$ENGINE_SUITE/usr/sbin:$ENGINE_PREFIX/$ENGINE_SUITE/usr/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"; }
engine_docker() { PATH=$(engine_path) docker -H "unix://$ENGINE_SOCKET" "$@"; }

# Prints the version of the engine that answers on the socket. If none answers, it prints nothing and fails.
engine_answers() { engine_docker version --format '{{.Server.Version}}' 2>/dev/null; }

# Whether the engine on the socket is new enough for the platform.
engine_is_new_enough() {
  engine_api=$(engine_docker version --format '{{.Server.APIVersion}}' 2>/dev/null) || return 1
  [ "${engine_api%%.*}" -gt 1 ] || [ "${engine_api#*.}" -ge "$ENGINE_API_OLDEST" ]
}

engine_version() {
  cat "$ENGINE_PREFIX/$ENGINE_SUITE/packages" 2>/dev/null || engine_fail "no engine in $ENGINE_PREFIX/$ENGINE_SUITE"
  engine_seen=$(engine_answers)
  printf 'running %s\n' "${engine_seen:-no}"
}

engine_is_systemd() { [ -d /run/systemd/system ]; }

engine_configure() {
  getent group docker >/dev/null || groupadd --system docker || return 1
  mkdir -p "$ENGINE_ETC" || return 1
  # The data folder is chosen once and remembered, because /var/lib/docker is no longer empty after the first start.
  if [ -n "$ENGINE_DATA" ]; then printf '%s\n' "$ENGINE_DATA" >"$ENGINE_ETC/data-root"; fi
  if [ ! -f "$ENGINE_ETC/data-root" ]; then
    if [ -z "$(ls -A /var/lib/docker 2>/dev/null)" ]; then echo /var/lib/docker; else echo /var/lib/platform-docker; fi >"$ENGINE_ETC/data-root"
  fi
  ENGINE_DATA=$(cat "$ENGINE_ETC/data-root") && mkdir -p "$ENGINE_DATA" || return 1
  [ -f "$ENGINE_ETC/daemon.json" ] || install -m 0644 "$engine_here/daemon/daemon.json" "$ENGINE_ETC/daemon.json"
}

engine_start_unit() {
  for engine_unit in platform-containerd platform-docker; do
    sed -e "s|@PATH@|$(engine_path)|g" -e "s|@BIN@|$ENGINE_PREFIX/$ENGINE_SUITE/usr|g" -e "s|@SOCKET@|$ENGINE_SOCKET|g" \
      -e "s|@DATA@|$ENGINE_DATA|g" -e "s|@OPTIONS@|$*|g" "$engine_here/daemon/$engine_unit.service" >"/etc/systemd/system/$engine_unit.service" || return 1
  done
  systemctl daemon-reload && systemctl enable --quiet platform-docker.service && systemctl start platform-docker.service
}

# Without systemd: starts the engine detached from the caller. Each start begins a new log file.
engine_start_direct() {
  mkdir -p "$ENGINE_RUN" /var/log/platform || return 1
  if ! engine_runs containerd; then
    PATH=$(engine_path) setsid containerd --address "$ENGINE_RUN/containerd.sock" --root "$ENGINE_DATA/containerd" --state "$ENGINE_RUN/containerd" \
      </dev/null >/var/log/platform/containerd.log 2>&1 9>&- &
    echo $! >"$ENGINE_RUN/containerd.pid"
  fi
  PATH=$(engine_path) setsid dockerd --config-file "$ENGINE_ETC/daemon.json" --host "unix://$ENGINE_SOCKET" --data-root "$ENGINE_DATA" \
    --exec-root "$ENGINE_RUN/exec" --pidfile "$ENGINE_RUN/docker.pid" --containerd "$ENGINE_RUN/containerd.sock" "$@" \
    </dev/null >/var/log/platform/docker.log 2>&1 9>&- &
}

engine_start_locked() {
  if engine_seen=$(engine_answers); then
    engine_is_new_enough && return 0
    engine_fail "Docker Engine $engine_seen answers on $ENGINE_SOCKET, and the platform needs 26.1 or newer: stop and disable it first (systemctl disable --now docker.socket docker.service)"
    return 1
  fi
  engine_configure || return 1
  if engine_is_systemd; then engine_start_unit "$@"; else engine_start_direct "$@"; fi || return 1
  engine_waited=0
  until engine_seen=$(engine_answers); do
    [ "$engine_waited" -lt $((ENGINE_START_SECONDS * 5)) ] ||
      engine_fail "the engine did not answer on $ENGINE_SOCKET within $ENGINE_START_SECONDS s (journalctl -u platform-docker, or /var/log/platform/docker.log)" || return 1
    engine_waited=$((engine_waited + 1))
    sleep 0.2
  done
  engine_say "Docker Engine $engine_seen started on $ENGINE_SOCKET"
}

# engine_start [OPTION...]: fetches the engine if it is missing, and starts it if no engine answers on the socket.
engine_start() {
  engine_fetch "$ENGINE_SUITE" >/dev/null && engine_locked start engine_start_locked "$@" && engine_link
}

engine_client() { printf '%s\n' "$ENGINE_PREFIX/$ENGINE_SUITE/usr/bin/docker"; }

# Links the engine's client to a command for operators, unless the machine already has a docker command.
engine_link() {
  [ -e "$ENGINE_COMMAND" ] || [ -e /usr/bin/docker ] || ln -sfn "$(engine_client)" "$ENGINE_COMMAND" 2>/dev/null ||
    engine_say "$ENGINE_COMMAND cannot be written: the engine's client is $(engine_client)"
}

engine_unlink() {
  [ "$(readlink "$ENGINE_COMMAND")" != "$(engine_client)" ] || rm -f "$ENGINE_COMMAND"
}

# engine_runs docker|containerd: whether that process, started without systemd, still runs.
engine_runs() {
  engine_pid=$(cat "$ENGINE_RUN/$1.pid" 2>/dev/null) || return 1
  case $(cat "/proc/$engine_pid/comm" 2>/dev/null) in dockerd | containerd) return 0 ;; *) return 1 ;; esac
}

engine_stop() {
  engine_need_root || return 1
  engine_unlink
  if engine_is_systemd; then
    systemctl disable --quiet --now platform-docker.service platform-containerd.service 2>/dev/null
    rm -f /etc/systemd/system/platform-docker.service /etc/systemd/system/platform-containerd.service
    systemctl daemon-reload
    return 0
  fi
  for engine_part in docker containerd; do
    engine_runs "$engine_part" || continue
    engine_pid=$(cat "$ENGINE_RUN/$engine_part.pid")
    kill "$engine_pid"
    engine_waited=0
    while kill -0 "$engine_pid" 2>/dev/null && [ "$engine_waited" -lt 150 ]; do
      sleep 0.2
      engine_waited=$((engine_waited + 1))
    done
    rm -f "$ENGINE_RUN/$engine_part.pid"
  done
}

case ${0##*/} in
engine.sh)
  case ${1:-} in
  fetch) engine_fetch "${2:-$ENGINE_SUITE}" ;;
  package) engine_package "${2:?a suite}" "${3:?a package}" ;;
  start) shift && engine_start "$@" ;;
  stop) engine_stop ;;
  version) engine_version ;;
  *) sed -n '2,/^$/s/^# \{0,1\}//p' "$0" && exit 2 ;;
  esac
  ;;
esac
