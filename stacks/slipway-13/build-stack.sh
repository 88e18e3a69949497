#!/usr/bin/env bash
# Builds the stack of Debian 13 as build-stack.sh does that of Debian 12: the same scripts, with the files of this folder.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../debootstrap.sh
source "$HERE/../debootstrap.sh"
FOLDER=$(mktemp -d "${TMPDIR:-/tmp}/slipway-stack-13.XXXXXX")
trap 'rm -rf "$FOLDER"' EXIT

# Debian's repositories that this machine uses have other suites as well.
DEBIAN_MIRROR=${DEBIAN_MIRROR:-$(apt_repository 'Label: Debian')}
DEBIAN_SECURITY_MIRROR=${DEBIAN_SECURITY_MIRROR:-$(apt_repository 'Label: Debian-Security')}
export DEBIAN_MIRROR DEBIAN_SECURITY_MIRROR
cp -r "$HERE/../image" "$HERE/../build-stack.sh" "$HERE/../debootstrap.sh" "$FOLDER"
cp "$HERE"/{stack.conf,run-packages.txt,build-packages.txt} "$FOLDER/image"
"$FOLDER/build-stack.sh" "$@"
