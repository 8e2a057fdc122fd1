#!/bin/bash
# Runs a container engine whose traces stay inside the given directories. To be started in mount and pid namespaces of its own: what it
# mounts is seen by nobody else, and its end is the end of every container.
#
# usage: unshare --mount --pid --fork --kill-child run-dockerd.sh RUN DATA BRIDGE CGROUP
#   RUN     directory for socket, state and log     DATA    directory for images, kept between runs
#   BRIDGE  existing network bridge for containers  CGROUP  parent of the containers' control groups
set -euo pipefail
run=$1 data=$2 bridge=$3 cgroup=$4

mount --make-rprivate /
mount -t proc proc /proc
# Fixed places of engine and containerd: in memory, for these processes only. The caller made the mount points.
for directory in /run/containerd /run/docker /opt/containerd /etc/docker; do mount -t tmpfs tmpfs "$directory"; done

# The user-land proxy carries published ports; no packet filter rule and no kernel setting of the machine is touched.
exec dockerd \
  --host "unix://$run/docker.sock" --data-root "$data" --exec-root "$run/exec" --pidfile "$run/dockerd.pid" \
  --bridge "$bridge" --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false --userland-proxy=true --ip 127.0.0.1 \
  --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "$cgroup" --shutdown-timeout 2 --log-level warn
