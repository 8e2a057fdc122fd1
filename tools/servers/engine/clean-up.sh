#!/bin/bash
# Removes what a private engine needed outside of its directories.
# usage: clean-up.sh BRIDGE CGROUP [DIRECTORY...]   DIRECTORY: mount points that did not exist before
bridge=$1 cgroup=$2
shift 2
ip link delete "$bridge" 2> /dev/null
find /sys/fs/cgroup -depth -type d -path "*/$cgroup*" -exec rmdir {} + 2> /dev/null
for directory in "$@"; do rmdir "$directory" 2> /dev/null; done
exit 0
