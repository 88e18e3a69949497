#!/usr/bin/env bash
# Makes a Debian with the stack's packages, in the directory given, into the stack: leaves out what no app needs, adds the user.
set -euo pipefail

ROOT=${1:?usage: finish.sh DIRECTORY}
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=stack.conf
source "$HERE/stack.conf"

trim() {
  chroot "$ROOT" apt-get clean
  rm -rf "$ROOT"/var/lib/apt/lists/* "$ROOT"/var/cache/{apt,debconf,ldconfig}/* "$ROOT"/var/log/* "$ROOT"/tmp/* \
    "$ROOT"/usr/share/{man,info,lintian,locale,bash-completion}/* "$ROOT"/var/www
  find "$ROOT/usr/share/doc" -depth -type f ! -name copyright -delete
  find "$ROOT/usr/share/doc" -depth -type d -empty -delete
  find "$ROOT/var/lib/dpkg" -name '*-old' -delete
  find "$ROOT" -name __pycache__ -type d -prune -exec rm -rf {} +
  # nothing in a build or a release has a reason to change its user
  find "$ROOT" -xdev -type f -perm /6000 -exec chmod ug-s {} +
}

make_places() {
  printf '%s:x:%d:%d::/app:/bin/bash\n' "$STACK_USER" "$STACK_UID" "$STACK_UID" >>"$ROOT/etc/passwd"
  printf '%s:x:%d:\n' "$STACK_USER" "$STACK_UID" >>"$ROOT/etc/group"
  printf '%s:*:19000:0:99999:7:::\n' "$STACK_USER" >>"$ROOT/etc/shadow"
  # the day of the bootstrap would make each image differ
  sed -i -E 's/^([^:]*:[^:]*):[0-9]+:/\1:19000:/' "$ROOT/etc/shadow"
  mkdir -p "$ROOT/app" "$ROOT/work"
  chown "$STACK_UID:$STACK_UID" "$ROOT/app" "$ROOT/work"
  ln -s /work/build "$ROOT/build"
}

trim
make_places
