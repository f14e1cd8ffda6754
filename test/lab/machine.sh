#!/bin/sh
# The first process of a lab machine, already in namespaces of its own: gives it a name and its own /etc, /var/lib and
# /run, then waits. Whatever runs in the machine dies with this process, and its mounts, interfaces and rules with it.
set -eu
dir=$1 name=$2
read -r pid _ </proc/self/stat # still the host's /proc: the pid by which the host can end us
echo "$pid" >"$dir/init.pid.new"
mv "$dir/init.pid.new" "$dir/init.pid"
hostname "$name"
printf '127.0.0.1 localhost %s\n' "$name" >"$dir/etc/hosts"
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$dir/etc,workdir=$dir/etc.work" /etc
mount -t overlay overlay -o "lowerdir=/var/lib,upperdir=$dir/lib,workdir=$dir/lib.work" /var/lib
mount --bind "$dir/run" /run
mount -t proc proc /proc
mount --make-rshared /
ip link set lo up
: >"$dir/ready"
exec tini-static -- sleep infinity
