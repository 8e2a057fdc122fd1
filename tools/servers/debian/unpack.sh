#!/bin/bash
# Unpacks packages of a Debian-like suite, and everything they depend on, into a directory. Nothing is installed and nothing outside
# DEST and WORK is written: apt gets an empty package database and its own lists, so that every dependency (libc included) comes along.
#
# usage: unpack.sh SUITE DEST WORK PACKAGE...
#   SUITE  a suite of the Debian mirror the system already uses, or "system" for the system's own sources
#   DEST   directory that receives the tree; it must not exist
#   WORK   scratch directory; the caller removes it
# Prints one line "name<TAB>version" for each unpacked package.
set -euo pipefail
suite=$1 dest=$2 work=$3
shift 3

mkdir -p "$work"/{lists,cache/archives}/partial "$dest"
: > "$work/status"
options=(
  -qq -y
  -o Dir::State::lists="$work/lists" -o Dir::State::status="$work/status" -o Dir::Cache="$work/cache"
  -o Acquire::Languages=none -o Acquire::Retries=2 -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20
  -o APT::Update::Error-Mode=any -o Debug::NoLocking=1 -o Dpkg::Use-Pty=0
)
[ "$(id -u)" != 0 ] || options+=(-o APT::Sandbox::User=root)

if [ "$suite" != system ]; then
  # The mirror in use is the one that surely answers; security and update archives do not carry other suites.
  uri=$(apt-get indextargets --format '$(REPO_URI)' | grep -E '/debian/?$' | head -n 1 || true)
  [ -n "$uri" ] || { echo "no Debian mirror among the system's apt sources" >&2; exit 3; }
  echo "deb $uri $suite main" > "$work/sources.list"
  options+=(-o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=- -o Acquire::Check-Valid-Until=false)
fi

apt-get "${options[@]}" update >&2
apt-get "${options[@]}" --no-install-recommends --download-only install "$@" >&2
for package in "$work"/cache/archives/*.deb; do
  dpkg-deb -x "$package" "$dest"
  dpkg-deb -W --showformat='${Package}\t${Version}\n' "$package"
  rm -f "$package"
done
# Newer suites are merged-usr: the links belong to base-files or usrmerge, which need not be among the packages.
for link in bin sbin lib lib64; do
  [ -e "$dest/$link" ] || [ ! -e "$dest/usr/$link" ] || ln -s "usr/$link" "$dest/$link"
done
