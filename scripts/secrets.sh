#!/usr/bin/env sh
# Fills in the secrets that a .env made from .env.example still lacks; what is there stays as it is.
set -eu

NAMES='INSTALLATION_ID SIGNING_KEYS BOOTSTRAP_TOKEN REDIS_PASSWORD MONGO_PASSWORD REGISTRY_SECRET DOCKER_GID'
SOCKET=/var/run/docker.sock

fail() {
  printf ' !     %s\n' "$*" >&2
  exit 1
}

usage() {
  cat <<END
Usage: scripts/secrets.sh [FILE]

Makes the secrets that FILE (.env) lacks, empty or without a line, and its DOCKER_GID; what is there stays as it is.
They are: $NAMES
END
}

# random_hex BYTES
random_hex() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }

# lacks NAME: also when the value is nothing but blanks or quotes
lacks() { ! grep -q "^$1=.*[^[:space:]\"']" "$FILE"; }

# make NAME: its value on standard output
make() {
  case $1 in
    INSTALLATION_ID) random_hex 4 ;;
    SIGNING_KEYS) random_hex 32 ;;
    BOOTSTRAP_TOKEN) printf 'tk-us-%s' "$(random_hex 24)" ;;
    DOCKER_GID) stat -c %g "$SOCKET" ;;
    *) random_hex 24 ;;
  esac
}

# fill NAME: in the place of its empty line, or as a new one
fill() {
  lacks "$1" || return 0
  value=$(make "$1")
  if grep -q "^$1=" "$FILE"; then
    sed -i "s|^$1=.*\$|$1=$value|" "$FILE"
  else
    # the last line may lack its end
    [ -z "$(tail -c 1 "$FILE")" ] || echo >>"$FILE"
    printf '%s=%s\n' "$1" "$value" >>"$FILE"
  fi
  printf '%s made\n' "$1"
}

case ${1:-} in
  -h | --help) usage && exit 0 ;;
  -*) fail "there is no option $1: see scripts/secrets.sh --help" ;;
esac
[ $# -le 1 ] || fail 'one file at most: see scripts/secrets.sh --help'
FILE=${1:-.env}
[ -f "$FILE" ] || fail "there is no $FILE: cp .env.example $FILE"
[ -S "$SOCKET" ] || fail "there is no $SOCKET: start the Docker Engine, which the workers build with."
# before anything secret is in it
chmod 600 "$FILE"

for name in $NAMES; do fill "$name"; done
for name in $NAMES; do
  ! lacks "$name" || fail "$FILE still lacks $name: write it in yourself"
done
printf '%s is complete\n' "$FILE"
