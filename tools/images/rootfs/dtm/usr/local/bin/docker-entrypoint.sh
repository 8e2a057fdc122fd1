#!/bin/sh
# As the official image: the program in its own directory, where boltdb keeps its file, with options passed on.
set -e
cd /app/dtm
if [ $# -eq 0 ] || [ "${1#-}" != "$1" ]; then
  set -- /app/dtm/dtm "$@"
fi
exec "$@"
