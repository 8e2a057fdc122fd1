#!/bin/sh
# As the official image: options or a configuration file alone are given to redis-server, which does not run as root.
set -e
if [ "${1#-}" != "$1" ] || [ "${1%.conf}" != "$1" ]; then
  set -- redis-server "$@"
fi
if [ "$1" = redis-server ]; then
  # No password and not only loopback: what the official image does too; the network around the container is the boundary.
  set -- "$@" --protected-mode no
  chown redis:redis .
  exec setpriv --reuid redis --regid redis --clear-groups "$@"
fi
exec "$@"
