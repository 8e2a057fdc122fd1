#!/bin/sh
set -e
# As the official image: options, or a first word that is no program, are given to node.
if [ "${1#-}" != "$1" ] || [ -z "$(command -v "$1")" ]; then
  set -- node "$@"
fi
exec "$@"
