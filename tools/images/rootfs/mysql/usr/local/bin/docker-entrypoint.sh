#!/bin/bash
# The part of the official image's entrypoint that people rely on: MYSQL_ROOT_PASSWORD, MYSQL_ROOT_HOST, MYSQL_ALLOW_EMPTY_PASSWORD,
# MYSQL_RANDOM_ROOT_PASSWORD, MYSQL_DATABASE, MYSQL_USER, MYSQL_PASSWORD, each also as ..._FILE, and /docker-entrypoint-initdb.d.
set -euo pipefail
data=/var/lib/mysql
socket=/var/run/mysqld/mysqld.sock

from_file() {
  local file_variable="$1_FILE"
  if [ -n "${!file_variable:-}" ]; then
    [ -z "${!1:-}" ] || { echo "both $1 and $file_variable are set" >&2; exit 1; }
    export "$1=$(< "${!file_variable}")"
  fi
}
quoted() { printf "'%s'" "$(printf '%s' "$1" | sed -e 's/\\/\\\\/g' -e "s/'/\\\\'/g")"; }

initialise() {
  for variable in MYSQL_ROOT_PASSWORD MYSQL_DATABASE MYSQL_USER MYSQL_PASSWORD; do from_file "$variable"; done
  if [ -n "${MYSQL_RANDOM_ROOT_PASSWORD:-}" ]; then
    MYSQL_ROOT_PASSWORD=$(head -c 24 /dev/urandom | base64 | tr '+/' '-_')
    echo "GENERATED ROOT PASSWORD: $MYSQL_ROOT_PASSWORD"
  fi
  if [ -z "${MYSQL_ROOT_PASSWORD:-}${MYSQL_ALLOW_EMPTY_PASSWORD:-}" ]; then
    echo 'set one of MYSQL_ROOT_PASSWORD, MYSQL_ALLOW_EMPTY_PASSWORD, MYSQL_RANDOM_ROOT_PASSWORD' >&2
    exit 1
  fi
  mysqld --user=mysql --datadir="$data" --initialize-insecure
  "$@" --skip-networking --socket="$socket" --skip-log-bin &
  local pid=$! client=(mysql --protocol=socket --socket="$socket" --user=root)
  for _ in $(seq 600); do
    "${client[@]}" -e 'SELECT 1' > /dev/null 2>&1 && break
    kill -0 "$pid" || exit 1
    sleep 0.05
  done
  {
    echo "ALTER USER 'root'@'localhost' IDENTIFIED BY $(quoted "${MYSQL_ROOT_PASSWORD:-}");"
    if [ "${MYSQL_ROOT_HOST:-%}" != localhost ]; then
      echo "CREATE USER 'root'@$(quoted "${MYSQL_ROOT_HOST:-%}") IDENTIFIED BY $(quoted "${MYSQL_ROOT_PASSWORD:-}");"
      echo "GRANT ALL ON *.* TO 'root'@$(quoted "${MYSQL_ROOT_HOST:-%}") WITH GRANT OPTION;"
    fi
    [ -z "${MYSQL_DATABASE:-}" ] || echo "CREATE DATABASE IF NOT EXISTS \`$MYSQL_DATABASE\`;"
    if [ -n "${MYSQL_USER:-}" ] && [ -n "${MYSQL_PASSWORD:-}" ]; then
      echo "CREATE USER $(quoted "$MYSQL_USER")@'%' IDENTIFIED BY $(quoted "$MYSQL_PASSWORD");"
      [ -z "${MYSQL_DATABASE:-}" ] || echo "GRANT ALL ON \`${MYSQL_DATABASE//_/\\_}\`.* TO $(quoted "$MYSQL_USER")@'%';"
    fi
  } | "${client[@]}"
  export MYSQL_PWD=${MYSQL_ROOT_PASSWORD:-}
  for file in /docker-entrypoint-initdb.d/*; do
    case $file in
      *.sh) echo "running $file"; if [ -x "$file" ]; then "$file"; else . "$file"; fi ;;
      *.sql) echo "running $file"; "${client[@]}" ${MYSQL_DATABASE:+--database="$MYSQL_DATABASE"} < "$file" ;;
    esac
  done
  kill "$pid"
  wait "$pid"
  unset MYSQL_PWD
}

[ "${1:0:1}" != '-' ] || set -- mysqld "$@"
if [ "$1" = mysqld ]; then
  shift
  mkdir -p "$data" /var/run/mysqld /docker-entrypoint-initdb.d
  chown mysql:mysql "$data" /var/run/mysqld
  set -- mysqld --user=mysql --datadir="$data" --socket="$socket" --secure-file-priv=NULL --bind-address=0.0.0.0 --skip-name-resolve "$@"
  [ -d "$data/mysql" ] || initialise "$@"
fi
exec "$@"
