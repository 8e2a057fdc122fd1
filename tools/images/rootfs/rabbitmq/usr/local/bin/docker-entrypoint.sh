#!/bin/bash
# As the official image: the broker itself reads RABBITMQ_DEFAULT_USER, _PASS and _VHOST; it does not run as root.
set -euo pipefail
case ${1:-} in
  rabbitmq*)
    mkdir -p /var/lib/rabbitmq /var/log/rabbitmq
    chown -R rabbitmq:rabbitmq /var/lib/rabbitmq /var/log/rabbitmq /etc/rabbitmq
    exec setpriv --reuid rabbitmq --regid rabbitmq --clear-groups "$@"
    ;;
esac
exec "$@"
