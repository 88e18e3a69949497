#!/usr/bin/env bash
# Sourced by what makes images with debootstrap: the builder, which imports a root file system, and the script that makes that.

say() { printf '       %s\n' "$*"; }

fail() {
  printf ' !     %s\n' "$*" >&2
  exit 1
}

# needs ADVICE PROGRAM...: what to do where one of the programs is missing, or this is not root.
needs() {
  local advice=$1 program
  shift
  [ "$(id -u)" = 0 ] || fail "debootstrap needs root: run this as root, or $advice."
  for program in "$@"; do
    command -v "$program" >/dev/null || fail "$program is not installed: install it, or $advice."
  done
}

# make_root NAME SCRIPT: SCRIPT makes the root file system in an empty directory, which is ROOT from then on.
make_root() {
  umask 022
  BOOTSTRAP=
  CONTAINER=
  TEMPORARY=$(mktemp -d "${TMPDIR:-/tmp}/slipway-$1.XXXXXX")
  trap cleanup EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  ROOT=$TEMPORARY/root
  mkdir "$ROOT"
  change_root "$2"
}

# change_root SCRIPT: in a session of its own, waited for, so that a signal is acted upon at once and ends all of it.
change_root() {
  setsid "$1" "$ROOT" &
  BOOTSTRAP=$!
  wait "$BOOTSTRAP"
  BOOTSTRAP=
}

# Ends what still writes below the temporary directory, all of it: debootstrap has a tree of children.
end_bootstrap() {
  local tries
  [ -n "$BOOTSTRAP" ] || return 0
  kill -TERM -- "-$BOOTSTRAP" 2>/dev/null || return 0
  for ((tries = 0; tries < 50; tries++)); do
    kill -0 -- "-$BOOTSTRAP" 2>/dev/null || return 0
    sleep 0.1
  done
  kill -KILL -- "-$BOOTSTRAP" 2>/dev/null || return 0
}

# A chroot that died half-way still holds mounts: without this rm would reach into /proc and /dev.
cleanup() {
  local mount
  end_bootstrap
  [ -z "$CONTAINER" ] || docker rm --force "$CONTAINER" >/dev/null
  while read -r mount; do umount -l "$mount"; done \
    < <(awk -v root="$TEMPORARY/" 'index($2, root) == 1 { print $2 }' /proc/mounts | sort -r)
  rm -rf --one-file-system "$TEMPORARY"
}

# root_tar ARGUMENT...: of the root, with sorted names and one time for all, so that the same packages give the same layer.
root_tar() {
  tar -C "$ROOT" --one-file-system --sort=name --mtime='2024-01-01 00:00:00Z' --numeric-owner -cf - \
    --exclude='./proc/*' --exclude='./sys/*' --exclude='./dev/*' --exclude='./run/*' "$@"
}

# import_root TAG [--change CHANGE]...
import_root() {
  local tag=$1 image
  shift
  echo '-----> Importing it into the engine'
  image=$(root_tar . | docker import "$@" - "$tag")
  say "$image, $SECONDS s"
}

# Lists the paths of the root.
root_paths() { (cd "$ROOT" && find . -xdev | LC_ALL=C sort); }

# extend_image TAG NEW_TAG SCRIPT: the image TAG was imported from the root. NEW_TAG is the same image and one more layer: what
# SCRIPT adds to the root or changes in it. It may remove nothing, because a tar cannot say so.
extend_image() {
  local tag=$1 new_tag=$2 before=$TEMPORARY/before changes=$TEMPORARY/changes removed image
  root_paths >"$before"
  change_root "$3"
  removed=$(root_paths | LC_ALL=C comm -23 "$before" -)
  [ -z "$removed" ] || fail "$3 removed files of $tag, which a layer above it cannot do: $removed"
  # the kernel keeps the time of each change of a file, which no program can set
  (cd "$ROOT" && find . -xdev -mindepth 1 -cnewer "$before" -print0) >"$changes"
  echo '-----> Adding a layer to it in the engine'
  CONTAINER=$(docker create "$tag")
  root_tar --no-recursion --null --files-from="$changes" | docker cp - "$CONTAINER:/"
  image=$(docker commit "$CONTAINER" "$new_tag")
  docker rm "$CONTAINER" >/dev/null
  CONTAINER=
  say "$image, $SECONDS s"
}

# apt_repository FILTER...: the repository of Debian's that this machine's own apt uses and the filters fit, or nothing.
apt_repository() {
  command -v apt-get >/dev/null || return 0
  apt-get indextargets --format '$(REPO_URI)' \
    'Created-By: Packages' 'Origin: Debian' 'Component: main' "$@" 2>/dev/null | head -n 1
}

# debootstrap and apt inside the root reach the mirror the way this machine's apt does.
use_apt_proxy() {
  [ -z "${http_proxy:-}" ] && command -v apt-config >/dev/null || return 0
  local proxy=
  eval "$(apt-config shell proxy Acquire::http::Proxy)"
  case $proxy in '' | DIRECT) ;; *) export http_proxy=$proxy ;; esac
}

# bootstrap ROOT SUITE PACKAGES [MIRROR]: with the packages, a list with commas, from the mirror or debootstrap's own.
bootstrap() {
  local arguments=(--variant=minbase "--include=$3" "$2" "$1")
  [ -z "${4:-}" ] || arguments+=("$4")
  say "debootstrap $2 from ${4:-its default mirror}"
  debootstrap "${arguments[@]}" 2>&1 | awk '
    /^I: (Retrieving|Validating|Extracting|Unpacking|Configuring)/ { if (++n % 60 == 0) { printf "       %s steps\n", n; fflush() } next }
    { print "       " $0; fflush() }'
}
