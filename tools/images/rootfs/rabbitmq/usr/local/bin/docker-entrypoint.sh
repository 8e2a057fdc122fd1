#!/bin/bash
# As the official image: the broker itself reads RABBITMQ_DEFAULT_USER, _PASS and _VHOST; it does not run as root.
set -euo pipefail
case ${1:-} in
  rabbitmq*)
    mkdir -p /var/lib/rabbitmq /var/log/rabbitmq
    # Before anybody else can: a command run as root in the container would make one that the broker cannot read.
    cookie=/var/lib/rabbitmq/.erlang.cookie
    [ -e "$cookie" ] || (umask 377 && head -c 32 /dev/urandom | base64 | tr -d '/+=\n' > "$cookie")
    chown -R rabbitmq:rabbitmq /var/lib/rabbitmq /var/log/rabbitmq /etc/rabbitmq
    exec setpriv --reuid rabbitmq --regid rabbitmq --clear-groups "$@"
    ;;
esac
exec "$@"
