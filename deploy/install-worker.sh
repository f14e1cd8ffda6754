#!/bin/sh
# Makes this machine a worker:  ./deploy/install-worker.sh --manager ADDRESS --token TOKEN [option]…
#   --manager ADDRESS[:PORT]  the manager's address as this machine reaches it; the default port is 2377
#   --token TOKEN             what `docker swarm join-token --quiet worker` prints on the manager; the default is $SWARM_TOKEN
#   --images FOLDER           the folder of stager.tar, copied from the manager's dist/images; the default is dist/images.
#                             Copy demo-job.tar too if this machine is to run the demonstration's jobs
#   --advertise-addr ADDRESS  this machine's address in the Swarm, if it has several addresses
#   --gpu ID                  a GPU that jobs may use; repeat it for each GPU. An engine that runs already must advertise it
# Installs Debian packages: ca-certificates, iproute2, iptables, procps, runc, tini, util-linux. If no engine that is new enough
# answers, it also installs Docker Engine 26.1 under /opt/platform and links its client to /usr/local/bin/docker.
# You can run it again at any time.
set -eu
cd "$(dirname -- "$0")/.."
engine_here=$PWD/deploy
# shellcheck source=deploy/engine.sh
. deploy/engine.sh

say() { printf '==> %s\n' "$*" >&2; }
fail() { printf 'install-worker.sh: %s\n' "$*" >&2; exit 1; }

manager='' token=${SWARM_TOKEN:-} images=dist/images advertised='' gpus=''
while [ $# -gt 0 ]; do
  option=$1
  case $option in
  --manager | --token | --images | --advertise-addr | --gpu) [ $# -ge 2 ] || fail "$option needs a value" ;;
  -h | --help) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" && exit ;;
  *) fail "there is no option $option: see --help" ;;
  esac
  case $option in
  --manager) manager=$2 ;;
  --token) token=$2 ;;
  --images) images=$2 ;;
  --advertise-addr) advertised=$2 ;;
  --gpu) gpus="$gpus $2" ;;
  esac
  shift 2
done
[ "$(id -u)" = 0 ] || fail "must be run as root"
[ -n "$manager" ] || fail "--manager is missing: see --help"
[ -n "$token" ] || fail "--token is missing: see --help"
case $manager in *:*) ;; *) manager=$manager:2377 ;; esac
[ -r "$images/stager.tar" ] || fail "$images/stager.tar is missing: copy it from the manager's dist/images"

# told TEMPLATE: prints what `docker info` says, formatted by the template.
told() { engine_docker info --format "$1"; }

say "Installing what is missing"
engine_install ca-certificates iproute2 iptables procps runc tini util-linux
say "Starting the Docker Engine (nothing to do when one answers)"
set --
for gpu in $gpus; do set -- "$@" --node-generic-resource "NVIDIA-GPU=$gpu"; done
engine_start "$@"
advertises=$(told '{{json .GenericResources}}')
for gpu in $gpus; do
  case $advertises in
  *"\"$gpu\""*) ;;
  *) fail "the engine that runs here does not advertise the GPU $gpu: start it with --node-generic-resource NVIDIA-GPU=$gpu" ;;
  esac
done

say "Loading the platform's images for workers"
for image in stager demo-job; do
  [ ! -r "$images/$image.tar" ] || engine_docker load --quiet --input "$images/$image.tar" >&2
done

# Whether this machine is in the Swarm of $manager. Compares addresses, so the manager's host name does not matter.
is_member() {
  managers=$(told '{{range .Swarm.RemoteManagers}} {{.Addr}}{{end}}')
  for address in $(getent ahosts "${manager%:*}" | awk '{ print $1 }' | sort -u); do
    case $managers in *" $address:"*) return 0 ;; esac
  done
  return 1
}

state=$(told '{{.Swarm.LocalNodeState}}')
if [ "$state" = inactive ]; then
  say "Joining the Swarm"
  if ! said=$(engine_docker swarm join --token "$token" ${advertised:+--advertise-addr "$advertised"} "$manager" 2>&1); then
    # The engine goes on trying in the background after a timeout; `swarm leave` ends that.
    engine_docker swarm leave --force >/dev/null 2>&1 || :
    fail "the Swarm was not joined: $said"
  fi
elif is_member; then
  say "This machine is in the Swarm already"
else
  fail "this engine is in a Swarm (state $state) whose manager is not $manager: leave it first (docker swarm leave)"
fi
[ -z "$(swapon --noheadings --show)" ] || say "Turn swap off here (swapoff -a, and /etc/fstab): jobs could use as much of it as they have memory"
class=cpu
[ -z "$gpus" ] || class=gpu
say "It takes jobs once it has a class. On the manager:  platform worker label $(told '{{.Name}}') $class"
