#!/usr/bin/env bash
# Removes what no app needs from a Debian in the directory given, after packages were installed.
set -euo pipefail

ROOT=${1:?usage: trim.sh DIRECTORY}

chroot "$ROOT" apt-get clean
rm -rf "$ROOT"/var/lib/apt/lists/* "$ROOT"/var/cache/{apt,debconf,ldconfig}/* "$ROOT"/var/log/* "$ROOT"/tmp/* \
  "$ROOT"/usr/share/{man,info,lintian,locale,bash-completion}/* "$ROOT"/var/www
find "$ROOT/usr/share/doc" -depth -type f ! -name copyright -delete
find "$ROOT/usr/share/doc" -depth -type d -empty -delete
find "$ROOT/var/lib/dpkg" -name '*-old' -delete
find "$ROOT" -xdev -name __pycache__ -type d -prune -exec rm -rf {} +
# nothing in a build or a release has a reason to change its user
find "$ROOT" -xdev -type f -perm /6000 -exec chmod ug-s {} +
