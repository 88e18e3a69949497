#!/usr/bin/env sh
# Fills in the secrets that a .env made from .env.example still lacks; what is there stays as it is.
set -eu

FILE=${1:-.env}
SOCKET=/var/run/docker.sock

fail() {
  printf ' !     %s\n' "$*" >&2
  exit 1
}

# random_hex BYTES
random_hex() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }

# fill NAME VALUE: only where the file says NAME= and nothing more
fill() {
  grep -q "^$1=$" "$FILE" || return 0
  sed -i "s|^$1=\$|$1=$2|" "$FILE"
  printf '%s made\n' "$1"
}

[ -f "$FILE" ] || fail "there is no $FILE: cp .env.example $FILE"
[ -S "$SOCKET" ] || fail "there is no $SOCKET: start the Docker Engine, which the workers build with."
# before anything secret is in it
chmod 600 "$FILE"

fill INSTALLATION_ID "$(random_hex 4)"
fill SIGNING_KEYS "$(random_hex 32)"
fill BOOTSTRAP_TOKEN "tk-us-$(random_hex 24)"
fill REDIS_PASSWORD "$(random_hex 24)"
fill MONGO_PASSWORD "$(random_hex 24)"
fill REGISTRY_SECRET "$(random_hex 24)"
fill DOCKER_GID "$(stat -c %g "$SOCKET")"
printf '%s is complete\n' "$FILE"
