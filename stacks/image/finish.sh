#!/usr/bin/env bash
# Makes a Debian with the packages of the run image, in the directory given, into that image: trims it, adds the user.
set -euo pipefail

ROOT=${1:?usage: finish.sh DIRECTORY}
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=stack.conf
source "$HERE/stack.conf"

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

# The worker plans builds by the label.
check_python() {
  local found
  found=$(chroot "$ROOT" python3 -c 'import platform; print(platform.python_version())')
  [ "$found" = "$PYTHON" ] || { echo "PYTHON of stack.conf is $PYTHON, but the packages have Python $found." >&2 && return 1; }
}

check_python
"$HERE/trim.sh" "$ROOT"
make_places
